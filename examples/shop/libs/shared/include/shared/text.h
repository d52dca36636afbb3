/* Views of text, a bounded builder, and the little JSON that the services speak. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Borrowed text: not terminated. */
struct span {
	const char *p;
	size_t n;
};

struct span span_of(const char *s);
bool span_is(struct span s, const char *text);
bool span_is_nocase(struct span s, const char *text);
bool span_starts(struct span s, const char *prefix, struct span *ret_rest);

/* Text into a buffer of fixed size, always terminated. What does not fit sets `failed`; ask once. */
struct text {
	char *p;
	size_t n, cap;
	bool failed;
};

#define TEXT(buf) ((struct text){ .p = (buf), .cap = sizeof(buf) })

void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_vadd(struct text *t, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* One member of a flat JSON object (no nested values, no escapes in strings; at most 64 KiB). False
 * when the object is malformed, or the member is absent or of the other type. The whole object is
 * checked, so garbage after the member is refused, too. */
bool json_string(struct span object, const char *key, struct span *ret);
bool json_number(struct span object, const char *key, long *ret);
