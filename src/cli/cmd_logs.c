/* penstock logs: what a job printed, also while it prints. */
#include "cli/commands.h"
#include "cli/find.h"
#include "cli/view.h"

#include <unistd.h>

#include "api/wire.h"
#include "io/clock.h"
#include "io/files.h"

#define KEPT_MAX ((size_t)256 << 10) /* of a folded step */
#define TRIES    30                  /* seconds that a follower waits for a daemon that is away */

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

/* The query that the options make; "from" is added by who follows. */
static void add_query(struct cli *c, struct strbuf *to)
{
	const char *step = cli_value(c, "step"), *tail = cli_value(c, "tail");

	if (step) {
		strbuf_adds(to, "&step=");
		strbuf_add_urlencoded(to, str_of(step));
	}
	if (tail) {
		strbuf_adds(to, "&tail=");
		strbuf_add_urlencoded(to, str_of(tail));
	}
	if (cli_flag(c, "timestamps"))
		strbuf_adds(to, "&timestamps=1");
}

/* A follower outlives a restart of the daemon: it goes on where it was, when what it prints are the log's own bytes. */
static enum rc follow(struct cli *c, const char *id, struct copy *copy, struct err *err)
{
	AUTO(strbuf_done) struct strbuf query = STRBUF(4096);
	enum rc rc = RC_OK;

	add_query(c, &query);
	for (unsigned tries = 0; tries < TRIES; tries++) {
		AUTO(freep)
		char *rest = xasprintf("/log?follow=1&from=%llu%s", (unsigned long long)copy->at,
				       strbuf_cstr(&query));
		AUTO(freep) char *path = client_path(WIRE_JOBS, id, rest);
		uint64_t before = copy->at;

		rc = client_stream(c, path, print, copy, err);
		if (rc != RC_UNAVAILABLE || copy->left || (query.n && copy->at))
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

/* One line a step, with how long it took and how it ended; the lines of those that failed. */
struct fold {
	struct cli *c;
	struct strbuf line, kept;
	char *step;
	uint64_t lines, first, last;
	bool live;
};

static void fold_end(struct fold *f, bool failed)
{
	AUTO(strbuf_done) struct strbuf took = STRBUF(64);

	if (!f->lines)
		return;
	strbuf_add_duration(&took, f->last - f->first);
	tint(&f->c->out, &f->c->term, failed ? BAD : BOLD, "%s %s", failed ? "v" : ">",
	     f->step && *f->step ? f->step : "(no step)");
	say(f->c, "  %llu line%s, %s\n", (unsigned long long)f->lines, f->lines == 1 ? "" : "s",
	    f->last > f->first ? strbuf_cstr(&took) : "at once");
	if (failed)
		strbuf_addstr(&f->c->out, strbuf_str(&f->kept));
	cli_flush(f->c);
	strbuf_clear(&f->kept);
	f->lines = 0;
}

static void fold_line(struct fold *f)
{
	AUTO(json_freep) struct json *j = NULL;

	if (json_read(strbuf_str(&f->line), ANSWER_MAX, &j, NULL) != RC_OK)
		return;
	const char *step = text_at(j, "step");
	if (!f->step || !streq(step, f->step)) {
		fold_end(f, false);
		xfree(f->step);
		f->step = xstrdup(step);
		f->first = number_at(j, "t");
		if (f->live && f->c->term.tty) {
			tint(&f->c->out, &f->c->term, DIM, "  %s ...\n",
			     *step ? step : "(no step)");
			cli_flush(f->c);
		}
	}
	f->lines++;
	f->last = number_at(j, "t");
	if (f->kept.n > KEPT_MAX) /* of a long step, its end */
		strbuf_clear(&f->kept);
	strbuf_adds(&f->kept, "    ");
	strbuf_addstr(&f->kept, json_view(json_get(j, "text")));
	strbuf_addc(&f->kept, '\n');
}

static bool fold_part(void *ctx, struct str part)
{
	struct fold *f = ctx;

	while (part.n) {
		const char *end = memchr(part.p, '\n', part.n);
		size_t n = end ? (size_t)(end - part.p) : part.n;
		strbuf_add(&f->line, part.p, n);
		part.p += n + (end != NULL);
		part.n -= n + (end != NULL);
		if (!end)
			break;
		fold_line(f);
		strbuf_clear(&f->line);
	}
	return true;
}

static int fold(struct cli *c, const char *id)
{
	struct fold f = {.c = c,
			 .line = STRBUF((size_t)1 << 20),
			 .kept = STRBUF(KEPT_MAX * 2),
			 .live = cli_flag(c, "follow")};
	AUTO(freep)
	char *path = client_path(WIRE_JOBS, id,
				 f.live ? "/log?format=json&follow=1" : "/log?format=json");
	AUTO(freep) char *about = client_path(WIRE_JOBS, id, "");
	AUTO(json_freep) struct json *j = NULL;
	struct err err = {0};

	enum rc rc = client_stream(c, path, fold_part, &f, &err);
	if (rc == RC_OK)
		rc = client_get(c, about, &j, &err);
	if (rc == RC_OK)
		fold_end(&f, streq(text_at(j, "state"), "failed"));
	strbuf_done(&f.line);
	strbuf_done(&f.kept);
	xfree(f.step);
	if (rc != RC_OK)
		return cli_fail(c, &err);
	return f.live ? show_end(c, id) : EXIT_GOOD;
}

static int search(struct cli *c, const char *id, const char *text)
{
	AUTO(strbuf_done) struct strbuf rest = STRBUF(4096), answer = STRBUF(ANSWER_MAX);
	AUTO(json_freep) struct json *j = NULL;
	struct err err = {0};

	strbuf_adds(&rest, "/log?search=");
	strbuf_add_urlencoded(&rest, str_of(text));
	add_query(c, &rest);
	AUTO(freep) char *path = client_path(WIRE_JOBS, id, strbuf_cstr(&rest));
	if (c->json)
		return client_get_text(c, path, &c->out, &err) == RC_OK ? EXIT_GOOD
									: cli_fail(c, &err);
	if (client_get(c, path, &j, &err) != RC_OK)
		return cli_fail(c, &err);
	const struct json *list = json_get(j, "matches");
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *m = json_at(list, i);
		tint(&c->out, &c->term, DIM, "%llu", (unsigned long long)number_at(m, "n"));
		say(c, "%s%s: %s\n", *text_at(m, "step") ? " " : "", text_at(m, "step"),
		    text_at(m, "text"));
	}
	if (json_truth(json_get(j, "truncated"), false))
		say(c, "... and more: search for something rarer, or in one step\n");
	return json_count(list) ? EXIT_GOOD : EXIT_WORK;
}

/* Of each job of a run that failed: the likely cause, and how to read on. */
static int failed(struct cli *c, const char *run)
{
	AUTO(freep) char *path = client_path(WIRE_RUNS, run, "/jobs");
	AUTO(json_freep) struct json *j = NULL;
	struct err err = {0};
	size_t n = 0;

	if (client_get(c, path, &j, &err) != RC_OK)
		return cli_fail(c, &err);
	const struct json *jobs = json_get(j, "jobs");
	for (size_t i = 0; i < json_count(jobs); i++) {
		const struct json *job = json_at(jobs, i);
		if (!streq(text_at(job, "state"), "failed"))
			continue;
		say(c, "%s", n++ ? "\n" : "");
		view_failure(c, job);
	}
	if (!n)
		say(c, "no job of %s failed\n", run);
	return n ? EXIT_WORK : EXIT_GOOD;
}

static char *name_of(struct cli *c)
{
	return c->n_args > 1 ? xasprintf("%s/%s", c->args[0], c->args[1]) : xstrdup(c->args[0]);
}

static int run(struct cli *c)
{
	AUTO(freep) char *id = NULL;
	struct copy copy = {0};
	struct err err = {0};
	bool following = cli_flag(c, "follow");

	if (cli_flag(c, "failed"))
		return failed(c, c->args[0]);
	AUTO(freep) char *name = name_of(c);
	if (find_job(c, name, &id, &err) != RC_OK)
		return cli_fail(c, &err);
	if (cli_value(c, "search"))
		return search(c, id, cli_value(c, "search"));
	if (cli_flag(c, "fold"))
		return fold(c, id);
	AUTO(strbuf_done) struct strbuf rest = STRBUF(4096);
	strbuf_adds(&rest, "/log?from=0");
	add_query(c, &rest);
	AUTO(freep) char *path = client_path(WIRE_JOBS, id, strbuf_cstr(&rest));
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
	if (cli_value(c, "step") && !copy.at && !following)
		fprintf(stderr,
			"penstock: no step \"%s\" of %s printed anything; its steps: penstock logs %s --fold\n",
			cli_value(c, "step"), id, id);
	return following && !copy.left ? show_end(c, id) : EXIT_GOOD;
}

static const struct option options[] = {
	{"follow", 'f', NULL, "go on until the job ends; the exit code is 1 when it failed"},
	{"search", 0, "TEXT", "lines that hold TEXT, or match /ERE/ (/ERE/i), with their numbers"},
	{"step", 0, "STEP", "only this step, by name or number"},
	{"timestamps", 't', NULL, "when each line came"},
	{"fold", 0, NULL,
	 "one line a step; all of the one that failed; with --follow as each ends"},
	{"tail", 0, "N", "the last N lines"},
	{"failed", 0, NULL, "of a run: each failed job's likely cause"},
	{0}};

const struct command cmd_logs = {
	.name = "logs",
	.group = GROUP_SEE,
	.summary = "What a job printed, also while it runs",
	.usage = "JOB [-f] | RUN JOB | RUN --failed",
	.options = options,
	.examples = "penstock logs orders/test              # of the newest run\n"
		    "penstock logs run-7/orders/test -f     # live, until it ends\n"
		    "penstock logs run-7/ci/orders/test     # by its whole id\n"
		    "penstock logs run-7 --failed           # what went wrong, job by job\n"
		    "penstock logs orders/test --search '/timeout|refused/i'\n"
		    "penstock logs orders/test --step migrate --timestamps",
	.run = run,
	.least = 1,
	.most = 2,
};
