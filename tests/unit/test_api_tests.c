/* What became of one test, from the reports that runs left. */
#include "api_kit.h"
#include "ports/report.h"

#define T0   (1700000000 * USEC_SEC)
#define RUNS 8

static void add_test(struct report *r, const char *class, const char *name, uint64_t usec,
		     enum test_outcome outcome, const char *message)
{
	vec_push(&r->tests, ((struct report_test){.name = text(name),
						  .class = class ? text(class) : NULL,
						  .usec = usec,
						  .outcome = outcome,
						  .message = message ? text(message) : NULL}));
}

/* Its blob is kept when `keep`. */
static void job_put(struct store *store, unsigned n, const char *unit, const char *name,
		    const char *def, enum test_outcome outcome, bool keep)
{
	AUTO(strbuf_done) struct strbuf json = STRBUF(1 << 20);
	struct json_out o = JSON_OUT(&json);
	struct report report = {0};
	struct err err = {0};
	char hex[DIGEST_HEX + 1];
	struct job job = {.id = xasprintf("run-%u/ci/%s/%s", n, *unit ? unit : "-", name),
			  .run = xasprintf("run-%u", n),
			  .unit = text(unit),
			  .name = text(name),
			  .def = def ? text(def) : NULL,
			  .stage = STAGE_CI,
			  .state = JOB_PASSED,
			  .ended_at = T0 + n * USEC_MIN,
			  .settled = true};

	add_test(&report, "cart.sum", "half_up", n * 1000, outcome,
		 outcome == TEST_FAILED ? "wanted <3>" : NULL);
	add_test(&report, NULL, "cart.sum", 5, TEST_PASSED, NULL);
	if (n % 2)
		add_test(&report, "cart", "odd", 7, TEST_SKIPPED, "not \"here\"");
	shape_write(&o, NULL, &shape_report, &report);
	assert_int_equal(blobs_put(world.blobs, strbuf_str(&json), hex, &err), RC_OK);
	job.report.blob = text(keep ? hex : IMAGE_B + 7);
	kit_ended(store, AGG_JOB, job.id, &job);
	shape_done(aggregate_shapes[AGG_JOB], &job);
	report_done(&report);
}

/* run-1 .. run-8; the last one came from the cache, the third one's report is lost. */
static void fill_past(struct store *store)
{
	for (unsigned n = 1; n <= RUNS; n++) {
		struct run run = {.id = xasprintf("run-%u", n),
				  .state = RUN_PASSED,
				  .created_at = T0 + n * USEC_MIN,
				  .ended_at = T0 + n * USEC_MIN + USEC_SEC};

		run.change = (struct change){.repo = text("shop"),
					     .ref = text("refs/heads/main"),
					     .commit = xasprintf("%040x", n),
					     .subject = xasprintf("Change %u", n)};
		kit_ended(store, AGG_RUN, run.id, &run);
		shape_done(aggregate_shapes[AGG_RUN], &run);
		if (n < RUNS)
			job_put(store, n, "orders", "test", NULL,
				n == 6 || n == 7 ? TEST_FAILED : TEST_PASSED, n != 3);
		job_put(store, n, "orders2", "test", NULL, TEST_PASSED, true);
	}
	job_put(store, 4, "cart", "test 1/2", "test", TEST_PASSED, true);
	job_put(store, 4, "cart", "test 2/2", "test", TEST_PASSED, true);
	job_put(store, 2, "", "e2e", NULL, TEST_FAILED, true);
}

static void fill_model(struct model *m)
{
	struct project *p = model_add(m, AGG_PROJECT, "project");

	*p = (struct project){.id = text("project"), .runs = RUNS};
}

#define ASK       "GET " WIRE_TESTS "/history?"
#define OF_ORDERS ASK "unit=orders&job=test&test=cart.sum.half_up"
static const struct path paths[] = {
	{"newest first, with its run, commit, time and text", OF_ORDERS, 200,
	 "\"outcomes\":[{\"run\":\"run-7\",\"job\":\"run-7/ci/orders/test\",\"outcome\":\"failed\",\"at\":1700000420000000,\"usec\":7000,"
	 "\"ref\":\"refs/heads/main\",\"commit\":\"0000000000000000000000000000000000000007\",\"subject\":\"Change 7\",\"message\":\"wanted <3>\"},"
	 "{\"run\":\"run-6\"",
	 "orders2"},
	{"a run that was cached is none", OF_ORDERS, 200, "\"run\":\"run-1\"", "run-8"},
	{"a lost report is told", OF_ORDERS, 200, "\"runs\":8,\"reports\":7,\"lost\":1}", "run-3"},
	{"at most so many", OF_ORDERS "&limit=2", 200, "\"run\":\"run-6\"", "run-5"},
	{"there may be more", OF_ORDERS "&limit=2", 200, "\"runs\":3,\"reports\":2,\"more\":true}",
	 NULL},
	{"no class", ASK "unit=orders&job=test&test=cart.sum", 200,
	 "\"outcome\":\"passed\",\"at\":1700000420000000,\"usec\":5", "\"usec\":7000"},
	{"only of runs that had it", ASK "unit=orders&job=test&test=cart.odd", 200,
	 "\"outcome\":\"skipped\",\"at\":1700000300000000,\"usec\":7,\"ref\":\"refs/heads/main\",\"commit\":\"0000000000000000000000000000000000000005\",\"subject\":\"Change 5\",\"message\":\"not \\\"here\\\"\"",
	 "run-6"},
	{"by its definition: all shards", ASK "unit=cart&job=test&test=cart.sum.half_up", 200,
	 "run-4/ci/cart/test 2/2", NULL},
	{"by its name: one shard", ASK "unit=cart&job=test%201/2&test=cart.sum.half_up", 200,
	 "run-4/ci/cart/test 1/2", "test 2/2"},
	{"a job of the project", ASK "job=e2e&test=cart.sum.half_up", 200,
	 "\"job\":\"run-2/ci/-/e2e\"", "orders"},
	{"as its id writes it", ASK "unit=-&job=e2e&test=cart.sum.half_up", 200,
	 "\"job\":\"run-2/ci/-/e2e\"", "orders"},
	{"of another stage", OF_ORDERS "&stage=staging", 200, "\"outcomes\":[]", NULL},
	{"no such stage", OF_ORDERS "&stage=moon", 400, "stage takes ci, staging", NULL},
	{"a test that nobody knows", ASK "unit=orders&job=test&test=zebra", 200,
	 "\"outcomes\":[],\"runs\":8", NULL},
	{"which test?", ASK "unit=orders&job=test", 400, "test", NULL},
	{"which job?", ASK "test=x", 400, "job", NULL},
	{"too many", OF_ORDERS "&limit=101", 400, "100", NULL},
};

static void client(void)
{
	check_paths(paths, ARRAY_LEN(paths));
}

static void each_says_what_it_should(void **state)
{
	(void)state;
	beside(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {KIT_CASE(each_says_what_it_should)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
