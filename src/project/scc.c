#include "project/scc.h"
#include "base/mem.h"

#include <stdbool.h>

struct walk {
	const uint32_t *first, *to;
	uint32_t *of;                 /* component + 1; 0: none yet */
	uint32_t *order, *low, *next; /* order: 0 not seen */
	uint32_t *stack, *path;       /* nodes without a component; the way from the root */
	uint32_t stacked, depth, seen, components;
};

static void enter(struct walk *w, uint32_t i)
{
	w->order[i] = w->low[i] = ++w->seen;
	w->next[i] = w->first[i];
	w->stack[w->stacked++] = i;
	w->path[w->depth++] = i;
}

static void leave(struct walk *w, uint32_t i)
{
	w->depth--;
	if (w->low[i] == w->order[i]) {
		uint32_t member;
		w->components++;
		do {
			member = w->stack[--w->stacked];
			w->of[member] = w->components;
		} while (member != i);
	}
	if (w->depth && w->low[i] < w->low[w->path[w->depth - 1]])
		w->low[w->path[w->depth - 1]] = w->low[i];
}

static void walk_from(struct walk *w, uint32_t root)
{
	enter(w, root);
	while (w->depth) {
		uint32_t i = w->path[w->depth - 1];
		if (w->next[i] == w->first[i + 1]) {
			leave(w, i);
			continue;
		}
		uint32_t k = w->to[w->next[i]++];
		if (!w->order[k])
			enter(w, k);
		else if (!w->of[k] && w->order[k] < w->low[i])
			w->low[i] = w->order[k];
	}
}

uint32_t scc_find(uint32_t n, const uint32_t *first, const uint32_t *to, uint32_t *ret_of)
{
	size_t size = (size_t)n + 1;
	struct walk w = {.first = first,
			 .to = to,
			 .of = ret_of,
			 .order = xcalloc(size, sizeof(uint32_t)),
			 .low = xcalloc(size, sizeof(uint32_t)),
			 .next = xcalloc(size, sizeof(uint32_t)),
			 .stack = xcalloc(size, sizeof(uint32_t)),
			 .path = xcalloc(size, sizeof(uint32_t))};

	for (uint32_t i = 0; i < n; i++)
		ret_of[i] = 0;
	for (uint32_t i = 0; i < n; i++)
		if (!w.order[i])
			walk_from(&w, i);
	for (uint32_t i = 0; i < n; i++)
		ret_of[i]--;
	xfree(w.order);
	xfree(w.low);
	xfree(w.next);
	xfree(w.stack);
	xfree(w.path);
	return w.components;
}
