#include "dialect/cond.h"

#define COND_MAX   4096
#define COND_DEPTH 32

struct lexer {
	struct str text;
	size_t at;
	enum cond_syntax syntax;
	unsigned depth;
};

struct cond *cond_new(enum cond_kind kind, const char *text, struct cond *a, struct cond *b)
{
	struct cond *c = xcalloc(1, sizeof(*c));

	c->kind = kind;
	c->text = text ? xstrdup(text) : NULL;
	if (a)
		c->kids[c->n++] = a;
	if (b)
		c->kids[c->n++] = b;
	return c;
}

void cond_free(struct cond *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		cond_free(c->kids[i]);
	xfree(c->text);
	xfree(c);
}

void cond_freep(struct cond **c)
{
	cond_free(*c);
	*c = NULL;
}

/* ---- reading ---- */
static struct cond *parse_or(struct lexer *l);

static void skip_blanks(struct lexer *l)
{
	while (l->at < l->text.n && strchr(" \t\r\n", l->text.p[l->at]))
		l->at++;
}

static bool take(struct lexer *l, const char *what)
{
	skip_blanks(l);
	if (!str_starts((struct str){l->text.p + l->at, l->text.n - l->at}, what))
		return false;
	l->at += strlen(what);
	return true;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static struct cond *parse_text(struct lexer *l, char quote)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(COND_MAX);

	for (l->at++; l->at < l->text.n; l->at++) {
		char c = l->text.p[l->at];
		bool doubled = l->syntax != SYNTAX_GITLAB && c == quote && l->at + 1 < l->text.n &&
			       l->text.p[l->at + 1] == quote;

		if (c == quote && !doubled) {
			l->at++;
			return cond_new(COND_TEXT, strbuf_cstr(&b), NULL, NULL);
		}
		l->at += doubled;
		strbuf_addc(&b, c);
	}
	return NULL;
}

static struct cond *parse_pattern(struct lexer *l)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(COND_MAX);

	for (l->at++; l->at < l->text.n && l->text.p[l->at] != '/'; l->at++) {
		if (l->text.p[l->at] == '\\' && l->at + 1 < l->text.n) {
			if (l->text.p[l->at + 1] != '/')
				strbuf_addc(&b, '\\');
			l->at++;
		}
		strbuf_addc(&b, l->text.p[l->at]);
	}
	if (l->at == l->text.n)
		return NULL;
	l->at++;
	if (l->at < l->text.n && l->text.p[l->at] == 'i')
		return NULL; /* nothing of ours looks away from case */
	return cond_new(COND_PATTERN, strbuf_cstr(&b), NULL, NULL);
}

/* A name as theirs are: a.b-c, a.*.b, a['b'], $A, ${A}. */
static struct str lex_name(struct lexer *l, struct strbuf *b)
{
	bool brace = false;

	if (l->syntax == SYNTAX_GITLAB) {
		if (l->text.p[l->at] != '$')
			return STR("");
		l->at++;
		brace = l->at < l->text.n && l->text.p[l->at] == '{';
		l->at += brace;
	}
	while (l->at < l->text.n) {
		struct str rest = {l->text.p + l->at, l->text.n - l->at};
		char c = rest.p[0];
		bool inner = b->n && l->syntax != SYNTAX_GITLAB && (c == '.' || c == '-');

		if (str_starts(rest, ".*") && l->syntax == SYNTAX_GITHUB) {
			strbuf_adds(b, ".*");
			l->at += 2;
		} else if (str_starts(rest, "['") && l->syntax == SYNTAX_GITHUB) {
			const char *end = memchr(rest.p + 2, '\'', rest.n - 2);
			if (!end || end + 1 == rest.p + rest.n || end[1] != ']')
				break;
			strbuf_addc(b, '.');
			strbuf_add(b, rest.p + 2, (size_t)(end - rest.p) - 2);
			l->at += (size_t)(end - rest.p) + 2;
		} else if (is_letter(c) || (b->n && is_digit(c)) || inner) {
			strbuf_addc(b, c);
			l->at++;
		} else {
			break;
		}
	}
	if (brace && !take(l, "}"))
		return STR("");
	return strbuf_str(b);
}

static struct cond *parse_call(struct lexer *l, const char *name)
{
	struct cond *c = cond_new(COND_CALL, name, NULL, NULL);

	if (take(l, ")"))
		return c;
	do {
		struct cond *kid = c->n < ARRAY_LEN(c->kids) ? parse_or(l) : NULL;
		if (!kid) {
			cond_free(c);
			return NULL;
		}
		c->kids[c->n++] = kid;
	} while (take(l, ","));
	if (take(l, ")"))
		return c;
	cond_free(c);
	return NULL;
}

static struct cond *parse_name(struct lexer *l)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(COND_MAX);
	size_t start = l->at;
	struct str name = lex_name(l, &b);

	if (!name.n && l->syntax == SYNTAX_GITLAB) {
		l->at = start;
		return take(l, "null") ? cond_new(COND_NULL, NULL, NULL, NULL) : NULL;
	}
	if (!name.n)
		return NULL;
	if (l->syntax != SYNTAX_GITLAB && str_is(name, "true"))
		return cond_new(COND_TRUE, NULL, NULL, NULL);
	if (l->syntax != SYNTAX_GITLAB && str_is(name, "false"))
		return cond_new(COND_FALSE, NULL, NULL, NULL);
	if (l->syntax == SYNTAX_GITHUB && str_is(name, "null"))
		return cond_new(COND_NULL, NULL, NULL, NULL);
	if (l->syntax != SYNTAX_GITLAB && take(l, "("))
		return parse_call(l, strbuf_cstr(&b));
	return cond_new(COND_NAME, strbuf_cstr(&b), NULL, NULL);
}

static struct cond *parse_number(struct lexer *l)
{
	size_t start = l->at;

	while (l->at < l->text.n && (is_digit(l->text.p[l->at]) || l->text.p[l->at] == '.'))
		l->at++;
	AUTO(freep) char *text = xstrndup(l->text.p + start, l->at - start);
	return cond_new(COND_NUMBER, text, NULL, NULL);
}

static struct cond *parse_value(struct lexer *l)
{
	skip_blanks(l);
	if (l->at == l->text.n)
		return NULL;
	char c = l->text.p[l->at];
	if (c == '\'' || (c == '"' && l->syntax == SYNTAX_GITLAB))
		return parse_text(l, c);
	if (c == '/' && l->syntax == SYNTAX_GITLAB)
		return parse_pattern(l);
	if (is_digit(c))
		return parse_number(l);
	if (!take(l, "("))
		return parse_name(l);
	struct cond *in = parse_or(l);
	if (in && take(l, ")"))
		return in;
	cond_free(in);
	return NULL;
}

static const char *take_operator(struct lexer *l)
{
	static const char *const ops[] = {"==", "!=", "=~", "!~", "<=", ">=", "<", ">"};

	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		if (take(l, ops[i]))
			return ops[i];
	if (l->syntax == SYNTAX_OURS && take(l, "in "))
		return "in";
	return NULL;
}

static struct cond *parse_compare(struct lexer *l)
{
	struct cond *a = parse_value(l);
	const char *op = a ? take_operator(l) : NULL;

	if (!op)
		return a;
	struct cond *b = parse_value(l);
	if (b)
		return cond_new(COND_COMPARE, op, a, b);
	cond_free(a);
	return NULL;
}

static struct cond *parse_not(struct lexer *l)
{
	struct cond *c = NULL;

	if (++l->depth > COND_DEPTH)
		return NULL;
	skip_blanks(l);
	bool not_equal = l->at + 1 < l->text.n &&
			 (l->text.p[l->at + 1] == '=' || l->text.p[l->at + 1] == '~');
	if (!not_equal && take(l, "!")) {
		struct cond *in = parse_not(l);
		c = in ? cond_new(COND_NOT, NULL, in, NULL) : NULL;
	} else {
		c = parse_compare(l);
	}
	l->depth--;
	return c;
}

static struct cond *parse_chain(struct lexer *l, enum cond_kind kind, const char *op,
				struct cond *(*next)(struct lexer *l))
{
	struct cond *a = next(l);

	while (a && take(l, op)) {
		struct cond *b = next(l);
		if (!b) {
			cond_free(a);
			return NULL;
		}
		a = cond_new(kind, NULL, a, b);
	}
	return a;
}

static struct cond *parse_and(struct lexer *l)
{
	return parse_chain(l, COND_AND, "&&", parse_not);
}
static struct cond *parse_or(struct lexer *l)
{
	return parse_chain(l, COND_OR, "||", parse_and);
}

static bool parse_whole(struct lexer *l, struct cond **ret)
{
	*ret = parse_or(l);
	skip_blanks(l);
	return *ret && l->at == l->text.n;
}

/* A chain of `&&` is as deep as it is long: the trees are walked by recursion, so the text's length caps that. */
struct cond *cond_parse(struct str text, enum cond_syntax syntax)
{
	struct lexer l = {.text = text, .syntax = syntax};

	if (!text.n || text.n > COND_MAX || memchr(text.p, 0, text.n))
		return NULL;
	struct cond *c = NULL;
	if (parse_whole(&l, &c))
		return c;
	cond_free(c);
	return NULL;
}

/* ---- rewriting ---- */
static struct cond *become(struct cond *c, struct cond *kid)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->kids[i] == kid)
			c->kids[i] = NULL;
	cond_free(c);
	return kid;
}

static struct cond *become_truth(struct cond *c, bool truth)
{
	cond_free(c);
	return cond_new(truth ? COND_TRUE : COND_FALSE, NULL, NULL, NULL);
}

static struct cond *fold_chain(struct cond *c)
{
	enum cond_kind same = c->kind == COND_AND ? COND_TRUE : COND_FALSE; /* adds nothing */
	enum cond_kind wins = c->kind == COND_AND ? COND_FALSE : COND_TRUE;

	for (size_t i = 0; i < 2; i++) {
		if (c->kids[i]->kind == wins)
			return become_truth(c, wins == COND_TRUE);
		if (c->kids[i]->kind == same)
			return become(c, c->kids[1 - i]);
	}
	return c;
}

struct cond *cond_simple(struct cond *c)
{
	for (size_t i = 0; i < c->n; i++)
		c->kids[i] = cond_simple(c->kids[i]);
	if (c->kind == COND_AND || c->kind == COND_OR)
		return fold_chain(c);
	if (c->kind == COND_NOT && c->kids[0]->kind == COND_TRUE)
		return become_truth(c, false);
	if (c->kind == COND_NOT && c->kids[0]->kind == COND_FALSE)
		return become_truth(c, true);
	if (c->kind == COND_COMPARE && c->kids[0]->kind == COND_TEXT &&
	    c->kids[1]->kind == COND_TEXT && (streq(c->text, "==") || streq(c->text, "!=")))
		return become_truth(c, streq(c->kids[0]->text, c->kids[1]->text) ==
					       streq(c->text, "=="));
	return c;
}

bool cond_is_compare(const struct cond *c, const struct cond **ret_name,
		     const struct cond **ret_value)
{
	if (c->kind != COND_COMPARE || c->n != 2)
		return false;
	bool swapped =
		c->kids[0]->kind != COND_NAME && (streq(c->text, "==") || streq(c->text, "!="));
	*ret_name = c->kids[swapped ? 1 : 0];
	*ret_value = c->kids[swapped ? 0 : 1];
	return (*ret_name)->kind == COND_NAME;
}

/* ---- printing ---- */
static void print_text(const struct cond *c, enum cond_syntax syntax, struct strbuf *to)
{
	const char *quote = syntax == SYNTAX_GITLAB ? "\"" : "'";

	strbuf_adds(to, quote);
	for (const char *p = c->text; *p; p++) {
		if (*p == '\'' && syntax != SYNTAX_GITLAB)
			strbuf_addc(to, '\'');
		strbuf_addc(to, *p);
	}
	strbuf_adds(to, quote);
}

static void print_inner(const struct cond *c, enum cond_syntax syntax, struct strbuf *to)
{
	bool wrap = c->kind == COND_OR || c->kind == COND_AND || c->kind == COND_COMPARE;

	strbuf_adds(to, wrap ? "(" : "");
	cond_print(c, syntax, to);
	strbuf_adds(to, wrap ? ")" : "");
}

static void print_side(const struct cond *c, enum cond_kind of, enum cond_syntax syntax,
		       struct strbuf *to)
{
	if (c->kind == COND_COMPARE || c->kind == of)
		cond_print(c, syntax, to);
	else
		print_inner(c, syntax, to);
}

void cond_print(const struct cond *c, enum cond_syntax syntax, struct strbuf *to)
{
	switch (c->kind) {
	case COND_OR:
	case COND_AND:
		print_side(c->kids[0], c->kind, syntax, to);
		strbuf_adds(to, c->kind == COND_OR ? " || " : " && ");
		print_side(c->kids[1], c->kind, syntax, to);
		return;
	case COND_NOT:
		strbuf_addc(to, '!');
		print_inner(c->kids[0], syntax, to);
		return;
	case COND_COMPARE:
		print_inner(c->kids[0], syntax, to);
		strbuf_addf(to, " %s ", c->text);
		print_inner(c->kids[1], syntax, to);
		return;
	case COND_TEXT:
		print_text(c, syntax, to);
		return;
	case COND_TRUE:
	case COND_FALSE:
		strbuf_adds(to, c->kind == COND_TRUE ? "true" : "false");
		return;
	case COND_NULL:
		strbuf_adds(to, "null");
		return;
	case COND_NAME:
		strbuf_addf(to, "%s%s", syntax == SYNTAX_GITLAB ? "$" : "", c->text);
		return;
	case COND_NUMBER:
		strbuf_adds(to, c->text);
		return;
	case COND_PATTERN:
		strbuf_addf(to, "/%s/", c->text);
		return;
	case COND_CALL:
		strbuf_addf(to, "%s(", c->text);
		for (size_t i = 0; i < c->n; i++) {
			strbuf_adds(to, i ? ", " : "");
			cond_print(c->kids[i], syntax, to);
		}
		strbuf_addc(to, ')');
		return;
	}
}
