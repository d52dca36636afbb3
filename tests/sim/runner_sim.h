/*
 * Port runner on a virtual clock. Work is done at a drawn time, its done() later; lanes keep their order, and nothing else does. Everything follows
 * from the seed of the rng. The world's own timers live beside the engine's and outlive it.
 */
#pragma once
#include "ports/runner.h"
#include "rng.h"

struct runner_faults {
	double lost;  /* chance that a result never comes back */
	double slow;  /* chance that a work takes seconds */
	bool reorder; /* works of other lanes may overtake widely */
};

struct runner *runner_sim_new(struct rng *rng, usec_t start);
void runner_sim_free(struct runner *r);
void runner_sim_faults(struct runner *r, const struct runner_faults *f);
/* A timer of the world: by true time, not lost with the engine. */
void runner_sim_at(struct runner *r, usec_t at, void (*fn)(void *), void *arg);
/* The clock that the world lives by; the engine's may have been set back or forward. */
usec_t runner_sim_true(struct runner *r);
/* Set the engine's clock (it never goes back for an engine that runs; only a new one sees that). */
void runner_sim_jump(struct runner *r, int64_t by);
/* Do the next thing, moving the clock; false: there is none. */
bool runner_sim_step(struct runner *r);
/* The engine is gone, as by kill -9: nothing of it happens any more. Works and timers that are under way give their memory back through their done()
 * without having been done. The engine must be stopped and is freed by the caller afterwards. */
void runner_sim_drop(struct runner *r);
/* Works of the engine that are not done yet. */
size_t runner_sim_busy(struct runner *r);
