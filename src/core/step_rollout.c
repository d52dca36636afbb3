/* One service of one release moves into one environment. Weights grow only here and only on a pass (or where there is nothing to compare with). */
#include "core/step_impl.h"

/* Facts that need no statistics. */
#define SETTLE          USEC_SEC
#define CRASHES_FAIL    3   /* exits of one replica since it was started */
#define PROBES_ANSWERED 25  /* failed probes in a row of a service that answers: 5 s of "no" */
#define PROBES_SILENT   150 /* of one that does not listen yet: 30 s */

struct rollout *rollout_active(const struct model *m, const char *environment, const char *unit)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ROLLOUT], e));) {
		struct rollout *ro = e->value;

		if (streq(ro->environment, environment) && streq(ro->unit, unit) &&
		    !rollout_is_final(ro->state))
			return ro;
	}
	return NULL;
}

static void choose_strategy(struct rollout *ro, const struct config *c,
			    const struct environment *env)
{
	const struct strategy *want =
		env->stage == STAGE_PRODUCTION ? &c->production_strategy : &c->staging_strategy;

	if (want->kind == STRATEGY_CANARY && ro->previous && !ro->is_return) {
		shape_copy(&shape_strategy, &ro->strategy, want);
		return;
	}
	ro->strategy.kind = STRATEGY_ROLLING; /* nothing to compare with, or an emergency */
	vec_push(&ro->strategy.steps, ((struct weight){.share = 1}));
}

struct rollout *rollout_new(struct step *s, struct release *r, struct environment *env,
			    const char *unit, const char *image, bool is_return)
{
	struct project *p = model_project(s->m);
	char *id = xasprintf("ro-%u", ++p->rollouts);
	struct rollout *ro = model_add(s->m, AGG_ROLLOUT, id);
	const struct live *live = environment_live(env, unit);
	const struct config *c = model_config(s->m, is_return ? p->config : r->config);
	const struct unit *u = config_unit(c, unit);

	model_touch(s->m, AGG_PROJECT, "project");
	ro->id = id;
	ro->release = r ? xstrdup(r->id) : NULL;
	ro->environment = xstrdup(env->id);
	ro->unit = xstrdup(unit);
	ro->image = xstrdup(image);
	ro->previous = live ? xstrdup(live->image) : NULL;
	ro->is_return = is_return;
	ro->replicas = u && u->replicas ? u->replicas : 1;
	ro->created_at = s->m->time;
	choose_strategy(ro, c, env);
	struct effect *e = order(s, EF_PLAN_DEPLOY, "env/%s", env->id);
	set_text(&e->rollout, id);
	fill_deploy(s->m, ro, &e->deploy);
	if (ro->strategy.kind == STRATEGY_CANARY && ro->strategy.max)
		set_text(&order_timer(s, s->m->time + ro->strategy.max, "max")->rollout, id);
	return ro;
}

static void add_trailer(struct effect *e, const char *key, const char *value)
{
	if (value)
		vec_push(&e->trailers,
			 ((struct pair){.key = xstrdup(key), .value = xstrdup(value)}));
}

static void add_trailers(struct step *s, struct effect *e, const struct rollout *ro)
{
	const struct release *r = model_release(s->m, ro->release);

	add_trailer(e, "Penstock-Rollout", ro->id);
	add_trailer(e, "Penstock-Release", ro->release);
	if (!r)
		return;
	add_trailer(e, "Penstock-Run", r->run);
	add_trailer(e, "Penstock-Commit", r->change.commit);
	add_trailer(e, "Penstock-Decision", r->gate.record);
	vec_each(a, &r->gate.approvals)
		if (a->yes)
			add_trailer(e, "Reviewed-by", a->actor);
}

enum rc on_deploy_planned(struct step *s)
{
	struct rollout *ro = model_rollout(s->m, s->ev->rollout);

	if (!ro || ro->state != ROLLOUT_QUEUED)
		return RC_OK;
	if (s->ev->error) {
		rollout_abort(s, ro, "plan", s->ev->error);
		return RC_OK;
	}
	set_text(&ro->plan, s->ev->digest);
	rollout_set(s->m, ro, ROLLOUT_PLANNED, NULL);
	struct effect *e = order(s, EF_WRITE_DESIRED, "env/%s", ro->environment);
	set_text(&e->rollout, ro->id);
	set_textf(&e->text, "%s %s in %s", ro->is_return ? "Return" : "Roll out", ro->unit,
		  ro->environment);
	set_text(&e->type, ro->plan); /* the plan that is executed must be this one */
	fill_deploy(s->m, ro, &e->deploy);
	add_trailers(s, e, ro);
	return RC_OK;
}

enum rc on_desired_written(struct step *s)
{
	struct rollout *ro = model_rollout(s->m, s->ev->rollout);

	if (!ro || ro->state != ROLLOUT_PLANNED)
		return RC_OK;
	if (s->ev->error) {
		rollout_abort(s, ro, "plan", s->ev->error);
		return RC_OK;
	}
	set_text(&ro->desired, s->ev->commit);
	rollout_set(s->m, ro, ROLLOUT_APPLYING, NULL);
	rollout_push(s, ro);
	return RC_OK;
}

static double step_share(const struct rollout *ro)
{
	BUG_ON(ro->step >= ro->strategy.steps.n);
	return ro->strategy.steps.v[ro->step].share;
}

static uint32_t replicas_for(const struct rollout *ro, double share)
{
	double exact = share * ro->replicas;
	uint32_t n = (uint32_t)exact;

	n += (double)n < exact;
	return MIN_OF(MAX_OF(n, 1u), ro->replicas);
}

static void order_weight(struct step *s, struct rollout *ro, double share)
{
	struct effect *e = order(s, EF_SET_WEIGHT, "route/%s/%s", ro->environment, ro->unit);

	set_text(&e->rollout, ro->id);
	set_text(&e->environment, ro->environment);
	set_text(&e->unit, ro->unit);
	set_text(&e->image, ro->image);
	e->weight = share;
	ro->weight = share;
	model_touch(s->m, AGG_ROLLOUT, ro->id);
}

/*
 * Where nothing is compared, the only sign of a version that dies young is that it dies: all of it must stay ready for a while before it gets everything. A
 * version that comes back is known to live.
 */
static bool is_settled(struct step *s, struct rollout *ro)
{
	if (ro->strategy.kind == STRATEGY_CANARY || ro->is_return)
		return true;
	if (ro->settled_at)
		return s->m->time >= ro->settled_at + SETTLE;
	ro->settled_at = s->m->time;
	model_touch(s->m, AGG_ROLLOUT, ro->id);
	set_text(&order_timer(s, s->m->time + SETTLE, "settle")->rollout, ro->id);
	return false;
}

/* Whatever the rollout can do next: more replicas, then the step's weight. */
void rollout_push(struct step *s, struct rollout *ro)
{
	if (ro->state != ROLLOUT_APPLYING && ro->state != ROLLOUT_BAKING)
		return;
	const struct environment *env = model_environment(s->m, ro->environment);
	const struct hold *h = ro->is_return ? NULL : environment_hold(env, ro->unit, s->m->time);
	if (h) {
		rollout_set(s->m, ro, ROLLOUT_HOLDING, h->reason ? h->reason : "on hold");
		return;
	}
	double share = step_share(ro);
	uint32_t need = replicas_for(ro, share);
	if (ro->want < need) {
		struct effect *e =
			order(s, EF_START_REPLICAS, "run/%s/%s", ro->environment, ro->unit);

		set_text(&e->rollout, ro->id);
		fill_deploy(s->m, ro, &e->deploy);
		e->count = ro->want = need;
		model_touch(s->m, AGG_ROLLOUT, ro->id);
		return;
	}
	if (ro->ready < need || ro->weight >= share || !is_settled(s, ro))
		return;
	order_weight(s, ro, share);
	if (share >= 1) {
		rollout_set(s->m, ro, ROLLOUT_PROMOTING, NULL);
	} else if (ro->state == ROLLOUT_APPLYING) {
		rollout_set(s->m, ro, ROLLOUT_BAKING, NULL);
		set_text(&order(s, EF_WATCH, "watch/%s", ro->environment)->rollout, ro->id);
	}
}

static void check_replica(struct step *s, struct rollout *ro)
{
	const struct event *ev = s->ev;
	bool answered = ev->text && str_starts(str_of(ev->text), "HTTP");
	const char *cause = NULL;

	if ((ev->replica == REPLICA_BACKOFF || ev->replica == REPLICA_STARTING) &&
	    ev->count >= CRASHES_FAIL)
		cause = "crash";
	else if (ev->probes >= (answered ? PROBES_ANSWERED : PROBES_SILENT))
		cause = "unready";
	if (!cause)
		return;
	AUTO(freep)
	char *why = xasprintf("replica %u of the new version: %s", ev->index,
			      ev->text && *ev->text ? ev->text : cause);
	ro->harm_at = ev->started_at ? ev->started_at : s->m->time;
	rollout_abort(s, ro, cause, why);
}

enum rc on_replica(struct step *s)
{
	const struct event *ev = s->ev;
	struct rollout *ro = rollout_active(s->m, ev->environment, ev->unit);

	if (!ro || !streq(ro->image, ev->image) || ro->state == ROLLOUT_ABORTING)
		return RC_OK;
	if (ev->count > ro->restarts || ev->ready < ro->ready)
		ro->settled_at = 0;
	ro->ready = ev->ready;
	ro->restarts = MAX_OF(ro->restarts, ev->count);
	model_touch(s->m, AGG_ROLLOUT, ro->id);
	if (ro->state == ROLLOUT_APPLYING || ro->state == ROLLOUT_BAKING ||
	    ro->state == ROLLOUT_HOLDING || ro->state == ROLLOUT_PROMOTING)
		check_replica(s, ro);
	rollout_push(s, ro);
	return RC_OK;
}

enum rc on_replicas_started(struct step *s)
{
	struct rollout *ro = model_rollout(s->m, s->ev->rollout);

	if (!ro || !s->ev->error)
		return RC_OK;
	rollout_abort(s, ro, "image", s->ev->error);
	return RC_OK;
}

static char *copy_of(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void touch_release(struct step *s, const char *id)
{
	const struct release *r = model_release(s->m, id);

	if (!r)
		return;
	model_touch(s->m, AGG_RELEASE, id);
	if (r->config && model_config(s->m, r->config))
		model_touch(s->m, AGG_CONFIG, r->config);
}

static void mark_live(struct step *s, const char *id, const char *unit, bool live)
{
	struct release *r = model_release(s->m, id);
	struct release_item *item = r ? release_item(r, unit) : NULL;

	if (!item)
		return;
	item->live = live;
	item->taken_back = item->taken_back && !live;
}

static void set_live(struct step *s, struct rollout *ro)
{
	struct environment *env = model_environment(s->m, ro->environment);
	struct live *l = environment_live(env, ro->unit);

	if (!l) {
		vec_push(&env->live, ((struct live){.unit = xstrdup(ro->unit)}));
		l = vec_last(&env->live);
	}
	/* What comes back belongs to the release that once brought it, not to the one that is taken back. */
	bool back = ro->is_return && l->previous_release && streq(ro->image, l->previous);
	AUTO(freep) char *release = copy_of(back ? l->previous_release : ro->release);
	AUTO(freep) char *gone = copy_of(l->previous_release);
	if (env->stage == STAGE_PRODUCTION) {
		mark_live(s, l->release, ro->unit, false);
		mark_live(s, release, ro->unit, true);
	}
	set_text(&l->previous_release, l->release);
	set_text(&l->previous, l->image);
	set_text(&l->image, ro->image);
	set_text(&l->release, release);
	l->since = s->m->time;
	model_touch(s->m, AGG_ENVIRONMENT, env->id);
	/* Whether they are needed any more is decided anew. */
	touch_release(s, gone);
	touch_release(s, l->previous_release);
	touch_release(s, l->release);
}

static void order_stop(struct step *s, const struct rollout *ro, const char *image)
{
	struct effect *e = order(s, EF_STOP_REPLICAS, "run/%s/%s", ro->environment, ro->unit);

	set_text(&e->rollout, ro->id);
	set_text(&e->environment, ro->environment);
	set_text(&e->unit, ro->unit);
	set_text(&e->image, image);
}

/* Done or aborted: its release goes on, or what waited for it. */
void rollout_finish(struct step *s, struct rollout *ro)
{
	struct release *r = model_release(s->m, ro->release);
	struct environment *env = model_environment(s->m, ro->environment);
	struct release_item *item = r && !ro->is_return ? release_item(r, ro->unit) : NULL;

	if (item && ro->state == ROLLOUT_DONE) {
		if (env->stage == STAGE_STAGING)
			item->staging_done = true;
		else
			item->production_done = true;
		model_touch(s->m, AGG_RELEASE, r->id);
	}
	if (r)
		release_push(s, r);
	struct release *active = model_release(s->m, env->active);
	if (active && active != r)
		release_push(s, active);
	environment_next(s, env);
	if (r && release_is_final(r->state))
		release_touch_ended(s, r);
}

enum rc on_weight_set(struct step *s)
{
	struct rollout *ro = model_rollout(s->m, s->ev->rollout);

	if (!ro || rollout_is_final(ro->state))
		return RC_OK;
	if (ro->state == ROLLOUT_ABORTING) {
		if (s->ev->weight > 0 || ro->zero_confirmed_at)
			return RC_OK;
		ro->confirmed = 0;
		ro->zero_confirmed_at = s->m->time;
		model_touch(s->m, AGG_ROLLOUT, ro->id);
		struct incident *i = incident_of_rollout(s->m, ro);
		if (i && i->state == INCIDENT_OPEN) {
			incident_set(s->m, i, INCIDENT_MITIGATED);
			incident_say(
				s, i,
				"traffic confirmed off the bad version at the data plane, %llu ms after the verdict",
				(unsigned long long)((s->m->time - ro->verdict_at) / USEC_MS));
			incident_notify(s, i, "incident.mitigated");
		}
		order_stop(s, ro, ro->image);
		return RC_OK;
	}
	if (s->ev->weight == ro->confirmed || s->ev->weight != ro->weight)
		return RC_OK;
	ro->confirmed = s->ev->weight;
	ro->step_at = s->m->time;
	model_touch(s->m, AGG_ROLLOUT, ro->id);
	if (ro->state != ROLLOUT_PROMOTING)
		return RC_OK;
	set_live(s, ro);
	struct incident *back = ro->is_return ? incident_of_rollout(s->m, ro) : NULL;
	if (back &&
	    back->state == INCIDENT_OPEN) { /* what a person took back is out of the traffic */
		incident_set(s->m, back, INCIDENT_MITIGATED);
		incident_say(s, back, "traffic confirmed off the bad version at the data plane");
		incident_notify(s, back, "incident.mitigated");
	}
	rollout_set(s->m, ro, ROLLOUT_VERIFYING, NULL);
	if (ro->previous && !streq(ro->previous, ro->image)) {
		order_stop(s, ro, ro->previous);
		return RC_OK;
	}
	rollout_set(s->m, ro, ROLLOUT_DONE, "live");
	rollout_finish(s, ro);
	return RC_OK;
}

enum rc on_replicas_stopped(struct step *s)
{
	struct rollout *ro = model_rollout(s->m, s->ev->rollout);

	if (!ro)
		return RC_OK;
	if (ro->state == ROLLOUT_VERIFYING && streq(s->ev->image, ro->previous)) {
		ro->old_stopped = true;
		rollout_set(s->m, ro, ROLLOUT_DONE, "live");
	} else if (ro->state == ROLLOUT_ABORTING && streq(s->ev->image, ro->image)) {
		ro->new_stopped = true;
		rollout_set(s->m, ro, ROLLOUT_ABORTED, NULL);
	} else {
		return RC_OK;
	}
	rollout_finish(s, ro);
	return RC_OK;
}
