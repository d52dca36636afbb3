/* A store with 10,000 runs of 20 jobs, their releases and rollouts, and 100,000 records, behind the API (unit/api_kit.h): kit_store = open_sqlite. */
#pragma once
#include "unit/api_kit.h"

#define RUNS 10000u
#define JOBS 20u
#define T0   (1700000000 * USEC_SEC)
#define EACH (5 * USEC_MIN)

struct batch {
	VEC(struct store_snapshot) snaps;
	VEC(char *) texts;
};

static char *kept(struct batch *b, char *text)
{
	vec_push(&b->texts, text);
	return text;
}

static void add(struct batch *b, enum aggregate_kind kind, const char *id, const void *thing)
{
	struct strbuf json = STRBUF(1 << 20);
	struct json_out o = JSON_OUT(&json);
	char *name = kept(b, xstrdup(id));

	shape_write(&o, NULL, aggregate_shapes[kind], thing);
	size_t n = json.n;
	char *text_of = kept(b, strbuf_take(&json));
	vec_push(&b->snaps,
		 ((struct store_snapshot){str_of(aggregate_kind_names[kind]), str_of(name),
					  (struct str){text_of, n}, true}));
}

static void flush(struct batch *b, struct store *store)
{
	struct store_batch batch = {.snapshots = b->snaps.v, .n_snapshots = b->snaps.n};
	struct err err = {0};

	if (store_commit(store, &batch, &err) != RC_OK)
		fail_msg("%s", err.msg);
	vec_each(t, &b->texts)
		xfree(*t);
	b->texts.n = b->snaps.n = 0;
}

static void add_jobs(struct batch *b, const char *run, unsigned n)
{
	for (unsigned k = 0; k < JOBS; k++) {
		struct job job = {.id = xasprintf("%s/ci/unit-%u/test", run, k),
				  .run = text(run),
				  .unit = xasprintf("unit-%u", k),
				  .name = text("test"),
				  .key = xasprintf("%064x", n * JOBS + k),
				  .why = text("key seen before"),
				  .stage = STAGE_CI,
				  .state = k % 4 ? JOB_CACHED : JOB_PASSED,
				  .ready_at = T0 + n * EACH,
				  .started_at = T0 + n * EACH + k * USEC_MS,
				  .settled = true};

		add(b, AGG_JOB, job.id, &job);
		shape_done(aggregate_shapes[AGG_JOB], &job);
	}
}

static void fill_change_of(struct change *c, unsigned n)
{
	*c = (struct change){.repo = text("shop"),
			     .ref = text("refs/heads/main"),
			     .commit = xasprintf("%040x", n),
			     .author = text(n % 3 ? "Ann" : "Bob"),
			     .subject = xasprintf("Change number %u of the shop's cart", n),
			     .pushed_at = T0 + n * EACH};
}

static void add_run(struct batch *b, unsigned n)
{
	struct run run = {.id = xasprintf("run-%u", n),
			  .state = n % 9 ? RUN_PASSED : RUN_FAILED,
			  .jobs = JOBS,
			  .created_at = T0 + n * EACH,
			  .ended_at = T0 + n * EACH + USEC_MIN};
	struct release r = {.id = xasprintf("rel-%u", n),
			    .run = text(run.id),
			    .state = RELEASE_LIVE,
			    .built_at = T0 + n * EACH,
			    .staged_at = T0 + n * EACH + USEC_MIN,
			    .gated_at = T0 + n * EACH + 2 * USEC_MIN,
			    .live_at = T0 + n * EACH + 3 * USEC_MIN};
	struct rollout ro = {.id = xasprintf("ro-%u", n),
			     .release = text(r.id),
			     .environment = text("production"),
			     .unit = xasprintf("unit-%u", n % 20),
			     .image = xasprintf("sha256:%064x", n),
			     .state = ROLLOUT_DONE,
			     .created_at = T0 + n * EACH + 2 * USEC_MIN,
			     .step_at = T0 + n * EACH + 3 * USEC_MIN,
			     .ended_at = T0 + n * EACH + 3 * USEC_MIN};

	fill_change_of(&run.change, n);
	fill_change_of(&r.change, n);
	vec_push(&r.items, ((struct release_item){.unit = text("orders"), .image = text(IMAGE_A)}));
	vec_push(&r.items, ((struct release_item){.unit = text(ro.unit), .image = text(ro.image)}));
	add(b, AGG_RUN, run.id, &run);
	add_jobs(b, run.id, n);
	add(b, AGG_RELEASE, r.id, &r);
	add(b, AGG_ROLLOUT, ro.id, &ro);
	shape_done(aggregate_shapes[AGG_RUN], &run);
	shape_done(aggregate_shapes[AGG_RELEASE], &r);
	shape_done(aggregate_shapes[AGG_ROLLOUT], &ro);
}

static void add_records(struct store *store)
{
	struct digest head = {{0}};

	for (uint64_t seq = 1; seq <= 100000;) {
		struct record r[1000];
		char subjects[1000][16];
		struct store_batch batch = {.records = r, .n_records = 1000};
		struct err err = {0};

		for (unsigned i = 0; i < 1000; i++, seq++) {
			snprintf(subjects[i], sizeof(subjects[i]), "ro-%u",
				 (unsigned)(seq % RUNS) + 1);
			r[i] = (struct record){.seq = seq,
					       .time = T0 + seq,
					       .actor = STR("engine"),
					       .subject = str_of(subjects[i]),
					       .type = STR("watch.facts"),
					       .payload =
						       STR("{\"window\":{\"second\":1700000000}}"),
					       .prev = head};
			r[i].hash = head = chain_hash(&r[i]);
		}
		if (store_commit(store, &batch, &err) != RC_OK)
			fail_msg("%s", err.msg);
	}
}

static void fill_past(struct store *store)
{
	struct batch b = {0};

	for (unsigned n = 1; n <= RUNS; n++) {
		add_run(&b, n);
		if (n % 100 == 0)
			flush(&b, store);
	}
	vec_done(&b.snaps);
	vec_done(&b.texts);
	add_records(store);
}

static void fill_model(struct model *m)
{
	struct project *p = model_add(m, AGG_PROJECT, "project");
	struct environment *env = model_add(m, AGG_ENVIRONMENT, "production");

	*p = (struct project){
		.id = text("project"), .runs = RUNS, .releases = RUNS, .rollouts = RUNS};
	*env = (struct environment){.id = text("production"), .stage = STAGE_PRODUCTION};
}

static struct store *open_sqlite(void)
{
	AUTO(freep) char *path = xasprintf("%s/journal.db", folder);
	struct store *s = NULL;
	struct err err = {0};

	if (store_sqlite_open(path, &s, &err) != RC_OK)
		fail_msg("%s", err.msg);
	return s;
}
