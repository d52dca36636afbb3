/*
 * The plan of a change. In this order: the units' trees and closures, which units are affected, the jobs (a definition times its units) and
 * their needs as one graph, and then, needs first, inputs, state and key of each.
 */
#include "core/config_impl.h"
#include "core/plan_impl.h"
#include "core/sort.h"

#define MODE_TREE 040000u
#define NO_JOB    UINT32_MAX

enum cause { CAUSE_NONE, CAUSE_FIRST, CAUSE_NEW, CAUSE_TREE, CAUSE_CONFIG, CAUSE_DEP };
struct unit_state {
	const struct tree_entry *tree;
	char *closure; /* its own tree's id, or a digest over it and all deps' */
	enum cause cause;
	uint32_t root, via; /* CAUSE_DEP: the unit where it began, and the dep that brought it */
};
struct instance {
	uint32_t def, unit; /* unit == units.n: the project */
};
struct planner {
	const struct config *c, *base_config;
	struct tree head, base;
	bool has_base;
	enum stage stage;
	struct graph deps, needs;
	struct unit_state *units;
	bool any_affected;
	VEC(const struct job_def *) defs; /* of the stage */
	VEC(struct digest) def_keys;
	VEC(bool) def_changed;
	VEC(struct instance) list; /* by definition, then by unit */
	uint32_t *at;              /* defs.n rows of units.n + 1: index in list, or NO_JOB */
	uint32_t *place;           /* of an instance in the plan */
	struct strbuf scratch;
	struct plan plan;
};

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
	vec_done(&p->defs);
	vec_done(&p->def_keys);
	vec_done(&p->def_changed);
	vec_done(&p->list);
	xfree(p->at);
	xfree(p->place);
	strbuf_done(&p->scratch);
	plan_done(&p->plan);
}

static void add_input(struct plan_job *job, const char *path, const char *oid, uint32_t mode)
{
	vec_push(&job->inputs, ((struct plan_input){xstrdup(path), xstrdup(oid), mode}));
}

/* ---- units ---- */

static int input_by_path(const void *a, const void *b)
{
	return strcmp(((const struct plan_input *)a)->path, ((const struct plan_input *)b)->path);
}

/* The unit's own tree, and one entry for each direct dep; borrowed texts, sorted by path. */
typedef VEC(struct plan_input) input_list;
static void unit_inputs(const struct planner *p, uint32_t i, input_list *ret)
{
	const struct unit_state *u = &p->units[i];

	ret->n = 0;
	vec_push(ret, ((struct plan_input){p->c->units.v[i].path, u->tree->oid, MODE_TREE}));
	for (uint32_t k = p->deps.first[i]; k < p->deps.first[i + 1]; k++) {
		uint32_t dep = p->deps.to[k];
		bool leaf = p->deps.first[dep] == p->deps.first[dep + 1];

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

static bool same_unit(const struct unit *a, const struct unit *b)
{
	struct unit x = *a, y = *b;

	x.line = y.line = 0;
	return shape_equal(&shape_unit, &x, &y);
}

static enum cause own_cause(const struct planner *p, const struct unit *u,
			    const struct unit_state *state)
{
	if (!p->has_base)
		return CAUSE_FIRST;
	const struct unit *before = p->base_config ? config_unit(p->base_config, u->name) : u;
	const struct tree_entry *old = tree_find(&p->base, str_of(u->path));

	if (!before || !old)
		return CAUSE_NEW;
	if (!streq(old->oid, state->tree->oid))
		return CAUSE_TREE;
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

/* ---- jobs and their needs ---- */

static bool same_def(const struct job_def *a, const struct job_def *b)
{
	struct job_def x = *a, y = *b;

	x.line = y.line = 0;
	return shape_equal(&shape_job_def, &x, &y);
}

static uint32_t *cell(const struct planner *p, uint32_t def, uint32_t unit)
{
	return &p->at[(size_t)def * (p->c->units.n + 1) + unit];
}

static enum rc add_def(struct planner *p, uint32_t d, const char *toolchain, struct err *err)
{
	const struct job_def *job = p->defs.v[d];
	const struct job_def *before = p->has_base && p->base_config
					       ? config_job(p->base_config, job->stage, job->name)
					       : job;
	uint32_t n = (uint32_t)p->c->units.n;

	vec_push(&p->def_keys, key_of_def(job, toolchain));
	vec_push(&p->def_changed, !before || (before != job && !same_def(before, job)));
	for (uint32_t i = 0; i <= n; i++) {
		*cell(p, d, i) = NO_JOB;
		if (i == n ? job->each != NULL : !job_covers(job, &p->c->units.v[i]))
			continue;
		if (p->list.n == PLAN_MAX_JOBS)
			return err_set(err, RC_TOO_BIG, "the plan has more than %d jobs",
				       PLAN_MAX_JOBS);
		*cell(p, d, i) = (uint32_t)p->list.n;
		vec_push(&p->list, ((struct instance){d, i}));
	}
	return RC_OK;
}

static enum rc make_instances(struct planner *p, const char *toolchain, struct err *err)
{
	for (size_t i = 0; i < p->c->jobs.n; i++)
		if (p->c->jobs.v[i].stage == p->stage)
			vec_push(&p->defs, &p->c->jobs.v[i]);
	p->at = xcalloc(p->defs.n * (p->c->units.n + 1) + 1, sizeof(*p->at));
	for (uint32_t d = 0; d < p->defs.n; d++)
		if (add_def(p, d, toolchain, err) != RC_OK)
			return err->rc;
	return RC_OK;
}

struct links {
	VEC(uint32_t) to;
};
static void add_link(struct links *links, uint32_t job)
{
	if (job != NO_JOB)
		vec_push(&links->to, job);
}

/* One need of one instance. */
static void add_need(struct planner *p, const struct instance *me, uint32_t need, bool of_deps,
		     struct links *links)
{
	uint32_t project = (uint32_t)p->c->units.n;

	if (of_deps) {
		for (uint32_t k = me->unit == project ? 0 : p->deps.first[me->unit];
		     me->unit != project && k < p->deps.first[me->unit + 1]; k++)
			add_link(links, *cell(p, need, p->deps.to[k]));
		return;
	}
	if (*cell(p, need, project) != NO_JOB) {
		add_link(links, *cell(p, need, project));
	} else if (me->unit != project) {
		add_link(links, *cell(p, need, me->unit));
	} else {
		for (uint32_t i = 0; i < project; i++)
			add_link(links, *cell(p, need, i));
	}
}

static void make_needs(struct planner *p)
{
	struct links links = {{NULL, 0, 0}};
	struct map by_name = {.n = 0};
	uint32_t *number = xcalloc(p->defs.n + 1, sizeof(*number));

	for (uint32_t d = 0; d < p->defs.n; d++) {
		number[d] = d;
		map_put(&by_name, str_of(p->defs.v[d]->name), &number[d]);
	}
	p->needs =
		(struct graph){(uint32_t)p->list.n, xcalloc(p->list.n + 1, sizeof(uint32_t)), NULL};
	for (uint32_t i = 0; i < p->list.n; i++) {
		const texts *needs = &p->defs.v[p->list.v[i].def]->needs;

		for (size_t k = 0; k < needs->n; k++) {
			bool of_deps = needs->v[k][0] == '^';
			const uint32_t *need = map_get(&by_name, str_of(needs->v[k] + of_deps));

			if (need)
				add_need(p, &p->list.v[i], *need, of_deps, &links);
		}
		p->needs.first[i + 1] = (uint32_t)links.to.n;
	}
	p->needs.to = links.to.v;
	map_done(&by_name);
	xfree(number);
}

/* ---- each job: inputs, state, key ---- */

static const char *unit_name(const struct planner *p, const struct instance *me)
{
	return me->unit == p->c->units.n ? "" : p->c->units.v[me->unit].name;
}

static const char *unit_path(const struct planner *p, const struct instance *me)
{
	return me->unit == p->c->units.n ? "." : p->c->units.v[me->unit].path;
}

/* The first path that two sorted lists do not share, or NULL. */
static const char *first_difference(const found_list *a, const found_list *b)
{
	for (size_t i = 0; i < a->n || i < b->n; i++) {
		if (i == a->n || i == b->n)
			return i == a->n ? b->v[i]->path : a->v[i]->path;
		int order = strcmp(a->v[i]->path, b->v[i]->path);

		if (order)
			return order < 0 ? a->v[i]->path : b->v[i]->path;
		if (!streq(a->v[i]->oid, b->v[i]->oid) || a->v[i]->mode != b->v[i]->mode)
			return a->v[i]->path;
	}
	return NULL;
}

/* Fill the job's inputs; *ret_changed: a path among them that differs from base, when that matters. Borrowed. */
static enum rc find_inputs(struct planner *p, const struct instance *me, bool compare,
			   struct plan_job *job, const char **ret_changed, struct err *err)
{
	const struct job_def *def = p->defs.v[me->def];
	found_list now = {NULL, 0, 0}, before = {NULL, 0, 0};
	input_list inputs = {NULL, 0, 0};

	if (def->inputs.n) {
		inputs_find(&p->head, def, unit_path(p, me), &now);
		if (compare)
			inputs_find(&p->base, def, unit_path(p, me), &before);
	} else if (def->kind == JOB_IMAGE) {
		return RC_OK;
	} else if (me->unit < p->c->units.n) {
		unit_inputs(p, me->unit, &inputs);
	} else {
		const struct tree_entry *root = tree_find(&p->head, STR(".")),
					*old = compare ? tree_find(&p->base, STR(".")) : NULL;

		if (!root)
			return err_set(
				err, RC_INVALID,
				"job \"%s\" reads the whole repository, whose tree is not known",
				def->name);
		vec_push(&now, root);
		if (old)
			vec_push(&before, old);
	}
	for (size_t i = 0; i < now.n; i++)
		add_input(job, now.v[i]->path, now.v[i]->oid, now.v[i]->mode);
	for (size_t i = 0; i < inputs.n; i++)
		add_input(job, inputs.v[i].path, inputs.v[i].oid, inputs.v[i].mode);
	if (compare && inputs.n == 0)
		*ret_changed = first_difference(&now, &before);
	vec_done(&now);
	vec_done(&before);
	vec_done(&inputs);
	return RC_OK;
}

/* The affected need that stands first, or NULL. */
static const struct plan_job *affected_need(const struct planner *p, uint32_t i)
{
	for (uint32_t k = p->needs.first[i]; k < p->needs.first[i + 1]; k++) {
		const struct plan_job *need = &p->plan.jobs.v[p->place[p->needs.to[k]]];

		if (need->state != PLAN_UNAFFECTED)
			return need;
	}
	return NULL;
}

static char *decide(const struct planner *p, uint32_t i, const char *changed, enum plan_state *ret)
{
	const struct instance *me = &p->list.v[i];
	const struct job_def *def = p->defs.v[me->def];
	const struct plan_job *need;

	*ret = PLAN_MISS;
	if (me->unit < p->c->units.n && p->units[me->unit].cause != CAUSE_NONE)
		return xstrdup(p->plan.units.v[me->unit].why);
	if (!p->has_base)
		return xstrdup("there is nothing to compare with");
	if (p->def_changed.v[me->def])
		return xasprintf("penstock.yml changed job %s", def->name);
	if (changed)
		return streq(changed, ".") ? xstrdup("the repository changed")
					   : xasprintf("%s changed", changed);
	if ((need = affected_need(p, i)))
		return xasprintf("it needs %s%s%s, which is affected", need->job,
				 need->unit[0] ? " of " : "", need->unit);
	if (me->unit == p->c->units.n && p->any_affected)
		return xstrdup("a unit of the project is affected");
	*ret = PLAN_UNAFFECTED;
	return xstrdup("nothing that it reads changed");
}

struct need_row {
	char *text;
	const char *key;
};
static int need_by_text(const void *a, const void *b)
{
	return strcmp(((const struct need_row *)a)->text, ((const struct need_row *)b)->text);
}

/* The needs' names, sorted and without doubles, into the job; their keys beside them. */
static enum rc add_key(struct planner *p, uint32_t i, struct plan_job *job, struct err *err)
{
	const struct instance *me = &p->list.v[i];
	VEC(struct need_row) rows = {NULL, 0, 0};
	VEC(struct key_need) needs = {NULL, 0, 0};

	for (uint32_t k = p->needs.first[i]; k < p->needs.first[i + 1]; k++) {
		const struct plan_job *need = &p->plan.jobs.v[p->place[p->needs.to[k]]];

		size_t n = strlen(need->unit), m = strlen(need->job);
		char *text = xmalloc(n + m + 2);

		memcpy(text, need->unit, n);
		text[n] = '/';
		memcpy(text + n + 1, need->job, m + 1);
		vec_push(&rows, ((struct need_row){text, need->key}));
	}
	sort_stable(rows.v, rows.n, sizeof(*rows.v), need_by_text);
	for (size_t k = 0; k < rows.n; k++) {
		if (k && streq(rows.v[k - 1].text,
			       rows.v[k].text)) { /* by "build" and "^build" of the project */
			xfree(rows.v[k].text);
			rows.v[k].text = rows.v[k - 1].text;
			continue;
		}
		vec_push(&job->needs, rows.v[k].text);
		vec_push(&needs, ((struct key_need){rows.v[k].text, rows.v[k].key}));
	}
	enum rc rc = key_of_job(&p->def_keys.v[me->def], unit_name(p, me), unit_path(p, me), job,
				needs.v, needs.n, &p->scratch, &job->key, err);

	vec_done(&rows);
	vec_done(&needs);
	return rc;
}

static enum rc plan_one(struct planner *p, uint32_t i, struct err *err)
{
	const struct instance *me = &p->list.v[i];
	const struct job_def *def = p->defs.v[me->def];
	const char *changed = NULL;
	bool compare = p->has_base &&
		       !(me->unit < p->c->units.n && p->units[me->unit].cause != CAUSE_NONE);

	p->place[i] = (uint32_t)p->plan.jobs.n;
	vec_add(&p->plan.jobs);
	struct plan_job *job = vec_last(&p->plan.jobs);

	job->unit = xstrdup(unit_name(p, me));
	job->job = xstrdup(def->name);
	job->stage = def->stage;
	job->kind = def->kind;
	if (find_inputs(p, me, compare, job, &changed, err) != RC_OK)
		return err->rc;
	job->why = decide(p, i, changed, &job->state);
	return add_key(p, i, job, err);
}

static enum rc plan_jobs(struct planner *p, struct err *err)
{
	uint32_t *order = xcalloc(p->list.n + 1, sizeof(*order));
	uint32_t n = graph_order(&p->needs, order);
	enum rc rc = n < p->list.n ? err_set(err, RC_INVALID,
					     "jobs of stage %s need each other in a circle",
					     stage_names[p->stage])
				   : RC_OK;

	p->place = xcalloc(p->list.n + 1, sizeof(*p->place));
	vec_grow(&p->plan.jobs, sizeof(*p->plan.jobs.v), p->list.n);
	for (uint32_t k = 0; rc == RC_OK && k < n; k++)
		rc = plan_one(p, order[k], err);
	xfree(order);
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
	AUTO(planner_done)
	struct planner p = {.c = c,
			    .base_config = base_config,
			    .has_base = base != NULL,
			    .stage = stage,
			    .scratch = STRBUF(KEY_TEXT_MAX)};
	struct err own = {RC_OK, ""};

	err = err ? err : &own;
	tree_init(&p.head, head);
	if (base)
		tree_init(&p.base, base);
	if (plan_units(&p, err) != RC_OK || make_instances(&p, toolchain, err) != RC_OK)
		return err->rc;
	make_needs(&p);
	if (plan_jobs(&p, err) != RC_OK)
		return err->rc;
	p.plan.hash = hash_of(&p);
	*ret = p.plan;
	memset(&p.plan, 0, sizeof(p.plan));
	return RC_OK;
}
