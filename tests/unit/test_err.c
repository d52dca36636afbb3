#include "unit.h"
#include "base/err.h"

#include <errno.h>

static void names_go_both_ways(void **state)
{
	(void)state;
	for (int i = RC_OK; i <= RC_INTERNAL; i++)
		assert_int_equal(rc_of_name(rc_name((enum rc)i)), i);
	assert_string_equal(rc_name(RC_NOT_FOUND), "not_found");
	assert_string_equal(rc_name((enum rc)99), "internal");
	assert_int_equal(rc_of_name("no such"), RC_INTERNAL);
	assert_int_equal(rc_of_name(NULL), RC_INTERNAL);
}

static void set_and_wrap(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(err_set(&err, RC_INVALID, "port %d is taken", 80), RC_INVALID);
	assert_int_equal(err_wrap(&err, "service %s", "web"), RC_INVALID);
	assert_string_equal(err.msg, "service web: port 80 is taken");
	assert_int_equal(err.rc, RC_INVALID);
	err_set(&err, RC_DENIED, "%s, twice", err.msg); /* its own text as an argument */
	assert_string_equal(err.msg, "service web: port 80 is taken, twice");
	assert_int_equal(err_set(NULL, RC_DENIED, "nobody listens"), RC_DENIED);
}

static void errno_chooses_the_code(void **state)
{
	static const struct {
		int no;
		enum rc want;
		const char *text;
	} cases[] = {
		{ENOSPC, RC_NO_SPACE, "write x: No space left on device"},
		{EROFS, RC_NO_SPACE, "write x: Read-only file system"},
		{EACCES, RC_DENIED, "write x: Permission denied"},
		{EPERM, RC_DENIED, "write x: Operation not permitted"},
		{ENOENT, RC_NOT_FOUND, "write x: No such file or directory"},
		{EEXIST, RC_CONFLICT, "write x: File exists"},
		{EIO, RC_UNAVAILABLE, "write x: Input/output error"},
		{99999, RC_UNAVAILABLE, "write x: unknown error"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		assert_int_equal(err_errno(&err, cases[i].no, "write %s", "x"), cases[i].want);
		assert_string_equal(err.msg, cases[i].text);
	}
}

static void a_long_text_is_cut_between_characters(void **state)
{
	struct err err = {0};
	char text[600];

	(void)state;
	for (size_t before = 500; before < 512; before++) {
		memset(text, 'a', before);
		memcpy(text + before, "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 13);
		err_set(&err, RC_INVALID, "%s", text);
		size_t n = strlen(err.msg), whole = (n - before) / 3 * 3;
		assert_true(n < sizeof(err.msg) && n >= sizeof(err.msg) - 3);
		assert_int_equal(n, before + whole);
	}
	memset(text, 'a', 599);
	text[599] = '\0';
	err_set(&err, RC_INVALID, "%s", text);
	err_wrap(&err, "%s", text);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_go_both_ways),
		cmocka_unit_test(set_and_wrap),
		cmocka_unit_test(errno_chooses_the_code),
		cmocka_unit_test(a_long_text_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
