/* Which jobs of a plan need not run, because the cache of results has what they gave. */
#pragma once
#include "core/model.h"
#include "ports/blobs.h"

/* Misses whose key is known become hits. An unaffected job whose result is gone runs again when something that misses needs
 * it. all: results of the unaffected are filled in too, where there are any. RC_UNAVAILABLE and its like: the cache does not
 * answer; what it does not have, or has broken, is a miss. scope: as result_scope(). */
MUST_CHECK enum rc project_results(struct plan *p, struct blobs *cache, const char *scope, bool all,
				   struct err *err);

/* Whose results a change may write and reads besides the trusted ones: NULL for what is on a branch, or will be; a text of its own for each request to
 * merge, so that no request can leave a result that a branch, or another request, takes for its own (CVE-2025-36852). The caller's. */
char *result_scope(const struct change *c);
/* The key under which a scope keeps the result of a task key; scope NULL: the key itself. The caller's. */
char *result_key(const char *scope, const char *key);
