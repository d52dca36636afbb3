/* Insights: what of runs, jobs, releases, rollouts and incidents becomes which number. */
#include "api_kit.h"

#define DAY0 (1699920000 * USEC_SEC) /* 2023-11-14 00:00 UTC */
#define H    USEC_HOUR

static void put_job(struct store *store, const char *run, const char *unit, enum job_state state,
		    uint64_t waited, uint64_t ended)
{
	struct job job = {.id = xasprintf("%s/ci/%s/test", run, unit),
			  .run = text(run),
			  .unit = text(unit),
			  .name = text("test"),
			  .stage = STAGE_CI,
			  .state = state,
			  .settled = true,
			  .ready_at = DAY0,
			  .started_at = waited ? DAY0 + waited : 0,
			  .ended_at = ended};

	kit_ended(store, AGG_JOB, job.id, &job);
	shape_done(aggregate_shapes[AGG_JOB], &job);
}

static void put_run(struct store *store, unsigned n, enum run_state state, uint64_t at,
		    uint64_t took)
{
	struct run run = {.id = xasprintf("run-%u", n),
			  .state = state,
			  .created_at = at,
			  .ended_at = at + took};

	kit_ended(store, AGG_RUN, run.id, &run);
	put_job(store, run.id, "orders", state == RUN_FAILED ? JOB_FAILED : JOB_PASSED,
		100 * USEC_MS, at + took / 2);
	put_job(store, run.id, "cart", JOB_CACHED, 0, at + 2 * USEC_SEC);
	put_job(store, run.id, "shared", JOB_UNAFFECTED, 0, 0);
	shape_done(aggregate_shapes[AGG_RUN], &run);
}

static void put_release(struct store *store, unsigned n, uint64_t pushed, const char *reverts)
{
	struct release r = {.id = xasprintf("rel-%u", n),
			    .state = RELEASE_LIVE,
			    .built_at = pushed + H / 2,
			    .staged_at = pushed + H,
			    .gated_at = pushed + 2 * H,
			    .live_at = pushed + 3 * H};

	r.change = (struct change){.pushed_at = pushed, .reverts = reverts ? text(reverts) : NULL};
	vec_push(&r.items, ((struct release_item){.unit = text("orders"), .image = text(IMAGE_A)}));
	kit_ended(store, AGG_RELEASE, r.id, &r);
	shape_done(aggregate_shapes[AGG_RELEASE], &r);
}

struct rolled {
	unsigned n, release;
	const char *environment, *image, *previous, *cause;
	uint64_t reached, live, zero;
	bool returns;
};

static void put_rollout(struct store *store, const struct rolled *x)
{
	struct rollout ro = {.id = xasprintf("ro-%u", x->n),
			     .release = x->release ? xasprintf("rel-%u", x->release) : NULL,
			     .environment = text(x->environment),
			     .unit = text("orders"),
			     .image = text(x->image),
			     .previous = x->previous ? text(x->previous) : NULL,
			     .cause = x->cause ? text(x->cause) : NULL,
			     .state = x->live ? ROLLOUT_DONE : ROLLOUT_ABORTED,
			     .created_at = x->reached,
			     .baked_at = x->reached,
			     .step_at = x->live ? x->live : x->reached,
			     .harm_at = x->cause ? x->reached + USEC_MIN : 0,
			     .zero_confirmed_at = x->zero,
			     .is_return = x->returns};

	if (!x->reached)
		ro.created_at = DAY0;
	kit_ended(store, AGG_ROLLOUT, ro.id, &ro);
	shape_done(aggregate_shapes[AGG_ROLLOUT], &ro);
}

static void fill_past(struct store *store)
{
	static const struct rolled rolled[] = {
		{.n = 1,
		 .release = 1,
		 .environment = "production",
		 .image = IMAGE_A,
		 .reached = DAY0 + 3 * H,
		 .live = DAY0 + 4 * H},
		/* the verdict took it back, five minutes after the harm began */
		{.n = 2,
		 .release = 2,
		 .environment = "production",
		 .image = IMAGE_B,
		 .previous = IMAGE_A,
		 .cause = "errors",
		 .reached = DAY0 + 30 * H,
		 .zero = DAY0 + 30 * H + 6 * USEC_MIN},
		/* nobody saw it; a person changed their mind */
		{.n = 3,
		 .release = 2,
		 .environment = "production",
		 .image = IMAGE_B,
		 .cause = "person"},
		{.n = 4,
		 .release = 3,
		 .environment = "staging",
		 .image = IMAGE_B,
		 .reached = DAY0 + 30 * H,
		 .live = DAY0 + 31 * H},
		/* done, then a person brought the version before it back */
		{.n = 5,
		 .release = 3,
		 .environment = "production",
		 .image = "sha256:cc",
		 .previous = IMAGE_A,
		 .reached = DAY0 + 49 * H,
		 .live = DAY0 + 50 * H},
		{.n = 6,
		 .release = 3,
		 .environment = "production",
		 .image = IMAGE_A,
		 .previous = "sha256:cc",
		 .reached = DAY0 + 52 * H,
		 .live = DAY0 + 53 * H,
		 .returns = true},
		/* and the commit that takes it back went the whole way */
		{.n = 7,
		 .release = 4,
		 .environment = "production",
		 .image = "sha256:dd",
		 .previous = IMAGE_A,
		 .reached = DAY0 + 54 * H,
		 .live = DAY0 + 55 * H},
	};

	put_run(store, 1, RUN_PASSED, DAY0 + H, 10 * USEC_MIN);
	put_run(store, 2, RUN_FAILED, DAY0 + 2 * H, 20 * USEC_MIN);
	put_run(store, 3, RUN_PASSED, DAY0 + 26 * H, 30 * USEC_MIN);
	put_release(store, 1, DAY0 + H, NULL);
	put_release(store, 2, DAY0 + 28 * H, NULL);
	put_release(store, 3, DAY0 + 48 * H, NULL);
	put_release(store, 4, DAY0 + 53 * H, "rel-3");
	for (size_t i = 0; i < ARRAY_LEN(rolled); i++)
		put_rollout(store, &rolled[i]);
}

static void fill_model(struct model *m)
{
	struct project *p = model_add(m, AGG_PROJECT, "project");
	struct environment *env = model_add(m, AGG_ENVIRONMENT, "production");
	struct history *h = model_add(m, AGG_HISTORY, "cart/test");
	struct run *run = model_add(m, AGG_RUN, "run-4");
	struct job *job = model_add(m, AGG_JOB, "run-4/ci/cart/test");

	*p = (struct project){.id = text("project"), .runs = 4, .releases = 4, .rollouts = 7};
	*env = (struct environment){.id = text("production"), .stage = STAGE_PRODUCTION};
	*h = (struct history){.id = text("cart/test"), .usec = 40 * USEC_SEC, .runs = 7};
	vec_push(&h->tests,
		 ((struct flaky_test){.test = text("cart.adds"), .count = 3, .last_at = DAY0 + H}));
	*run = (struct run){
		.id = text("run-4"), .state = RUN_RUNNING, .open = 1, .created_at = DAY0 + 27 * H};
	*job = (struct job){.id = text("run-4/ci/cart/test"),
			    .run = text("run-4"),
			    .unit = text("cart"),
			    .name = text("test"),
			    .stage = STAGE_CI,
			    .state = JOB_CACHED,
			    .settled = true};
}

#define ASK WIRE_INSIGHTS "?since=1699920000000000&until=1700438400000000" /* six days */

static const struct path paths[] = {
	{"five deployments, two of which failed, two of which mended", "GET " ASK, 200,
	 "\"dora\":{\"all\":{\"deploys\":5,\"failed\":2,\"rework\":2,", NULL},
	{"rates", "GET " ASK, 200, "\"fail_rate\":0.4,\"rework_rate\":0.4", NULL},
	{"lead time of those that stayed", "GET " ASK, 200,
	 "\"lead_p50\":7200000000,\"lead_p95\":10800000000", NULL},
	{"recovery", "GET " ASK, 200,
	 "\"recovered\":2,\"recovery_p50\":300000000,\"recovery_p95\":3600000000", NULL},
	{"by service", "GET " ASK, 200, "\"units\":[{\"unit\":\"orders\",\"deploys\":5", NULL},
	{"the deploys behind a point", "GET " ASK, 200, "\"rollouts\":[\"ro-5\",\"ro-6\",\"ro-7\"]",
	 "ro-4"},
	{"what it means", "GET " ASK, 200, "\"definitions\":{\"deployment\":\"", NULL},
	{"another environment", "GET " ASK "&environment=staging", 200,
	 "\"all\":{\"deploys\":1,\"failed\":0", NULL},
	{"another service", "GET " ASK "&unit=cart", 200, "\"all\":{\"deploys\":0", NULL},
	{"its runs: those with jobs of it; one that failed for another one's did not fail",
	 "GET " ASK "&unit=cart", 200, "\"runs\":{\"n\":4,\"passed\":3,\"failed\":0}", NULL},
	{"its cache", "GET " ASK "&unit=cart", 200,
	 "\"cache\":{\"jobs\":4,\"hits\":4,\"rate\":1", NULL},
	{"its queue", "GET " ASK "&unit=cart", 200, "\"queue\":{\"n\":0}", NULL},
	{"its ci ends with its own last job", "GET " ASK "&unit=cart", 200,
	 "\"stages\":[{\"stage\":\"ci\",\"n\":3,\"p50\":2000000", NULL},
	{"a service whose jobs failed", "GET " ASK "&unit=orders", 200,
	 "\"runs\":{\"n\":3,\"passed\":2,\"failed\":1}", NULL},
	{"what was kept says the same", "GET " ASK "&unit=cart", 200,
	 "\"cache\":{\"jobs\":4,\"hits\":4,", NULL},
	{"a third one takes a place", "GET " ASK "&unit=shared", 200,
	 "\"runs\":{\"n\":0,\"passed\":0,\"failed\":0}", NULL},
	{"and the first one is read again", "GET " ASK "&unit=orders", 200,
	 "\"days\":[{\"day\":1699920000000000,\"runs\":2,\"passed\":1,\"failed\":1,\"ci_p50\":300000000,\"jobs\":2,\"hits\":0,\"saved\":0,\"queue_p50\":128000}",
	 NULL},
	{"another time", "GET " WIRE_INSIGHTS "?since=1699920000000000&until=1700006400000000", 200,
	 "\"all\":{\"deploys\":1,\"failed\":0", NULL},
	{"stages", "GET " ASK, 200,
	 "\"stages\":[{\"stage\":\"ci\",\"n\":3,\"p50\":1200000000,\"p95\":1800000000},"
	 "{\"stage\":\"staging\",\"n\":4,\"p50\":1800000000,\"p95\":1800000000},"
	 "{\"stage\":\"gate\",\"n\":4,\"p50\":3600000000,\"p95\":3600000000},"
	 "{\"stage\":\"production\",\"n\":4,\"p50\":3600000000,\"p95\":3600000000}]",
	 NULL},
	{"runs", "GET " ASK, 200, "\"runs\":{\"n\":4,\"passed\":2,\"failed\":1}", NULL},
	{"the cache: those of the store and of memory", "GET " ASK, 200,
	 "\"cache\":{\"jobs\":7,\"hits\":4,\"rate\":0.571", NULL},
	{"time saved", "GET " ASK, 200, "\"saved\":160000000}", NULL},
	{"the queue, within a bucket", "GET " ASK, 200, "\"queue\":{\"n\":3,\"p50\":128000", NULL},
	{"by day", "GET " ASK, 200,
	 "\"days\":[{\"day\":1699920000000000,\"runs\":2,\"passed\":1,\"failed\":1,\"ci_p50\":600000000,\"jobs\":4,\"hits\":2",
	 NULL},
	{"flaky", "GET " ASK, 200,
	 "\"flaky\":[{\"test\":\"cart.adds\",\"unit\":\"cart\",\"job\":\"test\",\"count\":3", NULL},
	{"slow", "GET " ASK, 200,
	 "\"slowest\":[{\"unit\":\"cart\",\"job\":\"test\",\"usec\":40000000,\"runs\":7", NULL},
	{"without a time", "GET " WIRE_INSIGHTS, 200, "\"dora\":{\"all\":{\"deploys\":0", NULL},
	{"backwards", "GET " WIRE_INSIGHTS "?since=5&until=4", 400, "lies after ?since=", NULL},
	{"too long", "GET " WIRE_INSIGHTS "?since=0&until=1700438400000000", 400, "800 days", NULL},
};

static void insights_client(void)
{
	for (int i = 0; i < 2; i++) /* read, then kept */
		check_paths(paths, ARRAY_LEN(paths));
}

static void each_number_is_what_it_says(void **state)
{
	(void)state;
	beside(insights_client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {KIT_CASE(each_number_is_what_it_says)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
