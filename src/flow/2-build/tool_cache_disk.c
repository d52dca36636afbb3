/* The tools' cache on a disk: a file an entry. */
#include "flow/2-build/tool_cache_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "flow/2-build/adapters.h"
#include "io/clock.h"
#include "io/files.h"

#define BUFFER     ((size_t)128 << 10)
#define SPARE      ((uint64_t)64 << 20) /* of the disk, for everybody else */
#define CHECK_KEPT (10 * USEC_MIN)      /* then a large file is compared again */

struct disk_put {
	struct tool_put base;
	char *temp;
	int fd;
	struct strbuf held; /* not written yet: a small entry is one write */
};

static struct disk *of(struct tool_cache *c)
{
	return container_of(c, struct disk, base);
}

static char *folder_of(const struct disk *d, const struct tool_key *k)
{
	uint32_t h = 2166136261u;

	for (const char *p = k->id; *p; p++)
		h = (h ^ (uint8_t)*p) * 16777619u;
	return xasprintf("%s/%s/%s/%02x", d->dir, k->scope, k->space, (h ^ h >> 16) & 0xff);
}

static char *path_of(const struct disk *d, const struct tool_key *k)
{
	AUTO(freep) char *folder = folder_of(d, k);

	return xasprintf("%s/%s", folder, k->id);
}

/* ---- put ---- */

static int open_new(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static enum rc put_open(struct tool_cache *c, const struct tool_key *k, uint64_t size,
			struct tool_put **ret, struct err *err)
{
	struct disk *d = of(c);
	uint64_t left = 0;

	if (size > BUFFER && disk_free(d->dir, &left, err) == RC_OK && size + SPARE > left)
		return err_set(err, RC_NO_SPACE, "no room for %llu bytes in %s",
			       (unsigned long long)size, d->dir);
	struct disk_put *p = xcalloc(1, sizeof(*p));
	tool_put_init(&p->base, c, k);
	p->fd = -1;
	/* Beside its place: a name given within one folder costs least, and folders share no lock. No id begins with a dot. */
	AUTO(freep) char *folder = folder_of(d, k);
	p->temp = xasprintf("%s/" TEMP "%ld.%u", folder, (long)getpid(),
			    atomic_fetch_add(&d->serial, 1));
	p->held = STRBUF(BUFFER + JSON_MAX + FOOT);
	p->fd = open_new(p->temp);
	if (p->fd < 0 && errno == ENOENT && dir_make(folder, 0700, err) == RC_OK)
		p->fd = open_new(p->temp);
	if (p->fd < 0) {
		enum rc rc = err_errno(err, errno, "create %s", p->temp);

		tool_put_done(&p->base);
		xfree(p->temp);
		xfree(p);
		return rc;
	}
	*ret = &p->base;
	return RC_OK;
}

static enum rc write_held(struct disk_put *p, struct err *err)
{
	enum rc rc = fd_write(p->fd, p->held.p, p->held.n, err);

	strbuf_clear(&p->held);
	return rc;
}

static enum rc put_write(struct tool_put *base, struct str bytes, struct err *err)
{
	struct disk_put *p = container_of(base, struct disk_put, base);
	enum rc rc = RC_OK;

	digest_add(base->digest, bytes.p, bytes.n);
	base->size += bytes.n;
	if (base->size > base->cache->max)
		return err_set(err, RC_TOO_BIG, "above the %llu bytes of the whole cache",
			       (unsigned long long)base->cache->max);
	if (p->held.n + bytes.n > BUFFER)
		rc = p->held.n ? write_held(p, err) : RC_OK;
	if (rc == RC_OK && bytes.n > BUFFER / 2)
		return fd_write(p->fd, bytes.p, bytes.n, err);
	strbuf_addstr(&p->held, bytes);
	return rc;
}

static void put_drop(struct tool_put *base)
{
	struct disk_put *p = container_of(base, struct disk_put, base);

	if (p->temp)
		unlink(p->temp);
	fd_close(&p->fd);
	tool_put_done(base);
	strbuf_done(&p->held);
	xfree(p->temp);
	xfree(p);
}

/* The first one wins, also among processes. */
static int give_name(const char *temp, const char *path, bool replace)
{
	if (replace)
		return rename(temp, path);
	int r = renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE);
	if (r == 0 || (errno != EINVAL && errno != ENOSYS))
		return r;
	r = link(temp, path);
	if (r == 0)
		unlink(temp);
	return r;
}

static enum rc publish(struct disk *d, struct disk_put *p, const struct tool_key *k, bool replace,
		       struct err *err)
{
	AUTO(freep) char *path = path_of(d, k);
	struct stat before = {0}, now = {0};

	if (fstat(p->fd, &now) < 0)
		return err_errno(err, errno, "stat %s", p->temp);
	if (replace && lstat(path, &before) < 0)
		before.st_size = 0;
	int r = give_name(p->temp, path, replace);
	if (r < 0 && errno == EEXIST)
		return err_set(err, RC_CONFLICT, "%s of %s is there already", k->id, k->space);
	if (r < 0)
		return err_errno(err, errno, "rename %s", p->temp);
	xfree(p->temp);
	p->temp = NULL;
	disk_grown(d, (int64_t)now.st_size - (int64_t)before.st_size);
	return RC_OK;
}

static enum rc put_keep(struct tool_put *base, struct tool_meta *meta, bool replace,
			struct err *err)
{
	struct disk_put *p = container_of(base, struct disk_put, base);
	struct disk *d = of(base->cache);
	struct tool_key k = {base->scope, base->space, base->id};

	meta->created = clock_wall();
	enum rc rc = entry_write_end(&k, meta, &p->held, err);
	if (rc == RC_OK)
		rc = write_held(p, err);
	if (rc == RC_OK)
		rc = publish(d, p, &k, replace, err);
	put_drop(base);
	return rc;
}

/* ---- get ---- */

static struct checked identity(const struct stat *st)
{
	return (struct checked){.dev = st->st_dev,
				.ino = st->st_ino,
				.size = (uint64_t)st->st_size,
				.mtime = (int64_t)st->st_mtim.tv_sec * 1000000000 +
					 st->st_mtim.tv_nsec};
}

static struct checked *place(struct disk *d, const struct checked *c)
{
	return &d->checked[(c->ino ^ c->ino >> 10) % CHECKED];
}

static bool was_checked(struct disk *d, const struct checked *c)
{
	pthread_mutex_lock(&d->lock);
	const struct checked *at = place(d, c);
	bool yes = at->ino == c->ino && at->dev == c->dev && at->size == c->size &&
		   at->mtime == c->mtime && at->at && clock_mono() - at->at < CHECK_KEPT;
	pthread_mutex_unlock(&d->lock);
	return yes;
}

static void note_checked(struct disk *d, struct checked c)
{
	c.at = clock_mono();
	pthread_mutex_lock(&d->lock);
	*place(d, &c) = c;
	pthread_mutex_unlock(&d->lock);
}

static enum rc read_open(struct disk *d, int fd, const struct tool_key *k, struct tool_found *ret,
			 struct err *err)
{
	struct tool_found f = {.fd = -1};
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, RC_CORRUPT, "%s of %s is no file", k->id, k->space);
	enum rc rc = entry_read(fd, (uint64_t)st.st_size, k, &f, err);
	if (rc == RC_OK && f.meta.size > TOOL_SMALL) {
		struct checked c = identity(&st);

		if (!was_checked(d, &c)) {
			rc = entry_check(fd, &f.meta, err);
			if (rc == RC_OK)
				note_checked(d, c);
		}
	}
	if (rc == RC_OK)
		*ret = f;
	else
		tool_found_done(&f);
	return rc;
}

static const struct timespec used_now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};

static enum rc get(struct tool_cache *c, const struct tool_key *k, struct tool_found *ret,
		   struct err *err)
{
	struct disk *d = of(c);
	AUTO(freep) char *path = path_of(d, k);
	AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return err_errno(err, errno, "%s of %s", k->id, k->space);
	enum rc rc = read_open(d, fd, k, ret, err);
	if (rc == RC_CORRUPT) {
		unlink(path); /* so that it can be put again */
		return rc;
	}
	if (rc != RC_OK)
		return rc;
	(void)!futimens(fd, used_now);
	if (ret->meta.size > TOOL_SMALL) {
		ret->fd = fd;
		fd = -1;
	}
	return RC_OK;
}

static bool touch(struct tool_cache *c, const struct tool_key *k)
{
	AUTO(freep) char *path = path_of(of(c), k);

	return utimensat(AT_FDCWD, path, used_now, AT_SYMLINK_NOFOLLOW) == 0;
}

static enum rc forget(struct tool_cache *c, const struct tool_key *k, struct err *err)
{
	AUTO(freep) char *path = path_of(of(c), k);

	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno(err, errno, "remove %s", path);
	return RC_OK;
}

static void free_all(struct tool_cache *c)
{
	struct disk *d = of(c);

	pthread_mutex_destroy(&d->lock);
	pthread_mutex_destroy(&d->trim);
	xfree(d->dir);
	xfree(d);
}

static const struct tool_cache_ops ops = {"disk", put_open, put_write,  put_keep,   put_drop, get,
					  touch,  forget,   disk_usage, disk_prune, free_all};

struct tool_cache *tool_cache_disk_new(const char *dir, uint64_t max, struct err *err)
{
	if (dir_make(dir, 0700, err) != RC_OK)
		return NULL;
	struct disk *d = xcalloc(1, sizeof(*d));
	d->base = (struct tool_cache){&ops, max};
	d->dir = xstrdup(dir);
	pthread_mutex_init(&d->lock, NULL);
	pthread_mutex_init(&d->trim, NULL);
	return &d->base;
}
