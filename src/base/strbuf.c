#include "base/strbuf.h"

#include "base/mem.h"

#include <stdio.h>

void strbuf_done(struct strbuf *b)
{
	if (!b)
		return;
	xfree(b->p);
	*b = STRBUF(b->cap);
}

void strbuf_clear(struct strbuf *b)
{
	b->n = 0;
	b->failed = false;
	if (b->p)
		b->p[0] = '\0';
}

/* Room for n more bytes and the NUL behind them; returns where they go, NULL when that is above the cap. */
static char *room_for(struct strbuf *b, size_t n)
{
	if (b->failed)
		return NULL;
	if (n > b->cap || b->n > b->cap - n) {
		b->failed = true;
		return NULL;
	}
	size_t need = b->n + n + 1;
	if (need > b->size) {
		size_t size = b->size < 32 ? 64 : b->size > b->cap / 2 ? b->cap + 1 : b->size * 2;
		size = MIN_OF(size, b->cap + 1);
		b->size = MAX_OF(size, need);
		b->p = xrealloc(b->p, b->size);
	}
	return b->p + b->n;
}

static void added(struct strbuf *b, size_t n)
{
	b->n += n;
	b->p[b->n] = '\0';
}

void strbuf_add(struct strbuf *b, const void *p, size_t n)
{
	char *to = room_for(b, n);

	if (!to)
		return;
	if (n)
		memcpy(to, p, n);
	added(b, n);
}

void strbuf_addc(struct strbuf *b, char c)
{
	strbuf_add(b, &c, 1);
}

void strbuf_adds(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

void strbuf_addstr(struct strbuf *b, struct str s)
{
	strbuf_add(b, s.p, s.n);
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(b, fmt, ap);
	va_end(ap);
}

void strbuf_addv(struct strbuf *b, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	size_t spare = b->size - b->n;
	int n = b->failed ? -1 : vsnprintf(b->p ? b->p + b->n : NULL, b->p ? spare : 0, fmt, ap);
	if (n < 0) {
		b->failed = true;
	} else {
		char *to = room_for(b, (size_t)n);
		if (to && (size_t)n >= spare)
			vsnprintf(to, (size_t)n + 1, fmt, again);
		if (to)
			added(b, (size_t)n);
		else if (b->p)
			b->p[b->n] = '\0'; /* the try above may have written beyond the end */
	}
	va_end(again);
}

bool strbuf_failed(const struct strbuf *b)
{
	return b->failed;
}

const char *strbuf_cstr(const struct strbuf *b)
{
	return b->p ? b->p : "";
}

struct str strbuf_str(const struct strbuf *b)
{
	return (struct str){strbuf_cstr(b), b->n};
}

char *strbuf_take(struct strbuf *b)
{
	char *p = b->p ? b->p : xstrdup("");

	*b = STRBUF(b->cap);
	return p;
}

void strbuf_add_duration(struct strbuf *b, usec_t d)
{
	unsigned long long n = d;

	if (d == USEC_NEVER)
		strbuf_adds(b, "never");
	else if (d < USEC_MS)
		strbuf_addf(b, "%llu us", n);
	else if (d < 9950)
		strbuf_addf(b, "%llu.%llu ms", (n + 50) / 1000, (n + 50) / 100 % 10);
	else if (d < 999500)
		strbuf_addf(b, "%llu ms", (n + 500) / 1000);
	else if (d < 59950000)
		strbuf_addf(b, "%llu.%llu s", (n + 50000) / 1000000, (n + 50000) / 100000 % 10);
	else if ((n = n / 1000000 + (n % 1000000 >= 500000)) < 3600)
		strbuf_addf(b, "%llu min %llu s", n / 60, n % 60);
	else if ((n = (n + 30) / 60) < 24 * 60)
		strbuf_addf(b, "%llu h %llu min", n / 60, n % 60);
	else
		strbuf_addf(b, "%llu d %llu h", (n + 30) / 60 / 24, (n + 30) / 60 % 24);
}

void strbuf_add_size(struct strbuf *b, uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

	if (bytes < 1024) {
		strbuf_addf(b, "%u B", (unsigned)bytes);
		return;
	}
	/* In 1/1024 of the unit; 1023.95 and more would show as 1024.0 of it. */
	uint64_t parts = bytes;
	size_t unit = 0;
	while (unit + 1 < ARRAY_LEN(units) && parts >= 1024 * 1024 - 51) {
		parts = (parts >> 10) + (parts >> 9 & 1);
		unit++;
	}
	uint64_t tenths = (parts * 10 + 512) / 1024;
	strbuf_addf(b, "%u.%u %s", (unsigned)(tenths / 10), (unsigned)(tenths % 10), units[unit]);
}

void strbuf_add_hex(struct strbuf *b, const void *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *from = p;
	char *to = n > SIZE_MAX / 2 ? room_for(b, SIZE_MAX) : room_for(b, 2 * n);

	if (!to)
		return;
	for (size_t i = 0; i < n; i++) {
		*to++ = hex[from[i] >> 4];
		*to++ = hex[from[i] & 15];
	}
	added(b, 2 * n);
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void strbuf_add_base64(struct strbuf *b, const void *p, size_t n)
{
	const unsigned char *from = p;
	size_t out = n > SIZE_MAX / 2 ? SIZE_MAX : (n + 2) / 3 * 4;
	char *to = room_for(b, out);

	if (!to)
		return;
	for (size_t i = 0; i < n; i += 3, to += 4) {
		uint32_t three = (uint32_t)from[i] << 16;
		if (i + 1 < n)
			three |= (uint32_t)from[i + 1] << 8;
		if (i + 2 < n)
			three |= from[i + 2];
		to[0] = base64[three >> 18];
		to[1] = base64[three >> 12 & 63];
		to[2] = i + 1 < n ? base64[three >> 6 & 63] : '=';
		to[3] = i + 2 < n ? base64[three & 63] : '=';
	}
	added(b, out);
}

static int base64_value(char c)
{
	const char *at = c ? strchr(base64, c) : NULL;

	return at ? (int)(at - base64) : -1;
}

bool strbuf_add_unbase64(struct strbuf *b, struct str s)
{
	bool failed = b->failed;
	size_t pad = str_ends(s, "==") ? 2 : str_ends(s, "=") ? 1 : 0;

	if (failed || s.n % 4 != 0)
		return false;
	size_t out = s.n / 4 * 3 - pad;
	char *to = room_for(b, out);
	uint32_t bits = 0;
	b->failed = failed;
	if (!to)
		return false;
	for (size_t i = 0, o = 0; i < s.n; i++) {
		int v = i >= s.n - pad ? 0 : base64_value(s.p[i]);
		if (v < 0)
			goto bad;
		bits = bits << 6 | (uint32_t)v;
		if (i % 4 != 3)
			continue;
		uint32_t unused = pad == 2 ? 0xffff : pad == 1 ? 0xff : 0;
		if (i + 1 == s.n && bits & unused & 0xffffff)
			goto bad; /* another text for the same bytes */
		for (int shift = 16; shift >= 0 && o < out; shift -= 8)
			to[o++] = (char)(bits >> shift & 0xff);
		bits = 0;
	}
	added(b, out);
	return true;
bad:
	b->p[b->n] = '\0';
	return false;
}

void strbuf_add_urlencoded(struct strbuf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || (c && strchr("-._~", c));
		if (plain)
			strbuf_addc(b, (char)c);
		else
			strbuf_addf(b, "%%%02X", c);
	}
}

/* No shell can be handed a NUL: that is a failure. */
void strbuf_add_shellquoted(struct strbuf *b, struct str s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_./:@%+,-";
	bool quote = s.n == 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\0')
			b->failed = true;
		else if (!strchr(plain, s.p[i]))
			quote = true;
	}
	if (!quote) {
		strbuf_addstr(b, s);
		return;
	}
	strbuf_addc(b, '\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\'')
			strbuf_adds(b, "'\\''");
		else
			strbuf_addc(b, s.p[i]);
	}
	strbuf_addc(b, '\'');
}
