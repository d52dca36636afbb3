/* What goes wrong: drawn once for the whole history (how bad it is), then again and again. */
#include "flow/5-deploy/adapters_deploy.h"
#include "sim.h"
#include "store/adapters.h"

static void later(struct sim *s, void (*fn)(void *), usec_t from, usec_t to)
{
	runner_sim_at(s->runner, sim_now(s) + rng_between(&s->fault_rng, from, to), fn, s);
}

static void store_returns(void *arg)
{
	struct sim *s = arg;

	store_memory_fail(s->store, 0, RC_OK);
}

static void away(struct sim *s, enum sim_port port)
{
	static const char *const names[PORTS] = {"scm",     "exec",    "pack",  "sign",
						 "desired", "runtime", "route", "notify"};
	usec_t d = rng_between(&s->fault_rng, 200 * USEC_MS, 12 * USEC_SEC);

	sim_say(s, "fault: %s is away for %llu ms", names[port], (unsigned long long)(d / USEC_MS));
	s->down[port].until = sim_now(s) + d;
	s->down[port].rc = RC_UNAVAILABLE;
	s->outage += d;
}

static void store_away(struct sim *s)
{
	usec_t d = rng_between(&s->fault_rng, 200 * USEC_MS, 8 * USEC_SEC);

	sim_say(s, "fault: the store is full for %llu ms", (unsigned long long)(d / USEC_MS));
	store_memory_fail(s->store, (uint32_t)rng_below(&s->fault_rng, 3),
			  rng_chance(&s->fault_rng, 0.5) ? RC_NO_SPACE : RC_UNAVAILABLE);
	s->outage += d;
	runner_sim_at(s->runner, sim_now(s) + d, store_returns, s);
}

static void something(void *arg)
{
	struct sim *s = arg;

	if (!s->faults_on)
		return;
	s->result.injected++;
	switch (rng_below(&s->fault_rng, 12)) {
	case 0:
	case 1:
	case 2:
	case 3:
		s->crash_due = true;
		break;
	case 4:
		store_away(s);
		break;
	case 5:
		sim_say(s, "fault: the splitter lies");
		route_fake_lie(s->route, (uint32_t)rng_between(&s->fault_rng, 1, 3));
		break;
	case 6:
		sim_say(s, "fault: the splitter is slow");
		route_fake_slow(s->route, (uint32_t)rng_between(&s->fault_rng, 1, 3));
		break;
	case 7:
		exec_sim_lose(s->exec);
		break;
	case 8:
		s->jump = ((int64_t)rng_below(&s->fault_rng, 7200) - 3600) * (int64_t)USEC_SEC;
		if (s->o.ci && rng_chance(&s->fault_rng, 0.5)) /* it was down for longer */
			s->jump += 3600 * (int64_t)USEC_SEC;
		s->crash_due = true;
		break;
	default:
		away(s, (enum sim_port)rng_below(&s->fault_rng, PORTS));
	}
	later(s, something, 50 * USEC_MS, s->fault_pause);
}

void faults_start(struct sim *s)
{
	struct runner_faults f = {0};

	if (!s->o.faults || rng_chance(&s->fault_rng, 0.15))
		return;
	s->faults_on = true;
	s->fault_pause = rng_between(&s->fault_rng, 2, 30) * USEC_SEC;
	if (rng_chance(&s->fault_rng, 0.5))
		s->p_before = rng_unit(&s->fault_rng) * 0.05;
	if (rng_chance(&s->fault_rng, 0.5))
		s->p_after = rng_unit(&s->fault_rng) * 0.05;
	if (rng_chance(&s->fault_rng, 0.5))
		s->p_twice = rng_unit(&s->fault_rng) * 0.1;
	if (rng_chance(&s->fault_rng, 0.4))
		s->p_again = rng_unit(&s->fault_rng) * 0.1;
	f.lost = rng_chance(&s->fault_rng, 0.3) ? rng_unit(&s->fault_rng) * 0.004 : 0;
	f.slow = rng_chance(&s->fault_rng, 0.3) ? rng_unit(&s->fault_rng) * 0.05 : 0;
	f.reorder = rng_chance(&s->fault_rng, 0.4);
	runner_sim_faults(s->runner, &f);
	later(s, something, 0, s->fault_pause);
}

/* Everything is well again. What was lost is found by a restart. */
void faults_stop(struct sim *s)
{
	struct runner_faults none = {0};

	if (!s->faults_on)
		return;
	sim_say(s, "fault: no more faults");
	s->faults_on = false;
	runner_sim_faults(s->runner, &none);
	memset(s->down, 0, sizeof(s->down));
	store_returns(s);
	route_fake_lie(s->route, 0);
	route_fake_slow(s->route, 0);
	s->crash_due = false;
	if (!s->result.failed)
		sim_crash(s);
}
