/* Files of a commit in a folder. */
#include "clients/git_impl.h"
#include "clients/lay.h"

struct laying {
	struct repo *repo;
	struct lay *lay;
};

static enum rc lay_entry(void *ctx, const struct walk_entry *e, struct err *err)
{
	struct laying *l = ctx;
	AUTO(git_odb_objectp) git_odb_object *raw = NULL;
	size_t size = 0;
	git_object_t type = GIT_OBJECT_INVALID;
	int code = git_odb_read_header(&size, &type, l->repo->odb, e->oid);

	if (!code && size > REPO_MAX_BLOB)
		return err_set(err, RC_TOO_BIG, "%s has %zu bytes; at most %llu are laid out",
			       e->path, size, (unsigned long long)REPO_MAX_BLOB);
	if (!code)
		code = git_odb_read(&raw, l->repo->odb, e->oid);
	if (code == GIT_ENOTFOUND || (!code && type != GIT_OBJECT_BLOB))
		return err_set(err, RC_CORRUPT, "%s lacks the contents of %s", l->repo->path,
			       e->path);
	if (code < 0)
		return git_fail(err, code, "contents of %s in %s", e->path, l->repo->path);
	struct str bytes = {git_odb_object_data(raw), git_odb_object_size(raw)};
	if (e->mode == GIT_MODE_LINK)
		return lay_link(l->lay, e->path, bytes, err);
	return lay_file(l->lay, e->path, bytes, e->mode & 0100, err);
}

enum rc repo_lay(struct repo *r, const char *rev, const char *const *paths, size_t n,
		 const char *into, struct err *err)
{
	AUTO(git_commitp) git_commit *c = NULL;
	AUTO(lay_freep) struct lay *lay = NULL;
	enum rc rc = git_find_commit(r, rev, &c, err);

	if (rc == RC_OK)
		rc = lay_new(into, &lay, err);
	if (rc != RC_OK)
		return rc;
	struct laying l = {r, lay};
	return walk_tree(r, git_commit_tree_id(c), &(struct repo_ask){.list = paths, .n_list = n},
			 lay_entry, &l, err);
}
