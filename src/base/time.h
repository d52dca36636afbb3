/* Time is in microseconds since 1970-01-01T00:00:00Z (wall) or since some start (monotonic). Asking the
 * clock is io/clock.h's; here is only arithmetic and text. */
#pragma once
#include <stdint.h>
#include <stdbool.h>
#include <stddef.h>

typedef uint64_t usec_t;
#define USEC_MS    ((usec_t)1000)
#define USEC_SEC   ((usec_t)1000000)
#define USEC_MIN   (60 * USEC_SEC)
#define USEC_HOUR  (60 * USEC_MIN)
#define USEC_DAY   (24 * USEC_HOUR)
#define USEC_NEVER UINT64_MAX

struct civil {                /* proleptic Gregorian */
	int year, month, day; /* month 1..12, day 1..31 */
	int hour, minute, second;
	int weekday; /* 0 Sunday .. 6 Saturday */
};
struct civil civil_of(int64_t seconds);
int64_t civil_seconds(const struct civil *c); /* weekday is ignored */

#define TIME_TEXT 32
/* RFC 3339 in UTC: 2026-01-31T12:00:00.123456Z */
void time_text(usec_t t, char ret[TIME_TEXT]);
bool time_parse(const char *text, size_t n, usec_t *ret); /* RFC 3339 with Z or an offset */
