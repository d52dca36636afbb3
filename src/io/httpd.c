/* libmicrohttpd inside the loop: one of its daemons a listener, driven by its epoll descriptor and its next time-out. */
#include "io/httpd_impl.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/clock.h"
#include "io/files.h"

#define SILENCE_SECONDS 30u
#define REQUEST_TIME    (60 * USEC_SEC) /* for a whole request, drop by drop */
#define OVER_TIME       (5 * USEC_SEC)  /* of a connection above the limit */
#define SWEEP_EVERY     (5 * USEC_SEC)
#define POOL            ((size_t)32 << 10)
#define LAST_TURNS      8

static void set_tick(struct httpd *h)
{
	uint64_t least = h->kicked ? 0 : UINT64_MAX;

	for (int way = 0; way < WAYS; way++) {
		MHD_UNSIGNED_LONG_LONG ms;

		if (h->mhd[way] && MHD_get_timeout(h->mhd[way], &ms) == MHD_YES)
			least = MIN_OF(least, (uint64_t)ms);
	}
	if (least == UINT64_MAX)
		loop_timer_stop(h->tick);
	else
		loop_timer_set(h->tick, MIN_OF(least, 60000u) * USEC_MS);
}

static void turn(void *arg)
{
	struct httpd *h = arg;

	if (h->running)
		return;
	h->running = true;
	h->kicked = false;
	tls_use(h->tls);
	for (int way = 0; way < WAYS; way++)
		if (h->mhd[way])
			(void)MHD_run(h->mhd[way]);
	tls_use(NULL);
	h->running = false;
	streams_tell_drained(h);
	set_tick(h);
}

/* The library's time-out does not count connections that were resumed since its last turn. */
void httpd_kick(struct httpd *h)
{
	if (h->kicked)
		return;
	h->kicked = true;
	if (!h->running && h->tick)
		loop_timer_set(h->tick, 0);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **ctx,
			  enum MHD_ConnectionNotificationCode code)
{
	struct httpd *h = cls;
	struct conn *c = *ctx;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
		const union MHD_ConnectionInfo *daemon =
			MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_DAEMON);
		struct ucred peer;
		socklen_t size = sizeof(peer);

		c = xcalloc(1, sizeof(*c));
		*c = (struct conn){.h = h,
				   .fd = info->connect_fd,
				   .since = clock_mono(),
				   .uid = (uid_t)-1,
				   .next = h->conns};
		c->way = daemon->daemon == h->mhd[WAY_TCP]    ? WAY_TCP
			 : daemon->daemon == h->mhd[WAY_UNIX] ? WAY_UNIX
							      : WAY_LOOPBACK;
		if (c->way == WAY_UNIX &&
		    getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
			c->uid = peer.uid;
		if (c->next)
			c->next->prev = c;
		else
			h->oldest = c;
		h->conns = c;
		h->n_conns++;
		guard_accepted(h, c);
		*ctx = c;
		return;
	}
	if (c->prev)
		c->prev->next = c->next;
	else
		h->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		h->oldest = c->prev;
	h->n_conns--;
	guard_closed(h, c);
	if (c->stream)
		c->stream->conn = NULL;
	xfree(c);
	*ctx = NULL;
}

usec_t httpd_request_time(const struct httpd *h)
{
	return h->o.request_time ? h->o.request_time : REQUEST_TIME;
}

static bool takes_too_long(const struct conn *c, usec_t now)
{
	if (c->busy)
		return c->taken_by && now > c->taken_by;
	return now - c->since > (c->over ? OVER_TIME : httpd_request_time(c->h));
}

/* Those who send a request or read an answer drop by drop, and readers who left without a word that the library could see. */
static void sweep(void *arg)
{
	struct httpd *h = arg;
	usec_t now = clock_mono();

	for (struct conn *c = h->conns; c; c = c->next) {
		if (c->stream)
			stream_look(c->stream);
		else if (takes_too_long(c, now))
			shutdown(c->fd, SHUT_RDWR);
	}
	loop_timer_set(h->sweep, MIN_OF(SWEEP_EVERY, httpd_request_time(h) / 2));
}

/* %00 stays as it is: a path is a text. */
static size_t unescape(void *cls, struct MHD_Connection *mhd, char *text)
{
	size_t n = 0;

	(void)cls;
	(void)mhd;
	for (const char *p = text; *p;) {
		unsigned hex = 0;
		int got = 0;

		for (int i = 1; *p == '%' && i <= 2 && p[i]; i++) {
			char c = p[i];
			int digit = c >= '0' && c <= '9'   ? c - '0'
				    : c >= 'a' && c <= 'f' ? c - 'a' + 10
				    : c >= 'A' && c <= 'F' ? c - 'A' + 10
							   : -1;

			if (digit < 0)
				break;
			hex = hex * 16 + (unsigned)digit;
			got++;
		}
		if (got == 2 && hex) {
			text[n++] = (char)hex;
			p += 3;
		} else {
			text[n++] = *p++;
		}
	}
	text[n] = 0;
	return n;
}

#define OPTIONS(h, fd)                                                                            \
	request_access, (h), MHD_OPTION_LISTEN_SOCKET, (fd), MHD_OPTION_CONNECTION_LIMIT,         \
		(unsigned)((h)->o.streams_max + HTTPD_REQUESTS + BEYOND),                         \
		MHD_OPTION_CONNECTION_TIMEOUT, (h)->o.silence ? (h)->o.silence : SILENCE_SECONDS, \
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL, MHD_OPTION_NOTIFY_COMPLETED,            \
		request_completed, (h), MHD_OPTION_URI_LOG_CALLBACK, request_look, (h),           \
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, (h), MHD_OPTION_UNESCAPE_CALLBACK,   \
		unescape, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1,                                  \
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1

static enum rc start(struct httpd *h, enum way way, int fd, struct err *err)
{
	const unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;

	if (way == WAY_TCP && h->tls)
		h->mhd[way] = MHD_start_daemon(flags | MHD_USE_TLS, 0, NULL, NULL, OPTIONS(h, fd),
					       MHD_OPTION_HTTPS_CERT_CALLBACK, tls_callback(),
					       MHD_OPTION_HTTPS_PRIORITIES, TLS_PRIORITIES,
					       MHD_OPTION_END);
	else
		h->mhd[way] =
			MHD_start_daemon(flags, 0, NULL, NULL, OPTIONS(h, fd), MHD_OPTION_END);
	if (!h->mhd[way]) {
		fd_close(&fd);
		return err_set(
			err, RC_UNAVAILABLE, "the HTTP server does not start%s",
			way == WAY_TCP && h->tls
				? ": does this libmicrohttpd speak TLS by certificate callbacks?"
				: "");
	}
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(h->mhd[way], MHD_DAEMON_INFO_EPOLL_FD);
	BUG_ON(!info || info->epoll_fd < 0);
	h->watch[way] = loop_watch(h->loop, info->epoll_fd, turn, h);
	return RC_OK;
}

static enum rc start_tcp(struct httpd *h, struct err *err)
{
	const struct httpd_options *o = &h->o;
	enum rc rc = RC_OK;
	int fd = -1;

	if (!o->certificate != !o->key)
		return err_set(err, RC_INVALID,
			       "TLS needs a certificate and its key: one is missing");
	if (o->certificate)
		rc = tls_new(h->loop, o->certificate, o->key, o->told, o->ctx, &h->tls, err);
	if (rc == RC_OK)
		rc = listen_tcp(o->address ? o->address : "127.0.0.1", o->port, &fd, &h->port, err);
	if (rc == RC_OK)
		rc = start(h, WAY_TCP, fd, err);
	if (rc == RC_OK && h->tls && o->loopback) {
		rc = listen_tcp("127.0.0.1", o->loopback_port, &fd, &h->loopback_port, err);
		if (rc == RC_CONFLICT)
			rc = listen_tcp("127.0.0.1", 0, &fd, &h->loopback_port, err);
		if (rc == RC_OK)
			rc = start(h, WAY_LOOPBACK, fd, err);
	}
	return rc;
}

static enum rc start_all(struct httpd *h, struct err *err)
{
	const struct httpd_options *o = &h->o;
	enum rc rc = RC_OK;
	int fd = -1;

	if (o->port || o->any_port)
		rc = start_tcp(h, err);
	if (rc == RC_OK && o->socket) {
		rc = listen_unix(o->socket, &fd, &h->socket_dev, &h->socket_ino, err);
		if (rc == RC_OK) {
			h->socket = xstrdup(o->socket);
			rc = start(h, WAY_UNIX, fd, err);
		}
	}
	return rc;
}

enum rc httpd_new(struct loop *l, const struct httpd_options *o, struct httpd **ret,
		  struct err *err)
{
	struct httpd *h = xcalloc(1, sizeof(*h));

	signal(SIGPIPE, SIG_IGN); /* or the library does without sendfile() */
	h->loop = l;
	h->o = *o;
	guard_init(h);
	h->tick = loop_timer_new(l, turn, h);
	h->sweep = loop_timer_new(l, sweep, h);
	enum rc rc = start_all(h, err);
	/* borrowed for this call only */
	h->o.address = h->o.socket = h->o.certificate = h->o.key = NULL;
	h->o.hosts = NULL;
	if (rc != RC_OK) {
		httpd_free(h);
		return rc;
	}
	loop_timer_set(h->sweep, MIN_OF(SWEEP_EVERY, httpd_request_time(h) / 2));
	set_tick(h);
	*ret = h;
	return RC_OK;
}

static void end_connections(struct httpd *h)
{
	h->ending = true;
	for (struct request *r = h->held, *next; r; r = next) {
		next = r->next;
		request_give_up(r);
	}
	for (struct conn *c = h->conns; c; c = c->next)
		if (c->stream && !c->stream->ended)
			stream_kill(c->stream);
	for (int i = 0; i < LAST_TURNS; i++)
		turn(h);
	/* A stream that its reader does not take would still be suspended or half sent. */
	for (struct conn *c = h->conns; c; c = c->next)
		if (c->stream)
			stream_kill(c->stream);
	turn(h);
}

void httpd_free(struct httpd *h)
{
	struct stat st;

	if (!h)
		return;
	end_connections(h);
	loop_timer_free(h->tick);
	loop_timer_free(h->sweep);
	h->tick = h->sweep = NULL;
	if (h->socket && lstat(h->socket, &st) == 0 && st.st_dev == h->socket_dev &&
	    st.st_ino == h->socket_ino)
		unlink(h->socket);
	for (int way = 0; way < WAYS; way++) {
		loop_unwatch(h->watch[way]);
		if (h->mhd[way])
			MHD_stop_daemon(h->mhd[way]);
	}
	tls_free(h->tls);
	guard_done(h);
	peers_done(h);
	vec_done(&h->takers);
	xfree(h->socket);
	xfree(h);
}

uint16_t httpd_port(const struct httpd *h)
{
	return h->port;
}
size_t httpd_connections(const struct httpd *h)
{
	return h->n_conns;
}
uint16_t httpd_loopback_port(const struct httpd *h)
{
	return h->loopback_port;
}
size_t httpd_streams(const struct httpd *h)
{
	return h->n_streams;
}
void httpd_reload(struct httpd *h)
{
	if (h->tls)
		tls_reload(h->tls);
}
