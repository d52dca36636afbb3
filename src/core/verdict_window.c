/*
 * Facts to 1 s windows. Latency thresholds come from a log-bucketed histogram of the stable side's
 * last 5 minutes, in 30 slices of 10 s.
 *
 * Splitters give whole milliseconds, so ties are the rule. Harm: a request is over when it is
 * beyond the whole bucket that holds the quantile (its upper bound x ratio for the canary): equal
 * latencies are counted alike on both sides. Promotion: stable is over from the quantile's bucket
 * on, and of that bucket only the fraction that makes the tail 1 - q (by error diffusion, so it is
 * deterministic); canary from the bucket's lower bound x ratio on. A service whose answers all take
 * 1 ms has so a stable tail of 1 - q and a canary tail of 0, and its canary can pass.
 */
#include <string.h>

#include "verdict_impl.h"

#define SLICES        30
#define SLICE_SECONDS 10
#define UNIT          64.0 /* buckets count 1/64 ms */
#define MANTISSA      5    /* 32 buckets for each power of two: 3 % wide at most */
#define TOP_BIT       27   /* 2^27 / 64 ms = 35 min */
#define BUCKETS       ((TOP_BIT - MANTISSA + 1) << MANTISSA)
#define MS_MAX        1e12
#define ENOUGH        100   /* stable latencies before a threshold means something */
#define YOUNG         5000  /* until then thresholds are refreshed each second */
#define PLENTY        20000 /* that many recent ones say more than old ones: older slices go */
#define RECENT        3     /* slices that are always kept */
#define FORGET        300   /* seconds after which an idle instance's id is dropped */
#define REAL_MAX      (VERDICT_MAX_INSTANCES - 2)

struct threshold {
	double stable, canary; /* harm: over when ms >= */
	double canary_promote;
	uint32_t tie;     /* promotion: stable is over in buckets above this ... */
	double tie_share; /* ... and of this one in so many */
	double diffused;
};

struct seat {
	uint32_t id;
	bool canary;
	uint64_t seen;
	struct verdict_count c;
};

struct verdict_facts {
	double harm_ratio, promote_ratio;
	uint64_t second;    /* the open one, or NO_SECOND */
	uint64_t refreshed; /* second of the newest slice's start */
	uint32_t n, last;   /* seats, sorted by id; the last one hit */
	uint32_t slice;
	uint64_t total;
	struct threshold at[VERDICT_LATENCIES];
	struct seat seat[VERDICT_MAX_INSTANCES];
	struct verdict_instance out[VERDICT_MAX_INSTANCES];
	uint32_t canary[BUCKETS]; /* since the ratios were set: for people */
	uint64_t canary_total;
	uint32_t sum[BUCKETS];
	uint32_t count[SLICES][BUCKETS];
	uint64_t slice_total[SLICES];
};

size_t verdict_facts_size(void)
{
	return sizeof(struct verdict_facts);
}

static void mute(struct threshold *t)
{
	*t = (struct threshold){
		.stable = 1e300, .canary = 1e300, .canary_promote = 1e300, .tie = BUCKETS};
}

void verdict_facts_init(struct verdict_facts *f, double harm_latency_ratio,
			double promote_latency_ratio)
{
	memset(f, 0, sizeof(*f));
	f->second = NO_SECOND;
	for (unsigned i = 0; i < VERDICT_LATENCIES; i++)
		mute(&f->at[i]);
	verdict_facts_ratios(f, harm_latency_ratio, promote_latency_ratio);
}

static double at_least_one(double x)
{
	return x >= 1.0 && x < 1e6 ? x : 1.0;
}

static uint32_t bucket_of(double ms)
{
	double units = ms * UNIT;

	if (units >= (double)(1U << TOP_BIT))
		return BUCKETS - 1;
	uint32_t v = (uint32_t)units;
	if (v < 1U << MANTISSA)
		return v;
	unsigned top = 31U - (unsigned)__builtin_clz(v), shift = top - MANTISSA;
	return (shift << MANTISSA) + (v >> shift);
}

static double bucket_low(uint32_t b)
{
	unsigned octave = b >> MANTISSA;

	if (octave < 2)
		return (double)b / UNIT;
	uint64_t head = (1U << MANTISSA) | (b & ((1U << MANTISSA) - 1));
	return (double)(head << (octave - 1)) / UNIT;
}

/* Highest bucket whose tail (itself included) is at least `want`; its tail in *ret_tail. */
static uint32_t from_top(const uint32_t count[BUCKETS], double want, uint64_t *ret_tail)
{
	uint64_t tail = 0;

	for (uint32_t b = BUCKETS; b-- > 0;) {
		tail += count[b];
		if (count[b] > 0 && (double)tail >= want) {
			*ret_tail = tail;
			return b;
		}
	}
	*ret_tail = tail;
	return 0;
}

static void set_threshold(const struct verdict_facts *f, struct threshold *t, double above)
{
	double want = above * (double)f->total;
	uint64_t tail;
	uint32_t b = from_top(f->sum, want, &tail);

	t->stable = bucket_low(b + 1);
	t->canary = t->stable * f->harm_ratio;
	/* The next populated bucket when its tail is nearly as heavy: it separates ties better. */
	b = from_top(f->sum, 0.9 * want, &tail);
	double in = (double)f->sum[b], beyond = (double)tail - in;
	t->tie = b;
	t->tie_share = want > beyond && in > 0.0 ? (want - beyond) / in : 0.0;
	if (t->tie_share > 1.0)
		t->tie_share = 1.0;
	t->canary_promote = bucket_low(b) * f->promote_ratio;
	if (t->canary_promote <= bucket_low(b))
		t->canary_promote = bucket_low(b + 1);
}

static const double above[VERDICT_LATENCIES] = {0.5, 0.05, 0.01};

static void set_thresholds(struct verdict_facts *f)
{
	for (unsigned i = 0; i < VERDICT_LATENCIES; i++) {
		if (f->total < ENOUGH) {
			mute(&f->at[i]);
			continue;
		}
		set_threshold(f, &f->at[i], above[i]);
	}
}

void verdict_facts_ratios(struct verdict_facts *f, double harm_latency_ratio,
			  double promote_latency_ratio)
{
	f->harm_ratio = at_least_one(harm_latency_ratio);
	f->promote_ratio = at_least_one(promote_latency_ratio);
	memset(f->canary, 0, sizeof(f->canary));
	f->canary_total = 0;
	set_thresholds(f);
}

static double quantile(const uint32_t count[BUCKETS], uint64_t total, double tail_share)
{
	uint64_t tail;

	return total < ENOUGH ? 0.0
			      : bucket_low(from_top(count, tail_share * (double)total, &tail));
}

void verdict_facts_latencies(const struct verdict_facts *f,
			     struct verdict_latency ret[VERDICT_LATENCIES])
{
	for (unsigned i = 0; i < VERDICT_LATENCIES; i++) {
		const struct threshold *t = &f->at[i];

		ret[i] = (struct verdict_latency){
			.stable = quantile(f->sum, f->total, above[i]),
			.allowed = t->tie < BUCKETS ? t->canary_promote : 0.0,
			.canary = quantile(f->canary, f->canary_total, above[i])};
	}
}

static void drop_slice(struct verdict_facts *f, uint32_t slice)
{
	if (f->slice_total[slice] > 0)
		for (uint32_t b = 0; b < BUCKETS; b++)
			f->sum[b] -= f->count[slice][b];
	f->total -= f->slice_total[slice];
	f->slice_total[slice] = 0;
	memset(f->count[slice], 0, sizeof(f->count[slice]));
}

/*
 * Begin the next slice and forget the oldest, unless too few latencies would be left. Where there are plenty, forget
 * more: a slow minute that is over must not hold the thresholds so high that nothing exceeds them any more.
 */
static void next_slice(struct verdict_facts *f)
{
	uint32_t next = (f->slice + 1) % SLICES;

	if (f->total - f->slice_total[next] < ENOUGH && f->slice_total[next] > 0)
		return;
	drop_slice(f, next);
	f->slice = next;
	for (uint32_t age = SLICES - 1; age > RECENT; age--) {
		uint32_t old = (f->slice + SLICES - age) % SLICES;

		if (f->slice_total[old] > 0 && f->total - f->slice_total[old] >= PLENTY)
			drop_slice(f, old);
	}
}

static void refresh(struct verdict_facts *f, uint64_t second)
{
	if (second - f->refreshed < SLICE_SECONDS) {
		if (f->total < YOUNG)
			set_thresholds(f); /* the first ones are rough: better ones soon */
		return;
	}
	uint64_t slices = (second - f->refreshed) / SLICE_SECONDS;
	f->refreshed += slices * SLICE_SECONDS;
	for (uint64_t i = 0; i < slices && i < SLICES; i++)
		next_slice(f);
	set_thresholds(f);
}

/* Drop seats that have been idle for long; ids stay sorted. */
static void forget_idle(struct verdict_facts *f, uint64_t second)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < f->n; i++)
		if (second - f->seat[i].seen < FORGET)
			f->seat[kept++] = f->seat[i];
	f->n = kept;
	f->last = 0;
}

static uint32_t real_seats(const struct verdict_facts *f)
{
	uint32_t n = f->n;

	while (n > 0 && f->seat[n - 1].id >= VERDICT_FOLDED_STABLE)
		n--;
	return n;
}

static uint64_t key_of(uint32_t id, bool canary)
{
	return (uint64_t)id << 1 | canary;
}

/* An id seen on both sides has two seats. */
static struct seat *seat_of(struct verdict_facts *f, uint32_t id, bool canary)
{
	uint32_t low = 0, high = f->n;
	uint64_t key = key_of(id, canary);

	if (f->last < f->n && key_of(f->seat[f->last].id, f->seat[f->last].canary) == key)
		return &f->seat[f->last];
	while (low < high) {
		uint32_t mid = (low + high) / 2;
		if (key_of(f->seat[mid].id, f->seat[mid].canary) < key)
			low = mid + 1;
		else
			high = mid;
	}
	f->last = low;
	if (low < f->n && key_of(f->seat[low].id, f->seat[low].canary) == key)
		return &f->seat[low];
	if (id < VERDICT_FOLDED_STABLE && real_seats(f) == REAL_MAX)
		return seat_of(f, canary ? VERDICT_FOLDED_CANARY : VERDICT_FOLDED_STABLE, canary);
	memmove(&f->seat[low + 1], &f->seat[low], (f->n - low) * sizeof(f->seat[0]));
	f->seat[low] = (struct seat){.id = id, .canary = canary};
	f->n++;
	return &f->seat[low];
}

/* Give away the open second. False when nothing was counted in it. */
static bool give(struct verdict_facts *f, struct verdict_window *ret_window)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->n; i++) {
		struct seat *s = &f->seat[i];
		if (s->c.n == 0)
			continue;
		f->out[n++] =
			(struct verdict_instance){.id = s->id, .canary = s->canary, .c = s->c};
		s->c = (struct verdict_count){0};
	}
	if (n > 0)
		*ret_window = (struct verdict_window){.second = f->second, .n = n, .inst = f->out};
	return n > 0;
}

static void count_latency(struct verdict_facts *f, struct verdict_count *c, bool canary, double ms)
{
	uint32_t b = bucket_of(ms);

	for (unsigned i = 0; i < VERDICT_LATENCIES; i++) {
		struct threshold *t = &f->at[i];
		if (canary) {
			c->over[i] += ms >= t->canary;
			c->over_promote[i] += ms >= t->canary_promote;
			continue;
		}
		c->over[i] += ms >= t->stable;
		c->over_promote[i] += b > t->tie;
		if (b == t->tie) {
			t->diffused += t->tie_share;
			c->over_promote[i] += t->diffused >= 1.0;
			t->diffused -= t->diffused >= 1.0 ? 1.0 : 0.0;
		}
	}
	if (canary) {
		f->canary[b]++;
		f->canary_total++;
	} else {
		f->count[f->slice][b]++;
		f->sum[b]++;
		f->slice_total[f->slice]++;
		f->total++;
	}
}

static void open_second(struct verdict_facts *f, uint64_t second)
{
	if (f->second == NO_SECOND)
		f->refreshed = second;
	f->second = second;
	refresh(f, second);
	if (second % FORGET == 0 || f->n >= REAL_MAX)
		forget_idle(f, second);
}

bool verdict_facts_add(struct verdict_facts *f, const struct verdict_fact *fact,
		       struct verdict_window *ret_window)
{
	double t = fact->t >= 0.0 && fact->t < 9e15 ? fact->t : 0.0;
	uint64_t second = (uint64_t)t;
	bool closed = false;

	if (f->second == NO_SECOND || second > f->second) {
		closed = f->second != NO_SECOND && give(f, ret_window);
		open_second(f, second);
	}
	struct seat *s = seat_of(f, fact->instance, fact->canary);
	if (s->c.n == UINT32_MAX)
		return closed;
	s->seen = f->second;
	s->c.n++;
	s->c.errors += fact->status >= 500 || fact->status == 0;
	if (fact->ms >= 0.0)
		count_latency(f, &s->c, fact->canary, fact->ms < MS_MAX ? fact->ms : MS_MAX);
	return closed;
}

bool verdict_facts_close(struct verdict_facts *f, uint64_t second,
			 struct verdict_window *ret_window)
{
	if (f->second == NO_SECOND || f->second > second)
		return false;
	bool closed = give(f, ret_window);
	open_second(f, second + 1);
	return closed;
}
