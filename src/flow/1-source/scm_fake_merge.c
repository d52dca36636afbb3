/* The merge queue's side of repositories in memory: whole files are merged, three ways. */
#include "flow/1-source/scm_fake_impl.h"

/* The youngest commit of a's own line that b holds. */
static const struct commit *merge_base(const struct fake_repo *r, const struct commit *a,
				       const struct commit *b)
{
	for (; a; a = a->parent[0] ? map_get(&r->commits, str_of(a->parent)) : NULL)
		if (fake_is_ancestor(r, a->id, b))
			return a;
	return NULL;
}

/* What differs between base and head becomes as in head, unless `to` has a third version. False: it has. */
static bool merge_files(struct commit *to, const struct commit *head, const struct commit *base)
{
	static const struct files nothing;
	const struct files *was = base ? &base->files : &nothing;
	const struct files *sides[] = {&head->files, was};

	for (size_t side = 0; side < 2; side++)
		for (size_t i = 0; i < sides[side]->list.n; i++) {
			const char *path = sides[side]->list.v[i].path;
			const struct file *now = fake_files_find(&to->files, path);
			const struct file *theirs = fake_files_find(&head->files, path),
					  *before = fake_files_find(was, path);

			if (fake_same_file(theirs, before) || fake_same_file(now, theirs))
				continue;
			if (!fake_same_file(now, before))
				return false;
			fake_files_set(&to->files, path, theirs ? theirs->mode : 0,
				       theirs ? theirs->blob : NULL);
		}
	return true;
}

enum rc fake_merge(struct scm *s, const char *repo, const struct scm_merge *m, char **ret_commit,
		   texts *ret_conflicts, struct err *err)
{
	struct fake_repo *r;
	enum rc rc = fake_begin(s, repo, &r, err);
	const struct commit *at = rc == RC_OK ? fake_commit_find(r, m->tip, err) : NULL;

	if (!at)
		return rc == RC_OK ? RC_NOT_FOUND : rc;
	for (size_t i = 0; i < m->heads->n; i++)
		if (!fake_commit_find(r, m->heads->v[i], err))
			return RC_NOT_FOUND;
	for (size_t i = 0; i < m->heads->n; i++) {
		const struct commit *head = fake_commit_find(r, m->heads->v[i], err);

		if (fake_is_ancestor(r, head->id, at))
			continue;
		AUTO(freep) char *message = scm_merge_message(m, i);
		struct commit *made = fake_commit_child(at, head->author, head->email, message);
		memcpy(made->second, head->id, sizeof(made->second));
		if (merge_files(made, head, merge_base(r, head, at))) {
			at = fake_commit_keep(r, made);
			continue;
		}
		fake_commit_free(made);
		vec_push(ret_conflicts, xstrdup(m->heads->v[i]));
	}
	scm_fake_set(s, repo, m->ref, at->id);
	*ret_commit = xstrdup(at->id);
	return RC_OK;
}

enum rc fake_land(struct scm *s, const char *repo, const struct change *c, struct err *err)
{
	struct fake_repo *r;
	enum rc rc = fake_begin(s, repo, &r, err);
	const struct commit *made = rc == RC_OK ? fake_commit_find(r, c->commit, err) : NULL;

	if (!made)
		return rc == RC_OK ? RC_NOT_FOUND : rc;
	const struct commit *tip = map_get(&r->branches, str_of(c->target));
	if (!tip || (!streq(tip->id, c->base) && !fake_is_ancestor(r, c->commit, tip)))
		return err_set(err, RC_CONFLICT, "%s of %s does not stand at %.12s any more",
			       c->target, repo, c->base);
	if (streq(tip->id, c->base))
		scm_fake_set(s, repo, c->target, made->id);
	scm_fake_set(s, repo, c->ref, NULL);
	return RC_OK;
}
