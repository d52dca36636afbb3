/* Jobs of a plan: a definition times its units, rows and shards; their needs as one graph; then, needs first, inputs, state and key of each. */
#include "core/config_impl.h"
#include "core/plan_impl.h"
#include "core/sort.h"

/* A matrix that needs a matrix, or reads a whole repository in each row, is short to write and long to hold. */
#define PLAN_MAX_NEEDS  3000000
#define PLAN_MAX_INPUTS 3000000

static bool same_def(const struct job_def *a, const struct job_def *b)
{
	struct job_def x = *a, y = *b;

	x.line = y.line = 0;
	return shape_equal(&shape_job_def, &x, &y);
}

static struct span *cell(const struct planner *p, uint32_t def, uint32_t unit)
{
	return &p->at[(size_t)def * (p->c->units.n + 1) + unit];
}

const struct unit *instance_unit(const struct planner *p, const struct instance *me)
{
	return me->unit == p->c->units.n ? NULL : &p->c->units.v[me->unit];
}

static const pairs *instance_row(const struct planner *p, const struct instance *me)
{
	return &p->defs.v[me->def].rows.v[me->row].v;
}

void instance_def(const struct planner *p, const struct instance *me, struct job_def *ret)
{
	const struct job_def *def = p->defs.v[me->def].def;
	const struct job_names names = {.def = def,
					.unit = instance_unit(p, me),
					.matrix = instance_row(p, me),
					.shard = me->shard,
					.shards = me->shards,
					.change = p->ask->change};

	shape_copy(&shape_job_def, ret, def);
	names_fill_def(&names, ret);
}

static enum rc add_instance(struct planner *p, struct instance me, struct err *err)
{
	if (p->list.n == PLAN_MAX_JOBS) {
		vec_done(&me.files);
		return err_set(err, RC_TOO_BIG, "the plan has more than %d jobs", PLAN_MAX_JOBS);
	}
	vec_push(&p->list, me);
	return RC_OK;
}

/* One row of one unit: a job, or one for each shard. */
static enum rc add_row(struct planner *p, struct instance me, struct err *err)
{
	const struct job_def *def = p->defs.v[me.def].def;
	shard_list shards = {NULL, 0, 0};
	enum rc rc = RC_OK;

	if (def->split.into)
		rc = plan_split(p, def, instance_unit(p, &me), &shards, err);
	if (shards.n == 0)
		return rc == RC_OK ? add_instance(p, me, err) : rc;
	for (size_t i = 0; i < shards.n; i++) {
		me.shard = (uint32_t)i + 1;
		me.shards = (uint32_t)shards.n;
		me.files = shards.v[i].files;
		shards.v[i].files = (texts){NULL, 0, 0};
		if (rc == RC_OK)
			rc = add_instance(p, me, err);
		else
			vec_done(&me.files);
	}
	vec_done(&shards);
	return rc;
}

static enum rc add_unit(struct planner *p, uint32_t d, uint32_t unit, struct err *err)
{
	struct span *span = cell(p, d, unit);

	span->first = (uint32_t)p->list.n;
	for (uint32_t row = 0; row < p->defs.v[d].rows.n; row++)
		if (add_row(p, (struct instance){.def = d, .unit = unit, .row = row}, err) != RC_OK)
			return err->rc;
	span->n = (uint32_t)p->list.n - span->first;
	return RC_OK;
}

static enum rc add_def(struct planner *p, uint32_t d, struct err *err)
{
	struct stage_def *sd = &p->defs.v[d];
	const struct job_def *job = sd->def;
	const struct job_def *before = p->has_base && p->base_config
					       ? config_job(p->base_config, job->stage, job->name)
					       : job;
	uint32_t n = (uint32_t)p->c->units.n;

	matrix_expand(&job->matrix, &sd->rows);
	sd->varies =
		job->matrix.axes.n || job->matrix.include.n || job->split.into || names_used(job);
	if (!sd->varies)
		sd->key = key_of_def(job, p->ask, NULL);
	sd->changed = !before || (before != job && !same_def(before, job));
	for (uint32_t i = 0; i <= n; i++) {
		if (i == n ? job->each != NULL : !job_covers(job, &p->c->units.v[i]))
			continue;
		if (add_unit(p, d, i, err) != RC_OK)
			return err->rc;
	}
	return RC_OK;
}

enum rc plan_instances(struct planner *p, struct err *err)
{
	for (size_t i = 0; i < p->c->jobs.n; i++)
		if (p->c->jobs.v[i].stage == p->stage)
			vec_push(&p->defs, ((struct stage_def){.def = &p->c->jobs.v[i]}));
	p->at = xcalloc(p->defs.n * (p->c->units.n + 1) + 1, sizeof(*p->at));
	for (uint32_t d = 0; d < p->defs.n; d++)
		if (add_def(p, d, err) != RC_OK)
			return err->rc;
	vec_each(me, &p->list)
		if (plan_when(p, me, &me->skip, err) != RC_OK)
			return err->rc;
	return RC_OK;
}

/* ---- needs ---- */

struct links {
	VEC(uint32_t) to;
};
static void add_links(struct links *links, const struct span *jobs)
{
	for (uint32_t i = 0; i < jobs->n && links->to.n <= PLAN_MAX_NEEDS; i++)
		vec_push(&links->to, jobs->first + i);
}

/* One need of one instance. */
static void add_need(struct planner *p, const struct instance *me, uint32_t need, bool of_deps,
		     struct links *links)
{
	uint32_t project = (uint32_t)p->c->units.n;

	if (of_deps) {
		for (uint32_t k = me->unit == project ? 0 : p->deps.first[me->unit];
		     me->unit != project && k < p->deps.first[me->unit + 1]; k++)
			add_links(links, cell(p, need, p->deps.to[k]));
		return;
	}
	if (cell(p, need, project)->n) {
		add_links(links, cell(p, need, project));
	} else if (me->unit != project) {
		add_links(links, cell(p, need, me->unit));
	} else {
		for (uint32_t i = 0; i < project; i++)
			add_links(links, cell(p, need, i));
	}
}

void plan_needs(struct planner *p)
{
	struct links links = {{NULL, 0, 0}};
	struct map by_name = {.n = 0};
	uint32_t *number = xcalloc(p->defs.n + 1, sizeof(*number));

	for (uint32_t d = 0; d < p->defs.n; d++) {
		number[d] = d;
		map_put(&by_name, str_of(p->defs.v[d].def->name), &number[d]);
	}
	p->needs =
		(struct graph){(uint32_t)p->list.n, xcalloc(p->list.n + 1, sizeof(uint32_t)), NULL};
	for (uint32_t i = 0; i < p->list.n; i++) {
		const texts *needs = &p->defs.v[p->list.v[i].def].def->needs;

		for (size_t k = 0; k < needs->n; k++) {
			const struct need_ref ref = need_parse(needs->v[k]);
			const uint32_t *need =
				ref.stage == STAGE_NONE ? map_get(&by_name, ref.name) : NULL;

			if (need)
				add_need(p, &p->list.v[i], *need, ref.deps, &links);
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
	const struct unit *unit = instance_unit(p, me);

	return unit ? unit->name : "";
}

static const char *unit_path(const struct planner *p, const struct instance *me)
{
	const struct unit *unit = instance_unit(p, me);

	return unit ? unit->path : ".";
}

static void add_input(struct plan_job *job, const char *path, const char *oid, uint32_t mode)
{
	vec_push(&job->inputs, ((struct plan_input){xstrdup(path), xstrdup(oid), mode}));
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

/* An image in the repository is an input by its tree. */
static enum rc add_image(struct planner *p, const struct job_def *def, const char *image,
			 struct plan_job *job, const char **ret_changed, struct err *err)
{
	struct str path = repository_image(image);
	const struct tree_entry *e = path.n ? tree_find(&p->head, path) : NULL;

	if (!path.n)
		return RC_OK;
	if (!e)
		return err_set(
			err, RC_INVALID,
			"job \"%s\": there is no \"%.*s\" in this commit, where its image should be (%s; names in ${} cannot stand there)",
			def->name, (int)path.n, path.p, image);
	add_input(job, e->path, e->oid, e->mode);
	const struct tree_entry *old = p->has_base ? tree_find(&p->base, path) : e;
	if (!old || !streq(old->oid, e->oid))
		*ret_changed = e->path;
	return RC_OK;
}

static enum rc add_images(struct planner *p, const struct job_def *def, struct plan_job *job,
			  const char **ret_changed, struct err *err)
{
	enum rc rc = add_image(p, def, def->container, job, ret_changed, err);

	for (size_t i = 0; i < def->services.n && rc == RC_OK; i++)
		rc = add_image(p, def, def->services.v[i].image, job, ret_changed, err);
	return rc;
}

/* At the first of the instances that read the same: before any of them is written down. */
static enum rc count_inputs(struct planner *p, const struct instance *me, size_t n, struct err *err)
{
	const struct span *alike = cell(p, me->def, me->unit);

	if (&p->list.v[alike->first] == me)
		p->inputs += (uint64_t)n * alike->n;
	if (p->inputs <= PLAN_MAX_INPUTS)
		return RC_OK;
	return err_set(
		err, RC_TOO_BIG,
		"the plan's jobs read more than %d files one by one; at job \"%s\" (a folder's `dir/**` counts as one)",
		PLAN_MAX_INPUTS, p->defs.v[me->def].def->name);
}

static int input_by_path(const void *a, const void *b)
{
	return strcmp(((const struct plan_input *)a)->path, ((const struct plan_input *)b)->path);
}

/* A job of the project without inputs reads everything. */
static enum rc find_root(struct planner *p, const struct job_def *def, bool compare,
			 found_list *now, found_list *before, struct err *err)
{
	const struct tree_entry *root = tree_find(&p->head, STR(".")),
				*old = compare ? tree_find(&p->base, STR(".")) : NULL;

	if (!root)
		return err_set(err, RC_INVALID,
			       "job \"%s\" reads the whole repository, whose tree is not known",
			       def->name);
	vec_push(now, root);
	if (old)
		vec_push(before, old);
	return RC_OK;
}

/* What lockfiles say of the unit; its own inputs, when it reads these, have it already. */
static void add_slices(struct planner *p, const struct instance *me, struct plan_job *job)
{
	for (size_t k = 0; me->unit < p->c->units.n && k < p->units[me->unit].slices; k++) {
		const struct lock_slice *slice =
			&p->head.facts->slices.v[p->units[me->unit].slice + k];

		add_input(job, slice->path, slice->digest, 0);
	}
}

/* Fill the job's inputs; *ret_changed: a path among them that differs from base, when that matters: what a unit is made of is its own matter. Borrowed. */
static enum rc find_inputs(struct planner *p, const struct instance *me, bool compare,
			   struct plan_job *job, const char **ret_changed, struct err *err)
{
	const struct job_def *def = p->defs.v[me->def].def;
	found_list now = {NULL, 0, 0}, before = {NULL, 0, 0};
	input_list inputs = {NULL, 0, 0};
	bool named = def->inputs.n > 0, is_unit = me->unit < p->c->units.n;

	if (!named && def->kind == JOB_IMAGE)
		return RC_OK;
	if (named)
		inputs_find(&p->head, def, unit_path(p, me), &now);
	if (named && compare)
		inputs_find(&p->base, def, unit_path(p, me), &before);
	if (is_unit && (!named || inputs_have_default(def)))
		unit_inputs(p, me->unit, &inputs);
	if (!named && !is_unit && find_root(p, def, compare, &now, &before, err) != RC_OK)
		return err->rc;
	enum rc rc = count_inputs(p, me, now.n, err);

	if (!inputs.n)
		add_slices(p, me, job);
	for (size_t i = 0; rc == RC_OK && i < now.n; i++)
		add_input(job, now.v[i]->path, now.v[i]->oid, now.v[i]->mode);
	for (size_t i = 0; i < inputs.n; i++)
		add_input(job, inputs.v[i].path, inputs.v[i].oid, inputs.v[i].mode);
	if (inputs.n && now.n)
		sort_stable(job->inputs.v, job->inputs.n, sizeof(*job->inputs.v), input_by_path);
	if (compare)
		*ret_changed = first_difference(&now, &before);
	if (compare && def->installs && *ret_changed) {
		install_rest(p, &now);
		install_rest(p, &before);
		p->installs[me - p->list.v].changed = first_difference(&now, &before) != NULL;
	}
	vec_done(&now);
	vec_done(&before);
	vec_done(&inputs);
	return rc;
}

/* The affected need that stands first, or NULL. */
static const struct plan_job *affected_need(const struct planner *p, uint32_t i)
{
	for (uint32_t k = p->needs.first[i]; k < p->needs.first[i + 1]; k++) {
		uint32_t on = p->needs.to[k];
		const struct plan_job *need = &p->plan.jobs.v[p->place[on]];

		if (need->state == PLAN_MISS &&
		    (p->installs[on].changed || !install_is_sliced(p, &p->list.v[i], on)))
			return need;
	}
	return NULL;
}

static char *decide(const struct planner *p, uint32_t i, const char *changed, enum plan_state *ret)
{
	const struct instance *me = &p->list.v[i];
	const struct job_def *def = p->defs.v[me->def].def;
	const struct plan_job *need;

	*ret = PLAN_SKIPPED;
	if (me->skip)
		return xstrdup(me->skip);
	*ret = PLAN_MISS;
	if (me->unit < p->c->units.n && p->units[me->unit].cause != CAUSE_NONE)
		return xstrdup(p->plan.units.v[me->unit].why);
	if (!p->has_base)
		return xstrdup("there is nothing to compare with");
	if (p->defs.v[me->def].changed)
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
		uint32_t on = p->needs.to[k];
		const struct plan_job *need = &p->plan.jobs.v[p->place[on]];
		const char *key = install_is_sliced(p, me, on) ? need->rest : need->key;

		size_t n = strlen(need->unit), m = strlen(need->job);
		char *text = xmalloc(n + m + 2);

		memcpy(text, need->unit, n);
		text[n] = '/';
		memcpy(text + n + 1, need->job, m + 1);
		vec_push(&rows,
			 ((struct need_row){text, need->state == PLAN_SKIPPED ? "skipped" : key}));
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
	const struct stage_def *sd = &p->defs.v[me->def];
	struct digest own = sd->key;
	if (sd->varies) {
		struct job_def def = {0};

		instance_def(p, me, &def);
		own = key_of_def(&def, p->ask, instance_row(p, me));
		shape_done(&shape_job_def, &def);
	}
	enum rc rc = key_of_job(&own, unit_name(p, me), unit_path(p, me), job, needs.v, needs.n,
				&p->scratch, &job->key, err);
	if (rc == RC_OK && sd->def->installs)
		rc = install_key(p, i, &own, job, needs.v, needs.n, err);

	vec_done(&rows);
	vec_done(&needs);
	return rc;
}

static enum rc plan_one(struct planner *p, uint32_t i, struct err *err)
{
	const struct instance *me = &p->list.v[i];
	const struct job_def *def = p->defs.v[me->def].def;
	const char *changed = NULL;
	bool compare = p->has_base &&
		       !(me->unit < p->c->units.n && p->units[me->unit].cause != CAUSE_NONE);

	p->place[i] = (uint32_t)p->plan.jobs.n;
	vec_add(&p->plan.jobs);
	struct plan_job *job = vec_last(&p->plan.jobs);

	job->unit = xstrdup(unit_name(p, me));
	job->job = instance_name(def, instance_row(p, me), me->shard, me->shards);
	if (!streq(job->job, def->name))
		job->def = xstrdup(def->name);
	for (size_t k = 0; k < instance_row(p, me)->n; k++) {
		const struct pair *value = &instance_row(p, me)->v[k];

		vec_push(&job->matrix, ((struct pair){xstrdup(value->key), xstrdup(value->value)}));
	}
	job->shard = me->shard;
	job->shards = me->shards;
	vec_each(file, &me->files)
		vec_push(&job->files, xstrdup(*file));
	job->stage = def->stage;
	job->kind = def->kind;
	if (find_inputs(p, me, compare, job, &changed, err) != RC_OK ||
	    add_images(p, def, job, &changed, err) != RC_OK)
		return err->rc;
	job->why = decide(p, i, changed, &job->state);
	p->installs[i].changed |=
		!p->has_base || p->defs.v[me->def].changed || affected_need(p, i) != NULL;
	return add_key(p, i, job, err);
}

enum rc plan_jobs(struct planner *p, struct err *err)
{
	if (p->needs.first[p->list.n] > PLAN_MAX_NEEDS)
		return err_set(
			err, RC_TOO_BIG,
			"the plan's jobs need each other in more than %d ways: each row of a matrix waits for each row of what it needs",
			PLAN_MAX_NEEDS);
	uint32_t *order = xcalloc(p->list.n + 1, sizeof(*order));
	uint32_t n = graph_order(&p->needs, order);
	enum rc rc = n < p->list.n ? err_set(err, RC_INVALID,
					     "jobs of stage %s need each other in a circle",
					     stage_names[p->stage])
				   : RC_OK;

	p->place = xcalloc(p->list.n + 1, sizeof(*p->place));
	p->installs = xcalloc(p->list.n + 1, sizeof(*p->installs));
	vec_grow(&p->plan.jobs, sizeof(*p->plan.jobs.v), p->list.n);
	for (uint32_t k = 0; rc == RC_OK && k < n; k++)
		rc = plan_one(p, order[k], err);
	xfree(order);
	return rc;
}
