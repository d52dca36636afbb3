/*
 * The machines: which state may follow which, as tables that a test walks whole, and the only functions that change a state. Inside core only.
 */
#pragma once
#include "core/step.h"

/* from -> set of states, as bits. */
extern const uint16_t run_next[6], job_next[JOB_STATES], release_next[10], rollout_next[10],
	incident_next[3];
static inline bool may_follow(const uint16_t *next, unsigned from, unsigned to)
{
	return (next[from] >> to) & 1;
}

static inline bool run_is_final(enum run_state s)
{
	return run_next[s] == 0;
}
static inline bool release_is_final(enum release_state s)
{
	return release_next[s] == 0;
}
static inline bool rollout_is_final(enum rollout_state s)
{
	return rollout_next[s] == 0;
}
static inline bool job_is_final(enum job_state s)
{
	return job_next[s] == 0;
}
static inline bool job_is_good(enum job_state s)
{
	return s == JOB_PASSED || s == JOB_CACHED || s == JOB_UNAFFECTED || s == JOB_FLAKY;
}

/* Set the state (a move that the table lacks is our bug and aborts), the reason (copied; NULL keeps), mark as touched. */
void run_set(struct model *m, struct run *r, enum run_state to, const char *reason);
void job_set(struct model *m, struct job *j, enum job_state to, const char *why);
/* The one way out of an end state, by a person's order: a failed job is ready again, in its kept workspace. What its run came to stays. */
void job_reopen(struct model *m, struct job *j, const char *why);
void release_set(struct model *m, struct release *r, enum release_state to, const char *reason);
void rollout_set(struct model *m, struct rollout *ro, enum rollout_state to, const char *reason);
void incident_set(struct model *m, struct incident *i, enum incident_state to);

/* Storage of aggregates. */
void *model_get(const struct model *m, enum aggregate_kind kind, const char *id);
void *model_add(struct model *m, enum aggregate_kind kind,
		const char *id); /* zeroed; the caller sets its id */
void model_forget(struct model *m, enum aggregate_kind kind, const char *id);
void model_touch(struct model *m, enum aggregate_kind kind, const char *id);
void model_untouch(struct model *m);
/* It leaves the state `from` (a name of its table), or is new (NULL); the first of a step counts. */
void model_moved(struct model *m, enum aggregate_kind kind, const char *id, const char *from);
bool agent_is_over(const struct agent *a); /* lost, long ago */
