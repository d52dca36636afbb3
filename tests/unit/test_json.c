#include "unit.h"
#include "base/json.h"

#include <locale.h>
#include <math.h>

static void writes_in_order_without_blanks(void **state)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(1000);
	struct json_out o = JSON_OUT(&b);

	(void)state;
	json_open(&o, NULL);
	json_cstr(&o, "z", "a\"b\\c");
	json_cstr(&o, "none", NULL);
	json_list(&o, "list");
	json_unlist(&o);
	json_list(&o, "l2");
	json_u64(&o, NULL, 1);
	json_open(&o, NULL);
	json_close(&o);
	json_bool(&o, NULL, true);
	json_nil(&o, NULL);
	json_i64(&o, NULL, INT64_MIN);
	json_unlist(&o);
	json_open(&o, "m");
	json_raw(&o, "raw", STR("[1,2]"));
	json_close(&o);
	json_bool(&o, "a\nkey", false);
	json_close(&o);
	assert_string_equal(strbuf_cstr(&b),
			    "{\"z\":\"a\\\"b\\\\c\",\"none\":null,\"list\":[],"
			    "\"l2\":[1,{},true,null,-9223372036854775808],\"m\":{\"raw\":[1,2]},"
			    "\"a\\nkey\":false}");
}

static void texts(void **state)
{
	static const struct {
		const char *why;
		struct str in;
		const char *want;
	} cases[] = {
		{"controls",
		 {"\b\f\n\r\t\x01\x1f\x7f", 8},
		 "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""},
		{"NUL", {"a\0b", 3}, "\"a\\u0000b\""},
		{"letters of the short forms", {"bfnrt/", 6}, "\"bfnrt/\""},
		{"UTF-8 stays", {"\xc3\xa9\xf0\x9f\x99\x82", 6}, "\"\xc3\xa9\xf0\x9f\x99\x82\""},
		{"what is none",
		 {"\xff\xc3(\xe2\x82", 5},
		 "\"\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\""},
		{"surrogate", {"\xed\xa0\x80", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
		{"empty", {NULL, 0}, "\"\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(100);
		AUTO(json_freep) struct json *back = NULL;
		struct json_out o = JSON_OUT(&b);
		struct err err = {0};
		json_str(&o, NULL, cases[i].in);
		CHECK_STR(strbuf_cstr(&b), cases[i].want, cases[i].why);
		CHECK(json_read(strbuf_str(&b), 100, &back, &err) == RC_OK, cases[i].why);
		if (str_is_utf8(cases[i].in))
			CHECK(str_eq(json_view(back), cases[i].in), cases[i].why);
	}
}

static void check_double(double value, const char *want)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(100);
	AUTO(json_freep) struct json *back = NULL;
	struct json_out o = JSON_OUT(&b);
	struct err err = {0};

	json_double(&o, NULL, value);
	if (want)
		CHECK_STR(strbuf_cstr(&b), want, want);
	CHECK(json_read(strbuf_str(&b), 100, &back, &err) == RC_OK, strbuf_cstr(&b));
	double got = json_number(back, (double)NAN);
	CHECK(memcmp(&got, &value, sizeof(got)) == 0, strbuf_cstr(&b));
}

static void check_doubles(void)
{
	static const struct {
		double value;
		const char *want;
	} cases[] = {
		{0, "0"},
		{-0.0, "-0.0"},
		{1, "1"},
		{0.1, "0.1"},
		{-2.5, "-2.5"},
		{0.1 + 0.2, "0.30000000000000004"},
		{1e15, "1e+15"},
		{123456789012345, "123456789012345"},
		{9007199254740994, "9007199254740994"},
		{1e300, "1e+300"},
		{5e-324, "4.94065645841247e-324"},
		{1.7976931348623157e308, "1.7976931348623157e+308"},
	};
	uint64_t random = 88172645463325252u;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_double(cases[i].value, cases[i].want);
	for (int i = 0; i < 20000; i++) {
		double d;
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		memcpy(&d, &random, sizeof(d));
		if (isfinite(d))
			check_double(d, NULL);
	}
}

static void doubles_come_back_exactly(void **state)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(100);
	struct json_out o = JSON_OUT(&b);

	(void)state;
	check_doubles();
	json_double(&o, NULL, (double)INFINITY);
	json_double(&o, NULL, (double)NAN);
	assert_string_equal(strbuf_cstr(&b), "null,null");
}

static void doubles_in_any_locale(void **state)
{
	(void)state;
	if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8"))
		setlocale(LC_ALL, "C.UTF-8");
	check_doubles();
	setlocale(LC_ALL, "C");
}

static void integers_come_back_exactly(void **state)
{
	static const uint64_t values[] = {0, 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(100);
		AUTO(json_freep) struct json *back = NULL;
		struct json_out o = JSON_OUT(&b);
		json_u64(&o, NULL, values[i]);
		assert_int_equal(json_read(strbuf_str(&b), 100, &back, NULL), RC_OK);
		assert_true(json_natural(back, 42) == values[i]);
	}
	AUTO(json_freep) struct json *other = NULL;
	assert_int_equal(json_read(STR("[-1,1.5,\"x\",null]"), 100, &other, NULL), RC_OK);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(json_natural(json_at(other, i), 42), 42);
}

static void reads(void **state)
{
	AUTO(json_freep) struct json *j = NULL;
	struct err err = {0};
	const char *text =
		"{\"s\":\"x\",\"i\":-7,\"r\":1.5,\"t\":true,\"n\":null,\"l\":[1,2,3],\"m\":{\"b\":1,\"a\":2},"
		"\"nul\":\"a\\u0000b\"}";

	(void)state;
	assert_int_equal(json_read(str_of(text), 1000, &j, &err), RC_OK);
	assert_int_equal(json_kind_of(j), JSON_MAP);
	assert_int_equal(json_count(j), 8);
	assert_string_equal(json_get_text(j, "s", "?"), "x");
	assert_string_equal(json_get_text(j, "i", "?"), "?");
	assert_string_equal(json_get_text(j, "none", "?"), "?");
	assert_string_equal(json_get_text(j, "nul", "?"), "?");
	assert_int_equal(json_view(json_get(j, "nul")).n, 3);
	assert_int_equal(json_get_int(j, "i", 0), -7);
	assert_int_equal(json_get_int(j, "r", 9), 9);
	assert_true(json_number(json_get(j, "i"), 0) == -7);
	assert_true(json_number(json_get(j, "r"), 0) == 1.5);
	assert_true(json_truth(json_get(j, "t"), false));
	assert_true(json_truth(json_get(j, "n"), true));
	assert_int_equal(json_kind_of(json_get(j, "n")), JSON_NULL);
	assert_int_equal(json_kind_of(NULL), JSON_NULL);
	assert_int_equal(json_int(json_at(json_get(j, "l"), 2), 0), 3);
	assert_null(json_at(json_get(j, "l"), 3));
	assert_null(json_at(j, 0));
	assert_null(json_get(json_get(j, "l"), "a"));
	assert_null(json_get(NULL, "a"));
	assert_int_equal(json_count(NULL), 0);
	assert_int_equal(json_view(NULL).n, 0);

	void *cursor = NULL;
	const char *key;
	const struct json *value;
	AUTO(strbuf_done) struct strbuf keys = STRBUF(100);
	while (json_next(json_get(j, "m"), &cursor, &key, &value))
		strbuf_addf(&keys, "%s=%d ", key, (int)json_int(value, 0));
	assert_string_equal(strbuf_cstr(&keys), "b=1 a=2 ");
	cursor = NULL;
	assert_false(json_next(json_get(j, "l"), &cursor, &key, &value));

	AUTO(strbuf_done) struct strbuf again = STRBUF(1000);
	struct json_out o = JSON_OUT(&again);
	json_write(&o, NULL, j);
	assert_string_equal(strbuf_cstr(&again), text);
	json_free(NULL);
}

static void refuses(void **state)
{
	static const struct {
		struct str text;
		enum rc rc;
		const char *says;
	} cases[] = {
		{{"", 0}, RC_INVALID, "line 1"},
		{{"{", 1}, RC_INVALID, "line 1"},
		{{"{\n  \"a\": 1,\n  b: 2\n}", 19}, RC_INVALID, "line 3"},
		{{"[1] 2", 5}, RC_INVALID, "line 1"},
		{{"{\"a\":1,\"a\":2}", 13}, RC_INVALID, "duplicate"},
		{{"\"\xff\"", 3}, RC_INVALID, "unable to decode byte 0xff"},
		{{"\"\\ud800\"", 8}, RC_INVALID, "invalid Unicode"},
		{{"\"a\nb\"", 5}, RC_INVALID, "unexpected newline"},
		{{"[1,]", 4}, RC_INVALID, "line 1"},
		{{"[01]", 4}, RC_INVALID, "line 1"},
		{{"[NaN]", 5}, RC_INVALID, "line 1"},
		{{"[1e999]", 7}, RC_INVALID, "real number overflow"},
		{{"[9223372036854775808]", 21}, RC_INVALID, "too big integer"},
		{{"[1]\0", 4}, RC_INVALID, "line 1"},
		{{"// x\n1", 6}, RC_INVALID, "line 1"},
		{{"{\"a\\u0000b\":1}", 14}, RC_INVALID, "NUL"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct json *j = NULL;
		struct err err = {0};
		CHECK(json_read(cases[i].text, 100, &j, &err) == cases[i].rc, cases[i].text.p);
		CHECK(j == NULL, cases[i].text.p);
		CHECK(str_is_utf8(str_of(err.msg)) && !strchr(err.msg, '\n'), err.msg);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("%s: says \"%s\", not \"%s\"", cases[i].text.p, err.msg,
				 cases[i].says);
	}
	struct err err = {0};
	struct json *j = NULL;
	assert_int_equal(json_read(STR("[1,2]"), 4, &j, &err), RC_TOO_BIG);
}

static void depth_is_limited(void **state)
{
	char text[2000];
	struct err err = {0};

	(void)state;
	for (size_t depth = 1; depth < 1000; depth += depth < 70 ? 1 : 100) {
		struct json *j = NULL;
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		enum rc rc = json_read((struct str){text, 2 * depth}, sizeof(text), &j, &err);
		assert_int_equal(rc, depth <= 64 ? RC_OK : RC_TOO_BIG);
		json_free(j);
	}
	assert_string_equal(err.msg, "JSON, line 1, column 65: more than 64 levels");
	AUTO(json_freep) struct json *quoted = NULL;
	memset(text, '[', 100);
	text[0] = text[99] = '"';
	memcpy(text + 10, "\\\"\\\\", 4);
	assert_int_equal(json_read((struct str){text, 100}, 1000, &quoted, &err), RC_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_in_order_without_blanks),
		cmocka_unit_test(texts),
		cmocka_unit_test(doubles_come_back_exactly),
		cmocka_unit_test(doubles_in_any_locale),
		cmocka_unit_test(integers_come_back_exactly),
		cmocka_unit_test(reads),
		cmocka_unit_test(refuses),
		cmocka_unit_test(depth_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
