/* What happened to a rollout: its curves, and its decisions in words, from its records. On a worker. */
#pragma once
#include "api/reads.h"
#include "core/curve.h"

struct said {
	uint64_t at, seq; /* seq 0: not of one record */
	char *by, *text;
	bool end; /* of how it stands now: said anew each time */
};
struct story {
	struct rollout ro;
	struct curve *curve;
	VEC(struct said) decisions;       /* in order of time */
	uint64_t canary_n, canary_errors; /* over all of its windows */
	uint64_t seq;                     /* the last record that was read */
	uint64_t until; /* records beyond it are left: they are younger than ro; 0: all are read */
	/* while it is read */
	bool judged, stopped;
	uint64_t looked;
	enum rc rc;
	struct err *err;
};
/*
 * ro: its id, when story->ro was not copied from the model before. A story that was read before is read on: only records behind story->seq; its ro may be
 * released and copied anew before that. RC_NOT_FOUND: there is no such rollout. After a failure it can only be released.
 */
MUST_CHECK enum rc story_read(struct story *x, struct store *store, const char *ro,
			      struct err *err);
void story_done(struct story *x);
