/* penstock tests, quarantine: tests that fail now and then, and who mends them. */
#include "cli/commands.h"
#include "cli/view.h"

#include "api/wire.h"
#include "cli/client.h"

static void draw_quarantine(struct cli *c, const struct json *list)
{
	struct table t;

	table_init(&t, "QUARANTINED TEST|UNIT|OWNER|ENDS|BY|REASON", 6);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *q = json_at(list, i);
		char until[TIME_TEXT];

		time_text(number_at(q, "until"), until);
		table_add(&t, BOLD, "%s", text_at(q, "test"));
		table_add(&t, PLAIN, "%s", text_at(q, "unit"));
		table_add(&t, PLAIN, "%s", text_at(q, "owner"));
		table_add(&t, json_truth(json_get(q, "over"), false) ? BAD : PLAIN, "%.10s%s",
			  until, json_truth(json_get(q, "over"), false) ? " over" : "");
		table_add(&t, DIM, "%s", text_at(q, "by"));
		table_add(&t, PLAIN, "%s", text_at(q, "reason"));
	}
	table_print(&t, &c->term, 0, &c->out);
}

static void draw(struct cli *c, const struct json *j)
{
	const struct json *flaky = json_get(j, "flaky"), *list = json_get(j, "quarantine");
	struct table t;

	if (json_count(list))
		draw_quarantine(c, list);
	if (!json_count(flaky)) {
		say(c, "No test was seen to be flaky.\n");
		return;
	}
	table_init(&t, "FLAKY TEST|JOB|SEEN|LAST|IN", 5);
	for (size_t i = 0; i < json_count(flaky); i++) {
		const struct json *f = json_at(flaky, i);
		AUTO(strbuf_done) struct strbuf ago = STRBUF(64);

		add_ago(&ago, number_at(f, "last_at"), now_usec());
		table_add(&t, BOLD, "%s", text_at(f, "test"));
		table_add(&t, PLAIN, "%s", text_at(f, "job"));
		table_add(&t, PLAIN, "%llu", (unsigned long long)number_at(f, "count"));
		table_add(&t, DIM, "%s", strbuf_cstr(&ago));
		table_add(&t, DIM, "%s", text_at(f, "last_job"));
	}
	table_print(&t, &c->term, 0, &c->out);
	hint(c, "let one wait for its owner: penstock quarantine TEST --owner NAME --for 14d");
}

static int run_tests(struct cli *c)
{
	return client_show(c, WIRE_TESTS, draw);
}

static int run_quarantine(struct cli *c)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(65536);
	struct json_out o = JSON_OUT(&body);
	bool lift = cli_flag(c, "lift");
	AUTO(freep)
	char *done = lift ? xasprintf("%s counts again", c->args[0])
		     : cli_value(c, "for")
			     ? xasprintf("%s fails no job for %s", c->args[0], cli_value(c, "for"))
			     : xasprintf("%s fails no job until %s", c->args[0],
					 cli_value(c, "until") ? cli_value(c, "until") : "");

	if (!lift && !cli_value(c, "owner"))
		return cli_usage(c, "a quarantine needs somebody who mends the test: --owner NAME");
	if (!lift && !cli_value(c, "for") && !cli_value(c, "until"))
		return cli_usage(c, "a quarantine ends: --for 14d or --until 2026-12-31T00:00:00Z");
	json_open(&o, NULL);
	json_cstr(&o, "test", c->args[0]);
	body_text(&o, "unit", cli_value(c, "unit"));
	body_text(&o, "owner", cli_value(c, "owner"));
	body_text(&o, "for", cli_value(c, "for"));
	body_text(&o, "until", cli_value(c, "until"));
	body_text(&o, "reason", cli_value(c, "message"));
	if (lift)
		json_bool(&o, "lift", true);
	json_close(&o);
	return client_do(c, "POST", WIRE_TESTS "/quarantine", &body, done);
}

const struct command cmd_tests = {
	.name = "tests",
	.group = GROUP_SEE,
	.summary = "Flaky tests, and tests in quarantine",
	.usage = "",
	.examples = "penstock tests\n"
		    "penstock tests --json | jq -r '.flaky[].test'",
	.run = run_tests,
};

static const struct option options[] = {{"unit", 0, "NAME", "only of this unit"},
					{"owner", 0, "NAME", "who mends it"},
					{"for", 0, "TIME", "how long: 14d"},
					{"until", 0, "TIME", "until when (RFC 3339)"},
					{"message", 'm', "TEXT", "why, or a ticket"},
					{"lift", 0, NULL, "it counts again"},
					{0}};

const struct command cmd_quarantine = {
	.name = "quarantine",
	.group = GROUP_ACT,
	.summary = "Let a test fail without failing its job, for a time, with an owner",
	.usage = "TEST --owner NAME --for TIME [--unit NAME] [-m TEXT] | TEST --lift",
	.options = options,
	.examples = "penstock quarantine cart.rounding --owner pat --for 14d -m 'issue 12'\n"
		    "penstock quarantine cart.rounding --lift\n"
		    "penstock tests                       # what is in quarantine",
	.run = run_quarantine,
	.least = 1,
};
