/* Inside the loopback proxy: shared by cache_proxy*.c, for nobody else. */
#pragma once
#include "api/cache_impl.h"
#include "api/cache_proxy.h"
#include "io/relay.h"

struct cache_proxy {
	struct loop *loop;
	struct httpd *httpd;
	struct relay *relay;
	char *server, *token, *run, *spool, *ca;
	usec_t connect, patience;
	usec_t away, away_until; /* away 0: the server is there */
	bool probing, told_refusal;
	unsigned turn;
	struct passing *passings;
	struct cache_proxy_counts counts;
};

/* One request on its way through. */
struct passing {
	struct passing *prev, *next;
	struct cache_proxy *proxy;
	struct request *r; /* NULL: the client left */
	struct cache_route route;
	bool known; /* route counts; else it asks how we are */
	bool is_put, drop, writing, ended;
	char *method, *url;
	VEC(char *) headers; /* NULL at the end */
	char lane[32];
	struct strbuf held; /* of the body, not in the file yet */
	int from_client, from_server;
	uint64_t size;
	struct relay_answer answer;
	enum rc rc;
	struct err err;
};

/* cache_proxy_take.c */
bool proxy_take(void *ctx, struct request *r);
void passing_free(struct passing *x);
/* cache_proxy.c */
void proxy_pass(struct passing *x); /* its body is whole: ask the server, then answer */
void proxy_shield(struct cache_proxy *p, struct request *r, const struct cache_route *route);
bool proxy_server_is_away(const struct cache_proxy *p);
MUST_CHECK enum rc spool_open(const struct cache_proxy *p, int *ret, struct err *err);
