/* Pages of runs, releases, rollouts, incidents and jobs, from memory and from the store. */
#include "api_kit.h"

#define T0   (1700000000 * USEC_SEC)
#define RUNS 30 /* the last three are in memory */

static const char *const authors[] = {"Ann", "Bob", "Cy"};

static struct run run_of(unsigned n)
{
	struct run run = {.id = xasprintf("run-%u", n),
			  .state = n % 3 == 0 ? RUN_FAILED : RUN_PASSED,
			  .jobs = 2,
			  .config = text("c0"),
			  .created_at = T0 + n * USEC_MIN,
			  .ended_at = T0 + n * USEC_MIN + (n % 7 + 1) * USEC_SEC};

	run.change = (struct change){
		.kind = n % 5 == 0 ? CHANGE_PULL : CHANGE_PUSH,
		.repo = text("shop"),
		.ref = n % 2 ? text("refs/heads/main") : xasprintf("refs/heads/topic-%u", n),
		.commit = xasprintf("%040x", n),
		.author = text(authors[n % 3]),
		.email = text(n % 3 == 1 ? "bob@example.com" : "other@example.com"),
		.subject = xasprintf("Change %u of the Cart", n)};
	return run;
}

static void job_put(struct store *store, const char *run, const char *unit, enum job_state state)
{
	struct job job = {.id = xasprintf("%s/ci/%s/test", run, unit),
			  .run = text(run),
			  .unit = text(unit),
			  .name = text("test"),
			  .stage = STAGE_CI,
			  .state = state,
			  .settled = true};

	kit_ended(store, AGG_JOB, job.id, &job);
	shape_done(aggregate_shapes[AGG_JOB], &job);
}

static void fill_past(struct store *store)
{
	for (unsigned n = 1; n <= RUNS - 3; n++) {
		struct run run = run_of(n);

		kit_ended(store, AGG_RUN, run.id, &run);
		job_put(store, run.id, "orders", n % 3 == 0 ? JOB_FAILED : JOB_PASSED);
		job_put(store, run.id, "cart", JOB_CACHED);
		shape_done(aggregate_shapes[AGG_RUN], &run);
	}
	for (unsigned n = 1; n <= 4; n++) {
		struct release r = {.id = xasprintf("rel-%u", n),
				    .run = xasprintf("run-%u", n),
				    .state = n == 2 ? RELEASE_ROLLED_BACK : RELEASE_LIVE,
				    .environment = text("production"),
				    .built_at = T0 + n * USEC_HOUR,
				    .live_at = T0 + n * USEC_HOUR + USEC_MIN};
		struct rollout ro = {.id = xasprintf("ro-%u", n),
				     .release = xasprintf("rel-%u", n),
				     .environment = text(n % 2 ? "staging" : "production"),
				     .unit = text(n > 2 ? "orders" : "cart"),
				     .image = text(IMAGE_A),
				     .state = n == 2 ? ROLLOUT_ABORTED : ROLLOUT_DONE,
				     .created_at = T0 + n * USEC_HOUR};
		struct incident i = {.id = xasprintf("inc-%u", n),
				     .state = INCIDENT_CLOSED,
				     .title = xasprintf("orders: errors %u", n),
				     .unit = text("orders"),
				     .environment = text("production"),
				     .rollout = xasprintf("ro-%u", n),
				     .opened_at = T0 + n * USEC_HOUR,
				     .closed_at = T0 + n * USEC_HOUR + USEC_MIN};

		vec_push(&r.items, ((struct release_item){.unit = text(n > 2 ? "orders" : "cart"),
							  .image = text(IMAGE_A)}));
		kit_ended(store, AGG_RELEASE, r.id, &r);
		kit_ended(store, AGG_ROLLOUT, ro.id, &ro);
		kit_ended(store, AGG_INCIDENT, i.id, &i);
		shape_done(aggregate_shapes[AGG_RELEASE], &r);
		shape_done(aggregate_shapes[AGG_ROLLOUT], &ro);
		shape_done(aggregate_shapes[AGG_INCIDENT], &i);
	}
	kit_record(store, T0, "git", "shop", "source.ref_moved", "{\"repo\":\"shop\"}");
	for (int i = 0; i < 5000; i++) { /* more than a page of the journal between them */
		kit_record(store, T0 + 1, "engine", i == 4000 ? "run-9" : "run-8", "job.ended",
			   "{}");
	}
}

static void fill_model(struct model *m)
{
	struct project *p = model_add(m, AGG_PROJECT, "project");

	*p = (struct project){.id = text("project"),
			      .runs = RUNS,
			      .releases = 4,
			      .rollouts = 4,
			      .incidents = 4,
			      .config = text("c0")};
	for (unsigned n = RUNS - 2; n <= RUNS; n++) {
		AUTO(freep) char *id = xasprintf("run-%u", n);
		struct run *run = model_add(m, AGG_RUN, id);

		*run = run_of(n);
		run->state = RUN_RUNNING;
		run->ended_at = 0;
	}
}

/* "run-30 run-29 ...", and the cursor of the next page. */
static char *ids(const char *path, const char *plural, char **ret_next)
{
	AUTO(freep) char *line = xasprintf("GET %s", path);
	struct json *j = get_json(line);
	const struct json *list = json_get(j, plural);
	struct strbuf b = STRBUF(1 << 16);

	for (size_t i = 0; i < json_count(list); i++)
		strbuf_addf(&b, "%s%s", i ? " " : "", json_get_text(json_at(list, i), "id", "?"));
	const char *next = json_get_text(j, "next", NULL);
	if (ret_next)
		*ret_next = next ? xstrdup(next) : NULL;
	json_free(j);
	return strbuf_take(&b);
}

static const struct {
	const char *query, *plural, *ids;
	bool more;
} pages[] = {
	{"?limit=5", "runs", "run-30 run-29 run-28 run-27 run-26", true},
	{"?limit=3&sort=id", "runs", "run-1 run-2 run-3", true},
	{"?limit=2&sort=created", "runs", "run-1 run-2", true},
	{"?limit=0", "runs", "", false},
	{"?state=running", "runs", "run-30 run-29 run-28", false},
	{"?state=failed&limit=3", "runs", "run-27 run-24 run-21", true},
	{"?state=failed&limit=3&sort=id", "runs", "run-3 run-6 run-9", true},
	{"?state=running,failed&limit=5", "runs", "run-30 run-29 run-28 run-27 run-24", true},
	{"?author=bob@example.com&limit=1", "runs", "run-28", true},
	{"?author=Bob&state=passed&limit=2", "runs", "run-25 run-22", true},
	{"?branch=main&limit=2", "runs", "run-29 run-27", true},
	{"?branch=topic-4", "runs", "run-4", false},
	{"?ref=refs/heads/topic-4", "runs", "run-4", false},
	{"?kind=pull_request&limit=2", "runs", "run-30 run-25", true},
	{"?repo=shop&text=27%20of%20the%20cart", "runs", "run-27", false},
	{"?repo=bank", "runs", "", false},
	{"?since=1700001500000000", "runs", "run-30 run-29 run-28 run-27 run-26 run-25", false},
	{"?until=1700000180000000", "runs", "run-2 run-1", false},
	{"?sort=-duration&limit=4&state=passed", "runs", "run-20 run-13 run-26 run-19", true},
	{"?sort=duration&limit=3&state=passed", "runs", "run-7 run-14 run-1", true},
	{"?unit=orders", "releases", "rel-4 rel-3", false},
	{"?state=rolled_back", "releases", "rel-2", false},
	{"?run=run-3", "releases", "rel-3", false},
	{"", "rollouts", "ro-4 ro-3 ro-2 ro-1", false},
	{"?environment=production&unit=cart", "rollouts", "ro-2", false},
	{"?release=rel-3", "rollouts", "ro-3", false},
	{"?rollout=ro-2", "incidents", "inc-2", false},
	{"?text=ERRORS%203", "incidents", "inc-3", false},
	{"?run=run-3", "jobs", "run-3/ci/cart/test run-3/ci/orders/test", false},
	{"?run=run-3&limit=1", "jobs", "run-3/ci/cart/test", true},
	{"?run=run-3&cursor=run-3/ci/cart/test", "jobs", "run-3/ci/orders/test", false},
	{"?state=failed&limit=2", "jobs", "run-27/ci/orders/test run-24/ci/orders/test", true},
	{"?unit=cart&name=test&limit=1", "jobs", "run-27/ci/cart/test", true},
	{"?cursor=run-1/ci/cart/test", "jobs", "run-1/ci/orders/test", false},
	{"?sort=id&limit=2", "jobs", "run-1/ci/cart/test run-1/ci/orders/test", true},
	{"?sort=id&limit=1&cursor=run-1/ci/orders/test", "jobs", "run-10/ci/cart/test", true},
};

static const struct path wrong[] = {
	{"a state", "GET " WIRE_RUNS "?state=faild", 400, "did you mean failed?", NULL},
	{"one of two states", "GET " WIRE_RUNS "?state=passed,x", 400, "not known", NULL},
	{"a sort", "GET " WIRE_RUNS "?sort=size", 400, "sort takes id, -id", NULL},
	{"a kind", "GET " WIRE_RUNS "?kind=pusch", 400, "did you mean push?", NULL},
	{"a cursor", "GET " WIRE_RUNS "?cursor=x", 400, "?cursor= takes", NULL},
	{"of another sort", "GET " WIRE_RUNS "?cursor=i3&sort=duration", 400, "same ?sort=", NULL},
	{"a time", "GET " WIRE_RUNS "?since=monday", 400, "takes a number", NULL},
	{"an id", "GET " WIRE_ROLLOUTS "?release=none", 400, "ends in a number", NULL},
	{"a job's state", "GET " WIRE_JOBS "?state=x", 400, "not known", NULL},
	{"a job's cursor", "GET " WIRE_JOBS "?run=run-3&cursor=run-4/ci/x", 400, "another run",
	 NULL},
	{"jobs of no run", "GET " WIRE_JOBS "?run=run-99", 404, "there is no run run-99", NULL},
	{"jobs of an ended run", "GET " WIRE_RUNS "/run-2/jobs", 200, "run-2/ci/orders/test",
	 "run-20"},
	{"jobs of no run", "GET " WIRE_RUNS "/run-99/jobs", 404, "there is no run run-99", NULL},
	{"one subject", "GET " WIRE_JOURNAL "?subject=run-9", 200, "\"seq\":4002", "run-8"},
	{"its newest", "GET " WIRE_JOURNAL "?subject=run-9&last=1", 200, "\"seq\":4002", "run-8"},
	{"a report's run", "GET " WIRE_RUNS "/run-2/report", 200, "\"run\":\"run-2\"", NULL},
};

static void pages_client(void)
{
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		AUTO(freep)
		char *path = xasprintf(WIRE_BASE "/%s%s", pages[i].plural, pages[i].query);
		AUTO(freep) char *next = NULL;
		AUTO(freep) char *got = ids(path, pages[i].plural, &next);

		CHECK_STR(got, pages[i].ids, path);
		CHECK((next != NULL) == pages[i].more, path);
	}
	check_paths(wrong, ARRAY_LEN(wrong));
}

static void pages_are_what_was_asked_for(void **state)
{
	(void)state;
	beside(pages_client);
}

/* All pages one after the other are all of them, each once, in both ways to read and both directions. */
static void walk_client(void)
{
	static const char *const ways[] = {"limit=7", "limit=7&sort=id", "limit=4&sort=duration",
					   "limit=4&sort=-duration", "limit=7&repo=shop"};

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		AUTO(freep) char *cursor = text("");
		unsigned seen[RUNS + 1] = {0}, n = 0;

		for (int page = 0; cursor && page < 20; page++) {
			AUTO(freep)
			char *path = xasprintf(WIRE_RUNS "?%s%s%s", ways[i],
					       *cursor ? "&cursor=" : "", cursor);
			AUTO(freep) char *next = NULL;
			AUTO(freep) char *got = ids(path, "runs", &next);
			struct str rest = str_of(got);

			while (rest.p) {
				struct str id = str_cut(&rest, ' ');
				uint32_t number = 0;

				(void)str_cut(&id, '-');
				assert_true(parse_u32(id, &number) && number <= RUNS);
				CHECK(!seen[number]++, path);
				n++;
			}
			xfree(cursor);
			cursor = next ? xstrdup(next) : NULL;
		}
		assert_int_equal(n, RUNS);
		CHECK(!cursor, ways[i]);
	}
}

static void pages_follow_one_another(void **state)
{
	(void)state;
	beside(walk_client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {KIT_CASE(pages_are_what_was_asked_for),
					   KIT_CASE(pages_follow_one_another)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
