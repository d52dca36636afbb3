#include "project/outline.h"

struct str outline_unquoted(struct str s)
{
	s = str_trim(s);
	if (s.n >= 2 && (*s.p == '"' || *s.p == '\'') && s.p[s.n - 1] == *s.p)
		return (struct str){s.p + 1, s.n - 2};
	return s;
}

/* Where the key ends: at its closing quote, at ": ", at a colon that ends the line, or (bare) at a blank. */
static size_t key_length(const struct outline *o, struct str s)
{
	size_t i = 0;
	char quote = *s.p == '"' || *s.p == '\'' ? *s.p : '\0';

	if (quote) {
		const char *end = memchr(s.p + 1, quote, s.n - 1);
		i = end ? (size_t)(end - s.p) + 1 : s.n;
	}
	for (; i < s.n; i++) {
		if (s.p[i] == ':' && (i + 1 == s.n || s.p[i + 1] == ' '))
			return i;
		if (o->bare && o->indent && s.p[i] == ' ')
			return i;
	}
	return s.n;
}

bool outline_next(struct outline *o)
{
	while (o->text.p) {
		struct str raw = str_cut(&o->text, '\n');
		uint32_t indent = 0;

		o->line++;
		while (indent < raw.n && raw.p[indent] == ' ')
			indent++;
		struct str s = str_trim(raw);
		if (!s.n || *s.p == '#')
			continue;
		o->indent = indent;
		o->item = s.n > 1 && s.p[0] == '-' && s.p[1] == ' ';
		if (o->item) {
			o->key = (struct str){s.p, 0};
			o->value = outline_unquoted((struct str){s.p + 2, s.n - 2});
			return true;
		}
		size_t n = key_length(o, s);
		o->colon = n < s.n && s.p[n] == ':';
		o->key = outline_unquoted((struct str){s.p, n});
		o->value = (struct str){s.p + n, s.n - n};
		if (o->colon) {
			o->value.p++;
			o->value.n--;
		}
		o->value = outline_unquoted(o->value);
		return true;
	}
	return false;
}
