/* Invariants of the way into an environment: evidence, vetoes, weights, harm, one at a time. */
#include "core/invariant_impl.h"

static bool is_judged(enum rollout_state s)
{
	return s == ROLLOUT_APPLYING || s == ROLLOUT_BAKING || s == ROLLOUT_PROMOTING ||
	       s == ROLLOUT_HOLDING;
}

static bool has_evidence(const struct release *r, const char *image, const char *type,
			 const char *stage)
{
	vec_each(e, &r->evidence)
		if (streq(e->image, image) && streq(e->type, type) && streq(e->stage, stage))
			return true;
	return false;
}

static bool item_kept(const struct invariant_memory *k, const struct release *r,
		      const struct release_item *item, struct err *why)
{
	AUTO(freep) char *key = xasprintf("%s/%s", r->id, item->unit);
	const char *was = map_get(&k->items, str_of(key));

	return !was || streq(was, item->image) ||
	       broken(why, "%s of %s was built again: %.19s became %.19s", item->unit, r->id, was,
		      item->image);
}

/* A version is started only when its release has, for that very digest, what the stages before left. One that returns was there before. */
static bool may_start(const struct invariant_memory *k, const struct model *m,
		      const struct rollout *ro, struct err *why)
{
	const struct release *r = model_release(m, ro->release);
	const struct environment *env = model_environment(m, ro->environment);
	AUTO(freep) char *key = xasprintf("%s/%s/%s", ro->environment, ro->unit, ro->image);

	if (ro->is_return)
		return map_get(&k->lived, str_of(key)) ||
		       broken(why, "%s brings %.19s back, which was never live in %s", ro->id,
			      ro->image, ro->environment);
	if (!r)
		return broken(why, "%s has no release", ro->id);
	bool good = r->verified && has_evidence(r, ro->image, "build", "ci") &&
		    has_evidence(r, ro->image, "tests", "ci");
	if (env->stage == STAGE_PRODUCTION)
		good = good && has_evidence(r, ro->image, "tests", "staging") &&
		       has_evidence(r, ro->image, "decision", "gate");
	return good || broken(why, "%s puts %.19s into %s without verified evidence", ro->id,
			      ro->image, ro->environment);
}

/* After a restart what should run is started again, without a word of a rollout. */
static bool is_live(const struct model *m, const struct deploy *d)
{
	const struct environment *env = model_environment(m, d->environment);

	if (env)
		vec_each(l, &env->live)
			if (streq(l->unit, d->unit) && streq(l->image, d->image))
				return true;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ROLLOUT], e));) {
		const struct rollout *ro = e->value;

		if (streq(ro->environment, d->environment) && streq(ro->unit, d->unit) &&
		    streq(ro->image, d->image) && is_judged(ro->state))
			return true;
	}
	return false;
}

bool holds_evidence(const struct invariant_memory *k, const struct model *m, const struct event *ev,
		    const struct effects *out, struct err *why)
{
	(void)ev;
	TOUCHED(t, m, AGG_RELEASE)
	{
		const struct release *r = model_release(m, t->id);

		vec_each(item, &r->items)
			if (!item_kept(k, r, item, why))
				return false;
	}
	vec_each(f, &out->list) {
		const struct rollout *ro =
			f->kind == EF_START_REPLICAS ? model_rollout(m, f->rollout) : NULL;

		if (f->kind == EF_START_REPLICAS && !f->rollout && !is_live(m, &f->deploy))
			return broken(why, "%.19s is started in %s, where it should not run",
				      f->deploy.image, f->deploy.environment);
		if (f->kind == EF_START_REPLICAS && f->rollout &&
		    (!ro || !streq(ro->image, f->deploy.image)))
			return broken(why, "replicas of another image than that of %s are started",
				      f->rollout);
		if (ro && !may_start(k, m, ro, why))
			return false;
	}
	return true;
}

/* Before this step, and not lifted or ended by it. */
static bool is_vetoed(const struct invariant_memory *k, const struct model *m,
		      const struct event *ev, const char *environment, const char *unit,
		      const char *image)
{
	vec_each(v, &k->vetoes) {
		bool over = v->until && v->until <= m->time;
		bool lifted = ev->kind == EV_UNVETO && streq(ev->environment, v->environment) &&
			      streq(ev->id, v->id);

		if (streq(v->environment, environment) && streq(v->image, image) &&
		    (!v->unit || streq(v->unit, unit)) && !over && !lifted)
			return true;
	}
	return false;
}

static bool vetoes_stand(const struct invariant_memory *k, const struct model *m,
			 const struct event *ev, struct err *why)
{
	vec_each(v, &k->vetoes) {
		const struct environment *env = model_environment(m, v->environment);
		bool there = v->until && v->until <= m->time;

		there = there || (ev->kind == EV_UNVETO && streq(ev->id, v->id));
		for (size_t i = 0; env && i < env->vetoes.n; i++)
			there = there || streq(env->vetoes.v[i].id, v->id);
		if (!there)
			return broken(why, "%s of %.19s in %s is gone and nobody lifted it", v->id,
				      v->image, v->environment);
	}
	return true;
}

bool holds_veto(const struct invariant_memory *k, const struct model *m, const struct event *ev,
		const struct effects *out, struct err *why)
{
	if (!vetoes_stand(k, m, ev, why))
		return false;
	vec_each(f, &out->list) {
		const struct rollout *ro = model_rollout(m, f->rollout);
		bool puts = f->kind == EF_START_REPLICAS || f->kind == EF_PLAN_DEPLOY ||
			    (f->kind == EF_SET_WEIGHT && f->weight > 0);

		if (puts && ro && is_vetoed(k, m, ev, ro->environment, ro->unit, ro->image))
			return broken(why, "%s puts vetoed %.19s into %s again",
				      effect_kind_names[f->kind], ro->image, ro->environment);
	}
	return true;
}

static bool may_grow(const struct seen_rollout *seen, const struct rollout *ro,
		     const struct event *ev, struct err *why)
{
	if (!seen || ro->step == seen->step)
		return true;
	if (ro->step != seen->step + 1)
		return broken(why, "%s went from step %u to %u", ro->id, seen->step, ro->step);
	bool passed = ev->kind == EV_FACTS && streq(ev->rollout, ro->id) &&
		      streq(ro->numbers.answer, "pass");
	bool ordered = ev->kind == EV_PROMOTE && streq(ev->rollout, ro->id);

	return passed || ordered ||
	       broken(why, "%s went to step %u without a pass (%s)", ro->id, ro->step,
		      ro->numbers.answer ? ro->numbers.answer : "none");
}

static bool ends_with_zero_first(const struct seen_rollout *seen, const struct rollout *ro,
				 const struct effects *out, struct err *why)
{
	if (ro->state != ROLLOUT_ABORTING || (seen && seen->state == ROLLOUT_ABORTING))
		return true;
	if (out->list.n == 0 || out->list.v[0].kind != EF_SET_WEIGHT || out->list.v[0].weight > 0)
		return broken(why, "%s ends, and weight 0 is not the first order", ro->id);
	vec_each(f, &out->list)
		if (streq(f->rollout, ro->id))
			return (f->kind == EF_SET_WEIGHT && f->weight <= 0) ||
			       broken(why, "%s ends, and its first order is %s", ro->id,
				      effect_kind_names[f->kind]);
	return broken(why, "%s ends without weight 0", ro->id);
}

bool holds_weights(const struct invariant_memory *k, const struct model *m, const struct event *ev,
		   const struct effects *out, struct err *why)
{
	TOUCHED(t, m, AGG_ROLLOUT)
	{
		const struct rollout *ro = model_rollout(m, t->id);
		const struct seen_rollout *seen = map_get(&k->rollouts, str_of(t->id));

		if (ro->weight < 0 || ro->weight > 1)
			return broken(why, "%s has weight %g", ro->id, ro->weight);
		if (ro->step < ro->strategy.steps.n &&
		    ro->weight > ro->strategy.steps.v[ro->step].share)
			return broken(why, "%s has weight %g in step %u", ro->id, ro->weight,
				      ro->step);
		if (ro->weight > (seen ? seen->weight : 0) &&
		    (ro->state == ROLLOUT_ABORTING || ro->state == ROLLOUT_ABORTED ||
		     ro->state == ROLLOUT_HOLDING))
			return broken(why, "the weight of %s grows while it is %s", ro->id,
				      rollout_state_names[ro->state]);
		if (!may_grow(seen, ro, ev, why) || !ends_with_zero_first(seen, ro, out, why))
			return false;
	}
	vec_each(f, &out->list) {
		const struct rollout *ro =
			f->kind == EF_SET_WEIGHT ? model_rollout(m, f->rollout) : NULL;

		if (ro && f->weight > 0 && (f->weight != ro->weight || !streq(f->image, ro->image)))
			return broken(why, "weight %g is ordered for %s, which has %g", f->weight,
				      ro->id, ro->weight);
	}
	return true;
}

bool holds_harm(const struct invariant_memory *k, const struct model *m, const struct event *ev,
		const struct effects *out, struct err *why)
{
	(void)k;
	(void)out;
	const struct rollout *ro = ev->kind == EV_FACTS ? model_rollout(m, ev->rollout) : NULL;
	if (ro && is_judged(ro->state) && streq(ro->numbers.answer, "fail"))
		return broken(why, "%s goes on although the verdict is fail", ro->id);
	if (ev->kind != EV_REPLICA || ev->count < 3 || ev->replica != REPLICA_BACKOFF)
		return true;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ROLLOUT], e));) {
		ro = e->value;
		if (streq(ro->environment, ev->environment) && streq(ro->unit, ev->unit) &&
		    streq(ro->image, ev->image) && is_judged(ro->state))
			return broken(why, "%s goes on although a replica crashed %u times", ro->id,
				      ev->count);
	}
	return true;
}

static bool waits_somewhere(const struct model *m, const struct release *r, struct err *why)
{
	const struct config *c = model_config(m, r->config);
	const struct environment *env =
		c ? model_environment(m, r->state == RELEASE_GATED ? c->production_env
								   : c->staging_env)
		  : NULL;
	bool there = env && streq(env->active, r->id);

	for (size_t i = 0; env && i < env->queue.n; i++)
		there = there || streq(env->queue.v[i], r->id);
	return there ||
	       broken(why, "%s is %s and in no queue", r->id, release_state_names[r->state]);
}

static bool active_once(const struct model *m, const struct rollout *ro, struct err *why)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ROLLOUT], e));) {
		const struct rollout *other = e->value;

		if (other != ro && !rollout_is_final(other->state) &&
		    streq(other->environment, ro->environment) && streq(other->unit, ro->unit))
			return broken(why, "%s and %s of %s are under way in %s", ro->id, other->id,
				      ro->unit, ro->environment);
	}
	return true;
}

/* A pin that waits for a change to be taken back in Git ends with the run of that commit. */
static bool pins_end(const struct model *m, const struct run *run, struct err *why)
{
	if (run->state != RUN_PASSED || !run->change.reverts || run->change.kind == CHANGE_PULL)
		return true;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ENVIRONMENT], e));) {
		const struct environment *env = e->value;

		vec_each(p, &env->pins)
			if (streq(p->until_commit, run->change.commit))
				return broken(why, "%s of %s in %s stays although %s built %.12s",
					      p->id, p->unit, env->id, run->id, run->change.commit);
	}
	return true;
}

bool holds_one_active(const struct invariant_memory *k, const struct model *m,
		      const struct event *ev, const struct effects *out, struct err *why)
{
	(void)k;
	(void)out;
	TOUCHED(t, m, AGG_ROLLOUT)
	{
		const struct rollout *ro = model_rollout(m, t->id);

		if (!rollout_is_final(ro->state) && !active_once(m, ro, why))
			return false;
	}
	if (ev->kind == EV_CHANGE_PLANNED || ev->kind == EV_JOB_ENDED ||
	    ev->kind == EV_CHANGE_REVERTED)
		for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_RUN], e));)
			if (!pins_end(m, e->value, why))
				return false;
	TOUCHED(t, m, AGG_RELEASE)
	{
		const struct release *r = model_release(m, t->id);

		if (r->state == RELEASE_GATED && !waits_somewhere(m, r, why))
			return false;
		if (release_is_final(r->state) && !r->reason)
			return broken(why, "%s is %s and does not say why", r->id,
				      release_state_names[r->state]);
		if (r->state == RELEASE_STAGED && !r->gate.decision)
			return broken(why, "%s is staged and the gate was not asked", r->id);
	}
	return true;
}

static bool live_is_known(const struct model *m, const struct environment *env, struct err *why)
{
	vec_each(l, &env->live) {
		const struct release *r = l->release ? model_release(m, l->release) : NULL;

		if (l->release && !r)
			return broken(why, "%s of %s is live in %s and forgotten", l->release,
				      l->unit, env->id);
		if (r && r->config && !model_config(m, r->config))
			return broken(why, "the penstock.yml of %s, live in %s, is forgotten",
				      r->id, env->id);
	}
	return true;
}

bool holds_known(const struct invariant_memory *k, const struct model *m, const struct event *ev,
		 const struct effects *out, struct err *why)
{
	(void)k;
	(void)out;
	TOUCHED(t, m, AGG_ENVIRONMENT)
	{
		if (!live_is_known(m, model_environment(m, t->id), why))
			return false;
	}
	for (struct map_entry *e = NULL;
	     ev->kind == EV_STARTED && (e = map_next(&m->by_kind[AGG_ENVIRONMENT], e));)
		if (!live_is_known(m, e->value, why))
			return false;
	return true;
}
