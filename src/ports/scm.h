/*
 * Port: source repositories. Objects are read from bare repositories; nothing is checked out. Blocking (worker lanes "source/<repo>").
 * Adapters: scm_local (libgit2; bare repositories on this machine), scm_fake.
 */
#pragma once
#include "core/model.h"

struct scm_ref {
	char *ref, *commit;
};
/* Changes merged as they would land. Texts are borrowed. */
struct scm_merge {
	const char *target; /* refs/heads/main */
	const char *tip;    /* what it stood at */
	const char *ref;    /* where the result is kept: refs/penstock/queue/main */
	const char *id;     /* of the queue: the trailer Penstock-Queue */
	const texts *heads; /* commits, in order */
	const pairs *names; /* of the heads: ref, number ("" without) */
};
struct scm_commit { /* borrowed */
	const char *id, *author, *subject;
	usec_t at; /* 0: not known */
};
struct scm;
struct scm_ops {
	const char *name;
	enum rc (*refs)(struct scm *s, const char *repo,
			bool (*each)(void *ctx, const char *ref, const char *commit), void *ctx,
			struct err *err);
	enum rc (*change)(struct scm *s, const char *repo, struct change *change, struct err *err);
	enum rc (*file)(struct scm *s, const char *repo, const char *commit, const char *path,
			size_t max, struct strbuf *ret, struct err *err);
	enum rc (*tree)(struct scm *s, const char *repo, const char *commit, const texts *dirs,
			const texts *list, struct tree_facts *ret, struct err *err);
	enum rc (*materialise)(struct scm *s, const char *repo, const char *commit,
			       const texts *paths, const char *into, struct err *err);
	enum rc (*revert)(struct scm *s, const char *repo, const struct change *change,
			  const char *message, char **ret_commit, struct err *err);
	enum rc (*merge)(struct scm *s, const char *repo, const struct scm_merge *m,
			 char **ret_commit, texts *ret_conflicts, struct err *err);
	enum rc (*land)(struct scm *s, const char *repo, const struct change *c, struct err *err);
	enum rc (*log)(struct scm *s, const char *repo, const char *tip, const char *stop,
		       bool (*each)(void *ctx, const struct scm_commit *c), void *ctx,
		       struct err *err);
	void (*free)(struct scm *s);
};
struct scm {
	const struct scm_ops *ops;
};

/* Every ref that brings changes (branches, tags, refs/pull/N/head, refs/merge-requests/N/head); fetches into the mirror first. */
MUST_CHECK static inline enum rc scm_refs(struct scm *s, const char *repo,
					  bool (*each)(void *, const char *ref, const char *commit),
					  void *ctx, struct err *err)
{
	return s->ops->refs(s, repo, each, ctx, err);
}
/* Given repo, ref, commit and base: fetch, then fill author, email, subject, reverts (trailer "Penstock-Reverts: rel-4"); base becomes NULL when it is
 * no ancestor of commit. CHANGE_PULL with its target: base becomes where it left the target, fork whether no branch stands at the commit. RC_NOT_FOUND: no
 * such commit. */
MUST_CHECK static inline enum rc scm_change(struct scm *s, const char *repo, struct change *c,
					    struct err *err)
{
	return s->ops->change(s, repo, c, err);
}
/* One file at a commit. RC_NOT_FOUND, RC_TOO_BIG. */
MUST_CHECK static inline enum rc scm_file(struct scm *s, const char *repo, const char *commit,
					  const char *path, size_t max, struct strbuf *ret,
					  struct err *err)
{
	return s->ops->file(s, repo, commit, path, max, ret, err);
}
/* Tree ids of dirs (or a blob's id when it is a file; "." the root), and all blobs below the paths in list. */
MUST_CHECK static inline enum rc scm_tree(struct scm *s, const char *repo, const char *commit,
					  const texts *dirs, const texts *list,
					  struct tree_facts *ret, struct err *err)
{
	return s->ops->tree(s, repo, commit, dirs, list, ret, err);
}
/* Write the blobs below paths (repository paths; "." = all) under the existing folder `into`, keeping their repository paths; modes 0644/0755. Symlinks
 * only when they stay inside; submodules are left out. Never follows links in `into`. */
MUST_CHECK static inline enum rc scm_materialise(struct scm *s, const char *repo,
						 const char *commit, const texts *paths,
						 const char *into, struct err *err)
{
	return s->ops->materialise(s, repo, commit, paths, into, err);
}
/* Commit on change->ref that takes base..commit back (three-way, on the branch's tip; also when others pushed since). Idempotent: finds its own earlier
 * commit by the trailer. RC_CONFLICT when it does not merge cleanly, RC_INVALID when there is no base. *ret_commit is the caller's. */
MUST_CHECK static inline enum rc scm_revert(struct scm *s, const char *repo, const struct change *c,
					    const char *message, char **ret_commit, struct err *err)
{
	return s->ops->revert(s, repo, c, message, ret_commit, err);
}
/* Merge the heads onto the tip, one merge commit each: its author is the head's, its committer Penstock, its time the latest of its parents', so that the
 * same merge done twice is the same commit. A head that does not merge is left out and named in *ret_conflicts; one that the tip holds already adds nothing.
 * The last commit (the tip, when nothing was merged) is kept under m->ref and can be read like any other. RC_NOT_FOUND: no such commit. No branch moves. */
MUST_CHECK static inline enum rc scm_merge(struct scm *s, const char *repo,
					   const struct scm_merge *m, char **ret_commit,
					   texts *ret_conflicts, struct err *err)
{
	return s->ops->merge(s, repo, m, ret_commit, ret_conflicts, err);
}
/* Move c->target from c->base to c->commit, and forget c->ref. RC_OK also when it holds the commit already (done twice, or others pushed since); RC_CONFLICT:
 * it stands elsewhere, nothing moved. */
MUST_CHECK static inline enum rc scm_land(struct scm *s, const char *repo, const struct change *c,
					  struct err *err)
{
	return s->ops->land(s, repo, c, err);
}
/* Commits of tip's history that are not of stop's (NULL: all), children before their parents, until each returns false. RC_NOT_FOUND: one of them is not there. */
MUST_CHECK static inline enum rc scm_log(struct scm *s, const char *repo, const char *tip,
					 const char *stop,
					 bool (*each)(void *ctx, const struct scm_commit *c),
					 void *ctx, struct err *err)
{
	return s->ops->log(s, repo, tip, stop, each, ctx, err);
}
/* The message of the merge of a head. The caller's. */
char *scm_merge_message(const struct scm_merge *m, size_t i);
static inline void scm_free(struct scm *s)
{
	if (s)
		s->ops->free(s);
}
