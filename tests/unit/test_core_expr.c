/* The language of `if`: what is true, what is refused and at which character; nothing that is read says anything else when it is computed. */
#include "core/expr.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "unit.h"

#include <stdlib.h>

static const struct {
	const char *name, *value;
} names[] = {{"event", "push"},
	     {"branch", "main"},
	     {"tag", ""},
	     {"subject", "it's \"quoted\" && ${x} $(y) `z`"},
	     {"pr.labels", "preview big two"},
	     {"pr.number", "17"},
	     {"matrix.db", "15"},
	     {"matrix.v", "1.10"},
	     {"fork", ""},
	     {"open", "[a"},
	     {"in-put", "x"}};

static bool value(void *ctx, struct str name, struct str *ret)
{
	(void)ctx;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_is(name, names[i].name)) {
			*ret = str_of(names[i].value);
			return true;
		}
	return false;
}

static bool known(void *ctx, struct str name)
{
	struct str ignored;

	return value(ctx, name, &ignored);
}
static const struct expr_known names_known = {.name = known};

static bool affected(void *ctx, struct str unit)
{
	(void)ctx;
	return str_is(unit, "shop");
}

static bool changed(void *ctx, struct str glob)
{
	(void)ctx;
	return str_is(glob, "docs/**");
}

static const struct expr_names world = {value, affected, changed, NULL};

/* ---- what is true ---- */

static const struct {
	const char *text;
	bool want;
} truths[] = {
	{"true", true},
	{"false", false},
	{"!true", false},
	{"!!true", true},
	{"! ! false", false},
	{"'x'", true},
	{"''", false},
	{"0", false},
	{"0.0", false},
	{"2", true},
	{"branch", true},
	{"tag", false},
	{"fork", false},
	{"fork == false", true},
	{"branch == true", true},
	{"event == 'push'", true},
	{"event == 'Push'", false},
	{"event != 'push'", false},
	{"event!='tag'", true},
	{"'it''s' == 'it''s'", true},
	{"subject =~ 'it*'", true},
	{"contains(subject, '''s ')", true},
	{"'' == tag", true},
	/* && binds tighter than ||, ! tighter than both, a comparison tighter than ! */
	{"true || false && false", true},
	{"(true || false) && false", false},
	{"false && false || true", true},
	{"false && (false || true)", false},
	{"!false && false", false},
	{"!(false && false)", true},
	{"!event == 'tag'", true},
	{"!'' == 'x'", true},
	{"true && true && false", false},
	{"false || false || true", true},
	/* numbers, and texts that are numbers */
	{"matrix.db == 15", true},
	{"15 == matrix.db", true},
	{"matrix.db == 15.0", true},
	{"matrix.db == '15.0'", false},
	{"'15' == '15.0'", false},
	{"matrix.db != 16", true},
	{"matrix.db < 16", true},
	{"matrix.db < 9", false},
	{"matrix.db > '9'", true},
	{"'9' < '15'", true},
	{"matrix.v == 1.1", true},
	{"1.1 == 1.10", true},
	{"pr.number >= 17", true},
	{"pr.number <= 16", false},
	{"15 <= 15", true},
	{"15 >= 16", false},
	{"2 > 1", true},
	{"'x' == 1", false},
	{"'x' != 1", true},
	{"'' == 0", false},
	/* else bytewise */
	{"'b' > 'a'", true},
	{"'B' < 'a'", true},
	{"'a' < 'ab'", true},
	{"'v9' > 'v10'", true},
	{"'x' < 1", false},
	/* lists */
	{"'big' in pr.labels", true},
	{"'bi' in pr.labels", false},
	{"'two' in pr.labels", true},
	{"'preview' in pr.labels && 'big' in pr.labels", true},
	{"branch in 'main release'", true},
	{"'a' in ''", false},
	{"!('nope' in pr.labels)", true},
	/* globs */
	{"branch =~ 'ma*'", true},
	{"branch =~ '{main,release}'", true},
	{"branch =~ 'release/**'", false},
	{"'release/1/x' =~ 'release/**'", true},
	/* functions */
	{"affected('shop')", true},
	{"affected('nope')", false},
	{"changed('docs/**') || false", true},
	{"!changed('src/**')", true},
	{"startsWith(branch, 'ma')", true},
	{"startsWith(branch, 'mains')", false},
	{"startsWith(branch, '')", true},
	{"endsWith( branch , 'in' )", true},
	{"endsWith('in', branch)", false},
	{"contains(branch, 'ai')", true},
	{"contains(branch, 'ia')", false},
	{"contains(tag, '')", true},
	/* words and blanks */
	{"in-put == 'x'", true},
	{"  true\t\n", true},
	{"branch=='main'&&event=='push'||false", true},
	{"(((true)))", true},
};

static void what_is_true(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(truths); i++) {
		struct err err = {RC_OK, ""};
		size_t at = 0;
		bool got = !truths[i].want;

		CHECK(expr_check(str_of(truths[i].text), &names_known, &at, &err) == RC_OK,
		      truths[i].text);
		if (expr_eval(str_of(truths[i].text), &world, &got, &err) != RC_OK)
			fail_msg("%s: %s", truths[i].text, err.msg);
		CHECK(got == truths[i].want, truths[i].text);
	}
}

/* ---- what is refused ---- */

static const struct {
	const char *text;
	size_t at; /* byte */
	const char *says;
} faults[] = {
	{"", 0, "a value is missing"},
	{"   ", 3, "a value is missing"},
	{"event ==", 8, "a value is missing"},
	{"== 'x'", 0, "begins no value"},
	{"event = 'push'", 6, "too much"},
	{"event == 'push", 9, "does not end"},
	{"event == 'it''", 9, "does not end"},
	{"evnt == 'push'", 0, "no name \"evnt\""},
	{"true && evnt", 8, "no name \"evnt\""},
	{"event 'push'", 6, "too much"},
	{"a == b == c", 0, "no name"},
	{"1 == 1 == 1", 7, "too much"},
	{"true true", 5, "too much"},
	{"true)", 4, "too much"},
	{"(true", 5, ") is missing"},
	{"((true)", 7, ") is missing"},
	{"()", 1, "begins no value"},
	{"!", 1, "a value is missing"},
	{"true &&", 7, "a value is missing"},
	{"true & true", 5, "too much"},
	{"true || || true", 8, "begins no value"},
	{"1.2.3", 0, "no number"},
	{"1.", 0, "no number"},
	{"-1", 0, "begins no value"},
	{"${event} == 'push'", 0, "begins no value"},
	{"event == \"push\"", 9, "begins no value"},
	{"nope('x')", 0, "no such function"},
	{"true()", 0, "no such function"},
	{"affected()", 9, "begins no value"},
	{"affected('a', 'b')", 12, ") is missing"},
	{"startsWith('a')", 14, ", is missing"},
	{"affected(1)", 9, "takes texts"},
	{"contains('a', true)", 14, "takes texts"},
	{"true < false", 7, "no order"},
	{"true in 'a'", 8, "no order"},
	{"1 in 'a'", 5, "take texts"},
	{"'a' in 1", 7, "take texts"},
	{"branch =~ 1", 10, "take texts"},
	{"branch =~ '[a'", 10, ""},
	{"branch =~ ''", 10, ""},
};

static void what_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct err err = {RC_OK, ""};
		AUTO(freep) char *where = NULL;
		size_t at = 0;

		CHECK(expr_check(str_of(faults[i].text), &names_known, &at, &err) == RC_INVALID,
		      faults[i].text);
		where = xasprintf("%zu %s", at, err.msg);
		if (at != faults[i].at || !strstr(err.msg, faults[i].says))
			fail_msg("%s: got %s, want %zu %s", faults[i].text, where, faults[i].at,
				 faults[i].says);
		AUTO(freep) char *character = xasprintf("(at character %zu)", at + 1);
		CHECK(strstr(err.msg, character), err.msg);
	}
}

static char *repeated(const char *before, size_t n, const char *middle, const char *after)
{
	struct strbuf b = STRBUF(1 << 20);

	for (size_t i = 0; i < n; i++)
		strbuf_adds(&b, before);
	strbuf_adds(&b, middle);
	for (size_t i = 0; i < n; i++)
		strbuf_adds(&b, after);
	return strbuf_take(&b);
}

static void nested(void **state)
{
	static const struct {
		const char *before, *middle, *after;
		size_t n;
		enum rc want;
	} rows[] = {
		{"(", "true", ")", EXPR_DEPTH - 1, RC_OK},
		{"(", "true", ")", EXPR_DEPTH, RC_INVALID},
		{"(", "true", ")", 2000, RC_INVALID},
		{"(", "true", ")", 10000, RC_INVALID},
		{"!", "true", "", 4000, RC_OK},
		{"!", "true", "", 10000, RC_INVALID},
		{"affected(", "'x'", ")", 2, RC_INVALID}, /* its value is no text */
		{"affected(", "'x'", ")", 400, RC_INVALID},
		{"!(", "true", ")", 1300, RC_INVALID},
		{"(", "", "", 4096, RC_INVALID},
		{"true || ", "true", "", 500, RC_OK},
		{"true || ", "true", "", 600, RC_INVALID}, /* too long */
		{"'it''s' == branch || ", "true", "", 16, RC_OK},
		{"'it''s' == branch || ", "true", "", 17, RC_INVALID},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(freep)
		char *text = repeated(rows[i].before, rows[i].n, rows[i].middle, rows[i].after);
		AUTO(freep) char *why = xasprintf("%zu of %s", rows[i].n, rows[i].before);
		struct err err = {RC_OK, ""};
		bool yes = false;

		CHECK(expr_check(str_of(text), &names_known, NULL, &err) == rows[i].want, why);
		CHECK(expr_eval(str_of(text), &world, &yes, NULL) == rows[i].want, why);
		CHECK(rows[i].want != RC_OK || yes, why);
	}
}

/* A change's texts are values, never part of the expression; a pattern that is none matches nothing. */
static void values_decide_no_error(void **state)
{
	bool yes = true;

	(void)state;
	assert_int_equal(expr_check(STR("branch =~ open"), &names_known, NULL, NULL), RC_OK);
	assert_int_equal(expr_eval(STR("branch =~ open"), &world, &yes, NULL), RC_OK);
	assert_false(yes);
	yes = true;
	assert_int_equal(expr_eval(STR("branch =~ tag"), &world, &yes, NULL), RC_OK);
	assert_false(yes);
	assert_int_equal(expr_eval(STR("subject == 'x' || true"), &world, &yes, NULL), RC_OK);
	assert_true(yes);
}

/* Any text of these pieces: what is read can be computed, and nothing else can. */
static void checked_is_computable(void **state)
{
	static const char *const pieces[] = {"(",         ")",      "!",         "&&",
					     "||",        "==",     "!=",        "=~",
					     "in",        "<",      ">=",        "'a'",
					     "''",        "'[a'",   "1",         "2.5",
					     "branch",    "tag",    "open",      "true",
					     "affected(", ",",      "contains(", "nope",
					     "pr.labels", "'it''s'"};
	unsigned seed = 7, read = 0;

	(void)state;
	for (unsigned round = 0; round < 200000; round++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(400);
		struct err err = {RC_OK, ""};
		bool yes;

		for (unsigned n = 1 + (seed >> 16) % 7; n--;) {
			seed = seed * 1103515245u + 12345u;
			strbuf_addf(&b, "%s ", pieces[(seed >> 16) % ARRAY_LEN(pieces)]);
		}
		seed = seed * 1103515245u + 12345u;
		enum rc rc = expr_check(strbuf_str(&b), &names_known, NULL, NULL);
		read += rc == RC_OK;
		CHECK(expr_eval(strbuf_str(&b), &world, &yes, &err) == rc, strbuf_cstr(&b));
	}
	assert_true(read > 1000);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(what_is_true),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(nested),
		cmocka_unit_test(values_decide_no_error),
		cmocka_unit_test(checked_is_computable),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
