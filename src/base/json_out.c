/* Writing: the same values give the same bytes, on every machine and in every locale. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* How many of the first characters stand for themselves: most texts are nothing else. */
static size_t plain(struct str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= 0x20 && s.p[n] < 0x7f && s.p[n] != '"' && s.p[n] != '\\')
		n++;
	return n;
}

static void add_text(struct strbuf *b, struct str s)
{
	static const char hex[] = "0123456789abcdef";

	strbuf_addc(b, '"');
	for (size_t i = 0; i < s.n;) {
		struct str rest = {s.p + i, s.n - i};
		size_t same = plain(rest);

		if (same) {
			strbuf_add(b, rest.p, same);
			i += same;
			continue;
		}
		unsigned char c = (unsigned char)s.p[i];
		const char *short_form = c ? memchr("\"\"\\\\\bb\ff\nn\rr\tt", c, 14) : NULL;
		size_t n = str_character(rest);
		if (short_form && (c < 0x20 || c == '"' || c == '\\')) {
			strbuf_addc(b, '\\');
			strbuf_addc(b, short_form[1]);
		} else if (c < 0x20) {
			char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
			strbuf_add(b, escape, sizeof(escape));
		} else if (n == 0) {
			strbuf_adds(b, "\xef\xbf\xbd");
		} else {
			strbuf_add(b, rest.p, n);
		}
		i += n ? n : 1;
	}
	strbuf_addc(b, '"');
}

/* What stands before a value: a comma when one went before, and the key. */
static void before(struct json_out *o, const char *key)
{
	if (o->comma)
		strbuf_addc(o->to, ',');
	o->comma = true;
	if (!key)
		return;
	add_text(o->to, str_of(key));
	strbuf_addc(o->to, ':');
}

void json_open(struct json_out *o, const char *key)
{
	before(o, key);
	strbuf_addc(o->to, '{');
	o->comma = false;
}

void json_close(struct json_out *o)
{
	strbuf_addc(o->to, '}');
	o->comma = true;
}

void json_list(struct json_out *o, const char *key)
{
	before(o, key);
	strbuf_addc(o->to, '[');
	o->comma = false;
}

void json_unlist(struct json_out *o)
{
	strbuf_addc(o->to, ']');
	o->comma = true;
}

void json_str(struct json_out *o, const char *key, struct str value)
{
	before(o, key);
	add_text(o->to, value);
}

void json_cstr(struct json_out *o, const char *key, const char *value)
{
	if (value)
		json_str(o, key, str_of(value));
	else
		json_nil(o, key);
}

void json_u64(struct json_out *o, const char *key, uint64_t value)
{
	before(o, key);
	if (value > INT64_MAX)
		strbuf_addf(o->to, "\"%llu\"", (unsigned long long)value);
	else
		strbuf_addf(o->to, "%llu", (unsigned long long)value);
}

void json_i64(struct json_out *o, const char *key, int64_t value)
{
	before(o, key);
	strbuf_addf(o->to, "%lld", (long long)value);
}

/* The shortest of 15, 16 and 17 digits that reads back as the same double. The point is that of the locale
 * while we try, and a '.' when it is written. */
static void add_double(struct strbuf *b, double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.15g", value);
	for (int digits = 16; digits <= 17 && !(strtod(text, NULL) == value); digits++)
		snprintf(text, sizeof(text), digits == 16 ? "%.16g" : "%.17g", value);
	bool point = false;
	for (const char *p = text; *p; p++) {
		bool other = !strchr("+-0123456789e", *p);
		if (!other)
			strbuf_addc(b, *p);
		else if (!point)
			strbuf_addc(b, '.');
		point = other;
	}
}

void json_double(struct json_out *o, const char *key, double value)
{
	if (!isfinite(value)) {
		json_nil(o, key);
		return;
	}
	before(o, key);
	if (value == 0)
		strbuf_adds(o->to, signbit(value) ? "-0.0" : "0"); /* "-0" would be an integer */
	else
		add_double(o->to, value);
}

void json_bool(struct json_out *o, const char *key, bool value)
{
	before(o, key);
	strbuf_adds(o->to, value ? "true" : "false");
}

void json_nil(struct json_out *o, const char *key)
{
	before(o, key);
	strbuf_adds(o->to, "null");
}

void json_raw(struct json_out *o, const char *key, struct str json)
{
	before(o, key);
	strbuf_addstr(o->to, json);
}

static void write_map(struct json_out *o, const char *key, const struct json *j)
{
	void *cursor = NULL;
	const char *name;
	const struct json *value;

	json_open(o, key);
	while (json_next(j, &cursor, &name, &value))
		json_write(o, name, value);
	json_close(o);
}

void json_write(struct json_out *o, const char *key, const struct json *j)
{
	switch (json_kind_of(j)) {
	case JSON_NULL:
		json_nil(o, key);
		break;
	case JSON_BOOL:
		json_bool(o, key, json_truth(j, false));
		break;
	case JSON_INT:
		json_i64(o, key, json_int(j, 0));
		break;
	case JSON_REAL:
		json_double(o, key, json_number(j, 0));
		break;
	case JSON_STR:
		json_str(o, key, json_view(j));
		break;
	case JSON_LIST:
		json_list(o, key);
		for (size_t i = 0; i < json_count(j); i++)
			json_write(o, NULL, json_at(j, i));
		json_unlist(o);
		break;
	case JSON_MAP:
		write_map(o, key, j);
		break;
	}
}
