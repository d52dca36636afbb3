/*
 * What anybody may send to the API: a path and a body, through the routes into the engine. No crash, exactly one answer a request, and a journal
 * whose chain holds.
 */
#include "api/api.h"
#include "api/wire.h"
#include "core/state.h"
#include "flow/1-source/adapters.h"
#include "flow/2-build/adapters.h"
#include "flow/3-artifact/adapters.h"
#include "flow/4-verify/adapters.h"
#include "flow/5-deploy/adapters_deploy.h"
#include "flow/5-deploy/desired_adapters.h"
#include "flow/6-watch/adapters_watch.h"
#include "io/httpd_impl.h"
#include "secrets/adapters.h"
#include "store/adapters.h"
#include "store/verify.h"

#define ROUNDS 2000 /* before the world is made anew */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- a runner that does everything at once, when it is told to; timers never ring ---- */

struct work {
	void (*fn)(void *), (*done)(void *);
	void *arg;
};
static VEC(struct work) queue;
static usec_t time_now = 1700000000 * USEC_SEC;

static usec_t now(struct runner *r)
{
	(void)r;
	return ++time_now;
}

static void work(struct runner *r, const char *lane, void (*fn)(void *), void (*done)(void *),
		 void *arg)
{
	(void)r;
	(void)lane;
	vec_push(&queue, ((struct work){fn, done, arg}));
}

static void timer(struct runner *r, usec_t at, void (*fn)(void *), void *arg)
{
	(void)r;
	(void)at;
	(void)fn;
	(void)arg;
}

static void watch(struct runner *r, int fd, void (*fn)(void *), void *arg)
{
	(void)r;
	(void)fd;
	(void)fn;
	(void)arg;
}

static const struct runner_ops runner_ops = {"fuzz", now, work, timer, watch};
static struct runner runner = {&runner_ops};

static void settle(void)
{
	for (unsigned i = 0; queue.n && i < 1000; i++) {
		struct work w = queue.v[0];

		vec_remove(&queue, 0);
		w.fn(w.arg);
		if (w.done)
			w.done(w.arg);
	}
	BUG_ON(queue.n);
}

/* ---- the world ---- */

static struct world world;
static struct engine *engine;
static struct api *api;
static unsigned rounds;
static const char *const no_secrets[] = {NULL};

static void fill_store(struct store *store)
{
	static const char project[] =
		"{\"id\":\"project\",\"name\":\"shop\",\"slots\":2,\"runs\":1,\"releases\":1,\"incidents\":1}";
	static const char environment[] =
		"{\"id\":\"production\",\"stage\":\"production\",\"live\":[{\"unit\":\"orders\",\"image\":\"sha256:"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}]}";
	static const char run[] = "{\"id\":\"run-1\",\"state\":\"running\",\"jobs\":1,\"open\":1}";
	static const char incident[] = "{\"id\":\"inc-1\",\"title\":\"it burns\"}";
	struct record r = {.seq = 1,
			   .time = 1,
			   .actor = STR("git"),
			   .subject = STR("shop"),
			   .type = STR("source.ref_moved"),
			   .payload = STR("{}")};
	struct store_snapshot snapshots[] = {
		{STR("project"), STR("project"), str_of(project), false},
		{STR("environment"), STR("production"), str_of(environment), false},
		{STR("run"), STR("run-1"), str_of(run), false},
		{STR("incident"), STR("inc-1"), str_of(incident), false},
	};
	struct err err = {0};

	r.hash = chain_hash(&r);
	struct store_batch batch = {.records = &r,
				    .n_records = 1,
				    .snapshots = snapshots,
				    .n_snapshots = ARRAY_LEN(snapshots)};
	BUG_ON(store_commit(store, &batch, &err) != RC_OK);
}

static void open_world(void)
{
	struct engine_options eo = {.slots = 2, .version = "0"};
	struct err err = {0};

	world = (struct world){.runner = &runner,
			       .store = store_memory_new(),
			       .blobs = blobs_memory_new(),
			       .exec = exec_fake_new(),
			       .toolchain = "t"};
	world.pack = pack_fake_new(world.blobs);
	world.sign = sign_fake_new(world.blobs);
	BUG_ON(desired_fake_new(&world.desired, &err) != RC_OK);
	BUG_ON(runtime_fake_new(&world.runtime, &err) != RC_OK);
	BUG_ON(route_fake_new(&world.route, &err) != RC_OK);
	BUG_ON(scm_fake_new(&world.scm, &err) != RC_OK);
	BUG_ON(notify_fake_new(&world.notify, &err) != RC_OK);
	world.secret = secret_fake_new(no_secrets);
	fill_store(world.store);
	BUG_ON(engine_new(&world, &eo, &engine, &err) != RC_OK);
	api = api_new(&(struct api_options){.engine = engine, .version = "0"});
}

static void close_world(void)
{
	struct store_report report;
	struct err err = {0};

	BUG_ON(store_verify(world.store, NULL, NULL, &report, &err) != RC_OK);
	api_free(api);
	engine_free(engine);
	exec_free(world.exec);
	pack_free(world.pack);
	sign_free(world.sign);
	desired_free(world.desired);
	runtime_free(world.runtime);
	route_free(world.route);
	scm_free(world.scm);
	notify_free(world.notify);
	secret_free(world.secret);
	blobs_free(world.blobs);
	store_free(world.store);
}

/* A request that nobody waits for: its answer frees it. */
static void ask(const char *method, struct str path, struct str body)
{
	struct request *r = xcalloc(1, sizeof(*r));

	*r = (struct request){.method = xstrdup(method),
			      .path = xstrndup(path.p, path.n),
			      .body = STRBUF(HTTPD_MAX_BODY),
			      .actor = xstrdup("user:fuzz")};
	strbuf_addstr(&r->body, body);
	api_handle(api, r);
	settle();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const char *method, *path;
	} fixed[] = {
		{"POST", WIRE_ENVIRONMENTS "/production/holds"},
		{"POST", WIRE_ENVIRONMENTS "/production/pins"},
		{"POST", WIRE_ENVIRONMENTS "/production/vetoes"},
		{"POST", WIRE_ENVIRONMENTS "/production/rollback"},
		{"POST", WIRE_RUNS "/run-1/abort"},
		{"POST", WIRE_RUNS "/run-1/rerun"},
		{"POST", WIRE_RELEASES "/rel-1/approve"},
		{"POST", WIRE_INCIDENTS "/inc-1/note"},
		{"POST", WIRE_INCIDENTS "/inc-1/close"},
		{"POST", WIRE_HOOK},
	};
	static const char *const methods[] = {"GET", "POST", "DELETE", "HEAD"};

	if (size < 1)
		return 0;
	if (rounds++ % ROUNDS == 0) {
		if (rounds > 1)
			close_world();
		open_world();
	}
	struct str rest = {(const char *)data + 1, size - 1};
	if (data[0] < 128) {
		ask(fixed[data[0] % ARRAY_LEN(fixed)].method,
		    str_of(fixed[data[0] % ARRAY_LEN(fixed)].path), rest);
		return 0;
	}
	struct str path = str_cut(&rest, '\n');
	ask(methods[data[0] % 4], path, rest.p ? rest : (struct str){"", 0});
	return 0;
}
