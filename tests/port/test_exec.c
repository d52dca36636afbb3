/* One suite for all executors. */
#include "port/agent_kit.h"
#include "port/docker_kit.h"
#include "port/exec_kit.h"
#include "port/oci_kit.h"

struct kind {
	const char *name;
	bool fake;
	const char *how; /* of containers; NULL: the machine's /usr */
	bool agent;
};
static const struct kind kinds[] = {{.name = "fake", .fake = true},
				    {.name = "sandbox"},
				    {.name = "agent", .agent = true},
				    {.name = "container in bwrap", .how = "bwrap"},
				    {.name = "container in runc", .how = "runc"},
				    {.name = "container in crun", .how = "crun"},
				    {.name = "container in podman", .how = "podman"},
				    {.name = "container in docker", .how = "docker"}};
static struct layout layout;
static char container[100]; /* "oci:..."; empty: none */
static struct image *images;

/* A job of this kind. */
static void fresh(struct rig *r, const char *run)
{
	spec_new(r, run);
	r->spec.def.container = *container ? container : NULL;
}

static int open_kind(void **state)
{
	const struct kind *k = *state;
	struct rig *r = xcalloc(1, sizeof(*r));

	rig_open(r, k->fake || k->agent);
	if (k->agent) { /* one hub for all of them */
		exec_free(r->x);
		blobs_free(r->blobs);
		r->x = agent_bed.hub;
		r->blobs = agent_bed.blobs;
	}
	*container = '\0';
	if (k->how) {
		struct err why = {0};
		snprintf(container, sizeof(container), "oci:%s", layout.dir);
		images = image_disk_new(r->dir, NULL, &why);
		if (!images)
			fail_msg("%s", why.msg);
		OK(exec_sandbox_containers(r->x, images, k->how, &err));
	}
	*state = r;
	return 0;
}

static int close_kind(void **state)
{
	struct rig *r = *state;

	if (r->x == agent_bed.hub) {
		r->x = NULL;
		r->blobs = NULL;
	}
	rig_close(r);
	image_free(images);
	images = NULL;
	xfree(r);
	return 0;
}

static void success(void **state)
{
	struct rig *r = *state;

	fresh(r, "echo hello $WHO");
	struct pair who = {lit("WHO"), lit("world")};
	vec_push(&r->spec.env, who);
	job_run(r);
	CHECK_END(r, FAILURE_NONE, 0, "success");
	CHECK_STR(strbuf_cstr(&r->log), "hello world\n", "log");
	CHECK(r->end.attempt == 1 && streq(r->end.job, r->spec.job), "which");
	CHECK(r->end.started_at && r->end.ended_at >= r->end.started_at, "times");
	AUTO(strbuf_done) struct strbuf kept = STRBUF(1000);
	kept_log(r, &kept);
	CHECK_STR(strbuf_cstr(&kept), "hello world\n", "the kept log");
	CHECK(!r->end.outputs && !r->end.error, "nothing else");
}

static void exit_codes(void **state)
{
	struct rig *r = *state;

	fresh(r, "echo before\nexit 3");
	job_run(r);
	CHECK_END(r, FAILURE_EXIT, 3, "exit 3");
	CHECK_STR(r->end.error, "exit 3", "error");
	fresh(r, "false\necho never");
	job_run(r);
	CHECK_END(r, FAILURE_EXIT, 1, "sh -e");
	CHECK_NO_LOG(r, "never");
}

static void timeout_and_finally(void **state)
{
	struct rig *r = *state;

	for (usec_t most = 1500 * USEC_MS; most < PATIENCE; most *= 4) {
		fresh(r, "echo begun\nsleep 300\necho never");
		r->spec.def.timeout = most;
		vec_push(&r->spec.def.finally, lit("echo at last"));
		job_run(r);
		CHECK_END(r, FAILURE_TIMEOUT, -1, "timeout");
		CHECK(r->took < most + PATIENCE, "in time");
		if (strstr(strbuf_cstr(&r->log), "begun\n"))
			break; /* or it had no time to begin */
	}
	CHECK_LOG(r, "begun\n");
	CHECK_LOG(r, "at last\n");
	CHECK_NO_LOG(r, "never");
	CHECK(r->end.error, "says why");
	fresh(r, "exit 4");
	vec_push(&r->spec.def.finally, lit("echo one"));
	vec_push(&r->spec.def.finally, lit("echo two"));
	job_run(r);
	CHECK_END(r, FAILURE_EXIT, 4, "finally does not change the result");
	CHECK_LOG(r, "one\n");
	CHECK_LOG(r, "two\n");
}

static void cancel(void **state)
{
	struct rig *r = *state;
	bool ended = false;

	fresh(r, "echo begun\nsleep 300");
	vec_push(&r->spec.def.finally, lit("echo at last"));
	job_start(r);
	while (!r->log.n)
		OK(exec_log(r->x, r->spec.job, 0, 100, &r->log, &ended, &err));
	CHECK(!ended, "runs");
	CHECK(job_look(r).running, "runs");
	OK(exec_cancel(r->x, r->spec.job, &err));
	OK(exec_cancel(r->x, r->spec.job, &err));
	usec_t begin = clock_mono();
	job_wait(r);
	CHECK(clock_mono() - begin < PATIENCE, "at once");
	job_end(r);
	CHECK_END(r, FAILURE_CANCELLED, -1, "cancel");
	CHECK_LOG(r, "at last\n");
	OK(exec_cancel(r->x, "run-1/ci/nobody/test", &err));
}

static void start_twice(void **state)
{
	struct rig *r = *state;

	fresh(r, "echo $ATTEMPT");
	struct pair p = {lit("ATTEMPT"), lit("first")};
	vec_push(&r->spec.env, p);
	job_start(r);
	r->spec.env.v[0].value = lit("again");
	job_start(r);
	job_wait(r);
	job_start(r); /* the same attempt, ended: nothing */
	job_fetch_log(r);
	CHECK_STR(strbuf_cstr(&r->log), "first\n", "started once");
	r->spec.attempt = 2;
	r->spec.env.v[0].value = lit("second");
	job_start(r);
	job_wait(r);
	CHECK(job_look(r).attempt == 2, "attempt");
	OK(exec_collect(r->x, r->spec.job, &r->in, &r->end, &err));
	exec_end_done(&r->end);
	job_end(r);
	CHECK(r->end.attempt == 2, "attempt");
	CHECK_STR(strbuf_cstr(&r->log), "second\n", "the older attempt is gone");
}

static void unknown(void **state)
{
	struct rig *r = *state;
	struct err why = {0};
	bool ended;

	fresh(r, "true");
	CHECK(exec_collect(r->x, "run-9/ci/a/b", &r->in, &r->end, &why) == RC_NOT_FOUND, "collect");
	CHECK(exec_log(r->x, "run-9/ci/a/b", 0, 10, &r->log, &ended, &why) == RC_NOT_FOUND, "log");
	CHECK(exec_forget(r->x, "run-9/ci/a/b", &why) == RC_OK, "forget");
	fresh(r, "sleep 5");
	job_start(r);
	CHECK(exec_collect(r->x, r->spec.job, &r->in, &r->end, &why) == RC_CONFLICT, "not ended");
	OK(exec_cancel(r->x, r->spec.job, &why));
	job_wait(r);
	job_end(r);
}

static void outputs(void **state)
{
	struct rig *r = *state;
	AUTO(manifest_done) struct manifest m = {0};

	fresh(r, "mkdir -p out\necho made > out/a.txt\necho more > out/b.txt");
	vec_push(&r->spec.def.outputs, lit("out/**"));
	job_run(r);
	CHECK_END(r, FAILURE_NONE, 0, "outputs");
	OK(manifest_list(r->blobs, r->end.outputs, &m, &err));
	CHECK(m.entries.n == 2, "two files");
	CHECK_STR(m.entries.v[0].path, "out/a.txt", "path");
	fresh(r, "true");
	vec_push(&r->spec.def.outputs, lit("out/**"));
	job_run(r);
	CHECK_END(r, FAILURE_OUTPUT, 0, "missing");
	CHECK(strstr(r->end.error, "out/**"), "says which");
	CHECK(!r->end.outputs, "none");
}

static void secrets(void **state)
{
	struct rig *r = *state;
	struct err err = {0};

	fresh(r, "echo the token is $TOKEN.");
	struct pair p = {lit("TOKEN"), lit("file:TOKEN")};
	vec_push(&r->spec.def.secrets, p);
	job_run(r);
	CHECK_END(r, FAILURE_NONE, 0, "secrets");
	CHECK_STR(strbuf_cstr(&r->log), "the token is ***.\n", "masked");
	r->spec.def.secrets.v[0].value = lit("file:NONE");
	CHECK(exec_start(r->x, &r->spec, &r->in, &err) == RC_NOT_FOUND, "no such secret");
	CHECK(!job_look(r).known, "not started");
}

/* Can jobs of this kind run here? Says why not. */
static bool possible(const struct kind *k)
{
	char dir[] = "/tmp/penstock-exec-XXXXXX";
	struct err err = {0};

	if (k->fake)
		return true;
	if (access("/usr/bin/bwrap", X_OK) != 0)
		err_set(&err, RC_UNSUPPORTED, "bubblewrap is not installed");
	else if (k->how && !layout_possible())
		err_set(&err, RC_UNSUPPORTED, "busybox-static is not installed");
	else if (k->agent && !bed_open())
		err_set(&err, RC_UNSUPPORTED, "there is no %s", agent_program());
	else if (k->how && streq(k->how, "docker"))
		(void)!docker_bed_open(&err);
	if (err.rc == RC_OK && k->how) {
		assert_non_null(mkdtemp(dir));
		struct exec *x = exec_sandbox_new(dir, shim_path(), &err);
		struct image *i = image_disk_new(dir, NULL, &err);
		if (x && i && exec_sandbox_containers(x, i, k->how, &err) != RC_OK)
			BUG_ON(err.rc == RC_OK);
		exec_free(x);
		image_free(i);
		(void)!tree_remove(dir, NULL);
	}
	if (err.rc != RC_OK)
		printf("skipped: %s (%s)\n", k->name, err.msg);
	return err.rc == RC_OK;
}

int main(void)
{
	const char *only = getenv("TEST_RUNTIME"); /* by hand: one of the containers' */
	static const struct {
		const char *name;
		CMUnitTestFunction run;
	} tests[] = {
		{"success", success},
		{"exit codes", exit_codes},
		{"timeout, finally", timeout_and_finally},
		{"cancel", cancel},
		{"start twice", start_twice},
		{"unknown jobs", unknown},
		{"outputs", outputs},
		{"secrets", secrets},
	};
	struct CMUnitTest all[ARRAY_LEN(tests) * ARRAY_LEN(kinds)];
	size_t n = 0;

	if (layout_possible())
		layout_make(&layout);
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		if (only && (!kinds[k].how || !streq(kinds[k].how, only)))
			continue;
		if (!possible(&kinds[k]))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(tests); i++)
			all[n++] = (struct CMUnitTest){
				xasprintf("%s: %s", kinds[k].name, tests[i].name), tests[i].run,
				open_kind, close_kind, (void *)(uintptr_t)&kinds[k]};
	}
	int failed = _cmocka_run_group_tests("exec", all, n, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		xfree((char *)(uintptr_t)all[i].name);
	bed_close();
	docker_bed_close();
	if (*layout.dir)
		layout_drop(&layout);
	return failed;
}
