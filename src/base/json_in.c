/* Reading: jansson behind caps. A struct json is a json_t under another name; kinds of both have the same names. */
#define JSON_NULL JANSSON_NULL
#define JSON_REAL JANSSON_REAL
#include <jansson.h>
#undef JSON_NULL
#undef JSON_REAL

#include "base/json.h"

#define DEPTH_MAX 64

static json_t *theirs(const struct json *j)
{
	union {
		const struct json *in;
		json_t *out;
	} u = {.in = j}; /* jansson's getters want it writable and do not write */
	return u.out;
}

static const struct json *ours(const json_t *j)
{
	return (const struct json *)j;
}

/* Brackets outside of texts, with line and column (in characters): jansson's own limit is 2048. */
static enum rc check_depth(struct str s, struct err *err)
{
	unsigned depth = 0, line = 1, column = 0;
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (((unsigned char)c & 0xc0) != 0x80)
			column++;
		if (c == '\n') {
			line++;
			column = 0;
		} else if (c == '"') {
			quoted = !quoted;
		} else if (quoted) {
			i += c == '\\' && i + 1 < s.n && ++column;
		} else if (c == '[' || c == '{') {
			if (++depth > DEPTH_MAX)
				return err_set(err, RC_TOO_BIG,
					       "JSON, line %u, column %u: more than %d levels",
					       line, column, DEPTH_MAX);
		} else if ((c == ']' || c == '}') && depth) {
			depth--;
		}
	}
	return RC_OK;
}

/* jansson quotes the text near the error, which is whatever was sent. */
static void make_plain(char *why)
{
	char *quoted = strstr(why, " near '");

	if (quoted && !str_is_utf8(str_of(quoted)))
		*quoted = '\0';
	for (; *why; why++)
		if ((unsigned char)*why < ' ' || *why == 0x7f)
			*why = ' ';
}

enum rc json_read(struct str text, size_t max, struct json **ret, struct err *err)
{
	json_error_t why;
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;

	if (text.n > max)
		return err_set(err, RC_TOO_BIG, "JSON of %zu bytes is above the limit of %zu",
			       text.n, max);
	enum rc rc = check_depth(text, err);
	if (rc != RC_OK)
		return rc;
	json_t *root = json_loadb(text.n ? text.p : "", text.n, flags, &why);
	if (!root) {
		make_plain(why.text);
		return err_set(err, RC_INVALID, "JSON, line %d, column %d: %s", why.line,
			       why.column, why.text);
	}
	*ret = (struct json *)root;
	return RC_OK;
}

void json_free(struct json *root)
{
	json_decref(theirs(root));
}

void json_freep(struct json **root)
{
	json_free(*root);
	*root = NULL;
}

enum json_kind json_kind_of(const struct json *j)
{
	if (!j)
		return JSON_NULL;
	switch (json_typeof(theirs(j))) {
	case JSON_OBJECT:
		return JSON_MAP;
	case JSON_ARRAY:
		return JSON_LIST;
	case JSON_STRING:
		return JSON_STR;
	case JSON_INTEGER:
		return JSON_INT;
	case JANSSON_REAL:
		return JSON_REAL;
	case JSON_TRUE:
	case JSON_FALSE:
		return JSON_BOOL;
	case JANSSON_NULL:
		break;
	}
	return JSON_NULL;
}

const struct json *json_get(const struct json *map, const char *key)
{
	return ours(json_object_get(theirs(map), key)); /* NULL for what is no map */
}

size_t json_count(const struct json *list_or_map)
{
	if (json_kind_of(list_or_map) == JSON_MAP)
		return json_object_size(theirs(list_or_map));
	return json_array_size(theirs(list_or_map)); /* 0 for what is no list */
}

const struct json *json_at(const struct json *list, size_t i)
{
	return ours(json_array_get(theirs(list), i));
}

bool json_next(const struct json *map, void **cursor, const char **ret_key,
	       const struct json **ret_value)
{
	json_t *m = theirs(map);

	if (json_kind_of(map) != JSON_MAP)
		return false;
	*cursor = *cursor ? json_object_iter_next(m, *cursor) : json_object_iter(m);
	if (!*cursor)
		return false;
	*ret_key = json_object_iter_key(*cursor);
	*ret_value = ours(json_object_iter_value(*cursor));
	return true;
}

const char *json_text(const struct json *j, const char *otherwise)
{
	struct str s = json_view(j);

	if (json_kind_of(j) != JSON_STR || strlen(s.p) != s.n)
		return otherwise;
	return s.p;
}

struct str json_view(const struct json *j)
{
	if (json_kind_of(j) != JSON_STR)
		return STR("");
	return (struct str){json_string_value(theirs(j)), json_string_length(theirs(j))};
}

int64_t json_int(const struct json *j, int64_t otherwise)
{
	return json_kind_of(j) == JSON_INT ? json_integer_value(theirs(j)) : otherwise;
}

uint64_t json_natural(const struct json *j, uint64_t otherwise)
{
	uint64_t n;

	if (json_int(j, -1) >= 0)
		return (uint64_t)json_int(j, -1);
	return json_kind_of(j) == JSON_STR && parse_u64(json_view(j), &n) ? n : otherwise;
}

double json_number(const struct json *j, double otherwise)
{
	if (json_kind_of(j) == JSON_INT)
		return (double)json_integer_value(theirs(j));
	return json_kind_of(j) == JSON_REAL ? json_real_value(theirs(j)) : otherwise;
}

bool json_truth(const struct json *j, bool otherwise)
{
	return json_kind_of(j) == JSON_BOOL ? json_typeof(theirs(j)) == JSON_TRUE : otherwise;
}

const char *json_get_text(const struct json *map, const char *key, const char *otherwise)
{
	return json_text(json_get(map, key), otherwise);
}

int64_t json_get_int(const struct json *map, const char *key, int64_t otherwise)
{
	return json_int(json_get(map, key), otherwise);
}
