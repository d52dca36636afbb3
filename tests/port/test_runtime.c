/* One suite for all runtimes: the fake, plain processes, containers; and what only real ones
 * have: shims that are killed. */
#include "port/web_kit.h"

#include "base/digest.h"
#include "flow/5-deploy/adapters_deploy.h"
#include "io/child.h"
#include "shim/spec.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#define ENV "production"

/* Does what MODE says; compiled once, static: there is nothing else in its root. */
static const char program[] =
	"#include <netinet/in.h>\n#include <signal.h>\n"
	"#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
	"#include <sys/socket.h>\n#include <unistd.h>\n"
	"static const char *mode; static int s;\n"
	"static void term(int n) { (void)n; if (!strcmp(mode, \"stubborn\")) return; "
	"usleep(300000); _exit(0); }\n"
	"int main(void) {\n"
	" struct sockaddr_in a = {.sin_family = AF_INET}; int on = 1; char b[4096];\n"
	" mode = getenv(\"MODE\") ? getenv(\"MODE\") : \"ok\";\n"
	" signal(SIGTERM, term); signal(SIGPIPE, SIG_IGN);\n"
	" if (!strcmp(mode, \"crash\")) { fputs(\"cannot go on\\n\", stderr); return 3; }\n"
	" s = socket(AF_INET, SOCK_STREAM, 0); "
	"setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);\n"
	" a.sin_port = htons(atoi(getenv(\"PORT\"))); a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);\n"
	" if (!strcmp(mode, \"slow\")) usleep(700000);\n"
	" if (bind(s, (void *)&a, sizeof a) || listen(s, 64)) { perror(\"bind\"); return 9; }\n"
	" for (;;) { int c = accept(s, 0, 0); ssize_t n; char o[2048]; int l;\n"
	"  if (c < 0) continue;\n"
	"  n = read(c, b, sizeof b - 1); b[n > 0 ? n : 0] = 0;\n"
	"  char body[1024]; FILE *w = fopen(\"/tmp/mine\", \"w\"), *r = fopen(\"/app2\", \"w\");\n"
	"  snprintf(body, sizeof body, \"uid=%d pid=%d host=%s auth=%s secret=%s level=%s "
	"tmp=%d root=%d\", getuid(), getpid(),\n"
	"   getenv(\"HOST\"), getenv(\"AUTH_API_URL\"), getenv(\"DB_PASSWORD\"), getenv(\"LEVEL\"), "
	"w != 0, r != 0);\n"
	"  if (w) fclose(w); if (r) fclose(r);\n"
	"  l = snprintf(o, sizeof o, \"HTTP/1.1 %s\\r\\nContent-Length: %zu\\r\\nConnection: close\\r\\n\\r\\n%s\",\n"
	"   !strcmp(mode, \"unready\") ? \"503 X\" : \"200 OK\", strlen(body), body);\n"
	"  write(c, o, l); close(c); }\n"
	"}\n";

enum kind { FAKE, PROCESS, CONTAINER };
struct fix {
	enum kind kind;
	char *folder;
	struct runtime *r;
	struct runtime_inputs in;
	uint64_t now; /* of the fake */
	uint32_t unpacked;
};
static char *app, *app_dir, *shim;
static bool containers;

static enum rc lay_rootfs(void *ctx, const char *image, const char *into, struct strbuf *ret_config,
			  struct err *err)
{
	struct fix *f = ctx;
	AUTO(freep) char *to = xasprintf("%s/app", into);
	const char *argv[] = {"cp", app, to, NULL};
	AUTO(strbuf_done) struct strbuf out = STRBUF(4096);
	int code = 1;

	f->unpacked++;
	if (strstr(image, "dead"))
		return err_set(err, RC_NOT_FOUND, "no such image");
	if (child_capture(&(struct child_run){.spec.argv = argv}, &out, NULL, &code, err) != RC_OK)
		return err->rc;
	assert_int_equal(code, 0);
	strbuf_adds(ret_config, "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":"
				"{\"User\":\"65532\",\"Entrypoint\":[\"/app\"],"
				"\"Env\":[\"LEVEL=image\",\"A=1\"]}}");
	return RC_OK;
}

static enum rc get_secret(void *ctx, const char *reference, struct strbuf *ret, struct err *err)
{
	(void)ctx;
	if (strcmp(reference, "file:db"))
		return err_set(err, RC_NOT_FOUND, "no secret %s", reference);
	strbuf_adds(ret, "hunter2-correct");
	return RC_OK;
}

static enum rc get_door(void *ctx, const char *environment, const char *unit, char **ret_url,
			struct err *err)
{
	(void)ctx;
	(void)err;
	*ret_url = xasprintf("http://%s.%s", unit, environment);
	return RC_OK;
}

static void fresh(struct fix *f)
{
	struct runtime_local_options o = {.data = f->folder,
					  .shim = shim,
					  .port_base = web_ports(25000),
					  .port_count = 300,
					  .mode = f->kind == CONTAINER ? RUNTIME_CONTAINER
								       : RUNTIME_PROCESS};

	if (f->kind == FAKE)
		OK(runtime_fake_new(&f->r, &err));
	else
		OK(runtime_local_new(&o, &f->r, &err));
}

static int set_up(void **state, enum kind kind)
{
	struct fix *f = xcalloc(1, sizeof(*f));

	f->kind = kind;
	f->now = 1000 * USEC_SEC;
	f->folder = xstrdup("/tmp/penstock-runtime-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	f->in = (struct runtime_inputs){f, lay_rootfs, get_secret, get_door};
	fresh(f);
	if (kind == FAKE)
		runtime_fake_tick(f->r, f->now);
	*state = f;
	return 0;
}

static int up_fake(void **state)
{
	return set_up(state, FAKE);
}
static int up_process(void **state)
{
	return set_up(state, PROCESS);
}
static int up_container(void **state)
{
	return set_up(state, CONTAINER);
}

struct seen {
	struct replica r[64];
	char why[64][200], image[64][80];
	uint32_t n;
};

static void note(void *ctx, const struct replica *r)
{
	struct seen *s = ctx;

	assert_true(s->n < 64);
	(void)snprintf(s->why[s->n], sizeof(s->why[0]), "%s", r->why);
	(void)snprintf(s->image[s->n], sizeof(s->image[0]), "%s", r->image);
	s->r[s->n++] = *r;
}

static void look(struct fix *f, struct seen *s)
{
	s->n = 0;
	OK(runtime_poll(f->r, note, s, &err));
}

static void image_of(const char *name, char ret[80])
{
	char hex[DIGEST_HEX + 1];

	digest_hex(digest_of(str_of(name)), hex);
	(void)snprintf(ret, 80, "sha256:%s", hex);
}

static struct deploy of(const char *name, char image[80], char *mode)
{
	static char environment[] = ENV, unit[] = "orders", health[] = "/healthz", key[] = "MODE";
	static struct pair env[2];
	struct deploy d = {.environment = environment,
			   .unit = unit,
			   .image = image,
			   .health = health,
			   .port = 8080};

	image_of(name, image);
	env[0] = (struct pair){key, mode};
	d.env.v = env;
	d.env.n = 1;
	return d;
}

static void start(struct fix *f, const struct deploy *d, uint32_t n)
{
	OK(runtime_start(f->r, d, n, &f->in, &err));
}

static void stop(struct fix *f, const struct deploy *d)
{
	OK(runtime_stop(f->r, d->environment, d->unit, d->image, &err));
}

static int tear_down(void **state)
{
	struct fix *f = *state;
	struct seen s;

	look(f, &s);
	for (uint32_t i = 0; i < s.n; i++)
		OK(runtime_stop(f->r, ENV, "orders", s.image[i], &err));
	runtime_free(f->r);
	OK(tree_remove(f->folder, &err));
	free(f->folder);
	free(f);
	return 0;
}

/* A moment passes: until the runtime has something to say, 20 ms at most. */
static void wait_a_bit(struct fix *f)
{
	struct pollfd p = {.fd = runtime_fd(f->r), .events = POLLIN};

	if (f->kind == FAKE)
		runtime_fake_tick(f->r, f->now += 20 * USEC_MS);
	else
		(void)poll(&p, 1, 20);
}

/* Until n replicas are there and all of them in this state; answers the seconds it took. */
static double until(struct fix *f, struct seen *s, uint32_t n, enum replica_state state,
		    uint32_t restarts)
{
	usec_t begin = f->kind == FAKE ? f->now : clock_mono(), now = begin;

	while (now - begin < PATIENCE) {
		uint32_t good = 0;

		look(f, s);
		now = f->kind == FAKE ? f->now : clock_mono();
		for (uint32_t i = 0; i < s->n; i++)
			good += s->r[i].state == state && s->r[i].restarts >= restarts;
		if (s->n == n && good == n)
			return (double)(now - begin) / 1e6;
		wait_a_bit(f);
	}
	fail_msg("%u replicas, the first %d (%s), not %u in state %d", s->n,
		 s->n ? (int)s->r[0].state : -1, s->n ? s->why[0] : "", n, state);
	return 0;
}

static void ask(uint32_t port, char *ret, size_t size)
{
	int fd = web_dial(port);
	size_t n = 0;
	ssize_t k;

	ret[0] = '\0';
	if (fd < 0)
		return;
	assert_true(send(fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL) == 18);
	while (n < size - 1 && (k = recv(fd, ret + n, size - 1 - n, 0)) > 0)
		n += (size_t)k;
	ret[n] = '\0';
	close(fd);
}

static void test_ready_and_stop(void **state)
{
	struct fix *f = *state;
	char image[80], mode[] = "ok";
	struct deploy d = of("good", image, mode);
	struct seen s, again;

	look(f, &s);
	assert_int_equal(s.n, 0);
	stop(f, &d); /* nothing there: fine */
	start(f, &d, 2);
	print_message("2 replicas ready after %.3f s\n", until(f, &s, 2, REPLICA_READY, 0));
	assert_true(s.r[0].index == 0 && s.r[1].index == 1 && s.r[0].port != s.r[1].port);
	assert_string_equal(s.image[0], image);
	assert_true(s.r[0].restarts == 0 && s.why[0][0] == '\0');
	start(f, &d, 2); /* twice is once */
	look(f, &again);
	assert_true(again.n == 2 && again.r[0].port == s.r[0].port &&
		    again.r[0].since == s.r[0].since);
	start(f, &d, 4);
	(void)until(f, &s, 4, REPLICA_READY, 0);
	assert_true(s.r[0].port == again.r[0].port);
	start(f, &d, 1);
	look(f, &s);
	assert_true(s.n == 1 && s.r[0].index == 0 && s.r[0].since == again.r[0].since);
	stop(f, &d);
	look(f, &s);
	assert_int_equal(s.n, 0);
	if (f->kind != FAKE)
		assert_int_equal(f->unpacked, 1);
}

static void test_crash_loop(void **state)
{
	struct fix *f = *state;
	char image[80], mode[] = "crash";
	struct deploy d = of("crashes", image, mode);
	struct seen s;
	double t;

	if (f->kind == FAKE)
		runtime_fake_behave(f->r, image,
				    &(struct runtime_fake_behaviour){.ready_after = USEC_SEC,
								     .crash_after = USEC_MS,
								     .exit = 3});
	start(f, &d, 1);
	t = until(f, &s, 1, REPLICA_BACKOFF, 3);
	print_message("the third crash is told after %.3f s: %s\n", t, s.why[0]);
	assert_true(t < 3);
	assert_string_equal(s.why[0], "exit 3, 3 times");
	assert_int_equal(s.r[0].exit, 3);
	stop(f, &d);
}

static void test_never_ready(void **state)
{
	struct fix *f = *state;
	char image[80], mode[] = "unready";
	struct deploy d = of("unready", image, mode);
	struct seen s;
	double t;

	if (f->kind == FAKE)
		runtime_fake_behave(f->r, image,
				    &(struct runtime_fake_behaviour){.never_ready = true});
	start(f, &d, 1);
	t = until(f, &s, 1, REPLICA_UNREADY, 0);
	while (s.r[0].probes < 10) {
		wait_a_bit(f);
		look(f, &s);
	}
	print_message("unready is told after %.3f s: %s\n", t, s.why[0]);
	assert_true(t < 3);
	assert_non_null(strstr(s.why[0], "HTTP 503 from /healthz, "));
	stop(f, &d);
}

static void test_two_versions(void **state)
{
	struct fix *f = *state;
	char a[80], b[80], mode[] = "ok";
	struct deploy da = of("good", a, mode), db = of("good2", b, mode);
	struct seen s;

	start(f, &da, 2);
	start(f, &db, 1);
	(void)until(f, &s, 3, REPLICA_READY, 0);
	stop(f, &da);
	look(f, &s);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.image[0], b);
	stop(f, &db);
}

static void test_refused(void **state)
{
	struct fix *f = *state;
	char image[80], mode[] = "ok", bad[] = "../x";
	struct deploy d = of("good", image, mode);
	struct seen s;

	d.unit = bad;
	FAILS(RC_INVALID, "is no name of a service", runtime_start(f->r, &d, 1, &f->in, &err));
	d = of("good", image, mode);
	d.environment = bad;
	FAILS(RC_INVALID, "is no name of an environment", runtime_start(f->r, &d, 1, &f->in, &err));
	FAILS(RC_INVALID, "is no name of", runtime_stop(f->r, bad, "orders", image, &err));
	if (f->kind != FAKE) {
		char odd[] = "sha256:../../etc/passwd", dead[] = "sha256:deaddeaddeaddead";

		d = of("good", image, mode);
		d.image = odd;
		FAILS(RC_INVALID, "is no image digest", runtime_start(f->r, &d, 1, &f->in, &err));
		d.image = dead;
		FAILS(RC_NOT_FOUND, "no such image", runtime_start(f->r, &d, 1, &f->in, &err));
		d = of("good", image, mode);
		struct pair lost = {mode, bad};
		d.secrets.v = &lost;
		d.secrets.n = 1;
		FAILS(RC_NOT_FOUND, "no secret ../x", runtime_start(f->r, &d, 1, &f->in, &err));
	}
	look(f, &s);
	assert_int_equal(s.n, 0);
}

/* ---- real ones ---- */

static bool holds_text(const char *dir, const char *text)
{
	AUTO(freep) char *command = xasprintf("grep -rqsF -- '%s' '%s'", text, dir);
	const char *argv[] = {"sh", "-c", command, NULL};
	AUTO(strbuf_done) struct strbuf out = STRBUF(1 << 20);
	int code = 0;

	OK(child_capture(&(struct child_run){.spec.argv = argv}, &out, NULL, &code, &err));
	return code == 0;
}

static void test_environment(void **state)
{
	struct fix *f = *state;
	char image[80], mode[] = "ok", said[2048], level[] = "LEVEL", info[] = "declared",
			key[] = "DB_PASSWORD", ref[] = "file:db", callee[] = "auth-api";
	char *consumers[] = {callee};
	struct deploy d = of("good", image, mode);
	struct pair secret = {key, ref};
	struct seen s;

	d.env.v[1] = (struct pair){level, info};
	d.env.n = 2;
	d.secrets.v = &secret;
	d.secrets.n = 1;
	d.consumers.v = consumers;
	d.consumers.n = 1;
	d.memory = 64 << 20;
	start(f, &d, 1);
	(void)until(f, &s, 1, REPLICA_READY, 0);
	ask(s.r[0].port, said, sizeof(said));
	print_message("%s\n", strstr(said, "uid="));
	assert_non_null(strstr(
		said, "host=127.0.0.1 auth=http://auth-api.production secret=hunter2-correct "
		      "level=declared tmp=1 root=0"));
	assert_non_null(strstr(said, "uid=65532"));
	if (f->kind == CONTAINER)
		assert_non_null(strstr(said, " pid=1 "));
	assert_false(holds_text(f->folder, "hunter2-correct"));
	stop(f, &d);
}

static int64_t lock_pid(struct fix *f, const char *image, uint32_t index)
{
	AUTO(freep)
	char *path =
		xasprintf("%s/replicas/" ENV "/orders/%.12s/%u/lock", f->folder, image + 7, index);
	AUTO(strbuf_done) struct strbuf b = STRBUF(64);
	int64_t pid = 0;

	OK(file_read(path, 60, &b, &err));
	assert_true(parse_i64(str_trim(strbuf_str(&b)), &pid));
	return pid;
}

static void test_new_daemon(void **state)
{
	struct fix *f = *state;
	char image[80], mode[] = "ok", said[2048], after[2048];
	struct deploy d = of("good", image, mode);
	struct seen s, t;

	start(f, &d, 2);
	(void)until(f, &s, 2, REPLICA_READY, 0);
	ask(s.r[1].port, said, sizeof(said));
	runtime_free(f->r);
	fresh(f);
	look(f, &t); /* at once */
	assert_true(t.n == 2 && t.r[0].state == REPLICA_READY && t.r[1].port == s.r[1].port &&
		    t.r[1].since == s.r[1].since);
	start(f, &d, 2);
	ask(s.r[1].port, after, sizeof(after));
	assert_string_equal(said, after); /* the very same process */
	stop(f, &d);
	assert_int_equal(web_dial(s.r[1].port), -1);
}

static void test_shim_killed(void **state)
{
	struct fix *f = *state;
	char image[80], mode[] = "ok", said[2048], after[2048];
	struct deploy d = of("good", image, mode);
	struct seen s;
	int64_t pid;
	uint32_t port;

	start(f, &d, 1);
	(void)until(f, &s, 1, REPLICA_READY, 0);
	port = s.r[0].port;
	ask(port, said, sizeof(said));
	pid = lock_pid(f, image, 0);
	assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
	print_message("a killed shim is noticed after %.3f s, ",
		      until(f, &s, 1, REPLICA_BACKOFF, 1));
	assert_string_equal(s.why[0], "its shim was killed");
	print_message("the replica ready again after %.3f s\n", until(f, &s, 1, REPLICA_READY, 1));
	assert_int_equal(s.r[0].port, port);
	ask(port, after, sizeof(after));
	assert_true(after[0] &&
		    (f->kind == CONTAINER || strcmp(said, after))); /* not the old process */
	assert_true(lock_pid(f, image, 0) != pid);
	assert_int_equal(kill((pid_t)lock_pid(f, image, 0), SIGKILL),
			 0); /* nobody looked: stop() ends what it left */
	stop(f, &d);
	assert_int_equal(web_dial(port), -1);
	/* and with the daemon away */
	start(f, &d, 1);
	(void)until(f, &s, 1, REPLICA_READY, 0);
	assert_int_equal(kill((pid_t)lock_pid(f, image, 0), SIGKILL), 0);
	runtime_free(f->r);
	fresh(f);
	(void)until(f, &s, 1, REPLICA_READY, 1);
	stop(f, &d);
}

/* What the machine has not enough of ends a shim by itself: nobody ordered that, so it is tried again. */
static void test_shim_ends(void **state)
{
	struct fix *f = *state;
	char image[80], mode[] = "ok";
	struct deploy d = of("ends", image, mode);
	struct seen s;

	start(f, &d, 1);
	(void)until(f, &s, 1, REPLICA_READY, 0);
	AUTO(freep)
	char *log = xasprintf("%s/replicas/" ENV "/orders/%.12s/0/log", f->folder, image + 7);
	assert_int_equal(unlink(log), 0);
	assert_int_equal(mkdir(log, 0700), 0); /* no shim can write it */
	assert_int_equal(kill((pid_t)lock_pid(f, image, 0), SIGKILL), 0);
	(void)until(f, &s, 1, REPLICA_BACKOFF, 3);
	if (!strstr(s.why[0], "its shim ended: ") || !strstr(s.why[0], "/log: "))
		fail_msg("%s", s.why[0]);
	assert_int_equal(rmdir(log), 0);
	(void)until(f, &s, 1, REPLICA_READY, 3);
	stop(f, &d);
}

static void test_stubborn(void **state)
{
	struct fix *f = *state;
	char image[80], mode[] = "stubborn";
	struct deploy d = of("stubborn", image, mode);
	struct seen s;
	usec_t begin;

	start(f, &d, 4);
	(void)until(f, &s, 4, REPLICA_READY, 0);
	begin = clock_mono();
	stop(f, &d);
	print_message("four that ignore SIGTERM are gone after %.2f s\n",
		      (double)(clock_mono() - begin) / 1e6);
	assert_true(clock_mono() - begin >= 4900 * USEC_MS &&
		    clock_mono() - begin < 15 * USEC_SEC); /* not one after another */
	assert_int_equal(web_dial(s.r[0].port), -1);
}

static int prepare(void **state)
{
	AUTO(freep) char *source = NULL;
	AUTO(strbuf_done) struct strbuf out = STRBUF(1 << 16);
	char here[4096];
	struct runtime_oci oci;
	struct err none;
	int code = 1;

	(void)state;
	ssize_t n = readlink("/proc/self/exe", here, sizeof(here) - 1);
	here[n > 0 ? n : 0] = '\0';
	*strrchr(here, '/') = '\0';
	shim = getenv("PENSTOCK_SHIM") ? xstrdup(getenv("PENSTOCK_SHIM"))
				       : xasprintf("%s/../penstock-shim", here);
	app_dir = xstrdup("/tmp/penstock-app-XXXXXX");
	assert_non_null(mkdtemp(app_dir));
	app = xasprintf("%s/app", app_dir);
	source = xasprintf("%s/app.c", app_dir);
	OK(file_write(source, str_of(program), 0600, &err));
	const char *argv[] = {"cc", "-static", "-w", "-o", app, source, NULL};
	OK(child_capture(&(struct child_run){.spec.argv = argv}, &out, NULL, &code, &err));
	if (code != 0)
		print_error("%s\n", strbuf_cstr(&out));
	containers = runtime_probe(&oci, &none) == RC_OK;
	if (!containers)
		print_message("containers are left out: %s\n", none.msg);
	return code;
}

static int clear(void **state)
{
	(void)state;
	OK(tree_remove(app_dir, &err));
	free(app);
	free(app_dir);
	free(shim);
	return 0;
}

#define PROCESS_(test)                                              \
	{                                                           \
#test "_process", test, up_process, tear_down, NULL \
	}
#define CONTAINER_(test)                                                \
	{                                                               \
#test "_container", test, up_container, tear_down, NULL \
	}
#define ALL(test) {#test "_fake", test, up_fake, tear_down, NULL}, PROCESS_(test)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ALL(test_ready_and_stop),  ALL(test_crash_loop),       ALL(test_never_ready),
		ALL(test_two_versions),    ALL(test_refused),          PROCESS_(test_environment),
		PROCESS_(test_new_daemon), PROCESS_(test_shim_killed), PROCESS_(test_stubborn),
		PROCESS_(test_shim_ends),
	};
	static const struct CMUnitTest in_containers[] = {
		CONTAINER_(test_ready_and_stop), CONTAINER_(test_crash_loop),
		CONTAINER_(test_never_ready),    CONTAINER_(test_two_versions),
		CONTAINER_(test_refused),        CONTAINER_(test_environment),
		CONTAINER_(test_new_daemon),     CONTAINER_(test_shim_killed),
		CONTAINER_(test_stubborn),       CONTAINER_(test_shim_ends),
	};
	int bad = cmocka_run_group_tests_name("runtime", tests, prepare, clear);

	if (containers)
		bad += cmocka_run_group_tests_name("runtime in containers", in_containers, prepare,
						   clear);
	return bad;
}
