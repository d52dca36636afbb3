#include "api/picture.h"

static void add_config(struct picture *p, const char *repo, const struct config *c)
{
	uint32_t *wave = xcalloc(c->units.n + 1, sizeof(*wave));

	graph_waves(c, wave);
	vec_each(u, &c->units) {
		if (map_get(&p->by_name, str_of(u->name)))
			continue; /* a name in two repositories: the first one has it */
		vec_push(&p->nodes,
			 ((struct node){.unit = u, .repo = repo, .wave = wave[u - c->units.v]}));
		map_put(&p->by_name, str_of(u->name), (void *)(uintptr_t)p->nodes.n);
		vec_each(name, &u->provides)
			map_put(&p->provider, str_of(*name), (void *)(uintptr_t)p->nodes.n);
	}
	xfree(wave);
}

static void add_edge(struct picture *p, uint32_t from, const struct map *where, const char *name,
		     const char *interface)
{
	uint32_t to = (uint32_t)(uintptr_t)map_get(where, str_of(name));

	if (to && to - 1 != from)
		vec_push(&p->edges, ((struct edge){from, to - 1, interface}));
}

static void add_edges(struct picture *p)
{
	for (uint32_t i = 0; i < p->nodes.n; i++) {
		const struct unit *u = p->nodes.v[i].unit;

		vec_each(dep, &u->deps)
			add_edge(p, i, &p->by_name, *dep, NULL);
		vec_each(name, &u->consumes)
			add_edge(p, i, &p->provider, *name, *name);
	}
}

/* Kahn's way: whoever waits for nobody gets its level, and those above wait for one less. */
static void find_levels(struct picture *p)
{
	uint32_t n = (uint32_t)p->nodes.n, done = 0;
	uint32_t *first = xcalloc(n + 2, sizeof(*first)), *above = xcalloc(p->edges.n + 1, 4);
	uint32_t *order = xcalloc(n + 1, sizeof(*order));

	vec_each(e, &p->edges) {
		first[e->to + 2]++;
		p->nodes.v[e->from].waits++;
	}
	for (uint32_t i = 2; i < n + 2; i++)
		first[i] += first[i - 1];
	vec_each(e, &p->edges)
		above[first[e->to + 1]++] = e->from;
	for (uint32_t i = 0; i < n; i++)
		if (!p->nodes.v[i].waits)
			order[done++] = i;
	for (uint32_t at = 0; at < done; at++)
		for (uint32_t k = first[order[at]]; k < first[order[at] + 1]; k++) {
			struct node *up = &p->nodes.v[above[k]];

			up->level = MAX_OF(up->level, p->nodes.v[order[at]].level + 1);
			if (--up->waits == 0)
				order[done++] = above[k];
		}
	for (uint32_t at = 0; at < done; at++)
		p->levels = MAX_OF(p->levels, p->nodes.v[order[at]].level + 1);
	vec_each(node, &p->nodes)
		if (node->waits)
			node->level = p->levels;
	p->levels += done < n;
	xfree(first);
	xfree(above);
	xfree(order);
}

void picture_take(struct picture *p, const struct model *m)
{
	const struct project *project = model_project(m);

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_SOURCE], e));) {
		const struct project_repo *src = e->value;
		const struct config *config = model_config(m, src->config);

		if (config)
			add_config(p, src->id, config);
	}
	if (!p->nodes.n && project && model_config(m, project->config))
		add_config(p, NULL, model_config(m, project->config));
	add_edges(p);
	find_levels(p);
}

void picture_done(struct picture *p)
{
	vec_done(&p->nodes);
	vec_done(&p->edges);
	map_done(&p->by_name);
	map_done(&p->provider);
}

long picture_find(const struct picture *p, const char *unit)
{
	return (long)(uintptr_t)map_get(&p->by_name, str_of(unit)) - 1;
}

void texts_write(struct json_out *o, const char *key, const texts *list)
{
	if (!list->n)
		return;
	json_list(o, key);
	vec_each(text, list)
		json_cstr(o, NULL, *text);
	json_unlist(o);
}
