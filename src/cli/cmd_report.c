/* penstock report: tests, findings and coverage of a run or a job. */
#include "cli/commands.h"
#include "cli/find.h"
#include "cli/view.h"

#include "api/wire.h"

#define SHOWN 50 /* of each list */

static void draw_annotation(struct table *t, const struct json *a)
{
	const char *level = text_at(a, "level");
	uint64_t line = number_at(a, "line");
	AUTO(strbuf_done) struct strbuf place = STRBUF(2048);

	strbuf_adds(&place, text_at(a, "path"));
	if (line)
		strbuf_addf(&place, ":%llu", (unsigned long long)line);
	table_add(t,
		  streq(level, "error")     ? BAD
		  : streq(level, "warning") ? WARN
					    : DIM,
		  "%s", *level ? level : "notice");
	table_add(t, PLAIN, "%s", strbuf_cstr(&place));
	table_add(t, DIM, "%s", *text_at(a, "rule") ? text_at(a, "rule") : text_at(a, "source"));
	table_add(t, PLAIN, "%s", text_at(a, "message"));
}

static void draw_annotations(struct cli *c, const struct json *list, bool of_run)
{
	size_t n = json_count(list);
	struct table t;

	if (!n)
		return;
	say(c, "\n");
	table_init(&t, "LEVEL|WHERE|RULE|WHAT", 4);
	for (size_t i = 0; i < n && i < SHOWN; i++)
		draw_annotation(&t, of_run ? json_get(json_at(list, i), "annotation")
					   : json_at(list, i));
	table_print(&t, &c->term, 2, &c->out);
	if (n > SHOWN)
		say(c, "  ... and %zu more (--json has them)\n", n - SHOWN);
}

static void draw_test(struct cli *c, const struct json *t)
{
	tint(&c->out, &c->term, BAD, "  %s ", mark_bad(&c->term));
	say(c, "%s%s%s", text_at(t, "class"), *text_at(t, "class") ? "." : "", text_at(t, "name"));
	if (*text_at(t, "file"))
		say(c, "  (%s)", text_at(t, "file"));
	say(c, "\n");
	if (*text_at(t, "message"))
		say(c, "      %s\n", text_at(t, "message"));
}

static void draw_tests(struct cli *c, uint64_t n, uint64_t failed, uint64_t skipped)
{
	if (!n)
		return;
	say(c, "tests     %llu, ", (unsigned long long)n);
	tint(&c->out, &c->term, failed ? BAD : GOOD, "%llu failed", (unsigned long long)failed);
	say(c, ", %llu skipped\n", (unsigned long long)skipped);
}

static void draw_coverage(struct cli *c, uint64_t lines, uint64_t covered,
			  const struct json *change)
{
	if (!lines)
		return;
	say(c, "coverage  %.1f %% (%llu of %llu lines)", 100.0 * (double)covered / (double)lines,
	    (unsigned long long)covered, (unsigned long long)lines);
	if (change) {
		double points = json_number(change, 0) * 100;
		say(c, ", ");
		tint(&c->out, &c->term, points < 0 ? BAD : GOOD, "%+.1f points against the base",
		     points);
	}
	say(c, "\n");
}

static void draw_sums(struct cli *c, const struct json *j)
{
	uint64_t errors = number_at(j, "errors"), warnings = number_at(j, "warnings");

	if (errors || warnings)
		say(c, "findings  %llu error%s, %llu warning%s\n", (unsigned long long)errors,
		    errors == 1 ? "" : "s", (unsigned long long)warnings, warnings == 1 ? "" : "s");
}

static void draw_run(struct cli *c, const struct json *j)
{
	const struct json *tests = json_get(j, "failed_tests"), *coverage = json_get(j, "coverage");

	draw_tests(c, number_at(j, "tests"), number_at(j, "failed"), number_at(j, "skipped"));
	draw_sums(c, j);
	draw_coverage(c, number_at(coverage, "lines"), number_at(coverage, "covered"),
		      json_get(coverage, "change"));
	if (!c->out.n)
		say(c, "no job of %s left a report\n", text_at(j, "run"));
	for (size_t i = 0; i < json_count(tests) && i < SHOWN; i++) {
		say(c, "%s", i ? "" : "\n");
		draw_test(c, json_get(json_at(tests, i), "test"));
	}
	draw_annotations(c, json_get(j, "annotations"), true);
}

/* What the base had stands with the job, not in the report, which is what the job itself wrote. */
static struct json *read_job(struct cli *c)
{
	AUTO(freep)
	char *name =
		c->n_args > 1 ? xasprintf("%s/%s", c->args[0], c->args[1]) : xstrdup(c->args[0]);
	AUTO(freep) char *id = NULL;
	struct json *j = NULL;
	struct err err = {0};

	if (find_job(c, name, &id, &err) != RC_OK)
		return NULL;
	AUTO(freep) char *path = client_path(WIRE_JOBS, id, "");
	return client_get(c, path, &j, &err) == RC_OK ? j : NULL;
}

static void draw_change(struct cli *c, const struct json *report, uint64_t lines, uint64_t covered)
{
	uint64_t base_lines = number_at(report, "base_lines"),
		 base_covered = number_at(report, "base_covered");

	if (!lines)
		return;
	say(c, "coverage  %.1f %% (%llu of %llu lines)", 100.0 * (double)covered / (double)lines,
	    (unsigned long long)covered, (unsigned long long)lines);
	if (base_lines) {
		double points = 100.0 * (double)covered / (double)lines -
				100.0 * (double)base_covered / (double)base_lines;
		say(c, ", ");
		tint(&c->out, &c->term, points < 0 ? BAD : GOOD, "%+.1f points against the base",
		     points);
	}
	say(c, "\n");
}

static void draw_job(struct cli *c, const struct json *j)
{
	const struct json *tests = json_get(j, "tests");
	AUTO(json_freep) struct json *job = read_job(c);

	draw_tests(c, number_at(j, "tests_run"), number_at(j, "tests_failed"),
		   number_at(j, "tests_skipped"));
	draw_sums(c, j);
	draw_change(c, json_get(job, "report"), number_at(j, "lines"), number_at(j, "covered"));
	for (size_t i = 0; i < json_count(tests) && i < SHOWN; i++)
		if (streq(text_at(json_at(tests, i), "outcome"), "failed"))
			draw_test(c, json_at(tests, i));
	draw_annotations(c, json_get(j, "annotations"), false);
	if (*text_at(j, "summary"))
		hint(c, "its summary (Markdown): penstock report JOB --json | jq -r .summary");
}

static int run(struct cli *c)
{
	AUTO(freep) char *id = NULL;
	struct err err = {0};

	if (c->n_args == 1 && streq(kind_of_id(c->args[0]), "run")) {
		AUTO(freep) char *path = client_path(WIRE_RUNS, c->args[0], "/report");
		return client_show(c, path, draw_run);
	}
	AUTO(freep)
	char *name =
		c->n_args > 1 ? xasprintf("%s/%s", c->args[0], c->args[1]) : xstrdup(c->args[0]);
	if (find_job(c, name, &id, &err) != RC_OK)
		return cli_fail(c, &err);
	AUTO(freep) char *path = client_path(WIRE_JOBS, id, "/report");
	return client_show(c, path, draw_job);
}

const struct command cmd_report = {
	.name = "report",
	.group = GROUP_SEE,
	.summary = "Tests, findings and coverage of a run or a job",
	.usage = "RUN [JOB] | JOB",
	.examples = "penstock report run-7                # all jobs, coverage against the base\n"
		    "penstock report run-7 orders/test    # one job\n"
		    "penstock report orders/test --json   # all of it, with the summary",
	.run = run,
	.least = 1,
	.most = 2,
};
