/*
 * What lists, insights and search look at of every run, release, rollout and incident that there ever was: a few members of each, in memory. A shelf is read
 * from the store when it is first asked for, on a worker; after that the model's things (the open and the recent ones) are looked at again each time, and
 * those that left the model are read once more. On the loop's thread only.
 */
#pragma once
#include "api/api_impl.h"

#define CATALOG_MAX 200000 /* newest things of a kind that are read at first */

enum shelf_kind { SHELF_RUNS, SHELF_RELEASES, SHELF_ROLLOUTS, SHELF_INCIDENTS, SHELVES };
#define SHELF(kind) (1u << (kind))

/* Texts belong to the shelf and are never freed before it. What a kind does not have is NULL or 0. */
struct row {
	uint32_t number; /* 12 of "run-12"; 0: there is no such thing */
	uint8_t state;
	enum change_kind change; /* run, release */
	bool returns;            /* rollout: brings back an earlier version */
	bool mends;              /* run, release: takes back or repairs what an earlier one did */
	uint32_t run, release, rollout; /* numbers of its own; incident: what it is about */
	uint64_t at, ended_at;          /* made, built, opened; ended, closed */
	uint64_t pushed_at;             /* run, release: of its commit */
	uint64_t staged_at, gated_at;   /* release */
	uint64_t reached_at, live_at;   /* rollout: first traffic, all of it; 0: never */
	uint64_t harm_at;               /* rollout */
	uint64_t zero_at;               /* rollout: traffic was off it; incident: mitigated */
	const char *repo, *ref, *commit, *author, *email,
		*subject;                 /* incident: subject is its title */
	const char *base, *target, *pull; /* run, release: of its change; pull: "17" */
	const char *environment, *unit, *cause, *image, *previous;
	const char **units, **images; /* release; n_units of each */
	uint32_t n_units;
};

/* Bring these shelves up to date, then call `then` on the loop; at once when nothing has to be read. When reading fails the call is answered with why. */
void catalog_look(struct call *c, unsigned shelves, void (*then)(struct call *c));
/* After catalog_look(). NULL: there is none. */
const struct row *catalog_row(const struct api *api, enum shelf_kind kind, uint64_t number);
/* Numbers that may exist: from (first, above 0) to last. */
void catalog_span(const struct api *api, enum shelf_kind kind, uint32_t *ret_first,
		  uint32_t *ret_last);
/* The key of the change that a run is of: "COMMIT REPO"; the caller's. */
char *catalog_change(const struct row *run);
/* Numbers of what belongs to a key, lowest first: runs of a change, releases that hold an image, rollouts of one. 0: nothing does. */
size_t catalog_with(const struct api *api, enum shelf_kind kind, const char *key,
		    const uint32_t **ret);
/* Keys that begin so, until each() says false. */
void catalog_keys(const struct api *api, enum shelf_kind kind, const char *beginning,
		  bool (*each)(void *ctx, const char *key), void *ctx);
/* The newest run that a unit is affected in; 0: none. With SHELF_RUNS. */
uint32_t catalog_touched(const struct api *api, const char *unit);
/* When the version of a rollout that is done was followed by the next of its service; 0: it was not. With SHELF_ROLLOUTS. */
uint64_t catalog_until(const struct api *api, const struct row *rollout);
uint32_t catalog_given(const struct model *m, enum shelf_kind kind); /* ids given so far */
enum aggregate_kind catalog_aggregate(enum shelf_kind kind);
/* "run-12"; the caller's. */
char *catalog_id(enum shelf_kind kind, uint32_t number);
/* "run-12" -> 12; 0: it has none. */
uint32_t catalog_number(const char *id);
/* Is it in this state of its machine the last one for it? */
bool catalog_is_final(enum shelf_kind kind, const struct row *r);
