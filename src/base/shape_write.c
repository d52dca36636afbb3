/* JSON from a struct. What is empty is left out, so that a new field changes no old line. */
#include "base/shape.h"

#include "base/shape_member.h"

#include <math.h>

static bool is_empty(const struct shape *s, const void *object);

static bool member_is_empty(const struct shape_field *f, const void *m)
{
	switch (f->kind) {
	case SHAPE_KIND_TEXT:
		return !load_text(m);
	case SHAPE_KIND_BOOL:
		return !load_bool(m);
	case SHAPE_KIND_U64:
	case SHAPE_KIND_I64:
	case SHAPE_KIND_REAL: /* by its bits: -0.0 is kept */
		return load_u64(m) == 0;
	case SHAPE_KIND_U32:
	case SHAPE_KIND_ENUM:
		return load_u32(m) == 0;
	case SHAPE_KIND_STRUCT:
		return is_empty(f->shape, m);
	case SHAPE_KIND_LIST:
	case SHAPE_KIND_TEXTS:
		return ((const struct vec_any *)m)->n == 0;
	}
	return true;
}

static bool is_empty(const struct shape *s, const void *object)
{
	for (size_t i = 0; i < s->n; i++)
		if (!member_is_empty(&s->fields[i], member_of(object, &s->fields[i])))
			return false;
	return true;
}

/* JSON has no word for them, and null would come back as something else. */
static void write_real(struct json_out *o, const char *key, double d)
{
	if (isfinite(d))
		json_double(o, key, d);
	else
		json_cstr(o, key, isnan(d) ? "nan" : d > 0 ? "inf" : "-inf");
}

/* s is NULL for a list of texts. */
static void write_list(struct json_out *o, const char *key, const struct shape *s,
		       const struct vec_any *list)
{
	json_list(o, key);
	for (size_t i = 0; i < list->n; i++) {
		if (s)
			shape_write(o, NULL, s, element_of(list, s->size, i));
		else
			json_cstr(o, NULL, load_text(element_of(list, sizeof(char *), i)));
	}
	json_unlist(o);
}

static void write_member(struct json_out *o, const struct shape_field *f, const void *m)
{
	switch (f->kind) {
	case SHAPE_KIND_TEXT:
		json_cstr(o, f->name, load_text(m));
		break;
	case SHAPE_KIND_BOOL:
		json_bool(o, f->name, load_bool(m));
		break;
	case SHAPE_KIND_U64:
		json_u64(o, f->name, load_u64(m));
		break;
	case SHAPE_KIND_I64:
		json_i64(o, f->name, (int64_t)load_u64(m));
		break;
	case SHAPE_KIND_U32:
		json_u64(o, f->name, load_u32(m));
		break;
	case SHAPE_KIND_REAL:
		write_real(o, f->name, load_real(m));
		break;
	case SHAPE_KIND_ENUM:
		BUG_ON(load_u32(m) >= f->n);
		json_cstr(o, f->name, f->names[load_u32(m)]);
		break;
	case SHAPE_KIND_STRUCT:
		shape_write(o, f->name, f->shape, m);
		break;
	case SHAPE_KIND_LIST:
	case SHAPE_KIND_TEXTS:
		write_list(o, f->name, f->shape, m);
		break;
	}
}

void shape_write(struct json_out *o, const char *key, const struct shape *s, const void *object)
{
	json_open(o, key);
	for (size_t i = 0; i < s->n; i++) {
		const void *m = member_of(object, &s->fields[i]);
		if (!member_is_empty(&s->fields[i], m))
			write_member(o, &s->fields[i], m);
	}
	json_close(o);
}
