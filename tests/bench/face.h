/*
 * A client of the daemon's face for measurements: requests on a connection that stays open, and event streams whose records are counted. Streams are asked for by
 * HTTP/1.0, so that what comes is the stream itself, without chunks.
 */
#pragma once
#include "base/mem.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "io/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Where the daemon is: a socket's path, or a port of the loopback with a token. */
struct face {
	const char *socket, *token;
	uint16_t port;
};

/* room: of the receive buffer; 0: as the system likes. -1: no connection, errno says why. */
static UNUSED int face_dial(const struct face *f, int room)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(f->port)};
	const struct sockaddr *to =
		f->socket ? (const struct sockaddr *)&local : (const struct sockaddr *)&at;
	int one = 1, fd = socket(f->socket ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (f->socket)
		(void)snprintf(local.sun_path, sizeof(local.sun_path), "%s", f->socket);
	else
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (room)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (connect(fd, to, f->socket ? sizeof(local) : sizeof(at)) == 0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

static UNUSED bool face_send(int fd, const char *text)
{
	size_t n = strlen(text);

	while (n) {
		ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		text += sent;
		n -= (size_t)sent;
	}
	return true;
}

/* "GET path", version 0 or 1 of HTTP/1, one more header (with its line's end) or "". The caller frees it. */
static UNUSED char *face_text(const struct face *f, int version, const char *path,
			      const char *header)
{
	return xasprintf("GET %s HTTP/1.%d\r\nHost: localhost\r\n%s%s%s%s\r\n", path, version,
			 f->token ? "Authorization: Bearer " : "", f->token ? f->token : "",
			 f->token ? "\r\n" : "", header);
}

/* Sends `text`, reads one answer with a Content-Length into `in`. Its status; 0: the connection is over. */
static UNUSED unsigned face_ask(int fd, const char *text, struct strbuf *in)
{
	char bytes[16384];
	size_t want = SIZE_MAX;

	strbuf_clear(in);
	if (!face_send(fd, text))
		return 0;
	while (in->n < want) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
		const char *end, *length;

		if (n <= 0)
			return 0;
		strbuf_add(in, bytes, (size_t)n);
		if (want != SIZE_MAX || !(end = strstr(strbuf_cstr(in), "\r\n\r\n")))
			continue;
		length = strcasestr(in->p, "\r\nContent-Length: ");
		want = (size_t)(end + 4 - in->p);
		if (length && length < end && strncmp(in->p + 9, "304", 3) != 0)
			want += strtoull(length + 18, NULL, 10);
	}
	return (unsigned)strtoul(in->p + 9, NULL, 10);
}

/* One number of the answer to `path`; 0: there is none. */
static UNUSED uint64_t face_number(const struct face *f, const char *path, const char *member)
{
	AUTO(strbuf_done) struct strbuf in = STRBUF((size_t)64 << 20);
	AUTO(freep) char *text = face_text(f, 1, path, "");
	AUTO(freep) char *key = xasprintf("\"%s\":", member);
	int fd = face_dial(f, 0);

	if (fd < 0)
		return 0;
	unsigned status = face_ask(fd, text, &in);
	close(fd);
	const char *at = status == 200 ? strstr(strbuf_cstr(&in), key) : NULL;
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* ---- a stream of events ---- */

struct sse {
	int fd;
	unsigned status; /* 0: no head yet */
	bool over, retry_after, data;
	char line[96]; /* its beginning */
	size_t n;
	uint64_t id, last; /* of the event that is being read; of the last whole one */
	uint64_t events, doubled, missed;
	usec_t at; /* when the last whole one was there */
};

static UNUSED bool sse_open(struct sse *s, const struct face *f, uint64_t last, int room)
{
	AUTO(freep)
	char *header = xasprintf("Accept: text/event-stream\r\nLast-Event-ID: %llu\r\n",
				 (unsigned long long)last);
	AUTO(freep) char *text = face_text(f, 0, "/api/v1/events", header);

	*s = (struct sse){.fd = face_dial(f, room), .last = last};
	if (s->fd >= 0 && face_send(s->fd, text))
		return true;
	s->over = true;
	return false;
}

static UNUSED void sse_close(struct sse *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->over = true;
}

static void sse_count(struct sse *s)
{
	if (s->id <= s->last)
		s->doubled++;
	else
		s->missed += s->id - s->last - 1;
	s->last = s->id;
	s->events++;
	s->at = clock_mono();
}

static void sse_line(struct sse *s)
{
	s->line[MIN_OF(s->n, sizeof(s->line) - 1)] = 0;
	if (strncmp(s->line, "HTTP/1.", 7) == 0 && !s->status) {
		s->status = (unsigned)strtoul(s->line + 9, NULL, 10);
	} else if (strncasecmp(s->line, "Retry-After: ", 13) == 0) {
		s->retry_after = true;
	} else if (strncmp(s->line, "id: ", 4) == 0) {
		s->id = strtoull(s->line + 4, NULL, 10);
	} else if (strncmp(s->line, "data: ", 6) == 0) {
		s->data = true;
	} else if (s->n == 0 && s->data) {
		sse_count(s);
		s->data = false;
	}
	s->n = 0;
}

/* Takes up to `most` bytes of what is there. False: nothing was, or it is over. */
static UNUSED bool sse_read(struct sse *s, size_t most)
{
	static _Thread_local char bytes[65536]; /* not zeroed each time */
	ssize_t n = s->over ? 0 : recv(s->fd, bytes, MIN_OF(most, sizeof(bytes)), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	s->over = n <= 0;
	for (const char *p = bytes, *end = bytes + MAX_OF(n, 0), *nl; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		size_t part = (size_t)((nl ? nl : end) - p);

		if (s->n < sizeof(s->line) - 1)
			memcpy(s->line + s->n, p, MIN_OF(part, sizeof(s->line) - 1 - s->n));
		s->n += part;
		if (!nl)
			break;
		if (s->n && s->n <= sizeof(s->line) && s->line[s->n - 1] == '\r')
			s->n--;
		sse_line(s);
	}
	return n > 0;
}

/* ---- times ---- */

struct times {
	double *ms;
	size_t n, room;
};

static UNUSED void times_add(struct times *t, usec_t took)
{
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 1024;
		t->ms = xrealloc(t->ms, t->room * sizeof(*t->ms));
	}
	t->ms[t->n++] = (double)took / 1e3;
}

static int times_by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* After the last times_add(): sorts. 0 of nothing. */
static UNUSED double times_at(struct times *t, double share)
{
	if (!t->n)
		return 0;
	qsort(t->ms, t->n, sizeof(*t->ms), times_by_value);
	return t->ms[MIN_OF((size_t)((double)t->n * share), t->n - 1)];
}
