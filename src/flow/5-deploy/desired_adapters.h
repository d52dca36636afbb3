/* Constructors of the adapters of ports/desired.h, for main/, the simulator and the tests. */
#pragma once
#include "ports/desired.h"

/*
 * Bare repositories <env_dir>/<environment>.git (made at the first write), branch main.
 * services/<unit>.yml is written whole. A write that meets another commit goes on top of it and
 * keeps its other files. RC_CONFLICT: somebody else set this very service to another image, which
 * neither the deploy nor its previous one is.
 */
MUST_CHECK enum rc desired_git_new(const char *env_dir, struct desired **ret, struct err *err);

/* In memory, same contract. Commit ids are hashes of what they say. Not for several threads. */
MUST_CHECK enum rc desired_fake_new(struct desired **ret, struct err *err);
/* A person commits this image for a unit. */
void desired_fake_edit(struct desired *d, const char *environment, const char *unit,
		       const char *image);
/* The next `after` calls of the port work, then `n` fail with rc, then all work again. */
void desired_fake_fail(struct desired *d, unsigned after, unsigned n, enum rc rc);
