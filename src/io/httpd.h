/*
 * An HTTP/1.1 server in the loop: on a unix socket, whose peers the kernel names, and on a TCP port, whose peers must bring a token.
 * Everything is the loop thread's. The handler gets a whole request and answers it at once or later, by one reply or by a stream.
 * A taker sees a request before its body: it may refuse it, or take the body piece by piece, of any size.
 *
 * Caps: 16 KiB of headers, 1 MiB of body that is not taken in pieces, 256 connections a listener, 30 s of silence and 60 s for sending a
 * request (in pieces: no such limit), 1 MiB that a stream's reader may be behind. What is above is answered with the status that says so,
 * or cut off.
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
	/* Who asks by TCP: called once a request, as soon as its headers are there; says so by request_set_...(). NULL: nobody is let in. */
	void (*identify)(void *ctx, struct request *r);
	void *identify_ctx;
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

/*
 * Asked in the order of the calls, when a request's headers are there and its body is not. True: the request is the taker's, which does one
 * of request_reply() and its like (what is left of the body is read and dropped), request_take_body(), request_take_whole(), or, for a
 * request without a body, answers later. False: the next taker, at last the handler.
 */
void httpd_add_taker(struct httpd *h, bool (*take)(void *ctx, struct request *r), void *ctx);

struct body_ops {
	/* How many of the bytes were taken. Fewer than there are: the rest comes after request_more(). */
	size_t (*piece)(void *ctx, struct request *r, struct str bytes);
	/* That was the whole body: answer now or later. */
	void (*end)(void *ctx, struct request *r);
	/* The client left before the end: the request must not be used any more. */
	void (*gone)(void *ctx);
};
/* ops is borrowed. Until end(), an answer may be given at any time: no more of ops is called then. */
void request_take_body(struct request *r, const struct body_ops *ops, void *ctx);
/* As for the handler: at most HTTPD_MAX_BODY, then fn. */
void request_take_whole(struct request *r, void (*fn)(void *ctx, struct request *r), void *ctx);
void request_more(struct request *r);

#define HTTPD_NO_LENGTH UINT64_MAX
/* Of the body, as the client says; HTTPD_NO_LENGTH: it comes in chunks. */
uint64_t request_length(const struct request *r);

/* Borrowed until the answer. */
const char *request_method(const struct request *r);
const char *request_path(const struct request *r); /* unescaped, without the query */
const char *request_query(const struct request *r, const char *key); /* NULL: not there */
const char *request_header(const struct request *r, const char *name);
struct str request_body(const struct request *r);
/* Who asks: "user:root", "token:ci". NULL: nobody that we know (TCP without a good token). */
const char *request_actor(const struct request *r);
const char *request_group(const struct request *r, size_t i); /* NULL behind the last */
const char *request_via(
	const struct request
		*r); /* by what: "socket", or as identify() said: a credential's id; NULL: nobody */
bool request_is_local(const struct request *r); /* came by the unix socket */
bool request_is_tls(const struct request *r);
/* Each key of the query once; NULL at the end. */
const char *request_query_key(const struct request *r, size_t i);
#define REQUEST_ADDRESS 64
void request_address(const struct request *r,
		     char ret[REQUEST_ADDRESS]); /* "10.0.0.7"; "local" by the unix socket */
/* A token for the build caches only: its scope ("trusted", "pr/12"), then request_actor() is NULL. NULL: no such token. */
const char *request_scope(const struct request *r);
const char *request_holder(const struct request *r); /* "token:NAME" of such a token */
bool request_is_read_only(const struct request *r);  /* such a token that may not write */

/* For identify(): an actor, by which credential; its groups, one by one. All is copied. */
void request_set_actor(struct request *r, const char *actor, const char *via);
void request_add_group(struct request *r, const char *group);
/* For identify(): may use one scope of the caches, or be one agent, and is no actor. */
void request_set_scope(struct request *r, const char *holder, const char *scope, bool read_only);
void request_set_read_only(struct request *r); /* this actor may read the build caches only */

/* Once a request; then it is gone. The body is copied. */
void request_reply(struct request *r, unsigned status, const char *type, struct str body);
/* The answer are `size` bytes of a file, from `offset` on. Takes fd. HEAD: only their number is told. */
void request_reply_file(struct request *r, unsigned status, const char *type, int take_fd,
			uint64_t offset, uint64_t size);
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
bool stream_is_read(struct stream *s);         /* false: the reader has left; gone() follows */
size_t stream_waiting(const struct stream *s); /* bytes that the reader did not take yet */
/* No more: what is held still goes out. */
void stream_end(struct stream *s);
