#include "base/str.h"

bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_is(struct str a, const char *b)
{
	return str_eq(a, str_of(b));
}

int str_cmp(struct str a, struct str b)
{
	size_t n = MIN_OF(a.n, b.n);
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

bool str_starts(struct str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && (n == 0 || memcmp(s.p, prefix, n) == 0);
}

bool str_ends(struct str s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.n >= n && (n == 0 || memcmp(s.p + s.n - n, suffix, n) == 0);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	while (s.n && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str str_cut(struct str *rest, char sep)
{
	struct str piece = *rest;
	const char *at = piece.n ? memchr(piece.p, sep, piece.n) : NULL;

	if (!at) {
		*rest = (struct str){NULL, 0};
		return piece;
	}
	piece.n = (size_t)(at - piece.p);
	*rest = (struct str){at + 1, rest->n - piece.n - 1};
	return piece;
}

bool streq(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The length of the well-formed sequence at the front of s, 0 when there is none (Unicode table 3-7). */
static size_t utf8_length(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (s.n < n || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

size_t str_character(struct str s)
{
	return s.n ? utf8_length(s) : 0;
}

bool str_is_utf8(struct str s)
{
	while (s.n) {
		size_t n = utf8_length(s);
		if (n == 0)
			return false;
		s = (struct str){s.p + n, s.n - n};
	}
	return true;
}

#define NAME_MAX_COMPARED 255

/* Three rows of the table: swapping two neighbours looks two rows back. */
unsigned str_distance(struct str a, struct str b, unsigned max)
{
	unsigned rows[3][NAME_MAX_COMPARED + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];
	unsigned beyond = max == UINT32_MAX ? max : max + 1;

	if (str_eq(a, b))
		return 0;
	if (a.n > NAME_MAX_COMPARED || b.n > NAME_MAX_COMPARED)
		return beyond;
	for (unsigned j = 0; j <= b.n; j++)
		before[j] = above[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned best = row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned d = above[j - 1] + (a.p[i - 1] != b.p[j - 1]);
			d = MIN_OF(d, above[j] + 1);
			d = MIN_OF(d, row[j - 1] + 1);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
				d = MIN_OF(d, before[j - 2] + 1);
			row[j] = d;
			best = MIN_OF(best, d);
		}
		if (best > beyond)
			return beyond;
		unsigned *reuse = before;
		before = above;
		above = row;
		row = reuse;
	}
	return MIN_OF(above[b.n], beyond);
}

const char *str_nearest(struct str s, const char *const *names, size_t n)
{
	const char *nearest = NULL;
	unsigned least = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		struct str name = str_of(names[i]);
		size_t longer = MAX_OF(s.n, name.n);
		unsigned limit = longer > NAME_MAX_COMPARED ? 0 : (unsigned)(longer / 3);
		unsigned d = str_distance(s, name, limit);
		if (d <= limit && d < least) {
			least = d;
			nearest = names[i];
		}
	}
	return nearest;
}
