/* Exports: what they look like, and that no changed one passes. */
#include "port/store_kit.h"

#include "store/verify.h"

static enum rc add_line(void *ctx, struct str line, struct err *err)
{
	(void)err;
	strbuf_addstr(ctx, line);
	return RC_OK;
}

static enum rc next_line(void *ctx, struct str *ret, bool *ret_any, struct err *err)
{
	struct str *rest = ctx;

	(void)err;
	*ret_any = rest->n > 0;
	if (*ret_any)
		*ret = str_cut(rest, '\n');
	return RC_OK;
}

static enum rc verify_text(const char *text, struct store_report *ret, struct err *err)
{
	struct str rest = str_of(text);
	return chain_verify_ndjson(next_line, &rest, ret, err);
}

/* Three records; the payload of the second has what a careless writer would change. */
static char *export_of_three(void)
{
	static const struct str payloads[] = {
		STR("{\"ref\":\"refs/heads/main\"}"),
		STR("{\"x\":0.10000000000000001,\"t\":\"\\u0000\\\"\xc3\xa9 , \\\\\",\"prev\":\"},{\"}"),
		STR("{}"),
	};
	struct store *s = store_memory_new();
	struct strbuf b = STRBUF(1 << 16);
	struct record r = {0};

	for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
		r = (struct record){.seq = i + 1,
				    .time = 1700000000000000 + i,
				    .actor = STR("user:j\"r\n\\"),
				    .subject = STR("run-1"),
				    .type = STR("job.ended"),
				    .payload = payloads[i],
				    .prev = r.hash};
		r.hash = chain_hash(&r);
		struct store_batch batch = {.records = &r, .n_records = 1};
		OK(store_commit(s, &batch, &err));
	}
	OK(store_export(s, add_line, &b, &err));
	store_free(s);
	return strbuf_take(&b);
}

static void it_is_one_json_object_a_line(void **state)
{
	AUTO(freep) char *text = export_of_three();
	static const char start[] =
		"{\"seq\":1,\"time\":1700000000000000,\"actor\":\"user:j\\\"r\\n\\\\\",\"subject\":\"run-1\","
		"\"type\":\"job.ended\",\"payload\":{\"ref\":\"refs/heads/main\"},\"prev\":\"0000";
	struct store_report report = {0};
	struct str rest = str_of(text);

	(void)state;
	assert_int_equal(strncmp(text, start, sizeof(start) - 1), 0);
	for (int i = 0; i < 3; i++)
		assert_true(str_ends(str_cut(&rest, '\n'), "\"}"));
	assert_true(str_starts(rest,
			       "{\"end\":true,\"from\":1,\"to\":3,\"records\":3,\"prev\":\"0000"));
	(void)str_cut(&rest, '\n');
	assert_int_equal(rest.n, 0);
	OK(verify_text(text, &report, &err));
	assert_true(report.records == 3 && report.bad == 0 && report.last == 1700000000000002);
	assert_true(report.ended && report.from == 1 && report.to == 3);
	OK(verify_text("", &report, &err));
	assert_int_equal(report.records, 0);
}

/* Replace the first `from`; lengths may differ. */
static char *changed(const char *text, const char *from, const char *to)
{
	struct strbuf b = STRBUF(1 << 17);
	const char *at = strstr(text, from);

	assert_non_null(at);
	strbuf_add(&b, text, (size_t)(at - text));
	strbuf_adds(&b, to);
	strbuf_adds(&b, at + strlen(from));
	return strbuf_take(&b);
}

static const struct {
	const char *why, *from, *to;
	uint64_t bad;
	enum rc want;
} changes[] = {
	{"payload", "refs/heads/main", "refs/heads/mean", 1, RC_CORRUPT},
	{"a double in other digits", "0.10000000000000001", "0.1", 2, RC_CORRUPT},
	{"a blank in the payload", "\"payload\":{}", "\"payload\":{ }", 3, RC_CORRUPT},
	{"an escape for a character", "\xc3\xa9", "\\u00e9", 2, RC_CORRUPT},
	{"a blank between fields", ",\"time\"", ", \"time\"", 1, RC_INVALID},
	{"an escape in a field", "\"run-1\"", "\"run\\u002d1\"", 1, RC_INVALID},
	{"another field", "\"prev\"", "\"x\":1,\"prev\"", 1, RC_INVALID},
	{"a field twice", "\"seq\":1", "\"seq\":1,\"seq\":1", 1, RC_INVALID},
	{"fields in the payload", "\"payload\":{}", "\"payload\":{},\"x\":{}", 3, RC_INVALID},
	{"number as text", "\"seq\":2", "\"seq\":\"2\"", 2, RC_INVALID},
	{"negative", "\"seq\":2", "\"seq\":-2", 2, RC_INVALID},
	{"too large", "\"seq\":2", "\"seq\":20000000000000000000", 2, RC_INVALID},
	{"a line is missing its end", "\"}\n{\"seq\":3", "\"", 2, RC_INVALID},
	{"an empty line", "{\"seq\":2", "\n{\"seq\":2", 2, RC_INVALID},
	{"CR LF", "\"}\n{\"seq\":2", "\"}\r\n{\"seq\":2", 1, RC_INVALID},
	{"seq and line changed", "{\"seq\":3", "{\"seq\":4", 3, RC_CORRUPT},
	{"upper-case hash", "\"prev\":\"0000", "\"prev\":\"A000", 1, RC_INVALID},
};

static void no_change_passes(void **state)
{
	AUTO(freep) char *text = export_of_three();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		AUTO(freep) char *bad = changed(text, changes[i].from, changes[i].to);
		struct store_report report = {0};
		struct err err = {0};
		enum rc rc = verify_text(bad, &report, &err);
		if (rc != changes[i].want || report.bad != changes[i].bad)
			fail_msg("%s: %s, line %d: %s", changes[i].why, rc_name(rc),
				 (int)report.bad, err.msg);
	}
}

/* Every single bit of an export, flipped. */
static void no_flipped_bit_passes(void **state)
{
	AUTO(freep) char *text = export_of_three();
	size_t n = strlen(text);

	(void)state;
	for (size_t i = 0; i + 1 < n; i++) { /* a missing last '\n' is fine */
		for (unsigned bit = 0; bit < 8; bit++) {
			struct store_report report = {0};
			struct err err = {0};
			struct str rest = {text, n};
			text[i] = (char)(text[i] ^ (1 << bit));
			if (chain_verify_ndjson(next_line, &rest, &report, &err) == RC_OK &&
			    report.records == 3)
				fail_msg("byte %zu bit %u passes", i, bit);
			text[i] = (char)(text[i] ^ (1 << bit));
		}
	}
}

static void what_cannot_be_exported(void **state)
{
	static const struct {
		const char *why;
		struct str actor, payload;
	} bad[] = {
		{"no JSON", STR("a"), STR("{\"a\":")},   {"two values", STR("a"), STR("{}{}")},
		{"a line break", STR("a"), STR("{\n}")}, {"empty", STR("a"), STR("")},
		{"no UTF-8", STR("\xff"), STR("{}")},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct store *s = store_memory_new();
		struct record r = {.seq = 1, .actor = bad[i].actor, .payload = bad[i].payload};
		struct store_batch batch = {.records = &r, .n_records = 1};
		AUTO(strbuf_done) struct strbuf b = STRBUF(1024);
		r.hash = chain_hash(&r);
		OK(store_commit(s, &batch, &err));
		FAILS(RC_CORRUPT, "record 1", store_export(s, add_line, &b, &err));
		CHECK(b.n == 0, bad[i].why);
		store_free(s);
	}
}

/* Parts of a store's journal, cut, joined, with trailers that lie. */
static struct store *ten_records(void)
{
	struct store *s = store_memory_new();
	struct chain_end end = {0};

	OK(kit_commit(s, &end, 10, &err));
	return s;
}

static char *part(struct store *s, uint64_t from, uint64_t to)
{
	struct strbuf b = STRBUF(1 << 16);
	struct seq_range range = {from, to};
	struct store_report report = {0};

	OK(store_export_range(s, &range, add_line, &b, &report, &err));
	return strbuf_take(&b);
}

/* Up to the line with this number, from 0, without it. */
static char *head(const char *text, size_t lines)
{
	const char *at = text;

	while (lines-- > 0)
		at = strchr(at, '\n') + 1;
	return xstrndup(text, (size_t)(at - text));
}

static void a_cut_is_noticed(void **state)
{
	struct store *s = ten_records();
	AUTO(freep) char *all = part(s, 0, 0);
	AUTO(freep) char *begin = part(s, 0, 4);
	AUTO(freep) char *end = part(s, 5, 0);
	AUTO(freep) char *middle = part(s, 3, 7);
	AUTO(freep) char *none = part(s, 11, 0);
	AUTO(freep) char *joined = xasprintf("%s%s", begin, end);
	AUTO(freep) char *gap = xasprintf("%s%s", middle, end);
	AUTO(freep) char *seven = head(all, 7);
	AUTO(freep) char *two = head(middle, 2);
	AUTO(freep) char *first = head(all, 1);
	AUTO(freep) char *hole = xasprintf("%s%s", first, strstr(all, "{\"end\""));
	struct store_report r = {0};

	(void)state;
	OK(verify_text(all, &r, &err));
	assert_true(r.ended && r.records == 10);
	OK(verify_text(begin, &r, &err));
	assert_true(r.ended && r.from == 1 && r.to == 4);
	OK(verify_text(joined, &r, &err));
	assert_true(r.ended && r.records == 10 && r.from == 1 && r.to == 10);
	OK(verify_text(middle, &r, &err));
	assert_true(r.ended && r.records == 5 && r.from == 3 && r.to == 7);
	OK(verify_text(none, &r, &err));
	assert_true(r.ended && r.records == 0);
	OK(verify_text(seven, &r, &err)); /* sound, but not ended */
	assert_true(!r.ended && r.records == 7);
	FAILS(RC_CORRUPT, "begins with record 3", verify_text(two, &r, &err));
	FAILS(RC_CORRUPT, "record 5 stands where record 8 should be", verify_text(gap, &r, &err));
	FAILS(RC_CORRUPT, "speaks of 10 records (1 to 10), but there are 1",
	      verify_text(hole, &r, &err));
	assert_int_equal(r.bad, 2);
	store_free(s);
}

static void what_is_archived_is_not_exported(void **state)
{
	struct store *s = ten_records();
	struct seq_range range = {.from = 3};
	AUTO(strbuf_done) struct strbuf b = STRBUF(1 << 16);
	struct store_report r = {0};

	(void)state;
	OK(store_trim(s, 4, 100, &err));
	FAILS(RC_NOT_FOUND, "record 3 is in an archive",
	      store_export_range(s, &range, add_line, &b, &r, &err));
	AUTO(freep) char *rest = part(s, 0, 0);
	OK(verify_text(rest, &r, &err));
	assert_true(r.from == 5 && r.to == 10 && r.ended);
	store_free(s);
}

static void a_trailer_is_laid_out_strictly(void **state)
{
	struct store *s = ten_records();
	AUTO(freep) char *all = part(s, 0, 0);
	static const struct {
		const char *from, *to;
	} lies[] = {{"\"end\":true", "\"end\":false"},
		    {"\"records\":10", "\"records\":9"},
		    {"\"records\":10", "\"records\": 10"},
		    {"\"to\":10", "\"to\":11"},
		    {"\"from\":1,\"to\"", "\"from\":2,\"to\""},
		    {"\"records\":10", "\"records\":\"10\""}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		AUTO(freep) char *bad = changed(all, lies[i].from, lies[i].to);
		struct store_report r = {0};
		struct err err = {0};

		CHECK(verify_text(bad, &r, &err) != RC_OK && r.bad == 11, lies[i].to);
	}
	store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_is_noticed),
		cmocka_unit_test(what_is_archived_is_not_exported),
		cmocka_unit_test(a_trailer_is_laid_out_strictly),
		cmocka_unit_test(it_is_one_json_object_a_line),
		cmocka_unit_test(no_change_passes),
		cmocka_unit_test(no_flipped_bit_passes),
		cmocka_unit_test(what_cannot_be_exported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
