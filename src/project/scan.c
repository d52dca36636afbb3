#include "project/scan.h"

void scan_init(struct scan *s, struct str text)
{
	s->at = text.n ? text.p : "";
	s->end = s->at + text.n;
	s->line = 1;
}

static bool begins(const struct scan *s, const char *with)
{
	size_t n = strlen(with);

	return (size_t)(s->end - s->at) >= n && memcmp(s->at, with, n) == 0;
}

static void skip_to(struct scan *s, const char *mark)
{
	while (s->at < s->end && !begins(s, mark))
		s->line += *s->at++ == '\n';
	if (s->at == s->end)
		s->unclosed = true;
	else
		s->at += strlen(mark);
}

static void skip_line(struct scan *s)
{
	while (s->at < s->end && *s->at != '\n')
		s->at++;
}

static void skip_blanks(struct scan *s)
{
	while (s->at < s->end) {
		if (s->hash && s->loose && begins(s, "#[["))
			skip_to(s, "]]");
		else if ((s->hash && *s->at == '#') || (s->slashes && begins(s, "//")))
			skip_line(s);
		else if (s->slashes && begins(s, "/*"))
			skip_to(s, "*/");
		else if (strchr(" \t\r\n", *s->at) && *s->at)
			s->line += *s->at++ == '\n';
		else
			return;
	}
}

static enum scan_kind text(struct scan *s)
{
	char quote = *s->at;
	char three[] = {quote, quote, quote, '\0'};
	bool is_long = !s->loose && begins(s, three);

	s->at += is_long ? 3 : 1;
	const char *from = s->at;
	while (s->at < s->end && !(is_long ? begins(s, three) : *s->at == quote)) {
		if (*s->at == '\\' && s->end - s->at > 1)
			s->at++;
		s->line += *s->at++ == '\n';
	}
	s->text = (struct str){from, (size_t)(s->at - from)};
	if (s->at == s->end)
		s->unclosed = true;
	else
		s->at += is_long ? 3 : 1;
	return s->kind = SCAN_TEXT;
}

static bool is_word(const struct scan *s, char c)
{
	if (s->loose)
		return !strchr(" \t\r\n()\"", c);
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || (unsigned char)c >= 0x80;
}

enum scan_kind scan_next(struct scan *s)
{
	skip_blanks(s);
	s->at_line = s->line;
	if (s->at == s->end) {
		s->text = (struct str){s->at, 0};
		return s->kind = SCAN_END;
	}
	if (*s->at == '"' || (*s->at == '\'' && !s->loose))
		return text(s);
	const char *from = s->at;
	while (s->at < s->end && is_word(s, *s->at))
		s->at++;
	if (s->at > from) {
		s->text = (struct str){from, (size_t)(s->at - from)};
		return s->kind = SCAN_WORD;
	}
	s->text = (struct str){s->at++, 1};
	return s->kind = SCAN_SIGN;
}
