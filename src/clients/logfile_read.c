/* Reads a kept log, or a plain one. */
#include "clients/logfile_impl.h"
#include "io/files.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

struct logfile {
	int fd;
	bool plain;
	uint64_t size;
	logfile_frames frames;
	struct strbuf index; /* as it was read; marks are its end */
	struct str marks;
	ZSTD_DCtx *zstd;
	char *text, *packed; /* the frame that was read last */
	size_t room, have;   /* have: 1 + its number */
};

void logfile_free(struct logfile *l)
{
	if (!l)
		return;
	fd_close(&l->fd);
	vec_done(&l->frames);
	strbuf_done(&l->index);
	ZSTD_freeDCtx(l->zstd);
	xfree(l->text);
	xfree(l->packed);
	xfree(l);
}

void logfile_freep(struct logfile **l)
{
	logfile_free(*l);
	*l = NULL;
}

static enum rc read_at(int fd, uint64_t at, char *to, size_t n, struct err *err)
{
	while (n) {
		ssize_t k = pread(fd, to, n, (off_t)at);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_errno(err, errno, "read a log");
		if (!k)
			return err_set(err, RC_CORRUPT, "a log is cut off at byte %llu",
				       (unsigned long long)at);
		to += k;
		at += (uint64_t)k;
		n -= (size_t)k;
	}
	return RC_OK;
}

static uint64_t little(const char *p, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return value;
}

static bool take_frame(struct logfile *l, struct str line, uint64_t packed_end)
{
	struct logfile_frame f = {0};
	const struct logfile_frame *before = l->frames.n ? vec_last(&l->frames) : NULL;

	str_cut(&line, ' ');
	if (!parse_u64(str_cut(&line, ' '), &f.packed) ||
	    !parse_u64(str_cut(&line, ' '), &f.bytes) || !parse_u64(line, &f.lines) || !f.packed ||
	    !f.bytes || f.bytes > LOGFILE_FRAME || f.lines > f.bytes ||
	    f.packed > ZSTD_compressBound(LOGFILE_FRAME))
		return false;
	if (before) {
		f.packed_at = before->packed_at + before->packed;
		f.at = before->at + before->bytes;
		f.lines_before = before->lines_before + before->lines;
	}
	if (f.packed_at + f.packed > packed_end)
		return false;
	vec_push(&l->frames, f);
	l->size = f.at + f.bytes;
	return true;
}

static bool take_index(struct logfile *l, uint64_t packed_end)
{
	struct str rest = strbuf_str(&l->index);

	while (rest.n && str_starts(rest, "frame "))
		if (!take_frame(l, str_cut(&rest, '\n'), packed_end))
			return false;
	l->marks = rest.p ? rest : (struct str){"", 0};
	uint64_t end =
		l->frames.n ? vec_last(&l->frames)->packed_at + vec_last(&l->frames)->packed : 0;
	return end == packed_end;
}

/* at: where the index's skippable frame begins. */
static enum rc read_index(struct logfile *l, uint64_t at, size_t packed, struct err *err)
{
	AUTO(freep) char *from = xmalloc(packed + 8);
	enum rc rc = read_at(l->fd, at, from, packed + 8, err);

	if (rc != RC_OK)
		return rc;
	unsigned long long n = ZSTD_getFrameContentSize(from + 8, packed);
	if (little(from, 4) != LOGFILE_SKIPPABLE ||
	    little(from + 4, 4) != packed + LOGFILE_TRAILER ||
	    n > LOGFILE_INDEX_MAX) /* above are also the answers "unknown" and "none" */
		return err_set(err, RC_CORRUPT, "a log's index is damaged");
	AUTO(freep) char *text = xmalloc((size_t)n + 1);
	size_t k = ZSTD_decompressDCtx(l->zstd, text, (size_t)n, from + 8, packed);
	if (ZSTD_isError(k) || k != n)
		return err_set(err, RC_CORRUPT, "a log's index cannot be unpacked");
	strbuf_add(&l->index, text, k);
	return take_index(l, at) ? RC_OK
				 : err_set(err, RC_CORRUPT, "a log's index does not fit it");
}

static enum rc open_it(struct logfile *l, struct err *err)
{
	char trailer[LOGFILE_TRAILER];
	struct stat st;

	if (fstat(l->fd, &st) < 0)
		return err_errno(err, errno, "look at a log");
	uint64_t size = (uint64_t)st.st_size;
	l->plain = true;
	l->size = size;
	if (size < LOGFILE_TRAILER + 8)
		return RC_OK;
	enum rc rc = read_at(l->fd, size - LOGFILE_TRAILER, trailer, sizeof(trailer), err);
	if (rc != RC_OK || memcmp(trailer, LOGFILE_MAGIC, 8) != 0)
		return rc;
	uint64_t packed = little(trailer + 8, 8);
	if (packed > size - LOGFILE_TRAILER - 8 || packed > LOGFILE_INDEX_MAX)
		return err_set(err, RC_CORRUPT, "a log's index is damaged");
	l->plain = false;
	l->size = 0;
	l->zstd = ZSTD_createDCtx();
	l->room = ZSTD_compressBound(LOGFILE_FRAME);
	BUG_ON(!l->zstd);
	return read_index(l, size - LOGFILE_TRAILER - 8 - packed, (size_t)packed, err);
}

enum rc logfile_open(int take_fd, struct logfile **ret, struct err *err)
{
	struct logfile *l = xcalloc(1, sizeof(*l));

	l->fd = take_fd;
	l->index = STRBUF(LOGFILE_INDEX_MAX + 1);
	l->marks = (struct str){"", 0};
	enum rc rc = open_it(l, err);
	if (rc != RC_OK)
		logfile_free(l);
	else
		*ret = l;
	return rc;
}

uint64_t logfile_size(const struct logfile *l)
{
	return l->size;
}

struct str logfile_marks(const struct logfile *l)
{
	return l->marks;
}

/* The frame that holds a byte; at most one more than there are. */
static size_t frame_of(const struct logfile *l, uint64_t at)
{
	size_t low = 0, high = l->frames.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct logfile_frame *f = &l->frames.v[middle];
		if (f->at + f->bytes <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static enum rc unpack(struct logfile *l, size_t i, struct err *err)
{
	const struct logfile_frame *f = &l->frames.v[i];

	if (l->have == i + 1)
		return RC_OK;
	if (!l->text) {
		l->text = xmalloc(LOGFILE_FRAME);
		l->packed = xmalloc(l->room);
	}
	l->have = 0;
	enum rc rc = read_at(l->fd, f->packed_at, l->packed, (size_t)f->packed, err);
	if (rc != RC_OK)
		return rc;
	size_t k =
		ZSTD_decompressDCtx(l->zstd, l->text, LOGFILE_FRAME, l->packed, (size_t)f->packed);
	if (ZSTD_isError(k) || k != f->bytes)
		return err_set(err, RC_CORRUPT, "a log is damaged at byte %llu",
			       (unsigned long long)f->at);
	l->have = i + 1;
	return RC_OK;
}

static enum rc read_plain(struct logfile *l, uint64_t from, size_t max, struct strbuf *ret,
			  struct err *err)
{
	char buf[16384];

	while (max && from < l->size) {
		size_t n = (size_t)MIN_OF((uint64_t)MIN_OF(max, sizeof(buf)), l->size - from);
		enum rc rc = read_at(l->fd, from, buf, n, err);
		if (rc != RC_OK)
			return rc;
		strbuf_add(ret, buf, n);
		from += n;
		max -= n;
	}
	return RC_OK;
}

enum rc logfile_read(struct logfile *l, uint64_t from, size_t max, struct strbuf *ret,
		     struct err *err)
{
	if (l->plain)
		return read_plain(l, from, max, ret, err);
	for (size_t i = frame_of(l, from); max && i < l->frames.n; i++) {
		const struct logfile_frame *f = &l->frames.v[i];
		enum rc rc = unpack(l, i, err);
		if (rc != RC_OK)
			return rc;
		size_t skip = (size_t)(from - f->at), n = MIN_OF((size_t)f->bytes - skip, max);
		strbuf_add(ret, l->text + skip, n);
		from += n;
		max -= n;
	}
	return RC_OK;
}

void logfile_near(const struct logfile *l, uint64_t at, uint64_t *ret_at, uint64_t *ret_lines)
{
	size_t i = frame_of(l, at);

	*ret_at = *ret_lines = 0;
	if (!l->frames.n)
		return;
	const struct logfile_frame *f = &l->frames.v[MIN_OF(i, l->frames.n - 1)];
	*ret_at = f->at;
	*ret_lines = f->lines_before;
}

bool logfile_lines(const struct logfile *l, uint64_t *ret)
{
	const struct logfile_frame *f = l->frames.n ? vec_last(&l->frames) : NULL;

	if (l->plain)
		return false;
	*ret = f ? f->lines_before + f->lines : 0;
	return true;
}

void logfile_near_line(const struct logfile *l, uint64_t lines, uint64_t *ret_at,
		       uint64_t *ret_lines)
{
	*ret_at = *ret_lines = 0;
	for (size_t i = 0; i < l->frames.n && l->frames.v[i].lines_before <= lines; i++) {
		*ret_at = l->frames.v[i].at;
		*ret_lines = l->frames.v[i].lines_before;
	}
}
