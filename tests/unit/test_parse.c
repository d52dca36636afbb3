#include "unit.h"
#include "base/str.h"

#include <locale.h>
#include <stdlib.h>

static void integers(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t want;
	} cases[] = {
		{"0", true, 0},
		{"007", true, 7},
		{"18446744073709551615", true, UINT64_MAX},
		{"18446744073709551616", false, 0},
		{"99999999999999999999999", false, 0},
		{"", false, 0},
		{"-1", false, 0},
		{"+1", false, 0},
		{" 1", false, 0},
		{"1 ", false, 0},
		{"0x10", false, 0},
		{"1e3", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t n = 42;
		CHECK(parse_u64(str_of(cases[i].text), &n) == cases[i].ok, cases[i].text);
		CHECK(n == (cases[i].ok ? cases[i].want : 42), cases[i].text);
	}
	uint32_t u;
	assert_true(parse_u32(STR("4294967295"), &u) && u == UINT32_MAX);
	assert_false(parse_u32(STR("4294967296"), &u));
	assert_false(parse_u64(STR("1\0"
				   "2"),
			       &(uint64_t){0}));
}

static void signed_integers(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t want;
	} cases[] = {
		{"0", true, 0},
		{"-0", true, 0},
		{"-5", true, -5},
		{"9223372036854775807", true, INT64_MAX},
		{"9223372036854775808", false, 0},
		{"-9223372036854775808", true, INT64_MIN},
		{"-9223372036854775809", false, 0},
		{"-", false, 0},
		{"--1", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t n = 42;
		CHECK(parse_i64(str_of(cases[i].text), &n) == cases[i].ok, cases[i].text);
		CHECK(n == (cases[i].ok ? cases[i].want : 42), cases[i].text);
	}
}

static void check_doubles(void)
{
	static const struct {
		const char *text;
		bool ok;
		double want;
	} cases[] = {
		{"0", true, 0},
		{"-1.5", true, -1.5},
		{"1e3", true, 1000},
		{"2.5E-1", true, 0.25},
		{"1.05", true, 1.05},
		{"4.9e-324", true, 4.9e-324},
		{"1e-999", true, 0},
		{"1e999", false, 0},
		{"inf", false, 0},
		{"nan", false, 0},
		{"0x1p3", false, 0},
		{"", false, 0},
		{".5", false, 0},
		{"5.", false, 0},
		{"1,5", false, 0},
		{"1e", false, 0},
		{"+1", false, 0},
		{" 1", false, 0},
		{"1.7976931348623157e308", true, 1.7976931348623157e308},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		double d = 42;
		CHECK(parse_double(str_of(cases[i].text), &d) == cases[i].ok, cases[i].text);
		CHECK(d == (cases[i].ok ? cases[i].want : 42), cases[i].text);
	}
}

static void doubles(void **state)
{
	char text[3000];

	(void)state;
	check_doubles();
	memset(text, '1', sizeof(text));
	assert_false(parse_double((struct str){text, sizeof(text)}, &(double){0}));
	assert_true(parse_double((struct str){text, 300}, &(double){0}));
}

/* A program that links us may set one with a decimal comma. */
static void doubles_in_any_locale(void **state)
{
	(void)state;
	if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8"))
		setlocale(LC_ALL, "C.UTF-8");
	check_doubles();
	setlocale(LC_ALL, "C");
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		usec_t want;
	} cases[] = {
		{"250ms", true, 250 * USEC_MS},
		{"30s", true, 30 * USEC_SEC},
		{"10m", true, 10 * USEC_MIN},
		{"2h", true, 2 * USEC_HOUR},
		{"1d", true, USEC_DAY},
		{"1h30m", true, USEC_HOUR + 30 * USEC_MIN},
		{"1d2h3m4s5ms", true,
		 USEC_DAY + 2 * USEC_HOUR + 3 * USEC_MIN + 4 * USEC_SEC + 5000},
		{"90m", true, 90 * USEC_MIN},
		{"0s", true, 0},
		{"", false, 0},
		{"0", false, 0},
		{"30", false, 0},
		{"s", false, 0},
		{"30m1h", false, 0},
		{"1h1h", false, 0},
		{"1.5h", false, 0},
		{"-1s", false, 0},
		{"1 s", false, 0},
		{"1sec", false, 0},
		{"1h30", false, 0},
		{"213503983d", false, 0},
		{"99999999999999999999s", false, 0},
		{"18446744073709552ms", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		usec_t d = 42;
		CHECK(parse_duration(str_of(cases[i].text), &d) == cases[i].ok, cases[i].text);
		CHECK(d == (cases[i].ok ? cases[i].want : 42), cases[i].text);
	}
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t want;
	} cases[] = {
		{"0", true, 0},
		{"512", true, 512},
		{"64Ki", true, 65536},
		{"512Mi", true, UINT64_C(512) << 20},
		{"2Gi", true, UINT64_C(2) << 30},
		{"1Ti", true, UINT64_C(1) << 40},
		{"5k", true, 5000},
		{"3M", true, 3000000},
		{"1G", true, 1000000000},
		{"1T", true, 1000000000000},
		{"16777215Ti", true, UINT64_C(16777215) << 40},
		{"16777216Ti", false, 0},
		{"1K", false, 0},
		{"1KiB", false, 0},
		{"1 Mi", false, 0},
		{"1.5Gi", false, 0},
		{"Mi", false, 0},
		{"1Mi2", false, 0},
		{"", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t n = 42;
		CHECK(parse_size(str_of(cases[i].text), &n) == cases[i].ok, cases[i].text);
		CHECK(n == (cases[i].ok ? cases[i].want : 42), cases[i].text);
	}
}

static void percents(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		double want;
	} cases[] = {
		{"0.5%", true, 0.005},    {"0%", true, 0},       {"100%", true, 1},
		{"0.1%", true, 0.001},    {"29%", true, 0.29},   {"57%", true, 0.57},
		{"99.99%", true, 0.9999}, {"100.01%", false, 0}, {"-1%", false, 0},
		{"5", false, 0},          {"%", false, 0},       {"1e1%", false, 0},
		{"5 %", false, 0},        {"5%%", false, 0},     {"", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		double d = 42;
		CHECK(parse_percent(str_of(cases[i].text), &d) == cases[i].ok, cases[i].text);
		CHECK(d == (cases[i].ok ? cases[i].want : 42), cases[i].text);
	}
}

static void truths(void **state)
{
	bool b;

	(void)state;
	assert_true(parse_bool(STR("true"), &b) && b);
	assert_true(parse_bool(STR("false"), &b) && !b);
	assert_false(parse_bool(STR("True"), &b));
	assert_false(parse_bool(STR("yes"), &b));
	assert_false(parse_bool(STR(""), &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers),  cmocka_unit_test(signed_integers),
		cmocka_unit_test(doubles),   cmocka_unit_test(doubles_in_any_locale),
		cmocka_unit_test(durations), cmocka_unit_test(sizes),
		cmocka_unit_test(percents),  cmocka_unit_test(truths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
