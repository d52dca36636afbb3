/*
 * Lockfiles: which packages at which versions, and who needs whom. From one comes, for each unit, a digest over the
 * transitive closure of what it uses, and over nothing else: where a package lies in the file, its order, and packages
 * that others use make no difference. Circles among packages are fine.
 */
#pragma once
#include "project/buildfile.h"

#define LOCK_MAX_BYTES    ((size_t)32 << 20)
#define LOCK_MAX_PACKAGES 200000u
#define LOCK_MAX_EDGES    2000000u

#define LOCK_MAP(X)                             \
	X(LOCK_NPM, "npm", "package-lock.json") \
	X(LOCK_PNPM, "npm", "pnpm-lock.yaml")   \
	X(LOCK_YARN, "npm", "yarn.lock")        \
	X(LOCK_CARGO, "cargo", "Cargo.lock")    \
	X(LOCK_UV, "python", "uv.lock")         \
	X(LOCK_POETRY, "python", "poetry.lock")
enum lock_kind {
#define X(name, tool, file) name,
	LOCK_MAP(X)
#undef X
};
extern const char *const lock_tools[6], *const lock_files[6];
bool lock_is(const char *path, enum lock_kind *ret);

struct lock;
/* file: its path in the repository. RC_INVALID: "file:line: what", RC_TOO_BIG. */
MUST_CHECK enum rc lock_read(const char *file, struct str text, struct lock **ret, struct err *err);
void lock_free(struct lock *l);
enum lock_kind lock_kind_of(const struct lock *l);
size_t lock_packages(const struct lock *l);
/* The digest (64 hex) of all that a unit uses: by its folder where the lockfile knows that, else by what its manifests
 * mention. False: nothing. */
bool lock_slice(const struct lock *l, const char *unit_path,
		const struct buildfile *const *manifests, size_t n, char ret[65]);
