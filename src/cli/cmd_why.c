/* penstock why: what decided, with the facts and numbers that it looked at. */
#include "cli/commands.h"
#include "cli/find.h"
#include "cli/view.h"
#include "cli/why_diff.h"

#include "api/wire.h"
#include "core/watch.h"

static void row(struct cli *c, const char *key, const char *fmt, ...) PRINTF(3, 4);
static void row(struct cli *c, const char *key, const char *fmt, ...)
{
	va_list ap;

	tint(&c->out, &c->term, DIM, "  %-12s", key);
	say(c, " ");
	va_start(ap, fmt);
	strbuf_addv(&c->out, fmt, ap);
	va_end(ap);
	say(c, "\n");
}

static void row_text(struct cli *c, const char *key, const struct json *j, const char *member)
{
	if (*text_at(j, member))
		row(c, key, "%s", text_at(j, member));
}

static void heading(struct cli *c, const struct json *j)
{
	const char *state = text_at(j, "state");

	tint(&c->out, &c->term, BOLD, "%s", text_at(j, "id"));
	tint(&c->out, &c->term, tone_of(state), "  %s\n", state);
}

/* ---- jobs ---- */

static const char *meaning(const char *state)
{
	static const struct {
		const char *state, *text;
	} lines[] = {
		{"blocked", "it waits for the jobs that it needs"},
		{"ready", "it waits for a free slot"},
		{"running", "nothing before had its key: it has to run"},
		{"passed", "nothing before had its key: it ran, and passed"},
		{"cached", "a job with the very same inputs passed before: its result is used"},
		{"unaffected", "nothing that it reads was changed: it need not run"},
		{"skipped", "it was left out; the plan says why"},
		{"failed", "it ran, and failed"},
		{"flaky", "it passed, but not every time: amber, and recorded"},
		{"cancelled", "it was stopped"},
		{"lost", "the machine lost it; it is tried again"},
		{"manual", "it waits for somebody: penstock start JOB"},
	};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (streq(lines[i].state, state))
			return lines[i].text;
	return "";
}

static void draw_job(struct cli *c, const struct json *j)
{
	const struct json *needs = json_get(j, "needs"), *junit = json_get(j, "junit");
	const char *failure = text_at(j, "failure"), *state = text_at(j, "state");
	uint64_t began = number_at(j, "started_at"), ended = number_at(j, "ended_at");

	heading(c, j);
	row(c, "because", "%s",
	    streq(state, "failed") && !began ? "it could not be run" : meaning(state));
	if (streq(state, "failed") && *text_at(json_get(j, "report"), "cause")) {
		row(c, "cause", "%s", "most likely:");
		(void)view_cause(c, text_at(j, "id"));
	}
	row_text(c, "plan", j, "why");
	row_text(c, "error", j, "error");
	if (json_truth(json_get(j, "amber"), false))
		row(c, "allowed", "%s",
		    "it says allow_failure: its failure is shown, and fails nothing");
	if (*failure)
		row(c, "failed by", "%s (exit %lld)", failure,
		    (long long)json_get_int(j, "exit", 0));
	if (number_at(junit, "tests"))
		row(c, "tests", "%llu, %llu failed, %llu skipped",
		    (unsigned long long)number_at(junit, "tests"),
		    (unsigned long long)number_at(junit, "failed"),
		    (unsigned long long)number_at(junit, "skipped"));
	row_text(c, "first", junit, "first_failure");
	if (began && ended > began) {
		AUTO(strbuf_done) struct strbuf took = STRBUF(64);

		strbuf_add_duration(&took, ended - began);
		row(c, "took", "%s", strbuf_cstr(&took));
	}
	if (number_at(j, "attempt") > 1)
		row(c, "attempt", "%llu", (unsigned long long)number_at(j, "attempt"));
	row_text(c, "key", j, "key");
	row_text(c, "image", j, "image");
	for (size_t i = 0; i < json_count(needs); i++)
		row(c, i ? "" : "needs", "%s", json_text(json_at(needs, i), ""));
	if (began || *text_at(j, "log"))
		hint(c, "its log: penstock logs %s", text_at(j, "id"));
}

/* ---- rollouts ---- */

static void draw_numbers(struct cli *c, const struct json *n)
{
	const char *answer = text_at(n, "answer"), *metric = text_at(n, "metric");
	AUTO(strbuf_done) struct strbuf line = STRBUF(512);
	double evidence = json_number(json_get(n, "evidence"), 0),
	       wanted = json_number(json_get(n, "wanted"), 0);
	double harm = json_number(json_get(n, "harm_evidence"), 0),
	       harm_wanted = json_number(json_get(n, "harm_wanted"), 0);
	AUTO(freep) char *have = watch_evidence_text(evidence);
	AUTO(freep) char *want = watch_evidence_text(wanted);
	AUTO(freep) char *harm_have = watch_evidence_text(harm);
	AUTO(freep) char *harm_want = watch_evidence_text(harm_wanted);

	view_numbers(&line, n);
	row(c, "seen", "%s", strbuf_cstr(&line));
	tint(&c->out, &c->term, DIM, "  %-12s", "verdict");
	tint(&c->out, &c->term, tone_of(answer), " %s", *answer ? answer : "none yet");
	if (*metric)
		say(c, ", by %s", metric);
	if (*text_at(n, "lane"))
		say(c, " (%s)", text_at(n, "lane"));
	say(c, "\n");
	if (wanted > 0)
		row(c, "for it", "evidence %s of %s that it is no worse", have, want);
	if (harm_wanted > 0)
		row(c, "against it", "evidence %s of %s that it is worse", harm_have, harm_want);
	if (streq(answer, "wait") && number_at(n, "need") && number_at(n, "need") < UINT64_MAX)
		row(c, "still needed", "%llu requests, at what was seen so far",
		    (unsigned long long)number_at(n, "need"));
}

static void draw_steps(struct cli *c, const struct json *ro)
{
	const struct json *steps = json_get(json_get(ro, "strategy"), "steps");
	AUTO(strbuf_done) struct strbuf line = STRBUF(1024);
	uint64_t now = number_at(ro, "step");

	if (!json_count(steps))
		return;
	for (size_t i = 0; i < json_count(steps); i++) {
		strbuf_adds(&line, i ? (c->term.utf8 ? " → " : " -> ") : "");
		strbuf_adds(&line, i == now ? "[" : "");
		add_percent(&line, json_number(json_get(json_at(steps, i), "share"), 0));
		strbuf_adds(&line, i == now ? "]" : "");
	}
	row(c, "steps", "%s", strbuf_cstr(&line));
}

static void draw_harm(struct cli *c, const struct json *ro)
{
	static const struct {
		const char *key, *from, *to;
	} spans[] = {
		{"judged in", "harm_at", "verdict_at"},
		{"ordered in", "verdict_at", "zero_ordered_at"},
		{"away in", "zero_ordered_at", "zero_confirmed_at"},
	};

	row_text(c, "cause", ro, "cause");
	for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
		uint64_t from = number_at(ro, spans[i].from), to = number_at(ro, spans[i].to);
		AUTO(strbuf_done) struct strbuf text = STRBUF(64);

		if (!from || to < from)
			continue;
		strbuf_add_duration(&text, to - from);
		row(c, spans[i].key, "%s", strbuf_cstr(&text));
	}
}

static void draw_rollout(struct cli *c, const struct json *ro)
{
	AUTO(strbuf_done) struct strbuf from = STRBUF(64), to = STRBUF(64), line = STRBUF(4096);

	heading(c, ro);
	row(c, "what", "%s of %s into %s", text_at(ro, "unit"), text_at(ro, "release"),
	    text_at(ro, "environment"));
	add_short(&from, text_at(ro, "previous"));
	add_short(&to, text_at(ro, "image"));
	row(c, "version", "%s, before it %s%s", strbuf_cstr(&to), strbuf_cstr(&from),
	    json_truth(json_get(ro, "is_return"), false) ? " (a way back: no analysis)" : "");
	view_rollout(&line, &c->term, ro);
	row(c, "now", "%s", strbuf_cstr(&line));
	draw_steps(c, ro);
	if (*text_at(ro, "verdict") || json_get(ro, "numbers"))
		draw_numbers(c, json_get(ro, "numbers"));
	row_text(c, "reason", ro, "reason");
	draw_harm(c, ro);
	if (streq(text_at(ro, "state"), "baking"))
		hint(c, "without waiting: penstock promote %s, back: penstock abort %s",
		     text_at(ro, "id"), text_at(ro, "id"));
}

/* ---- releases and runs ---- */

static void draw_gate(struct cli *c, const struct json *gate)
{
	const struct json *list = json_get(gate, "requirements"),
			  *approvals = json_get(gate, "approvals");
	const char *decision = text_at(gate, "decision");
	struct table t;

	tint(&c->out, &c->term, DIM, "  %-12s", "gate");
	tint(&c->out, &c->term, tone_of(decision), " %s", *decision ? decision : "not asked yet");
	say(c, "%s%s\n", *text_at(gate, "by") ? ", by " : "", text_at(gate, "by"));
	table_init(&t, "", 3);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *r = json_at(list, i);
		const char *state = text_at(r, "state");
		bool ok = streq(state, "ok"), no = streq(state, "no");

		table_add(&t,
			  ok   ? GOOD
			  : no ? BAD
			       : WARN,
			  "%s",
			  ok   ? mark_good(&c->term)
			  : no ? mark_bad(&c->term)
			       : mark_wait(&c->term));
		table_add(&t, PLAIN, "%s", text_at(r, "kind"));
		table_add(&t, PLAIN, "%s", text_at(r, "reason"));
	}
	table_print(&t, &c->term, 15, &c->out);
	for (size_t i = 0; i < json_count(approvals); i++) {
		const struct json *a = json_at(approvals, i);
		AUTO(strbuf_done) struct strbuf at = STRBUF(64);

		view_time(&at, number_at(a, "at"));
		row(c, i ? "" : "approvals", "%s %s %s%s%s", strbuf_cstr(&at), text_at(a, "actor"),
		    json_truth(json_get(a, "yes"), false) ? "yes" : "no",
		    *text_at(a, "comment") ? ": " : "", text_at(a, "comment"));
	}
}

static void draw_change(struct cli *c, const struct json *change)
{
	row(c, "change", "%.10s \"%s\" by %s, on %s of %s", text_at(change, "commit"),
	    text_at(change, "subject"), text_at(change, "author"), text_at(change, "ref"),
	    text_at(change, "repo"));
	row_text(c, "takes back", change, "reverts");
}

/* Of one that went live: what became of it. */
static const char *item_now(const struct json *item)
{
	if (json_truth(json_get(item, "live"), false))
		return "  live";
	if (json_truth(json_get(item, "taken_back"), false))
		return "  taken back";
	if (json_truth(json_get(item, "production_skipped"), false))
		return "  was live already";
	return json_truth(json_get(item, "production_done"), false) ? "  replaced" : "";
}

static void draw_release(struct cli *c, const struct json *r)
{
	const struct json *items = json_get(r, "items");

	heading(c, r);
	draw_change(c, json_get(r, "change"));
	row_text(c, "reason", r, "reason");
	row_text(c, "run", r, "run");
	for (size_t i = 0; i < json_count(items); i++) {
		const struct json *item = json_at(items, i);
		AUTO(strbuf_done) struct strbuf version = STRBUF(64);

		add_short(&version, text_at(item, "image"));
		row(c, i ? "" : "brings", "%s %s  %s %s%s", text_at(item, "unit"),
		    strbuf_cstr(&version), text_at(item, "staging_rollout"),
		    text_at(item, "production_rollout"), item_now(item));
	}
	draw_gate(c, json_get(r, "gate"));
	row_text(c, "incident", r, "incident");
	if (streq(text_at(json_get(r, "gate"), "decision"), "wait"))
		hint(c, "say yes: penstock approve %s", text_at(r, "id"));
}

/* How long it was thought to take and took, what it hung on, and what would make it shorter. */
static void draw_time(struct cli *c, const struct json *r)
{
	const struct json *critical = json_get(r, "critical"), *advice = json_get(r, "advice");
	uint64_t began = number_at(r, "created_at"), ended = number_at(r, "ended_at");
	AUTO(strbuf_done) struct strbuf b = STRBUF(4096);

	if (ended > began) {
		strbuf_adds(&b, "took ");
		strbuf_add_duration(&b, ended - began);
	}
	if (number_at(r, "predicted")) {
		strbuf_adds(&b, b.n ? ", predicted " : "predicted ");
		strbuf_add_duration(&b, number_at(r, "predicted"));
	}
	if (number_at(r, "budget")) {
		strbuf_adds(&b, ", budget ");
		strbuf_add_duration(&b, number_at(r, "budget"));
	}
	if (b.n)
		row(c, "time", "%s", strbuf_cstr(&b));
	for (size_t i = 0; i < json_count(critical); i++)
		row(c, i ? "" : "critical", "%s", json_text(json_at(critical, i), ""));
	for (size_t i = 0; i < json_count(advice); i++)
		row(c, i ? "" : "shorter by", "%s", json_text(json_at(advice, i), ""));
}

static void draw_run(struct cli *c, const struct json *r)
{
	const struct json *affected = json_get(r, "affected");
	AUTO(strbuf_done) struct strbuf units = STRBUF(65536);

	heading(c, r);
	draw_change(c, json_get(r, "change"));
	row_text(c, "reason", r, "reason");
	for (size_t i = 0; i < json_count(affected); i++)
		strbuf_addf(&units, "%s%s", i ? " " : "", json_text(json_at(affected, i), ""));
	row(c, "affected", "%s", units.n ? strbuf_cstr(&units) : "nothing");
	row(c, "jobs", "%llu: %llu cached, %llu unaffected, %llu failed",
	    (unsigned long long)number_at(r, "jobs"), (unsigned long long)number_at(r, "cached"),
	    (unsigned long long)number_at(r, "unaffected"),
	    (unsigned long long)number_at(r, "failed"));
	row_text(c, "release", r, "release");
	draw_time(c, r);
	hint(c, "one job: penstock why %s/UNIT/JOB", text_at(r, "id"));
}

static int run(struct cli *c)
{
	static const struct {
		const char *kind, *base;
		void (*draw)(struct cli *c, const struct json *j);
	} kinds[] = {{"run", WIRE_RUNS, draw_run},
		     {"rel", WIRE_RELEASES, draw_release},
		     {"ro", WIRE_ROLLOUTS, draw_rollout}};
	const char *kind = kind_of_id(c->args[0]);
	AUTO(freep) char *id = NULL;
	struct err err = {0};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!streq(kinds[i].kind, kind))
			continue;
		AUTO(freep) char *path = client_path(kinds[i].base, c->args[0], "");
		return client_show(c, path, kinds[i].draw);
	}
	if (find_job(c, c->args[0], &id, &err) != RC_OK)
		return cli_fail(c, &err);
	if (cli_value(c, "diff"))
		return why_diff(c, id, cli_value(c, "diff"));
	if (cli_flag(c, "key"))
		return why_key(c, id);
	AUTO(freep) char *path = client_path(WIRE_JOBS, id, "");
	return client_show(c, path, draw_job);
}

static const struct option options[] = {
	{"diff", 0, "RUN", "which declared things of the job differ from the same job in that run"},
	{"key", 0, NULL, "everything that the job's key is made of"},
	{0}};

const struct command cmd_why = {
	.name = "why",
	.group = GROUP_SEE,
	.summary = "Why a job ran or did not, a verdict is what it is, a gate says no",
	.usage = "JOB [--diff RUN | --key] | ROLLOUT | RELEASE | RUN",
	.options = options,
	.examples =
		"penstock why run-7/orders/test   # why it ran, was cached, skipped, failed\n"
		"penstock why run-7/orders/test --diff run-6   # which input made it run\n"
		"penstock why ro-12               # the verdict, with its numbers and what it still needs\n"
		"penstock why rel-4               # the gate, requirement by requirement",
	.run = run,
	.least = 1,
};
