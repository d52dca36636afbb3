/* What is short to write and long to hold is refused before it is held. */
#include "step_kit.h"

static char *numbers(unsigned n)
{
	struct strbuf b = STRBUF(1 << 16);

	for (unsigned i = 0; i < n; i++)
		strbuf_addf(&b, "%s%u", i ? ", " : "", i);
	return strbuf_take(&b);
}

/* Units u0, u1 ... in folders of that name, and these jobs; files: of each folder. */
static enum rc plan_units(unsigned units, const char *jobs, unsigned files, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(1 << 20);
	AUTO(config_done) struct config c = {.project = NULL};
	AUTO(tree_facts_done) struct tree_facts head = {.commit = NULL};
	AUTO(plan_done) struct plan plan = {.hash = NULL};
	const struct plan_ask ask = {
		.config = &c, .head = &head, .stage = STAGE_CI, .toolchain = "t"};

	strbuf_adds(&text, "version: 1\nproject: p\nlibraries:\n");
	for (unsigned i = 0; i < units; i++) {
		AUTO(freep) char *path = xasprintf("u%03u", i);

		strbuf_addf(&text, "  u%u: {path: %s}\n", i, path);
		add_entry(&head, path, "x", 040000);
		for (unsigned k = 0; k < files; k++) {
			AUTO(freep) char *file = xasprintf("u%03u/%05u.c", i, k);

			add_entry(&head, file, "x", 0100644);
		}
	}
	strbuf_addf(&text, "ci:\n%s", jobs);
	*err = (struct err){RC_OK, ""};
	if (config_read(strbuf_str(&text), "penstock.yml", NULL, NULL, &c, err) != RC_OK)
		fail_msg("%s", err->msg);
	return plan_for(&ask, &plan, err);
}

/* Every row needs every row. */
static void matrices_that_need_matrices(void **state)
{
	AUTO(freep) char *axis = numbers(256);
	AUTO(freep)
	char *jobs = xasprintf("  a: {each: \"*\", run: x, matrix: {m: [%s]}}\n"
			       "  b: {each: \"*\", run: x, needs: [a], matrix: {m: [%s]}}\n",
			       axis, axis);
	struct err err;

	(void)state;
	assert_int_equal(plan_units(2, jobs, 0, &err), RC_OK);
	assert_int_equal(plan_units(60, jobs, 0, &err), RC_TOO_BIG);
	assert_non_null(strstr(err.msg, "each row of a matrix"));
}

static void rows_that_read_everything(void **state)
{
	AUTO(freep) char *axis = numbers(256);
	AUTO(freep)
	char *jobs =
		xasprintf("  a: {each: u0, run: x, inputs: [\"*.c\"], matrix: {m: [%s]}}\n", axis);
	struct err err;

	(void)state;
	assert_int_equal(plan_units(1, jobs, 100, &err), RC_OK);
	assert_int_equal(plan_units(1, jobs, 12000, &err), RC_TOO_BIG);
	assert_non_null(strstr(err.msg, "job \"a\""));
}

static void too_many_jobs(void **state)
{
	AUTO(freep) char *axis = numbers(256);
	AUTO(freep) char *jobs = xasprintf("  a: {each: \"*\", run: x, matrix: {m: [%s]}}\n", axis);
	struct err err;

	(void)state;
	assert_int_equal(plan_units(800, jobs, 0, &err), RC_TOO_BIG);
	assert_non_null(strstr(err.msg, "more than 200000 jobs"));
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(matrices_that_need_matrices),
		cmocka_unit_test(rows_that_read_everything),
		cmocka_unit_test(too_many_jobs),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
