/* Recorded facts: the quick reader and the real one agree, and bad lines are named. */
#include "main/facts_file.c"
#include "unit/unit.h"

static const struct {
	const char *line, *error; /* error: part of the message; NULL: it reads */
	double t;
	bool canary;
	uint16_t status;
	double ms;
} lines[] = {
	{"{\"t\":12.5,\"arm\":\"canary\",\"instance\":\"i7\",\"status\":200,\"ms\":12.3}", NULL,
	 12.5, true, 200, 12.3},
	{"  {\"ms\" : 1 , \"status\":0,\"instance\":\"\",\"arm\":\"stable\",\"t\":0}\r", NULL, 0,
	 false, 0, 1},
	{"{\"t\":1,\"arm\":\"stable\",\"instance\":\"i\",\"status\":404}", NULL, 1, false, 404, -1},
	{"{\"t\":1,\"arm\":\"stable\",\"instance\":\"i\",\"status\":404,\"ms\":null}", NULL, 1,
	 false, 404, -1},
	{"{\"t\":1,\"arm\":\"stable\",\"instance\":\"i\",\"status\":404,\"more\":{\"a\":[1]}}",
	 NULL, 1, false, 404, -1},
	{"{\"t\":1e3,\"arm\":\"stable\",\"instance\":\"\\u0069\",\"status\":500,\"ms\":1e-3}", NULL,
	 1000, false, 500, 1e-3},
	{"{\"t\":1795387672.683437,\"arm\":\"stable\",\"instance\":\"i\",\"status\":200,\"ms\":0.1}",
	 NULL, 1795387672.683437, false, 200, 0.1},
	{"{\"t\":123456789012345678,\"arm\":\"stable\",\"instance\":\"i\",\"status\":200,\"ms\":0.30000000000000004}",
	 NULL, 123456789012345678.0, false, 200, 0.30000000000000004},
	{"", "", 0, false, 0, 0},
	{"{", "", 0, false, 0, 0},
	{"[1]", "\"t\"", 0, false, 0, 0},
	{"{}", "\"t\"", 0, false, 0, 0},
	{"{\"t\":\"1\",\"arm\":\"stable\",\"instance\":\"i\",\"status\":200}", "\"t\"", 0, false, 0,
	 0},
	{"{\"t\":-1,\"arm\":\"stable\",\"instance\":\"i\",\"status\":200}", "negative", 0, false, 0,
	 0},
	{"{\"t\":01,\"arm\":\"stable\",\"instance\":\"i\",\"status\":200}", "", 0, false, 0, 0},
	{"{\"t\":1.,\"arm\":\"stable\",\"instance\":\"i\",\"status\":200}", "", 0, false, 0, 0},
	{"{\"t\":.5,\"arm\":\"stable\",\"instance\":\"i\",\"status\":200}", "", 0, false, 0, 0},
	{"{\"t\":1,\"arm\":\"both\",\"instance\":\"i\",\"status\":200}", "\"arm\"", 0, false, 0, 0},
	{"{\"t\":1,\"arm\":\"stable\",\"status\":200}", "\"instance\"", 0, false, 0, 0},
	{"{\"t\":1,\"arm\":\"stable\",\"instance\":7,\"status\":200}", "\"instance\"", 0, false, 0,
	 0},
	{"{\"t\":1,\"arm\":\"stable\",\"instance\":\"i\"}", "\"status\"", 0, false, 0, 0},
	{"{\"t\":1,\"arm\":\"stable\",\"instance\":\"i\",\"status\":1000}", "\"status\"", 0, false,
	 0, 0},
	{"{\"t\":1,\"arm\":\"stable\",\"instance\":\"i\",\"status\":200} x", "", 0, false, 0, 0},
};

static void reads(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		AUTO(facts_names_done) struct facts_names names = {0};
		struct verdict_fact f;
		struct err err = {0};
		enum rc rc = facts_line(str_of(lines[i].line), &names, &f, &err);

		CHECK((rc == RC_OK) == !lines[i].error, lines[i].line);
		if (rc != RC_OK) {
			CHECK(strstr(err.msg, lines[i].error), lines[i].line);
			continue;
		}
		CHECK(f.t == lines[i].t && f.canary == lines[i].canary &&
			      f.status == lines[i].status && f.ms == lines[i].ms,
		      lines[i].line);
		CHECK(f.instance == 1, lines[i].line);
	}
}

/* Every number that the quick way reads is the one that strtod reads. */
static void numbers(void **state)
{
	uint64_t dice = 1;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		char text[64];
		double quick = -1, slow = -2;

		dice = dice * 6364136223846793005u + 1442695040888963407u;
		uint64_t whole = (dice >> 20) % (i % 3 ? 100000u : 100000000000u);
		snprintf(text, sizeof(text), "%llu.%0*llu", (unsigned long long)whole,
			 (int)(1 + i % 6), (unsigned long long)(dice >> 50) % 10);
		CHECK(number(str_of(text), &quick) && parse_double(str_of(text), &slow), text);
		CHECK(quick == slow, text);
	}
}

/* More names than anybody has instances: memory stays flat. */
static void many_names(void **state)
{
	AUTO(facts_names_done) struct facts_names names = {0};
	uint32_t first = 0, again = 0;

	(void)state;
	for (unsigned i = 0; i < 2 * NAMES_MAX; i++) {
		char text[32];

		snprintf(text, sizeof(text), "i%u", i);
		first = number_of(&names, str_of(text));
		again = number_of(&names, str_of(text));
		CHECK(first == again && first && first <= 2 * NAMES_MAX + 1, text);
	}
	assert_int_equal(names.n, NAMES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reads), cmocka_unit_test(numbers),
					   cmocka_unit_test(many_names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
