#include "base/vec.h"

#include <stdint.h>

void vec_grow(void *vec, size_t elem, size_t need)
{
	struct vec_any *any = vec;
	size_t cap = any->cap, bytes;

	if (need <= cap)
		return;
	while (cap < need)
		cap = cap < 4 ? 4 : cap > SIZE_MAX / 2 ? need : cap * 2;
	BUG_ON(__builtin_mul_overflow(cap, elem, &bytes));
	any->v = xrealloc(any->v, bytes);
	any->cap = cap;
}
