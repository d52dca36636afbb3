/* Repositories of this machine: fetched into a mirror of our own, and read from there. */
#include "base/vec.h"
#include "clients/git.h"
#include "flow/1-source/adapters.h"
#include "flow/1-source/repo_pool.h"
#include "io/clock.h"
#include "io/files.h"

#define LOCK_WAIT     (30 * USEC_SEC)
#define REVERT_TIME   (10 * USEC_SEC) /* while others push */
#define SUBJECT_MAX   300u
#define TRAILER       "Penstock-Reverts"
#define PENSTOCK_NAME "Penstock"
#define PENSTOCK_MAIL "penstock@localhost"

struct source {
	char *name, *path, *mirror; /* mirror NULL: path is read */
};
struct scm_local {
	struct scm base;
	char *dir; /* of the mirrors, or NULL */
	struct repo_pool *pool;
	VEC(struct source) sources;
};

static struct scm_local *local_of(struct scm *s)
{
	return container_of(s, struct scm_local, base);
}

static const struct source *source_find(struct scm_local *l, const char *name, struct err *err)
{
	vec_each(one, &l->sources)
		if (streq(one->name, name))
			return one;
	err_set(err, RC_NOT_FOUND, "no repository named %s is served", name ? name : "(none)");
	return NULL;
}

/* ---- mirrors ---- */
/* Threads and processes fetch into a mirror one after another. */
static enum rc lock_mirror(const struct source *src, int *ret_fd, struct err *err)
{
	AUTO(strbuf_done) struct strbuf path = STRBUF(REPO_MAX_PATH);
	usec_t until = clock_mono() + LOCK_WAIT;
	enum rc rc;

	strbuf_addf(&path, "%s.lock", src->mirror);
	while ((rc = file_lock(strbuf_cstr(&path), ret_fd, err)) == RC_CONFLICT &&
	       clock_mono() < until)
		clock_sleep(2 * USEC_MS);
	if (rc == RC_OK)
		err_clear(err); /* the others have ended */
	return rc == RC_CONFLICT
		       ? err_set(err, RC_UNAVAILABLE, "%s is being fetched for too long", src->name)
		       : rc;
}

static enum rc fetch(const struct source *src, struct repo *mirror, struct err *err)
{
	AUTO(repo_freep) struct repo *from = NULL;
	AUTO(fd_close) int lock = -1;
	enum rc rc = repo_open(src->path, &from, err);

	if (rc == RC_OK)
		rc = lock_mirror(src, &lock, err);
	if (rc == RC_OK)
		rc = repo_fetch(mirror, from, NULL, err);
	return rc == RC_OK ? RC_OK : err_wrap(err, "repository %s", src->name);
}

/* What is read: the mirror, fresh when fetched is true. */
static enum rc source_open(const struct source *src, bool fetched, struct repo **ret,
			   struct err *err)
{
	if (!src->mirror)
		return repo_open(src->path, ret, err);
	struct repo *r = NULL;
	enum rc rc = repo_open(src->mirror, &r, err);
	if (rc == RC_NOT_FOUND) {
		AUTO(fd_close) int lock = -1;
		rc = lock_mirror(src, &lock, err);
		if (rc == RC_OK)
			rc = repo_init(src->mirror, false, &r, err);
	}
	if (rc == RC_OK && fetched)
		rc = fetch(src, r, err);
	if (rc == RC_OK) {
		err_clear(err); /* there was no mirror yet */
		*ret = r;
	} else {
		repo_free(r);
	}
	return rc;
}

/* A handle for a commit that an earlier fetch should have brought. *ret_id is its id. */
static enum rc open_at(struct scm *s, const char *name, const char *commit, struct repo_held *ret,
		       char ret_id[GIT_HEX + 1], struct err *err)
{
	struct scm_local *l = local_of(s);
	const struct source *src = source_find(l, name, err);
	AUTO(repo_give) struct repo_held h = {0};

	if (!src)
		return RC_NOT_FOUND;
	enum rc rc = repo_take(l->pool, src->mirror ? src->mirror : src->path, &h, err);
	if (rc == RC_NOT_FOUND && src->mirror)
		rc = source_open(src, false, &h.repo, err);
	if (rc == RC_OK)
		rc = repo_resolve(h.repo, commit, ret_id, err);
	if (rc == RC_NOT_FOUND && h.repo && src->mirror) {
		rc = fetch(src, h.repo, err);
		if (rc == RC_OK)
			rc = repo_resolve(h.repo, commit, ret_id, err);
		if (rc == RC_NOT_FOUND)
			err_set(err, rc, "repository %s has no commit %s; was it pushed over?",
				name, commit);
	}
	if (rc == RC_OK) {
		err_clear(err); /* it came with the fetch */
		*ret = h;
		h = (struct repo_held){0};
	}
	return rc;
}

/* ---- the port ---- */
static enum rc local_refs(struct scm *s, const char *repo,
			  bool (*each)(void *, const char *, const char *), void *ctx,
			  struct err *err)
{
	AUTO(repo_freep) struct repo *r = NULL;
	const struct source *src = source_find(local_of(s), repo, err);

	if (!src)
		return RC_NOT_FOUND;
	enum rc rc = source_open(src, true, &r, err);
	return rc == RC_OK ? repo_change_refs(r, each, ctx, err) : rc;
}

static void replace(char **to, char *take_value)
{
	xfree(*to);
	*to = take_value;
}

/* At most SUBJECT_MAX bytes, not ending inside a character. */
static char *short_subject(const char *text)
{
	size_t n = strlen(text);

	if (n > SUBJECT_MAX)
		for (n = SUBJECT_MAX;
		     n > SUBJECT_MAX - 4 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
			;
	return xstrndup(text, n);
}

static bool is_tip(void *ctx, const char *ref, const char *commit)
{
	struct change *c = ctx;

	(void)ref;
	c->fork = c->fork && !streq(commit, c->commit);
	return c->fork;
}

/* A request to merge is compared with where it left its target. Its head is somebody's who may write here when a branch stands at it; else it is from a
 * fork. */
static enum rc request(struct repo *r, struct change *c, struct err *err)
{
	char tip[GIT_HEX + 1], base[GIT_HEX + 1];
	struct err none = {0};

	c->fork = true;
	if (repo_resolve(r, c->target, tip, &none) == RC_OK &&
	    repo_merge_base(r, tip, c->commit, base, &none) == RC_OK)
		replace(&c->base, xstrdup(base));
	return repo_refs(r, "refs/heads/", is_tip, c, err);
}

static enum rc local_change(struct scm *s, const char *repo, struct change *c, struct err *err)
{
	AUTO(repo_freep) struct repo *r = NULL;
	AUTO(repo_commit_done) struct repo_commit info = {0};
	const struct source *src = source_find(local_of(s), repo, err);

	if (!src)
		return RC_NOT_FOUND;
	if (!c->commit)
		return err_set(err, RC_INVALID, "the change of %s names no commit", repo);
	enum rc rc = source_open(src, true, &r, err);
	if (rc == RC_OK)
		rc = repo_commit(r, c->commit, &info, err);
	bool keep = false;
	if (rc == RC_OK && c->base && strlen(c->base) == GIT_HEX && !streq(c->base, info.id))
		rc = repo_is_ancestor(r, c->base, info.id, &keep, err);
	if (rc != RC_OK)
		return rc;
	replace(&c->commit, xstrdup(info.id));
	if (!keep)
		replace(&c->base, NULL);
	replace(&c->author, xstrdup(info.author));
	replace(&c->email, xstrdup(info.email));
	replace(&c->subject, short_subject(info.subject));
	replace(&c->reverts, repo_trailer(info.message, TRAILER));
	return c->kind == CHANGE_PULL && c->target ? request(r, c, err) : RC_OK;
}

static enum rc local_file(struct scm *s, const char *repo, const char *commit, const char *path,
			  size_t max, struct strbuf *ret, struct err *err)
{
	AUTO(repo_give) struct repo_held h = {0};
	char id[GIT_HEX + 1];
	enum rc rc = open_at(s, repo, commit, &h, id, err);

	if (rc == RC_OK)
		rc = repo_file(h.repo, id, path, max, ret, err);
	h.good = rc == RC_OK || rc == RC_NOT_FOUND;
	return rc;
}

struct telling {
	bool (*each)(void *ctx, const struct scm_commit *c);
	void *ctx;
};

static bool tell_commit(void *ctx, const struct repo_commit *c)
{
	const struct telling *h = ctx;
	AUTO(freep) char *subject = short_subject(c->subject);
	struct scm_commit told = {.id = c->id,
				  .author = c->author,
				  .subject = subject,
				  .at = c->time > 0 ? (usec_t)c->time * USEC_SEC : 0};

	return h->each(h->ctx, &told);
}

static enum rc local_log(struct scm *s, const char *repo, const char *tip, const char *stop,
			 bool (*each)(void *, const struct scm_commit *), void *ctx,
			 struct err *err)
{
	AUTO(repo_give) struct repo_held h = {0};
	struct telling telling = {each, ctx};
	char from[GIT_HEX + 1], to[GIT_HEX + 1];
	enum rc rc = open_at(s, repo, tip, &h, from, err);

	if (rc == RC_OK && stop)
		rc = repo_resolve(h.repo, stop, to, err);
	if (rc == RC_OK)
		rc = repo_log(h.repo, from, stop ? to : NULL, tell_commit, &telling, err);
	h.good = rc == RC_OK || rc == RC_NOT_FOUND;
	return rc;
}

struct gather {
	struct tree_facts *to;
	bool sorted;
};

static enum rc keep_entry(void *ctx, const struct repo_entry *e, struct err *err)
{
	struct gather *g = ctx;
	struct tree_entry one = {
		.path = xstrdup(e->path), .oid = xstrndup(e->oid, GIT_HEX), .mode = e->mode};

	(void)err;
	if (g->to->entries.n && strcmp(vec_last(&g->to->entries)->path, one.path) > 0)
		g->sorted = false;
	vec_push(&g->to->entries, one);
	return RC_OK;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct tree_entry *)a)->path, ((const struct tree_entry *)b)->path);
}

static enum rc local_tree(struct scm *s, const char *repo, const char *commit, const texts *dirs,
			  const texts *list, struct tree_facts *ret, struct err *err)
{
	AUTO(repo_give) struct repo_held h = {0};
	struct tree_facts facts = {0};
	struct gather g = {&facts, true};
	char id[GIT_HEX + 1], tree[GIT_HEX + 1];
	enum rc rc = open_at(s, repo, commit, &h, id, err);

	if (rc != RC_OK)
		return rc;
	const struct repo_ask ask = {
		.dirs = dirs ? (const char *const *)dirs->v : NULL,
		.n_dirs = dirs ? dirs->n : 0,
		.list = list ? (const char *const *)list->v : NULL,
		.n_list = list ? list->n : 0,
	};
	rc = repo_tree(h.repo, id, &ask, keep_entry, &g, tree, err);
	h.good = rc == RC_OK;
	if (rc != RC_OK) {
		tree_facts_done(&facts);
		return err_wrap(err, "repository %s at %.12s", repo, id);
	}
	if (!g.sorted)
		qsort(facts.entries.v, facts.entries.n, sizeof(*facts.entries.v), by_path);
	facts.commit = xstrdup(id);
	facts.tree = xstrdup(tree);
	*ret = facts;
	return RC_OK;
}

static enum rc local_materialise(struct scm *s, const char *repo, const char *commit,
				 const texts *paths, const char *into, struct err *err)
{
	AUTO(repo_give) struct repo_held h = {0};
	char id[GIT_HEX + 1];
	enum rc rc = open_at(s, repo, commit, &h, id, err);

	if (rc != RC_OK)
		return rc;
	rc = repo_lay(h.repo, id, (const char *const *)paths->v, paths->n, into, err);
	h.good = rc == RC_OK;
	return rc == RC_OK ? RC_OK : err_wrap(err, "repository %s at %.12s", repo, id);
}

/* ---- taking back ---- */
struct earlier {
	const char *value; /* of the trailer */
	char id[GIT_HEX + 1];
};

static bool is_earlier(void *ctx, const struct repo_commit *c)
{
	struct earlier *e = ctx;

	if (!streq(c->committer_email, PENSTOCK_MAIL))
		return true;
	char *value = repo_trailer(c->message, TRAILER);
	if (streq(value, e->value))
		memcpy(e->id, c->id, sizeof(e->id));
	xfree(value);
	return !e->id[0];
}

/* RC_UNAVAILABLE: the branch moved meanwhile, try again. */
static enum rc revert_once(struct repo *r, const struct change *c, const char *message,
			   const char *value, char ret[GIT_HEX + 1], struct err *err)
{
	AUTO(repo_commit_done) struct repo_commit tip = {0};
	struct earlier own = {.value = value};
	char tree[GIT_HEX + 1];
	bool inside = false;

	enum rc rc = repo_commit(r, c->ref, &tip, err);
	if (rc == RC_NOT_FOUND)
		return err_set(err, RC_CONFLICT,
			       "the branch %s is gone, there is nothing to take back", c->ref);
	if (rc == RC_OK)
		rc = repo_is_ancestor(r, c->commit, tip.id, &inside, err);
	if (rc == RC_OK && !inside)
		return err_set(err, RC_CONFLICT, "%s does not hold %.12s any more", c->ref,
			       c->commit);
	if (rc == RC_OK)
		rc = repo_log(r, tip.id, c->commit, is_earlier, &own, err);
	if (rc == RC_OK && !own.id[0])
		rc = repo_take_back(r, tip.id, c->commit, c->base, tree, err);
	if (rc != RC_OK)
		return rc;
	if (own.id[0] ||
	    !strcmp(tree, tip.tree)) { /* also when a person has taken it back already */
		memcpy(ret, own.id[0] ? own.id : tip.id, GIT_HEX + 1);
		return RC_OK;
	}
	const struct repo_author by = {PENSTOCK_NAME, PENSTOCK_MAIL,
				       (int64_t)(clock_wall() / USEC_SEC)};
	rc = repo_write_tree(r, c->ref, tip.id, tree, message, &by, ret, err);
	if (rc == RC_CONFLICT)
		err_set(err, rc = RC_UNAVAILABLE, "%s moves too often", c->ref);
	return rc;
}

static enum rc local_revert(struct scm *s, const char *repo, const struct change *c,
			    const char *message, char **ret_commit, struct err *err)
{
	AUTO(repo_freep) struct repo *r = NULL;
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)1 << 20);
	const struct source *src = source_find(local_of(s), repo, err);
	char id[GIT_HEX + 1];

	if (!src)
		return RC_NOT_FOUND;
	if (!c->base)
		return err_set(err, RC_INVALID, "%.12s has no base in %s: nothing to go back to",
			       c->commit, repo);
	enum rc rc = repo_open(src->path, &r, err);
	if (rc != RC_OK)
		return rc;
	AUTO(freep) char *value = repo_trailer(message, TRAILER);
	strbuf_adds(&text, message);
	if (!value) {
		value = xstrdup(c->commit);
		strbuf_addf(&text, "\n\n%s: %s\n", TRAILER, value);
	}
	usec_t until = clock_mono() + REVERT_TIME;
	while ((rc = revert_once(r, c, strbuf_cstr(&text), value, id, err)) == RC_UNAVAILABLE &&
	       clock_mono() < until)
		clock_sleep(USEC_MS +
			    clock_mono() % (4 * USEC_MS)); /* not in step with the others */
	if (rc != RC_OK)
		return err_wrap(err, "take %.12s back in %s", c->commit, repo);
	err_clear(err);
	*ret_commit = xstrdup(id);
	return RC_OK;
}

/* ---- the merge queue ---- */
static enum rc open_source(struct scm *s, const char *repo, struct repo **ret, struct err *err)
{
	const struct source *src = source_find(local_of(s), repo, err);

	return src ? repo_open(src->path, ret, err) : RC_NOT_FOUND;
}

/* Wherever it stands now. */
static enum rc keep_under(struct repo *r, const char *ref, const char *commit, struct err *err)
{
	char now[GIT_HEX + 1];
	struct err ignored = {0};
	bool there = repo_resolve(r, ref, now, &ignored) == RC_OK;

	if (there ? streq(now, commit) : !commit)
		return RC_OK;
	return repo_move(r, ref, there ? now : NULL, commit, err);
}

static enum rc local_merge(struct scm *s, const char *repo, const struct scm_merge *m,
			   char **ret_commit, texts *ret_conflicts, struct err *err)
{
	AUTO(repo_freep) struct repo *r = NULL;
	char at[GIT_HEX + 1], head[GIT_HEX + 1];
	texts conflicts = {0};
	enum rc rc = open_source(s, repo, &r, err);

	if (rc == RC_OK)
		rc = repo_resolve(r, m->tip, at, err);
	for (size_t i = 0; i < m->heads->n && rc == RC_OK; i++) {
		AUTO(freep) char *message = scm_merge_message(m, i);

		rc = repo_resolve(r, m->heads->v[i], head, err);
		if (rc == RC_OK)
			rc = repo_merge(r, at, head, message, PENSTOCK_NAME, PENSTOCK_MAIL, at,
					err);
		if (rc != RC_CONFLICT)
			continue;
		vec_push(&conflicts, xstrdup(m->heads->v[i]));
		rc = err_clear(err);
	}
	if (rc == RC_OK)
		rc = keep_under(r, m->ref, at, err);
	vec_each(one, &conflicts) {
		if (rc == RC_OK)
			vec_push(ret_conflicts, *one);
		else
			xfree(*one);
	}
	vec_done(&conflicts);
	if (rc != RC_OK)
		return err_wrap(err, "merge for %s of %s", m->target, repo);
	*ret_commit = xstrdup(at);
	return RC_OK;
}

static enum rc local_land(struct scm *s, const char *repo, const struct change *c, struct err *err)
{
	AUTO(repo_freep) struct repo *r = NULL;
	char tip[GIT_HEX + 1];
	bool inside = false;
	struct err ignored = {0};
	enum rc rc = open_source(s, repo, &r, err);

	if (rc == RC_OK)
		rc = repo_resolve(r, c->commit, tip, err);
	if (rc == RC_OK)
		rc = repo_move(r, c->target, c->base, c->commit, err);
	if (rc == RC_CONFLICT && repo_resolve(r, c->target, tip, &ignored) == RC_OK &&
	    repo_is_ancestor(r, c->commit, tip, &inside, &ignored) == RC_OK && inside)
		rc = err_clear(err); /* it was done before */
	if (rc == RC_OK)
		rc = keep_under(r, c->ref, NULL, err);
	return rc == RC_OK ? RC_OK : err_wrap(err, "land on %s of %s", c->target, repo);
}

static void source_done(struct source *src)
{
	xfree(src->name);
	xfree(src->path);
	xfree(src->mirror);
}

static void local_free(struct scm *s)
{
	struct scm_local *l = local_of(s);

	vec_each(one, &l->sources)
		source_done(one);
	vec_done(&l->sources);
	repo_pool_free(l->pool);
	xfree(l->dir);
	xfree(l);
}

static const struct scm_ops scm_local = {
	.name = "local",
	.refs = local_refs,
	.change = local_change,
	.file = local_file,
	.tree = local_tree,
	.materialise = local_materialise,
	.revert = local_revert,
	.merge = local_merge,
	.land = local_land,
	.log = local_log,
	.free = local_free,
};

enum rc scm_local_new(const char *mirror_dir, struct scm **ret, struct err *err)
{
	enum rc rc = mirror_dir ? dir_make(mirror_dir, 0700, err) : RC_OK;

	if (rc != RC_OK)
		return err_wrap(err, "mirrors");
	struct scm_local *l = xcalloc(1, sizeof(*l));
	l->base.ops = &scm_local;
	l->dir = mirror_dir ? xstrdup(mirror_dir) : NULL;
	l->pool = repo_pool_new();
	*ret = &l->base;
	return RC_OK;
}

enum rc scm_local_add(struct scm *s, const char *name, const char *path, struct err *err)
{
	struct scm_local *l = local_of(s);
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (!*name || *name == '.' || *name == '-' || strlen(name) > 100 ||
	    strspn(name, allowed) != strlen(name))
		return err_set(
			err, RC_INVALID,
			"\"%.100s\" cannot name a repository: use letters, digits, '.', '_', '-'",
			name);
	struct source one = {.name = xstrdup(name), .path = xstrdup(path)};
	one.mirror = l->dir ? xasprintf("%s/%s.git", l->dir, name) : NULL;
	vec_each(was, &l->sources)
		if (streq(was->name, name)) {
			source_done(was);
			*was = one;
			return RC_OK;
		}
	vec_push(&l->sources, one);
	return RC_OK;
}
