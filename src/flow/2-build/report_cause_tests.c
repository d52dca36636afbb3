/* Failed tests in a log, as their runners print them: the first one's own lines. */
#include "flow/2-build/reports.h"

struct runner {
	/* Does the failure of a test begin here? */
	bool (*begins)(const struct log_lines *l, size_t i);
	/* Say it. */
	void (*say)(const struct log_lines *l, size_t i, struct cause_out *o);
};

static bool starts(struct str line, const char *word)
{
	return str_starts(str_trim(line), word);
}

static size_t indent(struct str line)
{
	size_t n = 0;

	while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
		n++;
	return n;
}

/* ---- cmocka, googletest: between the error and "[  FAILED  ]" */

static bool cmocka_begins(const struct log_lines *l, size_t i)
{
	return str_starts(l->v[i], "[  ERROR   ] --- ");
}

static bool gtest_begins(const struct log_lines *l, size_t i)
{
	return str_ends(str_trim(l->v[i]), ": Failure") && has(l->v[i], ":");
}

static void say_to_failed(const struct log_lines *l, size_t i, struct cause_out *o)
{
	for (; i < l->n && !cause_full(o); i++) {
		cause_say(o, l->v[i]);
		if (str_starts(l->v[i], "[  FAILED  ]"))
			return;
	}
}

/* ---- Jest: "  ● suite › name", message, code, stack */

static bool jest_begins(const struct log_lines *l, size_t i)
{
	struct str s = str_trim(l->v[i]);

	return str_starts(s, "\xe2\x97\x8f ") && !str_starts(s, "\xe2\x97\x8f Console") &&
	       i + 1 < l->n && is_blank(l->v[i + 1]);
}

static void say_to_stack(const struct log_lines *l, size_t i, struct cause_out *o)
{
	cause_say(o, l->v[i++]);
	for (unsigned stack = 0; i < l->n && !cause_full(o); i++) {
		if (jest_begins(l, i) || starts(l->v[i], "Test Suites:"))
			return;
		stack += is_stack(l->v[i]);
		if (stack > 1)
			return;
		cause_say(o, l->v[i]);
	}
}

/* ---- Vitest: " FAIL  src/a.test.ts > suite > name", then up to a rule of "⎯" */

static bool vitest_begins(const struct log_lines *l, size_t i)
{
	return starts(l->v[i], "FAIL ") && has(l->v[i], " > ");
}

static void vitest_say(const struct log_lines *l, size_t i, struct cause_out *o)
{
	cause_say(o, l->v[i++]);
	for (; i < l->n && !starts(l->v[i], "\xe2\x8e\xaf") && !vitest_begins(l, i); i++)
		cause_say(o, l->v[i]);
}

/* ---- pytest: "____ name ____", ">   code", "E   why", "file:line: Error" */

static bool pytest_begins(const struct log_lines *l, size_t i)
{
	return str_starts(l->v[i], "E   ");
}

static bool pytest_head(struct str line)
{
	return str_starts(line, "____") && str_ends(str_trim(line), "____");
}

static void pytest_say(const struct log_lines *l, size_t i, struct cause_out *o)
{
	size_t head = i, code = i;

	while (head && !pytest_head(l->v[head]))
		head--;
	if (pytest_head(l->v[head])) {
		struct str name = l->v[head];
		while (name.n && (*name.p == '_' || *name.p == ' '))
			name.p++, name.n--;
		while (name.n && (name.p[name.n - 1] == '_' || name.p[name.n - 1] == ' '))
			name.n--;
		cause_say(o, name);
	}
	while (code > head && i - code < 4 && !str_starts(l->v[code], ">"))
		code--;
	if (str_starts(l->v[code], ">"))
		for (size_t k = code; k < i; k++)
			cause_say(o, l->v[k]);
	for (; i < l->n && str_starts(l->v[i], "E") && o->lines + 1 < CAUSE_LINES; i++)
		cause_say(o, l->v[i]);
	for (size_t k = i; k < l->n && k < i + 3; k++) {
		struct str path;
		uint32_t line, column;
		if (text_place(l->v[k], &path, &line, &column)) {
			cause_say(o, l->v[k]);
			return;
		}
	}
}

/* ---- go test: "--- FAIL: Name (0.00s)" with indented lines below it, or (-v) above it */

static bool go_begins(const struct log_lines *l, size_t i)
{
	return starts(l->v[i], "--- FAIL: ");
}

static void go_say(const struct log_lines *l, size_t i, struct cause_out *o)
{
	size_t before = i, end = i + 1;

	while (end < l->n && indent(l->v[end]) > indent(l->v[i]))
		end++;
	while (end == i + 1 && before && indent(l->v[before - 1]) > indent(l->v[i]) &&
	       i - before < 8)
		before--;
	cause_say(o, l->v[i]);
	for (size_t k = before; k < end; k++)
		if (k != i)
			cause_say(o, l->v[k]);
}

/* ---- cargo test: "---- tests::name stdout ----", up to the note about backtraces */

static bool cargo_begins(const struct log_lines *l, size_t i)
{
	return str_starts(l->v[i], "---- ") && str_ends(str_trim(l->v[i]), " stdout ----");
}

static void cargo_say(const struct log_lines *l, size_t i, struct cause_out *o)
{
	cause_say(o, l->v[i++]);
	for (; i < l->n && !str_starts(l->v[i], "note: ") && !str_is(l->v[i], "failures:") &&
	       !str_starts(l->v[i], "stack backtrace") && !cargo_begins(l, i);
	     i++)
		cause_say(o, l->v[i]);
}

/* ---- Maven Surefire, Gradle: a head, the exception, one line of its stack */

static bool maven_begins(const struct log_lines *l, size_t i)
{
	return (has(l->v[i], "<<< FAILURE!") || has(l->v[i], "<<< ERROR!")) &&
	       !has(l->v[i], "Tests run:");
}

static bool gradle_begins(const struct log_lines *l, size_t i)
{
	return str_ends(str_trim(l->v[i]), " FAILED") && has(l->v[i], " > ") && i + 1 < l->n &&
	       indent(l->v[i + 1]) >= 4;
}

static void java_say(const struct log_lines *l, size_t i, struct cause_out *o)
{
	cause_say(o, l->v[i++]);
	for (; i < l->n && !is_blank(l->v[i]); i++) {
		cause_say(o, l->v[i]);
		if (is_stack(l->v[i]))
			return;
	}
}

/* ---- Mocha: "  1 failing", then the list */

static bool mocha_begins(const struct log_lines *l, size_t i)
{
	struct str s = str_trim(l->v[i]), n = str_cut(&s, ' ');
	uint32_t count;

	return s.p && str_is(s, "failing") && parse_u32(n, &count);
}

/* ---- TAP: "not ok 2 - name" with what is indented below it */

static bool tap_begins(const struct log_lines *l, size_t i)
{
	return starts(l->v[i], "not ok ") &&
	       !has(l->v[i], "# TO"
			     "DO") &&
	       !has(l->v[i], "# SKIP");
}

static void tap_say(const struct log_lines *l, size_t i, struct cause_out *o)
{
	size_t edge = indent(l->v[i]);

	cause_say(o, l->v[i++]);
	for (; i < l->n && (indent(l->v[i]) > edge || str_starts(l->v[i], "#")); i++) {
		struct str s = str_trim(l->v[i]);
		if (!str_is(s, "---") && !str_is(s, "..."))
			cause_say(o, l->v[i]);
		if (str_is(s, "..."))
			return;
	}
}

/* ---- unittest: "FAIL: name (class)", a rule, a traceback */

static bool unittest_begins(const struct log_lines *l, size_t i)
{
	return (str_starts(l->v[i], "FAIL: ") || str_starts(l->v[i], "ERROR: ")) && i + 2 < l->n &&
	       str_starts(l->v[i + 1], "-----");
}

static void unittest_say(const struct log_lines *l, size_t i, struct cause_out *o)
{
	cause_say(o, l->v[i]);
	for (i += 2; i < l->n && !is_blank(l->v[i]); i++)
		if (!str_starts(l->v[i], "Traceback"))
			cause_say(o, l->v[i]);
}

/* ---- assert() of C */

static bool assert_begins(const struct log_lines *l, size_t i)
{
	return has(l->v[i], ": Assertion `") && has(l->v[i], "' failed.");
}

static void one_line(const struct log_lines *l, size_t i, struct cause_out *o)
{
	cause_say(o, l->v[i]);
}

/* ---- what only names the test that failed: when no one else said more */

static bool ctest_begins(const struct log_lines *l, size_t i)
{
	return has(l->v[i], "***Failed") || has(l->v[i], "***Exception") ||
	       has(l->v[i], "***Timeout");
}

static void ctest_say(const struct log_lines *l, size_t i, struct cause_out *o)
{
	cause_say(o, l->v[i++]);
	for (; i < l->n && !has(l->v[i], " tests passed, ") && !has(l->v[i], "    Start ") &&
	       !has(l->v[i], " Test #");
	     i++)
		cause_say(o, l->v[i]);
}

static bool ctest_list_begins(const struct log_lines *l, size_t i)
{
	return str_starts(l->v[i], "The following tests FAILED:");
}

static bool pytest_list_begins(const struct log_lines *l, size_t i)
{
	return (str_starts(l->v[i], "FAILED ") || str_starts(l->v[i], "ERROR ")) &&
	       has(l->v[i], "::");
}

static bool maven_list_begins(const struct log_lines *l, size_t i)
{
	return str_starts(l->v[i], "[ERROR] Failures:") || str_starts(l->v[i], "[ERROR] Errors:");
}

static void to_blank(const struct log_lines *l, size_t i, struct cause_out *o)
{
	for (; i < l->n && !is_blank(l->v[i]); i++)
		cause_say(o, l->v[i]);
}

static const struct runner first[] = {
	{cmocka_begins, say_to_failed},  {gtest_begins, say_to_failed},
	{jest_begins, say_to_stack},     {vitest_begins, vitest_say},
	{pytest_begins, pytest_say},     {go_begins, go_say},
	{cargo_begins, cargo_say},       {maven_begins, java_say},
	{gradle_begins, java_say},       {mocha_begins, say_to_stack},
	{unittest_begins, unittest_say}, {tap_begins, tap_say},
	{assert_begins, one_line},
};
static const struct runner second[] = {
	{pytest_list_begins, to_blank},
	{maven_list_begins, to_blank},
	{ctest_begins, ctest_say},
	{ctest_list_begins, to_blank},
};

static bool try_all(const struct runner *runners, size_t n, const struct log_lines *l,
		    struct cause_out *o)
{
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < n; k++)
			if (runners[k].begins(l, i)) {
				runners[k].say(l, i, o);
				return o->lines > 0;
			}
	return false;
}

bool cause_tests(const struct log_lines *l, struct cause_out *o)
{
	return try_all(first, ARRAY_LEN(first), l, o) || try_all(second, ARRAY_LEN(second), l, o);
}
