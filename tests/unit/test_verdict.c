/* The canary verdict: payoffs, lanes, promotion, bytes. Bars are in tests/bench. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/verdict_impl.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t dice = 1;

static uint32_t roll(uint32_t sides)
{
	dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((dice >> 33) % sides);
}

static struct verdict *new_verdict(const struct verdict_config *cfg)
{
	struct verdict *v = malloc(verdict_size());

	assert_non_null(v);
	verdict_init(v, cfg, NULL);
	return v;
}

/* ---- arithmetic ---- */
static void test_log_exp(void **state)
{
	(void)state;
	for (int i = -3000; i < 3000; i++) {
		double x = exp(i * 0.11);
		assert_true(fabs(verdict_log(x) - log(x)) <= 4e-16 * fabs(log(x)) + 2e-16);
		double y = i * 0.2;
		assert_true(fabs(verdict_exp(y) - exp(y)) <= 1e-15 * exp(y));
	}
	assert_true(verdict_log(1.0) == 0.0);
	assert_true(fabs(verdict_log(5e-324) - log(5e-324)) < 1e-12);
	assert_true(verdict_exp(0.0) == 1.0);
	assert_true(verdict_exp(-1e9) == 0.0);
	assert_true(isfinite(verdict_exp(1e9)));
}

/* E[1/(K+J)] by brute force, in logs. */
static double reciprocal(uint64_t k, uint64_t m, double d)
{
	double sum = 0.0;

	for (uint64_t j = 0; j <= m; j++)
		sum += exp(lgamma((double)m + 1) - lgamma((double)j + 1) -
			   lgamma((double)(m - j) + 1) + (double)j * log(d) +
			   (double)(m - j) * log1p(-d)) /
		       (double)(k + j);
	return sum;
}

static void test_payoff(void **state)
{
	static const struct {
		const char *why;
		struct duel d;
		double margin;
		bool bet;
	} cases[] = {
		{"no canary: no bet", {0, 0, 10, 1}, .001, false},
		{"no stable: no bet", {10, 1, 0, 0}, .001, false},
		{"both sides fail", {5, 2, 95, 3}, .001, true},
		{"only the canary", {5, 5, 95, 0}, .5, true},
		{"large mean: the expansion", {50, 20, 950, 10}, .5, true},
		{"just below the expansion", {50, 20, 590, 10}, .5, true},
		{"stable fails wholly", {5, 1, 95, 95}, .001, true},
		{"latency", {5, 3, 95, 40}, 0, true},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct duel *d = &cases[i].d;
		struct payoff p = verdict_payoff(d, 1.0, cases[i].margin, 0.0);
		assert_int_equal(p.bet, cases[i].bet);
		if (!p.bet)
			continue;
		double th = (double)d->nc / (double)(d->nc + d->ns), r;
		if (cases[i].margin > 0)
			r = reciprocal(d->kc + d->ks, d->ns - d->ks, cases[i].margin);
		else
			r = 1.0 / (double)(d->kc + d->ks);
		assert_true(fabs(p.th - th) < 1e-15);
		if (fabs(p.g - ((double)d->kc * r - th)) > 1e-6)
			fail_msg("%s: %.12g", cases[i].why, p.g);
	}
	struct duel none = {5, 0, 95, 0};
	struct payoff p = verdict_payoff(&none, 1.0, .001, 0.0);
	assert_true(fabs(p.g + .05 * (1 - pow(.999, 95))) < 1e-12);
	assert_true(verdict_payoff(&none, 1.0, 0.0, 0.0).g == 0.0);
	assert_true(verdict_payoff(&none, 1.0, .001, 0.5).th == 0.5);
}

/* ---- steady worlds: the same counts in each second ---- */
struct steady_case {
	const char *why;
	uint32_t nc, kc, ns, ks; /* of each second, stable spread over 4 instances */
	uint32_t slow;           /* canary requests over each threshold, harm and promotion alike */
	uint32_t slow_stable;
	unsigned seconds;
	double guard, bake;
	unsigned metrics;
	enum verdict_answer want;
	enum verdict_lane lane;
};

#define ERRORS_ONLY (1U << VERDICT_ERRORS)
#define ALL_METRICS 15U

static uint32_t part(uint32_t of, uint32_t i)
{
	return of / 4 + (i < of % 4);
}

static struct verdict_window window_of(const struct steady_case *c, uint64_t second,
				       struct verdict_instance inst[5])
{
	struct verdict_window w = {.second = second, .n = c->nc > 0 ? 5 : 4, .inst = inst};

	for (uint32_t i = 0; i < 4; i++) {
		uint32_t s = part(c->slow_stable, i);
		inst[i] = (struct verdict_instance){.id = 10 + i,
						    .c = {.n = part(c->ns, i),
							  .errors = part(c->ks, i),
							  .over = {s, s, s},
							  .over_promote = {s, s, s}}};
	}
	inst[4] = (struct verdict_instance){.id = 99,
					    .canary = true,
					    .c = {.n = c->nc,
						  .errors = c->kc,
						  .over = {c->slow, c->slow, c->slow},
						  .over_promote = {c->slow, c->slow, c->slow}}};
	return w;
}

static void test_steady_worlds(void **state)
{
	static const struct steady_case cases[] = {
		{"nobody calls", 0, 0, 0, 0, 0, 0, 600, 0, 0, ERRORS_ONLY, VERDICT_WAIT,
		 LANE_PROMOTE},
		{"no canary", 0, 0, 100, 1, 0, 0, 600, 0, 0, ERRORS_ONLY, VERDICT_WAIT,
		 LANE_PROMOTE},
		{"no stable", 100, 1, 0, 0, 0, 0, 600, 0, 0, ERRORS_ONLY, VERDICT_WAIT,
		 LANE_PROMOTE},
		{"no stable, guard", 100, 50, 0, 0, 0, 0, 200, .05, 0, ERRORS_ONLY, VERDICT_FAIL,
		 LANE_GUARD},
		{"healthy", 20, 0, 200, 0, 0, 0, 60, 0, 0, ERRORS_ONLY, VERDICT_PASS, LANE_PROMOTE},
		{"healthy, baking", 20, 0, 200, 0, 0, 0, 60, 0, 120, ERRORS_ONLY, VERDICT_WAIT,
		 LANE_PROMOTE},
		{"healthy, latency unknown", 20, 0, 200, 0, 0, 0, 600, 0, 0, ALL_METRICS,
		 VERDICT_WAIT, LANE_PROMOTE},
		{"healthy, quick as well", 20, 0, 200, 0, 1, 40, 600, 0, 0, ALL_METRICS,
		 VERDICT_PASS, LANE_PROMOTE},
		{"half as bad as total", 20, 10, 200, 0, 0, 0, 6, 0, 0, ERRORS_ONLY, VERDICT_FAIL,
		 LANE_FAST},
		{"both fail alike", 20, 10, 200, 100, 0, 0, 600, 0, 0, ERRORS_ONLY, VERDICT_WAIT,
		 LANE_PROMOTE},
		{"slow", 20, 0, 200, 0, 10, 20, 30, 0, 0, ALL_METRICS, VERDICT_FAIL, LANE_FAST},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct steady_case *c = &cases[i];
		struct verdict_config cfg;
		struct verdict_report r;
		verdict_config_default(&cfg, 1);
		cfg.guard_error_rate = c->guard;
		cfg.min_bake = c->bake;
		cfg.metrics = c->metrics;
		struct verdict *v = new_verdict(&cfg);
		for (unsigned s = 0; s < c->seconds; s++) {
			struct verdict_instance inst[5];
			struct verdict_window w = window_of(c, s, inst);
			verdict_window(v, &w);
		}
		verdict_report(v, &r);
		if (r.answer != c->want || r.lane != c->lane)
			fail_msg("%s: %d by lane %d, E %g of %g, need %llu", c->why, r.answer,
				 r.lane, r.evidence, r.wanted, (unsigned long long)r.need);
		assert_int_equal(r.canary_n, (uint64_t)c->nc * c->seconds);
		assert_int_equal(r.stable_errors, (uint64_t)c->ks * c->seconds);
		free(v);
	}
}

/* Few requests: what is needed is said, and falls as they come. */
static void test_need(void **state)
{
	struct steady_case one = {.nc = 1, .ns = 19, .metrics = ERRORS_ONLY};
	struct verdict_config cfg;
	struct verdict_report r;
	uint64_t last = UINT64_MAX;
	(void)state;
	verdict_config_default(&cfg, 1);
	cfg.metrics = ERRORS_ONLY;
	struct verdict *v = new_verdict(&cfg);
	for (unsigned s = 0; s < 2000; s++) {
		struct verdict_instance inst[5];
		struct verdict_window w = window_of(&one, s, inst);
		verdict_window(v, &w);
		verdict_report(v, &r);
		if (r.answer == VERDICT_PASS)
			break;
		assert_int_equal(r.answer, VERDICT_WAIT);
		assert_true(r.need > 0 && r.need <= last && r.need < 2000);
		last = r.need;
	}
	assert_int_equal(r.answer, VERDICT_PASS);
	assert_int_equal(r.need, 0);
	assert_true(r.canary_n > 200 && r.canary_n < 900);
	free(v);
}

/* A step's end: promotion begins anew, harm evidence and a fail stay. */
static void test_next_step(void **state)
{
	struct steady_case good = {.nc = 20, .ns = 200}, bad = {.nc = 20, .kc = 19, .ns = 200};
	struct verdict_config cfg;
	struct verdict_report r;
	struct verdict_instance inst[5];
	uint64_t s = 0;
	(void)state;
	verdict_config_default(&cfg, 1);
	cfg.metrics = ERRORS_ONLY;
	struct verdict *v = new_verdict(&cfg);
	for (; s < 60; s++) {
		struct verdict_window w = window_of(&good, s, inst);
		verdict_window(v, &w);
	}
	verdict_report(v, &r);
	assert_int_equal(r.answer, VERDICT_PASS);
	double harm = r.harm_evidence;
	verdict_config_default(&cfg, 2);
	cfg.metrics = ERRORS_ONLY;
	verdict_next_step(v, &cfg);
	verdict_report(v, &r);
	assert_int_equal(r.answer, VERDICT_WAIT);
	assert_true(r.harm_evidence == harm && r.canary_n == 0);
	for (; s < 110 && r.answer != VERDICT_FAIL; s++) {
		struct verdict_window w = window_of(&bad, s, inst);
		verdict_window(v, &w);
		verdict_report(v, &r);
	}
	assert_int_equal(r.answer, VERDICT_FAIL);
	verdict_next_step(v, &cfg);
	verdict_report(v, &r);
	assert_int_equal(r.answer, VERDICT_FAIL);
	free(v);
}

/* Time that stands still or goes back is ignored; a gap is no window. */
static void test_order_and_gaps(void **state)
{
	static const uint64_t seconds[] = {100, 100, 99, 101, 500, 501, 1000000, UINT64_MAX, 5};
	struct steady_case c = {.nc = 5, .ns = 95};
	struct verdict_config cfg;
	struct verdict_report r;
	struct verdict_instance inst[5];
	(void)state;
	verdict_config_default(&cfg, 1);
	struct verdict *v = new_verdict(&cfg);
	for (size_t i = 0; i < COUNT(seconds); i++) {
		struct verdict_window w = window_of(&c, seconds[i], inst);
		verdict_window(v, &w);
	}
	verdict_report(v, &r);
	assert_int_equal(r.canary_n, 5 * 5);
	free(v);
}

static void test_config_is_made_sane(void **state)
{
	struct verdict_config cfg = {.alpha = NAN,
				     .beta = -1,
				     .error_ratio = INFINITY,
				     .error_margin = 7,
				     .promote_error_margin = NAN,
				     .guard_error_rate = NAN,
				     .min_bake = INFINITY,
				     .metrics = 1U << VERDICT_GUARD};
	struct steady_case c = {.nc = 5, .kc = 2, .ns = 95, .slow = 3, .slow_stable = 5};
	struct verdict_report r;
	struct verdict_instance inst[5];
	(void)state;
	struct verdict *v = new_verdict(&cfg);
	for (unsigned s = 0; s < 300; s++) {
		struct verdict_window w = window_of(&c, s, inst);
		verdict_window(v, &w);
		verdict_report(v, &r);
		assert_true(isfinite(r.evidence) && isfinite(r.wanted) &&
			    isfinite(r.harm_evidence));
	}
	assert_int_equal(v->cfg.metrics, ERRORS_ONLY);
	free(v);
}

/* ---- lanes ---- */

/* Without history a late burst of one instance is no fail; with nothing but calm seen before, it is
 * one sooner than a service whose innocents burst like that. */
static struct verdict_window busy(uint64_t s, struct verdict_instance *inst, uint32_t n,
				  uint32_t bad, uint32_t errors)
{
	for (uint32_t i = 0; i < n; i++)
		inst[i] = (struct verdict_instance){
			.id = i, .canary = i == 0, .c = {.n = 10, .errors = i == bad ? errors : 0}};
	return (struct verdict_window){.second = s, .n = n, .inst = inst};
}

static void test_bursts(void **state)
{
	static const struct {
		const char *why;
		bool history, bursty; /* 12 h of 10 instances; innocents fail for 8 s */
		unsigned burst;       /* seconds of the canary's failing, 5 of 10 */
		enum verdict_answer want;
	} cases[] = {
		{"no history, a burst", false, false, 8, VERDICT_WAIT},
		{"no history, lasting", false, false, 400, VERDICT_FAIL},
		{"calm history, a burst", true, false, 12, VERDICT_FAIL},
		{"bursty history, a burst", true, true, 12, VERDICT_WAIT},
		{"bursty history, lasting", true, true, 300, VERDICT_FAIL},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct verdict_config cfg;
		struct verdict_instance inst[10];
		struct verdict_report r;
		struct verdict_window w;
		verdict_config_default(&cfg, 1);
		struct verdict_history *h = malloc(verdict_history_size());
		assert_non_null(h);
		verdict_history_init(h, &cfg);
		for (uint64_t s = 0; cases[i].history && s < 43200; s++) {
			bool bad = cases[i].bursty && s % 600 < 8;
			w = busy(s, inst, 10, bad ? 1 + (uint32_t)(s / 600) % 9 : 99, 5);
			verdict_history_window(h, &w);
		}
		struct verdict *v = new_verdict(&cfg);
		verdict_init(v, &cfg, cases[i].history ? h : NULL);
		for (uint64_t s = 50000; s < 50200 + cases[i].burst; s++) {
			w = busy(s, inst, 10, s >= 50100 && s < 50100 + cases[i].burst ? 0 : 99, 5);
			verdict_window(v, &w);
		}
		verdict_report(v, &r);
		if (r.answer != cases[i].want &&
		    !(cases[i].want == VERDICT_WAIT && r.answer == VERDICT_PASS))
			fail_msg("%s: %d lane %d, harm %g of %g", cases[i].why, r.answer, r.lane,
				 r.harm_evidence, r.harm_wanted);
		free(v);
		free(h);
	}
}

/* Instances come and go, more of them than there is room for; windows hold any of them. */
static void test_instances_come_and_go(void **state)
{
	struct verdict_config cfg;
	struct verdict_instance inst[200];
	struct verdict_report r;
	(void)state;
	verdict_config_default(&cfg, 1);
	struct verdict *v = new_verdict(&cfg);
	for (uint64_t s = 0; s < 400; s++) {
		uint32_t n = 1 + roll(200), id = roll(50);
		for (uint32_t i = 0; i < n; i++, id += 1 + roll(3))
			inst[i] = (struct verdict_instance){
				.id = id,
				.canary = roll(20) == 0,
				.c = {.n = roll(9), .errors = roll(100) == 0}};
		struct verdict_window w = {.second = s, .n = n, .inst = inst};
		verdict_window(v, &w);
		assert_true(v->hist.n <= VERDICT_MAX_INSTANCES);
		for (uint32_t i = 1; i < v->hist.n; i++)
			assert_true(v->hist.placebo[i - 1].id < v->hist.placebo[i].id);
		assert_true(verdict_valid(v));
	}
	verdict_report(v, &r);
	assert_int_not_equal(r.answer, VERDICT_FAIL);
	free(v);
}

/* ---- bytes ---- */
static void feed(struct verdict *v, uint64_t from, uint64_t to)
{
	struct verdict_instance inst[9];

	for (uint64_t s = from; s < to; s++) {
		for (uint32_t i = 0; i < 9; i++) {
			uint32_t n = roll(30), k = n / (2 + roll(9));
			inst[i] =
				(struct verdict_instance){.id = i * 3,
							  .canary = i == 4,
							  .c = {.n = n,
								.errors = roll(20) == 0,
								.over = {k, k / 2, k / 5},
								.over_promote = {k, k / 2, k / 5}}};
		}
		struct verdict_window w = {.second = s, .n = 9, .inst = inst};
		verdict_window(v, &w);
	}
}

static void test_save_and_load(void **state)
{
	static const uint64_t ends[] = {0, 1, 9, 10, 11, 119, 500, 1000};
	static unsigned char buf[VERDICT_SAVE_MAX], again[VERDICT_SAVE_MAX];
	struct verdict_config cfg;
	(void)state;
	verdict_config_default(&cfg, 1);
	for (size_t i = 0; i < COUNT(ends); i++) {
		struct verdict_report a, b;
		struct verdict *v = new_verdict(&cfg), *u = new_verdict(&cfg);
		feed(v, 0, ends[i]);
		size_t n = verdict_save(v, buf, sizeof(buf));
		assert_true(n > 0 && n < 16384);
		assert_int_equal(verdict_save(v, again, n - 1), 0);
		assert_true(verdict_load(u, buf, n));
		assert_int_equal(verdict_save(u, again, sizeof(again)), n);
		assert_memory_equal(buf, again, n);
		uint64_t seed = dice;
		feed(v, ends[i], ends[i] + 300);
		dice = seed;
		feed(u, ends[i], ends[i] + 300);
		verdict_report(v, &a);
		verdict_report(u, &b);
		assert_true(a.evidence == b.evidence && a.harm_evidence == b.harm_evidence);
		assert_int_equal(a.need, b.need);
		assert_int_equal(verdict_save(v, buf, sizeof(buf)),
				 verdict_save(u, again, sizeof(again)));
		assert_memory_equal(buf, again, sizeof(buf));
		free(v);
		free(u);
	}
}

/* Cut short, made longer, or with bytes changed: refused, or a state that can be used. */
static void test_load_hostile(void **state)
{
	static unsigned char buf[VERDICT_SAVE_MAX], bad[VERDICT_SAVE_MAX];
	struct verdict_config cfg;
	struct verdict_report r;
	(void)state;
	verdict_config_default(&cfg, 1);
	struct verdict *v = new_verdict(&cfg), *u = new_verdict(&cfg);
	feed(v, 0, 300);
	size_t n = verdict_save(v, buf, sizeof(buf));
	for (size_t i = 0; i < n; i++)
		assert_false(verdict_load(u, buf, i));
	assert_false(verdict_load(u, buf, n + 1));
	unsigned taken = 0;
	for (unsigned i = 0; i < 20000; i++) {
		memcpy(bad, buf, n);
		for (unsigned k = 1 + roll(3); k > 0; k--)
			bad[roll((uint32_t)n)] = (unsigned char)(roll(4) ? roll(256) : 255);
		if (!verdict_load(u, bad, n))
			continue;
		taken++;
		feed(u, 300, 303);
		verdict_report(u, &r);
		assert_false(isnan(r.evidence) || isnan(r.harm_evidence));
	}
	assert_true(taken > 0);
	/* History alone goes the same way. */
	struct verdict_history *h = malloc(verdict_history_size());
	assert_non_null(h);
	size_t m = verdict_history_save(&v->hist, buf, sizeof(buf));
	assert_true(m > 0 && verdict_history_load(h, buf, m));
	assert_int_equal(verdict_history_save(h, bad, sizeof(bad)), m);
	assert_memory_equal(buf, bad, m);
	assert_false(verdict_history_load(h, buf, m - 1));
	assert_false(verdict_load(u, buf, m));
	free(h);
	free(v);
	free(u);
}

static void test_sizes(void **state)
{
	(void)state;
	assert_true(verdict_size() < 65536);
	assert_true(verdict_history_size() < 65536);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_exp),
		cmocka_unit_test(test_payoff),
		cmocka_unit_test(test_steady_worlds),
		cmocka_unit_test(test_need),
		cmocka_unit_test(test_next_step),
		cmocka_unit_test(test_order_and_gaps),
		cmocka_unit_test(test_config_is_made_sane),
		cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_instances_come_and_go),
		cmocka_unit_test(test_save_and_load),
		cmocka_unit_test(test_load_hostile),
		cmocka_unit_test(test_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
