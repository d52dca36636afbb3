/*
 * A change, read from Git objects and planned: penstock.yml with what it includes, units that manifests say, trees, and
 * each unit's part of the lockfiles, at head and at base. The world comes as callbacks, so the daemon and the command line
 * share it. No cache of results is asked here (results.h).
 *
 * Cheap: without anything to infer or to slice there is one walk a commit, over the folders that the plan needs. Manifests
 * are looked for in the whole tree only when units are inferred. What was parsed is kept by blob in a project_cache.
 */
#pragma once
#include "core/plan.h"
#include "project/graph.h"

#define PROJECT_FILE "penstock.yml"

/* Parsed manifests and lockfiles by path and blob; safe from any thread; at most 64 MiB of sources. */
struct project_cache;
struct project_cache *project_cache_new(void);
void project_cache_free(struct project_cache *c);

struct project_source {
	void *ctx;
	/* A file of a commit; oid: its blob's, when that is known already, or NULL. RC_NOT_FOUND, RC_TOO_BIG. */
	enum rc (*file)(void *ctx, const char *commit, const char *path, const char *oid,
			size_t max, struct strbuf *ret, struct err *err);
	/* As scm_tree(); of list only files that are wanted() need be told (NULL: all). */
	enum rc (*tree)(void *ctx, const char *commit, const texts *dirs, const texts *list,
			bool (*wanted)(const char *path), struct tree_facts *ret, struct err *err);
	/* A file of another repository, for includes. */
	enum rc (*other)(void *ctx, const char *source, const char *commit, const char *path,
			 size_t max, struct strbuf *ret, struct err *err);
	const char *(*zone_rule)(const char *zone, void *ctx);
	void *zone_ctx;
};
struct project_ask {
	const struct project_source *source;
	struct project_cache *cache; /* NULL: none is kept */
	const char *head, *base;     /* commits; base NULL: everything is affected */
	bool without_file;           /* no penstock.yml is fine: all is inferred */
	enum stage stage;
	const char *toolchain;
	const struct change *change;
	/* What the images that jobs name stand for now, appended to ret; NULL: names count as they are. */
	enum rc (*images)(void *ctx, const struct config *c, pairs *ret, struct err *err);
	void *images_ctx;
	uint64_t (*file_time)(void *ctx, const char *unit, const char *job, const char *file);
	void *file_ctx;
};
struct project_side {
	struct config config;
	struct tree_facts facts;
	struct project_graph graph; /* empty when nothing is inferred; without its manifests */
	pairs warnings;             /* unit -> why its lockfile counts as a whole */
};
struct project_reading {
	struct project_side head, base;
	bool has_base;
	bool same_config; /* base.config is head.config, and empty here */
	pairs images;     /* as `images` said */
	struct plan plan;
};
/* Read head alone: all but base and plan. */
MUST_CHECK enum rc project_read(const struct project_ask *ask, struct project_reading *ret,
				struct err *err);
/* Read and plan. A base whose penstock.yml cannot be read is none. Errors name the file and the line. */
MUST_CHECK enum rc project_plan(const struct project_ask *ask, struct project_reading *ret,
				struct err *err);
/* penstock.yml of a commit with its includes, and nothing else; units that are inferred are not in it. */
MUST_CHECK enum rc project_config(const struct project_source *source, const char *commit,
				  struct config *ret, struct err *err);
void project_reading_done(struct project_reading *r);
/* The plan's ask, again, for plan_key_lines(): borrows from both. */
struct plan_ask project_plan_ask(const struct project_ask *ask, const struct project_reading *r);
