#include "unit.h"
#include "base/str.h"

static void compare(void **state)
{
	const struct str none = {NULL, 0};

	(void)state;
	assert_true(str_eq(none, STR("")));
	assert_true(str_eq(STR("a\0b"), STR("a\0b")));
	assert_false(str_eq(STR("a\0b"), STR("a\0c")));
	assert_true(str_is(STR("ab"), "ab"));
	assert_false(str_is(STR("ab"), "abc"));
	assert_true(str_is(none, NULL));
	assert_true(str_cmp(STR("a"), STR("b")) < 0);
	assert_true(str_cmp(STR("a"), STR("aa")) < 0);
	assert_true(str_cmp(STR("\x80"), STR("a")) > 0);
	assert_int_equal(str_cmp(none, STR("")), 0);
	assert_true(str_starts(STR("sha256:x"), "sha256:"));
	assert_false(str_starts(STR("sha"), "sha256:"));
	assert_true(str_starts(none, ""));
	assert_true(str_ends(STR("a.c"), ".c"));
	assert_false(str_ends(STR("c"), ".c"));
	assert_true(streq(NULL, NULL));
	assert_false(streq(NULL, ""));
	assert_true(streq("a", "a"));
}

static void trim_and_cut(void **state)
{
	(void)state;
	assert_true(str_is(str_trim(STR(" \t\r\n a b \n")), "a b"));
	assert_int_equal(str_trim(STR(" \n ")).n, 0);
	assert_int_equal(str_trim((struct str){NULL, 0}).n, 0);

	struct str rest = STR("a,,b,");
	static const char *const want[] = {"a", "", "b", ""};
	size_t n = 0;
	while (rest.p) {
		struct str piece = str_cut(&rest, ',');
		assert_true(n < 4);
		CHECK(str_is(piece, want[n]), want[n]);
		n++;
	}
	assert_int_equal(n, 4);
	struct str one = STR("abc");
	assert_true(str_is(str_cut(&one, ','), "abc"));
	assert_null(one.p);
	assert_null(str_cut(&one, ',').p);
}

static void utf8(void **state)
{
	static const struct {
		const char *why;
		struct str text;
		bool ok;
	} cases[] = {
		{"empty", {"", 0}, true},
		{"ascii and NUL", {"a\0z", 3}, true},
		{"two, three, four bytes", {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82", 9}, true},
		{"last of all", {"\xf4\x8f\xbf\xbf", 4}, true},
		{"around the surrogates", {"\xed\x9f\xbf\xee\x80\x80", 6}, true},
		{"surrogate", {"\xed\xa0\x80", 3}, false},
		{"above U+10FFFF", {"\xf4\x90\x80\x80", 4}, false},
		{"five bytes", {"\xf8\x88\x80\x80\x80", 5}, false},
		{"overlong slash", {"\xc0\xaf", 2}, false},
		{"overlong in three", {"\xe0\x9f\xbf", 3}, false},
		{"overlong in four", {"\xf0\x8f\xbf\xbf", 4}, false},
		{"alone", {"\x80", 1}, false},
		{"cut", {"\xe2\x82", 2}, false},
		{"cut by ascii", {"\xe2\x82z", 3}, false},
		{"latin 1", {"caf\xe9", 4}, false},
		{"fe, ff", {"\xfe\xff", 2}, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK(str_is_utf8(cases[i].text) == cases[i].ok, cases[i].why);
	assert_int_equal(str_character(STR("\xe2\x82\xac!")), 3);
	assert_int_equal(str_character(STR("\xac")), 0);
	assert_int_equal(str_character((struct str){NULL, 0}), 0);
}

static void distance(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned max, want;
	} cases[] = {
		{"", "", 3, 0},
		{"a", "a", 0, 0},
		{"a", "b", 0, 1},
		{"abc", "acb", 3, 1},
		{"kitten", "sitting", 9, 3},
		{"kitten", "sitting", 1, 2},
		{"", "abc", 9, 3},
		{"ca", "abc", 9, 3},
		{"production", "prodution", 3, 1},
		{"staging", "stagnig", 3, 1},
	};
	char big[400];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str a = str_of(cases[i].a), b = str_of(cases[i].b);
		CHECK(str_distance(a, b, cases[i].max) == cases[i].want, cases[i].a);
		CHECK(str_distance(b, a, cases[i].max) == cases[i].want, cases[i].b);
	}
	memset(big, 'x', sizeof(big));
	assert_int_equal(str_distance((struct str){big, 400}, STR("x"), 5), 6);
	assert_int_equal(str_distance((struct str){big, 400}, (struct str){big, 400}, 5), 0);
	assert_int_equal(str_distance((struct str){big, 255}, (struct str){big, 254}, 5), 1);
}

static void nearest(void **state)
{
	static const char *const names[] = {"build", "test", "deploy", "run"};
	char big[1000];

	(void)state;
	assert_string_equal(str_nearest(STR("biuld"), names, 4), "build");
	assert_string_equal(str_nearest(STR("deplo"), names, 4), "deploy");
	assert_string_equal(str_nearest(STR("rn"), names, 4), "run");
	assert_string_equal(str_nearest(STR("test"), names, 4), "test");
	assert_null(str_nearest(STR("xyzzy"), names, 4));
	assert_null(str_nearest(STR(""), names, 4));
	assert_null(str_nearest(STR("run"), NULL, 0));
	memset(big, 'x', sizeof(big));
	assert_null(str_nearest((struct str){big, sizeof(big)}, names, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compare),  cmocka_unit_test(trim_and_cut), cmocka_unit_test(utf8),
		cmocka_unit_test(distance), cmocka_unit_test(nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
