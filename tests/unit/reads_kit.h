/* A shop in the middle of its day, under the API: ended runs, releases, rollouts in the store, others in the model; commits, evidence, an incident. */
#pragma once
#include "api_kit.h"

#define IMAGE_C "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define T0      (1700000000 * USEC_SEC) /* Tuesday, 2023-11-14 22:13:20 UTC */

static const char yml[] =
	"version: 1\n"
	"project: shop\n"
	"libraries: {shared: {path: libs/shared}}\n"
	"services:\n"
	"  orders: {path: services/orders, port: 8080, deps: [shared], consumes: [payments-api], replicas: 2, secrets: {DB: \"file:DB_PASSWORD\", KEY: \"file:NOBODY_WROTE\"}}\n"
	"  payments: {path: services/payments, port: 8080, deps: [shared], provides: payments-api}\n"
	"ci:\n"
	"  test: {each: services, run: make test}\n"
	"  image: {each: services, needs: [test], image: {from: scratch, copy: {out/app: /app}, entrypoint: [/app]}}\n"
	"staging: {environment: staging}\n"
	"gate: {approve: {count: 1}, windows: [{deny: \"Fri 16:00 - Mon 08:00\"}]}\n"
	"notify: [{kind: webhook, url: \"https://name:word@hooks.example:8443/T0/B1?key=hidden\", name: oncall}, {kind: log}]\n"
	"production: {environment: production, on_failure: {page: oncall}}\n";

static const char *commits[3];
static char envelope[DIGEST_HEX + 1], forged[DIGEST_HEX + 1];

static const char *commit_files(const char *message, const char *main_c, const char *config,
				const char *extra)
{
	struct fake_file files[] = {
		{"services/orders/main.c", str_of(main_c), 0, false},
		{"penstock.yml", str_of(config), 0, false},
		{"services/orders/extra.c", str_of(extra ? extra : ""), 0, extra == NULL}};

	return scm_fake_commit(world.scm, "shop", "refs/heads/main",
			       &(struct fake_commit){.message = message, .files = files, .n = 3});
}

static void fill_change(struct change *c, unsigned n, const char *subject)
{
	c->repo = text("shop");
	c->ref = text("refs/heads/main");
	c->commit = text(commits[n]);
	c->base = n ? text(commits[n - 1]) : NULL;
	c->author = text("Ann");
	c->subject = text(subject);
	c->pushed_at = T0 + n * USEC_HOUR;
}

static void past_release(struct store *store)
{
	struct release r = {.id = text("rel-1"),
			    .run = text("run-1"),
			    .state = RELEASE_LIVE,
			    .config = text("c0"),
			    .environment = text("production"),
			    .built_at = T0,
			    .live_at = T0 + USEC_HOUR};

	fill_change(&r.change, 0, "Sell things");
	vec_push(&r.items, ((struct release_item){.unit = text("orders"),
						  .image = text(IMAGE_A),
						  .production_rollout = text("ro-1"),
						  .production_done = true}));
	vec_push(&r.gate.approvals,
		 ((struct approval){.actor = text("user:bob"), .yes = true, .at = T0}));
	kit_ended(store, AGG_RELEASE, r.id, &r);
	shape_done(aggregate_shapes[AGG_RELEASE], &r);
	r = (struct release){.id = text("rel-3"),
			     .run = text("run-2"),
			     .state = RELEASE_ROLLED_BACK,
			     .config = text("c0"),
			     .environment = text("production"),
			     .built_at = T0 + 2 * USEC_HOUR,
			     .ended_at = T0 + 6 * USEC_HOUR};
	fill_change(&r.change, 1, "Sell more");
	vec_push(&r.items, ((struct release_item){.unit = text("orders"),
						  .image = text(IMAGE_B),
						  .production_rollout = text("ro-3")}));
	vec_push(&r.items, ((struct release_item){.unit = text("payments"),
						  .image = text(IMAGE_A),
						  .production_skipped = true}));
	kit_ended(store, AGG_RELEASE, r.id, &r);
	shape_done(aggregate_shapes[AGG_RELEASE], &r);
}

static void past_rollouts(struct store *store)
{
	struct rollout done = {.id = text("ro-1"),
			       .release = text("rel-1"),
			       .environment = text("production"),
			       .unit = text("orders"),
			       .image = text(IMAGE_A),
			       .previous = text(IMAGE_C),
			       .state = ROLLOUT_DONE,
			       .created_at = T0,
			       .step_at = T0 + USEC_MIN,
			       .ended_at = T0 + USEC_HOUR};
	struct rollout bad = {.id = text("ro-2"),
			      .environment = text("production"),
			      .unit = text("orders"),
			      .image = text(IMAGE_B),
			      .previous = text(IMAGE_A),
			      .state = ROLLOUT_ABORTED,
			      .cause = text("errors"),
			      .reason = text("errors | 50 %"),
			      .created_at = T0 + 2 * USEC_HOUR,
			      .harm_at = T0 + 2 * USEC_HOUR + 20 * USEC_SEC,
			      .verdict_at = T0 + 2 * USEC_HOUR + 60 * USEC_SEC,
			      .zero_ordered_at = T0 + 2 * USEC_HOUR + 60 * USEC_SEC,
			      .zero_confirmed_at = T0 + 2 * USEC_HOUR + 60250 * USEC_MS,
			      .ended_at = T0 + 2 * USEC_HOUR + 2 * USEC_MIN};
	const double shares[] = {0.05, 0.5, 1};

	vec_push(&done.strategy.steps, ((struct weight){.share = 1}));
	bad.strategy.kind = STRATEGY_CANARY;
	for (size_t i = 0; i < ARRAY_LEN(shares); i++)
		vec_push(&bad.strategy.steps, ((struct weight){.share = shares[i]}));
	bad.numbers = (struct verdict_numbers){.answer = text("fail"),
					       .metric = text("errors"),
					       .lane = text("fast"),
					       .evidence = 400,
					       .wanted = 300};
	kit_ended(store, AGG_ROLLOUT, done.id, &done);
	kit_ended(store, AGG_ROLLOUT, bad.id, &bad);
	struct rollout back = {.id = text("ro-3"),
			       .release = text("rel-3"),
			       .environment = text("production"),
			       .unit = text("orders"),
			       .image = text(IMAGE_B),
			       .previous = text(IMAGE_A),
			       .plan = text("f00d"),
			       .state = ROLLOUT_ABORTED,
			       .created_at = T0 + 30 * USEC_HOUR};
	kit_ended(store, AGG_ROLLOUT, back.id, &back);
	shape_done(aggregate_shapes[AGG_ROLLOUT], &back);
	shape_done(aggregate_shapes[AGG_ROLLOUT], &done);
	shape_done(aggregate_shapes[AGG_ROLLOUT], &bad);
}

static void past_records(struct store *store)
{
	uint64_t at = T0 + 2 * USEC_HOUR;

	kit_record(store, T0, "git", "shop", "source.ref_moved", "{\"repo\":\"shop\"}");
	kit_record(store, at, "engine", "ro-2", "deploy.planned",
		   "{\"rollout\":\"ro-2\",\"digest\":\"0123456789abcdef\"}");
	kit_record(store, at + 10 * USEC_SEC, "engine", "ro-2", "route.weight_set",
		   "{\"rollout\":\"ro-2\",\"weight\":0.05}");
	kit_record(store, at + 10 * USEC_SEC, "engine", "ro-2", "watch.history",
		   "{\"rollout\":\"ro-2\"}");
	for (uint64_t s = 10; s < 60; s++) {
		AUTO(freep)
		char *payload = xasprintf(
			"{\"rollout\":\"ro-2\",\"window\":{\"second\":%llu,\"instances\":[{\"id\":1,\"n\":100},"
			"{\"id\":2,\"n\":100},{\"id\":3,\"canary\":true,\"n\":20%s}],"
			"\"p50\":{\"stable\":9000},\"p95\":{\"stable\":12000,\"allowed\":18000,\"canary\":13000}}}",
			(unsigned long long)(at / USEC_SEC + s), s >= 10 ? ",\"errors\":10" : "");

		kit_record(store, at + s * USEC_SEC, "engine", "ro-2", "watch.facts", payload);
		kit_record(store, at + s * USEC_SEC, "engine", "ro-20", "watch.facts", payload);
	}
	kit_record(store, at + 60250 * USEC_MS, "engine", "ro-2", "route.weight_set",
		   "{\"rollout\":\"ro-2\"}");
	kit_record(store, at + 2 * USEC_MIN, "user:ann", "ro-2", "person.refused",
		   "{\"rollout\":\"ro-2\",\"error\":\"it is aborted\"}");
}

static void fill_past(struct store *store)
{
	struct err err = {0};
	struct incident i = {.id = text("inc-1"),
			     .state = INCIDENT_CLOSED,
			     .title = text("orders in production: *errors*"),
			     .unit = text("orders"),
			     .environment = text("production"),
			     .rollout = text("ro-2"),
			     .run = text("run-2"),
			     .runbook = text("services/orders/main.c"),
			     .revert = text("0123abcd"),
			     .opened_at = T0 + 2 * USEC_HOUR + 60 * USEC_SEC,
			     .mitigated_at = T0 + 2 * USEC_HOUR + 61 * USEC_SEC,
			     .closed_at = T0 + 3 * USEC_HOUR};

	scm_fake_add(world.scm, "shop");
	commits[0] = commit_files("Sell things", "1", "a\nb\nc\n", NULL);
	commits[1] = commit_files("Sell more\n\nmuch more", "2", "a\nb\nc\n", NULL);
	commits[2] = commit_files("Sell all", "2", "a\nB\nc\n", "x");
	past_release(store);
	past_rollouts(store);
	past_records(store);
	vec_push(&i.timeline, ((struct moment){i.opened_at, text("engine"), text("it <hurts>")}));
	kit_ended(store, AGG_INCIDENT, i.id, &i);
	shape_done(aggregate_shapes[AGG_INCIDENT], &i);
	i = (struct incident){
		.id = text("inc-2"), .run = text("run-2"), .runbook = text("docs/none.md")};
	kit_ended(store, AGG_INCIDENT, i.id, &i);
	shape_done(aggregate_shapes[AGG_INCIDENT], &i);
	i = (struct incident){.id = text("inc-3"), .runbook = text("https://wiki.example/orders")};
	kit_ended(store, AGG_INCIDENT, i.id, &i);
	shape_done(aggregate_shapes[AGG_INCIDENT], &i);
	assert_int_equal(sign_attest(world.sign, IMAGE_B, "test", STR("{\"a\":1}"), envelope, &err),
			 RC_OK);
	assert_int_equal(sign_attest(world.sign, IMAGE_A, "test", STR("{\"a\":2}"), forged, &err),
			 RC_OK);
}

static void add_environment(struct model *m, const char *id, enum stage stage, const char *image,
			    const char *release)
{
	struct environment *env = model_add(m, AGG_ENVIRONMENT, id);

	*env = (struct environment){.id = text(id), .stage = stage};
	vec_push(&env->live, ((struct live){.unit = text("orders"),
					    .image = text(image),
					    .release = text(release),
					    .since = T0 + USEC_HOUR}));
}

static void fill_model(struct model *m)
{
	struct project *p = model_add(m, AGG_PROJECT, "project");
	struct config_ref *c = model_add(m, AGG_CONFIG, "c0");
	struct project_repo *src = model_add(m, AGG_SOURCE, "shop");
	struct run *run = model_add(m, AGG_RUN, "run-2");
	struct release *r = model_add(m, AGG_RELEASE, "rel-2");
	struct err err = {0};

	*p = (struct project){.id = text("project"),
			      .runs = 2,
			      .releases = 3,
			      .rollouts = 3,
			      .incidents = 1,
			      .config = text("c0")};
	c->id = text("c0");
	if (config_read(STR(yml), "penstock.yml", NULL, NULL, &c->config, &err) != RC_OK)
		fail_msg("%s", err.msg);
	*src = (struct project_repo){.id = text("shop"), .config = text("c0")};
	vec_push(&src->refs, ((struct repo_ref){.ref = text("refs/heads/main-cart"),
						.commit = text(commits[2]),
						.run = text("run-2")}));
	*run = (struct run){.id = text("run-2"),
			    .state = RUN_PASSED,
			    .config = text("c0"),
			    .release = text("rel-2"),
			    .created_at = T0 + 4 * USEC_HOUR};
	fill_change(&run->change, 2, "Sell all of the Cart");
	vec_push(&run->affected, text("orders"));
	*r = (struct release){.id = text("rel-2"),
			      .run = text("run-2"),
			      .state = RELEASE_STAGED,
			      .config = text("c0"),
			      .environment = text("staging"),
			      .built_at = T0 + 5 * USEC_HOUR};
	fill_change(&r->change, 2, "Sell all of the Cart");
	vec_push(&r->items,
		 ((struct release_item){
			 .unit = text("orders"), .image = text(IMAGE_B), .staging_done = true}));
	vec_push(&r->evidence,
		 ((struct evidence){text(IMAGE_B), text("test"), text("ci"), text(envelope)}));
	vec_push(&r->evidence,
		 ((struct evidence){text(IMAGE_B), text("test"), text("staging"), text(forged)}));
	add_environment(m, "staging", STAGE_STAGING, IMAGE_B, "rel-2");
	add_environment(m, "production", STAGE_PRODUCTION, IMAGE_A, "rel-1");
	vec_push(&model_environment(m, "production")->holds,
		 ((struct hold){.id = text("hold-1"),
				.unit = text("orders"),
				.actor = text("user:ann"),
				.reason = text("party"),
				.since = T0}));
}
