/* Closures, cycles and waves of the project graph. All walks are linear and keep their own stack. */
#include "base/map.h"
#include "core/graph_impl.h"
#include "core/plan.h"
#include "core/sort.h"

void graph_done(struct graph *g)
{
	xfree(g->first);
	xfree(g->to);
	*g = (struct graph){0, NULL, NULL};
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

struct edges {
	VEC(uint32_t) to;
};

/* Close node i: sort its neighbours, drop doubles. */
static void close_node(struct graph *g, struct edges *e, uint32_t i)
{
	size_t n = e->to.n - g->first[i], kept = 0;

	if (n > 1) {
		uint32_t *v = e->to.v + g->first[i];

		sort_stable(v, n, sizeof(*v), by_number);
		for (size_t k = 0; k < n; k++)
			if (kept == 0 || v[kept - 1] != v[k])
				v[kept++] = v[k];
		e->to.n = g->first[i] + kept;
	}
	g->first[i + 1] = (uint32_t)e->to.n;
}

static void add_deps(const struct config *c, const struct unit *u, struct edges *e)
{
	for (size_t k = 0; k < u->deps.n; k++) {
		const struct unit *dep = config_unit(c, u->deps.v[k]);

		if (dep)
			vec_push(&e->to, (uint32_t)(dep - c->units.v));
	}
}

void graph_of_deps(const struct config *c, struct graph *ret)
{
	struct edges e = {{NULL, 0, 0}};

	*ret = (struct graph){(uint32_t)c->units.n, xcalloc(c->units.n + 1, sizeof(uint32_t)),
			      NULL};
	for (uint32_t i = 0; i < ret->n; i++) {
		add_deps(c, &c->units.v[i], &e);
		close_node(ret, &e, i);
	}
	ret->to = e.to.v;
}

void graph_of_deployment(const struct config *c, struct graph *ret)
{
	struct edges e = {{NULL, 0, 0}};
	struct map providers = {.n = 0};

	*ret = (struct graph){(uint32_t)c->units.n, xcalloc(c->units.n + 1, sizeof(uint32_t)),
			      NULL};
	for (uint32_t i = 0; i < ret->n; i++)
		for (size_t k = 0; k < c->units.v[i].provides.n; k++)
			map_put(&providers, str_of(c->units.v[i].provides.v[k]), &c->units.v[i]);
	for (uint32_t i = 0; i < ret->n; i++) {
		const struct unit *u = &c->units.v[i];

		add_deps(c, u, &e);
		for (size_t k = 0; k < u->consumes.n; k++) {
			const struct unit *provider = map_get(&providers, str_of(u->consumes.v[k]));

			if (provider && provider != u)
				vec_push(&e.to, (uint32_t)(provider - c->units.v));
		}
		close_node(ret, &e, i);
	}
	ret->to = e.to.v;
	map_done(&providers);
}

void graph_reverse(const struct graph *g, struct graph *ret)
{
	uint32_t edges = g->first[g->n];
	uint32_t *at = xcalloc((size_t)g->n + 1, sizeof(*at));

	*ret = (struct graph){g->n, xcalloc((size_t)g->n + 1, sizeof(uint32_t)),
			      xcalloc((size_t)edges + 1, sizeof(uint32_t))};
	for (uint32_t k = 0; k < edges; k++)
		ret->first[g->to[k] + 1]++;
	for (uint32_t i = 0; i < g->n; i++)
		at[i + 1] = ret->first[i + 1] += ret->first[i];
	for (uint32_t i = 0; i < g->n; i++)
		for (uint32_t k = g->first[i]; k < g->first[i + 1]; k++)
			ret->to[at[g->to[k]]++] = i;
	xfree(at);
}

/* A depth-first walk: 0 new, 1 on the path, 2 done. */
struct dfs {
	const struct graph *g;
	uint8_t *mark;
	uint32_t *path, *next; /* the path, and the next neighbour of each node on it */
	uint32_t depth, from;  /* from: where the walk is to begin again */
};

static void dfs_init(struct dfs *d, const struct graph *g)
{
	*d = (struct dfs){.g = g,
			  .mark = xcalloc((size_t)g->n + 1, 1),
			  .path = xcalloc((size_t)g->n + 1, sizeof(uint32_t)),
			  .next = xcalloc((size_t)g->n + 1, sizeof(uint32_t))};
}
static void dfs_done(struct dfs *d)
{
	xfree(d->mark);
	xfree(d->path);
	xfree(d->next);
}
static void dfs_enter(struct dfs *d, uint32_t i)
{
	d->mark[i] = 1;
	d->path[d->depth] = i;
	d->next[d->depth++] = d->g->first[i];
}

enum dfs_step { DFS_LEFT, DFS_CYCLE, DFS_END };

/* Walk until a node is left (*ret), or a neighbour is found that stands on the path (*ret), or all is seen. */
static enum dfs_step dfs_walk(struct dfs *d, uint32_t *ret)
{
	for (;;) {
		if (d->depth == 0) {
			while (d->from < d->g->n && d->mark[d->from])
				d->from++;
			if (d->from == d->g->n)
				return DFS_END;
			dfs_enter(d, d->from);
		}
		uint32_t top = d->path[d->depth - 1];

		if (d->next[d->depth - 1] == d->g->first[top + 1]) {
			d->mark[top] = 2;
			d->depth--;
			*ret = top;
			return DFS_LEFT;
		}
		uint32_t to = d->g->to[d->next[d->depth - 1]++];

		if (d->mark[to] == 1) {
			*ret = to;
			return DFS_CYCLE;
		}
		if (d->mark[to] == 0)
			dfs_enter(d, to);
	}
}

uint32_t graph_order(const struct graph *g, uint32_t *ret)
{
	struct dfs d;
	uint32_t n = 0, node;
	enum dfs_step step;

	dfs_init(&d, g);
	while ((step = dfs_walk(&d, &node)) == DFS_LEFT)
		ret[n++] = node;
	dfs_done(&d);
	return n;
}

#define CYCLE_SHOWN 200 /* bytes; a longer one is cut */

static char *find_cycle(const struct config *c, const struct graph *g)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(4096);
	struct dfs d;
	uint32_t node;
	enum dfs_step step;

	dfs_init(&d, g);
	while ((step = dfs_walk(&d, &node)) == DFS_LEFT)
		;
	if (step == DFS_CYCLE) {
		uint32_t at = d.depth;

		while (d.path[at - 1] != node)
			at--;
		for (uint32_t k = at - 1; k < d.depth; k++) {
			if (b.n > CYCLE_SHOWN) {
				strbuf_addf(&b, "... (%u more) -> ", d.depth - k);
				break;
			}
			strbuf_addf(&b, "%s -> ", c->units.v[d.path[k]].name);
		}
		strbuf_adds(&b, c->units.v[node].name);
	}
	dfs_done(&d);
	return step == DFS_CYCLE ? strbuf_take(&b) : NULL;
}

char *graph_cycle(const struct config *c)
{
	struct graph g;
	char *cycle;

	graph_of_deps(c, &g);
	cycle = find_cycle(c, &g);
	graph_done(&g);
	if (cycle || c->order.n)
		return cycle; /* with an order given, services may call each other */
	graph_of_deployment(c, &g);
	cycle = find_cycle(c, &g);
	graph_done(&g);
	return cycle;
}

static void reach(const struct config *c, const struct graph *g, const char *unit, texts *ret)
{
	const struct unit *u = config_unit(c, unit);

	if (!u)
		return;
	uint32_t *stack = xcalloc((size_t)g->n + 1, sizeof(*stack)),
		 from = (uint32_t)(u - c->units.v);
	uint8_t *seen = xcalloc((size_t)g->n + 1, 1);
	size_t n = 1;

	stack[0] = from;
	seen[from] = 1;
	while (n) {
		uint32_t at = stack[--n];

		for (uint32_t k = g->first[at]; k < g->first[at + 1]; k++)
			if (!seen[g->to[k]]) {
				seen[g->to[k]] = 1;
				stack[n++] = g->to[k];
			}
	}
	for (uint32_t i = 0; i < g->n; i++)
		if (seen[i] && i != from)
			vec_push(ret, xstrdup(c->units.v[i].name));
	xfree(stack);
	xfree(seen);
}

void graph_closure(const struct config *c, const char *unit, texts *ret)
{
	struct graph g;

	graph_of_deps(c, &g);
	reach(c, &g, unit, ret);
	graph_done(&g);
}

void graph_dependents(const struct config *c, const char *unit, texts *ret)
{
	struct graph g, back;

	graph_of_deps(c, &g);
	graph_reverse(&g, &back);
	reach(c, &back, unit, ret);
	graph_done(&g);
	graph_done(&back);
}

void graph_waves(const struct config *c, uint32_t *wave)
{
	struct graph g;
	uint32_t *order = xcalloc(c->units.n + 1, sizeof(*order)), n;

	graph_of_deployment(c, &g);
	n = graph_order(&g, order);
	for (size_t i = 0; i < c->units.n; i++)
		wave[i] = 0;
	for (uint32_t k = 0; k < n; k++) {
		uint32_t i = order[k];

		for (uint32_t e = g.first[i]; e < g.first[i + 1]; e++) {
			uint32_t to = g.to[e], after = wave[to] + (c->units.v[to].library ? 0 : 1);

			wave[i] = MAX_OF(wave[i], after);
		}
	}
	for (size_t k = 0; k < c->order.n; k++) {
		const struct unit *u = config_unit(c, c->order.v[k]);

		if (u)
			wave[u - c->units.v] = (uint32_t)k;
	}
	graph_done(&g);
	xfree(order);
}
