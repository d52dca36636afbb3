/*
 * Times of crontab (POSIX.1-2017, crontab): "minute hour day month weekday", each `*`, a number, a range, a list, with steps (`0-30/10`); names of months
 * and weekdays; @hourly @daily @weekly @monthly @yearly. When day and weekday are both written, either one will do.
 */
#pragma once
#include "core/window.h"

struct cron {
	uint64_t minutes;          /* bit per minute */
	uint32_t hours, days;      /* bit per hour; per day, from bit 1 */
	uint16_t months;           /* from bit 1 */
	uint8_t weekdays;          /* bit 0: Sunday */
	bool any_day, any_weekday; /* `*` */
};
MUST_CHECK enum rc cron_parse(struct str text, struct cron *ret, struct err *err);
/* The first time after `after` (usec) at which the wall clock of the zone shows such a minute; USEC_NEVER: within five years there is none. A minute that
 * the clock shows twice counts the first time; one that it leaves out counts at the moment of the change. */
usec_t cron_next(const struct cron *c, const struct tz *tz, usec_t after);
