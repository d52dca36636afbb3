/* Sentences of records, and which of them are decisions. */
#include "unit/unit.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "core/tell.h"

#define IMAGE "sha256:abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789"

static const struct {
	struct event ev; /* texts are literals: never freed */
	const char *says;
	bool decides;
} cases[] = {
	{{.kind = EV_APPROVE,
	  .actor = "user:ann",
	  .release = "rel-4",
	  .ok = true,
	  .text = "looks good"},
	 "ann approved rel-4: looks good",
	 true},
	{{.kind = EV_APPROVE, .actor = "token:ci", .run = "run-9"},
	 "token ci said no to run-9",
	 true},
	{{.kind = EV_JOB_ENDED, .actor = "engine", .job = "run-1/ci/web/test"},
	 "Job run-1/ci/web/test passed",
	 false},
	{{.kind = EV_JOB_ENDED, .job = "run-1/ci/web/test", .failure = FAILURE_EXIT, .exit = 2},
	 "Job run-1/ci/web/test did not pass: exit, exit code 2",
	 false},
	{{.kind = EV_JOB_ENDED, .job = "j", .failure = FAILURE_TIMEOUT, .error = "after 10 min"},
	 "Job j did not pass: timeout: after 10 min",
	 false},
	{{.kind = EV_REF_MOVED,
	  .repo = "shop",
	  .ref = "refs/heads/main",
	  .commit = "0123456789abcdef",
	  .base = "fedcba9876543210"},
	 "shop: main stands at 0123456789ab, before at fedcba987654",
	 false},
	{{.kind = EV_REF_MOVED, .repo = "shop", .ref = "refs/heads/x"},
	 "shop: x was removed",
	 false},
	{{.kind = EV_PIN,
	  .actor = "user:bob",
	  .unit = "web",
	  .environment = "production",
	  .image = IMAGE,
	  .until = 1700000000000000},
	 "bob pinned web in production to abcdef012345 until 2023-11-14T22:13Z",
	 true},
	{{.kind = EV_ROLLBACK, .actor = "user:bob", .unit = "web", .environment = "production"},
	 "bob rolled web back in production",
	 true},
	{{.kind = EV_REFUSED,
	  .actor = "user:eve",
	  .text = "person.pin {\"secret\":1}",
	  .error = "there is no unit x"},
	 "eve was refused person.pin: there is no unit x",
	 true},
	{{.kind = EV_DENIED,
	  .actor = "nobody",
	  .address = "10.0.0.7",
	  .text = "GET /api/v1/runs",
	  .count = 3,
	  .error = "unknown"},
	 "nobody was denied GET /api/v1/runs, 3 times from 10.0.0.7: unknown",
	 true},
	{{.kind = EV_WEIGHT_SET, .rollout = "ro-3", .weight = 0.05},
	 "ro-3 has 5 % of the traffic",
	 true},
	{{.kind = EV_TOKEN, .actor = "user:ann", .type = "ci", .role = ROLE_DEVELOPER},
	 "ann made token ci as developer",
	 true},
	{{.kind = EV_TOKEN, .actor = "user:ann", .type = "tc", .base = "pr/7"},
	 "ann made token tc for pr/7",
	 true},
	{{.kind = EV_TOKEN_USED, .id = "tok-1"}, "tok-1 was used", false},
	{{.kind = EV_STARTED, .text = "1.0"}, "Penstock 1.0 started", false},
	{{.kind = EV_HOLD, .actor = "user:ann", .environment = "staging", .text = "a\nb\x1b[31m"},
	 "ann held staging: a b [31m",
	 true},
	{{.kind = EV_ATTESTED,
	  .release = "rel-1",
	  .type = "decision",
	  .image = IMAGE,
	  .stage = STAGE_GATE},
	 "The decision of abcdef012345 in gate was attested for rel-1",
	 true},
};

static void each_kind_has_its_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(strbuf_done) struct strbuf text = STRBUF(4096);

		tell_event(&cases[i].ev, &text);
		CHECK_STR(strbuf_cstr(&text), cases[i].says, event_kind_names[cases[i].ev.kind]);
		CHECK(tell_is_decision(&cases[i].ev) == cases[i].decides, cases[i].says);
	}
}

static void states_are_told_and_decide(void **state)
{
	static const struct {
		const char *subject, *field, *before, *after, *says;
		bool decides;
	} moves[] = {
		{"ro-4", "state", "\"baking\"", "\"aborting\"",
		 "Traffic of ro-4 was looked at; ro-4 is aborting", true},
		{"run-4", "state", "\"running\"", "\"passed\"",
		 "Traffic of ro-4 was looked at; run-4 is passed", false},
		{"inc-1", "state", NULL, "\"open\"", "Traffic of ro-4 was looked at; inc-1 is open",
		 true},
		{"rel-6", "state", "\"promoting\"", "\"rolled_back\"",
		 "Traffic of ro-4 was looked at; rel-6 is rolled back", true},
		{"staging", "stage", NULL, "\"staging\"", "Traffic of ro-4 was looked at", false},
		{"ro-4", "state", "\"baking\"", NULL, "Traffic of ro-4 was looked at", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
		struct event ev = {.kind = EV_FACTS, .rollout = "ro-4"};
		AUTO(strbuf_done) struct strbuf text = STRBUF(4096);
		struct field_change c = {
			(char *)(uintptr_t)moves[i].subject, (char *)(uintptr_t)moves[i].field,
			(char *)(uintptr_t)moves[i].before, (char *)(uintptr_t)moves[i].after};

		vec_push(&ev.changes, c);
		tell_event(&ev, &text);
		CHECK_STR(strbuf_cstr(&text), moves[i].says, moves[i].says);
		CHECK(tell_is_decision(&ev) == moves[i].decides, moves[i].says);
		vec_done(&ev.changes);
	}
}

static void what_people_wrote_ends_with_one_sign(void **state)
{
	struct event ev = {.kind = EV_APPROVE, .actor = "user:ann", .release = "rel-4", .ok = true};
	struct field_change c = {"rel-4", "state", NULL, "\"gated\""};
	AUTO(strbuf_done) struct strbuf text = STRBUF(4096);

	(void)state;
	ev.text = "Little traffic.";
	vec_push(&ev.changes, c);
	tell_event(&ev, &text);
	CHECK_STR(strbuf_cstr(&text), "ann approved rel-4: Little traffic; rel-4 is gated",
		  "a dot");
	vec_done(&ev.changes);
}

/* Empty, with an error, and with texts without end: one line, no crash, bounded. */
static void no_event_is_too_odd(void **state)
{
	char *longest = xcalloc(1, 70001);

	(void)state;
	for (size_t i = 0; i < 70000; i += 2)
		memcpy(longest + i, "\xc3\xa9", 2);
	for (unsigned k = 0; k < EVENT_KINDS; k++)
		for (unsigned how = 0; how < 4; how++) {
			struct event ev = {.kind = (enum event_kind)k, .ok = how & 1};
			AUTO(strbuf_done) struct strbuf text = STRBUF(4096);

			if (how & 2)
				ev.error = ev.text = ev.id = ev.release = ev.type = ev.actor =
					longest;
			tell_event(&ev, &text);
			(void)tell_is_decision(&ev);
			assert_true(text.n > 0 && text.n <= 400 && !strbuf_failed(&text));
			assert_true(str_is_utf8(strbuf_str(&text)));
			assert_null(strchr(strbuf_cstr(&text), '{'));
			assert_null(strchr(strbuf_cstr(&text), '['));
		}
	free(longest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_has_its_sentence),
		cmocka_unit_test(states_are_told_and_decide),
		cmocka_unit_test(what_people_wrote_ends_with_one_sign),
		cmocka_unit_test(no_event_is_too_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
