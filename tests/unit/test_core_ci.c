/* Stage ci, step by step: what a job's end does to it, to those that wait for it and to its run; who may end whose runs; what a request may decide. */
#include "step_kit.h"

#define TOP "version: 1\nproject: p\nlibraries: {a: {path: a}}\n"
#define ON \
	"on: {push: {branches: [main, \"topic/*\"], tags: [\"v*\"]}, pull_request: {forks: always}}\n"

static struct run *begin_with(struct bench *b, const char *yml)
{
	begin(b, yml);
	model_agent(&b->m, "local")->cpu = 1000000;
	return change(b, (struct said){.yml = yml});
}

/* ---- amber, optional ---- */

static void a_job_that_may_fail(void **state)
{
	struct bench b;

	(void)state;
	struct run *run = begin_with(
		&b, TOP
		"ci: {may: {each: a, allow_failure: true, run: x}, then: {each: a, needs: [may], run: x}, last: {each: a, needs: [then], run: x}}\n");
	assert_string_equal(job_is(&b, run, "ci/a/then"), "blocked");
	ends(&b, job_of(&b, run, "ci/a/may"), FAILURE_EXIT, 3, NULL);
	assert_string_equal(job_is(&b, run, "ci/a/may"), "failed");
	assert_true(job_of(&b, run, "ci/a/may")->amber);
	ends(&b, job_of(&b, run, "ci/a/then"), FAILURE_NONE, 0, NULL);
	assert_int_equal(run->state, RUN_RUNNING);
	ends(&b, job_of(&b, run, "ci/a/last"), FAILURE_NONE, 0, NULL);
	assert_int_equal(run->state, RUN_PASSED);
	assert_int_equal(run->amber, 1);
	assert_int_equal(run->failed, 0);
	end(&b);
}

static void what_waits_for_a_failure(void **state)
{
	struct bench b;

	(void)state;
	struct run *run = begin_with(
		&b, TOP
		"ci: {one: {each: a, run: x}, two: {each: a, needs: [one], run: x}, three: {each: a, needs: [two, one], run: x}, other: {each: a, run: x}}\n");
	ends(&b, job_of(&b, run, "ci/a/one"), FAILURE_EXIT, 2, NULL);
	assert_string_equal(job_is(&b, run, "ci/a/two"), "skipped");
	assert_string_equal(job_is(&b, run, "ci/a/three"), "skipped");
	assert_int_equal(run->state, RUN_RUNNING);
	assert_int_equal(run->open, 1);
	ends(&b, job_of(&b, run, "ci/a/other"), FAILURE_NONE, 0, NULL);
	assert_int_equal(run->state, RUN_FAILED);
	assert_int_equal(run->failed, 1);
	assert_non_null(strstr(run->reason, "one of a failed"));
	end(&b);
}

static void by_hand(void **state)
{
	struct bench b;

	(void)state;
	struct run *run = begin_with(
		&b, TOP
		"ci: {t: {each: a, run: x}, hand: {each: a, needs: [t], manual: true, run: x}, then: {each: a, needs: [hand], run: x}, last: {each: a, needs: [then, t], run: x}}\n");
	struct job *hand = job_of(&b, run, "ci/a/hand");
	struct event start = {.kind = EV_START_JOB, .actor = S("user:ann"), .job = S(hand->id)};
	assert_int_equal(give(&b, start), RC_CONFLICT); /* its need has not ended */
	ends(&b, job_of(&b, run, "ci/a/t"), FAILURE_NONE, 0, NULL);
	assert_int_equal(run->state, RUN_PASSED);
	assert_string_equal(job_is(&b, run, "ci/a/hand"), "manual");
	assert_string_equal(job_is(&b, run, "ci/a/last"), "blocked");
	start.actor = S("user:ann");
	start.job = S(hand->id);
	assert_int_equal(give(&b, start), RC_OK);
	ends(&b, hand, FAILURE_NONE, 0, NULL);
	ends(&b, job_of(&b, run, "ci/a/then"), FAILURE_EXIT, 1, NULL);
	assert_string_equal(job_is(&b, run, "ci/a/last"), "skipped");
	assert_int_equal(run->state, RUN_PASSED);
	assert_int_equal(run->failed, 0);
	start.actor = S("user:ann");
	start.job = S(hand->id);
	assert_int_equal(give(&b, start), RC_CONFLICT);
	end(&b);
}

/* Nobody has room for it, ever: that is a failure like others. */
static void no_agent_can_take_it(void **state)
{
	struct bench b;

	(void)state;
	struct run *run = begin_with(
		&b, TOP
		"ci: {big: {each: a, agent: [gpu], run: x}, may: {each: a, agent: [gpu], allow_failure: true, run: x}, then: {each: a, needs: [may], run: x}}\n");
	assert_string_equal(job_is(&b, run, "ci/a/big"), "failed");
	assert_string_equal(job_is(&b, run, "ci/a/may"), "failed");
	assert_true(job_of(&b, run, "ci/a/may")->amber);
	ends(&b, job_of(&b, run, "ci/a/then"), FAILURE_NONE, 0, NULL);
	assert_int_equal(run->state, RUN_FAILED);
	assert_int_equal(run->failed, 1);
	assert_int_equal(run->amber, 1);
	end(&b);
}

/* ---- once more ---- */

static const struct {
	const char *retry;
	enum failure failure;
	int64_t exit;
	unsigned tries; /* how often it runs when it always ends so */
} retries[] = {
	{"{max: 2}", FAILURE_INFRA, 0, 3},
	{"{max: 2}", FAILURE_EXIT, 1, 1},
	{"{max: 2, on: [infra]}", FAILURE_TIMEOUT, 0, 1},
	{"{max: 1, on: [timeout]}", FAILURE_TIMEOUT, 0, 2},
	{"{max: 3, on: [oom, timeout]}", FAILURE_OOM, 137, 4},
	{"{max: 2, on: [any]}", FAILURE_EXIT, 1, 3},
	{"{max: 2, on: [any]}", FAILURE_OUTPUT, 0, 3},
	{"{max: 2, exit: [75, 3]}", FAILURE_EXIT, 75, 3},
	{"{max: 2, exit: [75, 3]}", FAILURE_EXIT, 3, 3},
	{"{max: 2, exit: [75, 3]}", FAILURE_EXIT, 1, 1},
	{"{max: 2, exit: [75]}", FAILURE_INFRA, 75, 1}, /* an exit code is a job's own end */
	{"{max: 2, exit: [75]}", FAILURE_TIMEOUT, 75, 1},
	{"{max: 2, on: [oom], exit: [75]}", FAILURE_EXIT, 75, 3},
	{"{max: 0, on: [any]}", FAILURE_EXIT, 1, 1},
	{"{max: 2, on: [any]}", FAILURE_CANCELLED, 0, 1},
};

static void which_ends_are_tried_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(retries); i++) {
		AUTO(freep)
		char *yml =
			xasprintf(TOP "ci: {t: {each: a, retry: %s, run: x}}\n", retries[i].retry);
		struct bench b;
		struct run *run = begin_with(&b, yml);
		struct job *job = job_of(&b, run, "ci/a/t");
		unsigned tries = 0;

		while (job->state == JOB_RUNNING && tries < 20) {
			ends(&b, job, retries[i].failure, retries[i].exit, NULL);
			tries++;
		}
		if (tries != retries[i].tries)
			fail_msg("%s, %s %d: %u tries, not %u", retries[i].retry,
				 failure_names[retries[i].failure], (int)retries[i].exit, tries,
				 retries[i].tries);
		CHECK(run_is_final(run->state), yml);
		end(&b);
	}
}

static void flaky_tests(void **state)
{
	static const char yml[] = TOP "ci: {t: {each: a, flaky: {retry: 2}, run: x}}\n";
	struct bench b;

	(void)state;
	struct run *run = begin_with(&b, yml);
	struct job *job = job_of(&b, run, "ci/a/t");
	ends(&b, job, FAILURE_EXIT, 1, "t.one t.two");
	assert_int_equal(job->attempt, 2);
	ends(&b, job, FAILURE_NONE, 0, NULL);
	assert_int_equal(job->state, JOB_FLAKY);
	assert_int_equal(run->state, RUN_PASSED);
	assert_int_equal(run->amber, 1);
	const struct history *h = model_history(&b.m, "a", "t");
	assert_int_equal(h->tests.n, 2);
	assert_string_equal(h->tests.v[1].test, "t.two");

	run = change(&b, (struct said){.yml = yml});
	job = job_of(&b, run, "ci/a/t");
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(job->attempt, i);
		ends(&b, job, FAILURE_EXIT, 1, "t.one");
	}
	assert_int_equal(job->state, JOB_FAILED);
	assert_int_equal(run->state, RUN_FAILED);

	run = change(&b, (struct said){.yml = yml}); /* no test failed: that is no flaky test */
	job = job_of(&b, run, "ci/a/t");
	ends(&b, job, FAILURE_EXIT, 1, NULL);
	assert_int_equal(job->state, JOB_FAILED);
	end(&b);
}

/* Red, then green, and nothing that it declares differs: it was flaky. Not so once something differs. */
static void the_same_key_failed_before(void **state)
{
	static const char yml[] = TOP "ci: {t: {each: a, run: x}}\n";
	struct bench b;

	(void)state;
	begin_with(&b, yml);
	struct run *one = change(&b, (struct said){.yml = yml, .same = "x"});
	ends(&b, job_of(&b, one, "ci/a/t"), FAILURE_EXIT, 1, "t.one");
	assert_int_equal(one->state, RUN_FAILED);
	assert_int_equal(model_history(&b.m, "a", "t")->failed, 1);
	struct run *other = change(&b, (struct said){.yml = yml, .same = "y"});
	ends(&b, job_of(&b, other, "ci/a/t"), FAILURE_NONE, 0, NULL);
	assert_string_equal(job_is(&b, other, "ci/a/t"), "passed");
	struct run *two = change(&b, (struct said){.yml = yml, .same = "x"});
	ends(&b, job_of(&b, two, "ci/a/t"), FAILURE_NONE, 0, NULL);
	assert_string_equal(job_is(&b, two, "ci/a/t"), "flaky");
	assert_non_null(strstr(job_of(&b, two, "ci/a/t")->why, one->id));
	struct run *three = change(&b, (struct said){.yml = yml, .same = "x"}); /* told once */
	ends(&b, job_of(&b, three, "ci/a/t"), FAILURE_NONE, 0, NULL);
	assert_string_equal(job_is(&b, three, "ci/a/t"), "passed");
	end(&b);
}

/* ---- quarantine ---- */

static const struct {
	const char *entry, *failures;
	enum failure failure;
	enum job_state want;
} quarantined[] = {
	{"test: t.two", "t.two", FAILURE_EXIT, JOB_FLAKY},
	{"test: \"t.*\"", "t.one t.two", FAILURE_EXIT, JOB_FLAKY},
	{"test: t.two", "t.two t.one", FAILURE_EXIT, JOB_FAILED},
	{"test: t.two", "", FAILURE_EXIT, JOB_FAILED},
	{"test: t.two", "t.two", FAILURE_TIMEOUT, JOB_FAILED},
	{"test: t.two", "t.two", FAILURE_OOM, JOB_FAILED},
	{"test: t.two, unit: a", "t.two", FAILURE_EXIT, JOB_FLAKY},
	{"test: t.two, unit: b", "t.two", FAILURE_EXIT, JOB_FAILED},
	{"test: T.two", "t.two", FAILURE_EXIT, JOB_FAILED},
};

static void only_what_is_in_quarantine(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(quarantined); i++) {
		AUTO(freep)
		char *yml = xasprintf(
			"version: 1\nproject: p\nlibraries: {a: {path: a}, b: {path: b}}\nquarantine: [{%s, owner: ada, until: 2026-12-31}]\n"
			"ci: {t: {each: a, flaky: {quarantine: true}, run: x}}\n",
			quarantined[i].entry);
		struct bench b;
		struct run *run = begin_with(&b, yml);
		struct job *job = job_of(&b, run, "ci/a/t");

		ends(&b, job, quarantined[i].failure, 1, quarantined[i].failures);
		CHECK(job->state == quarantined[i].want, quarantined[i].entry);
		end(&b);
	}
}

/* A test in quarantine that has ended counts again; one whose name did not fit into the report is not known; without the job's word nothing is hidden. */
static void quarantine_ends(void **state)
{
	static const char yml[] = TOP
		"quarantine: [{test: t.two, owner: ada, until: 2026-01-06}]\nci: {t: {each: a, flaky: {quarantine: true}, run: x}, u: {each: a, run: x}}\n";
	struct bench b;

	(void)state;
	struct run *run = begin_with(&b, yml);
	ends(&b, job_of(&b, run, "ci/a/u"), FAILURE_EXIT, 1, "t.two");
	assert_string_equal(job_is(&b, run, "ci/a/u"), "failed");
	struct event unknown = {.kind = EV_JOB_ENDED,
				.job = S("run-1/ci/a/t"),
				.count = 1,
				.failure = FAILURE_EXIT,
				.junit = {.tests = 9, .failed = 2}};
	vec_push(&unknown.junit.failures, S("t.two"));
	assert_int_equal(give(&b, unknown), RC_OK);
	assert_string_equal(job_is(&b, run, "ci/a/t"), "failed");
	run = change(&b, (struct said){.yml = yml});
	b.time += 2 * USEC_DAY;
	ends(&b, job_of(&b, run, "ci/a/t"), FAILURE_EXIT, 1, "t.two");
	assert_string_equal(job_is(&b, run, "ci/a/t"), "failed");
	/* and by a person's order */
	assert_int_equal(give(&b, (struct event){.kind = EV_QUARANTINE,
						 .id = S("t.two"),
						 .type = S("ada"),
						 .until = b.time + USEC_DAY,
						 .actor = S("user:ann")}),
			 RC_OK);
	run = change(&b, (struct said){.yml = yml});
	ends(&b, job_of(&b, run, "ci/a/t"), FAILURE_EXIT, 1, "t.two");
	assert_string_equal(job_is(&b, run, "ci/a/t"), "flaky");
	end(&b);
}

/* ---- who ends whose runs ---- */

static void a_request_supersedes_itself(void **state)
{
	static const char yml[] = TOP ON "ci: {t: {each: a, run: x}}\n";
	struct bench b;

	(void)state;
	struct run *pushed = begin_with(&b, yml);
	struct run *seven = change(&b, (struct said){.yml = yml, .ref = "refs/pull/7/head"});
	struct run *eight = change(&b, (struct said){.yml = yml, .ref = "refs/pull/8/head"});
	struct run *again = change(&b, (struct said){.yml = yml, .ref = "refs/pull/7/head"});
	struct run *pushed_again = change(&b, (struct said){.yml = yml});
	assert_int_equal(seven->state, RUN_SUPERSEDED);
	assert_int_equal(eight->state, RUN_RUNNING);
	assert_int_equal(again->state, RUN_RUNNING);
	assert_int_equal(pushed->state, RUN_RUNNING); /* every commit of a branch is tested */
	assert_int_equal(pushed_again->state, RUN_RUNNING);
	ends(&b, job_of(&b, seven, "ci/a/t"), FAILURE_NONE, 0,
	     NULL); /* it had ended before it was told */
	assert_string_equal(job_is(&b, seven, "ci/a/t"), "cancelled");
	assert_int_equal(seven->state, RUN_SUPERSEDED);
	end(&b);
}

static void groups(void **state)
{
	static const char queues[] = TOP "ci: {t: {each: a, concurrency: db, run: x}}\n";
	static const char ends_old[] =
		TOP "ci: {t: {each: a, concurrency: {group: db, mode: supersede}, run: x}}\n";
	struct bench b;

	(void)state;
	struct run *one = begin_with(&b, queues);
	struct run *two = change(&b, (struct said){.yml = queues});
	assert_string_equal(job_is(&b, one, "ci/a/t"), "running");
	assert_string_equal(job_is(&b, two, "ci/a/t"), "ready");
	struct run *three = change(&b, (struct said){.yml = ends_old});
	assert_int_equal(one->state, RUN_SUPERSEDED);
	assert_int_equal(two->state, RUN_SUPERSEDED);
	assert_string_equal(job_is(&b, three, "ci/a/t"), "ready"); /* the first one ends first */
	ends(&b, job_of(&b, one, "ci/a/t"), FAILURE_CANCELLED, 0, NULL);
	assert_string_equal(job_is(&b, three, "ci/a/t"), "running");
	end(&b);
}

/* A penstock.yml from a fork names whatever group it likes: it neither ends nor holds up anybody, approved or not. */
static void a_fork_shares_no_group(void **state)
{
	static const char ours[] = TOP ON "ci: {t: {each: a, concurrency: db, run: x}}\n";
	static const char theirs[] =
		TOP ON "ci: {t: {each: a, concurrency: {group: db, mode: supersede}, run: x}}\n";
	struct bench b;

	(void)state;
	struct run *run = begin_with(&b, ours);
	struct run *fork =
		change(&b, (struct said){.yml = theirs, .ref = "refs/pull/7/head", .fork = true});
	assert_int_equal(run->state, RUN_RUNNING);
	assert_string_equal(job_is(&b, fork, "ci/a/t"), "running");
	assert_string_equal(job_is(&b, run, "ci/a/t"), "running");
	end(&b);
}

/* ---- forks ---- */

static const struct {
	const char *ours, *theirs;
	bool waits;
	enum run_state want;
} fork_rules[] = {
	{"approve", "always", true, RUN_PLANNED},
	{"never", "always", false, RUN_CANCELLED},
	{"always", "never", false, RUN_RUNNING},
	{"approve", "never", true, RUN_PLANNED},
};

static void the_target_decides_about_forks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fork_rules); i++) {
		AUTO(freep)
		char *ours = xasprintf(
			TOP "on: {pull_request: {forks: %s}}\nci: {t: {each: a, run: x}}\n",
			fork_rules[i].ours);
		AUTO(freep)
		char *theirs = xasprintf(
			TOP
			"on: {push: {branches: [evil, main]}, pull_request: {forks: %s}}\nci: {t: {each: a, run: evil, id_tokens: {T: {aud: sts}}}, s: {each: a, secrets: {T: \"file:t\"}, run: x}, u: {each: a, trusted: true, run: x}}\n",
			fork_rules[i].theirs);
		struct bench b;

		begin_with(&b, ours);
		AUTO(freep) char *config = S(model_project(&b.m)->config);
		struct run *run = change(
			&b, (struct said){.yml = theirs, .ref = "refs/pull/7/head", .fork = true});
		CHECK(run && run->state == fork_rules[i].want, fork_rules[i].ours);
		CHECK(run->waits == fork_rules[i].waits, fork_rules[i].ours);
		CHECK_STR(model_project(&b.m)->config, config, "the project's");
		CHECK_STR(model_source(&b.m, "r")->config, config, "the repository's");
		if (fork_rules[i].want == RUN_CANCELLED) { /* nothing of it is made */
			CHECK(run->jobs == 0, fork_rules[i].ours);
			end(&b);
			continue;
		}
		CHECK(job_of(&b, run, "ci/a/t")->attempt == (fork_rules[i].want == RUN_RUNNING),
		      fork_rules[i].ours);
		vec_each(f, &b.out.list) /* the engine gives no token to such a job */
			CHECK(f->kind != EF_START_JOB || !f->spec.trusted, "trusted");
		CHECK_STR(job_is(&b, run, "ci/a/s"), "skipped", "secrets");
		CHECK_STR(job_is(&b, run, "ci/a/u"), "skipped", "trusted");
		end(&b);
	}
}

static void somebody_approves(void **state)
{
	static const char yml[] =
		TOP "on: {pull_request: {forks: approve}}\nci: {t: {each: a, run: x}}\n";
	struct bench b;

	(void)state;
	begin_with(&b, yml);
	struct run *run =
		change(&b, (struct said){.yml = yml, .ref = "refs/pull/7/head", .fork = true});
	struct event ev = {
		.kind = EV_APPROVE, .run = S(run->id), .ok = true, .actor = S("user:dora")};
	assert_int_equal(give(&b, ev), RC_DENIED); /* its author */
	assert_string_equal(job_is(&b, run, "ci/a/t"), "blocked");
	ev.run = S(run->id);
	ev.actor = S("user:ann");
	assert_int_equal(give(&b, ev), RC_OK);
	assert_string_equal(job_is(&b, run, "ci/a/t"), "running");
	ev.run = S(run->id);
	ev.actor = S("user:ann");
	assert_int_equal(give(&b, ev), RC_CONFLICT);
	ends(&b, job_of(&b, run, "ci/a/t"), FAILURE_NONE, 0, NULL);
	assert_int_equal(run->state, RUN_PASSED);
	assert_null(run->release);
	run = change(&b, (struct said){.yml = yml, .ref = "refs/pull/8/head", .fork = true});
	ev = (struct event){.kind = EV_APPROVE, .run = S(run->id), .actor = S("user:ann")};
	assert_int_equal(give(&b, ev), RC_OK);
	assert_int_equal(run->state, RUN_CANCELLED);
	assert_string_equal(job_is(&b, run, "ci/a/t"), "cancelled");
	end(&b);
}

/* What a fork's tests take, and which of them are flaky, is nobody's business but its own. */
static void a_fork_teaches_nothing(void **state)
{
	static const char yml[] = TOP ON "ci: {t: {each: a, flaky: {retry: 1}, run: x}}\n";
	struct bench b;

	(void)state;
	begin_with(&b, yml);
	struct run *run =
		change(&b, (struct said){.yml = yml, .ref = "refs/pull/7/head", .fork = true});
	struct job *job = job_of(&b, run, "ci/a/t");
	ends(&b, job, FAILURE_EXIT, 1, "evil.test");
	ends(&b, job, FAILURE_NONE, 0, NULL);
	assert_int_equal(job->state, JOB_FLAKY);
	assert_null(model_history(&b.m, "a", "t"));
	end(&b);
}

/* ---- in its kept workspace ---- */

static void a_resumed_job_changes_no_run(void **state)
{
	static const char yml[] = TOP
		"ci: {t: {each: a, retry: {max: 2, on: [any]}, run: x}, then: {each: a, needs: [t], run: x}}\n";
	struct bench b;

	(void)state;
	struct run *run = begin_with(&b, yml);
	struct job *job = job_of(&b, run, "ci/a/t");
	for (unsigned i = 0; i < 3; i++)
		ends(&b, job, FAILURE_EXIT, 1, NULL);
	assert_int_equal(run->state, RUN_FAILED);
	for (unsigned i = 0; i < 2; i++) { /* fails again, then passes */
		assert_int_equal(give(&b, (struct event){.kind = EV_START_JOB,
							 .ok = true,
							 .job = S(job->id),
							 .actor = S("user:ann")}),
				 RC_OK);
		assert_int_equal(job->state, JOB_RUNNING);
		const struct effect *f = &b.out.list.v[0];
		assert_int_equal(f->kind, EF_START_JOB);
		assert_true(f->spec.resume);
		ends(&b, job, i ? FAILURE_NONE : FAILURE_EXIT, !i, NULL);
		assert_int_equal(job->state, i ? JOB_PASSED : JOB_FAILED); /* no retry */
		assert_int_equal(run->state, RUN_FAILED);
		assert_int_equal(run->failed, 1);
		assert_int_equal(run->open, 0);
		assert_string_equal(job_is(&b, run, "ci/a/then"), "skipped");
	}
	assert_int_equal(model_history(&b.m, "a", "t")->flaky, 0);
	assert_int_equal(give(&b, (struct event){.kind = EV_START_JOB,
						 .ok = true,
						 .job = S(job->id),
						 .actor = S("user:ann")}),
			 RC_CONFLICT);
	end(&b);
}

/* ---- long and wide ---- */

static void plan_row(struct plan *p, unsigned i, const char *need, const char *other)
{
	struct plan_job job = {.unit = xasprintf("u%u", i),
			       .job = S("t"),
			       .stage = STAGE_CI,
			       .key = S("k"),
			       .why = S("w")};

	if (need)
		vec_push(&job.needs, S(need));
	if (other)
		vec_push(&job.needs, S(other));
	vec_push(&p->jobs, job);
}

static struct run *give_plan(struct bench *b, struct plan *p)
{
	static const char yml[] = TOP "ci: {t: {each: a, run: x}}\n";

	begin(b, yml);
	struct event ev = {
		.kind = EV_CHANGE_PLANNED,
		.config_digest = S("cfg"),
		.change = {.repo = S("r"), .ref = S("refs/heads/main"), .commit = S("c")},
		.plan = *p};
	shape_copy(&shape_config, &ev.config, &b->config);
	assert_int_equal(give(b, (struct event){.kind = EV_REF_MOVED,
						.repo = S("r"),
						.ref = S("refs/heads/main"),
						.commit = S("c")}),
			 RC_OK);
	assert_int_equal(give(b, ev), RC_OK);
	return model_run(&b->m, "run-1");
}

/* 150,000 jobs in one chain: the first one's end ends them all, without a frame on the stack for each. */
static void a_long_chain(void **state)
{
	struct plan p = {.hash = NULL};
	struct bench b;
	const unsigned n = 150000;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		AUTO(freep) char *need = i ? xasprintf("u%u/t", i - 1) : NULL;
		plan_row(&p, i, need, NULL);
	}
	struct run *run = give_plan(&b, &p);
	ends(&b, job_of(&b, run, "ci/u0/t"), FAILURE_EXIT, 1, NULL);
	assert_string_equal(job_is(&b, run, "ci/u149999/t"), "skipped");
	assert_int_equal(run->state, RUN_FAILED);
	assert_int_equal(run->failed, 1);
	end(&b);
}

/* Two jobs a layer, each needs both of the layer below: there are 2^60 ways down, and 120 jobs. */
static void a_lattice(void **state)
{
	struct plan p = {.hash = NULL};
	struct bench b;

	(void)state;
	for (unsigned i = 0; i < 120; i++) {
		AUTO(freep) char *left = i > 1 ? xasprintf("u%u/t", i / 2 * 2 - 2) : NULL;
		AUTO(freep) char *right = i > 1 ? xasprintf("u%u/t", i / 2 * 2 - 1) : NULL;
		plan_row(&p, i, left, right);
	}
	struct run *run = give_plan(&b, &p);
	for (unsigned i = 0; i < 120; i++) {
		AUTO(freep) char *name = xasprintf("ci/u%u/t", i);
		struct job *job = job_of(&b, run, name);
		struct event ev = {.kind = EV_JOB_ENDED,
				   .job = S(job->id),
				   .count = 1,
				   .outputs = xasprintf("out%u", i)};

		assert_int_equal(job->state, JOB_RUNNING);
		assert_int_equal(give(&b, ev), RC_OK);
	}
	assert_int_equal(run->state, RUN_PASSED);
	const struct effect *last = NULL;
	vec_each(f, &b.waiting)
		last = f->kind == EF_START_JOB ? f : last;
	assert_int_equal(last->spec.needs.n, 118); /* each once, nearest last */
	assert_string_equal(last->spec.needs.v[0].outputs, "out0");
	assert_string_equal(last->spec.needs.v[117].outputs, "out117");
	end(&b);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(a_job_that_may_fail),
		cmocka_unit_test(what_waits_for_a_failure),
		cmocka_unit_test(by_hand),
		cmocka_unit_test(no_agent_can_take_it),
		cmocka_unit_test(which_ends_are_tried_again),
		cmocka_unit_test(flaky_tests),
		cmocka_unit_test(the_same_key_failed_before),
		cmocka_unit_test(only_what_is_in_quarantine),
		cmocka_unit_test(quarantine_ends),
		cmocka_unit_test(a_request_supersedes_itself),
		cmocka_unit_test(groups),
		cmocka_unit_test(a_fork_shares_no_group),
		cmocka_unit_test(the_target_decides_about_forks),
		cmocka_unit_test(somebody_approves),
		cmocka_unit_test(a_fork_teaches_nothing),
		cmocka_unit_test(a_resumed_job_changes_no_run),
		cmocka_unit_test(a_long_chain),
		cmocka_unit_test(a_lattice),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
