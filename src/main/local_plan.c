#include "main/local_plan.h"
#include "main/local_event.h"
#include "clients/git_worktree.h"
#include "io/files.h"
#include "main/house.h"
#include "main/zone.h"

#include <stdlib.h>

void local_change_done(struct local_change *c)
{
	project_reading_done(&c->read);
	shape_done(&shape_change, &c->change);
}

enum rc local_repo(const char *path, struct repo **ret, struct err *err)
{
	return path ? repo_open(path, ret, err) : repo_find(".", ret, err);
}

enum rc local_head(struct repo *r, const char *head, char ret[GIT_HEX + 1], struct err *err)
{
	enum rc rc = repo_resolve(r, head ? head : "HEAD", ret, err);

	if (rc == RC_NOT_FOUND && !head)
		return err_set(err, rc, "%s has no commit yet: commit a %s first", repo_path(r),
			       CONFIG_FILE);
	return rc;
}

enum rc local_worktree(struct repo *r, struct local_worktree *ret, struct err *err)
{
	const char *temp = getenv("TMPDIR");

	if (!temp || !*temp)
		temp = "/tmp";
	*ret = (struct local_worktree){.repo = NULL};
	snprintf(ret->dir, sizeof(ret->dir), "%.40s/penstock-XXXXXX", temp);
	if (!mkdtemp(ret->dir)) {
		*ret->dir = '\0';
		return err_set(err, RC_UNAVAILABLE, "no folder can be made in %s", temp);
	}
	AUTO(freep) char *into = xasprintf("%s/worktree.git", ret->dir);
	enum rc rc = repo_worktree(r, into, ret->commit, ret->head, err);
	return rc == RC_OK ? repo_open(into, &ret->repo, err) : rc;
}

void local_worktree_done(struct local_worktree *w)
{
	struct err ignored = {RC_OK, ""};

	repo_free(w->repo);
	if (*w->dir)
		(void)!tree_remove(w->dir, &ignored);
}

/* ---- a repository as what a project is read from ---- */
static enum rc read_file(void *ctx, const char *commit, const char *path, const char *oid,
			 size_t max, struct strbuf *ret, struct err *err)
{
	return oid ? repo_blob(ctx, oid, max, ret, err)
		   : repo_file(ctx, commit, path, max, ret, err);
}

struct keeper {
	struct tree_facts *to;
	bool (*wanted)(const char *path);
};

static enum rc keep_entry(void *ctx, const struct repo_entry *e, struct err *err)
{
	const struct keeper *k = ctx;

	(void)err;
	if (!k->wanted || k->wanted(e->path))
		vec_push(&k->to->entries,
			 ((struct tree_entry){xstrdup(e->path), xstrndup(e->oid, GIT_HEX),
					      e->mode}));
	return RC_OK;
}

static enum rc read_tree(void *ctx, const char *commit, const texts *dirs, const texts *list,
			 bool (*wanted)(const char *path), struct tree_facts *ret, struct err *err)
{
	struct repo *r = ctx;
	const struct repo_ask ask = {(const char *const *)dirs->v, dirs->n,
				     (const char *const *)list->v, list->n};
	struct keeper keeper = {ret, wanted};
	char tree[GIT_HEX + 1];
	enum rc rc = repo_tree(r, commit, &ask, keep_entry, &keeper, tree, err);

	if (rc != RC_OK)
		return err_wrap(err, "repository %s at %.12s", repo_path(r), commit);
	ret->commit = xstrdup(commit);
	ret->tree = xstrdup(tree);
	return RC_OK;
}

/* The source of an include: a folder, or file:// and one. */
static enum rc read_other(void *ctx, const char *source, const char *commit, const char *path,
			  size_t max, struct strbuf *ret, struct err *err)
{
	AUTO(repo_freep) struct repo *other = NULL;
	bool url = str_starts(str_of(source), "file://");
	enum rc rc = repo_open(url ? source + strlen("file://") : source, &other, err);

	(void)ctx;
	if (rc == RC_NOT_FOUND)
		return err_set(
			err, RC_INVALID,
			"%s is no repository here: outside of the daemon, name it by its folder",
			source);
	return rc == RC_OK ? repo_file(other, commit, path, max, ret, err) : rc;
}

struct project_source local_source(struct repo *r)
{
	return (struct project_source){.ctx = r,
				       .file = read_file,
				       .tree = read_tree,
				       .other = read_other,
				       .zone_rule = zone_rule};
}

enum rc local_config(struct repo *r, const char *commit, struct config *ret, struct err *err)
{
	const struct project_source source = local_source(r);
	const struct project_ask ask = {.source = &source, .head = commit};
	AUTO(project_reading_done) struct project_reading read = {.has_base = false};
	enum rc rc = project_config(&source, commit, ret, err);

	if (rc != RC_OK || !ret->infer)
		return rc;
	config_done(ret);
	rc = project_read(&ask, &read, err);
	if (rc != RC_OK)
		return rc;
	*ret = read.head.config;
	read.head.config = (struct config){0};
	return RC_OK;
}

enum rc local_change(struct repo *r, const char *head, const char *base, struct local_change *ret,
		     struct err *err)
{
	const struct project_source source = local_source(r);
	struct local_change c = {.head = ""};

	local_event(r, head, &c.change);
	const struct project_ask ask = {.source = &source,
					.change = &c.change,
					.head = head,
					.base = base && *base ? base : NULL,
					.stage = STAGE_CI,
					.toolchain = toolchain_text()};
	enum rc rc = project_plan(&ask, &c.read, err);

	if (rc != RC_OK) {
		shape_done(&shape_change, &c.change);
		return rc;
	}
	snprintf(c.head, sizeof(c.head), "%s", head);
	snprintf(c.base, sizeof(c.base), "%s", base && c.read.has_base ? base : "");
	*ret = c;
	return RC_OK;
}
