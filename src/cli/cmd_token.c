/* penstock token create, list, revoke; whoami */
#include "cli/commands.h"
#include "cli/view.h"

#include "api/wire.h"

static void add_end(struct cli *c, struct json_out *o)
{
	const char *until = cli_value(c, "until");

	/* "90d", "12h": after so long; anything else is a time */
	if (until && strchr(until, '-'))
		json_cstr(o, "until", until);
	else
		body_text(o, "for", until);
}

/* A list with commas as a list. */
static void add_names(struct json_out *o, const char *key, const char *names)
{
	struct str rest = str_of(names);

	if (!names)
		return;
	json_list(o, key);
	while (rest.p && rest.n)
		json_str(o, NULL, str_trim(str_cut(&rest, ',')));
	json_unlist(o);
}

static int run_create(struct cli *c)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(65536);
	AUTO(json_freep) struct json *j = NULL;
	struct json_out o = JSON_OUT(&body);
	bool mine = cli_flag(c, "mine");
	struct err err = {0};

	if (!mine && !cli_value(c, "role"))
		return cli_usage(
			c,
			"token create needs --role viewer|developer|approver|operator|admin, or --mine");
	json_open(&o, NULL);
	json_cstr(&o, "name", c->args[0]);
	body_text(&o, "role", cli_value(c, "role"));
	body_text(&o, "environment", cli_value(c, "environment"));
	body_text(&o, "owner", cli_value(c, "owner"));
	add_names(&o, "groups", cli_value(c, "groups"));
	add_end(c, &o);
	json_close(&o);
	if (client_post(c, mine ? WIRE_ME "/tokens" : WIRE_TOKENS, strbuf_str(&body), &j, &err) !=
	    RC_OK)
		return cli_fail(c, &err);
	if (c->json) {
		struct json_out out = JSON_OUT(&c->out);

		json_write(&out, NULL, j);
		say(c, "\n");
		return EXIT_GOOD;
	}
	say(c, "%s\n", text_at(j, "token"));
	hint(c, "it is shown this once: give it as PENSTOCK_TOKEN, or with --token");
	return EXIT_GOOD;
}

static void add_when(struct table *t, uint64_t at, const char *never)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(64);

	if (at)
		view_time(&text, at);
	table_add(t, DIM, "%s", at ? strbuf_cstr(&text) : never);
}

static void draw(struct cli *c, const struct json *j)
{
	const struct json *list = json_get(j, "tokens");
	struct table t;

	table_init(&t, "ID|NAME|FOR|ROLE|ENVIRONMENT|MADE|UNTIL|LAST USED|FROM", 9);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *a = json_at(list, i);

		table_add(&t, DIM, "%s", text_at(a, "id"));
		table_add(&t, BOLD, "%s", text_at(a, "name"));
		table_add(&t, PLAIN, "%s",
			  json_get_text(a, "owner", json_get_text(a, "scope", "a machine")));
		table_add(&t, PLAIN, "%s", json_get_text(a, "role", "-"));
		table_add(&t, PLAIN, "%s", json_get_text(a, "environment", "all"));
		add_when(&t, number_at(a, "created_at"), "-");
		add_when(&t, number_at(a, "until"), "no end");
		add_when(&t, number_at(a, "used_at"), "never");
		table_add(&t, DIM, "%s", text_at(a, "used_from"));
	}
	table_print(&t, &c->term, 0, &c->out);
}

static int run_list(struct cli *c)
{
	return client_show(c, cli_flag(c, "mine") ? WIRE_ME "/tokens" : WIRE_TOKENS, draw);
}

static int run_revoke(struct cli *c)
{
	AUTO(freep)
	char *path =
		client_path(cli_flag(c, "mine") ? WIRE_ME "/tokens" : WIRE_TOKENS, c->args[0], "");
	AUTO(freep) char *done = xasprintf("token %s opens nothing any more", c->args[0]);

	return client_do(c, "DELETE", path, NULL, done);
}

static void draw_me(struct cli *c, const struct json *j)
{
	const struct json *roles = json_get(j, "roles"), *groups = json_get(j, "groups");

	tint(&c->out, &c->term, BOLD, "%s", text_at(j, "actor"));
	if (!streq(text_at(j, "actor"), text_at(j, "name")))
		say(c, "  %s", text_at(j, "name"));
	say(c, "\n");
	for (size_t i = 0; i < json_count(roles); i++) {
		const struct json *r = json_at(roles, i);
		const char *where = json_get_text(r, "environment", NULL);

		say(c, "  %s%s%s\n", text_at(r, "role"), where ? " in " : "", where ? where : "");
	}
	if (!json_count(roles))
		say(c, "  no role: an administrator gives one with penstock grant\n");
	for (size_t i = 0; i < json_count(groups); i++)
		say(c, "%s%s", i ? ", " : "  groups: ", json_text(json_at(groups, i), ""));
	if (json_count(groups))
		say(c, "\n");
}

static int run_whoami(struct cli *c)
{
	return client_show(c, WIRE_ME, draw_me);
}

static const struct option create_options[] = {
	{"role", 0, "ROLE", "viewer, developer, approver, operator or admin"},
	{"environment", 0, "NAME", "for this environment only"},
	{"groups", 0, "A,B", "its groups, for gate.approve.by"},
	{"owner", 0, "user:NAME", "it acts as this user, with at most the role"},
	{"mine", 0, NULL, "it acts as whoever asks"},
	{"until", 0, "WHEN", "90d, 12h, or a time such as 2027-01-31T12:00:00Z (no end)"},
	{0},
};
static const struct option mine_options[] = {{"mine", 0, NULL, "one's own"}, {0}};

const struct command cmd_token_create = {
	.name = "token create",
	.group = GROUP_PEOPLE,
	.summary = "Make a token of the API; it is shown once",
	.usage = "NAME --role ROLE [--environment NAME] [--until WHEN]",
	.options = create_options,
	.examples = "penstock token create ci --role developer --until 90d\n"
		    "penstock token create pager --role operator --environment staging\n"
		    "penstock token create laptop --mine --until 30d",
	.run = run_create,
	.least = 1,
};
const struct command cmd_token_list = {
	.name = "token list",
	.group = GROUP_PEOPLE,
	.summary = "Tokens with their last use",
	.usage = "[--mine]",
	.options = mine_options,
	.examples = "penstock token list",
	.run = run_list,
};
const struct command cmd_token_revoke = {
	.name = "token revoke",
	.group = GROUP_PEOPLE,
	.summary = "Take a token back, by its id or a machine's name",
	.usage = "TOKEN [--mine]",
	.options = mine_options,
	.examples = "penstock token revoke ci\n"
		    "penstock token revoke tok-1f2e3d4c5b6a",
	.run = run_revoke,
	.least = 1,
};
const struct command cmd_whoami = {
	.name = "whoami",
	.group = GROUP_PEOPLE,
	.summary = "Who the daemon takes you for, and what you may do",
	.usage = "",
	.examples = "penstock whoami --server https://penstock.example",
	.run = run_whoami,
};
