#include "unit.h"
#include "base/glob.h"

#include <time.h>

static void matches(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool want;
	} cases[] = {
		{"a", "a", true},
		{"a", "b", false},
		{"a", "", false},
		{"*.c", "x.c", true},
		{"*.c", ".c", true},
		{"*.c", "d/x.c", false},
		{"*", "a/b", false},
		{"a/*", "a/b", true},
		{"a/*", "a/b/c", false},
		{"a/*", "a", false},
		{"**", "a/b/c", true},
		{"**", "a", true},
		{"a/**", "a/b", true},
		{"a/**", "a/b/c/d", true},
		{"a/**", "a", true},
		{"a/**", "ab/c", false},
		{"a/**", "b", false},
		{"**/x.c", "x.c", true},
		{"**/x.c", "a/x.c", true},
		{"**/x.c", "a/b/x.c", true},
		{"**/x.c", "a/bx.c", false},
		{"a/**/z", "a/z", true},
		{"a/**/z", "a/b/z", true},
		{"a/**/z", "a/b/c/z", true},
		{"a/**/z", "a/bz", false},
		{"a/**/z", "az", false},
		{"a/**/b/**/c", "a/b/x/b/c", true},
		{"a/**/b/**/c", "a/x/c", false},
		{"**/*.c", "a/b/c.c", true},
		{"**/*.c", "c.c", true},
		{"**/test_*/**", "x/test_a/b/c", true},
		{"?", "a", true},
		{"?", "/", false},
		{"?", "\xc3\xa9", true},
		{"??", "\xc3\xa9", false},
		{"a?c", "a/c", false},
		{"caf\xc3\xa9", "caf\xc3\xa9", true},
		{"?", "\xff", true},
		{"[a-c]x", "bx", true},
		{"[a-c]x", "dx", false},
		{"[!a-c]x", "dx", true},
		{"[!a-c]x", "ax", false},
		{"[!a]x", "/x", false},
		{"[]]", "]", true},
		{"[!]]", "]", false},
		{"[a-]", "-", true},
		{"[*?]", "*", true},
		{"[*?]", "x", false},
		{"[\xc3\xa0-\xc3\xa9]", "\xc3\xa5", true},
		{"[\xc3\xa0-\xc3\xa9]", "\xc3", false},
		{"{a,b}", "a", true},
		{"{a,b}", "b", true},
		{"{a,b}", "c", false},
		{"{a,b}", "a,b", false},
		{"{src,lib}/**/*.{c,h}", "lib/x/y.h", true},
		{"{src,lib}/**/*.{c,h}", "lib/x/y.o", false},
		{"{a/b,c}/d", "a/b/d", true},
		{"{,x}y", "y", true},
		{"{,x}y", "xy", true},
		{"{a*,b?}c", "a123c", true},
		{"{a*,b?}c", "b1c", true},
		{"{a*,b?}c", "b12c", false},
		{"{[,],x}", ",", true},
		{"a,b", "a,b", true},
		{"a}", "a}", true},
		{"{a", "{a", true},
		{"[a", "[a", true},
		{"", "", true},
		{"", "a", false},
		{"a\\*", "a\\x", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (glob_match(str_of(cases[i].pattern), str_of(cases[i].path)) != cases[i].want)
			fail_msg("\"%s\" and \"%s\"", cases[i].pattern, cases[i].path);
}

/* What makes a matcher that goes back and tries again run for years. */
static void no_pattern_is_slow(void **state)
{
	static const char *const parts[] = {"*a", "**/", "{a,aa,*}", "?*", "[!b]*", "{*,*}"};
	char pattern[512], path[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 40 == 39 ? '/' : 'a';
	clock_t before = clock();
	for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
		size_t n = 0, part = strlen(parts[k]);
		for (; n + part + 1 <= sizeof(pattern); n += part)
			memcpy(pattern + n, parts[k], part);
		pattern[n++] = 'b';
		for (int i = 0; i < 4; i++)
			assert_false(glob_match((struct str){pattern, n},
						(struct str){path, sizeof(path)}));
	}
	assert_true(clock() - before < 10 * CLOCKS_PER_SEC);
	char longer[600];
	memset(longer, '*', sizeof(longer));
	assert_false(glob_match((struct str){longer, sizeof(longer)}, STR("a")));
}

static void any_bytes(void **state)
{
	static const char alphabet[] = "ab/*?[]!{},-.\xc3\xa9\0";
	unsigned random = 7;
	char pattern[24], path[12];

	(void)state;
	for (int round = 0; round < 200000; round++) {
		for (size_t i = 0; i < sizeof(pattern) + sizeof(path); i++) {
			random = random * 1664525u + 1013904223u;
			char c = alphabet[(random >> 16) % sizeof(alphabet)];
			if (i < sizeof(pattern))
				pattern[i] = c;
			else
				path[i - sizeof(pattern)] = c;
		}
		struct str p = {pattern, random % sizeof(pattern)},
			   s = {path, random % sizeof(path)};
		struct err err = {0};
		glob_match(p, s);
		enum rc rc = glob_check(p, &err);
		assert_true(rc == RC_OK || err.msg[0]);
		rc = path_check(s, &err);
		assert_true(rc == RC_OK || rc == RC_INVALID);
	}
}

static void checks(void **state)
{
	static const struct {
		struct str text;
		const char *says;
	} cases[] = {
		{{"src/**/*.{c,h}", 14}, NULL},
		{{"[a-z]?*", 7}, NULL},
		{{"a/**/b/**", 9}, NULL},
		{{"", 0}, "empty"},
		{{"/etc/*", 6}, "absolute"},
		{{"../x", 4}, "'..'"},
		{{"a/../x", 6}, "'..'"},
		{{"a/..", 4}, "'..'"},
		{{"./a", 3}, "'.'"},
		{{"a//b", 4}, "empty part"},
		{{"a/", 2}, "empty part"},
		{{"a\0b", 3}, "NUL"},
		{{"{a,b", 4}, "no '}'"},
		{{"a}", 2}, "no '{'"},
		{{"{a,{b,c}}", 9}, "inside"},
		{{"[a", 2}, "no ']'"},
		{{"[z-a]", 5}, "backwards"},
		{{"[a/b]", 5}, "'/'"},
		{{"src/**.c", 8}, "whole parts"},
		{{"a**", 3}, "whole parts"},
		{{"***", 3}, "whole parts"},
	};
	char big[513];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		enum rc rc = glob_check(cases[i].text, &err);
		CHECK(rc == (cases[i].says ? RC_INVALID : RC_OK), cases[i].text.p);
		if (cases[i].says && !strstr(err.msg, cases[i].says))
			fail_msg("%s: says \"%s\"", cases[i].text.p, err.msg);
	}
	memset(big, 'a', sizeof(big));
	assert_int_equal(glob_check((struct str){big, 512}, NULL), RC_OK);
	assert_int_equal(glob_check((struct str){big, 513}, NULL), RC_INVALID);
}

static void paths(void **state)
{
	static const struct {
		struct str text;
		bool ok;
	} cases[] = {
		{{"a", 1}, true},       {{"a/b.c", 5}, true},     {{"...", 3}, true},
		{{"..a", 3}, true},     {{".git", 4}, true},      {{"a b", 3}, true},
		{{"caf\xe9", 4}, true}, {{"", 0}, false},         {{"/", 1}, false},
		{{"/a", 2}, false},     {{"a/", 2}, false},       {{"a//b", 4}, false},
		{{".", 1}, false},      {{"..", 2}, false},       {{"a/./b", 5}, false},
		{{"a/../b", 6}, false}, {{"a\0/../b", 7}, false}, {{"\0", 1}, false},
	};
	char big[1025];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK((path_check(cases[i].text, NULL) == RC_OK) == cases[i].ok, cases[i].text.p);
	memset(big, 'a', sizeof(big));
	assert_int_equal(path_check((struct str){big, 1024}, NULL), RC_OK);
	assert_int_equal(path_check((struct str){big, 1025}, NULL), RC_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches),   cmocka_unit_test(no_pattern_is_slow),
		cmocka_unit_test(any_bytes), cmocka_unit_test(checks),
		cmocka_unit_test(paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
