/* The tools' cache in memory: for tests, and the measure of what the one on a disk must do. */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "base/map.h"
#include "base/mem.h"
#include "flow/2-build/adapters.h"
#include "io/clock.h"
#include "io/files.h"
#include "ports/tool_cache.h"

struct entry {
	struct entry *next;
	char *scope, *space, *id;
	struct strbuf bytes;
	struct tool_meta meta;
	uint64_t used;
};
struct memory {
	struct tool_cache base;
	pthread_mutex_t lock;
	struct entry *entries;
	uint64_t turn, bytes;
};
struct memory_put {
	struct tool_put base;
	struct strbuf bytes;
};

static struct memory *of(struct tool_cache *c)
{
	return container_of(c, struct memory, base);
}

static bool is(const struct entry *e, const struct tool_key *k)
{
	return streq(e->scope, k->scope) && streq(e->space, k->space) && streq(e->id, k->id);
}

static struct entry **find(struct memory *m, const struct tool_key *k)
{
	struct entry **at = &m->entries;

	while (*at && !is(*at, k))
		at = &(*at)->next;
	return at;
}

static void drop(struct memory *m, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	m->bytes -= e->bytes.n;
	tool_meta_done(&e->meta);
	strbuf_done(&e->bytes);
	xfree(e->scope);
	xfree(e->space);
	xfree(e->id);
	xfree(e);
}

static enum rc put_open(struct tool_cache *c, const struct tool_key *k, uint64_t size,
			struct tool_put **ret, struct err *err)
{
	struct memory_put *p = xcalloc(1, sizeof(*p));

	(void)size;
	(void)err;
	tool_put_init(&p->base, c, k);
	p->bytes = STRBUF(c->max);
	*ret = &p->base;
	return RC_OK;
}

static enum rc put_write(struct tool_put *base, struct str bytes, struct err *err)
{
	struct memory_put *p = container_of(base, struct memory_put, base);

	digest_add(base->digest, bytes.p, bytes.n);
	base->size += bytes.n;
	strbuf_addstr(&p->bytes, bytes);
	return strbuf_failed(&p->bytes)
		       ? err_set(err, RC_TOO_BIG, "above the %llu bytes of the whole cache",
				 (unsigned long long)base->cache->max)
		       : RC_OK;
}

static void put_drop(struct tool_put *base)
{
	struct memory_put *p = container_of(base, struct memory_put, base);

	tool_put_done(base);
	strbuf_done(&p->bytes);
	xfree(p);
}

static void copy_meta(struct tool_meta *to, const struct tool_meta *from)
{
	*to = *from;
	to->writer = from->writer ? xstrdup(from->writer) : NULL;
	to->run = from->run ? xstrdup(from->run) : NULL;
	for (size_t i = 0; i < TOOL_NOTES && from->notes[i].name; i++)
		to->notes[i] = (struct tool_note){xstrdup(from->notes[i].name),
						  xstrdup(from->notes[i].value)};
}

/* The one used longest ago; of one scope, or of all. */
static struct entry **oldest(struct memory *m, const char *scope)
{
	struct entry **least = NULL;

	for (struct entry **at = &m->entries; *at; at = &(*at)->next)
		if ((!scope || streq((*at)->scope, scope)) &&
		    (!least || (*at)->used < (*least)->used))
			least = at;
	return least;
}

static enum rc put_keep(struct tool_put *base, struct tool_meta *meta, bool replace,
			struct err *err)
{
	struct memory_put *p = container_of(base, struct memory_put, base);
	struct memory *m = of(base->cache);
	struct tool_key k = {base->scope, base->space, base->id};
	enum rc rc = RC_OK;

	meta->created = clock_wall();
	pthread_mutex_lock(&m->lock);
	struct entry **at = find(m, &k);
	if (*at && !replace) {
		rc = err_set(err, RC_CONFLICT, "%s of %s is there already", k.id, k.space);
	} else {
		struct entry *e = xcalloc(1, sizeof(*e));

		if (*at)
			drop(m, at);
		*e = (struct entry){.next = m->entries,
				    .scope = xstrdup(k.scope),
				    .space = xstrdup(k.space),
				    .id = xstrdup(k.id),
				    .bytes = p->bytes,
				    .used = ++m->turn};
		p->bytes = STRBUF(0);
		copy_meta(&e->meta, meta);
		m->entries = e;
		m->bytes += e->bytes.n;
		while (m->bytes > m->base.max)
			drop(m, oldest(m, NULL));
	}
	pthread_mutex_unlock(&m->lock);
	put_drop(base);
	return rc;
}

static enum rc give(const struct entry *e, struct tool_found *ret, struct err *err)
{
	struct tool_found f = {.fd = -1, .bytes = STRBUF(TOOL_SMALL)};

	if (e->bytes.n <= TOOL_SMALL) {
		strbuf_addstr(&f.bytes, strbuf_str(&e->bytes));
	} else {
		f.fd = memfd_create("tool", MFD_CLOEXEC);
		if (f.fd < 0)
			return err_errno(err, errno, "give %s", e->id);
		enum rc rc = fd_write(f.fd, e->bytes.p, e->bytes.n, err);
		if (rc != RC_OK) {
			fd_close(&f.fd);
			return rc;
		}
	}
	copy_meta(&f.meta, &e->meta);
	*ret = f;
	return RC_OK;
}

static enum rc get(struct tool_cache *c, const struct tool_key *k, struct tool_found *ret,
		   struct err *err)
{
	struct memory *m = of(c);
	enum rc rc;

	pthread_mutex_lock(&m->lock);
	struct entry **at = find(m, k);
	if (!*at) {
		rc = err_set(err, RC_NOT_FOUND, "there is no %s in %s", k->id, k->space);
	} else if (!digest_eq(digest_of(strbuf_str(&(*at)->bytes)), (*at)->meta.sha)) {
		drop(m, at);
		rc = err_set(err, RC_CORRUPT, "%s of %s was damaged", k->id, k->space);
	} else {
		(*at)->used = ++m->turn;
		rc = give(*at, ret, err);
	}
	pthread_mutex_unlock(&m->lock);
	return rc;
}

static bool touch(struct tool_cache *c, const struct tool_key *k)
{
	struct memory *m = of(c);

	pthread_mutex_lock(&m->lock);
	struct entry **at = find(m, k);
	bool there = *at != NULL;
	if (there)
		(*at)->used = ++m->turn;
	pthread_mutex_unlock(&m->lock);
	return there;
}

static enum rc forget(struct tool_cache *c, const struct tool_key *k, struct err *err)
{
	struct memory *m = of(c);

	(void)err;
	pthread_mutex_lock(&m->lock);
	struct entry **at = find(m, k);
	if (*at)
		drop(m, at);
	pthread_mutex_unlock(&m->lock);
	return RC_OK;
}

static enum rc usage(struct tool_cache *c, void (*each)(void *ctx, const struct tool_usage *u),
		     void *ctx, struct err *err)
{
	struct memory *m = of(c);
	VEC(struct tool_usage) list = {0};

	(void)err;
	pthread_mutex_lock(&m->lock);
	for (const struct entry *e = m->entries; e; e = e->next) {
		struct tool_usage *at = NULL;

		vec_each(u, &list)
			if (streq(u->scope, e->scope) && streq(u->space, e->space))
				at = u;
		if (!at) {
			vec_push(&list, ((struct tool_usage){e->scope, e->space, 0, 0}));
			at = vec_last(&list);
		}
		at->entries++;
		at->bytes += e->bytes.n;
	}
	vec_each(u, &list)
		each(ctx, u);
	pthread_mutex_unlock(&m->lock);
	vec_done(&list);
	return RC_OK;
}

static enum rc prune(struct tool_cache *c, const char *scope, uint64_t keep, uint64_t *ret_gone,
		     struct err *err)
{
	struct memory *m = of(c);
	uint64_t bytes = 0, gone = 0;
	struct entry **at;

	(void)err;
	pthread_mutex_lock(&m->lock);
	for (const struct entry *e = m->entries; e; e = e->next)
		bytes += !scope || streq(e->scope, scope) ? e->bytes.n : 0;
	while ((bytes > keep || keep == 0) && (at = oldest(m, scope))) {
		bytes -= (*at)->bytes.n;
		gone++;
		drop(m, at);
	}
	pthread_mutex_unlock(&m->lock);
	*ret_gone = gone;
	return RC_OK;
}

static void free_all(struct tool_cache *c)
{
	struct memory *m = of(c);

	while (m->entries)
		drop(m, &m->entries);
	pthread_mutex_destroy(&m->lock);
	xfree(m);
}

static const struct tool_cache_ops ops = {"memory", put_open, put_write, put_keep, put_drop, get,
					  touch,    forget,   usage,     prune,    free_all};

struct tool_cache *tool_cache_memory_new(uint64_t max)
{
	struct memory *m = xcalloc(1, sizeof(*m));

	m->base = (struct tool_cache){&ops, max};
	pthread_mutex_init(&m->lock, NULL);
	return &m->base;
}
