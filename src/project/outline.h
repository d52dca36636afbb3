/* The lines of a lockfile that a program wrote as YAML or nearly so (pnpm, yarn): indentation, key, value. Nothing clever:
 * anchors, block texts and flow maps over several lines are not understood, and what holds them is refused by its reader. */
#pragma once
#include "base/str.h"

struct outline {
	struct str text;
	bool bare; /* key and value may have only a blank between them (yarn 1) */
	/* the line */
	uint32_t line, indent;
	bool item;             /* "- value" */
	bool colon;            /* there was one after the key */
	struct str key, value; /* without quotes around the whole; the value of `key:` is empty */
};
/* False at the end. Empty lines and comments are passed over. */
bool outline_next(struct outline *o);
/* Without the quotes around it, if it has any. */
struct str outline_unquoted(struct str s);
