/* Counts of one second of one service's traffic, as they stand in events. Filled by the engine from verdict_facts; the verdict reads them. */
#pragma once
#include "base/shape.h"

struct facts_instance {
	uint32_t id;
	bool canary;
	uint32_t n, errors;
	uint32_t over50, over95,
		over99; /* requests slower than the thresholds (canary: x harm ratio) */
	uint32_t slow50, slow95, slow99; /* canary: over threshold x promotion ratio */
};
/* What the counts mean in time, usec; 0: not known. For people: no verdict reads it. As struct verdict_latency. */
struct facts_latency {
	uint64_t stable, allowed, canary;
};
struct facts_window {
	uint64_t second;
	VEC(struct facts_instance) instances;
	struct facts_latency p50, p95, p99;
};
extern const struct shape shape_facts_window, shape_facts_instance, shape_facts_latency;
