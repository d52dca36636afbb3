/* Handles, errors, refs and commits. */
#include "clients/git_impl.h"

#include <pthread.h>
#include <strings.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Never shut down: the options below live as long as the library's count is above zero. */
static void begin(void)
{
	if (git_libgit2_init() < 0)
		return;
	for (int level = GIT_CONFIG_LEVEL_PROGRAMDATA; level <= GIT_CONFIG_LEVEL_GLOBAL; level++)
		git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
	/* That check guards hooks and configured programs, and neither is ever run by us. */
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	/* A tree of thousands of entries is read once a handle, not once a file. */
	git_libgit2_opts(GIT_OPT_SET_CACHE_OBJECT_LIMIT, GIT_OBJECT_TREE, (size_t)1 << 20);
	git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)8 << 20);
}

static enum rc rc_of(int code, const git_error *e)
{
	switch (code) {
	case GIT_ENOTFOUND:
	case GIT_EUNBORNBRANCH:
		return RC_NOT_FOUND;
	case GIT_EEXISTS:
	case GIT_EMODIFIED:
	case GIT_ECONFLICT:
	case GIT_EMERGECONFLICT:
	case GIT_EUNMERGED:
		return RC_CONFLICT;
	case GIT_ELOCKED:
		return RC_UNAVAILABLE;
	case GIT_EINVALIDSPEC:
	case GIT_EINVALID:
	case GIT_EAMBIGUOUS:
	case GIT_EPEEL:
	case GIT_EDIRECTORY:
		return RC_INVALID;
	case GIT_EMISMATCH:
		return RC_CORRUPT;
	default:
		break;
	}
	const char *text = e && e->message ? e->message : "";
	static const struct {
		const char *text;
		enum rc rc;
	} known[] = {{"No space left", RC_NO_SPACE},  {"Read-only file", RC_NO_SPACE},
		     {"quota exceeded", RC_NO_SPACE}, {"Permission denied", RC_DENIED},
		     {"not permitted", RC_DENIED},    {"corrupt", RC_CORRUPT},
		     {"mismatch", RC_CORRUPT}};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strstr(text, known[i].text))
			return known[i].rc;
	return e && (e->klass == GIT_ERROR_ZLIB || e->klass == GIT_ERROR_ODB) ? RC_CORRUPT
									      : RC_UNAVAILABLE;
}

enum rc git_fail(struct err *err, int code, const char *fmt, ...)
{
	const git_error *e = git_error_last();
	AUTO(strbuf_done) struct strbuf what = STRBUF(1024);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&what, fmt, ap);
	va_end(ap);
	enum rc rc = rc_of(code, e);
	const char *text = e && e->message ? e->message : "no reason given";
	return err_set(err, rc, "%s: %s", strbuf_cstr(&what), text);
}

void git_commitp(git_commit **p)
{
	git_commit_free(*p);
}
void git_treep(git_tree **p)
{
	git_tree_free(*p);
}
void git_objectp(git_object **p)
{
	git_object_free(*p);
}
void git_odb_objectp(git_odb_object **p)
{
	git_odb_object_free(*p);
}
void git_revwalkp(git_revwalk **p)
{
	git_revwalk_free(*p);
}

static enum rc wrap(git_repository *git, const char *path, struct repo **ret, struct err *err)
{
	git_odb *odb = NULL;
	int code = git_repository_odb(&odb, git);

	if (code < 0) {
		git_repository_free(git);
		return git_fail(err, code, "repository %s", path);
	}
	struct repo *r = xmalloc(sizeof(*r));
	*r = (struct repo){.git = git, .odb = odb, .path = xstrdup(path)};
	*ret = r;
	return RC_OK;
}

enum rc repo_open(const char *path, struct repo **ret, struct err *err)
{
	git_repository *git = NULL;

	pthread_once(&once, begin);
	int code = git_repository_open_ext(&git, path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
	if (code == GIT_ENOTFOUND)
		return err_set(err, RC_NOT_FOUND, "%s is no Git repository", path);
	if (code < 0)
		return git_fail(err, code, "repository %s", path);
	return wrap(git, path, ret, err);
}

static int make_bare(git_repository **git, const char *path, bool durable)
{
	git_repository_init_options opts = {
		.version = GIT_REPOSITORY_INIT_OPTIONS_VERSION,
		.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH |
			 GIT_REPOSITORY_INIT_NO_REINIT,
		.initial_head = "main",
	};

	int code = git_repository_init_ext(git, path, &opts);
	if (code < 0 || !durable)
		return code;
	git_config *cfg = NULL;
	code = git_repository_config(&cfg, *git);
	if (!code)
		code = git_config_set_bool(cfg, "core.fsyncObjectFiles", true);
	git_config_free(cfg);
	git_repository_free(*git); /* it keeps what it read of its configuration */
	*git = NULL;
	return code ? code : git_repository_open_bare(git, path);
}

enum rc repo_init(const char *path, bool durable, struct repo **ret, struct err *err)
{
	git_repository *git = NULL;

	pthread_once(&once, begin);
	int code = git_repository_open_bare(&git, path);
	if (code == GIT_ENOTFOUND) {
		code = make_bare(&git, path, durable);
		if (code == GIT_EEXISTS) /* somebody else was faster */
			code = git_repository_open_bare(&git, path);
	}
	if (code < 0) {
		git_repository_free(git);
		return git_fail(err, code, "repository %s", path);
	}
	return wrap(git, path, ret, err);
}

void repo_free(struct repo *r)
{
	if (!r)
		return;
	git_odb_free(r->odb);
	git_repository_free(r->git);
	xfree(r->path);
	xfree(r);
}

void repo_freep(struct repo **r)
{
	repo_free(*r);
}
const char *repo_path(const struct repo *r)
{
	return r->path;
}
const char *repo_dir(const struct repo *r)
{
	return git_repository_commondir(r->git);
}

enum rc repo_hooks(struct repo *r, struct strbuf *ret, struct err *err)
{
	git_config *cfg = NULL;
	git_config_entry *entry = NULL;
	int code = git_repository_config(&cfg, r->git);

	if (!code)
		code = git_config_get_entry(&entry, cfg, "core.hooksPath");
	enum rc rc = RC_OK;
	if (!code)
		rc = err_set(err, RC_UNSUPPORTED,
			     "%s: core.hooksPath moves the hooks to %s: add the hook there by hand",
			     r->path, entry->value);
	else if (code != GIT_ENOTFOUND)
		rc = git_fail(err, code, "repository %s", r->path);
	else
		strbuf_addf(ret, "%shooks", git_repository_path(r->git));
	git_config_entry_free(entry);
	git_config_free(cfg);
	return rc;
}

static void ref_done(git_reference **ref)
{
	git_reference_free(*ref);
}
static void iter_done(git_reference_iterator **it)
{
	git_reference_iterator_free(*it);
}

struct ref_row {
	char *name;
	char hex[GIT_HEX + 1];
};
struct ref_rows {
	VEC(struct ref_row) rows;
};

static void rows_done(struct ref_rows *l)
{
	vec_each(row, &l->rows)
		xfree(row->name);
	vec_done(&l->rows);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct ref_row *)a)->name, ((const struct ref_row *)b)->name);
}

enum rc repo_refs(struct repo *r, const char *prefix,
		  bool (*each)(void *, const char *, const char *), void *ctx, struct err *err)
{
	AUTO(iter_done) git_reference_iterator *it = NULL;
	AUTO(strbuf_done) struct strbuf glob = STRBUF(1024);
	AUTO(rows_done) struct ref_rows list = {0};

	strbuf_addf(&glob, "%s*", prefix);
	int code = git_reference_iterator_glob_new(&it, r->git, strbuf_cstr(&glob));
	while (!code) {
		AUTO(ref_done) git_reference *ref = NULL;
		AUTO(git_objectp) git_object *commit = NULL;
		code = git_reference_next(&ref, it);
		/* Broken refs and refs to other kinds of objects are none of ours. */
		if (code || git_reference_peel(&commit, ref, GIT_OBJECT_COMMIT))
			continue;
		struct ref_row row = {.name = xstrdup(git_reference_name(ref))};
		git_oid_tostr(row.hex, sizeof(row.hex), git_object_id(commit));
		vec_push(&list.rows, row);
	}
	if (code != GIT_ITEROVER)
		return git_fail(err, code, "refs of %s", r->path);
	if (list.rows.n)
		qsort(list.rows.v, list.rows.n, sizeof(*list.rows.v), by_name);
	vec_each(row, &list.rows)
		if (!each(ctx, row->name, row->hex))
			break;
	return RC_OK;
}

struct change_refs {
	bool (*each)(void *ctx, const char *ref, const char *commit);
	void *ctx;
	bool pulls, more;
};

static bool pass_ref(void *ctx, const char *ref, const char *commit)
{
	struct change_refs *c = ctx;

	if (!c->pulls || str_ends(str_of(ref), "/head"))
		c->more = c->each(c->ctx, ref, commit);
	return c->more;
}

enum rc repo_change_refs(struct repo *r, bool (*each)(void *, const char *, const char *),
			 void *ctx, struct err *err)
{
	static const char *const prefixes[] = {"refs/heads/", "refs/merge-requests/", "refs/pull/",
					       "refs/tags/"};
	struct change_refs c = {each, ctx, false, true};
	enum rc rc = RC_OK;

	for (size_t i = 0; i < ARRAY_LEN(prefixes) && rc == RC_OK && c.more; i++) {
		c.pulls = i == 1 || i == 2;
		rc = repo_refs(r, prefixes[i], pass_ref, &c, err);
	}
	return rc;
}

enum rc repo_merge_base(struct repo *r, const char *a, const char *b, char ret[GIT_HEX + 1],
			struct err *err)
{
	git_oid one, two, base;

	if (git_oid_fromstr(&one, a) || git_oid_fromstr(&two, b))
		return err_set(err, RC_INVALID, "no commit id: %s or %s", a, b);
	int code = git_merge_base(&base, r->git, &one, &two);
	if (code == GIT_ENOTFOUND)
		return err_set(err, RC_NOT_FOUND, "%.12s and %.12s have no common ancestor", a, b);
	if (code)
		return git_fail(err, code, "history of %s and %s", a, b);
	git_oid_tostr(ret, GIT_HEX + 1, &base);
	return RC_OK;
}

enum rc git_find_commit(struct repo *r, const char *rev, git_commit **ret, struct err *err)
{
	AUTO(git_objectp) git_object *object = NULL;
	git_oid oid;
	int code;

	if (strlen(rev) == GIT_HEX && !git_oid_fromstr(&oid, rev))
		code = git_object_lookup(&object, r->git, &oid, GIT_OBJECT_ANY);
	else
		code = git_revparse_single(&object, r->git, rev);
	if (!code)
		code = git_object_peel((git_object **)ret, object, GIT_OBJECT_COMMIT);
	if (code == GIT_ENOTFOUND || code == GIT_EINVALIDSPEC || code == GIT_EPEEL)
		return err_set(err, RC_NOT_FOUND, "%s has no commit %s", r->path, rev);
	return code < 0 ? git_fail(err, code, "commit %s in %s", rev, r->path) : RC_OK;
}

enum rc repo_resolve(struct repo *r, const char *rev, char ret[GIT_HEX + 1], struct err *err)
{
	AUTO(git_commitp) git_commit *c = NULL;
	enum rc rc = git_find_commit(r, rev, &c, err);

	if (rc == RC_OK)
		git_oid_tostr(ret, GIT_HEX + 1, git_commit_id(c));
	return rc;
}

enum rc repo_is_ancestor(struct repo *r, const char *base, const char *commit, bool *ret,
			 struct err *err)
{
	git_oid b, c;

	*ret = false;
	if (git_oid_fromstr(&b, base) || git_oid_fromstr(&c, commit))
		return err_set(err, RC_INVALID, "no commit id: %s or %s", base, commit);
	if (git_oid_equal(&b, &c)) {
		*ret = git_odb_exists(r->odb, &c);
		return RC_OK;
	}
	if (!git_odb_exists(r->odb, &b))
		return RC_OK;
	int code = git_graph_descendant_of(r->git, &c, &b);
	if (code < 0)
		return git_fail(err, code, "history of %s in %s", commit, r->path);
	*ret = code == 1;
	return RC_OK;
}

static void describe(const git_commit *c, struct repo_commit *ret)
{
	const git_signature *a = git_commit_author(c), *by = git_commit_committer(c);
	const char *text = git_commit_message(c);
	const char *line = strchr(text, '\n');

	*ret = (struct repo_commit){
		.author = xstrdup(a->name),
		.email = xstrdup(a->email),
		.committer = xstrdup(by->name),
		.committer_email = xstrdup(by->email),
		.subject = line ? xstrndup(text, (size_t)(line - text)) : xstrdup(text),
		.message = xstrdup(text),
		.time = git_commit_time(c),
	};
	git_oid_tostr(ret->id, sizeof(ret->id), git_commit_id(c));
	git_oid_tostr(ret->tree, sizeof(ret->tree), git_commit_tree_id(c));
	if (git_commit_parentcount(c))
		git_oid_tostr(ret->parent, sizeof(ret->parent), git_commit_parent_id(c, 0));
}

enum rc repo_commit(struct repo *r, const char *rev, struct repo_commit *ret, struct err *err)
{
	AUTO(git_commitp) git_commit *c = NULL;
	enum rc rc = git_find_commit(r, rev, &c, err);

	if (rc == RC_OK)
		describe(c, ret);
	return rc;
}

void repo_commit_done(struct repo_commit *c)
{
	char *const owned[] = {c->author,          c->email,   c->committer,
			       c->committer_email, c->subject, c->message};

	for (size_t i = 0; i < ARRAY_LEN(owned); i++)
		xfree(owned[i]);
	*c = (struct repo_commit){0};
}

char *repo_trailer(const char *message, const char *key)
{
	git_message_trailer_array all = {0};
	char *value = NULL;

	pthread_once(&once, begin);
	if (git_message_trailers(&all, message))
		return NULL;
	for (size_t i = 0; i < all.count && !value; i++)
		if (!strcasecmp(all.trailers[i].key, key))
			value = xstrdup(all.trailers[i].value);
	git_message_trailer_array_free(&all);
	return value;
}

enum rc repo_log(struct repo *r, const char *tip, const char *stop,
		 bool (*each)(void *, const struct repo_commit *), void *ctx, struct err *err)
{
	AUTO(git_revwalkp) git_revwalk *walk = NULL;
	git_oid oid;
	int code = git_revwalk_new(&walk, r->git);

	if (!code)
		code = git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL);
	if (!code && !(code = git_oid_fromstr(&oid, tip)))
		code = git_revwalk_push(walk, &oid);
	if (!code && stop && !(code = git_oid_fromstr(&oid, stop)))
		code = git_revwalk_hide(walk, &oid);
	while (!code && !(code = git_revwalk_next(&oid, walk))) {
		AUTO(git_commitp) git_commit *c = NULL;
		if ((code = git_commit_lookup(&c, r->git, &oid)))
			break;
		struct repo_commit info;
		describe(c, &info);
		bool more = each(ctx, &info);
		repo_commit_done(&info);
		if (!more)
			return RC_OK;
	}
	return code == GIT_ITEROVER ? RC_OK
				    : git_fail(err, code, "history of %s in %s", tip, r->path);
}
