/* Cookies: one out of a request, one into an answer. */
#include "io/httpd_cookie.h"

#include "base/mem.h"
#include "io/httpd_impl.h"

bool cookie_is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c <= ' ' || c > '~' || strchr("()<>@,;:\\\"/[]?={}", c))
			return false;
	}
	return s.n > 0 && s.n <= 128;
}

bool cookie_is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c <= ' ' || c > '~' || c == '"' || c == ',' || c == ';' || c == '\\')
			return false;
	}
	return s.n <= COOKIE_VALUE_MAX;
}

struct str cookie_find(struct str header, const char *name)
{
	const struct str none = {NULL, 0};
	struct str found = none, rest = header;

	if (header.n > COOKIE_HEADER_MAX)
		return none;
	while (rest.p) {
		struct str value = str_trim(str_cut(&rest, ';')), key = str_cut(&value, '=');

		if (!value.p || !str_is(key, name))
			continue;
		if (!cookie_is_value(value) || (found.p && !str_eq(found, value)))
			return none;
		found = value;
	}
	return found;
}

struct str request_cookie(const struct request *r, const char *name)
{
	const char *header = request_header(r, "Cookie");

	return header ? cookie_find(str_of(header), name) : (struct str){NULL, 0};
}

bool request_set_cookie(struct request *r, const struct set_cookie *c)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(COOKIE_VALUE_MAX + 1024);
	const char *path = c->path ? c->path : "/", *value = c->value ? c->value : "";

	if (!cookie_is_name(str_of(c->name)) || !cookie_is_value(str_of(value)) || path[0] != '/' ||
	    strlen(path) > 512 || !cookie_is_value(str_of(path)))
		return false;
	strbuf_addf(&text, "%s=%s; Path=%s; HttpOnly; SameSite=%s", c->name, value, path,
		    c->lax ? "Lax" : "Strict");
	if (!c->value)
		strbuf_adds(&text, "; Max-Age=0");
	else if (c->seconds)
		strbuf_addf(&text, "; Max-Age=%u", c->seconds);
	if (request_is_tls(r))
		strbuf_adds(&text, "; Secure");
	request_add_header(r, "Set-Cookie", strbuf_cstr(&text));
	mem_wipe(text.p, text.n); /* it may hold a session */
	return true;
}
