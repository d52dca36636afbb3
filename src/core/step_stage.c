/* The jobs of staging and production, made once the services of the stage are up. */
#include "core/config_impl.h"
#include "core/expr.h"
#include "core/names.h"
#include "core/step_impl.h"

/* Jobs of one definition, for `needs` of others. */
struct made {
	const struct job_def *def;
	struct job *job;
};
struct stage_jobs {
	struct step *s;
	struct release *r;
	struct run *run;
	const struct config *c;
	enum stage stage;
	VEC(struct made) made;
};

struct when {
	struct job_names names;
	const struct run *run;
	char buf[32];
};

static bool value(void *ctx, struct str name, struct str *ret)
{
	struct when *w = ctx;

	if (str_is(name, "pr.labels")) { /* no pull request comes this far */
		*ret = STR("");
		return true;
	}
	return name_value(&w->names, name, w->buf, ret);
}

static bool affected(void *ctx, struct str unit)
{
	const struct when *w = ctx;

	for (size_t i = 0; i < w->run->affected.n; i++)
		if (str_is(unit, w->run->affected.v[i]))
			return true;
	return false;
}

/* penstock.yml was checked when it was read: an expression that cannot be read any more says no. */
static bool wanted(const struct stage_jobs *j, const struct job_def *def, const struct unit *u,
		   const pairs *row)
{
	struct when w = {.names = {.def = def, .unit = u, .matrix = row, .change = &j->run->change},
			 .run = j->run};
	const struct expr_names names = {value, affected, NULL, &w};
	struct err ignored = {RC_OK, ""};
	bool yes = false;

	return !def->condition ||
	       (expr_eval(str_of(def->condition), &names, &yes, &ignored) == RC_OK && yes);
}

static void make_job(struct stage_jobs *j, const struct job_def *def, const struct unit *u,
		     const pairs *row)
{
	AUTO(freep) char *name = instance_name(def, row, 0, 0);
	struct job *job = job_new(j->s, j->run, j->stage, u ? u->name : "", name);

	set_text(&job->release, j->r->id);
	if (!streq(name, def->name))
		set_text(&job->def, def->name);
	vec_each(p, row)
		vec_push(&job->matrix, ((struct pair){xstrdup(p->key), xstrdup(p->value)}));
	job_of_def(job, def, u, &j->run->change);
	if (!wanted(j, def, u, row)) {
		AUTO(freep) char *why = xasprintf("if: %.200s", def->condition);

		job_set(j->s->m, job, JOB_SKIPPED, why);
	}
	vec_push(&j->made, ((struct made){def, job}));
}

static void make_of(struct stage_jobs *j, const struct job_def *def)
{
	matrix_rows rows = {NULL, 0, 0};

	matrix_expand(&def->matrix, &rows);
	vec_each(row, &rows) {
		if (!def->each)
			make_job(j, def, NULL, &row->v);
		for (size_t i = 0; def->each && i < j->r->items.n; i++) {
			const struct unit *u = config_unit(j->c, j->r->items.v[i].unit);

			if (u && job_covers(def, u))
				make_job(j, def, u, &row->v);
		}
	}
	matrix_rows_done(&rows);
}

static void need(struct job *job, struct job *on)
{
	if (on == job || texts_has(&job->needs, on->id))
		return;
	texts_add(&job->needs, on->id);
	if (on->settled)
		return;
	job->waiting++;
	vec_push(&on->dependents, job);
}

/* Of the same stage: the same unit's jobs, or the project's. */
static void link_here(struct stage_jobs *j, const struct made *m, const struct need_ref *ref)
{
	vec_each(other, &j->made) {
		bool near = !*other->job->unit || !*m->job->unit ||
			    streq(other->job->unit, m->job->unit);

		if (str_is(ref->name, other->def->name) && near)
			need(m->job, other->job);
	}
}

/* Of an earlier stage: they have ended, and leave their outputs. */
static void link_earlier(struct stage_jobs *j, const struct made *m, const struct need_ref *ref)
{
	for (struct map_entry *e = NULL; (e = map_next(&j->s->m->by_kind[AGG_JOB], e));) {
		struct job *other = e->value;
		bool near = !*other->unit || !*m->job->unit || streq(other->unit, m->job->unit);

		if (streq(other->run, j->run->id) && other->stage == ref->stage && near &&
		    str_is(ref->name, other->def ? other->def : other->name))
			need(m->job, other);
	}
}

static void link_job(struct stage_jobs *j, const struct made *m)
{
	vec_each(text, &m->def->needs) {
		const struct need_ref ref = need_parse(*text);

		if (ref.stage == STAGE_NONE)
			link_here(j, m, &ref);
		else
			link_earlier(j, m, &ref);
	}
}

/* A job behind a manual one is optional too; definitions need each other in no circle, so that this ends. */
static void spread_optional(struct stage_jobs *j)
{
	for (bool more = true; more;) {
		more = false;
		vec_each(m, &j->made)
			vec_each(on, &m->job->dependents)
				if (m->job->optional && !(*on)->optional) {
					(*on)->optional = true;
					more = true;
				}
	}
}

bool stage_jobs_start(struct step *s, struct release *r, enum stage stage)
{
	struct stage_jobs j = {.s = s,
			       .r = r,
			       .run = model_run(s->m, r->run),
			       .c = model_config(s->m, r->config),
			       .stage = stage};
	bool any = false;

	vec_each(def, &j.c->jobs)
		if (def->stage == stage && def->kind == JOB_RUN)
			make_of(&j, def);
	vec_each(m, &j.made)
		link_job(&j, m);
	spread_optional(&j);
	vec_each(m, &j.made)
		if (!m->job->settled && !m->job->optional) {
			r->jobs_open++;
			any = true;
		}
	vec_each(m, &j.made)
		job_begin(s, m->job);
	vec_done(&j.made);
	model_touch(s->m, AGG_RELEASE, r->id);
	return any;
}
