/* The demo's world: a bare repository of the shop, a work tree of a developer, a daemon, clients. */
#include "api/wire.h"
#include "base/json.h"
#include "io/clock.h"
#include "io/files.h"
#include "io/http.h"
#include "main/demo.h"
#include "main/house.h"
#include "store/adapters.h"
#include <signal.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUT_MAX ((size_t)1 << 20)

static enum rc run(struct demo *d, const char *const *argv, const char *dir, struct strbuf *out,
		   struct err *err)
{
	AUTO(strbuf_done) struct strbuf ignored = STRBUF(OUT_MAX), errors = STRBUF(OUT_MAX);
	struct child_run r = {.spec = {.argv = argv, .dir = dir, .fds = {-1, -1, -1, -1}},
			      .timeout = 60 * USEC_SEC};
	int code = 0;

	(void)d;
	enum rc rc = child_capture(&r, out ? out : &ignored, &errors, &code, err);
	if (rc != RC_OK)
		return err_wrap(err, "%s", argv[0]);
	if (code)
		return err_set(err, RC_INVALID, "%s %s ended with %d: %.300s", argv[0], argv[1],
			       code, strbuf_cstr(&errors));
	return RC_OK;
}

static enum rc git(struct demo *d, struct strbuf *out, struct err *err, const char *a,
		   const char *b, const char *c, const char *e, const char *f)
{
	const char *argv[] = {"git",
			      "-c",
			      "user.name=Shop Developer",
			      "-c",
			      "user.email=developer@shop.example",
			      "-c",
			      "commit.gpgsign=false",
			      "-c",
			      "init.defaultBranch=main",
			      "-c",
			      "advice.detachedHead=false",
			      a,
			      b,
			      c,
			      e,
			      f,
			      NULL};

	return run(d, argv, d->work, out, err);
}

/* Where the shop is: beside the build folder, or installed. */
static char *find_examples(const char *self)
{
	const char *const places[] = {"/../examples", "/../share/penstock/examples"};
	AUTO(freep) char *folder = xstrdup(self);

	if (strrchr(folder, '/'))
		*strrchr(folder, '/') = '\0';
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		char *path = xasprintf("%s%s", folder, places[i]);
		AUTO(freep) char *probe = xasprintf("%s/shop/penstock.yml", path);

		if (file_exists(probe))
			return path;
		xfree(path);
	}
	return NULL;
}

static enum rc make_folder(struct demo *d, struct err *err)
{
	if (d->o.dir) {
		d->dir = xstrdup(d->o.dir);
		return dir_make(d->dir, 0755, err);
	}
	const char *tmp = getenv("TMPDIR");
	char *name = xasprintf("%s/penstock-demo-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(name)) {
		enum rc rc = err_set(err, RC_NO_SPACE, "cannot make a folder like %s", name);

		xfree(name);
		return rc;
	}
	d->dir = name;
	return RC_OK;
}

static enum rc copy_tree(struct demo *d, const char *from, struct err *err)
{
	AUTO(freep) char *source = xasprintf("%s/.", from);
	const char *argv[] = {"cp", "-R", source, d->work, NULL};

	return run(d, argv, NULL, NULL, err);
}

enum rc demo_make(struct demo *d, struct err *err)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return err_set(err, RC_UNSUPPORTED, "/proc/self/exe cannot be read");
	self[n] = '\0';
	d->self = xstrdup(self);
	d->examples = find_examples(self);
	if (!d->examples)
		return err_set(
			err, RC_NOT_FOUND,
			"the example shop is not beside %s; run the demo from the source tree or after `make install`",
			self);
	enum rc rc = make_folder(d, err);
	if (rc != RC_OK)
		return rc;
	d->bare = xasprintf("%s/shop.git", d->dir);
	d->work = xasprintf("%s/work", d->dir);
	d->data = xasprintf("%s/data", d->dir);
	rc = dir_make(d->work, 0755, err);
	if (rc == RC_OK)
		rc = git(d, NULL, err, "init", "--quiet", "--bare", d->bare, NULL);
	if (rc == RC_OK)
		rc = git(d, NULL, err, "init", "--quiet", ".", NULL, NULL);
	if (rc == RC_OK)
		rc = git(d, NULL, err, "remote", "add", "origin", d->bare, NULL);
	return rc;
}

static enum rc tip(struct demo *d, char **ret_commit, struct err *err)
{
	AUTO(strbuf_done) struct strbuf out = STRBUF(256);
	enum rc rc = git(d, &out, err, "rev-parse", "HEAD", NULL, NULL, NULL);

	if (rc == RC_OK) {
		struct str text = str_trim(strbuf_str(&out));

		*ret_commit = xstrndup(text.p, text.n);
	}
	return rc;
}

static enum rc commit_and_push(struct demo *d, const char *message_file, char **ret_commit,
			       struct err *err)
{
	enum rc rc = git(d, NULL, err, "add", "-A", NULL, NULL, NULL);

	if (rc == RC_OK)
		rc = git(d, NULL, err, "commit", "--quiet", "-F", message_file, NULL);
	if (rc == RC_OK)
		rc = tip(d, ret_commit, err);
	if (rc == RC_OK)
		rc = git(d, NULL, err, "push", "--quiet", "origin", "HEAD:main", NULL);
	return rc;
}

enum rc demo_push_first(struct demo *d, char **ret_commit, struct err *err)
{
	AUTO(freep)
	char *shop = xasprintf("%s/shop", d->examples), *message = xasprintf("%s/message", d->dir);
	enum rc rc = copy_tree(d, shop, err);

	if (rc == RC_OK)
		rc = file_write_fast(message, STR("Open the shop\n"), 0644, err);
	return rc == RC_OK ? commit_and_push(d, message, ret_commit, err) : rc;
}

/* As a developer does it: take what others (here: Penstock) pushed, change, push. */
enum rc demo_push_change(struct demo *d, const char *name, char **ret_commit, struct err *err)
{
	AUTO(freep)
	char *tree = xasprintf("%s/changes/%s/tree", d->examples, name),
	     *message = xasprintf("%s/changes/%s/message", d->examples, name);
	enum rc rc = git(d, NULL, err, "fetch", "--quiet", "origin", NULL, NULL);

	if (rc == RC_OK)
		rc = git(d, NULL, err, "reset", "--quiet", "--hard", "origin/main", NULL);
	if (rc == RC_OK)
		rc = copy_tree(d, tree, err);
	return rc == RC_OK ? commit_and_push(d, message, ret_commit, err) : rc;
}

enum rc demo_push_revert(struct demo *d, const char *commit, char **ret_commit, struct err *err)
{
	enum rc rc = git(d, NULL, err, "revert", "--no-edit", commit, NULL, NULL);

	if (rc == RC_OK)
		rc = tip(d, ret_commit, err);
	if (rc == RC_OK)
		rc = git(d, NULL, err, "push", "--quiet", "origin", "HEAD:main", NULL);
	return rc;
}

enum rc demo_git_tip(struct demo *d, char **ret_commit, char **ret_subject, struct err *err)
{
	AUTO(strbuf_done) struct strbuf out = STRBUF(4096);
	const char *argv[] = {"git", "-C", d->bare, "log", "-1", "--format=%H %s", "main", NULL};
	enum rc rc = run(d, argv, NULL, &out, err);

	if (rc != RC_OK)
		return rc;
	struct str rest = str_trim(strbuf_str(&out)), head = str_cut(&rest, ' ');
	*ret_commit = xstrndup(head.p, head.n);
	*ret_subject = xstrndup(rest.p ? rest.p : "", rest.n);
	return RC_OK;
}

/* The usual one, or one behind it that nobody has. */
static uint16_t free_port(void)
{
	for (uint16_t port = WIRE_PORT; port < WIRE_PORT + 100; port++) {
		struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
		AUTO(fd_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int yes = 1;

		at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
		    bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
			return port;
	}
	return 0;
}

void demo_say_pages(struct demo *d)
{
	AUTO(freep) char *socket = xasprintf("%s/" WIRE_SOCKET, d->data);
	AUTO(http_answer_done) struct http_answer answer = {0};
	AUTO(json_freep) struct json *j = NULL;
	const char *const headers[] = {"Content-Type: application/json", NULL};
	struct http_request q = {
		.url = "http://penstock" WIRE_TOKENS,
		.headers = headers,
		.body = STR("{\"name\":\"demo\",\"role\":\"admin\",\"for\":\"1d\"}"),
		.unix_socket = socket};
	struct err err = {0};

	if (!d->port)
		return;
	if (!d->token && http_ask(&q, &answer, &err) == RC_OK && answer.status == 201 &&
	    json_read(strbuf_str(&answer.body), 1 << 16, &j, &err) == RC_OK)
		d->token = xstrdup(json_get_text(j, "token", ""));
	if (d->token)
		demo_say(d, "in a browser: http://127.0.0.1:%u  sign in with %s", d->port,
			 d->token);
}

enum rc demo_daemon_start(struct demo *d, struct err *err)
{
	if (!d->o.exit && !d->port)
		d->port = free_port();
	AUTO(freep) char *port = xasprintf("%u", d->port);
	AUTO(freep)
	char *repo = xasprintf("shop=%s", d->bare), *doors = xasprintf("%u", d->door_base),
	     *replicas = xasprintf("%u", d->replica_base);
	AUTO(freep) char *log = xasprintf("%s/daemon.log", d->dir);
	const char *argv[] = {d->self,
			      "serve",
			      "--data",
			      d->data,
			      "--repo",
			      repo,
			      "--port",
			      port,
			      "--door-base",
			      doors,
			      "--replica-base",
			      replicas,
			      d->o.processes ? "--processes" : NULL,
			      NULL};
	AUTO(strbuf_done) struct strbuf command = STRBUF(16384);

	/* Its log goes to a file of the demo. */
	strbuf_adds(&command, "exec");
	for (size_t i = 0; i < ARRAY_LEN(argv) && argv[i]; i++) {
		strbuf_addc(&command, ' ');
		strbuf_add_shellquoted(&command, str_of(argv[i]));
	}
	strbuf_adds(&command, " >>");
	strbuf_add_shellquoted(&command, str_of(log));
	strbuf_adds(&command, " 2>&1");
	const char *shell[] = {"sh", "-c", strbuf_cstr(&command), NULL};
	struct child_spec spec = {.argv = shell, .fds = {-1, -1, -1, -1}};
	enum rc rc = child_start(&spec, &d->daemon, err);
	if (rc != RC_OK)
		return err_wrap(err, "start the daemon");
	AUTO(freep)
	char *socket = xasprintf("%s/penstock.sock", d->data),
	     *journal = xasprintf("%s/journal.db", d->data);
	for (int i = 0; i < 200; i++) {
		int code = 0;

		if (child_ended(&d->daemon, &code))
			return err_set(err, RC_INTERNAL, "the daemon ended with %d at once; see %s",
				       code, log);
		if (file_exists(socket) &&
		    (d->store || store_sqlite_open_readonly(journal, &d->store, err) == RC_OK))
			return RC_OK;
		clock_sleep(50 * USEC_MS);
	}
	return err_set(err, RC_UNAVAILABLE, "the daemon did not come up within 10 s; see %s", log);
}

/* SIGKILL to the daemon alone: what it started lives under shims of its own. */
void demo_daemon_kill(struct demo *d)
{
	int code = 0;

	if (d->daemon.pid <= 0)
		return;
	kill(d->daemon.pid, SIGKILL);
	while (!child_ended(&d->daemon, &code))
		clock_sleep(USEC_MS);
	d->daemon = (struct child){0, -1};
}

/* The front door's address, as the daemon tells it. */
static char *orders_door(struct demo *d)
{
	AUTO(freep) char *socket = xasprintf("%s/" WIRE_SOCKET, d->data);
	AUTO(http_answer_done) struct http_answer answer = {0};
	struct http_request q = {.url = "http://penstock" WIRE_DOORS, .unix_socket = socket};
	struct err err = {0};
	struct json *root = NULL;
	char *url = NULL;

	if (http_ask(&q, &answer, &err) != RC_OK || answer.status != 200 ||
	    json_read(strbuf_str(&answer.body), 1 << 20, &root, &err) != RC_OK)
		return NULL;
	const struct json *doors = json_get(root, "doors");
	for (size_t i = 0; i < json_count(doors); i++)
		if (streq(json_get_text(json_at(doors, i), "environment", ""), "production") &&
		    streq(json_get_text(json_at(doors, i), "unit", ""), "orders"))
			url = xstrdup(json_get_text(json_at(doors, i), "url", ""));
	json_free(root);
	return url;
}

enum rc demo_load_start(struct demo *d, struct err *err)
{
	AUTO(freep) char *door = orders_door(d);
	char text[256] = "";

	if (!door || !*door)
		return err_set(err, RC_NOT_FOUND, "production has no front door for orders yet");
	AUTO(freep) char *url = xasprintf("%s/orders", door);
	struct loadgen_target target = {
		.method = "POST",
		.url = url,
		.fields = "Authorization: Bearer demo-load\r\nContent-Type: application/json\r\n",
		.body = "{\"item\":\"teapot\",\"quantity\":1}"};
	if (loadgen_start(&target, 1, d->rate, 256, &d->load, text, sizeof(text)) != 0)
		return err_set(err, RC_INVALID, "load: %s", text);
	return RC_OK;
}

static void stop_everything(struct demo *d)
{
	const char *argv[] = {d->self, "stop", "--data", d->data, NULL};
	struct err err = {0};

	if (d->daemon.pid > 0) {
		int code = 0;

		kill(d->daemon.pid, SIGTERM);
		for (int i = 0; i < 100 && !child_ended(&d->daemon, &code); i++)
			clock_sleep(50 * USEC_MS);
		child_done(&d->daemon);
	}
	if (d->data && file_exists(d->data) && run(d, argv, NULL, NULL, &err) != RC_OK)
		fprintf(stderr, "penstock demo: %s\n", err.msg);
}

void demo_free(struct demo *d)
{
	struct err err = {0};

	loadgen_stop(d->load);
	stop_everything(d);
	if (d->token)
		mem_wipe(d->token, strlen(d->token));
	xfree(d->token);
	store_free(d->store);
	model_done(&d->model);
	if (d->dir && !d->o.keep && !d->o.dir && tree_remove(d->dir, &err) != RC_OK)
		fprintf(stderr, "penstock demo: %s\n", err.msg);
	vec_each(r, &d->results) {
		vec_each(c, &r->checks)
			xfree(c->text);
		vec_done(&r->checks);
		xfree(r->release);
	}
	vec_done(&d->results);
	char *members[] = {d->self, d->examples, d->dir, d->bare, d->work, d->data};
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		xfree(members[i]);
}
