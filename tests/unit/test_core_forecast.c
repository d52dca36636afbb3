/* What earlier runs taught, how long a run will take, and what one took. */
#include "core/ready.h"
#include "core/step_impl.h"
#include "unit.h"

#define S(text) xstrdup(text)

static const char yml[] =
	"version: 1\nproject: p\nservices: {s: {path: s}}\n"
	"ci:\n  build: {run: a, outputs: [o]}\n  lint: {run: a}\n  test: {run: a}\n  budget: 1m\n";

struct yard {
	struct model m;
	struct effects out;
	struct event ev;
	struct step s;
	struct err err;
	unsigned runs;
};

static void begin(struct yard *y, uint32_t slots)
{
	*y = (struct yard){.runs = 0};
	model_init(&y->m);
	struct project *p = model_add(&y->m, AGG_PROJECT, "project");
	p->id = S("project");
	struct config_ref *c = model_add(&y->m, AGG_CONFIG, "c");
	c->id = S("c");
	if (config_read(str_of(yml), "penstock.yml", NULL, NULL, &c->config, &y->err) != RC_OK)
		fail_msg("%s", y->err.msg);
	y->s = (struct step){&y->m, &y->ev, &y->out, &y->err};
	y->m.time = USEC_HOUR;
	y->ev.slots = slots;
	agent_local(&y->s);
}

static void end(struct yard *y)
{
	effects_done(&y->out);
	event_done(&y->ev);
	model_done(&y->m);
}

static struct run *run_add(struct yard *y)
{
	char *id = xasprintf("run-%u", ++y->runs);
	struct run *run = model_add(&y->m, AGG_RUN, id);

	run->id = id;
	run->config = S("c");
	run->change.kind = CHANGE_PUSH;
	return run;
}

static struct job *job_add(struct yard *y, struct run *run, const char *name, struct job *on)
{
	struct job *job = job_new(&y->s, run, STAGE_CI, "", name);

	run->open++;
	if (on) {
		texts_add(&job->needs, on->id);
		job->waiting = 1;
		vec_push(&on->dependents, job);
	}
	return job;
}

/* It ran from .. to, in seconds after the run began, and was ready at. */
static void ran(struct job *job, unsigned ready, unsigned from, unsigned to, enum job_state state)
{
	job->attempt = 1;
	job->ready_at = USEC_HOUR + ready * USEC_SEC;
	job->started_at = USEC_HOUR + from * USEC_SEC;
	job->ended_at = USEC_HOUR + to * USEC_SEC;
	job->state = state;
	job->settled = true;
}

static void learn(struct yard *y, struct job *job, unsigned seconds)
{
	y->ev.started_at = USEC_HOUR;
	y->ev.ended_at = USEC_HOUR + seconds * USEC_SEC;
	history_learn(&y->s, job);
}

static void means(void **state)
{
	struct yard y;

	(void)state;
	begin(&y, 1);
	struct run *run = run_add(&y);
	struct job *job = job_add(&y, run, "test", NULL);
	job->key = S("k1");
	job->state = JOB_PASSED;
	learn(&y, job, 100);
	const struct history *h = model_history(&y.m, "", "test");
	assert_true(h->usec == 100 * USEC_SEC);
	learn(&y, job, 60); /* a quarter of the way */
	assert_true(h->usec == 90 * USEC_SEC);
	job->state = JOB_FAILED;
	job->failure = FAILURE_EXIT;
	learn(&y, job, 1); /* ended early: says nothing of how long it takes */
	assert_true(h->usec == 90 * USEC_SEC);
	assert_int_equal(h->runs, 3);
	assert_int_equal(h->failed, 1);
	assert_string_equal(history_failed_key(&y.m, job)->job, job->id);
	for (unsigned i = 2; i <= 9; i++) { /* the last eight are kept */
		xfree(job->key);
		job->key = xasprintf("k%u", i);
		learn(&y, job, 1);
	}
	set_text(&job->key, "k1");
	assert_null(history_failed_key(&y.m, job));
	set_text(&job->key, "k5");
	assert_non_null(history_failed_key(&y.m, job));
	job->state = JOB_PASSED;
	job->failure = FAILURE_NONE;
	learn(&y, job, 90);
	assert_null(history_failed_key(&y.m, job)); /* it passed since */
	job->failure = FAILURE_INFRA;
	job->state = JOB_FAILED;
	uint32_t runs = h->runs;
	learn(&y, job, 5);
	assert_int_equal(h->runs, runs); /* nobody's fault but the machine's */
	end(&y);
}

static void times_of_files(void **state)
{
	struct yard y;

	(void)state;
	begin(&y, 1);
	struct job *job = job_add(&y, run_add(&y), "test", NULL);
	job->state = JOB_PASSED;
	static const struct {
		uint64_t now, kept;
	} cases[] = {{1000, 1000}, {1300, 1000}, {701, 1000}, {1301, 1301}, {900, 900}, {1, 1}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		vec_push(&y.ev.times, ((struct file_time){S("a.js"), cases[i].now}));
		learn(&y, job, 1);
		xfree(y.ev.times.v[0].file);
		y.ev.times.n = 0;
		assert_int_equal(model_history(&y.m, "", "test")->files.v[0].usec, cases[i].kept);
	}
	for (unsigned i = 0; i < 2100; i++)
		vec_push(&y.ev.times, ((struct file_time){xasprintf("f%u", i), 1}));
	learn(&y, job, 1);
	assert_int_equal(model_history(&y.m, "", "test")->files.n, 2000);
	end(&y);
}

static void flaky_tests(void **state)
{
	struct yard y;

	(void)state;
	begin(&y, 1);
	struct job *job = job_add(&y, run_add(&y), "test", NULL);
	for (unsigned i = 0; i < 205; i++) {
		AUTO(freep) char *name = xasprintf("t%u", i);
		texts one = {0};

		texts_add(&one, name);
		y.m.time = USEC_HOUR + i;
		history_flaky(&y.s, job, &one);
		xfree(one.v[0]);
		vec_done(&one);
	}
	const struct history *h = model_history(&y.m, "", "test");
	assert_int_equal(h->tests.n, 200);
	assert_string_equal(h->tests.v[0].test, "t5"); /* the oldest went */
	end(&y);
}

static void known(struct yard *y, const char *id, unsigned seconds)
{
	struct history *h = model_add(&y->m, AGG_HISTORY, id);

	h->id = S(id);
	h->usec = seconds * USEC_SEC;
}

static void forecasts(void **state)
{
	static const struct {
		uint32_t slots;
		unsigned seconds;
	} cases[] = {{1, 100}, {2, 70}, {8, 70}}; /* build 30, then test 40 beside lint 30 */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct yard y;

		begin(&y, cases[i].slots);
		struct run *run = run_add(&y);
		struct job *build = job_add(&y, run, "build", NULL);
		job_add(&y, run, "test", build);
		job_add(&y, run, "lint", NULL);
		run_predict(&y.s, run);
		assert_true(run->predicted == 0); /* nothing is known */
		assert_true(run->budget == USEC_MIN);
		known(&y, "-/build", 30);
		known(&y, "-/test", 40);
		known(&y, "-/lint", 30);
		run_predict(&y.s, run);
		assert_true(run->predicted == cases[i].seconds * USEC_SEC);
		assert_int_equal(run->advice.n, 1);
		assert_non_null(
			strstr(run->advice.v[0], "the longest way is build of the project"));
		end(&y);
	}
}

static bool advises(const struct run *run, const char *words)
{
	vec_each(a, &run->advice)
		if (strstr(*a, words))
			return true;
	return false;
}

static void reviews(void **state)
{
	struct yard y;

	(void)state;
	begin(&y, 2);
	struct run *run = run_add(&y);
	struct job *lint = job_add(&y, run, "lint", NULL), *build = job_add(&y, run, "build", lint),
		   *test = job_add(&y, run, "test", build);
	ran(lint, 0, 0, 20, JOB_PASSED);
	ran(build, 20, 35, 65, JOB_PASSED); /* it waited 15 s */
	ran(test, 65, 65, 165, JOB_PASSED);
	struct history *h = model_add(&y.m, AGG_HISTORY, "-/test");
	h->id = S("-/test");
	for (unsigned i = 0; i < 4; i++)
		vec_push(&h->files, ((struct file_time){xasprintf("f%u", i), 25 * USEC_SEC}));
	run_review(&y.s, run);
	assert_int_equal(run->critical.n, 3);
	assert_string_equal(run->critical.v[0], lint->id);
	assert_string_equal(run->critical.v[2], test->id);
	assert_true(advises(run, "split test of the project into 2: saves about 50.0 s"));
	assert_true(advises(
		run,
		"build of the project waits for lint of the project, which leaves nothing that it could read: saves about 20.0 s"));
	assert_true(advises(
		run, "1 job of the longest way waited 15.0 s for a free place: one more agent"));
	assert_int_equal(run->advice.n, 3);
	end(&y);
}

static void narrow_inputs(void **state)
{
	struct yard y;
	struct run *run = NULL;

	(void)state;
	begin(&y, 2);
	for (unsigned i = 0; i < 5; i++) {
		run = run_add(&y);
		struct job *build = job_add(&y, run, "build", NULL);

		ran(build, 0, 0, i == 2 ? 0 : 30, i == 2 ? JOB_CACHED : JOB_PASSED);
		build->attempt = i != 2;
		build->outputs = S(i == 0 ? "other" : "same");
	}
	run_review(&y.s, run);
	assert_true(advises(
		run,
		"narrow the inputs of build of the project: it ran 4 times in its last 5 runs and made the same 3 times: saves about 30.0 s"));
	end(&y);
}

/* Ten thousand jobs, laid out in the step that plans them. */
static void large(void **state)
{
	struct yard y;
	struct timespec a, b;

	(void)state;
	begin(&y, 16);
	struct run *run = run_add(&y);
	known(&y, "-/test", 10);
	for (unsigned i = 0; i < 10000; i++) {
		AUTO(freep) char *name = xasprintf("test-%u", i);
		job_add(&y, run, name, NULL)->def = S("test");
	}
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	run_predict(&y.s, run);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	double ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
	print_message("a forecast of 10,000 jobs: %.1f ms\n", ms);
	assert_true(run->predicted == 6250 * USEC_SEC); /* 16 at a time */
	assert_true(ms < 5000);
	end(&y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(means),       cmocka_unit_test(times_of_files),
		cmocka_unit_test(flaky_tests), cmocka_unit_test(forecasts),
		cmocka_unit_test(reviews),     cmocka_unit_test(narrow_inputs),
		cmocka_unit_test(large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
