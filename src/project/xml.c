#include "project/xml.h"
#include "base/mem.h"
#include "base/strbuf.h"

#include <expat.h>

#define DEPTH_MAX    64
#define ELEMENTS_MAX 200000u
#define TEXT_CAP     ((size_t)64 << 10)

struct builder {
	XML_Parser parser;
	struct xml *root, *path[DEPTH_MAX];
	struct strbuf text[DEPTH_MAX];
	unsigned depth;
	size_t n;
	const char *problem;
};

static void stop(struct builder *b, const char *why)
{
	if (!b->problem)
		b->problem = why;
	XML_StopParser(b->parser, XML_FALSE);
}

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
	struct builder *b = ctx;
	const char *colon = strrchr(name, ':');

	(void)attributes;
	if (b->problem)
		return;
	if (b->depth == DEPTH_MAX) {
		stop(b, "elements are nested deeper than 64");
		return;
	}
	if (++b->n > ELEMENTS_MAX) {
		stop(b, "more than 200,000 elements");
		return;
	}
	struct xml *x = xcalloc(1, sizeof(*x));
	x->name = xstrdup(colon ? colon + 1 : name);
	x->line = (uint32_t)XML_GetCurrentLineNumber(b->parser);
	if (b->depth) {
		struct xml *up = b->path[b->depth - 1];
		if (up->last)
			up->last->next = x;
		else
			up->child = x;
		up->last = x;
	} else {
		b->root = x;
	}
	b->text[b->depth] = STRBUF(TEXT_CAP);
	b->path[b->depth++] = x;
}

static void XMLCALL on_text(void *ctx, const XML_Char *s, int n)
{
	struct builder *b = ctx;

	if (b->depth && n > 0 && !b->problem)
		strbuf_add(&b->text[b->depth - 1], s, (size_t)n);
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
	struct builder *b = ctx;

	(void)name;
	if (b->problem || !b->depth)
		return;
	b->depth--;
	struct strbuf *text = &b->text[b->depth];
	struct str s = str_trim(strbuf_str(text));
	if (strbuf_failed(text))
		stop(b, "a text is longer than 64 KiB");
	b->path[b->depth]->text = xstrndup(s.n ? s.p : "", s.n);
	strbuf_done(text);
}

static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *system,
			       const XML_Char *public, int internal)
{
	(void)name, (void)system, (void)public, (void)internal;
	stop(ctx, "has a document type, which is not read");
}

enum rc xml_read(struct str text, const char *file, struct xml **ret, struct err *err)
{
	struct builder b = {.parser = XML_ParserCreate("UTF-8")};

	if (!b.parser)
		return err_set(err, RC_UNAVAILABLE, "%s: no memory to read it", file);
	XML_SetUserData(b.parser, &b);
	XML_SetElementHandler(b.parser, on_start, on_end);
	XML_SetCharacterDataHandler(b.parser, on_text);
	XML_SetStartDoctypeDeclHandler(b.parser, on_doctype);
	bool good = text.n < ((size_t)1 << 30) &&
		    XML_Parse(b.parser, text.n ? text.p : "", (int)text.n, 1) == XML_STATUS_OK &&
		    !b.problem && b.root;
	enum rc rc = RC_OK;
	if (!good)
		rc = err_set(err, RC_INVALID, "%s:%lu: %s", file,
			     (unsigned long)XML_GetCurrentLineNumber(b.parser),
			     b.problem ? b.problem : XML_ErrorString(XML_GetErrorCode(b.parser)));
	while (b.depth)
		strbuf_done(&b.text[--b.depth]);
	XML_ParserFree(b.parser);
	if (rc == RC_OK)
		*ret = b.root;
	else
		xml_free(b.root);
	return rc;
}

void xml_free(struct xml *x)
{
	while (x) {
		struct xml *next = x->next;
		xml_free(x->child); /* at most 64 deep */
		xfree(x->name);
		xfree(x->text);
		xfree(x);
		x = next;
	}
}

void xml_freep(struct xml **x)
{
	xml_free(*x);
}

const struct xml *xml_get(const struct xml *x, const char *name)
{
	for (const struct xml *c = x ? x->child : NULL; c; c = c->next)
		if (streq(c->name, name))
			return c;
	return NULL;
}

const char *xml_get_text(const struct xml *x, const char *name, const char *otherwise)
{
	const struct xml *c = xml_get(x, name);

	return c && c->text ? c->text : otherwise;
}
