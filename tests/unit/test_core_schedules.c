/* Runs by the clock, step by step: what is due fires once, also late, also after a restart; what was missed for long, or is not written any more, does not. */
#include "step_kit.h"

#define TOP    "version: 1\nproject: p\nlibraries: {a: {path: a}}\nci: {t: {each: a, run: x}}\n"
#define NIGHTS TOP "on: {schedule: [{cron: \"0 3 * * *\"}]}\n"
#define HOURS  TOP "on: {schedule: [{cron: \"0 * * * *\"}]}\n"
#define BERLIN TOP "on: {schedule: [{cron: \"30 2 * * *\", zone: Europe/Berlin}]}\n"

static const char *zone_rule(const char *zone, void *ctx)
{
	(void)ctx;
	return streq(zone, "Europe/Berlin") ? "CET-1CEST,M3.5.0,M10.5.0/3" : NULL;
}

static usec_t at(const char *text)
{
	usec_t t = 0;

	if (!time_parse(text, strlen(text), &t))
		fail_msg("no time: %s", text);
	return t;
}

/* A push to main, read at that time. */
static void reads(struct bench *b, const char *when, const char *yml)
{
	AUTO(freep) char *commit = xasprintf("%040u", ++b->commits);
	struct event ev = {.kind = EV_CHANGE_PLANNED,
			   .config_digest = digest_hex_dup(str_of(yml)),
			   .change = {.repo = S("r"),
				      .ref = S("refs/heads/main"),
				      .commit = S(commit),
				      .author = S("dora"),
				      .email = S("dora@example.com")}};

	if (config_read(str_of(yml), "penstock.yml", zone_rule, NULL, &ev.config, &b->err) != RC_OK)
		fail_msg("%s", b->err.msg);
	plan_of(&ev, commit, &ev.plan);
	b->time = at(when);
	assert_int_equal(give(b, (struct event){.kind = EV_REF_MOVED,
						.repo = S("r"),
						.ref = S("refs/heads/main"),
						.commit = S(commit)}),
			 RC_OK);
	assert_int_equal(give(b, ev), RC_OK);
}

static void opens(struct bench *b, const char *when, const char *yml)
{
	*b = (struct bench){.time = at(when)};
	model_init(&b->m);
	assert_int_equal(give(b, (struct event){.kind = EV_STARTED, .slots = 1, .text = S("t")}),
			 RC_OK);
	reads(b, when, yml);
}

/* How many runs a look at that time starts. */
static unsigned looks(struct bench *b, const char *when)
{
	unsigned n = 0;

	b->time = MAX_OF(b->time, at(when));
	assert_int_equal(
		give(b, (struct event){.kind = EV_TIMER, .text = S("cron"), .type = S("r")}),
		RC_OK);
	vec_each(f, &b->out.list)
		n += f->kind == EF_READ_CHANGE && f->change.kind == CHANGE_SCHEDULE;
	return n;
}

static const struct schedule_ref *only(struct bench *b)
{
	const struct project *p = model_project(&b->m);

	assert_int_equal(p->schedules.n, 1);
	return &p->schedules.v[0];
}

static void is_due(struct bench *b, const char *when)
{
	char text[TIME_TEXT];

	time_text(only(b)->next, text);
	CHECK_STR(text, when, "due next");
}

/* When the last step wants to be woken; 0: not. */
static usec_t wakes(const struct bench *b)
{
	vec_each(f, &b->out.list)
		if (f->kind == EF_TIMER && streq(f->text, "cron"))
			return f->at;
	return 0;
}

static void fires_once(void **state)
{
	struct bench b;

	(void)state;
	opens(&b, "2026-01-05T02:00:00Z", NIGHTS);
	assert_int_equal(wakes(&b), at("2026-01-05T03:00:00Z"));
	is_due(&b, "2026-01-05T03:00:00.000000Z");
	assert_int_equal(looks(&b, "2026-01-05T02:59:59Z"), 0);
	assert_int_equal(looks(&b, "2026-01-05T03:00:00Z"), 1);
	const struct effect *f = &b.out.list.v[0];
	assert_string_equal(f->change.ref, "refs/heads/main");
	assert_string_equal(f->change.commit, "0000000000000000000000000000000000000001");
	assert_int_equal(wakes(&b), at("2026-01-06T03:00:00Z"));
	assert_non_null(strstr(only(&b)->last, "started for 000000000000"));
	assert_null(strstr(only(&b)->last, "late"));
	for (unsigned i = 0; i < 3; i++) /* other timers, the same one again */
		assert_int_equal(looks(&b, "2026-01-05T03:00:30Z"), 0);
	is_due(&b, "2026-01-06T03:00:00.000000Z");
	end(&b);
}

static const struct {
	const char *when;
	unsigned fired;
	const char *last, *next;
} lates[] = {
	{"2026-01-05T03:00:30Z", 1, "started for", "2026-01-05T04:00:00.000000Z"},
	{"2026-01-05T03:59:59Z", 1, "59 min 59 s late: started for", "2026-01-05T04:00:00.000000Z"},
	{"2026-01-05T04:00:00Z", 0, "late: left out", "2026-01-05T05:00:00.000000Z"},
	{"2026-01-09T11:30:00Z", 0, "late: left out", "2026-01-09T12:00:00.000000Z"},
};

static void late_and_missed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lates); i++) {
		struct bench b;

		opens(&b, "2026-01-05T02:00:00Z", HOURS);
		CHECK(looks(&b, "2026-01-05T02:59:00Z") == 0, lates[i].when);
		CHECK(looks(&b, lates[i].when) == lates[i].fired, lates[i].when);
		CHECK(strstr(only(&b)->last, lates[i].last), only(&b)->last);
		is_due(&b, lates[i].next);
		CHECK(looks(&b, lates[i].when) == 0, "a second look");
		end(&b);
	}
}

static void a_branch_that_went(void **state)
{
	struct bench b;

	(void)state;
	opens(&b, "2026-01-05T02:00:00Z", HOURS);
	assert_int_equal(give(&b, (struct event){.kind = EV_REF_MOVED,
						 .repo = S("r"),
						 .ref = S("refs/heads/main")}),
			 RC_OK);
	assert_int_equal(looks(&b, "2026-01-05T03:00:00Z"), 0);
	assert_non_null(strstr(only(&b)->last, "there is no branch main"));
	is_due(&b, "2026-01-05T04:00:00.000000Z");
	end(&b);
}

static void other_times(void **state)
{
	struct bench b;

	(void)state;
	opens(&b, "2026-01-05T02:10:00Z", HOURS);
	reads(&b, "2026-01-05T02:20:00Z", HOURS "# the same\n"); /* nothing is armed twice */
	is_due(&b, "2026-01-05T03:00:00.000000Z");
	assert_int_equal(wakes(&b), 0);
	reads(&b, "2026-01-05T02:30:00Z", NIGHTS);
	is_due(&b, "2026-01-05T03:00:00.000000Z");
	assert_int_equal(looks(&b, "2026-01-05T03:00:00Z"), 1);
	reads(&b, "2026-01-05T03:00:20Z", HOURS); /* the same minute is over, for it too */
	is_due(&b, "2026-01-05T04:00:00.000000Z");
	assert_int_equal(looks(&b, "2026-01-05T03:00:40Z"), 0);
	reads(&b, "2026-01-05T03:30:00Z", TOP);
	assert_int_equal(model_project(&b.m)->schedules.n, 0);
	assert_int_equal(looks(&b, "2026-01-05T04:00:00Z"), 0);
	reads(&b, "2026-01-05T04:00:10Z",
	      HOURS); /* written again: what was due meanwhile was not */
	is_due(&b, "2026-01-05T05:00:00.000000Z");
	end(&b);
}

static void a_request_has_no_clock(void **state)
{
	struct bench b;

	(void)state;
	opens(&b, "2026-01-05T02:10:00Z", TOP);
	(void)change(&b, (struct said){.yml = HOURS, .ref = "refs/pull/7/head", .fork = true});
	(void)change(&b, (struct said){.yml = HOURS, .ref = "refs/pull/8/head"});
	assert_int_equal(model_project(&b.m)->schedules.n, 0);
	end(&b);
}

/* 02:30 is left out in spring and comes twice in autumn. */
static void the_clock_changes(void **state)
{
	struct bench b;

	(void)state;
	opens(&b, "2026-03-28T12:00:00Z", BERLIN);
	is_due(&b, "2026-03-29T01:00:00.000000Z");
	assert_int_equal(looks(&b, "2026-03-29T00:59:59Z"), 0);
	assert_int_equal(looks(&b, "2026-03-29T01:00:00Z"), 1);
	is_due(&b, "2026-03-30T00:30:00.000000Z");
	end(&b);
	opens(&b, "2026-10-24T12:00:00Z", BERLIN);
	is_due(&b, "2026-10-25T00:30:00.000000Z");
	assert_int_equal(looks(&b, "2026-10-25T00:30:00Z"), 1);
	assert_int_equal(looks(&b, "2026-10-25T01:30:00Z"), 0);
	is_due(&b, "2026-10-26T01:30:00.000000Z");
	reads(&b, "2026-10-25T00:40:00Z", BERLIN "# the same\n");
	is_due(&b, "2026-10-26T01:30:00.000000Z");
	end(&b);
	opens(&b, "2026-10-25T00:45:00Z",
	      BERLIN); /* written between the two: it waits for the next day */
	is_due(&b, "2026-10-26T01:30:00.000000Z");
	end(&b);
}

/* kill -9, and a model from what was stored. */
static void starts_again(struct bench *b, const char *when)
{
	struct model m;

	model_init(&m);
	for (unsigned k = 0; k < AGG_KINDS; k++)
		for (struct map_entry *e = NULL; (e = map_next(&b->m.by_kind[k], e));) {
			AUTO(strbuf_done) struct strbuf json = STRBUF((size_t)1 << 20);

			model_snapshot(&b->m, (enum aggregate_kind)k, e->key, &json);
			assert_int_equal(model_restore(&m, (enum aggregate_kind)k,
						       strbuf_str(&json), &b->err),
					 RC_OK);
		}
	m.seq = b->m.seq;
	m.time = b->m.time;
	model_done(&b->m);
	b->m = m;
	assert_int_equal(model_link(&b->m, &b->err), RC_OK);
	b->time = at(when);
	assert_int_equal(give(b, (struct event){.kind = EV_STARTED, .slots = 1, .text = S("t")}),
			 RC_OK);
}

static void a_restart(void **state)
{
	struct bench b;

	(void)state;
	opens(&b, "2026-01-05T02:10:00Z", HOURS);
	starts_again(&b, "2026-01-05T02:50:00Z");
	assert_int_equal(looks(&b, "2026-01-05T03:00:00Z"), 1);
	starts_again(
		&b, "2026-01-05T03:00:05Z"); /* before the timer's end was stored: it comes again */
	assert_int_equal(looks(&b, "2026-01-05T03:00:06Z"), 0);
	starts_again(&b, "2026-01-05T04:20:00Z"); /* down over the time, not for long */
	assert_int_equal(looks(&b, "2026-01-05T04:20:01Z"), 1);
	assert_non_null(strstr(only(&b)->last, "late"));
	starts_again(&b, "2026-01-05T09:20:00Z"); /* and for long */
	assert_int_equal(looks(&b, "2026-01-05T09:20:01Z"), 0);
	is_due(&b, "2026-01-05T10:00:00.000000Z");
	starts_again(&b, "2026-01-05T08:00:00Z"); /* the clock was set back: nothing comes twice */
	assert_int_equal(looks(&b, "2026-01-05T09:00:00Z"), 0);
	assert_int_equal(looks(&b, "2026-01-05T10:00:00Z"), 1);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fires_once),
		cmocka_unit_test(late_and_missed),
		cmocka_unit_test(a_branch_that_went),
		cmocka_unit_test(other_times),
		cmocka_unit_test(a_request_has_no_clock),
		cmocka_unit_test(the_clock_changes),
		cmocka_unit_test(a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
