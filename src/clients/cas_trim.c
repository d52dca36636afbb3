/* What a store leaves when it has too much: for one whose blobs can be had again. */
#include "clients/cas_impl.h"
#include "base/mem.h"
#include "base/vec.h"
#include "io/clock.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define BATCH  500 /* files that are removed in one go: users wait for no more */
#define PAUSE  (50 * USEC_MS)
#define PAUSES 600

struct old {
	char *path; /* in the store */
	uint64_t bytes;
	usec_t used;
};
struct walk {
	VEC(struct old) all;
	uint64_t bytes;
};

static usec_t usec_of(struct timespec t)
{
	return (usec_t)t.tv_sec * USEC_SEC + (usec_t)t.tv_nsec / 1000;
}

static enum rc see(void *ctx, const struct file_seen *seen, struct err *err)
{
	struct walk *w = ctx;
	struct stat st;

	(void)err;
	if (seen->kind != FILE_REGULAR || str_starts(str_of(seen->path), "tmp/") ||
	    fstatat(seen->dir, seen->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return RC_OK;
	/* Linked, read or written: not every mount keeps the time of a reading. */
	usec_t used = MAX_OF(usec_of(st.st_ctim), usec_of(st.st_atim));
	vec_push(&w->all, ((struct old){xstrdup(seen->path), (uint64_t)st.st_blocks * 512, used}));
	w->bytes += (uint64_t)st.st_blocks * 512;
	return RC_OK;
}

static int by_use(const void *a, const void *b)
{
	const struct old *x = a, *y = b;

	return (x->used > y->used) - (x->used < y->used);
}

/* False: somebody needs the store all the time. */
static bool enter(pthread_rwlock_t *users)
{
	for (int i = 0; i < PAUSES; i++) {
		if (pthread_rwlock_trywrlock(users) == 0)
			return true;
		clock_sleep(PAUSE);
	}
	return false;
}

static enum rc remove_batch(const struct cas *c, struct walk *w, size_t *at, uint64_t max,
			    uint64_t *freed, struct err *err)
{
	for (size_t end = MIN_OF(*at + BATCH, w->all.n); *at < end && w->bytes > max; (*at)++) {
		const struct old *o = &w->all.v[*at];
		AUTO(freep) char *path = xasprintf("%s/%s", c->dir, o->path);

		if (unlink(path) < 0 && errno != ENOENT)
			return err_errno(err, errno, "remove %s", path);
		w->bytes -= o->bytes;
		*freed += o->bytes;
	}
	return RC_OK;
}

enum rc cas_trim(struct cas *c, uint64_t max, pthread_rwlock_t *users, uint64_t *ret_freed,
		 struct err *err)
{
	struct walk w = {.bytes = 0};
	enum rc rc = tree_walk(c->dir, see, &w, err);
	uint64_t freed = 0;
	size_t at = 0;

	if (rc == RC_OK && w.bytes > max)
		qsort(w.all.v, w.all.n, sizeof(*w.all.v), by_use);
	while (rc == RC_OK && w.bytes > max && at < w.all.n && enter(users)) {
		rc = remove_batch(c, &w, &at, max, &freed, err);
		pthread_rwlock_unlock(users);
	}
	vec_each(o, &w.all)
		xfree(o->path);
	vec_done(&w.all);
	*ret_freed = freed;
	return rc;
}
