/* Timers, effects that gave up, what a restart saw; forgetting what ended. */
#include "core/ready.h"
#include "core/step_impl.h"

#define KEEP_RUNS      64 /* ended runs that stay in memory, with all that is theirs */
#define KEEP_INCIDENTS 64

enum rc on_timer(struct step *s)
{
	const struct event *ev = s->ev;
	struct release *r = model_release(s->m, ev->release);
	struct rollout *ro = model_rollout(s->m, ev->rollout);
	struct environment *env = model_environment(s->m, ev->environment);

	if (streq(ev->text, "cron"))
		on_cron_timer(s);
	if (streq(ev->text, "agent"))
		on_agent_timer(s);
	if (streq(ev->text, "queue"))
		on_queue_timer(s);
	if (streq(ev->text, "gate") && r)
		gate_evaluate(s, r);
	if (streq(ev->text, "max") && ro &&
	    (ro->state == ROLLOUT_BAKING || ro->state == ROLLOUT_HOLDING ||
	     ro->state == ROLLOUT_APPLYING))
		rollout_abort(s, ro, "max",
			      "there was not enough evidence within strategy.canary.max");
	if (streq(ev->text, "settle") && ro)
		rollout_push(s, ro);
	if (streq(ev->text, "hold") && env) {
		for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_ROLLOUT], e));) {
			struct rollout *held = e->value;

			if (!streq(held->environment, env->id) || held->state != ROLLOUT_HOLDING ||
			    environment_hold(env, held->unit, s->m->time))
				continue;
			rollout_set(s->m, held, held->held_from, NULL);
			rollout_push(s, held);
		}
		environment_next(s, env);
	}
	return RC_OK;
}

/* An effect that nobody will try again: whoever waits for it must hear. */
enum rc on_effect_failed(struct step *s)
{
	const struct event *ev = s->ev;
	struct rollout *ro = model_rollout(s->m, ev->rollout);
	struct release *r = model_release(s->m, ev->release);
	struct incident *i = ro  ? incident_of_rollout(s->m, ro)
			     : r ? model_incident(s->m, r->incident)
				 : NULL;

	if (i && i->state != INCIDENT_CLOSED)
		incident_say(s, i, "%s failed: %s", ev->type ? ev->type : "an effect",
			     ev->error ? ev->error : "unknown");
	if (ro && may_follow(rollout_next, ro->state, ROLLOUT_ABORTING))
		rollout_abort(s, ro, "plan", ev->error ? ev->error : "an effect failed");
	return RC_OK;
}

static void start_again(struct step *s, const struct rollout *ro, uint32_t count)
{
	struct effect *e = order(s, EF_START_REPLICAS, "run/%s/%s", ro->environment, ro->unit);

	fill_deploy(s->m, ro, &e->deploy);
	e->count = count;
}

/* What is live in an environment, as a rollout that was over long ago. */
static void start_live(struct step *s, struct environment *env)
{
	for (size_t i = 0; i < env->live.n; i++) {
		const struct live *l = &env->live.v[i];
		const struct unit *u = model_unit(s->m, l->unit, NULL);
		struct rollout was = {.environment = env->id,
				      .unit = l->unit,
				      .image = l->image,
				      .is_return = true,
				      .replicas = u && u->replicas ? u->replicas : 1};

		if (u)
			start_again(s, &was, was.replicas);
	}
}

/* The machine may have been down: starting is idempotent, so that nothing happens to what runs. */
void run_again(struct step *s)
{
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_ENVIRONMENT], e));)
		start_live(s, e->value);
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_ROLLOUT], e));) {
		const struct rollout *ro = e->value;
		bool runs = ro->state == ROLLOUT_APPLYING || ro->state == ROLLOUT_BAKING ||
			    ro->state == ROLLOUT_HOLDING || ro->state == ROLLOUT_PROMOTING;

		if (runs && ro->want)
			start_again(s, ro, ro->want);
	}
}

static bool may_forget(const struct model *m, const struct run *run)
{
	return model_is_ended(m, AGG_RUN, run->id);
}

static void forget_jobs(struct step *s, const char *run)
{
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_JOB], e));) {
		struct job *job = e->value;

		if (streq(job->run, run))
			model_forget(s->m, AGG_JOB, job->id);
	}
}

static void forget_release(struct step *s, const char *release)
{
	for (struct map_entry *e = NULL;
	     release && (e = map_next(&s->m->by_kind[AGG_ROLLOUT], e));) {
		struct rollout *ro = e->value;

		if (streq(ro->release, release))
			model_forget(s->m, AGG_ROLLOUT, ro->id);
	}
	if (release && model_release(s->m, release) && model_is_ended(s->m, AGG_RELEASE, release))
		model_forget(s->m, AGG_RELEASE, release);
}

static bool config_used(const struct model *m, const char *digest)
{
	if (streq(model_project(m)->config, digest))
		return true;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_SOURCE], e));)
		if (streq(((struct project_repo *)e->value)->config, digest))
			return true;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_RUN], e));)
		if (streq(((struct run *)e->value)->config, digest))
			return true;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_RELEASE], e));)
		if (streq(((struct release *)e->value)->config, digest))
			return true;
	return false;
}

static void forget_configs(struct step *s)
{
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_CONFIG], e));) {
		struct config_ref *ref = e->value;

		if (!config_used(s->m, ref->id))
			model_forget(s->m, AGG_CONFIG, ref->id);
	}
}

static bool touched_now(const struct model *m, const char *id)
{
	vec_each(t, &m->touched)
		if (streq(t->id, id))
			return true;
	return false;
}

/* Releases that outlived their run, because they were live, and are not any more. */
static void forget_replaced(struct step *s)
{
	VEC(char *) ids = {0};

	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_RELEASE], e));) {
		const struct release *r = e->value;

		if (!model_run(s->m, r->run) && model_is_ended(s->m, AGG_RELEASE, r->id) &&
		    !touched_now(s->m, r->id))
			vec_push(&ids, xstrdup(r->id));
	}
	vec_each(id, &ids) {
		model_forget(s->m, AGG_RELEASE, *id);
		xfree(*id);
	}
	vec_done(&ids);
}

/* A start finds in the store only what had not ended, and orders jobs that wait anew: a replay of the journal does the same. */
void forget_ended(struct step *s)
{
	VEC(struct touch) ended = {0};

	for (unsigned k = 0; k < AGG_KINDS; k++)
		for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[k], e));)
			if (model_is_ended(s->m, (enum aggregate_kind)k, e->key))
				vec_push(&ended, ((struct touch){.kind = (enum aggregate_kind)k,
								 .id = xstrdup(e->key)}));
	vec_each(t, &ended) {
		model_forget(s->m, t->kind, t->id);
		xfree(t->id);
	}
	vec_done(&ended);
	ready_rebuild(s->m);
}

void evict(struct step *s)
{
	struct map *runs = &s->m->by_kind[AGG_RUN];
	bool any = false;

	for (struct map_entry *e = map_next(runs, NULL); e && runs->n > KEEP_RUNS;
	     e = map_next(runs, e)) {
		struct run *run = e->value;

		if (!may_forget(s->m, run) || touched_now(s->m, run->id) ||
		    (run->release && touched_now(s->m, run->release)))
			continue;
		forget_release(s, run->release);
		forget_jobs(s, run->id);
		model_forget(s->m, AGG_RUN, run->id);
		any = true;
	}
	if (any) {
		forget_replaced(s);
		forget_configs(s);
	}
	if (s->ev->kind == EV_LOGIN || s->ev->kind == EV_TOKEN_END || s->ev->kind == EV_GRANT_END)
		access_evict(s);
	struct map *incidents = &s->m->by_kind[AGG_INCIDENT];
	for (struct map_entry *e = map_next(incidents, NULL); e && incidents->n > KEEP_INCIDENTS;
	     e = map_next(incidents, e)) {
		struct incident *i = e->value;

		if (i->state == INCIDENT_CLOSED && !touched_now(s->m, i->id))
			model_forget(s->m, AGG_INCIDENT, i->id);
	}
}
