/* The HAProxy process: found, started, replaced. */
#include "flow/5-deploy/route_haproxy.h"
#include "io/child.h"
#include "io/clock.h"
#include "io/files.h"
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum rc split_program(const char *given, char **ret, struct err *err)
{
	static const char *const places[] = {"/usr/sbin/haproxy", "/usr/local/sbin/haproxy",
					     "/usr/bin/haproxy"};
	struct str rest = str_of(getenv("PATH"));

	if (given && access(given, X_OK) == 0) {
		*ret = xstrdup(given);
		return RC_OK;
	}
	while (!given && rest.p) {
		struct str dir = str_cut(&rest, ':');
		char *path AUTO(freep) = xasprintf("%.*s/haproxy", (int)dir.n, dir.p);

		if (dir.n && access(path, X_OK) == 0) {
			*ret = path;
			path = NULL;
			return RC_OK;
		}
	}
	for (size_t i = 0; !given && i < ARRAY_LEN(places); i++)
		if (access(places[i], X_OK) == 0) {
			*ret = xstrdup(places[i]);
			return RC_OK;
		}
	return err_set(err, RC_UNSUPPORTED, "%s: no such program; install it (apt install haproxy)",
		       given ? given : "haproxy");
}

enum rc route_probe(struct err *reason)
{
	char *program AUTO(freep) = NULL;
	struct strbuf out AUTO(strbuf_done) = STRBUF(1 << 16);
	const char *argv[] = {NULL, "-v", NULL};
	uint32_t major = 0, minor = 0;
	int code = 0;

	if (split_program(NULL, &program, reason) != RC_OK)
		return reason->rc;
	argv[0] = program;
	if (child_capture(&(struct child_run){.spec = {.argv = argv}, .timeout = 5 * USEC_SEC},
			  &out, NULL, &code, reason) != RC_OK)
		return err_wrap(reason, "%s -v", program);
	if (sscanf(strbuf_cstr(&out), "HAProxy version %u.%u", &major, &minor) != 2 &&
	    sscanf(strbuf_cstr(&out), "HA-Proxy version %u.%u", &major, &minor) != 2)
		return err_set(reason, RC_UNSUPPORTED, "%s does not tell its version", program);
	if (major < 2 || (major == 2 && minor < 6))
		return err_set(reason, RC_UNSUPPORTED, "%s is %u.%u; 2.6 or newer is needed",
			       program, major, minor);
	return RC_OK;
}

/* Ours is the one that works in our folder; a zombie is none. */
static bool is_ours(const struct route_haproxy *h, int64_t pid)
{
	char link[64], at[4096], status[256];
	struct strbuf text AUTO(strbuf_done) = STRBUF(sizeof(status));
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/%lld/cwd", (long long)pid);
	n = readlink(link, at, sizeof(at) - 1);
	if (n <= 0)
		return false;
	at[n] = '\0';
	if (!streq(at, h->dir))
		return false;
	(void)snprintf(link, sizeof(link), "/proc/%lld/comm", (long long)pid);
	return file_read(link, sizeof(status), &text, NULL) == RC_OK &&
	       str_starts(strbuf_str(&text), "haproxy");
}

int64_t split_running(struct route_haproxy *h)
{
	char *path AUTO(freep) = xasprintf("%s/haproxy.pid", h->dir);
	struct strbuf text AUTO(strbuf_done) = STRBUF(64);
	int64_t pid;

	if (file_read(path, 60, &text, NULL) != RC_OK ||
	    !parse_i64(str_trim(strbuf_str(&text)), &pid) || pid <= 1)
		return 0;
	return is_ours(h, pid) ? pid : 0;
}

/* The first alert is the reason; those after it follow from it. */
static enum rc refused(struct str said, struct err *err)
{
	struct str rest = said, line = {0}, reason = STR("it says nothing");

	while (rest.p && !str_starts(line, "[ALERT]"))
		line = str_cut(&rest, '\n');
	if (str_starts(line, "[ALERT]"))
		reason = str_trim((struct str){line.p + 7, line.n - 7});
	return err_set(err, RC_UNAVAILABLE, "HAProxy does not start: %.*s",
		       (int)MIN_OF(reason.n, 300u), reason.p);
}

static enum rc answered(struct route_haproxy *h, int64_t old, struct err *err)
{
	usec_t until = clock_mono() + 3 * USEC_SEC;
	int64_t pid = 0;

	for (;;) {
		if (split_pid(h, &pid, err) == RC_OK && pid != old) {
			h->pid = pid;
			return RC_OK;
		}
		if (clock_mono() >= until)
			return err_set(err, RC_UNAVAILABLE,
				       "HAProxy was started, but does not answer within 3 s");
		clock_sleep(5 * USEC_MS);
	}
}

enum rc split_launch(struct route_haproxy *h, struct err *err)
{
	struct strbuf said AUTO(strbuf_done) = STRBUF(1 << 16);
	int64_t old = split_running(h), asked = 0;
	struct err ignored;
	char pid[24];
	const char *argv[16] = {h->program, "-D",          "-C", h->dir,
				"-f",       "haproxy.cfg", "-p", "haproxy.pid"};
	size_t n = 8;
	int code = 0, relay[2];
	enum rc rc;

	if (split_configure(h, err) != RC_OK)
		return err->rc;
	if (split_pid(h, &asked, &ignored) ==
	    RC_OK) { /* its sockets are taken over: no connection is refused in between */
		argv[n++] = "-x";
		argv[n++] = "admin.sock";
		old = asked;
	}
	if (old) {
		(void)snprintf(pid, sizeof(pid), "%lld", (long long)old);
		argv[n++] = "-sf";
		argv[n++] = pid;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, relay) < 0)
		return err_errno(err, errno, "socketpair");
	rc = child_capture(&(struct child_run){.spec = {.argv = argv, .dir = h->dir, .pass = relay},
					       .timeout = 10 * USEC_SEC},
			   &said, NULL, &code, err);
	fd_close(&relay[0]);
	fd_close(&relay[1]);
	if (rc != RC_OK)
		return err_wrap(err, "%s", h->program);
	if (code != 0)
		return refused(strbuf_str(&said), err);
	if (answered(h, old, err) != RC_OK)
		return err->rc;
	vec_each(s, &h->state.services)
		vec_each(v, &s->servers)
			v->failed = 0;
	return RC_OK;
}

enum rc route_haproxy_stop(struct route *r, struct err *err)
{
	struct route_haproxy *h = container_of(r, struct route_haproxy, route);
	usec_t until = clock_mono() + 2 * USEC_SEC;
	int64_t pid = 0;

	pthread_mutex_lock(&h->lock);
	h->stopped = true;
	if (split_pid(h, &pid, err) != RC_OK)
		pid = split_running(h);
	if (pid)
		(void)kill((pid_t)pid, SIGUSR1); /* ends when its last request has */
	while (pid && is_ours(h, pid) && clock_mono() < until) {
		clock_sleep(10 * USEC_MS);
		if (clock_mono() + USEC_SEC > until)
			(void)kill((pid_t)pid, SIGTERM);
	}
	if (pid && is_ours(h, pid))
		(void)kill((pid_t)pid, SIGKILL);
	h->pid = 0;
	pthread_mutex_unlock(&h->lock);
	return RC_OK;
}
