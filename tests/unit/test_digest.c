#include "unit.h"
#include "base/digest.h"
#include "base/mem.h"

/* FIPS 180-4's own examples, and lengths around the block. */
static void known_answers(void **state)
{
	static const struct {
		const char *text, *hex;
	} cases[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	char million[1000];
	char hex[DIGEST_HEX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(freep) char *got = digest_hex_dup(str_of(cases[i].text));
		CHECK_STR(got, cases[i].hex, cases[i].text);
	}
	memset(million, 'a', sizeof(million));
	struct digest_state *s = digest_new();
	for (int i = 0; i < 1000; i++)
		digest_add(s, million, sizeof(million));
	digest_hex(digest_finish(s), hex);
	assert_string_equal(hex,
			    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void in_pieces(void **state)
{
	char text[300];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)i;
	struct digest whole = digest_of((struct str){text, sizeof(text)});
	for (size_t step = 1; step < 130; step++) {
		struct digest_state *s = digest_new();
		for (size_t at = 0; at < sizeof(text); at += step)
			digest_add(s, text + at, MIN_OF(step, sizeof(text) - at));
		digest_add(s, NULL, 0);
		assert_true(digest_eq(whole, digest_finish(s)));
	}
	digest_drop(digest_new());
	digest_drop(NULL);
}

static void text_both_ways(void **state)
{
	static const char *const bad[] = {
		"",
		"sha256:",
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a",
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad0",
		"BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
		"ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"sha512:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	};
	struct digest abc = digest_of(STR("abc")), d = {{0}};
	char text[8 + DIGEST_HEX] = "sha256:";

	(void)state;
	digest_hex(abc, text + 7);
	assert_true(digest_parse(str_of(text), &d) && digest_eq(d, abc));
	memset(&d, 0, sizeof(d));
	assert_true(digest_parse(str_of(text + 7), &d) && digest_eq(d, abc));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!digest_parse(str_of(bad[i]), &d), bad[i]);
	assert_true(digest_eq(d, abc));
	assert_false(digest_eq(d, digest_of(STR("abd"))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(in_pieces),
		cmocka_unit_test(text_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
