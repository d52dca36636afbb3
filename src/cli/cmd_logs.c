/* penstock logs: what a job printed, also while it prints. */
#include "cli/commands.h"
#include "cli/find.h"

#include <unistd.h>

#include "api/wire.h"
#include "io/clock.h"
#include "io/files.h"

#define TRIES 30 /* seconds that a follower waits for a daemon that is away */

struct copy {
	uint64_t at; /* bytes of the log that were printed */
	bool left;   /* nobody reads us any more */
};

static bool print(void *ctx, struct str part)
{
	struct copy *copy = ctx;

	copy->at += part.n;
	copy->left = fd_write(STDOUT_FILENO, part.p, part.n, NULL) != RC_OK;
	return !copy->left;
}

/* A follower outlives a restart of the daemon: it goes on where it was. */
static enum rc follow(struct cli *c, const char *id, struct copy *copy, struct err *err)
{
	enum rc rc = RC_OK;

	for (unsigned tries = 0; tries < TRIES; tries++) {
		AUTO(freep)
		char *rest = xasprintf("/log?follow=1&from=%llu", (unsigned long long)copy->at);
		AUTO(freep) char *path = client_path(WIRE_JOBS, id, rest);
		uint64_t before = copy->at;

		rc = client_stream(c, path, print, copy, err);
		if (rc != RC_UNAVAILABLE || copy->left)
			return rc;
		tries = copy->at > before ? 0 : tries;
		clock_sleep(USEC_SEC);
	}
	return rc;
}

static int show_end(struct cli *c, const char *id)
{
	AUTO(freep) char *path = client_path(WIRE_JOBS, id, "");
	AUTO(json_freep) struct json *j = NULL;
	struct err err = {0};

	if (client_get(c, path, &j, &err) != RC_OK)
		return cli_fail(c, &err);
	const char *state = text_at(j, "state"), *error = text_at(j, "error");
	bool bad = streq(state, "failed") || streq(state, "cancelled") || streq(state, "skipped");
	if (c->term.tty) {
		tint(&c->out, &c->term, tone_of(state), "%s %s",
		     bad ? mark_bad(&c->term) : mark_good(&c->term), state);
		say(c, "%s%s\n", *error ? ": " : "", error);
	}
	return bad ? EXIT_WORK : EXIT_GOOD;
}

static int run(struct cli *c)
{
	AUTO(freep) char *id = NULL;
	struct copy copy = {0};
	struct err err = {0};
	bool following = cli_flag(c, "follow");

	if (find_job(c, c->args[0], &id, &err) != RC_OK)
		return cli_fail(c, &err);
	AUTO(freep) char *path = client_path(WIRE_JOBS, id, "/log");
	if (c->json && !following) {
		AUTO(strbuf_done) struct strbuf text = STRBUF(ANSWER_MAX);
		struct json_out o = JSON_OUT(&c->out);

		if (client_get_text(c, path, &text, &err) != RC_OK)
			return cli_fail(c, &err);
		json_open(&o, NULL);
		json_cstr(&o, "job", id);
		json_str(&o, "log", strbuf_str(&text));
		json_close(&o);
		say(c, "\n");
		return EXIT_GOOD;
	}
	enum rc rc =
		following ? follow(c, id, &copy, &err) : client_stream(c, path, print, &copy, &err);
	if (rc != RC_OK && !copy.left)
		return cli_fail(c, &err);
	return following && !copy.left ? show_end(c, id) : EXIT_GOOD;
}

static const struct option options[] = {
	{"follow", 'f', NULL, "go on until the job ends; the exit code is 1 when it failed"}, {0}};

const struct command cmd_logs = {
	.name = "logs",
	.group = GROUP_SEE,
	.summary = "What a job printed, also while it runs",
	.usage = "JOB [-f]",
	.options = options,
	.examples = "penstock logs orders/test              # of the newest run\n"
		    "penstock logs run-7/orders/test -f     # live, until it ends\n"
		    "penstock logs run-7/ci/orders/test     # by its whole id",
	.run = run,
	.least = 1,
};
