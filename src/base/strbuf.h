/*
 * An owned, growing text with a hard cap. Failure (above the cap) is sticky: further appends do nothing,
 * and strbuf_failed() is asked once, at the end. The text is always terminated by NUL (not counted).
 */
#pragma once
#include "base/str.h"
#include <stdarg.h>

struct strbuf {
	char *p; /* NULL while empty */
	size_t n, size, cap;
	bool failed;
};
#define STRBUF(max) ((struct strbuf){.cap = (max)})

void strbuf_done(struct strbuf *b);  /* frees; the buffer is empty and usable again */
void strbuf_clear(struct strbuf *b); /* keeps memory, forgets failure */
void strbuf_add(struct strbuf *b, const void *p, size_t n);
void strbuf_addc(struct strbuf *b, char c);
void strbuf_adds(struct strbuf *b, const char *s);
void strbuf_addstr(struct strbuf *b, struct str s);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) PRINTF(2, 3);
void strbuf_addv(struct strbuf *b, const char *fmt, va_list ap) PRINTF(2, 0);
void strbuf_add_urlencoded(struct strbuf *b, struct str s); /* RFC 3986 unreserved kept */
void strbuf_add_shellquoted(struct strbuf *b, struct str s);
void strbuf_add_hex(struct strbuf *b, const void *p, size_t n);
void strbuf_add_base64(struct strbuf *b, const void *p, size_t n); /* RFC 4648 section 4, padded */
void strbuf_add_duration(struct strbuf *b, usec_t d);   /* for people: 850 ms, 12.3 s, 4 min 10 s */
void strbuf_add_size(struct strbuf *b, uint64_t bytes); /* for people: 12.4 MiB */
/* Strict base64 (padding needed, no blanks); false leaves the buffer as it was. */
MUST_CHECK bool strbuf_add_unbase64(struct strbuf *b, struct str s);
bool strbuf_failed(const struct strbuf *b);
const char *strbuf_cstr(const struct strbuf *b); /* "" while empty */
struct str strbuf_str(const struct strbuf *b);
/* The text, owned by the caller (never NULL); the buffer is empty again. */
char *strbuf_take(struct strbuf *b);
