/* Windows of the week in zones whose clocks are changed. Times are UTC; the zone of most rows is Berlin (UTC+1, in summer +2). */
#include "core/window.h"
#include "unit.h"

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define SYDNEY "AEST-10AEDT,M10.1.0,M4.1.0/3"
#define DUBLIN "IST-1GMT0,M10.5.0,M3.5.0/1" /* summer is the standard, winter the exception */
#define NUUK   "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"
#define NEPAL  "<+0545>-5:45"
#define HOWE   "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"

static usec_t at(const char *text)
{
	usec_t t = 0;

	if (!time_parse(text, strlen(text), &t))
		fail_msg("no time: %s", text);
	return t;
}

static int64_t seconds(const char *text)
{
	return (int64_t)(at(text) / USEC_SEC);
}

/* ---- zones ---- */

static const struct {
	const char *rule, *time;
	int minutes;
} offsets[] = {
	{"UTC0", "2026-07-01T00:00:00Z", 0},
	{BERLIN, "2026-01-15T12:00:00Z", 60},
	{BERLIN, "2026-07-15T12:00:00Z", 120},
	{BERLIN, "2026-03-29T00:59:59Z", 60}, /* last Sunday of March, 01:00 UTC */
	{BERLIN, "2026-03-29T01:00:00Z", 120},
	{BERLIN, "2026-10-25T00:59:59Z", 120},
	{BERLIN, "2026-10-25T01:00:00Z", 60},
	{BERLIN, "2025-03-30T01:00:00Z", 120},
	{SYDNEY, "2026-01-15T12:00:00Z", 660},
	{SYDNEY, "2026-07-15T12:00:00Z", 600},
	{SYDNEY, "2026-04-04T15:59:59Z", 660}, /* first Sunday of April, 03:00 summer time */
	{SYDNEY, "2026-04-04T16:00:00Z", 600},
	{SYDNEY, "2026-10-03T15:59:59Z", 600},
	{SYDNEY, "2026-10-03T16:00:00Z", 660},
	{SYDNEY, "2025-12-31T23:59:59Z", 660},
	{SYDNEY, "2026-12-31T13:30:00Z", 660}, /* already next year there */
	{DUBLIN, "2026-01-15T12:00:00Z", 0},
	{DUBLIN, "2026-07-15T12:00:00Z", 60},
	{DUBLIN, "2026-03-29T00:59:59Z", 0},
	{DUBLIN, "2026-03-29T01:00:00Z", 60},
	{DUBLIN, "2026-10-25T01:00:00Z", 0},
	{NUUK, "2026-03-29T00:59:59Z", -120}, /* 23:00 on the day before, by an hour of -1 */
	{NUUK, "2026-03-29T01:00:00Z", -60},
	{NEPAL, "2026-03-29T01:00:00Z", 345},
	{HOWE, "2026-01-15T00:00:00Z", 660}, /* half an hour of summer */
	{HOWE, "2026-07-15T00:00:00Z", 630},
	{"EST5EDT", "2026-03-08T06:59:59Z", -300}, /* without dates: those of the United States */
	{"EST5EDT", "2026-03-08T07:00:00Z", -240},
	{"XXX3YYY,J60/0,J300/0", "2024-03-01T02:59:59Z",
	 -180}, /* J60 is 1 March, in leap years too */
	{"XXX3YYY,J60/0,J300/0", "2024-03-01T03:00:00Z", -120},
	{"XXX3YYY,J60/0,J300/0", "2023-03-01T03:00:00Z", -120},
	{"XXX3YYY,59/0,300/0", "2024-02-29T03:00:00Z",
	 -120}, /* day 59 from 0 is 29 February in leap years */
	{"XXX3YYY,59/0,300/0", "2023-03-01T02:59:59Z", -180},
	{"XXX3YYY,59/0,300/0", "2023-03-01T03:00:00Z", -120},
};

static void zones_have_their_offsets(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(offsets); i++) {
		struct err err = {RC_OK, ""};
		struct tz tz;

		if (tz_parse(offsets[i].rule, &tz, &err) != RC_OK)
			fail_msg("%s", err.msg);
		if (tz_offset(&tz, seconds(offsets[i].time)) != offsets[i].minutes * 60)
			fail_msg("%s at %s: %d", offsets[i].rule, offsets[i].time,
				 tz_offset(&tz, seconds(offsets[i].time)));
	}
}

static void bad_rules(void **state)
{
	static const char *const rules[] = {
		"",
		"CET",
		"C1",
		"CET-1CEST,",
		"CET-1CEST,M3.5.0",
		"CET-1CEST,M13.5.0,M10.5.0",
		"CET-1CEST,M3.6.0,M10.5.0",
		"CET-1CEST,M3.5.7,M10.5.0",
		"CET-1CEST,M3.5.0,M10.5.0/3x",
		"CET-1CEST,J0,J300",
		"CET-1CEST,J366,J300",
		"CET-1CEST,366,300",
		"CET-99",
		"CET-1:60",
		"<CET-1",
		"<>1",
		"CET-1CEST,M3.5.0/168,M10.5.0",
		"Europe/Berlin",
		":CET-1",
		"CET-1 CEST",
		"CET--1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		struct err err = {RC_OK, ""};
		struct tz tz = {.offset = 7};

		CHECK(tz_parse(rules[i], &tz, &err) == RC_INVALID, rules[i]);
		CHECK(tz.offset == 7 && err.msg[0], rules[i]);
	}
}

/* Every hour of some years there and back. */
static void wall_clocks_go_there_and_back(void **state)
{
	static const char *const rules[] = {"UTC0", BERLIN, SYDNEY, DUBLIN,
					    NUUK,   NEPAL,  HOWE,   "EST5EDT"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		struct tz tz;

		assert_int_equal(tz_parse(rules[i], &tz, NULL), RC_OK);
		for (int64_t t = seconds("2024-01-01T00:00:00Z");
		     t < seconds("2027-01-01T00:00:00Z"); t += 1800) {
			int64_t wall = t + tz_offset(&tz, t), early = tz_utc(&tz, wall, false),
				late = tz_utc(&tz, wall, true);

			if (early > late || (t != early && t != late) ||
			    early + tz_offset(&tz, early) != wall)
				fail_msg("%s at %lld", rules[i], (long long)t);
		}
	}
}

static void clocks_that_jump(void **state)
{
	struct tz tz;

	(void)state;
	assert_int_equal(tz_parse(BERLIN, &tz, NULL), RC_OK);
	/* 02:30 on 29 March never is: the jump itself, 01:00 UTC. */
	assert_int_equal(tz_utc(&tz, seconds("2026-03-29T02:30:00Z"), false),
			 seconds("2026-03-29T01:00:00Z"));
	assert_int_equal(tz_utc(&tz, seconds("2026-03-29T02:30:00Z"), true),
			 seconds("2026-03-29T01:00:00Z"));
	/* 02:30 on 25 October is twice. */
	assert_int_equal(tz_utc(&tz, seconds("2026-10-25T02:30:00Z"), false),
			 seconds("2026-10-25T00:30:00Z"));
	assert_int_equal(tz_utc(&tz, seconds("2026-10-25T02:30:00Z"), true),
			 seconds("2026-10-25T01:30:00Z"));
}

/* ---- spans ---- */

static const struct {
	const char *span;
	unsigned days, from, minutes; /* minutes 0: refused */
} spans[] = {
	{"Fri 16:00 - Mon 08:00", 1 << 5, 960, 3840},
	{"Friday 16:00-Monday 08:00", 1 << 5, 960, 3840},
	{"  Sat 00:00 - Sun 24:00 ", 1 << 6, 0, 2880},
	{"Mon 08:00 - Mon 09:00", 1 << 1, 480, 60},
	{"Mon 09:00 - Mon 08:00", 1 << 1, 540, 10020},
	{"22:00 - 06:00", 0x7f, 1320, 480},
	{"09:00-17:30", 0x7f, 540, 510},
	{"9:00 - 17:00", 0x7f, 540, 480},
	{"00:00 - 24:00", 0x7f, 0, 1440},
	{"Sat", 1 << 6, 0, 1440},
	{"Sat - Sun", 1 << 6, 0, 2880},
	{"Fri - Mon", 1 << 5, 0, 5760},
	{"Mon-Fri 09:00 - 17:00", 0x3e, 540, 480},
	{"Fri - Mon 22:00 - 02:00", 0x63, 1320, 240},
	{"Mon 09:00 - 17:00", 1 << 1, 540, 480},
	{"", 0, 0, 0},
	{"-", 0, 0, 0},
	{"Fri", 1 << 5, 0, 1440},
	{"Fri 16:00", 0, 0, 0},
	{"Fri 16:00 -", 0, 0, 0},
	{"fri 16:00 - Mon 08:00", 0, 0, 0},
	{"Fr 16:00 - Mo 08:00", 0, 0, 0},
	{"Fri 25:00 - Mon 08:00", 0, 0, 0},
	{"Fri 16:60 - Mon 08:00", 0, 0, 0},
	{"Fri 24:01 - Mon 08:00", 0, 0, 0},
	{"Fri 16 - Mon 08", 0, 0, 0},
	{"16:0 - 17:00", 0, 0, 0},
	{"24:00 - 06:00", 0, 0, 0},
	{"08:00 - 08:00", 0, 0, 0},
	{"Mon 08:00 - Mon 08:00", 0, 0, 0},
	{"Mon - Sun", 0, 0, 0},
	{"Mon - Fri - Sun", 0, 0, 0},
	{"Mon-Fri 09:00 - 17:00 Sat", 0, 0, 0},
	{"always", 0, 0, 0},
	{"2026-12-24 - 2026-12-27", 0, 0, 0},
};

static void spans_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
		struct window w = {9, 9, 9};
		struct err err = {RC_OK, ""};
		enum rc rc = window_parse(spans[i].span, &w, &err);

		CHECK((rc == RC_OK) == (spans[i].minutes > 0), spans[i].span);
		if (rc == RC_OK)
			CHECK(w.days == spans[i].days && w.from == spans[i].from &&
				      w.minutes == spans[i].minutes,
			      spans[i].span);
		else
			CHECK(w.days == 9 && err.rc == RC_INVALID && err.msg[0], spans[i].span);
	}
}

/* ---- answers ---- */

#define DENY(text, tz)                                                                \
	{                                                                             \
		.allow = false, .span = (text), .zone = "Europe/Berlin", .rule = (tz) \
	}
#define ALLOW(text, tz)                                                              \
	{                                                                            \
		.allow = true, .span = (text), .zone = "Europe/Berlin", .rule = (tz) \
	}

static const struct {
	const char *why;
	struct {
		bool allow;
		const char *span, *zone, *rule;
	} defs[3];
	const char *now;
	bool denied;
	const char *until; /* NULL: never */
	const char *says;
} answers[] = {
	/* Friday 16:00 to Monday 08:00 in winter: 15:00 UTC to 07:00 UTC */
	{"before",
	 {DENY("Fri 16:00 - Mon 08:00", BERLIN)},
	 "2026-01-16T14:59:59Z",
	 false,
	 "2026-01-16T15:00:00Z",
	 NULL},
	{"at its begin",
	 {DENY("Fri 16:00 - Mon 08:00", BERLIN)},
	 "2026-01-16T15:00:00Z",
	 true,
	 "2026-01-19T07:00:00Z",
	 "inside the window Fri 16:00 - Mon 08:00 (Europe/Berlin)"},
	{"over the end of the week",
	 {DENY("Fri 16:00 - Mon 08:00", BERLIN)},
	 "2026-01-18T23:30:00Z",
	 true,
	 "2026-01-19T07:00:00Z",
	 NULL},
	{"the last second",
	 {DENY("Fri 16:00 - Mon 08:00", BERLIN)},
	 "2026-01-19T06:59:59.999999Z",
	 true,
	 "2026-01-19T07:00:00Z",
	 NULL},
	{"at its end",
	 {DENY("Fri 16:00 - Mon 08:00", BERLIN)},
	 "2026-01-19T07:00:00Z",
	 false,
	 "2026-01-23T15:00:00Z",
	 NULL},
	{"summer begins inside",
	 {DENY("Fri 16:00 - Mon 08:00", BERLIN)},
	 "2026-03-27T15:00:00Z",
	 true,
	 "2026-03-30T06:00:00Z",
	 NULL},
	{"summer ends inside",
	 {DENY("Fri 16:00 - Mon 08:00", BERLIN)},
	 "2026-10-23T14:00:00Z",
	 true,
	 "2026-10-26T07:00:00Z",
	 NULL},
	{"the year ends inside",
	 {DENY("Thu 12:00 - Sat 12:00", BERLIN)},
	 "2026-12-31T23:30:00Z",
	 true,
	 "2027-01-02T11:00:00Z",
	 NULL},
	/* nights */
	{"a night",
	 {DENY("22:00 - 06:00", "UTC0")},
	 "2026-05-05T23:00:00Z",
	 true,
	 "2026-05-06T06:00:00Z",
	 NULL},
	{"the same night",
	 {DENY("22:00 - 06:00", "UTC0")},
	 "2026-05-06T05:59:59Z",
	 true,
	 "2026-05-06T06:00:00Z",
	 NULL},
	{"a day",
	 {DENY("22:00 - 06:00", "UTC0")},
	 "2026-05-06T06:00:00Z",
	 false,
	 "2026-05-06T22:00:00Z",
	 NULL},
	{"Friday's night reaches Saturday",
	 {DENY("Fri 22:00 - 06:00", "UTC0")},
	 "2026-01-17T05:00:00Z",
	 true,
	 "2026-01-17T06:00:00Z",
	 NULL},
	{"Thursday's does not",
	 {DENY("Fri 22:00 - 06:00", "UTC0")},
	 "2026-01-16T05:00:00Z",
	 false,
	 "2026-01-16T22:00:00Z",
	 NULL},
	/* edges of summer: 02:30 is never on 29 March, twice on 25 October */
	{"begins in the gap: at the jump",
	 {DENY("Sun 02:30 - Sun 04:00", BERLIN)},
	 "2026-03-29T00:30:00Z",
	 false,
	 "2026-03-29T01:00:00Z",
	 NULL},
	{"and ends in time",
	 {DENY("Sun 02:30 - Sun 04:00", BERLIN)},
	 "2026-03-29T01:00:00Z",
	 true,
	 "2026-03-29T02:00:00Z",
	 NULL},
	{"deny begins at the first 02:30",
	 {DENY("Sun 02:30 - Sun 04:00", BERLIN)},
	 "2026-10-25T00:30:00Z",
	 true,
	 "2026-10-25T03:00:00Z",
	 NULL},
	{"deny ends at the second 02:30",
	 {DENY("Sun 01:00 - Sun 02:30", BERLIN)},
	 "2026-10-25T01:29:59Z",
	 true,
	 "2026-10-25T01:30:00Z",
	 NULL},
	{"allow begins at the second 02:30",
	 {ALLOW("Sun 02:30 - Sun 04:00", BERLIN)},
	 "2026-10-25T00:45:00Z",
	 true,
	 "2026-10-25T01:30:00Z",
	 NULL},
	{"allow ends at the first 02:30",
	 {ALLOW("Sun 01:00 - Sun 02:30", BERLIN)},
	 "2026-10-25T00:15:00Z",
	 false,
	 "2026-10-25T00:30:00Z",
	 NULL},
	{"nothing is left in the gap",
	 {ALLOW("Sun 02:10 - Sun 02:50", BERLIN)},
	 "2026-03-28T12:00:00Z",
	 true,
	 "2026-04-05T00:10:00Z",
	 NULL},
	/* allow */
	{"at work",
	 {ALLOW("Mon-Fri 09:00 - 17:00", BERLIN)},
	 "2026-07-15T08:00:00Z",
	 false,
	 "2026-07-15T15:00:00Z",
	 NULL},
	{"after work",
	 {ALLOW("Mon-Fri 09:00 - 17:00", BERLIN)},
	 "2026-07-15T15:00:00Z",
	 true,
	 "2026-07-16T07:00:00Z",
	 "outside the allowed window Mon-Fri 09:00 - 17:00 (Europe/Berlin)"},
	{"on Friday evening until Monday",
	 {ALLOW("Mon-Fri 09:00 - 17:00", BERLIN)},
	 "2026-07-17T15:00:00Z",
	 true,
	 "2026-07-20T07:00:00Z",
	 NULL},
	{"two that touch are one",
	 {ALLOW("08:00 - 12:00", "UTC0"), ALLOW("12:00 - 18:00", "UTC0")},
	 "2026-07-15T09:00:00Z",
	 false,
	 "2026-07-15T18:00:00Z",
	 NULL},
	{"two denials that overlap",
	 {DENY("08:00 - 12:00", "UTC0"), DENY("11:00 - 18:00", "UTC0")},
	 "2026-07-15T09:00:00Z",
	 true,
	 "2026-07-15T18:00:00Z",
	 NULL},
	/* both */
	{"deny beats allow",
	 {ALLOW("09:00 - 17:00", "UTC0"), DENY("Fri", "UTC0")},
	 "2026-07-17T10:00:00Z",
	 true,
	 "2026-07-18T09:00:00Z",
	 "inside the window Fri (Europe/Berlin)"},
	{"allowed until denied",
	 {ALLOW("09:00 - 24:00", "UTC0"), DENY("Fri", "UTC0")},
	 "2026-07-16T10:00:00Z",
	 false,
	 "2026-07-17T00:00:00Z",
	 NULL},
	/* for ever */
	{"no windows", {{0}}, "2026-07-16T10:00:00Z", false, NULL, NULL},
	{"all day, every day",
	 {DENY("00:00 - 24:00", BERLIN)},
	 "2026-07-16T10:00:00Z",
	 true,
	 NULL,
	 NULL},
	{"two halves of the week",
	 {DENY("Mon - Wed", "UTC0"), DENY("Thu - Sun", "UTC0")},
	 "2026-07-16T10:00:00Z",
	 true,
	 NULL,
	 NULL},
	/* fails closed */
	{"a span that cannot be read",
	 {DENY("whenever", "UTC0")},
	 "2026-07-16T10:00:00Z",
	 true,
	 NULL,
	 "a window of the gate cannot be read"},
	{"a rule that cannot be read",
	 {DENY("Sat", "Mars")},
	 "2026-07-16T10:00:00Z",
	 true,
	 NULL,
	 "a window of the gate cannot be read"},
	{"1970",
	 {DENY("Thu 00:00 - Thu 12:00", BERLIN)},
	 "1970-01-01T00:00:00Z",
	 true,
	 "1970-01-01T11:00:00Z",
	 NULL},
};

static size_t make_defs(size_t row, struct window_def ret[3])
{
	size_t n = 0;

	for (; n < 3 && answers[row].defs[n].span; n++)
		ret[n] = (struct window_def){.allow = answers[row].defs[n].allow,
					     .span = xstrdup(answers[row].defs[n].span),
					     .zone = xstrdup(answers[row].defs[n].zone),
					     .rule = xstrdup(answers[row].defs[n].rule)};
	return n;
}

static void free_defs(struct window_def *defs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		xfree(defs[i].span);
		xfree(defs[i].zone);
		xfree(defs[i].rule);
	}
}

static void windows_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct window_def defs[3];
		size_t n = make_defs(i, defs);
		AUTO(freep) char *why = NULL;
		usec_t until = 1;
		bool denied = window_denied(defs, n, at(answers[i].now), &until, &why);
		char text[TIME_TEXT] = "never";

		if (until != USEC_NEVER)
			time_text(until, text);
		CHECK(denied == answers[i].denied, answers[i].why);
		if (until != (answers[i].until ? at(answers[i].until) : USEC_NEVER))
			fail_msg("%s: until %s", answers[i].why, text);
		CHECK(denied == (why != NULL), answers[i].why);
		if (answers[i].says)
			CHECK_STR(why, answers[i].says, answers[i].why);
		free_defs(defs, n);
	}
}

/* What is said to come next does come next: minute by minute over the edges of a year. */
static void until_is_when_it_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct window_def defs[3];
		size_t n = make_defs(i, defs);
		usec_t begin = at("2026-03-26T00:00:00Z"), end = at("2026-04-07T00:00:00Z"), until;

		for (usec_t t = begin; t < end; t = until) {
			bool now = window_denied(defs, n, t, &until, NULL);

			if (until == USEC_NEVER)
				break;
			CHECK(until > t, answers[i].why);
			CHECK(window_denied(defs, n, until, NULL, NULL) != now, answers[i].why);
			CHECK(window_denied(defs, n, until - 1, NULL, NULL) == now, answers[i].why);
			for (usec_t k = t; k < until && k < end; k += 23 * USEC_MIN)
				CHECK(window_denied(defs, n, k, NULL, NULL) == now, answers[i].why);
		}
		free_defs(defs, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_have_their_offsets),
		cmocka_unit_test(bad_rules),
		cmocka_unit_test(wall_clocks_go_there_and_back),
		cmocka_unit_test(clocks_that_jump),
		cmocka_unit_test(spans_are_read),
		cmocka_unit_test(windows_answer),
		cmocka_unit_test(until_is_when_it_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
