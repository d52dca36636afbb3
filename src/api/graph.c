/*
 * GET graph: services and libraries as the newest trusted penstock.yml of each repository has them, what they need of one another, and what of them is live.
 *
 *	{"nodes":[{"id":"orders","kind":"service|library","repo","path","level":1,"wave":1,"owners":[],"provides":[],"consumes":[],
 *		   "live":[{"environment","image","release","since","wanted":2,"ready":2}]}],
 *	 "edges":[{"from":"orders","to":"shared","kind":"dep"},{"from":"orders","to":"payments","kind":"consumes","interface":"payments-api"}],
 *	 "levels":3}
 *
 * level: the longest way down to a unit that needs nobody, through deps and interfaces, across repositories: a row of the picture. What lies on a circle
 * stands one above the rest. wave: the order of deployment inside its repository. wanted and ready: replicas of the live version.
 */
#include "api/reads.h"

struct node {
	const struct unit *unit;
	const char *repo;
	uint32_t wave, level, waits; /* waits: edges down that have no level yet */
};
struct edge {
	uint32_t from, to;
	const char *interface; /* NULL: a dep */
};
struct picture {
	VEC(struct node) nodes;
	VEC(struct edge) edges;
	struct map by_name, provider; /* text -> index + 1 */
	uint32_t levels;
};

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

/* ---- writing ---- */

/* Ready replicas by "environment unit image": names hold no blanks. */
static void count_ready(void *ctx, const struct replica *r)
{
	AUTO(freep) char *key = xasprintf("%s %s %s", r->environment, r->unit, r->image);
	struct map *ready = ctx;
	uintptr_t n = (uintptr_t)map_get(ready, str_of(key));

	if (r->state == REPLICA_READY)
		map_put(ready, str_of(key), (void *)(n + 1));
}

static void write_live(struct json_out *o, const struct model *m, const struct map *ready,
		       const struct unit *u)
{
	const struct map *all = &m->by_kind[AGG_ENVIRONMENT];

	json_list(o, "live");
	for (struct map_entry *at = NULL; (at = map_next(all, at));) {
		const struct environment *env = at->value;

		vec_each(l, &env->live) {
			if (!streq(l->unit, u->name) || !l->image)
				continue;
			AUTO(freep) char *key = xasprintf("%s %s %s", env->id, l->unit, l->image);
			json_open(o, NULL);
			json_cstr(o, "environment", env->id);
			json_word(o, "image", l->image);
			json_word(o, "release", l->release);
			json_some(o, "since", l->since);
			json_u64(o, "wanted", MAX_OF(u->replicas, 1u));
			json_u64(o, "ready", (uintptr_t)map_get(ready, str_of(key)));
			json_close(o);
		}
	}
	json_unlist(o);
}

static void write_texts(struct json_out *o, const char *key, const texts *list)
{
	if (!list->n)
		return;
	json_list(o, key);
	vec_each(text, list)
		json_cstr(o, NULL, *text);
	json_unlist(o);
}

static void write_node(struct json_out *o, const struct model *m, const struct map *ready,
		       const struct node *n)
{
	json_open(o, NULL);
	json_cstr(o, "id", n->unit->name);
	json_cstr(o, "kind", n->unit->library ? "library" : "service");
	json_word(o, "repo", n->repo);
	json_word(o, "path", n->unit->path);
	json_u64(o, "level", n->level);
	json_u64(o, "wave", n->wave);
	write_texts(o, "owners", &n->unit->owners);
	write_texts(o, "provides", &n->unit->provides);
	write_texts(o, "consumes", &n->unit->consumes);
	if (!n->unit->library)
		write_live(o, m, ready, n->unit);
	json_close(o);
}

static void write_picture(struct json_out *o, const struct engine *e, const struct picture *p)
{
	struct map ready = {0};

	engine_replicas(e, count_ready, &ready);
	json_open(o, NULL);
	json_list(o, "nodes");
	vec_each(n, &p->nodes)
		write_node(o, engine_model(e), &ready, n);
	map_done(&ready);
	json_unlist(o);
	json_list(o, "edges");
	vec_each(edge, &p->edges) {
		json_open(o, NULL);
		json_cstr(o, "from", p->nodes.v[edge->from].unit->name);
		json_cstr(o, "to", p->nodes.v[edge->to].unit->name);
		json_cstr(o, "kind", edge->interface ? "consumes" : "dep");
		json_word(o, "interface", edge->interface);
		json_close(o);
	}
	json_unlist(o);
	json_u64(o, "levels", p->levels);
	json_close(o);
}

void get_graph(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	const struct project *project = model_project(m);
	struct json_out o = JSON_OUT(&c->out);
	struct picture p = {0};

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_SOURCE], e));) {
		const struct project_repo *src = e->value;
		const struct config *config = model_config(m, src->config);

		if (config)
			add_config(&p, src->id, config);
	}
	if (!p.nodes.n && project && model_config(m, project->config))
		add_config(&p, NULL, model_config(m, project->config));
	add_edges(&p);
	find_levels(&p);
	write_picture(&o, c->api->e, &p);
	vec_done(&p.nodes);
	vec_done(&p.edges);
	map_done(&p.by_name);
	map_done(&p.provider);
	call_json(c, 200, &c->out);
}
