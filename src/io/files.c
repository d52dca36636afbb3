/* Single files: read, write, copy, lock. */
#include "io/files.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

enum rc fd_write(int fd, const void *p, size_t n, struct err *err)
{
	const char *at = p;

	while (n) {
		ssize_t k = write(fd, at, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_errno(err, errno, "write");
		at += k;
		n -= (size_t)k;
	}
	return RC_OK;
}

enum rc fd_read(int fd, size_t max, struct strbuf *ret, struct err *err)
{
	char buf[16384];
	size_t had = ret->n;

	for (;;) {
		ssize_t k = read(fd, buf, sizeof(buf));
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_errno(err, errno, "read");
		if (!k)
			return RC_OK;
		strbuf_add(ret, buf, (size_t)k);
		if (ret->n - had > max || strbuf_failed(ret))
			return err_set(err, RC_TOO_BIG, "more than %zu bytes", max);
	}
}

enum rc file_read(const char *path, size_t max, struct strbuf *ret, struct err *err)
{
	AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_errno(err, errno, "open %s", path);
	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, RC_INVALID, "%s is not a regular file", path);
	struct err here = {0}, *e = err ? err : &here;
	return fd_read(fd, max, ret, e) == RC_OK ? RC_OK : err_wrap(e, "read %s", path);
}

static enum rc write_new(const char *path, struct str bytes, unsigned mode, bool durable,
			 struct err *err)
{
	AUTO(fd_close)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		return err_errno(err, errno, "create");
	if (fd_write(fd, bytes.p, bytes.n, err) != RC_OK)
		return err->rc;
	if (durable && fsync(fd) < 0)
		return err_errno(err, errno, "fsync");
	return RC_OK;
}

static enum rc write_replace(const char *path, struct str bytes, unsigned mode, bool durable,
			     struct err *err)
{
	static atomic_uint serial;
	AUTO(freep)
	char *temp = xasprintf("%s.%ld.%u.tmp", path, (long)getpid(), atomic_fetch_add(&serial, 1));
	struct err here = {0}, *e = err ? err : &here;

	unlink(temp);
	enum rc rc = write_new(temp, bytes, mode, durable, e);
	if (rc == RC_OK && rename(temp, path) < 0)
		rc = err_errno(e, errno, "rename");
	if (rc != RC_OK) {
		unlink(temp);
		return err_wrap(e, "write %s", path);
	}
	if (!durable)
		return RC_OK;
	char *slash = strrchr(temp, '/');
	if (slash)
		slash[slash == temp] = '\0';
	return dir_sync(slash ? temp : ".", e);
}

enum rc file_write(const char *path, struct str bytes, unsigned mode, struct err *err)
{
	return write_replace(path, bytes, mode, true, err);
}

enum rc file_write_fast(const char *path, struct str bytes, unsigned mode, struct err *err)
{
	return write_replace(path, bytes, mode, false, err);
}

enum rc file_make(const char *path, struct str bytes, unsigned mode, struct err *err)
{
	struct err here = {0}, *e = err ? err : &here;

	return write_new(path, bytes, mode, false, e) == RC_OK ? RC_OK
							       : err_wrap(e, "write %s", path);
}

/* For disks on which neither sharing nor copying inside the kernel works. */
static enum rc copy_slowly(int from, int to, uint64_t n, struct err *err)
{
	char buf[65536];

	while (n) {
		ssize_t k = read(from, buf, (size_t)MIN_OF(n, (uint64_t)sizeof(buf)));
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_errno(err, errno, "read");
		if (!k)
			return err_set(err, RC_CONFLICT,
				       "the file became shorter while it was copied");
		enum rc rc = fd_write(to, buf, (size_t)k, err);
		if (rc != RC_OK)
			return rc;
		n -= (uint64_t)k;
	}
	return RC_OK;
}

enum rc fd_copy(int from, int to, uint64_t n, struct err *err)
{
	if (n > 65536 && lseek(from, 0, SEEK_CUR) == 0 && lseek(to, 0, SEEK_CUR) == 0) {
		struct stat st;
		if (fstat(from, &st) == 0 && (uint64_t)st.st_size == n &&
		    ioctl(to, FICLONE, from) == 0)
			return RC_OK;
	}
	while (n) {
		ssize_t k = copy_file_range(from, NULL, to, NULL,
					    (size_t)MIN_OF(n, (uint64_t)1 << 30), 0);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 &&
		    (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
			return copy_slowly(from, to, n, err);
		if (k < 0)
			return err_errno(err, errno, "copy");
		if (!k)
			return copy_slowly(from, to, n, err);
		n -= (uint64_t)k;
	}
	return RC_OK;
}

bool file_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

enum rc disk_free(const char *path, uint64_t *ret, struct err *err)
{
	struct statvfs st;

	if (statvfs(path, &st) < 0)
		return err_errno(err, errno, "statvfs %s", path);
	*ret = (uint64_t)st.f_bavail * st.f_frsize;
	return RC_OK;
}

enum rc file_lock(const char *path, int *ret_fd, struct err *err)
{
	AUTO(fd_close) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_errno(err, errno, "open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return err_set(err, RC_CONFLICT, "%s is locked by another process", path);
		return err_errno(err, errno, "lock %s", path);
	}
	*ret_fd = fd;
	fd = -1;
	return RC_OK;
}

bool file_is_locked(const char *path)
{
	AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}
