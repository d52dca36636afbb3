/*
 * How often one may ask: a token bucket a key (an actor, an address), in a table of fixed size. Pure: the time comes from the caller.
 *
 * A bucket is one number: the time at which it will be full again. So a key that has not been seen lately needs no place in the table, and when
 * there are more keys at a time than places, the fullest bucket is forgotten: crowding lets somebody ask more, never less.
 */
#pragma once
#include "base/str.h"

#define RATES_SETS 512
#define RATES_WAYS 8

struct rate {
	uint32_t per_second; /* UINT32_MAX: no limit. At most 1,000,000 otherwise */
	uint32_t burst;      /* so many at once; at least 1 */
};
struct rate_bucket {
	uint64_t key; /* hash */
	usec_t full;  /* when it is full again; 0: a free place */
};
struct rates {
	uint64_t seed[2];
	struct rate_bucket sets[RATES_SETS][RATES_WAYS];
};
/* seed: unknown to those who choose keys. */
void rates_init(struct rates *t, const uint64_t seed[2]);
/* One more of this key at `now` (never goes back). 0: granted; else refused, and so many usec until one would be granted. */
MUST_CHECK usec_t rates_take(struct rates *t, struct str key, const struct rate *limit, usec_t now);
