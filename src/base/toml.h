/*
 * TOML 1.0, strict: what the specification forbids is refused with its line (a key twice, a table written again, an
 * inline table that grows, numbers with leading zeros, control characters, text that is no UTF-8). Limits: 16 MiB,
 * depth 64, 1,000,000 values. U+0000 in a text is refused too. Debian has no C library for it.
 */
#pragma once
#include "base/str.h"

#define TOML_MAX_BYTES ((size_t)16 << 20)
enum toml_kind {
	TOML_TEXT,
	TOML_INT,
	TOML_REAL,
	TOML_BOOL,
	TOML_DATE, /* dates, times and both */
	TOML_LIST,
	TOML_TABLE
};
struct toml_node {
	enum toml_kind kind;
	uint32_t line;   /* from 1: of the value, or of a table's header */
	struct str text; /* TEXT: decoded; INT, REAL, BOOL, DATE: as written; NUL at the end */
	size_t n;
	struct toml_node **items; /* LIST, TABLE: n values, in order */
	char **keys;              /* TABLE */
};
struct toml; /* a document; owns its nodes */
/* name stands in messages: "Cargo.toml:12: ...". RC_INVALID, RC_TOO_BIG. */
MUST_CHECK enum rc toml_read(struct str text, const char *name, struct toml **ret, struct err *err);
void toml_free(struct toml *doc);
void toml_freep(struct toml **doc);
const struct toml_node *toml_root(const struct toml *doc); /* a table */
/* NULL when absent, or when `table` is NULL or none. */
const struct toml_node *toml_get(const struct toml_node *table, const char *key);
/* The text of a TOML_TEXT; otherwise for what is absent or of another kind. */
const char *toml_text(const struct toml_node *n, const char *otherwise);
const char *toml_get_text(const struct toml_node *table, const char *key, const char *otherwise);
bool toml_truth(const struct toml_node *n, bool otherwise);
