/*
 * What people see: colours and marks where a terminal can show them, aligned tables, times and ids as people say them. Everything goes into a
 * strbuf: where that is printed is somebody else's.
 */
#pragma once
#include "base/strbuf.h"
#include "base/vec.h"

struct term {
	bool tty, color, utf8;
	unsigned width, height; /* of the window; width 0: not a terminal, no limit */
};
/* color: also needs a terminal, $NO_COLOR unset and $TERM not "dumb". */
void term_init(struct term *t, int fd);

enum tone { PLAIN, BOLD, DIM, GOOD, BAD, WARN, BUSY };
void tint(struct strbuf *to, const struct term *t, enum tone tone, const char *fmt, ...)
	PRINTF(4, 5);
size_t text_width(struct str s);                 /* columns; colours count nothing */
struct str text_cut(struct str s, size_t width); /* the front that fits */
/* A bar of `width` columns, `share` (0..1) of it filled. */
void bar(struct strbuf *to, const struct term *t, enum tone tone, double share, unsigned width);
const char *mark_good(const struct term *t);
const char *mark_bad(const struct term *t);
const char *mark_busy(const struct term *t);
const char *mark_wait(const struct term *t);

void add_ago(struct strbuf *to, uint64_t at, uint64_t now); /* "12 s ago"; "-" for 0 */
void add_short(struct strbuf *to,
	       const char *digest); /* 12 digits of a digest, 10 of a commit; "-" for NULL */
void add_count(struct strbuf *to, uint64_t n);     /* 12,345 */
void add_percent(struct strbuf *to, double share); /* 5 %, 0.5 % */
enum tone tone_of(const char *state);              /* of any machine's state */

/* Rows of cells. Columns are as wide as their widest cell; the last one is cut at the window's edge. */
struct cell {
	char *text;
	enum tone tone;
};
struct table {
	size_t columns;
	VEC(struct cell) cells;
};
/* Titles, separated by '|'; "" for a table without a head. */
void table_init(struct table *t, const char *titles, size_t columns);
void table_add(struct table *t, enum tone tone, const char *fmt, ...) PRINTF(3, 4);
void table_print(struct table *t, const struct term *term, unsigned indent,
		 struct strbuf *to); /* and empties it */
