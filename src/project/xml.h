/*
 * A small XML document as a tree, by expat: elements without their name space's prefix, their direct text, and lines.
 * Document types (and with them entities) are refused; at most 64 levels, 200,000 elements.
 */
#pragma once
#include "base/str.h"

struct xml {
	char *name, *text; /* text: trimmed */
	uint32_t line;
	struct xml *child, *next, *last; /* last: of its children */
};
/* file stands in messages: "pom.xml:12: ...". */
MUST_CHECK enum rc xml_read(struct str text, const char *file, struct xml **ret, struct err *err);
void xml_free(struct xml *x);
void xml_freep(struct xml **x);
const struct xml *xml_get(const struct xml *x,
			  const char *name); /* first child so named, or NULL */
const char *xml_get_text(const struct xml *x, const char *name, const char *otherwise);
