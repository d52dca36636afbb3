/* The end of an output that is too long: a file that is written round and round. */
#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PIECE ((size_t)16 << 10)

static bool put_at(int fd, const char *p, size_t n, uint64_t at)
{
	while (n) {
		ssize_t k = pwrite(fd, p, n, (off_t)at);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
		at += (uint64_t)k;
	}
	return true;
}

bool out_end_put(struct out_end *e, const char *p, size_t n)
{
	if (e->fd < 0)
		e->fd = open(e->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (e->fd < 0 || !e->size)
		return false;
	if (n > e->size) { /* the front would be written over at once */
		e->at += n - e->size;
		p += n - e->size;
		n = (size_t)e->size;
	}
	uint64_t place = e->at % e->size;
	size_t first = (size_t)MIN_OF((uint64_t)n, e->size - place);
	if (!put_at(e->fd, p, first, place) || !put_at(e->fd, p + first, n - first, 0))
		return false;
	e->at += n;
	return true;
}

static size_t get(const struct out_end *e, uint64_t from, char *to, size_t max)
{
	uint64_t place = from % e->size;
	size_t n = (size_t)MIN_OF(MIN_OF((uint64_t)max, e->at - from), e->size - place);
	ssize_t k = n ? pread(e->fd, to, n, (off_t)place) : 0;

	return k > 0 ? (size_t)k : 0;
}

/* From a line's beginning on, unless that is farther than half of what is there. */
uint64_t out_end_lost(const struct out_end *e)
{
	char buf[PIECE];
	uint64_t from = e->at > e->size ? e->at - e->size : 0, at = from;
	size_t n;

	while (from && at - from < e->size / 2 && (n = get(e, at, buf, sizeof(buf)))) {
		const char *end = memchr(buf, '\n', n);
		if (end)
			return at + (uint64_t)(end - buf) + 1;
		at += n;
	}
	return from;
}

void out_end_take(struct out_end *e, uint64_t from,
		  void (*each)(void *ctx, const char *p, size_t n), void *ctx)
{
	char buf[PIECE];
	size_t n;

	while (e->fd >= 0 && from < e->at && (n = get(e, from, buf, sizeof(buf)))) {
		each(ctx, buf, n);
		from += n;
	}
	fd_drop(&e->fd);
	if (e->path)
		unlink(e->path);
	e->at = 0;
}
