/* The API over a real engine, a store in memory and fakes, asked through a socket. */
#include "httpd_kit.h"
#include "api/api.h"
#include "api/identity.h"
#include "api/wire.h"
#include "core/state.h"
#include "engine/runner_loop.h"
#include "flow/2-build/adapters.h"
#include "flow/3-artifact/adapters.h"
#include "flow/4-verify/adapters.h"
#include "flow/5-deploy/adapters_deploy.h"
#include "flow/5-deploy/desired_adapters.h"
#include "io/clock.h"
#include "io/files.h"
#include "store/adapters.h"
#include "store/verify.h"

#define IMAGE_A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define IMAGE_B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char folder[64], socket_path[96];
static char *token;
static struct loop *loop;
static struct world world;
static struct engine *engine;
static struct api *api;
static struct httpd *server;
static char log_digest[DIGEST_HEX + 1];

/* ---- a world with something in it ---- */

static const char yml[] =
	"version: 1\n"
	"project: shop\n"
	"services:\n"
	"  orders: {path: services/orders, port: 8080}\n"
	"ci:\n"
	"  test: {each: \"*\", run: make test}\n"
	"  image: {each: services, needs: [test], image: {from: scratch, copy: {out/app: /app}, entrypoint: [/app]}}\n"
	"staging: {environment: staging}\n"
	"gate: {approve: {count: 1}}\n"
	"production: {environment: production}\n";

static char *text(const char *s)
{
	return xstrdup(s);
}

static void fill_change(struct change *c, const char *subject)
{
	c->repo = text("shop");
	c->ref = text("refs/heads/main");
	c->commit = text("0123456789abcdef0123456789abcdef01234567");
	c->author = text("Ann");
	c->email = text("ann@example.com");
	c->subject = text(subject);
	c->pushed_at = 1700000000 * USEC_SEC;
}

static void add_job(struct model *m, const char *id, const char *run, enum job_state state,
		    const char *log)
{
	struct job *job = model_add(m, AGG_JOB, id);

	job->id = text(id);
	job->run = text(run);
	job->unit = text("orders");
	job->name = text("test");
	job->stage = STAGE_CI;
	job->state = state;
	job->attempt = 1;
	job->settled = state != JOB_RUNNING && state != JOB_BLOCKED;
	job->log = log ? text(log) : NULL;
	job->why = text("services/orders changed");
}

static void add_run(struct model *m, const char *id, enum run_state state)
{
	struct run *run = model_add(m, AGG_RUN, id);

	run->id = text(id);
	run->state = state;
	run->jobs = 1;
	run->config = text("c0");
	fill_change(&run->change, "Sell \"more\"");
}

static void fill_model(struct model *m)
{
	struct project *p = model_add(m, AGG_PROJECT, "project");
	struct config_ref *c = model_add(m, AGG_CONFIG, "c0");
	struct err err = {0};

	*p = (struct project){.id = text("project"),
			      .name = text("shop"),
			      .slots = 2,
			      .running = 1,
			      .runs = 3,
			      .releases = 1,
			      .rollouts = 1,
			      .incidents = 1,
			      .config = text("c0")};
	vec_push(&p->schedules, ((struct schedule_ref){.repo = text("shop"),
						       .cron = text("0 3 * * *"),
						       .zone = text("Europe/Berlin"),
						       .branch = text("main"),
						       .next = 1900000000 * USEC_SEC,
						       .last = text("left out")}));
	c->id = text("c0");
	assert_int_equal(config_read(STR(yml), "penstock.yml", NULL, NULL, &c->config, &err),
			 RC_OK);
	add_run(m, "run-1", RUN_FAILED);
	add_job(m, "run-1/ci/orders/test", "run-1", JOB_FAILED, log_digest);
	add_run(m, "run-2", RUN_PASSED);
	add_job(m, "run-2/ci/orders/test", "run-2", JOB_PASSED, NULL);
	add_run(m, "run-3", RUN_RUNNING);
	model_run(m, "run-3")->open = 1;
	add_job(m, "run-3/ci/orders/test", "run-3", JOB_RUNNING, NULL);
	struct job *running = model_job(m, "run-3/ci/orders/test");
	running->agent = text("local");
	running->cpu = 1000;
	struct agent *agent = model_add(m, AGG_AGENT, "local");
	*agent = (struct agent){.id = text("local"), .cpu = 2000, .used_cpu = 1000, .running = 1};
	struct environment *env = model_add(m, AGG_ENVIRONMENT, "production");
	*env = (struct environment){.id = text("production"), .stage = STAGE_PRODUCTION};
	vec_push(&env->live, ((struct live){.unit = text("orders"),
					    .image = text(IMAGE_A),
					    .release = text("rel-0")}));
	struct release *r = model_add(m, AGG_RELEASE, "rel-1");
	r->id = text("rel-1");
	r->run = text("run-2");
	r->state = RELEASE_STAGED;
	r->config = text("c0");
	fill_change(&r->change, "Sell more");
	vec_push(&r->items, ((struct release_item){.unit = text("orders"),
						   .image = text(IMAGE_B),
						   .key = text("k"),
						   .staging_done = true}));
	r->gate.decision = text("wait");
	model_run(m, "run-2")->release = text("rel-1");
	struct incident *i = model_add(m, AGG_INCIDENT, "inc-1");
	*i = (struct incident){.id = text("inc-1"),
			       .title = text("orders in production: errors"),
			       .unit = text("orders"),
			       .environment = text("production")};
}

/* What a daemon before this one left: one record, and a snapshot of each aggregate. */
static void fill_store(struct store *store, const struct model *m)
{
	VEC(struct store_snapshot) snapshots = {0};
	VEC(char *) jsons = {0};
	struct record r = {.seq = 1,
			   .time = 1700000000 * USEC_SEC,
			   .actor = STR("git"),
			   .subject = STR("shop"),
			   .type = STR("source.ref_moved"),
			   .payload = STR("{\"repo\":\"shop\"}")};
	struct err err = {0};

	r.hash = chain_hash(&r);
	for (unsigned k = 0; k < AGG_KINDS; k++)
		for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[k], e));) {
			struct strbuf json = STRBUF(1 << 20);

			model_snapshot(m, (enum aggregate_kind)k, e->key, &json);
			vec_push(&jsons, strbuf_take(&json));
			bool ended = k != AGG_CONFIG &&
				     model_is_ended(m, (enum aggregate_kind)k, e->key);
			vec_push(&snapshots,
				 ((struct store_snapshot){str_of(aggregate_kind_names[k]),
							  str_of(e->key), str_of(*vec_last(&jsons)),
							  ended}));
		}
	struct store_batch batch = {.records = &r,
				    .n_records = 1,
				    .snapshots = snapshots.v,
				    .n_snapshots = snapshots.n};
	assert_int_equal(store_commit(store, &batch, &err), RC_OK);
	vec_each(j, &jsons)
		xfree(*j);
	vec_done(&jsons);
	vec_done(&snapshots);
}

static enum rc no_sources(void *ctx, const struct change *c, const texts *paths, const char *into,
			  struct err *err)
{
	(void)ctx;
	(void)c;
	(void)paths;
	(void)into;
	(void)err;
	return RC_OK;
}

/* A job that prints for a while. */
static void start_job(void)
{
	struct job_spec spec = {.job = text("run-3/ci/orders/test"),
				.unit = text("orders"),
				.path = text("services/orders"),
				.attempt = 1};
	struct exec_inputs in = {.sources = no_sources};
	struct err err = {0};

	spec.def.name = text("test");
	spec.def.run = text("echo first\nsleep 0.2\necho last\n");
	spec.def.timeout = USEC_MIN;
	if (exec_start(world.exec, &spec, &in, &err) != RC_OK)
		fail_msg("%s", err.msg);
	shape_done(&shape_job_spec, &spec);
}

static int open_world(void **state)
{
	struct err err = {0};
	struct model m;
	enum rc rc;

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test_api_XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(socket_path, sizeof(socket_path), "%s/s.sock", folder);
	assert_int_equal(loop_new(&loop, &err), RC_OK);
	world = (struct world){.runner = runner_loop_new(loop),
			       .store = store_memory_new(),
			       .blobs = blobs_memory_new(),
			       .exec = exec_fake_new(),
			       .toolchain = "test"};
	world.pack = pack_fake_new(world.blobs);
	world.sign = sign_fake_new(world.blobs);
	rc = desired_fake_new(&world.desired, &err);
	assert_int_equal(rc, RC_OK);
	rc = runtime_fake_new(&world.runtime, &err);
	assert_int_equal(rc, RC_OK);
	rc = route_fake_new(&world.route, &err);
	assert_int_equal(rc, RC_OK);
	assert_int_equal(blobs_put(world.blobs, STR("what failed\nand why\n"), log_digest, &err),
			 RC_OK);
	model_init(&m);
	fill_model(&m);
	fill_store(world.store, &m);
	model_done(&m);
	struct engine_options eo = {.slots = 2, .version = "0"};
	rc = engine_new(&world, &eo, &engine, &err);
	if (rc != RC_OK)
		fail_msg("%s", err.msg);
	struct api_options ao = {.engine = engine, .version = "0.test"};
	api = api_new(&ao);
	token = api_first_token(api);
	assert_non_null(token);
	assert_true(loop_drain(loop, 10 * USEC_SEC)); /* it stands in the journal */
	struct httpd_options ho = {.socket = socket_path,
				   .any_port = true,
				   .identify = api_identify,
				   .identify_ctx = api,
				   .handle = api_handle,
				   .ctx = api};
	rc = httpd_new(loop, &ho, &server, &err);
	assert_int_equal(rc, RC_OK);
	api_behind(api, server);
	return 0;
}

static int close_world(void **state)
{
	struct err err = {0};

	(void)state;
	httpd_free(server);
	(void)!loop_drain(loop, USEC_SEC);
	api_free(api);
	engine_free(engine);
	runner_loop_free(world.runner);
	loop_free(loop);
	exec_free(world.exec);
	pack_free(world.pack);
	sign_free(world.sign);
	desired_free(world.desired);
	runtime_free(world.runtime);
	route_free(world.route);
	blobs_free(world.blobs);
	store_free(world.store);
	xfree(token);
	return tree_remove(folder, &err) == RC_OK ? 0 : -1;
}

static void (*client_fn)(void);

static void client_done(void *arg)
{
	loop_stop(arg);
}

static void *client_thread(void *arg)
{
	client_fn();
	loop_post(arg, client_done, arg);
	return NULL;
}

static void beside(void (*fn)(void))
{
	pthread_t thread;

	client_fn = fn;
	assert_int_equal(pthread_create(&thread, NULL, client_thread, loop), 0);
	loop_run(loop);
	pthread_join(thread, NULL);
}

static char *request(const char *line, const char *body)
{
	AUTO(freep)
	char *whole = xasprintf(
		"%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
		line, strlen(body), body);

	return ask(dial_unix(socket_path), whole);
}

/* ---- every path ---- */

static const struct {
	const char *why, *line, *body;
	int status;
	const char *has, *has_not;
} paths[] = {
	{"status", "GET " WIRE_STATUS, "", 200, "\"ready\":true", NULL},
	{"status has runs", "GET " WIRE_STATUS, "", 200, "\"id\":\"run-3\"", NULL},
	{"status has counts", "GET " WIRE_STATUS, "", 200, "\"counts\":{\"ci\":{\"running\":1}}",
	 NULL},
	{"runs, the ended one too", "GET " WIRE_RUNS, "", 200, "\"id\":\"run-1\"", NULL},
	{"runs, newest first", "GET " WIRE_RUNS "?limit=1", "", 200, "{\"runs\":[{\"id\":\"run-3\"",
	 "run-2"},
	{"a limit is a number", "GET " WIRE_RUNS "?limit=x", "", 400, "\"code\":\"invalid\"", NULL},
	{"a limit has a limit", "GET " WIRE_RUNS "?limit=100000", "", 400, "up to 1000", NULL},
	{"a run", "GET " WIRE_RUNS "/run-3", "", 200, "\"state\":\"running\"", NULL},
	{"an ended run", "GET " WIRE_RUNS "/run-1", "", 200, "\"state\":\"failed\"", NULL},
	{"no run", "GET " WIRE_RUNS "/run-9", "", 404, "there is no run run-9", NULL},
	{"jobs", "GET " WIRE_RUNS "/run-3/jobs", "", 200, "\"id\":\"run-3/ci/orders/test\"", NULL},
	{"jobs of an ended run", "GET " WIRE_RUNS "/run-1/jobs", "", 200,
	 "\"id\":\"run-1/ci/orders/test\"", "run-3/"},
	{"jobs of no run", "GET " WIRE_RUNS "/run-9/jobs", "", 404, "not_found", NULL},
	{"a job", "GET " WIRE_JOBS "/run-3/ci/orders/test", "", 200, "\"attempt\":1", NULL},
	{"an ended job", "GET " WIRE_JOBS "/run-1/ci/orders/test", "", 200, "\"state\":\"failed\"",
	 NULL},
	{"a stored log", "GET " WIRE_JOBS "/run-1/ci/orders/test/log", "", 200,
	 "what failed\nand why\n", NULL},
	{"a part of it", "GET " WIRE_JOBS "/run-1/ci/orders/test/log?from=12", "", 200, "and why\n",
	 "what"},
	{"no log", "GET " WIRE_JOBS "/run-2/ci/orders/test/log", "", 404, "it is passed", NULL},
	{"a log of no job", "GET " WIRE_JOBS "/run-9/ci/x/y/log", "", 404,
	 "there is no job run-9/ci/x/y", NULL},
	{"a release", "GET " WIRE_RELEASES "/rel-1", "", 200, "\"state\":\"staged\"", NULL},
	{"evidence", "GET " WIRE_RELEASES "/rel-1/evidence", "", 200, "\"evidence\":[]", NULL},
	{"evidence of nothing", "GET " WIRE_RELEASES "/rel-7/evidence", "", 404,
	 "there is no release rel-7", NULL},
	{"an environment", "GET " WIRE_ENVIRONMENTS "/production", "", 200, IMAGE_A, NULL},
	{"incidents say open", "GET " WIRE_INCIDENTS, "", 200, "\"state\":\"open\"", NULL},
	{"journal", "GET " WIRE_JOURNAL, "", 200,
	 "{\"seq\":1,\"time\":1700000000000000,\"actor\":\"git\"", NULL},
	{"journal by type", "GET " WIRE_JOURNAL "?type=person.*", "", 200, "\r\n\r\n0\r\n", "git"},
	{"journal by subject", "GET " WIRE_JOURNAL "?subject=shop&last=5", "", 200, "\"seq\":1",
	 NULL},
	{"traffic", "GET " WIRE_TRAFFIC, "", 200, "{\"traffic\":[", NULL},
	{"replicas", "GET " WIRE_REPLICAS, "", 200, "{\"replicas\":[", NULL},
	{"doors", "GET " WIRE_DOORS, "", 200, "{\"doors\":[", NULL},
	{"health", "GET " WIRE_HEALTHZ, "", 200, "ok", NULL},
	{"ready", "GET " WIRE_READYZ, "", 200, "ready", NULL},
	{"metrics", "GET " WIRE_METRICS, "", 200, "penstock_jobs{state=\"running\"} 1", NULL},
	{"head", "HEAD " WIRE_STATUS, "", 200, "Content-Type: application/json", "\"ready\""},
	{"nothing", "GET /api/v1/nothing", "", 404, "there is nothing here", NULL},
	{"method", "POST " WIRE_STATUS, "", 405, "is not for POST", NULL},
	{"method of an action", "GET " WIRE_ROLLOUTS "/ro-1/promote", "", 405, "is not for GET",
	 NULL},
	{"no text", "GET /api/v1/%01", "", 400, "no plain text", NULL},
	{"no UTF-8", "GET /api/v1/runs/%ff", "", 400, "no plain text", NULL},
	{"no object", "POST " WIRE_RUNS "/run-3/abort", "[]", 400, "must be a JSON object", NULL},
	{"no JSON", "POST " WIRE_RUNS "/run-3/abort", "{", 400, "the body", NULL},
	{"a wrong member", "POST " WIRE_RUNS "/run-3/abort", "{\"reson\":\"x\"}", 400,
	 "did you mean \\\"reason\\\"?", NULL},
	{"a wrong kind", "POST " WIRE_RELEASES "/rel-1/approve", "{\"ok\":1}", 400, "true or false",
	 NULL},
	{"promote nothing", "POST " WIRE_ROLLOUTS "/ro-9/promote", "", 404,
	 "there is no rollout ro-9", NULL},
	{"a run that is over", "POST " WIRE_RUNS "/run-2/abort", "", 409, "\"code\":\"conflict\"",
	 NULL},
	{"a service is needed", "POST " WIRE_ENVIRONMENTS "/production/pins", "{}", 400,
	 "say which service", NULL},
	{"the past", "POST " WIRE_ENVIRONMENTS "/production/holds",
	 "{\"until\":\"2001-01-01T00:00:00Z\"}", 400, "in the past", NULL},
	{"no duration", "POST " WIRE_ENVIRONMENTS "/production/holds", "{\"for\":\"soon\"}", 400,
	 "duration", NULL},
	{"no image", "POST " WIRE_ENVIRONMENTS "/production/vetoes", "{\"image\":\"latest\"}", 400,
	 "is no image", NULL},
	{"an image nobody knows", "POST " WIRE_ENVIRONMENTS "/production/vetoes",
	 "{\"image\":\"cccccc\"}", 404, "no image that is known", NULL},
	{"a hold", "POST " WIRE_ENVIRONMENTS "/production/holds", "{\"reason\":\"party\"}", 200,
	 "{\"ok\":true,\"seq\":", NULL},
	{"it is there", "GET " WIRE_ENVIRONMENTS "/production", "", 200, "\"reason\":\"party\"",
	 NULL},
	{"lift it", "DELETE " WIRE_ENVIRONMENTS "/production/holds/hold-1", "", 200, "\"ok\":true",
	 NULL},
	{"twice", "DELETE " WIRE_ENVIRONMENTS "/production/holds/hold-1", "", 404,
	 "there is no hold hold-1", NULL},
	{"a veto by a few digits", "POST " WIRE_ENVIRONMENTS "/production/vetoes",
	 "{\"image\":\"bbbbbbb\",\"unit\":\"orders\"}", 200, "\"ok\":true", NULL},
	{"is of the whole digest", "GET " WIRE_ENVIRONMENTS "/production", "", 200,
	 "\"image\":\"" IMAGE_B "\",\"actor\":\"user:", NULL},
	{"a pin by a release", "POST " WIRE_ENVIRONMENTS "/production/pins",
	 "{\"image\":\"rel-1\",\"unit\":\"orders\",\"for\":\"1h30m\"}", 200, "\"ok\":true", NULL},
	{"a note", "POST " WIRE_INCIDENTS "/inc-1/note", "{\"text\":\"found it\"}", 200,
	 "\"ok\":true", NULL},
	{"close", "POST " WIRE_INCIDENTS "/inc-1/close", "{\"text\":\"done\"}", 200, "\"ok\":true",
	 NULL},
	{"closed", "GET " WIRE_INCIDENTS "/inc-1", "", 200, "\"state\":\"closed\"", NULL},
	/* agents */
	{"agents", "GET " WIRE_AGENTS, "", 200, "{\"state\":\"connected\",\"id\":\"local\"", NULL},
	{"drain", "POST " WIRE_AGENTS "/local/drain", "", 200, "\"ok\":true", NULL},
	{"it drains", "GET " WIRE_AGENTS "/local", "", 200, "\"state\":\"draining\"", NULL},
	{"jobs again", "POST " WIRE_AGENTS "/local/drain", "{\"ok\":false}", 200, "\"ok\":true",
	 NULL},
	{"it takes jobs", "GET " WIRE_AGENTS "/local", "", 200, "\"state\":\"connected\"", NULL},
	{"no such agent", "POST " WIRE_AGENTS "/nobody/drain", "", 404, "nobody", NULL},
	{"no such agent to see", "GET " WIRE_AGENTS "/nobody", "", 404, "nobody", NULL},
	/* times */
	{"schedules", "GET " WIRE_SCHEDULES, "", 200,
	 "\"cron\":\"0 3 * * *\",\"zone\":\"Europe/Berlin\",\"branch\":\"main\",\"next\":", NULL},
	{"what became of the last time", "GET " WIRE_SCHEDULES, "", 200, "\"last\":\"left out\"",
	 NULL},
	/* the merge queue */
	{"no queue yet", "GET " WIRE_QUEUES, "", 200, "\"queues\":[]", NULL},
	{"a queue needs a branch", "POST " WIRE_QUEUES, "{\"repo\":\"shop\"}", 400,
	 "say which branch", NULL},
	{"a queue needs a target", "POST " WIRE_QUEUES, "{\"repo\":\"nowhere\",\"ref\":\"topic\"}",
	 400, "say onto which", NULL},
	{"a queue that is not there", "GET " WIRE_QUEUES "/shop:refs/heads/main", "", 404,
	 "shop:refs/heads/main", NULL},
	/* tests */
	{"an owner is needed", "POST " WIRE_TESTS "/quarantine",
	 "{\"test\":\"t.one\",\"for\":\"1d\"}", 400, "an owner", NULL},
	{"and an end", "POST " WIRE_TESTS "/quarantine", "{\"test\":\"t.one\",\"owner\":\"ann\"}",
	 400, "until when", NULL},
	{"not for ever", "POST " WIRE_TESTS "/quarantine",
	 "{\"test\":\"t.one\",\"owner\":\"ann\",\"for\":\"999d\"}", 400, "180 days", NULL},
	{"a quarantine", "POST " WIRE_TESTS "/quarantine",
	 "{\"test\":\"t.one\",\"unit\":\"orders\",\"owner\":\"ann\",\"for\":\"14d\",\"reason\":\"12\"}",
	 200, "\"ok\":true", NULL},
	{"it is listed", "GET " WIRE_TESTS, "", 200, "\"test\":\"t.one\"", NULL},
	{"its end", "POST " WIRE_TESTS "/quarantine",
	 "{\"test\":\"t.one\",\"unit\":\"orders\",\"lift\":true}", 200, "\"ok\":true", NULL},
	{"it is not listed", "GET " WIRE_TESTS, "", 200, "\"quarantine\":[]", "t.one"},
	{"ended twice", "POST " WIRE_TESTS "/quarantine",
	 "{\"test\":\"t.one\",\"unit\":\"orders\",\"lift\":true}", 404, "t.one", NULL},
	/* jobs by hand */
	{"nothing to start", "POST " WIRE_JOBS "/run-2/ci/orders/test/start", "", 409,
	 "nothing to start", NULL},
	{"nothing to go on in", "POST " WIRE_JOBS "/run-2/ci/orders/test/start",
	 "{\"resume\":true}", 409, "only a job that failed", NULL},
	{"who did it", "GET " WIRE_JOURNAL "?type=person.incident*", "", 200,
	 "\"type\":\"person.incident_close\"", "ref_moved"},
	{"refusals stay, too", "GET " WIRE_JOURNAL "?type=person.refused", "", 200,
	 "there is no rollout ro-9", NULL},
	{"hook of nothing", "POST " WIRE_HOOK, "{\"repo\":\"/nowhere\"}", 404,
	 "is not watched here", NULL},
	{"hook without", "POST " WIRE_HOOK, "{}", 400, "say which repository", NULL},
	{"requests are counted", "GET " WIRE_METRICS, "", 200,
	 "route=\"/api/v1/runs/{id}\",class=\"4xx\"} 1", NULL},
};

/* JSON, of which our own reader refuses doubled keys. */
static void check_json(const char *why, const char *answer)
{
	const char *body = strstr(answer, "\r\n\r\n");
	struct json *j = NULL;
	struct err err = {0};

	if (!strstr(answer, "json\r\n") || strncmp(answer, "HTTP/1.1 ", 9) != 0 || !body ||
	    !body[4])
		return;
	if (strstr(answer, "Transfer-Encoding: chunked"))
		return; /* a stream */
	if (json_read(str_of(body + 4), (size_t)1 << 24, &j, &err) != RC_OK)
		fail_msg("%s: %s in %s", why, err.msg, answer);
	json_free(j);
}

static void paths_client(void)
{
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		AUTO(freep) char *answer = request(paths[i].line, paths[i].body);
		AUTO(freep) char *status = xasprintf("HTTP/1.1 %d ", paths[i].status);

		if (strncmp(answer, status, strlen(status)) != 0)
			fail_msg("%s: want %d: %.1500s", paths[i].why, paths[i].status, answer);
		check_json(paths[i].why, answer);
		if (!strstr(answer, paths[i].has))
			fail_msg("%s: no <%s> in <%.3000s>", paths[i].why, paths[i].has, answer);
		if (paths[i].has_not && strstr(answer, paths[i].has_not))
			fail_msg("%s: <%s> is in <%.3000s>", paths[i].why, paths[i].has_not,
				 answer);
	}
}

static void every_path_answers(void **state)
{
	(void)state;
	beside(paths_client);
}

static void nobody_client(void)
{
	static const char *const lines[] = {"GET " WIRE_STATUS, "POST " WIRE_HOOK, "GET /nothing"};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		AUTO(freep)
		char *whole =
			xasprintf("%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", lines[i]);
		AUTO(freep) char *answer = ask(dial_tcp(httpd_port(server)), whole);

		CHECK(strstr(answer, "HTTP/1.1 401"), lines[i]);
		CHECK(strstr(answer, "WWW-Authenticate: Bearer"), lines[i]);
	}
	AUTO(freep)
	char *open = ask(dial_tcp(httpd_port(server)),
			 "GET " WIRE_HEALTHZ " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	CHECK(strstr(open, "HTTP/1.1 200"), "open to all");
	AUTO(freep)
	char *whole = xasprintf(
		"POST " WIRE_ENVIRONMENTS
		"/production/holds HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n"
		"Content-Length: 0\r\n\r\n",
		token);
	AUTO(freep) char *answer = ask(dial_tcp(httpd_port(server)), whole);
	CHECK(strstr(answer, "\"ok\":true"), "with a token");
	AUTO(freep) char *env = request("GET " WIRE_ENVIRONMENTS "/production", "");
	CHECK(strstr(env, "token:admin"), "by its name");
}

static void tcp_wants_a_token(void **state)
{
	(void)state;
	beside(nobody_client);
}

static void give_event(void *arg)
{
	struct event *ev = arg;

	engine_submit(engine, ev);
	xfree(ev);
}

static void log_client(void)
{
	usec_t best = USEC_NEVER;

	for (int i = 0; i < 50 && best >= 150 * USEC_MS; i++) {
		usec_t began = clock_mono();
		AUTO(freep) char *now = request("GET " WIRE_JOBS "/run-3/ci/orders/test/log", "");

		CHECK(strstr(now, "first"), "what there is");
		CHECK(!strstr(now, "last"), "not what comes");
		best = MIN_OF(best, clock_mono() - began);
	}
	CHECK(best < 150 * USEC_MS, "and at once");
	AUTO(strbuf_done) struct strbuf got = STRBUF(65536);
	int fd = dial_unix(socket_path);
	send_text(fd, "GET " WIRE_JOBS
		      "/run-3/ci/orders/test/log?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n");
	receive(fd, &got, "last\n");
	CHECK(strstr(strbuf_cstr(&got), "first\n"), "from the beginning");
	/* its result comes while it is followed */
	struct event ev = {.kind = EV_JOB_ENDED,
			   .job = xstrdup("run-3/ci/orders/test"),
			   .count = 1,
			   .log = xstrdup(log_digest)};
	struct event *kept = xcalloc(1, sizeof(ev));
	*kept = ev;
	loop_post(loop, give_event, kept);
	receive(fd, &got, "\r\n0\r\n\r\n");
	CHECK(strstr(strbuf_cstr(&got), "\r\n0\r\n\r\n"), "ends with the job");
	close(fd);
}

static void a_log_is_followed(void **state)
{
	(void)state;
	start_job();
	beside(log_client);
}

#define FAILED_LOG WIRE_JOBS "/run-1/ci/orders/test/log"

static void look_client(void)
{
	static const struct {
		const char *query, *has, *has_not;
	} cases[] = {
		{"", "what failed\nand why\n", NULL},
		{"?from=5", "failed\nand why\n", "what"},
		{"?tail=1", "and why\n", "failed"},
		{"?tail=9", "what failed\n", NULL},
		{"?format=json",
		 "{\"n\":1,\"text\":\"what failed\"}\n{\"n\":2,\"text\":\"and why\"}\n", NULL},
		{"?format=json&tail=1", "{\"n\":2,\"text\":\"and why\"}", "failed"},
		{"?format=json&from=12", "{\"n\":2,\"text\":\"and why\"}", "failed"},
		{"?search=why",
		 "{\"matches\":[{\"n\":2,\"text\":\"and why\"}],\"lines\":2,\"truncated\":false}",
		 NULL},
		{"?search=/F.IL/i", "{\"n\":1,\"text\":\"what failed\"}", "why"},
		{"?search=/^what/", "what failed", "why"},
		{"?search=nothing", "\"matches\":[],\"lines\":2", NULL},
		{"?search=/(a{1,200}){1,200}/", "it repeats too often", NULL},
		{"?search=/(a)%5C1/", "it refers back", NULL},
		{"?search=/(/", "the expression /(/", NULL},
		{"?search=a&follow=1", "leave ?follow= out", NULL},
		{"?format=xml", "takes raw, text or json", NULL},
		{"?step=build", "200 OK", "what"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(freep) char *line = xasprintf("GET " FAILED_LOG "%s", cases[i].query);
		AUTO(freep) char *answer = request(line, "");
		if (!strstr(answer, cases[i].has))
			fail_msg("%s: no <%s> in <%s>", cases[i].query, cases[i].has, answer);
		CHECK(!cases[i].has_not || !strstr(answer, cases[i].has_not), answer);
	}
}

/* RFC 9110, 14: of a kept log, and of one that is written still, whose length nobody knows. */
static void range_client(void)
{
	static const struct {
		const char *job, *range;
		int status;
		const char *has, *has_not;
	} cases[] = {
		{FAILED_LOG, "bytes=5-10", 206, "\nContent-Range: bytes 5-10/20\r\n", "what"},
		{FAILED_LOG, "bytes=5-999", 206, "\nContent-Range: bytes 5-19/20\r\n", "what"},
		{FAILED_LOG, "bytes=5-", 206, "\nContent-Range: bytes 5-19/20\r\n", "what"},
		{FAILED_LOG, "bytes=-3", 206, "\nContent-Range: bytes 17-19/20\r\n", "failed"},
		{FAILED_LOG, "bytes=-999", 206, "\nContent-Range: bytes 0-19/20\r\n", NULL},
		{FAILED_LOG, "bytes=20-", 416, "\nContent-Range: bytes */20\r\n", "what"},
		{FAILED_LOG, "bytes=20-30", 416, "has 20 bytes", NULL},
		{FAILED_LOG, "bytes=-0", 416, "\nContent-Range: bytes */20\r\n", NULL},
		{FAILED_LOG, "bytes=9-5", 200, "what", "Content-Range"},
		{FAILED_LOG, "bytes=-", 200, "what", "Content-Range"},
		{FAILED_LOG, "lines=1-2", 200, "what", "Content-Range"},
		{WIRE_JOBS "/run-3/ci/orders/test/log", "bytes=999-", 200, "text/plain",
		 "Content-Range"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(freep)
		char *line = xasprintf(
			"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nRange: %s\r\n\r\n",
			cases[i].job, cases[i].range);
		AUTO(freep) char *status = xasprintf("HTTP/1.1 %d ", cases[i].status);
		AUTO(freep) char *answer = ask(dial_unix(socket_path), line);

		if (!str_starts(str_of(answer), status) || !strstr(answer, cases[i].has) ||
		    (cases[i].has_not && strstr(answer, cases[i].has_not)))
			fail_msg("%s: %s", cases[i].range, answer);
	}
}

static void a_log_is_read_by_ranges(void **state)
{
	(void)state;
	start_job();
	beside(range_client);
}

static void a_log_is_looked_into(void **state)
{
	(void)state;
	beside(look_client);
}

enum { CROWD = 200 };

/* All of them see all of it, and the end. */
static void crowd_client(void)
{
	int fds[CROWD];

	for (int i = 0; i < CROWD; i++) {
		fds[i] = dial_unix(socket_path);
		send_text(fds[i], "GET " WIRE_JOBS
				  "/run-3/ci/orders/test/log?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n");
	}
	for (int i = 0; i < CROWD; i++) {
		AUTO(strbuf_done) struct strbuf got = STRBUF(65536);
		receive(fds[i], &got, "last\n");
		CHECK(strstr(strbuf_cstr(&got), "first\n"), "from the beginning");
	}
	struct event *ev = xcalloc(1, sizeof(*ev));
	*ev = (struct event){.kind = EV_JOB_ENDED,
			     .job = xstrdup("run-3/ci/orders/test"),
			     .count = 1,
			     .log = xstrdup(log_digest)};
	loop_post(loop, give_event, ev);
	for (int i = 0; i < CROWD; i++) {
		AUTO(strbuf_done) struct strbuf got = STRBUF(65536);
		receive(fds[i], &got, "0\r\n\r\n");
		CHECK(strstr(strbuf_cstr(&got), "0\r\n\r\n"), "ends with the job");
		close(fds[i]);
	}
}

static void a_crowd_follows_one_log(void **state)
{
	(void)state;
	start_job();
	beside(crowd_client);
}

static void journal_client(void)
{
	AUTO(strbuf_done) struct strbuf got = STRBUF(1 << 20), events = STRBUF(1 << 20);
	int fd = dial_unix(socket_path), sse = dial_unix(socket_path);

	send_text(fd, "GET " WIRE_JOURNAL "?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n");
	send_text(
		sse,
		"GET " WIRE_JOURNAL
		"?follow=1&limit=2 HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nLast-Event-ID: 1\r\n\r\n");
	receive(fd, &got, "\"seq\":1");
	for (int i = 0; i < 5; i++) {
		AUTO(freep)
		char *answer = request("POST " WIRE_ENVIRONMENTS "/production/holds", "{}");
		CHECK(strstr(answer, "\"ok\":true"), "hold");
	}
	receive(fd, &got, "\"seq\":6");
	const char *at = strbuf_cstr(&got);
	for (int i = 1; i <= 6; i++) {
		AUTO(freep) char *want = xasprintf("{\"seq\":%d,", i);
		at = strstr(at, want);
		CHECK(at, want);
	}
	receive(sse, &events, "\r\n0\r\n\r\n");
	CHECK(strstr(strbuf_cstr(&events), "id: 2\nevent: record\ndata: {\"seq\":2"), "events");
	CHECK(!strstr(strbuf_cstr(&events), "id: 1\n"), "not again");
	CHECK(!strstr(strbuf_cstr(&events), "id: 4\n"), "no more than asked for");
	close(fd);
	close(sse);
}

static void the_journal_is_followed(void **state)
{
	(void)state;
	beside(journal_client);
}

/* The status says a record before it is durable and told; who has that one is not given it again. */
static void resume_client(void)
{
	for (int i = 0; i < 60; i++) {
		AUTO(strbuf_done) struct strbuf posted = STRBUF(65536), events = STRBUF(1 << 20);
		int post = dial_unix(socket_path), sse = dial_unix(socket_path);

		send_text(post,
			  "POST " WIRE_ENVIRONMENTS "/production/holds HTTP/1.1\r\nHost: x\r\n"
			  "Content-Length: 2\r\n\r\n{}");
		AUTO(freep) char *status = request("GET " WIRE_STATUS, "");
		const char *at = strstr(status, "\"seq\":");
		assert_non_null(at);
		unsigned long long seq = strtoull(at + 6, NULL, 10);
		AUTO(freep)
		char *ask_from = xasprintf(
			"GET " WIRE_EVENTS
			" HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nLast-Event-ID: %llu\r\n\r\n",
			seq);
		send_text(sse, ask_from);
		receive(sse, &events, ": connected");
		receive(post, &posted, "\"ok\":true");
		AUTO(freep)
		char *answer = request("POST " WIRE_ENVIRONMENTS "/production/holds", "{}");
		CHECK(strstr(answer, "\"ok\":true"), "hold");
		receive(sse, &events, "id: ");
		receive(sse, &events, "\nevent");
		unsigned long long id =
			strtoull(strstr(strbuf_cstr(&events), "id: ") + 4, NULL, 10);
		if (id != seq + 1)
			fail_msg("round %d: had %llu, was given %llu", i, seq, id);
		close(post);
		close(sse);
	}
}

static void a_record_is_given_once(void **state)
{
	(void)state;
	beside(resume_client);
}

static char *exported;

static enum rc keep_line(void *ctx, struct str line, struct err *err)
{
	(void)ctx;
	(void)err;
	if (str_starts(line, TRAILER_START))
		return RC_OK;
	xfree(exported);
	exported = xstrndup(line.p, line.n);
	return RC_OK;
}

static void export_client(void)
{
	AUTO(freep) char *answer = request("GET " WIRE_JOURNAL, "");

	CHECK(strstr(answer, exported), "the very bytes of the export");
}

static void the_journal_reads_as_an_export(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(store_export(world.store, keep_line, NULL, &err), RC_OK);
	beside(export_client);
	xfree(exported);
}

static void stalled_client(void)
{
	AUTO(freep)
	char *first =
		request("POST " WIRE_ENVIRONMENTS "/production/holds", "{\"reason\":\"late\"}");
	CHECK(strstr(first, "HTTP/1.1 200"), "answered once it is written");
}

static void full_client(void)
{
	for (int i = 0; i < 6000; i++) {
		AUTO(freep) char *ready = request("GET " WIRE_READYZ, "");

		if (strstr(ready, "HTTP/1.1 503")) {
			CHECK(strstr(ready, "the journal cannot be written"), "says why");
			AUTO(freep)
			char *refused =
				request("POST " WIRE_ENVIRONMENTS "/production/holds", "{}");
			CHECK(strstr(refused, "HTTP/1.1 503"), "nothing is taken");
			AUTO(freep) char *status = request("GET " WIRE_STATUS, "");
			CHECK(strstr(status, "\"ready\":false"), "status says so");
			store_memory_fail(world.store, 0, RC_OK);
			return;
		}
		clock_sleep(10 * USEC_MS);
	}
	fail_msg("readyz never said so");
}

static void *other_client(void *arg)
{
	(void)arg;
	stalled_client();
	return NULL;
}

static void both_clients(void)
{
	pthread_t thread;

	store_memory_fail(world.store, 0, RC_NO_SPACE);
	assert_int_equal(pthread_create(&thread, NULL, other_client, NULL), 0);
	full_client();
	pthread_join(thread, NULL);
}

static void a_full_disk_is_said(void **state)
{
	(void)state;
	beside(both_clients);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		CASE(every_path_answers),
		CASE(tcp_wants_a_token),
		CASE(a_log_is_followed),
		CASE(a_log_is_looked_into),
		CASE(a_log_is_read_by_ranges),
		CASE(a_crowd_follows_one_log),
		CASE(the_journal_is_followed),
		CASE(a_record_is_given_once),
		CASE(the_journal_reads_as_an_export),
		CASE(a_full_disk_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
