/* Which jobs of a plan are left out: by their `if`, and by the rules for forks. */
#include "base/glob.h"
#include "core/config_impl.h"
#include "core/expr.h"
#include "core/plan_impl.h"

struct when {
	struct planner *p;
	struct job_names names;
	char buf[32];
	struct strbuf labels;
};

static bool value(void *ctx, struct str name, struct str *ret)
{
	struct when *w = ctx;

	if (!str_is(name, "pr.labels"))
		return name_value(&w->names, name, w->buf, ret);
	strbuf_clear(&w->labels);
	for (size_t i = 0; w->names.change && i < w->names.change->labels.n; i++)
		strbuf_addf(&w->labels, "%s%s", i ? " " : "", w->names.change->labels.v[i]);
	*ret = strbuf_str(&w->labels);
	return true;
}

static bool affected(void *ctx, struct str unit)
{
	const struct planner *p = ((struct when *)ctx)->p;
	AUTO(freep) char *name = xstrndup(unit.p, unit.n);
	const struct unit *u = config_unit(p->c, name);

	return u && p->units[u - p->c->units.v].cause != CAUSE_NONE;
}

/* Without a base everything counts as changed. */
static bool changed(void *ctx, struct str glob)
{
	struct planner *p = ((struct when *)ctx)->p;
	AUTO(freep) char *pattern = xstrndup(glob.p, glob.n);
	found_list now = {NULL, 0, 0}, before = {NULL, 0, 0};
	bool differs = !p->has_base;

	if (!differs) {
		glob_entries(&p->head, ".", pattern, &now);
		glob_entries(&p->base, ".", pattern, &before);
		differs = now.n != before.n;
	}
	for (size_t i = 0; !differs && i < now.n; i++)
		differs = !streq(now.v[i]->path, before.v[i]->path) ||
			  !streq(now.v[i]->oid, before.v[i]->oid) ||
			  now.v[i]->mode != before.v[i]->mode;
	vec_done(&now);
	vec_done(&before);
	return differs;
}

static enum rc by_condition(struct planner *p, const struct instance *me, const struct job_def *def,
			    char **ret, struct err *err)
{
	struct when w = {.p = p,
			 .names = {.def = def,
				   .unit = instance_unit(p, me),
				   .matrix = &p->defs.v[me->def].rows.v[me->row].v,
				   .shard = me->shard,
				   .shards = me->shards,
				   .change = p->ask->change},
			 .labels = STRBUF(65536)};
	const struct expr_names names = {value, affected, changed, &w};
	bool yes = false;
	enum rc rc = expr_eval(str_of(def->condition), &names, &yes, err);

	strbuf_done(&w.labels);
	if (rc != RC_OK)
		return err_wrap(err, "\"if\" of job \"%s\"", def->name);
	if (!yes)
		*ret = xasprintf("if: %.200s", def->condition);
	return RC_OK;
}

enum rc plan_when(struct planner *p, const struct instance *me, char **ret, struct err *err)
{
	const struct job_def *def = p->defs.v[me->def].def;
	bool fork = p->ask->change && p->ask->change->fork;

	if (fork && def->trusted)
		*ret = xstrdup("a change from a fork: this job is for trusted changes only");
	else if (fork && def->secrets.n)
		*ret = xstrdup("a change from a fork sees no secrets, and this job needs some");
	else if (def->condition)
		return by_condition(p, me, def, ret, err);
	return RC_OK;
}
