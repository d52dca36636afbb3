/* What is looked at before libfyaml sees a byte, and where a byte stands: for the yaml*.c files only. */
#pragma once
#include "base/str.h"

/* Line and column (from 1, in characters) of a byte. Positions mostly come in rising order: it walks from the last. */
struct yaml_cursor {
	struct str text;
	size_t pos;
	uint32_t line, column;
};
void yaml_cursor_to(struct yaml_cursor *c, size_t pos);

/* The first thing in the text that no file of ours may hold: NULL, or what it is and *ret_pos. */
const char *yaml_scan(struct str text, size_t *ret_pos);

/* Where the header ("|", ">-") of the block scalar stands whose text begins at pos. */
size_t yaml_block_header(struct str text, size_t pos);
/* A tab among the blanks that lead the line of pos: libfyaml's words for that do not help. */
bool yaml_tab_leads(struct str text, size_t pos, size_t *ret_tab);
/* The same before a map or list in block style at pos, behind "- " or "? " too. */
bool yaml_tab_indents(struct str text, size_t pos, size_t *ret_tab);

/* Whether the text in single quotes at pos has '''' in it, which libfyaml 0.7 reads wrong; *ret_raw: what stands between its quotes. */
bool yaml_has_quotes(struct str text, size_t pos, struct str *ret_raw);
/* The text that raw stands for, into raw.n bytes; how many there are. */
size_t yaml_unquote(struct str raw, char *to);
