/* penstock audit list, audit show: records of the journal, from the daemon. */
#include "cli/commands.h"
#include "cli/view.h"

#include <unistd.h>

#include "api/wire.h"

#define LINE_MAX_ ((size_t)65 << 20)

struct listing {
	struct cli *c;
	struct strbuf line;
	bool any;
};

/* What a record says, in a few words: its texts, without the parts that are long. */
static void summary(struct strbuf *to, const struct json *payload)
{
	static const char *const keys[] = {
		"text", "error", "reason", "commit",  "image",   "weight",      "state", "failure",
		"exit", "ok",    "id",     "rollout", "release", "environment", "unit",  "cause"};

	for (size_t i = 0; i < ARRAY_LEN(keys) && to->n < 160; i++) {
		const struct json *v = json_get(payload, keys[i]);

		if (!v)
			continue;
		strbuf_addf(to, "%s%s=", to->n ? " " : "", keys[i]);
		if (json_kind_of(v) == JSON_STR) {
			struct str s = json_view(v);
			bool digest = str_starts(s, "sha256:");

			if (digest)
				add_short(to, json_text(v, ""));
			else
				strbuf_addstr(to, text_cut(s, 80));
		} else {
			struct json_out o = JSON_OUT(to);

			json_write(&o, NULL, v);
		}
	}
}

static void draw_record(struct cli *c, const struct json *r)
{
	AUTO(strbuf_done) struct strbuf at = STRBUF(64), what = STRBUF(4096), row = STRBUF(8192);
	const char *type = text_at(r, "type");

	view_time(&at, number_at(r, "time"));
	summary(&what, json_get(r, "payload"));
	for (size_t i = 0; i < what.n; i++)
		what.p[i] = (unsigned char)what.p[i] < 0x20 || what.p[i] == 0x7f ? ' ' : what.p[i];
	strbuf_addf(&row, "%6llu  ", (unsigned long long)number_at(r, "seq"));
	tint(&row, &c->term, DIM, "%-16s", strbuf_cstr(&at));
	tint(&row, &c->term, str_starts(str_of(type), "person.") ? BOLD : PLAIN, "  %-24s", type);
	strbuf_addf(&row, "  %-14s  %-22s  ", text_at(r, "actor"), text_at(r, "subject"));
	tint(&row, &c->term, DIM, "%s", strbuf_cstr(&what));
	if (c->term.width)
		strbuf_addstr(&c->out, text_cut(strbuf_str(&row), c->term.width));
	else
		strbuf_addstr(&c->out, strbuf_str(&row));
	say(c, c->term.color ? "\033[0m\n" : "\n");
}

static bool take_line(struct listing *l)
{
	AUTO(json_freep) struct json *j = NULL;
	struct err err = {0};
	struct str line = str_trim(strbuf_str(&l->line));

	if (!line.n)
		return true;
	if (l->c->json) {
		strbuf_addstr(&l->c->out, line);
		strbuf_addc(&l->c->out, '\n');
	} else if (json_read(line, LINE_MAX_, &j, &err) != RC_OK) {
		say(l->c, "%s\n", err.msg);
	} else if (!json_get(j, "seq")) {
		fprintf(stderr, "penstock: %s\n", text_at(j, "detail"));
	} else {
		draw_record(l->c, j);
	}
	l->any = true;
	cli_flush(l->c);
	return true;
}

static bool take_part(void *ctx, struct str part)
{
	struct listing *l = ctx;

	while (part.n) {
		const char *end = memchr(part.p, '\n', part.n);
		size_t n = end ? (size_t)(end - part.p) : part.n;

		strbuf_add(&l->line, part.p, n);
		if (!end)
			return true;
		if (!take_line(l))
			return false;
		strbuf_clear(&l->line);
		part.p += n + 1;
		part.n -= n + 1;
	}
	return true;
}

static void add_query(struct strbuf *to, struct cli *c, const char *option)
{
	const char *value = cli_value(c, option);

	if (!value)
		return;
	strbuf_addf(to, "&%s=", option);
	strbuf_add_urlencoded(to, str_of(value));
}

static int run_list(struct cli *c)
{
	AUTO(strbuf_done) struct strbuf path = STRBUF(8192);
	struct listing l = {.c = c, .line = STRBUF(LINE_MAX_)};
	struct err err = {0};
	uint64_t last, from;

	if (!cli_number(c, "last", 30, &last) || !cli_number(c, "from", 0, &from))
		return EXIT_USAGE;
	strbuf_adds(&path, WIRE_JOURNAL "?");
	if (from)
		strbuf_addf(&path, "from=%llu", (unsigned long long)from);
	else
		strbuf_addf(&path, "last=%llu", (unsigned long long)last);
	add_query(&path, c, "type");
	add_query(&path, c, "subject");
	if (cli_flag(c, "follow"))
		strbuf_adds(&path, "&follow=1");
	enum rc rc = client_stream(c, strbuf_cstr(&path), take_part, &l, &err);
	strbuf_done(&l.line);
	if (rc != RC_OK)
		return cli_fail(c, &err);
	if (!l.any && !c->json)
		say(c, "There is no such record.\n");
	if (l.any)
		hint(c,
		     "a whole record: penstock audit show SEQ, the chain: penstock audit verify");
	return EXIT_GOOD;
}

/* JSON with line breaks, two blanks a level. */
static void pretty(struct strbuf *to, struct str json)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < json.n; i++) {
		char ch = json.p[i];

		if (quoted) {
			strbuf_addc(to, ch);
			if (ch == '\\' && i + 1 < json.n)
				strbuf_addc(to, json.p[++i]);
			quoted = ch != '"';
			continue;
		}
		quoted = ch == '"';
		bool opens = ch == '{' || ch == '[', closes = ch == '}' || ch == ']';
		bool empty =
			opens && i + 1 < json.n && (json.p[i + 1] == '}' || json.p[i + 1] == ']');
		if (closes && depth)
			strbuf_addf(to, "\n%*s", (int)(2 * --depth), "");
		strbuf_addc(to, ch);
		if (empty)
			strbuf_addc(to, json.p[++i]);
		else if (opens)
			strbuf_addf(to, "\n%*s", (int)(2 * ++depth), "");
		else if (ch == ',')
			strbuf_addf(to, "\n%*s", (int)(2 * depth), "");
		else if (ch == ':')
			strbuf_addc(to, ' ');
	}
	strbuf_addc(to, '\n');
}

static int run_show(struct cli *c)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(ANSWER_MAX);
	struct err err = {0};
	uint64_t seq;

	if (!parse_u64(str_of(c->args[0]), &seq) || !seq)
		return cli_usage(c, "\"%s\" is no number of a record", c->args[0]);
	AUTO(freep)
	char *path = xasprintf(WIRE_JOURNAL "?from=%llu&limit=1", (unsigned long long)seq);
	if (client_get_text(c, path, &text, &err) != RC_OK)
		return cli_fail(c, &err);
	struct str line = str_trim(strbuf_str(&text));
	if (!line.n) {
		err_set(&err, RC_NOT_FOUND, "there is no record %llu", (unsigned long long)seq);
		return cli_fail(c, &err);
	}
	if (c->json)
		say(c, "%.*s\n", (int)line.n, line.p);
	else
		pretty(&c->out, line);
	return EXIT_GOOD;
}

static const struct option list_options[] = {
	{"last", 'n', "N", "the newest N (30)"},
	{"from", 0, "SEQ", "all from this record on"},
	{"type", 0, "TYPE", "only this type; person.* is all that people ordered"},
	{"subject", 0, "ID",
	 "only about this: run-7, ro-12, production; run-7* also what is below it"},
	{"follow", 'f', NULL, "go on with what comes"},
	{0},
};

const struct command cmd_audit_list = {
	.name = "audit list",
	.group = GROUP_AUDIT,
	.summary = "Records of the journal",
	.usage = "[-n N] [--type TYPE] [--subject ID] [-f]",
	.options = list_options,
	.examples = "penstock audit list                       # the newest 30\n"
		    "penstock audit list --type 'person.*'     # who ordered what\n"
		    "penstock audit list --subject ro-12 -f    # a rollout, live\n"
		    "penstock audit list --from 1 --json > journal.ndjson",
	.run = run_list,
};

const struct command cmd_audit_show = {
	.name = "audit show",
	.group = GROUP_AUDIT,
	.summary = "One record, whole",
	.usage = "SEQ",
	.examples = "penstock audit show 412",
	.run = run_show,
	.least = 1,
};
