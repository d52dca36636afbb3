/* Seeded histories of the whole engine. */
#include "sim.h"
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	const char *seed = getenv("SEED"), *script = getenv("SCRIPT");
	struct sim_options o = {.trace = seed != NULL, .script = script};
	struct sim_result r;

	sim_run(seed ? (uint64_t)atoll(seed) : 1, &o, &r);
	printf("%s %s; events %llu live %llu rolled back %llu nowhere %llu\n", r.failed ? "not ok" : "ok", r.why, (unsigned long long)r.events,
	       (unsigned long long)r.live, (unsigned long long)r.rolled_back, (unsigned long long)r.nowhere);
	return r.failed;
}
