/* A small HTTP/1.1 server: any number of keep-alive connections on one epoll set, a pool of threads
 * that may block in the handler. An idle connection costs no thread. */
#pragma once
#include "shared/message.h"

struct http_answer {
	int status;	  /* 200 when the handler leaves it alone */
	const char *type; /* "application/json" when left alone; static storage */
	struct text body;
};

/* Called on any of the threads, many at a time. `rq` and the answer live for the call only. */
typedef void server_handler(void *ctx, const struct http_request *rq, struct http_answer *ret);

struct server_config {
	const char *host;  /* an IPv4 address */
	unsigned port;	   /* 0: any free one */
	unsigned threads;
	const char *ident; /* the Server field */
	server_handler *handle;
	void *ctx;
};

struct server;

/* NULL with errno set when it cannot listen. */
struct server *server_new(const struct server_config *config);
unsigned server_port(const struct server *s);

/* From now on each answer closes its connection. */
void server_drain(struct server *s);
bool server_draining(const struct server *s);

/* Waits until no request was seen for quiet_ms, at most limit_ms. True when none was left open. */
bool server_wait_quiet(struct server *s, unsigned quiet_ms, unsigned limit_ms);

/* Closes everything; requests that run are answered first. NULL is fine. */
void server_free(struct server *s);
