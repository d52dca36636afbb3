/* A clone's work tree as a commit, beside the clone. */
#include "clients/git_worktree.h"
#include "clients/git_impl.h"
#include "io/files.h"

#include <git2/sys/repository.h>
#include <sys/stat.h>

static void refp(git_reference **p)
{
	git_reference_free(*p);
}
static void indexp(git_index **p)
{
	git_index_free(*p);
}
static void configp(git_config **p)
{
	git_config_free(*p);
}
static void signaturep(git_signature **p)
{
	git_signature_free(*p);
}

enum rc repo_find(const char *path, struct repo **ret, struct err *err)
{
	git_buf found = {0};
	enum rc rc = repo_open(path, ret, err); /* this starts libgit2, too */

	if (rc != RC_NOT_FOUND)
		return rc;
	int code = git_repository_discover(&found, path, 0, NULL);
	if (code == 0)
		rc = repo_open(found.ptr, ret, err);
	else
		rc = err_set(err, RC_NOT_FOUND,
			     "%s is in no Git repository: `git init` makes one, or name one with "
			     "--repo",
			     path);
	git_buf_dispose(&found);
	return rc == RC_OK ? err_clear(err) : rc;
}

const char *repo_workdir(const struct repo *r)
{
	return git_repository_workdir(r->git);
}

/* ---- what to compare to ---- */
static bool branch_id(struct repo *r, const char *name, git_oid *ret)
{
	AUTO(refp) git_reference *ref = NULL;
	AUTO(git_objectp) git_object *commit = NULL;

	if (git_reference_lookup(&ref, r->git, name) ||
	    git_reference_peel(&commit, ref, GIT_OBJECT_COMMIT))
		return false;
	*ret = *git_object_id(commit);
	return true;
}

static bool default_branch(struct repo *r, git_oid *ret)
{
	static const char *const names[] = {"HEAD", "refs/remotes/origin/HEAD", "refs/heads/main",
					    "refs/heads/master", "HEAD"};

	/* The HEAD of a bare repository is its default branch; elsewhere it is where people work. */
	for (size_t i = git_repository_is_bare(r->git) ? 0 : 1; i < ARRAY_LEN(names); i++)
		if (branch_id(r, names[i], ret))
			return true;
	return false;
}

enum rc repo_usual_base(struct repo *r, const char *head, bool more, char ret[GIT_HEX + 1],
			struct err *err)
{
	AUTO(git_commitp) git_commit *commit = NULL;
	git_oid branch, base;
	enum rc rc = git_find_commit(r, head, &commit, err);

	if (rc != RC_OK)
		return rc;
	*ret = '\0';
	if (default_branch(r, &branch)) {
		int code = git_merge_base(&base, r->git, git_commit_id(commit), &branch);
		if (code && code != GIT_ENOTFOUND)
			return git_fail(err, code, "history of %s in %s", head, r->path);
		if (!code && (more || !git_oid_equal(&base, git_commit_id(commit)))) {
			git_oid_tostr(ret, GIT_HEX + 1, &base);
			return RC_OK;
		}
	}
	if (git_commit_parentcount(commit))
		git_oid_tostr(ret, GIT_HEX + 1, git_commit_parent_id(commit, 0));
	return RC_OK;
}

/* ---- the work tree ---- */
/* What decides which bytes and modes a file of the work tree gets as a blob. */
static enum rc copy_config(struct repo *from, struct repo *to, struct err *err)
{
	static const char *const keys[] = {"core.autocrlf", "core.eol",        "core.filemode",
					   "core.symlinks", "core.ignorecase", "core.excludesfile"};
	AUTO(configp) git_config *in = NULL;
	AUTO(configp) git_config *out = NULL;
	int code = git_repository_config(&in, from->git);

	if (!code)
		code = git_repository_config(&out, to->git);
	for (size_t i = 0; i < ARRAY_LEN(keys) && !code; i++) {
		git_config_entry *entry = NULL;
		if (git_config_get_entry(&entry, in, keys[i]) == 0 && entry->value)
			code = git_config_set_string(out, keys[i], entry->value);
		git_config_entry_free(entry);
	}
	return code ? git_fail(err, code, "configuration of %s", from->path) : RC_OK;
}

static enum rc copy_file(const char *dir, const char *name, const char *to_dir, struct err *err)
{
	AUTO(strbuf_done) struct strbuf bytes = STRBUF((size_t)1 << 30);
	AUTO(freep) char *from = xasprintf("%s%s", dir, name);
	AUTO(freep) char *to = xasprintf("%s%s", to_dir, name);

	if (!file_exists(from))
		return RC_OK;
	enum rc rc = file_read(from, (size_t)1 << 30, &bytes, err);
	return rc == RC_OK ? file_write_fast(to, strbuf_str(&bytes), 0600, err) : rc;
}

/* A bare repository that reads the other's objects, and has its ignore rules. */
static enum rc make_beside(struct repo *r, const char *into, struct repo **ret, struct err *err)
{
	struct repo *to = NULL;
	enum rc rc = repo_init(into, false, &to, err);

	if (rc != RC_OK)
		return rc;
	AUTO(freep) char *alternates = xasprintf("%sobjects/info/alternates", repo_dir(to));
	AUTO(freep) char *objects = xasprintf("%sobjects\n", repo_dir(r));
	AUTO(freep) char *info = xasprintf("%sobjects/info", repo_dir(to));
	AUTO(freep) char *excludes = xasprintf("%sinfo", repo_dir(to));
	rc = dir_make(info, 0700, err);
	if (rc == RC_OK)
		rc = dir_make(excludes, 0700, err);
	if (rc == RC_OK)
		rc = file_write_fast(alternates, str_of(objects), 0600, err);
	if (rc == RC_OK)
		rc = copy_file(repo_dir(r), "info/exclude", repo_dir(to), err);
	if (rc == RC_OK)
		rc = copy_file(repo_dir(r), "shallow", repo_dir(to), err);
	if (rc == RC_OK)
		rc = copy_config(r, to, err);
	repo_free(to);
	return rc == RC_OK ? repo_open(into, ret, err) : rc; /* now with the other's objects */
}

static void pathsp(git_paths *t)
{
	vec_each(one, t)
		xfree(*one);
	vec_done(t);
}

/* The other's index as it stands; what is staged here stays in memory. */
static enum rc open_index(struct repo *r, struct repo *to, git_index **ret,
			  struct timespec *ret_written, struct err *err)
{
	AUTO(freep) char *path = xasprintf("%sindex", git_repository_path(r->git));
	struct stat st = {0};

	(void)stat(path, &st); /* none yet: all is new */
	*ret_written = st.st_mtim;
	int code = git_index_open(ret, path);
	if (!code)
		code = git_repository_set_index(to->git, *ret);
	return code ? git_fail(err, code, "the index of %s", r->path) : RC_OK;
}

static void diffp(git_diff **p)
{
	git_diff_free(*p);
}

/* A repository inside of this one that is no submodule of it. */
static bool is_inner(const git_diff_delta *d)
{
	return d->status != GIT_DELTA_DELETED && str_ends(str_of(d->new_file.path), "/");
}

/* Into the index what differs at these paths and below them, as `git add --all` does. */
static int stage(struct repo *to, git_index *index, const git_paths *at)
{
	AUTO(diffp) git_diff *diff = NULL;
	git_diff_options o;
	int code = git_diff_options_init(&o, GIT_DIFF_OPTIONS_VERSION);

	if (code)
		return code;
	o.flags = GIT_DIFF_INCLUDE_TYPECHANGE | GIT_DIFF_INCLUDE_UNTRACKED |
		  GIT_DIFF_RECURSE_UNTRACKED_DIRS | GIT_DIFF_DISABLE_PATHSPEC_MATCH;
	o.pathspec = (git_strarray){at->v, at->n};
	code = git_diff_index_to_workdir(&diff, to->git, index, &o);
	for (size_t i = 0; !code && i < git_diff_num_deltas(diff); i++) {
		const git_diff_delta *d = git_diff_get_delta(diff, i);

		if (is_inner(d))
			continue;
		code = d->status == GIT_DELTA_DELETED
			       ? git_index_remove_bypath(index, d->old_file.path)
			       : git_index_add_bypath(index, d->new_file.path);
	}
	return code;
}

/* Everything of the work tree into the index (in memory), and that as a tree. */
static enum rc stage_all(struct repo *r, struct repo *to, git_oid *ret, struct err *err)
{
	AUTO(indexp) git_index *index = NULL;
	AUTO(pathsp) git_paths differ = {0};
	struct timespec written;
	int code = git_repository_set_workdir(to->git, repo_workdir(r), 0);

	if (code)
		return git_fail(err, code, "the work tree of %s", r->path);
	enum rc rc = open_index(r, to, &index, &written, err);
	if (rc == RC_OK)
		rc = git_scan(index, repo_workdir(r), written, &differ, err);
	if (rc != RC_OK)
		return rc;
	if (differ.n)
		code = stage(to, index, &differ);
	if (!code)
		code = git_index_write_tree_to(ret, index, to->git);
	return code ? git_fail(err, code, "the work tree of %s", r->path) : RC_OK;
}

static enum rc commit_it(struct repo *to, const git_oid *tree_id, const git_commit *parent,
			 char ret_id[GIT_HEX + 1], struct err *err)
{
	AUTO(signaturep) git_signature *who = NULL;
	AUTO(git_treep) git_tree *tree = NULL;
	const git_commit *parents[] = {parent};
	git_oid oid;
	int code = git_signature_new(&who, "Penstock", "penstock@localhost",
				     parent ? git_commit_time(parent) : 0, 0);

	if (!code)
		code = git_tree_lookup(&tree, to->git, tree_id);
	if (!code)
		code = git_commit_create(&oid, to->git, NULL, who, who, NULL,
					 "The work tree as it stands\n", tree, parent ? 1 : 0,
					 parents);
	if (code)
		return git_fail(err, code, "commit of the work tree");
	git_oid_tostr(ret_id, GIT_HEX + 1, &oid);
	return RC_OK;
}

enum rc repo_worktree(struct repo *r, const char *into, char ret_id[GIT_HEX + 1],
		      char ret_head[GIT_HEX + 1], struct err *err)
{
	AUTO(repo_freep) struct repo *to = NULL;
	AUTO(git_commitp) git_commit *parent = NULL;
	git_oid head, tree;

	if (!repo_workdir(r))
		return err_set(err, RC_INVALID, "%s is bare: it has no work tree", r->path);
	*ret_head = '\0';
	int code = git_reference_name_to_id(&head, r->git, "HEAD");
	if (code && code != GIT_ENOTFOUND && code != GIT_EUNBORNBRANCH)
		return git_fail(err, code, "HEAD of %s", r->path);
	bool born = !code;
	enum rc rc = make_beside(r, into, &to, err);
	if (rc == RC_OK)
		rc = stage_all(r, to, &tree, err);
	if (rc != RC_OK)
		return rc;
	if (born) {
		git_oid_tostr(ret_head, GIT_HEX + 1, &head);
		rc = git_find_commit(to, ret_head, &parent, err);
		if (rc != RC_OK)
			return rc;
		if (git_oid_equal(git_commit_tree_id(parent), &tree)) {
			memcpy(ret_id, ret_head, GIT_HEX + 1);
			return RC_OK;
		}
	}
	return commit_it(to, &tree, parent, ret_id, err);
}
