/*
 * JUnit XML, as dozens of tools write it: counts of testcase elements, and the first failure's
 * text. What tools get wrong is forgiven (control characters, broken UTF-8); what could hurt is
 * refused (document types, and with them entities; depth; size).
 */
#include "base/mem.h"
#include "flow/2-build/adapters.h"

#include <expat.h>

#define DEPTH_MAX   64
#define MESSAGE_MAX ((size_t)1000)
#define TESTS_MAX   10000000u

struct reader {
	XML_Parser parser;
	unsigned depth;
	bool in_case, failed, skipped, in_failure;
	const char *problem;
	struct strbuf name, message, text; /* of the current test case's first failure */
	struct junit sum;
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

/* Append at most what MESSAGE_MAX leaves, whole characters only. */
static void add_cut(struct strbuf *to, struct str s)
{
	while (s.n) {
		size_t k = str_character(s);
		if (!k || to->n + k > MESSAGE_MAX)
			return;
		strbuf_add(to, s.p, k);
		s.p += k;
		s.n -= k;
	}
}

static void begin_case(struct reader *r, const XML_Char **attributes)
{
	const char *class = attribute(attributes, "classname"),
		   *name = attribute(attributes, "name");

	r->in_case = true;
	r->failed = r->skipped = false;
	strbuf_clear(&r->name);
	strbuf_clear(&r->message);
	strbuf_clear(&r->text);
	if (class && *class && !streq(class, name)) {
		add_cut(&r->name, str_of(class));
		add_cut(&r->name, STR("."));
	}
	add_cut(&r->name, str_of(name ? name : "a test without a name"));
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
	} else if (r->in_case && (streq(name, "failure") || streq(name, "error"))) {
		if (!r->failed) {
			const char *message = attribute(attributes, "message");
			add_cut(&r->message, str_trim(str_of(message ? message : "")));
			r->in_failure = true;
		}
		r->failed = true;
	} else if (r->in_case && streq(name, "skipped")) {
		r->skipped = true;
	}
}

static void XMLCALL on_text(void *ctx, const XML_Char *s, int n)
{
	struct reader *r = ctx;

	if (r->in_failure && n > 0)
		add_cut(&r->text, (struct str){s, (size_t)n});
}

static void end_case(struct reader *r)
{
	r->in_case = false;
	r->sum.failed += r->failed;
	r->sum.skipped += r->skipped && !r->failed;
	if (!r->failed || r->first.n)
		return;
	struct str text = str_trim(strbuf_str(&r->text)), line = str_cut(&text, '\n');
	strbuf_addstr(&r->first, strbuf_str(&r->name));
	struct str why = r->message.n ? strbuf_str(&r->message) : line;
	if (why.n) {
		strbuf_adds(&r->first, ": ");
		strbuf_addstr(&r->first, why);
	}
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
	struct reader *r = ctx;

	name = local(name);
	r->depth--;
	if (streq(name, "testcase") && r->in_case)
		end_case(r);
	else if (streq(name, "failure") || streq(name, "error"))
		r->in_failure = false;
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

enum rc junit_read(struct str xml, struct junit *ret, struct err *err)
{
	struct reader r = {
		.name = STRBUF(MESSAGE_MAX),
		.message = STRBUF(MESSAGE_MAX),
		.text = STRBUF(MESSAGE_MAX),
		.first = STRBUF(MESSAGE_MAX * 2 + 2),
	};

	if (xml.n > JUNIT_MAX)
		return err_set(err, RC_TOO_BIG, "a test report of more than %zu MiB",
			       JUNIT_MAX >> 20);
	r.parser = XML_ParserCreate(NULL);
	BUG_ON(!r.parser);
	enum rc rc = parse(&r, xml, err);
	if (rc == RC_OK) {
		ret->tests += r.sum.tests;
		ret->failed += r.sum.failed;
		ret->skipped += r.sum.skipped;
		if (!ret->first_failure && r.first.n)
			ret->first_failure = strbuf_take(&r.first);
	}
	XML_ParserFree(r.parser);
	strbuf_done(&r.name);
	strbuf_done(&r.message);
	strbuf_done(&r.text);
	strbuf_done(&r.first);
	return rc;
}
