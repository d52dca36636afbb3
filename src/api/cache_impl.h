/* Inside the build caches' protocols: shared by src/api/cache*.c, for nobody else. */
#pragma once
#include "api/cache.h"
#include "base/json.h"

#define ACTION_MAX ((size_t)4 << 20)  /* of an ActionResult */
#define TREE_MAX   ((size_t)16 << 20) /* of a Tree */
#define LANES      12                 /* requests that are worked on at a time */
#define EMPTY_SHA  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

enum tool { TOOL_TURBO, TOOL_NX, TOOL_BAZEL, TOOL_GRADLE, TOOL_KINDS };

/* What a tool's client takes for an answer. Nx ends a build at any status that it does not know, so it is never told one. */
struct tool_rules {
	const char *name;
	unsigned stored, there; /* PUT: written; the key is taken */
	unsigned denied, too_big, failed,
		broken; /* PUT: may not; above the limit; not our day; the bytes are wrong */
	const char *notes[TOOL_NOTES]; /* headers kept and given back */
};
extern const struct tool_rules tool_rules[TOOL_KINDS];

enum cache_what {
	CACHE_ENTRY,
	CACHE_BAD_ID, /* a place of entries, but this cannot be one's name */
	CACHE_STATUS,
	CACHE_EVENTS,
	CACHE_QUERY
};
enum cache_part { PART_ANY, PART_ACTION, PART_BLOB };
struct cache_route {
	enum tool tool;
	enum cache_what what;
	enum cache_part part;
	char space[TOOL_SPACE_MAX + 1];
	char id[TOOL_ID_MAX + 1];
};
/* cache_route.c: which tool asks for what. False: the path is nobody's. team: of the query, may be NULL. */
bool cache_route_parse(const char *path, const char *team, struct cache_route *ret);

/* cache_action.c */
enum action_kind { ACTION_BINARY, ACTION_JSON, ACTION_RAW };
/* By the first bytes: what ccache keeps is no ActionResult. */
enum action_kind action_kind_of(struct str head);
bool action_is_ccache_manifest(struct str head); /* it grows: its key is written again */
enum digest_of { DIGEST_FILE, DIGEST_TREE };
/* Each digest that the result names. each: false ends it. RC_INVALID: it is none. */
MUST_CHECK enum rc action_digests(struct str bytes, enum action_kind kind,
				  bool (*each)(void *ctx, enum digest_of what, struct str hex),
				  void *ctx, struct err *err);
/* The same for the files of a Tree. */
MUST_CHECK enum rc tree_digests(struct str bytes,
				bool (*each)(void *ctx, enum digest_of what, struct str hex),
				void *ctx, struct err *err);

struct tool_counts {
	uint64_t hits, misses, stored, there, denied, failed, damaged, bytes_in, bytes_out;
};
struct cache_service {
	struct loop *loop;
	struct tool_cache *cache;
	struct cache_job *jobs; /* not answered yet */
	struct upload *uploads;
	unsigned turn, puts;
	struct tool_counts counts[TOOL_KINDS];
	struct cache_listener listener;
};

/* cache.c: a request without a body, answered from a worker */
struct cache_job {
	struct cache_job *prev, *next;
	struct cache_service *s;
	struct request *r;
	struct cache_route route;
	char scope[TOOL_SCOPE_MAX + 1];
	void (*fn)(struct cache_job *j);   /* on a worker */
	void (*done)(struct cache_job *j); /* on the loop: answers */
	enum rc rc;
	struct err err;
	struct tool_found found;
	struct strbuf body; /* what came, or what is answered */
	uint64_t keep, gone;
	char *prune_scope;
};
struct cache_job *cache_job_new(struct cache_service *s, struct request *r,
				const struct cache_route *route, const char *scope);
void cache_job_start(struct cache_job *j);
void cache_job_free(struct cache_job *j);
/* The scope that the request's sender reads and writes; NULL: we do not know them. */
const char *scope_of(const struct request *r);
void reply_text(struct request *r, unsigned status, const char *text);
/* cache_check.c: on a worker. Is every blob there that the entry names? The blobs are used now. */
bool action_is_whole(struct tool_cache *c, const struct tool_key *k, const struct tool_found *f);
/* cache_put.c */
void take_put(struct cache_service *s, struct request *r, const struct cache_route *route,
	      const char *scope);
void uploads_free(struct cache_service *s);
/* cache_turbo.c: what is no entry */
void take_turbo(struct cache_service *s, struct request *r, const struct cache_route *route);
/* cache_admin.c: below /api/v1/cache. False: not that. */
bool take_admin(struct cache_service *s, struct request *r);
