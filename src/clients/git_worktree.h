/*
 * What a person's clone has beyond its commits: where it is found from inside, what its branches
 * are compared to, and the work tree as it stands, as a commit.
 */
#pragma once
#include "clients/git.h"

/* The repository at path or in a folder above it. RC_NOT_FOUND. */
MUST_CHECK enum rc repo_find(const char *path, struct repo **ret, struct err *err);
/* Where its files are, ends with '/'; NULL when it is bare. */
const char *repo_workdir(const struct repo *r);
/* What head is compared to when nobody says: where it left the default branch (of origin, main,
 * master, or HEAD). When it has not left it: its first parent, or head itself when `more` says that
 * there is work on top of it. "": there is nothing to compare to. */
MUST_CHECK enum rc repo_usual_base(struct repo *r, const char *head, bool more,
				   char ret[GIT_HEX + 1], struct err *err);

/*
 * The work tree with all that is not committed (changed, staged, deleted, and new files that are
 * not ignored) as a commit on top of HEAD (or without a parent when there is none yet), in a bare
 * repository that is made at `into` and borrows the other's objects: index, refs, objects and files
 * of the work tree stay as they are. Nothing changed: ret_id is HEAD's. ret_head: HEAD's id, "" when
 * it has none. RC_INVALID: it is bare.
 */
MUST_CHECK enum rc repo_worktree(struct repo *r, const char *into, char ret_id[GIT_HEX + 1],
				 char ret_head[GIT_HEX + 1], struct err *err);
