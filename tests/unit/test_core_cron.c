/* Times of crontab: read, refused, the next one; against a walk over every minute of the wall clock. */
#include "core/cron.h"
#include "unit.h"

#ifdef __SANITIZE_ADDRESS__
#define TIMES 300
#else
#define TIMES 3000
#endif
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define HOWE   "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"

static usec_t at(const char *text)
{
	usec_t t = 0;

	if (!time_parse(text, strlen(text), &t))
		fail_msg("no time: %s", text);
	return t;
}

static struct tz zone(const char *rule)
{
	struct tz tz;
	struct err err = {0};

	assert_int_equal(tz_parse(rule, &tz, &err), RC_OK);
	return tz;
}

static const struct {
	const char *cron, *rule, *after, *next;
} nexts[] = {
	{"0 3 * * *", "UTC0", "2026-01-31T03:00:00Z", "2026-02-01T03:00:00Z"},
	{"0 3 * * *", "UTC0", "2026-01-31T02:59:59Z", "2026-01-31T03:00:00Z"},
	{"*/15 * * * *", "UTC0", "2026-01-31T23:45:01Z", "2026-02-01T00:00:00Z"},
	{"10-50/20 8,20 * * *", "UTC0", "2026-01-31T08:11:00Z", "2026-01-31T08:30:00Z"},
	{"0 0 29 2 *", "UTC0", "2025-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
	{"0 12 * * Mon-Fri", "UTC0", "2026-01-30T12:00:00Z", "2026-02-02T12:00:00Z"},
	{"0 12 * * fri-SUN", "UTC0", "2026-01-31T12:00:00Z", "2026-02-01T12:00:00Z"},
	{"0 12 * * 7", "UTC0", "2026-01-31T12:00:00Z", "2026-02-01T12:00:00Z"},
	{"0 12 13 * 5", "UTC0", "2026-02-01T00:00:00Z", "2026-02-06T12:00:00Z"}, /* either */
	{"0 12 13 * 5", "UTC0", "2026-01-12T00:00:00Z", "2026-01-13T12:00:00Z"},
	{"@daily", BERLIN, "2026-07-01T00:00:00Z", "2026-07-01T22:00:00Z"},
	{"@hourly", "UTC0", "2026-07-01T00:00:00Z", "2026-07-01T01:00:00Z"},
	{"@weekly", "UTC0", "2026-07-01T00:00:00Z", "2026-07-05T00:00:00Z"},
	{"@monthly", "UTC0", "2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z"},
	{"@yearly", "UTC0", "2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z"},
	{"0 0 1 Jan,jul *", "UTC0", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"},
	/* the clock goes from 02:00 to 03:00: 02:30 is at the moment of the change */
	{"30 2 * * *", BERLIN, "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z"},
	{"30 2 * * *", BERLIN, "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
	/* from 03:00 back to 02:00: 02:30 counts the first time */
	{"30 2 * * *", BERLIN, "2026-10-24T22:00:00Z", "2026-10-25T00:30:00Z"},
	{"30 2 * * *", BERLIN, "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
	{"0 0 * * *", "AAA12", "2026-01-31T11:59:00Z", "2026-01-31T12:00:00Z"},
	{"0 0 * * *", "AAA-14", "2026-01-31T09:59:00Z", "2026-01-31T10:00:00Z"},
};

static void next(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(nexts); i++) {
		struct cron c;
		struct err err = {0};
		struct tz tz = zone(nexts[i].rule);
		char got[TIME_TEXT];

		CHECK(cron_parse(str_of(nexts[i].cron), &c, &err) == RC_OK, nexts[i].cron);
		time_text(cron_next(&c, &tz, at(nexts[i].after)), got);
		got[19] = 'Z';
		got[20] = '\0';
		CHECK_STR(got, nexts[i].next, nexts[i].cron);
	}
}

static const char *const refused[] = {
	"",
	"* * * *",
	"* * * * * *",
	"60 * * * *",
	"* 24 * * *",
	"* * 0 * *",
	"* * 32 * *",
	"* * * 13 *",
	"* * * 0 *",
	"* * * * 8",
	"5-1 * * * *",
	"*/0 * * * *",
	"5/10 * * * *",
	"1,,2 * * * *",
	"-1 * * * *",
	"+1 * * * *",
	"1- * * * *",
	"a * * * *",
	"@reboot",
	"0 0 30 2 *",
	"0 0 31 4,6,9,11 *",
	"* * * janu *",
	"001 * * * *",
	"*-5 * * * *",
	"*/61 * * * *",
};

static void refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct cron c = {.minutes = 42};
		struct err err = {0};

		CHECK(cron_parse(str_of(refused[i]), &c, &err) == RC_INVALID, refused[i]);
		CHECK(c.minutes == 42 && err.msg[0], refused[i]);
	}
}

static bool shows(const struct cron *c, int64_t wall)
{
	struct civil t = civil_of(wall);
	bool d = (c->days >> t.day) & 1, w = (c->weekdays >> t.weekday) & 1;
	bool day = !c->any_day && !c->any_weekday ? d || w : d && w;

	return (c->minutes >> t.minute) & 1 && (c->hours >> t.hour) & 1 &&
	       (c->months >> t.month) & 1 && day;
}

/* By the words of the contract: every minute, what the clock shows there, and what it leaves out. */
static int64_t slowly(const struct cron *c, const struct tz *tz, int64_t after, int64_t until)
{
	for (int64_t t = after - after % 60 + 60; t < until; t += 60) {
		int64_t now = tz_offset(tz, t), before = tz_offset(tz, t - 60);

		for (int64_t gone = t - 60 + before + 60; gone < t + now; gone += 60)
			if (shows(c, gone))
				return t; /* left out by the change */
		if (!shows(c, t + now))
			continue;
		bool again = false;
		for (int64_t back = 60; back <= 7200; back += 60)
			again = again || t - back + tz_offset(tz, t - back) == t + now;
		if (!again)
			return t;
	}
	return INT64_MAX;
}

static uint32_t draw(uint64_t *seed, uint32_t n)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33) % n;
}

static void against_the_clock(void **state)
{
	static const char *const rules[] = {"UTC0", BERLIN, HOWE, "EST5EDT"};
	static const char *const begins[] = {"2026-03-07T00:00:00Z", "2026-03-28T12:00:00Z",
					     "2026-10-24T12:00:00Z", "2026-10-03T00:00:00Z",
					     "2026-04-04T00:00:00Z", "2026-10-31T12:00:00Z"};
	uint64_t seed = 7;
	unsigned found = 0;

	(void)state;
	for (unsigned i = 0; i < TIMES; i++) {
		struct tz tz = zone(rules[draw(&seed, ARRAY_LEN(rules))]);
		char text[64];
		struct cron c;
		struct err err = {0};

		(void)snprintf(text, sizeof(text), draw(&seed, 2) ? "%u %u * * *" : "%u/1 * * * *",
			       draw(&seed, 60), draw(&seed, 5));
		if (strchr(text, '/'))
			(void)snprintf(text, sizeof(text), "*/%u %u,%u * * %u-6",
				       1 + draw(&seed, 59), draw(&seed, 4), draw(&seed, 24),
				       draw(&seed, 6));
		CHECK(cron_parse(str_of(text), &c, &err) == RC_OK, text);
		int64_t after = (int64_t)(at(begins[draw(&seed, ARRAY_LEN(begins))]) / USEC_SEC) +
				draw(&seed, 86400 * 2);
		int64_t want = slowly(&c, &tz, after, after + 8 * 86400);
		usec_t got = cron_next(&c, &tz, (usec_t)after * USEC_SEC);

		CHECK(want != INT64_MAX && got == (usec_t)want * USEC_SEC, text);
		found++;
	}
	assert_int_equal(found, TIMES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next),
		cmocka_unit_test(refusals),
		cmocka_unit_test(against_the_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
