/*
 * An HTTP/1.1 server in the loop: on a unix socket, whose peers the kernel names, and on a TCP port, whose peers must bring a token.
 * Everything is the loop thread's. The handler gets a whole request and answers it at once or later, by one reply or by a stream.
 * A taker sees a request before its body: it may refuse it, or take the body piece by piece, of any size.
 *
 * Caps: 16 KiB of headers (431), 128 queries (414), 1 MiB of body that is not taken in pieces (413), 30 s of silence and 60 s for sending a request (in pieces: no
 * such limit), 60 s and one more for each 16 KiB (read_rate) for reading an answer, 1 MiB that a stream's reader may be behind: cut off. `streams_max` streams
 * (503), of them `streams_each` of one actor by TCP (503), as many and 256 more connections a listener (503), and by TCP requests at a rate (429); all these with Retry-After. Of the connections
 * by TCP, 256 may be strangers' (without a request of somebody we know); above, the oldest of them is closed.
 *
 * Every answer has headers for browsers: X-Content-Type-Options, Referrer-Policy, X-Frame-Options, Cross-Origin-Opener-Policy,
 * Cross-Origin-Resource-Policy, a Content-Security-Policy that allows nothing (REPLY_PAGE: what lies on this server), Strict-Transport-Security
 * when it went by TLS, and Cache-Control: no-store. request_add_header() with one of these names takes its place.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include "io/httpd_rate.h"

#define HTTPD_MAX_HEADER ((size_t)16 << 10)
#define HTTPD_MAX_BODY   ((size_t)1 << 20)
#define HTTPD_STREAMS    1000 /* streams_max, when nothing else is said */
#define HTTPD_QUERIES      128
#define HTTPD_STREAMS_EACH 8
#define HTTPD_REQUESTS   256  /* connections a listener has beyond its streams */
#define HTTPD_STRANGERS  256  /* connections by TCP of those we do not know */
#define HTTPD_STREAM_MAX ((size_t)1 << 20)
#define HTTPD_PIECE_MAX  ((size_t)64 << 20) /* one piece for a reader who waits for it */
#define HTTPD_ETAG_MAX   ((size_t)4 << 20)  /* a larger answer goes without a tag */

struct loop;
struct httpd;
struct request;
struct stream;

struct httpd_options {
	const char *socket;  /* path, mode 0600; NULL: none */
	const char *address; /* IPv4 or IPv6, as digits, also in brackets; NULL: 127.0.0.1 */
	uint16_t port;       /* 0: no TCP, unless any_port */
	bool any_port;
	/* Who asks by TCP: called once a request, as soon as its headers are there; says so by request_set_...(). NULL: nobody is let in. */
	void (*identify)(void *ctx, struct request *r);
	void *identify_ctx;
	void (*handle)(void *ctx, struct request *r);
	void *ctx;
	/* PEM files, both or none: the port speaks TLS (1.2 and later), and nothing else. Read again when they change. */
	const char *certificate, *key;
	/* With TLS: another port, of 127.0.0.1, in the clear, for who runs on this machine. loopback_port: this one when it is free; 0: any. */
	bool loopback;
	uint16_t loopback_port;
	bool behind_tls; /* what comes by TCP came by TLS to a proxy before us: cookies and headers say so */
	/* Names in the header Host that are answered by TCP (others: 421), NULL at the end; addresses, names of the loopback and those in the
	 * certificate always are. NULL: no check. A page of another host cannot make a browser ask us by a name that leads to us. */
	const char *const *hosts;
	size_t streams_max; /* 0: HTTPD_STREAMS. Streams of agents do not count */
	size_t streams_each; /* of one actor by TCP; 0: a quarter of streams_max, at least HTTPD_STREAMS_EACH */
	/* Of requests by TCP; all zero: 100/s and 500 at once of an actor, no limit of a token with a scope (build caches, agents), 20/s and 60 at
	 * once of an address that brings no good token (IPv6: a /64). */
	struct rate actor_rate, scope_rate, stranger_rate;
	const char *unlimited; /* paths that begin so have no rate: files of the pages, many a page. NULL: none */
	uint32_t silence;    /* s without a byte; 0: 30 */
	usec_t request_time; /* for sending a request; 0: 60 s */
	uint32_t read_rate;  /* bytes a second; 0: 16 KiB */
	/* What the log should say; bad: somebody has to do something. NULL: nobody listens. */
	void (*told)(void *ctx, bool bad, const char *text);
};
/* A socket file that nobody answers on is replaced; RC_CONFLICT when somebody does, or the port is taken; RC_INVALID: the address, or the
 * certificate, are none. */
MUST_CHECK enum rc httpd_new(struct loop *l, const struct httpd_options *o, struct httpd **ret,
			     struct err *err);
/* Open requests are answered with 503, streams end. Requests that a handler still holds may be answered later, to nobody. */
void httpd_free(struct httpd *h);
uint16_t httpd_port(const struct httpd *h);          /* 0: no TCP */
uint16_t httpd_loopback_port(const struct httpd *h); /* 0: none */
size_t httpd_connections(const struct httpd *h);     /* open ones */
size_t httpd_streams(const struct httpd *h);         /* those that count */
/* End the streams whose request came by something (request_via) that is not good any more, says is_over. */
void httpd_end_streams(struct httpd *h, bool (*is_over)(void *ctx, const char *via), void *ctx);
void httpd_reload(
	struct httpd *h); /* read the certificate now; nothing without one. Blocks for that */
/* Is this an address (as in httpd_options) that no other machine reaches? False, too, for what is none. */
bool httpd_is_loopback(const char *address);

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
bool request_is_tls(const struct request *r);   /* to us, or to the proxy before us */
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
/* By what a holder of a scope came: for httpd_end_streams(). */
void request_set_via(struct request *r, const char *via);
void request_set_read_only(struct request *r); /* this actor may read the build caches only */

/* A cookie's value, borrowed; p is NULL: none that can be believed (io/httpd_cookie.h). */
struct str request_cookie(const struct request *r, const char *name);
struct set_cookie {
	const char *name;
	const char *value; /* cookie-octets, at most 4 KiB; NULL: the cookie is removed */
	const char *path;  /* NULL: "/" */
	uint32_t seconds;  /* how long it is kept; 0: until the browser ends */
	bool lax; /* also sent when a link from elsewhere leads here; else SameSite=Strict */
};
/* Before the answer. Always HttpOnly; Secure when request_is_tls(). False: name, value or path cannot be in a cookie, and nothing is set. */
MUST_CHECK bool request_set_cookie(struct request *r, const struct set_cookie *c);

/* Once a request; then it is gone. The body is copied. */
void request_reply(struct request *r, unsigned status, const char *type, struct str body);

enum reply_flag {
	REPLY_PAGE = 1,      /* a page of the UI: its policy lets it use what lies on this server */
	REPLY_IMMUTABLE = 2, /* the name has a hash of the content: kept for a year */
	/* Compressed when the client wants that and it is above 1 KiB. Not for an answer in which a secret (the value against request forgery) stands
	 * beside what the request said: the length would tell of it. */
	REPLY_GZIP = 4,
};
/* As request_reply(), and with 200 a strong ETag, so that a client who has the answer hears 304: Cache-Control is "private, no-cache". */
void request_reply_etag(struct request *r, unsigned status, const char *type, struct str body,
			unsigned flags);
/* What never changes while the server lives, in up to three forms. */
struct reply_static {
	struct str plain, gzip, brotli; /* p is NULL: not in this form */
	const char *etag;               /* hex, at most 32 bytes; NULL: made of `plain` */
};
/* Not copied: the bytes outlive the server. 200, or 304 for a client that has it; REPLY_IMMUTABLE: "public, max-age=31536000, immutable", else
 * "no-cache". */
void request_reply_static(struct request *r, const char *type, const struct reply_static *body,
			  unsigned flags);
/* As the server itself refuses: a problem in JSON. retry_after: s; 0: not said. */
void request_refuse(struct request *r, unsigned status, enum rc rc, unsigned retry_after,
		    const char *detail);
/* The answer are `size` bytes of a file, from `offset` on. Takes fd. HEAD: only their number is told. */
void request_reply_file(struct request *r, unsigned status, const char *type, int take_fd,
			uint64_t offset, uint64_t size);
/* Before the answer: a header more, or instead of the server's own of that name. Both are copied. */
void request_add_header(struct request *r, const char *name, const char *value);

struct stream_ops {
	/* All that was written has gone out, and nothing of it is held any more. Not from within stream_write(). */
	void (*drained)(void *ctx);
	/* The reader left, was cut off, or the server ends: the stream must not be used any more. Never after stream_end(). */
	void (*gone)(void *ctx);
};
/* Answer by a stream; the request is gone. ops is borrowed, its functions are never NULL. NULL: nobody waits for the answer any more, or there
 * are streams_max of them, or streams_each of this actor, and it was refused (503); ops was not used. */
struct stream *request_stream(struct request *r, unsigned status, const char *type,
			      const struct stream_ops *ops, void *ctx);
/* Never blocks. False: the reader was too far behind and is cut off; gone() follows. */
bool stream_write(struct stream *s, struct str bytes);
bool stream_is_read(struct stream *s);         /* false: the reader has left; gone() follows */
size_t stream_waiting(const struct stream *s); /* bytes that the reader did not take yet */
/* No more: what is held still goes out. */
void stream_end(struct stream *s);
