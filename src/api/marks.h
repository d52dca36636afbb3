/* Pins, vetoes and holds of environments, as the API shows them. Borrows from the model: on the loop. */
#pragma once
#include "api/reads.h"

#define MARK_MAP(X) X(MARK_PIN, "pin") X(MARK_VETO, "veto") X(MARK_HOLD, "hold")
ENUM_DECLARE(mark_kind, MARK_MAP, 3)
struct mark {
	enum mark_kind kind;
	const char *environment, *id, *unit, *image, *actor, *reason;
	const char *until_commit;       /* a pin */
	const char *release, *incident; /* a veto: what it came of */
	uint64_t since, until;
};
typedef VEC(struct mark) mark_list;
/* All of an environment's, those of a kind only, or (kinds: bits of 1 << kind) of several; ended ones (until <= now) are left out. */
void marks_take(mark_list *to, const struct environment *env, unsigned kinds, usec_t now);
void mark_write(struct json_out *o, const struct mark *m);
#define MARKS_ALL 7u
