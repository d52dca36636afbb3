/*
 * verdict: is the canary worse than the stable side, or not, or is it too early to say?
 *
 *	facts (one per request) -> struct verdict_facts -> 1 s windows -> struct verdict -> report
 *	                           stable windows of the hours before -> struct verdict_history
 *
 * Everything here is pure and deterministic: no clock, no I/O, no globals, no allocation, no libm.
 * Equal calls give equal bits on every machine with IEEE 754 doubles (-ffp-contract=off).
 * The three states hold no pointers: they may be copied with memcpy and live wherever the caller
 * has verdict_size() / verdict_history_size() / verdict_facts_size() bytes aligned for a double.
 *
 * Harm (K = kc + ks events, J ~ Binomial(ns - ks, d), th = r nc / (r nc + ns)): each window pays
 * g = kc E[1/(K + J)] - th; wealth is a mixture over 8 bet sizes and over start times. A metric
 * fails when its E reaches max(hold / (alpha part), c G): G is the highest CUSUM of the same bets
 * on any innocent (placebo) instance, times 1/5 .. 1 where placebos were watched longer than the
 * canary; part: errors 1/2, each latency 1/6; hold: fast 10, robust 1; c: fast 20, robust 5.
 * Fast is off where G > 1e5; robust takes the shortest window whose G is below 1e5 (2e3 where fast
 * is off). Until placebos have lived 36,000 instance-seconds (history included) the service's
 * bursts are unknown: fast, and robust windows under 30 s, then speak only when the canary's events
 * came evenly from its first request on. Harm that begins late then takes minutes, unless it is
 * total (HARD) or above guard_error_rate. Feed a history to be quick there too.
 *
 * Pass: for each asked metric E = 3/4 likelihood form (log F / D, D the dispersion of events
 * between instances) + 1/4 batch form (valid under any dependence inside 50 requests) >= 1 / beta.
 *
 * Sources: betting and Ville's inequality: Waudby-Smith and Ramdas, "Estimating means of bounded
 * random variables by betting" (2023); Ramdas et al., "Game-theoretic statistics and safe
 * anytime-valid inference" (2023). CUSUM: Page (1954).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERDICT_MAX_INSTANCES 64 /* per window; verdict_facts folds what goes beyond */
#define VERDICT_FOLDED_STABLE (UINT32_MAX - 1) /* reserved id: the folded stable instances */
#define VERDICT_FOLDED_CANARY UINT32_MAX       /* reserved id: the folded canary instances */
#define VERDICT_LATENCIES     3                /* p50, p95, p99 */

enum verdict_answer { VERDICT_WAIT, VERDICT_PASS, VERDICT_FAIL };

enum verdict_metric {
	VERDICT_ERRORS,
	VERDICT_P50,
	VERDICT_P95,
	VERDICT_P99,
	VERDICT_GUARD, /* absolute: the canary's error rate against guard_error_rate */
	VERDICT_METRICS
};

/*
 * What decided. FAST: 1 s windows. HARD: 1 s windows, margin 50 % (total failure). ROBUST: the
 * shortest of 10, 30, 60, 120 s windows in which innocent instances stay quiet. GUARD: absolute.
 */
enum verdict_lane { LANE_FAST, LANE_HARD, LANE_ROBUST, LANE_GUARD, LANE_PROMOTE };

/* One rollout step. Values outside their range are moved to its nearest end. */
struct verdict_config {
	double alpha;         /* chance of a false fail over the whole rollout; 1e-9 .. 0.5 */
	double beta;          /* chance of a false pass of a step; 1e-9 .. 0.5 */
	double error_ratio;   /* r: harm is pc > r ps + d (1 - r ps); 0.1 .. 100 */
	double error_margin;  /* d; 0 .. 0.9 */
	double latency_ratio; /* harm; >= 1; the thresholds of verdict_facts must use the same */
	double promote_error_margin;  /* pass: pc < r ps + d; 1e-6 .. 0.9 */
	double promote_latency_ratio; /* pass; >= 1; the same as verdict_facts uses */
	double guard_error_rate;      /* tau, 0 .. 1; 0 = off */
	double min_bake;  /* seconds from the first to the last canary window before a pass */
	unsigned metrics; /* 1u << VERDICT_ERRORS | ... : what must pass; harm always watches all */
};

/* Requests of one instance in one second. Counts above n are taken as n. */
struct verdict_count {
	uint32_t n, errors;
	uint32_t
		over[VERDICT_LATENCIES]; /* stable: > threshold; canary: > threshold x harm ratio */
	uint32_t over_promote[VERDICT_LATENCIES]; /* the same with the promotion ratio */
};

struct verdict_instance {
	uint32_t id;
	bool canary;
	struct verdict_count c;
};

struct verdict_window {
	uint64_t second;                     /* start of the 1 s window, any epoch */
	uint32_t n;                          /* instances that had requests in it */
	const struct verdict_instance *inst; /* sorted by id, each id once for each side */
};

struct verdict_report {
	enum verdict_answer answer;
	enum verdict_metric metric; /* the deciding metric; for WAIT the least advanced one */
	enum verdict_lane lane;
	double evidence; /* E of that metric (an e-value: 1 is none) */
	double wanted;   /* what E is held against */
	/*
	 * Canary requests still expected for a pass if nothing is wrong; 0: none (only min_bake or
	 * a harm alarm half way up is waited for); UINT64_MAX: no growth can be expected.
	 */
	uint64_t need;
	uint64_t canary_n, canary_errors, stable_n, stable_errors; /* of this step */
	double canary_error_rate, stable_error_rate;               /* 0 without requests */
	double harm_evidence, harm_wanted; /* of the lane nearest to an alarm */
	enum verdict_metric harm_metric;
	enum verdict_lane harm_lane;
};

/* ---- the verdict of a rollout, step after step ---- */
struct verdict; /* < 64 KiB */
struct verdict_history;

void verdict_config_default(struct verdict_config *ret, unsigned step /* from 1 */);
/*
 * What a pass of a metric has to prove: pc < ratio ps + margin, of shares of requests that are errors, or over the metric's promotion threshold
 * (where the tolerance is part of the canary's threshold: ratio 1, margin 0). Not for VERDICT_GUARD.
 */
void verdict_pass_line(const struct verdict_config *cfg, enum verdict_metric metric,
		       double *ret_ratio, double *ret_margin);
size_t verdict_size(void);
/* history is copied; NULL: nothing is known, placebos run from the first window on. */
void verdict_init(struct verdict *v, const struct verdict_config *cfg,
		  const struct verdict_history *history_or_null);
/*
 * Add a window. In time order: one that is not later than the last is ignored. A missing second is
 * no window; one without canary or without stable requests is no bet.
 */
void verdict_window(struct verdict *v, const struct verdict_window *w);
/* A fail stays a fail; a metric that has passed stays passed (both are Ville's right). */
void verdict_report(const struct verdict *v, struct verdict_report *ret);
/* Keeps harm evidence and placebo state, begins promotion evidence, totals and bake time anew. */
void verdict_next_step(struct verdict *v, const struct verdict_config *cfg);

/*
 * Exact copies as bytes: versioned, little-endian, IEEE bits, only used parts (about 7 KiB, up to 4
 * of them for the canary's first 240 s, and 0.3 to 0.8 KiB for each stable instance). Save returns
 * the bytes used, 0 when cap is too small (VERDICT_SAVE_MAX always suffices). Load takes bytes from
 * anyone: unless they are a state that can be worked with, it returns false and leaves *v alone.
 * Both need verdict_size() of stack.
 */
#define VERDICT_SAVE_MAX 65536
size_t verdict_save(const struct verdict *v, unsigned char *buf, size_t cap);
bool verdict_load(struct verdict *v, const unsigned char *buf, size_t len);

/* ---- what innocent instances of this service did before the rollout ---- */
size_t verdict_history_size(void);
void verdict_history_init(struct verdict_history *h, const struct verdict_config *cfg);
/* Only the stable instances of the window count. Feed 6-12 h when there are; any amount helps. */
void verdict_history_window(struct verdict_history *h, const struct verdict_window *w);
size_t verdict_history_save(const struct verdict_history *h, unsigned char *buf, size_t cap);
bool verdict_history_load(struct verdict_history *h, const unsigned char *buf, size_t len);

/* ---- raw facts to windows ---- */
struct verdict_facts; /* fixed size, mostly the latency histogram */

struct verdict_fact {
	double t; /* seconds, >= 0 */
	bool canary;
	uint32_t instance;
	uint16_t status; /* HTTP; an error is >= 500, or 0: no answer */
	double ms;       /* latency; negative or NaN: unknown, counts for errors only */
};

size_t verdict_facts_size(void);
/* The ratios of verdict_config: latency_ratio and promote_latency_ratio. */
void verdict_facts_init(struct verdict_facts *f, double harm_latency_ratio,
			double promote_latency_ratio);
/* Change the ratios at a step's start; keeps the stable latencies seen. */
void verdict_facts_ratios(struct verdict_facts *f, double harm_latency_ratio,
			  double promote_latency_ratio);
/* What the counts of latencies mean in milliseconds: for people. 0: not known yet. */
struct verdict_latency {
	double stable; /* the quantile of the stable side's last minutes; 3 % wide, as all three */
	double allowed; /* the canary's threshold: over from here on for promotion; the ratio is in it */
	double canary; /* the canary's own quantile since the ratios were set */
};
void verdict_facts_latencies(const struct verdict_facts *f,
			     struct verdict_latency ret[VERDICT_LATENCIES]);
/*
 * Add one fact, in time order. When it closes a second, *ret_window is filled (borrowed until the
 * next call) and true is returned. A late fact is counted into the open second.
 */
bool verdict_facts_add(struct verdict_facts *f, const struct verdict_fact *fact,
		       struct verdict_window *ret_window);
/* The caller's clock has passed the end of `second`: close it if it is open. True as above. */
bool verdict_facts_close(struct verdict_facts *f, uint64_t second,
			 struct verdict_window *ret_window);
