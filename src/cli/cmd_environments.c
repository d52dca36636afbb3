/* penstock environments */
#include "cli/commands.h"
#include "cli/view.h"

#include "api/wire.h"

static void add_marks(struct table *t, const struct json *env, const char *key, const char *word)
{
	const struct json *list = json_get(env, key);

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *m = json_at(list, i);
		AUTO(strbuf_done) struct strbuf image = STRBUF(64), until = STRBUF(64);

		if (*text_at(m, "image"))
			add_short(&image, text_at(m, "image"));
		if (number_at(m, "until"))
			view_time(&until, number_at(m, "until"));
		table_add(t, WARN, "%s", text_at(m, "id"));
		table_add(t, PLAIN, "%s", word);
		table_add(t, PLAIN, "%s", *text_at(m, "unit") ? text_at(m, "unit") : "all");
		table_add(t, DIM, "%s", strbuf_cstr(&image));
		table_add(t, PLAIN, "%s", until.n ? strbuf_cstr(&until) : "it is lifted");
		table_add(t, PLAIN, "%s", text_at(m, "actor"));
		table_add(t, PLAIN, "%s", text_at(m, "reason"));
	}
}

static void draw_one(struct cli *c, const struct json *env)
{
	const struct json *live = json_get(env, "live");
	struct table t;

	tint(&c->out, &c->term, BOLD, "%s", text_at(env, "id"));
	if (*text_at(env, "active"))
		tint(&c->out, &c->term, BUSY, "  %s is being rolled out", text_at(env, "active"));
	if (json_count(json_get(env, "queue")))
		tint(&c->out, &c->term, WARN, "  %zu waiting", json_count(json_get(env, "queue")));
	say(c, "\n");
	table_init(&t, json_count(live) ? "SERVICE|VERSION|RELEASE|LIVE SINCE|BEFORE IT" : "", 5);
	for (size_t i = 0; i < json_count(live); i++) {
		const struct json *l = json_at(live, i);
		AUTO(strbuf_done)
		struct strbuf version = STRBUF(64), since = STRBUF(64), previous = STRBUF(64);

		add_short(&version, text_at(l, "image"));
		add_short(&previous, text_at(l, "previous"));
		add_ago(&since, number_at(l, "since"), now_usec());
		table_add(&t, PLAIN, "%s", text_at(l, "unit"));
		table_add(&t, PLAIN, "%s", strbuf_cstr(&version));
		table_add(&t, PLAIN, "%s", text_at(l, "release"));
		table_add(&t, DIM, "%s", strbuf_cstr(&since));
		table_add(&t, DIM, "%s", strbuf_cstr(&previous));
	}
	table_print(&t, &c->term, 2, &c->out);
	bool marked = json_count(json_get(env, "pins")) + json_count(json_get(env, "vetoes")) +
			      json_count(json_get(env, "holds")) >
		      0;
	table_init(&t, marked ? "MARK|KIND|SERVICE|VERSION|UNTIL|BY|REASON" : "", 7);
	add_marks(&t, env, "pins", "pin");
	add_marks(&t, env, "vetoes", "veto");
	add_marks(&t, env, "holds", "hold");
	table_print(&t, &c->term, 2, &c->out);
}

static void draw(struct cli *c, const struct json *j)
{
	const struct json *list = json_get(j, "environments");

	if (!list) {
		draw_one(c, j);
		return;
	}
	for (size_t i = 0; i < json_count(list); i++) {
		say(c, i ? "\n" : "");
		draw_one(c, json_at(list, i));
	}
	if (!json_count(list))
		say(c, "There is no environment yet: the first push makes them.\n");
}

static int run(struct cli *c)
{
	AUTO(freep)
	char *path = c->n_args ? client_path(WIRE_ENVIRONMENTS, c->args[0], "")
			       : xstrdup(WIRE_ENVIRONMENTS);

	return client_show(c, path, draw);
}

const struct command cmd_environments = {
	.name = "environments",
	.group = GROUP_SEE,
	.summary = "What is live where, and which marks stand: pins, vetoes, holds",
	.usage = "[ENVIRONMENT]",
	.examples = "penstock environments\n"
		    "penstock environments production   # one of them\n"
		    "penstock environments --json | jq '.environments[].live'",
	.run = run,
	.most = 1,
};
