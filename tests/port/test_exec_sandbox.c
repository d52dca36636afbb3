/* What only a real sandbox can be asked. */
#include "port/exec_kit.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

static int open_rig(void **state)
{
	struct rig *r = xcalloc(1, sizeof(*r));

	rig_open(r, false);
	*state = r;
	return 0;
}

static int close_rig(void **state)
{
	struct rig *r = *state;

	rig_close(r);
	xfree(r);
	return 0;
}

static pid_t shim_pid(struct rig *r)
{
	AUTO(freep) char *path = xasprintf("%s/jobs/run-1+ci+orders+test/lock", r->dir);
	AUTO(strbuf_done) struct strbuf text = STRBUF(100);
	uint32_t pid = 0;

	while (!text.n) /* the shim writes it when it is up */
		OK(file_read(path, 100, &text, &err));
	assert_true(parse_u32(str_trim(strbuf_str(&text)), &pid));
	return (pid_t)pid;
}

static void wait_for_log(struct rig *r, const char *part)
{
	bool ended = false;

	while (!ended && !strstr(strbuf_cstr(&r->log), part))
		OK(exec_log(r->x, r->spec.job, r->log.n, 10000, &r->log, &ended, &err));
}

/* Processes of the whole machine whose command line holds a text. */
static unsigned processes(const char *part)
{
	DIR *d = opendir("/proc");
	unsigned n = 0;

	for (struct dirent *e; (e = readdir(d));) {
		AUTO(freep) char *path = xasprintf("/proc/%s/cmdline", e->d_name);
		AUTO(strbuf_done) struct strbuf text = STRBUF(65536);
		struct err err = {0};
		if (e->d_name[0] < '0' || e->d_name[0] > '9' ||
		    file_read(path, 60000, &text, &err) != RC_OK)
			continue;
		for (size_t i = 0; i < text.n; i++)
			if (!text.p[i])
				text.p[i] = ' ';
		n += strstr(strbuf_cstr(&text), part) != NULL;
	}
	closedir(d);
	return n;
}

/* A job with that command, where each %s is a sleep for long that nobody else sleeps: the words to find it by. */
static char *sleeper(struct rig *r, const char *command)
{
	static unsigned n;
	static char text[500]; /* a spec's texts are not its own */
	char *words = xasprintf("sleep 3%05d.%u", (int)getpid() % 100000, ++n);
	size_t used = 0;

	for (const char *at; (at = strstr(command, "%s")); command = at + 2)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%.*s%s",
					 (int)(at - command), command, words);
	(void)snprintf(text + used, sizeof(text) - used, "%s", command);
	spec_new(r, text);
	return words;
}

static void long_line(void **state)
{
	struct rig *r = *state;

	spec_new(r, "head -c 10000000 /dev/zero | tr '\\0' x; echo; echo end");
	job_run(r);
	CHECK_END(r, FAILURE_NONE, 0, "10 MB in one line");
	assert_int_equal(r->log.n, 10000000 + 5);
}

static void flood(void **state)
{
	struct rig *r = *state;

	spec_new(r, "head -c 1200000000 /dev/zero | tr '\\0' x; echo; echo end >&2");
	job_start(r);
	pid_t shim = shim_pid(r);
	AUTO(freep) char *status = xasprintf("/proc/%d/status", (int)shim);
	AUTO(strbuf_done) struct strbuf text = STRBUF(65536);
	clock_sleep(300 * USEC_MS);
	struct err none = {0};
	uint32_t kib = 0;
	if (file_read(status, 60000, &text, &none) == RC_OK && strstr(text.p, "VmHWM:")) {
		struct str rest = str_of(strstr(text.p, "VmHWM:") + 6);
		rest = str_trim(str_cut(&rest, '\n'));
		assert_true(parse_u32(str_cut(&rest, ' '), &kib));
		printf("shim: %u KiB at most so far\n", kib);
		assert_true(kib < 12000 || getenv("ASAN_OPTIONS") || kib > 100000000);
	}
	usec_t begin = clock_mono();
	job_wait(r);
	r->took = clock_mono() - begin;
	printf("1.2 GB of output: %.2f s\n", (double)r->took / 1e6);
	CHECK(r->took < 2 * PATIENCE, "in time");
	bool ended = false;
	uint64_t head = ((uint64_t)1 << 30) - ((uint64_t)64 << 20);
	OK(exec_log(r->x, r->spec.job, head, 300, &r->log, &ended, &err));
	CHECK_LOG(r, "the log is full");
	CHECK_LOG(r, "of output left out here");
	strbuf_clear(&r->log);
	OK(exec_log(r->x, r->spec.job, (uint64_t)1 << 30, 1000, &r->log, &ended, &err));
	CHECK(ended && str_ends(strbuf_str(&r->log), "x\nend\n"), "its end is kept");
	OK(exec_collect(r->x, r->spec.job, &r->in, &r->end, &err));
	CHECK_END(r, FAILURE_NONE, 0, "1.2 GB");
	OK(exec_forget(r->x, r->spec.job, &err));
}

static void fork_bomb(void **state)
{
	struct rig *r = *state;

	spec_new(r, "b() { b | b & b; }; b; sleep 300");
	r->spec.def.timeout = 1500 * USEC_MS;
	job_run(r);
	CHECK(r->end.failure == FAILURE_EXIT || r->end.failure == FAILURE_TIMEOUT, "ends badly");
	CHECK(r->took < 2 * PATIENCE, "in time");
}

static void deaf(void **state)
{
	struct rig *r = *state;

	AUTO(freep) char *marker = sleeper(r, "trap '' TERM; echo deaf; while :; do %s; done");

	r->spec.def.timeout = 300 * USEC_MS;
	job_run(r);
	CHECK_END(r, FAILURE_TIMEOUT, -1, "ignores SIGTERM");
	CHECK(r->took < PATIENCE, "killed");
	assert_int_equal(processes(marker), 0);
}

static void children_left(void **state)
{
	struct rig *r = *state;

	AUTO(freep)
	char *marker = sleeper(r, "setsid %s & (%s &) ; nohup %s >/dev/null 2>&1 & echo ok");

	job_run(r);
	CHECK_END(r, FAILURE_NONE, 0, "background children");
	CHECK(r->took < PATIENCE, "does not wait for them");
	assert_int_equal(processes(marker), 0);
}

static void environment(void **state)
{
	struct rig *r = *state;

	setenv("UNDECLARED", "leak", 1);
	spec_new(r, "env | sort");
	job_run(r);
	CHECK_STR(
		strbuf_cstr(&r->log),
		"HOME=/tmp\nLANG=C.UTF-8\nPATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin\n"
		"PENSTOCK_SUMMARY=/run/penstock-summary.md\nPWD=/repo/services/orders\n",
		"only what is declared");
}

static void read_only(void **state)
{
	struct rig *r = *state;

	spec_new(r, "cat source.txt ../../libs/shared/source.txt; echo x > here; echo x > /tmp/y\n"
		    "for f in /repo/z ../../libs/shared/source.txt /usr/z /etc/z /z; do\n"
		    " (echo x > $f) 2>/dev/null && echo WROTE $f; done\n"
		    "p=/proc/sys/kernel/core_pattern; v=$(cat $p)\n"
		    "(echo \"$v\" > $p) 2>/dev/null && echo WROTE $p\n"
		    "(: >> /proc/sysrq-trigger) 2>/dev/null && exit 8\n"
		    "ls /root /home /var 2>&1 | grep -v cannot && exit 9; true");
	job_run(r);
	CHECK_END(r, FAILURE_NONE, 0, "inputs");
	CHECK_STR(strbuf_cstr(&r->log), "a source\na source\n", "read-only");
}

static void network(void **state)
{
	struct rig *r = *state;

	spec_new(r, "grep -v '^lo\\|Inter\\|face\\| lo:' /proc/net/dev; true");
	job_run(r);
	CHECK_STR(strbuf_cstr(&r->log), "", "loopback only");
	spec_new(r, "readlink /proc/self/ns/net");
	r->spec.def.network = true;
	job_run(r);
	char ours[100] = "";
	assert_true(readlink("/proc/self/ns/net", ours, sizeof(ours) - 2) > 0);
	strbuf_clear(&r->log);
	CHECK_END(r, FAILURE_NONE, 0, "network");
	AUTO(strbuf_done) struct strbuf kept = STRBUF(1000);
	kept_log(r, &kept);
	CHECK(!strncmp(strbuf_cstr(&kept), ours, strlen(ours)), "the machine's network");
}

static void needs(void **state)
{
	struct rig *r = *state;

	spec_new(r, "mkdir out; echo lib > out/lib.a; chmod +x out/lib.a; ln -s lib.a out/link");
	vec_push(&r->spec.def.outputs, lit("out"));
	job_run(r);
	CHECK_END(r, FAILURE_NONE, 0, "first");
	AUTO(freep) char *manifest = xstrdup(r->end.outputs);
	spec_new(r, "cat ../../libs/shared/out/link; test -x ../../libs/shared/out/lib.a");
	struct need_output need = {lit("shared"), lit("libs/shared"), manifest};
	vec_push(&r->spec.needs, need);
	job_run(r);
	CHECK_END(r, FAILURE_NONE, 0, "second");
	CHECK_STR(strbuf_cstr(&r->log), "lib\n", "the need's output");
}

static void hostile_outputs(void **state)
{
	static const struct {
		const char *run, *says;
	} cases[] = {
		{"mkdir out; ln -s /etc/passwd out/x", "leaves"},
		{"mkdir out; ln -s ../../../../x out/x", "leaves"},
		{"mkdir -p out/d; ln -s . out/d/e; ln -s d/e/../../../x out/x", "leaves"},
		{"mkdir out; mkfifo out/x", "only files"},
		{"echo nothing", "out"},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		spec_new(r, cases[i].run);
		vec_push(&r->spec.def.outputs, lit("out/**"));
		job_run(r);
		CHECK_END(r, FAILURE_OUTPUT, -1, cases[i].run);
		CHECK(strstr(r->end.error, cases[i].says), r->end.error);
	}
}

static void masked(void **state)
{
	struct rig *r = *state;

	spec_new(
		r,
		"printf %s \"$TOKEN\" | base64; printf 'x%s' \"$TOKEN\" | base64; printf %s \"$TOKEN\" | od -An -tx1 | tr -d ' \\n'; echo;"
		"printf %s \"$TOKEN\" | head -c 4; sleep 0.05; printf %s \"$TOKEN\" | tail -c +5; echo");
	struct pair p = {lit("TOKEN"), lit("file:TOKEN")};
	vec_push(&r->spec.def.secrets, p);
	job_run(r);
	CHECK_END(r, FAILURE_NONE, 0, "masked");
	CHECK_NO_LOG(r, "hunt");
	CHECK_NO_LOG(r, "aHVudGVy");
	CHECK_NO_LOG(r, "68756e");
	CHECK_LOG(r, "***\n***\n");
	AUTO(freep) char *cmd = xasprintf("grep -r 'hunter2' %s", r->dir);
	assert_int_not_equal(system(cmd), 0); /* nowhere on the disk */
}

static void shim_killed(void **state)
{
	struct rig *r = *state;

	usec_t best = USEC_NEVER;
	AUTO(freep) char *marker = sleeper(r, "echo up; %s");

	for (int i = 0; i < 20 && best >= 500 * USEC_MS; i++) {
		job_start(r);
		strbuf_clear(&r->log);
		wait_for_log(r, "up");
		CHECK(job_look(r).running, "runs");
		kill(shim_pid(r), SIGKILL);
		usec_t begin = clock_mono();
		job_wait(r);
		best = MIN_OF(best, clock_mono() - begin);
		job_end(r);
		CHECK_END(r, FAILURE_INFRA, -1, "shim killed");
		CHECK(r->end.error, "says so");
		WAIT_UNTIL(!processes(marker));
		assert_int_equal(processes(marker), 0);
	}
	CHECK(best < 500 * USEC_MS, "seen at once");
}

static void again(void **state)
{
	struct rig *r = *state;
	struct err err = {0};

	spec_new(r, "echo up; sleep 0.5; echo down");
	job_start(r);
	exec_free(r->x); /* the daemon ends, another comes */
	r->x = exec_sandbox_new(r->dir, shim_path(), &err);
	CHECK(job_look(r).running, "still runs");
	job_start(r);
	job_wait(r);
	exec_free(r->x);
	r->x = exec_sandbox_new(r->dir, shim_path(), &err);
	CHECK(job_look(r).known && !job_look(r).running, "has ended");
	job_end(r);
	CHECK_END(r, FAILURE_NONE, 0, "re-attached");
	CHECK_STR(strbuf_cstr(&r->log), "up\ndown\n", "log");
}

static void reports(void **state)
{
	struct rig *r = *state;

	spec_new(
		r,
		"mkdir out; echo '<testsuite><testcase name=\"a\"/><testcase classname=\"c\" name=\"b\"><failure message=\"no\"/>"
		"</testcase></testsuite>' > out/t.xml; exit 1");
	r->spec.def.reports.junit = lit("out/*.xml");
	job_run(r);
	CHECK_END(r, FAILURE_EXIT, 1, "tests failed");
	assert_int_equal(r->end.junit.tests, 2);
	assert_int_equal(r->end.junit.failed, 1);
	CHECK_STR(r->end.junit.first_failure, "c.b: no", "first failure");
}

static void memory(void **state)
{
	struct rig *r = *state;

	if (geteuid() != 0 || access("/sys/fs/cgroup", F_OK) != 0)
		skip();
	spec_new(r, "head -c 200000000 /dev/zero | tail -c 190000000 > /dev/null");
	r->spec.def.memory = (uint64_t)32 << 20;
	job_run(r);
	CHECK(r->end.failure == FAILURE_OOM, r->end.error ? r->end.error : "no failure");
}

static void full_tmp(void **state)
{
	struct rig *r = *state;

	spec_new(
		r,
		"head -c 1200000000 /dev/zero > /tmp/x || echo full; head -c 10 /dev/zero > here; echo ok");
	job_run(r);
	CHECK_END(r, FAILURE_NONE, 0, "a full /tmp");
	CHECK_LOG(r, "full\n");
	CHECK_LOG(r, "ok\n");
}

static void finally_is_limited(void **state)
{
	struct rig *r = *state;

	for (usec_t most = 100 * USEC_MS; most < PATIENCE; most *= 4) {
		spec_new(r, "echo x > /tmp/left; sleep 300");
		r->spec.def.timeout = most;
		vec_push(&r->spec.def.finally, lit("cat /tmp/left; exit 5"));
		vec_push(&r->spec.def.finally, lit("echo still here"));
		job_run(r);
		CHECK_END(r, FAILURE_TIMEOUT, -1, "timeout");
		if (strstr(strbuf_cstr(&r->log), "x\n"))
			break; /* or it had no time to begin */
	}
	CHECK_LOG(r, "x\n[penstock] finally: exit 5");
	CHECK_LOG(r, "still here\n");
}

static void first_byte(void **state)
{
	struct rig *r = *state;
	usec_t best = USEC_NEVER, sum = 0;
	enum { N = 20 };
	int n = 0;

	for (; n < N || (n < 20 * N && best >= 50 * USEC_MS); n++) {
		spec_new(r, "echo up; sleep 0.2");
		strbuf_clear(&r->log);
		usec_t begin = clock_mono();
		job_start(r);
		wait_for_log(r, "up");
		usec_t took = clock_mono() - begin;
		best = MIN_OF(best, took);
		sum += took;
		OK(exec_cancel(r->x, r->spec.job, &err));
		job_wait(r);
		job_end(r);
	}
	printf("start to first byte of the log: %.1f ms, best %.1f ms\n", (double)sum / n / 1e3,
	       (double)best / 1e3);
	CHECK(best < 50 * USEC_MS, "first byte");
}

static void many(void **state)
{
	struct rig *r = *state;
	usec_t start = 0, run = 0, collect = 0, begin = clock_mono();
	enum { N = 100 };

	for (int i = 0; i < N; i++) {
		spec_new(r, "true");
		usec_t a = clock_mono();
		job_start(r);
		usec_t b = clock_mono();
		job_wait(r);
		usec_t c = clock_mono();
		job_end(r);
		start += b - a, run += c - b, collect += clock_mono() - c;
	}
	printf("a job that does nothing: start %.2f ms, then %.2f ms until its end is seen, collect and forget %.2f ms; "
	       "all %.2f ms\n",
	       (double)start / N / 1e3, (double)run / N / 1e3, (double)collect / N / 1e3,
	       (double)(clock_mono() - begin) / N / 1e3);
}

int main(void)
{
	static const struct {
		const char *name;
		CMUnitTestFunction run;
	} tests[] = {
		{"10 MB in one line", long_line},
		{"1.2 GB of output", flood},
		{"a fork bomb", fork_bomb},
		{"ignores SIGTERM", deaf},
		{"background children", children_left},
		{"environment", environment},
		{"read-only", read_only},
		{"network", network},
		{"needs", needs},
		{"hostile outputs", hostile_outputs},
		{"masked", masked},
		{"shim killed", shim_killed},
		{"re-attach", again},
		{"junit", reports},
		{"out of memory", memory},
		{"a full /tmp", full_tmp},
		{"finally", finally_is_limited},
		{"first byte", first_byte},
		{"many", many},
	};
	struct CMUnitTest all[ARRAY_LEN(tests)];

	if (access("/usr/bin/bwrap", X_OK) != 0) {
		printf("skipped: sandbox (bubblewrap is not installed)\n");
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		all[i] =
			(struct CMUnitTest){tests[i].name, tests[i].run, open_rig, close_rig, NULL};
	if (getenv("ONLY"))
		cmocka_set_test_filter(getenv("ONLY"));
	return _cmocka_run_group_tests("exec_sandbox", all, ARRAY_LEN(all), NULL, NULL);
}
