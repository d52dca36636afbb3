/* What lockfiles outside of the units' folders say about each unit. Pure. */
#pragma once
#include "core/plan.h"
#include "project/lock.h"
#include "project/pom.h"

/* A lockfile, a parent pom.xml, or a go.sum, as it was read. */
struct locked {
	const char *path, *oid;
	const struct lock *lock; /* NULL: of another kind, or broken */
	const struct pom *pom;
	const char *problem; /* broken: it counts as a whole */
};
struct slice_ask {
	const struct config *config;
	const struct buildfile *const *manifests;
	size_t n_manifests;
	const struct locked *locked;
	size_t n_locked;
};
struct slice_warning {
	char *unit, *text;
};
struct slices {
	VEC(struct lock_slice) list; /* in order of unit and path */
	VEC(struct slice_warning) warnings;
};
void slices_make(const struct slice_ask *ask, struct slices *ret);
void slices_done(struct slices *s);
/* A path whose content decides slices: a lockfile, go.sum. */
bool slice_is_lock(const char *path);
