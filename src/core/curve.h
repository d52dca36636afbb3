/*
 * The two curves of a rollout, with what the verdict said at each point: replayed from its records, so that people see afterwards what the engine saw. Pure.
 *
 * What the verdict compares of latencies are counts: the share of requests slower than the stable side's own p50, p95, p99 of that time (the canary's against
 * these thresholds times the step's promotion ratio). What those are in milliseconds stands beside them, in records of engines that write it.
 *
 * The interval around the difference of two shares is Newcombe's, made of two Wilson score intervals, at 95 %, over the step's requests so far: for the
 * eye. It is not what decides: that are the e-values beside it, which may be looked at every second.
 *
 * A curve keeps at most CURVE_KEPT points: above that, seconds next to one another are put together, so that one that is followed for days stays small.
 */
#pragma once
#include "core/event.h"
#include "core/watch.h"

#define CURVE_KEPT    1200
#define CURVE_METRICS (1 + VERDICT_LATENCIES) /* VERDICT_ERRORS .. VERDICT_P99 */

struct curve_side {
	uint64_t n, errors;
	uint64_t slow[VERDICT_LATENCIES]; /* above the thresholds for promotion */
};
/* A metric's share of the canary less the stable one's, over the step so far; margin: how much more it may be for a pass. */
struct curve_difference {
	double estimate, low, high, margin;
};
struct curve_point {
	uint64_t second;                  /* since 1970: where it begins */
	uint32_t step;                    /* index of strategy.steps */
	double weight;                    /* confirmed for the canary */
	struct curve_side canary, stable; /* of these seconds */
	bool judged;                      /* a verdict ran: what follows counts */
	enum verdict_answer answer;
	enum verdict_metric metric, harm_metric;
	double evidence, wanted, harm_evidence, harm_wanted;
	struct curve_difference difference[CURVE_METRICS];
	struct facts_latency latency[VERDICT_LATENCIES];
};
struct curve;
/* strategy is borrowed; final_step: where the rollout stands in the end, which the replay does not pass (a hold is not among its records). */
struct curve *curve_new(const struct strategy *st, uint32_t final_step);
/* The rollout came farther since: what is replayed from now on may pass that step, too. */
void curve_reach(struct curve *c, uint32_t final_step);
void curve_free(struct curve *c);
/* Its records, in order. ret may be NULL; *ret is what the verdict said when it was fed. */
void curve_event(struct curve *c, const struct event *ev, struct verdict_report *ret);
uint32_t curve_step(const struct curve *c); /* where it is after the last record */
/* At most max points: seconds next to one another are put together. *ret_seconds: how many went into each. *ret is valid until the next call. */
size_t curve_points(struct curve *c, size_t max, const struct curve_point **ret,
		    uint32_t *ret_seconds);

/* Wilson's score interval of k in n at 95 %; n 0: 0..1. */
void wilson_interval(uint64_t k, uint64_t n, double *ret_low, double *ret_high);
