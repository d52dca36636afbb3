/* Between toml.c (documents, tables) and toml_value.c (texts, numbers, dates). */
#pragma once
#include "base/map.h"
#include "base/strbuf.h"
#include "base/toml.h"

#define TOML_DEPTH  64
#define TOML_VALUES 1000000u

/* How a table came to be, which says what may still be added to it. */
enum toml_how {
	HOW_IMPLICIT, /* [a.b] made a */
	HOW_HEADER,   /* [a] */
	HOW_DOTTED,   /* a.b = 1 made a */
	HOW_CLOSED    /* {..}; for a list: [..], not [[..]] */
};
struct table {
	struct toml_node node; /* first member: what callers see */
	enum toml_how how;
	size_t cap;
	struct map index; /* key -> place + 1; only of larger ones */
	struct table *next;
};
struct toml {
	struct table *all, *root;
};
struct toml_reader {
	struct toml *doc;
	const char *name;
	const char *at, *end;
	uint32_t line;
	unsigned depth;
	size_t values;
	struct err *err;
	enum rc rc;
};
/* Keeps the first failure; returns false. */
bool toml_fail(struct toml_reader *r, const char *fmt, ...) PRINTF(2, 3);
struct table *toml_node_new(struct toml_reader *r, enum toml_kind kind);
static inline bool toml_more(const struct toml_reader *r)
{
	return r->at < r->end;
}
static inline char toml_peek(const struct toml_reader *r, size_t ahead)
{
	return (size_t)(r->end - r->at) > ahead ? r->at[ahead] : '\0';
}
/* Blanks and tabs; with newlines and comments too. */
void toml_blanks(struct toml_reader *r);
bool toml_blank_lines(struct toml_reader *r);
bool toml_comment(struct toml_reader *r);
/* A text in quotes of either kind, at the quote. several: three quotes open a long one. */
bool toml_quoted(struct toml_reader *r, bool several, struct strbuf *to);
/* true, false, a number or a date; the node's kind and text. */
bool toml_plain(struct toml_reader *r, struct toml_node *to);
