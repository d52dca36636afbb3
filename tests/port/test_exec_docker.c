/* What is docker's own: what its daemon is told and what not, who ends what, and what is said when there is none. Conformance is test_exec's and
 * test_exec_container's. */
#include "port/docker_kit.h"
#include "port/exec_kit.h"
#include "port/oci_kit.h"

#include <signal.h>
#include <sys/stat.h>

static struct layout image;
static char image_ref[100];
static struct image *images;

static int open_rig(void **state)
{
	struct rig *r = xcalloc(1, sizeof(*r));
	struct err why = {0};

	rig_open(r, false);
	images = image_disk_new(r->dir, NULL, &why);
	if (!images || exec_sandbox_containers(r->x, images, "docker", &why) != RC_OK)
		fail_msg("%s", why.msg);
	*state = r;
	return 0;
}

static int close_rig(void **state)
{
	struct rig *r = *state;

	rig_close(r);
	image_free(images);
	xfree(r);
	return 0;
}

static void fresh(struct rig *r, const char *run)
{
	strbuf_clear(&r->log);
	spec_new(r, run);
	r->spec.def.container = image_ref;
	r->spec.def.name = lit("test");
	r->spec.trusted = true;
}

static void wait_for_log(struct rig *r, const char *part)
{
	bool ended = false;

	while (!ended && !strstr(strbuf_cstr(&r->log), part))
		OK(exec_log(r->x, r->spec.job, r->log.n, 10000, &r->log, &ended, &err));
	CHECK_LOG(r, part);
}

static bool none_is(const char *list)
{
	AUTO(freep) char *said = docker_said(list);

	return !*said;
}

/* Limits, a label: yes. What runs, with what: no, neither there nor on its disk. */
static void told(void **state)
{
	struct rig *r = *state;
	struct pair p = {lit("TOKEN"), lit("file:TOKEN")};

	fresh(r, "echo begun; while test ! -e /go; do sleep 0.1; done; echo $TOKEN");
	vec_push(&r->spec.def.secrets, p);
	r->spec.def.memory = 64 << 20;
	job_start(r);
	wait_for_log(r, "begun");
	AUTO(freep) char *said = docker_said("inspect $(docker ps -q)");
	AUTO(freep) char *label = xasprintf("\"org.penstock.data\": \"%s\"", r->dir);
	AUTO(freep) char *find = xasprintf("grep -rqs hunter2 %s", docker_bed.dir);
	CHECK(strstr(said, label), said);
	CHECK(strstr(said, "\"Memory\": 67108864"), said);
	CHECK(strstr(said, "\"PidsLimit\": 513"), said);
	CHECK(strstr(said, "\"NetworkMode\": \"none\""), said);
	CHECK(!strstr(said, "hunter2") && !strstr(said, "begun") && !strstr(said, "FROM_IMAGE"),
	      said);
	CHECK(system(find) != 0, "no secret on docker's disk");
	OK(exec_cancel(r->x, r->spec.job, &err));
	job_wait(r);
	job_end(r);
	CHECK_END(r, FAILURE_CANCELLED, -1, "cancelled");
	WAIT_UNTIL(none_is("ps -aq"));
	CHECK(none_is("ps -aq"), "nothing is left");
}

/* What the first process needed to mount is not the job's; what docker showed it is out of sight. */
static void rights(void **state)
{
	struct rig *r = *state;

	fresh(r,
	      "grep -E 'Cap(Prm|Eff|Bnd)|NoNewPrivs|Seccomp:' /proc/self/status | tr '\\t' ' '\n"
	      "cat /proc/1/environ /proc/1/fd/3 2>/dev/null || echo closed\n"
	      "grep -cE '^[^ ]+ [^ ]+ [^ ]+ [^ ]+ /(ask|init|sys) ' /proc/self/mountinfo || true; ls -d /ask /init 2>/dev/null || true\n"
	      "/bin/busybox mount -t tmpfs none /tmp 2>/dev/null || echo no mount\n"
	      "kill -TERM 1; sleep 0.2; echo still here");
	job_run(r);
	CHECK_END(r, FAILURE_NONE, 0, "rights");
	CHECK_STR(strbuf_cstr(&r->log),
		  "CapPrm: 00000000000405fb\nCapEff: 00000000000405fb\nCapBnd: 00000000000405fb\n"
		  "NoNewPrivs: 1\nSeccomp: 2\nclosed\n0\nno mount\nstill here\n",
		  "what it may");
}

/* Not docker's: the machine's when the job has it, else one with nothing but the loopback. */
static void network(void **state)
{
	struct rig *r = *state;
	char ours[100] = "";

	for (int with = 0; with < 2; with++) {
		CHECK(readlink("/proc/self/ns/net", ours, sizeof(ours) - 2) > 0, "our network");
		fresh(r, "busybox readlink /proc/self/ns/net; cat /proc/net/dev");
		r->spec.def.network = with;
		job_run(r);
		CHECK_END(r, FAILURE_NONE, 0, "network");
		strcat(ours, "\n");
		CHECK(str_starts(strbuf_str(&r->log), ours) == (with == 1), strbuf_cstr(&r->log));
		CHECK_LOG(r, " lo:");
		memset(ours, 0, sizeof(ours));
	}
}

/* The empty image may go at any time: `docker system prune`. */
static void image_is_gone(void **state)
{
	struct rig *r = *state;

	for (int i = 0; i < 2; i++) {
		AUTO(freep) char *said = docker_said("image rm -f penstock-empty:1");
		fresh(r, "echo hello");
		job_run(r);
		CHECK_END(r, FAILURE_NONE, 0, said);
		CHECK_STR(strbuf_cstr(&r->log), "hello\n", "and nothing is said of it");
	}
}

static void ended_from_outside(void **state)
{
	struct rig *r = *state;

	fresh(r, "echo begun; sleep 300");
	job_start(r);
	wait_for_log(r, "begun");
	AUTO(freep) char *said = docker_said("kill $(docker ps -q)");
	job_wait(r);
	job_end(r);
	CHECK_END(r, FAILURE_INFRA, -1, said);
	CHECK_LOG(r, "the container ended before its program did");
}

static bool shim_dies(struct rig *r, usec_t after)
{
	AUTO(freep) char *path = xasprintf("%s/jobs/run-1+ci+orders+test/lock", r->dir);
	AUTO(strbuf_done) struct strbuf text = STRBUF(100);
	uint32_t pid = 0;

	clock_sleep(after);
	while (!parse_u32(str_trim(strbuf_str(&text)), &pid)) {
		strbuf_clear(&text);
		OK(file_read(path, 99, &text, &err));
	}
	return kill((pid_t)pid, SIGKILL) == 0;
}

/* Whenever it dies, before the container is made, while it is, after: none goes on without it. */
static void shim_is_killed(void **state)
{
	struct rig *r = *state;

	for (usec_t after = 0; after < 1000 * USEC_MS; after += 150 * USEC_MS) {
		fresh(r, "echo begun; sleep 300");
		job_start(r);
		CHECK(shim_dies(r, after), "killed");
		job_wait(r);
		job_end(r);
		CHECK_END(r, FAILURE_INFRA, -1, "lost");
		clock_sleep(300 * USEC_MS); /* for what docker was about to begin */
		WAIT_UNTIL(none_is("ps -q"));
		CHECK(none_is("ps -q"), "the container is gone");
	}
}

/* ---- what is said when docker cannot be had: a program called docker that says so ---- */

static void fake(const char *dir, const char *version, const char *info)
{
	AUTO(freep) char *path = xasprintf("%s/docker", dir);
	AUTO(freep)
	char *text = xasprintf("#!/bin/sh\ncase $1 in\nversion) %s ;;\ninfo) %s ;;\n"
			       "*) echo \"$@\" >%s/asked ;;\nesac\n",
			       version, info, dir);

	OK(file_write_fast(path, str_of(text), 0755, &err));
}

static void refused(void **state)
{
	static const struct {
		const char *host, *version, *info;
		enum rc rc;
		const char *text;
	} cases[] = {
		{"tcp://10.1.2.3:2376", "echo", "echo", RC_UNSUPPORTED, "must be on this machine"},
		{"unix:///x", "echo Cannot connect to the Docker daemon >&2; exit 1", "echo",
		 RC_UNAVAILABLE, "systemctl start docker"},
		{"unix:///x", "echo dial unix /x: connect: permission denied >&2; exit 1", "echo",
		 RC_DENIED, "no permission at unix:///x"},
		{"unix:///x", "echo 1.40 linux 19.03.15", "echo", RC_UNSUPPORTED, "20.10"},
		{"unix:///x", "echo 0.99 linux 1", "echo", RC_UNSUPPORTED, "20.10"},
		{"unix:///x", "echo 1.47 windows 27", "echo", RC_UNSUPPORTED, "no Linux"},
		{"unix:///x", "echo hello", "echo", RC_UNSUPPORTED, "an unknown answer"},
		{"unix:///x", "echo", "echo", RC_UNSUPPORTED, "an unknown answer"},
		{"unix:///x", "head -c 100000 /dev/zero", "echo", RC_TOO_BIG, "docker"},
		{"unix:///x", "echo 1.41 linux 20.10", "echo '[name=seccomp name=rootless]'",
		 RC_UNSUPPORTED, "rootless"},
		{"unix:///x", "echo 1.41 linux 20.10.24+dfsg1", "echo '[name=seccomp]'", RC_OK, ""},
		{"", "echo 2.0 linux 40", "exit 1", RC_OK, ""},
	};
	struct rig r;

	(void)state;
	rig_open(&r, false);
	AUTO(freep) char *docker = xasprintf("%s/docker", r.dir);
	AUTO(freep) char *asked = xasprintf("%s/asked", r.dir);
	AUTO(freep) char *label = xasprintf("--filter label=org.penstock.data=%s ", r.dir);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(strbuf_done) struct strbuf said = STRBUF(4096);
		struct err why = {0};
		fake(r.dir, cases[i].version, cases[i].info);
		setenv("DOCKER_HOST", cases[i].host, 1);
		enum rc rc = exec_sandbox_containers(r.x, NULL, docker, &why);
		CHECK(rc == cases[i].rc && strstr(why.msg, cases[i].text), why.msg);
		if (rc != RC_OK) {
			CHECK(!file_exists(asked), "nothing else is asked");
			continue;
		}
		OK(file_read(asked, 4095, &said, &err));
		CHECK(strstr(strbuf_cstr(&said), "container prune --force") &&
			      strstr(strbuf_cstr(&said), label) &&
			      strstr(strbuf_cstr(&said), "--filter until=10m"),
		      strbuf_cstr(&said));
		unlink(asked);
	}
	unsetenv("DOCKER_HOST");
	rig_close(&r);
}

int main(void)
{
	static const struct CMUnitTest said[] = {cmocka_unit_test(refused)};
	static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_rig, close_rig)
		T(told),           T(rights), T(network), T(image_is_gone), T(ended_from_outside),
		T(shim_is_killed),
#undef T
	};
	struct err why = {0};

	if (geteuid() != 0 || access("/usr/bin/bwrap", X_OK) != 0) {
		printf("skipped: docker (containers need root and bubblewrap)\n");
		return 0;
	}
	int failed = cmocka_run_group_tests_name("docker refused", said, NULL, NULL);
	if (!layout_possible())
		err_set(&why, RC_UNSUPPORTED, "busybox-static is not installed");
	if (why.rc != RC_OK || docker_bed_open(&why) != RC_OK) {
		printf("skipped: docker (%s)\n", why.msg);
		return failed;
	}
	layout_make(&image);
	snprintf(image_ref, sizeof(image_ref), "oci:%s", image.dir);
	failed += cmocka_run_group_tests_name("docker", tests, NULL, NULL);
	layout_drop(&image);
	docker_bed_close();
	return failed;
}
