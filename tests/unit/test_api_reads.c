/* What is read beside lists: curves, the graph, environments, what a release changes, incidents with their runbooks, search. */
#include "reads_kit.h"

static const struct path paths[] = {
	/* curves */
	{"curves", "GET " WIRE_ROLLOUTS "/ro-2/curves", 200, "\"state\":\"aborted\",\"seconds\":1",
	 NULL},
	{"planned in words", "GET " WIRE_ROLLOUTS "/ro-2/curves", 200,
	 "\"text\":\"planned: 0123456789ab\",\"seq\":2", NULL},
	{"the verdict in words", "GET " WIRE_ROLLOUTS "/ro-2/curves", 200,
	 "the verdict failed it: errors, evidence ", NULL},
	{"zero in words", "GET " WIRE_ROLLOUTS "/ro-2/curves", 200,
	 "0 % confirmed at the data plane, 250 ms after the decision", NULL},
	{"a refusal in words", "GET " WIRE_ROLLOUTS "/ro-2/curves", 200, "refused: it is aborted",
	 NULL},
	{"steps", "GET " WIRE_ROLLOUTS "/ro-2/curves", 200,
	 "\"steps\":[{\"share\":0.05,\"state\":\"stopped\",\"error_margin\":0.01,\"latency_ratio\":1.5},"
	 "{\"share\":0.5,\"state\":\"left_out\",\"error_margin\":0.0025,\"latency_ratio\":1.25}",
	 NULL},
	{"one that was never watched", "GET " WIRE_ROLLOUTS "/ro-1/curves", 200,
	 "\"t\":[],\"step\":[],\"weight\":[],\"canary\":{\"n\":[]", NULL},
	{"of nothing", "GET " WIRE_ROLLOUTS "/ro-9/curves", 404, "there is no rollout ro-9", NULL},
	/* the graph */
	{"a service", "GET " WIRE_GRAPH, 200,
	 "{\"id\":\"orders\",\"kind\":\"service\",\"repo\":\"shop\",\"path\":\"services/orders\",\"level\":2",
	 NULL},
	{"a library", "GET " WIRE_GRAPH, 200, "{\"id\":\"shared\",\"kind\":\"library\"", NULL},
	{"live", "GET " WIRE_GRAPH, 200,
	 "{\"environment\":\"production\",\"image\":\"" IMAGE_A "\",\"release\":\"rel-1\"", NULL},
	{"wanted", "GET " WIRE_GRAPH, 200, "\"wanted\":2,\"ready\":0", NULL},
	{"an interface", "GET " WIRE_GRAPH, 200,
	 "{\"from\":\"orders\",\"to\":\"payments\",\"kind\":\"consumes\",\"interface\":\"payments-api\"}",
	 NULL},
	{"levels", "GET " WIRE_GRAPH, 200, "\"levels\":3", NULL},
	/* environments */
	{"what was live", "GET " WIRE_ENVIRONMENTS "/production/history", 200,
	 "{\"rollout\":\"ro-1\",\"unit\":\"orders\",\"image\":\"" IMAGE_A
	 "\",\"previous\":\"" IMAGE_C "\",\"release\":\"rel-1\",\"since\":1700003600000000,\"live\":true",
	 "ro-2"},
	{"who let it", "GET " WIRE_ENVIRONMENTS "/production/history", 200,
	 "\"approved_by\":[\"user:bob\"]", NULL},
	{"of another service", "GET " WIRE_ENVIRONMENTS "/production/history?unit=cart", 200,
	 "\"history\":[]", NULL},
	{"history of nothing", "GET " WIRE_ENVIRONMENTS "/moon/history", 404, "no environment moon",
	 NULL},
	{"a wrong cursor", "GET " WIRE_ENVIRONMENTS "/production/history?cursor=x", 400,
	 "?cursor=", NULL},
	{"compared", "GET " WIRE_ENVIRONMENTS "/staging/compare?with=production", 200,
	 "\"ahead\":2,\"behind\":0", NULL},
	{"with its commits", "GET " WIRE_ENVIRONMENTS "/staging/compare?with=production", 200,
	 "\"subject\":\"Sell more\"", "much more"},
	{"the same", "GET " WIRE_ENVIRONMENTS "/staging/compare?with=staging", 200, "\"same\":true",
	 "\"commits\""},
	{"with what?", "GET " WIRE_ENVIRONMENTS "/staging/compare", 400, "?with=", NULL},
	{"with nothing", "GET " WIRE_ENVIRONMENTS "/staging/compare?with=moon", 404, "moon", NULL},
	{"drift", "GET " WIRE_ENVIRONMENTS "/production/drift", 200,
	 "\"live\":\"" IMAGE_A "\",\"drift\":true", NULL},
	{"the week's calendar",
	 "GET " WIRE_ENVIRONMENTS "/production/windows?from=1700000000000000&to=1700500000000000",
	 200,
	 "\"intervals\":[{\"from\":1700000000000000,\"to\":1700236800000000,\"denied\":false},"
	 "{\"from\":1700236800000000,\"to\":1700467200000000,\"denied\":true,\"why\":\"inside the window Fri 16:00 - Mon 08:00 (UTC)\"},"
	 "{\"from\":1700467200000000,\"to\":1700500000000000,\"denied\":false}]",
	 NULL},
	{"holds beside it", "GET " WIRE_ENVIRONMENTS "/production/windows", 200,
	 "\"id\":\"hold-1\",\"unit\":\"orders\"", NULL},
	{"no gate before it",
	 "GET " WIRE_ENVIRONMENTS "/staging/windows?from=1700000000000000&to=1700500000000000", 200,
	 "\"intervals\":[{\"from\":1700000000000000,\"to\":1700500000000000,\"denied\":false}]",
	 NULL},
	{"too long",
	 "GET " WIRE_ENVIRONMENTS "/staging/windows?from=1700000000000000&to=1800000000000000", 400,
	 "at most 92 days", NULL},
	/* releases */
	{"what it changes", "GET " WIRE_RELEASES "/rel-2/diff", 200,
	 "\"environment\":\"production\",\"with\":\"now\",\"units\":[\"orders\"],\"items\":[{\"unit\":\"orders\",\"image\":\"" IMAGE_B
	 "\",\"with\":\"now\",\"same\":false,\"was\":{\"image\":\"" IMAGE_A "\"",
	 NULL},
	{"its files", "GET " WIRE_RELEASES "/rel-2/diff", 200,
	 "\"files\":[{\"path\":\"services/orders/extra.c\",\"change\":\"added\"},{\"path\":\"services/orders/main.c\",\"change\":\"changed\"}]",
	 NULL},
	{"its configuration", "GET " WIRE_RELEASES "/rel-2/diff", 200,
	 "\"same\":false,\"diff\":\"@@ -1,3 +1,3 @@\\n a\\n-b\\n+B\\n c\\n\"", NULL},
	{"its plan", "GET " WIRE_RELEASES "/rel-2/diff", 200, "\"plan\":{\"hash\":\"", NULL},
	{"where it is", "GET " WIRE_RELEASES "/rel-2/diff?environment=staging", 200,
	 "\"same\":true,\"live\":true,\"was\"", "\"commits\""},
	{"one that is live: what it replaced", "GET " WIRE_RELEASES "/rel-1/diff", 200,
	 "\"environment\":\"production\",\"with\":\"before\",\"units\":[],\"items\":[{\"unit\":\"orders\",\"image\":\"" IMAGE_A
	 "\",\"with\":\"before\",\"same\":false,\"live\":true,\"was\":{\"image\":\"" IMAGE_C "\"}",
	 NULL},
	{"or what runs there now", "GET " WIRE_RELEASES "/rel-1/diff?with=now", 200,
	 "\"with\":\"now\",\"same\":true,\"live\":true,\"was\":{\"image\":\"" IMAGE_A
	 "\",\"release\":\"rel-1\"",
	 "before"},
	{"one that ended: by whom what it replaced was brought", "GET " WIRE_RELEASES "/rel-3/diff",
	 200,
	 "\"with\":\"before\",\"same\":false,\"was\":{\"image\":\"" IMAGE_A
	 "\",\"release\":\"rel-1\",\"commit\":\"",
	 "\"live\":true"},
	{"its commits", "GET " WIRE_RELEASES "/rel-3/diff?with=before", 200,
	 "\"subject\":\"Sell more\"", "Sell all"},
	{"the plan that was executed", "GET " WIRE_RELEASES "/rel-3/diff", 200,
	 "\"plan\":{\"rollout\":\"ro-3\",\"hash\":\"f00d\"}", NULL},
	{"what was there already", "GET " WIRE_RELEASES "/rel-3/diff", 200,
	 "{\"unit\":\"payments\",\"image\":\"" IMAGE_A
	 "\",\"with\":\"before\",\"same\":true,\"was\":{\"image\":\"" IMAGE_A "\"}",
	 NULL},
	{"with what?", "GET " WIRE_RELEASES "/rel-3/diff?with=moon", 400, "now or before", NULL},
	{"diff of nothing", "GET " WIRE_RELEASES "/rel-9/diff", 404, "there is no release rel-9",
	 NULL},
	{"verified now", "GET " WIRE_RELEASES "/rel-2/evidence?verify=1", 200,
	 "\"verified\":{\"ok\":true}", NULL},
	{"of another image", "GET " WIRE_RELEASES "/rel-2/evidence?verify=1", 200,
	 "\"verified\":{\"ok\":false,\"why\":\"", NULL},
	{"not asked for", "GET " WIRE_RELEASES "/rel-2/evidence", 200, "\"signer\":", "verified"},
	/* incidents */
	{"deploys around it", "GET " WIRE_INCIDENTS "/inc-1", 200,
	 "\"deploys\":[{\"rollout\":\"ro-1\"", NULL},
	{"the suspect", "GET " WIRE_INCIDENTS "/inc-1", 200,
	 "\"rollout\":\"ro-2\",\"unit\":\"orders\",\"image\":\"" IMAGE_B
	 "\",\"state\":\"aborted\",\"at\":1700007200000000,\"ended_at\":1700007320000000,\"suspect\":true",
	 NULL},
	{"no incident", "GET " WIRE_INCIDENTS "/inc-9", 404, "there is no incident inc-9", NULL},
	{"a post-mortem", "GET " WIRE_INCIDENTS "/inc-1/postmortem", 200,
	 "# Post-mortem of inc-1: orders in production: \\*errors\\*", NULL},
	{"is Markdown", "GET " WIRE_INCIDENTS "/inc-1/postmortem", 200,
	 "Content-Type: text/markdown", NULL},
	{"its impact", "GET " WIRE_INCIDENTS "/inc-1/postmortem", 200,
	 "| Requests that the new version answered badly | 500 of 1000 |", NULL},
	{"its length", "GET " WIRE_INCIDENTS "/inc-1/postmortem", 200,
	 "| From the decision to no traffic, confirmed | 250 ms |", NULL},
	{"its timeline", "GET " WIRE_INCIDENTS "/inc-1/postmortem", 200,
	 "| 2023-11-15T00:14:20Z | engine | it \\<hurts\\> | |", NULL},
	{"deploys beside it", "GET " WIRE_INCIDENTS "/inc-1/postmortem", 200,
	 "| 2023-11-15T00:13:20Z | engine | | ro-2 began: orders of no release |", NULL},
	{"no table is broken", "GET " WIRE_INCIDENTS "/inc-1/postmortem", 200, "errors \\| 50 %",
	 NULL},
	{"room for people", "GET " WIRE_INCIDENTS "/inc-1/postmortem", 200, "## Why it happened",
	 NULL},
	{"of nothing", "GET " WIRE_INCIDENTS "/inc-9/postmortem", 404, "no incident inc-9", NULL},
	{"a runbook", "GET " WIRE_INCIDENTS "/inc-1/runbook", 200,
	 "{\"incident\":\"inc-1\",\"path\":\"services/orders/main.c\",\"repo\":\"shop\",\"commit\":\"",
	 "problem"},
	{"its text", "GET " WIRE_INCIDENTS "/inc-1/runbook", 200, "\",\"text\":\"2\"}", NULL},
	{"one that is not in the commit", "GET " WIRE_INCIDENTS "/inc-2/runbook", 200,
	 "\"path\":\"docs/none.md\",\"repo\":\"shop\"", "\"text\":"},
	{"says why", "GET " WIRE_INCIDENTS "/inc-2/runbook", 200, "\"problem\":\"", NULL},
	{"one elsewhere", "GET " WIRE_INCIDENTS "/inc-3/runbook", 200,
	 "{\"incident\":\"inc-3\",\"path\":\"https://wiki.example/orders\"}", NULL},
	{"a runbook of nothing", "GET " WIRE_INCIDENTS "/inc-9/runbook", 404,
	 "there is no incident inc-9", NULL},
	/* search */
	{"an id", "GET " WIRE_SEARCH "?q=RUN-2", 200,
	 "\"hits\":[{\"kind\":\"run\",\"id\":\"run-2\",\"title\":\"Sell all of the Cart\",\"state\":\"passed\"",
	 NULL},
	{"a number", "GET " WIRE_SEARCH "?q=%232", 200, "\"id\":\"ro-2\"", "ro-1"},
	{"a subject", "GET " WIRE_SEARCH "?q=the%20cart", 200, "\"id\":\"rel-2\"", "rel-1"},
	{"a branch", "GET " WIRE_SEARCH "?q=cart", 200,
	 "{\"kind\":\"branch\",\"id\":\"main-cart\",\"title\":\"shop\"}", NULL},
	{"a service", "GET " WIRE_SEARCH "?q=paym", 200,
	 "{\"kind\":\"service\",\"id\":\"payments\"", NULL},
	{"an environment", "GET " WIRE_SEARCH "?q=prod", 200,
	 "{\"kind\":\"environment\",\"id\":\"production\"}", NULL},
	{"a title", "GET " WIRE_SEARCH "?q=errors", 200, "\"id\":\"inc-1\"", NULL},
	{"nothing", "GET " WIRE_SEARCH "?q=zebra", 200, "\"hits\":[]", NULL},
	{"for nothing", "GET " WIRE_SEARCH, 400, "?q=", NULL},
	/* doctor */
	{"the machine", "GET " WIRE_DOCTOR, 200,
	 "{\"check\":\"disk\",\"state\":\"missing\",\"says\":\"full\",\"fix\":\"make room\"}],\"ok\":false",
	 NULL},
	{"the journal", "GET " WIRE_DOCTOR, 200,
	 "{\"check\":\"journal\",\"state\":\"ok\",\"says\":\"it takes events\"}", NULL},
	{"its end", "GET " WIRE_DOCTOR, 200, "\"journal\":{\"seq\":106,", NULL},
	/* settings */
	{"names of secrets, in order, and who gets them", "GET " WIRE_SECRETS, 200,
	 "{\"secrets\":[{\"name\":\"DB_PASSWORD\",\"used_by\":[{\"repo\":\"shop\",\"unit\":\"orders\",\"as\":\"DB\"}]},"
	 "{\"name\":\"NOBODY_WROTE\",\"missing\":true,\"used_by\":[{\"repo\":\"shop\",\"unit\":\"orders\",\"as\":\"KEY\"}]},"
	 "{\"name\":\"old\"}]}",
	 "the value"},
	{"who is told, without the address", "GET " WIRE_NOTIFIERS, 200,
	 "{\"notifiers\":[{\"repo\":\"shop\",\"name\":\"oncall\",\"kind\":\"webhook\",\"host\":\"hooks.example:8443\",\"page\":true},"
	 "{\"repo\":\"shop\",\"name\":\"log\",\"kind\":\"log\"}]}",
	 "T0"},
	{"what the daemon runs with", "GET " WIRE_SETTINGS, 200,
	 "\"settings\":[{\"name\":\"keep-max\",\"value\":\"10 GiB\",\"help\":\"of kept folders\"}]",
	 NULL},
};

static void commit_client(void)
{
	AUTO(freep) char *line = xasprintf("GET " WIRE_SEARCH "?q=%.7s", commits[2]);
	AUTO(freep) char *answer = request(line, "");

	CHECK(strstr(answer, "\"id\":\"run-2\"") && strstr(answer, "\"id\":\"rel-2\""), answer);
}

static void reads_client(void)
{
	check_paths(paths, ARRAY_LEN(paths));
	commit_client();
}

static void each_says_what_it_should(void **state)
{
	(void)state;
	beside(reads_client);
}

/* All columns have a value a point. */
static void curves_client(void)
{
	static const char *const columns[][2] = {
		{"step", NULL},          {"weight", NULL},
		{"canary", "n"},         {"canary", "error_rate"},
		{"stable", "over_p99"},  {"verdict", "answer"},
		{"verdict", "evidence"}, {"verdict", "wanted"},
		{"difference", "low"},   {"difference", "estimate"},
		{"difference", "margin"}};
	static const char *const deep[][3] = {{"over_difference", "p50", "low"},
					      {"over_difference", "p99", "margin"},
					      {"latency", "p95", "stable"},
					      {"latency", "p99", "canary"}};
	struct json *j = get_json("GET " WIRE_ROLLOUTS "/ro-2/curves");

	assert_int_equal(json_count(json_get(j, "t")), 50);
	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		const struct json *at = json_get(j, columns[i][0]);

		at = columns[i][1] ? json_get(at, columns[i][1]) : at;
		CHECK(json_count(at) == 50, columns[i][0]);
	}
	for (size_t i = 0; i < ARRAY_LEN(deep); i++)
		CHECK(json_count(json_get(json_get(json_get(j, deep[i][0]), deep[i][1]),
					  deep[i][2])) == 50,
		      deep[i][2]);
	assert_int_equal(json_int(json_at(json_get(json_get(j, "canary"), "errors"), 49), 0), 10);
	j = (json_free(j), get_json("GET " WIRE_ROLLOUTS "/ro-1/curves"));
	assert_null(json_get(j, "latency")); /* nobody wrote what it was */
	json_free(j);
}

static void curves_are_columns(void **state)
{
	(void)state;
	beside(curves_client);
}

static void check_curves(size_t points, size_t decisions)
{
	struct json *j = get_json("GET " WIRE_ROLLOUTS "/ro-2/curves");

	assert_int_equal(json_count(json_get(j, "t")), points);
	assert_int_equal(json_count(json_get(j, "decisions")), decisions);
	json_free(j);
}

static void *one_of_many(void *arg)
{
	(void)arg;
	check_curves(51, 7);
	return NULL;
}

/* What was read is kept, and only what is new is read: it says the same as one that is read from the beginning, also to many at a time. */
static void read_on_client(void)
{
	pthread_t many[12];
	struct record last = {0};
	struct err err = {0};
	bool any = false;

	assert_int_equal(store_last(world.store, &last, &any, &err), RC_OK);
	kit_seq = last.seq; /* the engine has begun */
	kit_head = last.hash;
	check_curves(50, 6);
	check_curves(50, 6);
	kit_record(
		world.store, T0 + 3 * USEC_HOUR, "engine", "ro-2", "watch.facts",
		"{\"rollout\":\"ro-2\",\"window\":{\"second\":1700007260,\"instances\":[{\"id\":1,\"n\":100}]}}");
	kit_record(world.store, T0 + 4 * USEC_HOUR, "user:bob", "ro-2", "person.refused",
		   "{\"rollout\":\"ro-2\",\"error\":\"it is aborted\"}");
	check_curves(51, 7);
	for (unsigned i = 0; i < ARRAY_LEN(many); i++)
		assert_int_equal(pthread_create(&many[i], NULL, one_of_many, NULL), 0);
	for (unsigned i = 0; i < ARRAY_LEN(many); i++)
		pthread_join(many[i], NULL);
	for (unsigned i = 0; i < 20; i++) { /* other ones take its place */
		AUTO(freep) char *line = xasprintf("GET " WIRE_ROLLOUTS "/ro-%u/curves", 1000 + i);
		AUTO(freep) char *answer = request(line, "");

		assert_non_null(strstr(answer, "HTTP/1.1 404 "));
	}
	struct json *j = get_json("GET " WIRE_ROLLOUTS "/ro-1/curves");
	json_free(j);
	check_curves(51, 7);
}

static void curves_are_read_on(void **state)
{
	(void)state;
	beside(read_on_client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {KIT_CASE(each_says_what_it_should),
					   KIT_CASE(curves_are_columns),
					   KIT_CASE(curves_are_read_on)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
