/* What happened to a rollout: its curves, and its decisions in words, from its records. On a worker. */
#pragma once
#include "api/reads.h"
#include "core/curve.h"

struct said {
	uint64_t at, seq; /* seq 0: not of one record */
	char *by, *text;
};
struct story {
	struct rollout ro;
	struct curve *curve;
	VEC(struct said) decisions;       /* in order of time */
	uint64_t canary_n, canary_errors; /* over all of its windows */
	/* while it is read */
	bool judged, stopped;
	uint64_t looked;
	enum rc rc;
	struct err *err;
};
/* ro: its id, when story->ro was not copied from the model before. RC_NOT_FOUND: there is no such rollout. */
MUST_CHECK enum rc story_read(struct story *x, struct store *store, const char *ro,
			      struct err *err);
void story_done(struct story *x);
