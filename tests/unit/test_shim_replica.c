/* A service under the shim. The program itself is the service: `test_shim_replica --serve MODE`. */
#include "unit/unit.h"

#include "base/mem.h"
#include "io/child.h"
#include "io/clock.h"
#include "io/files.h"
#include "shim/spec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define OK(call)                                            \
	do {                                                \
		struct err err = {0};                       \
		if ((call) != RC_OK)                        \
			fail_msg("%s: %s", #call, err.msg); \
	} while (0)

/* ---- the service */

static void answer(int fd, const char *mode, unsigned count)
{
	char buf[2048];
	bool bad = streq(mode, "503") || (streq(mode, "flip") && count > 3 && count < 12);
	const char *text = bad ? "HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n"
			       : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

	if (read(fd, buf, sizeof(buf)) > 0 && !streq(mode, "mute"))
		(void)!write(fd, text, strlen(text));
	if (streq(mode, "mute"))
		sleep(10);
	close(fd);
}

static void on_term(int sig)
{
	(void)sig;
	_exit(0);
}

static int serve(const char *mode)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	const char *port = getenv("PORT");
	uint32_t number = 0;
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	printf("mode %s, port %s, token %s\n", mode, port ? port : "none",
	       getenv("TOKEN") ? getenv("TOKEN") : "none");
	fflush(stdout);
	if (streq(mode, "crash"))
		return 7;
	signal(SIGTERM, streq(mode, "deaf") ? SIG_IGN : on_term);
	if (streq(mode, "family") && fork() == 0) {
		setsid();
		sleep(1000);
	}
	if (streq(mode, "closed"))
		sleep(1000);
	if (!port || !parse_u32(str_of(port), &number))
		return 9;
	at.sin_port = htons((uint16_t)number);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 64) < 0)
		return 8;
	for (unsigned count = 0;; count++) {
		int c = accept(fd, NULL, NULL);
		if (c >= 0)
			answer(c, mode, count);
	}
}

/* ---- the tests */

struct rig {
	char dir[64];
	char self[4096];
	struct shim_spec spec;
	pid_t shim;
	struct strbuf events;
};

static const char *shim_path(void)
{
	const char *path = getenv("PENSTOCK_SHIM");

	return path ? path : "build/penstock-shim";
}

/* A port that nobody listens on now. */
static uint32_t free_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	close(fd);
	return ntohs(at.sin_port);
}

static void arg(struct rig *r, const char *text)
{
	char *s = xstrdup(text);

	vec_push(&r->spec.argv, s);
}

static void pair(shim_pairs *to, const char *key, const char *value)
{
	struct shim_pair p = {xstrdup(key), xstrdup(value)};

	vec_push(to, p);
}

static int open_rig(void **state)
{
	struct rig *r = xcalloc(1, sizeof(*r));

	*r = (struct rig){.dir = "/tmp/penstock-replica-XXXXXX", .events = STRBUF(1 << 20)};
	assert_non_null(mkdtemp(r->dir));
	ssize_t n = readlink("/proc/self/exe", r->self, sizeof(r->self) - 1);
	assert_true(n > 0);
	r->spec.kind = SHIM_REPLICA;
	r->spec.name = xstrdup("staging/orders/0");
	r->spec.port = free_port();
	r->spec.health = xstrdup("/healthz");
	r->spec.cwd = xstrdup("/");
	pair(&r->spec.env, "COLOUR", "blue");
	pair(&r->spec.secrets, "TOKEN", "tok-en-secret");
	*state = r;
	return 0;
}

static char *in_rig(const struct rig *r, const char *name)
{
	return xasprintf("%s/%s", r->dir, name);
}

static bool shim_lives(const struct rig *r)
{
	AUTO(freep) char *lock = in_rig(r, "lock");

	return file_is_locked(lock);
}

static int close_rig(void **state)
{
	struct rig *r = *state;
	struct err err = {0};

	for (int i = 0; i < 1000 && shim_lives(r); i++) {
		if (r->shim > 0 && i % 100 == 0)
			kill(r->shim, i ? SIGKILL : SIGTERM);
		clock_sleep(10 * USEC_MS);
	}
	shape_done(&shape_shim_spec, &r->spec);
	strbuf_done(&r->events);
	(void)!tree_remove(r->dir, &err);
	xfree(r);
	return 0;
}

static void launch(struct rig *r)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(SHIM_SPEC_MAX);
	AUTO(freep) char *lock_path = in_rig(r, "lock");
	AUTO(freep) char *shim = realpath(shim_path(), NULL);
	AUTO(fd_close) int in = -1, lock = -1;
	struct json_out o = JSON_OUT(&text);

	assert_non_null(shim);
	shape_write(&o, NULL, &shape_shim_spec, &r->spec);
	OK(child_stdin(strbuf_str(&text), &in, &err));
	OK(file_lock(lock_path, &lock, &err));
	const char *argv[] = {shim, r->dir, NULL};
	struct child_spec c = {.argv = argv, .dir = "/", .fds = {in, -1, -1, lock}};
	OK(child_detach(&c, &r->shim, &err));
}

static void start(struct rig *r, const char *mode)
{
	arg(r, r->self);
	arg(r, "--serve");
	arg(r, mode);
	launch(r);
}

static void read_events(struct rig *r)
{
	AUTO(freep) char *path = in_rig(r, "events");
	struct err err = {0};

	strbuf_clear(&r->events);
	(void)!file_read(path, 1 << 20, &r->events, &err);
}

/* The first event for which `want` holds; waits for it. */
static struct shim_event wait_for(struct rig *r, bool (*want)(const struct shim_event *e),
				  const char *what)
{
	usec_t begin = clock_mono();

	while (clock_mono() - begin < PATIENCE) {
		read_events(r);
		struct str rest = strbuf_str(&r->events);
		while (rest.n) {
			struct str line = str_cut(&rest, '\n');
			struct shim_event e = {0};
			struct err err = {0};
			if (!rest.p)
				break;
			if (shape_parse(line, 10000, &shape_shim_event, &e, &err) != RC_OK)
				fail_msg("%.*s: %s", (int)line.n, line.p, err.msg);
			if (want(&e))
				return e;
			shape_done(&shape_shim_event, &e);
		}
		clock_sleep(5 * USEC_MS);
	}
	fail_msg("never %s; events:\n%s", what, strbuf_cstr(&r->events));
	return (struct shim_event){0};
}

static bool is_ready(const struct shim_event *e)
{
	return e->state == SHIM_READY;
}
static bool is_gone(const struct shim_event *e)
{
	return e->state == SHIM_GONE;
}
static bool is_third(const struct shim_event *e)
{
	return e->state == SHIM_BACKOFF && e->restarts == 3;
}
static bool is_tenth(const struct shim_event *e)
{
	return e->state == SHIM_UNREADY && e->probes == 10;
}
static bool is_fifth(const struct shim_event *e)
{
	return e->state == SHIM_UNREADY && e->probes == 5;
}
static bool is_slipping(const struct shim_event *e)
{
	return e->state == SHIM_UNREADY && e->probes == 3;
}

static void order_stop(struct rig *r)
{
	AUTO(freep) char *path = in_rig(r, "stop");

	OK(file_write_fast(path, STR(""), 0600, &err));
}

static void check_gone(struct rig *r, int64_t code)
{
	struct shim_event e = wait_for(r, is_gone, "gone");

	assert_int_equal(e.exit, code);
	WAIT_UNTIL(!shim_lives(r));
	CHECK(!shim_lives(r), "the shim ends too");
	AUTO(freep) char *left = in_rig(r, "left");
	CHECK(!file_exists(left), "nothing is left");
	shape_done(&shape_shim_event, &e);
}

static void ready_and_stop(void **state)
{
	struct rig *r = *state;
	AUTO(freep) char *log = in_rig(r, "log");
	struct strbuf text = STRBUF(10000);

	usec_t begin = clock_mono();
	start(r, "ok");
	struct shim_event e = wait_for(r, is_ready, "ready");
	printf("ready after %.1f ms\n", (double)(clock_mono() - begin) / 1e3);
	CHECK(e.pid > 1 && !e.restarts && kill((pid_t)e.pid, 0) == 0, "its process");
	order_stop(r);
	check_gone(r, 0);
	OK(file_read(log, 10000, &text, &err));
	AUTO(freep) char *want = xasprintf("mode ok, port %u, token ***\n", r->spec.port);
	CHECK_STR(strbuf_cstr(&text), want, "log");
	CHECK(strstr(strbuf_cstr(&r->events), "\"stopping\""), "stopping");
	strbuf_done(&text);
}

static void crash_loop(void **state)
{
	struct rig *r = *state;
	usec_t begin = clock_mono();

	start(r, "crash");
	struct shim_event e = wait_for(r, is_third, "third exit");
	usec_t took = clock_mono() - begin;
	CHECK(took >= 600 * USEC_MS, "backs off");
	assert_int_equal(e.exit, 7);
	CHECK_STR(e.why, "exit 7, 3 times", "why");
	shape_done(&shape_shim_event, &e);
	kill(r->shim, SIGTERM);
	check_gone(r, 7);
}

static void never_ready(void **state)
{
	struct rig *r = *state;
	usec_t begin = clock_mono();

	start(r, "503");
	struct shim_event e = wait_for(r, is_tenth, "tenth probe");
	CHECK(clock_mono() - begin < 9 * USEC_SEC, "each 200 ms");
	CHECK_STR(e.why, "HTTP 503 from /healthz, 10 probes in a row", "why");
	shape_done(&shape_shim_event, &e);
	CHECK(!strstr(strbuf_cstr(&r->events), "\"ready\""), "never");
	order_stop(r);
	check_gone(r, 0);
}

static void nobody_listens(void **state)
{
	struct rig *r = *state;

	xfree(r->spec.health);
	r->spec.health = NULL;
	start(r, "closed");
	struct shim_event e = wait_for(r, is_fifth, "fifth probe");
	CHECK(strstr(e.why, "refused") && strstr(e.why, "5 probes"), e.why);
	shape_done(&shape_shim_event, &e);
	order_stop(r);
	check_gone(r, 0);
}

static void says_nothing(void **state)
{
	struct rig *r = *state;

	start(r, "mute");
	struct shim_event e = wait_for(r, is_fifth, "fifth probe");
	CHECK(strstr(e.why, "no answer within 1 s from /healthz"), e.why);
	shape_done(&shape_shim_event, &e);
}

static void slips(void **state)
{
	struct rig *r = *state;

	start(r, "flip");
	struct shim_event e = wait_for(r, is_slipping, "unready");
	shape_done(&shape_shim_event, &e);
	const char *text = strbuf_cstr(&r->events), *bad = strstr(text, "unready");
	for (int i = 0; i < 6000 && bad && !strstr(bad, "\"ready\""); i++) {
		clock_sleep(10 * USEC_MS);
		read_events(r);
		bad = strstr(strbuf_cstr(&r->events), "unready");
	}
	CHECK(bad && strstr(bad, "\"ready\""), "ready again");
	order_stop(r);
	check_gone(r, 0);
}

static void deaf(void **state)
{
	struct rig *r = *state;

	r->spec.stop = 300 * USEC_MS;
	start(r, "deaf");
	struct shim_event e = wait_for(r, is_ready, "ready");
	shape_done(&shape_shim_event, &e);
	usec_t begin = clock_mono();
	kill(r->shim, SIGTERM);
	check_gone(r, -SIGKILL);
	usec_t took = clock_mono() - begin;
	CHECK(took >= 300 * USEC_MS && took < 9 * USEC_SEC, "SIGKILL after its time");
}

/* Pids of processes of this program that serve a mode. */
static unsigned serving(const char *mode)
{
	AUTO(freep)
	char *cmd = xasprintf("ps -eo args | grep -c '^[^ ]*[t]est_shim_replica --serve %s'", mode);
	FILE *f = popen(cmd, "r");
	char line[32] = "";
	uint32_t n = 0;

	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	pclose(f);
	assert_true(parse_u32(str_trim(str_of(line)), &n));
	return n;
}

static void shim_killed(void **state)
{
	struct rig *r = *state;
	AUTO(freep) char *left = in_rig(r, "left");

	start(r, "family");
	struct shim_event e = wait_for(r, is_ready, "ready");
	assert_int_equal(serving("family"), 2);
	kill(r->shim, SIGKILL);
	WAIT_UNTIL(!shim_lives(r));
	CHECK(!shim_lives(r), "its lock is free");
	CHECK(file_exists(left), "something is left");
	const char *argv[] = {shim_path(), "--clean", r->dir, NULL};
	struct child_run run = {.spec.argv = argv};
	struct strbuf out = STRBUF(1000);
	int code = -1;
	OK(child_capture(&run, &out, NULL, &code, &err));
	CHECK_STR(strbuf_cstr(&out), "", "nothing to say");
	assert_int_equal(code, 0);
	CHECK(!file_exists(left), "cleaned");
	/* Without control groups a child that left its session cannot be found. */
	unsigned stays = geteuid() == 0 && access("/sys/fs/cgroup", W_OK) == 0 ? 0 : 1;
	WAIT_UNTIL(serving("family") == stays);
	assert_int_equal(serving("family"), stays);
	OK(child_capture(&run, &out, NULL, &code, &err));
	assert_int_equal(code, 0);
	shape_done(&shape_shim_event, &e);
	strbuf_done(&out);
}

static void children_end_too(void **state)
{
	struct rig *r = *state;

	start(r, "family");
	struct shim_event e = wait_for(r, is_ready, "ready");
	shape_done(&shape_shim_event, &e);
	order_stop(r);
	check_gone(r, 0);
	assert_int_equal(serving("family"), 0);
}

static void clean_refuses(void **state)
{
	struct rig *r = *state;

	start(r, "ok");
	struct shim_event e = wait_for(r, is_ready, "ready");
	const char *argv[] = {shim_path(), "--clean", r->dir, NULL};
	struct child_run run = {.spec.argv = argv};
	struct strbuf out = STRBUF(1000);
	int code = -1;
	OK(child_capture(&run, &out, NULL, &code, &err));
	assert_int_equal(code, 1);
	CHECK(strstr(strbuf_cstr(&out), "living shim"), "says why");
	CHECK(kill((pid_t)e.pid, 0) == 0, "untouched");
	strbuf_done(&out);
	shape_done(&shape_shim_event, &e);
	order_stop(r);
	check_gone(r, 0);
}

static void no_such_program(void **state)
{
	struct rig *r = *state;

	arg(r, "/nowhere/app");
	launch(r);
	struct shim_event e = wait_for(r, is_third, "third try");
	CHECK(strstr(e.why, "could not be started"), e.why);
	shape_done(&shape_shim_event, &e);
	kill(r->shim, SIGTERM);
	check_gone(r, 127);
}

static const char config[] =
	"{\"ociVersion\":\"1.0.2\",\"process\":{\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"/usr/bin/env\",\"/app\",\"--serve\",\"%s\"],"
	"\"env\":[\"PATH=/usr/bin:/bin\"],\"cwd\":\"/\",\"noNewPrivileges\":true},\"root\":{\"path\":\"%s/rootfs\",\"readonly\":true},"
	"\"hostname\":\"orders\",\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	"{\"destination\":\"/usr\",\"type\":\"bind\",\"source\":\"/usr\",\"options\":[\"rbind\",\"ro\"]},"
	"{\"destination\":\"/app\",\"type\":\"bind\",\"source\":\"%s\",\"options\":[\"bind\",\"ro\"]}],"
	"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"}]}}";

static bool make_bundle(struct rig *r, const char *mode)
{
	static const char *const links[][2] = {
		{"usr/bin", "bin"}, {"usr/lib", "lib"}, {"usr/lib64", "lib64"}};
	static const char *const runc[] = {"/usr/sbin/runc", "/usr/bin/runc"};
	AUTO(freep) char *rootfs = in_rig(r, "bundle/rootfs");

	for (size_t i = 0; i < ARRAY_LEN(runc) && !r->spec.runtime; i++)
		if (access(runc[i], X_OK) == 0)
			r->spec.runtime = xstrdup(runc[i]);
	if (geteuid() != 0 || !r->spec.runtime)
		return false;
	OK(dir_make(rootfs, 0755, &err));
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		AUTO(freep) char *at = xasprintf("%s/%s", rootfs, links[i][1]);
		assert_int_equal(symlink(links[i][0], at), 0);
	}
	for (const char *const *p = (const char *const[]){"proc", "usr", NULL}; *p; p++) {
		AUTO(freep) char *at = xasprintf("%s/%s", rootfs, *p);
		assert_int_equal(mkdir(at, 0755), 0);
	}
	AUTO(freep) char *app = xasprintf("%s/app", rootfs);
	OK(file_write_fast(app, STR(""), 0755, &err));
	r->spec.root = in_rig(r, "runc");
	r->spec.bundle = in_rig(r, "bundle");
	r->spec.container = xasprintf("penstock-test-%d", (int)getpid());
	r->spec.config = xasprintf(config, mode, r->spec.bundle, r->self);
	return true;
}

static void container(void **state)
{
	struct rig *r = *state;
	AUTO(freep)
	char *log = in_rig(r, "log"), *json = in_rig(r, "bundle/config.json"),
	     *kept = in_rig(r, "runc");
	struct strbuf text = STRBUF(100000);

	if (!make_bundle(r, "ok"))
		skip();
	usec_t begin = clock_mono();
	launch(r);
	struct shim_event e = wait_for(r, is_ready, "ready");
	printf("container ready after %.1f ms\n", (double)(clock_mono() - begin) / 1e3);
	CHECK(e.pid > 1, "its process");
	AUTO(freep) char *grep = xasprintf("grep -r tok-en-secret %s", r->dir);
	assert_int_not_equal(system(grep), 0);
	struct stat st;
	CHECK(lstat(json, &st) == 0 && S_ISLNK(st.st_mode), "config in memory");
	order_stop(r);
	check_gone(r, 0);
	OK(file_read(log, 10000, &text, &err));
	AUTO(freep) char *want = xasprintf("mode ok, port %u, token ***\n", r->spec.port);
	CHECK_STR(strbuf_cstr(&text), want, "log");
	AUTO(freep) char *one = xasprintf("%s/%s", kept, r->spec.container);
	CHECK(!file_exists(one), "deleted");
	strbuf_done(&text);
	shape_done(&shape_shim_event, &e);
}

static void container_crashes(void **state)
{
	struct rig *r = *state;

	if (!make_bundle(r, "crash"))
		skip();
	launch(r);
	struct shim_event e = wait_for(r, is_third, "third exit");
	CHECK_STR(e.why, "exit 7, 3 times", "why");
	shape_done(&shape_shim_event, &e);
	order_stop(r);
	check_gone(r, 7);
}

/* A zombie that init has not reaped yet does not live. */
static bool lives(uint32_t pid)
{
	AUTO(freep) char *path = xasprintf("/proc/%u/stat", pid);
	AUTO(strbuf_done) struct strbuf text = STRBUF(4096);
	struct err err = {0};

	return file_read(path, 4000, &text, &err) == RC_OK && !strstr(text.p, ") Z");
}

static void container_shim_killed(void **state)
{
	struct rig *r = *state;

	if (!make_bundle(r, "deaf"))
		skip();
	launch(r);
	struct shim_event e = wait_for(r, is_ready, "ready");
	kill(r->shim, SIGKILL);
	WAIT_UNTIL(!shim_lives(r));
	CHECK(lives(e.pid), "the container outlives it");
	const char *argv[] = {shim_path(), "--clean", r->dir, NULL};
	struct child_run run = {.spec.argv = argv};
	struct strbuf out = STRBUF(1000);
	int code = -1;
	OK(child_capture(&run, &out, NULL, &code, &err));
	assert_int_equal(code, 0);
	WAIT_UNTIL(!lives(e.pid));
	CHECK(!lives(e.pid), "until it is cleaned");
	strbuf_done(&out);
	shape_done(&shape_shim_event, &e);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		CMUnitTestFunction run;
	} tests[] = {
		{"ready, graceful stop", ready_and_stop},
		{"crash loop", crash_loop},
		{"never ready", never_ready},
		{"nobody listens", nobody_listens},
		{"says nothing", says_nothing},
		{"slips", slips},
		{"ignores SIGTERM", deaf},
		{"shim killed", shim_killed},
		{"children end too", children_end_too},
		{"clean refuses", clean_refuses},
		{"no such program", no_such_program},
		{"container", container},
		{"container crashes", container_crashes},
		{"container, shim killed", container_shim_killed},
	};
	struct CMUnitTest all[ARRAY_LEN(tests)];

	if (argc == 3 && streq(argv[1], "--serve"))
		return serve(argv[2]);
	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		all[i] =
			(struct CMUnitTest){tests[i].name, tests[i].run, open_rig, close_rig, NULL};
	return _cmocka_run_group_tests("shim_replica", all, ARRAY_LEN(all), NULL, NULL);
}
