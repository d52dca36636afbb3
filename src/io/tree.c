/* Folders: made, walked, removed. */
#include "io/files.h"

#include "base/mem.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 64

typedef VEC(char *) names;

static void names_done(names *n)
{
	vec_each(s, n)
		xfree(*s);
	vec_done(n);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

enum rc dir_make(const char *path, unsigned mode, struct err *err)
{
	if (mkdir(path, mode) == 0)
		return RC_OK;
	if (errno == ENOENT) {
		AUTO(freep) char *above = xstrdup(path);
		char *slash = strrchr(above, '/');
		while (slash && slash > above && !slash[1]) { /* a slash at the end */
			*slash = '\0';
			slash = strrchr(above, '/');
		}
		if (!slash || slash == above)
			return err_errno(err, ENOENT, "make folder %s", path);
		*slash = '\0';
		enum rc rc = dir_make(above, mode, err);
		if (rc != RC_OK || mkdir(path, mode) == 0)
			return rc;
	}
	int no = errno;
	struct stat st;
	if (no == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return RC_OK;
	return err_errno(err, no, "make folder %s", path);
}

enum rc dir_sync(const char *path, struct err *err)
{
	AUTO(fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, errno, "open %s", path);
	if (fsync(fd) < 0)
		return err_errno(err, errno, "fsync %s", path);
	return RC_OK;
}

/* All names in an open folder (which stays open). */
static enum rc dir_names(int dir, names *ret, struct err *err)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);

	if (!d) {
		int no = errno;
		fd_close(&copy);
		return err_errno(err, no, "read a folder");
	}
	for (struct dirent *e; (errno = 0, e = readdir(d));)
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			vec_push(ret, xstrdup(e->d_name));
	int no = errno;
	closedir(d);
	return no ? err_errno(err, no, "read a folder") : RC_OK;
}

static enum rc remove_at(int dir, const char *name, unsigned depth, struct err *err);

static enum rc remove_inside(int dir, const char *name, unsigned depth, struct err *err)
{
	AUTO(fd_close) int sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	AUTO(names_done) names all = {0};
	struct stat above, here;

	if (sub < 0 && errno == EACCES && fchmodat(dir, name, 0700, 0) == 0)
		sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (sub < 0)
		return errno == ENOENT ? RC_OK : err_errno(err, errno, "open %s", name);
	if (fstat(sub, &here) < 0 || (depth && fstat(dir, &above) < 0))
		return err_errno(err, errno, "stat %s", name);
	if (depth && here.st_dev != above.st_dev)
		return err_set(err, RC_CONFLICT, "%s is another file system: unmount it", name);
	if ((here.st_mode & 0700) != 0700)
		(void)!fchmod(sub, 0700);
	enum rc rc = dir_names(sub, &all, err);
	for (size_t i = 0; i < all.n && rc == RC_OK; i++)
		rc = remove_at(sub, all.v[i], depth + 1, err);
	return rc;
}

/* Depth is not capped by DEPTH_MAX here: what a job made must go away; a descriptor a level is the
 * cost. */
static enum rc remove_at(int dir, const char *name, unsigned depth, struct err *err)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return RC_OK;
	if (errno != EISDIR && errno != EPERM)
		return err_errno(err, errno, "remove %s", name);
	if (depth > 4096)
		return err_set(err, RC_TOO_BIG, "%s is deeper than 4096 folders", name);
	enum rc rc = remove_inside(dir, name, depth, err);
	if (rc == RC_OK && unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		rc = err_errno(err, errno, "remove %s", name);
	return rc;
}

enum rc tree_remove(const char *path, struct err *err)
{
	struct err here = {0}, *e = err ? err : &here;

	if (remove_at(AT_FDCWD, path, 0, e) != RC_OK)
		return err_wrap(e, "remove %s", path);
	return RC_OK;
}

struct walk {
	enum rc (*each)(void *ctx, const struct file_seen *seen, struct err *err);
	void *ctx;
	struct strbuf path;
};

static enum rc walk_dir(struct walk *w, int dir, unsigned depth, struct err *err);

static enum rc walk_one(struct walk *w, int dir, const char *name, unsigned depth, struct err *err)
{
	struct stat st;
	size_t had = w->path.n;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? RC_OK : err_errno(err, errno, "stat %s", name);
	if (had)
		strbuf_addc(&w->path, '/');
	strbuf_adds(&w->path, name);
	if (strbuf_failed(&w->path))
		return err_set(err, RC_TOO_BIG, "a path is longer than 4096 bytes");
	struct file_seen seen = {
		.path = strbuf_cstr(&w->path),
		.kind = S_ISREG(st.st_mode)   ? FILE_REGULAR
			: S_ISDIR(st.st_mode) ? FILE_DIR
			: S_ISLNK(st.st_mode) ? FILE_LINK
					      : FILE_OTHER,
		.mode = st.st_mode & 07777,
		.size = (uint64_t)st.st_size,
		.dir = dir,
		.name = name,
	};
	enum rc rc = w->each(w->ctx, &seen, err);
	if (rc == RC_OK && seen.kind == FILE_DIR) {
		AUTO(fd_close)
		int sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		rc = sub < 0 ? err_errno(err, errno, "open %s", seen.path)
			     : walk_dir(w, sub, depth + 1, err);
	}
	w->path.n = had;
	if (w->path.p)
		w->path.p[had] = '\0';
	return rc;
}

static enum rc walk_dir(struct walk *w, int dir, unsigned depth, struct err *err)
{
	AUTO(names_done) names all = {0};

	if (depth > DEPTH_MAX)
		return err_set(err, RC_TOO_BIG, "%s is deeper than %d folders",
			       strbuf_cstr(&w->path), DEPTH_MAX);
	enum rc rc = dir_names(dir, &all, err);
	if (rc == RC_OK && all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_bytes);
	for (size_t i = 0; i < all.n && rc == RC_OK; i++)
		rc = walk_one(w, dir, all.v[i], depth, err);
	return rc;
}

enum rc tree_walk(const char *dir,
		  enum rc (*each)(void *ctx, const struct file_seen *seen, struct err *err),
		  void *ctx, struct err *err)
{
	AUTO(fd_close) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct walk w = {.each = each, .ctx = ctx, .path = STRBUF(4096)};

	if (fd < 0)
		return err_errno(err, errno, "open %s", dir);
	enum rc rc = walk_dir(&w, fd, 0, err);
	strbuf_done(&w.path);
	return rc;
}
