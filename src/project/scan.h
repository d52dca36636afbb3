/* Words, texts and signs of a build script (CMake, Gradle, Bazel), without evaluating it. */
#pragma once
#include "base/str.h"

enum scan_kind { SCAN_END, SCAN_WORD, SCAN_TEXT, SCAN_SIGN };
struct scan {
	const char *at, *end;
	uint32_t line;
	bool hash;    /* # begins a comment (and, in CMake, #[[ a long one) */
	bool slashes; /* // and slash-star do */
	bool loose;   /* a word is whatever holds no blank, bracket or quote */
	/* the token */
	enum scan_kind kind;
	struct str text; /* TEXT: as written between the quotes */
	uint32_t at_line;
	bool unclosed; /* a text or comment was */
};
void scan_init(struct scan *s, struct str text);
enum scan_kind scan_next(struct scan *s);
static inline bool scan_is(const struct scan *s, char sign)
{
	return s->kind == SCAN_SIGN && *s->text.p == sign;
}
