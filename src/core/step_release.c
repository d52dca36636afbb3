/* The artifacts of one change travel together: staging, gate, production, in waves. */
#include "core/ready.h"
#include "core/step_impl.h"

struct release_item *release_item(struct release *r, const char *unit)
{
	vec_each(item, &r->items)
		if (streq(item->unit, unit))
			return item;
	return NULL;
}

static uint32_t wave_of(const struct config *c, const char *unit)
{
	uint32_t *wave = xcalloc(c->units.n + 1, sizeof(*wave)), found = 0;

	graph_waves(c, wave);
	vec_each(u, &c->units)
		if (streq(u->name, unit))
			found = wave[u - c->units.v];
	xfree(wave);
	return found;
}

static bool is_live_everywhere(struct step *s, const struct config *c, const struct job *job)
{
	const struct live *a = environment_live(model_environment(s->m, c->staging_env), job->unit);
	const struct live *b =
		environment_live(model_environment(s->m, c->production_env), job->unit);

	return a && b && streq(a->image, job->image) && streq(b->image, job->image);
}

static bool add_items(struct step *s, struct run *run, struct release *r)
{
	const struct config *c = model_config(s->m, run->config);

	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (!streq(job->run, run->id) || job->kind != JOB_IMAGE ||
		    job->state == JOB_UNAFFECTED || !job->image)
			continue;
		if (is_live_everywhere(s, c, job))
			continue;
		if (!r)
			return true;
		vec_push(&r->items,
			 ((struct release_item){.unit = xstrdup(job->unit),
						.image = xstrdup(job->image),
						.key = job->key ? xstrdup(job->key) : NULL,
						.wave = wave_of(c, job->unit),
						.evidence_job = xstrdup(job->id)}));
	}
	return r && r->items.n;
}

/* A digest that was taken back does not start the way again. */
static bool refuse_vetoed(struct step *s, struct release *r)
{
	const enum stage stages[] = {STAGE_PRODUCTION, STAGE_STAGING};

	for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
		const struct environment *env = environment_for(s->m, r, stages[i]);

		vec_each(item, &r->items) {
			const struct veto *v =
				environment_veto(env, item->unit, item->image, s->m->time);

			if (!v)
				continue;
			AUTO(freep)
			char *why = xasprintf(
				"%s %.19s is vetoed in %s since %s: %s; lift it with: penstock veto --lift %s %s",
				item->unit, item->image, env->id,
				v->release ? v->release : "a person's order",
				v->reason ? v->reason : "-", env->id, v->id);
			release_end(s, r, RELEASE_REJECTED, why);
			return true;
		}
	}
	return false;
}

void release_create(struct step *s, struct run *run)
{
	struct project *p = model_project(s->m);

	run_touch_all(s, run);
	if (run->change.reverts)
		environment_unpin_commit(s, run->change.commit);
	if (!add_items(s, run, NULL)) {
		if (!run->reason)
			set_text(&run->reason, "nothing to move: no image changed");
		return;
	}
	char *id = xasprintf("rel-%u", ++p->releases);
	struct release *r = model_add(s->m, AGG_RELEASE, id);
	model_touch(s->m, AGG_PROJECT, "project");
	r->id = id;
	r->run = xstrdup(run->id);
	r->config = xstrdup(run->config);
	r->built_at = s->m->time;
	copy_change(&r->change, &run->change);
	set_text(&run->release, r->id);
	add_items(s, run, r);
	if (!refuse_vetoed(s, r))
		attest_stage(s, r, STAGE_CI);
}

static bool *item_done(struct release_item *item, enum stage stage)
{
	return stage == STAGE_STAGING ? &item->staging_done : &item->production_done;
}

static char **item_rollout(struct release_item *item, enum stage stage)
{
	return stage == STAGE_STAGING ? &item->staging_rollout : &item->production_rollout;
}

void release_touch_ended(struct step *s, struct release *r)
{
	struct run *run = model_run(s->m, r->run);

	if (run)
		run_touch_all(s, run);
	model_touch(s->m, AGG_RELEASE, r->id);
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_ROLLOUT], e));)
		if (streq(((struct rollout *)e->value)->release, r->id))
			model_touch(s->m, AGG_ROLLOUT, ((struct rollout *)e->value)->id);
}

void release_end(struct step *s, struct release *r, enum release_state to, const char *reason)
{
	const enum stage stages[] = {STAGE_STAGING, STAGE_PRODUCTION};

	release_set(s->m, r, to, reason);
	release_touch_ended(s, r);
	for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
		struct environment *env = environment_for(s->m, r, stages[i]);

		if (!env || !texts_has(&env->queue, r->id))
			continue;
		texts_del(&env->queue, r->id); /* it waits for nothing any more */
		model_touch(s->m, AGG_ENVIRONMENT, env->id);
	}
}

static bool has_active_rollout(const struct model *m, const struct release *r)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ROLLOUT], e));) {
		const struct rollout *ro = e->value;

		if (streq(ro->release, r->id) && !rollout_is_final(ro->state))
			return true;
	}
	return false;
}

/* Is there a job of this release and stage that ran? Then they were started. */
static bool stage_jobs_ended_well(const struct model *m, const struct release *r, enum stage stage,
				  bool *ret_any)
{
	bool good = true;

	*ret_any = false;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (!streq(job->release, r->id) || job->stage != stage)
			continue;
		*ret_any = true;
		good = good && (job_is_good(job->state) || job->amber || job->optional ||
				job->state == JOB_SKIPPED);
	}
	return good;
}

static void finish_stage(struct step *s, struct release *r, struct environment *env)
{
	if (env->stage == STAGE_STAGING) {
		attest_stage(s, r, STAGE_STAGING);
		return;
	}
	release_end(s, r, RELEASE_LIVE, "live");
	environment_free(s, env, r);
}

static bool is_due(struct step *s, struct release_item *item, const struct environment *env,
		   uint32_t wave)
{
	return item->wave == wave && !*item_done(item, env->stage) &&
	       !*item_rollout(item, env->stage) && !rollout_active(s->m, env->id, item->unit);
}

/* Was one of the wave vetoed since the release was let in? Then all of it is taken back. */
static bool is_vetoed(struct step *s, struct release *r, struct environment *env, uint32_t wave)
{
	for (size_t i = 0; i < r->items.n; i++) {
		struct release_item *item = &r->items.v[i];
		const struct veto *v = environment_veto(env, item->unit, item->image, s->m->time);

		if (!v || !is_due(s, item, env, wave))
			continue;
		AUTO(freep)
		char *why = xasprintf("%s %.19s is vetoed in %s: %s", item->unit, item->image,
				      env->id, v->reason ? v->reason : "-");
		release_break(s, r, why);
		return true;
	}
	return false;
}

/* Start the rollouts of the lowest wave that is not done (a return that somebody ordered goes
 * first). True when one is, or was, to do. */
static bool push_wave(struct step *s, struct release *r, struct environment *env)
{
	uint32_t wave = UINT32_MAX;

	vec_each(item, &r->items)
		if (!*item_done(item, env->stage))
			wave = MIN_OF(wave, item->wave);
	if (wave == UINT32_MAX)
		return false;
	r->wave = wave;
	model_touch(s->m, AGG_RELEASE, r->id);
	if (is_vetoed(s, r, env, wave))
		return true;
	for (size_t i = 0; i < r->items.n; i++) {
		struct release_item *item = &r->items.v[i];

		if (!is_due(s, item, env, wave))
			continue;
		struct rollout *ro = rollout_new(s, r, env, item->unit, item->image, false);
		set_text(item_rollout(item, env->stage), ro->id);
	}
	return true;
}

static void settle_broken(struct step *s, struct release *r, struct environment *env)
{
	if (has_active_rollout(s->m, r) || r->jobs_open)
		return;
	release_end(s, r, env->stage == STAGE_STAGING ? RELEASE_FAILED : RELEASE_ROLLED_BACK, NULL);
	environment_free(s, env, r);
}

void release_push(struct step *s, struct release *r)
{
	struct environment *env = model_environment(s->m, r->environment);
	bool any;

	if (release_is_final(r->state) || !env || !streq(env->active, r->id) || !r->verified)
		return;
	if (r->rolling_back) {
		settle_broken(s, r, env);
		return;
	}
	if (push_wave(s, r, env) || r->jobs_open)
		return;
	if (!stage_jobs_ended_well(s->m, r, env->stage, &any))
		return; /* release_break is on its way */
	if (any || !stage_jobs_start(s, r, env->stage))
		finish_stage(s, r, env);
}

void release_job_ended(struct step *s, struct job *job)
{
	struct release *r = model_release(s->m, job->release);

	if (!r || job->optional)
		return;
	BUG_ON(r->jobs_open == 0);
	r->jobs_open--;
	model_touch(s->m, AGG_RELEASE, r->id);
	if (!job_is_good(job->state) && !job->amber && !r->rolling_back &&
	    !release_is_final(r->state)) {
		AUTO(freep)
		char *why = xasprintf("%s failed in %s: %s", job->name, stage_names[job->stage],
				      job->error ? job->error : failure_names[job->failure]);
		release_break(s, r, why);
		return;
	}
	release_push(s, r);
}

/* Every item of it that is done here goes back to what was there before; the ones under way are aborted. */
void release_break(struct step *s, struct release *r, const char *reason)
{
	struct environment *env = model_environment(s->m, r->environment);

	if (r->rolling_back || release_is_final(r->state) || !env)
		return;
	r->rolling_back = true;
	set_text(&r->reason, reason);
	model_touch(s->m, AGG_RELEASE, r->id);
	for (size_t i = 0; i < r->items.n; i++) {
		struct release_item *item = &r->items.v[i];
		struct rollout *ro = rollout_active(s->m, env->id, item->unit);

		if (ro && streq(ro->release, r->id) && !ro->is_return)
			rollout_abort(s, ro, "release", reason);
	}
	for (size_t i = 0; i < r->items.n; i++) {
		struct release_item *item = &r->items.v[i];
		const struct rollout *ro = model_rollout(s->m, *item_rollout(item, env->stage));
		bool skipped = env->stage == STAGE_STAGING ? item->staging_skipped
							   : item->production_skipped;

		if (!*item_done(item, env->stage) || skipped || !ro || !ro->previous ||
		    rollout_active(s->m, env->id, item->unit))
			continue;
		if (environment_veto(env, item->unit, ro->previous, s->m->time))
			continue; /* what stood there before may not come back */
		rollout_new(s, r, env, item->unit, ro->previous, true);
	}
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_JOB], e));) {
		struct job *job = e->value;

		if (!streq(job->release, r->id) || job->settled)
			continue;
		if (job->state == JOB_RUNNING) { /* its end settles it */
			set_text(&order(s, EF_CANCEL_JOB, "job/%s", job->id)->job, job->id);
			continue;
		}
		ready_del(s->m, job);
		job_set(s->m, job, JOB_CANCELLED, reason);
		r->jobs_open -= !job->optional;
	}
	release_push(s, r);
}

enum rc on_evidence_verified(struct step *s)
{
	struct release *r = model_release(s->m, s->ev->release);
	struct environment *env = model_environment(s->m, s->ev->environment);

	if (!r || !env || !streq(env->active, r->id) || r->verified || release_is_final(r->state))
		return RC_OK;
	if (!s->ev->ok) {
		AUTO(freep)
		char *why = xasprintf("evidence does not hold: %s",
				      s->ev->error ? s->ev->error : "not verified");
		release_end(s, r, RELEASE_REJECTED, why);
		environment_free(s, env, r);
		return RC_OK;
	}
	r->verified = true;
	model_touch(s->m, AGG_RELEASE, r->id);
	release_push(s, r);
	return RC_OK;
}
