/* A load generator: requests at a constant rate over keep-alive connections, from its own thread.
 *
 * The load is open-loop: request number k is due at a time that only the rate decides, and its
 * latency counts from then, whether or not a connection was free. So a server that stalls for a
 * second shows as a second of bad latencies, not as one slow request (no coordinated omission). */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct loadgen;

struct loadgen_target {
	const char *method; /* NULL: GET */
	const char *url;    /* http://HOST[:PORT]/PATH; HOST is 127.x.x.x, localhost or [::1] */
	const char *fields; /* whole header lines, each ending in CR LF; NULL: none */
	const char *body;   /* NULL: none */
	unsigned weight;    /* this share of the sum of all weights; 0 counts as 1 */
};

/* Latencies go into buckets of 1/64 of an octave, so a quantile is at most 0.8 % off, from 64 us
 * on; below that 1 us. */
enum {
	LOADGEN_SUB_BITS = 6,
	LOADGEN_OCTAVES = 22, /* up to 134 s */
	LOADGEN_BUCKETS = LOADGEN_OCTAVES << LOADGEN_SUB_BITS,
	LOADGEN_TARGETS_MAX = 64,
	LOADGEN_INFLIGHT_MAX = 4096,
	LOADGEN_TIMEOUT_MS = 5000,
};

/* Totals since the start, or of an interval (loadgen_stats_sub). Always
 * due = answered + errors + timeouts + dropped + pending, for totals. */
struct loadgen_stats {
	uint64_t time_ns;   /* CLOCK_MONOTONIC of the snapshot; length of the interval */
	uint64_t due;       /* requests whose time has come */
	uint64_t answered;  /* with any status */
	uint64_t status[6]; /* answered, by class: [2] is 2xx; [0] stays 0 */
	uint64_t errors;    /* refused, reset or cut connections; answers that are not HTTP */
	uint64_t timeouts;  /* no whole answer LOADGEN_TIMEOUT_MS after the request was due */
	uint64_t dropped;   /* due, but more were waiting than we can remember: not sent */
	uint64_t retried;   /* sent again: the server had closed a kept connection; no error */
	uint64_t connects;  /* connections opened */
	uint64_t pending;   /* due and neither answered nor given up; never subtracted */
	uint64_t max_us;    /* since the start */
	uint64_t bucket[LOADGEN_BUCKETS]; /* latencies of answers and of timeouts */
};

/* Starts the load; the targets are copied. rate is requests per second, at most 1,000,000; 0 waits
 * for loadgen_rate(). max_inflight is the number of connections at most. 0 and *ret, or -1 and a
 * line in errbuf: a target that is malformed or not on this machine, a limit, or no thread or
 * descriptor. */
int loadgen_start(const struct loadgen_target *targets, size_t n, double rate,
		  unsigned max_inflight, struct loadgen **ret, char *errbuf, size_t errcap)
	__attribute__((warn_unused_result));

/* Changes the rate from now on; 0 pauses. Values out of range are cut to it. From any thread. */
void loadgen_rate(struct loadgen *lg, double rate);

/* The totals until now. From any thread; the load does not stop for it. */
void loadgen_snapshot(struct loadgen *lg, struct loadgen_stats *ret);

/* a - b, where b is the earlier snapshot; ret may be a or b. */
void loadgen_stats_sub(const struct loadgen_stats *a, const struct loadgen_stats *b,
		       struct loadgen_stats *ret);

/* The latency in milliseconds that a share q (0..1) of the requests did not exceed; 0 when there
 * are none. */
double loadgen_quantile(const struct loadgen_stats *stats, double q);

/* Ends the load at once; what is pending is given up. For whole counts: loadgen_rate(lg, 0), wait
 * until pending is 0, take a snapshot, stop. NULL is fine. */
void loadgen_stop(struct loadgen *lg);
