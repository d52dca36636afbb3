/* What the system gives: clocks, files, processes. */
#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static usec_t read_clock(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (usec_t)t.tv_sec * USEC_SEC + (usec_t)t.tv_nsec / 1000;
}

usec_t now_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

usec_t now_mono(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

void fd_drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

char *path_in(const char *dir, const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

bool path_is(const char *dir, const char *name)
{
	AUTO(freep) char *path = path_in(dir, name);

	return access(path, F_OK) == 0;
}

enum rc write_all(int fd, const void *p, size_t n, struct err *err)
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

enum rc write_file(const char *path, struct str bytes, struct err *err)
{
	AUTO(freep) char *temp = xasprintf("%s.tmp", path);
	AUTO(fd_drop)
	int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_errno(err, errno, "create %s", temp);
	enum rc rc = write_all(fd, bytes.p, bytes.n, err);
	if (rc == RC_OK && rename(temp, path) < 0)
		rc = err_errno(err, errno, "rename %s", temp);
	if (rc != RC_OK)
		unlink(temp);
	return rc;
}

enum rc read_fd(int fd, size_t max, struct strbuf *ret, struct err *err)
{
	char buf[16384];

	for (;;) {
		ssize_t k = read(fd, buf, sizeof(buf));
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_errno(err, errno, "read");
		if (!k)
			break;
		strbuf_add(ret, buf, (size_t)k);
		if (ret->n > max || strbuf_failed(ret))
			return err_set(err, RC_TOO_BIG, "more than %zu bytes", max);
	}
	mem_wipe(buf, sizeof(buf));
	return RC_OK;
}

enum rc read_file(const char *path, size_t max, struct strbuf *ret, struct err *err)
{
	AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_errno(err, errno, "open %s", path);
	return read_fd(fd, max, ret, err);
}

enum rc write_text(const char *path, const char *text, struct err *err)
{
	AUTO(fd_drop) int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, errno, "open %s", path);
	return write_all(fd, text, strlen(text), err);
}

uint64_t pid_start(pid_t pid)
{
	AUTO(freep) char *path = xasprintf("/proc/%ld/stat", (long)pid);
	AUTO(strbuf_done) struct strbuf text = STRBUF(4096);
	struct err err = {0};
	uint64_t ret = 0;

	if (pid <= 0 || read_file(path, 4096, &text, &err) != RC_OK)
		return 0;
	/* pid (name with anything in it) state ... : the 22nd field, 20 after the last ')' */
	char *end = strrchr(text.p, ')');
	struct str rest = end ? str_of(end + 2) : str_of("");
	for (int i = 0; i < 19; i++)
		str_cut(&rest, ' ');
	return parse_u64(str_cut(&rest, ' '), &ret) ? ret : 0;
}
