/* Orders whose answer, or whose record, tells more: a rerun names the run that came of it, lifting a mark takes a reason. */
#include "api_kit.h"

static const char yml[] = "version: 1\n"
			  "project: shop\n"
			  "services: {web: {path: services/web, port: 8080}}\n"
			  "ci: {test: {each: \"*\", run: make test}}\n";

static const char *commit, *broken, *old;

static const char *commit_of(const char *config, const char *ref)
{
	struct fake_file files[] = {{"services/web/main.c", STR("1"), 0, false},
				    {"penstock.yml", str_of(config), 0, false}};

	return scm_fake_commit(world.scm, "shop", ref,
			       &(struct fake_commit){.message = ref, .files = files, .n = 2});
}

/* A run that a start found ended: the store has it, the model has not. */
static void store_run(struct store *store, const char *id, const char *ref, const char *at)
{
	AUTO(freep)
	char *json = xasprintf("{\"id\":\"%s\",\"state\":\"failed\",\"change\":{\"repo\":\"shop\","
			       "\"ref\":\"%s\",\"commit\":\"%s\"}}",
			       id, ref, at);
	const struct store_snapshot snap = {STR("run"), str_of(id), str_of(json), true};
	const struct store_batch batch = {.snapshots = &snap, .n_snapshots = 1};
	struct err err = {0};

	if (store_commit(store, &batch, &err) != RC_OK)
		fail_msg("%s", err.msg);
}

static void fill_past(struct store *store)
{
	scm_fake_add(world.scm, "shop");
	old = commit_of("version: 1\nproject: shop\n", "refs/heads/main");
	commit = commit_of(yml, "refs/heads/main");
	broken = commit_of("version: 9\n", "refs/heads/broken");
	store_run(store, "run-0", "refs/heads/main", old);
}

static void add_run(struct model *m, const char *id, const char *ref, const char *at,
		    enum run_state state)
{
	struct run *run = model_add(m, AGG_RUN, id);

	*run = (struct run){.id = text(id),
			    .state = state,
			    .config = text("c0"),
			    .manual = 1, /* an ended one stays in memory then */
			    .ended_at = clock_wall()};
	run->change = (struct change){.repo = text("shop"), .ref = text(ref), .commit = text(at)};
}

static void fill_model(struct model *m)
{
	struct project *p = model_add(m, AGG_PROJECT, "project");
	struct config_ref *c = model_add(m, AGG_CONFIG, "c0");
	struct project_repo *src = model_add(m, AGG_SOURCE, "shop");
	struct err err = {0};

	*p = (struct project){.id = text("project"), .runs = 4, .config = text("c0")};
	c->id = text("c0");
	if (config_read(STR(yml), "penstock.yml", NULL, NULL, &c->config, &err) != RC_OK)
		fail_msg("%s", err.msg);
	*src = (struct project_repo){.id = text("shop"), .config = text("c0")};
	vec_push(&src->refs, ((struct repo_ref){.ref = text("refs/heads/broken"),
						.commit = text(broken),
						.run = text("run-2")}));
	vec_push(&src->refs, ((struct repo_ref){.ref = text("refs/heads/main"),
						.commit = text(commit),
						.run = text("run-1")}));
	struct environment *lab = model_add(m, AGG_ENVIRONMENT, "lab");
	*lab = (struct environment){.id = text("lab")};
	for (unsigned i = 7; i <= 8; i++)
		vec_push(&lab->holds,
			 ((struct hold){.id = xasprintf("hold-%u", i), .actor = text("user:ann")}));
	add_run(m, "run-1", "refs/heads/main", commit, RUN_FAILED);
	add_run(m, "run-2", "refs/heads/broken", broken, RUN_FAILED);
	add_run(m, "run-3", "refs/heads/gone", commit, RUN_FAILED); /* the branch is no more */
	add_run(m, "run-4", "refs/heads/main", commit, RUN_RUNNING);
}

static void rerun_client(void)
{
	AUTO(freep) char *done = request("POST " WIRE_RUNS "/run-1/rerun", "{\"reason\":\"x\"}");
	AUTO(freep) char *run = request("GET " WIRE_RUNS "/run-5", "");
	AUTO(freep) char *none = request("POST " WIRE_RUNS "/run-3/rerun", "");
	AUTO(freep) char *unread = request("POST " WIRE_RUNS "/run-2/rerun", "");
	AUTO(freep) char *busy = request("POST " WIRE_RUNS "/run-4/rerun", "");
	AUTO(freep) char *other = request("POST " WIRE_RUNS "/run-99/rerun", "");
	AUTO(freep) char *past = request("POST " WIRE_RUNS "/run-0/rerun", "");

	CHECK(strstr(done, "HTTP/1.1 200") && strstr(done, "\"run\":\"run-5\"") &&
		      strstr(done, "\nLocation: " WIRE_RUNS "/run-5\r\n"),
	      done);
	CHECK(strstr(run, "HTTP/1.1 200") && strstr(run, commit), run);
	CHECK(strstr(none, "\"ok\":true,\"seq\":") && !strstr(none, "\"run\"") &&
		      !strstr(none, "Location"),
	      none);
	CHECK(strstr(unread, "\"run\":\"run-6\",\"problem\":\"penstock.yml:1:"), unread);
	CHECK(strstr(busy, "HTTP/1.1 409"), busy);
	CHECK(strstr(other, "HTTP/1.1 404"), other);
	CHECK(strstr(past, "HTTP/1.1 200") && strstr(past, "\"run\":\"run-7\""), past);
}

static void the_answer_names_the_new_run(void **state)
{
	(void)state;
	engine_start(engine);
	beside(rerun_client);
}

/* ---- lifting says why ---- */

static void lift_client(void)
{
	AUTO(freep)
	char *lifted = request(
		"DELETE " WIRE_ENVIRONMENTS "/lab/holds/hold-7?reason=the%20sale%20is%20over", "");
	AUTO(freep) char *record = request("GET " WIRE_JOURNAL "?type=person.unhold", "");
	AUTO(freep) char *told = request("GET " WIRE_AUDIT "?type=person.unhold", "");
	AUTO(freep)
	char *wrong = request("DELETE " WIRE_ENVIRONMENTS "/lab/holds/hold-8?why=x", "");

	CHECK(strncmp(lifted, "HTTP/1.1 200", 12) == 0, lifted);
	CHECK(strstr(record, "the sale is over"), record);
	CHECK(strstr(told, "lifted hold-7 in lab: the sale is over"), told);
	CHECK(strncmp(wrong, "HTTP/1.1 400", 12) == 0, wrong);
}

static void lifting_says_why(void **state)
{
	(void)state;
	beside(lift_client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {KIT_CASE(the_answer_names_the_new_run),
					   KIT_CASE(lifting_says_why)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
