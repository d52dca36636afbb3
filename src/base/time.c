#include "base/time.h"

#include "base/str.h"

#define SECONDS_PER_DAY INT64_C(86400)
#define DAYS_PER_ERA    146097 /* 400 years */
#define DAYS_TO_1970    719468 /* from 0000-03-01 */
/* Years stay within an int with room to spare; no clock of ours comes near. */
#define SECONDS_MAX     (INT64_C(1) << 55)

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Years that begin on 1 March: the leap day is their last, so a day's number gives its month by a straight line. */
struct civil civil_of(int64_t seconds)
{
	if (seconds > SECONDS_MAX)
		seconds = SECONDS_MAX;
	if (seconds < -SECONDS_MAX)
		seconds = -SECONDS_MAX;
	int64_t days = floor_div(seconds, SECONDS_PER_DAY);
	int left = (int)(seconds - days * SECONDS_PER_DAY);
	int64_t era = floor_div(days + DAYS_TO_1970, DAYS_PER_ERA);
	int in_era = (int)(days + DAYS_TO_1970 - era * DAYS_PER_ERA);
	int year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int in_year = in_era - (365 * year + year / 4 - year / 100);
	int month = (5 * in_year + 2) / 153; /* 0 is March */

	return (struct civil){
		.year = (int)(era * 400) + year + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = in_year - (153 * month + 2) / 5 + 1,
		.hour = left / 3600,
		.minute = left / 60 % 60,
		.second = left % 60,
		.weekday = (int)(((days + 4) % 7 + 7) % 7), /* day 0 was a Thursday */
	};
}

int64_t civil_seconds(const struct civil *c)
{
	int64_t months = (int64_t)c->year * 12 + c->month - 3; /* from March of year 0 */
	int64_t year = floor_div(months, 12), month = months - year * 12;
	int64_t era = floor_div(year, 400), in_era = year - era * 400;
	int64_t days = era * DAYS_PER_ERA + in_era * 365 + in_era / 4 - in_era / 100 +
		       (153 * month + 2) / 5 + c->day - 1 - DAYS_TO_1970;

	return days * SECONDS_PER_DAY + (int64_t)c->hour * 3600 + (int64_t)c->minute * 60 +
	       c->second;
}

/* At least `width` digits of n at p; returns where they end. */
static char *put(char *p, uint64_t n, int width)
{
	char digits[20];
	int used = 0;

	do
		digits[used++] = (char)('0' + n % 10);
	while ((n /= 10) || used < width);
	while (used)
		*p++ = digits[--used];
	return p;
}

void time_text(usec_t t, char ret[TIME_TEXT])
{
	struct civil c = civil_of((int64_t)(t / USEC_SEC));
	const struct {
		uint64_t n;
		int width;
		char after;
	} parts[] = {
		{(uint64_t)c.year, 4, '-'},   {(uint64_t)c.month, 2, '-'},
		{(uint64_t)c.day, 2, 'T'},    {(uint64_t)c.hour, 2, ':'},
		{(uint64_t)c.minute, 2, ':'}, {(uint64_t)c.second, 2, '.'},
		{t % USEC_SEC, 6, 'Z'},
	};
	char *p = ret;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		p = put(p, parts[i].n, parts[i].width);
		*p++ = parts[i].after;
	}
	*p = '\0';
}

/* Exactly `width` digits at the front of *s, within low..high, then cut them off. */
static bool take(struct str *s, size_t width, int low, int high, int *ret)
{
	int n = 0;

	if (s->n < width)
		return false;
	for (size_t i = 0; i < width; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		n = n * 10 + (s->p[i] - '0');
	}
	if (n < low || n > high)
		return false;
	*s = (struct str){s->p + width, s->n - width};
	*ret = n;
	return true;
}

static bool take_char(struct str *s, char a, char b)
{
	if (s->n == 0 || (*s->p != a && *s->p != b))
		return false;
	*s = (struct str){s->p + 1, s->n - 1};
	return true;
}

static bool take_fraction(struct str *s, usec_t *ret)
{
	usec_t unit = USEC_SEC / 10, sum = 0;
	size_t i = 0;

	for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++, unit /= 10)
		sum += (usec_t)(s->p[i] - '0') * unit; /* beyond microseconds: unit is 0 */
	*s = (struct str){s->p + i, s->n - i};
	*ret = sum;
	return i > 0;
}

/* What must be subtracted to come to UTC. */
static bool take_offset(struct str *s, int64_t *ret)
{
	int hours, minutes;

	if (take_char(s, 'Z', 'z'))
		return true;
	bool minus = s->n && *s->p == '-';
	if (!take_char(s, '+', '-') || !take(s, 2, 0, 23, &hours) || !take_char(s, ':', ':') ||
	    !take(s, 2, 0, 59, &minutes))
		return false;
	*ret = (int64_t)(hours * 3600 + minutes * 60) * (minus ? -1 : 1);
	return true;
}

static int days_in(int year, int month)
{
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (month == 2)
		return leap ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

bool time_parse(const char *text, size_t n, usec_t *ret)
{
	struct str s = {text, n};
	struct civil c = {0};
	usec_t fraction = 0;
	int64_t offset = 0;

	if (!take(&s, 4, 0, 9999, &c.year) || !take_char(&s, '-', '-') ||
	    !take(&s, 2, 1, 12, &c.month) || !take_char(&s, '-', '-') ||
	    !take(&s, 2, 1, days_in(c.year, c.month), &c.day) || !take_char(&s, 'T', 't') ||
	    !take(&s, 2, 0, 23, &c.hour) || !take_char(&s, ':', ':') ||
	    !take(&s, 2, 0, 59, &c.minute) || !take_char(&s, ':', ':') ||
	    !take(&s, 2, 0, 60, &c.second))
		return false;
	if (take_char(&s, '.', '.') && !take_fraction(&s, &fraction))
		return false;
	if (!take_offset(&s, &offset) || s.n != 0)
		return false;
	int64_t seconds = civil_seconds(&c) - offset;
	if (seconds < 0)
		return false;
	if (c.second == 60 && seconds % SECONDS_PER_DAY != 0) /* leap seconds end a day of UTC */
		return false;
	*ret = (usec_t)seconds * USEC_SEC + fraction;
	return true;
}
