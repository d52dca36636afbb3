/* Spans of the week, and whether a time lies in them. */
#include "core/window.h"

#define DAY_MINUTES  1440
#define WEEK_MINUTES (7 * DAY_MINUTES)
#define EVERY_DAY    0x7f

/* ---- reading ---- */

static struct str next_word(struct str *rest)
{
	struct str word;

	*rest = str_trim(*rest);
	for (word = (struct str){rest->p, 0}; word.n < rest->n && rest->p[word.n] != ' ' &&
					      rest->p[word.n] != '\t' && rest->p[word.n] != '-';
	     word.n++)
		;
	if (word.n == 0 && rest->n)
		word.n = 1; /* '-' */
	rest->p += word.n;
	rest->n -= word.n;
	return word;
}

static bool read_weekday(struct str s, uint32_t *ret)
{
	static const char *const names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
					    "Thursday", "Friday", "Saturday"};

	for (uint32_t i = 0; i < 7; i++)
		if (s.n >= 3 && (s.n == 3 || s.n == strlen(names[i])) &&
		    memcmp(s.p, names[i], s.n) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

static bool read_clock(struct str s, uint32_t *ret)
{
	struct str rest = s;
	struct str hours = str_cut(&rest, ':');
	uint32_t h, m;

	if (!rest.p || hours.n < 1 || hours.n > 2 || rest.n != 2 || !parse_u32(hours, &h) ||
	    !parse_u32(rest, &m))
		return false;
	if (m > 59 || h > 24 || (h == 24 && m))
		return false;
	*ret = h * 60 + m;
	return true;
}

/* The words of a span: d a weekday, t a time, - the dash. Returns how many; 0: too many or an unknown one. */
static size_t read_words(const char *span, char kinds[8], uint32_t values[8])
{
	struct str rest = str_of(span);
	size_t n = 0;

	for (;;) {
		struct str word = next_word(&rest);

		if (word.n == 0)
			break;
		if (n == 7)
			return 0;
		if (str_is(word, "-"))
			kinds[n] = '-';
		else if (read_weekday(word, &values[n]))
			kinds[n] = 'd';
		else if (read_clock(word, &values[n]))
			kinds[n] = 't';
		else
			return 0;
		n++;
	}
	kinds[n] = 0;
	return n;
}

/* Minutes from one time of the week (or day, by period) to another; the same time is a whole period. */
static uint32_t minutes_between(uint32_t from, uint32_t to, uint32_t period)
{
	uint32_t d = (to + period - from) % period;

	return d ? d : period;
}

static uint8_t day_bit(uint32_t day)
{
	return (uint8_t)(1u << (day % 7));
}

static uint8_t days_between(uint32_t from, uint32_t to)
{
	uint8_t days = 0;

	for (uint32_t d = from;; d = (d + 1) % 7) {
		days = (uint8_t)(days | day_bit(d));
		if (d == to)
			return days;
	}
}

enum rc window_parse(const char *span, struct window *ret, struct err *err)
{
	char kinds[8];
	uint32_t v[8] = {0};
	struct window w = {0, 0, 0};
	size_t n = read_words(span, kinds, v);

	if (n == 0)
		goto bad;
	if (streq(kinds, "dt-dt")) {
		w = (struct window){day_bit(v[0]), v[1],
				    minutes_between(v[0] * DAY_MINUTES + v[1],
						    (v[3] * DAY_MINUTES + v[4]) % WEEK_MINUTES,
						    WEEK_MINUTES)};
		if (w.minutes >= WEEK_MINUTES)
			return err_set(err, RC_INVALID,
				       "\"%.60s\" ends when it begins: that is always", span);
	} else if (streq(kinds, "t-t")) {
		w = (struct window){EVERY_DAY, v[0], minutes_between(v[0], v[2], DAY_MINUTES)};
	} else if (streq(kinds, "dt-t")) {
		w = (struct window){day_bit(v[0]), v[1], minutes_between(v[1], v[3], DAY_MINUTES)};
	} else if (streq(kinds, "d-dt-t")) {
		w = (struct window){days_between(v[0], v[2]), v[3],
				    minutes_between(v[3], v[5], DAY_MINUTES)};
	} else if (streq(kinds, "d-d")) {
		w = (struct window){day_bit(v[0]), 0, ((v[2] + 7 - v[0]) % 7 + 1) * DAY_MINUTES};
		if (w.minutes >= WEEK_MINUTES)
			return err_set(err, RC_INVALID,
				       "\"%.60s\" is the whole week: that is always", span);
	} else if (streq(kinds, "d")) {
		w = (struct window){day_bit(v[0]), 0, DAY_MINUTES};
	} else {
		goto bad;
	}
	if (w.from == DAY_MINUTES || (w.days == EVERY_DAY && w.minutes == DAY_MINUTES && w.from))
		return err_set(err, RC_INVALID, "\"%.60s\" begins %s", span,
			       w.from == DAY_MINUTES ? "at 24:00: write 00:00 of the next day"
						     : "when it ends: that is always");
	*ret = w;
	return RC_OK;
bad:
	return err_set(
		err, RC_INVALID,
		"\"%.60s\" is no window: write \"Fri 16:00 - Mon 08:00\", \"22:00 - 06:00\", \"Sat - Sun\" or \"Mon-Fri 09:00 - 17:00\"",
		span);
}

/* ---- asking ---- */

#define DAY_SECONDS 86400
#define AHEAD_DAYS  16 /* two whole weeks, and what a change of the clock may add */

struct state {
	bool allow;
	struct window w;
	struct tz tz;
};

/* When the window that begins on a day (seconds of the wall clock at its 00:00) opens and closes, UTC. */
static void occurrence(const struct state *s, int64_t day, int64_t *ret_from, int64_t *ret_to)
{
	int64_t from = day + (int64_t)s->w.from * 60;

	*ret_from = tz_utc(&s->tz, from, s->allow);
	*ret_to = tz_utc(&s->tz, from + (int64_t)s->w.minutes * 60, !s->allow);
}

static int64_t day_of(const struct state *s, int64_t at)
{
	int64_t wall = at + tz_offset(&s->tz, at), in_day = wall % DAY_SECONDS;

	return wall - (in_day < 0 ? in_day + DAY_SECONDS : in_day);
}

/* Is it open at a time? *next becomes the earliest time after it, and before what stands there, at which this one window opens or closes. */
static bool is_open(const struct state *s, int64_t at, int64_t *next)
{
	int64_t today = day_of(s, at);
	bool open = false;

	for (int k = -8; k <= AHEAD_DAYS; k++) {
		int64_t day = today + (int64_t)k * DAY_SECONDS, from, to;

		if (!(s->w.days & day_bit((uint32_t)civil_of(day).weekday)))
			continue;
		occurrence(s, day, &from, &to);
		if (from >= to)
			continue; /* nothing is left of it by a change of the clock */
		open |= at >= from && at < to;
		if (from > at && from < *next)
			*next = from;
		if (to > at && to < *next)
			*next = to;
		if (from > at)
			break;
	}
	return open;
}

/* The answer at a time, which window gives it (n: none allows), and the next time at which any window opens or closes. */
static bool denied_at(const struct state *states, size_t n, int64_t at, size_t *ret_by,
		      int64_t *ret_next)
{
	bool allows = false, allowed = false, denied = false;

	*ret_next = INT64_MAX;
	*ret_by = n;
	for (size_t i = 0; i < n; i++) {
		bool open = is_open(&states[i], at, ret_next);

		allows |= states[i].allow;
		allowed |= states[i].allow && open;
		if (!states[i].allow && open && !denied) {
			denied = true;
			*ret_by = i;
		}
	}
	return denied || (allows && !allowed);
}

static char *why_denied(const struct window_def *defs, size_t n, size_t by)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(2000);

	if (by < n) {
		strbuf_addf(&b, "inside the window %s (%s)", defs[by].span,
			    defs[by].zone ? defs[by].zone : "UTC");
		return strbuf_take(&b);
	}
	strbuf_adds(&b, "outside the allowed window ");
	for (size_t i = 0, k = 0; i < n; i++)
		if (defs[i].allow)
			strbuf_addf(&b, "%s%s (%s)", k++ ? ", " : "", defs[i].span,
				    defs[i].zone ? defs[i].zone : "UTC");
	return strbuf_take(&b);
}

#define WINDOWS_MAX 50 /* as gate.windows allows */

static bool read_windows(const struct window_def *defs, size_t n, struct state states[WINDOWS_MAX])
{
	for (size_t i = 0; i < n; i++) {
		if (i == WINDOWS_MAX || !defs[i].span)
			return false;
		states[i].allow = defs[i].allow;
		if (window_parse(defs[i].span, &states[i].w, NULL) != RC_OK ||
		    tz_parse(defs[i].rule ? defs[i].rule : "UTC0", &states[i].tz, NULL) != RC_OK)
			return false;
	}
	return true;
}

bool window_denied(const struct window_def *defs, size_t n, usec_t now, usec_t *ret_until,
		   char **ret_why)
{
	struct state states[WINDOWS_MAX] = {{.allow = false}};
	int64_t at = (int64_t)(now / USEC_SEC), until = at, next;
	size_t by;

	if (ret_until)
		*ret_until = USEC_NEVER;
	if (ret_why)
		*ret_why = NULL;
	if (!read_windows(defs, n, states)) {
		if (ret_why)
			*ret_why = xstrdup("a window of the gate cannot be read");
		return true;
	}
	bool denied = denied_at(states, n, at, &by, &next);

	if (ret_why && denied)
		*ret_why = why_denied(defs, n, by);
	while (next != INT64_MAX && next - at < (int64_t)AHEAD_DAYS * DAY_SECONDS) {
		until = next;
		if (denied_at(states, n, until, &by, &next) != denied) {
			if (ret_until)
				*ret_until = (usec_t)until * USEC_SEC;
			break;
		}
	}
	return denied;
}
