/*
 * Measures the canary verdict against its bars in simulated worlds (verdict_world.h). Prints each
 * bar, measured and wanted; exit 1 on a miss.
 *
 *	verdict_bars [--quick] [--seed N] [--only PREFIX] [--runs N] [--no-history]
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/verdict.h"
#include "verdict_world.h"

struct options {
	bool quick, no_history;
	uint64_t seed;
	const char *only;
	unsigned runs;
};

static unsigned misses;

/* ---- runs ---- */
struct bench {
	struct options opt;
	struct verdict *v;
	struct verdict_history *h;
	struct verdict_facts *f;
};

static struct world world_of(unsigned regime, double rps)
{
	return (struct world){.regime = regime,
			      .rps = rps,
			      .weight = 1.0 / INSTANCES,
			      .error = 0.001,
			      .slow = 1.0,
			      .slow_tail = 1.0,
			      .harm_ratio = 1.05,
			      .promote_ratio = 1.5};
}

/* History hours; then a rollout's first step until it fails, passes (if asked) or time is over. */
struct outcome {
	enum verdict_answer answer;
	double seconds;
	struct verdict_report report;
};

static struct outcome run(struct bench *b, struct world *w, const struct verdict_config *cfg,
			  uint64_t seed, uint64_t limit, bool until_pass, bool facts)
{
	uint64_t now = 0, before = b->opt.no_history ? 0
				   : facts           ? 300
				   : b->opt.quick    ? 3600
						     : 21600;
	struct outcome out = {.answer = VERDICT_WAIT, .seconds = (double)limit};
	struct verdict_window win;

	w->harm_ratio = cfg->latency_ratio;
	w->promote_ratio = cfg->promote_latency_ratio;
	world_init(w, seed);
	verdict_history_init(b->h, cfg);
	verdict_facts_init(b->f, cfg->latency_ratio, cfg->promote_latency_ratio);
	for (; now < before; now++) {
		if (!facts) {
			win = count_second(w, now, false);
			verdict_history_window(b->h, &win);
		} else if (fact_second(w, b->f, now, false, &win)) {
			verdict_history_window(b->h, &win);
		}
	}
	verdict_init(b->v, cfg, before > 0 ? b->h : NULL);
	for (uint64_t end = now + limit; now < end; now++) {
		if (!facts)
			win = count_second(w, now, true);
		else if (!fact_second(w, b->f, now, true, &win))
			continue;
		verdict_window(b->v, &win);
		verdict_report(b->v, &out.report);
		if (out.report.answer == VERDICT_FAIL ||
		    (until_pass && out.report.answer == VERDICT_PASS)) {
			out.answer = out.report.answer;
			out.seconds = (double)(now - (end - limit) + 1);
			break;
		}
	}
	return out;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(double *x, unsigned n, double q)
{
	qsort(x, n, sizeof(*x), by_size);
	return x[(unsigned)(q * (n - 1) + 0.5)];
}

static void bar(const char *name, double measured, double wanted, const char *unit)
{
	bool ok = measured <= wanted;

	printf("%-4s %-58s %9.2f  <= %8.2f %s\n", ok ? "ok" : "MISS", name, measured, wanted, unit);
	fflush(stdout);
	misses += !ok;
}

static bool chosen(const struct bench *b, const char *name)
{
	return !b->opt.only || !strncmp(name, b->opt.only, strlen(b->opt.only));
}

static unsigned runs_of(const struct bench *b, unsigned quick, unsigned full)
{
	return b->opt.runs ? b->opt.runs : b->opt.quick ? quick : full;
}

struct detect {
	const char *name;
	unsigned regime;
	double rps, error, slow, slow_tail;
	double median, p95; /* wanted; 0: not asked */
	bool facts;
	uint64_t limit;
	double margin, ratio; /* promotion; 0: default */
	bool pass;            /* pass is wanted, not fail */
	unsigned metrics;     /* 0: all */
};

static const struct detect detects[] = {
	{"1 100 rps, 5 % errors", 0, 100, .05, 1, 1, 35, 70, .limit = 600},
	{"1 100 rps, 1 % errors", 0, 100, .01, 1, 1, 280, 0, .limit = 1800},
	{"1 10 rps, 50 % errors", 0, 10, .5, 1, 1, 30, 0, .limit = 600},
	{"1 1000 rps, 100 % errors", 0, 1000, 1, 1, 1, 7, 0, .limit = 60},
	{"1 bursty 100 rps, 100 % errors", R_BURST, 100, 1, 1, 1, 20, 0, .limit = 600},
	{"1 long bursts 100 rps, 5 % errors", R_LONG, 100, .05, 1, 1, 300, 0, .limit = 1800},
	{"3 100 rps, all x 1.5", 0, 100, .001, 1.5, 1, 105, 0, .limit = 900},
	{"3 100 rps, slowest 5 % x 2", 0, 100, .001, 1, 2, 110, 0, .limit = 900},
	{"3 facts: 100 rps, all x 1.5", 0, 100, .001, 1.5, 1, 105, 0, .facts = true, .limit = 900},
	{"3 facts: 100 rps, slowest 5 % x 2", 0, 100, .001, 1, 2, 110, 0, .facts = true,
	 .limit = 900},
	{"7 demo 1000 rps, 20 % errors", 0, 1000, .2, 1, 1, 5, 0, .facts = true, .limit = 60,
	 .margin = .05, .ratio = 2},
	{"7 demo 1000 rps, slowest 5 % x 3", 0, 1000, .001, 1, 3, 12, 0, .facts = true, .limit = 60,
	 .margin = .05, .ratio = 2},
	{"7 demo 1000 rps, healthy, errors and p95", 0, 1000, .001, 1, 1, 10, 15, .facts = true,
	 .limit = 120, .margin = .05, .ratio = 2, .pass = true,
	 .metrics = 1U << VERDICT_ERRORS | 1U << VERDICT_P95},
	{"7 demo 1000 rps, healthy", 0, 1000, .001, 1, 1, 20, 35, .facts = true, .limit = 120,
	 .margin = .05, .ratio = 2, .pass = true},
	{"7 demo 1000 rps, healthy among builds", R_SLOW_INCIDENT, 1000, .001, 1, 1, 40, 120,
	 .facts = true, .limit = 120, .margin = .05, .ratio = 2, .pass = true},
};

static void detect_bars(struct bench *b)
{
	for (size_t i = 0; i < sizeof(detects) / sizeof(detects[0]); i++) {
		const struct detect *d = &detects[i];
		unsigned runs = d->facts ? runs_of(b, 3, 40) : runs_of(b, 15, 200);
		double seconds[2000];
		char name[120];
		if (!chosen(b, d->name))
			continue;
		unsigned lanes[5] = {0}, wrong = 0;
		for (unsigned r = 0; r < runs && r < 2000; r++) {
			struct verdict_config cfg;
			verdict_config_default(&cfg, 1);
			if (d->margin > 0.0) {
				cfg.promote_error_margin = d->margin;
				cfg.promote_latency_ratio = d->ratio;
			}
			if (d->metrics != 0)
				cfg.metrics = d->metrics;
			struct world w = world_of(d->regime, d->rps);
			w.error = d->error;
			w.slow = d->slow;
			w.slow_tail = d->slow_tail;
			struct outcome o = run(b, &w, &cfg, b->opt.seed + r * 7919, d->limit,
					       d->pass, d->facts);
			seconds[r] = o.seconds;
			lanes[o.report.lane]++;
			wrong += d->pass && o.answer == VERDICT_FAIL;
		}
		snprintf(name, sizeof(name), "%s: median (fast %u hard %u robust %u)", d->name,
			 lanes[LANE_FAST], lanes[LANE_HARD], lanes[LANE_ROBUST]);
		bar(name, quantile(seconds, runs, .5), d->median, "s");
		snprintf(name, sizeof(name), "%s: p95", d->name);
		bar(name, quantile(seconds, runs, .95), d->p95 > 0 ? d->p95 : INFINITY, "s");
		if (d->pass)
			bar("  of these failed", wrong, 0, "runs");
	}
}

static const struct {
	const char *name;
	unsigned regime;
} regimes[] = {{"iid", 0},
	       {"shared", R_SHARED},
	       {"bursts", R_BURST},
	       {"long", R_LONG},
	       {"very long", R_VERY_LONG},
	       {"retries", R_RETRY},
	       {"daily", R_DAILY},
	       {"uneven", R_UNEVEN},
	       {"uneven latency", R_UNEVEN | R_UNEVEN_SLOW},
	       {"all", R_SHARED | R_BURST | R_LONG | R_VERY_LONG | R_RETRY | R_DAILY | R_UNEVEN}};

/* Wilson's one-sided 95 % upper bound of a share, in percent. */
static double upper_bound(unsigned k, unsigned n)
{
	double z = 1.6449, p = (double)k / n, zz = z * z / n;

	return 100.0 * (p + zz / 2 + z * sqrt(p * (1.0 - p) / n + zz / (4.0 * n))) / (1.0 + zz);
}

/* 24 hours without a change. Fewer than 150 runs cannot show an upper bound of 2 %. */
static void quiet_bars(struct bench *b)
{
	static const double rates[] = {10, 100, 1000};

	for (size_t i = 0; i < sizeof(regimes) / sizeof(regimes[0]); i++)
		for (unsigned k = 0; k < 3; k++) {
			char name[120];
			unsigned runs = runs_of(b, 1, 150), fails = 0, lanes[5] = {0};
			uint64_t limit = b->opt.quick ? 3600 : 86400;
			snprintf(name, sizeof(name), "2 %s %g", regimes[i].name, rates[k]);
			if (!chosen(b, name))
				continue;
			for (unsigned r = 0; r < runs; r++) {
				struct verdict_config cfg;
				verdict_config_default(&cfg, 1);
				struct world w = world_of(regimes[i].regime, rates[k]);
				struct outcome o = run(b, &w, &cfg, b->opt.seed + r * 104729, limit,
						       false, false);
				fails += o.answer == VERDICT_FAIL;
				if (o.answer != VERDICT_FAIL)
					continue;
				lanes[o.report.lane]++;
				if (b->opt.runs)
					printf("  seed+%u %g s metric %d lane %d\n", r, o.seconds,
					       (int)o.report.metric, (int)o.report.lane);
			}
			snprintf(name, sizeof(name),
				 "2 %s, %g rps, %" PRIu64 " h (fast %u hard %u robust %u of %u)",
				 regimes[i].name, rates[k], limit / 3600, lanes[LANE_FAST],
				 lanes[LANE_HARD], lanes[LANE_ROBUST], runs);
			bar(name, 100.0 * fails / runs, 1.0, "% false rollbacks");
			bar("  upper bound, 95 %", upper_bound(fails, runs),
			    runs >= 150 ? 2.0 : INFINITY, "%");
		}
}

/* 5 -> 50 -> 100: both steps until each passes. */
static double whole_rollout(struct bench *b, double rps, uint64_t seed, uint64_t limit)
{
	struct verdict_config cfg;
	struct world w = world_of(0, rps);
	uint64_t now = 0;

	world_init(&w, seed);
	verdict_config_default(&cfg, 1);
	verdict_init(b->v, &cfg, NULL);
	for (unsigned step = 1; now < limit; now++) {
		struct verdict_window win = count_second(&w, now, true);
		struct verdict_report rep;
		verdict_window(b->v, &win);
		verdict_report(b->v, &rep);
		if (rep.answer == VERDICT_FAIL)
			return (double)limit;
		if (rep.answer != VERDICT_PASS)
			continue;
		if (step++ == 2)
			return (double)now + 1;
		verdict_config_default(&cfg, 2);
		verdict_next_step(b->v, &cfg);
		w.weight = 0.5;
		w.promote_ratio = cfg.promote_latency_ratio;
	}
	return (double)limit;
}

/* On the edge of a margin: which of the metrics passes is asked alone. */
static void edge_bar(struct bench *b, unsigned step, bool latency)
{
	unsigned runs = runs_of(b, 10, 400), passed = 0;
	char name[120];

	for (unsigned r = 0; r < runs; r++) {
		struct verdict_config cfg;
		verdict_config_default(&cfg, step);
		struct world w = world_of(0, 100);
		w.weight = step == 1 ? 0.05 : 0.5;
		w.error = latency ? .001 : .001 + cfg.promote_error_margin;
		w.slow = latency ? cfg.promote_latency_ratio : 1.0;
		/* Without harm bets, which would stop most of these first. */
		cfg.alpha = 1e-9;
		struct outcome o = run(b, &w, &cfg, b->opt.seed + r * 31, 3600, true, false);
		passed += o.answer == VERDICT_PASS;
	}
	snprintf(name, sizeof(name), "4 edge of step %u's %s margin", step,
		 latency ? "latency" : "error");
	bar(name, 100.0 * passed / runs, 5.0, "% false promotions");
}

static void promote_bars(struct bench *b)
{
	unsigned runs = runs_of(b, 15, 200);
	double seconds[2000];

	if (!chosen(b, "4"))
		return;
	for (unsigned r = 0; r < runs && r < 2000; r++)
		seconds[r] = whole_rollout(b, 100, b->opt.seed + r * 13, 7200);
	bar("4 100 rps: whole rollout, median", quantile(seconds, runs, .5), 450, "s");
	bar("4 100 rps: whole rollout, p95", quantile(seconds, runs, .95), 7199, "s");
	bool no_history = b->opt.no_history;
	b->opt.no_history = true; /* promotion asks nothing of it but D */
	for (unsigned step = 1; step <= 2; step++)
		for (unsigned latency = 0; latency < 2; latency++)
			edge_bar(b, step, latency);
	unsigned passed = 0;
	uint64_t need = 0;
	for (unsigned r = 0; r < runs; r++) {
		struct verdict_config cfg;
		verdict_config_default(&cfg, 1);
		struct world w = world_of(0, 0.2);
		struct outcome o = run(b, &w, &cfg, b->opt.seed + r, 3600, true, false);
		passed += o.answer != VERDICT_WAIT || o.report.need == 0 ||
			  o.report.need == UINT64_MAX;
		need = o.report.need;
	}
	b->opt.no_history = no_history;
	printf("     0.2 rps after 1 h: %" PRIu64 " more canary requests needed\n", need);
	bar("4 0.2 rps: decided, or did not say what it needs", passed, 0, "runs");
}

static double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void speed_bars(struct bench *b)
{
	enum { N = 1 << 16, ROUNDS = 32 };
	struct verdict_fact *fact = malloc(N * sizeof(*fact));
	struct verdict_config cfg;
	struct world w = world_of(0, 1000);
	struct verdict_window win;

	if (!chosen(b, "5") || !fact) {
		free(fact);
		return;
	}
	world_init(&w, b->opt.seed);
	for (unsigned i = 0; i < N; i++)
		fact[i] = (struct verdict_fact){.t = i / 1000.0,
						.instance = (uint32_t)(next(&w) % INSTANCES),
						.status = uniform(&w) < .001 ? 500 : 200,
						.ms = floor(MEDIAN * exp(SIGMA * normal(&w)))};
	verdict_config_default(&cfg, 1);
	verdict_init(b->v, &cfg, NULL);
	verdict_facts_init(b->f, cfg.latency_ratio, cfg.promote_latency_ratio);
	double from = now_seconds();
	for (unsigned r = 0; r < ROUNDS; r++)
		for (unsigned i = 0; i < N; i++) {
			struct verdict_fact x = fact[i];
			x.t += r * (N / 1000.0);
			x.canary = x.instance == 0;
			if (verdict_facts_add(b->f, &x, &win))
				verdict_window(b->v, &win);
		}
	double ns = (now_seconds() - from) * 1e9 / ((double)N * ROUNDS);
	printf("     %.2f million facts per second\n", 1e3 / ns);
	bar("5 time of a fact through windows and verdict", ns, 1000, "ns");
	bar("5 state of a rollout step", (double)verdict_size(), 65536, "bytes");
	free(fact);
}

/* The same facts, the same bits: a digest of all reports, which every machine must reproduce. */
static uint64_t digest(struct bench *b)
{
	struct verdict_config cfg;
	struct verdict_window win;
	uint64_t state = 12345, sum = 1469598103934665603ULL;

	verdict_config_default(&cfg, 1);
	verdict_init(b->v, &cfg, NULL);
	verdict_facts_init(b->f, cfg.latency_ratio, cfg.promote_latency_ratio);
	for (unsigned i = 0; i < 200000; i++) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		uint32_t x = (uint32_t)(state >> 33);
		struct verdict_fact f = {.t = i / 200.0,
					 .canary = x % 20 == 0,
					 .instance = x % 20,
					 .status = x >> 8 & 0x3ff ? 200 : 500,
					 .ms = (double)(x % 97 * (x >> 12 & 15))};
		if (!verdict_facts_add(b->f, &f, &win))
			continue;
		struct verdict_report r;
		double part[3];
		verdict_window(b->v, &win);
		verdict_report(b->v, &r);
		part[0] = r.evidence;
		part[1] = r.harm_evidence;
		part[2] = (double)r.need;
		for (unsigned k = 0; k < sizeof(part); k++)
			sum = (sum ^ ((unsigned char *)part)[k]) * 1099511628211ULL;
	}
	return sum;
}

#define DIGEST UINT64_C(0xdbf0a1903ef6eaa7)

static void same_bars(struct bench *b)
{
	if (!chosen(b, "6"))
		return;
	uint64_t d = digest(b);
	printf("     digest %016" PRIx64 "\n", d);
	bar("6 the same bits as on the first machine: differences", d != DIGEST, 0, "");
}

int main(int argc, char **argv)
{
	struct bench b = {.opt = {.seed = 1}};

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--quick"))
			b.opt.quick = true;
		else if (!strcmp(argv[i], "--no-history"))
			b.opt.no_history = true;
		else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
			b.opt.seed = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--runs") && i + 1 < argc)
			b.opt.runs = (unsigned)strtoul(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--only") && i + 1 < argc)
			b.opt.only = argv[++i];
		else
			return 2;
	}
	b.v = malloc(verdict_size());
	b.h = malloc(verdict_history_size());
	b.f = malloc(verdict_facts_size());
	if (!b.v || !b.h || !b.f)
		return 2;
	detect_bars(&b);
	promote_bars(&b);
	speed_bars(&b);
	same_bars(&b);
	quiet_bars(&b);
	free(b.v);
	free(b.h);
	free(b.f);
	printf("%u bars missed\n", misses);
	return misses > 0;
}
