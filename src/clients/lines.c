#include "clients/lines.h"
#include "base/mem.h"
#include "clients/zst.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK ((size_t)1 << 20)

enum rc lines_open(struct lines *l, const char *path, size_t max, struct err *err)
{
	struct stat st;
	bool in = streq(path, "-");

	*l = (struct lines){.fd = -1, .name = in ? "<stdin>" : path, .max = max};
	l->fd = in ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
	if (l->fd < 0 || fstat(l->fd, &st) != 0)
		return err_errno(err, errno, "read %s", l->name);
	if (S_ISDIR(st.st_mode))
		return err_set(err, RC_INVALID, "%s is a folder; name a file", path);
	l->size = BLOCK;
	l->buf = xmalloc(l->size);
	return RC_OK;
}

void lines_done(struct lines *l)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	xfree(l->buf);
	xfree(l->packed);
	unzst_free(l->zst);
	*l = (struct lines){.fd = -1};
}

static enum rc read_some(struct lines *l, char *to, size_t room, size_t *ret_n, struct err *err)
{
	ssize_t n;

	do {
		n = read(l->fd, to, room);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(err, errno, "read %s", l->name);
	*ret_n = (size_t)n;
	return RC_OK;
}

/* The first bytes say whether it is packed. */
static enum rc look_at_front(struct lines *l, struct err *err)
{
	size_t n = 1;
	enum rc rc = RC_OK;

	while (rc == RC_OK && n && l->end < sizeof(ZST_MAGIC) - 1) {
		rc = read_some(l, l->buf + l->end, l->size - l->end, &n, err);
		l->end += rc == RC_OK ? n : 0;
	}
	l->begun = true;
	if (rc != RC_OK || l->end < sizeof(ZST_MAGIC) - 1 ||
	    memcmp(l->buf, ZST_MAGIC, sizeof(ZST_MAGIC) - 1) != 0)
		return rc;
	l->zst = unzst_new();
	l->packed = l->buf;
	l->packed_end = l->end;
	l->buf = xmalloc(l->size);
	l->end = 0;
	return RC_OK;
}

static enum rc unpack_some(struct lines *l, struct err *err)
{
	size_t n = 0;
	enum rc rc = RC_OK;

	while (rc == RC_OK && !n && !l->eof) {
		struct str in = {l->packed + l->packed_at, l->packed_end - l->packed_at};

		if (in.n) {
			rc = unzst_step(l->zst, &in, l->buf + l->end, l->size - l->end, &n, err);
			l->packed_at = l->packed_end - in.n;
			continue;
		}
		l->packed_at = l->packed_end = 0;
		rc = read_some(l, l->packed, BLOCK, &l->packed_end, err);
		if (rc != RC_OK || l->packed_end)
			continue;
		/* What is held back comes out without more bytes. */
		rc = unzst_step(l->zst, &in, l->buf + l->end, l->size - l->end, &n, err);
		if (rc == RC_OK && !n && !unzst_at_end(l->zst))
			rc = err_set(err, RC_CORRUPT, "%s ends in the middle: it was cut off",
				     l->name);
		l->eof = rc == RC_OK && !n;
	}
	l->end += n;
	return rc;
}

/* Make room behind what is held, and read. */
static enum rc fill(struct lines *l, struct err *err)
{
	size_t n = 0;

	if (l->at) {
		memmove(l->buf, l->buf + l->at, l->end - l->at);
		l->end -= l->at;
		l->at = 0;
	}
	if (l->end == l->size) {
		l->size = MIN_OF(2 * l->size, l->max + BLOCK);
		l->buf = xrealloc(l->buf, l->size);
	}
	if (!l->begun)
		return look_at_front(l, err);
	if (l->zst)
		return unpack_some(l, err);
	enum rc rc = read_some(l, l->buf + l->end, l->size - l->end, &n, err);
	l->end += n;
	l->eof = rc == RC_OK && n == 0;
	return rc;
}

enum rc lines_next(struct lines *l, struct str *ret, bool *ret_any, struct err *err)
{
	size_t seen = 0; /* of the held bytes, which hold no line's end */

	for (;;) {
		const char *from = l->buf + l->at;
		const char *nl = memchr(from + seen, '\n', l->end - l->at - seen);
		size_t n = nl ? (size_t)(nl - from) : l->end - l->at;
		if (n > l->max) {
			l->line++;
			return err_set(err, RC_TOO_BIG, "the line is longer than %zu bytes",
				       l->max);
		}
		if (nl || (l->eof && n)) {
			l->line++;
			*ret = (struct str){from, n};
			*ret_any = true;
			l->at += n + (nl ? 1 : 0);
			return RC_OK;
		}
		if (l->eof) {
			*ret_any = false;
			return RC_OK;
		}
		seen = n;
		enum rc rc = fill(l, err);
		if (rc != RC_OK)
			return rc;
	}
}
