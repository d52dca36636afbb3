/* What follows stage ci: jobs of staging and production with needs, rows, conditions and hands; tags that release; several repositories. */
#include "step_kit.h"

#define IMAGE                                                                        \
	"build: {each: services, run: make, outputs: [a]}, image: {each: services, " \
	"needs: [build], image: {from: scratch, copy: {a: /a}, entrypoint: [/a]}}"
#define TOP     "version: 1\nproject: p\nservices: {s: {path: s}}\n"
#define ROLLING "production: {strategy: rolling}\n"

static void begin_with(struct bench *b, const char *yml)
{
	begin(b, yml);
	model_agent(&b->m, "local")->cpu = 1000000;
}

/* All that waits is answered; jobs of ci that run pass, those of later stages are left. */
static void pass_ci(struct bench *b, struct run *run)
{
	bool more = true;

	while (more) {
		more = false;
		go_on(b, -1);
		for (struct map_entry *e = NULL; (e = map_next(&b->m.by_kind[AGG_JOB], e));) {
			struct job *job = e->value;

			if (job->state != JOB_RUNNING || job->stage != STAGE_CI ||
			    !streq(job->run, run->id))
				continue;
			ends(b, job, FAILURE_NONE, 0, NULL);
			more = true;
			break;
		}
	}
	go_on(b, -1);
}

static struct job *stage_job(struct bench *b, const char *id)
{
	struct job *job = model_job(&b->m, id);

	if (!job)
		fail_msg("there is no job %s", id);
	return job;
}

/* ---- jobs of staging ---- */

static const char staged[] = TOP "ci: {" IMAGE "}\n"
				 "staging:\n"
				 "  seed: {run: x}\n"
				 "  e2e: {needs: [seed], matrix: {browser: [ff, cr]}, run: x}\n"
				 "  never: {if: \"branch == 'other'\", run: x}\n"
				 "  after-never: {needs: [never], run: x}\n"
				 "  each: {each: services, needs: [ci.build, \"e2e\"], run: x}\n"
				 "  hand: {manual: true, run: x}\n"
				 "  then: {needs: [hand], run: x}\n"
				 "  amber: {allow_failure: true, run: x}\n" ROLLING;

static void jobs_of_staging(void **state)
{
	struct bench b;

	(void)state;
	begin_with(&b, staged);
	struct run *run = change(&b, (struct said){.yml = staged});
	pass_ci(&b, run);
	const struct release *r = model_release(&b.m, "rel-1");
	assert_int_equal(r->state, RELEASE_STAGING);
	assert_string_equal(job_is(&b, run, "staging/-/never"), "skipped");
	assert_string_equal(job_is(&b, run, "staging/-/after-never"), "running");
	assert_string_equal(job_is(&b, run, "staging/-/hand"), "manual");
	assert_string_equal(job_is(&b, run, "staging/-/e2e@ff"), "blocked");
	ends(&b, stage_job(&b, "run-1/staging/-/seed"), FAILURE_NONE, 0, NULL);
	ends(&b, stage_job(&b, "run-1/staging/-/after-never"), FAILURE_NONE, 0, NULL);
	ends(&b, stage_job(&b, "run-1/staging/-/amber"), FAILURE_EXIT, 1, NULL);
	ends(&b, stage_job(&b, "run-1/staging/-/e2e@ff"), FAILURE_NONE, 0, NULL);
	assert_string_equal(job_is(&b, run, "staging/s/each"), "blocked"); /* every row counts */
	ends(&b, stage_job(&b, "run-1/staging/-/e2e@cr"), FAILURE_NONE, 0, NULL);
	go_on(&b, -1);
	assert_int_equal(r->state, RELEASE_STAGING);
	ends(&b, stage_job(&b, "run-1/staging/s/each"), FAILURE_NONE, 0, NULL);
	go_on(&b, -1);
	assert_int_equal(r->state, RELEASE_LIVE); /* nobody waits for the hand */
	assert_string_equal(job_is(&b, run, "staging/-/hand"), "manual");
	assert_string_equal(job_is(&b, run, "staging/-/then"), "blocked");
	end(&b);
}

/* The reason names the job that failed, not one that did not run for it. */
static void a_failure_in_staging(void **state)
{
	static const char yml[] = TOP
		"ci: {" IMAGE
		"}\nstaging: {one: {run: x}, two: {needs: [one], run: x}, three: {needs: [two], run: x}}\n" ROLLING;
	struct bench b;

	(void)state;
	begin_with(&b, yml);
	struct run *run = change(&b, (struct said){.yml = yml});
	pass_ci(&b, run);
	ends(&b, stage_job(&b, "run-1/staging/-/one"), FAILURE_EXIT, 1, NULL);
	go_on(&b, -1);
	const struct release *r = model_release(&b.m, "rel-1");
	assert_true(release_is_final(r->state));
	assert_int_not_equal(r->state, RELEASE_LIVE);
	assert_non_null(strstr(r->reason, "one failed in staging"));
	assert_string_equal(job_is(&b, run, "staging/-/three"), "skipped");
	end(&b);
}

/* ---- tags ---- */

static void who_makes_a_release(void **state)
{
	static const struct {
		const char *release, *ref;
		bool makes;
	} rows[] = {{"branches", "refs/heads/main", true},  {"branches", "refs/tags/v1", false},
		    {"tags", "refs/heads/main", false},     {"tags", "refs/tags/v1", true},
		    {"tags", "refs/tags/x1", false},        {"tags", "refs/heads/other", false},
		    {"branches", "refs/pull/7/head", false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(freep)
		char *yml = xasprintf(
			TOP
			"on: {push: {branches: [main], tags: [\"v*\"], release: %s}, pull_request: {forks: always}}\nci: {" IMAGE
			"}\n" ROLLING,
			rows[i].release);
		AUTO(freep) char *why = xasprintf("%s, %s", rows[i].release, rows[i].ref);
		struct bench b;

		begin_with(&b, yml);
		pass_ci(&b, change(&b, (struct said){.yml = yml}));
		bool first = model_release(&b.m, "rel-1") != NULL;
		CHECK(first == streq(rows[i].release, "branches"), why);
		struct run *run = change(&b, (struct said){.yml = yml, .ref = rows[i].ref});
		if (run)
			pass_ci(&b, run);
		CHECK((model_project(&b.m)->releases > (uint32_t)first) == rows[i].makes, why);
		end(&b);
	}
}

/* ---- deploys are never dropped ---- */

static void groups_drop_no_deploy(void **state)
{
	static const char yml[] = TOP
		"ci: {" IMAGE
		", lint: {concurrency: {group: g, mode: supersede}, run: x}}\nstaging: {e2e: {concurrency: {group: g, mode: supersede}, run: x}}\n" ROLLING;
	struct bench b;

	(void)state;
	begin_with(&b, yml);
	struct run *one = change(&b, (struct said){.yml = yml});
	pass_ci(&b, one);
	assert_string_equal(job_is(&b, one, "staging/-/e2e"), "running");
	struct run *two = change(&b, (struct said){.yml = yml});
	assert_int_equal(one->state, RUN_PASSED);
	assert_string_equal(job_is(&b, one, "staging/-/e2e"), "running");
	assert_string_equal(job_is(&b, two, "ci/-/lint"), "ready"); /* one of the group at a time */
	ends(&b, stage_job(&b, "run-1/staging/-/e2e"), FAILURE_NONE, 0, NULL);
	pass_ci(&b, two);
	assert_int_equal(model_release(&b.m, "rel-1")->state, RELEASE_LIVE);
	end(&b);
}

/* ---- several repositories ---- */

static const char front[] =
	"version: 1\nproject: p\nservices: {web-app: {path: w}}\nci: {" IMAGE
	"}\nstaging: {e2e: {run: x, id_tokens: {AWS: {aud: [sts, other]}, B: {aud: b}}}}\n" ROLLING;
static const char back[] =
	"version: 1\nproject: p\nservices: {api: {path: api}}\nci: {" IMAGE "}\n" ROLLING;

static const char *env_of(const struct job_spec *spec, const char *key)
{
	vec_each(p, &spec->env)
		if (streq(p->key, key))
			return p->value;
	return NULL;
}

static void two_repositories(void **state)
{
	struct bench b;
	unsigned started[2] = {0};

	(void)state;
	begin_with(&b, front);
	pass_ci(&b, change(&b, (struct said){.repo = "back", .yml = back}));
	assert_int_equal(model_release(&b.m, "rel-1")->state, RELEASE_LIVE);
	struct run *run = change(&b, (struct said){.repo = "front", .yml = front});
	go_on(&b, -1);
	while (!model_job(&b.m, "run-2/staging/-/e2e")) {
		for (struct map_entry *e = NULL; (e = map_next(&b.m.by_kind[AGG_JOB], e));) {
			struct job *job = e->value;

			if (job->state == JOB_RUNNING && streq(job->run, run->id)) {
				ends(&b, job, FAILURE_NONE, 0, NULL);
				break;
			}
		}
		const size_t before = b.seq;
		while (b.waiting.n && !model_job(&b.m, "run-2/staging/-/e2e")) {
			struct effect f = b.waiting.v[0];

			vec_remove(&b.waiting, 0);
			(void)answer(&b, &f);
			effect_done(&f);
		}
		assert_true(b.seq > before);
	}
	const struct effect *e2e = NULL;
	vec_each(f, &b.out.list)
		e2e = f->kind == EF_START_JOB ? f : e2e;
	assert_non_null(e2e);
	assert_string_equal(env_of(&e2e->spec, "WEB_APP_URL"), "url:staging/web-app");
	assert_string_equal(env_of(&e2e->spec, "API_URL"), "url:staging/api");
	assert_string_equal(env_of(&e2e->spec, "STAGING_URL"), "url:staging/web-app");
	assert_int_equal(e2e->spec.def.id_tokens.n, 2);
	assert_string_equal(e2e->spec.def.id_tokens.v[0].aud.v[1], "other");
	assert_string_equal(e2e->spec.facts.project, "p");
	assert_string_equal(e2e->spec.facts.run, "run-2");
	assert_string_equal(e2e->spec.facts.environment, "staging");
	go_on(&b, -1);
	ends(&b, stage_job(&b, "run-2/staging/-/e2e"), FAILURE_NONE, 0, NULL);
	go_on(&b, -1);
	assert_int_equal(model_release(&b.m, "rel-2")->state, RELEASE_LIVE);
	/* A restart starts what is live, of both, each as its own penstock.yml says. */
	assert_int_equal(give(&b, (struct event){.kind = EV_STARTED, .slots = 4, .text = S("t")}),
			 RC_OK);
	vec_each(f, &b.out.list)
		if (f->kind == EF_START_REPLICAS && streq(f->deploy.environment, "production")) {
			started[0] += streq(f->deploy.unit, "api");
			started[1] += streq(f->deploy.unit, "web-app");
		}
	assert_int_equal(started[0], 1);
	assert_int_equal(started[1], 1);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(jobs_of_staging),     cmocka_unit_test(a_failure_in_staging),
		cmocka_unit_test(who_makes_a_release), cmocka_unit_test(groups_drop_no_deploy),
		cmocka_unit_test(two_repositories),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
