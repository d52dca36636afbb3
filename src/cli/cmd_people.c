/* penstock user set, list; grant, grant list, ungrant */
#include "cli/commands.h"
#include "cli/view.h"

#include "api/wire.h"

static int run_user(struct cli *c)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(65536);
	AUTO(freep)
	char *done = xasprintf("user:%s %s", c->args[0],
			       cli_flag(c, "disable") ? "may not come in any more" : "is known");
	struct json_out o = JSON_OUT(&body);
	struct str groups = str_of(cli_value(c, "groups"));

	json_open(&o, NULL);
	json_cstr(&o, "id", c->args[0]);
	body_text(&o, "name", cli_value(c, "name"));
	body_text(&o, "email", cli_value(c, "email"));
	if (cli_value(c, "groups")) {
		json_list(&o, "groups");
		while (groups.p && groups.n)
			json_str(&o, NULL, str_trim(str_cut(&groups, ',')));
		json_unlist(&o);
	}
	json_bool(&o, "disabled", cli_flag(c, "disable"));
	json_close(&o);
	int code = client_do(c, "POST", WIRE_USERS, &body, done);
	if (code == EXIT_GOOD && !cli_flag(c, "disable"))
		hint(c,
		     "let them in: penstock token create NAME --owner user:%s --role ROLE, and penstock grant user:%s ROLE",
		     c->args[0], c->args[0]);
	return code;
}

static void draw_users(struct cli *c, const struct json *j)
{
	const struct json *list = json_get(j, "users");
	struct table t;

	table_init(&t, "USER|NAME|EMAIL|GROUPS|LAST LOGIN|FROM", 6);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *a = json_at(list, i), *groups = json_get(a, "groups");
		AUTO(strbuf_done) struct strbuf names = STRBUF(65536), when = STRBUF(64);

		for (size_t k = 0; k < json_count(groups); k++)
			strbuf_addf(&names, "%s%s", k ? ", " : "",
				    json_text(json_at(groups, k), ""));
		if (number_at(a, "login_at"))
			view_time(&when, number_at(a, "login_at"));
		table_add(&t, BOLD, "%s", text_at(a, "id"));
		table_add(&t, PLAIN, "%s", text_at(a, "name"));
		table_add(&t, PLAIN, "%s", text_at(a, "email"));
		table_add(&t, PLAIN, "%s", names.n ? strbuf_cstr(&names) : "");
		table_add(&t, DIM, "%s",
			  json_truth(json_get(a, "disabled"), false) ? "disabled"
			  : when.n                                   ? strbuf_cstr(&when)
								     : "never");
		table_add(&t, DIM, "%s", json_get_text(a, "issuer", "here"));
	}
	table_print(&t, &c->term, 0, &c->out);
}

static int run_users(struct cli *c)
{
	return client_show(c, WIRE_USERS, draw_users);
}

static int run_grant(struct cli *c)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(4096);
	AUTO(freep) char *done = xasprintf("%s is %s now", c->args[0], c->args[1]);
	struct json_out o = JSON_OUT(&body);

	json_open(&o, NULL);
	json_cstr(&o, "who", c->args[0]);
	json_cstr(&o, "role", c->args[1]);
	body_text(&o, "environment", cli_value(c, "environment"));
	body_text(&o, "project", cli_value(c, "project"));
	json_close(&o);
	return client_do(c, "POST", WIRE_GRANTS, &body, done);
}

static void draw_grants(struct cli *c, const struct json *j)
{
	const struct json *list = json_get(j, "grants");
	struct table t;

	table_init(&t, "WHO|ROLE|ENVIRONMENT|BY|SINCE|ID", 6);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *a = json_at(list, i);
		AUTO(strbuf_done) struct strbuf when = STRBUF(64);

		view_time(&when, number_at(a, "since"));
		table_add(&t, BOLD, "%s", text_at(a, "who"));
		table_add(&t, PLAIN, "%s", text_at(a, "role"));
		table_add(&t, PLAIN, "%s", json_get_text(a, "environment", "all"));
		table_add(&t, DIM, "%s", text_at(a, "actor"));
		table_add(&t, DIM, "%s", strbuf_cstr(&when));
		table_add(&t, DIM, "%s", text_at(a, "id"));
	}
	table_print(&t, &c->term, 0, &c->out);
}

static int run_grants(struct cli *c)
{
	return client_show(c, WIRE_GRANTS, draw_grants);
}

static int run_ungrant(struct cli *c)
{
	AUTO(freep) char *path = client_path(WIRE_GRANTS, c->args[0], "");
	AUTO(freep) char *done = xasprintf("%s is taken back", c->args[0]);

	return client_do(c, "DELETE", path, NULL, done);
}

static const struct option user_options[] = {
	{"name", 0, "TEXT", "as people write it"},
	{"email", 0, "ADDRESS", "as in commits: four eyes go by it"},
	{"groups", 0, "A,B", "what gate.approve.by and grants may name"},
	{"disable", 0, NULL, "may not come in any more; tokens and sessions end with it"},
	{0},
};
static const struct option grant_options[] = {
	{"environment", 0, "NAME", "only there"},
	{"project", 0, "NAME", "only in this project"},
	{0},
};

const struct command cmd_user_set = {
	.name = "user set",
	.group = GROUP_PEOPLE,
	.summary = "Make or change a user",
	.usage = "NAME [--email ADDRESS] [--groups A,B]",
	.options = user_options,
	.examples =
		"penstock user set ann --name 'Ann Lee' --email ann@example.com --groups release-team\n"
		"penstock user set ann --disable",
	.run = run_user,
	.least = 1,
};
const struct command cmd_user_list = {
	.name = "user list",
	.group = GROUP_PEOPLE,
	.summary = "Users with their groups and last login",
	.usage = "",
	.examples = "penstock user list",
	.run = run_users,
};
const struct command cmd_grant = {
	.name = "grant",
	.group = GROUP_PEOPLE,
	.summary = "Give a user or a group a role",
	.usage = "user:NAME|group:NAME ROLE [--environment NAME]",
	.options = grant_options,
	.examples = "penstock grant group:developers developer\n"
		    "penstock grant group:release-team approver\n"
		    "penstock grant user:ann operator --environment staging",
	.run = run_grant,
	.least = 2,
};
const struct command cmd_grant_list = {
	.name = "grant list",
	.group = GROUP_PEOPLE,
	.summary = "Who has which role where",
	.usage = "",
	.examples = "penstock grant list",
	.run = run_grants,
};
const struct command cmd_ungrant = {
	.name = "ungrant",
	.group = GROUP_PEOPLE,
	.summary = "Take a role back",
	.usage = "GRANT",
	.examples = "penstock ungrant user:ann=operator@staging",
	.run = run_ungrant,
	.least = 1,
};
