/*
 * An HTTP/1.1 server in the loop: on a unix socket, whose peers the kernel names, and on a TCP port, whose peers must bring a token.
 * Everything is the loop thread's. The handler gets a whole request and answers it at once or later, by one reply or by a stream.
 *
 * Caps: 16 KiB of headers, 1 MiB of body, 256 connections a listener, 30 s of silence and 60 s for sending a request, 1 MiB that a
 * stream's reader may be behind. What is above is answered with the status that says so, or cut off.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

#define HTTPD_MAX_HEADER      ((size_t)16 << 10)
#define HTTPD_MAX_BODY        ((size_t)1 << 20)
#define HTTPD_MAX_CONNECTIONS 512 /* both listeners */
#define HTTPD_STREAM_MAX      ((size_t)1 << 20)
#define HTTPD_PIECE_MAX       ((size_t)64 << 20) /* one piece for a reader who waits for it */

struct loop;
struct httpd;
struct request;
struct stream;

struct httpd_options {
	const char *socket;  /* path, mode 0600; NULL: none */
	const char *address; /* NULL: 127.0.0.1 */
	uint16_t port;       /* 0: no TCP, unless any_port */
	bool any_port;
	const char *tokens; /* path of the tokens; NULL: nobody is let in by TCP */
	void (*handle)(void *ctx, struct request *r);
	void *ctx;
};
/* A socket file that nobody answers on is replaced; RC_CONFLICT when somebody does, or the port is taken. */
MUST_CHECK enum rc httpd_new(struct loop *l, const struct httpd_options *o, struct httpd **ret,
			     struct err *err);
/* Open requests are answered with 503, streams end. Requests that a handler still holds may be answered later, to nobody. */
void httpd_free(struct httpd *h);
uint16_t httpd_port(const struct httpd *h);      /* 0: no TCP */
size_t httpd_connections(const struct httpd *h); /* open ones */

/* Borrowed until the answer. */
const char *request_method(const struct request *r);
const char *request_path(const struct request *r); /* unescaped, without the query */
const char *request_query(const struct request *r, const char *key); /* NULL: not there */
const char *request_header(const struct request *r, const char *name);
struct str request_body(const struct request *r);
/* Who asks: "user:root", "token:ci". NULL: nobody that we know (TCP without a good token). */
const char *request_actor(const struct request *r);
const char *request_group(const struct request *r, size_t i); /* NULL behind the last */
bool request_is_local(const struct request *r);               /* came by the unix socket */

/* Once a request; then it is gone. The body is copied. */
void request_reply(struct request *r, unsigned status, const char *type, struct str body);
/* Before the answer: a header more. Both are copied. */
void request_add_header(struct request *r, const char *name, const char *value);

struct stream_ops {
	/* All that was written has gone out, and nothing of it is held any more. Not from within stream_write(). */
	void (*drained)(void *ctx);
	/* The reader left, was cut off, or the server ends: the stream must not be used any more. Never after stream_end(). */
	void (*gone)(void *ctx);
	const char *cut; /* last line for a reader that is cut off; may be NULL */
};
/* Answer by a stream; the request is gone. ops is borrowed, its functions are never NULL. NULL: nobody waits for the answer any more. */
struct stream *request_stream(struct request *r, unsigned status, const char *type,
			      const struct stream_ops *ops, void *ctx);
/* Never blocks. False: the reader was too far behind and is cut off; gone() follows. */
bool stream_write(struct stream *s, struct str bytes);
size_t stream_waiting(const struct stream *s); /* bytes that the reader did not take yet */
/* No more: what is held still goes out. */
void stream_end(struct stream *s);
