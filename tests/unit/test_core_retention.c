/* When records leave the journal. */
#include "unit/unit.h"
#include "base/defs.h"
#include "core/retention.h"

#define DAYS(n) ((usec_t)(n)*USEC_DAY)

static const struct {
	const char *why;
	struct retention r;
	uint64_t want;
} cases[] = {
	{"for ever", {.now = DAYS(400), .first = 1, .first_at = 0, .last = 100, .border = 90}, 0},
	{"all are young",
	 {.now = DAYS(400),
	  .keep = DAYS(30),
	  .first = 1,
	  .first_at = DAYS(390),
	  .last = 100,
	  .border = 1},
	 0},
	{"older, but not by a day: not yet",
	 {.now = DAYS(400),
	  .keep = DAYS(30),
	  .first = 1,
	  .first_at = DAYS(370) - 1,
	  .last = 100,
	  .border = 2},
	 0},
	{"older by a day: all that are older",
	 {.now = DAYS(400),
	  .keep = DAYS(30),
	  .first = 1,
	  .first_at = DAYS(369),
	  .last = 100,
	  .border = 40},
	 39},
	{"a tenth of a short time",
	 {.now = 100 * USEC_SEC,
	  .keep = 10 * USEC_SEC,
	  .first = 5,
	  .first_at = 89 * USEC_SEC,
	  .last = 9,
	  .border = 7},
	 6},
	{"the last one stays",
	 {.now = DAYS(400),
	  .keep = DAYS(30),
	  .first = 1,
	  .first_at = 1,
	  .last = 100,
	  .border = 101},
	 99},
	{"the only one stays",
	 {.now = DAYS(400),
	  .keep = DAYS(30),
	  .first = 100,
	  .first_at = 1,
	  .last = 100,
	  .border = 101},
	 0},
	{"a million at a time",
	 {.now = DAYS(400),
	  .keep = DAYS(30),
	  .first = 11,
	  .first_at = 1,
	  .last = 9000000,
	  .border = 8000000},
	 1000010},
	{"the clock is younger than keep",
	 {.now = DAYS(4), .keep = DAYS(30), .first = 1, .first_at = 1, .last = 100, .border = 1},
	 0},
};

static void they_leave_when_due(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK(retention_due(&cases[i].r) == cases[i].want, cases[i].why);
}

static void the_pause_fits_the_time(void **state)
{
	(void)state;
	assert_int_equal(retention_pause(DAYS(365)), USEC_HOUR);
	assert_int_equal(retention_pause(USEC_HOUR), 3 * USEC_MIN);
	assert_int_equal(retention_pause(USEC_SEC), USEC_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_leave_when_due),
		cmocka_unit_test(the_pause_fits_the_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
