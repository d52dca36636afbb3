/* Answers without an end: a buffer between a producer that must not wait and a reader that may. */
#include "io/httpd_impl.h"

#include <poll.h>

#include "base/mem.h"

#define BLOCK       ((size_t)16 << 10)
#define RETRY_AFTER 5

static void tell_gone(struct stream *s)
{
	const struct stream_ops *ops = s->ops;

	s->ops = NULL;
	if (ops)
		ops->gone(s->ctx);
}

/* Producers are told after the library's turn, so that they may write and end. */
static void want_drained(struct stream *s)
{
	if (s->tell || !s->ops)
		return;
	s->tell = true;
	s->next_told = s->h->drained;
	s->h->drained = s;
	httpd_kick(s->h);
}

void streams_tell_drained(struct httpd *h)
{
	struct stream *list = h->drained;

	h->drained = NULL;
	while (list) {
		struct stream *s = list;

		list = s->next_told;
		s->tell = false;
		if (s->dead)
			tell_gone(s);
		else if (s->ops && s->held.n == s->at)
			s->ops->drained(s->ctx);
	}
}

static ssize_t read_stream(void *cls, uint64_t pos, char *to, size_t max)
{
	struct stream *s = cls;
	size_t n = MIN_OF(s->held.n - s->at, max);

	(void)pos;
	if (s->dead)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n) {
		memcpy(to, s->held.p + s->at, n);
		s->at += n;
		if (s->at == s->held.n) {
			strbuf_done(&s->held);
			s->at = 0;
			want_drained(s);
		}
		return (ssize_t)n;
	}
	if (s->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	s->suspended = true;
	MHD_suspend_connection(s->mhd);
	return 0;
}

/* The library's last word on it. */
static void free_stream(void *cls)
{
	struct stream *s = cls;

	for (struct stream **at = &s->h->drained; *at; at = &(*at)->next_told) {
		if (*at != s)
			continue;
		*at = s->next_told;
		break;
	}
	if (s->conn && s->conn->stream == s)
		s->conn->stream = NULL;
	s->h->n_streams -= s->counted;
	tell_gone(s);
	strbuf_done(&s->held);
	xfree(s->via);
	xfree(s->actor);
	xfree(s);
}

static size_t streams_of(const struct httpd *h, const char *actor)
{
	size_t n = 0;

	for (const struct conn *c = h->conns; c; c = c->next)
		n += c->stream && c->stream->actor && streq(c->stream->actor, actor);
	return n;
}

/* Nobody alone keeps all others from reading. Who has the socket is the machine's, and no such reader. */
static bool has_too_many(struct request *r, const char *actor)
{
	char detail[256];

	if (r->h->n_streams >= r->h->o.streams_max) {
		request_refuse(r, 503, RC_UNAVAILABLE, RETRY_AFTER,
			       "too many readers of events and logs at a time: try again later");
		return true;
	}
	if (!actor || streams_of(r->h, actor) < r->h->o.streams_each)
		return false;
	(void)snprintf(detail, sizeof(detail),
		       "%.80s has %zu readers of events and logs open, and may have no more at a "
		       "time: close one, or try again later",
		       actor, r->h->o.streams_each);
	request_refuse(r, 503, RC_UNAVAILABLE, RETRY_AFTER, detail);
	return true;
}

struct stream *request_stream(struct request *r, unsigned status, const char *type,
			      const struct stream_ops *ops, void *ctx)
{
	if (!r->mhd) {
		request_answer(r, status, NULL);
		return NULL;
	}
	bool counted =
		!r->scope; /* agents are few, known by name, and must not wait for readers to leave */

	const char *actor = counted && r->conn->way != WAY_UNIX ? r->actor : NULL;

	if (counted && has_too_many(r, actor))
		return NULL;
	struct stream *s = xcalloc(1, sizeof(*s));

	r->h->n_streams += counted;
	*s = (struct stream){.h = r->h,
			     .mhd = r->mhd,
			     .counted = counted,
			     .conn = r->conn,
			     .via = r->via ? xstrdup(r->via) : NULL,
			     .actor = actor ? xstrdup(actor) : NULL,
			     .ops = ops,
			     .ctx = ctx,
			     .held = STRBUF(2 * HTTPD_STREAM_MAX + HTTPD_PIECE_MAX)};
	r->conn->stream = s;
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK, read_stream, s, free_stream);
	BUG_ON(!response);
	answer_headers(r, response, type, NULL, 0);
	request_answer(r, status, response);
	return s;
}

static void wake(struct stream *s)
{
	if (!s->suspended)
		return;
	s->suspended = false;
	MHD_resume_connection(s->mhd);
	httpd_kick(s->h);
}

bool stream_write(struct stream *s, struct str bytes)
{
	if (s->ended || s->dead)
		return false;
	if (s->at > HTTPD_STREAM_MAX / 2) {
		memmove(s->held.p, s->held.p + s->at, s->held.n - s->at);
		s->held.n -= s->at;
		s->at = 0;
	}
	size_t waiting = s->held.n - s->at;
	if (waiting ? waiting + bytes.n > HTTPD_STREAM_MAX : bytes.n > HTTPD_PIECE_MAX) {
		s->ended = true;
		wake(s);
		return false;
	}
	strbuf_addstr(&s->held, bytes);
	wake(s);
	return true;
}

size_t stream_waiting(const struct stream *s)
{
	return s->held.n - s->at;
}

void stream_end(struct stream *s)
{
	s->ops = NULL;
	s->ended = true;
	wake(s);
}

void stream_kill(struct stream *s)
{
	s->dead = true;
	if (s->suspended)
		wake(s);
}

/* A clean end, so that its reader sees no broken answer; what is held is not sent any more. */
static void stream_close(struct stream *s)
{
	s->at = s->held.n;
	s->ended = true;
	wake(s);
}

void httpd_end_streams(struct httpd *h, bool (*is_over)(void *ctx, const char *via), void *ctx)
{
	for (struct conn *c = h->conns; c; c = c->next)
		if (c->stream && c->stream->via && !c->stream->dead && !c->stream->ended &&
		    is_over(ctx, c->stream->via))
			stream_close(c->stream);
}

bool stream_is_read(struct stream *s)
{
	struct pollfd fd = {.fd = s->conn->fd, .events = POLLRDHUP};

	if (poll(&fd, 1, 0) <= 0 || !(fd.revents & (POLLRDHUP | POLLHUP | POLLERR)))
		return true;
	stream_kill(s);
	return false;
}

/* A suspended connection is not looked at by the library: a reader that left would stay unseen. */
void stream_look(struct stream *s)
{
	if (s->suspended)
		(void)stream_is_read(s);
}
