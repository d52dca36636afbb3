/*
 * One cache server for everybody's build tools, on the daemon's port; the clients are their own, unmodified:
 *
 *	Turborepo	/v8/artifacts/...		?slug= or ?teamId= keeps teams apart
 *	Nx		/v1/cache/<hash>		also //v1/cache/<hash>
 *	Bazel, moon, ccache (layout=bazel)	/<instance>/{ac,cas}/<64 hex>, also below /cache, also without an instance
 *	Gradle		/gradle/<key>
 *
 * Who brings a token with a scope reads and writes there (io/httpd_token.h); tokens of the API and peers of the unix socket are trusted.
 * On the loop's thread; what blocks goes to workers.
 */
#pragma once
#include "io/httpd.h"
#include "io/loop.h"
#include "ports/tool_cache.h"

struct cache_service;
struct cache_service *cache_service_new(struct loop *l, struct tool_cache *cache);
/* Who hears of what was refused to somebody we know, and of what was destroyed, before it is answered. On the loop; none: nobody. */
struct cache_listener {
	void (*denied)(void *ctx, struct request *r, const char *what, const char *why);
	void (*pruned)(void *ctx, struct request *r, const char *scope, uint64_t keep,
		       uint64_t gone);
	void *ctx;
};
void cache_service_listen(struct cache_service *s, const struct cache_listener *l);
/* For httpd_add_taker(); ctx is the service. */
bool cache_take(void *ctx, struct request *r);
/* After httpd_free() and loop_free(). The cache itself is the caller's. */
void cache_service_free(struct cache_service *s);
