/* penstock pin, veto, hold: marks on an environment, and lifting them. */
#include "cli/commands.h"

#include "api/wire.h"
#include "cli/client.h"

struct mark {
	const char *word, *list; /* "pin", "pins" */
	unsigned words;          /* of ENVIRONMENT UNIT IMAGE, how many it takes */
	unsigned needed;
};

static int lift(struct cli *c, const struct mark *m)
{
	if (c->n_args != 2)
		return cli_usage(c, "say what to lift: penstock %s --lift ENVIRONMENT ID", m->word);
	AUTO(freep) char *rest = xasprintf("/%s", m->list);
	AUTO(freep) char *base = client_path(WIRE_ENVIRONMENTS, c->args[0], rest);
	AUTO(freep) char *plain = client_path(base, c->args[1], "");
	AUTO(strbuf_done) struct strbuf path = STRBUF(65536);
	AUTO(freep) char *done = xasprintf("%s of %s is lifted", c->args[1], c->args[0]);

	strbuf_adds(&path, plain);
	if (cli_value(c, "message")) {
		strbuf_adds(&path, "?reason=");
		strbuf_add_urlencoded(&path, str_of(cli_value(c, "message")));
	}
	return client_do(c, "DELETE", strbuf_cstr(&path), NULL, done);
}

static int set(struct cli *c, const struct mark *m)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(65536);
	struct json_out o = JSON_OUT(&body);

	if (c->n_args < m->needed)
		return cli_usage(c, "%s needs more arguments", m->word);
	json_open(&o, NULL);
	body_text(&o, "unit", c->n_args > 1 ? c->args[1] : NULL);
	body_text(&o, "image", c->n_args > 2 ? c->args[2] : NULL);
	body_text(&o, "for", cli_value(c, "for"));
	body_text(&o, "until", cli_value(c, "until"));
	body_text(&o, "reason", cli_value(c, "message"));
	json_close(&o);
	AUTO(freep) char *rest = xasprintf("/%s", m->list);
	AUTO(freep) char *path = client_path(WIRE_ENVIRONMENTS, c->args[0], rest);
	AUTO(freep)
	char *done = xasprintf("%s on %s of %s", m->word, c->n_args > 1 ? c->args[1] : "all",
			       c->args[0]);
	return client_do(c, "POST", path, &body, done);
}

static int mark(struct cli *c, const struct mark *m)
{
	if (cli_flag(c, "lift"))
		return lift(c, m);
	if (c->n_args > m->words)
		return cli_usage(c, "%s: \"%s\" is too many", m->word, c->args[m->words]);
	return set(c, m);
}

static int run_pin(struct cli *c)
{
	return mark(c, &(struct mark){"pin", "pins", 3, 2});
}

static int run_veto(struct cli *c)
{
	return mark(c, &(struct mark){"veto", "vetoes", 3, 3});
}

static int run_hold(struct cli *c)
{
	return mark(c, &(struct mark){"hold", "holds", 2, 1});
}

static const struct option options[] = {
	{"message", 'm', "TEXT", "why; it stands beside the mark, or in the journal with --lift"},
	{"for", 0, "TIME", "how long: 30m, 2h, 1d; without: until it is lifted"},
	{"until", 0, "TIME", "until when: 2026-01-31T12:00:00Z"},
	{"lift", 0, NULL, "take a mark away: ENVIRONMENT ID (`penstock environments` lists them)"},
	{0},
};

const struct command cmd_pin = {
	.name = "pin",
	.group = GROUP_ACT,
	.summary = "Keep a service at a version",
	.usage = "ENVIRONMENT SERVICE [IMAGE | RELEASE] [-m TEXT]",
	.options = options,
	.examples =
		"penstock pin production orders -m 'load test' --for 2h   # at what runs now\n"
		"penstock pin production orders rel-3                     # at what that release brought\n"
		"penstock pin --lift production pin-1 -m 'the test is over'",
	.run = run_pin,
	.least = 1,
	.most = 3,
};

const struct command cmd_veto = {
	.name = "veto",
	.group = GROUP_ACT,
	.summary = "Never this version there again, until the veto is lifted",
	.usage = "ENVIRONMENT SERVICE IMAGE|RELEASE [-m TEXT]",
	.options = options,
	.examples = "penstock veto production payments 3f2a9c1d77aa -m 'loses orders'\n"
		    "penstock veto production payments rel-4\n"
		    "penstock veto --lift production veto-2",
	.run = run_veto,
	.least = 1,
	.most = 3,
};

const struct command cmd_hold = {
	.name = "hold",
	.group = GROUP_ACT,
	.summary = "Nothing moves here, until the hold is lifted or over",
	.usage = "ENVIRONMENT [SERVICE] [-m TEXT]",
	.options = options,
	.examples = "penstock hold production -m 'sale' --for 6h\n"
		    "penstock hold production orders\n"
		    "penstock hold --lift production hold-1",
	.run = run_hold,
	.least = 1,
	.most = 3,
};
