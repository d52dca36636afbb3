/*
 * A simulated service for verdict_bars: 20 instances, 0.1 % errors, lognormal latency (median
 * 20 ms, p99 129 ms); instance 0 is the canary once there is one. Included by one program only.
 */
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/verdict.h"

#define INSTANCES 20
#define SIGMA     0.8015 /* ln(129/20) / 2.3263 */
#define MEDIAN    20.0

enum {
	R_SHARED = 1,
	R_BURST = 2,
	R_LONG = 4,
	R_VERY_LONG = 8,
	R_RETRY = 16,
	R_DAILY = 32,
	R_UNEVEN = 64,
	R_UNEVEN_SLOW = 256,  /* latency too */
	R_SLOW_INCIDENT = 128 /* shared incidents of latency every 20 s, as eight builds make */
};

struct world {
	/* what is wanted */
	unsigned regime;
	double rps, weight;            /* canary's share of requests */
	double error, slow, slow_tail; /* canary: error rate; factors on all, on the slowest 5 % */
	double harm_ratio, promote_ratio;
	/* state */
	uint64_t rng[4];
	double burst_until[INSTANCES], factor_errors[INSTANCES], factor_slow[INSTANCES];
	double incident_until;
	double spare;
	bool has_spare;
	double poisson_mean, poisson_none;
	struct verdict_instance inst[INSTANCES];
};

/* ---- random numbers: xoshiro256++ ---- */
static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static uint64_t next(struct world *w)
{
	uint64_t *s = w->rng, r = rotl(s[0] + s[3], 23) + s[0], t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return r;
}

static double uniform(struct world *w)
{
	return ((double)(next(w) >> 11) + 0.5) * 0x1p-53;
}

static double normal(struct world *w)
{
	if (w->has_spare) {
		w->has_spare = false;
		return w->spare;
	}
	double r = sqrt(-2.0 * log(uniform(w))), a = 6.283185307179586 * uniform(w);
	w->spare = r * sin(a);
	w->has_spare = true;
	return r * cos(a);
}

static double exponential(struct world *w, double mean)
{
	return -mean * log(uniform(w));
}

static uint32_t poisson(struct world *w, double mean)
{
	if (mean > 40.0) {
		double x = mean + sqrt(mean) * normal(w);
		return x > 0.0 ? (uint32_t)(x + 0.5) : 0;
	}
	if (mean > w->poisson_mean || mean < w->poisson_mean) { /* mostly the same again */
		w->poisson_mean = mean;
		w->poisson_none = exp(-mean);
	}
	double p = w->poisson_none, u = uniform(w), sum = p;
	uint32_t k = 0;
	while (u > sum && k < 400) {
		k++;
		p *= mean / k;
		sum += p;
	}
	return k;
}

static uint32_t binomial(struct world *w, uint32_t n, double p)
{
	if (n == 0 || p <= 0.0)
		return 0;
	if (p >= 1.0)
		return n;
	if (p > 0.5)
		return n - binomial(w, n, 1.0 - p);
	if (n * p > 40.0) {
		double x = n * p + sqrt(n * p * (1.0 - p)) * normal(w);
		return x <= 0.0 ? 0 : x >= n ? n : (uint32_t)(x + 0.5);
	}
	double u = uniform(w);
	if (u < 1.0 - n * p)
		return 0; /* (1 - p)^n is more than that */
	double odds = p / (1.0 - p), q = exp(n * log1p(-p)), sum = q;
	uint32_t k = 0;
	while (u > sum && k < n) {
		q *= (double)(n - k) / (k + 1) * odds;
		k++;
		sum += q;
	}
	return k;
}

static void world_init(struct world *w, uint64_t seed)
{
	w->has_spare = false;
	w->poisson_mean = 0.0;
	w->poisson_none = 1.0;
	for (unsigned i = 0; i < 4; i++) { /* splitmix64 */
		uint64_t z = (seed += 0x9e3779b97f4a7c15ULL);
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
		w->rng[i] = z ^ z >> 31;
	}
	for (unsigned i = 0; i < INSTANCES; i++) {
		bool uneven = w->regime & R_UNEVEN;
		w->burst_until[i] = 0.0;
		w->factor_errors[i] = uneven ? exp(0.2 * normal(w)) : 1.0;
		w->factor_slow[i] = w->regime & R_UNEVEN_SLOW ? exp(0.2 * normal(w)) : 1.0;
	}
	w->incident_until = 0.0;
}

/* ---- one second of the world ---- */
static bool bursting(struct world *w, unsigned i, double t)
{
	static const struct {
		unsigned regime;
		double every, length;
	} kind[] = {{R_BURST, 1800, 3}, {R_LONG, 1800, 15}, {R_VERY_LONG, 7200, 60}};

	for (unsigned k = 0; k < 3; k++)
		if ((w->regime & kind[k].regime) && uniform(w) < 1.0 / kind[k].every &&
		    w->burst_until[i] < t)
			w->burst_until[i] = t + exponential(w, kind[k].length);
	return w->burst_until[i] > t;
}

static double daily(const struct world *w, double t)
{
	return w->regime & R_DAILY ? 1.0 + 0.8 * sin(t * 6.283185307179586 / 86400) : 1.0;
}

static double error_rate(struct world *w, unsigned i, double t, bool canary)
{
	double p = (canary ? w->error : 0.001) * w->factor_errors[i] * daily(w, t);

	if (bursting(w, i, t))
		p += 0.3;
	if ((w->regime & R_SHARED) && w->incident_until > t)
		p += 0.1;
	return p > 1.0 ? 1.0 : p;
}

static void incidents(struct world *w, double t)
{
	if ((w->regime & R_SHARED) && w->incident_until <= t && uniform(w) < 1.0 / 3600)
		w->incident_until = t + exponential(w, 60);
	if ((w->regime & R_SLOW_INCIDENT) && w->incident_until <= t && uniform(w) < 1.0 / 20)
		w->incident_until = t + exponential(w, 5);
}

static double slowness(const struct world *w, unsigned i, double t, bool canary)
{
	double f = (canary ? w->slow : 1.0) * w->factor_slow[i];

	if (w->incident_until > t)
		f *= w->regime & R_SLOW_INCIDENT ? 4.0 : 2.0;
	return f;
}

static double share_of(const struct world *w, unsigned i)
{
	return i == 0 ? w->weight : (1.0 - w->weight) / (INSTANCES - 1);
}

static double tail(double ms)
{
	return 0.5 * erfc(log(ms / MEDIAN) / SIGMA * 0.7071067811865476);
}

/* P(latency > ms) where all are x slow and the slowest 5 % besides x slow_tail. */
static double above(const struct world *w, bool canary, double slow, double ms)
{
	double x = ms / slow, q95 = MEDIAN * exp(1.6448536 * SIGMA);

	if (canary && w->slow_tail > 1.0 && x > q95)
		x = fmax(q95, x / w->slow_tail);
	return tail(x);
}

static void over(struct world *w, uint32_t n, bool canary, double slow, double ratio, uint32_t *ret)
{
	static const double z[VERDICT_LATENCIES] = {0.0, 1.6448536, 2.3263479};
	static const double usual[VERDICT_LATENCIES] = {0.5, 0.05, 0.01};
	double p = 1.0;

	for (unsigned q = 0; q < VERDICT_LATENCIES; q++) {
		double pq = usual[q];
		if (slow > 1.0 || slow < 1.0 || ratio > 1.0)
			pq = above(w, canary, slow, MEDIAN * exp(z[q] * SIGMA) * ratio);
		n = binomial(w, n, pq / p);
		ret[q] = n;
		p = pq;
	}
}

static uint32_t errors_of(struct world *w, uint32_t n, double p)
{
	if (!(w->regime & R_RETRY))
		return binomial(w, n, p);
	uint32_t k = 5 * poisson(w, n * p / 5);
	return k > n ? n : k;
}

/* Counts without facts: for the long runs; thresholds are the true quantiles. */
static struct verdict_window count_second(struct world *w, uint64_t second, bool with_canary)
{
	struct verdict_window ret = {.second = second, .inst = w->inst};
	double t = (double)second;

	incidents(w, t);
	for (unsigned i = 0; i < INSTANCES; i++) {
		bool canary = i == 0 && with_canary;
		double p = error_rate(w, i, t, canary), slow = slowness(w, i, t, canary);
		struct verdict_count c = {.n = poisson(w, w->rps * share_of(w, i) * daily(w, t))};
		if (c.n == 0)
			continue;
		c.errors = errors_of(w, c.n, p);
		over(w, c.n, canary, slow, canary ? w->harm_ratio : 1.0, c.over);
		if (canary)
			over(w, c.n, canary, slow, w->promote_ratio, c.over_promote);
		else
			memcpy(c.over_promote, c.over, sizeof(c.over));
		w->inst[ret.n++] = (struct verdict_instance){.id = i, .canary = canary, .c = c};
	}
	return ret;
}

/* The same second as raw facts of whole milliseconds, through verdict_facts. */
static bool fact_second(struct world *w, struct verdict_facts *f, uint64_t second, bool with_canary,
			struct verdict_window *ret)
{
	double t = (double)second;

	incidents(w, t);
	double p[INSTANCES];
	for (unsigned i = 0; i < INSTANCES; i++)
		p[i] = error_rate(w, i, t, i == 0 && with_canary);
	uint32_t n = poisson(w, w->rps * daily(w, t));
	for (uint32_t k = 0; k < n; k++) {
		unsigned i = 0;
		if (uniform(w) >= w->weight)
			i = 1 + (unsigned)(next(w) % (INSTANCES - 1));
		bool canary = i == 0 && with_canary;
		double z = normal(w), ms = MEDIAN * exp(SIGMA * z) * slowness(w, i, t, canary);
		if (canary && w->slow_tail > 1.0 && z > 1.6448536)
			ms *= w->slow_tail;
		struct verdict_fact fact = {.t = t + (double)k / n,
					    .canary = canary,
					    .instance = i,
					    .status = uniform(w) < p[i] ? 503 : 200,
					    .ms = floor(ms)};
		verdict_facts_add(f, &fact, ret);
	}
	return verdict_facts_close(f, second, ret);
}
