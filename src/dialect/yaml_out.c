#include "dialect/yaml_out.h"

#define FLOW_MAX 88 /* bytes of a list on one line */

static void begin_line(struct yaml_out *o)
{
	for (unsigned i = 0; i < o->level - (o->dash ? 1 : 0); i++)
		strbuf_adds(o->to, "  ");
	if (o->dash)
		strbuf_adds(o->to, "- ");
	o->dash = false;
}

/* What YAML 1.1 or 1.2 take for something else than text. */
static bool is_word(struct str s)
{
	static const char *const words[] = {"true", "false", "yes", "no",  "on",  "off",
					    "null", "y",     "n",   "nan", "inf", "~"};
	char low[8];

	if (s.n == 0 || s.n >= sizeof(low))
		return s.n == 0;
	for (size_t i = 0; i < s.n; i++)
		low[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + 32 : s.p[i]);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i]) == s.n && memcmp(words[i], low, s.n) == 0)
			return true;
	return false;
}

static bool is_plain(struct str s, bool in_flow)
{
	bool number = true;

	if (is_word(s) || str_is(s, "<<"))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		bool digit = c >= '0' && c <= '9';

		number &= digit || strchr("+-.eExXoO_:abcdefABCDEF", c) != NULL;
		if (letter || digit || c == '/' || (c == '.' && s.n > 1) || c == '$')
			continue;
		if (i > 0 &&
		    (strchr("+-~=^()@;", c) || (c == '*' && !in_flow) || (c == '<' && !in_flow)))
			continue;
		if (i > 0 && c == ':' && i + 1 < s.n && s.p[i + 1] != ' ' && !in_flow)
			continue;
		if (c == ' ' && i > 0 && i + 1 < s.n && s.p[i + 1] != '#' && s.p[i + 1] != ' ')
			continue;
		return false;
	}
	return !number || !((s.p[0] >= '0' && s.p[0] <= '9') || s.p[0] == '.');
}

static void add_escaped(struct strbuf *to, struct str s)
{
	strbuf_addc(to, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			strbuf_addf(to, "\\%c", c);
		else if (c == '\n')
			strbuf_adds(to, "\\n");
		else if (c == '\t')
			strbuf_adds(to, "\\t");
		else if (c < 0x20 || c == 0x7f)
			strbuf_addf(to, "\\x%02x", c);
		else
			strbuf_addc(to, (char)c);
	}
	strbuf_addc(to, '"');
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

static void add_scalar(struct strbuf *to, struct str s, bool in_flow)
{
	if (is_plain(s, in_flow)) {
		strbuf_addstr(to, s);
	} else if (has_control(s)) {
		add_escaped(to, s);
	} else {
		strbuf_addc(to, '\'');
		for (size_t i = 0; i < s.n; i++)
			strbuf_adds(to, s.p[i] == '\'' ? "''" : (char[]){s.p[i], 0});
		strbuf_addc(to, '\'');
	}
}

/* Lines of printable text that a literal block gives back as they are. */
static bool fits_block(struct str s)
{
	if (s.n < 2 || s.p[0] == ' ' || s.p[0] == '\n' || s.p[0] == '\t' ||
	    !memchr(s.p, '\n', s.n - 1) || (s.p[s.n - 1] == '\n' && s.p[s.n - 2] == '\n') ||
	    s.p[s.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static void add_block(struct yaml_out *o, struct str s)
{
	struct str rest = s;

	strbuf_adds(o->to, s.p[s.n - 1] == '\n' ? "|\n" : "|-\n");
	if (s.p[s.n - 1] == '\n')
		rest.n--;
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		for (unsigned i = 0; line.n && i <= o->level; i++)
			strbuf_adds(o->to, "  ");
		strbuf_addstr(o->to, line);
		strbuf_addc(o->to, '\n');
	}
}

static void add_key(struct yaml_out *o, const char *key)
{
	begin_line(o);
	if (!key)
		return;
	if (streq(key, "on")) /* as everybody writes it */
		strbuf_adds(o->to, key);
	else
		add_scalar(o->to, str_of(key), false);
	strbuf_addc(o->to, ':');
}

void yaml_out_open(struct yaml_out *o, const char *key)
{
	if (key) {
		add_key(o, key);
		strbuf_addc(o->to, '\n');
	} else {
		o->dash = true;
	}
	o->level++;
}

void yaml_out_close(struct yaml_out *o)
{
	o->level--;
	o->dash = false;
}

/* An entry of a list stands one level deeper than the list's key, as its keys would. */
static void begin_value(struct yaml_out *o, const char *key)
{
	if (key) {
		add_key(o, key);
		strbuf_addc(o->to, ' ');
		return;
	}
	o->level++;
	o->dash = true;
	begin_line(o);
	o->level--;
}

void yaml_out_text(struct yaml_out *o, const char *key, const char *value)
{
	struct str s = str_of(value);

	begin_value(o, key);
	if (fits_block(s)) {
		add_block(o, s);
		return;
	}
	add_scalar(o->to, s, false);
	strbuf_addc(o->to, '\n');
}

void yaml_out_word(struct yaml_out *o, const char *key, const char *fmt, ...)
{
	va_list ap;

	begin_value(o, key);
	va_start(ap, fmt);
	strbuf_addv(o->to, fmt, ap);
	va_end(ap);
	strbuf_addc(o->to, '\n');
}

void yaml_out_texts(struct yaml_out *o, const char *key, char *const *v, size_t n)
{
	size_t width = 0;
	bool lines = false;

	for (size_t i = 0; i < n; i++) {
		width += strlen(v[i]) + 2;
		lines |= strchr(v[i], '\n') != NULL;
	}
	if (!n)
		return;
	if (width > FLOW_MAX || lines) {
		yaml_out_open(o, key);
		for (size_t i = 0; i < n; i++)
			yaml_out_text(o, NULL, v[i]);
		yaml_out_close(o);
		return;
	}
	begin_value(o, key);
	strbuf_addc(o->to, '[');
	for (size_t i = 0; i < n; i++) {
		strbuf_adds(o->to, i ? ", " : "");
		add_scalar(o->to, str_of(v[i]), true);
	}
	strbuf_adds(o->to, "]\n");
}

void yaml_out_words(struct yaml_out *o, const char *key, char *const *v, size_t n)
{
	if (n == 1)
		yaml_out_text(o, key, v[0]);
	else
		yaml_out_texts(o, key, v, n);
}

void yaml_out_comment(struct yaml_out *o, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(8192);
	bool dash = o->dash;
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	o->dash = false;
	unsigned level = o->level;
	o->level -= dash ? 1 : 0;
	begin_line(o);
	o->level = level;
	o->dash = dash;
	strbuf_adds(o->to, "# ");
	for (size_t i = 0; i < text.n; i++)
		strbuf_addc(o->to,
			    (unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f ? ' ' : text.p[i]);
	strbuf_addc(o->to, '\n');
}

void yaml_out_blank(struct yaml_out *o)
{
	strbuf_addc(o->to, '\n');
}
