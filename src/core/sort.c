#include "core/sort.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

static void merge(char *to, const char *a, size_t na, const char *b, size_t nb, size_t size,
		  int (*cmp)(const void *, const void *))
{
	while (na && nb) {
		bool second = cmp(b, a) < 0; /* equal: the left one first */

		memcpy(to, second ? b : a, size);
		to += size;
		if (second)
			b += size, nb--;
		else
			a += size, na--;
	}
	if (na)
		memcpy(to, a, na * size);
	if (nb)
		memcpy(to, b, nb * size);
}

static bool is_sorted(const char *items, size_t n, size_t size,
		      int (*cmp)(const void *, const void *))
{
	for (size_t i = 1; i < n; i++)
		if (cmp(items + (i - 1) * size, items + i * size) > 0)
			return false;
	return true;
}

void sort_stable(void *items, size_t n, size_t size, int (*cmp)(const void *, const void *))
{
	if (n < 2 || is_sorted(items, n, size, cmp)) /* much comes in order */
		return;
	char *from = items, *to = xcalloc(n, size), *scratch = to;

	for (size_t run = 1; run < n; run *= 2) {
		for (size_t at = 0; at < n; at += 2 * run) {
			size_t na = MIN_OF(run, n - at), nb = MIN_OF(run, n - at - na);

			merge(to + at * size, from + at * size, na, from + (at + na) * size, nb,
			      size, cmp);
		}
		char *swap = from;

		from = to;
		to = swap;
	}
	if (from != items)
		memcpy(items, from, n * size);
	xfree(scratch);
}

int sort_by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}
