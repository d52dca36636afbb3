/* What an event changed. Of a person's: members of the aggregates it names, before and after, for the journal. Inside the engine. */
#pragma once
#include "core/event.h"

struct was {
	enum aggregate_kind kind;
	char *id, *json; /* json NULL: it was not there */
};
struct before {
	VEC(struct was) list;
};
/* Of other events nothing is kept. */
void before_take(struct before *b, const struct model *m, const struct event *ev);
/* Fills ev->changes; releases b. */
void before_compare(struct before *b, const struct model *m, struct event *ev);
/* After step(): which run, release, rollout, incident came to be or to another state, of any event; their journal says what was decided. */
void changes_add_moves(const struct model *m, struct event *ev);
