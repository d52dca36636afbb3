/* The histogram of the load generator. */
#include <string.h>

#include "io/loadgen_impl.h"

enum { SUB = 1 << LOADGEN_SUB_BITS };

/* Values below 2 * SUB have a bucket each; from there on SUB buckets for each doubling. */
static size_t bucket_of(uint64_t us)
{
	if (us < SUB)
		return (size_t)us;
	unsigned shift = 63 - (unsigned)__builtin_clzll(us) - LOADGEN_SUB_BITS;
	size_t i = ((size_t)shift << LOADGEN_SUB_BITS) + (size_t)(us >> shift);
	return i < LOADGEN_BUCKETS ? i : LOADGEN_BUCKETS - 1;
}

/* The middle of a bucket, in microseconds. */
static double bucket_middle(size_t i)
{
	if (i < 2 * SUB)
		return (double)i;
	unsigned shift = (unsigned)(i >> LOADGEN_SUB_BITS) - 1;
	uint64_t low = (uint64_t)(i - ((size_t)shift << LOADGEN_SUB_BITS)) << shift;
	return (double)low + (double)((1ULL << shift) - 1) / 2;
}

void loadgen_record(struct loadgen_stats *stats, uint64_t us)
{
	stats->bucket[bucket_of(us)]++;
	if (us > stats->max_us)
		stats->max_us = us;
}

void loadgen_stats_sub(const struct loadgen_stats *a, const struct loadgen_stats *b,
		       struct loadgen_stats *ret)
{
	uint64_t pending = a->pending, max_us = a->max_us;

	ret->time_ns = a->time_ns - b->time_ns;
	ret->due = a->due - b->due;
	ret->answered = a->answered - b->answered;
	for (size_t i = 0; i < 6; i++)
		ret->status[i] = a->status[i] - b->status[i];
	ret->errors = a->errors - b->errors;
	ret->timeouts = a->timeouts - b->timeouts;
	ret->dropped = a->dropped - b->dropped;
	ret->retried = a->retried - b->retried;
	ret->connects = a->connects - b->connects;
	ret->pending = pending;
	ret->max_us = max_us;
	for (size_t i = 0; i < LOADGEN_BUCKETS; i++)
		ret->bucket[i] = a->bucket[i] - b->bucket[i];
}

double loadgen_quantile(const struct loadgen_stats *stats, double q)
{
	uint64_t total = 0, seen = 0;

	for (size_t i = 0; i < LOADGEN_BUCKETS; i++)
		total += stats->bucket[i];
	if (!total)
		return 0;
	q = q < 0 ? 0 : q > 1 ? 1 : q;
	uint64_t want = (uint64_t)(q * (double)total);
	if ((double)want < q * (double)total)
		want++;
	want = want ? want : 1;
	for (size_t i = 0; i < LOADGEN_BUCKETS; i++) {
		seen += stats->bucket[i];
		if (seen >= want)
			return bucket_middle(i) / 1000;
	}
	return (double)stats->max_us / 1000;
}
