/* A rollout's curves, replayed. */
#include "unit.h"
#include "core/curve.h"

static const struct {
	const char *why;
	uint64_t k, n;
	double low, high;
} wilson[] = {
	{"nothing known", 0, 0, 0, 1},
	{"none of ten", 0, 10, 0, 0.2775327998628899},
	{"all of ten", 10, 10, 0.7224672001371107, 1},
	{"one of ten", 1, 10, 0.01787621309507289, 0.4041500267952385},
	{"half of a thousand", 500, 1000, 0.4690696003681042, 0.5309303996318958},
};

static void intervals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wilson); i++) {
		double low, high;

		wilson_interval(wilson[i].k, wilson[i].n, &low, &high);
		CHECK(low > wilson[i].low - 1e-8 && low < wilson[i].low + 1e-8, wilson[i].why);
		CHECK(high > wilson[i].high - 1e-8 && high < wilson[i].high + 1e-8, wilson[i].why);
	}
}

static void second(struct curve *c, uint64_t at, uint32_t canary_errors, struct verdict_report *ret)
{
	struct event ev = {.kind = EV_FACTS};

	ev.window.second = at;
	vec_push(&ev.window.instances, ((struct facts_instance){.id = 1, .n = 100}));
	vec_push(&ev.window.instances, ((struct facts_instance){.id = 2, .n = 100, .slow99 = 1}));
	vec_push(&ev.window.instances,
		 ((struct facts_instance){
			 .id = 3, .canary = true, .n = 20, .errors = canary_errors}));
	curve_event(c, &ev, ret);
	vec_done(&ev.window.instances);
}

static void weight(struct curve *c, double share)
{
	struct event ev = {.kind = EV_WEIGHT_SET, .weight = share};

	curve_event(c, &ev, NULL);
}

static struct strategy canary(void)
{
	struct strategy st = {.kind = STRATEGY_CANARY, .compare_errors = true};

	vec_push(&st.steps, ((struct weight){.share = 0.05}));
	vec_push(&st.steps, ((struct weight){.share = 0.5}));
	vec_push(&st.steps, ((struct weight){.share = 1}));
	return st;
}

/* The very numbers that the verdict gives when it is fed by hand. */
static void as_the_verdict_said(void **state)
{
	struct strategy st = canary();
	struct curve *c = curve_new(&st, 1);
	struct event history = {.kind = EV_HISTORY};
	struct verdict *v = xcalloc(1, verdict_size());
	struct verdict_config cfg;
	struct verdict_report got, want;
	const struct curve_point *p;
	uint32_t each;

	(void)state;
	watch_config(&st, 0, &cfg);
	verdict_init(v, &cfg, NULL);
	second(c, 999, 1, &got); /* before analysis: a point, no verdict */
	curve_event(c, &history, NULL);
	weight(c, 0.05);
	for (uint64_t s = 1000; s < 1030; s++) {
		struct facts_window w = {.second = s};

		vec_push(&w.instances, ((struct facts_instance){.id = 1, .n = 100}));
		vec_push(&w.instances, ((struct facts_instance){.id = 2, .n = 100, .slow99 = 1}));
		vec_push(&w.instances, ((struct facts_instance){.id = 3, .canary = true, .n = 20}));
		watch_feed(v, &w);
		vec_done(&w.instances);
		verdict_report(v, &want);
		second(c, s, 0, &got);
		assert_memory_equal(&got, &want, sizeof(got));
		if (want.answer == VERDICT_PASS)
			break;
	}
	assert_int_equal(want.answer, VERDICT_PASS);
	assert_int_equal(curve_step(c), 1);
	weight(c, 0.5);
	second(c, 1100, 20, &got);
	size_t n = curve_points(c, 600, &p, &each);
	assert_int_equal(each, 1);
	assert_false(p[0].judged);
	assert_true(p[1].judged && p[1].step == 0 && p[1].weight == 0.05);
	assert_int_equal(p[1].stable.n, 200);
	assert_int_equal(p[1].stable.slow[2], 1);
	assert_int_equal(p[n - 1].step, 1);
	assert_int_equal(p[n - 1].second, 1100);
	const struct curve_difference *d = &p[n - 1].difference[VERDICT_ERRORS];
	CHECK(d->estimate == 1 && d->low > 0.8, "of this step alone");
	CHECK(p[1].difference[VERDICT_ERRORS].margin > 0.0099 &&
		      p[1].difference[VERDICT_ERRORS].margin < 0.0101,
	      "the first step's margin");
	CHECK(d->margin < 0.0026, "the next step's");
	d = &p[1].difference
		     [VERDICT_P99]; /* 2 of 400 of the old version's, none of the new one's */
	CHECK(d->estimate < -0.0049 && d->estimate > -0.0051, "slow requests are compared, too");
	CHECK(d->low < -0.01 && d->high > 0.08, "of 40 requests little is known");
	CHECK(d->margin == 0, "the tolerance is in the threshold");
	xfree(v);
	curve_free(c);
	vec_done(&st.steps);
}

/* A hold is not among the records: the replay goes no farther than the rollout did. */
static void not_beyond_its_end(void **state)
{
	struct strategy st = canary();
	struct curve *c = curve_new(&st, 0);
	struct event history = {.kind = EV_HISTORY}, promote = {.kind = EV_PROMOTE};

	(void)state;
	curve_event(c, &history, NULL);
	weight(c, 0.05);
	for (uint64_t s = 0; s < 600; s++)
		second(c, s, 0, NULL);
	assert_int_equal(curve_step(c), 0);
	curve_event(c, &promote, NULL);
	assert_int_equal(curve_step(c), 0);
	curve_free(c);
	vec_done(&st.steps);
}

static void few_points(void **state)
{
	static const struct {
		size_t max;
		uint64_t seconds, gap;
	} cases[] = {{600, 1, 0},     {600, 600, 0},      {600, 601, 0},
		     {10, 1000, 0},   {10, 95, 50000},    {600, 1201, 0},
		     {600, 20000, 0}, {600, 2000, 90000}, {5000, 20000, 0}};
	struct strategy st = canary();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct curve *c = curve_new(&st, 2);
		const struct curve_point *p;
		uint64_t requests = 0;
		uint32_t each;

		for (uint64_t s = 0; s < cases[i].seconds; s++)
			second(c, 5000 + s + (s > 50 ? cases[i].gap : 0), 0, NULL);
		size_t n = curve_points(c, cases[i].max, &p, &each);
		assert_true(n && n <= cases[i].max && n <= CURVE_KEPT);
		assert_int_equal(curve_points(c, cases[i].max, &p, &each),
				 n); /* nothing is lost by it */
		for (size_t k = 0; k < n; k++) {
			requests += p[k].canary.n;
			assert_true(!k || p[k].second > p[k - 1].second);
		}
		assert_int_equal(requests, 20 * cases[i].seconds);
		curve_free(c);
	}
	struct curve *none = curve_new(&st, 2);
	const struct curve_point *p;
	uint32_t each;
	assert_int_equal(curve_points(none, 600, &p, &each), 0);
	curve_free(none);
	vec_done(&st.steps);
}

/* One that is read on has what one has that is read at once, also what its steps say. */
static void read_on(void **state)
{
	struct strategy st = canary();
	struct curve *once = curve_new(&st, 1), *on = curve_new(&st, 0);
	struct event history = {.kind = EV_HISTORY};
	const struct curve_point *a, *b;
	uint32_t each;

	(void)state;
	curve_event(once, &history, NULL);
	curve_event(on, &history, NULL);
	weight(once, 0.05);
	weight(on, 0.05);
	curve_reach(on, 1);
	for (uint64_t s = 0; s < 3000; s++) {
		second(once, s, s % 500 == 7, NULL);
		second(on, s, s % 500 == 7, NULL);
		if (s % 90 == 0)
			(void)curve_points(on, 600, &b, &each);
	}
	assert_int_equal(curve_step(once), curve_step(on));
	size_t n = curve_points(once, 600, &a, &each);
	assert_int_equal(curve_points(on, 600, &b, &each), n);
	assert_memory_equal(a, b, n * sizeof(*a));
	curve_reach(on, 0); /* never back */
	assert_int_equal(curve_step(on), curve_step(once));
	curve_free(once);
	curve_free(on);
	vec_done(&st.steps);
}

static void latencies_stand_beside(void **state)
{
	struct strategy st = canary();
	struct curve *c = curve_new(&st, 1);
	struct event ev = {.kind = EV_FACTS};
	const struct curve_point *p;
	uint32_t each;

	(void)state;
	ev.window.second = 7;
	ev.window.p95 = (struct facts_latency){120000, 180000, 131000};
	vec_push(&ev.window.instances, ((struct facts_instance){.id = 1, .n = 100}));
	curve_event(c, &ev, NULL);
	vec_done(&ev.window.instances);
	assert_int_equal(curve_points(c, 600, &p, &each), 1);
	assert_int_equal(p->latency[1].stable, 120000);
	assert_int_equal(p->latency[1].allowed, 180000);
	assert_int_equal(p->latency[1].canary, 131000);
	assert_int_equal(p->latency[0].stable, 0);
	curve_free(c);
	vec_done(&st.steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(intervals),
					   cmocka_unit_test(as_the_verdict_said),
					   cmocka_unit_test(not_beyond_its_end),
					   cmocka_unit_test(few_points),
					   cmocka_unit_test(read_on),
					   cmocka_unit_test(latencies_stand_beside)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
