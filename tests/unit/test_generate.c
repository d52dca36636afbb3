/* What is generated for GitHub and GitLab is imported again: the jobs are the same in all that both can say. */
#include "unit.h"
#include "base/mem.h"
#include "core/config.h"
#include "dialect/dialect.h"

static const char text[] =
	"version: 1\nproject: p\non: {push: {branches: [main]}, pull_request: {}}\nlibraries: {a: {path: .}}\nci:\n"
	"  build: {each: a, run: \"make \\\"it's\\\" $X\", env: {X: 'a ''b'' $${c}'}, container: 'node:22', timeout: 7m}\n"
	"  test: {each: a, needs: [build], if: \"branch == 'main' || event == 'schedule'\", matrix: {v: ['1', '2']}, run: 'test $MATRIX_V', allow_failure: true}\n"
	"  ship: {each: a, needs: [test], run: 'ship ${{ not an expression }}', finally: [clean]}\n";

static void add(struct plan *p, const char *job, const char *def, const char *need, const char *v)
{
	struct plan_job j = {.unit = xstrdup("a"),
			     .job = xstrdup(job),
			     .def = xstrdup(def),
			     .stage = STAGE_CI,
			     .state = PLAN_MISS};

	if (need)
		vec_push(&j.needs, xstrdup(need));
	if (v)
		vec_push(&j.matrix, ((struct pair){xstrdup("v"), xstrdup(v)}));
	vec_push(&p->jobs, j);
}

static void plan_of(struct plan *p)
{
	add(p, "build", "build", NULL, NULL);
	add(p, "test-1", "test", "a/build", "1");
	add(p, "test-2", "test", "a/build", "2");
	add(p, "ship", "ship", "a/test-1", NULL);
	vec_push(&vec_last(&p->jobs)->needs, xstrdup("a/test-2"));
}

static const struct job_def *job(const struct draft *d, const char *name)
{
	vec_each(j, &d->c.jobs)
		if (strcmp(j->name, name) == 0)
			return j;
	fail_msg("there is no job %s", name);
	return NULL;
}

static bool runs(const struct job_def *j, const char *command)
{
	if (j->run && strstr(j->run, command))
		return true;
	vec_each(step, &j->steps)
		if (strstr(step->run, command))
			return true;
	return false;
}

static void round_trip(void **state)
{
	static const struct {
		enum dialect dialect;
		const char *condition;
	} cases[] = {{DIALECT_GITHUB, "branch == 'main' || event == 'schedule'"},
		     {DIALECT_GITLAB, "branch == 'main' || tag == 'main' || event == 'schedule'"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(config_done) struct config c = {0};
		AUTO(strbuf_done) struct strbuf out = STRBUF((size_t)1 << 20);
		AUTO(draft_done) struct draft d = {0};
		struct plan p = {0};
		struct err err = {0};

		if (config_read(STR(text), "p", NULL, NULL, &c, &err) != RC_OK)
			fail_msg("%s", err.msg);
		plan_of(&p);
		struct generate g = {.config = &c, .plan = &p};
		assert_int_equal(generate_dialect(&g, cases[i].dialect, &out, &err), RC_OK);
		assert_int_equal(g.remarks.n, 0);
		enum rc rc =
			cases[i].dialect == DIALECT_GITHUB
				? import_github(strbuf_str(&out), "g.yml", &d, &err)
				: import_gitlab(strbuf_str(&out), "g.yml", NULL, NULL, &d, &err);
		if (rc != RC_OK)
			fail_msg("%s", err.msg);
		const struct job_def *build = job(&d, "a-build"), *test = job(&d, "a-test"),
				     *ship = job(&d, "a-ship");
		assert_int_equal(d.c.jobs.n, 3);
		assert_string_equal(build->container, "node:22");
		assert_int_equal(build->timeout, 7 * USEC_MIN);
		assert_true(runs(build, "make \"it's\" $X"));
		assert_int_equal(build->needs.n, 0);
		assert_string_equal(test->needs.v[0], "a-build");
		assert_true(test->allow_failure);
		assert_true(runs(test, "test $MATRIX_V"));
		assert_int_equal(test->matrix.include.n, 2);
		assert_non_null(strstr(test->condition, cases[i].condition));
		assert_string_equal(ship->needs.v[0],
				    cases[i].dialect == DIALECT_GITHUB ? "a-test" : "a-test?");
		assert_true(runs(ship, "ship ${{ not an expression }}"));
		assert_int_equal(ship->finally.n, 1);
		shape_done(&shape_plan, &p);
		remarks_done(&g.remarks);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
