#include "base/yaml_scan.h"

#define LINE_MAX_BYTES ((size_t)16 << 10)
#define BLANKS_MAX     256

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

/* What is known of the text that was looked at so far. */
struct scan {
	size_t line_start;  /* position */
	size_t blanks;      /* in a row, up to here */
	size_t blank_lines; /* in a row, up to this line */
	bool content;       /* this line has some */
	bool question;      /* a line began with "? ", perhaps behind "- " */
};

static const char *bad_tab(struct str text, size_t i)
{
	while (i < text.n && (text.p[i] == '\t' || text.p[i] == ' '))
		i++;
	/* a line of nothing but blanks is no indentation */
	return i == text.n || text.p[i] == '\n' || text.p[i] == '\r'
		       ? NULL
		       : "a tab as indentation: use spaces";
}

/* libfyaml needs a time that grows with the square of these; no file that a person wrote comes near. */
static const char *too_many(struct scan *s, char c, size_t i)
{
	if (c == '\n') {
		s->blank_lines = s->content ? 0 : s->blank_lines + 1;
		s->line_start = i + 1;
		s->content = false;
	} else if (c != ' ' && c != '\t' && c != '\r') {
		s->content = true;
	}
	s->blanks = c == ' ' || c == '\t' ? s->blanks + 1 : 0;
	if (i - s->line_start + 1 > LINE_MAX_BYTES && c != '\n')
		return "a line that is longer than 16384 bytes";
	if (s->blanks > BLANKS_MAX)
		return "more than 256 blanks in a row";
	if (s->blank_lines > BLANKS_MAX)
		return "more than 256 empty lines in a row";
	return NULL;
}

/* libfyaml 0.7 frees what it does not own when a tab stands behind the ':' of "? a : \tb": no such tab is let in. */
static const char *bad_question(struct scan *s, struct str text, size_t i)
{
	size_t at = i;
	bool ends = i + 1 == text.n || strchr(" \t\r\n", text.p[i + 1]) != NULL;

	if (text.p[i] == '?' && ends) {
		while (at > s->line_start && strchr(" \t-?:", text.p[at - 1]))
			at--;
		s->question |= at == s->line_start;
	}
	if (text.p[i] != '\t' || !s->question)
		return NULL;
	while (at > s->line_start && strchr(" \t", text.p[at - 1]))
		at--;
	return at > s->line_start && text.p[at - 1] == ':'
		       ? "a tab behind ':' in a file with '? ': use spaces"
		       : NULL;
}

static const char *bad_ascii(struct str text, size_t i, const struct scan *s)
{
	char c = text.p[i];

	if (c == '\0')
		return "a NUL byte: this is no text";
	if (c == '\r' && (i + 1 == text.n || text.p[i + 1] != '\n'))
		return "a carriage return without a line feed: end lines with LF";
	if (c == '\t' && i == s->line_start)
		return bad_tab(text, i);
	if (c == '%' && i == s->line_start) /* or a text that goes on here: it could be indented */
		return "directives (lines that begin with '%') are not taken";
	if ((c < ' ' && c != '\n' && c != '\r' && c != '\t') || c == 0x7f)
		return "a control character: this is no text";
	return NULL;
}

const char *yaml_scan(struct str text, size_t *ret_pos)
{
	struct scan s = {0};

	for (size_t i = 0, n; i < text.n; i += n) {
		const char *what;
		struct str rest = {text.p + i, text.n - i};
		n = str_character(rest);
		if (n == 0)
			what = "a byte that is no UTF-8";
		else if (n == 1)
			what = bad_ascii(text, i, &s);
		else
			what = unprintable((const unsigned char *)rest.p, n);
		if (!what && n == 1)
			what = bad_question(&s, text, i);
		if (!what)
			what = too_many(&s, text.p[i], i);
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

bool yaml_has_quotes(struct str text, size_t pos, struct str *ret_raw)
{
	size_t from = pos + 1, row = 0;
	bool found = false;

	if (pos >= text.n || text.p[pos] != '\'')
		return false;
	for (size_t i = from; i < text.n; i++) {
		if (text.p[i] != '\'') {
			row = 0;
			continue;
		}
		if (i + 1 >= text.n || text.p[i + 1] != '\'') {
			*ret_raw = (struct str){text.p + from, i - from};
			return found;
		}
		i++;
		found |= ++row > 1;
	}
	return false;
}

/* A fold: blanks around it go, one line break is a blank, more are one less. Behind its last byte in raw. */
static size_t unfold(struct str raw, size_t i, char *to, size_t *n)
{
	size_t breaks = 0;

	while (*n && (to[*n - 1] == ' ' || to[*n - 1] == '\t'))
		--*n;
	for (; i < raw.n && strchr(" \t\r\n", raw.p[i]); i++)
		breaks += raw.p[i] == '\n';
	if (breaks == 1)
		to[(*n)++] = ' ';
	while (breaks > 1 && breaks--)
		to[(*n)++] = '\n';
	return i;
}

size_t yaml_unquote(struct str raw, char *to)
{
	size_t n = 0, i = 0;

	while (i < raw.n) {
		if (raw.p[i] == '\n' ||
		    (raw.p[i] == '\r' && i + 1 < raw.n && raw.p[i + 1] == '\n')) {
			i = unfold(raw, i, to, &n);
			continue;
		}
		to[n++] = raw.p[i];
		i += raw.p[i] == '\'' ? 2 : 1;
	}
	return n;
}
