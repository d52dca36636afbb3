/* penstock.yml, and which files of a commit tell of units and packages. */
#include "project/side.h"
#include "base/map.h"
#include "core/sort.h"

void side_init(struct side *s, const struct project_ask *ask, struct project_cache *cache,
	       const char *commit, struct project_side *to)
{
	*s = (struct side){.ask = ask,
			   .cache = cache,
			   .commit = commit,
			   .to = to,
			   .text = STRBUF(SIDE_TEXT_MAX)};
}

static void texts_free(texts *t)
{
	vec_each(s, t)
		xfree(*s);
	vec_done(t);
}

static void entries_free(entry_list *l)
{
	vec_each(e, l) {
		xfree(e->path);
		xfree(e->oid);
	}
	vec_done(l);
}

void side_done(struct side *s)
{
	strbuf_done(&s->text);
	entries_free(&s->files);
	vec_done(&s->manifests);
	vec_done(&s->locked);
	vec_done(&s->broken);
	texts_free(&s->markers);
}

/* ---- penstock.yml ---- */
struct includes {
	VEC(struct config_include) list;
	VEC(struct strbuf) texts;
	texts names;
};

static void includes_done(struct includes *i)
{
	vec_each(t, &i->texts)
		strbuf_done(t);
	vec_done(&i->texts);
	vec_done(&i->list);
	texts_free(&i->names);
}

/* "path" of this commit, or "SOURCE//path@<40 hex>". */
static enum rc read_include(const struct project_source *source, const char *commit,
			    const char *name, struct strbuf *to, struct err *err)
{
	const char *two = strstr(name, "//"), *at = strrchr(name, '@');
	enum rc rc;

	for (const char *next = two; next && (next = strstr(next + 2, "//"));)
		two = next; /* file:///srv/templates//node.yml */
	if (!two || !at || at < two) {
		rc = source->file(source->ctx, commit, name, NULL, SIDE_TEXT_MAX, to, err);
	} else {
		AUTO(freep) char *from = xstrndup(name, (size_t)(two - name));
		AUTO(freep) char *path = xstrndup(two + 2, (size_t)(at - two - 2));
		rc = source->other(source->ctx, from, at + 1, path, SIDE_TEXT_MAX, to, err);
	}
	if (rc == RC_NOT_FOUND)
		return err_set(err, RC_INVALID, "%s: include \"%.200s\": there is no such file",
			       PROJECT_FILE, name);
	return rc == RC_OK ? rc : err_wrap(err, "%s: include \"%.200s\"", PROJECT_FILE, name);
}

static enum rc read_includes(const struct project_source *source, const char *commit,
			     struct str text, struct includes *to, struct err *err)
{
	enum rc rc = memmem(text.n ? text.p : "", text.n, "include", 7)
			     ? config_includes(text, PROJECT_FILE, &to->names, err)
			     : RC_OK;

	for (size_t i = 0; i < to->names.n && rc == RC_OK; i++) {
		vec_push(&to->texts, STRBUF(SIDE_TEXT_MAX));
		rc = read_include(source, commit, to->names.v[i], vec_last(&to->texts), err);
	}
	for (size_t i = 0; i < to->texts.n && rc == RC_OK; i++)
		vec_push(&to->list,
			 ((struct config_include){to->names.v[i], strbuf_str(&to->texts.v[i])}));
	return rc;
}

/* like: what another commit's text is; the same here needs no reading again, and ret stays empty. */
static enum rc read_config(const struct project_source *source, const char *commit, bool without,
			   struct str like, struct strbuf *text, struct config *ret,
			   struct err *err)
{
	AUTO(includes_done) struct includes includes = {.list = {0}};
	enum rc rc =
		source->file(source->ctx, commit, PROJECT_FILE, NULL, (size_t)1 << 20, text, err);

	if (rc == RC_NOT_FOUND && without) {
		strbuf_adds(text, "version: 1\nproject: project\n");
		rc = err_clear(err);
	}
	if (rc == RC_NOT_FOUND)
		return err_set(err, RC_INVALID,
			       "there is no %s at %.12s; `penstock init` writes one", PROJECT_FILE,
			       commit);
	if (rc == RC_OK)
		rc = read_includes(source, commit, strbuf_str(text), &includes, err);
	size_t own = text->n;
	vec_each(i, &includes.list) {
		strbuf_addc(text, '\0');
		strbuf_addstr(text, i->text);
	}
	if (rc != RC_OK || (like.n && str_eq(like, strbuf_str(text))))
		return rc;
	return config_read_with((struct str){strbuf_cstr(text), own}, PROJECT_FILE, includes.list.v,
				includes.list.n, source->zone_rule, source->zone_ctx, ret, err);
}

enum rc project_config(const struct project_source *source, const char *commit, struct config *ret,
		       struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(SIDE_TEXT_MAX);

	return read_config(source, commit, false, (struct str){NULL, 0}, &text, ret, err);
}

enum rc side_config(struct side *s, const struct side *other, struct err *err)
{
	struct str like = other ? strbuf_str(&other->text) : (struct str){NULL, 0};

	strbuf_clear(&s->text);
	s->like = NULL;
	enum rc rc = read_config(s->ask->source, s->commit, s->ask->without_file, like, &s->text,
				 &s->to->config, err);
	if (rc == RC_OK && other && str_eq(like, strbuf_str(&s->text)))
		s->like = other;
	return rc;
}

static const struct config *config_of(const struct side *s)
{
	return s->like ? &s->like->to->config : &s->to->config;
}

/* ---- files ---- */
static bool is_wanted(const char *path)
{
	enum buildfile_kind kind;

	return buildfile_is(path, &kind) || slice_is_lock(path) || marker_is(path);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct tree_entry *)a)->path, ((const struct tree_entry *)b)->path);
}

/* Blobs among the facts' entries that are wanted: they are files of the side. */
static void take_files(struct side *s, struct tree_facts *from)
{
	vec_each(e, &from->entries) {
		if ((e->mode & 0170000) != 0100000 || !is_wanted(e->path))
			continue;
		vec_push(&s->files, *e);
		e->path = e->oid = NULL;
	}
	sort_stable(s->files.v, s->files.n, sizeof(*s->files.v), by_path);
}

static enum rc list_all(struct side *s, struct err *err)
{
	struct tree_facts facts = {.commit = NULL};
	char dot[] = ".";
	char *list[] = {dot};
	const texts none = {0}, all = {.v = list, .n = 1};
	enum rc rc = s->ask->source->tree(s->ask->source->ctx, s->commit, &none, &all, is_wanted,
					  &facts, err);

	if (rc == RC_OK)
		take_files(s, &facts);
	tree_facts_done(&facts);
	return rc;
}

static void add_file(texts *to, struct str dir, const char *name)
{
	if (str_is(dir, "."))
		vec_push(to, xstrdup(name));
	else
		vec_push(to, xasprintf("%.*s/%s", (int)dir.n, dir.p, name));
}

/* Where lockfiles that are not in a unit's own folder can be. */
static void add_probes(const struct config *c, texts *to)
{
	static const char *const more[] = {"go.sum", "go.work", "go.mod", "pom.xml"};
	struct map seen = {0};

	vec_each(u, &c->units) {
		struct str dir = str_of(u->path);
		while (!str_is(dir, ".")) {
			while (dir.n && dir.p[dir.n - 1] != '/')
				dir.n--;
			dir = dir.n ? (struct str){dir.p, dir.n - 1} : STR(".");
			if (map_put(&seen, dir, &seen))
				break;
			for (size_t i = 0; i < ARRAY_LEN(lock_files); i++)
				add_file(to, dir, lock_files[i]);
			for (size_t i = 0; i < ARRAY_LEN(more); i++)
				add_file(to, dir, more[i]);
		}
	}
	map_done(&seen);
}

static void add_manifests(const struct config *c, texts *to)
{
	static const char *const names[] = {"package.json", "go.mod",         "Cargo.toml",
					    "pom.xml",      "pyproject.toml", "build.gradle"};

	vec_each(u, &c->units)
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			add_file(to, str_of(u->path), names[i]);
	vec_each(u, &c->units) /* a unit's own lockfile hides those above */
		for (size_t i = 0; i < ARRAY_LEN(lock_files); i++)
			add_file(to, str_of(u->path), lock_files[i]);
}

/* One walk for the plan's folders and the probes. Manifests only when there is a lockfile that they could use. */
static enum rc look_for_locks(struct side *s, struct err *err)
{
	const struct project_source *source = s->ask->source;
	texts dirs = {0}, list = {0}, files = {0};
	struct tree_facts more = {.commit = NULL};

	plan_paths(config_of(s), &dirs, &list);
	size_t plain = dirs.n;
	add_probes(config_of(s), &dirs);
	enum rc rc = source->tree(source->ctx, s->commit, &dirs, &list, NULL, &s->to->facts, err);
	bool any = false;
	vec_each(e, &s->to->facts.entries)
		any |= e->mode != 040000 && slice_is_lock(e->path);
	vec_each(e, &s->to->facts.entries)
		any |= streq(path_base(e->path), "pom.xml") || streq(path_base(e->path), "go.work");
	if (rc == RC_OK && any) {
		for (size_t i = plain; i < dirs.n; i++)
			vec_push(&files, xstrdup(dirs.v[i]));
		add_manifests(config_of(s), &files);
		const texts none = {0};
		rc = source->tree(source->ctx, s->commit, &files, &none, NULL, &more, err);
		if (rc == RC_OK)
			take_files(s, &more);
	}
	tree_facts_done(&more);
	texts_free(&dirs);
	texts_free(&list);
	texts_free(&files);
	return rc;
}

enum rc side_files(struct side *s, struct err *err)
{
	return config_of(s)->infer ? list_all(s, err) : look_for_locks(s, err);
}
