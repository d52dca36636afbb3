/*
 * A build cache on the loopback that is always there: what it is asked it passes on to the cache server (api/cache.h); when that is away, slow,
 * failing or refuses us, reads are misses and writes are taken and dropped. So an outage costs time, never a build. It holds no entries.
 *
 * An answer is passed on when it is whole: a server that stops in the middle of one is a miss, too. After a failure the server is left alone
 * for a while (1 s, then twice as long, at most 30 s); then one request looks whether it is back.
 *
 * Only places of build caches are passed on. Who may connect to the loopback may use the proxy's token for these, and only for these.
 */
#pragma once
#include "base/err.h"
#include "base/time.h"
#include "io/loop.h"

struct cache_proxy_options {
	const char *server; /* "https://ci.example:7400" */
	const char *token;  /* instead of what the clients send; NULL: theirs is passed on */
	const char *
		ca; /* https: a PEM file of the only authorities that are believed; NULL: the system's */
	const char *run; /* told to the server with each put; NULL: nothing */
	const char *
		spool; /* folder for what is on its way, in files without names; NULL: $TMPDIR, /tmp */
	const char *address; /* NULL: 127.0.0.1 */
	uint16_t port;       /* 0: any */
	usec_t connect;      /* 0: 1 s */
	usec_t patience;     /* below 10 KiB a second; 0: 5 s */
};
struct cache_proxy_counts {
	uint64_t hits, misses, puts;
	uint64_t shielded; /* answered by us, because the server could or would not */
};
struct cache_proxy;
MUST_CHECK enum rc cache_proxy_new(struct loop *l, const struct cache_proxy_options *o,
				   struct cache_proxy **ret, struct err *err);
uint16_t cache_proxy_port(const struct cache_proxy *p);
struct cache_proxy_counts cache_proxy_counts(const struct cache_proxy *p);
/* No request is taken any more. Then loop_free(), then cache_proxy_free(). */
void cache_proxy_stop(struct cache_proxy *p);
void cache_proxy_free(struct cache_proxy *p); /* NULL is fine */
