/* penstock runs */
#include "cli/commands.h"
#include "cli/view.h"

#include "api/wire.h"

static void draw(struct cli *c, const struct json *j)
{
	const struct json *list = json_get(j, "runs");
	struct table t;

	if (!json_count(list)) {
		say(c, "Nothing was pushed yet.\n");
		return;
	}
	table_init(&t, "RUN|STATE|BRANCH|COMMIT|AUTHOR|STARTED|TOOK|CHANGE", 8);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *run = json_at(list, i), *change = json_get(run, "change");
		const char *ref = text_at(change, "ref");
		AUTO(strbuf_done) struct strbuf ago = STRBUF(64), took = STRBUF(64);
		uint64_t began = number_at(run, "created_at"), ended = number_at(run, "ended_at");

		add_ago(&ago, began, now_usec());
		if (ended > began)
			strbuf_add_duration(&took, ended - began);
		table_add(&t, BOLD, "%s", text_at(run, "id"));
		table_add(&t, tone_of(text_at(run, "state")), "%s", text_at(run, "state"));
		table_add(&t, PLAIN, "%s", str_starts(str_of(ref), "refs/heads/") ? ref + 11 : ref);
		table_add(&t, PLAIN, "%.10s", text_at(change, "commit"));
		table_add(&t, PLAIN, "%.20s", text_at(change, "author"));
		table_add(&t, DIM, "%s", strbuf_cstr(&ago));
		table_add(&t, DIM, "%s", strbuf_cstr(&took));
		table_add(&t, PLAIN, "%s",
			  *text_at(run, "reason") && tone_of(text_at(run, "state")) == BAD
				  ? text_at(run, "reason")
				  : text_at(change, "subject"));
	}
	table_print(&t, &c->term, 0, &c->out);
	hint(c, "see one: penstock why RUN, its jobs' logs: penstock logs RUN/UNIT/JOB");
}

static int run(struct cli *c)
{
	uint64_t limit;

	if (!cli_number(c, "limit", 20, &limit))
		return EXIT_USAGE;
	AUTO(freep) char *path = xasprintf(WIRE_RUNS "?limit=%llu", (unsigned long long)limit);
	return client_show(c, path, draw);
}

static const struct option options[] = {{"limit", 'n', "N", "at most so many (20)"}, {0}};

const struct command cmd_runs = {
	.name = "runs",
	.group = GROUP_SEE,
	.summary = "Runs, newest first",
	.usage = "[--limit N]",
	.options = options,
	.examples = "penstock runs               # the newest 20\n"
		    "penstock runs --limit 100\n"
		    "penstock runs --json | jq -r '.runs[].id'",
	.run = run,
};
