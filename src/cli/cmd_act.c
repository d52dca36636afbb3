/* penstock approve, promote, rollback, abort, rerun */
#include "cli/commands.h"
#include "cli/find.h"

#include "api/wire.h"

static const struct option message[] = {{"message", 'm', "TEXT", "why; it stands in the journal"},
					{0}};

static int order(struct cli *c, const char *base, const char *rest, const char *key,
		 const char *done)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(65536);
	struct json_out o = JSON_OUT(&body);
	AUTO(freep) char *path = client_path(base, c->args[0], rest);

	json_open(&o, NULL);
	body_text(&o, key, cli_value(c, "message"));
	if (streq(rest, "/approve"))
		json_bool(&o, "ok", !cli_flag(c, "no"));
	if (streq(rest, "/rollback")) {
		json_cstr(&o, "unit", c->args[1]);
		body_text(&o, "image", cli_value(c, "to"));
	}
	json_close(&o);
	return client_do(c, "POST", path, &body, done);
}

static int run_approve(struct cli *c)
{
	AUTO(freep)
	char *done = xasprintf("you said %s to %s", cli_flag(c, "no") ? "no" : "yes", c->args[0]);
	bool is_run = streq(kind_of_id(c->args[0]), "run"); /* a change from a fork */
	int code = order(c, is_run ? WIRE_RUNS : WIRE_RELEASES, "/approve", "comment", done);

	if (code == EXIT_GOOD)
		hint(c, "what the gate says now: penstock why %s", c->args[0]);
	return code;
}

static int run_promote(struct cli *c)
{
	AUTO(freep) char *done = xasprintf("%s takes its next step now", c->args[0]);
	int code = order(c, WIRE_ROLLOUTS, "/promote", "reason", done);

	if (code == EXIT_GOOD)
		hint(c, "watch it: penstock status -w");
	return code;
}

static int run_rollback(struct cli *c)
{
	AUTO(freep) char *done = xasprintf("%s of %s goes back", c->args[1], c->args[0]);
	int code = order(c, WIRE_ENVIRONMENTS, "/rollback", "reason", done);

	if (code == EXIT_GOOD)
		hint(c, "watch it: penstock status -w");
	return code;
}

static int run_abort(struct cli *c)
{
	static const struct {
		const char *kind, *base;
	} kinds[] = {{"run", WIRE_RUNS}, {"rel", WIRE_RELEASES}, {"ro", WIRE_ROLLOUTS}};
	const char *kind = kind_of_id(c->args[0]);
	AUTO(freep) char *done = xasprintf("%s is stopped", c->args[0]);

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (streq(kinds[i].kind, kind))
			return order(c, kinds[i].base, "/abort", "reason", done);
	return cli_usage(c, "\"%s\" is no run, release or rollout (run-7, rel-4, ro-12)",
			 c->args[0]);
}

/* The answer names the new run, unless none came of it, or not yet. */
static int run_rerun(struct cli *c)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(65536);
	struct json_out o = JSON_OUT(&body);
	AUTO(freep) char *path = client_path(WIRE_RUNS, c->args[0], "/rerun");
	AUTO(json_freep) struct json *answer = NULL;
	struct err err = {0};

	json_open(&o, NULL);
	body_text(&o, "reason", cli_value(c, "message"));
	json_close(&o);
	if (client_post(c, path, strbuf_str(&body), &answer, &err) != RC_OK)
		return cli_fail(c, &err);
	if (c->json) {
		struct json_out out = JSON_OUT(&c->out);

		json_write(&out, NULL, answer);
		say(c, "\n");
		return EXIT_GOOD;
	}
	const char *run = text_at(answer, "run"), *problem = text_at(answer, "problem");
	tint(&c->out, &c->term, GOOD, "%s", mark_good(&c->term));
	if (*run)
		say(c, " %s is done again as %s; what passed comes from the cache", c->args[0],
		    run);
	else
		say(c, " %s is done again; what passed comes from the cache", c->args[0]);
	tint(&c->out, &c->term, DIM, "  (record %llu)",
	     (unsigned long long)number_at(answer, "seq"));
	say(c, "\n");
	if (*problem)
		hint(c, "its commit could not be read: %s", problem);
	else
		hint(c, "watch it: penstock status -w");
	return EXIT_GOOD;
}

static const struct option approve_options[] = {
	{"no", 0, NULL, "say no"},
	{"message", 'm', "TEXT", "why; it stands in the signed decision"},
	{0},
};

const struct command cmd_approve = {
	.name = "approve",
	.group = GROUP_ACT,
	.summary = "Say yes or no to a release at the gate",
	.usage = "RELEASE [--no] [-m TEXT]",
	.options = approve_options,
	.examples = "penstock approve rel-4 -m 'tested by hand'\n"
		    "penstock approve rel-4 --no -m 'not on a Friday'",
	.run = run_approve,
	.least = 1,
};

const struct command cmd_promote = {
	.name = "promote",
	.group = GROUP_ACT,
	.summary = "The next step of a rollout now, without waiting for its verdict",
	.usage = "ROLLOUT [-m TEXT]",
	.options = message,
	.examples = "penstock promote ro-12 -m 'no traffic at night'",
	.run = run_promote,
	.least = 1,
};

static const struct option rollback_options[] = {
	{"to", 0, "IMAGE", "a digest, its beginning, or a release's id; without: what ran before"},
	{"message", 'm', "TEXT", "why; it stands in the incident"},
	{0},
};

const struct command cmd_rollback = {
	.name = "rollback",
	.group = GROUP_ACT,
	.summary = "Bring a service back to the version before: traffic first",
	.usage = "ENVIRONMENT SERVICE [--to IMAGE] [-m TEXT]",
	.options = rollback_options,
	.examples = "penstock rollback production payments -m 'customers complain'\n"
		    "penstock rollback production payments --to rel-3",
	.run = run_rollback,
	.least = 2,
};

const struct command cmd_abort = {
	.name = "abort",
	.group = GROUP_ACT,
	.summary = "Stop a run, a release or a rollout that is under way",
	.usage = "RUN | RELEASE | ROLLOUT [-m TEXT]",
	.options = message,
	.examples = "penstock abort run-7\n"
		    "penstock abort ro-12 -m 'wrong feature flag'   # its traffic goes back first",
	.run = run_abort,
	.least = 1,
};

const struct command cmd_rerun = {
	.name = "rerun",
	.group = GROUP_ACT,
	.summary = "A run once more: what did not pass runs again",
	.usage = "RUN [-m TEXT]",
	.options = message,
	.examples = "penstock rerun run-7   # says which run it is now",
	.run = run_rerun,
	.least = 1,
};

static int run_start(struct cli *c)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(65536);
	struct json_out o = JSON_OUT(&body);
	AUTO(freep) char *id = NULL;
	struct err err = {0};

	if (find_job(c, c->args[0], &id, &err) != RC_OK)
		return cli_fail(c, &err);
	AUTO(freep) char *path = client_path(WIRE_JOBS, id, "/start");
	AUTO(freep)
	char *done = xasprintf(
		cli_flag(c, "resume") ? "%s goes on in its kept workspace" : "%s is started", id);
	json_open(&o, NULL);
	if (cli_flag(c, "resume"))
		json_bool(&o, "resume", true);
	body_text(&o, "reason", cli_value(c, "message"));
	json_close(&o);
	int code = client_do(c, "POST", path, &body, done);
	if (code == EXIT_GOOD)
		hint(c, "watch it: penstock logs -f %s", id);
	return code;
}

static const struct option start_options[] = {
	{"resume", 0, NULL,
	 "a job that failed, again in the workspace that it left, from the step that failed"},
	{"message", 'm', "TEXT", "why; it stands in the journal"},
	{0}};

const struct command cmd_start = {
	.name = "start",
	.group = GROUP_ACT,
	.summary = "Start a manual job, or go on with a failed one in its kept workspace",
	.usage = "JOB [--resume] [-m TEXT]",
	.options = start_options,
	.examples =
		"penstock start run-7/shop/publish\n"
		"penstock start run-7/orders/test --resume   # only what failed, where it stands",
	.run = run_start,
	.least = 1,
};
