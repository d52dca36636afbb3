/* Inside the HTTP server: shared by httpd*.c, for nobody else. */
#pragma once
#include <microhttpd.h>
#include <sys/types.h>

#include "base/strbuf.h"
#include "base/vec.h"
#include "io/httpd.h"
#include "io/httpd_tls.h"
#include "io/loop.h"

#define PEER_GROUPS 64

struct header {
	char *name, *value;
};
typedef VEC(char *) names;

/* One peer of the unix socket, as the system's user database knew it lately. */
struct peer {
	uid_t uid;
	char *actor;
	names groups;
	usec_t asked;
};

enum way { WAY_UNIX, WAY_TCP, WAY_LOOPBACK, WAYS };
#define BEYOND 64 /* connections above the limit that are answered, with a refusal */

/* One open connection, from accept on. */
struct conn {
	struct conn *prev, *next;
	struct httpd *h;
	enum way way;
	int fd;
	uid_t uid;
	usec_t since;    /* when it was accepted, or its last answer was over */
	usec_t taken_by; /* its answer must be read until then; 0: none that has an end */
	bool busy;       /* its request is whole and being answered */
	bool known;      /* somebody we know has asked by it */
	bool over;       /* above the limit: it hears so, and no more */
	bool cut;
	struct stream *stream;
};

struct request {
	struct httpd *h;
	struct MHD_Connection *mhd; /* NULL: the client's side is over */
	struct conn *conn;
	struct request *prev, *next; /* those that a handler holds */
	char *method, *path;
	struct strbuf body;
	char *actor, *via, *holder, *scope;
	names groups;
	bool identified, read_only, dispatched, suspended, answered;
	/* of a taker: the body's consumer, or who gets it whole */
	const struct body_ops *body_ops;
	void (*whole)(void *ctx, struct request *r);
	void *body_ctx;
	bool drop; /* what is left of the body */
	uint64_t length;
	unsigned status;
	struct MHD_Response *response;
	VEC(struct header) headers;
};

struct stream {
	struct httpd *h;
	struct MHD_Connection *mhd;
	struct conn *conn;
	const struct stream_ops
		*ops; /* NULL: the producer has ended it, or knows that it is gone */
	void *ctx;
	struct strbuf held;
	char *via;                         /* request_via() of its request; NULL: none */
	char *actor;                       /* whose it is, when that is limited; NULL: nobody's */
	size_t at;                         /* of held, sent already */
	bool suspended, ended, dead, tell; /* tell: listed in httpd.drained */
	bool counted;                      /* in httpd.n_streams */
	struct stream *next_told;
};

struct taker {
	bool (*take)(void *ctx, struct request *r);
	void *ctx;
};

struct httpd {
	struct loop *loop;
	struct httpd_options o;
	char *socket;
	dev_t socket_dev;
	ino_t socket_ino;
	uint16_t port, loopback_port;
	names hosts;
	bool check_hosts;
	struct tls *tls;
	struct rates *rates;
	struct MHD_Daemon *mhd[WAYS];
	struct loop_watch *watch[WAYS];
	struct loop_timer *tick, *sweep;
	struct conn *conns, *oldest; /* newest first */
	size_t n_conns, n_way[WAYS], n_strangers;
	size_t n_streams, n_deflating;
	struct request *held;   /* requests that wait for their answer */
	struct stream *drained; /* whose producers are to be told */
	VEC(struct peer) peers;
	VEC(struct taker) takers;
	bool running, kicked, ending;
};

/* httpd.c */
usec_t httpd_request_time(const struct httpd *h);
void httpd_kick(struct httpd *h); /* let the library look at its connections, soon */
/* httpd_listen.c */
MUST_CHECK enum rc listen_unix(const char *path, int *ret_fd, dev_t *ret_dev, ino_t *ret_ino,
			       struct err *err);
MUST_CHECK enum rc listen_tcp(const char *address, uint16_t port, int *ret_fd, uint16_t *ret_port,
			      struct err *err);
/* httpd_guard.c */
struct refusal {
	unsigned status, retry_after; /* 0: not said */
	enum rc rc;
	char detail[256];
};
void guard_init(struct httpd *h);
void guard_done(struct httpd *h);
void guard_accepted(struct httpd *h, struct conn *c);
void guard_closed(struct httpd *h, struct conn *c);
/* True: this request is not to be answered otherwise. Asked when its headers are there. */
MUST_CHECK bool guard_refuses(struct request *r, struct refusal *ret);
/* httpd_take.c */
bool takers_ask(struct request *r);
enum MHD_Result body_piece(struct request *r, const char *upload, size_t *upload_size);
void body_gone(struct request *r);
/* httpd_request.c */
void request_hold(struct request *r);
void request_unhold(struct request *r);
/* Before the library reads the queries. */
void *request_look(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result request_access(void *cls, struct MHD_Connection *mhd, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *upload_size, void **con_cls);
void request_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
		       enum MHD_RequestTerminationCode why);
void request_give_up(struct request *r); /* the server ends */
void request_answer(struct request *r, unsigned status, struct MHD_Response *response);
/* httpd_answer.c */
/* The server's headers, and those of the request; cache: what Cache-Control says, NULL: no-store. */
void answer_headers(struct request *r, struct MHD_Response *response, const char *type,
		    const char *cache, unsigned flags);
/* A problem as the body of an answer. */
struct MHD_Response *answer_problem(unsigned status, enum rc rc, unsigned retry_after,
				    const char *detail);
/* httpd_deflate.c */
#define DEFLATE_AT_ONCE ((size_t)128 << 10)
/* An answer of the bytes, compressed now. */
struct MHD_Response *deflate_at_once(struct str body, uint64_t *ret_size);
/* Compressed as the client takes it, in chunks; the bytes are copied. NULL: too much is being compressed already. */
struct MHD_Response *deflate_later(struct httpd *h, struct str body);
/* httpd_stream.c */
void streams_tell_drained(struct httpd *h);
void stream_look(struct stream *s); /* is its reader still there? */
void stream_kill(struct stream *s);
/* httpd_peer.c */
void peer_identify(struct request *r);
void peers_done(struct httpd *h);
