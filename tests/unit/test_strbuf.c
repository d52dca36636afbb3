#include "unit.h"
#include "base/mem.h"
#include "base/strbuf.h"

static void grows_to_its_cap_and_no_further(void **state)
{
	(void)state;
	for (size_t cap = 0; cap < 200; cap++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(cap);
		for (size_t i = 0; i < cap; i++)
			strbuf_addc(&b, 'x');
		assert_false(strbuf_failed(&b));
		assert_int_equal(b.n, cap);
		strbuf_addc(&b, 'y');
		assert_true(strbuf_failed(&b));
		assert_int_equal(strlen(strbuf_cstr(&b)), cap);
		strbuf_clear(&b);
		assert_false(strbuf_failed(&b));
		assert_string_equal(strbuf_cstr(&b), "");
	}
}

static void failure_is_sticky(void **state)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(10);

	(void)state;
	strbuf_adds(&b, "12345");
	strbuf_adds(&b, "678901"); /* above: nothing of it is taken */
	strbuf_adds(&b, "6");      /* would fit */
	assert_true(strbuf_failed(&b));
	assert_string_equal(strbuf_cstr(&b), "12345");
	strbuf_done(&b);
	assert_false(strbuf_failed(&b));
	strbuf_add(&b, "x", SIZE_MAX);
	assert_true(strbuf_failed(&b));
}

static void formats(void **state)
{
	(void)state;
	for (size_t n = 0; n < 300; n += 7) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(256);
		strbuf_adds(&b, "ab");
		strbuf_addf(&b, "%*d", (int)n, 7);
		size_t want = 2 + (n ? n : 1);
		if (want <= 256) {
			assert_false(strbuf_failed(&b));
			assert_int_equal(b.n, want);
			assert_int_equal(strbuf_cstr(&b)[want - 1], '7');
		} else {
			assert_true(strbuf_failed(&b));
			assert_string_equal(strbuf_cstr(&b), "ab");
		}
	}
}

static void taking(void **state)
{
	struct strbuf b = STRBUF(100);

	(void)state;
	AUTO(freep) char *none = strbuf_take(&b);
	assert_string_equal(none, "");
	strbuf_adds(&b, "mine");
	AUTO(freep) char *some = strbuf_take(&b);
	assert_string_equal(some, "mine");
	assert_int_equal(strbuf_str(&b).n, 0);
	strbuf_adds(&b, "again");
	assert_string_equal(strbuf_cstr(&b), "again");
	strbuf_done(&b);
	strbuf_done(NULL);
}

static void encodings(void **state)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(100);

	(void)state;
	strbuf_add_urlencoded(&b, STR("a b/\xc3\xa9~-._\0"));
	assert_string_equal(strbuf_cstr(&b), "a%20b%2F%C3%A9~-._%00");
	strbuf_clear(&b);
	strbuf_add_hex(&b, "\x00\xff\x1a", 3);
	assert_string_equal(strbuf_cstr(&b), "00ff1a");
	strbuf_clear(&b);
	strbuf_add_hex(&b, NULL, 0);
	assert_string_equal(strbuf_cstr(&b), "");
}

static void shell_quoting(void **state)
{
	static const struct {
		struct str in;
		const char *want;
	} cases[] = {
		{{"plain-1.2_x/y:z@%+,", 19}, "plain-1.2_x/y:z@%+,"},
		{{"", 0}, "''"},
		{{"a b", 3}, "'a b'"},
		{{"it's", 4}, "'it'\\''s'"},
		{{"$(rm -rf /)", 11}, "'$(rm -rf /)'"},
		{{"a\nb", 3}, "'a\nb'"},
		{{"A=b", 3}, "'A=b'"},
		{{"~root", 5}, "'~root'"},
		{{"*", 1}, "'*'"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(100);
		strbuf_add_shellquoted(&b, cases[i].in);
		CHECK_STR(strbuf_cstr(&b), cases[i].want, cases[i].want);
	}
	AUTO(strbuf_done) struct strbuf b = STRBUF(100);
	strbuf_add_shellquoted(&b, STR("a\0b"));
	assert_true(strbuf_failed(&b));
}

static void base64_both_ways(void **state)
{
	static const char *const pairs[][2] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		AUTO(strbuf_done) struct strbuf to = STRBUF(64), back = STRBUF(64);
		strbuf_add_base64(&to, pairs[i][0], strlen(pairs[i][0]));
		CHECK_STR(strbuf_cstr(&to), pairs[i][1], pairs[i][0]);
		CHECK(strbuf_add_unbase64(&back, strbuf_str(&to)), pairs[i][0]);
		CHECK_STR(strbuf_cstr(&back), pairs[i][0], pairs[i][0]);
	}
	unsigned char bytes[256];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 37 + 11);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		AUTO(strbuf_done) struct strbuf to = STRBUF(400), back = STRBUF(256);
		strbuf_add_base64(&to, bytes, n);
		assert_true(strbuf_add_unbase64(&back, strbuf_str(&to)));
		assert_int_equal(back.n, n);
		if (n)
			assert_memory_equal(back.p, bytes, n);
	}
}

static void base64_is_strict(void **state)
{
	static const char *const bad[] = {
		"Z",    "Zg",   "Zg=",  "Zg===", "Zg==Zg==", "=Zg=", "Z===",  "====",
		"Zh==", "Zm9=", "Zm9 ", "Zm\n9", "Zm9v\n",   "Zm-_", "Zm9v=",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(100);
		strbuf_adds(&b, "before");
		CHECK(!strbuf_add_unbase64(&b, str_of(bad[i])), bad[i]);
		CHECK(!strbuf_failed(&b), bad[i]);
		CHECK_STR(strbuf_cstr(&b), "before", bad[i]);
	}
	AUTO(strbuf_done) struct strbuf small = STRBUF(2);
	assert_false(strbuf_add_unbase64(&small, STR("Zm9v")));
	assert_false(strbuf_add_unbase64(&small, STR("Zm\0v")));
	assert_true(strbuf_add_unbase64(&small, STR("Zm8=")));
	assert_string_equal(strbuf_cstr(&small), "fo");
}

static void for_people(void **state)
{
	static const struct {
		usec_t d;
		const char *want;
	} times[] = {
		{0, "0 us"},
		{999, "999 us"},
		{1000, "1.0 ms"},
		{9949, "9.9 ms"},
		{9950, "10 ms"},
		{850 * USEC_MS, "850 ms"},
		{999499, "999 ms"},
		{999500, "1.0 s"},
		{12345678, "12.3 s"},
		{59949999, "59.9 s"},
		{59950000, "1 min 0 s"},
		{250 * USEC_SEC, "4 min 10 s"},
		{3599499999, "59 min 59 s"},
		{3599500000, "1 h 0 min"},
		{125 * USEC_MIN, "2 h 5 min"},
		{USEC_DAY - 1, "1 d 0 h"},
		{76 * USEC_HOUR, "3 d 4 h"},
		{USEC_NEVER, "never"},
		{USEC_NEVER - 1, "213503982 d 8 h"},
	};
	static const struct {
		uint64_t n;
		const char *want;
	} sizes[] = {
		{0, "0 B"},
		{1023, "1023 B"},
		{1024, "1.0 KiB"},
		{1536, "1.5 KiB"},
		{1048575, "1.0 MiB"},
		{13002342, "12.4 MiB"},
		{UINT64_C(1) << 30, "1.0 GiB"},
		{UINT64_C(1) << 40, "1.0 TiB"},
		{UINT64_C(1) << 50, "1.0 PiB"},
		{UINT64_MAX, "16.0 EiB"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(64);
		strbuf_add_duration(&b, times[i].d);
		CHECK_STR(strbuf_cstr(&b), times[i].want, times[i].want);
	}
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(64);
		strbuf_add_size(&b, sizes[i].n);
		CHECK_STR(strbuf_cstr(&b), sizes[i].want, sizes[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_to_its_cap_and_no_further),
		cmocka_unit_test(failure_is_sticky),
		cmocka_unit_test(formats),
		cmocka_unit_test(taking),
		cmocka_unit_test(encodings),
		cmocka_unit_test(shell_quoting),
		cmocka_unit_test(base64_both_ways),
		cmocka_unit_test(base64_is_strict),
		cmocka_unit_test(for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
