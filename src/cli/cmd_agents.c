/* penstock agents, schedules: machines that run jobs, and runs by the clock. */
#include "cli/commands.h"
#include "cli/view.h"

#include "api/wire.h"

static void add_memory(struct table *t, uint64_t used, uint64_t all)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(64);

	strbuf_add_size(&b, used);
	strbuf_adds(&b, " of ");
	if (all)
		strbuf_add_size(&b, all);
	else
		strbuf_adds(&b, "all");
	table_add(t, PLAIN, "%s", strbuf_cstr(&b));
}

static void add_labels(struct table *t, const struct json *labels)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(4096);

	for (size_t i = 0; i < json_count(labels); i++)
		strbuf_addf(&b, "%s%s", i ? ", " : "", json_text(json_at(labels, i), ""));
	table_add(t, PLAIN, "%s", strbuf_cstr(&b));
}

static void draw(struct cli *c, const struct json *j)
{
	const struct json *list = json_get(j, "agents");
	struct table t;

	table_init(&t, "AGENT|STATE|JOBS|PROCESSORS|MEMORY|LABELS|SINCE|ADDRESS", 8);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *a = json_at(list, i);
		AUTO(strbuf_done) struct strbuf ago = STRBUF(64);
		uint64_t lost = number_at(a, "lost_at");

		add_ago(&ago, lost ? lost : number_at(a, "since"), now_usec());
		table_add(&t, BOLD, "%s", text_at(a, "id"));
		table_add(&t, lost ? BAD : PLAIN, "%s", text_at(a, "state"));
		table_add(&t, PLAIN, "%llu", (unsigned long long)number_at(a, "running"));
		table_add(&t, PLAIN, "%g of %g", (double)number_at(a, "used_cpu") / 1000,
			  (double)number_at(a, "cpu") / 1000);
		add_memory(&t, number_at(a, "used_memory"), number_at(a, "memory"));
		add_labels(&t, json_get(a, "labels"));
		table_add(&t, DIM, "%s", strbuf_cstr(&ago));
		table_add(&t, DIM, "%s", text_at(a, "address"));
	}
	table_print(&t, &c->term, 0, &c->out);
	hint(c, "no more jobs for one: penstock agents drain NAME");
}

static int run_list(struct cli *c)
{
	return client_show(c, WIRE_AGENTS, draw);
}

static int drain(struct cli *c, bool on)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(100);
	AUTO(freep) char *path = client_path(WIRE_AGENTS, c->args[0], "/drain");
	AUTO(freep)
	char *done = xasprintf(on ? "%s takes no more jobs; those that run go on"
				  : "%s takes jobs again",
			       c->args[0]);
	struct json_out o = JSON_OUT(&body);

	json_open(&o, NULL);
	json_bool(&o, "ok", on);
	json_close(&o);
	return client_do(c, "POST", path, &body, done);
}

static int run_drain(struct cli *c)
{
	return drain(c, true);
}

static int run_undrain(struct cli *c)
{
	return drain(c, false);
}

const struct command cmd_agents = {
	.name = "agents",
	.group = GROUP_SEE,
	.summary = "Machines that run jobs, and what is in use of them",
	.usage = "",
	.examples = "penstock agents\n"
		    "penstock agents --json | jq '.agents[].running'\n"
		    "penstock agents drain build-1",
	.run = run_list,
};

const struct command cmd_agents_drain = {
	.name = "agents drain",
	.group = GROUP_ACT,
	.summary = "No more jobs for a machine; those that run go on",
	.usage = "NAME",
	.examples = "penstock agents drain build-1",
	.run = run_drain,
	.least = 1,
	.most = 1,
};

const struct command cmd_agents_undrain = {
	.name = "agents undrain",
	.group = GROUP_ACT,
	.summary = "Jobs for a machine again",
	.usage = "NAME",
	.examples = "penstock agents undrain build-1",
	.run = run_undrain,
	.least = 1,
	.most = 1,
};

static void draw_schedules(struct cli *c, const struct json *j)
{
	const struct json *list = json_get(j, "schedules");
	struct table t;

	if (!json_count(list)) {
		say(c, "No penstock.yml has a schedule (on.schedule).\n");
		return;
	}
	table_init(&t, "REPOSITORY|BRANCH|WHEN|ZONE|NEXT (UTC)|LAST", 6);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *s = json_at(list, i);
		AUTO(strbuf_done) struct strbuf at = STRBUF(64);

		if (number_at(s, "next"))
			view_time(&at, number_at(s, "next"));
		table_add(&t, BOLD, "%s", text_at(s, "repo"));
		table_add(&t, PLAIN, "%s", text_at(s, "branch"));
		table_add(&t, PLAIN, "%s", text_at(s, "cron"));
		table_add(&t, DIM, "%s", text_at(s, "zone"));
		table_add(&t, PLAIN, "%s", strbuf_cstr(&at));
		table_add(&t, PLAIN, "%s", text_at(s, "last"));
	}
	table_print(&t, &c->term, 0, &c->out);
}

static int run_schedules(struct cli *c)
{
	return client_show(c, WIRE_SCHEDULES, draw_schedules);
}

const struct command cmd_schedules = {
	.name = "schedules",
	.group = GROUP_SEE,
	.summary = "Runs by the clock: when each is due next",
	.usage = "",
	.examples = "penstock schedules",
	.run = run_schedules,
};
