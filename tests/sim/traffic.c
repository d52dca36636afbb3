/* Clients of production: each second some requests to every front door, more of them while a canary is judged. */
#include "flow/5-deploy/adapters_deploy.h"
#include "sim.h"

#define EVERY (200 * USEC_MS)

static const char *const units[SERVICES] = {"s0", "s1", "s2", "s3", "s4"};

static bool is_judged(const struct model *m, const char *unit)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ROLLOUT], e));) {
		const struct rollout *ro = e->value;

		if (ro->state == ROLLOUT_BAKING && streq(ro->unit, unit) &&
		    streq(ro->environment, "production"))
			return true;
	}
	return false;
}

static bool is_live(const struct model *m, const char *unit)
{
	const struct environment *env = model_environment(m, "production");

	if (env)
		vec_each(l, &env->live)
			if (streq(l->unit, unit))
				return true;
	return false;
}

static void request(struct sim *s, const char *unit)
{
	const struct route_server *server =
		route_fake_pick(s->route, "production", unit, rng_unit(&s->runner_rng));
	double ms = 2 + 18 * rng_unit(&s->runner_rng);
	uint16_t status = 200;

	if (!server) {
		s->result.nowhere++;
		return;
	}
	const char *image = NULL;
	enum content content = GOOD;
	vec_each(i, &s->images)
		if (streq(i->image, server->image)) {
			image = i->image;
			content = i->content;
		}
	BUG_ON(!image);
	if (content == ERRORS && rng_chance(&s->runner_rng, 0.2))
		status = 500;
	if (content == SLOW)
		ms *= 5;
	vec_push(&s->facts,
		 ((struct route_fact){.t = (double)runner_now(s->runner) / (double)USEC_SEC,
				      .environment = "production",
				      .unit = unit,
				      .image = image,
				      .index = server->index,
				      .status = status,
				      .ms = ms}));
}

static void some_traffic(void *arg)
{
	struct sim *s = arg;
	const struct model *m = mirror_model(s);

	for (unsigned i = 0; i < s->services && s->traffic_on; i++) {
		if (!is_live(m, units[i]))
			continue;
		unsigned n = is_judged(m, units[i]) ? s->load : s->load / 10 + 1;
		while (n--)
			request(s, units[i]);
	}
	runner_sim_at(s->runner, runner_sim_true(s->runner) + EVERY, some_traffic, s);
}

void traffic_begin(struct sim *s)
{
	s->traffic_on = true;
	s->load = (unsigned)rng_between(&s->rng, 10, 40);
	some_traffic(s);
}
