/* How long a request takes and how often it fails: the shop's services do no real work, so they wait
 * as a real one would (lognormal), asleep and not burning the processor. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* What is special about this build of a service; all zero for a sound one. */
struct behaviour {
	double error_percent;	 /* of the requests (that `error_hits` names) are answered 500 */
	double slow_percent;	 /* the slowest so many percent ... */
	double slow_factor;	 /* ... take this many times as long */
	unsigned crash_after_ms; /* exit 1 so long after the start; 0: never */
	unsigned crash_after_requests; /* exit 1 at this request; 0: never */
	bool never_ready;	 /* /healthz stays 503 */
};

enum { LATENCY_MEDIAN_US = 3000, LATENCY_P99_US = 15000, LATENCY_MAX_US = 250000 };

/* The latency at quantile u (0 < u < 1) of a service with this behaviour, in microseconds. Pure. */
unsigned latency_us(const struct behaviour *b, double u);

/* A number in (0, 1) from a generator of this thread, seeded by process, thread and time. */
double latency_random(void);

/* Sleeps one request's latency. False: this request shall fail. */
bool latency_request(const struct behaviour *b);
