#include "clients/cas_impl.h"

#include "base/mem.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PIECE ((size_t)128 << 10)
#define SMALL ((size_t)256 << 10)

enum rc cas_open(const char *dir, struct cas **ret, struct err *err)
{
	AUTO(freep) char *temp = xasprintf("%s/tmp", dir);
	enum rc rc = dir_make(temp, 0700, err);

	if (rc != RC_OK)
		return rc;
	struct cas *c = xcalloc(1, sizeof(*c));
	c->dir = xstrdup(dir);
	c->seen = cas_seen_new();
	BUG_ON(pthread_mutex_init(&c->lock, NULL) != 0);
	*ret = c;
	return RC_OK;
}

void cas_free(struct cas *c)
{
	if (!c)
		return;
	pthread_mutex_destroy(&c->lock);
	cas_seen_free(c->seen);
	xfree(c->dir);
	xfree(c);
}

enum rc cas_path(const struct cas *c, const char *hex, char **ret, struct err *err)
{
	struct digest d;
	char text[DIGEST_HEX + 1];

	if (!digest_parse(str_of(hex), &d))
		return err_set(err, RC_INVALID, "\"%.80s\" is not a SHA-256 digest",
			       hex ? hex : "");
	digest_hex(d, text);
	*ret = xasprintf("%s/%.2s/%s", c->dir, text, text + 2);
	return RC_OK;
}

char *cas_temp(struct cas *c)
{
	return xasprintf("%s/tmp/%ld.%u", c->dir, (long)getpid(), atomic_fetch_add(&c->serial, 1));
}

bool cas_has(struct cas *c, const char *hex)
{
	AUTO(freep) char *path = NULL;
	struct stat st;

	return cas_path(c, hex, &path, NULL) == RC_OK && lstat(path, &st) == 0 &&
	       S_ISREG(st.st_mode);
}

/* What was hashed on its way into the file needs no second reading. */
static void remember(struct cas *c, int fd, struct digest d)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return;
	pthread_mutex_lock(&c->lock);
	cas_seen_put(c->seen, d, &st);
	pthread_mutex_unlock(&c->lock);
}

/*
 * Bytes are on the disk before the name is. The name itself becomes durable with the next commit
 * of the file system's journal, at the latest with the fsync of the store that records it: both
 * stand in the same order there.
 */
static enum rc publish(struct cas *c, int fd, const char *temp, struct digest d, char *ret_hex,
		       struct err *err)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(d, hex);
	AUTO(freep) char *dir = xasprintf("%s/%.2s", c->dir, hex);
	AUTO(freep) char *path = xasprintf("%s/%s", dir, hex + 2);
	memcpy(ret_hex, hex, sizeof(hex));
	if (file_exists(path)) {
		unlink(temp);
		return RC_OK;
	}
	if (fchmod(fd, 0444) < 0 || fsync(fd) < 0)
		return err_errno(err, errno, "fsync %s", temp);
	bool named = rename(temp, path) == 0;
	if (!named && errno == ENOENT) {
		enum rc rc = dir_make(dir, 0700, err);
		if (rc != RC_OK)
			return rc;
		named = rename(temp, path) == 0;
	}
	if (!named)
		return err_errno(err, errno, "rename %s", temp);
	remember(c, fd, d);
	return RC_OK;
}

enum rc cas_new_file(const char *path, unsigned mode, int *ret, struct err *err)
{
	*ret = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	return *ret < 0 ? err_errno(err, errno, "create %s", path) : RC_OK;
}

enum rc cas_put(struct cas *c, struct str bytes, char ret_hex[DIGEST_HEX + 1], struct err *err)
{
	struct digest d = digest_of(bytes);
	char hex[DIGEST_HEX + 1];
	struct err here = {0}, *e = err ? err : &here;

	digest_hex(d, hex);
	if (cas_has(c, hex)) {
		memcpy(ret_hex, hex, sizeof(hex));
		return RC_OK;
	}
	AUTO(freep) char *temp = cas_temp(c);
	AUTO(fd_close) int fd = -1;
	enum rc rc = cas_new_file(temp, 0600, &fd, e);
	if (rc == RC_OK)
		rc = fd_write(fd, bytes.p, bytes.n, e);
	if (rc == RC_OK)
		rc = publish(c, fd, temp, d, ret_hex, e);
	if (rc == RC_OK)
		return rc;
	unlink(temp);
	return err_wrap(e, "keep %zu bytes", bytes.n);
}

enum rc cas_stream(int from, int to, uint64_t max, struct digest *ret, uint64_t *ret_size,
		   struct err *err)
{
	struct digest_state *s = digest_new();
	char *buf = xmalloc(PIECE);
	uint64_t size = 0;
	enum rc rc = RC_OK;

	while (rc == RC_OK) {
		ssize_t k = read(from, buf, PIECE);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			rc = err_errno(err, errno, "read");
		if (k <= 0)
			break;
		size += (uint64_t)k;
		if (size > max)
			rc = err_set(err, RC_TOO_BIG, "more than %llu bytes",
				     (unsigned long long)max);
		digest_add(s, buf, (size_t)k);
		if (rc == RC_OK && to >= 0)
			rc = fd_write(to, buf, (size_t)k, err);
	}
	xfree(buf);
	*ret = digest_finish(s);
	*ret_size = size;
	return rc;
}

static enum rc open_regular(const char *path, int *ret, struct err *err)
{
	AUTO(fd_close)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && errno == ELOOP)
		return err_set(err, RC_INVALID, "%s is a link", path);
	if (fd < 0)
		return err_errno(err, errno, "open %s", path);
	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, RC_INVALID, "%s is not a regular file", path);
	*ret = fd;
	fd = -1;
	return RC_OK;
}

/* In one piece: what is here already is only read. RC_TOO_BIG: it is not small. */
static enum rc put_small(struct cas *c, int from, uint64_t max, char ret_hex[DIGEST_HEX + 1],
			 uint64_t *ret_size, struct err *err)
{
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(SMALL + 1);
	struct stat st;

	if (fstat(from, &st) < 0 || (uint64_t)st.st_size > MIN_OF((uint64_t)SMALL, max) ||
	    fd_read(from, (size_t)MIN_OF((uint64_t)SMALL, max), &bytes, err) != RC_OK)
		return RC_TOO_BIG;
	if (ret_size)
		*ret_size = bytes.n;
	return cas_put(c, strbuf_str(&bytes), ret_hex, err);
}

enum rc cas_put_file(struct cas *c, const char *path, uint64_t max, char ret_hex[DIGEST_HEX + 1],
		     uint64_t *ret_size, struct err *err)
{
	AUTO(fd_close) int from = -1, to = -1;
	struct err here = {0}, *e = err ? err : &here;
	struct digest d;
	uint64_t size = 0;

	enum rc rc = open_regular(path, &from, e);
	if (rc != RC_OK)
		return rc;
	rc = put_small(c, from, max, ret_hex, ret_size, e);
	if (rc != RC_TOO_BIG)
		return rc == RC_OK ? rc : err_wrap(e, "keep %s", path);
	if (lseek(from, 0, SEEK_SET) < 0)
		return err_errno(e, errno, "read %s", path);
	AUTO(freep) char *temp = cas_temp(c);
	rc = cas_new_file(temp, 0600, &to, e);
	if (rc == RC_OK)
		rc = cas_stream(from, to, max, &d, &size, e);
	if (rc == RC_OK)
		rc = publish(c, to, temp, d, ret_hex, e);
	if (rc != RC_OK) {
		unlink(temp);
		return err_wrap(e, "keep %s", path);
	}
	if (ret_size)
		*ret_size = size;
	return RC_OK;
}

enum rc cas_open_blob(struct cas *c, const char *hex, char **ret_path, int *ret, struct err *err)
{
	enum rc rc = cas_path(c, hex, ret_path, err);

	if (rc != RC_OK)
		return rc;
	*ret = open(*ret_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*ret < 0 && errno == ENOENT)
		return err_set(err, RC_NOT_FOUND, "there is no blob %s", hex);
	return *ret < 0 ? err_errno(err, errno, "open %s", *ret_path) : RC_OK;
}

enum rc cas_get(struct cas *c, const char *hex, size_t max, struct strbuf *ret, struct err *err)
{
	AUTO(freep) char *path = NULL;
	AUTO(fd_close) int fd = -1;
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(max + 1);
	struct err here = {0}, *e = err ? err : &here;

	enum rc rc = cas_open_blob(c, hex, &path, &fd, e);
	if (rc != RC_OK)
		return rc;
	rc = fd_read(fd, max, &bytes, e);
	if (rc != RC_OK)
		return err_wrap(e, "blob %s", hex);
	rc = cas_check(c, hex, path, digest_of(strbuf_str(&bytes)), e);
	if (rc == RC_OK)
		strbuf_addstr(ret, strbuf_str(&bytes));
	return rc;
}

enum rc cas_get_fd(struct cas *c, const char *hex, int *ret_fd, struct err *err)
{
	AUTO(freep) char *path = NULL;
	AUTO(fd_close) int fd = -1;

	enum rc rc = cas_open_blob(c, hex, &path, &fd, err);
	if (rc == RC_OK)
		rc = cas_verify(c, hex, path, fd, err);
	if (rc == RC_OK && lseek(fd, 0, SEEK_SET) < 0)
		rc = err_errno(err, errno, "seek %s", path);
	if (rc != RC_OK)
		return rc;
	*ret_fd = fd;
	fd = -1;
	return RC_OK;
}
