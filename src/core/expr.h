/*
 * The language of `if`: pure, total, without a shell. An expression is true, false, a text or a number; every name is known when it is read.
 *
 *	or      = and { "||" and }
 *	and     = not { "&&" not }
 *	not     = "!" not | compare
 *	compare = value [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "=~" ) value ]
 *	value   = "(" or ")" | 'text' | number | "true" | "false" | name | call
 *	call    = ( "affected" | "changed" | "startsWith" | "endsWith" | "contains" ) "(" or { "," or } ")"
 *	name    = letter { letter | digit | "_" | "-" | "." }
 *
 * `==` of two texts compares bytes, of two numbers values; a text that is a decimal number equals that number. `<` and its kin: both numbers (or
 * such texts), else bytewise. `x in list`: pr.labels, or a text of words apart by blanks. `x =~ 'glob'`: as in `inputs`. A text counts as true when it is
 * not empty, a number when it is not 0. In a text '' stands for one '. affected('unit'): the unit is affected by the change. changed('glob'): a file
 * of the repository that matches was changed, as far as the plan lists it.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

#define EXPR_MAX   4096 /* bytes */
#define EXPR_DEPTH 64   /* parentheses, `!` and calls within each other */

struct expr_names {
	/* The value of a name; false: there is no such name. */
	bool (*value)(void *ctx, struct str name, struct str *ret);
	bool (*affected)(void *ctx, struct str unit);
	bool (*changed)(void *ctx, struct str glob);
	void *ctx;
};
/* What an expression may speak of; a member that is NULL: of anything. */
struct expr_known {
	bool (*name)(void *ctx, struct str name);
	bool (*unit)(void *ctx, struct str unit); /* as it stands in affected('unit') */
	void *ctx;
};
/* Whether the text is an expression; *ret_at (may be NULL): byte where it is not. */
MUST_CHECK enum rc expr_check(struct str text, const struct expr_known *known, size_t *ret_at,
			      struct err *err);
/* Its truth. RC_INVALID as expr_check(); nothing else can go wrong. */
MUST_CHECK enum rc expr_eval(struct str text, const struct expr_names *names, bool *ret,
			     struct err *err);
