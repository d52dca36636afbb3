/* penstock queue: what waits to be merged, adding to it, taking out of it. */
#include "cli/commands.h"
#include "cli/view.h"

#include "api/wire.h"

static const char *short_ref(const char *ref)
{
	return str_starts(str_of(ref), "refs/heads/") ? ref + strlen("refs/heads/") : ref;
}

static void draw_entries(struct cli *c, const struct json *q)
{
	const struct json *entries = json_get(q, "entries");
	uint64_t batch = number_at(q, "batch");
	struct table t;

	table_init(&t, "PLACE|BRANCH|COMMIT|BY|SINCE|NOW", 6);
	for (size_t i = 0; i < json_count(entries); i++) {
		const struct json *e = json_at(entries, i);
		AUTO(strbuf_done) struct strbuf ago = STRBUF(64);

		add_ago(&ago, number_at(e, "since"), now_usec());
		table_add(&t, BOLD, "%zu", i + 1);
		table_add(&t, PLAIN, "%s", short_ref(text_at(e, "ref")));
		table_add(&t, PLAIN, "%.10s", text_at(e, "commit"));
		table_add(&t, PLAIN, "%s", text_at(e, "actor"));
		table_add(&t, DIM, "%s", strbuf_cstr(&ago));
		table_add(&t, i < batch ? BOLD : DIM, "%s",
			  i < batch ? text_at(q, "state") : "waits");
	}
	table_print(&t, &c->term, 2, &c->out);
}

static void draw(struct cli *c, const struct json *j)
{
	const struct json *list = json_get(j, "queues");

	if (!json_count(list))
		say(c, "Nothing was queued yet.\n");
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *q = json_at(list, i);

		say(c, "%s of %s: %s%s%s\n", short_ref(text_at(q, "target")), text_at(q, "repo"),
		    text_at(q, "state"), *text_at(q, "run") ? ", " : "", text_at(q, "run"));
		if (json_count(json_get(q, "entries")))
			draw_entries(c, q);
		if (*text_at(q, "reason"))
			say(c, "  last: %s\n", text_at(q, "reason"));
	}
	hint(c, "add a branch: penstock queue add BRANCH");
}

static int run_list(struct cli *c)
{
	return client_show(c, WIRE_QUEUES, draw);
}

static int order(struct cli *c, bool gone, const char *done)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(65536);
	struct json_out o = JSON_OUT(&body);

	json_open(&o, NULL);
	body_text(&o, "ref", c->args[0]);
	body_text(&o, "repo", cli_value(c, "repo"));
	body_text(&o, "target", cli_value(c, "target"));
	if (gone) {
		json_bool(&o, "remove", true);
	} else {
		body_text(&o, "commit", cli_value(c, "commit"));
		body_text(&o, "number", cli_value(c, "number"));
	}
	json_close(&o);
	return client_do(c, "POST", WIRE_QUEUES, &body, done);
}

static int run_add(struct cli *c)
{
	AUTO(freep) char *done = xasprintf("%s is queued; it lands when it passes", c->args[0]);

	return order(c, false, done);
}

static int run_remove(struct cli *c)
{
	AUTO(freep) char *done = xasprintf("%s is out of the queue", c->args[0]);

	return order(c, true, done);
}

static const struct option options[] = {
	{"target", 't', "BRANCH", "onto which branch (the first that penstock.yml names)"},
	{"repo", 0, "NAME", "of which repository, when there are several"},
	{"commit", 0, "ID", "this commit of it (its head)"},
	{"number", 0, "N", "of the pull request, for the merge's message"},
	{0},
};

const struct command cmd_queue = {
	.name = "queue",
	.group = GROUP_SEE,
	.summary = "What waits to be merged",
	.usage = "",
	.examples = "penstock queue\n"
		    "penstock queue add feature-x\n"
		    "penstock queue remove feature-x",
	.run = run_list,
};

const struct command cmd_queue_add = {
	.name = "queue add",
	.group = GROUP_ACT,
	.summary = "Merge a branch once it passed as it would land",
	.usage = "BRANCH [--target BRANCH]",
	.options = options,
	.examples = "penstock queue add feature-x\n"
		    "penstock queue add feature-x --target main --number 17",
	.run = run_add,
	.least = 1,
	.most = 1,
};

const struct command cmd_queue_remove = {
	.name = "queue remove",
	.group = GROUP_ACT,
	.summary = "Take a branch out of the queue",
	.usage = "BRANCH [--target BRANCH]",
	.options = options,
	.examples = "penstock queue remove feature-x",
	.run = run_remove,
	.least = 1,
	.most = 1,
};
