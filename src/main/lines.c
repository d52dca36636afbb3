#include "main/lines.h"
#include "base/mem.h"

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
	*l = (struct lines){.fd = -1};
}

/* Make room behind what is held, and read. */
static enum rc fill(struct lines *l, struct err *err)
{
	if (l->at) {
		memmove(l->buf, l->buf + l->at, l->end - l->at);
		l->end -= l->at;
		l->at = 0;
	}
	if (l->end == l->size) {
		l->size = MIN_OF(2 * l->size, l->max + BLOCK);
		l->buf = xrealloc(l->buf, l->size);
	}
	ssize_t n;
	do {
		n = read(l->fd, l->buf + l->end, l->size - l->end);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(err, errno, "read %s", l->name);
	l->end += (size_t)n;
	l->eof = n == 0;
	return RC_OK;
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
