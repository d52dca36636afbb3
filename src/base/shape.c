/* Copying, comparing and releasing by shape. JSON is shape_write.c and shape_read.c. */
#include "base/shape.h"

#include "base/shape_member.h"

static void list_done(const struct shape *s, struct vec_any *list)
{
	for (size_t i = 0; i < list->n; i++)
		shape_done(s, element_in(list, s->size, i));
	xfree(list->v);
}

static void texts_done(struct vec_any *list)
{
	for (size_t i = 0; i < list->n; i++)
		xfree(load_text(element_of(list, sizeof(char *), i)));
	xfree(list->v);
}

void shape_done(const struct shape *s, void *object)
{
	if (!object)
		return;
	for (size_t i = 0; i < s->n; i++) {
		const struct shape_field *f = &s->fields[i];
		void *m = member_in(object, f);
		if (f->kind == SHAPE_KIND_TEXT)
			xfree(load_text(m));
		else if (f->kind == SHAPE_KIND_STRUCT)
			shape_done(f->shape, m);
		else if (f->kind == SHAPE_KIND_LIST)
			list_done(f->shape, m);
		else if (f->kind == SHAPE_KIND_TEXTS)
			texts_done(m);
	}
	memset(object, 0, s->size);
}

static void text_copy(void *to, const void *from)
{
	const char *text = load_text(from);
	char *copy = text ? xstrdup(text) : NULL;

	memcpy(to, &copy, sizeof(copy));
}

/* s is NULL for a list of texts. */
static void list_copy(const struct shape *s, struct vec_any *to, const struct vec_any *from)
{
	size_t size = s ? s->size : sizeof(char *);

	if (from->n == 0)
		return;
	vec_grow(to, size, from->n);
	memset(to->v, 0, from->n * size);
	for (to->n = 0; to->n < from->n; to->n++) {
		void *element = element_in(to, size, to->n);
		const void *original = element_of(from, size, to->n);
		if (s)
			shape_copy(s, element, original);
		else
			text_copy(element, original);
	}
}

void shape_copy(const struct shape *s, void *to, const void *from)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct shape_field *f = &s->fields[i];
		const void *a = member_of(from, f);
		void *b = member_in(to, f);
		switch (f->kind) {
		case SHAPE_KIND_TEXT:
			text_copy(b, a);
			break;
		case SHAPE_KIND_BOOL:
			memcpy(b, a, sizeof(bool));
			break;
		case SHAPE_KIND_U64:
		case SHAPE_KIND_I64:
		case SHAPE_KIND_REAL:
			memcpy(b, a, sizeof(uint64_t));
			break;
		case SHAPE_KIND_U32:
		case SHAPE_KIND_ENUM:
			memcpy(b, a, sizeof(uint32_t));
			break;
		case SHAPE_KIND_STRUCT:
			shape_copy(f->shape, b, a);
			break;
		case SHAPE_KIND_LIST:
		case SHAPE_KIND_TEXTS:
			list_copy(f->shape, b, a);
			break;
		}
	}
}

static bool list_equal(const struct shape *s, const struct vec_any *a, const struct vec_any *b)
{
	size_t size = s ? s->size : sizeof(char *);

	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const void *x = element_of(a, size, i), *y = element_of(b, size, i);
		if (s ? !shape_equal(s, x, y) : !streq(load_text(x), load_text(y)))
			return false;
	}
	return true;
}

static bool member_equal(const struct shape_field *f, const void *a, const void *b)
{
	switch (f->kind) {
	case SHAPE_KIND_TEXT:
		return streq(load_text(a), load_text(b));
	case SHAPE_KIND_BOOL:
		return load_bool(a) == load_bool(b);
	case SHAPE_KIND_U64:
	case SHAPE_KIND_I64:
	case SHAPE_KIND_REAL: /* bit for bit: a replay that gives another NaN or zero differs */
		return load_u64(a) == load_u64(b);
	case SHAPE_KIND_U32:
	case SHAPE_KIND_ENUM:
		return load_u32(a) == load_u32(b);
	case SHAPE_KIND_STRUCT:
		return shape_equal(f->shape, a, b);
	case SHAPE_KIND_LIST:
	case SHAPE_KIND_TEXTS:
		return list_equal(f->shape, a, b);
	}
	return false;
}

bool shape_equal(const struct shape *s, const void *a, const void *b)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct shape_field *f = &s->fields[i];
		if (!member_equal(f, member_of(a, f), member_of(b, f)))
			return false;
	}
	return true;
}
