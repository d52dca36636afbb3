/* Every machine's whole table: which state may follow which, written out a second time, by name. */
#include "core/state.h"
#include "unit.h"

#define MOST 11

struct may {
	const char *from, *to;
}; /* to: names, one blank between */

static const struct may runs[] = {
	{"planned", "running passed cancelled superseded"},
	{"running", "passed failed cancelled superseded"},
	{"passed", ""},
	{"failed", ""},
	{"cancelled", ""},
	{"superseded", ""},
};
static const struct may jobs[] = {
	{"blocked", "ready skipped cancelled manual"},
	{"ready", "running cancelled failed"},
	{"running", "ready passed flaky failed cancelled lost"},
	{"passed", ""},
	{"cached", ""},
	{"unaffected", ""},
	{"skipped", ""},
	{"failed", ""},
	{"flaky", ""},
	{"cancelled", ""},
	{"lost", "ready failed cancelled"},
	{"manual", "ready skipped cancelled"},
};
static const struct may releases[] = {
	{"built", "staging rejected failed superseded"},
	{"staging", "staged failed rejected"},
	{"staged", "gated rejected superseded failed"},
	{"gated", "promoting rejected superseded"},
	{"promoting", "live rolled_back rejected"},
	{"live", ""},
	{"rejected", ""},
	{"failed", ""},
	{"rolled_back", ""},
	{"superseded", ""},
};
static const struct may rollouts[] = {
	{"queued", "planned aborting"},
	{"planned", "applying aborting"},
	{"applying", "baking promoting holding aborting"},
	{"baking", "promoting holding aborting"},
	{"promoting", "verifying aborting"},
	{"verifying", "done"},
	{"done", ""},
	{"holding", "applying baking aborting"},
	{"aborting", "aborted"},
	{"aborted", ""},
};
static const struct may incidents[] = {
	{"open", "mitigated closed"}, {"mitigated", "closed"}, {"closed", ""}};

static bool named(const char *list, const char *name)
{
	struct str rest = str_of(list);

	while (rest.p)
		if (str_is(str_cut(&rest, ' '), name))
			return true;
	return false;
}

static void walk(const char *machine, const struct may *want, size_t n, const char *const *names,
		 const uint16_t *next)
{
	for (unsigned from = 0; from < n; from++) {
		CHECK_STR(names[from], want[from].from, machine);
		for (unsigned to = 0; to < n; to++) {
			AUTO(freep)
			char *why = xasprintf("%s: %s -> %s", machine, names[from], names[to]);

			CHECK(may_follow(next, from, to) == named(want[from].to, names[to]), why);
		}
		CHECK(next[from] >> n == 0, machine); /* nothing beyond the enum */
	}
}

static void tables(void **state)
{
	(void)state;
	walk("run", runs, ARRAY_LEN(runs), run_state_names, run_next);
	walk("job", jobs, ARRAY_LEN(jobs), job_state_names, job_next);
	walk("release", releases, ARRAY_LEN(releases), release_state_names, release_next);
	walk("rollout", rollouts, ARRAY_LEN(rollouts), rollout_state_names, rollout_next);
	walk("incident", incidents, ARRAY_LEN(incidents), incident_state_names, incident_next);
}

/* From the first state every state can be reached (jobs that the plan decides begin in theirs), and from every state an end. */
static void reach(const char *machine, const uint16_t *next, size_t n, uint16_t begin)
{
	uint16_t seen = begin;

	for (size_t round = 0; round < n; round++)
		for (unsigned s = 0; s < n; s++)
			if ((seen >> s) & 1)
				seen = (uint16_t)(seen | next[s]);
	CHECK(seen == (1u << n) - 1, machine);
	for (unsigned s = 0; s < n; s++) {
		uint16_t ahead = (uint16_t)(1u << s);
		bool ends = false;

		for (size_t round = 0; round < n; round++)
			for (unsigned t = 0; t < n; t++)
				if ((ahead >> t) & 1)
					ahead = (uint16_t)(ahead | next[t]);
		for (unsigned t = 0; t < n; t++)
			ends = ends || (((ahead >> t) & 1) && next[t] == 0);
		CHECK(ends, machine);
	}
}

static void reached(void **state)
{
	(void)state;
	reach("run", run_next, 6, 1);
	reach("job", job_next, JOB_STATES, 1 | 1 << JOB_CACHED | 1 << JOB_UNAFFECTED);
	reach("release", release_next, 10, 1);
	reach("rollout", rollout_next, 10, 1);
	reach("incident", incident_next, 3, 1);
}

/* The set functions: touch, note times and reasons. */
static void setting(void **state)
{
	struct model m;
	struct run run = {.id = xstrdup("run-1")};
	struct rollout ro = {.id = xstrdup("ro-1"), .state = ROLLOUT_APPLYING};
	struct job job = {.id = xstrdup("j")};

	(void)state;
	model_init(&m);
	m.time = 7;
	run_set(&m, &run, RUN_RUNNING, "why");
	assert_string_equal(run.reason, "why");
	assert_int_equal(run.ended_at, 0);
	m.time = 8;
	run_set(&m, &run, RUN_FAILED, NULL);
	assert_string_equal(run.reason, "why");
	assert_int_equal(run.ended_at, 8);
	rollout_set(&m, &ro, ROLLOUT_HOLDING, "on hold");
	assert_int_equal(ro.held_from, ROLLOUT_APPLYING);
	job_set(&m, &job, JOB_READY, NULL);
	assert_int_equal(job.ready_at, 8);
	assert_false(job.settled);
	job_set(&m, &job, JOB_CANCELLED, "no");
	assert_true(job.settled);
	assert_int_equal(m.touched.n, 3);
	xfree(run.id);
	xfree(run.reason);
	xfree(ro.id);
	xfree(ro.reason);
	xfree(job.id);
	xfree(job.why);
	model_done(&m);
}

int main(void)
{
	const struct CMUnitTest all[] = {cmocka_unit_test(tables), cmocka_unit_test(reached),
					 cmocka_unit_test(setting)};

	return cmocka_run_group_tests(all, NULL, NULL);
}
