/*
 * JUnit XML, as dozens of tools write it: every testcase element, and of failed ones their text. What
 * tools get wrong is forgiven (control characters, broken UTF-8); what could hurt is refused (document
 * types, and with them entities; depth; size).
 */
#include "flow/2-build/reports.h"

#include <expat.h>

#define DEPTH_MAX    64
#define MESSAGE_MAX  ((size_t)1000)
#define TESTS_MAX    10000000u
#define FAILURES_MAX 100
#define FAILED_ROOM  2000 /* of REPORT_TESTS, kept for failed ones */
#define FILES_MAX    2000

struct reader {
	XML_Parser parser;
	unsigned depth;
	bool in_case, failed, skipped, in_failure;
	const char *problem, *unit;
	struct strbuf name, message, text; /* of the current test case's first failure */
	struct report_test test;           /* the current one */
	char *suite_files[DEPTH_MAX + 2];  /* by depth; NULL: not written */
	struct junit sum;
	struct report got;
	struct strbuf first;
};

static const char *attribute(const XML_Char **list, const char *name)
{
	for (size_t i = 0; list[i]; i += 2)
		if (streq(list[i], name))
			return list[i + 1];
	return NULL;
}

/* Without the prefix of a namespace. */
static const char *local(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon ? colon + 1 : name;
}

static void stop(struct reader *r, const char *why)
{
	if (!r->problem)
		r->problem = why;
	XML_StopParser(r->parser, XML_FALSE);
}

/* Append at most what `max` leaves, whole characters only. */
static void add_cut(struct strbuf *to, struct str s, size_t max)
{
	while (s.n) {
		size_t k = str_character(s);
		if (!k || to->n + k > max)
			return;
		strbuf_add(to, s.p, k);
		s.p += k;
		s.n -= k;
	}
}

/* "0.012", "1,234.5": seconds. */
static uint64_t time_of(const char *text)
{
	char plain[40];
	size_t n = 0;
	double seconds = 0;

	for (; text && *text && n < sizeof(plain); text++)
		if (*text != ',')
			plain[n++] = *text;
	if (n == sizeof(plain) || !parse_double(str_trim((struct str){plain, n}), &seconds) ||
	    seconds <= 0 || seconds > 1e9)
		return 0;
	return (uint64_t)(seconds * 1e6);
}

static char *kept(const char *text)
{
	return text && *text ? text_kept(str_of(text), MESSAGE_MAX) : NULL;
}

static char *file_of(const struct reader *r, const XML_Char **attributes)
{
	const char *file = attribute(attributes, "file");

	if (file && *file)
		return report_path(str_of(file), r->unit);
	for (unsigned i = r->depth; i > 0; i--)
		if (r->suite_files[i - 1])
			return xstrdup(r->suite_files[i - 1]);
	return NULL;
}

static void begin_case(struct reader *r, const XML_Char **attributes)
{
	const char *class = attribute(attributes, "classname"),
		   *name = attribute(attributes, "name"), *line = attribute(attributes, "line");

	r->in_case = true;
	r->failed = r->skipped = r->in_failure = false;
	strbuf_clear(&r->name);
	strbuf_clear(&r->message);
	strbuf_clear(&r->text);
	if (class && *class && !streq(class, name)) {
		add_cut(&r->name, str_of(class), MESSAGE_MAX);
		add_cut(&r->name, STR("."), MESSAGE_MAX);
	}
	add_cut(&r->name, str_of(name ? name : "a test without a name"), MESSAGE_MAX);
	shape_done(&shape_report_test, &r->test);
	r->test.name = kept(name ? name : "a test without a name");
	r->test.class = kept(class);
	r->test.file = file_of(r, attributes);
	r->test.usec = time_of(attribute(attributes, "time"));
	if (line && !parse_u32(str_of(line), &r->test.line))
		r->test.line = 0;
	if (++r->sum.tests > TESTS_MAX)
		stop(r, "more than 10,000,000 test cases");
}

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *r = ctx;

	name = local(name);
	if (++r->depth > DEPTH_MAX) {
		stop(r, "more than 64 levels");
	} else if (streq(name, "testcase")) {
		begin_case(r, attributes);
	} else if (streq(name, "testsuite") && !r->in_case) {
		const char *file = attribute(attributes, "file");
		r->suite_files[r->depth] =
			file && *file ? report_path(str_of(file), r->unit) : NULL;
	} else if (r->in_case && (streq(name, "failure") || streq(name, "error"))) {
		if (!r->failed) {
			const char *message = attribute(attributes, "message");
			add_cut(&r->message, str_trim(str_of(message ? message : "")), MESSAGE_MAX);
			r->in_failure = true;
		}
		r->failed = true;
	} else if (r->in_case && streq(name, "skipped")) {
		const char *message = attribute(attributes, "message");
		if (!r->skipped && !r->failed)
			add_cut(&r->message, str_trim(str_of(message ? message : "")), MESSAGE_MAX);
		r->skipped = true;
	}
}

static void XMLCALL on_text(void *ctx, const XML_Char *s, int n)
{
	struct reader *r = ctx;

	if (r->in_failure && n > 0)
		add_cut(&r->text, (struct str){s, (size_t)n}, REPORT_TEXT);
}

static void note_failure(struct reader *r)
{
	struct str text = str_trim(strbuf_str(&r->text)), line = str_cut(&text, '\n');
	struct str why = r->message.n ? strbuf_str(&r->message) : line;

	if (r->sum.failures.n < FAILURES_MAX)
		vec_push(&r->sum.failures, xstrdup(strbuf_cstr(&r->name)));
	if (r->first.n)
		return;
	strbuf_addstr(&r->first, strbuf_str(&r->name));
	if (why.n) {
		strbuf_adds(&r->first, ": ");
		strbuf_addstr(&r->first, why);
	}
}

/* Where the failure says that it is: the test's own file, else the first place in its text. */
static void annotate(struct reader *r)
{
	const struct report_test *t = &r->test;
	struct annotation a = {
		.level = ANNOTATION_ERROR, .source = xstrdup("junit"), .line = t->line};
	struct str path;

	a.path = t->file ? xstrdup(t->file) : NULL;
	if (!a.line && text_place(strbuf_str(&r->text), &path, &a.line, &a.column)) {
		AUTO(freep) char *there = report_path(path, r->unit);
		if (!a.path) {
			a.path = there;
			there = NULL;
		} else if (!there || !streq(there, a.path)) {
			a.line = a.column = 0;
		}
	}
	a.message = xasprintf("%s%s%s", strbuf_cstr(&r->name), t->message ? ": " : "",
			      t->message ? t->message : "");
	report_annotate(&r->got, &a);
}

static void end_case(struct reader *r)
{
	struct report_test *t = &r->test;
	struct str text = str_trim(strbuf_str(&r->text)), rest = text, line = str_cut(&rest, '\n');

	r->in_case = false;
	r->sum.failed += r->failed;
	r->sum.skipped += r->skipped && !r->failed;
	t->outcome = r->failed ? TEST_FAILED : r->skipped ? TEST_SKIPPED : TEST_PASSED;
	struct str why = r->message.n ? strbuf_str(&r->message) : line;
	if (t->outcome != TEST_PASSED && why.n)
		t->message = text_kept(why, MESSAGE_MAX);
	if (r->failed) {
		if (text.n)
			t->text = text_kept(text, REPORT_TEXT);
		note_failure(r);
		annotate(r);
	}
	if (r->got.tests.n < REPORT_TESTS - (r->failed ? 0 : FAILED_ROOM)) {
		vec_push(&r->got.tests, *t);
		*t = (struct report_test){0};
	}
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
	struct reader *r = ctx;

	name = local(name);
	if (streq(name, "testcase") && r->in_case)
		end_case(r);
	else if (streq(name, "failure") || streq(name, "error"))
		r->in_failure = false;
	xfree(r->suite_files[r->depth]);
	r->suite_files[r->depth--] = NULL;
}

static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *system,
			       const XML_Char *public, int internal)
{
	(void)name, (void)system, (void)public, (void)internal;
	stop(ctx, "a document type is not allowed (it can hold entities)");
}

static bool allowed(uint64_t code)
{
	return code == 9 || code == 10 || code == 13 || (code >= 32 && code < 0xd800) ||
	       (code >= 0xe000 && code < 0xfffe) || (code >= 0x10000 && code < 0x110000);
}

/* The length of "&#27;" or "&#x1b;" at the front when it names a character that XML does not allow;
 * else 0. */
static size_t bad_reference(struct str s)
{
	uint64_t code = 0;
	size_t i = 2;

	if (s.n < 4 || s.p[0] != '&' || s.p[1] != '#')
		return 0;
	bool hex = s.p[2] == 'x';
	for (i += hex; i < s.n && i < 12; i++) {
		char c = s.p[i];
		if (c == ';')
			return allowed(code) ? 0 : i + 1;
		if (c >= '0' && c <= '9')
			code = code * (hex ? 16 : 10) + (uint64_t)(c - '0');
		else if (hex && (c | 32) >= 'a' && (c | 32) <= 'f')
			code = code * 16 + (uint64_t)((c | 32) - 'a' + 10);
		else
			return 0;
	}
	return 0;
}

/* Forgive: control characters and bytes that are no UTF-8 become '?'. */
static void repair(struct str xml, struct strbuf *to)
{
	struct str head = {xml.p, MIN_OF(xml.n, (size_t)200)};
	bool utf8 = true;

	for (size_t i = 0; i + 10 < head.n;
	     i++) /* encoding="..." other than UTF-8: bytes stay as they are */
		if (!memcmp(head.p + i, "encoding=", 9) && (head.p[i + 10] | 32) != 'u')
			utf8 = false;
	while (xml.n) {
		unsigned char c = (unsigned char)*xml.p;
		size_t bad = bad_reference(xml), n = 1;
		if (bad) {
			strbuf_addc(to, '?');
			n = bad;
		} else if (utf8 && c >= 0x80) {
			n = str_character(xml);
			bool fine = n && !(n == 3 && c == 0xef && (unsigned char)xml.p[1] == 0xbf &&
					   (unsigned char)xml.p[2] >= 0xbe);
			strbuf_add(to, fine ? xml.p : "?", fine ? n : 1);
			n = n ? n : 1;
		} else {
			strbuf_addc(to,
				    c < 32 && c != '\t' && c != '\n' && c != '\r' ? '?' : (char)c);
		}
		xml.p += n;
		xml.n -= n;
	}
}

static enum rc parse(struct reader *r, struct str xml, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(JUNIT_MAX);

	repair(xml, &text);
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_start, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	if (XML_Parse(r->parser, strbuf_cstr(&text), (int)text.n, 1) == XML_STATUS_OK)
		return RC_OK;
	return err_set(err, RC_INVALID, "line %lu, column %lu: %s",
		       (unsigned long)XML_GetCurrentLineNumber(r->parser),
		       (unsigned long)XML_GetCurrentColumnNumber(r->parser) + 1,
		       r->problem ? r->problem : XML_ErrorString(XML_GetErrorCode(r->parser)));
}

static void give_sum(struct reader *r, struct junit *ret)
{
	ret->tests += r->sum.tests;
	ret->failed += r->sum.failed;
	ret->skipped += r->sum.skipped;
	if (!ret->first_failure && r->first.n)
		ret->first_failure = strbuf_take(&r->first);
	for (size_t i = 0; i < r->sum.failures.n && ret->failures.n < FAILURES_MAX; i++) {
		vec_push(&ret->failures, r->sum.failures.v[i]);
		r->sum.failures.v[i] = NULL;
	}
}

static void give_report(struct reader *r, struct report *ret)
{
	ret->tests_run += r->sum.tests;
	ret->tests_failed += r->sum.failed;
	ret->tests_skipped += r->sum.skipped;
	vec_each(t, &r->got.tests) {
		if (ret->tests.n >= REPORT_TESTS - (t->outcome == TEST_FAILED ? 0 : FAILED_ROOM))
			continue;
		vec_push(&ret->tests, *t);
		*t = (struct report_test){0};
	}
	vec_each(a, &r->got.annotations)
		report_annotate(ret, a);
}

enum rc junit_read(struct str xml, const char *unit, struct junit *sum, struct report *report,
		   struct err *err)
{
	struct reader r = {
		.unit = unit,
		.name = STRBUF(MESSAGE_MAX),
		.message = STRBUF(MESSAGE_MAX),
		.text = STRBUF(REPORT_TEXT),
		.first = STRBUF(MESSAGE_MAX * 2 + REPORT_TEXT),
	};

	if (xml.n > JUNIT_MAX)
		return err_set(err, RC_TOO_BIG, "a test report of more than %zu MiB",
			       JUNIT_MAX >> 20);
	r.parser = XML_ParserCreate(NULL);
	BUG_ON(!r.parser);
	enum rc rc = parse(&r, xml, err);
	if (rc == RC_OK && sum)
		give_sum(&r, sum);
	if (rc == RC_OK && report)
		give_report(&r, report);
	XML_ParserFree(r.parser);
	for (size_t i = 0; i < ARRAY_LEN(r.suite_files); i++)
		xfree(r.suite_files[i]);
	shape_done(&shape_report_test, &r.test);
	shape_done(&shape_junit, &r.sum);
	report_done(&r.got);
	strbuf_done(&r.name);
	strbuf_done(&r.message);
	strbuf_done(&r.text);
	strbuf_done(&r.first);
	return rc;
}

void junit_times(const struct report *report, file_times *ret)
{
	struct map seen = {0};

	vec_each(t, &report->tests) {
		const char *file = t->file ? t->file : t->class;
		if (!file || !t->usec)
			continue;
		uintptr_t at = (uintptr_t)map_get(&seen, str_of(file)); /* 1 + index */
		if (!at) {
			if (ret->n >= FILES_MAX)
				continue;
			struct file_time fresh = {.file = xstrdup(file)};
			vec_push(ret, fresh);
			at = ret->n;
			map_put(&seen, str_of(file), (void *)at);
		}
		ret->v[at - 1].usec += t->usec;
	}
	map_done(&seen);
}
