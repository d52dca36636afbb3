/* The strict parsers of str.h. */
#include "base/str.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool parse_u64(struct str s, uint64_t *ret)
{
	uint64_t n = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]) || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(s.p[i] - '0'), &n))
			return false;
	*ret = n;
	return true;
}

bool parse_u32(struct str s, uint32_t *ret)
{
	uint64_t n;

	if (!parse_u64(s, &n) || n > UINT32_MAX)
		return false;
	*ret = (uint32_t)n;
	return true;
}

bool parse_i64(struct str s, int64_t *ret)
{
	bool minus = s.n && s.p[0] == '-';
	uint64_t n;

	if (!parse_u64(minus ? (struct str){s.p + 1, s.n - 1} : s, &n))
		return false;
	if (n > (uint64_t)INT64_MAX + minus)
		return false;
	*ret = minus ? (int64_t)(0 - n) : (int64_t)n;
	return true;
}

static size_t digits_at(struct str s, size_t from)
{
	size_t n = 0;

	while (from + n < s.n && is_digit(s.p[from + n]))
		n++;
	return n;
}

/* -? digits (. digits)? ([eE] [+-]? digits)? and nothing else */
static bool is_decimal(struct str s)
{
	size_t i = s.n && s.p[0] == '-', n = digits_at(s, i);

	if (n == 0)
		return false;
	i += n;
	if (i < s.n && s.p[i] == '.') {
		n = digits_at(s, i + 1);
		if (n == 0)
			return false;
		i += 1 + n;
	}
	if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
		i++;
		if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
			i++;
		n = digits_at(s, i);
		if (n == 0)
			return false;
		i += n;
	}
	return i == s.n;
}

#define NUMBER_MAX 1024 /* digits that a person or a program writes; also what the copy may hold */

/* strtod() reads the decimal point of the locale: this reads that of the C locale, whatever is set. */
static bool to_double(struct str s, const char *exponent, double *ret)
{
	char text[NUMBER_MAX + 8];
	locale_t c =
		newlocale(LC_ALL_MASK, "C", (locale_t)0); /* a constant object: no allocation */
	size_t tail = strlen(exponent);

	if (s.n > NUMBER_MAX || !is_decimal(s) || !c)
		return false;
	memcpy(text, s.p, s.n);
	memcpy(text + s.n, exponent, tail + 1);
	double d = strtod_l(text, NULL, c);
	freelocale(c);
	if (!isfinite(d))
		return false;
	*ret = d;
	return true;
}

bool parse_double(struct str s, double *ret)
{
	return to_double(s, "", ret);
}

bool parse_percent(struct str s, double *ret)
{
	double d;

	if (!str_ends(s, "%"))
		return false;
	s.n--;
	if (s.n == 0 || s.p[0] == '-' || memchr(s.p, 'e', s.n) || memchr(s.p, 'E', s.n))
		return false;
	/* Dividing by 100 would round a second time. */
	if (!to_double(s, "e-2", &d) || d > 1)
		return false;
	*ret = d;
	return true;
}

bool parse_bool(struct str s, bool *ret)
{
	bool yes = str_is(s, "true");

	if (!yes && !str_is(s, "false"))
		return false;
	*ret = yes;
	return true;
}

/* Number and unit at the front of *s; the longest unit wins ("10ms" is not "10m" and "s"). */
struct unit {
	const char *name;
	uint64_t size;
};

static bool take_amount(struct str *s, const struct unit *units, size_t n, size_t *ret_unit,
			uint64_t *ret)
{
	size_t digits = digits_at(*s, 0), i = 0, letters = 0;
	uint64_t amount;

	if (!parse_u64((struct str){s->p, digits}, &amount))
		return false;
	while (digits + letters < s->n && !is_digit(s->p[digits + letters]))
		letters++;
	while (i < n && !str_is((struct str){s->p + digits, letters}, units[i].name))
		i++;
	if (i == n || __builtin_mul_overflow(amount, units[i].size, &amount))
		return false;
	*s = (struct str){s->p + digits + letters, s->n - digits - letters};
	*ret_unit = i;
	*ret = amount;
	return true;
}

bool parse_duration(struct str s, usec_t *ret)
{
	static const struct unit units[] = {
		{"d", USEC_DAY}, {"h", USEC_HOUR}, {"m", USEC_MIN},
		{"s", USEC_SEC}, {"ms", USEC_MS},
	};
	size_t least = 0, unit; /* units come in falling order, each once */
	usec_t sum = 0, amount;

	do {
		if (!take_amount(&s, units + least, ARRAY_LEN(units) - least, &unit, &amount) ||
		    __builtin_add_overflow(sum, amount, &sum))
			return false;
		least += unit + 1;
	} while (s.n);
	if (sum == USEC_NEVER)
		return false;
	*ret = sum;
	return true;
}

bool parse_size(struct str s, uint64_t *ret)
{
	static const struct unit units[] = {
		{"", 1},
		{"Ki", UINT64_C(1) << 10},
		{"Mi", UINT64_C(1) << 20},
		{"Gi", UINT64_C(1) << 30},
		{"Ti", UINT64_C(1) << 40},
		{"k", 1000},
		{"M", UINT64_C(1000000)},
		{"G", UINT64_C(1000000000)},
		{"T", UINT64_C(1000000000000)},
	};
	uint64_t n;
	size_t unit;

	if (!take_amount(&s, units, ARRAY_LEN(units), &unit, &n) || s.n)
		return false;
	*ret = n;
	return true;
}
