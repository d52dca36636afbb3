/* A growing array of any type: VEC(struct job) jobs; vec_push(&jobs, j). Zeroed memory is an empty one. */
#pragma once
#include "base/mem.h"
#include <string.h>

#define VEC(type)              \
	struct {               \
		type *v;       \
		size_t n, cap; \
	}
/* Every VEC has this layout; shape.c walks them through it. */
struct __attribute__((may_alias)) vec_any {
	void *v;
	size_t n, cap;
};
void vec_grow(void *vec, size_t elem, size_t need); /* room for `need` elements in all */

#define vec_push(vec, item)                                       \
	do {                                                      \
		vec_grow((vec), sizeof(*(vec)->v), (vec)->n + 1); \
		(vec)->v[(vec)->n++] = (item);                    \
	} while (0)
/* Append a zeroed element; use vec_last() for its address. */
#define vec_add(vec)                                                 \
	do {                                                         \
		vec_grow((vec), sizeof(*(vec)->v), (vec)->n + 1);    \
		memset(&(vec)->v[(vec)->n++], 0, sizeof(*(vec)->v)); \
	} while (0)
#define vec_last(vec) (&(vec)->v[(vec)->n - 1])
#define vec_remove(vec, i)                                                                         \
	do {                                                                                       \
		memmove(&(vec)->v[i], &(vec)->v[(i) + 1], ((vec)->n - (i)-1) * sizeof(*(vec)->v)); \
		(vec)->n--;                                                                        \
	} while (0)
#define vec_done(vec)                      \
	do {                               \
		xfree((vec)->v);           \
		(vec)->v = NULL;           \
		(vec)->n = (vec)->cap = 0; \
	} while (0)
#define vec_each(item, vec) \
	for (__typeof__(*(vec)->v) *item = (vec)->v; item && item < (vec)->v + (vec)->n; item++)
