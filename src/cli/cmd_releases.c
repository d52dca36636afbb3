/* penstock releases */
#include "cli/commands.h"
#include "cli/view.h"

#include "api/wire.h"

static void draw(struct cli *c, const struct json *j)
{
	const struct json *list = json_get(j, "releases");
	struct table t;

	if (!json_count(list)) {
		say(c, "There is no release yet.\n");
		return;
	}
	table_init(&t, "RELEASE|STATE|RUN|SERVICES|BUILT|LEAD TIME|CHANGE", 7);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *r = json_at(list, i), *change = json_get(r, "change"),
				  *items = json_get(r, "items");
		AUTO(strbuf_done)
		struct strbuf ago = STRBUF(64), lead = STRBUF(64), units = STRBUF(256);
		uint64_t pushed = number_at(change, "pushed_at"), live = number_at(r, "live_at");

		add_ago(&ago, number_at(r, "built_at"), now_usec());
		if (pushed && live > pushed)
			strbuf_add_duration(&lead, live - pushed);
		for (size_t k = 0; k < json_count(items); k++)
			strbuf_addf(&units, "%s%s", k ? " " : "",
				    text_at(json_at(items, k), "unit"));
		table_add(&t, BOLD, "%s", text_at(r, "id"));
		table_add(&t, tone_of(view_release_state(r)), "%s", view_release_state(r));
		table_add(&t, PLAIN, "%s", text_at(r, "run"));
		table_add(&t, PLAIN, "%.40s", strbuf_cstr(&units));
		table_add(&t, DIM, "%s", strbuf_cstr(&ago));
		table_add(&t, DIM, "%s", strbuf_cstr(&lead));
		table_add(&t, PLAIN, "%s",
			  *text_at(r, "reason") && tone_of(text_at(r, "state")) == BAD
				  ? text_at(r, "reason")
				  : text_at(change, "subject"));
	}
	table_print(&t, &c->term, 0, &c->out);
	hint(c, "see one: penstock why RELEASE");
}

static int run(struct cli *c)
{
	uint64_t limit;

	if (!cli_number(c, "limit", 20, &limit))
		return EXIT_USAGE;
	AUTO(freep) char *path = xasprintf(WIRE_RELEASES "?limit=%llu", (unsigned long long)limit);
	return client_show(c, path, draw);
}

static const struct option options[] = {{"limit", 'n', "N", "at most so many (20)"}, {0}};

const struct command cmd_releases = {
	.name = "releases",
	.group = GROUP_SEE,
	.summary = "Releases, newest first",
	.usage = "[--limit N]",
	.options = options,
	.examples = "penstock releases           # the newest 20\n"
		    "penstock releases --json | jq '.releases[] | {id, state, reason}'",
	.run = run,
};
