/* DORA's five measures, by tables. */
#include "unit.h"
#include "core/dora.h"

#define H USEC_HOUR
#define D USEC_DAY

static const struct {
	const char *why;
	uint64_t v[6];
	size_t n;
	double share;
	uint64_t want;
} quantiles[] = {
	{"of none", {0}, 0, 0.5, 0},        {"of one", {7}, 1, 0.5, 7},
	{"of one, high", {7}, 1, 0.95, 7},  {"of two: the lower", {9, 4}, 2, 0.5, 4},
	{"of three", {3, 1, 2}, 3, 0.5, 2}, {"p95 of five", {5, 4, 3, 2, 1}, 5, 0.95, 5},
	{"p0", {5, 4, 3}, 3, 0, 3},         {"p100", {5, 4, 3}, 3, 1, 5},
};

static void quantile(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(quantiles); i++) {
		uint64_t v[6];

		memcpy(v, quantiles[i].v, sizeof(v));
		CHECK(dora_quantile(v, quantiles[i].n, quantiles[i].share) == quantiles[i].want,
		      quantiles[i].why);
	}
}

/* Two weeks of two services. */
static const struct dora_deploy deploys[] = {
	{.unit = "orders",
	 .number = 1,
	 .committed_at = 10 * D,
	 .at = 10 * D + 2 * H,
	 .live_at = 10 * D + 3 * H},
	{.unit = "orders",
	 .number = 2,
	 .committed_at = 11 * D,
	 .at = 11 * D + 1 * H,
	 .live_at = 11 * D + 5 * H},
	/* taken back after half an hour: no lead time */
	{.unit = "orders",
	 .number = 3,
	 .committed_at = 12 * D,
	 .at = 12 * D + 1 * H,
	 .failed = true,
	 .failed_at = 12 * D + 2 * H,
	 .recovered_at = 12 * D + 2 * H + 30 * USEC_MIN},
	/* the hotfix that followed, on the same day */
	{.unit = "orders",
	 .number = 4,
	 .committed_at = 12 * D + 3 * H,
	 .at = 12 * D + 4 * H,
	 .live_at = 12 * D + 4 * H,
	 .rework = true},
	{.unit = "cart",
	 .number = 5,
	 .committed_at = 0,
	 .at = 12 * D + 5 * H,
	 .live_at = 12 * D + 6 * H},
	/* failed, and still does */
	{.unit = "cart",
	 .number = 6,
	 .committed_at = 13 * D,
	 .at = 13 * D,
	 .live_at = 13 * D + H,
	 .failed = true,
	 .failed_at = 13 * D + H},
	{.unit = "cart", .number = 7, .committed_at = 30 * D, .at = 30 * D, .live_at = 30 * D},
};

static const struct {
	const char *why, *unit;
	uint64_t from, until;
	struct dora_numbers want;
	size_t days, units;
} cases[] = {
	{"all of two weeks",
	 NULL,
	 10 * D,
	 24 * D,
	 {.deploys = 6,
	  .failed = 2,
	  .rework = 1,
	  .per_day = 6.0 / 14,
	  .fail_rate = 2.0 / 6,
	  .rework_rate = 1.0 / 6,
	  .led = 3,
	  .lead_p50 = 3 * H,
	  .lead_p95 = 5 * H,
	  .recovered = 1,
	  .recovery_p50 = 30 * USEC_MIN,
	  .recovery_p95 = 30 * USEC_MIN},
	 4,
	 2},
	{"one service",
	 "orders",
	 10 * D,
	 24 * D,
	 {.deploys = 4,
	  .failed = 1,
	  .rework = 1,
	  .per_day = 4.0 / 14,
	  .fail_rate = 0.25,
	  .rework_rate = 0.25,
	  .led = 3,
	  .lead_p50 = 3 * H,
	  .lead_p95 = 5 * H,
	  .recovered = 1,
	  .recovery_p50 = 30 * USEC_MIN,
	  .recovery_p95 = 30 * USEC_MIN},
	 3,
	 1},
	{"the end is not of it",
	 "orders",
	 10 * D,
	 11 * D + H,
	 {.deploys = 1, .per_day = 24.0 / 25, .led = 1, .lead_p50 = 3 * H, .lead_p95 = 3 * H},
	 1,
	 1},
	{"no deployment", NULL, 20 * D, 24 * D, {0}, 0, 0},
	{"no such service", "bank", 0, 99 * D, {0}, 0, 0},
	{"no time", NULL, 10 * D, 10 * D, {0}, 0, 0},
	{"backwards", NULL, 24 * D, 10 * D, {0}, 0, 0},
	{"at once", "cart", 30 * D, 31 * D, {.deploys = 1, .per_day = 1, .led = 1}, 1, 1},
};

static bool near(double a, double b)
{
	return a - b < 1e-12 && b - a < 1e-12;
}

static void measures(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct dora_numbers *want = &cases[i].want;
		struct dora d;

		dora_measure(deploys, ARRAY_LEN(deploys), cases[i].from, cases[i].until,
			     cases[i].unit, &d);
		CHECK(d.all.deploys == want->deploys && d.all.failed == want->failed &&
			      d.all.rework == want->rework,
		      cases[i].why);
		CHECK(near(d.all.per_day, want->per_day) &&
			      near(d.all.fail_rate, want->fail_rate) &&
			      near(d.all.rework_rate, want->rework_rate),
		      cases[i].why);
		CHECK(d.all.led == want->led && d.all.lead_p50 == want->lead_p50 &&
			      d.all.lead_p95 == want->lead_p95,
		      cases[i].why);
		CHECK(d.all.recovered == want->recovered &&
			      d.all.recovery_p50 == want->recovery_p50 &&
			      d.all.recovery_p95 == want->recovery_p95,
		      cases[i].why);
		CHECK(d.days.n == cases[i].days && d.units.n == cases[i].units, cases[i].why);
		dora_done(&d);
	}
}

static void points_have_their_deploys(void **state)
{
	struct dora d;

	(void)state;
	dora_measure(deploys, ARRAY_LEN(deploys), 0, 99 * D, NULL, &d);
	assert_int_equal(d.days.n, 5);
	assert_int_equal(d.days.v[2].day, 12 * D);
	assert_int_equal(d.days.v[2].deploys.n, 3);
	assert_int_equal(d.days.v[2].deploys.v[0], 3);
	assert_int_equal(d.days.v[2].deploys.v[2], 5);
	assert_int_equal(d.days.v[2].n.failed, 1);
	assert_string_equal(d.units.v[0].unit, "cart");
	assert_int_equal(d.units.v[0].n.deploys, 3);
	assert_int_equal(d.units.v[1].n.deploys, 4);
	dora_done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(quantile), cmocka_unit_test(measures),
					   cmocka_unit_test(points_have_their_deploys)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
