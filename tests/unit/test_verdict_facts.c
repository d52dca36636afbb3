/* Raw facts to windows, and what whole milliseconds do to a verdict. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/verdict.h"

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

static struct verdict_facts *new_facts(void)
{
	struct verdict_facts *f = malloc(verdict_facts_size());

	assert_non_null(f);
	verdict_facts_init(f, 1.05, 1.5);
	return f;
}

static void test_facts_to_windows(void **state)
{
	static const struct {
		struct verdict_fact fact;
		bool closes;
		uint64_t second;
		uint32_t n, requests, errors; /* of the closed window */
	} cases[] = {
		{{10.1, false, 7, 200, 5}, false, 0, 0, 0, 0},
		{{10.9, false, 3, 500, 5}, false, 0, 0, 0, 0},
		{{10.9, true, 3, 0, -1}, false, 0, 0, 0, 0}, /* same id, other side */
		{{11.0, false, 3, 404, 5}, true, 10, 3, 3, 2},
		{{10.5, false, 3, 503, NAN}, false, 0, 0, 0, 0}, /* late */
		{{15.5, false, UINT32_MAX, 200, INFINITY}, true, 11, 1, 2, 1},
		{{NAN, false, 3, 200, 5}, false, 0, 0, 0, 0},
		{{16.0, false, 3, 200, 1e300}, true, 15, 2, 2, 0},
	};
	struct verdict_facts *f = new_facts();
	struct verdict_window w;
	(void)state;
	assert_false(verdict_facts_close(f, 5, &w));
	for (size_t i = 0; i < COUNT(cases); i++) {
		bool closed = verdict_facts_add(f, &cases[i].fact, &w);
		uint32_t requests = 0, errors = 0;
		assert_int_equal(closed, cases[i].closes);
		if (!closed)
			continue;
		for (uint32_t k = 0; k < w.n; k++) {
			requests += w.inst[k].c.n;
			errors += w.inst[k].c.errors;
			assert_true(k == 0 || w.inst[k - 1].id <= w.inst[k].id);
		}
		assert_int_equal(w.second, cases[i].second);
		assert_int_equal(w.n, cases[i].n);
		assert_int_equal(requests, cases[i].requests);
		assert_int_equal(errors, cases[i].errors);
	}
	assert_false(verdict_facts_close(f, 15, &w));
	assert_true(verdict_facts_close(f, 16, &w));
	assert_false(verdict_facts_close(f, 16, &w));
	free(f);
}

static void test_many_instances_are_folded(void **state)
{
	struct verdict_facts *f = new_facts();
	struct verdict_window w;
	uint32_t requests = 0;
	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		struct verdict_fact x = {.t = 1,
					 .instance = i * 7919 % 1000,
					 .canary = i % 10 == 0,
					 .status = 200,
					 .ms = 1};
		assert_false(verdict_facts_add(f, &x, &w));
	}
	assert_true(verdict_facts_close(f, 1, &w));
	assert_int_equal(w.n, VERDICT_MAX_INSTANCES);
	for (uint32_t i = 0; i < w.n; i++)
		requests += w.inst[i].c.n;
	assert_int_equal(requests, 1000);
	assert_int_equal(w.inst[w.n - 2].id, VERDICT_FOLDED_STABLE);
	assert_true(w.inst[w.n - 1].id == VERDICT_FOLDED_CANARY && w.inst[w.n - 1].canary);
	free(f);
}

/* Whole milliseconds: a healthy canary passes and does not alarm; a slow one alarms. */
struct shape {
	const char *why;
	double stable[4], canary[4];     /* each fourth of requests */
	double tail_stable, tail_canary; /* one of 50 */
	enum verdict_answer want;
};

static double pick(const double *four, double tail)
{
	return roll(50) == 0 ? tail : four[roll(4)];
}

static enum verdict_answer judge(const struct shape *c, unsigned seconds)
{
	struct verdict_config cfg;
	struct verdict_facts *f = new_facts();
	struct verdict_report r = {.answer = VERDICT_WAIT};
	struct verdict_window w;

	verdict_config_default(&cfg, 1);
	struct verdict *v = new_verdict(&cfg);
	for (unsigned i = 0; i < seconds * 500 && r.answer == VERDICT_WAIT; i++) {
		bool canary = roll(10) == 0;
		struct verdict_fact x = {.t = i / 500.0,
					 .canary = canary,
					 .instance = canary ? 100 : roll(9),
					 .status = 200,
					 .ms = canary ? pick(c->canary, c->tail_canary)
						      : pick(c->stable, c->tail_stable)};
		if (!verdict_facts_add(f, &x, &w))
			continue;
		verdict_window(v, &w);
		verdict_report(v, &r);
	}
	free(v);
	free(f);
	return r.answer;
}

static void test_whole_milliseconds(void **state)
{
	static const struct shape cases[] = {
		{"all 1 ms", {1, 1, 1, 1}, {1, 1, 1, 1}, 1, 1, VERDICT_PASS},
		{"all 0 ms", {0, 0, 0, 0}, {0, 0, 0, 0}, 0, 0, VERDICT_PASS},
		{"0 and 1 ms", {0, 0, 0, 1}, {0, 0, 0, 1}, 1, 1, VERDICT_PASS},
		{"1 and 2 ms, even", {1, 1, 2, 2}, {1, 1, 2, 2}, 3, 3, VERDICT_PASS},
		{"1 and 2 ms, uneven", {1, 1, 1, 2}, {1, 1, 1, 2}, 9, 9, VERDICT_PASS},
		{"1 to 4 ms", {1, 2, 3, 4}, {1, 2, 3, 4}, 30, 30, VERDICT_PASS},
		{"20 to 26 ms", {20, 22, 23, 26}, {20, 22, 23, 26}, 90, 90, VERDICT_PASS},
		{"1 became 2 ms", {1, 1, 1, 1}, {2, 2, 2, 2}, 5, 5, VERDICT_FAIL},
		{"20 became 30 ms", {20, 22, 23, 26}, {30, 33, 35, 39}, 90, 135, VERDICT_FAIL},
		{"a fourth is slower", {5, 5, 5, 5}, {5, 5, 5, 50}, 60, 60, VERDICT_FAIL},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (unsigned round = 0; round < 10; round++) {
			enum verdict_answer got = judge(&cases[i], 600);
			if (got != cases[i].want)
				fail_msg("%s, round %u: %d", cases[i].why, round, got);
		}
}

/* Fewer than 100 stable latencies: no threshold, so nobody is over. */
static void test_no_thresholds_before_enough(void **state)
{
	struct verdict_facts *f = new_facts();
	struct verdict_window w;
	uint32_t over[2] = {0};
	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		struct verdict_fact x = {.t = i / 4.0,
					 .canary = i % 4 == 0,
					 .instance = i % 4,
					 .status = 200,
					 .ms = 1 + i % 100};
		if (!verdict_facts_add(f, &x, &w))
			continue;
		for (uint32_t k = 0; k < w.n; k++)
			over[w.second >= 34] += w.inst[k].c.over[0];
	}
	assert_int_equal(over[0], 0);
	assert_true(over[1] > 0);
	free(f);
}

/* What the counts mean in milliseconds: the old side's quantile and threshold as they are used, the new side's own of this step. */
static void test_latencies_for_people(void **state)
{
	struct verdict_facts *f = new_facts();
	struct verdict_latency l[VERDICT_LATENCIES];
	struct verdict_window w;

	(void)state;
	verdict_facts_latencies(f, l);
	for (unsigned i = 0; i < VERDICT_LATENCIES; i++)
		assert_true(l[i].stable == 0 && l[i].allowed == 0 && l[i].canary == 0);
	for (uint32_t i = 0; i < 20000; i++) {
		double t = 100 + i / 1000.0;

		/* 1 .. 100 ms, each as often; the canary takes twice as long */
		(void)verdict_facts_add(f, &(struct verdict_fact){t, false, 1, 200, 1 + i % 100},
					&w);
		(void)verdict_facts_add(
			f, &(struct verdict_fact){t, true, 2, 200, 2 * (1 + i % 100)}, &w);
	}
	(void)verdict_facts_close(f, 130, &w);
	verdict_facts_latencies(f, l);
	static const double want[] = {50, 95, 99};
	for (unsigned i = 0; i < VERDICT_LATENCIES; i++) {
		assert_true(l[i].stable > want[i] * 0.96 && l[i].stable < want[i] * 1.04);
		assert_true(l[i].allowed > 1.5 * want[i] * 0.96 &&
			    l[i].allowed < 1.5 * want[i] * 1.15); /* ties are looked for */
		assert_true(l[i].canary > 2 * want[i] * 0.96 && l[i].canary < 2 * want[i] * 1.04);
	}
	verdict_facts_ratios(f, 1.05, 1.25); /* the next step: the canary's begin anew */
	verdict_facts_latencies(f, l);
	assert_true(l[1].canary == 0 && l[1].allowed < 1.25 * 95 * 1.15);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts_to_windows),
		cmocka_unit_test(test_latencies_for_people),
		cmocka_unit_test(test_many_instances_are_folded),
		cmocka_unit_test(test_whole_milliseconds),
		cmocka_unit_test(test_no_thresholds_before_enough),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
