#include "unit.h"
#include "io/httpd_rate.h"

static const uint64_t seed[2] = {0x1234567890abcdefu, 42};
static const struct rate limit = {.per_second = 10, .burst = 5};

static struct rates t;

static void fresh(void)
{
	rates_init(&t, seed);
}

/* How many of n at this time are granted. */
static unsigned granted(const char *key, unsigned n, usec_t at)
{
	unsigned yes = 0;

	for (unsigned i = 0; i < n; i++)
		yes += rates_take(&t, str_of(key), &limit, at) == 0;
	return yes;
}

static void a_burst_then_the_rate(void **state)
{
	static const struct {
		const char *why;
		unsigned asked;
		usec_t at;
		unsigned want;
	} steps[] = {
		{"a burst at once", 20, 1000 * USEC_MS, 5},
		{"nothing more in the same instant", 1, 1000 * USEC_MS, 0},
		{"nor just before the next one", 1, 1099 * USEC_MS, 0},
		{"one a tenth of a second", 3, 1100 * USEC_MS, 1},
		{"refusals cost nothing", 3, 1200 * USEC_MS, 1},
		{"three after three tenths", 9, 1500 * USEC_MS, 3},
		{"no more than a burst after a long rest", 99, 3600 * USEC_SEC, 5},
	};

	(void)state;
	fresh();
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		CHECK(granted("user:ann", steps[i].asked, steps[i].at) == steps[i].want,
		      steps[i].why);
}

static void says_when(void **state)
{
	(void)state;
	fresh();
	assert_int_equal(granted("a", 5, USEC_SEC), 5);
	assert_int_equal(rates_take(&t, STR("a"), &limit, USEC_SEC), 100 * USEC_MS);
	assert_int_equal(rates_take(&t, STR("a"), &limit, USEC_SEC + 60 * USEC_MS), 40 * USEC_MS);
	assert_int_equal(rates_take(&t, STR("a"), &limit, USEC_SEC + 100 * USEC_MS), 0);
}

static void keys_do_not_share(void **state)
{
	(void)state;
	fresh();
	assert_int_equal(granted("a", 9, USEC_SEC), 5);
	assert_int_equal(granted("b", 9, USEC_SEC), 5);
	assert_int_equal(granted("", 9, USEC_SEC), 5);
}

static void no_limit_is_none(void **state)
{
	const struct rate none = {.per_second = UINT32_MAX, .burst = 1};

	(void)state;
	fresh();
	for (int i = 0; i < 1000; i++)
		assert_int_equal(rates_take(&t, STR("a"), &none, USEC_SEC), 0);
}

/* A crowd of other keys may make us forget a bucket; it never refuses somebody who has asked little. */
static void a_crowd_refuses_nobody(void **state)
{
	(void)state;
	fresh();
	for (unsigned i = 0; i < 100000; i++) {
		char key[32];

		snprintf(key, sizeof(key), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		assert_int_equal(rates_take(&t, str_of(key), &limit, USEC_SEC + i), 0);
	}
	assert_int_equal(granted("late", 9, 2 * USEC_SEC), 5);
}

/* The table holds as many as it says when they come one after another: none of some hundreds of busy keys is forgotten. */
static void busy_keys_are_remembered(void **state)
{
	unsigned more = 0;

	(void)state;
	fresh();
	for (int round = 0; round < 2; round++)
		for (unsigned i = 0; i < 400; i++) {
			char key[32];

			snprintf(key, sizeof(key), "token:t%u", i);
			more += granted(key, 5, USEC_SEC);
		}
	assert_int_equal(more, 400 * 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_then_the_rate),
		cmocka_unit_test(says_when),
		cmocka_unit_test(keys_do_not_share),
		cmocka_unit_test(no_limit_is_none),
		cmocka_unit_test(a_crowd_refuses_nobody),
		cmocka_unit_test(busy_keys_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
