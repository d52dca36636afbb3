/* Texts with their escapes, numbers, dates. */
#include "base/toml_impl.h"
#include "base/mem.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_of(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void add_character(struct strbuf *to, uint32_t c)
{
	if (c < 0x80) {
		strbuf_addc(to, (char)c);
	} else if (c < 0x800) {
		strbuf_addc(to, (char)(0xc0 | c >> 6));
		strbuf_addc(to, (char)(0x80 | (c & 63)));
	} else if (c < 0x10000) {
		strbuf_addc(to, (char)(0xe0 | c >> 12));
		strbuf_addc(to, (char)(0x80 | (c >> 6 & 63)));
		strbuf_addc(to, (char)(0x80 | (c & 63)));
	} else {
		strbuf_addc(to, (char)(0xf0 | c >> 18));
		strbuf_addc(to, (char)(0x80 | (c >> 12 & 63)));
		strbuf_addc(to, (char)(0x80 | (c >> 6 & 63)));
		strbuf_addc(to, (char)(0x80 | (c & 63)));
	}
}

static bool unicode(struct toml_reader *r, unsigned digits, struct strbuf *to)
{
	uint32_t c = 0;

	for (unsigned i = 0; i < digits; i++) {
		int v = hex_of(toml_peek(r, 0));
		if (v < 0)
			return toml_fail(r, "\\u needs 4 hexadecimal digits, \\U 8");
		c = c << 4 | (uint32_t)v;
		r->at++;
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return toml_fail(r, "an escape names no character that can stand here");
	add_character(to, c);
	return true;
}

/* The backslash at the end of a line of a long text: what follows begins with the next word. */
static bool line_end_escape(struct toml_reader *r)
{
	const char *p = r->at;

	while (p < r->end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == r->end || (*p != '\n' && !(*p == '\r' && p + 1 < r->end && p[1] == '\n')))
		return false;
	for (; p < r->end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'); p++)
		r->line += *p == '\n';
	r->at = p;
	return true;
}

static bool escape(struct toml_reader *r, bool several, struct strbuf *to)
{
	static const char from[] = "btnfr\"\\", into[] = "\b\t\n\f\r\"\\";

	if (several && line_end_escape(r))
		return true;
	char c = toml_peek(r, 0);
	r->at += c != '\0';
	if (c == 'u' || c == 'U')
		return unicode(r, c == 'u' ? 4 : 8, to);
	const char *known = c ? strchr(from, c) : NULL;
	if (!known)
		return toml_fail(r, "there is no such escape in a text");
	strbuf_addc(to, into[known - from]);
	return true;
}

/* One character, as it is; newlines only in long texts. */
static bool plain_character(struct toml_reader *r, bool several, struct strbuf *to)
{
	unsigned char c = (unsigned char)*r->at;

	if (c == '\r' && several && toml_peek(r, 1) == '\n')
		c = (unsigned char)*++r->at;
	if (c == '\n') {
		if (!several)
			return toml_fail(r, "a text has no closing quote in its line");
		r->line++;
	} else if ((c < 0x20 && c != '\t') || c == 0x7f) {
		return toml_fail(r, "a control character stands in a text");
	}
	strbuf_addc(to, (char)c);
	r->at++;
	return true;
}

/* At a run of quotes in a long text: up to two belong to the text. True: it is closed. */
static bool close_long(struct toml_reader *r, char quote, struct strbuf *to)
{
	size_t n = 0;

	while (toml_peek(r, n) == quote && n < 5)
		n++;
	for (size_t i = 0; i < (n >= 3 ? n - 3 : n); i++)
		strbuf_addc(to, quote);
	r->at += n;
	return n >= 3;
}

bool toml_quoted(struct toml_reader *r, bool several, struct strbuf *to)
{
	char quote = *r->at;
	bool is_long = several && toml_peek(r, 1) == quote && toml_peek(r, 2) == quote;
	uint32_t begun = r->line;

	r->at += is_long ? 3 : 1;
	if (is_long && toml_peek(r, 0) == '\r' && toml_peek(r, 1) == '\n')
		r->at++;
	if (is_long && toml_peek(r, 0) == '\n') {
		r->at++;
		r->line++;
	}
	while (toml_more(r)) {
		if (*r->at == quote) {
			if (is_long ? close_long(r, quote, to) : (r->at++, true))
				return true;
		} else if (*r->at == '\\' && quote == '"') {
			r->at++;
			if (!escape(r, is_long, to))
				return false;
		} else if (!plain_character(r, is_long, to)) {
			return false;
		}
	}
	return toml_fail(r, "the text that begins in line %u is not closed", begun);
}

/* Digits with single underscores between them; the number of characters. */
static size_t digits(const char *p, size_t n, int base)
{
	size_t i = 0;

	for (; i < n; i++) {
		int v = hex_of(p[i]);
		bool digit = v >= 0 && v < base;
		if (!digit && !(p[i] == '_' && i && p[i - 1] != '_'))
			break;
	}
	return i && p[i - 1] == '_' ? 0 : i;
}

static bool is_number(const char *p, size_t n, bool *ret_real)
{
	size_t i = n && (*p == '+' || *p == '-') ? 1 : 0;

	if (n - i == 3 && (!memcmp(p + i, "inf", 3) || !memcmp(p + i, "nan", 3)))
		return *ret_real = true;
	if (!i && n > 2 && *p == '0' && strchr("xob", p[1]))
		return digits(p + 2, n - 2, p[1] == 'x' ? 16 : p[1] == 'o' ? 8 : 2) == n - 2;
	size_t k = digits(p + i, n - i, 10);
	if (!k || (k > 1 && p[i] == '0'))
		return false;
	i += k;
	if (i < n && p[i] == '.') {
		k = digits(p + i + 1, n - i - 1, 10);
		if (!k)
			return false;
		i += k + 1;
		*ret_real = true;
	}
	if (i < n && (p[i] == 'e' || p[i] == 'E')) {
		size_t sign = i + 1 < n && (p[i + 1] == '+' || p[i + 1] == '-') ? 1 : 0;
		k = digits(p + i + 1 + sign, n - i - 1 - sign, 10);
		if (!k)
			return false;
		i += k + 1 + sign;
		*ret_real = true;
	}
	return i == n;
}

/* d: a digit, everything else itself. */
static bool fits(const char *p, size_t n, const char *form)
{
	size_t i = 0;

	for (; form[i]; i++)
		if (i >= n || (form[i] == 'd' ? !is_digit(p[i]) : p[i] != form[i]))
			return false;
	return true;
}

static bool is_time(const char *p, size_t n, bool zone)
{
	if (!fits(p, n, "dd:dd:dd") || p[0] > '2' || p[3] > '5' || p[6] > '6')
		return false;
	size_t i = 8;
	if (i < n && p[i] == '.') {
		size_t from = ++i;
		while (i < n && is_digit(p[i]))
			i++;
		if (i == from)
			return false;
	}
	if (i == n)
		return true;
	if (zone && n - i == 1)
		return p[i] == 'Z' || p[i] == 'z';
	return zone && n - i == 6 && (p[i] == '+' || p[i] == '-') && fits(p + i + 1, 5, "dd:dd");
}

static bool is_date(const char *p, size_t n)
{
	if (!fits(p, n, "dddd-dd-dd"))
		return is_time(p, n, false);
	unsigned month = (unsigned)((p[5] - '0') * 10 + p[6] - '0');
	unsigned day = (unsigned)((p[8] - '0') * 10 + p[9] - '0');
	if (month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	return n == 10 || (strchr("Tt ", p[10]) && p[10] && is_time(p + 11, n - 11, true));
}

static size_t plain_length(const struct toml_reader *r)
{
	size_t n = 0, left = (size_t)(r->end - r->at);

	while (n < left && n < 256 && !strchr(" \t\r\n,]}#=", r->at[n]))
		n++;
	/* a date, a blank, a time */
	if (n == 10 && fits(r->at, n, "dddd-dd-dd") && left > 12 && r->at[10] == ' ' &&
	    is_digit(r->at[11]))
		for (n = 11; n < left && n < 64 && !strchr(" \t\r\n,]}#=", r->at[n]);)
			n++;
	return n;
}

bool toml_plain(struct toml_reader *r, struct toml_node *to)
{
	size_t n = plain_length(r);
	struct str s = {r->at, n};
	bool real = false;

	if (str_is(s, "true") || str_is(s, "false"))
		to->kind = TOML_BOOL;
	else if (is_number(s.p, s.n, &real))
		to->kind = real ? TOML_REAL : TOML_INT;
	else if (is_date(s.p, s.n))
		to->kind = TOML_DATE;
	else
		return toml_fail(r,
				 n ? "\"%.*s\" is no value: texts stand in quotes"
				   : "a value is missing%.*s",
				 (int)MIN_OF(n, (size_t)40), s.p);
	to->text = (struct str){xstrndup(s.p, s.n), s.n};
	r->at += n;
	return true;
}
