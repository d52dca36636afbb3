/* penstock incident: list, show, note, mitigate, close, postmortem */
#include "cli/commands.h"
#include "cli/view.h"

#include "api/wire.h"

static void draw_list(struct cli *c, const struct json *j)
{
	const struct json *list = json_get(j, "incidents");
	struct table t;

	if (!json_count(list)) {
		say(c, "There was no incident.\n");
		return;
	}
	table_init(&t, "INCIDENT|STATE|OPENED|LASTED|SERVICE|TITLE", 6);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *n = json_at(list, i);
		AUTO(strbuf_done) struct strbuf ago = STRBUF(64), lasted = STRBUF(64);
		uint64_t opened = number_at(n, "opened_at"),
			 mitigated = number_at(n, "mitigated_at");

		add_ago(&ago, opened, now_usec());
		if (opened && mitigated >= opened)
			strbuf_add_duration(&lasted, mitigated - opened);
		table_add(&t, BOLD, "%s", text_at(n, "id"));
		table_add(&t, tone_of(text_at(n, "state")), "%s", text_at(n, "state"));
		table_add(&t, DIM, "%s", strbuf_cstr(&ago));
		table_add(&t, PLAIN, "%s", strbuf_cstr(&lasted));
		table_add(&t, PLAIN, "%s", text_at(n, "unit"));
		table_add(&t, PLAIN, "%s", text_at(n, "title"));
	}
	table_print(&t, &c->term, 0, &c->out);
	hint(c, "its timeline: penstock incident show ID");
}

static void draw_member(struct cli *c, const struct json *j, const char *key, const char *member)
{
	if (!*text_at(j, member))
		return;
	tint(&c->out, &c->term, DIM, "  %-12s", key);
	say(c, " %s\n", text_at(j, member));
}

static void draw_one(struct cli *c, const struct json *j)
{
	const struct json *timeline = json_get(j, "timeline");
	struct table t;

	tint(&c->out, &c->term, BOLD, "%s", text_at(j, "id"));
	tint(&c->out, &c->term, tone_of(text_at(j, "state")), "  %s", text_at(j, "state"));
	say(c, "  %s\n", text_at(j, "title"));
	draw_member(c, j, "service", "unit");
	draw_member(c, j, "environment", "environment");
	draw_member(c, j, "version", "image");
	draw_member(c, j, "release", "release");
	draw_member(c, j, "rollout", "rollout");
	draw_member(c, j, "runbook", "runbook");
	draw_member(c, j, "pages", "page");
	draw_member(c, j, "revert", "revert");
	table_init(&t, json_count(timeline) ? "TIME (UTC)|BY|WHAT" : "", 3);
	for (size_t i = 0; i < json_count(timeline); i++) {
		const struct json *m = json_at(timeline, i);
		AUTO(strbuf_done) struct strbuf at = STRBUF(64);

		view_time(&at, number_at(m, "at"));
		table_add(&t, DIM, "%s", strbuf_cstr(&at));
		table_add(&t, PLAIN, "%s", text_at(m, "actor"));
		table_add(&t, PLAIN, "%s", text_at(m, "text"));
	}
	table_print(&t, &c->term, 2, &c->out);
	if (!streq(text_at(j, "state"), "closed"))
		hint(c, "when it is over: penstock incident close %s TEXT", text_at(j, "id"));
}

static int run_list(struct cli *c)
{
	uint64_t limit;

	if (!cli_number(c, "limit", 20, &limit))
		return EXIT_USAGE;
	AUTO(freep) char *path = xasprintf(WIRE_INCIDENTS "?limit=%llu", (unsigned long long)limit);
	return client_show(c, path, draw_list);
}

static int run_show(struct cli *c)
{
	AUTO(freep) char *path = client_path(WIRE_INCIDENTS, c->args[0], "");

	return client_show(c, path, draw_one);
}

static int run_postmortem(struct cli *c)
{
	AUTO(freep) char *path = client_path(WIRE_INCIDENTS, c->args[0], "/postmortem");
	AUTO(strbuf_done) struct strbuf text = STRBUF(ANSWER_MAX), plain = STRBUF(ANSWER_MAX);
	struct err err = {0};

	if (client_get_text(c, path, &text, &err) != RC_OK)
		return cli_fail(c, &err);
	view_plain(&plain, strbuf_str(&text));
	if (c->json) {
		struct json_out o = JSON_OUT(&c->out);

		json_open(&o, NULL);
		json_cstr(&o, "incident", c->args[0]);
		json_cstr(&o, "markdown", strbuf_cstr(&plain));
		json_close(&o);
		say(c, "\n");
		return EXIT_GOOD;
	}
	cli_flush(c);
	fwrite(plain.p, 1, plain.n, stdout);
	return EXIT_GOOD;
}

/* The words of the line, as one text. */
static int write_text(struct cli *c, const char *rest, const char *done)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(65536), body = STRBUF((size_t)1 << 20);
	AUTO(freep) char *path = client_path(WIRE_INCIDENTS, c->args[0], rest);
	struct json_out o = JSON_OUT(&body);

	for (size_t i = 1; i < c->n_args; i++)
		strbuf_addf(&text, "%s%s", i > 1 ? " " : "", c->args[i]);
	json_open(&o, NULL);
	body_text(&o, "text", text.n ? strbuf_cstr(&text) : NULL);
	json_close(&o);
	return client_do(c, "POST", path, &body, done);
}

static int run_note(struct cli *c)
{
	return write_text(c, "/note", "noted");
}

static int run_mitigate(struct cli *c)
{
	return write_text(c, "/mitigate", "mitigated");
}

static int run_close(struct cli *c)
{
	return write_text(c, "/close", "closed");
}

static const struct option list_options[] = {{"limit", 'n', "N", "at most so many (20)"}, {0}};

#define LIST                                                                                   \
	.summary = "Incidents, newest first", .usage = "[--limit N]", .options = list_options, \
	.run = run_list,                                                                       \
	.examples =                                                                            \
		"penstock incident list\n"                                                     \
		"penstock incident list --json | jq '.incidents[] | select(.state == \"open\")'"

const struct command cmd_incident = {.name = "incident", LIST};
const struct command cmd_incident_list = {.name = "incident list", .group = GROUP_AUDIT, LIST};

const struct command cmd_incident_show = {
	.name = "incident show",
	.group = GROUP_AUDIT,
	.summary = "One incident with its timeline and runbook",
	.usage = "INCIDENT",
	.examples = "penstock incident show inc-2",
	.run = run_show,
	.least = 1,
};

const struct command cmd_incident_note = {
	.name = "incident note",
	.group = GROUP_AUDIT,
	.summary = "Write into an incident's timeline",
	.usage = "INCIDENT TEXT...",
	.examples = "penstock incident note inc-2 'the pool was too small'",
	.run = run_note,
	.least = 2,
	.most = ANY,
};

const struct command cmd_incident_mitigate = {
	.name = "incident mitigate",
	.group = GROUP_AUDIT,
	.summary = "Say that users are not hurt any more",
	.usage = "INCIDENT [TEXT...]",
	.examples = "penstock incident mitigate inc-2 'the feature is switched off'",
	.run = run_mitigate,
	.least = 1,
	.most = ANY,
};

const struct command cmd_incident_close = {
	.name = "incident close",
	.group = GROUP_AUDIT,
	.summary = "Close an incident",
	.usage = "INCIDENT [TEXT...]",
	.examples = "penstock incident close inc-2 'fixed by rel-6'",
	.run = run_close,
	.least = 1,
	.most = ANY,
};

const struct command cmd_incident_postmortem = {
	.name = "incident postmortem",
	.group = GROUP_AUDIT,
	.summary = "A post-mortem for people to finish, as Markdown",
	.usage = "INCIDENT",
	.examples = "penstock incident postmortem inc-2 >inc-2.md",
	.run = run_postmortem,
	.least = 1,
};
