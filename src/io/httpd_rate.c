/* Token buckets by the time at which they are full again (the cell rate algorithm of ATM, ITU-T I.371). */
#include "io/httpd_rate.h"

#define PRIME 1099511628211u

void rates_init(struct rates *t, const uint64_t seed[2])
{
	*t = (struct rates){.seed = {seed[0], seed[1]}};
}

/* FNV-1a between two secret words, then mixed (the finalizer of SplitMix64): the set is taken from the low bits. */
static uint64_t hash(const struct rates *t, struct str key)
{
	uint64_t h = t->seed[0];

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (uint8_t)key.p[i]) * PRIME;
	h ^= t->seed[1];
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
	return h ^ (h >> 31);
}

static struct rate_bucket *find(struct rates *t, uint64_t key)
{
	struct rate_bucket *set = t->sets[key % RATES_SETS], *fullest = &set[0];

	for (size_t i = 0; i < RATES_WAYS; i++) {
		if (set[i].full && set[i].key == key)
			return &set[i];
		if (set[i].full < fullest->full)
			fullest = &set[i];
	}
	*fullest = (struct rate_bucket){.key = key};
	return fullest;
}

usec_t rates_take(struct rates *t, struct str key, const struct rate *limit, usec_t now)
{
	if (limit->per_second == UINT32_MAX)
		return 0;
	BUG_ON(limit->per_second < 1 || limit->per_second > 1000000 || limit->burst < 1);
	usec_t each = USEC_SEC / limit->per_second, depth = each * limit->burst;
	struct rate_bucket *b = find(t, hash(t, key));
	usec_t full = MAX_OF(b->full, now) + each;

	if (full > now + depth)
		return full - now - depth;
	b->full = full;
	return 0;
}
