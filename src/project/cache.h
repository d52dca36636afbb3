/* What was parsed, by path and blob. Private to src/project/. */
#pragma once
#include "project/lock.h"
#include "project/pom.h"
#include "project/read.h"

/* What a file gave: at most one of the three, or a problem. Owned by the cache, valid until project_cache_end(). */
struct parsed {
	struct buildfile *manifest;
	struct lock *lock;
	struct pom *pom;
	char *problem;
};
enum parse_as { PARSE_MANIFEST, PARSE_LOCK, PARSE_POM };
/* Between these two nobody else uses the cache. */
void project_cache_begin(struct project_cache *c);
void project_cache_end(struct project_cache *c);
/* Read through the source when it is not there. An error is the source's; what is wrong with the file is its problem. */
MUST_CHECK enum rc project_cache_get(struct project_cache *c, const struct project_source *source,
				     const char *commit, const struct tree_entry *file,
				     enum parse_as as, const struct parsed **ret, struct err *err);
