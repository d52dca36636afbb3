/* Text: borrowed views, strict parsers. Parsers take the whole text or fail; outputs untouched on failure. */
#pragma once
#include "base/err.h"
#include "base/time.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})

static inline struct str str_of(const char *s)
{
	return (struct str){s ? s : "", s ? strlen(s) : 0};
}
bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *b);
int str_cmp(struct str a, struct str b); /* bytewise, then by length */
bool str_starts(struct str s, const char *prefix);
bool str_ends(struct str s, const char *suffix);
struct str str_trim(struct str s); /* blanks, tabs, CR, LF */
/* Cut *rest at the first sep: returns what stands before, *rest becomes what follows (or p == NULL when
 * there was no sep, after the last piece). */
struct str str_cut(struct str *rest, char sep);
bool streq(const char *a, const char *b); /* NULL equals only NULL */
bool str_is_utf8(struct str s);           /* RFC 3629; no overlong forms, no surrogates */
/* Length of the UTF-8 character at the front; 0 when there is none or it is not well-formed. */
size_t str_character(struct str s);

MUST_CHECK bool parse_u64(struct str s, uint64_t *ret); /* decimal digits only */
MUST_CHECK bool parse_u32(struct str s, uint32_t *ret);
MUST_CHECK bool parse_i64(struct str s, int64_t *ret);
MUST_CHECK bool parse_double(struct str s, double *ret); /* decimal notation; no inf, nan, hex */
/* 250ms 30s 10m 2h 1d, and sums such as 1h30m */
MUST_CHECK bool parse_duration(struct str s, usec_t *ret);
MUST_CHECK bool parse_size(struct str s, uint64_t *ret);  /* bytes; Ki Mi Gi Ti and k M G T */
MUST_CHECK bool parse_percent(struct str s, double *ret); /* "0.5%" -> 0.005; 0..1 only */
MUST_CHECK bool parse_bool(struct str s, bool *ret);      /* true | false */

/* Edit distance (optimal string alignment), capped at max + 1. For "did you mean". */
unsigned str_distance(struct str a, struct str b, unsigned max);
/* The nearest of n names within 1/3 of the length, or NULL. */
const char *str_nearest(struct str s, const char *const *names, size_t n);
