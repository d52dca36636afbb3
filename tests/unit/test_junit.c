#include "unit/unit.h"

#include "base/mem.h"
#include "flow/2-build/reports.h"

static void read_reports(void **state)
{
	static const struct {
		const char *why, *xml;
		uint32_t tests, failed, skipped;
		const char *first;
	} cases[] = {
		{"all pass",
		 "<testsuite><testcase name='a'/><testcase name='b'></testcase></testsuite>", 2, 0,
		 0, ""},
		{"nested suites",
		 "<?xml version=\"1.0\" encoding=\"UTF-8\"?><testsuites><testsuite><testsuite><testcase name='a'/></testsuite></testsuite>"
		 "<testsuite><testcase name='b'><skipped/></testcase></testsuite></testsuites>",
		 2, 0, 1, ""},
		{"message",
		 "<testsuite><testcase classname='C' name='t'><failure message='want 1 &lt; 2'>trace</failure></testcase></testsuite>",
		 1, 1, 0, "C.t: want 1 < 2"},
		{"text",
		 "<testsuite><testcase name='t'><error>\n  first line\nsecond</error></testcase></testsuite>",
		 1, 1, 0, "t: first line"},
		{"CDATA",
		 "<testsuite><testcase name='t'><failure><![CDATA[a<b]]></failure></testcase></testsuite>",
		 1, 1, 0, "t: a<b"},
		{"first of two",
		 "<s><testcase name='a'><failure message='x'/><failure message='y'/></testcase>"
		 "<testcase name='b'><failure message='z'/></testcase></s>",
		 2, 2, 0, "a: x"},
		{"failed and skipped", "<s><testcase name='a'><failure/><skipped/></testcase></s>",
		 1, 1, 0, "a"},
		{"a namespace",
		 "<j:s xmlns:j='urn:j'><j:testcase name='a'><j:failure message='m'/></j:testcase></j:s>",
		 1, 1, 0, "a: m"},
		{"no name", "<s><testcase><failure/></testcase></s>", 1, 1, 0,
		 "a test without a name"},
		{"control characters",
		 "<s><testcase name='a'><failure message='\x1b[31mred&#27;[0m&#x0;'/></testcase></s>",
		 1, 1, 0, "a: ?[31mred?[0m?"},
		{"broken UTF-8",
		 "<s><testcase name='a'><failure message='x\xff\xc3y\xef\xbf\xbf'/></testcase></s>",
		 1, 1, 0, "a: x??y?"},
		{"another encoding",
		 "<?xml version='1.0' encoding='ISO-8859-1'?><s><testcase name='a'><failure message='\xe9'/></testcase></s>",
		 1, 1, 0, "a: \xc3\xa9"},
		{"output is no failure",
		 "<s><testcase name='a'><system-out>failure</system-out></testcase></s>", 1, 0, 0,
		 ""},
		{"errors of a suite do not count",
		 "<s><error message='x'/><testcase name='a'/></s>", 1, 0, 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct junit j = {0};
		struct err err = {0};
		if (junit_read(str_of(cases[i].xml), "", &j, NULL, &err) != RC_OK)
			fail_msg("%s: %s", cases[i].why, err.msg);
		CHECK(j.tests == cases[i].tests && j.failed == cases[i].failed &&
			      j.skipped == cases[i].skipped,
		      cases[i].why);
		CHECK_STR(j.first_failure ? j.first_failure : "", cases[i].first, cases[i].why);
		shape_done(&shape_junit, &j);
	}
}

static void refusals(void **state)
{
	static const struct {
		const char *why, *xml, *says;
	} cases[] = {
		{"empty", "", "line 1"},
		{"not XML", "hello", "line 1"},
		{"cut off", "<s>\n<testcase name='a'>", "line 2"},
		{"two roots", "<a/><b/>", "line 1"},
		{"an entity bomb",
		 "<?xml version='1.0'?><!DOCTYPE l [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><s>&b;</s>",
		 "document type"},
		{"an outer entity", "<!DOCTYPE l SYSTEM 'file:///etc/passwd'><s/>",
		 "document type"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct junit j = {.tests = 7};
		struct err err = {0};
		CHECK(junit_read(str_of(cases[i].xml), "", &j, NULL, &err) == RC_INVALID,
		      cases[i].why);
		CHECK(strstr(err.msg, cases[i].says), err.msg);
		CHECK(j.tests == 7 && !j.first_failure, cases[i].why);
	}
}

static void caps(void **state)
{
	struct strbuf deep = STRBUF(100000), big = STRBUF(JUNIT_MAX + 10), text = STRBUF(100000);
	struct junit j = {0};
	struct err err = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		strbuf_adds(&deep, "<a>");
	CHECK(junit_read(strbuf_str(&deep), "", &j, NULL, &err) == RC_INVALID &&
		      strstr(err.msg, "levels"),
	      err.msg);
	while (big.n <= JUNIT_MAX)
		strbuf_addc(&big, ' ');
	CHECK(junit_read(strbuf_str(&big), "", &j, NULL, &err) == RC_TOO_BIG, "size");
	strbuf_adds(&text, "<s><testcase name='a'><failure message='");
	for (int i = 0; i < 2000; i++)
		strbuf_adds(&text, "\xc3\xa9");
	strbuf_adds(&text, "'/></testcase></s>");
	assert_int_equal(junit_read(strbuf_str(&text), "", &j, NULL, &err), RC_OK);
	CHECK(strlen(j.first_failure) < 1100 && str_is_utf8(str_of(j.first_failure)),
	      "a long message is cut between characters");
	shape_done(&shape_junit, &j);
	strbuf_done(&deep);
	strbuf_done(&big);
	strbuf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(read_reports),
					   cmocka_unit_test(refusals), cmocka_unit_test(caps)};

	return cmocka_run_group_tests_name("junit", tests, NULL, NULL);
}
