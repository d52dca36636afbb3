/* Private to src/core/verdict*.c: the states and the pieces they are made of. */
#pragma once

#include "verdict.h"

#define BETS         8             /* sizes 0.9 x 2^-j */
#define HARM_METRICS 4             /* errors, p50, p95, p99 */
#define ROBUSTS      4             /* windows of 10, 30, 60, 120 s */
#define LANES        (1 + ROBUSTS) /* of one metric: fast, then robust */
#define TRACKS       (HARM_METRICS * LANES + 1)
#define TRACK_HARD   (TRACKS - 1) /* errors only */
#define NO_SECOND    UINT64_MAX
#define LAST_SECOND  (UINT64_MAX / 4) /* what lies beyond is no time, nor a count */

#define LAMBDA_CAP    20.0 /* no bet is larger than 20 b, however small the canary's share */
#define WEALTH_MAX    1e100
#define PLACEBO_OFF   1e5 /* a lane in which innocent instances got this rich says nothing */
#define BURSTY_OFF    2e3 /* the same for robust lanes of a bursty metric: 3 windows of a burst */
#define FAST_HOLD     10.0
#define HARD_HOLD     2.0  /* where bursts are known; they hardly ever reach this lane */
#define FAST_BEYOND   20.0 /* times G, see verdict_lane.c */
#define ROBUST_BEYOND 5.0
#define HARD_MARGIN   0.5
#define KNOWN         36000.0 /* seconds of placebo life that make a service's bursts known */
#define UNSURE_ROBUST 1       /* the shortest robust window before that: 30 s ... */
#define UNSURE_HOLD   5.0     /* ... and its hold: a minute's burst is not enough */
#define YOUTH         240 /* seconds of canary life in which harm from the start is looked for */

/* verdict_math.c: our own, because libm picks other code (and last bits) on other CPUs. */
double verdict_log(double x);                               /* x > 0 and finite */
double verdict_exp(double x);                               /* saturates outside -700 .. 700 */
double verdict_log_mean_exp(const double *x, double scale); /* log of the mean of BETS exp(x s) */

/* Events of both sides of one comparison in one window. k <= n. */
struct duel {
	uint64_t nc, kc, ns, ks;
};

/* A bet's payoff g, E[g] <= 0 unless harm; th is the canary's fair share of the events. */
struct payoff {
	bool bet;
	double g, th;
};

/* Mixture over bet sizes and start times; E = cash + mean of wealth. */
struct bet {
	uint64_t windows;
	double cash;
	double wealth[BETS];
};

/* verdict_bet.c */
double verdict_bet_size(unsigned j);
/* min_share: the canary's share of the instances in a bursty service, else 0. */
struct payoff verdict_payoff(const struct duel *d, double ratio, double margin, double min_share);
void verdict_bet_init(struct bet *b);
void verdict_bet_add(struct bet *b, const struct payoff *p);
double verdict_bet_evidence(const struct bet *b);
/* One step of a placebo's CUSUM; returns the mean over the bet sizes. */
double verdict_cusum_add(float *c, const struct payoff *p);

/* What one second or window of one instance (or side) counted: k of HARM_METRICS. */
struct tally {
	uint32_t n;
	uint32_t k[HARM_METRICS];
};

struct sums {
	uint64_t n;
	uint64_t k[HARM_METRICS];
	uint32_t instances;
};

/* A stable instance as a placebo canary. */
struct placebo {
	uint64_t seen; /* last second with requests */
	uint32_t id;
	uint32_t skip; /* bit robust x HARM_METRICS + metric: sit out the next window */
	struct tally open[ROBUSTS];
	float cusum[TRACKS][BETS];
};

struct verdict_history {
	double error_ratio, error_margin;
	uint64_t windows;                 /* seconds with at least two stable instances */
	uint64_t last;                    /* second, or NO_SECOND */
	uint64_t open[ROBUSTS];           /* first second of the open window, or NO_SECOND */
	double exposure;                  /* seconds of placebo life, over all instances */
	double g[TRACKS];                 /* highest CUSUM seen */
	double scatter[2][HARM_METRICS];  /* of 1 s, of 10 s: sum of (k - expected)^2 ... */
	double expected[2][HARM_METRICS]; /* ... and what it is when events are independent */
	struct sums rest[ROBUSTS];        /* stable side of the open windows */
	uint32_t n;
	struct placebo placebo[VERDICT_MAX_INSTANCES]; /* sorted by id */
};

/* verdict_hist.c */
void verdict_sums_add(struct sums *s, const struct tally *t);
struct tally verdict_tally(const struct verdict_count *c);
/* The placebos' side of a second: bets of 1 s, dispersion, and the open robust windows. */
void verdict_hist_second(struct verdict_history *h, const struct verdict_window *w,
			 struct sums *ret_stable);
/* Close the open robust window and open the one that `second` (or what follows it) falls into. */
void verdict_hist_turn(struct verdict_history *h, unsigned robust, uint64_t second);
void verdict_hist_drop_open(struct verdict_history *h);
/* Is a window of this kind open, and does `second` stand beyond it? / Is it its last second? */
bool verdict_hist_beyond(const struct verdict_history *h, unsigned robust, uint64_t second);
bool verdict_hist_ends(const struct verdict_history *h, unsigned robust, uint64_t second);
bool verdict_hist_bursty(const struct verdict_history *h, unsigned metric);
double verdict_hist_dispersion(const struct verdict_history *h, unsigned metric);

static const uint16_t verdict_robust_seconds[ROBUSTS] = {10, 30, 60, 120};

static inline unsigned verdict_track(unsigned metric, unsigned lane)
{
	return metric * LANES + lane;
}

/* Promotion evidence of one metric. */
struct promote {
	double log_f[BETS]; /* likelihood form */
	double log_w[BETS]; /* batch form */
	struct duel batch;  /* the open one */
	struct duel all;    /* of this step */
	bool passed;
	double passed_evidence; /* at that moment */
};

/* The canary's events in its first seconds, cumulated: did they come evenly from the start? */
struct early {
	uint64_t all; /* windows with canary requests */
	uint32_t n;   /* the same, up to YOUTH (YOUTH + 1: grown up) */
	uint32_t total[YOUTH][HARM_METRICS];
};

struct alarm {
	bool raised;
	enum verdict_metric metric;
	enum verdict_lane lane;
	double evidence, wanted;
};

struct verdict {
	struct verdict_config cfg;
	struct verdict_history hist;
	uint64_t first_canary, last_canary; /* seconds of this step, or NO_SECOND */
	uint64_t canary_n, canary_errors, stable_n, stable_errors;
	struct bet bets[TRACKS];
	struct bet guard;
	uint32_t skip;             /* as in struct placebo */
	struct sums open[ROBUSTS]; /* the canary in the open windows */
	struct early early;
	struct promote promote[HARM_METRICS];
	struct alarm alarm;
};

/* verdict.c, verdict_valid.c */
void verdict_config_sane(struct verdict_config *c);
bool verdict_history_valid(const struct verdict_history *h);
bool verdict_valid(const struct verdict *v);

/* verdict_lane.c */
void verdict_lanes_init(struct verdict *v);
void verdict_lanes_second(struct verdict *v, const struct sums *canary, const struct sums *stable);
void verdict_lanes_close(struct verdict *v, unsigned robust);
void verdict_lanes_check(struct verdict *v);
/* The lane nearest to its alarm. */
struct alarm verdict_lanes_nearest(const struct verdict *v);

/* verdict_promote.c */
void verdict_promote_init(struct promote *p);
void verdict_promote_add(struct promote *p, const struct duel *d, double ratio, double margin);
/* log of the mean of both forms. */
double verdict_promote_log_evidence(const struct promote *p, double dispersion);
uint64_t verdict_promote_need(const struct promote *p, unsigned metric, double margin, double ratio,
			      double dispersion, double log_wanted);

/* A robust window clearly lost by a small side: the next may hold the same burst. */
static inline bool verdict_clearly_lost(const struct payoff *p)
{
	return p->bet && p->th < 0.25 && p->g > 0.3 * (1.0 - p->th);
}
