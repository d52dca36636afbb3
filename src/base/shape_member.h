/* Members of a described struct, read and written as the kind says: for the shape_*.c files only. */
#pragma once
#include "base/mem.h"
#include "base/shape.h"

static inline const void *member_of(const void *object, const struct shape_field *f)
{
	return (const char *)object + f->offset;
}

static inline void *member_in(void *object, const struct shape_field *f)
{
	return (char *)object + f->offset;
}

static inline char *load_text(const void *member)
{
	char *text;

	memcpy(&text, member, sizeof(text));
	return text;
}

static inline uint64_t load_u64(const void *member)
{
	uint64_t n;

	memcpy(&n, member, sizeof(n));
	return n;
}

static inline uint32_t load_u32(const void *member)
{
	uint32_t n;

	memcpy(&n, member, sizeof(n));
	return n;
}

static inline double load_real(const void *member)
{
	double d;

	memcpy(&d, member, sizeof(d));
	return d;
}

static inline bool load_bool(const void *member)
{
	bool b;

	memcpy(&b, member, sizeof(b));
	return b;
}

/* The i-th element of a list whose elements have this size. */
static inline const void *element_of(const struct vec_any *list, size_t size, size_t i)
{
	return (const char *)list->v + i * size;
}

static inline void *element_in(struct vec_any *list, size_t size, size_t i)
{
	return (char *)list->v + i * size;
}
