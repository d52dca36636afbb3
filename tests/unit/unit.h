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

/* Waiting, with io/clock.h: for as long as a loaded machine, a sanitizer or both may take; a bound costs nothing while all is well. What a bound
 * tells apart (ended by an order, or by itself) must be further apart than it. */
#define PATIENCE (60 * USEC_SEC)
/* A statement: until it is so, or never is. */
#define WAIT_UNTIL(cond)                                                                 \
	for (usec_t until_ = clock_mono() + PATIENCE; !(cond) && clock_mono() < until_;) \
	clock_sleep(5 * USEC_MS)
