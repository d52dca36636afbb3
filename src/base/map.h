/*
 * Text -> pointer. Keys are copied. Walks go in the order of insertion, so that nothing depends on hashes
 * or addresses. The hash is keyed FNV-1a with open addressing; removal keeps the order of the rest.
 */
#pragma once
#include "base/str.h"

struct map_entry {
	char *key; /* NULL: removed */
	void *value;
	uint64_t hash;
};
struct map {
	struct map_entry *entries; /* in order of insertion, with holes */
	uint32_t *slots;
	size_t n, used, cap, nslots; /* n: live entries; used: entries with holes */
};

void map_done(struct map *m); /* frees keys, not values */
void *map_get(const struct map *m, struct str key);
/* Returns the value that stood there before, or NULL. value must not be NULL. */
void *map_put(struct map *m, struct str key, void *value);
void *map_del(struct map *m, struct str key);
/* for (struct map_entry *e = NULL; (e = map_next(m, e));) */
struct map_entry *map_next(const struct map *m, const struct map_entry *after);
