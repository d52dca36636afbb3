/* A struct from JSON. */
#include "base/shape.h"

#include "base/shape_member.h"

#include <math.h>

#define LIST_BYTES_MAX ((size_t)256 << 20)

/* Where we are, for messages: a chain of frames on the stack. Inside a list, key is NULL. */
struct place {
	const struct place *up;
	const char *key;
	size_t index;
};

static void add_place(struct strbuf *b, const struct place *at)
{
	if (!at)
		return;
	add_place(b, at->up);
	if (!at->key)
		strbuf_addf(b, "[%zu]", at->index);
	else
		strbuf_addf(b, "%s%s", b->n ? "." : "", at->key);
}

static enum rc PRINTF(4, 5)
	fail(struct err *err, enum rc rc, const struct place *at, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf where = STRBUF(256), what = STRBUF(256);
	va_list ap;

	add_place(&where, at);
	va_start(ap, fmt);
	strbuf_addv(&what, fmt, ap);
	va_end(ap);
	return err_set(err, rc, "%s%s%s", strbuf_cstr(&where), where.n ? ": " : "",
		       strbuf_cstr(&what));
}

static const char *kind_name(const struct json *j)
{
	static const char *const names[] = {
		[JSON_NULL] = "null",     [JSON_BOOL] = "a truth value", [JSON_INT] = "an integer",
		[JSON_REAL] = "a number", [JSON_STR] = "a text",         [JSON_LIST] = "a list",
		[JSON_MAP] = "a map",
	};

	return names[json_kind_of(j)];
}

static enum rc wrong(struct err *err, const struct place *at, const char *want,
		     const struct json *j)
{
	return fail(err, RC_INVALID, at, "should be %s, is %s", want, kind_name(j));
}

static enum rc read_struct(const struct json *j, const struct shape *s, void *object,
			   const struct place *at, struct err *err);

static enum rc read_text(const struct json *j, void *m, const struct place *at, struct err *err)
{
	const char *text = json_text(j, NULL);

	if (json_kind_of(j) != JSON_STR)
		return wrong(err, at, "a text", j);
	if (!text)
		return fail(err, RC_INVALID, at, "the text holds a NUL");
	char *copy = xstrdup(text);
	memcpy(m, &copy, sizeof(copy));
	return RC_OK;
}

static enum rc read_integer(const struct json *j, const struct shape_field *f, void *m,
			    const struct place *at, struct err *err)
{
	uint64_t n = 0;
	struct str text = json_view(j);

	if (f->kind == SHAPE_KIND_U64 && json_kind_of(j) == JSON_STR) {
		/* only what an integer cannot hold is written as text */
		if (!parse_u64(text, &n) || n <= INT64_MAX)
			return wrong(err, at, "an integer", j);
	} else if (json_kind_of(j) != JSON_INT) {
		return wrong(err, at, "an integer", j);
	} else {
		int64_t value = json_int(j, 0);
		if (f->kind != SHAPE_KIND_I64 && value < 0)
			return fail(err, RC_INVALID, at, "%lld is below 0", (long long)value);
		if (f->kind == SHAPE_KIND_U32 && value > UINT32_MAX)
			return fail(err, RC_INVALID, at, "%lld is above %u", (long long)value,
				    UINT32_MAX);
		n = (uint64_t)value;
	}
	if (f->kind == SHAPE_KIND_U32) {
		uint32_t small = (uint32_t)n;
		memcpy(m, &small, sizeof(small));
	} else {
		memcpy(m, &n, sizeof(n));
	}
	return RC_OK;
}

static enum rc read_real(const struct json *j, void *m, const struct place *at, struct err *err)
{
	const char *text = json_text(j, NULL);
	double d = json_number(j, 0);

	if (streq(text, "nan"))
		d = (double)NAN;
	else if (streq(text, "inf") || streq(text, "-inf"))
		d = *text == '-' ? -(double)INFINITY : (double)INFINITY;
	else if (json_kind_of(j) != JSON_INT && json_kind_of(j) != JSON_REAL)
		return wrong(err, at, "a number", j);
	memcpy(m, &d, sizeof(d));
	return RC_OK;
}

static enum rc read_enum(const struct json *j, const struct shape_field *f, void *m,
			 const struct place *at, struct err *err)
{
	const char *name = json_text(j, NULL);

	if (!name)
		return wrong(err, at, "a name", j);
	for (size_t i = 0; i < f->n; i++)
		if (streq(name, f->names[i])) {
			uint32_t value = (uint32_t)i;
			memcpy(m, &value, sizeof(value));
			return RC_OK;
		}
	return fail(err, RC_INVALID, at, "\"%.64s\" is no known name", name);
}

/* s is NULL for a list of texts. The list only ever holds elements that shape_done() can release. */
static enum rc read_list(const struct json *j, const struct shape *s, struct vec_any *list,
			 const struct place *up, struct err *err)
{
	size_t size = s ? s->size : sizeof(char *), n = json_count(j);

	if (json_kind_of(j) != JSON_LIST)
		return wrong(err, up, "a list", j);
	if (n > LIST_BYTES_MAX / size)
		return fail(err, RC_TOO_BIG, up, "%zu elements are above the limit of %zu", n,
			    LIST_BYTES_MAX / size);
	if (n == 0)
		return RC_OK;
	vec_grow(list, size, n);
	memset(list->v, 0, n * size);
	for (size_t i = 0; i < n; i++) {
		struct place at = {up, NULL, i};
		const struct json *value = json_at(j, i);
		void *element = element_in(list, size, list->n++);
		enum rc rc = RC_OK;
		if (s)
			rc = read_struct(value, s, element, &at, err);
		else if (json_kind_of(value) != JSON_NULL)
			rc = read_text(value, element, &at, err);
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

static enum rc read_member(const struct json *j, const struct shape_field *f, void *m,
			   const struct place *at, struct err *err)
{
	switch (f->kind) {
	case SHAPE_KIND_TEXT:
		return read_text(j, m, at, err);
	case SHAPE_KIND_BOOL: {
		bool yes = json_truth(j, false);
		if (json_kind_of(j) != JSON_BOOL)
			return wrong(err, at, "a truth value", j);
		memcpy(m, &yes, sizeof(yes));
		return RC_OK;
	}
	case SHAPE_KIND_U64:
	case SHAPE_KIND_U32:
	case SHAPE_KIND_I64:
		return read_integer(j, f, m, at, err);
	case SHAPE_KIND_REAL:
		return read_real(j, m, at, err);
	case SHAPE_KIND_ENUM:
		return read_enum(j, f, m, at, err);
	case SHAPE_KIND_STRUCT:
		return read_struct(j, f->shape, m, at, err);
	case SHAPE_KIND_LIST:
	case SHAPE_KIND_TEXTS:
		return read_list(j, f->shape, m, at, err);
	}
	return RC_INTERNAL;
}

static enum rc read_struct(const struct json *j, const struct shape *s, void *object,
			   const struct place *up, struct err *err)
{
	if (json_kind_of(j) != JSON_MAP)
		return wrong(err, up, "a map", j);
	for (size_t i = 0; i < s->n; i++) {
		const struct shape_field *f = &s->fields[i];
		const struct json *value = json_get(j, f->name);
		struct place at = {up, f->name, 0};
		if (json_kind_of(value) == JSON_NULL)
			continue;
		enum rc rc = read_member(value, f, member_in(object, f), &at, err);
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

enum rc shape_read(const struct json *j, const struct shape *s, void *object, struct err *err)
{
	enum rc rc = read_struct(j, s, object, NULL, err);

	if (rc != RC_OK)
		shape_done(s, object);
	return rc;
}

enum rc shape_parse(struct str text, size_t max, const struct shape *s, void *object,
		    struct err *err)
{
	AUTO(json_freep) struct json *root = NULL;
	enum rc rc = json_read(text, max, &root, err);

	return rc == RC_OK ? shape_read(root, s, object, err) : rc;
}
