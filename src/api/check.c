/* A request against its row of the table: unknown names are refused, so that a wrong one is not a silent nothing. */
#include "api/api_impl.h"

#define TEXTS_MAX 256
#define NAMES_MAX 64

static bool refuse_unknown(const struct api_field *fields, const char *what, const char *key,
			   struct err *err)
{
	const char *names[NAMES_MAX];
	size_t n = 0;

	for (const struct api_field *f = fields; f && f->name && n < NAMES_MAX; f++)
		names[n++] = f->name;
	const char *near = n ? str_nearest(str_of(key), names, n) : NULL;
	err_set(err, RC_INVALID, "%s\"%.60s\" is not known here%s%s%s", what, key,
		near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	return false;
}

static const struct api_field *field_named(const struct api_field *fields, const char *name)
{
	for (const struct api_field *f = fields; f && f->name; f++)
		if (streq(f->name, name))
			return f;
	return NULL;
}

static bool is_one_of(const char *const *names, struct str text)
{
	for (; *names; names++)
		if (str_is(text, *names))
			return true;
	return false;
}

static bool fail_name(const struct api_field *f, struct str given, struct err *err)
{
	AUTO(strbuf_done) struct strbuf all = STRBUF(1024);

	for (const char *const *name = f->names; *name; name++)
		strbuf_addf(&all, "%s%s", name == f->names ? "" : name[1] ? ", " : " or ", *name);
	err_set(err, RC_INVALID, "%s takes %s, not \"%.*s\"", f->name, strbuf_cstr(&all),
		(int)MIN_OF(given.n, (size_t)60), given.p);
	return false;
}

static bool check_text(const struct api_field *f, struct str text, struct err *err)
{
	usec_t at;
	uint64_t n;

	if (text.n > (f->max ? f->max : NOTE_MAX)) {
		err_set(err, RC_INVALID, "%s takes a text of at most %llu bytes", f->name,
			(unsigned long long)(f->max ? f->max : NOTE_MAX));
		return false;
	}
	if (f->kind == FIELD_TIME && !time_parse(text.p, text.n, &at)) {
		err_set(err, RC_INVALID,
			"%s takes a time such as 2026-01-31T12:00:00Z, not \"%.*s\"", f->name,
			(int)MIN_OF(text.n, (size_t)40), text.p);
		return false;
	}
	if (f->kind == FIELD_SPAN && !parse_duration(text, &n)) {
		err_set(err, RC_INVALID, "%s takes a duration such as 30m or 2h, not \"%.*s\"",
			f->name, (int)MIN_OF(text.n, (size_t)40), text.p);
		return false;
	}
	return true;
}

/* ---- the query ---- */

static bool check_value(const struct api_field *f, const char *text, struct err *err)
{
	struct str rest = str_of(text ? text : "");
	uint64_t n;

	switch (f->kind) {
	case FIELD_NUMBER:
		if (parse_u64(rest, &n) && n <= f->max)
			return true;
		err_set(err, RC_INVALID, "?%s= takes a number up to %llu, not \"%.40s\"", f->name,
			(unsigned long long)f->max, rest.p);
		return false;
	case FIELD_BOOL:
		if (!rest.n || str_is(rest, "1") || str_is(rest, "0") || str_is(rest, "true") ||
		    str_is(rest, "false"))
			return true;
		err_set(err, RC_INVALID, "?%s= takes 1 or 0, not \"%.40s\"", f->name, rest.p);
		return false;
	case FIELD_NAME:
		while (rest.p && rest.n) {
			struct str one = str_cut(&rest, ',');

			if (!is_one_of(f->names, one))
				return fail_name(f, one, err);
		}
		return true;
	case FIELD_TEXT:
	case FIELD_TIME:
	case FIELD_SPAN:
	case FIELD_TEXTS:
		return !rest.n || check_text(f, rest, err);
	}
	return true;
}

static bool check_query(struct call *c, struct err *err)
{
	const char *key;

	for (size_t i = 0; (key = request_query_key(c->r, i)); i++) {
		const struct api_field *f = field_named(c->route->query, key);

		if (!f)
			return refuse_unknown(c->route->query, "?", key, err);
		if (!check_value(f, request_query(c->r, key), err))
			return false;
	}
	for (const struct api_field *f = c->route->query; f && f->name; f++) {
		const char *given = f->needed ? request_query(c->r, f->name) : "given";

		if (given && *given)
			continue;
		err_set(err, RC_INVALID, "say ?%s=: %s", f->name, f->help);
		return false;
	}
	return true;
}

/* ---- the body ---- */

static bool check_list(const struct api_field *f, const struct json *list, struct err *err)
{
	size_t n = json_count(list);

	if (json_kind_of(list) != JSON_LIST || n > TEXTS_MAX) {
		err_set(err, RC_INVALID, "%s takes a list of at most %d texts", f->name, TEXTS_MAX);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		const char *text = json_text(json_at(list, i), NULL);

		if (!text) {
			err_set(err, RC_INVALID, "%s takes a list of texts", f->name);
			return false;
		}
		if (!check_text(f, str_of(text), err))
			return false;
	}
	return true;
}

static bool check_member(const struct api_field *f, const struct json *value, struct err *err)
{
	const char *text = json_text(value, NULL);

	if (json_kind_of(value) == JSON_NULL)
		return true;
	switch (f->kind) {
	case FIELD_BOOL:
		if (json_kind_of(value) == JSON_BOOL)
			return true;
		err_set(err, RC_INVALID, "%s takes true or false", f->name);
		return false;
	case FIELD_NUMBER:
		if (json_kind_of(value) == JSON_INT && json_int(value, -1) >= 0 &&
		    (uint64_t)json_int(value, -1) <= f->max)
			return true;
		err_set(err, RC_INVALID, "%s takes a number up to %llu", f->name,
			(unsigned long long)f->max);
		return false;
	case FIELD_TEXTS:
		return check_list(f, value, err);
	case FIELD_TEXT:
	case FIELD_TIME:
	case FIELD_SPAN:
	case FIELD_NAME:
		break;
	}
	if (!text) {
		err_set(err, RC_INVALID, "%s takes a text of at most %llu bytes", f->name,
			(unsigned long long)(f->max ? f->max : NOTE_MAX));
		return false;
	}
	if (f->kind == FIELD_NAME)
		return is_one_of(f->names, str_of(text)) || fail_name(f, str_of(text), err);
	return !*text || check_text(f, str_of(text), err);
}

bool table_check_body(const struct api_route *r, const struct json *body, struct err *err)
{
	const struct json *value;
	const char *key;

	for (void *at = NULL; json_next(body, &at, &key, &value);) {
		const struct api_field *f = field_named(r->body, key);

		if (!f)
			return refuse_unknown(r->body, "", key, err);
		if (!check_member(f, value, err))
			return false;
	}
	for (const struct api_field *f = r->body; f && f->name; f++) {
		const struct json *given = json_get(body, f->name);

		if (!f->needed)
			continue;
		if (!given || json_kind_of(given) == JSON_NULL ||
		    streq(json_text(given, "x"), "")) {
			err_set(err, RC_INVALID, "say %s: {\"%s\": ...}: %s", f->name, f->name,
				f->help);
			return false;
		}
	}
	return true;
}

bool call_check(struct call *c)
{
	struct err err = {0};

	if (check_query(c, &err) && (!c->body || table_check_body(c->route, c->body, &err)))
		return true;
	call_fail(c, &err);
	return false;
}

/* ---- what was checked ---- */

char *body_take(const struct call *c, const char *name)
{
	const char *text = json_get_text(c->body, name, NULL);

	return text && *text ? xstrdup(text) : NULL;
}

bool body_truth(const struct call *c, const char *name, bool otherwise)
{
	return json_truth(json_get(c->body, name), otherwise);
}

void body_texts(const struct call *c, const char *name, texts *ret)
{
	const struct json *list = json_get(c->body, name);

	for (size_t i = 0; i < json_count(list); i++)
		vec_push(ret, xstrdup(json_text(json_at(list, i), "")));
}

enum role body_role(const struct call *c, const char *name)
{
	const char *text = json_get_text(c->body, name, NULL);

	for (unsigned i = 0; text && i < ARRAY_LEN(role_names); i++)
		if (streq(role_names[i], text))
			return (enum role)i;
	return ROLE_NONE;
}

bool body_end(struct call *c, uint64_t *ret)
{
	const char *until = json_get_text(c->body, "until", NULL);
	const char *length = json_get_text(c->body, "for", NULL);
	usec_t now = runner_now(c->api->runner), at = 0;

	if (until && *until && !time_parse(until, strlen(until), &at))
		return false;
	if (length && *length && parse_duration(str_of(length), &at))
		at = now + at;
	if ((until || length) && at && at <= now) {
		call_failf(c, RC_INVALID, "its end lies in the past");
		return false;
	}
	*ret = at;
	return true;
}
