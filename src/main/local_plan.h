/* A plan made here and now, from a repository's objects: what `plan` prints and `run` runs. */
#pragma once
#include "clients/git.h"
#include "core/plan.h"
#include "ports/blobs.h"
#include "project/read.h"
#include "project/results.h"

#define CONFIG_FILE PROJECT_FILE

struct local_change {
	char head[GIT_HEX + 1];
	char base[GIT_HEX + 1]; /* "": everything counts as changed */
	struct project_reading read;
	struct change change; /* what it is of, as local_event() says */
};
void local_change_done(struct local_change *c);

/* A repository as what a project is read from; ctx is r. */
struct project_source local_source(struct repo *r);
/* Open what --repo names (NULL: here). */
MUST_CHECK enum rc local_repo(const char *path, struct repo **ret, struct err *err);
/* head (NULL: HEAD) as an id; says so when there is no commit at all. */
MUST_CHECK enum rc local_head(struct repo *r, const char *head, char ret[GIT_HEX + 1],
			      struct err *err);
/* The work tree as it stands, as a commit of a repository of its own that goes with it. */
struct local_worktree {
	char dir[64]; /* below $TMPDIR; "": nowhere */
	struct repo *repo;
	char commit[GIT_HEX + 1], head[GIT_HEX + 1]; /* head: HEAD's; "" when it has none */
};
MUST_CHECK enum rc local_worktree(struct repo *r, struct local_worktree *ret, struct err *err);
void local_worktree_done(struct local_worktree *w); /* also when the former failed */
/* penstock.yml of a commit, with the units that are inferred. RC_INVALID: there is none, or it is wrong. */
MUST_CHECK enum rc local_config(struct repo *r, const char *commit, struct config *ret,
				struct err *err);
/* Read head and base (ids; base NULL or "": none) and plan stage ci. */
MUST_CHECK enum rc local_change(struct repo *r, const char *head, const char *base,
				struct local_change *ret, struct err *err);
