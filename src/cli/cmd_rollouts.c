/* penstock rollouts */
#include "cli/commands.h"
#include "cli/view.h"

#include "api/wire.h"

static void draw(struct cli *c, const struct json *j)
{
	const struct json *list = json_get(j, "rollouts");
	struct table t;

	if (!json_count(list)) {
		say(c, "There is no rollout yet.\n");
		return;
	}
	table_init(&t, "ROLLOUT|RELEASE|ENVIRONMENT|SERVICE|VERSION|STARTED|WHERE IT STANDS", 7);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *ro = json_at(list, i);
		AUTO(strbuf_done)
		struct strbuf ago = STRBUF(64), version = STRBUF(64), line = STRBUF(4096);

		add_ago(&ago, number_at(ro, "created_at"), now_usec());
		add_short(&version, text_at(ro, "image"));
		view_rollout(&line, &c->term, ro);
		table_add(&t, BOLD, "%s", text_at(ro, "id"));
		table_add(&t, PLAIN, "%s", text_at(ro, "release"));
		table_add(&t, PLAIN, "%s", text_at(ro, "environment"));
		table_add(&t, PLAIN, "%s", text_at(ro, "unit"));
		table_add(&t, DIM, "%s", strbuf_cstr(&version));
		table_add(&t, DIM, "%s", strbuf_cstr(&ago));
		table_add(&t, PLAIN, "%s", strbuf_cstr(&line));
	}
	table_print(&t, &c->term, 0, &c->out);
	hint(c, "see one: penstock why ROLLOUT");
}

static int run(struct cli *c)
{
	uint64_t limit;

	if (!cli_number(c, "limit", 20, &limit))
		return EXIT_USAGE;
	AUTO(freep) char *path = xasprintf(WIRE_ROLLOUTS "?limit=%llu", (unsigned long long)limit);
	return client_show(c, path, draw);
}

static const struct option options[] = {{"limit", 'n', "N", "at most so many (20)"}, {0}};

const struct command cmd_rollouts = {
	.name = "rollouts",
	.group = GROUP_SEE,
	.summary = "Rollouts, newest first, with traffic and verdict",
	.usage = "[--limit N]",
	.options = options,
	.examples = "penstock rollouts\n"
		    "penstock rollouts --limit 1 --json | jq '.rollouts[0].numbers'",
	.run = run,
};
