/* Repositories in memory: every commit has its whole list of files, and an id that is a hash of
 * what it says. */
#include "clients/lay.h"
#include "flow/1-source/scm_fake_impl.h"

static struct scm_fake *fake_of(struct scm *s)
{
	return container_of(s, struct scm_fake, base);
}

enum rc fake_begin(struct scm *s, const char *repo, struct fake_repo **ret, struct err *err)
{
	struct scm_fake *f = fake_of(s);

	if (f->after) {
		f->after--;
	} else if (f->failing) {
		f->failing--;
		return err_set(err, f->rc, "repository %s: told to fail", repo);
	}
	*ret = map_get(&f->repos, str_of(repo));
	return *ret ? RC_OK : err_set(err, RC_NOT_FOUND, "no repository named %s is served", repo);
}

/* ---- files ---- */
static void hash_text(struct str text, char ret[HEX + 1])
{
	char hex[DIGEST_HEX + 1];

	digest_hex(digest_of(text), hex);
	memcpy(ret, hex, HEX);
	ret[HEX] = '\0';
}

static struct blob *blob_new(struct str bytes)
{
	struct blob *b = xcalloc(1, sizeof(*b));

	b->refs = 1;
	b->bytes = STRBUF(SIZE_MAX / 4);
	strbuf_addstr(&b->bytes, bytes);
	hash_text(bytes, b->oid);
	return b;
}

static void blob_drop(struct blob *b)
{
	if (--b->refs)
		return;
	strbuf_done(&b->bytes);
	xfree(b);
}

static void files_done(struct files *f)
{
	vec_each(one, &f->list) {
		xfree(one->path);
		blob_drop(one->blob);
	}
	vec_done(&f->list);
}

/* Where path stands, or would. */
static size_t files_at(const struct files *f, const char *path)
{
	size_t i = 0;

	while (i < f->list.n && strcmp(f->list.v[i].path, path) < 0)
		i++;
	return i;
}

const struct file *fake_files_find(const struct files *f, const char *path)
{
	size_t i = files_at(f, path);

	return i < f->list.n && streq(f->list.v[i].path, path) ? &f->list.v[i] : NULL;
}

/* blob NULL removes. Takes its own reference. */
void fake_files_set(struct files *f, const char *path, uint32_t mode, struct blob *blob)
{
	size_t i = files_at(f, path);
	bool there = i < f->list.n && streq(f->list.v[i].path, path);

	if (blob)
		blob->refs++;
	if (there) {
		blob_drop(f->list.v[i].blob);
		f->list.v[i].blob = blob;
		f->list.v[i].mode = mode;
		if (!blob) {
			xfree(f->list.v[i].path);
			vec_remove(&f->list, i);
		}
	} else if (blob) {
		vec_add(&f->list);
		memmove(&f->list.v[i + 1], &f->list.v[i],
			(f->list.n - 1 - i) * sizeof(f->list.v[0]));
		f->list.v[i] = (struct file){xstrdup(path), mode, blob};
	}
}

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strcmp(dir, ".") || (!strncmp(path, dir, n) && path[n] == '/');
}

/* The id of what is below dir; false when there is nothing. */
static bool hash_tree(const struct files *f, const char *dir, char ret[HEX + 1])
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(SIZE_MAX / 4);
	size_t skip = strcmp(dir, ".") ? strlen(dir) + 1 : 0;

	for (size_t i = 0; i < f->list.n; i++) {
		const struct file *one = &f->list.v[i];
		if (is_below(one->path, dir))
			strbuf_addf(&text, "%o %s %s\n", one->mode, one->blob->oid,
				    one->path + skip);
	}
	hash_text(strbuf_str(&text), ret);
	return text.n || !skip;
}

/* ---- commits ---- */
struct commit *fake_commit_find(const struct fake_repo *r, const char *rev, struct err *err)
{
	struct commit *c = map_get(&r->commits, str_of(rev));

	if (!c)
		c = map_get(&r->branches, str_of(rev));
	if (!c)
		err_set(err, RC_NOT_FOUND, "no commit %s", rev);
	return c;
}

bool fake_is_ancestor(const struct fake_repo *r, const char *base, const struct commit *c)
{
	for (; c; c = c->parent[0] ? map_get(&r->commits, str_of(c->parent)) : NULL)
		if (streq(c->id, base) ||
		    (c->second[0] &&
		     fake_is_ancestor(r, base, map_get(&r->commits, str_of(c->second)))))
			return true;
	return false;
}

/* The value of a trailer: a line of the last paragraph. */
static char *trailer(const char *message, const char *key)
{
	struct str rest = str_trim(str_of(message));

	for (size_t i = rest.n; i-- > 1;)
		if (rest.p[i] == '\n' && rest.p[i - 1] == '\n') {
			rest = (struct str){rest.p + i + 1, rest.n - i - 1};
			break;
		}
	if (rest.p == message)
		return NULL;
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		struct str name = str_cut(&line, ':');
		if (line.p && str_is(name, key)) {
			line = str_trim(line);
			return xstrndup(line.p, line.n);
		}
	}
	return NULL;
}

static char *subject(const char *message)
{
	struct str rest = str_of(message), line = str_cut(&rest, '\n');

	return xstrndup(line.p, line.n);
}

void fake_commit_free(struct commit *c)
{
	files_done(&c->files);
	xfree(c->author);
	xfree(c->email);
	xfree(c->message);
	xfree(c);
}

/* Takes c and gives it its id; when that commit is there already, returns that one. */
struct commit *fake_commit_keep(struct fake_repo *r, struct commit *c)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(SIZE_MAX / 4);
	char tree[HEX + 1];

	hash_tree(&c->files, ".", tree);
	strbuf_addf(&text, "%s\n%s\n%s\n%s\n%s\n%s", tree, c->parent, c->second, c->author,
		    c->email, c->message);
	hash_text(strbuf_str(&text), c->id);
	struct commit *same = map_get(&r->commits, str_of(c->id));
	if (same) {
		fake_commit_free(c);
		return same;
	}
	map_put(&r->commits, str_of(c->id), c);
	return c;
}

struct commit *fake_commit_child(const struct commit *parent, const char *author, const char *email,
				 const char *message)
{
	struct commit *c = xcalloc(1, sizeof(*c));

	*c = (struct commit){
		.author = xstrdup(author), .email = xstrdup(email), .message = xstrdup(message)};
	if (!parent)
		return c;
	memcpy(c->parent, parent->id, sizeof(c->parent));
	for (size_t i = 0; i < parent->files.list.n; i++) {
		const struct file *one = &parent->files.list.v[i];
		one->blob->refs++;
		vec_push(&c->files.list, ((struct file){xstrdup(one->path), one->mode, one->blob}));
	}
	return c;
}

/* ---- the port ---- */
static enum rc fake_refs(struct scm *s, const char *repo,
			 bool (*each)(void *, const char *, const char *), void *ctx,
			 struct err *err)
{
	struct fake_repo *r;
	enum rc rc = fake_begin(s, repo, &r, err);
	VEC(const struct map_entry *) sorted = {0};

	if (rc != RC_OK)
		return rc;
	for (struct map_entry *e = NULL; (e = map_next(&r->branches, e));) {
		if (!str_starts(str_of(e->key), "refs/heads/"))
			continue; /* commits that are tested */
		vec_push(&sorted, e);
		for (size_t i = sorted.n - 1; i && strcmp(sorted.v[i - 1]->key, e->key) > 0; i--) {
			sorted.v[i] = sorted.v[i - 1];
			sorted.v[i - 1] = e;
		}
	}
	for (size_t i = 0; i < sorted.n; i++)
		if (!each(ctx, sorted.v[i]->key, ((const struct commit *)sorted.v[i]->value)->id))
			break;
	vec_done(&sorted);
	return RC_OK;
}

static void replace(char **to, char *take_value)
{
	xfree(*to);
	*to = take_value;
}

static enum rc fake_change(struct scm *s, const char *repo, struct change *c, struct err *err)
{
	struct fake_repo *r;
	enum rc rc = fake_begin(s, repo, &r, err);

	if (rc != RC_OK)
		return rc;
	if (!c->commit)
		return err_set(err, RC_INVALID, "the change of %s names no commit", repo);
	const struct commit *at = fake_commit_find(r, c->commit, err);
	if (!at)
		return RC_NOT_FOUND;
	replace(&c->commit, xstrdup(at->id));
	if (!c->base || streq(c->base, at->id) || !fake_is_ancestor(r, c->base, at))
		replace(&c->base, NULL);
	replace(&c->author, xstrdup(at->author));
	replace(&c->email, xstrdup(at->email));
	replace(&c->subject, subject(at->message));
	replace(&c->reverts, trailer(at->message, TRAILER));
	return RC_OK;
}

static enum rc fake_file(struct scm *s, const char *repo, const char *commit, const char *path,
			 size_t max, struct strbuf *ret, struct err *err)
{
	struct fake_repo *r;
	enum rc rc = fake_begin(s, repo, &r, err);
	const struct commit *c = rc == RC_OK ? fake_commit_find(r, commit, err) : NULL;

	if (!c)
		return rc == RC_OK ? RC_NOT_FOUND : rc;
	const struct file *f = fake_files_find(&c->files, path);
	if (!f || f->mode == MODE_LINK)
		return err_set(err, RC_NOT_FOUND, "%s: %.12s has no file %s", repo, commit, path);
	if (f->blob->bytes.n > max)
		return err_set(err, RC_TOO_BIG, "%s at %.12s has %zu bytes; at most %zu are read",
			       path, commit, f->blob->bytes.n, max);
	strbuf_addstr(ret, strbuf_str(&f->blob->bytes));
	return strbuf_failed(ret) ? err_set(err, RC_TOO_BIG, "%s is too long", path) : RC_OK;
}

static bool listed(const texts *list, const char *path)
{
	for (size_t i = 0; list && i < list->n; i++)
		if (streq(list->v[i], path) || is_below(path, list->v[i]))
			return true;
	return false;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct tree_entry *)a)->path, ((const struct tree_entry *)b)->path);
}

static bool has_entry(const struct tree_facts *t, const char *path)
{
	for (size_t i = 0; i < t->entries.n; i++)
		if (streq(t->entries.v[i].path, path))
			return true;
	return false;
}

static void add_entry(struct tree_facts *t, const char *path, const char *oid, uint32_t mode)
{
	vec_push(&t->entries, ((struct tree_entry){xstrdup(path), xstrdup(oid), mode}));
}

static enum rc fake_tree(struct scm *s, const char *repo, const char *commit, const texts *dirs,
			 const texts *list, struct tree_facts *ret, struct err *err)
{
	struct tree_facts t = {0};
	struct fake_repo *r;
	char hex[HEX + 1];
	enum rc rc = fake_begin(s, repo, &r, err);
	const struct commit *c = rc == RC_OK ? fake_commit_find(r, commit, err) : NULL;

	if (!c)
		return rc == RC_OK ? RC_NOT_FOUND : rc;
	for (size_t i = 0; i < c->files.list.n; i++)
		if (listed(list, c->files.list.v[i].path))
			add_entry(&t, c->files.list.v[i].path, c->files.list.v[i].blob->oid,
				  c->files.list.v[i].mode);
	for (size_t i = 0; dirs && i < dirs->n; i++) {
		const struct file *f = fake_files_find(&c->files, dirs->v[i]);
		if (has_entry(&t, dirs->v[i]))
			continue;
		if (f)
			add_entry(&t, f->path, f->blob->oid, f->mode);
		else if (hash_tree(&c->files, dirs->v[i], hex))
			add_entry(&t, dirs->v[i], hex, MODE_TREE);
	}
	if (t.entries.n)
		qsort(t.entries.v, t.entries.n, sizeof(*t.entries.v), by_path);
	hash_tree(&c->files, ".", hex);
	t.commit = xstrdup(c->id);
	t.tree = xstrdup(hex);
	*ret = t;
	return RC_OK;
}

static enum rc fake_materialise(struct scm *s, const char *repo, const char *commit,
				const texts *paths, const char *into, struct err *err)
{
	AUTO(lay_freep) struct lay *lay = NULL;
	struct fake_repo *r;
	enum rc rc = fake_begin(s, repo, &r, err);
	const struct commit *c = rc == RC_OK ? fake_commit_find(r, commit, err) : NULL;

	if (!c)
		return rc == RC_OK ? RC_NOT_FOUND : rc;
	rc = lay_new(into, &lay, err);
	for (size_t i = 0; i < c->files.list.n && rc == RC_OK; i++) {
		const struct file *f = &c->files.list.v[i];
		if (!listed(paths, f->path))
			continue;
		if (f->mode == MODE_LINK)
			rc = lay_link(lay, f->path, strbuf_str(&f->blob->bytes), err);
		else
			rc = lay_file(lay, f->path, strbuf_str(&f->blob->bytes), f->mode & 0100,
				      err);
	}
	return rc;
}

bool fake_same_file(const struct file *a, const struct file *b)
{
	return !a || !b ? a == b : a->mode == b->mode && streq(a->blob->oid, b->blob->oid);
}

/* Whole files: what differs between base and commit becomes as in base, unless tip has a third
 * version. */
static enum rc take_back(struct commit *to, const struct commit *tip, const struct commit *c,
			 const struct commit *base, struct err *err)
{
	const struct files *sides[] = {&c->files, &base->files};

	for (size_t side = 0; side < 2; side++)
		for (size_t i = 0; i < sides[side]->list.n; i++) {
			const char *path = sides[side]->list.v[i].path;
			const struct file *bad = fake_files_find(&c->files, path),
					  *good = fake_files_find(&base->files, path);
			const struct file *now = fake_files_find(&tip->files, path);
			if (fake_same_file(bad, good) || fake_same_file(now, good))
				continue;
			if (!fake_same_file(now, bad))
				return err_set(err, RC_CONFLICT,
					       "later commits changed the same lines of %s", path);
			fake_files_set(&to->files, path, good ? good->mode : 0,
				       good ? good->blob : NULL);
		}
	return RC_OK;
}

static const struct commit *find_earlier(const struct fake_repo *r, const struct commit *tip,
					 const char *until, const char *value)
{
	for (; tip && !streq(tip->id, until); tip = map_get(&r->commits, str_of(tip->parent))) {
		AUTO(freep)
		char *has = streq(tip->email, MAIL) ? trailer(tip->message, TRAILER) : NULL;
		if (has && streq(has, value))
			return tip;
	}
	return NULL;
}

static enum rc fake_revert(struct scm *s, const char *repo, const struct change *c,
			   const char *message, char **ret_commit, struct err *err)
{
	struct fake_repo *r;
	enum rc rc = fake_begin(s, repo, &r, err);

	if (rc != RC_OK)
		return rc;
	if (!c->base)
		return err_set(err, RC_INVALID, "%.12s has no base in %s: nothing to go back to",
			       c->commit, repo);
	const struct commit *bad = fake_commit_find(r, c->commit, err),
			    *base = fake_commit_find(r, c->base, err);
	if (!bad || !base)
		return RC_NOT_FOUND;
	const struct commit *tip = map_get(&r->branches, str_of(c->ref));
	if (!tip || !fake_is_ancestor(r, c->commit, tip))
		return err_set(err, RC_CONFLICT, "%s does not hold %.12s any more", c->ref,
			       c->commit);
	AUTO(freep) char *value = trailer(message, TRAILER);
	AUTO(freep)
	char *text =
		value ? xstrdup(message) : xasprintf("%s\n\n%s: %s\n", message, TRAILER, c->commit);
	const struct commit *own = find_earlier(r, tip, bad->id, value ? value : c->commit);
	if (!own) {
		struct commit *made = fake_commit_child(tip, "Penstock", MAIL, text);
		char before[HEX + 1], after[HEX + 1];
		rc = take_back(made, tip, bad, base, err);
		hash_tree(&tip->files, ".", before);
		hash_tree(&made->files, ".", after);
		if (rc != RC_OK || streq(before, after)) {
			fake_commit_free(made);
			own = tip;
		} else {
			own = fake_commit_keep(r, made);
			scm_fake_set(s, repo, c->ref, own->id);
		}
	}
	if (rc == RC_OK)
		*ret_commit = xstrdup(own->id);
	return rc;
}

static void fake_free(struct scm *s)
{
	struct scm_fake *f = fake_of(s);

	for (struct map_entry *e = NULL; (e = map_next(&f->repos, e));) {
		struct fake_repo *r = e->value;
		for (struct map_entry *c = NULL; (c = map_next(&r->commits, c));)
			fake_commit_free(c->value);
		map_done(&r->commits);
		map_done(&r->branches);
		xfree(r);
	}
	map_done(&f->repos);
	xfree(f);
}

static const struct scm_ops scm_fake = {
	.name = "fake",
	.refs = fake_refs,
	.change = fake_change,
	.file = fake_file,
	.tree = fake_tree,
	.materialise = fake_materialise,
	.revert = fake_revert,
	.merge = fake_merge,
	.land = fake_land,
	.log = fake_log,
	.free = fake_free,
};

enum rc scm_fake_new(struct scm **ret, struct err *err)
{
	struct scm_fake *f = xcalloc(1, sizeof(*f));

	(void)err;
	f->base.ops = &scm_fake;
	*ret = &f->base;
	return RC_OK;
}

void scm_fake_add(struct scm *s, const char *repo)
{
	struct scm_fake *f = fake_of(s);

	if (!map_get(&f->repos, str_of(repo)))
		map_put(&f->repos, str_of(repo), xcalloc(1, sizeof(struct fake_repo)));
}

const char *scm_fake_commit(struct scm *s, const char *repo, const char *ref,
			    const struct fake_commit *c)
{
	struct fake_repo *r = map_get(&fake_of(s)->repos, str_of(repo));

	BUG_ON(!r);
	struct commit *made = fake_commit_child(
		map_get(&r->branches, str_of(ref)), c->author ? c->author : "Ann",
		c->email ? c->email : "ann@example.com", c->message ? c->message : "change");
	for (size_t i = 0; i < c->n; i++) {
		const struct fake_file *f = &c->files[i];
		struct blob *b = f->remove ? NULL : blob_new(f->bytes);
		fake_files_set(&made->files, f->path, f->mode ? f->mode : MODE_FILE, b);
		if (b)
			blob_drop(b);
	}
	made = fake_commit_keep(r, made);
	map_put(&r->branches, str_of(ref), made);
	return made->id;
}

void scm_fake_set(struct scm *s, const char *repo, const char *ref, const char *commit)
{
	struct fake_repo *r = map_get(&fake_of(s)->repos, str_of(repo));
	struct commit *c = r && commit ? map_get(&r->commits, str_of(commit)) : NULL;

	BUG_ON(!r || (commit && !c));
	if (c)
		map_put(&r->branches, str_of(ref), c);
	else
		map_del(&r->branches, str_of(ref));
}

const char *scm_fake_tip(struct scm *s, const char *repo, const char *ref)
{
	struct fake_repo *r = map_get(&fake_of(s)->repos, str_of(repo));
	const struct commit *c = r ? map_get(&r->branches, str_of(ref)) : NULL;

	return c ? c->id : NULL;
}

void scm_fake_fail(struct scm *s, unsigned after, unsigned n, enum rc rc)
{
	struct scm_fake *f = fake_of(s);

	f->after = after;
	f->failing = n;
	f->rc = rc;
}
