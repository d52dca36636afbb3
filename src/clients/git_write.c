/* Commits without a work tree, and differences for people. */
#include "clients/git_impl.h"

static void signaturep(git_signature **p)
{
	git_signature_free(*p);
}
static void indexp(git_index **p)
{
	git_index_free(*p);
}
static void refp(git_reference **p)
{
	git_reference_free(*p);
}

static enum rc moved(struct repo *r, const char *ref, struct err *err)
{
	return err_set(err, RC_CONFLICT, "%s of %s has moved meanwhile", ref, r->path);
}

static enum rc move_ref(struct repo *r, const char *ref, const git_oid *expected, const git_oid *to,
			const char *why, struct err *err)
{
	AUTO(refp) git_reference *made = NULL;
	int code = expected ? git_reference_create_matching(&made, r->git, ref, to, true, expected,
							    why)
			    : git_reference_create(&made, r->git, ref, to, false, why);

	/* libgit2 says "not found" when the ref that should be matched is gone. */
	if (code == GIT_EMODIFIED || code == GIT_EEXISTS || (expected && code == GIT_ENOTFOUND))
		return moved(r, ref, err);
	return code ? git_fail(err, code, "set %s of %s", ref, r->path) : RC_OK;
}

/* NULL stays NULL. */
static enum rc parse_id(const char *hex, git_oid *to, const git_oid **ret, struct err *err)
{
	*ret = NULL;
	if (!hex)
		return RC_OK;
	if (strlen(hex) != GIT_HEX || git_oid_fromstr(to, hex))
		return err_set(err, RC_INVALID, "%s is no object id", hex);
	*ret = to;
	return RC_OK;
}

enum rc repo_move(struct repo *r, const char *ref, const char *expected, const char *to,
		  struct err *err)
{
	git_oid old, new;
	const git_oid *from, *target;
	enum rc rc = parse_id(expected, &old, &from, err);

	if (rc == RC_OK)
		rc = parse_id(to, &new, &target, err);
	if (rc != RC_OK)
		return rc;
	if (target)
		return move_ref(r, ref, from, target, "move", err);
	AUTO(refp) git_reference *now = NULL;
	int code = git_reference_lookup(&now, r->git, ref);
	if (code == GIT_ENOTFOUND)
		return from ? moved(r, ref, err) : RC_OK;
	if (!code && (!from || !git_reference_target(now) ||
		      !git_oid_equal(git_reference_target(now), from)))
		return moved(r, ref, err);
	if (!code)
		code = git_reference_delete(
			now); /* fails when it has moved since it was looked up */
	if (code == GIT_EMODIFIED)
		return moved(r, ref, err);
	return code ? git_fail(err, code, "remove %s of %s", ref, r->path) : RC_OK;
}

static enum rc commit_tree(struct repo *r, const char *ref, const git_commit *parent,
			   git_tree *tree, const char *message, const struct repo_author *by,
			   char ret[GIT_HEX + 1], struct err *err)
{
	AUTO(signaturep) git_signature *who = NULL;
	const git_commit *parents[] = {parent};
	git_oid oid;
	int code = git_signature_new(&who, by->name, by->email, by->time, 0);

	if (!code)
		code = git_commit_create(&oid, r->git, NULL, who, who, NULL, message, tree,
					 parent ? 1 : 0, parents);
	if (code)
		return git_fail(err, code, "commit on %s of %s", ref, r->path);
	enum rc rc = move_ref(r, ref, parent ? git_commit_id(parent) : NULL, &oid, "commit", err);
	if (rc == RC_OK)
		git_oid_tostr(ret, GIT_HEX + 1, &oid);
	return rc;
}

static enum rc find_parent(struct repo *r, const char *expected, git_commit **ret, struct err *err)
{
	return expected ? git_find_commit(r, expected, ret, err) : RC_OK;
}

static int stage_edit(struct repo *r, const struct repo_edit *e, git_tree_update *to)
{
	*to = (git_tree_update){
		.action = e->remove ? GIT_TREE_UPDATE_REMOVE : GIT_TREE_UPDATE_UPSERT,
		.filemode = e->exec ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB,
		.path = e->path,
	};
	return e->remove ? 0 : git_blob_create_from_buffer(&to->id, r->git, e->bytes.p, e->bytes.n);
}

enum rc repo_write(struct repo *r, const char *ref, const char *expected,
		   const struct repo_edit *edits, size_t n, const char *message,
		   const struct repo_author *by, char ret[GIT_HEX + 1], struct err *err)
{
	AUTO(git_commitp) git_commit *parent = NULL;
	AUTO(git_treep) git_tree *base = NULL;
	AUTO(git_treep) git_tree *tree = NULL;
	git_oid oid;
	enum rc rc = find_parent(r, expected, &parent, err);

	if (rc != RC_OK)
		return rc;
	git_tree_update *updates = xcalloc(n ? n : 1, sizeof(*updates));
	int code = parent ? git_commit_tree(&base, parent) : 0;
	for (size_t i = 0; i < n && !code; i++)
		code = stage_edit(r, &edits[i], &updates[i]);
	if (!code)
		code = git_tree_create_updated(&oid, r->git, base, n, updates);
	if (!code)
		code = git_tree_lookup(&tree, r->git, &oid);
	xfree(updates);
	if (code)
		return git_fail(err, code, "files for %s of %s", ref, r->path);
	return commit_tree(r, ref, parent, tree, message, by, ret, err);
}

enum rc repo_write_tree(struct repo *r, const char *ref, const char *expected, const char *tree,
			const char *message, const struct repo_author *by, char ret[GIT_HEX + 1],
			struct err *err)
{
	AUTO(git_commitp) git_commit *parent = NULL;
	AUTO(git_treep) git_tree *whole = NULL;
	git_oid oid;
	const git_oid *id;
	enum rc rc = find_parent(r, expected, &parent, err);

	if (rc == RC_OK)
		rc = parse_id(tree, &oid, &id, err);
	if (rc != RC_OK)
		return rc;
	int code = git_tree_lookup(&whole, r->git, &oid);
	if (code)
		return git_fail(err, code, "tree %s of %s", tree, r->path);
	return commit_tree(r, ref, parent, whole, message, by, ret, err);
}

enum rc git_name_conflicts(git_index *index, const char *who, struct err *err)
{
	AUTO(strbuf_done) struct strbuf names = STRBUF(300);
	git_index_conflict_iterator *it = NULL;
	const git_index_entry *a, *o, *t;
	size_t n = 0;

	if (!git_index_conflict_iterator_new(&it, index))
		for (; !git_index_conflict_next(&a, &o, &t, it); n++)
			if (n < 3)
				strbuf_addf(&names, "%s%s", n ? ", " : "",
					    a   ? a->path
					    : o ? o->path
						: t->path);
	git_index_conflict_iterator_free(it);
	return err_set(err, RC_CONFLICT, "%s changed the same lines of %s%s", who,
		       strbuf_cstr(&names), n > 3 ? " and others" : "");
}

enum rc repo_take_back(struct repo *r, const char *tip, const char *commit, const char *base,
		       char ret_tree[GIT_HEX + 1], struct err *err)
{
	const char *const revs[] = {commit, tip, base};
	git_tree *trees[3] = {0};
	AUTO(indexp) git_index *index = NULL;
	enum rc rc = RC_OK;
	git_oid oid;
	int code = 0;

	for (size_t i = 0; i < ARRAY_LEN(revs) && rc == RC_OK && !code; i++) {
		AUTO(git_commitp) git_commit *c = NULL;
		rc = git_find_commit(r, revs[i], &c, err);
		if (rc == RC_OK)
			code = git_commit_tree(&trees[i], c);
	}
	if (rc == RC_OK && !code)
		code = git_merge_trees(&index, r->git, trees[0], trees[1], trees[2], NULL);
	for (size_t i = 0; i < ARRAY_LEN(trees); i++)
		git_tree_free(trees[i]);
	if (rc != RC_OK)
		return rc;
	if (!code && git_index_has_conflicts(index))
		return git_name_conflicts(index, "later commits", err);
	if (!code)
		code = git_index_write_tree_to(&oid, index, r->git);
	if (code)
		return git_fail(err, code, "take %.12s back in %s", commit, r->path);
	git_oid_tostr(ret_tree, GIT_HEX + 1, &oid);
	return RC_OK;
}

static int add_diff_line(const git_diff_delta *delta, const git_diff_hunk *hunk,
			 const git_diff_line *line, void *ctx)
{
	struct strbuf *to = ctx;

	(void)delta;
	(void)hunk;
	if (line->origin == GIT_DIFF_LINE_CONTEXT || line->origin == GIT_DIFF_LINE_ADDITION ||
	    line->origin == GIT_DIFF_LINE_DELETION)
		strbuf_addc(to, line->origin);
	strbuf_add(to, line->content, line->content_len);
	return 0;
}

static int add_diff_hunk(const git_diff_delta *delta, const git_diff_hunk *hunk, void *ctx)
{
	(void)delta;
	strbuf_add(ctx, hunk->header, hunk->header_len);
	return 0;
}

void repo_diff(struct strbuf *to, const char *path, struct str old_text, struct str new_text)
{
	if (str_eq(old_text, new_text))
		return;
	if (old_text.n)
		strbuf_addf(to, "--- a/%s\n", path);
	else
		strbuf_adds(to, "--- /dev/null\n");
	if (new_text.n)
		strbuf_addf(to, "+++ b/%s\n", path);
	else
		strbuf_adds(to, "+++ /dev/null\n");
	git_diff_buffers(old_text.p, old_text.n, path, new_text.p, new_text.n, path, NULL, NULL,
			 NULL, add_diff_hunk, add_diff_line, to);
}
