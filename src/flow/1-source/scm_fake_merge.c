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

/* Is a commit that is still to be told of a child of it? */
static bool has_child(const struct fake_repo *r, const struct map *left, const char *id)
{
	for (struct map_entry *e = NULL; (e = map_next(left, e));) {
		const struct commit *c = map_get(&r->commits, str_of(e->key));

		if (streq(c->parent, id) || streq(c->second, id))
			return true;
	}
	return false;
}

static void collect(const struct fake_repo *r, struct map *to, const char *id, const char *stop)
{
	struct commit *c = map_get(&r->commits, str_of(id)), *end;

	while (c && !map_get(to, str_of(c->id))) {
		end = stop ? map_get(&r->commits, str_of(stop)) : NULL;
		if (end && fake_is_ancestor(r, c->id, end))
			return;
		map_put(to, str_of(c->id), c);
		if (*c->second)
			collect(r, to, c->second, stop);
		c = *c->parent ? map_get(&r->commits, str_of(c->parent)) : NULL;
	}
}

enum rc fake_log(struct scm *s, const char *repo, const char *tip, const char *stop,
		 bool (*each)(void *ctx, const struct scm_commit *c), void *ctx, struct err *err)
{
	struct fake_repo *r;
	struct map left = {0};
	enum rc rc = fake_begin(s, repo, &r, err);
	const struct commit *from = rc == RC_OK ? fake_commit_find(r, tip, err) : NULL;

	if (!from || (stop && !(fake_commit_find(r, stop, err))))
		return rc == RC_OK ? RC_NOT_FOUND : rc;
	collect(r, &left, from->id, stop);
	for (bool more = true; more && left.n;)
		for (struct map_entry *e = NULL; (e = map_next(&left, e));) {
			const struct commit *c = e->value;

			if (has_child(r, &left, c->id))
				continue;
			AUTO(freep) char *subject = xstrndup(c->message, strcspn(c->message, "\n"));
			struct scm_commit told = {
				.id = c->id, .author = c->author, .subject = subject};
			more = each(ctx, &told);
			map_del(&left, str_of(c->id));
			break;
		}
	map_done(&left);
	return RC_OK;
}
