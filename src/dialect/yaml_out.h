/*
 * YAML, written: block style, two blanks a level, texts quoted whenever another reader (YAML 1.1 too) could take them for something else. The caller
 * keeps maps and lists well nested. key NULL: an entry of a list.
 */
#pragma once
#include "base/strbuf.h"
#include "base/vec.h"

struct yaml_out {
	struct strbuf *to;
	unsigned level;
	bool dash; /* the next line begins an entry of a list */
};
#define YAML_OUT(buf) ((struct yaml_out){.to = (buf)})

void yaml_out_open(struct yaml_out *o,
		   const char *key); /* a map or list in `key`; key NULL: a map as an entry */
void yaml_out_close(struct yaml_out *o);
void yaml_out_text(struct yaml_out *o, const char *key, const char *value);
void yaml_out_word(struct yaml_out *o, const char *key, const char *fmt, ...)
	PRINTF(3, 4); /* as it is: numbers, true, {} */
/* [a, b] where that is short, else a line each. Nothing for an empty list. */
void yaml_out_texts(struct yaml_out *o, const char *key, char *const *v, size_t n);
/* One text alone is written as a text. */
void yaml_out_words(struct yaml_out *o, const char *key, char *const *v, size_t n);
void yaml_out_comment(struct yaml_out *o, const char *fmt, ...) PRINTF(2, 3);
void yaml_out_blank(struct yaml_out *o);
