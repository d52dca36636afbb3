/* A run once more: the answer names the run that came of it. */
#include "api_kit.h"

static const char yml[] = "version: 1\n"
			  "project: shop\n"
			  "services: {web: {path: services/web, port: 8080}}\n"
			  "ci: {test: {each: \"*\", run: make test}}\n";

static const char *commit, *broken;

static const char *commit_of(const char *config, const char *ref)
{
	struct fake_file files[] = {{"services/web/main.c", STR("1"), 0, false},
				    {"penstock.yml", str_of(config), 0, false}};

	return scm_fake_commit(world.scm, "shop", ref,
			       &(struct fake_commit){.message = ref, .files = files, .n = 2});
}

static void fill_past(struct store *store)
{
	(void)store;
	scm_fake_add(world.scm, "shop");
	commit = commit_of(yml, "refs/heads/main");
	broken = commit_of("version: 9\n", "refs/heads/broken");
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
}

static void the_answer_names_the_new_run(void **state)
{
	(void)state;
	engine_start(engine);
	beside(rerun_client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {KIT_CASE(the_answer_names_the_new_run)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
