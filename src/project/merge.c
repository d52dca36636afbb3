/* Inferred units beside those that penstock.yml says. */
#include "base/map.h"
#include "core/plan.h"
#include "core/sort.h"
#include "project/graph.h"

struct merge {
	struct config *c;
	const struct project_graph *g;
	size_t said;    /* units of penstock.yml; they stand first until the end */
	uint32_t *unit; /* of g's units: index into c->units */
	struct map names, paths, forms;
};

static char *form_of(const char *name)
{
	char *form = xstrdup(name);

	for (char *p = form; *p; p++)
		*p = *p == '_' ? '-' : *p;
	return form;
}

static void remember(struct merge *m, size_t i)
{
	const struct unit *u = &m->c->units.v[i];
	AUTO(freep) char *form = form_of(u->name);

	map_put(&m->names, str_of(u->name), (void *)(uintptr_t)(i + 1));
	map_put(&m->paths, str_of(u->path), (void *)(uintptr_t)(i + 1));
	map_put(&m->forms, str_of(form), (void *)(uintptr_t)(i + 1));
}

static enum rc place(struct merge *m, uint32_t i, struct err *err)
{
	const struct project_unit *u = &m->g->units.v[i];
	size_t at = (size_t)(uintptr_t)map_get(&m->paths, str_of(u->path));
	AUTO(freep) char *form = form_of(u->name);

	if (!at)
		at = (size_t)(uintptr_t)map_get(&m->names, str_of(u->name));
	if (!at && map_get(&m->forms, str_of(form)))
		return err_set(err, RC_INVALID,
			       "%s:%u: unit \"%s\" and one that penstock.yml says differ only in "
			       "\"-\" and \"_\": write {path: %s} under the name that is meant",
			       u->file, u->line, u->name, u->path);
	if (at) {
		m->unit[i] = (uint32_t)(at - 1);
		return RC_OK;
	}
	if (m->c->units.n == CONFIG_MAX_UNITS)
		return err_set(err, RC_TOO_BIG, "the repository has more than %d units",
			       CONFIG_MAX_UNITS);
	vec_push(&m->c->units, ((struct unit){.name = xstrdup(u->name),
					      .path = xstrdup(u->path),
					      .library = u->library,
					      .replicas = u->library ? 0 : 1}));
	m->unit[i] = (uint32_t)(m->c->units.n - 1);
	remember(m, m->unit[i]);
	return RC_OK;
}

/* Deps that are written win over those that were found. */
static void link_unit(struct merge *m, uint32_t i)
{
	struct unit *u = &m->c->units.v[m->unit[i]];

	if (m->unit[i] < m->said && u->deps.n)
		return;
	vec_each(e, &m->g->units.v[i].deps)
		if (m->unit[e->to] != m->unit[i])
			vec_push(&u->deps, xstrdup(m->c->units.v[m->unit[e->to]].name));
}

static enum rc check_said(const struct merge *m, struct err *err)
{
	for (size_t i = 0; i < m->said; i++) {
		const struct unit *u = &m->c->units.v[i];
		for (size_t k = 0; k < u->deps.n; k++)
			if (!map_get(&m->names, str_of(u->deps.v[k])))
				return err_set(err, RC_INVALID,
					       "penstock.yml:%u: unit \"%s\" depends on \"%s\", "
					       "which is no unit: `penstock graph` lists them",
					       u->line, u->name, u->deps.v[k]);
	}
	return RC_OK;
}

static void add_place(const struct project_graph *g, const char *from, const char *to,
		      struct strbuf *text)
{
	vec_each(u, &g->units) {
		if (!streq(u->name, from))
			continue;
		vec_each(e, &u->deps)
			if (streq(g->units.v[e->to].name, to))
				strbuf_addf(text, "%s%s:%u", text->n ? ", " : "", e->file, e->line);
	}
}

/* "a -> b -> a" with the places of its edges. */
static enum rc refuse_cycle(const struct merge *m, const char *cycle, struct err *err)
{
	AUTO(strbuf_done) struct strbuf places = STRBUF(2048);
	AUTO(freep) char *last = NULL;
	struct str rest = str_of(cycle);

	while (rest.p) {
		struct str word = str_cut(&rest, ' ');
		if (str_is(word, "->") || !word.n)
			continue;
		char *name = xstrndup(word.p, word.n);
		if (last)
			add_place(m->g, last, name, &places);
		xfree(last);
		last = name;
	}
	return err_set(
		err, RC_INVALID,
		"the units depend on each other in a circle: %s%s%s%s; take one of these out, "
		"or write the deps of one of the units in penstock.yml",
		cycle, places.n ? " (" : "", strbuf_cstr(&places), places.n ? ")" : "");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct unit *)a)->name, ((const struct unit *)b)->name);
}

enum rc project_merge(struct config *c, const struct project_graph *g, struct err *err)
{
	struct merge m = {.c = c, .g = g, .said = c->units.n};
	enum rc rc = RC_OK;

	m.unit = xcalloc(g->units.n + 1, sizeof(*m.unit));
	for (size_t i = 0; i < m.said; i++)
		remember(&m, i);
	for (uint32_t i = 0; i < g->units.n && rc == RC_OK; i++)
		rc = place(&m, i, err);
	for (uint32_t i = 0; i < g->units.n && rc == RC_OK; i++)
		link_unit(&m, i);
	if (rc == RC_OK)
		rc = check_said(&m, err);
	sort_stable(c->units.v, c->units.n, sizeof(*c->units.v), by_name);
	vec_each(u, &c->units)
		sort_stable(u->deps.v, u->line ? 0 : u->deps.n, sizeof(*u->deps.v), sort_by_text);
	if (rc == RC_OK) {
		AUTO(freep) char *cycle = graph_cycle(c);
		if (cycle)
			rc = refuse_cycle(&m, cycle, err);
	}
	map_done(&m.names);
	map_done(&m.paths);
	map_done(&m.forms);
	xfree(m.unit);
	return rc;
}
