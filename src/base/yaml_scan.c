#include "base/yaml_scan.h"

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t line_start(struct str text, size_t pos)
{
	while (pos > 0 && text.p[pos - 1] != '\n')
		pos--;
	return pos;
}

/* Backwards is rare and short, except into an earlier line: that line is counted again. */
static void step_back(struct yaml_cursor *c, size_t pos)
{
	while (c->pos > pos) {
		char passed = c->text.p[--c->pos];
		if (passed == '\n') {
			c->line--;
			c->column = 1;
			for (size_t i = line_start(c->text, c->pos); i < c->pos; i++)
				c->column += !is_continuation(c->text.p[i]);
		} else if (!is_continuation(passed)) {
			c->column--;
		}
	}
}

void yaml_cursor_to(struct yaml_cursor *c, size_t pos)
{
	pos = MIN_OF(pos, c->text.n);
	step_back(c, pos);
	for (; c->pos < pos; c->pos++) {
		if (c->text.p[c->pos] == '\n') {
			c->line++;
			c->column = 1;
		} else if (!is_continuation(c->text.p[c->pos])) {
			c->column++;
		}
	}
}

/* A character outside of ASCII that YAML does not call printable (its production 1). */
static const char *unprintable(const unsigned char *p, size_t n)
{
	if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0 && p[1] != 0x85)
		return "a control character";
	if (n == 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf)
		return "a byte order mark inside the text";
	if (n == 3 && p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe)
		return "a character that Unicode does not have";
	return NULL;
}

static const char *bad_ascii(struct str text, size_t i, bool *at_start)
{
	char c = text.p[i];

	if (c == '\0')
		return "a NUL byte: this is no text";
	if (c == '\r' && (i + 1 == text.n || text.p[i + 1] != '\n'))
		return "a carriage return without a line feed: end lines with LF";
	if (c == '\t' && *at_start) {
		size_t next = i; /* a line of nothing but blanks is no indentation */
		while (next < text.n && (text.p[next] == '\t' || text.p[next] == ' '))
			next++;
		if (next < text.n && text.p[next] != '\n' && text.p[next] != '\r')
			return "a tab as indentation: use spaces";
	}
	if ((c < ' ' && c != '\n' && c != '\r' && c != '\t') || c == 0x7f)
		return "a control character: this is no text";
	*at_start = c == '\n';
	return NULL;
}

const char *yaml_scan(struct str text, size_t *ret_pos)
{
	bool at_start = true;

	for (size_t i = 0, n; i < text.n; i += n) {
		const char *what;
		struct str rest = {text.p + i, text.n - i};
		n = str_character(rest);
		if (n == 0)
			what = "a byte that is no UTF-8";
		else if (n == 1)
			what = bad_ascii(text, i, &at_start);
		else
			what = unprintable((const unsigned char *)rest.p, n);
		if (what) {
			*ret_pos = i;
			return what;
		}
	}
	return NULL;
}

static bool is_header(struct str line, size_t at)
{
	size_t i = at + 1;

	if ((line.p[at] != '|' && line.p[at] != '>') ||
	    (at > 0 && line.p[at - 1] != ' ' && line.p[at - 1] != '\t'))
		return false;
	while (i < line.n && line.p[i] && strchr("+-123456789", line.p[i]))
		i++;
	size_t blanks = i;
	while (i < line.n && (line.p[i] == ' ' || line.p[i] == '\t' || line.p[i] == '\r'))
		i++;
	return i == line.n || (line.p[i] == '#' && i > blanks);
}

size_t yaml_block_header(struct str text, size_t pos)
{
	size_t end = line_start(text, MIN_OF(pos, text.n));

	while (end > 0) { /* lines of blanks may stand between */
		size_t start = line_start(text, end - 1);
		struct str line = {text.p + start, end - 1 - start};
		for (size_t i = 0; i < line.n; i++)
			if (is_header(line, i))
				return start + i;
		if (str_trim(line).n)
			break;
		end = start;
	}
	return pos;
}

bool yaml_tab_leads(struct str text, size_t pos, size_t *ret_tab)
{
	for (size_t i = line_start(text, MIN_OF(pos, text.n)); i < text.n; i++) {
		if (text.p[i] == '\t') {
			*ret_tab = i;
			return true;
		}
		if (text.p[i] != ' ')
			return false;
	}
	return false;
}

bool yaml_tab_indents(struct str text, size_t pos, size_t *ret_tab)
{
	size_t start = line_start(text, MIN_OF(pos, text.n)), tab = SIZE_MAX;

	if (pos < text.n && (text.p[pos] == '{' || text.p[pos] == '['))
		return false;
	for (size_t i = start; i < pos; i++) {
		if (!text.p[i] || !strchr(" \t-?:", text.p[i]))
			return false;
		if (text.p[i] == '\t')
			tab = MIN_OF(tab, i);
	}
	if (tab == SIZE_MAX)
		return false;
	*ret_tab = tab;
	return true;
}

bool yaml_directive(struct str text, size_t end, size_t *ret_pos)
{
	for (size_t i = 0; i < MIN_OF(end, text.n); i++)
		if (text.p[i] == '%' && (i == 0 || text.p[i - 1] == '\n')) {
			*ret_pos = i;
			return true;
		}
	return false;
}
