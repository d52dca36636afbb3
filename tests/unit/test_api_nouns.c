/* Every noun as a resource of its own: the project, units, changes, stages, artifacts, the gate, plans, verdicts, marks; pages of things that have names. */
#include "api_kit.h"

#define T0 (1700000000 * USEC_SEC)

#define C1 "1111111aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define C2 "2222222bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C3 "2222222ccccccccccccccccccccccccccccccccc"
#define C4 "4444444ddddddddddddddddddddddddddddddddd"

static const char yml[] =
	"version: 1\n"
	"project: shop\n"
	"libraries: {shared: {path: libs/shared}}\n"
	"services:\n"
	"  orders: {path: services/orders, port: 8080, deps: [shared], consumes: [payments-api]}\n"
	"  payments: {path: services/payments, port: 8080, deps: [shared], provides: payments-api}\n"
	"ci:\n"
	"  test: {each: services, run: make test}\n"
	"  image: {each: services, needs: [test], image: {from: scratch, copy: {out/app: /app}, entrypoint: [/app]}}\n"
	"staging: {environment: staging}\n"
	"gate:\n"
	"  require: [{evidence: {stages: [ci, staging], signed: true}}]\n"
	"  approve: {count: 2, by: [release-team], not: author, expires: 24h}\n"
	"  windows: [{deny: \"Fri 16:00 - Mon 08:00\"}]\n"
	"production: {environment: production}\n";

static struct run run_of(unsigned n, const char *commit, const char *base, enum change_kind kind,
			 enum run_state state)
{
	struct run run = {.id = xasprintf("run-%u", n),
			  .state = state,
			  .config = text("c0"),
			  .created_at = T0 + n * USEC_HOUR,
			  .ended_at = run_is_final(state) ? T0 + n * USEC_HOUR + USEC_MIN : 0};

	run.change = (struct change){
		.kind = kind,
		.repo = text("shop"),
		.ref = text(kind == CHANGE_PULL ? "refs/pull/17/head" : "refs/heads/main"),
		.target = kind == CHANGE_PULL ? text("refs/heads/main") : NULL,
		.number = kind == CHANGE_PULL ? text("17") : NULL,
		.commit = text(commit),
		.base = base ? text(base) : NULL,
		.author = text(n == 1 ? "Ann" : "Bob"),
		.email = text(n == 1 ? "ann@example.com" : "bob@example.com"),
		.subject = xasprintf("Change %u of the Cart", n),
		.pushed_at = T0 + n * USEC_HOUR - USEC_SEC};
	vec_push(&run.affected, text("orders"));
	return run;
}

static void add_item(struct release *r, const char *unit, const char *image)
{
	vec_push(&r->items, ((struct release_item){.unit = text(unit), .image = text(image)}));
}

static void past_release(struct store *store)
{
	struct release r = {.id = text("rel-1"),
			    .run = text("run-1"),
			    .state = RELEASE_LIVE,
			    .config = text("c0"),
			    .environment = text("production"),
			    .built_at = T0 + USEC_HOUR,
			    .staged_at = T0 + 2 * USEC_HOUR,
			    .gated_at = T0 + 3 * USEC_HOUR,
			    .live_at = T0 + 4 * USEC_HOUR};
	struct run run = run_of(1, C1, NULL, CHANGE_PUSH, RUN_PASSED);

	run.release = text("rel-1");
	r.change.commit = text(C1);
	r.change.repo = text("shop");
	add_item(&r, "orders", IMAGE_A);
	vec_push(&r.evidence,
		 ((struct evidence){text(IMAGE_A), text("test"), text("ci"), text("e1")}));
	vec_push(&r.evidence,
		 ((struct evidence){text(IMAGE_A), text("test"), text("staging"), text("e2")}));
	vec_push(&r.evidence,
		 ((struct evidence){text(IMAGE_A), text("sbom"), text("ci"), text("e3")}));
	r.items.v[0].staging_done = r.items.v[0].production_done = true;
	kit_ended(store, AGG_RUN, run.id, &run);
	kit_ended(store, AGG_RELEASE, r.id, &r);
	shape_done(aggregate_shapes[AGG_RUN], &run);
	shape_done(aggregate_shapes[AGG_RELEASE], &r);
}

static void past_rollouts(struct store *store)
{
	const double shares[] = {0.05, 0.5, 1};
	struct rollout done = {.id = text("ro-1"),
			       .release = text("rel-1"),
			       .environment = text("production"),
			       .unit = text("orders"),
			       .image = text(IMAGE_A),
			       .state = ROLLOUT_DONE,
			       .replicas = 1,
			       .plan = text("ab12"),
			       .desired = text("dc34"),
			       .created_at = T0 + 3 * USEC_HOUR,
			       .ended_at = T0 + 4 * USEC_HOUR};
	struct rollout bad = {.id = text("ro-2"),
			      .release = text("rel-1"),
			      .environment = text("staging"),
			      .unit = text("orders"),
			      .image = text(IMAGE_B),
			      .previous = text(IMAGE_A),
			      .state = ROLLOUT_ABORTED,
			      .cause = text("errors"),
			      .created_at = T0 + 2 * USEC_HOUR,
			      .ended_at = T0 + 2 * USEC_HOUR + 2 * USEC_MIN};

	vec_push(&done.strategy.steps, ((struct weight){.share = 1}));
	bad.strategy.kind = STRATEGY_CANARY;
	for (size_t i = 0; i < ARRAY_LEN(shares); i++)
		vec_push(&bad.strategy.steps, ((struct weight){.share = shares[i]}));
	kit_ended(store, AGG_ROLLOUT, done.id, &done);
	kit_ended(store, AGG_ROLLOUT, bad.id, &bad);
	shape_done(aggregate_shapes[AGG_ROLLOUT], &done);
	shape_done(aggregate_shapes[AGG_ROLLOUT], &bad);
}

static void past_records(struct store *store)
{
	uint64_t at = T0 + 2 * USEC_HOUR;

	kit_record(store, T0, "git", "shop", "source.ref_moved", "{\"repo\":\"shop\"}");
	kit_record(store, at, "engine", "ro-1", "deploy.planned",
		   "{\"rollout\":\"ro-1\",\"digest\":\"ab12\",\"text\":\"--- a\\n+++ b\\n\"}");
	kit_record(store, at + USEC_SEC, "engine", "ro-1", "deploy.planned",
		   "{\"rollout\":\"ro-1\",\"digest\":\"later\"}");
	kit_record(store, at + 10 * USEC_SEC, "engine", "ro-2", "route.weight_set",
		   "{\"rollout\":\"ro-2\",\"weight\":0.05}");
	kit_record(store, at + 10 * USEC_SEC, "engine", "ro-2", "watch.history",
		   "{\"rollout\":\"ro-2\"}");
	for (uint64_t s = 10; s < 60; s++) {
		AUTO(freep)
		char *payload = xasprintf(
			"{\"rollout\":\"ro-2\",\"window\":{\"second\":%llu,\"instances\":[{\"id\":1,\"n\":100},"
			"{\"id\":2,\"n\":100},{\"id\":3,\"canary\":true,\"n\":20%s}]}}",
			(unsigned long long)(at / USEC_SEC + s), s >= 10 ? ",\"errors\":10" : "");

		kit_record(store, at + s * USEC_SEC, "engine", "ro-2", "watch.facts", payload);
	}
	kit_record(store, at + USEC_MIN, "engine", "ro-2", "route.weight_set",
		   "{\"rollout\":\"ro-2\"}");
}

static void fill_past(struct store *store)
{
	struct run run = run_of(2, C2, C1, CHANGE_PULL, RUN_FAILED);
	struct job job = {.id = text("run-2/ci/orders/test"),
			  .run = text("run-2"),
			  .unit = text("orders"),
			  .name = text("test"),
			  .stage = STAGE_CI,
			  .state = JOB_FAILED,
			  .error = text("exit 2"),
			  .settled = true};

	past_release(store);
	past_rollouts(store);
	past_records(store);
	kit_ended(store, AGG_RUN, run.id, &run);
	kit_ended(store, AGG_JOB, job.id, &job);
	shape_done(aggregate_shapes[AGG_RUN], &run);
	shape_done(aggregate_shapes[AGG_JOB], &job);
}

static void add_release(struct model *m)
{
	struct release *r = model_add(m, AGG_RELEASE, "rel-2");
	uint64_t now = clock_wall();

	*r = (struct release){.id = text("rel-2"),
			      .run = text("run-3"),
			      .state = RELEASE_STAGED,
			      .config = text("c0"),
			      .environment = text("staging"),
			      .built_at = T0 + 5 * USEC_HOUR,
			      .staged_at = T0 + 6 * USEC_HOUR};
	r->change.commit = text(C3);
	r->change.repo = text("shop");
	add_item(r, "orders", IMAGE_B);
	add_item(r, "payments", IMAGE_B);
	r->items.v[0].staging_done = r->items.v[1].staging_skipped = true;
	vec_push(&r->gate.requirements, ((struct requirement){.kind = text("evidence"),
							      .state = text("ok"),
							      .reason = text("signed"),
							      .since = T0}));
	vec_push(&r->gate.requirements, ((struct requirement){.kind = text("approvals"),
							      .state = text("wait"),
							      .reason = text("1 of 2 given"),
							      .since = T0 + 6 * USEC_HOUR}));
	vec_push(&vec_last(&r->gate.requirements)->by, text("release-team"));
	vec_push(&r->gate.approvals, ((struct approval){.actor = text("user:cy"),
							.yes = true,
							.comment = text("looked at it"),
							.note = text("of the author's group"),
							.at = now}));
	vec_push(&r->gate.approvals,
		 ((struct approval){.actor = text("user:dan"), .yes = true, .at = T0}));
	r->gate.decision = text("wait");
	r->gate.by = text("user:cy");
}

static void add_environment(struct model *m, const char *id, enum stage stage, const char *image)
{
	struct environment *env = model_add(m, AGG_ENVIRONMENT, id);

	*env = (struct environment){.id = text(id), .stage = stage};
	vec_push(&env->live,
		 ((struct live){.unit = text("orders"),
				.image = text(image),
				.release = text(streq(image, IMAGE_A) ? "rel-1" : "rel-2"),
				.since = T0 + 4 * USEC_HOUR}));
}

static void add_marks(struct model *m)
{
	struct environment *env = model_environment(m, "production");

	for (unsigned i = 1; i <= 3; i++)
		vec_push(&env->holds, ((struct hold){.id = xasprintf("hold-%u", i),
						     .unit = i == 2 ? text("payments") : NULL,
						     .actor = text("user:ann"),
						     .reason = text("sale"),
						     .since = T0}));
	vec_push(&env->pins, ((struct pin){.id = text("pin-4"),
					   .unit = text("orders"),
					   .image = text(IMAGE_A),
					   .actor = text("user:ann"),
					   .since = T0}));
	vec_push(&env->pins, ((struct pin){.id = text("pin-5"),
					   .unit = text("orders"),
					   .image = text(IMAGE_A),
					   .actor = text("user:ann"),
					   .since = T0,
					   .until = T0 + 1}));
	vec_push(&env->vetoes, ((struct veto){.id = text("veto-6"),
					      .unit = text("orders"),
					      .image = text(IMAGE_B),
					      .actor = text("engine"),
					      .incident = text("inc-1"),
					      .since = T0}));
}

static void add_runs(struct model *m)
{
	struct run *run = model_add(m, AGG_RUN, "run-3"), *again = model_add(m, AGG_RUN, "run-4");
	struct run *fork = model_add(m, AGG_RUN, "run-5");
	struct job *job = model_add(m, AGG_JOB, "run-4/ci/orders/test");

	*run = run_of(3, C3, C1, CHANGE_PUSH, RUN_PASSED);
	run->release = text("rel-2");
	*again = run_of(4, C2, C1, CHANGE_PULL, RUN_RUNNING);
	*job = (struct job){.id = text("run-4/ci/orders/test"),
			    .run = text("run-4"),
			    .unit = text("orders"),
			    .name = text("test"),
			    .stage = STAGE_CI,
			    .state = JOB_BLOCKED};
	*fork = run_of(5, C4, C1, CHANGE_PULL, RUN_PLANNED);
	fork->waits = true;
}

static void fill_model(struct model *m)
{
	struct project *p = model_add(m, AGG_PROJECT, "project");
	struct config_ref *c = model_add(m, AGG_CONFIG, "c0");
	struct project_repo *src = model_add(m, AGG_SOURCE, "shop");
	struct incident *i = model_add(m, AGG_INCIDENT, "inc-1");
	struct err err = {0};

	*p = (struct project){.id = text("project"),
			      .name = text("shop"),
			      .runs = 5,
			      .releases = 2,
			      .rollouts = 2,
			      .incidents = 1,
			      .config = text("c0")};
	for (unsigned k = 0; k < 2; k++)
		vec_push(&p->schedules,
			 ((struct schedule_ref){.repo = text("shop"),
						.cron = xasprintf("0 %u * * *", k + 3),
						.branch = text("main"),
						.next = USEC_NEVER}));
	c->id = text("c0");
	if (config_read(STR(yml), "penstock.yml", NULL, NULL, &c->config, &err) != RC_OK)
		fail_msg("%s", err.msg);
	*src = (struct project_repo){.id = text("shop"), .config = text("c0")};
	vec_push(&src->refs, ((struct repo_ref){.ref = text("refs/heads/main"),
						.commit = text(C3),
						.run = text("run-3")}));
	vec_push(&src->refs,
		 ((struct repo_ref){
			 .ref = text("refs/heads/old"), .commit = text(C1), .run = text("-")}));
	add_runs(m);
	add_release(m);
	/* not in the order of the way */
	add_environment(m, "production", STAGE_PRODUCTION, IMAGE_A);
	add_environment(m, "staging", STAGE_STAGING, IMAGE_B);
	struct environment *lab = model_add(m, AGG_ENVIRONMENT, "lab"); /* of no way */
	*lab = (struct environment){.id = text("lab")};
	add_marks(m);
	*i = (struct incident){.id = text("inc-1"),
			       .title = text("errors"),
			       .unit = text("orders"),
			       .environment = text("production")};
}

#define FIRST(list) "GET " WIRE_BASE list
#define A_HEX       "aaaaaaaaaaaa"
#define GATE        "GET " WIRE_RELEASES "/rel-2/gate"
#define VERDICTS    "GET " WIRE_ROLLOUTS "/ro-2/verdicts"
#define PRODUCTION  "GET " WIRE_ENVIRONMENTS "/production"

static const struct path paths[] = {
	/* the project */
	{"the way's order", "GET " WIRE_PROJECT, 200,
	 "\"environments\":[\"staging\",\"production\",\"lab\"]", NULL},
	{"what it counts", "GET " WIRE_PROJECT, 200, "\"services\":2,\"libraries\":1,\"runs\":5",
	 NULL},
	{"heads", "GET " WIRE_PROJECT, 200,
	 "\"repositories\":[{\"name\":\"shop\",\"address\":\"/srv/shop.git\",\"heads\":[{\"ref\":\"refs/heads/main\",\"commit\":\"" C3
	 "\",\"run\":\"run-3\"},{\"ref\":\"refs/heads/old\",\"commit\":\"" C1 "\"}]",
	 NULL},
	{"the penstock.yml in force", "GET " WIRE_PROJECT, 200,
	 "\"config\":{\"digest\":\"c0\",\"commit\":\"" C3 "\",\"run\":\"run-3\"}", NULL},
	/* units */
	{"by name", "GET " WIRE_UNITS, 200, "{\"units\":[{\"id\":\"orders\",\"kind\":\"service\"",
	 NULL},
	{"only libraries", "GET " WIRE_UNITS "?kind=library", 200, "\"id\":\"shared\"",
	 "\"id\":\"orders\",\"kind\""},
	{"both kinds", "GET " WIRE_UNITS "?kind=library,service", 200, "\"id\":\"orders\"", NULL},
	{"a kind that is none", "GET " WIRE_UNITS "?kind=lib", 400, "service or library", NULL},
	{"a text of the path", "GET " WIRE_UNITS "?text=SERVICES/pay", 200, "\"id\":\"payments\"",
	 "\"id\":\"orders\",\"kind\""},
	{"a page of them", "GET " WIRE_UNITS "?limit=1", 200, "\"next\":\"orders\"",
	 "\"id\":\"shared\""},
	{"the next", "GET " WIRE_UNITS "?limit=1&cursor=orders", 200, "[{\"id\":\"payments\"",
	 "\"id\":\"orders\",\"kind\""},
	{"backwards", "GET " WIRE_UNITS "?limit=1&sort=-id", 200, "[{\"id\":\"shared\"", NULL},
	{"what it needs", "GET " WIRE_UNITS "/orders", 200,
	 "\"needs\":[{\"unit\":\"shared\",\"kind\":\"dep\"},{\"unit\":\"payments\",\"kind\":\"consumes\",\"interface\":\"payments-api\"}],\"needed_by\":[]",
	 NULL},
	{"who needs it", "GET " WIRE_UNITS "/payments", 200,
	 "\"needed_by\":[{\"unit\":\"orders\",\"kind\":\"consumes\",\"interface\":\"payments-api\"}]",
	 "inc-1"},
	{"where it is live", "GET " WIRE_UNITS "/orders", 200,
	 "{\"environment\":\"production\",\"image\":\"" IMAGE_A
	 "\",\"release\":\"rel-1\",\"commit\":\"" C1 "\"",
	 NULL},
	{"its newest run", "GET " WIRE_UNITS "/orders", 200,
	 "\"run\":{\"id\":\"run-5\",\"state\":\"planned\"", NULL},
	{"its incident", "GET " WIRE_UNITS "/orders", 200,
	 "\"incidents\":[{\"id\":\"inc-1\",\"state\":\"open\"", NULL},
	{"its marks", "GET " WIRE_UNITS "/orders", 200, "\"id\":\"veto-6\"", "hold-2"},
	{"a hold of all", "GET " WIRE_UNITS "/payments", 200, "\"id\":\"hold-1\"", "pin-4"},
	{"no unit", "GET " WIRE_UNITS "/moon", 404, "no service or library moon", NULL},
	/* changes */
	{"newest first", "GET " WIRE_CHANGES, 200, "{\"changes\":[{\"id\":\"" C4 "\"", NULL},
	{"a change once, with both its runs", "GET " WIRE_CHANGES "/2222222b", 200,
	 "\"runs\":[{\"id\":\"run-4\",\"state\":\"running\",\"kind\":\"pull_request\",\"ref\":\"refs/pull/17/head\",\"at\":1700014400000000},{\"id\":\"run-2\"",
	 "run-3"},
	{"the newest one's state", "GET " WIRE_CHANGES "/2222222b", 200,
	 "\"state\":\"running\",\"stage\":\"ci\"", NULL},
	{"its base and number", "GET " WIRE_CHANGES "/2222222b", 200,
	 "\"base\":\"" C1
	 "\",\"repo\":\"shop\",\"kind\":\"pull_request\",\"ref\":\"refs/pull/17/head\",\"target\":\"refs/heads/main\",\"number\":\"17\"",
	 "\"branch\""},
	{"its release and stage", "GET " WIRE_CHANGES "/2222222c", 200,
	 "\"release\":{\"id\":\"rel-2\",\"state\":\"staged\",\"environment\":\"staging\"},\"stage\":\"gate\"",
	 NULL},
	{"what stands there", "GET " WIRE_CHANGES "/2222222c", 200,
	 "\"heads\":[\"refs/heads/main\"]", NULL},
	{"one that is live", "GET " WIRE_CHANGES "/" C1, 200, "\"stage\":\"production\"", NULL},
	{"of a repository", "GET " WIRE_CHANGES "/" C1 "?repo=shop", 200, C1, NULL},
	{"of another repository", "GET " WIRE_CHANGES "/" C1 "?repo=bank", 404, "no run is known",
	 NULL},
	{"two of them", "GET " WIRE_CHANGES "/2222222", 409, "give more digits", NULL},
	{"too short", "GET " WIRE_CHANGES "/222222", 400, "first 7 digits", NULL},
	{"no hex", "GET " WIRE_CHANGES "/2222222x", 400, "first 7 digits", NULL},
	{"no such change", "GET " WIRE_CHANGES "/3333333", 404, "no run is known", NULL},
	{"by author", "GET " WIRE_CHANGES "?author=ann@example.com", 200, C1, C2},
	{"by kind", "GET " WIRE_CHANGES "?kind=push", 200, C3, C2},
	{"by kinds", "GET " WIRE_CHANGES "?kind=tag,push", 200, C3, C2},
	{"a wrong kind", "GET " WIRE_CHANGES "?kind=pull", 400, "kind takes push", NULL},
	{"by branch", "GET " WIRE_CHANGES "?branch=main", 200, C3, C2},
	{"by ref", "GET " WIRE_CHANGES "?ref=refs/pull/17/head", 200, C2, C3},
	{"by text of its later run", "GET " WIRE_CHANGES "?text=change%204", 200, C2, C3},
	{"by time", "GET " WIRE_CHANGES "?until=1700007200000000", 200, C1, C2},
	{"a page", "GET " WIRE_CHANGES "?limit=2", 200, "\"next\":\"i3\"", C2},
	{"the next one", "GET " WIRE_CHANGES "?limit=2&cursor=i3", 200, "[{\"id\":\"" C2, "next"},
	{"the oldest", "GET " WIRE_CHANGES "?limit=1&sort=created", 200, "\"next\":\"u1\"", C2},
	{"of another sort", "GET " WIRE_CHANGES "?sort=id&cursor=i3", 400, "same ?sort=", NULL},
	/* stages */
	{"a whole way", "GET " WIRE_RUNS "/run-1/stages", 200,
	 "\"stage\":\"production\",\"state\":\"passed\",\"began_at\":1700010800000000,\"ended_at\":1700014400000000,\"jobs\":{},\"done\":1,\"of\":1,\"waits\":[]}]}",
	 NULL},
	{"a failed job", "GET " WIRE_RUNS "/run-2/stages", 200,
	 "\"state\":\"failed\",\"began_at\":1700007200000000,\"ended_at\":1700007260000000,\"jobs\":{\"failed\":1},\"done\":1,\"of\":1,"
	 "\"waits\":[{\"kind\":\"job\",\"text\":\"run-2/ci/orders/test failed: exit 2\",\"bad\":true,\"job\":\"run-2/ci/orders/test\"}]}",
	 NULL},
	{"it does not come so far", "GET " WIRE_RUNS "/run-2/stages", 200,
	 "\"stage\":\"gate\",\"state\":\"none\"", NULL},
	{"at the gate", "GET " WIRE_RUNS "/run-3/stages", 200,
	 "{\"run\":\"run-3\",\"release\":\"rel-2\",\"stage\":\"gate\",\"stages\":[", NULL},
	{"who is waited for", "GET " WIRE_RUNS "/run-3/stages", 200,
	 "\"done\":1,\"of\":2,\"waits\":[{\"kind\":\"approvals\",\"text\":\"1 of 2 given\",\"since\":1700021600000000,\"by\":[\"release-team\"]}]",
	 NULL},
	{"then production", "GET " WIRE_RUNS "/run-3/stages", 200,
	 "\"stage\":\"production\",\"state\":\"next\",\"jobs\":{},\"done\":0,\"of\":2,\"waits\":[{\"kind\":\"stage\",\"text\":\"stage gate\"}]",
	 NULL},
	{"from a fork", "GET " WIRE_RUNS "/run-5/stages", 200,
	 "\"stage\":\"ci\",\"state\":\"waiting\"", NULL},
	{"by whom", "GET " WIRE_RUNS "/run-5/stages", 200, "\"waits\":[{\"kind\":\"person\"", NULL},
	{"stages of nothing", "GET " WIRE_RUNS "/run-99/stages", 404, "there is no run run-99",
	 NULL},
	/* artifacts */
	{"newest first", "GET " WIRE_ARTIFACTS, 200, "{\"artifacts\":[{\"id\":\"" IMAGE_B "\"",
	 NULL},
	{"of two services", "GET " WIRE_ARTIFACTS "/bbbbbbbbbbbb", 200,
	 "\"unit\":\"orders\",\"units\":[\"orders\",\"payments\"],\"run\":\"run-3\",\"commit\":\"" C3,
	 NULL},
	{"its marks", "GET " WIRE_ARTIFACTS "/bbbbbbbbbbbb", 200, "\"marks\":[{\"id\":\"veto-6\"",
	 "pin-4"},
	{"no evidence", "GET " WIRE_ARTIFACTS "/bbbbbbbbbbbb", 200, "\"live\"", "\"evidence\""},
	{"its evidence", "GET " WIRE_ARTIFACTS "/" IMAGE_A, 200,
	 "\"evidence\":{\"count\":3,\"types\":[\"test\",\"sbom\"],\"release\":\"rel-1\",\"href\":\"/api/v1/releases/rel-1/evidence\"}",
	 NULL},
	{"where it is", "GET " WIRE_ARTIFACTS "/" A_HEX, 200,
	 "\"live\":[{\"environment\":\"production\",\"unit\":\"orders\",\"release\":\"rel-1\"",
	 NULL},
	{"of a release", "GET " WIRE_ARTIFACTS "?release=rel-1", 200, IMAGE_A, "\"id\":\"" IMAGE_B},
	{"of a run", "GET " WIRE_ARTIFACTS "?run=run-3", 200, IMAGE_B, "\"id\":\"" IMAGE_A},
	{"of a service", "GET " WIRE_ARTIFACTS "?unit=payments", 200, IMAGE_B, "\"id\":\"" IMAGE_A},
	{"of an environment", "GET " WIRE_ARTIFACTS "?environment=staging", 200, IMAGE_B,
	 "\"id\":\"" IMAGE_A},
	{"of none", "GET " WIRE_ARTIFACTS "?environment=moon", 200, "\"artifacts\":[]", NULL},
	{"a page", "GET " WIRE_ARTIFACTS "?limit=1", 200, "\"next\":\"i2.0\"", "\"id\":\"" IMAGE_A},
	{"the next", "GET " WIRE_ARTIFACTS "?limit=1&cursor=i2.0", 200, "\"id\":\"" IMAGE_A,
	 "next"},
	{"oldest first", "GET " WIRE_ARTIFACTS "?limit=1&sort=id&cursor=u1.0", 200,
	 "\"id\":\"" IMAGE_B, "next"},
	{"a wrong cursor", "GET " WIRE_ARTIFACTS "?cursor=i2", 400, "same ?sort=", NULL},
	{"no number", "GET " WIRE_ARTIFACTS "?release=none", 400, "ends in a number", NULL},
	{"no image", "GET " WIRE_ARTIFACTS "/cccccccccccc", 404, "no release holds", NULL},
	{"too short", "GET " WIRE_ARTIFACTS "/aaaa", 400, "first 12 hex digits", NULL},
	/* the gate */
	{"the rule", GATE, 200,
	 "\"approve\":{\"count\":2,\"by\":[\"release-team\"],\"not_author\":true,\"expires\":86400000000}",
	 NULL},
	{"its windows", GATE, 200,
	 "\"windows\":[{\"kind\":\"deny\",\"span\":\"Fri 16:00 - Mon 08:00\",\"zone\":\"UTC\"}]",
	 NULL},
	{"what else it wants", GATE, 200,
	 "\"require\":[{\"kind\":\"evidence\",\"stages\":[\"ci\",\"staging\"],\"signed\":true}]",
	 NULL},
	{"each requirement", GATE, 200,
	 "{\"kind\":\"approvals\",\"state\":\"wait\",\"reason\":\"1 of 2 given\",\"since\":1700021600000000,\"by\":[\"release-team\"]}",
	 NULL},
	{"what counts", GATE, 200,
	 "\"comment\":\"looked at it\",\"note\":\"of the author's group\",\"counts\":true}", NULL},
	{"what does not", GATE, 200,
	 "{\"actor\":\"user:dan\",\"yes\":true,\"at\":1700000000000000,\"until\":1700086400000000,\"counts\":false,\"why\":\"its time is over",
	 NULL},
	{"how many", GATE, 200, "\"wanted\":2,\"given\":1", NULL},
	{"of an ended one", "GET " WIRE_RELEASES "/rel-1/gate", 200,
	 "\"state\":\"live\",\"rule\":{\"config\":\"c0\"", NULL},
	{"of nothing", "GET " WIRE_RELEASES "/rel-9/gate", 404, "there is no release rel-9", NULL},
	/* plans */
	{"a plan", "GET " WIRE_ROLLOUTS "/ro-1/plan", 200,
	 "\"hash\":\"ab12\",\"at\":1700007200000000,\"seq\":2,\"diff\":\"--- a\\n+++ b\\n\",\"desired\":\"dc34\"",
	 "later"},
	{"one that is not kept", "GET " WIRE_ROLLOUTS "/ro-2/plan", 200,
	 "\"strategy\":{\"kind\":\"canary\",\"steps\":[0.05,0.5,1]}", "\"hash\""},
	{"of nothing", "GET " WIRE_ROLLOUTS "/ro-9/plan", 404, "there is no rollout ro-9", NULL},
	{"of a release", "GET " WIRE_RELEASES "/rel-1/plans", 200,
	 "{\"release\":\"rel-1\",\"plans\":[{\"rollout\":\"ro-1\"", NULL},
	{"all of them", "GET " WIRE_RELEASES "/rel-1/plans", 200, "{\"rollout\":\"ro-2\"", NULL},
	{"to come", "GET " WIRE_RELEASES "/rel-2/plans", 200,
	 "\"plans\":[],\"to_come\":[{\"unit\":\"orders\",\"image\":\"" IMAGE_B
	 "\",\"environment\":\"staging\"},{\"unit\":\"orders\",\"image\":\"" IMAGE_B
	 "\",\"environment\":\"production\"}",
	 NULL},
	{"of nothing", "GET " WIRE_RELEASES "/rel-9/plans", 404, "there is no release rel-9", NULL},
	/* verdicts */
	{"the first", VERDICTS "?limit=1", 200,
	 "\"verdicts\":[{\"seq\":6,\"at\":1700007210000000,\"step\":1,\"weight\":0.05,\"answer\":\"wait\"",
	 NULL},
	{"what is missing", VERDICTS "?limit=1", 200, "\"need\":", NULL},
	{"the next page", VERDICTS "?limit=1&cursor=6", 200, "\"verdicts\":[{\"seq\":7",
	 "\"seq\":6,"},
	{"the failing ones", VERDICTS "?answer=fail&limit=1", 200,
	 "\"answer\":\"fail\",\"metric\":\"errors\"", "\"answer\":\"wait\",\"metric\""},
	{"its steps", VERDICTS "?limit=0", 200,
	 "\"steps\":[{\"step\":1,\"weight\":0.05,\"state\":\"stopped\",\"began_at\":1700007210000000,\"ended_at\":1700007260000000,\"verdicts\":50,\"answer\":\"fail\"},"
	 "{\"step\":2,\"weight\":0.5,\"state\":\"left_out\",\"verdicts\":0}",
	 "next"},
	{"of a later step", VERDICTS "?step=2", 200, "\"verdicts\":[]", NULL},
	{"an answer that is none", VERDICTS "?answer=maybe", 400, "wait, pass or fail", NULL},
	{"never watched", "GET " WIRE_ROLLOUTS "/ro-1/verdicts", 200,
	 "\"verdicts\":[],\"steps\":[{", NULL},
	{"of nothing", "GET " WIRE_ROLLOUTS "/ro-9/verdicts", 404, "there is no rollout ro-9",
	 NULL},
	/* marks */
	{"pins", PRODUCTION "/pins", 200,
	 "{\"pins\":[{\"id\":\"pin-4\",\"kind\":\"pin\",\"environment\":\"production\",\"unit\":\"orders\"",
	 "pin-5"},
	{"vetoes", PRODUCTION "/vetoes", 200, "\"incident\":\"inc-1\",\"since\"", NULL},
	{"holds", PRODUCTION "/holds?limit=2", 200, "\"next\":\"hold-2\"", "hold-3"},
	{"the next of them", PRODUCTION "/holds?limit=2&cursor=hold-2", 200, "[{\"id\":\"hold-3\"",
	 "next"},
	{"from behind", PRODUCTION "/holds?limit=1&sort=-id", 200, "[{\"id\":\"hold-3\"", NULL},
	{"behind one that is gone", PRODUCTION "/holds?sort=id&cursor=hold-11", 200,
	 "[{\"id\":\"hold-2\"", "hold-1\""},
	{"of a service", PRODUCTION "/holds?unit=orders", 200, "hold-1", "hold-2"},
	{"one hold", PRODUCTION "/holds/hold-2", 200, "{\"id\":\"hold-2\",\"kind\":\"hold\"", NULL},
	{"one that is over", PRODUCTION "/pins/pin-5", 404, "there is no pin pin-5", NULL},
	{"of another kind", PRODUCTION "/vetoes/pin-4", 404, "there is no veto pin-4", NULL},
	{"none here", "GET " WIRE_ENVIRONMENTS "/staging/holds", 200, "{\"holds\":[]}", NULL},
	{"nowhere", "GET " WIRE_ENVIRONMENTS "/moon/holds", 404, "no environment moon", NULL},
	/* things that have names */
	{"as they came", FIRST("/environments?limit=1"), 200, "\"next\":\"production\"", NULL},
	{"the next", FIRST("/environments?limit=1&cursor=production"), 200, "{\"id\":\"staging\"",
	 "production"},
	{"by name, from behind", FIRST("/environments?limit=1&sort=-id"), 200,
	 "\"next\":\"staging\"", NULL},
	{"one that is gone", FIRST("/environments?cursor=moon"), 400, "?sort=id", NULL},
	{"one that is gone, by name", FIRST("/environments?cursor=q&sort=id"), 200,
	 "{\"id\":\"staging\"", "production"},
	{"another sort", FIRST("/environments?sort=created"), 400, "sort takes id or -id", NULL},
	{"none of it", FIRST("/agents?limit=0"), 200, "{\"agents\":[]}", NULL},
	{"by the clock", FIRST("/schedules?limit=1"), 200,
	 "{\"schedules\":[{\"id\":\"shop main 0 3 * * *\",\"repo\":\"shop\"", NULL},
	{"the next by the clock", FIRST("/schedules?cursor=shop%20main%200%203%20*%20*%20*"), 200,
	 "[{\"id\":\"shop main 0 4 * * *\"", "0 3"},
};

static void reads_client(void)
{
	check_paths(paths, ARRAY_LEN(paths));
}

static void each_noun_says_what_it_should(void **state)
{
	(void)state;
	beside(reads_client);
}

/* Each of them has a tag; who has the answer hears so. */
static void tags_client(void)
{
	static const char *const reads[] = {WIRE_PROJECT,   WIRE_UNITS "/orders",
					    WIRE_CHANGES,   WIRE_RUNS "/run-3/stages",
					    WIRE_ARTIFACTS, WIRE_RELEASES "/rel-1/gate"};

	for (size_t i = 0; i < ARRAY_LEN(reads); i++) {
		AUTO(freep) char *line = xasprintf("GET %s", reads[i]);
		AUTO(freep) char *answer = request(line, "");
		const char *tag = strstr(answer, "\nETag: ");

		if (!tag)
			fail_msg("%s has no tag: %.600s", reads[i], answer);
		AUTO(freep) char *value = xstrndup(tag + 7, strcspn(tag + 7, "\r\n"));
		AUTO(freep)
		char *whole = xasprintf(
			"%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIf-None-Match: %s\r\n\r\n",
			line, value);
		AUTO(freep) char *again = ask(dial_unix(socket_path), whole);

		CHECK(strncmp(again, "HTTP/1.1 304", 12) == 0, reads[i]);
	}
}

static void who_has_it_hears_so(void **state)
{
	(void)state;
	beside(tags_client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {KIT_CASE(each_noun_says_what_it_should),
					   KIT_CASE(who_has_it_hears_so)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
