/* Records as CDEvents: which, with what in them. The members that each type needs are those of the specification's schemas (0.5.1). */
#include "unit/unit.h"
#include "base/json.h"
#include "base/mem.h"
#include "core/cdevents.h"
#include "core/chain.h"
#include "core/state.h"

#define IMAGE  "sha256:abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define URI_AT "https://ci.example.com"

static struct model known;

static char *text(const char *s)
{
	return xstrdup(s);
}

static void need(void *ctx, enum aggregate_kind kind, const char *id)
{
	(void)ctx;
	(void)kind;
	(void)id;
}

static int fill(void **state)
{
	(void)state;
	model_init(&known);
	struct run *run = model_add(&known, AGG_RUN, "run-1");
	run->id = text("run-1");
	run->change.repo = text("shop");
	run->change.commit = text(COMMIT);
	struct release *r = model_add(&known, AGG_RELEASE, "rel-1");
	r->id = text("rel-1");
	r->run = text("run-1");
	vec_push(&r->items, ((struct release_item){.unit = text("web"), .image = text(IMAGE)}));
	for (unsigned i = 1; i <= 3; i++) {
		AUTO(freep) char *id = xasprintf("ro-%u", i);
		struct rollout *ro = model_add(&known, AGG_ROLLOUT, id);

		ro->id = text(id);
		ro->release = text("rel-1");
		ro->environment = text("production");
		ro->unit = text("web");
		ro->image = text(IMAGE);
		ro->previous = i > 1 ? text("sha256:00") : NULL;
		ro->is_return = i == 3;
	}
	struct incident *i = model_add(&known, AGG_INCIDENT, "inc-1");
	i->id = text("inc-1");
	i->run = text("run-1");
	i->title = text("web: errors");
	i->environment = text("production");
	i->unit = text("web");
	i->image = text(IMAGE);
	return 0;
}

static int empty(void **state)
{
	(void)state;
	model_done(&known);
	return 0;
}

#define MOVE(id, from, to)                                                         \
	{                                                                          \
		.subject = (id), .field = "state", .before = (from), .after = (to) \
	}
static const struct {
	const char *why;
	struct event ev;
	struct field_change moved[2];
	const char *types; /* each followed by a blank */
	const char *has[4];
} cases[] = {
	{"a run begins",
	 {.kind = EV_CHANGE_PLANNED,
	  .change = {.commit = COMMIT, .repo = "shop", .ref = "refs/heads/main"}},
	 {MOVE("run-1", NULL, "\"running\"")},
	 "change.merged.0.3.0 pipelinerun.queued.0.3.0 pipelinerun.started.0.3.0 ",
	 {"\"subject\":{\"id\":\"" COMMIT "\"", "\"repository\":{\"id\":\"shop\"",
	  "\"pipelineName\":\"shop\",\"uri\":\"" URI_AT "/runs/run-1\""}},
	{"a pull request's run",
	 {.kind = EV_CHANGE_PLANNED, .change = {.kind = CHANGE_PULL, .commit = COMMIT}},
	 {{0}},
	 "",
	 {NULL}},
	{"a run that cannot be",
	 {.kind = EV_CHANGE_REFUSED, .error = "no penstock.yml"},
	 {MOVE("run-1", NULL, "\"failed\"")},
	 "pipelinerun.queued.0.3.0 pipelinerun.finished.0.3.0 ",
	 {"\"outcome\":\"error\",\"errors\":\"no penstock.yml\""}},
	{"a run that is stopped",
	 {.kind = EV_ABORT, .run = "run-1"},
	 {MOVE("run-1", "\"running\"", "\"cancelled\"")},
	 "pipelinerun.finished.0.3.0 ",
	 {"\"outcome\":\"cancel\""}},
	{"all was cached",
	 {.kind = EV_CHANGE_PLANNED, .change = {.kind = CHANGE_PULL}},
	 {MOVE("run-1", NULL, "\"passed\"")},
	 "pipelinerun.queued.0.3.0 pipelinerun.started.0.3.0 pipelinerun.finished.0.3.0 ",
	 {"\"outcome\":\"success\""}},
	{"a job begins",
	 {.kind = EV_JOB_STARTED, .job = "run-1/ci/web/test", .count = 2},
	 {{0}},
	 "taskrun.started.0.3.0 ",
	 {"\"id\":\"run-1/ci/web/test#2\"", "\"taskName\":\"ci/web/test\"",
	  "\"pipelineRun\":{\"id\":\"run-1\""}},
	{"its tests fail",
	 {.kind = EV_JOB_ENDED,
	  .job = "run-1/ci/web/test",
	  .count = 1,
	  .failure = FAILURE_EXIT,
	  .exit = 1,
	  .error = "exit 1",
	  .junit = {.tests = 3, .failed = 1, .first_failure = "a.b"}},
	 {MOVE("run-1", "\"running\"", "\"failed\"")},
	 "taskrun.finished.0.3.0 testsuiterun.finished.0.3.0 pipelinerun.finished.0.3.0 ",
	 {"\"outcome\":\"failure\",\"errors\":\"exit 1\"", "\"environment\":{\"id\":\"ci\"",
	  "\"reason\":\"a.b\""}},
	{"a machine is lost",
	 {.kind = EV_JOB_ENDED, .job = "run-1/ci/web/test", .failure = FAILURE_INFRA},
	 {{0}},
	 "taskrun.finished.0.3.0 ",
	 {"\"outcome\":\"error\""}},
	{"an image",
	 {.kind = EV_JOB_ENDED, .job = "run-1/ci/web/image", .count = 1, .image = IMAGE},
	 {{0}},
	 "taskrun.finished.0.3.0 build.finished.0.3.0 artifact.packaged.0.3.0 artifact.published.0.3.0 ",
	 {"pkg:oci/web@sha256%3Aabcdef", "\"change\":{\"id\":\"" COMMIT "\""}},
	{"signed",
	 {.kind = EV_ATTESTED, .release = "rel-1", .image = IMAGE, .type = "build", .digest = "77"},
	 {{0}},
	 "artifact.signed.0.3.0 ",
	 {"\"signature\":\"77\"", "pkg:oci/web@"}},
	{"another evidence",
	 {.kind = EV_ATTESTED, .release = "rel-1", .image = IMAGE, .type = "tests", .digest = "77"},
	 {{0}},
	 "",
	 {NULL}},
	{"a first version",
	 {.kind = EV_WEIGHT_SET, .rollout = "ro-1", .weight = 1},
	 {MOVE("ro-1", "\"verifying\"", "\"done\"")},
	 "service.published.0.3.0 service.deployed.0.3.0 ",
	 {"\"environment\":{\"id\":\"production\"", "\"artifactId\":\"pkg:oci/web@"}},
	{"a canary", {.kind = EV_WEIGHT_SET, .rollout = "ro-1", .weight = 0.05}, {{0}}, "", {NULL}},
	{"the next version",
	 {.kind = EV_REPLICAS_STOPPED, .rollout = "ro-2"},
	 {MOVE("ro-2", "\"verifying\"", "\"done\"")},
	 "service.upgraded.0.3.0 ",
	 {NULL}},
	{"back by a rollout",
	 {.kind = EV_REPLICAS_STOPPED, .rollout = "ro-3"},
	 {MOVE("ro-3", "\"verifying\"", "\"done\"")},
	 "service.rolledback.0.3.0 ",
	 {NULL}},
	{"aborted",
	 {.kind = EV_REPLICAS_STOPPED, .rollout = "ro-2"},
	 {MOVE("ro-2", "\"aborting\"", "\"aborted\"")},
	 "service.rolledback.0.3.0 ",
	 {"pkg:oci/web@sha256%3A00"}},
	{"the first one aborted",
	 {.kind = EV_REPLICAS_STOPPED, .rollout = "ro-1"},
	 {MOVE("ro-1", "\"aborting\"", "\"aborted\"")},
	 "service.removed.0.3.0 ",
	 {NULL}},
	{"a rollout that nobody knows",
	 {.kind = EV_TIMER},
	 {MOVE("ro-9", "\"aborting\"", "\"aborted\"")},
	 "",
	 {NULL}},
	{"harm",
	 {.kind = EV_FACTS, .rollout = "ro-2"},
	 {MOVE("inc-1", NULL, "\"open\""), MOVE("ro-2", "\"baking\"", "\"aborting\"")},
	 "incident.detected.0.3.0 ",
	 {"\"description\":\"web: errors\"", "\"service\":{\"id\":\"web\""}},
	{"a person saw harm",
	 {.kind = EV_ROLLBACK, .environment = "production", .unit = "web"},
	 {MOVE("inc-1", NULL, "\"open\"")},
	 "incident.reported.0.3.0 ",
	 {"\"ticketURI\":\"" URI_AT "/incidents/inc-1\""}},
	{"mitigated",
	 {.kind = EV_INCIDENT_MITIGATE, .incident = "inc-1"},
	 {MOVE("inc-1", "\"open\"", "\"mitigated\"")},
	 "",
	 {NULL}},
	{"closed",
	 {.kind = EV_INCIDENT_CLOSE, .incident = "inc-1"},
	 {MOVE("inc-1", "\"open\"", "\"closed\"")},
	 "incident.resolved.0.3.0 ",
	 {NULL}},
	{"a rule",
	 {.kind = EV_HOLD, .environment = "production"},
	 {{0}},
	 "environment.modified.0.3.0 ",
	 {"\"name\":\"production\",\"uri\":\"" URI_AT "/environments/production\""}},
	{"a new environment",
	 {.kind = EV_TIMER},
	 {{"staging", "stage", NULL, "\"staging\""}},
	 "environment.created.0.3.0 ",
	 {NULL}},
	{"a new branch",
	 {.kind = EV_REF_MOVED, .repo = "shop", .ref = "refs/heads/x", .commit = COMMIT},
	 {{0}},
	 "branch.created.0.3.0 ",
	 {"\"id\":\"x\""}},
	{"that was there",
	 {.kind = EV_REF_MOVED,
	  .repo = "shop",
	  .ref = "refs/heads/x",
	  .commit = COMMIT,
	  .ok = true},
	 {{0}},
	 "",
	 {NULL}},
	{"it moves",
	 {.kind = EV_REF_MOVED,
	  .repo = "shop",
	  .ref = "refs/heads/x",
	  .commit = COMMIT,
	  .base = COMMIT},
	 {{0}},
	 "",
	 {NULL}},
	{"it goes",
	 {.kind = EV_REF_MOVED, .repo = "shop", .ref = "refs/heads/x"},
	 {{0}},
	 "branch.deleted.0.3.0 ",
	 {NULL}},
	{"a request",
	 {.kind = EV_REF_MOVED, .repo = "shop", .ref = "refs/pull/17/head", .commit = COMMIT},
	 {{0}},
	 "change.created.0.4.0 ",
	 {"\"id\":\"17\""}},
	{"it goes on",
	 {.kind = EV_REF_MOVED,
	  .repo = "shop",
	  .ref = "refs/merge-requests/17/head",
	  .commit = COMMIT,
	  .base = COMMIT},
	 {{0}},
	 "change.updated.0.3.0 ",
	 {NULL}},
	{"a tag",
	 {.kind = EV_REF_MOVED, .repo = "shop", .ref = "refs/tags/v1", .commit = COMMIT},
	 {{0}},
	 "",
	 {NULL}},
};

static size_t write_case(size_t i, uint64_t seq, struct strbuf *to)
{
	struct cdevents o = {
		.source = "/penstock/shop", .base = URI_AT, .known = &known, .need = need};
	struct record r = {.seq = seq,
			   .time = 1700000000123456,
			   .actor = STR("user:ann"),
			   .type = STR("x"),
			   .payload = STR("{}")};
	struct event ev = cases[i].ev;

	r.hash = chain_hash(&r);
	for (size_t k = 0; k < 2 && cases[i].moved[k].subject; k++)
		vec_push(&ev.changes, cases[i].moved[k]);
	size_t n = cdevents_write(&o, &r, &ev, to);
	vec_done(&ev.changes);
	return n;
}

/* What all have: the specification's context, and a subject of this source. */
static void check_common(const struct json *j, const char *why)
{
	const struct json *context = json_get(j, "context"), *subject = json_get(j, "subject");

	CHECK_STR(json_get_text(context, "specversion", ""), "0.5.1", why);
	CHECK_STR(json_get_text(context, "source", ""), "/penstock/shop", why);
	CHECK_STR(json_get_text(context, "timestamp", ""), "2023-11-14T22:13:20.123456Z", why);
	CHECK(strlen(json_get_text(context, "id", "")) == 36 &&
		      json_get_text(context, "id", "")[14] == '8',
	      why);
	CHECK(*json_get_text(subject, "id", "") && json_get(subject, "content"), why);
	CHECK(json_get_int(json_get(j, "customData"), "seq", 0) == 7, why);
}

static void each_record_says_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(strbuf_done) struct strbuf lines = STRBUF(1 << 20), types = STRBUF(4096);
		size_t n = write_case(i, 7, &lines), counted = 0;
		struct str rest = strbuf_str(&lines);

		while (rest.n) {
			AUTO(json_freep) struct json *j = NULL;
			struct str line = str_cut(&rest, '\n');

			assert_int_equal(json_read(line, 1 << 20, &j, NULL), RC_OK);
			check_common(j, cases[i].why);
			strbuf_addf(&types, "%s ",
				    json_get_text(json_get(j, "context"), "type", "") +
					    strlen("dev.cdevents."));
			counted++;
		}
		CHECK_STR(strbuf_cstr(&types), cases[i].types, cases[i].why);
		CHECK(counted == n, cases[i].why);
		for (size_t k = 0; k < 4 && cases[i].has[k]; k++)
			if (!strstr(strbuf_cstr(&lines), cases[i].has[k]))
				fail_msg("%s: no %s in %s", cases[i].why, cases[i].has[k],
					 strbuf_cstr(&lines));
	}
}

static char *id_at(const char *lines, unsigned n)
{
	const char *at = lines;

	for (unsigned i = 0; i <= n; i++)
		at = strstr(at, "\"specversion\":\"0.5.1\",\"id\":\"") +
		     strlen("\"specversion\":\"0.5.1\",\"id\":\"");
	return xstrndup(at, 36);
}

/* The same record gives the same ids; others give others; what is of one run is one chain. */
static void ids_are_made_of_the_record(void **state)
{
	AUTO(strbuf_done)
	struct strbuf a = STRBUF(1 << 20),
		      b = STRBUF(1 << 20), c = STRBUF(1 << 20);

	(void)state;
	(void)write_case(0, 7, &a);
	(void)write_case(0, 7, &b);
	(void)write_case(0, 8, &c);
	assert_string_equal(strbuf_cstr(&a), strbuf_cstr(&b));
	AUTO(freep) char *first = id_at(strbuf_cstr(&a), 0);
	AUTO(freep) char *second = id_at(strbuf_cstr(&a), 1);
	AUTO(freep) char *other = id_at(strbuf_cstr(&c), 0);
	assert_string_not_equal(first, second);
	assert_string_not_equal(first, other);
	const char *chain = strstr(strbuf_cstr(&a), "\"chainId\":\"");
	assert_non_null(chain);
	AUTO(freep) char *same = xstrndup(chain, 48);
	assert_non_null(strstr(chain + 48, same));
	assert_non_null(strstr(strbuf_cstr(&c), same));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_record_says_it, fill, empty),
		cmocka_unit_test_setup_teardown(ids_are_made_of_the_record, fill, empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
