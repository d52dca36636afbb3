/* penstock dora: the five measures of software delivery, by service. */
#include "cli/commands.h"
#include "cli/view.h"

#include "api/wire.h"

static void add_span(struct table *t, const struct json *n, const char *key)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(64);

	if (json_get(n, key))
		strbuf_add_duration(&text, number_at(n, key));
	else
		strbuf_addc(&text, '-');
	table_add(t, PLAIN, "%s", strbuf_cstr(&text));
}

static void add_rate(struct table *t, const struct json *n, const char *key)
{
	double share = json_number(json_get(n, key), 0);

	if (number_at(n, "deploys"))
		table_add(t, share > 0 ? WARN : PLAIN, "%.1f %%", 100 * share);
	else
		table_add(t, DIM, "-");
}

static void add_row(struct table *t, const char *name, enum tone tone, const struct json *n)
{
	table_add(t, tone, "%s", name);
	table_add(t, PLAIN, "%llu", (unsigned long long)number_at(n, "deploys"));
	table_add(t, PLAIN, "%.2f", json_number(json_get(n, "per_day"), 0));
	add_span(t, n, "lead_p50");
	add_rate(t, n, "fail_rate");
	add_span(t, n, "recovery_p50");
	add_rate(t, n, "rework_rate");
}

static void draw(struct cli *c, const struct json *j)
{
	const struct json *dora = json_get(j, "dora"), *units = json_get(dora, "units");
	AUTO(strbuf_done) struct strbuf from = STRBUF(64), to = STRBUF(64);
	struct table t;

	view_time(&from, number_at(j, "since"));
	view_time(&to, number_at(j, "until"));
	say(c, "Deployments to %s from %s to %s (UTC)\n\n",
	    *text_at(j, "environment") ? text_at(j, "environment") : "production",
	    strbuf_cstr(&from), strbuf_cstr(&to));
	table_init(&t, "SERVICE|DEPLOYS|A DAY|LEAD TIME p50|FAIL RATE|RECOVERY p50|REWORK", 7);
	for (size_t i = 0; i < json_count(units); i++)
		add_row(&t, text_at(json_at(units, i), "unit"), BOLD, json_at(units, i));
	add_row(&t, "all", DIM, json_get(dora, "all"));
	table_print(&t, &c->term, 0, &c->out);
	hint(c, "what each number is, and the deployments behind it: penstock dora --json");
}

/* "30d" back from now, in usec since 1970. */
static bool since_of(struct cli *c, uint64_t *ret)
{
	const char *text = cli_value(c, "since");
	usec_t back = 30 * USEC_DAY, now = now_usec();

	if (text && !parse_duration(str_of(text), &back))
		return false;
	*ret = now > back ? now - back : 0;
	return true;
}

static int run_dora(struct cli *c)
{
	AUTO(strbuf_done) struct strbuf path = STRBUF(4096);
	const char *const filters[] = {"unit", "environment"};
	uint64_t since;

	if (!since_of(c, &since))
		return cli_usage(c, "--since takes a duration such as 30d, not \"%s\"",
				 cli_value(c, "since"));
	strbuf_addf(&path, WIRE_INSIGHTS "?since=%llu", (unsigned long long)since);
	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		const char *value = cli_value(c, filters[i]);

		if (!value)
			continue;
		strbuf_addf(&path, "&%s=", filters[i]);
		strbuf_add_urlencoded(&path, str_of(value));
	}
	if (strbuf_failed(&path))
		return cli_usage(c, "these names are too long");
	return client_show(c, strbuf_cstr(&path), draw);
}

static const struct option options[] = {
	{"since", 0, "TIME", "how far back: 30d (the default), 12h"},
	{"unit", 0, "NAME", "only this service"},
	{"environment", 0, "NAME", "deployments to this one (production)"},
	{0}};

const struct command cmd_dora = {
	.name = "dora",
	.group = GROUP_SEE,
	.summary = "How delivery goes: DORA's five measures, by service",
	.usage = "[--since TIME] [--unit NAME] [--environment NAME]",
	.options = options,
	.examples = "penstock dora\n"
		    "penstock dora --since 90d --unit orders\n"
		    "penstock dora --json | jq '.dora.days[] | {day, deploys, rollouts}'",
	.run = run_dora,
};
