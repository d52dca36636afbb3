/* The tools' cache on a disk, looked at as a whole: how much is there, and what was used longest ago. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "flow/2-build/tool_cache_disk.h"
#include "io/clock.h"
#include "io/files.h"

#define OLDEST    ((size_t)16 << 10) /* files that one look remembers */
#define TEMP_KEPT (6 * USEC_HOUR)
#define LEAVE     10 /* a trim leaves room: one part of so many */

struct victim {
	usec_t used;
	uint64_t size;
	char *path;
};
struct look {
	struct disk *d;
	const char *scope; /* NULL: all */
	struct map spaces; /* "scope\nspace" -> struct tool_usage; only when wanted */
	bool by_space;
	VEC(struct victim) oldest; /* only when wanted */
	bool by_age, more;
	uint64_t bytes;
};

static int by_use(const void *a, const void *b)
{
	const struct victim *x = a, *y = b;

	return x->used < y->used ? -1 : x->used > y->used;
}

static void forget_youngest(struct look *l)
{
	qsort(l->oldest.v, l->oldest.n, sizeof(*l->oldest.v), by_use);
	l->more = true;
	while (l->oldest.n > OLDEST)
		xfree(l->oldest.v[--l->oldest.n].path);
}

/* "pr/12/bazel/main/ac/3f/ID" -> "pr/12", "bazel/main/ac". False: not one of ours. */
static bool split(const char *path, struct str *ret_scope, struct str *ret_space)
{
	struct str rest = str_of(path), all = rest, first = str_cut(&rest, '/');
	size_t slashes = 0;

	if (str_is(first, "pr") && rest.p) {
		struct str number = str_cut(&rest, '/');

		first.n = (size_t)(number.p + number.n - all.p);
	} else if (!str_is(first, TOOL_TRUSTED)) {
		return false;
	}
	if (!rest.p)
		return false;
	while (rest.n && slashes < 2)
		slashes += rest.p[--rest.n] == '/';
	*ret_scope = first;
	*ret_space = rest;
	return slashes == 2 && rest.n > 0;
}

static void count(struct look *l, struct str scope, struct str space, uint64_t size)
{
	AUTO(freep)
	char *key = xasprintf("%.*s\n%.*s", (int)scope.n, scope.p, (int)space.n, space.p);
	struct tool_usage *u = map_get(&l->spaces, str_of(key));

	if (!u) {
		u = xcalloc(1, sizeof(*u));
		u->scope = xstrndup(scope.p, scope.n);
		u->space = xstrndup(space.p, space.n);
		map_put(&l->spaces, str_of(key), u);
	}
	u->entries++;
	u->bytes += size;
}

static usec_t stamp(struct timespec t)
{
	return (usec_t)t.tv_sec * USEC_SEC + (usec_t)t.tv_nsec / 1000;
}

static enum rc each(void *ctx, const struct file_seen *seen, struct err *err)
{
	struct look *l = ctx;
	struct str scope, space;
	struct stat st;

	(void)err;
	if (seen->kind != FILE_REGULAR || !split(seen->path, &scope, &space) ||
	    (l->scope && !str_is(scope, l->scope)) ||
	    fstatat(seen->dir, seen->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return RC_OK;       /* it may go at any time */
	if (seen->name[0] == '.') { /* on its way in, unless its daemon died on the way */
		if (clock_wall() > stamp(st.st_mtim) + TEMP_KEPT)
			unlinkat(seen->dir, seen->name, 0);
		return RC_OK;
	}
	l->bytes += (uint64_t)st.st_size;
	if (l->by_space)
		count(l, scope, space, (uint64_t)st.st_size);
	if (l->by_age) {
		vec_push(&l->oldest, ((struct victim){stamp(st.st_atim), (uint64_t)st.st_size,
						      xstrdup(seen->path)}));
		if (l->oldest.n == 2 * OLDEST)
			forget_youngest(l);
	}
	return RC_OK;
}

static void look_done(struct look *l)
{
	for (struct map_entry *e = NULL; (e = map_next(&l->spaces, e));) {
		struct tool_usage *u = e->value;
		char *scope = (char *)(uintptr_t)u->scope, *space = (char *)(uintptr_t)u->space;

		xfree(scope);
		xfree(space);
		xfree(u);
	}
	map_done(&l->spaces);
	vec_each(v, &l->oldest)
		xfree(v->path);
	vec_done(&l->oldest);
}

static void set_bytes(struct disk *d, uint64_t bytes)
{
	pthread_mutex_lock(&d->lock);
	d->bytes = bytes;
	d->counted = true;
	pthread_mutex_unlock(&d->lock);
}

/* Folders that go while we walk are none of our business: what was seen counts. */
static enum rc look(struct look *l, struct err *err)
{
	enum rc rc = tree_walk(l->d->dir, each, l, err);

	return rc == RC_NOT_FOUND ? err_clear(err) : rc;
}

enum rc disk_usage(struct tool_cache *c, void (*fn)(void *ctx, const struct tool_usage *u),
		   void *ctx, struct err *err)
{
	struct look l = {.d = container_of(c, struct disk, base), .by_space = true};
	enum rc rc = look(&l, err);

	if (rc == RC_OK) {
		set_bytes(l.d, l.bytes);
		for (struct map_entry *e = NULL; (e = map_next(&l.spaces, e));)
			fn(ctx, e->value);
	}
	look_done(&l);
	return rc;
}

/* One look, and what it found away. True: there is more to do. */
static bool prune_once(struct disk *d, const char *scope, uint64_t keep, uint64_t *gone,
		       enum rc *ret_rc, struct err *err)
{
	struct look l = {.d = d, .scope = scope, .by_age = true};
	uint64_t before = *gone;

	*ret_rc = look(&l, err);
	if (l.oldest.n)
		qsort(l.oldest.v, l.oldest.n, sizeof(*l.oldest.v), by_use);
	for (size_t i = 0; *ret_rc == RC_OK && i < l.oldest.n && l.bytes > keep; i++) {
		AUTO(freep) char *path = xasprintf("%s/%s", d->dir, l.oldest.v[i].path);

		if (unlink(path) < 0)
			continue;
		(*gone)++;
		l.bytes -= MIN_OF(l.bytes, l.oldest.v[i].size);
	}
	bool again = *ret_rc == RC_OK && l.bytes > keep && l.more && *gone > before;
	if (*ret_rc == RC_OK && !scope)
		set_bytes(d, l.bytes);
	look_done(&l);
	return again;
}

enum rc disk_prune(struct tool_cache *c, const char *scope, uint64_t keep, uint64_t *ret_gone,
		   struct err *err)
{
	struct disk *d = container_of(c, struct disk, base);
	uint64_t gone = 0;
	enum rc rc;

	pthread_mutex_lock(&d->trim);
	while (prune_once(d, scope, keep, &gone, &rc, err))
		;
	pthread_mutex_unlock(&d->trim);
	if (scope) { /* the rest is counted with the next look at all */
		pthread_mutex_lock(&d->lock);
		d->counted = d->counted && gone == 0;
		pthread_mutex_unlock(&d->lock);
	}
	*ret_gone = gone;
	return rc;
}

void disk_grown(struct disk *d, int64_t bytes)
{
	uint64_t max = d->base.max, gone = 0;

	pthread_mutex_lock(&d->lock);
	d->bytes = bytes < 0 && (uint64_t)-bytes > d->bytes ? 0 : d->bytes + (uint64_t)bytes;
	bool counted = d->counted, look_now = !counted || d->bytes > max;
	pthread_mutex_unlock(&d->lock);
	if (!look_now || pthread_mutex_trylock(&d->trim) != 0)
		return;
	/* Who was counted only now may be far below the limit: then nothing goes. */
	struct look l = {.d = d};
	enum rc rc = RC_OK;
	if (!counted && look(&l, NULL) == RC_OK)
		set_bytes(d, l.bytes);
	look_done(&l);
	pthread_mutex_lock(&d->lock);
	bool too_much = d->bytes > max;
	pthread_mutex_unlock(&d->lock);
	while (too_much && prune_once(d, NULL, max - max / LEAVE, &gone, &rc, NULL))
		;
	pthread_mutex_unlock(&d->trim);
}
