/* The build caches' places and what results name: pure functions. */
#include "unit/unit.h"

#include "api/cache_impl.h"
#include "base/mem.h"

#define HEX   "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
#define OTHER "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9"

static void places(void **state)
{
	static const struct {
		const char *path, *team;
		bool ours;
		enum tool tool;
		enum cache_what what;
		enum cache_part part;
		const char *space, *id;
	} cases[] = {
		{"/v8/artifacts/0123456789abcdef", NULL, true, TOOL_TURBO, CACHE_ENTRY, PART_ANY,
		 "turbo", "0123456789abcdef"},
		{"/v8/artifacts/0123456789abcdef", "shop", true, TOOL_TURBO, CACHE_ENTRY, PART_ANY,
		 "turbo/shop", "0123456789abcdef"},
		{"/v8/artifacts/a-b_C", "../x", true, TOOL_TURBO, CACHE_ENTRY, PART_ANY, "turbo",
		 "a-b_C"},
		{"/v8/artifacts/../x", NULL, true, TOOL_TURBO, CACHE_BAD_ID, PART_ANY, "turbo", ""},
		{"/v8/artifacts/status", NULL, true, TOOL_TURBO, CACHE_STATUS, PART_ANY, "turbo",
		 ""},
		{"/v8/artifacts/events", NULL, true, TOOL_TURBO, CACHE_EVENTS, PART_ANY, "turbo",
		 ""},
		{"/v8/artifacts", NULL, true, TOOL_TURBO, CACHE_QUERY, PART_ANY, "turbo", ""},
		{"/v1/cache/9672463765562975094", NULL, true, TOOL_NX, CACHE_ENTRY, PART_ANY, "nx",
		 "9672463765562975094"},
		{"//v1/cache/7", NULL, true, TOOL_NX, CACHE_ENTRY, PART_ANY, "nx", "7"},
		{"/v1/cache/123456789012345678901", NULL, true, TOOL_NX, CACHE_BAD_ID, PART_ANY,
		 "nx", ""},
		{"/v1/cache/a", NULL, true, TOOL_NX, CACHE_BAD_ID, PART_ANY, "nx", ""},
		{"/v1/cache/", NULL, true, TOOL_NX, CACHE_BAD_ID, PART_ANY, "nx", ""},
		{"/gradle/0123abcd", NULL, true, TOOL_GRADLE, CACHE_ENTRY, PART_ANY, "gradle",
		 "0123abcd"},
		{"/gradle/a/b", NULL, true, TOOL_GRADLE, CACHE_BAD_ID, PART_ANY, "gradle", ""},
		{"/gradle/ac/" HEX, NULL, true, TOOL_BAZEL, CACHE_ENTRY, PART_ACTION,
		 "bazel/gradle/ac", HEX},
		{"/ac/" HEX, NULL, true, TOOL_BAZEL, CACHE_ENTRY, PART_ACTION, "bazel/ac", HEX},
		{"/cas/" HEX, NULL, true, TOOL_BAZEL, CACHE_ENTRY, PART_BLOB, "bazel/cas", HEX},
		{"/main/cas/" HEX, NULL, true, TOOL_BAZEL, CACHE_ENTRY, PART_BLOB, "bazel/main/cas",
		 HEX},
		{"/cache/main/cas/" HEX, NULL, true, TOOL_BAZEL, CACHE_ENTRY, PART_BLOB,
		 "bazel/main/cas", HEX},
		{"/cache/cas/" HEX, NULL, true, TOOL_BAZEL, CACHE_ENTRY, PART_BLOB, "bazel/cas",
		 HEX},
		{"/cache/a/b/ac/" HEX, NULL, true, TOOL_BAZEL, CACHE_ENTRY, PART_ACTION,
		 "bazel/a/b/ac", HEX},
		{"/ac/cas/" HEX, NULL, true, TOOL_BAZEL, CACHE_ENTRY, PART_BLOB, "bazel/ac/cas",
		 HEX},
		{"/cache/main/cas/abc", NULL, true, TOOL_BAZEL, CACHE_BAD_ID, PART_BLOB,
		 "bazel/main/cas", ""},
		{"/main/cas/abc", NULL, false, 0, 0, 0, "", ""},
		{"/cache/../cas/" HEX, NULL, false, 0, 0, 0, "", ""},
		{"/cache/.x/cas/" HEX, NULL, false, 0, 0, 0, "", ""},
		{"/cache//cas/" HEX, NULL, false, 0, 0, 0, "", ""},
		{"/a/b/c/d/e/cas/" HEX, NULL, false, 0, 0, 0, "", ""},
		{"/api/v1/status", NULL, false, 0, 0, 0, "", ""},
		{"/metrics", NULL, false, 0, 0, 0, "", ""},
		{"/", NULL, false, 0, 0, 0, "", ""},
		{"", NULL, false, 0, 0, 0, "", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct cache_route r;
		bool ours = cache_route_parse(cases[i].path, cases[i].team, &r);

		CHECK(ours == cases[i].ours, cases[i].path);
		if (!ours)
			continue;
		CHECK(r.tool == cases[i].tool && r.what == cases[i].what && r.part == cases[i].part,
		      cases[i].path);
		CHECK(streq(r.space, cases[i].space) && streq(r.id, cases[i].id), cases[i].path);
	}
}

/* ---- results ---- */

static void field(struct strbuf *to, unsigned number, struct str bytes)
{
	strbuf_addc(to, (char)(number << 3 | 2));
	BUG_ON(bytes.n > 0x3fff);
	if (bytes.n > 127) {
		strbuf_addc(to, (char)((bytes.n & 0x7f) | 0x80));
		strbuf_addc(to, (char)(bytes.n >> 7));
	} else {
		strbuf_addc(to, (char)bytes.n);
	}
	strbuf_addstr(to, bytes);
}

static void number(struct strbuf *to, unsigned at, unsigned value)
{
	strbuf_addc(to, (char)(at << 3));
	strbuf_addc(to, (char)value);
}

/* A message with one digest in field `at`, behind a path in field 1. */
static void named(struct strbuf *to, unsigned outer, unsigned at, const char *hex)
{
	AUTO(strbuf_done) struct strbuf digest = STRBUF(1000), file = STRBUF(1000);

	field(&digest, 1, str_of(hex));
	number(&digest, 2, 5);
	field(&file, 1, STR("out/file"));
	field(&file, at, strbuf_str(&digest));
	number(&file, 4, 1);
	field(to, outer, strbuf_str(&file));
}

struct seen {
	struct strbuf text;
	size_t stop_after, n;
};

static bool note(void *ctx, enum digest_of what, struct str hex)
{
	struct seen *s = ctx;

	strbuf_addf(&s->text, "%s%.4s ", what == DIGEST_TREE ? "tree:" : "", hex.p);
	return ++s->n != s->stop_after;
}

static void results_as_protocol_buffers(void **state)
{
	AUTO(strbuf_done) struct strbuf action = STRBUF(10000), digest = STRBUF(1000);
	struct seen s = {.text = STRBUF(1000)};
	struct err err = {0};

	(void)state;
	named(&action, 2, 2, HEX);
	named(&action, 3, 3, OTHER);
	number(&action, 4, 0);
	field(&action, 5, STR("stdout"));
	field(&digest, 1, STR(OTHER));
	field(&action, 6, strbuf_str(&digest));
	named(&action, 2, 2, EMPTY_SHA);
	struct str bytes = strbuf_str(&action);
	assert_int_equal(action_kind_of(bytes), ACTION_BINARY);
	assert_int_equal(action_digests(bytes, ACTION_BINARY, note, &s, &err), RC_OK);
	assert_string_equal(strbuf_cstr(&s.text), "2c26 tree:fcde fcde ");
	/* It ends when it is told to. */
	strbuf_clear(&s.text);
	s.n = 0;
	s.stop_after = 1;
	assert_int_equal(action_digests(bytes, ACTION_BINARY, note, &s, &err), RC_OK);
	assert_string_equal(strbuf_cstr(&s.text), "2c26 ");
	/* Cut anywhere, it is no result, or one that names less. */
	s.stop_after = 0;
	size_t whole = 0;
	for (size_t n = 0; n < bytes.n; n++)
		whole += action_digests((struct str){bytes.p, n}, ACTION_BINARY, note, &s, &err) ==
			 RC_OK;
	assert_int_equal(whole, 6); /* between its six fields, and empty */
	strbuf_done(&s.text);
}

static void trees(void **state)
{
	AUTO(strbuf_done)
	struct strbuf tree = STRBUF(10000), root = STRBUF(1000), child = STRBUF(1000);
	struct seen s = {.text = STRBUF(1000)};
	struct err err = {0};

	(void)state;
	named(&root, 1, 2, HEX);
	named(&root, 2, 2, OTHER); /* a folder: it stands in the tree itself */
	named(&child, 1, 2, OTHER);
	field(&tree, 1, strbuf_str(&root));
	field(&tree, 2, strbuf_str(&child));
	assert_int_equal(tree_digests(strbuf_str(&tree), note, &s, &err), RC_OK);
	assert_string_equal(strbuf_cstr(&s.text), "2c26 fcde ");
	strbuf_done(&s.text);
}

static void results_as_json(void **state)
{
	struct seen s = {.text = STRBUF(1000)};
	struct err err = {0};
	struct str json = STR(
		"{\"outputFiles\":[{\"path\":\"a\",\"digest\":{\"hash\":\"" HEX
		"\",\"sizeBytes\":\"5\"}}],\"outputDirectories\":[{\"treeDigest\":{\"hash\":\"" OTHER
		"\"}}],\"stdoutDigest\":{\"hash\":\"" OTHER "\"},\"other\":{\"hash\":\"x\"}}");

	(void)state;
	assert_int_equal(action_kind_of(json), ACTION_JSON);
	assert_int_equal(action_digests(json, ACTION_JSON, note, &s, &err), RC_OK);
	assert_string_equal(strbuf_cstr(&s.text), "2c26 tree:fcde fcde ");
	assert_int_equal(action_digests(STR("{\"a\":"), ACTION_JSON, note, &s, &err), RC_INVALID);
	strbuf_done(&s.text);
}

static void what_is_no_result(void **state)
{
	struct seen s = {.text = STRBUF(1000)};
	static const struct {
		const char *why;
		struct str bytes;
	} bad[] = {
		{"text", {"hello, world", 12}},
		{"a length behind the end",
		 {"\x12\x7f"
		  "abc",
		  5}},
		{"a length of ten bytes", {"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}},
		{"field 0", {"\x02\x00", 2}},
		{"a group", {"\x0b", 1}},
		{"a digest that is none",
		 {"\x32\x05\x0a\x03"
		  "abc",
		  7}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = {0};

		CHECK(action_digests(bad[i].bytes, ACTION_BINARY, note, &s, &err) == RC_INVALID,
		      bad[i].why);
		CHECK(err.msg[0], bad[i].why);
	}
	assert_int_equal(s.n, 0);
	assert_int_equal(action_kind_of((struct str){"\xcc\xac\x01\x00", 4}), ACTION_RAW);
	assert_true(action_is_ccache_manifest((struct str){"\xcc\xac\x01\x01", 4}));
	assert_false(action_is_ccache_manifest((struct str){"\xcc\xac\x01\x00", 4}));
	assert_false(action_is_ccache_manifest((struct str){"\xcc\xac\x01", 3}));
	assert_int_equal(action_kind_of((struct str){NULL, 0}), ACTION_BINARY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places),
		cmocka_unit_test(results_as_protocol_buffers),
		cmocka_unit_test(trees),
		cmocka_unit_test(results_as_json),
		cmocka_unit_test(what_is_no_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
