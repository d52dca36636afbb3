/*
 * Calendar windows: when nothing may go to production, or only when. Pure: the time and the zone's rule come in.
 *
 * A span: "Fri 16:00 - Mon 08:00" (weekly), "22:00 - 06:00" (every day), "Sat - Sun" (whole days), "Mon-Fri 09:00 - 17:00" (each of these
 * days). Times are of the wall clock in the zone. Where a change of the clock makes a time happen twice or never, a deny window
 * takes the longer reading and an allow window the shorter one.
 */
#pragma once
#include "core/config.h"

/* A zone's rule as POSIX.1 section 8.3 writes TZ (with RFC 8536's wider hours): "CET-1CEST,M3.5.0,M10.5.0/3". */
struct tz_change {
	enum {
		TZ_MONTH,
		TZ_JULIAN,
		TZ_DAY
	} kind;               /* Mm.w.d; Jn (1..365, never 29 February); n (0..365) */
	int month, week, day; /* TZ_MONTH; TZ_JULIAN and TZ_DAY use day */
	int32_t time;         /* seconds of the wall clock, may be negative */
};
struct tz {
	int32_t offset, summer_offset; /* seconds east of Greenwich */
	bool has_summer;
	struct tz_change begin, end; /* of summer */
};
MUST_CHECK enum rc tz_parse(const char *rule, struct tz *ret, struct err *err);
/* Seconds east of Greenwich at a time (seconds since 1970, UTC). */
int32_t tz_offset(const struct tz *tz, int64_t at);
/* A wall clock's time (seconds as if it were UTC) as UTC. Twice: the earlier or the later one. Never: the moment the clock was changed. */
int64_t tz_utc(const struct tz *tz, int64_t wall, bool later);

struct window {
	uint8_t days;     /* bit per weekday on which it begins, 1 is Sunday */
	uint32_t from;    /* minute of that day */
	uint32_t minutes; /* length on the wall clock, at most a week less one */
};
MUST_CHECK enum rc window_parse(const char *span, struct window *ret, struct err *err);

/*
 * Is `now` inside a deny window, or outside all allow windows when there are any? *ret_until: when that answer changes; USEC_NEVER: not in
 * sight. *ret_why: "Fri 16:00 - Mon 08:00 (Europe/Berlin)" in words for people when denied, else NULL; owned by the caller. Either may be NULL.
 * A window that cannot be read denies.
 */
bool window_denied(const struct window_def *defs, size_t n, usec_t now, usec_t *ret_until,
		   char **ret_why);
