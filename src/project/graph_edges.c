/* Who is meant by a mention, and which edges go into the graph. */
#include "core/sort.h"
#include "project/graph_impl.h"
#include "project/scc.h"

struct candidate {
	uint32_t from, to;
	const char *file;
	uint32_t line;
	bool dev;
};
struct edges {
	struct linker *l;
	struct map names; /* "tool name" -> unit + 1 */
	VEC(struct candidate) list;
};

static void name_key(struct strbuf *to, const char *tool, const char *name)
{
	strbuf_clear(to);
	strbuf_addf(to, "%s %s", tool, name);
}

/* A Gradle project in any of its spellings: :libs:shared-model, :libs:sharedModel. */
static bool same_project(const char *a, const char *b)
{
	for (;;) {
		while (*a == '-' || *a == '_')
			a++;
		while (*b == '-' || *b == '_')
			b++;
		char x = *a >= 'A' && *a <= 'Z' ? (char)(*a - 'A' + 'a') : *a;
		char y = *b >= 'A' && *b <= 'Z' ? (char)(*b - 'A' + 'a') : *b;
		if (x != y || !x)
			return x == y;
		a++;
		b++;
	}
}

static const char *gradle_place(const struct linker *l, const struct buildfile *m, const char *name)
{
	const struct buildfile *settings = linker_above(l, BUILDFILE_GRADLE_SETTINGS, m->dir);

	if (!settings)
		return NULL;
	vec_each(p, &settings->places)
		if (streq(p->key, name))
			return p->value;
	vec_each(p, &settings->places)
		if (same_project(p->key, name))
			return p->value;
	return NULL;
}

static uint32_t meant(const struct edges *e, const struct buildfile *m, const struct mention *d)
{
	AUTO(strbuf_done) struct strbuf key = STRBUF(4096);
	uint32_t none = (uint32_t)e->l->g->units.n;

	if (d->path)
		return linker_unit(e->l, d->name);
	if (m->kind == BUILDFILE_GRADLE) {
		const char *dir = gradle_place(e->l, m, d->name);
		return dir ? linker_unit(e->l, dir) : none;
	}
	name_key(&key, buildfile_tools[m->kind], d->name);
	size_t i = (size_t)(uintptr_t)map_get(&e->names, strbuf_str(&key));
	return i ? (uint32_t)(i - 1) : none;
}

/* Names of a CMake folder that is part of a unit are the unit's. */
static void gather_names(struct edges *e)
{
	AUTO(strbuf_done) struct strbuf key = STRBUF(4096);

	for (size_t i = 0; i < e->l->n; i++) {
		const struct buildfile *m = e->l->list[i];
		uint32_t unit = linker_unit(e->l, m->dir);
		if (unit == e->l->g->units.n ||
		    (m->kind != BUILDFILE_CMAKE && !streq(e->l->g->units.v[unit].path, m->dir)))
			continue;
		vec_each(name, &m->names) {
			name_key(&key, buildfile_tools[m->kind], *name);
			if (!map_get(&e->names, strbuf_str(&key)))
				map_put(&e->names, strbuf_str(&key), (void *)(uintptr_t)(unit + 1));
		}
	}
}

static void gather(struct edges *e)
{
	size_t units = e->l->g->units.n;

	for (size_t i = 0; i < e->l->n; i++) {
		const struct buildfile *m = e->l->list[i];
		uint32_t from = linker_unit(e->l, m->dir);
		if (from == units ||
		    (m->kind != BUILDFILE_CMAKE && !streq(e->l->g->units.v[from].path, m->dir)))
			continue;
		vec_each(d, &m->deps) {
			uint32_t to = meant(e, m, d);
			if (to == units || to == from)
				continue;
			if (path_below(e->l->g->units.v[from].path, e->l->g->units.v[to].path) &&
			    streq(e->l->g->units.v[to].path, "."))
				continue; /* all below the root is in it already */
			vec_push(&e->list,
				 ((struct candidate){from, to, m->file, d->line, d->dev}));
		}
	}
}

static int by_edge(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return x->dev - y->dev;
}

static uint32_t *components(const struct edges *e)
{
	uint32_t n = (uint32_t)e->l->g->units.n;
	AUTO(freep) uint32_t *first = xcalloc((size_t)n + 2, sizeof(*first));
	AUTO(freep) uint32_t *to = xcalloc(e->list.n + 1, sizeof(*to));
	uint32_t *of = xcalloc((size_t)n + 1, sizeof(*of));

	for (size_t i = 0; i < e->list.n; i++) {
		first[e->list.v[i].from + 1]++;
		to[i] = e->list.v[i].to;
	}
	for (uint32_t i = 0; i < n; i++)
		first[i + 1] += first[i];
	scc_find(n, first, to, of);
	return of;
}

void linker_edges(struct linker *l)
{
	struct edges e = {.l = l};
	struct project_graph *g = l->g;
	size_t kept = 0;

	gather_names(&e);
	gather(&e);
	sort_stable(e.list.v, e.list.n, sizeof(*e.list.v), by_edge);
	for (size_t i = 0; i < e.list.n; i++) /* what is no dev edge comes first */
		if (!kept || e.list.v[kept - 1].from != e.list.v[i].from ||
		    e.list.v[kept - 1].to != e.list.v[i].to)
			e.list.v[kept++] = e.list.v[i];
	e.list.n = kept;
	AUTO(freep) uint32_t *of = components(&e);
	vec_each(c, &e.list) {
		struct project_unit *from = &g->units.v[c->from], *to = &g->units.v[c->to];
		if (c->dev && of[c->from] == of[c->to])
			vec_push(&g->notes,
				 xasprintf("%s:%u: %s needs %s only to build and test itself, and "
					   "%s needs it: left out",
					   c->file, c->line, from->name, to->name, to->name));
		else
			vec_push(&from->deps,
				 ((struct project_edge){c->to, xstrdup(c->file), c->line}));
	}
	vec_done(&e.list);
	map_done(&e.names);
}
