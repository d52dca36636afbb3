/* Texts compared by lines: what is written, and that it leads from the one to the other. */
#include "unit.h"
#include "api/lines_diff.h"
#include "base/vec.h"

static const struct {
	const char *why, *was, *now, *diff;
} cases[] = {
	{"equal", "a\nb\n", "a\nb\n", ""},
	{"both empty", "", "", ""},
	{"a line changed", "a\nb\nc\n", "a\nB\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"},
	{"all new", "", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n"},
	{"all gone", "a\nb\n", "", "@@ -1,2 +0,0 @@\n-a\n-b\n"},
	{"added at the end", "a\nb\nc\n", "a\nb\nc\nd\n", "@@ -2,2 +2,3 @@\n b\n c\n+d\n"},
	{"gone at the front", "a\nb\nc\nd\n", "b\nc\nd\n", "@@ -1,3 +1,2 @@\n-a\n b\n c\n"},
	{"two hunks", "a\n1\n2\n3\n4\n5\nb\n", "A\n1\n2\n3\n4\n5\nB\n",
	 "@@ -1,3 +1,3 @@\n-a\n+A\n 1\n 2\n@@ -5,3 +5,3 @@\n 4\n 5\n-b\n+B\n"},
	{"near ones are one hunk", "a\n1\n2\n3\n4\nb\n", "A\n1\n2\n3\n4\nB\n",
	 "@@ -1,6 +1,6 @@\n-a\n+A\n 1\n 2\n 3\n 4\n-b\n+B\n"},
	{"a line that moved", "a\nb\nc\n", "b\nc\na\n", "@@ -1,3 +1,3 @@\n-a\n b\n c\n+a\n"},
	{"an empty line", "a\n\nb\n", "a\nb\n", "@@ -1,3 +1,2 @@\n a\n-\n b\n"},
};

static void as_people_know_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(strbuf_done) struct strbuf to = STRBUF(4096);

		CHECK(lines_diff(&to, str_of(cases[i].was), str_of(cases[i].now)), cases[i].why);
		CHECK_STR(strbuf_cstr(&to), cases[i].diff, cases[i].why);
	}
}

static void random_text(struct strbuf *to, uint32_t *seed)
{
	unsigned n = (*seed >> 16) % 40;

	for (unsigned i = 0; i < n; i++) {
		*seed = *seed * 1103515245u + 12345u;
		strbuf_addf(to, "%c\n", 'a' + (int)((*seed >> 16) % 5));
	}
	*seed = *seed * 1103515245u + 12345u;
}

/* The number behind a sign of "@@ -3,4 +3,5 @@". */
static size_t number_after(struct str line, char sign)
{
	const char *at = memchr(line.p, sign, line.n);

	return (size_t)strtoul(at + 1, NULL, 10);
}

/* The old text with the hunks done to it. */
static void apply(struct strbuf *to, struct str old, struct str diff)
{
	size_t at = 1;

	while (diff.p && diff.n) {
		struct str line = str_cut(&diff, '\n');
		size_t first;

		if (str_starts(line, "@@ ")) {
			first = number_after(line, '-');
			first += strstr(line.p, ",0 +") && strstr(line.p, ",0 +") < line.p + line.n;
			for (; at < first; at++) {
				strbuf_addstr(to, str_cut(&old, '\n'));
				strbuf_addc(to, '\n');
			}
			continue;
		}
		if (*line.p != '+') {
			struct str was = str_cut(&old, '\n');

			CHECK(str_eq(was, (struct str){line.p + 1, line.n - 1}),
			      "the line is there");
			at++;
		}
		if (*line.p != '-') {
			strbuf_add(to, line.p + 1, line.n - 1);
			strbuf_addc(to, '\n');
		}
	}
	if (old.p)
		strbuf_addstr(to, old);
}

static void leads_to_the_other(void **state)
{
	uint32_t seed = 7;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		AUTO(strbuf_done) struct strbuf was = STRBUF(4096), now = STRBUF(4096);
		AUTO(strbuf_done) struct strbuf diff = STRBUF(65536), got = STRBUF(65536);

		random_text(&was, &seed);
		random_text(&now, &seed);
		assert_true(lines_diff(&diff, strbuf_str(&was), strbuf_str(&now)));
		apply(&got, strbuf_str(&was), strbuf_str(&diff));
		assert_string_equal(strbuf_cstr(&got), strbuf_cstr(&now));
	}
}

static void too_many(void **state)
{
	AUTO(strbuf_done) struct strbuf was = STRBUF(1 << 20), now = STRBUF(1 << 20);
	AUTO(strbuf_done) struct strbuf diff = STRBUF(1 << 20);

	(void)state;
	for (int i = 0; i < 2500; i++) {
		strbuf_addf(&was, "a%d\n", i);
		strbuf_addf(&now, "b%d\n", i);
	}
	assert_false(lines_diff(&diff, strbuf_str(&was), strbuf_str(&now)));
	assert_int_equal(diff.n, 0);
	strbuf_adds(&was, "end\n"); /* a long file with one change is fine */
	assert_true(
		lines_diff(&diff, strbuf_str(&was), (struct str){strbuf_cstr(&was), was.n - 4}));
	assert_string_equal(strbuf_cstr(&diff), "@@ -2499,3 +2499,2 @@\n a2498\n a2499\n-end\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(as_people_know_it),
					   cmocka_unit_test(leads_to_the_other),
					   cmocka_unit_test(too_many)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
