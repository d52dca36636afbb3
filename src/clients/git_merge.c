/* Merges without a work tree. */
#include "clients/git_impl.h"

static void signaturep(git_signature **p)
{
	git_signature_free(*p);
}
static void indexp(git_index **p)
{
	git_index_free(*p);
}

static enum rc merge_trees(struct repo *r, const git_commit *onto, const git_commit *head,
			   git_tree **ret, struct err *err)
{
	AUTO(indexp) git_index *index = NULL;
	git_oid oid;
	int code = git_merge_commits(&index, r->git, onto, head, NULL);

	if (!code && git_index_has_conflicts(index))
		return git_name_conflicts(index, "both sides", err);
	if (!code)
		code = git_index_write_tree_to(&oid, index, r->git);
	if (!code)
		code = git_tree_lookup(ret, r->git, &oid);
	return code ? git_fail(err, code, "merge in %s", r->path) : RC_OK;
}

enum rc repo_merge(struct repo *r, const char *onto, const char *head, const char *message,
		   const char *committer, const char *email, char ret[GIT_HEX + 1], struct err *err)
{
	AUTO(git_commitp) git_commit *ours = NULL;
	AUTO(git_commitp) git_commit *theirs = NULL;
	AUTO(git_treep) git_tree *tree = NULL;
	AUTO(signaturep) git_signature *by = NULL;
	git_oid oid;
	enum rc rc = git_find_commit(r, onto, &ours, err);

	if (rc == RC_OK)
		rc = git_find_commit(r, head, &theirs, err);
	if (rc != RC_OK)
		return rc;
	git_oid_cpy(&oid, git_commit_id(ours));
	bool held = git_oid_equal(git_commit_id(theirs), &oid) ||
		    git_graph_descendant_of(r->git, &oid, git_commit_id(theirs)) == 1;
	if (!held) {
		const git_commit *parents[] = {ours, theirs};
		git_time_t a = git_commit_time(ours), b = git_commit_time(theirs);

		rc = merge_trees(r, ours, theirs, &tree, err);
		if (rc != RC_OK)
			return rc;
		int code = git_signature_new(&by, committer, email, MAX_OF(a, b), 0);
		if (!code)
			code = git_commit_create(&oid, r->git, NULL, git_commit_author(theirs), by,
						 NULL, message, tree, 2, parents);
		if (code)
			return git_fail(err, code, "merge %.12s in %s", head, r->path);
	}
	git_oid_tostr(ret, GIT_HEX + 1, &oid);
	return RC_OK;
}
