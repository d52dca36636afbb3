/* Cobertura XML: <class filename="..."><lines><line number="3" hits="1"/>. A class's methods repeat its lines; that does no harm. */
#include "flow/2-build/reports.h"

#include <expat.h>

#define DEPTH_MAX    64
#define SOURCES_MAX  16
#define SOURCE_BYTES ((size_t)1024)

struct reader {
	XML_Parser parser;
	struct coverage *to;
	const char *unit;
	const char *problem;
	unsigned depth;
	bool root, in_source;
	struct coverage_file *file;
	struct strbuf source;
	char *sources[SOURCES_MAX];
	size_t n_sources;
};

static const char *attribute(const XML_Char **list, const char *name)
{
	for (size_t i = 0; list[i]; i += 2)
		if (streq(list[i], name))
			return list[i + 1];
	return NULL;
}

static void stop(struct reader *r, const char *why)
{
	if (!r->problem)
		r->problem = why;
	XML_StopParser(r->parser, XML_FALSE);
}

/* Relative to the first <source> that lies in the repository; else to the unit. */
static void begin_file(struct reader *r, const char *name)
{
	AUTO(freep) char *path = NULL;

	r->file = NULL;
	for (size_t i = 0; i < r->n_sources && !path && *name != '/'; i++) {
		AUTO(freep) char *whole = xasprintf("%s/%.1000s", r->sources[i], name);
		path = report_path(str_of(whole), r->unit);
	}
	if (!path)
		path = report_path(str_of(name), r->unit);
	if (!path)
		return;
	r->file = coverage_file(r->to, path);
	if (!r->file)
		stop(r, "too many files");
}

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *r = ctx;

	if (++r->depth > DEPTH_MAX) {
		stop(r, "more than 64 levels");
	} else if (!r->root && !streq(name, "coverage")) {
		stop(r, "it is no Cobertura report: its root is not <coverage>");
	} else if (streq(name, "class")) {
		const char *file = attribute(attributes, "filename");
		begin_file(r, file ? file : "");
	} else if (streq(name, "source")) {
		r->in_source = true;
		strbuf_clear(&r->source);
	} else if (streq(name, "line") && r->file) {
		const char *number = attribute(attributes, "number"),
			   *hits = attribute(attributes, "hits");
		uint32_t line = 0;
		bool hit = hits && strspn(hits, "0") != strlen(hits) && *hits != '-';
		if (number && parse_u32(str_of(number), &line) && line &&
		    !coverage_line(r->to, r->file, line, hit))
			stop(r, "more lines than can be counted");
	}
	r->root = true;
}

static void XMLCALL on_text(void *ctx, const XML_Char *s, int n)
{
	struct reader *r = ctx;

	if (r->in_source && n > 0)
		strbuf_add(&r->source, s, (size_t)n);
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
	struct reader *r = ctx;

	r->depth--;
	if (streq(name, "class"))
		r->file = NULL;
	if (!streq(name, "source"))
		return;
	struct str text = str_trim(strbuf_str(&r->source));
	r->in_source = false;
	if (text.n && !strbuf_failed(&r->source) && r->n_sources < SOURCES_MAX)
		r->sources[r->n_sources++] = xstrndup(text.p, text.n);
}

/* Cobertura's own writer names a document type: without entities it does nothing. */
static void XMLCALL on_entity(void *ctx, const XML_Char *name, int parameter, const XML_Char *value,
			      int length, const XML_Char *base, const XML_Char *system,
			      const XML_Char *public, const XML_Char *notation)
{
	(void)name, (void)parameter, (void)value, (void)length, (void)base, (void)system;
	(void)public, (void)notation;
	stop(ctx, "entities are not allowed");
}

enum rc cobertura_read(struct coverage *c, struct str xml, const char *unit, struct err *err)
{
	struct reader r = {.to = c, .unit = unit, .source = STRBUF(SOURCE_BYTES)};
	enum rc rc = RC_OK;

	r.parser = XML_ParserCreate(NULL);
	BUG_ON(!r.parser);
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetEntityDeclHandler(r.parser, on_entity);
	if (XML_Parse(r.parser, xml.p, (int)xml.n, 1) != XML_STATUS_OK)
		rc = err_set(err, RC_INVALID, "line %lu, column %lu: %s",
			     (unsigned long)XML_GetCurrentLineNumber(r.parser),
			     (unsigned long)XML_GetCurrentColumnNumber(r.parser) + 1,
			     r.problem ? r.problem : XML_ErrorString(XML_GetErrorCode(r.parser)));
	XML_ParserFree(r.parser);
	strbuf_done(&r.source);
	for (size_t i = 0; i < r.n_sources; i++)
		xfree(r.sources[i]);
	return rc;
}
