/*
 * The invariants: the ten of the design and those of its CI engine, as far as a model, the event and the effects of the last step can show them. What needs history is remembered from
 * step to step; what needs the world (effects that ran twice, kills) the simulator adds.
 */
#pragma once
#include "core/step.h"

#define INVARIANTS 15
/* What a checker carries along. It begins with the first event of a journal, or with a model that was restored. */
struct invariant_memory;
struct invariant_memory *invariant_memory_new(
	const char *secret /* a value that may be seen nowhere; NULL: none is looked for */);
void invariant_memory_free(struct invariant_memory *k);

struct invariant {
	unsigned number;
	const char *text;
	bool (*holds)(const struct invariant_memory *k, const struct model *m,
		      const struct event *ev, const struct effects *out, struct err *why);
};
extern const struct invariant invariants[INVARIANTS];

/* Check all after a step that returned RC_OK, then remember it. False, and the first broken one's text and reason in why. */
bool invariants_hold(struct invariant_memory *k, const struct model *m, const struct event *ev,
		     const struct effects *out, struct err *why);
/* The number of the one that broke last; 0: none. */
unsigned invariant_broken(const struct invariant_memory *k);
