/*
 * Conditions of three systems as one tree: GitHub's `if:` (without ${{ }}), GitLab's `rules:if` and ours (core/expr.h). A tree is rewritten until the
 * other system's names stand in it, then printed. What has no counterpart is refused with words for people.
 */
#pragma once
#include "core/config.h"
#include "dialect/dialect.h"

enum cond_kind {
	COND_OR,
	COND_AND,
	COND_NOT,
	COND_COMPARE, /* text: the operator */
	COND_TEXT,
	COND_NUMBER,
	COND_TRUE,
	COND_FALSE,
	COND_NULL,
	COND_NAME,
	COND_CALL,   /* text: the function */
	COND_PATTERN /* text: a regular expression without its slashes */
};
struct cond {
	enum cond_kind kind;
	char *text;
	struct cond *kids[4];
	size_t n;
};
enum cond_syntax { SYNTAX_OURS, SYNTAX_GITHUB, SYNTAX_GITLAB };

/* NULL: it is no such condition. At most 4096 bytes and 32 levels. */
struct cond *cond_parse(struct str text, enum cond_syntax syntax);
struct cond *cond_new(enum cond_kind kind, const char *text, struct cond *a,
		      struct cond *b); /* takes a and b */
void cond_free(struct cond *c);
void cond_freep(struct cond **c);
/* Fold true, false and doubled `!`. Takes c. */
struct cond *cond_simple(struct cond *c);
/* A name against another value: `name op value`, swapped when it stood the other way round. */
bool cond_is_compare(const struct cond *c, const struct cond **ret_name,
		     const struct cond **ret_value);

void cond_print(const struct cond *c, enum cond_syntax syntax, struct strbuf *to);

/* Rewrite in our names. vars: variables whose value is known (may be NULL). False: *ret_why says what has no counterpart. Takes and replaces *c. */
MUST_CHECK bool cond_from_github(struct cond **c, const char **ret_why);
MUST_CHECK bool cond_from_gitlab(struct cond **c, const pairs *vars, const char **ret_why);
/* And from ours; false: it cannot be said there. */
MUST_CHECK bool cond_to_github(struct cond **c);
MUST_CHECK bool cond_to_gitlab(struct cond **c);
