/* The ten invariants of the design, as far as a model and the last step's effects can show them. */
#pragma once
#include "core/step.h"

#define INVARIANTS 10
struct invariant { unsigned number; const char *text; bool (*holds)(const struct model *m, const struct event *ev, const struct effects *out, struct err *why); };
extern const struct invariant invariants[INVARIANTS];
/* Check all after a step. False and the first broken one's number and reason in why. */
bool invariants_hold(const struct model *m, const struct event *ev, const struct effects *out, struct err *why);
