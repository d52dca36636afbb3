/* Trees, read from their bytes: each once, with all that is asked of it. */
#include "clients/git_impl.h"

#include <strings.h>

struct want {
	struct str path;
	bool dir, list;
};
struct walk {
	struct repo *repo;
	VEC(struct want) want; /* by component, without doubles */
	walk_fn each;
	void *ctx;
	size_t found;
	char path[REPO_MAX_PATH + 1];
};

enum rc tree_open(struct repo *r, const git_oid *oid, struct tree_iter *ret, struct err *err)
{
	git_odb_object *raw = NULL;
	int code = git_odb_read(&raw, r->odb, oid);

	if (code == GIT_ENOTFOUND)
		return err_set(err, RC_CORRUPT, "%s lacks the tree %s: run `git fsck` on it",
			       r->path, git_oid_tostr_s(oid));
	if (code < 0)
		return git_fail(err, code, "tree %s in %s", git_oid_tostr_s(oid), r->path);
	if (git_odb_object_type(raw) != GIT_OBJECT_TREE) {
		git_odb_object_free(raw);
		return err_set(err, RC_CORRUPT, "%s in %s is no tree", git_oid_tostr_s(oid),
			       r->path);
	}
	const char *p = git_odb_object_data(raw);
	*ret = (struct tree_iter){.raw = raw, .at = p, .end = p + git_odb_object_size(raw)};
	return RC_OK;
}

void tree_done(struct tree_iter *t)
{
	git_odb_object_free(t->raw);
	t->raw = NULL;
}

static bool name_is_hostile(struct str s)
{
	if (!s.n || memchr(s.p, '/', s.n))
		return true;
	return s.p[0] == '.' &&
	       (s.n == 1 || str_is(s, "..") || (s.n == 4 && !strncasecmp(s.p, ".git", 4)));
}

bool tree_next(struct tree_iter *t, enum rc *rc, struct err *err)
{
	const char *p = t->at;
	uint32_t mode = 0;

	if (p == t->end)
		return false;
	while (p < t->end && *p >= '0' && *p <= '7' && mode < 0200000)
		mode = mode << 3 | (uint32_t)(*p++ - '0');
	const char *name = p + 1;
	const char *nul =
		p < t->end && *p == ' ' ? memchr(name, '\0', (size_t)(t->end - name)) : NULL;
	if (!nul || t->end - nul <= GIT_OID_RAWSZ) {
		*rc = err_set(err, RC_CORRUPT,
			      "a tree's bytes are broken: run `git fsck` on the repository");
		return false;
	}
	t->mode = mode;
	t->name = (struct str){name, (size_t)(nul - name)};
	git_oid_fromraw(&t->oid, (const unsigned char *)nul + 1);
	t->at = nul + 1 + GIT_OID_RAWSZ;
	if (name_is_hostile(t->name)) {
		*rc = err_set(
			err, RC_INVALID,
			"a tree of the repository holds the name \"%.*s\", which no file can have",
			(int)MIN_OF(t->name.n, (size_t)80), t->name.p);
		return false;
	}
	return true;
}

static unsigned char rank(char c)
{
	return c == '/' ? 0 : (unsigned char)c;
}

/* By component: what stands below a path follows it directly. */
static int by_component(const void *a, const void *b)
{
	struct str x = ((const struct want *)a)->path, y = ((const struct want *)b)->path;

	for (size_t i = 0; i < x.n && i < y.n; i++)
		if (x.p[i] != y.p[i])
			return rank(x.p[i]) - rank(y.p[i]);
	return (x.n > y.n) - (x.n < y.n);
}

static struct str component(const struct want *w, size_t from)
{
	struct str rest = {w->path.p + from, w->path.n - from};
	const char *slash = memchr(rest.p, '/', rest.n);

	if (slash)
		rest.n = (size_t)(slash - rest.p);
	return rest;
}

/* The wanted paths whose component at `from` is name: [*lo, *hi) is narrowed to them. */
static void narrow(const struct walk *w, struct str name, size_t from, size_t *lo, size_t *hi)
{
	size_t a = *lo, b = *hi;

	while (a < b) {
		size_t mid = a + (b - a) / 2;
		if (str_cmp(component(&w->want.v[mid], from), name) < 0)
			a = mid + 1;
		else
			b = mid;
	}
	*lo = a;
	for (b = a; b < *hi && str_eq(component(&w->want.v[b], from), name); b++)
		;
	*hi = b;
}

struct level {
	size_t lo, hi, path_n, depth;
	bool listing;
};

static enum rc walk_level(struct walk *w, const git_oid *oid, struct level l, struct err *err);

static enum rc walk_entry(struct walk *w, const struct tree_iter *t, struct level l,
			  struct err *err)
{
	size_t from = l.path_n, lo = l.lo, hi = l.hi;
	bool tree = t->mode == GIT_MODE_TREE, other = t->mode == GIT_MODE_OTHER;

	narrow(w, t->name, from, &lo, &hi);
	if (lo == hi && !l.listing)
		return RC_OK;
	if (from + t->name.n + 1 > REPO_MAX_PATH)
		return err_set(err, RC_TOO_BIG, "a path is longer than %u bytes", REPO_MAX_PATH);
	memcpy(w->path + from, t->name.p, t->name.n);
	size_t end = from + t->name.n;
	w->path[end] = '\0';
	const struct want *exact = lo < hi && w->want.v[lo].path.n == end ? &w->want.v[lo] : NULL;
	bool listing = l.listing || (exact && exact->list);
	lo += exact ? 1 : 0;
	if ((exact && exact->dir) || (listing && !tree && !other)) {
		if (++w->found > REPO_MAX_ENTRIES)
			return err_set(err, RC_TOO_BIG, "more than %u files are listed",
				       REPO_MAX_ENTRIES);
		enum rc rc =
			w->each(w->ctx, &(struct walk_entry){w->path, end, &t->oid, t->mode}, err);
		if (rc != RC_OK)
			return rc;
	}
	if (!tree || (lo == hi && !listing))
		return RC_OK;
	w->path[end] = '/';
	return walk_level(w, &t->oid, (struct level){lo, hi, end + 1, l.depth + 1, listing}, err);
}

static enum rc walk_level(struct walk *w, const git_oid *oid, struct level l, struct err *err)
{
	AUTO(tree_done) struct tree_iter t = {0};

	if (l.depth > REPO_MAX_DEPTH)
		return err_set(err, RC_TOO_BIG, "folders are nested deeper than %u",
			       REPO_MAX_DEPTH);
	enum rc rc = tree_open(w->repo, oid, &t, err);
	while (rc == RC_OK && tree_next(&t, &rc, err))
		rc = walk_entry(w, &t, l, err);
	return rc;
}

/* Sort, and make one of doubles. "." is not among them: *root says what was asked of it. */
static void gather(struct walk *w, const struct repo_ask *ask, struct want *root)
{
	for (size_t i = 0; i < ask->n_dirs + ask->n_list; i++) {
		bool dir = i < ask->n_dirs;
		struct want one = {str_of(dir ? ask->dirs[i] : ask->list[i - ask->n_dirs]), dir,
				   !dir};
		if (str_is(one.path, ".")) {
			root->dir |= dir;
			root->list |= !dir;
		} else if (one.path.n) {
			vec_push(&w->want, one);
		}
	}
	if (w->want.n)
		qsort(w->want.v, w->want.n, sizeof(*w->want.v), by_component);
	size_t n = 0;
	for (size_t i = 0; i < w->want.n; i++) {
		struct want one = w->want.v[i];
		if (n && str_eq(w->want.v[n - 1].path, one.path)) {
			w->want.v[n - 1].dir |= one.dir;
			w->want.v[n - 1].list |= one.list;
		} else {
			w->want.v[n++] = one;
		}
	}
	w->want.n = n;
}

enum rc walk_tree(struct repo *r, const git_oid *root, const struct repo_ask *ask, walk_fn each,
		  void *ctx, struct err *err)
{
	struct walk *w = xcalloc(1, sizeof(*w));
	struct want top = {0};
	enum rc rc = RC_OK;

	w->repo = r;
	w->each = each;
	w->ctx = ctx;
	gather(w, ask, &top);
	if (top.dir)
		rc = each(ctx, &(struct walk_entry){".", 1, root, GIT_MODE_TREE}, err);
	if (rc == RC_OK && (top.list || w->want.n))
		rc = walk_level(w, root, (struct level){0, w->want.n, 0, 0, top.list}, err);
	vec_done(&w->want);
	xfree(w);
	return rc;
}

struct as_text {
	enum rc (*each)(void *ctx, const struct repo_entry *e, struct err *err);
	void *ctx;
};

static enum rc tell_text(void *ctx, const struct walk_entry *e, struct err *err)
{
	const struct as_text *to = ctx;
	char hex[GIT_HEX + 1];

	git_oid_tostr(hex, sizeof(hex), e->oid);
	return to->each(to->ctx, &(struct repo_entry){e->path, hex, e->mode}, err);
}

enum rc repo_tree(struct repo *r, const char *rev, const struct repo_ask *ask,
		  enum rc (*each)(void *, const struct repo_entry *, struct err *), void *ctx,
		  char ret_tree[GIT_HEX + 1], struct err *err)
{
	AUTO(git_commitp) git_commit *c = NULL;
	enum rc rc = git_find_commit(r, rev, &c, err);

	if (rc != RC_OK)
		return rc;
	struct as_text to = {each, ctx};
	rc = walk_tree(r, git_commit_tree_id(c), ask, tell_text, &to, err);
	if (rc == RC_OK && ret_tree)
		git_oid_tostr(ret_tree, GIT_HEX + 1, git_commit_tree_id(c));
	return rc;
}

struct found {
	bool any;
	git_oid oid;
	uint32_t mode;
};

static enum rc keep_found(void *ctx, const struct walk_entry *e, struct err *err)
{
	struct found *f = ctx;

	(void)err;
	*f = (struct found){true, *e->oid, e->mode};
	return RC_OK;
}

enum rc repo_file(struct repo *r, const char *rev, const char *path, size_t max, struct strbuf *ret,
		  struct err *err)
{
	AUTO(git_commitp) git_commit *c = NULL;
	AUTO(git_odb_objectp) git_odb_object *raw = NULL;
	struct found f = {0};
	enum rc rc = git_find_commit(r, rev, &c, err);

	if (rc == RC_OK)
		rc = walk_tree(r, git_commit_tree_id(c),
			       &(struct repo_ask){.dirs = &path, .n_dirs = 1}, keep_found, &f, err);
	if (rc != RC_OK)
		return rc;
	if (!f.any || (f.mode & 0170000) != 0100000)
		return err_set(err, RC_NOT_FOUND, "%s: %.12s has no file %s", r->path, rev, path);
	size_t n = 0;
	git_object_t type;
	int code = git_odb_read_header(&n, &type, r->odb, &f.oid);
	if (!code && n > max)
		return err_set(err, RC_TOO_BIG, "%s at %.12s has %zu bytes; at most %zu are read",
			       path, rev, n, max);
	if (!code)
		code = git_odb_read(&raw, r->odb, &f.oid);
	if (code == GIT_ENOTFOUND)
		return err_set(err, RC_CORRUPT, "%s lacks the contents of %s at %.12s", r->path,
			       path, rev);
	if (code < 0)
		return git_fail(err, code, "%s at %.12s in %s", path, rev, r->path);
	strbuf_add(ret, git_odb_object_data(raw), git_odb_object_size(raw));
	if (strbuf_failed(ret))
		return err_set(err, RC_TOO_BIG, "%s at %.12s has %zu bytes", path, rev, n);
	return RC_OK;
}

enum rc repo_blob(struct repo *r, const char *oid, size_t max, struct strbuf *ret, struct err *err)
{
	AUTO(git_odb_objectp) git_odb_object *raw = NULL;
	git_oid id;

	if (git_oid_fromstr(&id, oid) < 0)
		return err_set(err, RC_INVALID, "\"%.60s\" is no object's id", oid);
	int code = git_odb_read(&raw, r->odb, &id);
	if (code == GIT_ENOTFOUND)
		return err_set(err, RC_CORRUPT, "%s lacks the contents of %s", r->path, oid);
	if (code < 0)
		return git_fail(err, code, "object %s in %s", oid, r->path);
	if (git_odb_object_size(raw) > max)
		return err_set(err, RC_TOO_BIG, "%s has %zu bytes; at most %zu are read", oid,
			       git_odb_object_size(raw), max);
	strbuf_add(ret, git_odb_object_data(raw), git_odb_object_size(raw));
	return strbuf_failed(ret) ? err_set(err, RC_TOO_BIG, "%s is too large", oid) : RC_OK;
}
