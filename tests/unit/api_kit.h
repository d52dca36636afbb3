/*
 * The API over a real engine, a store in memory and fakes, for tests of what it reads: a test fills a model, what ended is put into the store beside it, then
 * requests are asked through a socket from another thread.
 */
#pragma once
#include "httpd_kit.h"
#include "api/api.h"
#include "api/identity.h"
#include "api/wire.h"
#include "core/chain.h"
#include "core/state.h"
#include "engine/runner_loop.h"
#include "flow/2-build/adapters.h"
#include "flow/3-artifact/adapters.h"
#include "flow/4-verify/adapters.h"
#include "flow/5-deploy/adapters_deploy.h"
#include "flow/5-deploy/desired_adapters.h"
#include "flow/6-watch/adapters_watch.h"
#include "io/clock.h"
#include "io/files.h"
#include "flow/1-source/adapters.h"
#include "secrets/adapters.h"
#include "store/adapters.h"

#define IMAGE_A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define IMAGE_B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char folder[64], socket_path[96];
static struct loop *loop;
static struct world world;
static struct engine *engine;
static struct api *api;
static struct httpd *server;

static inline char *text(const char *s)
{
	return xstrdup(s);
}

/* What happened, as records that follow one another; payload is JSON. */
static UNUSED struct digest kit_head;
static UNUSED uint64_t kit_seq;

static UNUSED void kit_record(struct store *store, uint64_t time, const char *actor,
			      const char *subject, const char *type, const char *payload)
{
	struct record r = {.seq = kit_seq + 1,
			   .time = time,
			   .actor = str_of(actor),
			   .subject = str_of(subject),
			   .type = str_of(type),
			   .payload = str_of(payload),
			   .prev = kit_head};
	struct store_batch batch = {.records = &r, .n_records = 1};
	struct err err = {0};

	r.hash = chain_hash(&r);
	if (store_commit(store, &batch, &err) != RC_OK)
		fail_msg("%s", err.msg);
	kit_head = r.hash;
	kit_seq++;
}

/* A thing that ended and left the model. */
static UNUSED void kit_ended(struct store *store, enum aggregate_kind kind, const char *id,
			     const void *thing)
{
	AUTO(strbuf_done) struct strbuf json = STRBUF(1 << 20);
	struct json_out o = JSON_OUT(&json);
	struct err err = {0};

	shape_write(&o, NULL, aggregate_shapes[kind], thing);
	struct store_snapshot snap = {str_of(aggregate_kind_names[kind]), str_of(id),
				      strbuf_str(&json), true};
	struct store_batch batch = {.snapshots = &snap, .n_snapshots = 1};
	if (store_commit(store, &batch, &err) != RC_OK)
		fail_msg("%s", err.msg);
}

/* What a daemon before this one left: a snapshot of each aggregate. */
static UNUSED void fill_store(struct store *store, const struct model *m)
{
	VEC(struct store_snapshot) snapshots = {0};
	VEC(char *) jsons = {0};
	struct err err = {0};

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
	struct store_batch batch = {.snapshots = snapshots.v, .n_snapshots = snapshots.n};
	assert_int_equal(store_commit(store, &batch, &err), RC_OK);
	vec_each(j, &jsons)
		xfree(*j);
	vec_done(&jsons);
	vec_done(&snapshots);
}

/* of the test: what is in memory, and what only the store has */
static void fill_model(struct model *m);
static void fill_past(struct store *store);

static UNUSED void kit_machine(void *ctx,
			       void (*each)(void *to, const char *check, const char *state,
					    const char *says, const char *fix),
			       void *to)
{
	(void)ctx;
	each(to, "clock", "ok", "it goes", "");
	each(to, "disk", "missing", "full", "make room");
}

static UNUSED void kit_settings(void *ctx,
				void (*add)(void *to, const char *name, const char *value,
					    const char *help),
				void *to)
{
	(void)ctx;
	add(to, "keep-max", "10 GiB", "of kept folders");
}
static UNUSED const char *const kit_secrets[] = {"old", "the value", "DB_PASSWORD", "the value",
						 NULL};

static UNUSED const char *kit_address(void *ctx, const char *source)
{
	(void)ctx;
	return streq(source, "shop") ? "/srv/shop.git" : NULL;
}

/* Another store than the one in memory; NULL: that one. */
static UNUSED struct store *(*kit_store)(void);

static int open_world(void **state)
{
	struct err err = {0};
	struct model m;
	enum rc rc;

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test_reads_XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(socket_path, sizeof(socket_path), "%s/s.sock", folder);
	assert_int_equal(loop_new(&loop, &err), RC_OK);
	world = (struct world){.runner = runner_loop_new(loop),
			       .store = kit_store ? kit_store() : store_memory_new(),
			       .blobs = blobs_memory_new(),
			       .exec = exec_fake_new(),
			       .toolchain = "test"};
	world.pack = pack_fake_new(world.blobs);
	world.sign = sign_fake_new(world.blobs);
	rc = scm_fake_new(&world.scm, &err);
	assert_int_equal(rc, RC_OK);
	rc = desired_fake_new(&world.desired, &err);
	assert_int_equal(rc, RC_OK);
	rc = runtime_fake_new(&world.runtime, &err);
	assert_int_equal(rc, RC_OK);
	rc = route_fake_new(&world.route, &err);
	assert_int_equal(rc, RC_OK);
	rc = notify_fake_new(&world.notify, &err);
	assert_int_equal(rc, RC_OK);
	world.secret = secret_fake_new(kit_secrets);
	model_init(&m);
	kit_seq = 0;
	kit_head = (struct digest){{0}};
	fill_past(world.store);
	fill_model(&m);
	fill_store(world.store, &m);
	model_done(&m);
	struct engine_options eo = {.slots = 2, .version = "0"};
	rc = engine_new(&world, &eo, &engine, &err);
	if (rc != RC_OK)
		fail_msg("%s", err.msg);
	AUTO(freep) char *archives = xasprintf("%s/archive", folder);
	struct api_options ao = {.engine = engine,
				 .version = "0.test",
				 .address_of = kit_address,
				 .archives = archives,
				 .doctor = kit_machine,
				 .settings = kit_settings};
	api = api_new(&ao);
	struct httpd_options ho = {.socket = socket_path,
				   .any_port = true,
				   .identify = api_identify,
				   .identify_ctx = api,
				   .actor_rate = {UINT32_MAX, 1}, /* tests hurry */
				   .stranger_rate = {UINT32_MAX, 1},
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
	notify_free(world.notify);
	secret_free(world.secret);
	blobs_free(world.blobs);
	store_free(world.store);
	scm_free(world.scm);
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

struct path {
	const char *why, *line;
	int status;
	const char *has, *has_not;
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

/* Each answers with its status, is JSON where it says so, and holds what it must. */
static UNUSED void check_paths(const struct path *paths, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(freep) char *answer = request(paths[i].line, "");
		AUTO(freep) char *status = xasprintf("HTTP/1.1 %d ", paths[i].status);

		if (strncmp(answer, status, strlen(status)) != 0)
			fail_msg("%s: want %d: %.1500s", paths[i].why, paths[i].status, answer);
		check_json(paths[i].why, answer);
		if (paths[i].has && !strstr(answer, paths[i].has))
			fail_msg("%s: no <%s> in <%.6000s>", paths[i].why, paths[i].has, answer);
		if (paths[i].has_not && strstr(answer, paths[i].has_not))
			fail_msg("%s: <%s> is in <%.6000s>", paths[i].why, paths[i].has_not,
				 answer);
	}
}

/* The answer's body as JSON; the caller's. */
static UNUSED struct json *get_json(const char *line)
{
	AUTO(freep) char *answer = request(line, "");
	const char *body = strstr(answer, "\r\n\r\n");
	struct json *j = NULL;
	struct err err = {0};

	if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0 || !body ||
	    json_read(str_of(body + 4), (size_t)16 << 20, &j, &err) != RC_OK)
		fail_msg("%s: %.3000s", line, answer);
	return j;
}

#define KIT_CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
