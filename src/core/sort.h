/* A stable merge sort: equal items keep their order, so that a result never depends on a library. O(n log n), n items of scratch. */
#pragma once
#include <stddef.h>

void sort_stable(void *items, size_t n, size_t size, int (*cmp)(const void *a, const void *b));
/* For a table of char *: bytewise. */
int sort_by_text(const void *a, const void *b);
