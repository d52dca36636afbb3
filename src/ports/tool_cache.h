/*
 * Port: the cache of other people's build tools (Turborepo, Nx, Bazel, moon, ccache, Gradle): bytes under a key, with what the client said of
 * them. Blocking, safe from any thread. Adapters: tool_cache_disk (<data>/tools), tool_cache_memory.
 *
 * A key stands in a scope. "trusted" holds what runs of protected branches made: its keys never change once they are there. "pr/N" holds what
 * one pull request made; it may change. A pull request reads its own, then the trusted ones; a trusted run never reads what a pull request
 * wrote (tool_cache_find() knows this order, and nobody else asks for a scope by name).
 *
 * The whole is bounded: above the limit, what was used longest ago goes. What is read is compared with the SHA-256 that was kept when it
 * was written; what does not match is dropped and was never there.
 */
#pragma once
#include "base/digest.h"
#include "base/strbuf.h"
#include "base/vec.h"

#define TOOL_TRUSTED   "trusted"
#define TOOL_SMALL     ((uint64_t)64 << 10) /* entries up to this come as bytes, others as a file */
#define TOOL_NOTES     8
#define TOOL_NOTE_MAX  1024
#define TOOL_ID_MAX    128
#define TOOL_SPACE_MAX 200
#define TOOL_SCOPE_MAX 16

/* scope: see above. space: words of [A-Za-z0-9._-] with '/' between them, none beginning with '.'. id: [A-Za-z0-9_-], 1 to 128. */
struct tool_key {
	const char *scope, *space, *id;
};
bool tool_key_good(const struct tool_key *k);

/* What was kept beside the bytes. Texts are owned. */
struct tool_note {
	char *name, *value;
};
struct tool_meta {
	char *writer; /* who wrote it: "token:ci" */
	char *run;    /* in which run, as the writer says; may be NULL */
	usec_t created;
	uint64_t size;
	struct digest sha;
	struct tool_note notes[TOOL_NOTES]; /* headers of the client's; up to the first NULL name */
};
void tool_meta_done(struct tool_meta *m);
/* RC_TOO_BIG above TOOL_NOTES, or a value above TOOL_NOTE_MAX. */
MUST_CHECK enum rc tool_meta_note(struct tool_meta *m, const char *name, const char *value,
				  struct err *err);
const char *tool_meta_get(const struct tool_meta *m, const char *name); /* NULL: not there */

struct tool_found {
	struct tool_meta meta;
	bool trusted;
	struct strbuf bytes; /* the whole, when meta.size <= TOOL_SMALL */
	int fd;              /* else a file whose first meta.size bytes are it; -1 */
};
void tool_found_done(struct tool_found *f);

/* One line of what is there. */
struct tool_usage {
	const char *scope, *space;
	uint64_t entries, bytes;
};

struct tool_cache;
struct tool_put;
struct tool_cache_ops {
	const char *name;
	enum rc (*put_open)(struct tool_cache *c, const struct tool_key *k, uint64_t size,
			    struct tool_put **ret, struct err *err);
	enum rc (*put_write)(struct tool_put *p, struct str bytes, struct err *err);
	enum rc (*put_keep)(struct tool_put *p, struct tool_meta *meta, bool replace,
			    struct err *err);
	void (*put_drop)(struct tool_put *p);
	enum rc (*get)(struct tool_cache *c, const struct tool_key *k, struct tool_found *ret,
		       struct err *err);
	bool (*touch)(struct tool_cache *c, const struct tool_key *k);
	enum rc (*forget)(struct tool_cache *c, const struct tool_key *k, struct err *err);
	enum rc (*usage)(struct tool_cache *c, void (*each)(void *ctx, const struct tool_usage *u),
			 void *ctx, struct err *err);
	enum rc (*prune)(struct tool_cache *c, const char *scope, uint64_t keep, uint64_t *ret_gone,
			 struct err *err);
	void (*free)(struct tool_cache *c);
};
struct tool_cache {
	const struct tool_cache_ops *ops;
	uint64_t max; /* bytes of all entries */
};

/*
 * A put is made known whole or not at all, by tool_put_keep(). size: what the client announced, for the limit (RC_TOO_BIG: it can never
 * fit). The digest of what was written is known after the last piece.
 */
MUST_CHECK static inline enum rc tool_cache_put(struct tool_cache *c, const struct tool_key *k,
						uint64_t size, struct tool_put **ret,
						struct err *err)
{
	if (!tool_key_good(k))
		return err_set(err, RC_INVALID, "this is no key of the build cache");
	if (size > c->max)
		return err_set(err, RC_TOO_BIG,
			       "%llu bytes are above the %llu that the whole cache may hold",
			       (unsigned long long)size, (unsigned long long)c->max);
	return c->ops->put_open(c, k, size, ret, err);
}
MUST_CHECK static inline enum rc tool_put_write(struct tool_cache *c, struct tool_put *p,
						struct str bytes, struct err *err)
{
	return c->ops->put_write(p, bytes, err);
}
/*
 * Sets size, digest and time of creation in *meta. p is gone, whatever comes. RC_CONFLICT: the key is taken; in the trusted scope that is so
 * for ever, unless `replace`; elsewhere the last one counts. want: RC_CORRUPT when the digest is another one; may be NULL.
 */
MUST_CHECK enum rc tool_put_keep(struct tool_cache *c, struct tool_put *take_p,
				 struct tool_meta *meta, const struct digest *want, bool replace,
				 struct err *err);
static inline void tool_put_drop(struct tool_cache *c, struct tool_put *p)
{
	if (p)
		c->ops->put_drop(p);
}

/* The entry as a reader of this scope sees it; used now. RC_NOT_FOUND; RC_CORRUPT: it was damaged, and is no longer there. */
MUST_CHECK enum rc tool_cache_find(struct tool_cache *c, const struct tool_key *k,
				   struct tool_found *ret, struct err *err);
/* Is it there for a reader of this scope? Then it is used now. Its bytes are not looked at. */
bool tool_cache_touch(struct tool_cache *c, const struct tool_key *k);
/* Is the very key there, in its own scope? Also used now. */
static inline bool tool_cache_has_own(struct tool_cache *c, const struct tool_key *k)
{
	return tool_key_good(k) && c->ops->touch(c, k);
}
/* In its own scope only. A missing one is fine. */
MUST_CHECK static inline enum rc tool_cache_forget(struct tool_cache *c, const struct tool_key *k,
						   struct err *err)
{
	return c->ops->forget(c, k, err);
}
MUST_CHECK static inline enum rc tool_cache_usage(struct tool_cache *c,
						  void (*each)(void *ctx,
							       const struct tool_usage *u),
						  void *ctx, struct err *err)
{
	return c->ops->usage(c, each, ctx, err);
}
/* Drop what was used longest ago until at most `keep` bytes are left; of one scope, or of all (NULL). */
MUST_CHECK static inline enum rc tool_cache_prune(struct tool_cache *c, const char *scope,
						  uint64_t keep, uint64_t *ret_gone,
						  struct err *err)
{
	return c->ops->prune(c, scope, keep, ret_gone, err);
}
static inline void tool_cache_free(struct tool_cache *c)
{
	if (c)
		c->ops->free(c);
}

/* For adapters: what every put has in common. */
struct tool_put {
	struct tool_cache *cache;
	char *scope, *space, *id;
	struct digest_state *digest;
	uint64_t size;
};
void tool_put_init(struct tool_put *p, struct tool_cache *c, const struct tool_key *k);
void tool_put_done(struct tool_put *p);
