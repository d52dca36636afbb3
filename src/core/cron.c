/* Times of crontab: read, and the next one. */
#include "core/cron.h"

#define DAY_SECONDS 86400
#define DAYS_AHEAD  (5 * 366)

struct field {
	const char *what;
	uint32_t min, max;
	const char *const *names; /* three letters each, from min */
	size_t n;
};
static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun",
					  "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };
static const struct field fields[FIELDS] = {
	{"minute", 0, 59, NULL, 0},
	{"hour", 0, 23, NULL, 0},
	{"day", 1, 31, NULL, 0},
	{"month", 1, 12, month_names, ARRAY_LEN(month_names)},
	{"weekday", 0, 7, weekday_names, ARRAY_LEN(weekday_names)}, /* 7 is Sunday, too */
};
static const struct {
	const char *name, *means;
} shorts[] = {
	{"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
	{"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
	{"@annually", "0 0 1 1 *"},
};

static bool same_letters(struct str s, const char *name)
{
	if (s.n != strlen(name))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c != name[i])
			return false;
	}
	return true;
}

static bool read_value(const struct field *f, struct str s, uint32_t *ret)
{
	for (size_t i = 0; i < f->n; i++)
		if (same_letters(s, f->names[i])) {
			*ret = f->min + (uint32_t)i;
			return true;
		}
	return s.n <= 2 && parse_u32(s, ret) && *ret >= f->min && *ret <= f->max;
}

/* One of a list: "*", "*" with a step, "7", "1-5", "0-30/10". */
static bool read_item(const struct field *f, struct str item, uint64_t *bits)
{
	struct str rest = item, range = str_cut(&rest, '/');
	uint32_t step = 1, from = f->min, to = f->max;

	if (rest.p && (!parse_u32(rest, &step) || step == 0 || step > f->max))
		return false;
	if (!str_is(range, "*")) {
		struct str end = range, begin = str_cut(&end, '-');

		if (!read_value(f, begin, &from) || (!end.p && rest.p))
			return false; /* a step of one value says nothing */
		to = from;
		if (end.p && !read_value(f, end, &to))
			return false;
		if (f == &fields[WEEKDAY] && end.p && to == 0)
			to = 7; /* Fri-Sun */
		if (to < from)
			return false;
	} else if (f == &fields[WEEKDAY]) {
		to = 6;
	}
	for (uint32_t v = from; v <= to; v += step)
		*bits |= (uint64_t)1 << v;
	return true;
}

static bool read_field(const struct field *f, struct str text, uint64_t *bits)
{
	struct str rest = text;

	*bits = 0;
	while (rest.p)
		if (!read_item(f, str_cut(&rest, ','), bits))
			return false;
	if (f == &fields[WEEKDAY])
		*bits = (*bits | *bits >> 7) & 0x7f;
	return true;
}

static struct str next_word(struct str *rest)
{
	size_t n = 0;

	*rest = str_trim(*rest);
	while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
		n++;
	struct str word = {rest->p, n};
	*rest = (struct str){rest->p + n, rest->n - n};
	return word;
}

/* Days that no month of the set has: "0 0 30 2 *". */
static bool never_is(const struct cron *c)
{
	static const uint32_t last[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	for (uint32_t m = 1; m <= 12; m++)
		if ((c->months >> m) & 1 &&
		    c->days & (uint32_t)((UINT64_C(1) << (last[m] + 1)) - 2))
			return false;
	return c->any_weekday;
}

enum rc cron_parse(struct str text, struct cron *ret, struct err *err)
{
	struct str whole = str_trim(text), rest = whole;
	uint64_t bits[FIELDS] = {0};
	struct str words[FIELDS];

	if (whole.n > 200)
		return err_set(err, RC_TOO_BIG, "a time of crontab has at most 200 characters");
	for (size_t i = 0; i < ARRAY_LEN(shorts); i++)
		if (str_is(whole, shorts[i].name))
			rest = str_of(shorts[i].means);
	for (unsigned i = 0; i < FIELDS; i++) {
		words[i] = next_word(&rest);
		if (!words[i].n)
			return err_set(
				err, RC_INVALID,
				"\"%.*s\" is no time of crontab: write minute, hour, day, month and weekday, such as \"0 3 * * Mon-Fri\", or @daily",
				(int)whole.n, whole.p);
		if (!read_field(&fields[i], words[i], &bits[i]))
			return err_set(
				err, RC_INVALID,
				"\"%.*s\" is no %s of crontab: a number from %u to %u, a range 1-5, a list 1,3 or a step */10",
				(int)words[i].n, words[i].p, fields[i].what, fields[i].min,
				fields[i].max);
	}
	if (str_trim(rest).n)
		return err_set(err, RC_INVALID, "\"%.*s\" has more than five parts", (int)whole.n,
			       whole.p);
	struct cron c = {.minutes = bits[MINUTE],
			 .hours = (uint32_t)bits[HOUR],
			 .days = (uint32_t)bits[DAY],
			 .months = (uint16_t)bits[MONTH],
			 .weekdays = (uint8_t)bits[WEEKDAY],
			 .any_day = str_is(words[DAY], "*"),
			 .any_weekday = str_is(words[WEEKDAY], "*")};
	if (never_is(&c))
		return err_set(err, RC_INVALID, "\"%.*s\" never happens", (int)whole.n, whole.p);
	*ret = c;
	return RC_OK;
}

static bool is_day(const struct cron *c, int64_t day)
{
	struct civil at = civil_of(day);
	bool by_day = (c->days >> at.day) & 1, by_weekday = (c->weekdays >> at.weekday) & 1;

	if (!((c->months >> at.month) & 1))
		return false;
	if (!c->any_day && !c->any_weekday)
		return by_day || by_weekday;
	return by_day && by_weekday;
}

/* The first such minute of a day after a time; INT64_MAX: none. Later minutes of the wall clock never come earlier. */
static int64_t in_day(const struct cron *c, const struct tz *tz, int64_t day, int64_t after)
{
	for (uint32_t h = 0; h < 24; h++) {
		if (!((c->hours >> h) & 1))
			continue;
		for (uint32_t m = 0; m < 60; m++) {
			if (!((c->minutes >> m) & 1))
				continue;
			int64_t at = tz_utc(tz, day + h * 3600 + m * 60, false);

			if (at > after)
				return at;
		}
	}
	return INT64_MAX;
}

usec_t cron_next(const struct cron *c, const struct tz *tz, usec_t after)
{
	int64_t from = (int64_t)(after / USEC_SEC), wall = from + tz_offset(tz, from);
	int64_t today = wall - ((wall % DAY_SECONDS) + DAY_SECONDS) % DAY_SECONDS;

	for (int64_t k = -1; k <= DAYS_AHEAD; k++) {
		int64_t day = today + k * DAY_SECONDS;
		int64_t at = is_day(c, day) ? in_day(c, tz, day, from) : INT64_MAX;

		if (at != INT64_MAX)
			return (usec_t)at * USEC_SEC;
	}
	return USEC_NEVER;
}
