/* Which folders are units, what they are called, and which of them run. */
#include "project/graph.h"
#include "base/glob.h"
#include "core/sort.h"
#include "project/graph_impl.h"

static int by_folder(const void *a, const void *b)
{
	const struct buildfile *x = *(const struct buildfile *const *)a;
	const struct buildfile *y = *(const struct buildfile *const *)b;
	int order = strcmp(x->dir, y->dir);

	if (!order && x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return order ? order : strcmp(x->file, y->file);
}

static void key_of(struct strbuf *to, enum buildfile_kind kind, struct str dir)
{
	strbuf_clear(to);
	strbuf_addc(to, (char)('a' + kind));
	strbuf_addstr(to, dir);
}

const struct buildfile *linker_above(const struct linker *l, enum buildfile_kind kind,
				     const char *dir)
{
	AUTO(strbuf_done) struct strbuf key = STRBUF(8192);
	struct str at = str_of(dir);

	for (;;) {
		key_of(&key, kind, at);
		const struct buildfile *m = map_get(&l->at, strbuf_str(&key));
		if (m || str_is(at, "."))
			return m;
		while (at.n && at.p[at.n - 1] != '/')
			at.n--;
		at = at.n ? (struct str){at.p, at.n - 1} : STR(".");
	}
}

uint32_t linker_unit(const struct linker *l, const char *path)
{
	struct str at = str_of(path);

	for (;;) {
		size_t i = (size_t)(uintptr_t)map_get(&l->unit, at);
		if (i && (!str_is(at, ".") || streq(path, ".")))
			return (uint32_t)(i - 1);
		while (at.n && at.p[at.n - 1] != '/')
			at.n--;
		if (!at.n)
			return (uint32_t)l->g->units.n;
		at.n--;
	}
}

/* ---- who is a unit ---- */
static bool matches(const texts *globs, const char *dir)
{
	vec_each(glob, globs)
		if (glob_match(str_of(*glob), str_of(dir)))
			return true;
	return false;
}

/* The nearest of them that speaks for folders below it. */
static const struct buildfile *workspace_of(const struct linker *l, enum buildfile_kind kind,
					    const struct buildfile *m)
{
	const char *dir = m->dir;
	const struct buildfile *space;

	while ((space = linker_above(l, kind, dir))) {
		if (space != m && space->workspace)
			return space;
		if (streq(space->dir, "."))
			return NULL;
		const char *slash = strrchr(space->dir, '/');
		AUTO(freep)
		char *up =
			slash ? xstrndup(space->dir, (size_t)(slash - space->dir)) : xstrdup(".");
		space = linker_above(l, kind, up);
		if (!space)
			return NULL;
		dir = space->dir;
	}
	return NULL;
}

static bool is_named_by_path(const struct linker *l, const struct buildfile *m)
{
	for (size_t i = 0; i < l->n; i++)
		vec_each(d, &l->list[i]->deps)
			if (l->list[i]->kind == m->kind && d->path && streq(d->name, m->dir))
				return true;
	return false;
}

static bool is_member(const struct linker *l, const struct buildfile *m)
{
	const struct buildfile *space = NULL;

	if (m->kind == BUILDFILE_NPM)
		space = linker_above(l, BUILDFILE_PNPM, m->dir);
	if (m->kind == BUILDFILE_NPM && space && !space->members.n)
		return streq(space->dir, m->dir);
	if (m->kind == BUILDFILE_NPM && !space)
		space = workspace_of(l, BUILDFILE_NPM, m);
	else if (m->kind == BUILDFILE_CARGO || m->kind == BUILDFILE_PYTHON)
		space = workspace_of(l, m->kind, m);
	if (!space)
		return true;
	if (m->kind == BUILDFILE_NPM && streq(space->dir, m->dir))
		return false; /* the workspace itself */
	if (matches(&space->excludes, m->dir))
		return false;
	return matches(&space->members, m->dir) ||
	       (m->kind == BUILDFILE_CARGO && is_named_by_path(l, m));
}

/* A CMake folder with targets above it, or anything that has the Dockerfile in it. */
static bool is_part(const struct linker *l, const struct buildfile *m, const struct map *units)
{
	struct str at = str_of(m->dir);

	if (m->kind != BUILDFILE_CMAKE && m->kind != BUILDFILE_DOCKER)
		return false;
	for (;;) {
		while (at.n && at.p[at.n - 1] != '/')
			at.n--;
		if (!at.n)
			return false;
		at.n--;
		const struct buildfile *up = map_get(units, at);
		if (up && (m->kind == BUILDFILE_DOCKER || up->kind == BUILDFILE_CMAKE))
			return true;
	}
	(void)l;
}

static bool builds_itself(const struct buildfile *m)
{
	return m->kind == BUILDFILE_GO || m->kind == BUILDFILE_CARGO ||
	       m->kind == BUILDFILE_MAVEN || m->kind == BUILDFILE_PYTHON ||
	       m->kind == BUILDFILE_CMAKE;
}

static void add_unit(struct linker *l, const struct buildfile *m)
{
	size_t i = (size_t)(uintptr_t)map_get(&l->unit, str_of(m->dir));

	if (!i) {
		vec_add(&l->g->units);
		i = l->g->units.n;
		map_put(&l->unit, str_of(m->dir), (void *)(uintptr_t)i);
		struct project_unit *u = vec_last(&l->g->units);
		u->path = xstrdup(m->dir);
		u->library = true;
		u->file = xstrdup(m->file);
		u->line = 1;
		u->why = xasprintf("%s", buildfile_tools[m->kind]);
	}
	struct project_unit *u = &l->g->units.v[i - 1];
	vec_push(&u->manifests, m);
	if (!m->runs || !u->library)
		return;
	u->library = false;
	xfree(u->file);
	xfree(u->why);
	u->file = xstrdup(m->file);
	u->line = m->runs_line;
	u->why = xstrdup(m->runs);
}

/* In order of folder, so what is above comes first. */
static void find_units(struct linker *l)
{
	struct map units = {0};
	bool below = false, root = false;
	VEC(const struct buildfile *) found = {0};

	for (size_t i = 0; i < l->n; i++) {
		const struct buildfile *m = l->list[i];
		if (!m->unit || !is_member(l, m))
			continue;
		if (is_part(l, m, &units))
			continue;
		if (!streq(m->dir, ".") && !map_get(&units, str_of(m->dir))) {
			const void *p = m;
			map_put(&units, str_of(m->dir), (void *)(uintptr_t)p);
		}
		below |= !streq(m->dir, ".");
		root |= streq(m->dir, ".") && builds_itself(m);
		vec_push(&found, m);
	}
	vec_each(m, &found)
		if (!streq((*m)->dir, ".") || root || !below)
			add_unit(l, *m);
	vec_done(&found);
	map_done(&units);
}

/* ---- programs that only a file tells ---- */
bool marker_is(const char *path)
{
	static const char *const names[] = {"main.go", "main.rs", "__main__.py"};
	const char *base = path_base(path);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (streq(base, names[i]))
			return !path_is_foreign(path);
	return strstr(path, "src/bin/") && str_ends(str_of(path), ".rs") && !path_is_foreign(path);
}

static bool marks(const struct project_unit *u, const char *rest)
{
	vec_each(m, &u->manifests) {
		enum buildfile_kind kind = (*m)->kind;
		if (kind == BUILDFILE_GO &&
		    (streq(rest, "main.go") ||
		     (!strncmp(rest, "cmd/", 4) && streq(path_base(rest), "main.go"))))
			return true;
		if (kind == BUILDFILE_CARGO &&
		    (streq(rest, "src/main.rs") || !strncmp(rest, "src/bin/", 8)))
			return true;
		if (kind == BUILDFILE_PYTHON && streq(path_base(rest), "__main__.py"))
			return true;
	}
	return false;
}

static void use_markers(struct linker *l)
{
	vec_each(path, l->markers) {
		AUTO(freep) char *dir = path_dir(*path);
		uint32_t i = linker_unit(l, dir);
		if (i == l->g->units.n)
			i = linker_unit(l, ".");
		if (i == l->g->units.n)
			continue;
		struct project_unit *u = &l->g->units.v[i];
		const char *rest = streq(u->path, ".") ? *path : *path + strlen(u->path) + 1;
		if (!u->library || !marks(u, rest))
			continue;
		u->library = false;
		xfree(u->file);
		xfree(u->why);
		u->file = xstrdup(*path);
		u->line = 1;
		u->why = xstrdup("it has a main program");
	}
}

/* ---- names ---- */
char *project_name(const char *text)
{
	char *name = xstrndup(text, 60);
	size_t n = 0;

	for (const char *p = name; *p; p++) {
		char c = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (plain || (n && name[n - 1] != '-'))
			name[n++] = plain || c == '_' ? c : '-';
	}
	while (n && (name[n - 1] == '-' || name[n - 1] == '_'))
		n--;
	name[n] = '\0';
	if (n && name[0] != '_')
		return name;
	xfree(name);
	return xstrdup("unit");
}

/* "-" and "_" are one: variables are named after units. */
static char *same_form(const char *name)
{
	char *form = xstrdup(name);

	for (char *p = form; *p; p++)
		*p = *p == '_' ? '-' : *p;
	return form;
}

static char *long_name(const char *path)
{
	const char *end = path + strlen(path);

	return project_name(end - path > 60 ? end - 60 : path);
}

static void name_units(struct project_graph *g)
{
	struct map count = {0}, taken = {0};

	vec_each(u, &g->units) {
		u->name = project_name(streq(u->path, ".") ? "root" : path_base(u->path));
		AUTO(freep) char *form = same_form(u->name);
		size_t n = (size_t)(uintptr_t)map_get(&count, str_of(form));
		map_put(&count, str_of(form), (void *)(uintptr_t)(n + 1));
	}
	vec_each(u, &g->units) {
		AUTO(freep) char *form = same_form(u->name);
		if ((uintptr_t)map_get(&count, str_of(form)) > 1) {
			xfree(u->name);
			u->name = long_name(u->path);
		}
		AUTO(freep) char *stem = xstrdup(u->name);
		for (unsigned i = 2;; i++) {
			AUTO(freep) char *key = same_form(u->name);
			if (!map_put(&taken, str_of(key), u))
				break;
			xfree(u->name);
			u->name = xasprintf("%.50s-%u", stem, i);
		}
	}
	map_done(&count);
	map_done(&taken);
}

void project_graph(const struct buildfile *const *manifests, size_t n, const texts *markers,
		   struct project_graph *ret)
{
	AUTO(strbuf_done) struct strbuf key = STRBUF(8192);
	struct project_graph g = {.units = {0}};
	struct linker l = {
		.list = xcalloc(n + 1, sizeof(*l.list)), .n = n, .markers = markers, .g = &g};

	for (size_t i = 0; i < n; i++)
		l.list[i] = manifests[i];
	sort_stable(l.list, n, sizeof(*l.list), by_folder);
	for (size_t i = 0; i < n; i++) {
		const void *m = l.list[i];
		key_of(&key, l.list[i]->kind, str_of(l.list[i]->dir));
		if (!map_get(&l.at, strbuf_str(&key)))
			map_put(&l.at, strbuf_str(&key), (void *)(uintptr_t)m);
	}
	find_units(&l);
	use_markers(&l);
	name_units(&g);
	linker_edges(&l);
	map_done(&l.at);
	map_done(&l.unit);
	xfree(l.list);
	*ret = g;
}

void project_graph_done(struct project_graph *g)
{
	vec_each(u, &g->units) {
		xfree(u->name);
		xfree(u->path);
		xfree(u->file);
		xfree(u->why);
		vec_done(&u->manifests);
		vec_each(e, &u->deps)
			xfree(e->file);
		vec_done(&u->deps);
	}
	vec_done(&g->units);
	vec_each(n, &g->notes)
		xfree(*n);
	vec_done(&g->notes);
}
