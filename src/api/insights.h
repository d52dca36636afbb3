/* What insights are made of. Only src/api/insights*.c use it. */
#pragma once
#include "api/catalog.h"
#include "api/reads.h"
#include "core/dora.h"

#define WAITS \
	40 /* places of a histogram: each a factor of 2^(1/2) from a millisecond up; the last one: 16 minutes and more */

/* What the jobs of one run came to: all of them, or a service's. */
struct run_stats {
	bool known;
	uint32_t jobs, cached; /* that ran or would have run: unaffected ones do not count */
	uint32_t failed;       /* of them, and may not */
	uint64_t ci_end;       /* when the last one of stage ci ended; 0: none did */
	uint64_t saved;        /* usec: how long the cached ones take by history */
	uint16_t waits[WAITS]; /* from ready to started */
};
void stats_add(struct run_stats *s, const struct job *job, uint64_t usually);
/* From a histogram of waits; usec. */
uint64_t waits_quantile(const uint64_t *waits, double share);

#define UNITS_KEPT 2 /* services asked for last */

struct kept_runs {
	char *unit; /* NULL: of whole runs, or free */
	uint64_t asked;
	VEC(struct run_stats) runs; /* index: number - 1; of runs that left the model */
};
struct insights {
	struct kept_runs kept[1 + UNITS_KEPT]; /* the first one: of whole runs */
	uint64_t turn;
};

/* What was asked, and what was read for it. */
struct insight {
	uint64_t since, until;
	const char *unit, *environment; /* of the request */
	VEC(struct run_stats)
	here;                 /* of runs that the model has, and those chosen: as insights.runs */
	VEC(uint32_t) wanted; /* runs to be read */
	VEC(bool) far;        /* the same order: it has a release, so jobs of other stages, too */
	VEC(struct run_stats) read; /* the same order */
	struct map usual;           /* "unit/job" -> usec of history */
};

/* insights_dora.c: "dora":{...} */
void insights_dora(struct json_out *o, const struct api *api, const struct insight *x);
