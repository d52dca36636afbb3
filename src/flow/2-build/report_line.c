/* What compilers and linters print of a place in a file. */
#include "flow/2-build/reports.h"

static bool digits_at_end(struct str *s, char before, uint32_t *ret)
{
	size_t n = s->n;

	while (n && s->p[n - 1] >= '0' && s->p[n - 1] <= '9')
		n--;
	if (!n || n == s->n || s->p[n - 1] != before ||
	    !parse_u32((struct str){s->p + n, s->n - n}, ret))
		return false;
	s->n = n - 1;
	return true;
}

/* What is before it comes from make, ninja, docker: "[3/9] a.c". */
static bool path_at_end(struct str s, struct str *ret)
{
	size_t n = s.n;

	while (n && s.p[n - 1] != ' ' && s.p[n - 1] != '\t')
		n--;
	*ret = (struct str){s.p + n, s.n - n};
	return ret->n > 0 && ret->n < 1000;
}

/* "... [-Wshadow]", "... [bugprone-x]" */
static void split_rule(struct problem *p)
{
	struct str m = p->message;

	if (!m.n || m.p[m.n - 1] != ']')
		return;
	size_t at = m.n;
	while (at && m.p[at - 1] != '[' && m.p[at - 1] != ' ')
		at--;
	if (at < 2 || m.p[at - 1] != '[' || m.p[at - 2] != ' ' || at + 1 >= m.n)
		return;
	p->rule = (struct str){m.p + at, m.n - at - 1};
	p->message = str_trim((struct str){m.p, at - 1});
}

bool problem_gcc(struct str line, struct problem *ret)
{
	static const struct {
		const char *text;
		enum annotation_level level;
	} words[] = {{": error: ", ANNOTATION_ERROR},
		     {": fatal error: ", ANNOTATION_ERROR},
		     {": warning: ", ANNOTATION_WARNING}};
	struct problem p = {0};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t n = strlen(words[i].text);
		const char *at = memmem(line.p, line.n, words[i].text, n);
		struct str front = {line.p, at ? (size_t)(at - line.p) : 0};
		uint32_t first = 0, second = 0;
		if (!at || !digits_at_end(&front, ':', &first))
			continue;
		bool two = digits_at_end(&front, ':', &second);
		if (!path_at_end(front, &p.path))
			continue;
		p.line = two ? second : first;
		p.column = two ? first : 0;
		p.level = words[i].level;
		p.message = str_trim((struct str){at + n, line.n - (size_t)(at + n - line.p)});
		split_rule(&p);
		*ret = p;
		return p.message.n > 0;
	}
	return false;
}

/* "error TS2322: text" behind the place. */
static bool tsc_rest(struct str rest, struct problem *p)
{
	struct str word = str_cut(&rest, ' ');

	if (str_is(word, "error"))
		p->level = ANNOTATION_ERROR;
	else if (str_is(word, "warning"))
		p->level = ANNOTATION_WARNING;
	else
		return false;
	if (!rest.p || !str_starts(rest, "TS"))
		return false;
	p->rule = str_cut(&rest, ':');
	p->message = rest.p ? str_trim(rest) : (struct str){"", 0};
	return p->message.n > 0;
}

bool problem_tsc(struct str line, struct problem *ret)
{
	struct problem p = {0};
	const char *at = memmem(line.p, line.n, "): ", 3);
	struct str front = {line.p, at ? (size_t)(at - line.p) : 0};

	if (at && digits_at_end(&front, ',', &p.column) && digits_at_end(&front, '(', &p.line) &&
	    path_at_end(front, &p.path) &&
	    tsc_rest((struct str){at + 3, line.n - (size_t)(at + 3 - line.p)}, &p)) {
		*ret = p;
		return true;
	}
	at = memmem(line.p, line.n, " - ", 3);
	front = (struct str){line.p, at ? (size_t)(at - line.p) : 0};
	if (!at || !digits_at_end(&front, ':', &p.column) || !digits_at_end(&front, ':', &p.line) ||
	    !path_at_end(front, &p.path) ||
	    !tsc_rest((struct str){at + 3, line.n - (size_t)(at + 3 - line.p)}, &p))
		return false;
	*ret = p;
	return true;
}

bool problem_eslint(struct str line, struct problem *ret)
{
	struct problem p = {0};
	struct str rest = str_trim(line), place = str_cut(&rest, ' ');

	if (!line.n || (line.p[0] != ' ' && line.p[0] != '\t') || !rest.p ||
	    !digits_at_end(&place, ':', &p.column) || !parse_u32(place, &p.line))
		return false;
	rest = str_trim(rest);
	struct str level = str_cut(&rest, ' ');
	if (!str_is(level, "error") && !str_is(level, "warning"))
		return false;
	p.level = str_is(level, "error") ? ANNOTATION_ERROR : ANNOTATION_WARNING;
	if (!rest.p)
		return false;
	rest = str_trim(rest);
	p.message = rest;
	for (size_t i = rest.n; i > 2;
	     i--) /* the rule stands behind two blanks; a fatal error has none */
		if (rest.p[i - 1] == ' ' && rest.p[i - 2] == ' ') {
			struct str rule = {rest.p + i, rest.n - i};
			if (rule.n && !memchr(rule.p, ' ', rule.n)) {
				p.rule = rule;
				p.message = str_trim((struct str){rest.p, i});
			}
			break;
		}
	*ret = p;
	return p.message.n > 0;
}
