/*
 * The graph of units as people see it: what each trusted penstock.yml names, over all repositories, and what they need of one another. On the loop; it
 * borrows from the model.
 */
#pragma once
#include "api/reads.h"

struct node {
	const struct unit *unit;
	const char *repo;
	uint32_t wave, level, waits; /* waits: edges down that have no level yet */
};
struct edge {
	uint32_t from, to;
	const char *interface; /* NULL: a dep */
};
struct picture {
	VEC(struct node) nodes;
	VEC(struct edge) edges;
	struct map by_name, provider; /* text -> index + 1 */
	uint32_t levels;
};

/* Of the newest trusted penstock.yml of each repository; of the last one that was read, where no repository is known. */
void picture_take(struct picture *p, const struct model *m);
void picture_done(struct picture *p);
/* Index of the unit of this name in p->nodes; -1: there is none. */
long picture_find(const struct picture *p, const char *unit);
/* ,"key":["a","b"]; nothing of an empty list. */
void texts_write(struct json_out *o, const char *key, const texts *list);
