/* The one decision function. */
#pragma once
#include "core/effect.h"

/*
 * Apply one event. Pure: no clock, no I/O, no globals; the same model and event give the same model and effects, byte for byte. Appends to
 * `out` (ids are "seq.index", index from 0) and lists in m->touched what changed. Returns RC_OK also for events that came too late or twice (they
 * change nothing); RC_CONFLICT, RC_DENIED, RC_NOT_FOUND, RC_INVALID for what a person asked and may not or cannot have: then the model is
 * unchanged, and the engine journals the refusal, not the event.
 */
MUST_CHECK enum rc step(struct model *m, const struct event *ev, struct effects *out,
			struct err *err);
/* What a rollout of this image into this environment would deploy (the members id, plan and state are not looked at): for the plan of what is still to come. */
void fill_deploy(const struct model *m, const struct rollout *ro, struct deploy *d);
