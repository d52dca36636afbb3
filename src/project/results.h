/* Which jobs of a plan need not run, because the cache of results has what they gave. */
#pragma once
#include "core/plan.h"
#include "ports/blobs.h"

/* Misses whose key is known become hits. An unaffected job whose result is gone runs again when something that misses needs
 * it. all: results of the unaffected are filled in too, where there are any. RC_UNAVAILABLE and its like: the cache does not
 * answer; what it does not have, or has broken, is a miss. */
MUST_CHECK enum rc project_results(struct plan *p, struct blobs *cache, bool all, struct err *err);
