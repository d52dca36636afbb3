/*
 * Jobs that wait for a place to run, by what they ask for: jobs of one class fit where one of them fits, so that only the first of each is looked at. Not
 * part of any snapshot: model_link() and EV_STARTED build it anew, the same way. Inside core only.
 */
#pragma once
#include "core/state.h"

#define LOCAL_AGENT "local"
#define CPU_DEFAULT 1000 /* of a job that says nothing */

struct ready_class {
	uint32_t cpu;
	uint64_t memory;
	texts labels;
	char *group;
	bool local;               /* only the daemon's own machine can do it */
	VEC(struct job *) heap;   /* most urgent first */
	struct job *first, *last; /* the same in the order in which they became ready */
	uint64_t since;           /* no agent could ever take one, since then */
	bool full;                /* nobody has room, while schedule() runs */
	bool dirty;               /* who holds the group has to be said again */
};

void ready_add(struct model *m, struct job *job); /* it is JOB_READY */
void ready_del(struct model *m,
	       struct job *job);     /* it is not any more; nothing when it did not wait */
void ready_rebuild(struct model *m); /* from the states of all jobs */
void ready_clear(struct model *m);
size_t ready_count(const struct model *m);
/* Which of two waiting jobs goes first: the one nearest to production, then the one with the longest way behind it, then who came first. */
bool ready_before(const struct job *a, const struct job *b);
/* The job that waited longest while much later ones were started, of the classes whose group is free; NULL: there is none. */
struct job *ready_starved(const struct model *m,
			  bool (*may)(const struct model *m, const struct ready_class *c));

/* history.c, for the order: how long a job takes, 1 usec at least. */
struct guess {
	uint64_t mean; /* of all that is known */
};
void guess_init(const struct model *m, struct guess *g);
uint64_t guess_known(const struct model *m, const struct job *job); /* 0: nothing is known of it */
uint64_t guess_job(const struct model *m, const struct guess *g, const struct job *job);
const struct job_def *job_definition(const struct model *m,
				     const struct job *job); /* NULL: not in memory any more */
