#include "base/map.h"

#include "base/mem.h"

#include <sys/auxv.h>

#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

/* A key of the process, so that nobody outside can choose names that collide. No order depends on it. */
static uint64_t hash_key(void)
{
	unsigned long at = getauxval(AT_RANDOM);
	uint64_t key = 0;

	if (at)
		memcpy(&key, (const char *)at + sizeof(key), sizeof(key)); /* NOLINT */
	return key;
}

static uint64_t hash_of(struct str key)
{
	uint64_t h = FNV_BASIS ^ hash_key();

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * FNV_PRIME;
	h ^= h >> 32; /* the slots use the low bits, FNV mixes upwards */
	return h * FNV_PRIME ^ h >> 29;
}

/* The slot that points to the entry of key, or the free slot where it would go. */
static uint32_t *slot_of(const struct map *m, struct str key, uint64_t hash)
{
	size_t mask = m->nslots - 1;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		uint32_t *slot = &m->slots[i];
		if (*slot == 0)
			return slot;
		const struct map_entry *e = &m->entries[*slot - 1];
		if (e->key && e->hash == hash && str_is(key, e->key))
			return slot;
	}
}

static struct map_entry *find(const struct map *m, struct str key)
{
	if (m->n == 0)
		return NULL;
	uint32_t slot = *slot_of(m, key, hash_of(key));
	return slot ? &m->entries[slot - 1] : NULL;
}

/* Close the holes, make room for one more, and point the slots to where the entries are now. */
static void rebuild(struct map *m)
{
	size_t to = 0;

	for (size_t from = 0; from < m->used; from++)
		if (m->entries[from].key)
			m->entries[to++] = m->entries[from];
	m->used = to;
	if (m->n * 2 >= m->cap) {
		m->cap = m->cap ? m->cap * 2 : 8;
		BUG_ON(m->cap > UINT32_MAX / 4);
		m->nslots = m->cap * 2;
		m->entries = xrealloc(m->entries, m->cap * sizeof(*m->entries));
		m->slots = xrealloc(m->slots, m->nslots * sizeof(*m->slots));
	}
	memset(m->slots, 0, m->nslots * sizeof(*m->slots));
	for (size_t i = 0; i < m->used; i++) {
		size_t at = m->entries[i].hash & (m->nslots - 1);
		while (m->slots[at])
			at = (at + 1) & (m->nslots - 1);
		m->slots[at] = (uint32_t)(i + 1);
	}
}

void map_done(struct map *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->used; i++)
		xfree(m->entries[i].key);
	xfree(m->entries);
	xfree(m->slots);
	*m = (struct map){0};
}

void *map_get(const struct map *m, struct str key)
{
	struct map_entry *e = find(m, key);

	return e ? e->value : NULL;
}

void *map_put(struct map *m, struct str key, void *value)
{
	BUG_ON(!value);
	BUG_ON(key.n && memchr(key.p, '\0', key.n));
	struct map_entry *e = find(m, key);
	if (e) {
		void *old = e->value;
		e->value = value;
		return old;
	}
	if (m->used == m->cap)
		rebuild(m);
	uint64_t hash = hash_of(key);
	m->entries[m->used] = (struct map_entry){xstrndup(key.p, key.n), value, hash};
	*slot_of(m, key, hash) = (uint32_t)(++m->used);
	m->n++;
	return NULL;
}

void *map_del(struct map *m, struct str key)
{
	struct map_entry *e = find(m, key);

	if (!e)
		return NULL;
	void *value = e->value;
	xfree(e->key);
	*e = (struct map_entry){0}; /* its slot stays and is stepped over until the next rebuild */
	m->n--;
	return value;
}

struct map_entry *map_next(const struct map *m, const struct map_entry *after)
{
	for (size_t i = after ? (size_t)(after - m->entries) + 1 : 0; i < m->used; i++)
		if (m->entries[i].key)
			return &m->entries[i];
	return NULL;
}
