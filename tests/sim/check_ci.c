/*
 * What must hold after every event of stage ci, seen from outside of core: who is superseded, what a fork gets, what decides a run, which results are kept,
 * when the clock starts runs. The simulator's own book says what should be; core's fields are what is looked at.
 */
#include "sim.h"

#include "flow/1-source/adapters.h"
#include "core/state.h"

struct book {
	struct map runs;     /* run -> state + 1, after the step before */
	struct map approved; /* runs of forks that somebody other than the author let through */
	struct map failed;   /* runs in which a job failed that decides */
	struct map ended;    /* jobs whose end was counted */
	struct map resumed;  /* outputs made in a kept workspace */
	struct map fired;    /* "cron minute" */
	struct map due;      /* "cron branch" -> when it is due next */
};

static void book_text(struct map *m, const char *key)
{
	map_put(m, str_of(key), m);
}

void check_ci_resumed(struct sim *s, const char *outputs)
{
	book_text(&s->book->resumed, outputs);
}

bool check_ci_is_resumed(const struct sim *s, const char *outputs)
{
	return outputs && map_get(&s->book->resumed, str_of(outputs));
}

/* ---- 15: superseded ---- */

static bool is_over(const struct run *run)
{
	return run->state == RUN_SUPERSEDED || run->state == RUN_CANCELLED;
}

static bool cancels(const struct effects *out, const struct job *job)
{
	vec_each(f, &out->list)
		if (f->kind == EF_CANCEL_JOB && streq(f->job, job->id))
			return true;
	return false;
}

/* Of a run that was superseded in this step. */
static void see_superseded(struct sim *s, const struct model *m, const struct run *run,
			   const struct effects *out)
{
	if (run->release)
		sim_fail(s, 15, "%s is superseded and has %s", run->id, run->release);
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (streq(job->run, run->id) && !job->settled &&
		    !(job->state == JOB_RUNNING && cancels(out, job)))
			sim_fail(s, 15, "%s is superseded, its %s stays %s", run->id, job->id,
				 job_state_names[job->state]);
	}
	const struct project_repo *src = model_source(m, run->change.repo);
	const struct repo_ref *ref = source_ref(src, run->change.ref);
	bool by_group = run->reason && strstr(run->reason, " of group ");
	if (run->change.kind == CHANGE_PULL && !by_group && ref && streq(ref->run, run->id) &&
	    streq(ref->commit, run->change.commit))
		sim_fail(s, 15, "%s is superseded and is the newest of %s", run->id,
			 run->change.ref);
}

static void check_superseded(struct sim *s, const struct model *m, const struct event *ev,
			     const struct effects *out)
{
	vec_each(t, &m->touched) {
		const struct run *run = t->kind == AGG_RUN ? model_run(m, t->id) : NULL;
		const struct job *job = t->kind == AGG_JOB ? model_job(m, t->id) : NULL;
		const struct rollout *ro = t->kind == AGG_ROLLOUT ? model_rollout(m, t->id) : NULL;

		if (run && run->state == RUN_SUPERSEDED &&
		    (uintptr_t)map_get(&s->book->runs, str_of(run->id)) != RUN_SUPERSEDED + 1)
			see_superseded(s, m, run, out);
		if (ev->kind != EV_CHANGE_PLANNED)
			continue;
		if ((job && job->stage != STAGE_CI && job->state == JOB_CANCELLED &&
		     job->ended_at == m->time) ||
		    (ro && (ro->state == ROLLOUT_ABORTING || ro->state == ROLLOUT_ABORTED)))
			sim_fail(s, 16, "a change was planned, and %s of a deploy is stopped",
				 t->id);
	}
	vec_each(f, &out->list) {
		const struct job *job = f->job ? model_job(m, f->job) : NULL;
		const struct run *run = job ? model_run(m, job->run) : NULL;
		bool starts = f->kind == EF_START_JOB || f->kind == EF_PACK_IMAGE;

		if (f->kind == EF_CANCEL_JOB && job && job->stage != STAGE_CI &&
		    ev->kind == EV_CHANGE_PLANNED)
			sim_fail(s, 16, "a change was planned, and %s is cancelled", job->id);
		if (starts && run && is_over(run) && !f->spec.resume)
			sim_fail(s, 15, "%s is %s, and %s starts", run->id,
				 run_state_names[run->state], job->id);
	}
}

/* ---- 17: forks ---- */

static void check_forks(struct sim *s, const struct model *m, const struct event *ev,
			const struct effects *out)
{
	if (ev->kind == EV_APPROVE && ev->run && ev->ok && !streq(ev->actor, "user:eve"))
		book_text(&s->book->approved, ev->run);
	vec_each(f, &out->list) {
		const struct job *job = f->job ? model_job(m, f->job) : NULL;
		const struct run *run = job ? model_run(m, job->run) : NULL;

		if ((f->kind != EF_START_JOB && f->kind != EF_PACK_IMAGE) || !run ||
		    run->change.kind != CHANGE_PULL || !request_is_fork(run->change.number))
			continue;
		if (s->forks == FORKS_NEVER ||
		    (s->forks == FORKS_APPROVE && !map_get(&s->book->approved, str_of(run->id))))
			sim_fail(s, 17, "%s starts in %s, which is from a fork and not approved",
				 job->id, run->id);
		if (f->spec.trusted || f->spec.def.secrets.n || f->spec.def.trusted)
			sim_fail(s, 17, "%s of a fork is trusted, or is given secrets", job->id);
	}
}

/* ---- 18: what decides a run ---- */

static void check_outcome(struct sim *s, const struct model *m)
{
	vec_each(t, &m->touched) {
		const struct job *job = t->kind == AGG_JOB ? model_job(m, t->id) : NULL;

		if (!job || !job->settled || job->resumed || job->stage != STAGE_CI ||
		    map_get(&s->book->ended, str_of(job->id)))
			continue;
		book_text(&s->book->ended, job->id);
		if (job->state == JOB_FAILED && !streq(job->name, "hand") &&
		    !(streq(job->name, "after") && job->optional) && !streq(job->name, "may"))
			book_text(&s->book->failed, job->run);
	}
	vec_each(t, &m->touched) {
		const struct run *run = t->kind == AGG_RUN ? model_run(m, t->id) : NULL;
		bool is = run && map_get(&s->book->failed, str_of(run->id));
		uintptr_t was = run ? (uintptr_t)map_get(&s->book->runs, str_of(run->id)) : 0;

		if (!run)
			continue;
		if (was && run_is_final((enum run_state)(was - 1)) && was != run->state + 1u)
			sim_fail(s, 18, "%s was %s and is %s", run->id, run_state_names[was - 1],
				 run_state_names[run->state]);
		if (run->jobs &&
		    ((run->state == RUN_PASSED && is) || (run->state == RUN_FAILED && !is)))
			sim_fail(s, 18, "%s is %s: what it waits for says otherwise", run->id,
				 run_state_names[run->state]);
		map_put(&s->book->runs, str_of(run->id), (void *)(uintptr_t)(run->state + 1));
	}
}

/* ---- 19: results ---- */

void check_ci_kept(struct sim *s, const struct result *r)
{
	const struct model *m = mirror_model(s);
	const struct run *run = r->run ? model_run(m, r->run) : NULL;

	if (check_ci_is_resumed(s, r->outputs))
		sim_fail(s, 19, "a result that was made in a kept workspace of %s is kept", r->run);
	if (!run || run->change.kind != CHANGE_PULL)
		return;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (streq(job->run, run->id) && streq(job->key, r->key))
			sim_fail(s, 17, "the request %s left a result of %s that others trust",
				 run->id, job->id);
	}
}

/* ---- 20: the clock ---- */

static char *schedule_name(const struct schedule_ref *r)
{
	return xasprintf("%s %s %s", r->repo, r->cron, r->branch ? r->branch : "-");
}

static bool fires(const struct schedule_ref *r, const struct effects *out)
{
	vec_each(f, &out->list)
		if (f->kind == EF_READ_CHANGE && f->change.kind == CHANGE_SCHEDULE &&
		    streq(f->text, r->last))
			return true;
	return false;
}

static void see_schedule(struct sim *s, const struct model *m, const struct schedule_ref *r,
			 const struct effects *out, const struct event *ev)
{
	AUTO(freep) char *name = schedule_name(r);
	AUTO(freep)
	char *minute = xasprintf("%s %llu", name, (unsigned long long)(m->time / USEC_MIN));
	usec_t due = (usec_t)(uintptr_t)map_get(&s->book->due, str_of(name));
	bool fired = ev->kind == EV_TIMER && fires(r, out);

	if (fired && map_put(&s->book->fired, str_of(minute), s))
		sim_fail(s, 20, "\"%s\" fires twice in one minute", r->cron);
	if (fired && (!due || m->time < due || m->time - due >= USEC_HOUR))
		sim_fail(s, 20, "\"%s\" fires %lld s after it was due", r->cron,
			 (long long)(m->time - due) / (long long)USEC_SEC);
	bool look = ev->kind == EV_TIMER && streq(ev->text, "cron") && due && m->time >= due;
	const struct repo_ref *head = source_ref(model_source(m, r->repo), MAIN_REF);
	if (look && !fired && m->time - due < USEC_HOUR && head && head->commit)
		sim_fail(s, 20, "\"%s\" was due and does not fire", r->cron);
	if ((look || !due) && r->next <= m->time)
		sim_fail(s, 20, "\"%s\" is due next in the past", r->cron);
	map_put(&s->book->due, str_of(name), (void *)(uintptr_t)r->next);
	s->result.scheduled += fired;
}

static void check_clock(struct sim *s, const struct model *m, const struct event *ev,
			const struct effects *out)
{
	const struct project *p = model_project(m);
	struct map now = {0};
	texts gone = {0};

	for (size_t i = 0; p && i < p->schedules.n; i++) {
		AUTO(freep) char *name = schedule_name(&p->schedules.v[i]);

		map_put(&now, str_of(name), s);
		see_schedule(s, m, &p->schedules.v[i], out, ev);
	}
	for (struct map_entry *e = NULL; (e = map_next(&s->book->due, e));)
		if (!map_get(&now, str_of(e->key))) /* not written any more */
			vec_push(&gone, xstrdup(e->key));
	vec_each(name, &gone) {
		map_del(&s->book->due, str_of(*name));
		xfree(*name);
	}
	vec_done(&gone);
	map_done(&now);
}

/* ---- all ---- */

static void count(struct sim *s, const struct model *m)
{
	vec_each(t, &m->touched) {
		const struct run *run = t->kind == AGG_RUN ? model_run(m, t->id) : NULL;

		s->result.superseded +=
			run && run->state == RUN_SUPERSEDED &&
			(uintptr_t)map_get(&s->book->runs, str_of(run->id)) != RUN_SUPERSEDED + 1;
	}
}

void check_ci(struct sim *s, const struct model *m, const struct event *ev,
	      const struct effects *out)
{
	if (!s->o.ci)
		return;
	check_superseded(s, m, ev, out);
	check_forks(s, m, ev, out);
	count(s, m);
	check_outcome(s, m);
	check_clock(s, m, ev, out);
}

#define PATIENCE (11 * USEC_MIN) /* a job that no machine can take fails after ten */

/* Nothing that was started is left behind; a clock may have begun a run a moment ago. */
void check_ci_end(struct sim *s)
{
	const struct model *m = mirror_model(s);

	for (struct map_entry *e = NULL; s->o.ci && (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;
		const struct run *run = model_run(m, job->run);

		uint64_t since = MAX_OF(job->ready_at, job->started_at);
		if ((job->state == JOB_READY || job->state == JOB_RUNNING) &&
		    m->time >= since + PATIENCE)
			sim_fail(s, 7, "%s is still %s", job->id, job_state_names[job->state]);
		if (run && is_over(run) && !job->settled)
			sim_fail(s, 15, "%s is %s, its %s is %s", run->id,
				 run_state_names[run->state], job->id, job_state_names[job->state]);
	}
}

void check_ci_start(struct sim *s)
{
	s->book = xcalloc(1, sizeof(*s->book));
}

void check_ci_done(struct sim *s)
{
	struct map *const all[] = {&s->book->runs,  &s->book->approved, &s->book->failed,
				   &s->book->ended, &s->book->resumed,  &s->book->fired,
				   &s->book->due};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		map_done(all[i]);
	xfree(s->book);
}
