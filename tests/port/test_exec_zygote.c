/* What is kept for the next job must not be seen by it; and what a strict job may see. */
#include "port/exec_kit.h"

#include <dirent.h>
#include <signal.h>

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

/* What a job says, trimmed. */
static const char *say(struct rig *r, const char *run)
{
	spec_new(r, run);
	job_run(r);
	CHECK_END(r, FAILURE_NONE, 0, run);
	while (r->log.n && r->log.p[r->log.n - 1] == '\n')
		r->log.p[--r->log.n] = '\0';
	return strbuf_cstr(&r->log);
}

static bool is_zygote(struct rig *r)
{
	/* Under bubblewrap /dev can be written. */
	return !strcmp(say(r, "touch /dev/x 2>/dev/null && echo no || echo yes"), "yes");
}

static void privileges(void **state)
{
	struct rig *r = *state;

	CHECK_STR(
		say(r,
		    "grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs)' /proc/self/status | cut -f2 | sort -u | tr '\\n' ' '"),
		"0000000000000000 1 ", "no capability, no new privileges");
	CHECK_STR(say(r, "grep -E '^(CapEff|CapBnd)' /proc/1/status | cut -f2 | sort -u"),
		  "0000000000000000", "nor has the first process");
	CHECK_STR(
		say(r,
		    "hostname; ls /proc | grep -c '^[0-9]'; ls -A / | grep -vE 'lib|run' | tr '\\n' ' '"),
		"job\n4\nbin dev etc proc repo sbin tmp usr ", "names");
	CHECK_STR(say(r, "ls /dev | tr '\\n' ' '"),
		  "core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero ",
		  "devices");
	CHECK_STR(
		say(r,
		    "unshare -n true 2>/dev/null || echo no; mount -t tmpfs x /tmp 2>/dev/null || echo no; "
		    "mount -o remount,rw / 2>/dev/null || echo no; chroot / true 2>/dev/null || echo no; "
		    "mknod /tmp/x b 8 0 2>/dev/null || echo no; kill -9 1 2>/dev/null; echo lives"),
		"no\nno\nno\nno\nno\nlives", "what a superuser may");
	CHECK_STR(
		say(r,
		    "for f in /proc/sys/kernel/hostname /proc/self/oom_score_adj /usr/x /etc/x /x /dev/pts/x; do "
		    "(echo 1 > $f) 2>/dev/null && echo WROTE $f; done; cat /proc/1/environ 2>/dev/null || true; echo done"),
		"done", "read-only");
}

/* A second job in the same shim finds nothing of the first. */
static void nothing_stays(void **state)
{
	struct rig *r = *state;

	if (!is_zygote(r))
		skip();
	(void)say(
		r,
		"echo a > /tmp/a; echo b > /dev/shm/b; ipcmk -M 1000 >/dev/null; ulimit -n 100; sleep 100 & "
		"python3 -c 'import socket; s=socket.socket(); s.bind((\"127.0.0.1\",4000)); s.listen(); "
		"c=socket.create_connection((\"127.0.0.1\",4000)); d,_=s.accept(); d.close(); c.close()' 2>/dev/null || true; echo ok");
	CHECK_STR(
		say(r,
		    "ls -A /tmp /dev/shm | grep -v '^/' | tr -d '\\n'; ipcs -m | grep -c 0x || true; set -- /proc/[0-9]*; echo $#; "
		    "grep -o 'tw [0-9]*' /proc/net/sockstat; cat /proc/sys/net/ipv4/ip_forward"),
		"0\n2\ntw 0\n0", "files, memory, processes, connections");
}

static pid_t shim_pid(struct rig *r)
{
	AUTO(freep) char *path = xasprintf("%s/jobs/run-1+ci+orders+test/lock", r->dir);
	AUTO(strbuf_done) struct strbuf text = STRBUF(100);
	uint32_t pid = 0;

	while (!text.n)
		OK(file_read(path, 100, &text, &err));
	assert_true(parse_u32(str_trim(strbuf_str(&text)), &pid));
	return (pid_t)pid;
}

/* The child of the shim that is in its command line: the zygote. */
static pid_t zygote_of(pid_t shim)
{
	AUTO(freep) char *path = xasprintf("/proc/%d/task/%d/children", (int)shim, (int)shim);
	AUTO(strbuf_done) struct strbuf text = STRBUF(1000);
	struct str rest;
	uint32_t pid = 0;

	OK(file_read(path, 900, &text, &err));
	rest = strbuf_str(&text);
	assert_true(parse_u32(str_cut(&rest, ' '), &pid));
	return (pid_t)pid;
}

static void kept_and_killed(void **state)
{
	struct rig *r = *state;
	bool ended = false;

	if (!is_zygote(r))
		skip();
	spec_new(r, "echo up; sleep 0.3; echo down");
	strbuf_clear(&r->log);
	job_start(r);
	pid_t first = shim_pid(r), zygote = zygote_of(first);
	while (!strstr(strbuf_cstr(&r->log), "up"))
		OK(exec_log(r->x, r->spec.job, r->log.n, 1000, &r->log, &ended, &err));
	kill(zygote, SIGKILL);
	job_wait(r);
	job_end(r);
	CHECK_END(r, FAILURE_NONE, 0, "a job does not need its zygote any more");
	spec_new(r, "echo next");
	job_start(r);
	pid_t second = shim_pid(r);
	job_wait(r);
	job_end(r);
	CHECK_END(r, FAILURE_NONE, 0, "and the next has a new one");
	CHECK(first != second, "in another shim");
	spec_new(r, "echo third");
	job_start(r);
	CHECK(shim_pid(r) == second, "which is kept");
	job_wait(r);
	job_end(r);
	kill(second, SIGKILL);
	clock_sleep(20 * USEC_MS);
	CHECK_STR(say(r, "echo more"), "more", "a shim that was killed while it waited");
	exec_free(r->x); /* the daemon is gone: so are shims that wait */
	r->x = NULL;
	WAIT_UNTIL(kill(second, 0) != 0);
	struct err why = {0};
	r->x = exec_sandbox_new(r->dir, shim_path(), &why);
	assert_non_null(r->x);
}

static void strict(void **state)
{
	struct rig *r = *state;
	struct pair run = {lit("PENSTOCK_RUN"), lit("run-1")},
		    job = {lit("PENSTOCK_JOB"), lit("x")};

	spec_new(
		r,
		"cat source.txt; cat ../../libs/shared/source.txt; env | grep PENSTOCK; cat ../../libs/other/undeclared.txt");
	r->spec.def.strict = true;
	vec_push(&r->spec.def.inputs, lit("source.txt"));
	vec_push(&r->spec.env, run);
	vec_push(&r->spec.env, job);
	job_run(r);
	CHECK_END(r, FAILURE_EXIT, 1, "an undeclared file");
	CHECK_LOG(r, "a source\na source\n");
	CHECK_NO_LOG(r, "PENSTOCK_RUN");
	CHECK_LOG(
		r,
		"[penstock] strict: true: this job sees only what it declares (inputs: source.txt)");
	vec_done(&r->spec.def.inputs);
	spec_new(r, "cat source.txt");
	r->spec.def.strict = true;
	job_run(r);
	CHECK_END(r, FAILURE_NONE, 0, "what is declared");
	CHECK_NO_LOG(r, "strict");
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test_setup_teardown(privileges, open_rig, close_rig),
		cmocka_unit_test_setup_teardown(nothing_stays, open_rig, close_rig),
		cmocka_unit_test_setup_teardown(kept_and_killed, open_rig, close_rig),
		cmocka_unit_test_setup_teardown(strict, open_rig, close_rig),
	};

	if (geteuid() != 0 || access("/usr/bin/bwrap", X_OK) != 0) {
		printf("skipped: only a superuser has zygotes, and bubblewrap must be there\n");
		return 0;
	}
	return cmocka_run_group_tests_name("exec_zygote", all, NULL, NULL);
}
