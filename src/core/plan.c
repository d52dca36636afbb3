/*
 * The plan of a change. In this order: the units' trees and closures, which units are affected, the jobs (a definition times its units) and
 * their needs as one graph, and then, needs first, inputs, state and key of each.
 */
#include "core/config_impl.h"
#include "core/plan_impl.h"
#include "core/sort.h"

static void planner_done(struct planner *p)
{
	for (size_t i = 0; p->units && i < p->c->units.n; i++)
		xfree(p->units[i].closure);
	xfree(p->units);
	input_tree_done(&p->head);
	if (p->has_base)
		input_tree_done(&p->base);
	graph_done(&p->deps);
	graph_done(&p->needs);
	vec_each(d, &p->defs)
		matrix_rows_done(&d->rows);
	vec_done(&p->defs);
	vec_each(i, &p->list) {
		vec_done(&i->files);
		xfree(i->skip);
	}
	vec_done(&p->list);
	xfree(p->at);
	xfree(p->place);
	for (size_t i = 0; p->installs && i < p->list.n; i++)
		vec_done(&p->installs[i].locks);
	xfree(p->installs);
	strbuf_done(&p->scratch);
	plan_done(&p->plan);
}

/* ---- units ---- */

static int input_by_path(const void *a, const void *b)
{
	return strcmp(((const struct plan_input *)a)->path, ((const struct plan_input *)b)->path);
}

void unit_inputs(const struct planner *p, uint32_t i, input_list *ret)
{
	const struct unit_state *u = &p->units[i];

	ret->n = 0;
	vec_push(ret, ((struct plan_input){p->c->units.v[i].path, u->tree->oid, MODE_TREE}));
	for (size_t k = u->slice; k < u->slice + u->slices; k++) {
		const struct lock_slice *slice = &p->head.facts->slices.v[k];

		vec_push(ret, ((struct plan_input){slice->path, slice->digest, 0}));
	}
	for (uint32_t k = p->deps.first[i]; k < p->deps.first[i + 1]; k++) {
		uint32_t dep = p->deps.to[k];
		bool leaf = p->deps.first[dep] == p->deps.first[dep + 1] && !p->units[dep].slices;

		vec_push(ret, ((struct plan_input){p->c->units.v[dep].path, p->units[dep].closure,
						   leaf ? MODE_TREE : 0}));
	}
	sort_stable(ret->v, ret->n, sizeof(*ret->v), input_by_path);
}

static enum rc find_trees(struct planner *p, struct err *err)
{
	for (size_t i = 0; i < p->c->units.n; i++) {
		const struct unit *u = &p->c->units.v[i];
		const struct tree_entry *e = tree_find(&p->head, str_of(u->path));

		if (!e)
			return err_set(
				err, RC_INVALID,
				"penstock.yml:%u: unit \"%s\": there is no folder \"%s\" in this commit",
				u->line, u->name, u->path);
		if (e->mode != MODE_TREE)
			return err_set(err, RC_INVALID,
				       "penstock.yml:%u: unit \"%s\": \"%s\" is %s, not a folder",
				       u->line, u->name, u->path,
				       e->mode == 0120000   ? "a symbolic link"
				       : e->mode == 0160000 ? "a submodule"
							    : "a file");
		p->units[i].tree = e;
	}
	return RC_OK;
}

/* Slices stand in order of unit and path. */
static size_t first_slice(const struct tree_facts *t, const char *unit)
{
	size_t low = 0, high = t->slices.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(t->slices.v[mid].unit, unit) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void find_slices(struct planner *p)
{
	const struct tree_facts *t = p->head.facts;

	for (size_t i = 0; i < p->c->units.n; i++) {
		struct unit_state *u = &p->units[i];

		u->slice = first_slice(t, p->c->units.v[i].name);
		while (u->slice + u->slices < t->slices.n &&
		       streq(t->slices.v[u->slice + u->slices].unit, p->c->units.v[i].name))
			u->slices++;
	}
}

/* The lockfile whose slice for the unit is another one than at base, or NULL. */
static const char *other_slice(const struct planner *p, const char *unit,
			       const struct unit_state *state)
{
	const struct tree_facts *now = p->head.facts, *old = p->base.facts;
	size_t from = first_slice(old, unit), n = 0;

	while (from + n < old->slices.n && streq(old->slices.v[from + n].unit, unit))
		n++;
	for (size_t k = 0; k < MAX_OF(n, state->slices); k++) {
		const struct lock_slice *a =
			k < state->slices ? &now->slices.v[state->slice + k] : NULL;
		const struct lock_slice *b = k < n ? &old->slices.v[from + k] : NULL;

		if (!a || !b || !streq(a->path, b->path))
			return a ? a->path : b->path;
		if (!streq(a->digest, b->digest))
			return a->path;
	}
	return NULL;
}

static bool same_unit(const struct unit *a, const struct unit *b)
{
	struct unit x = *a, y = *b;

	x.line = y.line = 0;
	return shape_equal(&shape_unit, &x, &y);
}

static enum cause own_cause(const struct planner *p, const struct unit *u, struct unit_state *state)
{
	if (!p->has_base)
		return CAUSE_FIRST;
	const struct unit *before = p->base_config ? config_unit(p->base_config, u->name) : u;
	const struct tree_entry *old = tree_find(&p->base, str_of(u->path));

	if (!before || !old)
		return CAUSE_NEW;
	if (!streq(old->oid, state->tree->oid))
		return CAUSE_TREE;
	state->lockfile = other_slice(p, u->name, state);
	if (state->lockfile)
		return CAUSE_LOCK;
	return before == u || same_unit(before, u) ? CAUSE_NONE : CAUSE_CONFIG;
}

static void settle_unit(struct planner *p, uint32_t i, input_list *inputs)
{
	struct unit_state *u = &p->units[i];

	unit_inputs(p, i, inputs);
	u->closure = inputs->n == 1 ? xstrdup(u->tree->oid)
				    : key_of_closure(inputs->v, inputs->n, &p->scratch);
	u->cause = own_cause(p, &p->c->units.v[i], u);
	for (uint32_t k = p->deps.first[i]; k < p->deps.first[i + 1] && u->cause == CAUSE_NONE;
	     k++) {
		uint32_t dep = p->deps.to[k];

		if (p->units[dep].cause != CAUSE_NONE) {
			u->cause = CAUSE_DEP;
			u->root = p->units[dep].cause == CAUSE_DEP ? p->units[dep].root : dep;
			u->via = dep;
		}
	}
	p->any_affected |= u->cause != CAUSE_NONE;
}

/* The words for a unit's own cause. */
static void add_cause(const struct planner *p, uint32_t i, struct strbuf *to)
{
	const struct unit *u = &p->c->units.v[i];
	const struct unit_state *s = &p->units[i];

	switch (s->cause) {
	case CAUSE_NONE:
		strbuf_adds(to, "nothing that it is made of changed");
		break;
	case CAUSE_FIRST:
		strbuf_adds(to, "there is nothing to compare with");
		break;
	case CAUSE_NEW:
		strbuf_addf(to, "%s is new", u->name);
		break;
	case CAUSE_TREE:
		strbuf_addf(to, "%s changed", streq(u->path, ".") ? "the repository" : u->path);
		break;
	case CAUSE_LOCK:
		strbuf_addf(to, "%s changed dependencies of %s", s->lockfile, u->name);
		break;
	case CAUSE_CONFIG:
		strbuf_addf(to, "penstock.yml changed %s", u->name);
		break;
	case CAUSE_DEP:
		add_cause(p, s->root, to);
		if (s->via == s->root)
			strbuf_addf(to, ", and %s depends on it", u->name);
		else
			strbuf_addf(to, ", and %s depends on it through %s", u->name,
				    p->c->units.v[s->via].name);
		break;
	}
}

static char *why_unit(const struct planner *p, uint32_t i)
{
	struct strbuf b = STRBUF(2 * TEXT_MAX);

	add_cause(p, i, &b);
	return strbuf_take(&b);
}

static enum rc plan_units(struct planner *p, struct err *err)
{
	size_t n = p->c->units.n;
	uint32_t *order = xcalloc(n + 1, sizeof(*order)), *waves = xcalloc(n + 1, sizeof(*waves)),
		 settled;
	input_list inputs = {NULL, 0, 0};

	p->units = xcalloc(n + 1, sizeof(*p->units));
	graph_of_deps(p->c, &p->deps);
	settled = graph_order(&p->deps, order);
	enum rc rc = settled < n
			     ? err_set(err, RC_INVALID, "units depend on each other in a circle")
			     : find_trees(p, err);
	if (rc == RC_OK)
		find_slices(p);

	for (uint32_t k = 0; rc == RC_OK && k < settled; k++)
		settle_unit(p, order[k], &inputs);
	if (rc == RC_OK)
		graph_waves(p->c, waves);
	vec_grow(&p->plan.units, sizeof(*p->plan.units.v), n);
	for (uint32_t i = 0; rc == RC_OK && i < n; i++)
		vec_push(&p->plan.units, ((struct plan_unit){xstrdup(p->c->units.v[i].name),
							     p->units[i].cause != CAUSE_NONE,
							     why_unit(p, i), waves[i]}));
	vec_done(&inputs);
	xfree(order);
	xfree(waves);
	return rc;
}

static char *hash_of(struct planner *p)
{
	strbuf_clear(&p->scratch);
	key_add(&p->scratch, STR("penstock-plan-1"));
	key_number(&p->scratch, p->stage);
	for (size_t i = 0; i < p->plan.units.n; i++) {
		key_add(&p->scratch, str_of(p->plan.units.v[i].name));
		key_number(&p->scratch, p->plan.units.v[i].affected);
		key_number(&p->scratch, p->plan.units.v[i].wave);
	}
	for (size_t i = 0; i < p->plan.jobs.n; i++) {
		const struct plan_job *job = &p->plan.jobs.v[i];

		key_add(&p->scratch, str_of(job->unit));
		key_add(&p->scratch, str_of(job->job));
		key_add(&p->scratch, str_of(job->key));
		key_number(&p->scratch, job->state);
	}
	BUG_ON(strbuf_failed(
		&p->scratch)); /* PLAN_MAX_JOBS and CONFIG_MAX_UNITS lines of less than 250 bytes */
	return digest_hex_dup(strbuf_str(&p->scratch));
}

enum rc plan_make(const struct config *c, const struct tree_facts *head,
		  const struct tree_facts *base, const struct config *base_config, enum stage stage,
		  const char *toolchain, struct plan *ret, struct err *err)
{
	const struct plan_ask ask = {.config = c,
				     .base_config = base_config,
				     .head = head,
				     .base = base,
				     .stage = stage,
				     .toolchain = toolchain};

	return plan_for(&ask, ret, err);
}

enum rc plan_for(const struct plan_ask *ask, struct plan *ret, struct err *err)
{
	AUTO(planner_done)
	struct planner p = {.ask = ask,
			    .c = ask->config,
			    .base_config = ask->base_config,
			    .has_base = ask->base != NULL,
			    .stage = ask->stage,
			    .scratch = STRBUF(KEY_TEXT_MAX)};
	struct err own = {RC_OK, ""};

	err = err ? err : &own;
	err_clear(err);
	tree_init(&p.head, ask->head);
	if (ask->base)
		tree_init(&p.base, ask->base);
	if (plan_units(&p, err) != RC_OK || plan_instances(&p, err) != RC_OK)
		return err->rc;
	plan_needs(&p);
	if (plan_jobs(&p, err) != RC_OK)
		return err->rc;
	for (size_t i = 0; ask->images && i < ask->images->n; i++)
		vec_push(&p.plan.images, ((struct pair){xstrdup(ask->images->v[i].key),
							xstrdup(ask->images->v[i].value)}));
	p.plan.hash = hash_of(&p);
	*ret = p.plan;
	memset(&p.plan, 0, sizeof(p.plan));
	return RC_OK;
}
