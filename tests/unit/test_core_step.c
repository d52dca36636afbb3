/* The main decisions, by events made by hand. */
#include "step_kit.h"

static const char one_service[] =
	"version: 1\nproject: p\nservices: {s: {path: s, replicas: 2}}\n"
	"ci: {build: {each: services, run: make, outputs: [a]}, image: {each: services, needs: [build], image: {from: scratch, copy: {a: /a}, entrypoint: [/a]}}}\n"
	"production: {strategy: {canary: {steps: [10%, 50%, 100%]}}}\n";
static const char four_eyes[] =
	"version: 1\nproject: p\nservices: {s: {path: s}}\n"
	"ci: {build: {each: services, run: make, outputs: [a]}, image: {each: services, needs: [build], image: {from: scratch, copy: {a: /a}, entrypoint: [/a]}}}\n"
	"gate: {approve: {count: 1, by: [ann, bob], not: author, expires: 1h}}\n";
static const char two_waves[] =
	"version: 1\nproject: p\nservices: {api: {path: a, provides: api}, shop: {path: s, consumes: [api]}}\n"
	"ci: {build: {each: services, run: make, outputs: [a]}, image: {each: services, needs: [build], image: {from: scratch, copy: {a: /a}, entrypoint: [/a]}}}\n";

static void add_job(struct plan *p, const char *unit, const char *key)
{
	vec_push(&p->jobs, ((struct plan_job){.unit = S(unit),
					      .job = S("image"),
					      .stage = STAGE_CI,
					      .kind = JOB_IMAGE,
					      .key = S(key),
					      .why = S("new")}));
}

/* A commit by dora on main: ref, plan, one image job a service. */
static void push(struct bench *b, bool with_base)
{
	AUTO(freep) char *commit = xasprintf("%040u", ++b->commits);
	struct event planned = {.kind = EV_CHANGE_PLANNED,
				.config_digest = S("cfg"),
				.change = {.repo = S("r"),
					   .ref = S("refs/heads/main"),
					   .commit = S(commit),
					   .author = S("dora"),
					   .email = S("dora@example.com")}};

	if (with_base)
		planned.change.base = S("0000000000000000000000000000000000000001");
	assert_int_equal(give(b, (struct event){.kind = EV_REF_MOVED,
						.repo = S("r"),
						.ref = S("refs/heads/main"),
						.commit = S(commit)}),
			 RC_OK);
	assert_int_equal(b->out.list.v[0].kind, EF_READ_CHANGE);
	shape_copy(&shape_config, &planned.config, &b->config);
	vec_each(u, &b->config.units)
		add_job(&planned.plan, u->name, commit);
	assert_int_equal(give(b, planned), RC_OK);
}

/* Live once, and a second version that bakes at its first step. */
static struct rollout *bake(struct bench *b)
{
	push(b, false);
	go_on(b, -1);
	assert_int_equal(model_release(&b->m, "rel-1")->state, RELEASE_LIVE);
	push(b, true);
	go_on(b, -1);
	struct rollout *ro = rollout_active(&b->m, "production", "s");
	assert_non_null(ro);
	assert_int_equal(ro->state, ROLLOUT_BAKING);
	assert_true(ro->confirmed == 0.1);
	return ro;
}

static void first_version(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, one_service);
	push(&b, false);
	go_on(&b, EF_SET_WEIGHT);
	assert_int_equal(model_release(&b.m, "rel-1")->state, RELEASE_STAGING);
	go_on(&b, -1);
	const struct release *r = model_release(&b.m, "rel-1");
	assert_int_equal(r->state, RELEASE_LIVE);
	assert_int_equal(model_run(&b.m, "run-1")->state, RUN_PASSED);
	assert_string_equal(environment_live(model_environment(&b.m, "production"), "s")->image,
			    r->items.v[0].image);
	assert_null(model_environment(&b.m, "production")->active);
	end(&b);
}

static void person_stops(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, one_service);
	struct rollout *ro = bake(&b);
	assert_int_equal(give(&b, (struct event){.kind = EV_ABORT,
						 .rollout = S(ro->id),
						 .actor = S("user:ann")}),
			 RC_OK);
	assert_int_equal(b.out.list.v[0].kind, EF_SET_WEIGHT);
	assert_true(b.out.list.v[0].weight == 0);
	assert_int_equal(ro->state, ROLLOUT_ABORTING);
	assert_int_equal(ro->zero_ordered_at, b.time);
	assert_int_equal(model_environment(&b.m, "production")->vetoes.n,
			 0); /* no harm was proved */
	go_on(&b, -1);
	assert_int_equal(ro->state, ROLLOUT_ABORTED);
	assert_int_equal(model_release(&b.m, "rel-2")->state, RELEASE_ROLLED_BACK);
	assert_int_equal(give(&b, (struct event){.kind = EV_ABORT,
						 .rollout = S("ro-99"),
						 .actor = S("user:ann")}),
			 RC_NOT_FOUND);
	end(&b);
}

static void crash_is_harm(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, one_service);
	struct rollout *ro = bake(&b);
	for (uint32_t crashes = 1; crashes <= 3; crashes++) {
		assert_int_equal(ro->state, ROLLOUT_BAKING);
		assert_int_equal(give(&b, (struct event){.kind = EV_REPLICA,
							 .environment = S("production"),
							 .unit = S("s"),
							 .image = S(ro->image),
							 .replica = REPLICA_BACKOFF,
							 .count = crashes,
							 .text = S("exit 1")}),
				 RC_OK);
	}
	assert_int_equal(ro->state, ROLLOUT_ABORTING);
	assert_int_equal(b.out.list.v[0].kind, EF_SET_WEIGHT);
	assert_true(b.out.list.v[0].weight == 0);
	struct environment *env = model_environment(&b.m, "production");
	assert_int_equal(env->vetoes.n, 1);
	assert_int_equal(env->pins.n, 1);
	assert_int_equal(model_incident(&b.m, "inc-1")->state, INCIDENT_OPEN);
	go_on(&b, -1);
	assert_int_equal(model_incident(&b.m, "inc-1")->state, INCIDENT_MITIGATED);
	assert_string_equal(env->pins.v[0].until_commit,
			    "1111111111111111111111111111111111111111");
	/* the same digest again: refused with the reason */
	b.commits--;
	struct event again = {.kind = EV_RERUN, .run = S("run-2"), .actor = S("user:ann")};
	assert_int_equal(give(&b, again), RC_OK);
	b.commits++;
	assert_non_null(environment_veto(env, "s", ro->image, b.time));
	end(&b);
}

static void vetoed_again(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, one_service);
	push(&b, false);
	go_on(&b, -1);
	AUTO(freep) char *next = xasprintf("sha256:%064u", 2);
	assert_int_equal(give(&b, (struct event){.kind = EV_VETO,
						 .environment = S("production"),
						 .image = S(next),
						 .actor = S("user:ann"),
						 .text = S("bad")}),
			 RC_OK);
	push(&b, true);
	go_on(&b, -1);
	const struct release *r = model_release(&b.m, "rel-2");
	assert_int_equal(r->state, RELEASE_REJECTED);
	assert_non_null(strstr(r->reason, "is vetoed in production"));
	assert_int_equal(give(&b, (struct event){.kind = EV_VETO,
						 .environment = S("production"),
						 .image = S("short"),
						 .actor = S("user:ann")}),
			 RC_INVALID);
	end(&b);
}

static void promoted_and_held(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, one_service);
	struct rollout *ro = bake(&b);
	assert_int_equal(give(&b, (struct event){.kind = EV_HOLD,
						 .environment = S("production"),
						 .actor = S("user:ann"),
						 .text = S("wait")}),
			 RC_OK);
	assert_int_equal(ro->state, ROLLOUT_HOLDING);
	assert_int_equal(give(&b, (struct event){.kind = EV_PROMOTE,
						 .rollout = S(ro->id),
						 .actor = S("user:ann")}),
			 RC_CONFLICT);
	assert_true(ro->weight == 0.1);
	AUTO(freep) char *hold = S(model_environment(&b.m, "production")->holds.v[0].id);
	assert_int_equal(give(&b, (struct event){.kind = EV_UNHOLD,
						 .environment = S("production"),
						 .id = S(hold),
						 .actor = S("user:bob")}),
			 RC_OK);
	assert_int_equal(ro->state, ROLLOUT_BAKING);
	assert_int_equal(give(&b, (struct event){.kind = EV_PROMOTE,
						 .rollout = S(ro->id),
						 .actor = S("user:ann")}),
			 RC_OK);
	assert_int_equal(ro->step, 1);
	assert_int_equal(give(&b, (struct event){.kind = EV_PROMOTE,
						 .rollout = S(ro->id),
						 .actor = S("user:ann")}),
			 RC_CONFLICT); /* not confirmed */
	go_on(&b, -1);
	assert_true(ro->confirmed == 0.5);
	assert_int_equal(give(&b, (struct event){.kind = EV_PROMOTE,
						 .rollout = S(ro->id),
						 .actor = S("user:ann")}),
			 RC_OK);
	go_on(&b, -1);
	assert_int_equal(model_release(&b.m, "rel-2")->state, RELEASE_LIVE);
	end(&b);
}

static void approvals(void **state)
{
	static const struct {
		const char *why, *actor;
		bool yes;
		enum rc want;
		enum release_state then;
	} cases[] = {
		{"the author", "user:dora", true, RC_DENIED, RELEASE_STAGED},
		{"a stranger", "user:eve", true, RC_DENIED, RELEASE_STAGED},
		{"one who may", "user:ann", true, RC_OK, RELEASE_LIVE},
		{"one who may says no", "user:bob", false, RC_OK, RELEASE_REJECTED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench b;

		begin(&b, four_eyes);
		push(&b, false);
		go_on(&b, -1);
		CHECK(model_release(&b.m, "rel-1")->state == RELEASE_STAGED, cases[i].why);
		CHECK_STR(model_release(&b.m, "rel-1")->gate.decision, "wait", cases[i].why);
		enum rc rc = give(&b, (struct event){.kind = EV_APPROVE,
						     .release = S("rel-1"),
						     .ok = cases[i].yes,
						     .actor = S(cases[i].actor)});
		CHECK(rc == cases[i].want, cases[i].why);
		go_on(&b, -1);
		CHECK(model_release(&b.m, "rel-1")->state == cases[i].then, cases[i].why);
		end(&b);
	}
}

/* A word that comes too late changes nothing and says why. */
static void late_approvals(void **state)
{
	static const struct {
		enum release_state is;
		const char *said;
	} cases[] = {
		{RELEASE_SUPERSEDED, "rel-1 is superseded: there is nothing to approve any more"},
		{RELEASE_REJECTED, "rel-1 is rejected: "},
		{RELEASE_PROMOTING, "rel-1 is promoting: "},
		{RELEASE_ROLLED_BACK, "rel-1 is rolled_back: "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench b;

		begin(&b, four_eyes);
		push(&b, false);
		go_on(&b, -1);
		struct release *r = model_release(&b.m, "rel-1");
		enum release_state was = r->state;
		r->state = cases[i].is;
		assert_int_equal(give(&b, (struct event){.kind = EV_APPROVE,
							 .release = S("rel-1"),
							 .ok = true,
							 .actor = S("user:ann")}),
				 RC_CONFLICT);
		CHECK(strstr(b.err.msg, cases[i].said), b.err.msg);
		assert_int_equal(r->gate.approvals.n, 0);
		assert_int_equal(b.m.touched.n, 0);
		r->state = was;
		end(&b);
	}
}

static enum rc approve_by_token(struct bench *b, const char *actor, const char *via)
{
	return give(b, (struct event){.kind = EV_APPROVE,
				      .release = S("rel-1"),
				      .ok = true,
				      .actor = S(actor),
				      .via = S(via)});
}

static void make_token(struct bench *b, const char *name, char digit, const char *by)
{
	AUTO(freep) char *digest = xasprintf("%064d", 0);

	memset(digest, digit, 12);
	assert_int_equal(give(b, (struct event){.kind = EV_TOKEN,
						.type = S(name),
						.digest = S(digest),
						.role = ROLE_ADMIN,
						.actor = S(by)}),
			 RC_OK);
}

/* A token acts for who made it: the author's second hand is no second pair of eyes, and one person is counted once. */
static void tokens_have_no_eyes_of_their_own(void **state)
{
	static const char anybody[] =
		"version: 1\nproject: p\nservices: {s: {path: s}}\n"
		"ci: {build: {each: services, run: make, outputs: [a]}, image: {each: services, needs: [build], image: {from: scratch, copy: {a: /a}, entrypoint: [/a]}}}\n"
		"gate: {approve: {count: 2, not: author}}\n";
	struct bench b;

	(void)state;
	begin(&b, anybody);
	push(&b, false);
	go_on(&b, -1);
	const struct release *r = model_release(&b.m, "rel-1");
	make_token(&b, "hers", 'a', "user:dora");
	make_token(&b, "again", 'b', "token:hers"); /* made by what she made */
	make_token(&b, "bots", 'c', "user:ann");
	assert_int_equal(approve_by_token(&b, "token:hers", "tok-aaaaaaaaaaaa"), RC_DENIED);
	assert_int_equal(approve_by_token(&b, "token:again", "tok-bbbbbbbbbbbb"), RC_DENIED);
	assert_int_equal(give(&b, (struct event){.kind = EV_LOGIN,
						 .text = S("token:hers"),
						 .id = S("tok-aaaaaaaaaaaa"),
						 .digest = xasprintf("%064d", 7),
						 .until = b.time + USEC_HOUR}),
			 RC_OK);
	assert_int_equal(approve_by_token(&b, "token:hers", "ses-000000000000"), RC_DENIED);
	assert_int_equal(r->gate.approvals.n, 0);
	assert_int_equal(approve_by_token(&b, "user:ann", "ses-9"), RC_OK);
	assert_int_equal(approve_by_token(&b, "token:bots", "tok-cccccccccccc"), RC_DENIED);
	assert_int_equal(r->state, RELEASE_STAGED);
	assert_int_equal(approve_by_token(&b, "user:bob", "ses-8"), RC_OK);
	go_on(&b, -1);
	assert_int_equal(r->state, RELEASE_LIVE);
	end(&b);
}

/* Providers first; consumers when those are done. */
static void waves(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, two_waves);
	push(&b, false);
	go_on(&b, EF_SET_WEIGHT);
	assert_non_null(rollout_active(&b.m, "staging", "api"));
	assert_null(rollout_active(&b.m, "staging", "shop"));
	go_on(&b, -1);
	assert_int_equal(model_release(&b.m, "rel-1")->state, RELEASE_LIVE);
	const struct environment *env = model_environment(&b.m, "production");
	assert_true(environment_live(env, "api")->since < environment_live(env, "shop")->since);
	end(&b);
}

/* What comes twice or too late changes nothing. */
static void twice(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, one_service);
	push(&b, false);
	go_on(&b, EF_PLAN_DEPLOY);
	assert_int_equal(give(&b, (struct event){.kind = EV_JOB_ENDED,
						 .job = S("run-1/ci/s/image"),
						 .count = 1,
						 .failure = FAILURE_EXIT}),
			 RC_OK);
	assert_int_equal(b.m.touched.n, 0);
	assert_int_equal(give(&b, (struct event){.kind = EV_EVIDENCE_VERIFIED,
						 .release = S("rel-1"),
						 .environment = S("staging")}),
			 RC_OK);
	assert_int_equal(b.m.touched.n, 0);
	assert_int_equal(
		give(&b, (struct event){.kind = EV_WEIGHT_SET, .rollout = S("ro-1"), .weight = 1}),
		RC_OK);
	assert_int_equal(b.m.touched.n, 0);
	assert_int_equal(give(&b, (struct event){.kind = EV_APPROVE,
						 .release = S("rel-7"),
						 .actor = S("user:ann")}),
			 RC_NOT_FOUND);
	assert_int_equal(b.m.touched.n, 0);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(first_version),
		cmocka_unit_test(person_stops),
		cmocka_unit_test(late_approvals),
		cmocka_unit_test(crash_is_harm),
		cmocka_unit_test(vetoed_again),
		cmocka_unit_test(promoted_and_held),
		cmocka_unit_test(approvals),
		cmocka_unit_test(tokens_have_no_eyes_of_their_own),
		cmocka_unit_test(waves),
		cmocka_unit_test(twice),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
