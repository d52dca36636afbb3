/* One commit of a reading. Private to src/project/. */
#pragma once
#include "project/cache.h"
#include "project/slices.h"

typedef VEC(struct tree_entry) entry_list;
struct side {
	const struct project_ask *ask;
	struct project_cache *cache;
	const char *commit;
	struct project_side *to;
	const struct side *like; /* whose penstock.yml is the same; then to->config is empty */
	struct strbuf text;      /* penstock.yml and all that it includes, for comparing */
	entry_list files;        /* manifests, lockfiles and markers; in order of path */
	VEC(const struct buildfile *) manifests;
	VEC(struct locked) locked;
	VEC(struct tree_entry) broken; /* manifests: path, and the problem as oid; borrowed */
	texts markers;
};
#define SIDE_TEXT_MAX ((size_t)32 << 20)
void side_init(struct side *s, const struct project_ask *ask, struct project_cache *cache,
	       const char *commit, struct project_side *to);
void side_done(struct side *s);
/* penstock.yml and what it includes, into to->config; when they are what `other` (may be NULL) has, only noted in like. */
MUST_CHECK enum rc side_config(struct side *s, const struct side *other, struct err *err);
/* Which files there are: by a walk of everything, or (nothing is inferred) by a look where lockfiles can be. */
MUST_CHECK enum rc side_files(struct side *s, struct err *err);
/* All after that: units, trees, slices. */
MUST_CHECK enum rc side_units(struct side *s, struct err *err);
