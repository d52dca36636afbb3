#include "shared/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct span span_of(const char *s)
{
	return (struct span){ s, strlen(s) };
}

bool span_is(struct span s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

bool span_is_nocase(struct span s, const char *text)
{
	return s.n == strlen(text) && strncasecmp(s.p, text, s.n) == 0;
}

bool span_starts(struct span s, const char *prefix, struct span *ret_rest)
{
	size_t n = strlen(prefix);

	if (s.n < n || memcmp(s.p, prefix, n) != 0)
		return false;
	*ret_rest = (struct span){ s.p + n, s.n - n };
	return true;
}

void text_vadd(struct text *t, const char *fmt, va_list ap)
{
	if (t->failed)
		return;
	size_t room = t->cap - t->n;
	int n = vsnprintf(t->p + t->n, room, fmt, ap);
	if (n < 0 || (size_t)n >= room) {
		t->failed = true;
		t->p[t->n] = '\0';
		return;
	}
	t->n += (size_t)n;
}

void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vadd(t, fmt, ap);
	va_end(ap);
}

/* ---- JSON: one flat object ---- */

struct scan {
	const char *p, *end;
};

static void skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
		s->p++;
}

static bool take(struct scan *s, char c)
{
	skip_space(s);
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static bool take_string(struct scan *s, struct span *ret)
{
	if (!take(s, '"'))
		return false;
	const char *from = s->p;
	while (s->p < s->end && *s->p != '"') {
		if (*s->p == '\\' || (unsigned char)*s->p < 0x20)
			return false;
		s->p++;
	}
	if (s->p == s->end)
		return false;
	*ret = (struct span){ from, (size_t)(s->p - from) };
	s->p++;
	return true;
}

/* A number, true, false or null: checked by whoever wants its value. */
static bool take_plain(struct scan *s, struct span *ret)
{
	skip_space(s);
	const char *from = s->p;
	while (s->p < s->end && (isalnum((unsigned char)*s->p) || strchr("+-.", *s->p)) && *s->p)
		s->p++;
	*ret = (struct span){ from, (size_t)(s->p - from) };
	return ret->n > 0;
}

static bool find(struct span object, const char *key, bool want_string, struct span *ret)
{
	struct scan s = { object.p, object.p + object.n };
	bool found = false;

	if (object.n > 65536 || !take(&s, '{'))
		return false;
	skip_space(&s);
	while (s.p < s.end && *s.p != '}') {
		struct span name, value;
		bool is_string;

		if (!take_string(&s, &name) || !take(&s, ':'))
			return false;
		skip_space(&s);
		is_string = s.p < s.end && *s.p == '"';
		if (is_string ? !take_string(&s, &value) : !take_plain(&s, &value))
			return false;
		if (span_is(name, key)) {
			if (found || is_string != want_string)
				return false;
			found = true;
			*ret = value;
		}
		skip_space(&s);
		if (s.p < s.end && *s.p == '}')
			break;
		if (!take(&s, ','))
			return false;
		skip_space(&s);
		if (s.p < s.end && *s.p == '}')
			return false;
	}
	if (!take(&s, '}'))
		return false;
	skip_space(&s);
	return found && s.p == s.end;
}

bool json_string(struct span object, const char *key, struct span *ret)
{
	struct span v;

	if (!find(object, key, true, &v))
		return false;
	*ret = v;
	return true;
}

bool json_number(struct span object, const char *key, long *ret)
{
	struct span v;
	long n = 0;

	if (!find(object, key, false, &v))
		return false;
	bool minus = v.p[0] == '-';
	size_t i = minus;
	if (i == v.n)
		return false;
	for (; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(n, 10L, &n) ||
		    __builtin_add_overflow(n, (long)(v.p[i] - '0'), &n))
			return false;
	}
	*ret = minus ? -n : n;
	return true;
}
