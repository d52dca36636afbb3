/* The project graph by index into config.units: neighbours of i are to[first[i]] .. to[first[i + 1] - 1], sorted. */
#pragma once
#include "core/config.h"

struct graph {
	uint32_t n;
	uint32_t *first, *to;
};
void graph_done(struct graph *g);
/* From a unit to its deps. Names that are no unit are left out. */
void graph_of_deps(const struct config *c, struct graph *ret);
/* From a unit to what must be deployed before it: its deps and the providers of what it consumes. */
void graph_of_deployment(const struct config *c, struct graph *ret);
void graph_reverse(const struct graph *g, struct graph *ret);
/* Nodes with their neighbours before them; ret has room for n. Returns how many came; fewer than n: there is a cycle. */
uint32_t graph_order(const struct graph *g, uint32_t *ret);
