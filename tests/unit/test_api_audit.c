/* The audit: its pages, its export and check, what is archived; and that each order of a person is journaled with who, where from, by what, before and after. */
#include "api_kit.h"
#include "api/api_impl.h"
#include "store/verify.h"

#define T0 (1700000000 * USEC_SEC)

static char *secret_id;

static void fill_past(struct store *store)
{
	kit_record(store, T0, "engine", "engine", "engine.started", "{\"text\":\"1.0\"}");
	for (unsigned n = 2; n <= 30; n++) {
		AUTO(freep)
		char *text = xasprintf("{\"job\":\"run-%u/ci/web/test\",\"exit\":%u}", n, n % 2);

		kit_record(store, T0 + n * USEC_MIN, "engine", "run-1", "job.ended", text);
	}
	kit_record(
		store, T0 + 31 * USEC_MIN, "user:ann", "rel-1", "person.approve",
		"{\"address\":\"10.0.0.7\",\"via\":\"tok-1\",\"changes\":[{\"subject\":\"rel-1\",\"field\":\"state\",\"before\":\"\\\"staged\\\"\",\"after\":\"\\\"gated\\\"\"}],\"release\":\"rel-1\",\"text\":\"Fine with ME\",\"ok\":true}");
	kit_record(
		store, T0 + 32 * USEC_MIN, "engine", "ro-1", "watch.facts",
		"{\"changes\":[{\"subject\":\"ro-1\",\"field\":\"state\",\"before\":\"\\\"baking\\\"\",\"after\":\"\\\"aborting\\\"\"}],\"rollout\":\"ro-1\"}");
	kit_record(store, T0 + 33 * USEC_MIN, "engine", "ro-1", "watch.facts",
		   "{\"rollout\":\"ro-1\"}");
}

static void fill_model(struct model *m)
{
	struct project *p = model_add(m, AGG_PROJECT, "project");
	char digest[DIGEST_HEX + 1];

	*p = (struct project){.id = text("project"), .name = text("shop"), .slots = 2};
	secret_hash(STR("of ann"), digest);
	secret_id = access_id("tok-", digest);
	struct token *t = model_add(m, AGG_TOKEN, secret_id);
	*t = (struct token){.id = text(secret_id),
			    .name = text("hers"),
			    .digest = text(digest),
			    .owner = text("user:ann"),
			    .role = ROLE_ADMIN,
			    .used_at = clock_wall()};
	struct user *u = model_add(m, AGG_USER, "ann");
	u->id = text("ann");
	struct grant *g = model_add(m, AGG_GRANT, "user:ann=admin");
	*g = (struct grant){
		.id = text("user:ann=admin"), .who = text("user:ann"), .role = ROLE_ADMIN};
	struct environment *env = model_add(m, AGG_ENVIRONMENT, "production");
	*env = (struct environment){.id = text("production"), .stage = STAGE_PRODUCTION};
	struct incident *i = model_add(m, AGG_INCIDENT, "inc-1");
	*i = (struct incident){
		.id = text("inc-1"), .title = text("errors"), .environment = text("production")};
	struct agent *a = model_add(m, AGG_AGENT, "one");
	*a = (struct agent){.id = text("one"), .cpu = 1000};
}

/* ---- pages ---- */

static const struct path pages[] = {
	{"the newest first", "GET " WIRE_AUDIT "?limit=2", 200, "{\"entries\":[{\"seq\":33,",
	 "\"seq\":31"},
	{"how to go on", "GET " WIRE_AUDIT "?limit=2", 200, "\"next\":\"31\"", "capped"},
	{"and on", "GET " WIRE_AUDIT "?limit=2&cursor=31", 200, "{\"entries\":[{\"seq\":31,",
	 "\"seq\":32"},
	{"the end has no next", "GET " WIRE_AUDIT "?limit=100", 200, "\"seq\":1,", "\"next\""},
	{"in a sentence", "GET " WIRE_AUDIT "?from=31&to=31", 200,
	 "\"actor\":\"user:ann\",\"address\":\"10.0.0.7\",\"via\":\"tok-1\",\"subject\":\"rel-1\",\"type\":\"person.approve\",\"summary\":\"ann approved rel-1: Fine with ME; rel-1 is gated\",\"decision\":true,\"changes\":[{\"subject\":\"rel-1\",\"field\":\"state\",\"before\":\"staged\",\"after\":\"gated\"}],\"payload\":{",
	 "\"seq\":30"},
	{"decisions of people and of the system", "GET " WIRE_AUDIT "?decisions=1", 200,
	 "\"summary\":\"Traffic of ro-1 was looked at; ro-1 is aborting\",\"decision\":true",
	 "\"seq\":33"},
	{"and nothing else", "GET " WIRE_AUDIT "?decisions=1", 200, "\"seq\":31", "job.ended"},
	{"by an actor", "GET " WIRE_AUDIT "?actor=user:*", 200, "\"seq\":31", "\"seq\":30"},
	{"by a subject", "GET " WIRE_AUDIT "?subject=ro-1", 200, "\"seq\":33", "\"seq\":31"},
	{"by the begin of one", "GET " WIRE_AUDIT "?subject=r*&limit=4", 200, "\"seq\":30",
	 "\"seq\":29"},
	{"by a type", "GET " WIRE_AUDIT "?type=engine.*", 200, "{\"entries\":[{\"seq\":1,",
	 "\"seq\":2,"},
	{"by a text, in any case", "GET " WIRE_AUDIT "?search=fine%20With%20me", 200, "\"seq\":31",
	 "\"seq\":30"},
	{"nothing has it", "GET " WIRE_AUDIT "?search=nowhere", 200,
	 "{\"entries\":[],\"scanned\":33}", NULL},
	{"since a time", "GET " WIRE_AUDIT "?since=1700001800000000&until=1700001860000000", 200,
	 "{\"entries\":[{\"seq\":30,", "\"seq\":31"},
	{"a wrong number", "GET " WIRE_AUDIT "?from=x", 400, "number", NULL},
	{"a wrong name", "GET " WIRE_AUDIT "?decision=1", 400, "did you mean", NULL},
	{"an export ends with a trailer", "GET " WIRE_AUDIT "/export", 200,
	 "{\"end\":true,\"from\":1,\"to\":33,\"records\":33,", NULL},
	{"as a file", "GET " WIRE_AUDIT "/export", 200,
	 "Content-Disposition: attachment; filename=\"penstock-audit.ndjson\"", NULL},
	{"of a part", "GET " WIRE_AUDIT "/export?from=5&to=7", 200,
	 "{\"end\":true,\"from\":5,\"to\":7,\"records\":3,", "\"seq\":8"},
	{"of a time", "GET " WIRE_AUDIT "/export?since=1700001800000000&until=1700001860000000",
	 200, "{\"end\":true,\"from\":30,\"to\":30,\"records\":1,", NULL},
	{"of nothing", "GET " WIRE_AUDIT "/export?from=99", 200,
	 "{\"end\":true,\"from\":0,\"to\":0,\"records\":0,", NULL},
	{"as CDEvents", "GET " WIRE_AUDIT "/export?format=cdevents", 200,
	 "\"type\":\"dev.cdevents.taskrun.finished.0.3.0\"", "\"end\""},
	{"a format that is none", "GET " WIRE_AUDIT "/export?format=xml", 400, "ndjson or cdevents",
	 NULL},
	{"the chain is checked", "GET " WIRE_AUDIT "/verify", 200,
	 "{\"ok\":true,\"checked\":33,\"total\":33,\"from\":1,\"to\":33,", NULL},
	{"a part of it", "GET " WIRE_AUDIT "/verify?from=30", 200, "{\"ok\":true,\"checked\":4,",
	 NULL},
};

static void pages_client(void)
{
	check_paths(pages, ARRAY_LEN(pages));
}

static void each_page_says_what_it_must(void **state)
{
	(void)state;
	beside(pages_client);
	xfree(secret_id);
}

/* ---- the export is the store's ---- */

static struct strbuf exported;
static struct digest hash_of_4;

static enum rc keep_line(void *ctx, struct str line, struct err *err)
{
	(void)ctx;
	(void)err;
	strbuf_addstr(&exported, line);
	return RC_OK;
}

/* Chunks put together. */
static char *unchunk(const char *answer)
{
	const char *at = strstr(answer, "\r\n\r\n") + 4;
	struct strbuf all = STRBUF(1 << 24);

	if (!strstr(answer, "chunked"))
		return xstrdup(at);
	for (unsigned long n; (n = strtoul(at, NULL, 16));) {
		at = strstr(at, "\r\n") + 2;
		strbuf_add(&all, at, n);
		at += n + 2;
	}
	return strbuf_take(&all);
}

static void export_client(void)
{
	AUTO(freep) char *answer = request("GET " WIRE_AUDIT "/export", "");
	AUTO(freep) char *body = unchunk(answer);

	assert_string_equal(body, strbuf_cstr(&exported));
}

static void the_export_is_that_of_the_store(void **state)
{
	struct err err = {0};

	(void)state;
	exported = STRBUF(1 << 24);
	assert_int_equal(store_export(world.store, keep_line, NULL, &err), RC_OK);
	beside(export_client);
	strbuf_done(&exported);
	xfree(secret_id);
}

/* ---- archived ---- */

static const struct path gone[] = {
	{"a record that left", "GET " WIRE_AUDIT "?from=3", 410,
	 "records up to 10 left the journal: record 3 is in an archive", NULL},
	{"a time that left", "GET " WIRE_AUDIT "?since=1700000060000000", 410, "not_found", NULL},
	{"what is left", "GET " WIRE_AUDIT "?limit=1000", 200, "\"archived\":10", "\"seq\":10,"},
	{"an export of it", "GET " WIRE_AUDIT "/export?from=10", 410, "record 10", NULL},
	{"an export of what is left", "GET " WIRE_AUDIT "/export", 200,
	 "{\"end\":true,\"from\":11,\"to\":33,\"records\":23,", NULL},
	{"the chain of what is left", "GET " WIRE_AUDIT "/verify", 200,
	 "{\"ok\":true,\"checked\":23,", NULL},
	{"the journal of it", "GET " WIRE_JOURNAL "?from=10", 410, "record 10", NULL},
	{"the journal of what is left", "GET " WIRE_JOURNAL "?limit=1", 200, "{\"seq\":11,", NULL},
	{"events of it", "GET " WIRE_EVENTS "?from=10", 410, "record 10", NULL},
};

static void gone_client(void)
{
	check_paths(gone, ARRAY_LEN(gone));
}

static void what_left_is_said_to_have_left(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(store_trim(world.store, 10, 100, &err), RC_OK);
	api_archived(api, 10, T0 + 10 * USEC_MIN);
	beside(gone_client);
	xfree(secret_id);
}

/* Two archives before the journal: checked with it, and who breaks one is found. */
static void put_archive(uint64_t from, uint64_t to, const char *actor)
{
	AUTO(freep)
	char *path = xasprintf("%s/archive/journal-%012llu-%012llu.ndjson.zst", folder,
			       (unsigned long long)from, (unsigned long long)to);
	struct seq_range range = {from, to};
	struct err err = {0};

	exported = STRBUF(1 << 24);
	assert_int_equal(store_export_range(world.store, &range, keep_line, NULL, NULL, &err),
			 RC_OK);
	char *at = actor ? strstr(strbuf_cstr(&exported), "\"actor\":\"engine\"") : NULL;
	if (actor)
		memcpy(at + strlen("\"actor\":\""), actor, strlen("engine"));
	assert_int_equal(file_write(path, strbuf_str(&exported), 0600, &err), RC_OK);
	strbuf_done(&exported);
}

static const struct path all_of_it[] = {
	{"archives first", "GET " WIRE_AUDIT "/verify", 200,
	 "{\"ok\":true,\"checked\":33,\"total\":33,\"from\":1,\"to\":33,", "missing"},
	{"with progress", "GET " WIRE_AUDIT "/verify", 200,
	 "{\"checked\":10,\"total\":33,\"archive\":\"archive/journal-000000000005-", NULL},
	{"from a record in one", "GET " WIRE_AUDIT "/verify?from=7", 200,
	 "{\"ok\":true,\"checked\":29,", "journal-000000000001"},
	{"up to a record in one", "GET " WIRE_AUDIT "/verify?to=4", 200,
	 "{\"ok\":true,\"checked\":4,", NULL},
	{"a part behind them", "GET " WIRE_AUDIT "/verify?from=31", 200,
	 "{\"ok\":true,\"checked\":3,\"total\":3,", "archive"},
};
static const struct path changed[] = {
	{"where it is", "GET " WIRE_AUDIT "/verify", 200,
	 "{\"ok\":false,\"checked\":4,\"total\":33,\"archive\":\"archive/journal-000000000005-000000000010.ndjson.zst\",\"from\":1,\"to\":4,",
	 NULL},
	{"which record", "GET " WIRE_AUDIT "/verify", 200, "\"bad\":5,\"code\":\"corrupt\"", NULL},
};
static const struct path other[] = {
	{"of another journal", "GET " WIRE_AUDIT "/verify", 200,
	 "\"bad\":10,\"code\":\"corrupt\",\"detail\":\"the journal does not go on from its archives",
	 "\"ok\":true"},
};
static const struct path away[] = {
	{"one was put away", "GET " WIRE_AUDIT "/verify", 200,
	 "{\"ok\":true,\"checked\":27,\"total\":27,\"missing\":[{\"from\":5,\"to\":10}],", NULL},
};

static void whole_client(void)
{
	check_paths(all_of_it, ARRAY_LEN(all_of_it));
}
static void changed_client(void)
{
	check_paths(changed, ARRAY_LEN(changed));
}
static void other_client(void)
{
	check_paths(other, ARRAY_LEN(other));
}
static void away_client(void)
{
	check_paths(away, ARRAY_LEN(away));
}

/* The archive of the last records again, but of a chain that says something else throughout. */
static void forge_archive(const char *path)
{
	AUTO(strbuf_done) struct strbuf all = STRBUF(1 << 20);
	struct store_report r = {.from = 5, .to = 10, .before = hash_of_4};
	struct record last = {0};
	struct err err = {0};

	for (uint64_t seq = 5; seq <= 10; seq++) {
		struct record one = {.seq = seq,
				     .time = T0,
				     .actor = STR("eve"),
				     .subject = STR("x"),
				     .type = STR("job.ended"),
				     .payload = STR("{}"),
				     .prev = seq == 5 ? hash_of_4 : last.hash};

		one.hash = chain_hash(&one);
		assert_int_equal(record_print(&one, &all, &err), RC_OK);
		strbuf_addc(&all, '\n');
		last = one;
		r.records++;
	}
	r.hash = last.hash;
	trailer_print(&r, &all);
	strbuf_addc(&all, '\n');
	assert_int_equal(file_write(path, strbuf_str(&all), 0600, &err), RC_OK);
}

static bool note_hash(void *ctx, const struct record *r)
{
	*(struct digest *)ctx = r->hash;
	return false;
}

static void a_check_begins_with_the_archives(void **state)
{
	AUTO(freep) char *dir = xasprintf("%s/archive", folder);
	AUTO(freep)
	char *second = xasprintf("%s/journal-000000000005-000000000010.ndjson.zst", dir);
	AUTO(freep) char *kept = xasprintf("%s/kept", folder);
	struct err err = {0};

	(void)state;
	assert_int_equal(dir_make(dir, 0700, &err), RC_OK);
	put_archive(1, 4, NULL);
	put_archive(5, 10, NULL);
	assert_int_equal(rename(second, kept), 0);
	put_archive(5, 10, "evelyn");
	AUTO(freep) char *bad = xasprintf("%s/bad", folder);
	assert_int_equal(rename(second, bad), 0);
	assert_int_equal(rename(kept, second), 0);
	assert_int_equal(store_journal(world.store, 4, 1, note_hash, &hash_of_4, &err), RC_OK);
	assert_int_equal(store_trim(world.store, 10, 100, &err), RC_OK);
	api_archived(api, 10, T0 + 10 * USEC_MIN);
	beside(whole_client);
	assert_int_equal(rename(bad, second), 0);
	beside(changed_client);
	forge_archive(second);
	beside(other_client);
	assert_int_equal(unlink(second), 0);
	beside(away_client);
	xfree(secret_id);
}

/* ---- each order ---- */

static char *as_ann(const char *line, const char *body)
{
	AUTO(freep)
	char *whole = xasprintf("%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
				"Authorization: Bearer of ann\r\nContent-Length: %zu\r\n\r\n%s",
				line, strlen(body), body);

	return ask(dial_tcp(httpd_port(server)), whole);
}

static const struct {
	const char *line, *body;
	int status;
	const char *type;    /* of the record that it leaves */
	const char *changed; /* a part of its changes; NULL: none are wanted */
} orders[] = {
	{"POST " WIRE_ENVIRONMENTS "/production/holds", "{\"reason\":\"r\"}", 200, "person.hold",
	 "\"field\":\"holds\",\"after\":"},
	{"DELETE " WIRE_ENVIRONMENTS "/production/holds/hold-1", "", 200, "person.unhold",
	 "\"field\":\"holds\",\"before\":"},
	{"POST " WIRE_ENVIRONMENTS "/production/vetoes",
	 "{\"unit\":\"web\",\"image\":\"" IMAGE_A "\"}", 200, "person.veto",
	 "\"field\":\"vetoes\",\"after\":"},
	{"POST " WIRE_ENVIRONMENTS "/production/pins",
	 "{\"unit\":\"web\",\"image\":\"" IMAGE_B "\"}", 200, "person.pin",
	 "\"field\":\"pins\",\"after\":"},
	{"POST " WIRE_INCIDENTS "/inc-1/note", "{\"text\":\"seen\"}", 200, "person.incident_note",
	 "\"field\":\"timeline\""},
	{"POST " WIRE_INCIDENTS "/inc-1/mitigate", "{\"text\":\"m\"}", 200,
	 "person.incident_mitigate", "\"before\":\"\\\"open\\\"\",\"after\":\"\\\"mitigated\\\"\""},
	{"POST " WIRE_INCIDENTS "/inc-1/close", "{\"text\":\"done\"}", 200, "person.incident_close",
	 "\"after\":\"\\\"closed\\\"\""},
	{"POST " WIRE_AGENTS "/one/drain", "{}", 200, "person.drain",
	 "\"field\":\"state\",\"after\":\"\\\"draining\\\"\""},
	{"POST " WIRE_TESTS "/quarantine", "{\"test\":\"a.b\",\"owner\":\"ann\",\"for\":\"1d\"}",
	 200, "person.quarantine", "\"field\":\"quarantine\",\"after\":"},
	{"POST " WIRE_USERS, "{\"id\":\"bob\",\"groups\":[\"g\"]}", 200, "access.user",
	 "\"field\":\"groups\",\"after\":"},
	{"POST " WIRE_USERS, "{\"id\":\"bob\",\"groups\":[\"h\"]}", 200, "access.user",
	 "\"field\":\"groups\",\"before\":\"[\\\"g\\\"]\",\"after\":\"[\\\"h\\\"]\""},
	{"POST " WIRE_GRANTS, "{\"who\":\"user:bob\",\"role\":\"viewer\"}", 200, "access.grant",
	 "\"field\":\"role\",\"after\":\"\\\"viewer\\\"\""},
	{"DELETE " WIRE_GRANTS "/user:bob=viewer", "", 200, "access.grant_end",
	 "\"field\":\"ended_at\",\"after\":"},
	{"POST " WIRE_TOKENS, "{\"name\":\"ci\",\"role\":\"viewer\"}", 201, "access.token",
	 "\"field\":\"name\",\"after\":\"\\\"ci\\\"\""},
	{"DELETE " WIRE_TOKENS "/ci", "", 200, "access.token_end",
	 "\"field\":\"ended_at\",\"after\":"},
	/* what is refused: who asked, from where, by what */
	{"POST " WIRE_RELEASES "/rel-9/approve", "{\"ok\":true}", 404, "person.refused", NULL},
	{"POST " WIRE_RELEASES "/rel-9/abort", "{}", 404, "person.refused", NULL},
	{"POST " WIRE_ROLLOUTS "/ro-9/promote", "{}", 404, "person.refused", NULL},
	{"POST " WIRE_ROLLOUTS "/ro-9/abort", "{}", 404, "person.refused", NULL},
	{"POST " WIRE_RUNS "/run-9/abort", "{}", 404, "person.refused", NULL},
	{"POST " WIRE_RUNS "/run-9/rerun", "{}", 404, "person.refused", NULL},
	{"POST " WIRE_RUNS "/run-9/approve", "{}", 404, "person.refused", NULL},
	{"POST " WIRE_JOBS "/run-9/ci/x/y/start", "{}", 404, "person.refused", NULL},
};

static char *last_record;

static bool keep_last(void *ctx, const struct record *r)
{
	(void)ctx;
	xfree(last_record);
	last_record = xasprintf("%.*s %.*s %.*s", (int)r->type.n, r->type.p, (int)r->actor.n,
				r->actor.p, (int)r->payload.n, r->payload.p);
	return false;
}

static void orders_client(void)
{
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		AUTO(freep) char *answer = as_ann(orders[i].line, orders[i].body);
		AUTO(freep) char *begin = xasprintf("%s user:ann ", orders[i].type);
		AUTO(freep) char *via = xasprintf("\"via\":\"%s\"", secret_id);

		CHECK(atoi(answer + 9) == orders[i].status, answer);
		assert_int_equal(
			store_back(world.store, STR(""), UINT64_MAX, 1, keep_last, NULL, NULL),
			RC_OK);
		if (strncmp(last_record, begin, strlen(begin)) != 0 || !strstr(last_record, via) ||
		    !strstr(last_record, "\"address\":\"127.0.0.1\"") ||
		    (orders[i].changed && !strstr(last_record, orders[i].changed)))
			fail_msg("%s leaves %s", orders[i].line, last_record);
		xfree(last_record);
		last_record = NULL;
	}
}

static void each_order_stands_in_the_journal(void **state)
{
	(void)state;
	engine_start(engine);
	beside(orders_client);
	xfree(secret_id);
}

/* Is no order of the table left out above? What makes no record of a person is named here, with why. */
static void the_walk_is_whole(void **state)
{
	static const char *const others[] = {
		"/hook",                  /* what was pushed is read again: git says it */
		"/queues",                /* test_core_queue.c */
		"/rollback",              /* tests/e2e/audit.sh */
		"/pins/",     "/vetoes/", /* as holds */
		"/sessions/", "/my/tokens", "/me/tokens", /* test_rights.c */
	};

	(void)state;
	for (size_t i = 0; i < api_n_routes; i++) {
		const struct api_route *r = &api_routes[i];
		bool found = strcmp(r->method, "GET") == 0 || r->of == OF_SELF ||
			     r->flags & (ROUTE_OPEN | ROUTE_PLAIN);

		for (size_t k = 0; !found && k < ARRAY_LEN(others); k++)
			found = strstr(r->path, others[k]) != NULL;
		for (size_t k = 0; !found && k < ARRAY_LEN(orders); k++) {
			size_t fixed = strcspn(r->path, "{");
			const char *path = strchr(orders[k].line, ' ') + 1,
				   *tail = strrchr(r->path, '}');

			found = strncmp(orders[k].line, r->method, strlen(r->method)) == 0 &&
				strncmp(path, r->path, fixed) == 0 &&
				(!tail || !tail[1] || str_ends(str_of(path), tail + 1));
		}
		if (!found)
			fail_msg("no order here goes to %s %s", r->method, r->path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_CASE(each_page_says_what_it_must),
		KIT_CASE(the_export_is_that_of_the_store),
		KIT_CASE(what_left_is_said_to_have_left),
		KIT_CASE(a_check_begins_with_the_archives),
		KIT_CASE(each_order_stands_in_the_journal),
		cmocka_unit_test(the_walk_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
