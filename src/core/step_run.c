/* A change becomes a run. */
#include "base/glob.h"
#include "core/ready.h"
#include "core/step_impl.h"

enum rc on_started(struct step *s)
{
	struct project *p = model_project(s->m);

	if (!p) {
		p = model_add(s->m, AGG_PROJECT, "project");
		p->id = xstrdup("project");
	}
	p->slots = MAX_OF(s->ev->slots, 1u);
	p->started++;
	set_text(&p->version, s->ev->text);
	model_touch(s->m, AGG_PROJECT, "project");
	agent_local(s);
	forget_ended(s);
	run_again(s);
	return RC_OK;
}

static struct repo_ref *find_ref(struct project *p, const char *repo, const char *ref)
{
	vec_each(r, &p->refs)
		if (streq(r->repo, repo) && streq(r->ref, ref))
			return r;
	return NULL;
}

void run_touch_all(struct step *s, struct run *run)
{
	model_touch(s->m, AGG_RUN, run->id);
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (streq(job->run, run->id))
			model_touch(s->m, AGG_JOB, job->id);
	}
	if (run->config && model_config(s->m, run->config))
		model_touch(s->m, AGG_CONFIG, run->config);
}

void run_cancel(struct step *s, struct run *run, enum run_state to, const char *reason)
{
	run_set(s->m, run, to, reason);
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_JOB], e));) {
		struct job *job = e->value;

		if (!streq(job->run, run->id) || job->settled)
			continue;
		if (job->state == JOB_RUNNING) { /* its end settles it */
			set_text(&order(s, EF_CANCEL_JOB, "job/%s", job->id)->job, job->id);
			continue;
		}
		ready_del(s->m, job);
		job_set(s->m, job, JOB_CANCELLED, reason);
		run->open -= job->stage == STAGE_CI;
	}
	run_touch_all(s, run);
}

static void cancel_ref(struct step *s, const char *repo, const char *ref, const char *reason)
{
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_RUN], e));) {
		struct run *run = e->value;

		if (streq(run->change.repo, repo) && streq(run->change.ref, ref) &&
		    !run_is_final(run->state))
			run_cancel(s, run, RUN_CANCELLED, reason);
	}
}

enum rc on_ref_moved(struct step *s)
{
	const struct event *ev = s->ev;
	struct project *p = model_project(s->m);

	if (!ev->repo || !ev->ref)
		return err_set(s->err, RC_INVALID, "a moved ref needs its repository and its name");
	struct repo_ref *known = find_ref(p, ev->repo, ev->ref);
	if (known ? streq(known->commit, ev->commit) : !ev->commit)
		return RC_OK;
	/* A branch that was deleted begins anew. */
	const char *before = known ? known->commit : ev->base;
	AUTO(freep) char *old = before ? xstrdup(before) : NULL;
	if (!known) {
		vec_push(&p->refs,
			 ((struct repo_ref){.repo = xstrdup(ev->repo), .ref = xstrdup(ev->ref)}));
		known = vec_last(&p->refs);
	}
	set_text(&known->commit, ev->commit);
	set_text(&known->run, NULL);
	model_touch(s->m, AGG_PROJECT, "project");
	if (!ev->commit) {
		cancel_ref(s, ev->repo, ev->ref, "the branch was deleted");
		return RC_OK;
	}
	if (!str_starts(str_of(ev->ref), "refs/heads/"))
		return RC_OK;
	struct effect *e = order(s, EF_READ_CHANGE, "source/%s", ev->repo);
	e->change = (struct change){.repo = xstrdup(ev->repo),
				    .ref = xstrdup(ev->ref),
				    .commit = xstrdup(ev->commit),
				    .base = old && *old ? xstrdup(old) : NULL,
				    .pushed_at = ev->started_at ? ev->started_at : s->m->time};
	return RC_OK;
}

static bool branch_counts(const struct config *c, const char *ref)
{
	struct str branch = {ref + strlen("refs/heads/"), strlen(ref) - strlen("refs/heads/")};

	vec_each(pattern, &c->branches)
		if (glob_match(str_of(*pattern), branch))
			return true;
	return false;
}

static struct run *run_new(struct step *s, const struct change *change)
{
	struct project *p = model_project(s->m);
	char *id = xasprintf("run-%u", ++p->runs);
	struct run *run = model_add(s->m, AGG_RUN, id);

	run->id = id;
	run->created_at = s->m->time;
	copy_change(&run->change, change);
	model_touch(s->m, AGG_PROJECT, "project");
	return run;
}

/* One job of the plan; needs are ids of jobs made before it. */
static void plan_to_job(struct step *s, struct run *run, const struct plan_job *pj)
{
	struct job *job = job_new(s, run, STAGE_CI, pj->unit, pj->job);

	job->kind = pj->kind;
	set_text(&job->key, pj->key);
	set_text(&job->why, pj->why);
	run->jobs++;
	vec_each(need, &pj->needs) {
		struct str rest = str_of(*need), unit = str_cut(&rest, '/');
		AUTO(freep)
		char *id = xasprintf("%s/ci/%.*s/%.*s", run->id, unit.n ? (int)unit.n : 1,
				     unit.n ? unit.p : "-", (int)rest.n, rest.p);
		struct job *on = model_job(s->m, id);

		BUG_ON(!on); /* plans are topological */
		texts_add(&job->needs, id);
		if (!on->settled) {
			job->waiting++;
			vec_push(&on->dependents, job);
		}
	}
	if (pj->state == PLAN_MISS) {
		run->open++;
		return;
	}
	set_text(&job->outputs, pj->outputs);
	set_text(&job->image, pj->image);
	job->state = pj->state == PLAN_HIT ? JOB_CACHED : JOB_UNAFFECTED;
	job->settled = true;
	job->ended_at = s->m->time;
	if (pj->state == PLAN_HIT)
		run->cached++;
	else
		run->unaffected++;
}

static void make_jobs(struct step *s, struct run *run, const struct plan *plan)
{
	vec_each(unit, &plan->units)
		if (unit->affected)
			texts_add(&run->affected, unit->name);
	vec_each(pj, &plan->jobs)
		plan_to_job(s, run, pj);
	vec_each(pj, &plan->jobs) {
		AUTO(freep)
		char *id = xasprintf("%s/ci/%s/%s", run->id, *pj->unit ? pj->unit : "-", pj->job);
		struct job *job = model_job(s->m, id);

		if (!job->settled && job->waiting == 0)
			job_make_ready(s, job, NULL);
	}
}

static void keep_config(struct step *s)
{
	struct project *p = model_project(s->m);
	const struct config *c = &s->ev->config;

	if (!model_config(s->m, s->ev->config_digest)) {
		struct config_ref *ref = model_add(s->m, AGG_CONFIG, s->ev->config_digest);

		ref->id = xstrdup(s->ev->config_digest);
		shape_copy(&shape_config, &ref->config, c);
	}
	if (!streq(p->config, s->ev->config_digest)) {
		if (p->config && model_config(s->m, p->config))
			model_touch(s->m, AGG_CONFIG, p->config);
		set_text(&p->config, s->ev->config_digest);
		set_text(&p->name, c->project);
		model_touch(s->m, AGG_PROJECT, "project");
		model_touch(s->m, AGG_CONFIG, p->config);
	}
	environment_of(s, c->staging_env, STAGE_STAGING);
	environment_of(s, c->production_env, STAGE_PRODUCTION);
}

enum rc on_change_planned(struct step *s)
{
	const struct event *ev = s->ev;
	struct repo_ref *ref = find_ref(model_project(s->m), ev->change.repo, ev->change.ref);

	if (!ref || (streq(ref->commit, ev->change.commit) && ref->run))
		return RC_OK; /* deleted meanwhile, or a second answer */
	if (!ev->config_digest)
		return err_set(s->err, RC_INVALID, "a planned change needs its penstock.yml");
	if (!branch_counts(&ev->config, ev->change.ref)) {
		set_text(&ref->run, "-");
		model_touch(s->m, AGG_PROJECT, "project");
		return RC_OK;
	}
	keep_config(s);
	struct run *run = run_new(s, &ev->change);
	if (streq(ref->commit, ev->change.commit))
		set_text(&ref->run, run->id);
	set_text(&run->config, ev->config_digest);
	set_text(&run->plan, ev->plan.hash);
	make_jobs(s, run, &ev->plan);
	if (run->open == 0) {
		run_set(s->m, run, RUN_PASSED,
			run->cached ? "everything was cached" : "nothing is affected");
		release_create(s, run);
	}
	return RC_OK;
}

enum rc on_change_refused(struct step *s)
{
	struct repo_ref *ref = find_ref(model_project(s->m), s->ev->change.repo, s->ev->change.ref);

	if (!ref || !streq(ref->commit, s->ev->change.commit) || ref->run)
		return RC_OK;
	struct run *run = run_new(s, &s->ev->change);
	set_text(&ref->run, run->id);
	run_set(s->m, run, RUN_RUNNING, NULL);
	run_set(s->m, run, RUN_FAILED, s->ev->error ? s->ev->error : "penstock.yml cannot be used");
	return RC_OK;
}
