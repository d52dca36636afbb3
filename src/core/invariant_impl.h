/* What the invariants remember from step to step. Inside core only. */
#pragma once
#include "core/invariant.h"
#include "core/state.h"

struct seen_rollout {
	enum rollout_state state;
	uint32_t step;
	double weight;
};
struct seen_veto {
	char *environment, *id, *unit, *image;
	uint64_t until;
};
struct seen_queue {
	texts refs;
};
struct invariant_memory {
	const char *secret;
	uint64_t seq;
	usec_t time;
	struct map rollouts; /* id -> struct seen_rollout * */
	struct map releases; /* id -> state + 1 */
	struct map items;    /* "release/unit" -> image */
	struct map lived;    /* "environment/unit/image" that was live once */
	struct map answered; /* effects that were answered */
	struct map owners;   /* job id -> "attempt agent" of one that runs */
	struct map used;     /* agent -> cpu in use, + 1 */
	struct map queued;   /* queue id -> struct seen_queue * */
	VEC(struct seen_veto) vetoes;
	unsigned broken;
};

typedef bool invariant_check(const struct invariant_memory *k, const struct model *m,
			     const struct event *ev, const struct effects *out, struct err *why);
invariant_check holds_evidence, holds_veto, holds_weights, holds_harm, holds_one_active,
	holds_known; /* invariant_way.c */
invariant_check holds_effects_once, holds_nothing_lost, holds_gate, holds_journal,
	holds_secret;                                                     /* invariant_record.c */
invariant_check holds_results, holds_capacity, holds_groups, holds_queue; /* invariant_agent.c */
void remember_jobs(struct invariant_memory *k, const struct model *m);
void remember_queues(struct invariant_memory *k, const struct model *m);
void forget_jobs_and_queues(struct invariant_memory *k);
bool broken(struct err *why, const char *fmt, ...) PRINTF(2, 3); /* false */
#define TOUCHED(t, m, k)           \
	vec_each(t, &(m)->touched) \
		if (t->kind == (k) && map_get(&(m)->by_kind[k], str_of(t->id)))
