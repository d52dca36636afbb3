/* For each unit: the lockfiles above it, and its part of each. */
#include "project/slices.h"
#include "base/digest.h"
#include "base/map.h"
#include "core/sort.h"

struct maker {
	const struct slice_ask *ask;
	struct map by_dir;  /* folder -> manifests of it */
	struct map by_file; /* path of a manifest -> it */
	struct map locked;  /* path -> struct locked */
	struct map named;   /* Maven: "group:artifact" that a module names */
	struct slices *to;
};
struct group {
	VEC(const struct buildfile *) v;
};

bool slice_is_lock(const char *path)
{
	enum lock_kind kind;

	return lock_is(path, &kind) || (streq(path_base(path), "go.sum") && !path_is_foreign(path));
}

static const struct locked *locked_at(const struct maker *m, struct str dir, const char *file)
{
	AUTO(strbuf_done) struct strbuf path = STRBUF(8192);

	if (!str_is(dir, ".")) {
		strbuf_addstr(&path, dir);
		strbuf_addc(&path, '/');
	}
	strbuf_adds(&path, file);
	return map_get(&m->locked, strbuf_str(&path));
}

static bool up(struct str *dir)
{
	if (str_is(*dir, "."))
		return false;
	while (dir->n && dir->p[dir->n - 1] != '/')
		dir->n--;
	*dir = dir->n ? (struct str){dir->p, dir->n - 1} : STR(".");
	return true;
}

static void add(struct maker *m, const struct unit *u, const char *path, const char *digest)
{
	vec_push(&m->to->list,
		 ((struct lock_slice){xstrdup(u->name), xstrdup(path), xstrndup(digest, 64)}));
}

static void add_whole(struct maker *m, const struct unit *u, const struct locked *l)
{
	AUTO(freep) char *digest = digest_hex_dup(str_of(l->oid));

	add(m, u, l->path, digest);
	if (l->problem)
		vec_push(&m->to->warnings,
			 ((struct slice_warning){xstrdup(u->name), xstrdup(l->problem)}));
}

static void use_lock(struct maker *m, const struct unit *u, const struct group *g,
		     const struct locked *l)
{
	char digest[65];

	if (!l->lock)
		add_whole(m, u, l);
	else if (lock_slice(l->lock, u->path, g->v.v, g->v.n, digest))
		add(m, u, l->path, digest);
}

/* The nearest folder with lockfiles of a tool. One in the unit's own folder is part of its tree. */
static void use_tool(struct maker *m, const struct unit *u, const struct group *g, const char *tool)
{
	struct str dir = str_of(u->path);
	bool own = true;

	do {
		bool found = false;
		for (size_t i = 0; i < ARRAY_LEN(lock_files); i++) {
			const struct locked *l = streq(lock_tools[i], tool)
							 ? locked_at(m, dir, lock_files[i])
							 : NULL;
			if (l && !own)
				use_lock(m, u, g, l);
			found |= l != NULL;
		}
		if (found)
			return;
		own = false;
	} while (up(&dir));
}

/* ---- Go: the versions that the workspace selects ---- */
static int version_part(const char **a, const char **b)
{
	char *end_a, *end_b;
	unsigned long x = strtoul(*a, &end_a, 10), y = strtoul(*b, &end_b, 10);

	*a = end_a;
	*b = end_b;
	return x < y ? -1 : x > y;
}

/* v1.2.3-pre: numbers, then what has no "-" is later; enough to choose one for all, the same each time. */
static int by_version(const char *a, const char *b)
{
	a += *a == 'v';
	b += *b == 'v';
	for (unsigned i = 0; i < 3; i++) {
		int order = version_part(&a, &b);
		if (order)
			return order;
		a += *a == '.';
		b += *b == '.';
	}
	if ((*a == '-') != (*b == '-'))
		return *a == '-' ? -1 : 1;
	return strcmp(a, b);
}

static bool is_used_by(const struct buildfile *work, const struct buildfile *module)
{
	vec_each(member, &work->members)
		if (streq(*member, module->dir))
			return true;
	return false;
}

static void select_versions(const struct maker *m, const struct buildfile *work, struct map *to)
{
	for (size_t i = 0; i < m->ask->n_manifests; i++) {
		const struct buildfile *module = m->ask->manifests[i];
		if (module->kind != BUILDFILE_GO || !is_used_by(work, module))
			continue;
		vec_each(d, &module->deps) {
			const char *have = d->range ? map_get(to, str_of(d->name)) : "";
			if (d->range && (!have || by_version(have, d->range) < 0))
				map_put(to, str_of(d->name), d->range);
		}
	}
}

static void use_go_work(struct maker *m, const struct unit *u, const struct buildfile *module,
			const struct buildfile *work)
{
	struct map selected = {0};
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)16 << 20);
	texts lines = {0};

	select_versions(m, work, &selected);
	vec_each(d, &module->deps) {
		const char *version = map_get(&selected, str_of(d->name));
		if (!d->path && version)
			vec_push(&lines, xasprintf("%s %s\n", d->name, version));
	}
	sort_stable(lines.v, lines.n, sizeof(*lines.v), sort_by_text);
	strbuf_adds(&text, work->settings ? work->settings : "");
	vec_each(line, &lines) {
		strbuf_adds(&text, *line);
		xfree(*line);
	}
	AUTO(freep) char *digest = digest_hex_dup(strbuf_str(&text));
	add(m, u, work->file, digest);
	vec_done(&lines);
	map_done(&selected);
}

static const struct buildfile *manifest_at(const struct maker *m, struct str dir,
					   enum buildfile_kind kind)
{
	const struct group *g = map_get(&m->by_dir, dir);

	for (size_t i = 0; g && i < g->v.n; i++)
		if (g->v.v[i]->kind == kind)
			return g->v.v[i];
	return NULL;
}

static void use_go(struct maker *m, const struct unit *u, const struct buildfile *module)
{
	struct str dir = str_of(u->path);

	while (up(&dir)) {
		const struct buildfile *work = manifest_at(m, dir, BUILDFILE_GO_WORK);
		if (!work)
			continue;
		if (is_used_by(work, module))
			use_go_work(m, u, module, work);
		return;
	}
}

/* A folder of a larger Go module: which packages it imports only its sources say, so all of go.sum counts. */
static void use_go_module(struct maker *m, const struct unit *u)
{
	struct str dir = str_of(u->path);

	while (up(&dir)) {
		const struct locked *l = locked_at(m, dir, "go.sum");
		if (manifest_at(m, dir, BUILDFILE_GO) && l)
			add_whole(m, u, l);
		if (manifest_at(m, dir, BUILDFILE_GO))
			return;
	}
}

/* ---- Maven: the parents ---- */
static void use_parents(struct maker *m, const struct unit *u, const struct buildfile *module)
{
	const struct buildfile *at = module;
	char digest[65];

	for (unsigned i = 0; i < 16 && at && at->parent; i++) {
		const struct locked *l = map_get(&m->locked, str_of(at->parent));
		if (!l || path_below(at->parent, u->path))
			return;
		if (l->pom) {
			pom_slice(l->pom, module, &m->named, digest);
			add(m, u, l->path, digest);
		} else {
			add_whole(m, u, l);
		}
		at = map_get(&m->by_file, str_of(at->parent));
	}
}

static void make_unit(struct maker *m, const struct unit *u)
{
	static const char *const tools[] = {"npm", "cargo", "python"};
	const struct group *g = map_get(&m->by_dir, str_of(u->path));

	if (!g) {
		use_go_module(m, u);
		return;
	}
	for (size_t t = 0; t < ARRAY_LEN(tools); t++)
		for (size_t i = 0; i < g->v.n; i++)
			if (streq(buildfile_tools[g->v.v[i]->kind], tools[t])) {
				use_tool(m, u, g, tools[t]);
				break;
			}
	vec_each(one, &g->v) {
		if ((*one)->kind == BUILDFILE_GO)
			use_go(m, u, *one);
		else if ((*one)->kind == BUILDFILE_MAVEN)
			use_parents(m, u, *one);
	}
}

static int by_unit_and_path(const void *a, const void *b)
{
	const struct lock_slice *x = a, *y = b;
	int order = strcmp(x->unit, y->unit);

	return order ? order : strcmp(x->path, y->path);
}

static void index_manifests(struct maker *m)
{
	for (size_t i = 0; i < m->ask->n_manifests; i++) {
		const struct buildfile *one = m->ask->manifests[i];
		struct group *g = map_get(&m->by_dir, str_of(one->dir));
		const void *p = one;
		if (!g) {
			g = xcalloc(1, sizeof(*g));
			map_put(&m->by_dir, str_of(one->dir), g);
		}
		vec_push(&g->v, one);
		map_put(&m->by_file, str_of(one->file), (void *)(uintptr_t)p);
		for (size_t k = 0; one->kind == BUILDFILE_MAVEN && k < one->deps.n; k++)
			map_put(&m->named, str_of(one->deps.v[k].name), (void *)(uintptr_t)p);
	}
}

void slices_make(const struct slice_ask *ask, struct slices *ret)
{
	struct slices s = {.list = {0}};
	struct maker m = {.ask = ask, .to = &s};

	index_manifests(&m);
	for (size_t i = 0; i < ask->n_locked; i++) {
		const void *p = &ask->locked[i];
		map_put(&m.locked, str_of(ask->locked[i].path), (void *)(uintptr_t)p);
	}
	vec_each(u, &ask->config->units)
		make_unit(&m, u);
	sort_stable(s.list.v, s.list.n, sizeof(*s.list.v), by_unit_and_path);
	for (struct map_entry *e = NULL; (e = map_next(&m.by_dir, e));) {
		struct group *g = e->value;
		vec_done(&g->v);
		xfree(g);
	}
	map_done(&m.by_dir);
	map_done(&m.by_file);
	map_done(&m.locked);
	map_done(&m.named);
	*ret = s;
}

void slices_done(struct slices *s)
{
	vec_each(one, &s->list) {
		xfree(one->unit);
		xfree(one->path);
		xfree(one->digest);
	}
	vec_done(&s->list);
	vec_each(w, &s->warnings) {
		xfree(w->unit);
		xfree(w->text);
	}
	vec_done(&s->warnings);
}
