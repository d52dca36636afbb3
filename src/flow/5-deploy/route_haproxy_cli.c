/* HAProxy's runtime API: one connection for each command, answers matched exactly. */
#include "flow/5-deploy/route_haproxy.h"
#include "io/clock.h"
#include "io/files.h"
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_WITHIN (3 * USEC_SEC)

/* By the folder's descriptor: a socket's address has room for 107 bytes, a data folder's path
 * may be longer. */
static enum rc dial(struct route_haproxy *h, int *ret, struct err *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd AUTO(fd_close) = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_errno(err, errno, "socket");
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/admin.sock", h->dirfd);
	if (connect(fd, (const struct sockaddr *)(const void *)&a, sizeof(a)) != 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return err_set(err, RC_NOT_FOUND,
				       "HAProxy does not run (nobody listens at %s/admin.sock)",
				       h->dir);
		return err_errno(err, errno, "%s/admin.sock", h->dir);
	}
	*ret = fd;
	fd = -1;
	return RC_OK;
}

static enum rc wait_for(int fd, short what, usec_t until, struct err *err)
{
	for (;;) {
		usec_t now = clock_mono();
		struct pollfd p = {.fd = fd, .events = what};
		int n = now >= until ? 0 : poll(&p, 1, (int)((until - now) / USEC_MS) + 1);

		if (n > 0)
			return RC_OK;
		if (n == 0)
			return err_set(err, RC_UNAVAILABLE, "HAProxy does not answer within 3 s");
		if (errno != EINTR)
			return err_errno(err, errno, "poll");
	}
}

static enum rc say(int fd, struct str text, usec_t until, struct err *err)
{
	while (text.n) {
		ssize_t n = send(fd, text.p, text.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			if (wait_for(fd, POLLOUT, until, err) != RC_OK)
				return err->rc;
		} else if (n < 0 && errno != EINTR) {
			return err_errno(err, errno, "HAProxy's socket");
		} else if (n > 0) {
			text.p += n;
			text.n -= (size_t)n;
		}
	}
	return RC_OK;
}

static enum rc hear(int fd, struct strbuf *ret, usec_t until, struct err *err)
{
	char part[16384];

	for (;;) {
		ssize_t n = recv(fd, part, sizeof(part), 0);

		if (n == 0)
			break;
		if (n > 0)
			strbuf_add(ret, part, (size_t)n);
		else if (errno == EAGAIN && wait_for(fd, POLLIN, until, err) != RC_OK)
			return err->rc;
		else if (errno != EAGAIN && errno != EINTR)
			return err_errno(err, errno, "HAProxy's socket");
		if (strbuf_failed(ret))
			return err_set(err, RC_TOO_BIG, "HAProxy's answer is above %zu bytes",
				       ret->cap);
	}
	while (ret->n && ret->p[ret->n - 1] == '\n')
		ret->p[--ret->n] = '\0';
	return RC_OK;
}

enum rc split_ask(struct route_haproxy *h, struct str command, struct strbuf *ret, struct err *err)
{
	usec_t until = clock_mono() + ANSWER_WITHIN;
	int fd AUTO(fd_close) = -1;

	strbuf_clear(ret);
	if (dial(h, &fd, err) != RC_OK || say(fd, command, until, err) != RC_OK ||
	    say(fd, STR("\n"), until, err) != RC_OK)
		return err->rc;
	return hear(fd, ret, until, err);
}

enum rc split_askf(struct route_haproxy *h, struct strbuf *ret, struct err *err, const char *fmt,
		   ...)
{
	struct strbuf command AUTO(strbuf_done) = STRBUF(1 << 14);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&command, fmt, ap);
	va_end(ap);
	BUG_ON(strbuf_failed(&command));
	return split_ask(h, strbuf_str(&command), ret, err);
}

enum rc split_tell(struct route_haproxy *h, const char *answer, struct err *err, const char *fmt,
		   ...)
{
	struct strbuf command AUTO(strbuf_done) = STRBUF(1 << 14),
			      got AUTO(strbuf_done) = STRBUF(1 << 20);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&command, fmt, ap);
	va_end(ap);
	BUG_ON(strbuf_failed(&command));
	if (split_ask(h, strbuf_str(&command), &got, err) != RC_OK)
		return err->rc;
	if (!str_is(strbuf_str(&got), answer))
		return err_set(err, RC_CONFLICT, "HAProxy answers \"%.120s\" to \"%.160s\"",
			       strbuf_cstr(&got), strbuf_cstr(&command));
	return RC_OK;
}

static uint64_t number(struct str s)
{
	uint64_t n = 0;

	return parse_u64(s, &n) ? n : 0;
}

/* Columns of the CSV by place: the first 20 have kept theirs since 1.4. */
static bool stat_row(struct str line, struct split_stat *ret)
{
	struct str rest = line, f[19];

	for (size_t i = 0; i < ARRAY_LEN(f); i++) {
		if (!rest.p)
			return false;
		f[i] = str_cut(&rest, ',');
	}
	*ret = (struct split_stat){.proxy = f[0],
				   .server = f[1],
				   .current = number(f[4]),
				   .retries = number(f[15]),
				   .redispatches = number(f[16]),
				   .status = f[17],
				   .weight = number(f[18])};
	return true;
}

enum rc split_stats(struct route_haproxy *h, const char *proxy,
		    void (*each)(void *ctx, const struct split_stat *), void *ctx, struct err *err)
{
	struct strbuf got AUTO(strbuf_done) = STRBUF(SPLIT_REPLY);
	struct str rest, line;
	struct split_stat row;

	if (split_askf(h, &got, err, "show stat %s 4 -1", proxy ? proxy : "-1") != RC_OK)
		return err->rc;
	rest = strbuf_str(&got);
	line = str_cut(&rest, '\n');
	if (!str_starts(line, "# pxname,svname,qcur,qmax,scur,"))
		return err_set(err, RC_CONFLICT, "HAProxy answers \"%.*s\" to \"show stat\"",
			       (int)MIN_OF(line.n, 120u), line.p);
	while (rest.p) {
		line = str_cut(&rest, '\n');
		if (stat_row(line, &row))
			each(ctx, &row);
	}
	return RC_OK;
}

enum rc split_pid(struct route_haproxy *h, int64_t *ret, struct err *err)
{
	struct strbuf got AUTO(strbuf_done) = STRBUF(1 << 20);
	struct str rest, line;

	if (split_ask(h, STR("show info"), &got, err) != RC_OK)
		return err->rc;
	rest = strbuf_str(&got);
	while (rest.p) {
		line = str_cut(&rest, '\n');
		if (str_starts(line, "Pid: ") &&
		    parse_i64((struct str){line.p + 5, line.n - 5}, ret))
			return RC_OK;
	}
	return err_set(err, RC_CONFLICT, "HAProxy does not tell its pid");
}
