/* Time zones by POSIX rules. */
#include "core/window.h"

#define DAY 86400

/* ---- reading ---- */

struct cursor {
	const char *p;
};

static bool read_int(struct cursor *c, int max_digits, int *ret)
{
	int n = 0, value = 0;

	while (c->p[n] >= '0' && c->p[n] <= '9' && n < max_digits)
		value = value * 10 + (c->p[n++] - '0');
	c->p += n;
	*ret = value;
	return n > 0;
}

/* [+-]h[h[h]][:mm[:ss]] */
static bool read_time(struct cursor *c, int max_hour, int32_t *ret)
{
	int sign = 1, part[3] = {0, 0, 0};

	if (*c->p == '+' || *c->p == '-')
		sign = *c->p++ == '-' ? -1 : 1;
	if (!read_int(c, 3, &part[0]) || part[0] > max_hour)
		return false;
	for (int i = 1; i < 3 && *c->p == ':'; i++) {
		c->p++;
		if (!read_int(c, 2, &part[i]) || part[i] > 59)
			return false;
	}
	*ret = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
	return true;
}

/* A zone's short name: three letters or more, or <...>. */
static bool read_name(struct cursor *c)
{
	size_t n = 0;

	if (*c->p == '<') {
		for (c->p++; *c->p && *c->p != '>'; c->p++)
			n++;
		if (*c->p != '>')
			return false;
		c->p++;
		return n > 0 && n <= 32;
	}
	while ((*c->p >= 'a' && *c->p <= 'z') || (*c->p >= 'A' && *c->p <= 'Z')) {
		c->p++;
		n++;
	}
	return n >= 3 && n <= 32;
}

static bool read_change(struct cursor *c, struct tz_change *ret)
{
	struct tz_change x = {.kind = TZ_DAY, .time = 2 * 3600};

	if (*c->p++ != ',')
		return false;
	if (*c->p == 'M') {
		c->p++;
		x.kind = TZ_MONTH;
		if (!read_int(c, 2, &x.month) || *c->p++ != '.' || !read_int(c, 1, &x.week) ||
		    *c->p++ != '.' || !read_int(c, 1, &x.day))
			return false;
		if (x.month < 1 || x.month > 12 || x.week < 1 || x.week > 5 || x.day > 6)
			return false;
	} else {
		if (*c->p == 'J') {
			c->p++;
			x.kind = TZ_JULIAN;
		}
		if (!read_int(c, 3, &x.day) || x.day > 365 || (x.kind == TZ_JULIAN && x.day < 1))
			return false;
	}
	if (*c->p == '/') {
		c->p++;
		if (!read_time(c, 167, &x.time))
			return false;
	}
	*ret = x;
	return true;
}

enum rc tz_parse(const char *rule, struct tz *ret, struct err *err)
{
	struct cursor c = {rule};
	struct tz tz = {.has_summer = false};
	int32_t west;

	if (!read_name(&c) || !read_time(&c, 24, &west))
		goto bad;
	tz.offset = tz.summer_offset = -west;
	if (*c.p) {
		tz.has_summer = true;
		tz.summer_offset = tz.offset + 3600;
		if (!read_name(&c))
			goto bad;
		if (*c.p && *c.p != ',') {
			if (!read_time(&c, 24, &west))
				goto bad;
			tz.summer_offset = -west;
		}
		if (!*c.p)
			c.p = ",M3.2.0,M11.1.0"; /* what everybody takes when no dates are given */
		if (!read_change(&c, &tz.begin) || !read_change(&c, &tz.end))
			goto bad;
	}
	if (*c.p)
		goto bad;
	*ret = tz;
	return RC_OK;
bad:
	return err_set(err, RC_INVALID,
		       "\"%.60s\" is no rule of a time zone (such as CET-1CEST,M3.5.0,M10.5.0/3)",
		       rule);
}

/* ---- using ---- */

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* When a change happens in a year, on the wall clock that is in force until then. */
static int64_t change_wall(const struct tz_change *x, int year)
{
	struct civil c = {.year = year, .month = 1, .day = 1};
	int64_t at;

	switch (x->kind) {
	case TZ_JULIAN:
		return civil_seconds(&c) +
		       (int64_t)(x->day - 1 + (is_leap(year) && x->day > 59)) * DAY + x->time;
	case TZ_DAY:
		return civil_seconds(&c) + (int64_t)x->day * DAY + x->time;
	case TZ_MONTH:
		break;
	}
	c.month = x->month;
	at = civil_seconds(&c);
	int ahead = (x->day - civil_of(at).weekday + 7) % 7 + (x->week - 1) * 7;

	at += (int64_t)ahead * DAY;
	if (civil_of(at).month != x->month)
		at -= 7 * DAY; /* week 5 is the last one */
	return at + x->time;
}

int32_t tz_offset(const struct tz *tz, int64_t at)
{
	if (!tz->has_summer)
		return tz->offset;
	int year = civil_of(at + tz->offset).year;
	int64_t begin = change_wall(&tz->begin, year) - tz->offset,
		end = change_wall(&tz->end, year) - tz->summer_offset;
	bool summer =
		begin <= end ? at >= begin && at < end : at >= begin || at < end; /* the south */

	return summer ? tz->summer_offset : tz->offset;
}

int64_t tz_utc(const struct tz *tz, int64_t wall, bool later)
{
	int64_t winter = wall - tz->offset, summer = wall - tz->summer_offset;
	bool is_winter = tz_offset(tz, winter) == tz->offset,
	     is_summer = tz_offset(tz, summer) == tz->summer_offset;
	int64_t first = MIN_OF(winter, summer), second = MAX_OF(winter, summer);

	if (is_winter && is_summer)
		return later ? second : first;
	if (is_winter || is_summer)
		return is_winter ? winter : summer;
	/* The clock jumped over it: between the two readings lies the jump. */
	while (second - first > 1) {
		int64_t middle = first + (second - first) / 2;

		if (tz_offset(tz, middle) == tz_offset(tz, first))
			first = middle;
		else
			second = middle;
	}
	return second;
}
