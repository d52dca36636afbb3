/* Machines beside the daemon's own: they connect, die, stall, come back with what they had finished, and are drained by people. */
#include "sim.h"

#include "core/step_impl.h"

static const char *const names[SIM_AGENTS] = {"a1", "a2", "a3"};

static void tell(struct sim *s, unsigned i, bool ok)
{
	const struct sim_agent *a = &s->agents[i];
	struct event ev = {.kind = EV_AGENT,
			   .actor = xasprintf("agent:%s", names[i]),
			   .id = xstrdup(names[i]),
			   .ok = ok,
			   .cpu = a->cpu,
			   .memory = a->memory,
			   .text = xstrdup("sim")};

	if (a->label)
		vec_push(&ev.ids, xstrdup("linux"));
	engine_submit(s->engine, &ev);
	event_done(&ev);
}

static void answered(void *ctx, enum rc rc, const struct err *err, uint64_t seq)
{
	(void)seq;
	if (rc == RC_INTERNAL)
		sim_fail(ctx, 0, "a drain got: %s", err->msg);
}

static void drain(struct sim *s, const char *name, bool on)
{
	struct event ev = {
		.kind = EV_DRAIN, .actor = xstrdup("user:ann"), .id = xstrdup(name), .ok = on};

	engine_ask(s->engine, &ev, answered, s);
}

/* What it had done when nobody heard it any more: told late, as if nothing had happened. */
static void bring_back(struct sim *s, unsigned i)
{
	struct sim_agent *a = &s->agents[i];

	vec_each(left, &a->left) {
		struct event ev = {.kind = EV_JOB_ENDED,
				   .actor = xasprintf("agent:%s", names[i]),
				   .id = xstrdup(names[i]),
				   .job = xstrdup(left->job),
				   .count = left->attempt,
				   .outputs = left->outputs ? xstrdup(left->outputs) : NULL};
		const struct job *job = model_job(mirror_model(s), left->job);

		if (!job || !agent_owns(job, &ev)) { /* must not be taken: it would show */
			xfree(ev.outputs);
			ev.outputs = xstrdup("0123456789abcdef");
		}

		sim_say(s, "fault: %s comes back with %s, attempt %u", names[i], left->job,
			left->attempt);
		engine_submit(s->engine, &ev);
		event_done(&ev);
		xfree(left->job);
		xfree(left->outputs);
	}
	a->left.n = 0;
}

/* The hub tells until it is in the journal; a restart makes it look again. */
static void look(struct sim *s, unsigned i)
{
	const struct agent *known = model_agent(mirror_model(s), names[i]);
	struct sim_agent *a = &s->agents[i];
	bool there = known && known->state != AGENT_LOST;

	if (!s->engine || sim_now(s) < a->seen_at)
		return;
	if (a->up && !there)
		tell(s, i, true);
	if (!a->up && there)
		tell(s, i, false);
	if (a->up && there && a->left.n)
		bring_back(s, i);
}

static void comes(struct sim *s, unsigned i)
{
	static const uint32_t sizes[] = {1000, 2000, 4000};
	struct sim_agent *a = &s->agents[i];

	a->up = true;
	a->cpu = sizes[rng_below(&s->fault_rng, 3)];
	a->memory = rng_chance(&s->fault_rng, 0.5) ? (uint64_t)4 << 30 : 0;
	a->label = rng_chance(&s->fault_rng, 0.7);
	sim_say(s, "agent: %s comes", names[i]);
}

static void goes(struct sim *s, unsigned i)
{
	sim_say(s, "fault: %s dies", names[i]);
	s->result.injected++;
	s->agents[i].up = false;
	exec_sim_agent_dies(s->exec, names[i], &s->agents[i]);
}

static bool is_missed(const struct sim *s, unsigned i)
{
	const struct agent *known = model_agent(mirror_model(s), names[i]);

	return !known || known->state == AGENT_LOST;
}

bool agent_is_up(const struct sim *s, const char *name)
{
	for (unsigned i = 0; i < SIM_AGENTS; i++)
		if (streq(names[i], name))
			return s->agents[i].up;
	return true; /* here */
}

static void something(void *arg)
{
	struct sim *s = arg;
	unsigned i = (unsigned)rng_below(&s->fault_rng, SIM_AGENTS);
	struct sim_agent *a = &s->agents[i];
	uint64_t n = rng_below(&s->fault_rng, 100);

	if (!s->agents_on)
		return;
	if (a->up || is_missed(s, i))
		a->seen_at = sim_now(s) + rng_between(&s->fault_rng, 0, 4 * USEC_SEC);
	if (!a->up && is_missed(s, i))
		comes(s, i);
	else if (!a->up)
		; /* the hub ends an old connection before it takes a new one of that name */
	else if (n < 45 && s->o.faults)
		goes(s, i);
	else if (n < 60 && s->o.faults)
		exec_sim_agent_stalls(s->exec, names[i]); /* until it is given up */
	else if (n < 75 && s->engine)
		tell(s, i, true); /* it connects again without having been missed */
	else if (s->engine && s->o.people)
		drain(s, n < 90 ? names[i] : "local", rng_chance(&s->fault_rng, 0.5));
	runner_sim_at(s->runner,
		      sim_now(s) + rng_between(&s->fault_rng, USEC_SEC / 4, s->agents_pause),
		      something, s);
}

static void hub(void *arg)
{
	struct sim *s = arg;

	for (unsigned i = 0; i < SIM_AGENTS; i++) {
		if (s->agents[i].up && exec_sim_agent_is_stalled(s->exec, names[i])) {
			goes(s, i); /* silent for too long */
			s->agents[i].seen_at = sim_now(s) + 3 * USEC_SEC;
		}
		look(s, i);
	}
	runner_sim_at(s->runner, sim_now(s) + USEC_SEC / 2, hub, s);
}

void agents_start(struct sim *s)
{
	if (!s->with_agents)
		return;
	s->agents_on = true;
	s->agents_pause = rng_between(&s->fault_rng, 1, 12) * USEC_SEC;
	something(s);
	hub(s);
}

void agents_settle(struct sim *s)
{
	if (!s->with_agents)
		return;
	s->agents_on = false;
	for (unsigned i = 0; i < SIM_AGENTS; i++) {
		const struct agent *known = model_agent(mirror_model(s), names[i]);

		if (!s->agents[i].up && is_missed(s, i)) {
			comes(s, i);
			s->agents[i].cpu = 4000;
			s->agents[i].memory = 0;
			s->agents[i].label = true;
		}
		if (s->engine && known && known->state == AGENT_DRAINING)
			drain(s, names[i], false);
	}
	const struct agent *local = model_agent(mirror_model(s), "local");
	if (s->engine && local && local->state == AGENT_DRAINING)
		drain(s, "local", false);
}

void agents_done(struct sim *s)
{
	for (unsigned i = 0; i < SIM_AGENTS; i++) {
		vec_each(left, &s->agents[i].left) {
			xfree(left->job);
			xfree(left->outputs);
		}
		vec_done(&s->agents[i].left);
	}
}
