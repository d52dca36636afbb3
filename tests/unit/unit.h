/* cmocka with what it needs before it, and the checks that tables want. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* As assert_true, saying which line of a table failed. */
#define CHECK(cond, why)                                          \
	do {                                                      \
		if (!(cond))                                      \
			fail_msg("%s: not so: %s", (why), #cond); \
	} while (0)
/* As assert_string_equal, saying which line of a table failed. */
#define CHECK_STR(got, want, why)                                                \
	do {                                                                     \
		const char *got_ = (got), *want_ = (want);                       \
		if (strcmp(got_, want_) != 0)                                    \
			fail_msg("%s: got <%s>, want <%s>", (why), got_, want_); \
	} while (0)
