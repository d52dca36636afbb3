/* Between the readers of lockfiles: packages are added with the keys by which others find them, edges by key; lock.c makes
 * one graph of it when all is read. */
#pragma once
#include "base/digest.h"
#include "base/map.h"
#include "project/lock.h"

struct package {
	char *own;   /* what it is: name, version, hash */
	char *where; /* npm: its place, from which names are looked up */
};
struct lock_edge {
	uint32_t from, to; /* to: UINT32_MAX until it is found */
	char *key, *name;  /* name: when no key fits, all packages of this name */
};
struct named {
	VEC(uint32_t) v;
};
struct lock {
	enum lock_kind kind;
	char *file, *dir;
	VEC(struct package) packages;
	VEC(struct lock_edge) edges;
	struct map keys;  /* -> package + 1 */
	struct map units; /* path from the root of the repository -> package + 1 */
	struct map names; /* -> struct named: other packages of a name */
	uint32_t *first, *to, *component;
	struct digest *digests; /* of components */
};
struct lock_source {
	struct lock *l;
	struct str text;
	struct err *err;
	enum rc rc;
};
/* The package's number; its own text is empty. UINT32_MAX: there are too many, and rc is set. */
uint32_t lock_add(struct lock_source *s);
/* Adds to what it is; parts are told apart. */
void lock_own(struct lock *l, uint32_t package, struct str part);
void lock_key(struct lock *l, uint32_t package, struct str key);
void lock_name(struct lock *l, uint32_t package, struct str name);
void lock_unit(struct lock *l, uint32_t package,
	       struct str path); /* seen from the lockfile's folder */
/* False: too many. */
bool lock_edge(struct lock_source *s, uint32_t from, struct str key, struct str name);
uint32_t lock_find(const struct lock *l, struct str key); /* UINT32_MAX: none */
enum rc lock_fail(struct lock_source *s, uint32_t line, const char *fmt, ...) PRINTF(3, 4);

void lock_read_npm(struct lock_source *s);
void lock_read_pnpm(struct lock_source *s);
void lock_read_yarn(struct lock_source *s);
void lock_read_cargo(struct lock_source *s);
void lock_read_uv(struct lock_source *s);
void lock_read_poetry(struct lock_source *s);
/* npm: what `name` means in the folder `where`. */
uint32_t lock_npm_resolve(const struct lock *l, const char *where, const char *name);
/* What a mention of a manifest stands for; UINT32_MAX: nothing, or see lock_named(). */
uint32_t lock_mention(const struct lock *l, const char *dir, const struct mention *d);
const struct named *lock_named(const struct lock *l, const char *name);
