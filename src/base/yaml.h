/*
 * YAML 1.2 core schema, strict, by libfyaml: one document; no anchors, aliases or tags (refused with their place:
 * they make a small file big and a plain file surprising); duplicate keys refused; depth at most 32; at most
 * 1 MiB and 100,000 nodes, 16 KiB a line, 256 blanks or empty lines in a row; directives, NUL and tabs in
 * indentation refused with line and column. `on`, `no`, `1:30`, `015`
 * stay text: the reader of a node decides what it is.
 */
#pragma once
#include "base/str.h"

#define YAML_MAX_BYTES ((size_t)1 << 20)
enum yaml_kind { YAML_NULL, YAML_SCALAR, YAML_LIST, YAML_MAP };
struct yaml_node {
	enum yaml_kind kind;
	bool quoted; /* a scalar in quotes or a block scalar: text, whatever it looks like */
	uint32_t line, column; /* from 1 */
	struct str text;       /* YAML_SCALAR */
	struct str tag;        /* "!reference"; of yaml_read_foreign() alone */
	size_t n;
	struct yaml_node *items; /* YAML_LIST: n values; YAML_MAP: n values, in order */
	struct yaml_node *keys;  /* YAML_MAP: n scalars */
};
struct yaml; /* a document; owns its nodes */
/* name stands in messages: "penstock.yml:12:3: ..." */
MUST_CHECK enum rc yaml_read(struct str text, const char *name, struct yaml **ret, struct err *err);
/* A file that is another system's: anchors, aliases, merge keys (<<) and tags are taken, and of several documents the last
 * one counts. What an alias stands for counts in the limits of depth and of values as if it had been written out; its
 * places are those of the anchor. */
MUST_CHECK enum rc yaml_read_foreign(struct str text, const char *name, struct yaml **ret,
				     struct err *err);
void yaml_free(struct yaml *doc);
void yaml_freep(struct yaml **doc);
const struct yaml_node *yaml_root(const struct yaml *doc);
const char *yaml_name(const struct yaml *doc);
/* NULL when absent */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
/* Set err to "name:line:column: text" (RC_INVALID). */
enum rc yaml_fail(const struct yaml *doc, const struct yaml_node *at, struct err *err,
		  const char *fmt, ...) PRINTF(4, 5);
