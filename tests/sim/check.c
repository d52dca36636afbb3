/* The end of a history: nothing hangs, and the world is as the model says. */
#include "core/state.h"
#include "flow/5-deploy/adapters_deploy.h"
#include "sim.h"
#include "store/verify.h"

static bool any_pending(void *ctx, const struct store_pending *p)
{
	bool *any = ctx;

	*any = *any || !str_is(p->kind, "timer");
	return true;
}

bool is_quiet(struct sim *s)
{
	struct err ignored = {0};
	bool pending = false;
	const struct model *m = mirror_model(s);
	const struct engine_stats *st = s->engine ? engine_stats(s->engine) : NULL;

	if (!st || st->queue || s->result.failed || !queue_is_quiet(s))
		return false;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_RUN], e));)
		if (!model_is_ended(m, AGG_RUN, e->key))
			return false;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ROLLOUT], e));)
		if (!model_is_ended(m, AGG_ROLLOUT, e->key))
			return false;
	return store_outbox(s->store, any_pending, &pending, &ignored) == RC_OK &&
	       !pending; /* tries with a pause are under way, too */
}

static void check_hanging(struct sim *s)
{
	const struct model *m = mirror_model(s);

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ROLLOUT], e));) {
		const struct rollout *ro = e->value;

		if (!model_is_ended(m, AGG_ROLLOUT, e->key))
			sim_fail(
				s, 7,
				"%s of %s in %s hangs: %s, step %u, weight %g (%g), %u of %u ready; %s",
				ro->id, ro->unit, ro->environment, rollout_state_names[ro->state],
				ro->step, ro->weight, ro->confirmed, ro->ready, ro->want,
				ro->reason ? ro->reason : "");
	}
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_RELEASE], e));) {
		const struct release *r = e->value;

		if (!release_is_final(r->state)) /* a live one is kept: it can be taken back */
			sim_fail(s, 7, "%s hangs: %s, gate %s, %u jobs open, rolling back %d; %s",
				 r->id, release_state_names[r->state],
				 r->gate.decision ? r->gate.decision : "-", r->jobs_open,
				 r->rolling_back, r->reason ? r->reason : "");
	}
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_RUN], e));) {
		const struct run *run = e->value;

		if (!model_is_ended(m, AGG_RUN, e->key) &&
		    !run->manual) /* a manual job may still be started */
			sim_fail(s, 7, "%s hangs: %s, %u jobs open", run->id,
				 run_state_names[run->state], run->open);
	}
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ENVIRONMENT], e));) {
		const struct environment *env = e->value;

		if (env->active || env->queue.n)
			sim_fail(s, 5, "%s is still taken by %s, %zu wait", env->id,
				 env->active ? env->active : "nobody", env->queue.n);
	}
}

static bool see_pending(void *ctx, const struct store_pending *p)
{
	struct sim *s = ctx;

	if (!str_is(p->kind, "timer"))
		sim_fail(s, 7, "%.*s (%.*s) stays in the outbox after %u tries", (int)p->kind.n,
			 p->kind.p, (int)p->id.n, p->id.p, p->attempts);
	return true;
}

static bool is_live(const struct model *m, const char *environment, const char *unit,
		    const char *image)
{
	const struct environment *env = model_environment(m, environment);

	if (env)
		vec_each(l, &env->live)
			if (streq(l->unit, unit) && streq(l->image, image))
				return true;
	return false;
}

static void see_replica(void *ctx, const struct replica *r)
{
	struct sim *s = ctx;

	if (!is_live(mirror_model(s), r->environment, r->unit, r->image))
		sim_fail(s, 7, "%.19s of %s runs in %s and is not live there", r->image, r->unit,
			 r->environment);
}

struct counting {
	const struct live *live;
	const char *environment;
	unsigned n;
};

static void count_replica(void *ctx, const struct replica *r)
{
	struct counting *c = ctx;

	c->n += streq(r->environment, c->environment) && streq(r->unit, c->live->unit) &&
		streq(r->image, c->live->image);
}

static void check_world(struct sim *s)
{
	const struct model *m = mirror_model(s);
	struct err err = {0};

	runtime_fake_tick(s->runtime, sim_now(s));
	BUG_ON(runtime_poll(s->runtime, see_replica, s, &err) != RC_OK);
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ENVIRONMENT], e));) {
		const struct environment *env = e->value;

		vec_each(l, &env->live) {
			struct counting c = {l, env->id, 0};
			AUTO(freep) char *image = NULL;
			double share = 0;

			BUG_ON(runtime_poll(s->runtime, count_replica, &c, &err) != RC_OK);
			if (!c.n)
				sim_fail(s, 7, "%s is live in %s and nothing of it runs", l->unit,
					 env->id);
			if (sim_content_of(s, l->image) != CRASH &&
			    (route_confirm(s->route, env->id, l->unit, l->image, &share, &err) !=
				     RC_OK ||
			     share < 1))
				sim_fail(s, 3, "%s is live in %s and gets %g of the traffic",
					 l->unit, env->id, share);
			if (desired_image(s->desired, env->id, l->unit, &image, &err) != RC_OK ||
			    !streq(image, l->image))
				sim_fail(s, 6, "%.19s of %s is live in %s, desired is %.19s",
					 l->image, l->unit, env->id, image ? image : "nothing");
		}
	}
}

/* Traffic off a bad version is confirmed within a minute, whatever else is away (but not while the splitter or the journal itself is). */
static void check_zero(struct sim *s)
{
	const struct model *m = mirror_model(s);

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ROLLOUT], e));) {
		const struct rollout *ro = e->value;

		if (ro->zero_ordered_at &&
		    ro->zero_confirmed_at > ro->zero_ordered_at + USEC_MIN + s->outage &&
		    !s->jumped)
			sim_fail(
				s, 4, "%s: weight 0 was confirmed %llu s after it was ordered",
				ro->id,
				(unsigned long long)((ro->zero_confirmed_at - ro->zero_ordered_at) /
						     USEC_SEC));
	}
}

void check_end(struct sim *s)
{
	struct store_report report;
	struct err err = {0};

	mirror_compare(s, "at the end");
	if (!s->result.failed && store_verify(s->store, NULL, NULL, &report, &err) != RC_OK)
		sim_fail(s, 9, "%s", err.msg);
	queue_check(s);
	check_ci_end(s);
	check_hanging(s);
	if (!s->result.failed && store_outbox(s->store, see_pending, s, &err) != RC_OK)
		sim_fail(s, 9, "%s", err.msg);
	check_world(s);
	check_zero(s);
	if (!s->o.faults && !s->o.people && s->result.nowhere)
		sim_fail(s, 0, "%llu requests met no server although nothing was wrong",
			 (unsigned long long)s->result.nowhere);
}
