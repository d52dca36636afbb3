/*
 * GET runs/{id}/stages: the four stages of a change: where it stands, since when, and who or what each waits for.
 *
 *	{"run":"run-7","release":"rel-4","stage":"gate","stages":[		stage: that it has reached
 *		{"stage":"ci","state":"passed","began_at":usec,"ended_at":usec,"jobs":{"passed":7,"cached":2},"done":9,"of":9,
 *		 "waits":[{"kind":"approvals","text":"0 of 1 given; ...","bad":true,"by":["release-team"],"since","until","job","rollout","release"}]}]}
 *
 * state: next (not reached) | running | waiting (for somebody, or a time) | passed | failed | stopped (superseded, cancelled) | none (it does not come so far).
 * jobs: of the stage, by state. done, of: jobs of ci, services of staging and production, requirements of the gate. A wait's kind: stage | person | slot | manual |
 * job | reason | a requirement's (approvals, window, hold, ...) | queue | step | replicas | rollout. bad: waiting alone will not end it.
 */
#include "api/stages.h"

#define ROLLOUTS_SHOWN 200

struct way {
	struct run run;
	struct release release;
	struct config_ref config;
	struct environment env[2]; /* staging, production */
	VEC(struct rollout) rollouts;
	uint32_t jobs[5][JOB_STATES]; /* by stage */
	char *failed[2], *failed_why; /* jobs of ci */
	char *manual;
	bool parsed;
	struct err *err;
};

static void free_way(void *data)
{
	struct way *w = data;

	shape_done(aggregate_shapes[AGG_RUN], &w->run);
	shape_done(aggregate_shapes[AGG_RELEASE], &w->release);
	shape_done(aggregate_shapes[AGG_CONFIG], &w->config);
	for (unsigned i = 0; i < 2; i++) {
		shape_done(aggregate_shapes[AGG_ENVIRONMENT], &w->env[i]);
		xfree(w->failed[i]);
	}
	vec_each(ro, &w->rollouts)
		shape_done(aggregate_shapes[AGG_ROLLOUT], ro);
	vec_done(&w->rollouts);
	xfree(w->failed_why);
	xfree(w->manual);
	xfree(w);
}

enum stage stage_of_release(enum release_state state, uint64_t staged_at, uint64_t gated_at)
{
	switch (state) {
	case RELEASE_BUILT:
	case RELEASE_STAGING:
		return STAGE_STAGING;
	case RELEASE_STAGED:
	case RELEASE_REJECTED:
		return STAGE_GATE;
	case RELEASE_GATED:
	case RELEASE_PROMOTING:
	case RELEASE_LIVE:
	case RELEASE_ROLLED_BACK:
		return STAGE_PRODUCTION;
	case RELEASE_FAILED:
	case RELEASE_SUPERSEDED:
		break;
	}
	return gated_at ? STAGE_PRODUCTION : staged_at ? STAGE_GATE : STAGE_STAGING;
}

/* ---- reading, on a worker ---- */

static void keep(char **member, const char *text)
{
	if (!*member && text)
		*member = xstrdup(text);
}

static bool see_job(void *ctx, const struct store_snapshot *snap)
{
	struct way *w = ctx;
	struct job job = {0};

	w->parsed =
		shape_parse(snap->json, TEXT_MAX, aggregate_shapes[AGG_JOB], &job, w->err) == RC_OK;
	w->jobs[job.stage][job.state]++;
	if (job.stage == STAGE_CI && (job.state == JOB_FAILED || job.state == JOB_LOST)) {
		keep(w->failed[0] ? &w->failed[1] : &w->failed[0], job.id);
		keep(&w->failed_why, job.error);
	}
	if (job.stage == STAGE_CI && job.state == JOB_MANUAL && !job.optional)
		keep(&w->manual, job.id);
	shape_done(aggregate_shapes[AGG_JOB], &job);
	return w->parsed;
}

static enum rc read_jobs(struct way *w, struct store *store, struct err *err)
{
	AUTO(freep) char *from = xasprintf("%s/", w->run.id);
	AUTO(freep) char *to = xasprintf("%s0", w->run.id); /* '0' follows '/' */

	w->err = err;
	w->parsed = true;
	enum rc rc = store_range(store, STR("job"), str_of(from), str_of(to), UINT32_MAX, see_job,
				 w, err);
	return rc == RC_OK && !w->parsed ? err->rc : rc;
}

static void read_rollout(struct way *w, struct store *store, const char *id)
{
	struct rollout ro = {0};
	struct err ignored = {0};

	if (id && w->rollouts.n < ROLLOUTS_SHOWN &&
	    thing_load(store, AGG_ROLLOUT, id, &ro, &ignored) == RC_OK)
		vec_push(&w->rollouts, ro);
	else
		shape_done(aggregate_shapes[AGG_ROLLOUT], &ro);
}

/* Only what the run itself and its release say must be there. */
static enum rc read_way(struct way *w, struct store *store, const char *id, struct err *err)
{
	struct err ignored = {0};
	enum rc rc = thing_load(store, AGG_RUN, id, &w->run, err);

	if (rc == RC_OK)
		rc = read_jobs(w, store, err);
	if (rc == RC_OK && w->run.release)
		rc = thing_load(store, AGG_RELEASE, w->run.release, &w->release, err);
	if (rc != RC_OK)
		return rc;
	if (w->run.config &&
	    thing_load(store, AGG_CONFIG, w->run.config, &w->config, &ignored) == RC_OK) {
		const char *names[] = {w->config.config.staging_env,
				       w->config.config.production_env};

		for (unsigned i = 0; i < 2; i++)
			if (names[i] && thing_load(store, AGG_ENVIRONMENT, names[i], &w->env[i],
						   &ignored) != RC_OK)
				ignored = (struct err){0};
	}
	vec_each(item, &w->release.items) {
		read_rollout(w, store, item->staging_rollout);
		read_rollout(w, store, item->production_rollout);
	}
	return RC_OK;
}

/* ---- who or what it waits for ---- */

struct wait {
	const char *kind;
	char *text; /* taken */
	bool bad;
	uint64_t since, until;
	const char *job, *rollout, *release;
	const texts *by;
};

static void write_wait(struct json_out *o, const struct wait *w)
{
	json_open(o, NULL);
	json_cstr(o, "kind", w->kind);
	json_cstr(o, "text", w->text);
	if (w->bad)
		json_bool(o, "bad", true);
	json_some(o, "since", w->since);
	json_some(o, "until", w->until);
	json_word(o, "job", w->job);
	json_word(o, "rollout", w->rollout);
	json_word(o, "release", w->release);
	if (w->by && w->by->n) {
		json_list(o, "by");
		vec_each(name, w->by)
			json_cstr(o, NULL, *name);
		json_unlist(o);
	}
	json_close(o);
	xfree(w->text);
}

static void ci_waits(struct json_out *o, const struct way *w)
{
	const struct run *run = &w->run;
	const uint32_t *jobs = w->jobs[STAGE_CI];
	bool busy = jobs[JOB_RUNNING] > 0;

	if (w->failed[0])
		write_wait(o, &(struct wait){.kind = "job",
					     .text = xasprintf("%s%s%s failed%s%s", w->failed[0],
							       w->failed[1] ? ", " : "",
							       w->failed[1] ? w->failed[1] : "",
							       w->failed_why ? ": " : "",
							       w->failed_why ? w->failed_why : ""),
					     .bad = true,
					     .job = w->failed[0]});
	else if (run_is_final(run->state) && run->state != RUN_PASSED && run->reason)
		write_wait(o, &(struct wait){.kind = "reason",
					     .text = xstrdup(run->reason),
					     .bad = run->state == RUN_FAILED});
	if (run_is_final(run->state))
		return;
	if (run->waits)
		write_wait(o, &(struct wait){.kind = "person",
					     .text = xstrdup("somebody lets it run: the change "
							     "comes from a fork"),
					     .since = run->created_at});
	if (!busy && jobs[JOB_READY])
		write_wait(o,
			   &(struct wait){.kind = "slot",
					  .text = xasprintf(
						  "%u %s for a free place", jobs[JOB_READY],
						  jobs[JOB_READY] == 1 ? "job waits" : "jobs wait"),
					  .since = run->created_at});
	if (!busy && !jobs[JOB_READY] && w->manual)
		write_wait(o, &(struct wait){.kind = "manual",
					     .text = xasprintf("somebody starts %s", w->manual),
					     .job = w->manual});
}

static void gate_waits(struct json_out *o, const struct release *r)
{
	vec_each(q, &r->gate.requirements) {
		if (streq(q->state, "ok"))
			continue;
		write_wait(o, &(struct wait){.kind = q->kind,
					     .text = xstrdup(q->reason ? q->reason : q->kind),
					     .bad = streq(q->state, "no"),
					     .since = q->since ? q->since : r->staged_at,
					     .until = q->until,
					     .by = &q->by});
	}
}

static bool has_item(const struct release *r, const char *unit)
{
	vec_each(item, &r->items)
		if (streq(item->unit, unit))
			return true;
	return false;
}

static void environment_waits(struct json_out *o, const struct release *r,
			      const struct environment *env)
{
	size_t place = 0;

	vec_each(h, &env->holds)
		if (!h->unit || has_item(r, h->unit))
			write_wait(o, &(struct wait){.kind = "hold",
						     .text = xasprintf("%s holds %s%s%s", h->actor,
								       h->unit ? h->unit : env->id,
								       h->reason ? ": " : "",
								       h->reason ? h->reason : ""),
						     .since = h->since,
						     .until = h->until});
	while (place < env->queue.n && !streq(env->queue.v[place], r->id))
		place++;
	if (place < env->queue.n && env->active && !streq(env->active, r->id))
		write_wait(o, &(struct wait){.kind = "queue",
					     .text = xasprintf("%s is before it in %s, place %zu",
							       env->active, env->id, place + 1),
					     .release = env->active});
}

static char *step_text(const struct rollout *ro)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(1000);

	strbuf_addf(&b, "%s at %g %%, step %u of %zu", ro->unit, 100 * ro->confirmed, ro->step + 1,
		    ro->strategy.steps.n);
	if (ro->numbers.need && ro->numbers.need != UINT64_MAX)
		strbuf_addf(&b, ": about %llu more requests until there is evidence",
			    (unsigned long long)ro->numbers.need);
	else
		strbuf_adds(&b, ": it is watched");
	return strbuf_take(&b);
}

static void rollout_wait(struct json_out *o, const struct rollout *ro)
{
	struct wait w = {.rollout = ro->id, .since = ro->step_at ? ro->step_at : ro->created_at};
	const char *why = ro->reason ? ro->reason : ro->cause ? ro->cause : "taken back";

	if (ro->state == ROLLOUT_HOLDING) {
		w.kind = "hold";
		w.text = xasprintf("%s is on hold%s%s", ro->unit, ro->reason ? ": " : "",
				   ro->reason ? ro->reason : "");
	} else if (ro->state == ROLLOUT_BAKING) {
		w.kind = "step";
		w.text = step_text(ro);
	} else if (ro->state == ROLLOUT_APPLYING && ro->ready < ro->want) {
		w.kind = "replicas";
		w.text = xasprintf("%s: %u of %u replicas ready", ro->unit, ro->ready, ro->want);
	} else if (ro->state == ROLLOUT_ABORTING || ro->state == ROLLOUT_ABORTED) {
		w.kind = "rollout";
		w.text = xasprintf("%s: %s", ro->unit, why);
		w.bad = true;
	}
	if (w.kind)
		write_wait(o, &w);
}

/* ---- one stage ---- */

static const char *ci_state(const struct way *w)
{
	const uint32_t *jobs = w->jobs[STAGE_CI];
	bool busy = jobs[JOB_RUNNING] || jobs[JOB_READY];

	switch (w->run.state) {
	case RUN_PASSED:
		return "passed";
	case RUN_FAILED:
		return "failed";
	case RUN_CANCELLED:
	case RUN_SUPERSEDED:
		return "stopped";
	case RUN_PLANNED:
	case RUN_RUNNING:
		break;
	}
	return w->run.waits || (!busy && w->manual) ? "waiting" : "running";
}

static const char *state_of(const struct way *w, enum stage stage, enum stage reached)
{
	const struct release *r = &w->release;

	if (stage == STAGE_CI)
		return r->id && w->run.state != RUN_FAILED ? "passed" : ci_state(w);
	if (!r->id)
		return run_is_final(w->run.state) ? "none" : "next";
	if (stage < reached)
		return "passed";
	if (stage > reached)
		return release_is_final(r->state) ? "none" : "next";
	switch (r->state) {
	case RELEASE_LIVE:
		return "passed";
	case RELEASE_SUPERSEDED:
		return "stopped";
	case RELEASE_REJECTED:
	case RELEASE_FAILED:
	case RELEASE_ROLLED_BACK:
		return "failed";
	case RELEASE_BUILT:
	case RELEASE_STAGING:
	case RELEASE_STAGED:
	case RELEASE_GATED:
	case RELEASE_PROMOTING:
		break;
	}
	return stage == STAGE_GATE ? "waiting" : "running";
}

static void times_of(const struct way *w, enum stage stage, uint64_t *ret_began,
		     uint64_t *ret_ended)
{
	const struct release *r = &w->release;
	const uint64_t began[] = {[STAGE_CI] = w->run.created_at,
				  [STAGE_STAGING] = r->built_at,
				  [STAGE_GATE] = r->staged_at,
				  [STAGE_PRODUCTION] = r->gated_at};
	const uint64_t ended[] = {[STAGE_CI] = w->run.ended_at ? w->run.ended_at : r->built_at,
				  [STAGE_STAGING] = r->staged_at ? r->staged_at : r->ended_at,
				  [STAGE_GATE] = r->gated_at ? r->gated_at : r->ended_at,
				  [STAGE_PRODUCTION] = r->live_at ? r->live_at : r->ended_at};

	*ret_began = began[stage];
	*ret_ended = began[stage] ? ended[stage] : 0;
}

static void count(const struct way *w, enum stage stage, uint64_t *ret_done, uint64_t *ret_of)
{
	const uint32_t *jobs = w->jobs[STAGE_CI];

	*ret_done = *ret_of = 0;
	if (stage == STAGE_CI)
		for (unsigned i = 0; i < JOB_STATES; i++) {
			bool open = i == JOB_BLOCKED || i == JOB_READY || i == JOB_RUNNING ||
				    i == JOB_MANUAL;

			*ret_of += jobs[i];
			*ret_done += open ? 0 : jobs[i];
		}
	else if (stage == STAGE_GATE)
		vec_each(q, &w->release.gate.requirements) {
			*ret_of += 1;
			*ret_done += streq(q->state, "ok");
		}
	else
		vec_each(item, &w->release.items) {
			*ret_of += 1;
			*ret_done += stage == STAGE_STAGING
					     ? item->staging_done || item->staging_skipped
					     : item->production_done || item->production_skipped;
		}
}

static void write_jobs(struct json_out *o, const uint32_t *jobs)
{
	json_open(o, "jobs");
	for (unsigned i = 0; i < JOB_STATES; i++)
		json_some(o, job_state_names[i], jobs[i]);
	json_close(o);
}

/* Of the environment of this stage, those that still go on or went wrong. */
static void write_rollout_waits(struct json_out *o, const struct way *w, enum stage stage)
{
	const struct environment *env = &w->env[stage == STAGE_PRODUCTION];

	if (env->id)
		environment_waits(o, &w->release, env);
	vec_each(ro, &w->rollouts)
		if (!env->id || streq(ro->environment, env->id))
			rollout_wait(o, ro);
}

static void write_waits(struct json_out *o, const struct way *w, enum stage stage,
			const char *state)
{
	const struct release *r = &w->release;
	bool open = streq(state, "running") || streq(state, "waiting");

	json_list(o, "waits");
	if (streq(state, "next"))
		write_wait(o,
			   &(struct wait){.kind = "stage",
					  .text = xasprintf("stage %s", stage_names[stage - 1])});
	else if (stage == STAGE_CI)
		ci_waits(o, w);
	else if (stage == STAGE_GATE && (open || streq(state, "failed")))
		gate_waits(o, r);
	else if (open)
		write_rollout_waits(o, w, stage);
	if ((streq(state, "failed") || streq(state, "stopped")) && stage != STAGE_CI && r->reason)
		write_wait(o, &(struct wait){.kind = "reason",
					     .text = xstrdup(r->reason),
					     .bad = streq(state, "failed")});
	json_unlist(o);
}

static void write_stage(struct json_out *o, const struct way *w, enum stage stage,
			enum stage reached)
{
	const char *state = state_of(w, stage, reached);
	uint64_t began, ended, done, of;

	times_of(w, stage, &began, &ended);
	count(w, stage, &done, &of);
	json_open(o, NULL);
	json_cstr(o, "stage", stage_names[stage]);
	json_cstr(o, "state", state);
	json_some(o, "began_at", began);
	json_some(o, "ended_at", ended);
	write_jobs(o, w->jobs[stage]);
	json_u64(o, "done", done);
	json_u64(o, "of", of);
	write_waits(o, w, stage, state);
	json_close(o);
}

static void read_stages(struct call *c)
{
	struct way *w = c->data;
	struct json_out o = JSON_OUT(&c->out);
	const struct release *r = &w->release;
	enum stage reached = STAGE_CI;

	c->rc = read_way(w, engine_world(c->api->e)->store, c->arg[0], &c->err);
	if (c->rc != RC_OK)
		return;
	if (r->id)
		reached = stage_of_release(r->state, r->staged_at, r->gated_at);
	json_open(&o, NULL);
	json_cstr(&o, "run", w->run.id);
	json_word(&o, "release", r->id);
	json_cstr(&o, "stage", stage_names[reached]);
	json_list(&o, "stages");
	for (unsigned stage = STAGE_CI; stage <= STAGE_PRODUCTION; stage++)
		write_stage(&o, w, (enum stage)stage, reached);
	json_unlist(&o);
	json_close(&o);
}

void get_stages(struct call *c)
{
	c->data = xcalloc(1, sizeof(struct way));
	c->free_data = free_way;
	call_work(c, read_stages);
}
