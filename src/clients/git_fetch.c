/*
 * From one repository of this machine to another. What is new is found as Git finds it, from
 * commits and their trees against their parents', so that the cost follows the push and not the
 * repository. A mirror that has no branch yet takes the other's object files as they are.
 */
#include "clients/git_impl.h"

#include "io/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOSE_MAX 100 /* more objects than that go into a pack */

struct branch {
	char *name;
	char hex[GIT_HEX + 1];
};
struct branches {
	VEC(struct branch) list; /* in order of name */
};

static void branches_done(struct branches *b)
{
	vec_each(one, &b->list)
		xfree(one->name);
	vec_done(&b->list);
}

static bool keep_branch(void *ctx, const char *ref, const char *commit)
{
	struct branches *b = ctx;
	struct branch one = {.name = xstrdup(ref)};

	memcpy(one.hex, commit, sizeof(one.hex));
	vec_push(&b->list, one);
	return true;
}

static const struct branch *branch_find(const struct branches *b, const char *name)
{
	size_t lo = 0, hi = b->list.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(b->list.v[mid].name, name);
		if (!c)
			return &b->list.v[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* ---- what has to come ---- */
struct haul {
	struct repo *from, *to;
	VEC(git_oid) oids;
	struct map seen;
	unsigned depth;
};

static void haul_done(struct haul *h)
{
	vec_done(&h->oids);
	map_done(&h->seen);
}

static bool haul_add(struct haul *h, const git_oid *oid)
{
	char hex[GIT_HEX + 1];
	struct str key = {git_oid_tostr(hex, sizeof(hex), oid), GIT_HEX};

	if (map_get(&h->seen, key))
		return false;
	map_put(&h->seen, key, h);
	vec_push(&h->oids, *oid);
	return true;
}

struct tree_row {
	struct str name; /* in the tree's bytes */
	git_oid oid;
	uint32_t mode;
};
struct tree_rows {
	struct tree_iter iter;
	VEC(struct tree_row) rows;
};

static void tree_rows_done(struct tree_rows *t)
{
	vec_done(&t->rows);
	tree_done(&t->iter);
}

static enum rc tree_rows_read(struct repo *r, const git_oid *oid, struct tree_rows *ret,
			      struct err *err)
{
	enum rc rc = tree_open(r, oid, &ret->iter, err);

	while (rc == RC_OK && tree_next(&ret->iter, &rc, err)) {
		struct tree_row row = {ret->iter.name, ret->iter.oid, ret->iter.mode};
		vec_push(&ret->rows, row);
	}
	return rc;
}

/* Both trees are in one order, so that the entry is nearly always the next one. */
static const struct tree_row *row_find(const struct tree_rows *t, struct str name, size_t *hint)
{
	for (size_t i = 0; i < t->rows.n; i++) {
		size_t at = (*hint + i) % t->rows.n;
		if (str_eq(t->rows.v[at].name, name)) {
			*hint = at + 1;
			return &t->rows.v[at];
		}
	}
	return NULL;
}

static enum rc haul_tree(struct haul *h, const git_oid *oid, const git_oid *old, struct err *err)
{
	AUTO(tree_rows_done) struct tree_rows now = {0}, before = {0};

	if ((old && git_oid_equal(oid, old)) || !haul_add(h, oid))
		return RC_OK;
	if (h->depth > REPO_MAX_DEPTH)
		return err_set(err, RC_TOO_BIG, "folders are nested deeper than %u",
			       REPO_MAX_DEPTH);
	enum rc rc = tree_rows_read(h->from, oid, &now, err);
	if (rc == RC_OK && old)
		rc = tree_rows_read(h->from, old, &before, err);
	size_t hint = 0;
	h->depth++;
	for (size_t i = 0; i < now.rows.n && rc == RC_OK; i++) {
		const struct tree_row *row = &now.rows.v[i];
		const struct tree_row *was = row_find(&before, row->name, &hint);
		if (row->mode == GIT_MODE_OTHER || (was && git_oid_equal(&was->oid, &row->oid)))
			continue;
		if (row->mode == GIT_MODE_TREE)
			rc = haul_tree(h, &row->oid,
				       was && was->mode == GIT_MODE_TREE ? &was->oid : NULL, err);
		else
			haul_add(h, &row->oid);
	}
	h->depth--;
	return rc;
}

static enum rc haul_commit(struct haul *h, const git_oid *oid, struct err *err)
{
	AUTO(git_commitp) git_commit *c = NULL;
	AUTO(git_commitp) git_commit *parent = NULL;
	int code = git_commit_lookup(&c, h->from->git, oid);

	if (!code && git_commit_parentcount(c))
		code = git_commit_parent(&parent, c, 0);
	if (code)
		return git_fail(err, code, "history in %s", h->from->path);
	enum rc rc = haul_tree(h, git_commit_tree_id(c), parent ? git_commit_tree_id(parent) : NULL,
			       err);
	if (rc == RC_OK)
		haul_add(h, oid);
	return rc;
}

/* The objects of branches in `want` that no branch in `have` leads to. */
static enum rc haul_plan(struct haul *h, const struct branches *want, const struct branches *have,
			 struct err *err)
{
	AUTO(git_revwalkp) git_revwalk *walk = NULL;
	git_oid oid;
	int code = git_revwalk_new(&walk, h->from->git);

	for (size_t i = 0; i < want->list.n && !code; i++)
		if (!(code = git_oid_fromstr(&oid, want->list.v[i].hex)))
			code = git_revwalk_push(walk, &oid);
	for (size_t i = 0; i < have->list.n && !code; i++)
		if (!(code = git_oid_fromstr(&oid, have->list.v[i].hex)) &&
		    git_odb_exists(h->from->odb, &oid))
			code = git_revwalk_hide(walk, &oid);
	enum rc rc = RC_OK;
	while (!code && rc == RC_OK && !(code = git_revwalk_next(&oid, walk)))
		rc = haul_commit(h, &oid, err);
	return code && code != GIT_ITEROVER ? git_fail(err, code, "history in %s", h->from->path)
					    : rc;
}

static int haul_one(struct haul *h, const git_oid *oid)
{
	AUTO(git_odb_objectp) git_odb_object *raw = NULL;
	git_oid same;

	if (git_odb_exists(h->to->odb, oid))
		return 0;
	int code = git_odb_read(&raw, h->from->odb, oid);
	return code ? code
		    : git_odb_write(&same, h->to->odb, git_odb_object_data(raw),
				    git_odb_object_size(raw), git_odb_object_type(raw));
}

static int haul_pack(struct haul *h)
{
	AUTO(strbuf_done) struct strbuf dir = STRBUF(REPO_MAX_PATH);
	git_packbuilder *pb = NULL;
	int code = git_packbuilder_new(&pb, h->from->git);

	strbuf_addf(&dir, "%sobjects/pack", git_repository_commondir(h->to->git));
	for (size_t i = 0; i < h->oids.n && !code; i++)
		code = git_packbuilder_insert(pb, &h->oids.v[i], NULL);
	if (!code)
		code = git_packbuilder_write(pb, strbuf_cstr(&dir), 0444, NULL, NULL);
	git_packbuilder_free(pb);
	return code ? code : git_odb_refresh(h->to->odb);
}

static enum rc haul_do(struct haul *h, struct err *err)
{
	int code = 0;

	if (h->oids.n > LOOSE_MAX)
		code = haul_pack(h);
	else
		for (size_t i = 0; i < h->oids.n && !code; i++)
			code = haul_one(h, &h->oids.v[i]);
	if (code == GIT_ENOTFOUND)
		return err_set(err, RC_CORRUPT,
			       "%s lacks objects of its branches: run `git fsck` on it",
			       h->from->path);
	return code ? git_fail(err, code, "fetch %s into %s", h->from->path, h->to->path) : RC_OK;
}

/* ---- all of it at once: object files never change, so a second name for them is as good as a
 * copy ---- */
static enum rc take_file(int from, int to, const char *name, struct err *err)
{
	if (linkat(from, name, to, name, 0) == 0 || errno == EEXIST || errno == ENOENT)
		return RC_OK;
	AUTO(fd_close) int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (in < 0 || fstat(in, &st) < 0)
		return err_errno(err, errno, "open object file %s", name);
	AUTO(fd_close)
	int out = openat(to, ".incoming", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0444);
	if (out < 0)
		return err_errno(err, errno, "make object file %s", name);
	enum rc rc = fd_copy(in, out, (uint64_t)st.st_size, err);
	if (rc == RC_OK && renameat(to, ".incoming", to, name) < 0)
		rc = err_errno(err, errno, "make object file %s", name);
	return rc;
}

static void dir_done(DIR **d)
{
	if (*d)
		closedir(*d);
}

static bool is_hex(const char *s)
{
	return strspn(s, "0123456789abcdef") == strlen(s);
}

static enum rc take_folder(int from, int to, const char *folder, const char *suffix,
			   struct err *err)
{
	AUTO(fd_close) int in = openat(from, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (in < 0)
		return errno == ENOENT ? RC_OK : err_errno(err, errno, "open objects/%s", folder);
	if (mkdirat(to, folder, 0755) < 0 && errno != EEXIST)
		return err_errno(err, errno, "make objects/%s", folder);
	AUTO(fd_close) int out = openat(to, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(dir_done) DIR *d = fdopendir(dup(in));
	if (out < 0 || !d)
		return err_errno(err, errno, "open objects/%s", folder);
	enum rc rc = RC_OK;
	for (struct dirent *e; rc == RC_OK && (e = readdir(d));) {
		bool ours = suffix ? str_ends(str_of(e->d_name), suffix)
				   : strlen(e->d_name) == GIT_HEX - 2 && is_hex(e->d_name);
		if (ours)
			rc = take_file(in, out, e->d_name, err);
	}
	return rc;
}

/* Loose files first: what a packing at the same time takes away there stands in a pack by then.
 * An index comes last, as it makes its pack visible. */
static enum rc take_all(struct repo *from, struct repo *to, struct err *err)
{
	AUTO(strbuf_done) struct strbuf a = STRBUF(REPO_MAX_PATH), b = STRBUF(REPO_MAX_PATH);
	char folder[3];

	strbuf_addf(&a, "%sobjects", git_repository_commondir(from->git));
	strbuf_addf(&b, "%sobjects", git_repository_commondir(to->git));
	AUTO(fd_close) int in = open(strbuf_cstr(&a), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(fd_close) int out = open(strbuf_cstr(&b), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (in < 0 || out < 0)
		return err_errno(err, errno, "open %s", strbuf_cstr(in < 0 ? &a : &b));
	enum rc rc = RC_OK;
	for (unsigned i = 0; i < 256 && rc == RC_OK; i++) {
		snprintf(folder, sizeof(folder), "%02x", i);
		rc = take_folder(in, out, folder, NULL, err);
	}
	if (rc == RC_OK)
		rc = take_folder(in, out, "pack", ".pack", err);
	if (rc == RC_OK)
		rc = take_folder(in, out, "pack", ".idx", err);
	return rc == RC_OK && git_odb_refresh(to->odb)
		       ? git_fail(err, GIT_ERROR, "objects of %s", to->path)
		       : rc;
}

static bool stands_alone(struct repo *r)
{
	AUTO(strbuf_done) struct strbuf path = STRBUF(REPO_MAX_PATH);

	strbuf_addf(&path, "%sobjects/info/alternates", git_repository_commondir(r->git));
	return !file_exists(strbuf_cstr(&path));
}

/* ---- the branches ---- */
static enum rc set_branches(struct repo *to, const struct branches *want,
			    const struct branches *have, struct err *err)
{
	int code = 0;
	git_oid oid;

	for (size_t i = 0; i < have->list.n && !code;
	     i++) /* first, as "a" may have to go for "a/b" */
		if (!branch_find(want, have->list.v[i].name))
			code = git_reference_remove(to->git, have->list.v[i].name);
	for (size_t i = 0; i < want->list.n; i++) {
		git_reference *ref = NULL;
		const struct branch *one = &want->list.v[i];
		const struct branch *was = branch_find(have, one->name);
		if (code || (was && !strcmp(was->hex, one->hex)) ||
		    (code = git_oid_fromstr(&oid, one->hex)))
			continue;
		code = git_reference_create(&ref, to->git, one->name, &oid, true, "fetch");
		git_reference_free(ref);
	}
	return code ? git_fail(err, code, "branches of %s", to->path) : RC_OK;
}

static bool same_branches(const struct branches *a, const struct branches *b)
{
	if (a->list.n != b->list.n)
		return false;
	for (size_t i = 0; i < a->list.n; i++)
		if (strcmp(a->list.v[i].name, b->list.v[i].name) ||
		    strcmp(a->list.v[i].hex, b->list.v[i].hex))
			return false;
	return true;
}

/* What brings changes, and what the merge queue tests. */
static int by_branch_name(const void *a, const void *b)
{
	return strcmp(((const struct branch *)a)->name, ((const struct branch *)b)->name);
}

static enum rc fetched_refs(struct repo *r, struct branches *ret, struct err *err)
{
	enum rc rc = repo_change_refs(r, keep_branch, ret, err);

	if (rc == RC_OK)
		rc = repo_refs(r, "refs/penstock/queue/", keep_branch, ret, err);
	if (ret->list.n)
		qsort(ret->list.v, ret->list.n, sizeof(*ret->list.v), by_branch_name);
	return rc;
}

enum rc repo_fetch(struct repo *mirror, struct repo *from, bool *ret_changed, struct err *err)
{
	AUTO(branches_done) struct branches want = {0}, have = {0};
	AUTO(haul_done) struct haul h = {.from = from, .to = mirror};
	enum rc rc = fetched_refs(from, &want, err);

	if (rc == RC_OK)
		rc = fetched_refs(mirror, &have, err);
	if (rc != RC_OK)
		return rc;
	bool changed = !same_branches(&want, &have);
	if (ret_changed)
		*ret_changed = changed;
	if (!changed)
		return RC_OK;
	if (!have.list.n && stands_alone(from))
		rc = take_all(from, mirror, err);
	else if ((rc = haul_plan(&h, &want, &have, err)) == RC_OK)
		rc = haul_do(&h, err);
	return rc == RC_OK ? set_branches(mirror, &want, &have, err) : rc;
}
