/* Readers of SARIF, coverage and problem lines; paths. */
#include "unit/unit.h"

#include "base/mem.h"
#include "flow/2-build/reports.h"

static void paths(void **state)
{
	static const struct {
		const char *written, *unit, *want;
	} cases[] = {
		{"src/a.c", "services/x", "services/x/src/a.c"},
		{"./src/../a.c", "services/x", "services/x/a.c"},
		{"../y/a.c", "services/x", "services/y/a.c"},
		{"/repo/libs/a.c", "services/x", "libs/a.c"},
		{"file:///repo/libs/a%20b.c", "services/x", "libs/a b.c"},
		{"file://host/repo/a.c", "x", "a.c"},
		{"a.c", ".", "a.c"},
		{"a.c", "", "a.c"},
		{"/usr/include/stdio.h", "x", NULL},
		{"../../../etc/passwd", "services/x", NULL},
		{"/repo/../etc/passwd", "x", NULL},
		{"", "x", NULL},
		{"a\nb.c", "x", "x/a\nb.c"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(freep) char *got = report_path(str_of(cases[i].written), cases[i].unit);
		CHECK_STR(got ? got : "-", cases[i].want ? cases[i].want : "-", cases[i].written);
	}
}

static void places(void **state)
{
	static const struct {
		const char *text, *path;
		uint32_t line, column;
	} cases[] = {{"at Object (src/sum.test.js:3:21)", "src/sum.test.js", 3, 21},
		     {"tests/t.c:9: error", "tests/t.c", 9, 0},
		     {"src/a.ts(4,5): error", "src/a.ts", 4, 5},
		     {"at 12:30 it was 5", NULL, 0, 0},
		     {"error: 5", NULL, 0, 0},
		     {"", NULL, 0, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str path = {0};
		uint32_t line = 0, column = 0;
		bool found = text_place(str_of(cases[i].text), &path, &line, &column);
		CHECK(found == (cases[i].path != NULL), cases[i].text);
		CHECK(!found || (str_is(path, cases[i].path) && line == cases[i].line &&
				 column == cases[i].column),
		      cases[i].text);
	}
}

static void sarif(void **state)
{
	static const char text[] =
		"{\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":{\"name\":\"lint\",\"rules\":["
		"{\"id\":\"R1\",\"defaultConfiguration\":{\"level\":\"error\"},\"messageStrings\":{\"default\":{\"text\":\"{0} is bad\"}}},{\"id\":\"R2\"}]}},"
		"\"artifacts\":[{\"location\":{\"uri\":\"z.c\"}}],\"originalUriBaseIds\":{\"ROOT\":{\"uri\":\"file:///repo/libs/\"}},"
		"\"results\":["
		"{\"ruleId\":\"R1\",\"message\":{\"id\":\"default\",\"arguments\":[\"x\"]},\"locations\":[{\"physicalLocation\":{\"artifactLocation\":"
		"{\"uri\":\"a.c\",\"uriBaseId\":\"ROOT\"},\"region\":{\"startLine\":3,\"startColumn\":7}}}]},"
		"{\"ruleIndex\":1,\"level\":\"note\",\"message\":{\"text\":\"hm\"},\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"index\":0}}}]},"
		"{\"ruleId\":\"R2\",\"message\":{\"text\":\"warned\"}},"
		"{\"ruleId\":\"R2\",\"message\":{\"text\":\"known\"},\"suppressions\":[{\"kind\":\"inSource\"}]},"
		"{\"ruleId\":\"R2\",\"kind\":\"pass\",\"message\":{\"text\":\"fine\"}}]}]}";
	struct report r = {0};
	struct err err = {0};

	(void)state;
	if (sarif_read(STR(text), "services/x", &r, &err) != RC_OK)
		fail_msg("%s", err.msg);
	assert_int_equal(r.annotations.n, 3);
	CHECK_STR(r.annotations.v[0].path, "libs/a.c", "base");
	CHECK_STR(r.annotations.v[0].message, "x is bad", "message of the rule");
	CHECK(r.annotations.v[0].line == 3 && r.annotations.v[0].column == 7, "place");
	CHECK(r.annotations.v[0].level == ANNOTATION_ERROR, "level of the rule");
	CHECK_STR(r.annotations.v[1].path, "services/x/z.c", "artifact by number");
	CHECK_STR(r.annotations.v[1].rule, "R2", "rule by number");
	CHECK(r.errors == 1 && r.warnings == 1, "counts");
	report_done(&r);
	CHECK(sarif_read(STR("{\"runs\":3}"), "", &r, &err) == RC_INVALID, "no list");
	CHECK(sarif_read(STR("{\"runs\":[{\"results\":[3,null,{}]},7]}"), "", &r, &err) == RC_OK,
	      "odd parts");
	CHECK(sarif_read(STR("nothing"), "", &r, &err) == RC_INVALID && strstr(err.msg, "line 1"),
	      err.msg);
	report_done(&r);
}

static void coverage(void **state)
{
	static const char lcov[] =
		"TN:\nSF:/repo/x/a.c\nFN:1,f\nDA:1,4\nDA:2,0\nDA:3,0,abc\nLF:3\nend_of_record\nSF:/usr/include/h.h\nDA:1,1\nend_of_record\n";
	static const char xml[] =
		"<?xml version=\"1.0\"?><!DOCTYPE coverage SYSTEM 'http://x/coverage-04.dtd'><coverage><sources><source>/repo/x</source></sources>"
		"<packages><package><classes><class filename=\"a.c\"><methods><method><lines><line number=\"2\" hits=\"1\"/></lines></method></methods>"
		"<lines><line number=\"2\" hits=\"1\"/><line number=\"9\" hits=\"0\"/></lines></class>"
		"<class filename=\"b.c\"><lines><line number=\"1\" hits=\"7\"/></lines></class></classes></package></packages></coverage>";
	struct coverage c = {0};
	struct report r = {0};
	struct err err = {0};

	(void)state;
	if (coverage_read(&c, STR(lcov), "x", &err) != RC_OK ||
	    coverage_read(&c, STR(xml), "x", &err) != RC_OK)
		fail_msg("%s", err.msg);
	coverage_report(&c, &r);
	assert_int_equal(r.coverage.n, 2);
	CHECK_STR(r.coverage.v[0].path, "x/a.c", "one file of both");
	CHECK(r.coverage.v[0].lines == 4 && r.coverage.v[0].covered == 2,
	      "covered when one says so");
	CHECK(r.lines == 5 && r.covered == 3, "all");
	coverage_done(&c);
	report_done(&r);
	CHECK(coverage_read(&c, STR("hello"), "x", &err) == RC_INVALID, "neither");
	CHECK(coverage_read(&c, STR("SF:a\nDA:x,1\n"), "x", &err) == RC_INVALID &&
		      strstr(err.msg, "line 2"),
	      err.msg);
	CHECK(coverage_read(&c, STR("<html/>"), "x", &err) == RC_INVALID &&
		      strstr(err.msg, "Cobertura"),
	      err.msg);
	CHECK(coverage_read(&c, STR("<!DOCTYPE c [<!ENTITY a 'b'>]><coverage>&a;</coverage>"), "x",
			    &err) == RC_INVALID,
	      "entities");
	CHECK(coverage_read(&c, STR("SF:a\nDA:4000000000,1\n"), "x", &err) == RC_TOO_BIG,
	      "a line too far");
	coverage_done(&c);
}

static void problems(void **state)
{
	static const struct {
		const char *style, *log, *path, *rule, *message;
		uint32_t line, column;
		enum annotation_level level;
	} cases[] = {
		{"gcc",
		 "x\n\033[1msrc/a.c:3:5:\033[0m warning: unused 'x' [-Wunused]\nsrc/a.c:3:5: warning: unused 'x' [-Wunused]\n",
		 "u/src/a.c", "-Wunused", "unused 'x'", 3, 5, ANNOTATION_WARNING},
		{"gcc", "[3/9] /repo/b.c:7: fatal error: no.h: No such file", "b.c", "",
		 "no.h: No such file", 7, 0, ANNOTATION_ERROR},
		{"tsc", "a.ts(12,7): error TS2322: Type 'a' is not b.\r\n", "u/a.ts", "TS2322",
		 "Type 'a' is not b.", 12, 7, ANNOTATION_ERROR},
		{"tsc",
		 "\033[96ma.ts\033[0m:\033[93m1\033[0m:\033[93m2\033[0m - \033[91merror\033[0m\033[90m TS1: \033[0mno\n",
		 "u/a.ts", "TS1", "no", 1, 2, ANNOTATION_ERROR},
		{"eslint", "/repo/w/a.js\n  3:5  error  'x' is not defined  no-undef\n", "w/a.js",
		 "no-undef", "'x' is not defined", 3, 5, ANNOTATION_ERROR},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t piece = 1; piece < 40; piece += 13) {
			struct report r = {0};
			struct problems p;
			struct str log = str_of(cases[i].log);
			CHECK(problems_open(&p, cases[i].style, "u", &r), "style");
			for (size_t k = 0; k < log.n; k += piece)
				problems_feed(&p,
					      (struct str){log.p + k, MIN_OF(piece, log.n - k)});
			problems_close(&p);
			CHECK(r.annotations.n == 1, cases[i].log);
			const struct annotation *a = &r.annotations.v[0];
			CHECK_STR(a->path ? a->path : "-", cases[i].path, cases[i].log);
			CHECK_STR(a->rule ? a->rule : "", cases[i].rule, cases[i].log);
			CHECK_STR(a->message, cases[i].message, cases[i].log);
			CHECK(a->line == cases[i].line && a->column == cases[i].column &&
				      a->level == cases[i].level,
			      cases[i].log);
			report_done(&r);
		}
	struct problems p;
	CHECK(!problems_open(&p, "cobol", "", NULL), "no such style");
}

static void junit_details(void **state)
{
	static const char xml[] =
		"<testsuites><testsuite file=\"s.js\"><testcase name=\"a\" classname=\"K\" time=\"1,000.5\"/>"
		"<testcase name=\"b\" time=\"0.25\"><failure message=\"m\">x\n  at f (s.js:8:2)</failure></testcase></testsuite>"
		"<testcase name=\"c\" classname=\"Other\" time=\"2\"><skipped message=\"later\"/></testcase></testsuites>";
	struct report r = {0};
	struct err err = {0};
	file_times times = {0};

	(void)state;
	if (junit_read(STR(xml), "u", NULL, &r, &err) != RC_OK)
		fail_msg("%s", err.msg);
	CHECK(r.tests.n == 3 && r.tests_failed == 1 && r.tests_skipped == 1, "counts");
	CHECK_STR(r.tests.v[0].file, "u/s.js", "the suite's file");
	CHECK(r.tests.v[2].outcome == TEST_SKIPPED && !r.tests.v[2].file, "outside of it");
	CHECK_STR(r.tests.v[2].message, "later", "why");
	CHECK(r.annotations.n == 1 && r.annotations.v[0].line == 8 && r.errors == 0,
	      "place out of the text");
	junit_times(&r, &times);
	assert_int_equal(times.n, 2);
	CHECK(streq(times.v[0].file, "u/s.js") && times.v[0].usec == 1000750000, "of a file");
	CHECK(streq(times.v[1].file, "Other") && times.v[1].usec == 2000000, "else of a class");
	vec_each(t, &times)
		xfree(t->file);
	vec_done(&times);
	report_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),    cmocka_unit_test(places),
		cmocka_unit_test(sarif),    cmocka_unit_test(coverage),
		cmocka_unit_test(problems), cmocka_unit_test(junit_details)};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
