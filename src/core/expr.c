/* The language of `if`: one pass, recursive descent, values computed on the way; expr_check() runs the same pass with every name known or not. */
#include "core/expr.h"
#include "base/glob.h"
#include "base/mem.h"

enum value_kind { VALUE_BOOL, VALUE_NUMBER, VALUE_TEXT };
struct value {
	enum value_kind kind;
	bool truth;
	double number;
	struct str text;
	bool literal; /* it stands in the expression */
};
struct parser {
	const char *begin, *at, *end;
	unsigned depth;
	const struct expr_names *names; /* NULL: only checked */
	struct expr_known known;
	struct err *err;
	const char *wrong; /* where */
	char *held[16];    /* texts with '' in them */
	size_t n_held;
};

static enum rc fail(struct parser *p, const char *at, const char *what)
{
	if (p->err->rc == RC_OK) {
		p->wrong = at;
		err_set(p->err, RC_INVALID, "%s (at character %zu)", what,
			(size_t)(at - p->begin) + 1);
	}
	return RC_INVALID;
}

static void blanks(struct parser *p)
{
	while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n'))
		p->at++;
}

static bool take(struct parser *p, const char *token)
{
	size_t n = strlen(token);

	blanks(p);
	if ((size_t)(p->end - p->at) < n || memcmp(p->at, token, n) != 0)
		return false;
	p->at += n;
	return true;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
static bool is_inner(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/* A word that stands alone: `in` is no beginning of `input`. */
static bool take_word(struct parser *p, const char *word)
{
	const char *before = p->at;

	if (take(p, word) && (p->at == p->end || !is_inner(*p->at)))
		return true;
	p->at = before;
	return false;
}

static struct value of_bool(bool b)
{
	return (struct value){.kind = VALUE_BOOL, .truth = b};
}

static bool as_number(const struct value *v, double *ret)
{
	if (v->kind == VALUE_NUMBER)
		*ret = v->number;
	return v->kind == VALUE_NUMBER || (v->kind == VALUE_TEXT && parse_double(v->text, ret));
}

static bool truth(const struct value *v)
{
	switch (v->kind) {
	case VALUE_BOOL:
		return v->truth;
	case VALUE_NUMBER:
		return v->number < 0 || v->number > 0;
	case VALUE_TEXT:
		return v->text.n > 0;
	}
	return false;
}

static enum rc read_or(struct parser *p, struct value *ret);

static enum rc read_text(struct parser *p, struct value *ret)
{
	const char *from = ++p->at;
	size_t doubled = 0;

	for (;; p->at++) {
		if (p->at == p->end)
			return fail(p, from - 1, "a text does not end: ' is missing");
		if (*p->at != '\'')
			continue;
		if (p->at + 1 == p->end || p->at[1] != '\'')
			break;
		doubled++;
		p->at++;
	}
	ret->kind = VALUE_TEXT;
	ret->literal = true;
	ret->text = (struct str){from, (size_t)(p->at - from)};
	p->at++;
	if (!doubled)
		return RC_OK;
	if (p->n_held == ARRAY_LEN(p->held))
		return fail(p, from, "too many texts with ' in them");
	char *copy = xmalloc(ret->text.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < ret->text.n; i++) {
		copy[n++] = ret->text.p[i];
		i += ret->text.p[i] == '\'';
	}
	copy[n] = '\0';
	p->held[p->n_held++] = copy;
	ret->text = (struct str){copy, n};
	return RC_OK;
}

static enum rc read_number(struct parser *p, struct value *ret)
{
	const char *from = p->at;

	while (p->at < p->end && ((*p->at >= '0' && *p->at <= '9') || *p->at == '.'))
		p->at++;
	ret->kind = VALUE_NUMBER;
	if (!parse_double((struct str){from, (size_t)(p->at - from)}, &ret->number))
		return fail(p, from, "this is no number");
	return RC_OK;
}

enum function { FN_AFFECTED, FN_CHANGED, FN_STARTS, FN_ENDS, FN_CONTAINS, FN_NONE };
static const struct {
	const char *name;
	size_t n;
} functions[] = {[FN_AFFECTED] = {"affected", 1},
		 [FN_CHANGED] = {"changed", 1},
		 [FN_STARTS] = {"startsWith", 2},
		 [FN_ENDS] = {"endsWith", 2},
		 [FN_CONTAINS] = {"contains", 2}};

static bool call(const struct parser *p, enum function fn, const struct value arg[2])
{
	struct str a = arg[0].text, b = arg[1].text;

	switch (fn) {
	case FN_AFFECTED:
		return p->names->affected && p->names->affected(p->names->ctx, a);
	case FN_CHANGED:
		return p->names->changed && p->names->changed(p->names->ctx, a);
	case FN_STARTS:
		return a.n >= b.n && (b.n == 0 || memcmp(a.p, b.p, b.n) == 0);
	case FN_ENDS:
		return a.n >= b.n && (b.n == 0 || memcmp(a.p + a.n - b.n, b.p, b.n) == 0);
	case FN_CONTAINS:
		return b.n == 0 || (a.n >= b.n && memmem(a.p, a.n, b.p, b.n));
	case FN_NONE:
		break;
	}
	return false;
}

static enum rc read_call(struct parser *p, const char *at, struct str name, struct value *ret)
{
	struct value arg[2] = {{.kind = VALUE_TEXT}, {.kind = VALUE_TEXT}};
	enum function fn = FN_AFFECTED;

	while (fn < FN_NONE && !str_is(name, functions[fn].name))
		fn++;
	if (fn == FN_NONE)
		return fail(
			p, at,
			"there is no such function: affected, changed, startsWith, endsWith, contains");
	for (size_t i = 0; i < functions[fn].n; i++) {
		if (i && !take(p, ","))
			return fail(p, p->at, "this function takes two values: , is missing");
		blanks(p);
		const char *from = p->at;

		if (read_or(p, &arg[i]) != RC_OK)
			return RC_INVALID;
		if (arg[i].kind != VALUE_TEXT)
			return fail(p, from, "this function takes texts");
		if (fn == FN_AFFECTED && arg[i].literal && p->known.unit &&
		    !p->known.unit(p->known.ctx, arg[i].text)) {
			AUTO(freep)
			char *what =
				xasprintf("there is no unit \"%.*s\"",
					  (int)MIN_OF(arg[i].text.n, (size_t)60), arg[i].text.p);
			return fail(p, from, what);
		}
	}
	if (!take(p, ")"))
		return fail(p, p->at, ") is missing");
	*ret = of_bool(p->names && call(p, fn, arg));
	return RC_OK;
}

static enum rc read_name(struct parser *p, struct value *ret)
{
	const char *from = p->at;

	while (p->at < p->end && is_inner(*p->at))
		p->at++;
	struct str name = {from, (size_t)(p->at - from)};

	if (p->at < p->end && *p->at == '(') {
		p->at++;
		return read_call(p, from, name, ret);
	}
	if (str_is(name, "true") || str_is(name, "false")) {
		*ret = of_bool(str_is(name, "true"));
		return RC_OK;
	}
	ret->kind = VALUE_TEXT;
	if (p->names ? !p->names->value(p->names->ctx, name, &ret->text)
		     : p->known.name && !p->known.name(p->known.ctx, name)) {
		AUTO(freep)
		char *what = xasprintf("there is no name \"%.*s\"", (int)MIN_OF(name.n, (size_t)60),
				       name.p);
		return fail(p, from, what);
	}
	return RC_OK;
}

static enum rc read_value(struct parser *p, struct value *ret)
{
	blanks(p);
	*ret = (struct value){.kind = VALUE_TEXT};
	if (p->at == p->end)
		return fail(p, p->at, "a value is missing");
	if (take(p, "(")) {
		if (read_or(p, ret) != RC_OK)
			return RC_INVALID;
		return take(p, ")") ? RC_OK : fail(p, p->at, ") is missing");
	}
	if (*p->at == '\'')
		return read_text(p, ret);
	if (*p->at >= '0' && *p->at <= '9')
		return read_number(p, ret);
	if (is_letter(*p->at))
		return read_name(p, ret);
	return fail(p, p->at, "this begins no value: write a name, a number, 'text' or (");
}

static bool equal(const struct value *a, const struct value *b)
{
	double x, y;

	if (a->kind == VALUE_BOOL || b->kind == VALUE_BOOL)
		return truth(a) == truth(b);
	if ((a->kind == VALUE_NUMBER || b->kind == VALUE_NUMBER) && as_number(a, &x) &&
	    as_number(b, &y))
		return !(x < y) && !(x > y);
	return a->kind == b->kind && str_eq(a->text, b->text);
}

static int order(const struct value *a, const struct value *b)
{
	double x, y;

	if (as_number(a, &x) && as_number(b, &y))
		return (x > y) - (x < y);
	return str_cmp(a->text, b->text);
}

static bool in_words(struct str word, struct str list)
{
	while (list.n) {
		struct str one = str_cut(&list, ' ');

		if (str_eq(one, word))
			return true;
		if (!list.p)
			break;
	}
	return false;
}

static enum rc read_compare(struct parser *p, struct value *ret)
{
	static const char *const signs[] = {"==", "!=", "=~", "<=", ">=", "<", ">"};
	struct value a, b;
	size_t sign = 0;

	if (read_value(p, &a) != RC_OK)
		return RC_INVALID;
	while (sign < ARRAY_LEN(signs) && !take(p, signs[sign]))
		sign++;
	bool in = sign == ARRAY_LEN(signs) && take_word(p, "in");
	if (sign == ARRAY_LEN(signs) && !in) {
		*ret = a;
		return RC_OK;
	}
	blanks(p);
	const char *from = p->at;
	if (read_value(p, &b) != RC_OK)
		return RC_INVALID;
	if ((in || sign >= 2) && (a.kind == VALUE_BOOL || b.kind == VALUE_BOOL))
		return fail(p, from, "true and false have no order and are in no list");
	if ((in || sign == 2) && (a.kind != VALUE_TEXT || b.kind != VALUE_TEXT))
		return fail(p, from, "`in` and =~ take texts");
	struct err why = {RC_OK, ""};
	bool pattern = !in && sign == 2 && glob_check(b.text, &why) == RC_OK;
	if (!in && sign == 2 && !pattern && b.literal) /* a name's value just matches nothing */
		return fail(p, from, why.msg);
	*ret = of_bool(in          ? in_words(a.text, b.text)
		       : sign == 0 ? equal(&a, &b)
		       : sign == 1 ? !equal(&a, &b)
		       : sign == 2 ? pattern && glob_match(b.text, a.text)
		       : sign == 3 ? order(&a, &b) <= 0
		       : sign == 4 ? order(&a, &b) >= 0
		       : sign == 5 ? order(&a, &b) < 0
				   : order(&a, &b) > 0);
	return RC_OK;
}

static enum rc read_not(struct parser *p, struct value *ret)
{
	unsigned bangs = 0;

	while (take(p, "!"))
		bangs++;
	if (read_compare(p, ret) != RC_OK)
		return RC_INVALID;
	if (bangs)
		*ret = of_bool(truth(ret) == (bangs % 2 == 0));
	return RC_OK;
}

static enum rc read_and(struct parser *p, struct value *ret)
{
	if (read_not(p, ret) != RC_OK)
		return RC_INVALID;
	while (take(p, "&&")) {
		struct value next;

		if (read_not(p, &next) != RC_OK)
			return RC_INVALID;
		*ret = of_bool(truth(ret) && truth(&next));
	}
	return RC_OK;
}

static enum rc read_or(struct parser *p, struct value *ret)
{
	if (p->depth == EXPR_DEPTH)
		return fail(p, p->at, "too many parentheses within each other");
	p->depth++;
	if (read_and(p, ret) != RC_OK)
		return RC_INVALID;
	while (take(p, "||")) {
		struct value next;

		if (read_and(p, &next) != RC_OK)
			return RC_INVALID;
		*ret = of_bool(truth(ret) || truth(&next));
	}
	p->depth--;
	return RC_OK;
}

static enum rc run(struct parser *p, struct str text, bool *ret)
{
	struct value v = {.kind = VALUE_BOOL};

	p->begin = p->at = p->wrong = text.p ? text.p : "";
	p->end = p->begin + text.n;
	enum rc rc = text.n > EXPR_MAX ? fail(p, p->at, "an expression has at most 4096 bytes")
				       : read_or(p, &v);
	blanks(p);
	if (rc == RC_OK && p->at < p->end)
		rc = fail(p, p->at, "this is too much: && or || is missing");
	if (rc == RC_OK)
		*ret = truth(&v);
	for (size_t i = 0; i < p->n_held; i++)
		xfree(p->held[i]);
	return rc;
}

enum rc expr_check(struct str text, const struct expr_known *known, size_t *ret_at, struct err *err)
{
	struct err own = {RC_OK, ""};
	struct parser p = {.known = *known, .err = err ? err : &own};
	bool value;
	enum rc rc = run(&p, text, &value);

	if (ret_at)
		*ret_at = (size_t)(p.wrong - p.begin);
	return rc;
}

enum rc expr_eval(struct str text, const struct expr_names *names, bool *ret, struct err *err)
{
	struct err own = {RC_OK, ""};
	struct parser p = {.names = names, .err = err ? err : &own};

	return run(&p, text, ret);
}
