#include "unit.h"
#include "base/defs.h"
#include "base/time.h"

#include <stdio.h>
#include <time.h>

static void every_day_of_eight_centuries(void **state)
{
	(void)state;
	for (int64_t day = -140000; day < 160000; day++) {
		int64_t t = day * 86400 + (day * 7919 % 86400 + 86400) % 86400;
		time_t c = (time_t)t;
		struct tm tm;
		gmtime_r(&c, &tm);
		struct civil got = civil_of(t);
		assert_int_equal(got.year, tm.tm_year + 1900);
		assert_int_equal(got.month, tm.tm_mon + 1);
		assert_int_equal(got.day, tm.tm_mday);
		assert_int_equal(got.hour, tm.tm_hour);
		assert_int_equal(got.minute, tm.tm_min);
		assert_int_equal(got.second, tm.tm_sec);
		assert_int_equal(got.weekday, tm.tm_wday);
		assert_int_equal(civil_seconds(&got), t);
	}
}

static void far_away(void **state)
{
	static const int64_t times[] = {INT64_MAX, INT64_MIN, 0, -1, INT64_C(1) << 50};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		struct civil c = civil_of(times[i]);
		assert_in_range(c.month, 1, 12);
		assert_in_range(c.day, 1, 31);
		assert_in_range(c.weekday, 0, 6);
	}
	/* fields beyond their range carry over */
	struct civil c = {.year = 2026, .month = 14, .day = 32, .hour = 25};
	assert_int_equal(
		civil_seconds(&c),
		civil_seconds(&(struct civil){.year = 2027, .month = 3, .day = 5, .hour = 1}));
}

static void text(void **state)
{
	static const struct {
		usec_t t;
		const char *want;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000000Z"},
		{UINT64_C(1769860800123456), "2026-01-31T12:00:00.123456Z"},
		{UINT64_C(951782400000000), "2000-02-29T00:00:00.000000Z"},
		{UINT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
		{USEC_NEVER, "584554-05-28T08:00:54.551615Z"},
	};
	char got[TIME_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		time_text(cases[i].t, got);
		if (cases[i].t != USEC_NEVER)
			CHECK_STR(got, cases[i].want, cases[i].want);
		CHECK(strlen(got) < TIME_TEXT, got);
	}
	for (usec_t t = 0; t < UINT64_C(253402300799999999); t += UINT64_C(77777777777777)) {
		usec_t back = 1;
		time_text(t, got);
		CHECK(time_parse(got, strlen(got), &back) && back == t, got);
	}
}

static void parse(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		usec_t want;
	} cases[] = {
		{"2026-01-31T12:00:00Z", true, UINT64_C(1769860800000000)},
		{"2026-01-31t12:00:00z", true, UINT64_C(1769860800000000)},
		{"2026-01-31T12:00:00.5Z", true, UINT64_C(1769860800500000)},
		{"2026-01-31T12:00:00.1234567899Z", true, UINT64_C(1769860800123456)},
		{"2026-01-31T14:30:00+02:30", true, UINT64_C(1769860800000000)},
		{"2026-01-31T03:00:00-09:00", true, UINT64_C(1769860800000000)},
		{"2016-12-31T23:59:60Z", true, UINT64_C(1483228800000000)},
		{"2017-01-01T01:59:60+02:00", true, UINT64_C(1483228800000000)},
		{"2016-12-31T12:59:60Z", false, 0},
		{"1970-01-01T00:00:00Z", true, 0},
		{"1970-01-01T00:00:00+00:01", false, 0},
		{"1969-12-31T23:59:59Z", false, 0},
		{"2026-02-29T00:00:00Z", false, 0},
		{"2024-02-29T00:00:00Z", true, UINT64_C(1709164800000000)},
		{"1900-02-29T00:00:00Z", false, 0},
		{"2026-04-31T00:00:00Z", false, 0},
		{"2026-13-01T00:00:00Z", false, 0},
		{"2026-00-01T00:00:00Z", false, 0},
		{"2026-01-31T24:00:00Z", false, 0},
		{"2026-01-31T12:60:00Z", false, 0},
		{"2026-01-31T12:00:61Z", false, 0},
		{"2026-01-31 12:00:00Z", false, 0},
		{"2026-01-31T12:00:00", false, 0},
		{"2026-01-31T12:00:00.Z", false, 0},
		{"2026-01-31T12:00:00+0200", false, 0},
		{"2026-01-31T12:00:00+24:00", false, 0},
		{"2026-01-31T12:00:00Zx", false, 0},
		{"2026-01-31", false, 0},
		{"+026-01-31T12:00:00Z", false, 0},
		{"", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		usec_t t = 42;
		CHECK(time_parse(cases[i].text, strlen(cases[i].text), &t) == cases[i].ok,
		      cases[i].text);
		CHECK(t == (cases[i].ok ? cases[i].want : 42), cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_day_of_eight_centuries),
		cmocka_unit_test(far_away),
		cmocka_unit_test(text),
		cmocka_unit_test(parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
