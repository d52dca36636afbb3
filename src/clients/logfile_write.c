/* Writes a kept log. */
#include "clients/logfile_impl.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <zstd.h>

#define LEVEL 3

struct logfile_writer {
	int fd;
	ZSTD_CCtx *zstd;
	char *text, *packed; /* a frame's */
	size_t n, room;
	uint64_t at;
	logfile_frames frames;
};

enum rc logfile_create(const char *path, struct logfile_writer **ret, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_errno(err, errno, "create %s", path);
	struct logfile_writer *w = xcalloc(1, sizeof(*w));
	w->fd = fd;
	w->zstd = ZSTD_createCCtx();
	BUG_ON(!w->zstd);
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1);
	w->text = xmalloc(LOGFILE_FRAME);
	w->room = ZSTD_compressBound(LOGFILE_FRAME);
	w->packed = xmalloc(w->room);
	*ret = w;
	return RC_OK;
}

void logfile_writer_free(struct logfile_writer *w)
{
	if (!w)
		return;
	fd_close(&w->fd);
	ZSTD_freeCCtx(w->zstd);
	xfree(w->text);
	xfree(w->packed);
	vec_done(&w->frames);
	xfree(w);
}

void logfile_writer_freep(struct logfile_writer **w)
{
	logfile_writer_free(*w);
	*w = NULL;
}

static uint64_t count_lines(const char *p, size_t n)
{
	uint64_t lines = 0;

	for (const char *end = p + n; (p = memchr(p, '\n', (size_t)(end - p))); p++)
		lines++;
	return lines;
}

static enum rc flush_frame(struct logfile_writer *w, struct err *err)
{
	if (!w->n)
		return RC_OK;
	size_t k = ZSTD_compress2(w->zstd, w->packed, w->room, w->text, w->n);
	if (ZSTD_isError(k))
		return err_set(err, RC_INTERNAL, "pack a log: %s", ZSTD_getErrorName(k));
	struct logfile_frame f = {.packed = k, .bytes = w->n, .lines = count_lines(w->text, w->n)};
	enum rc rc = fd_write(w->fd, w->packed, k, err);
	vec_push(&w->frames, f);
	w->n = 0;
	return rc;
}

enum rc logfile_add(struct logfile_writer *w, struct str bytes, struct err *err)
{
	enum rc rc = RC_OK;

	while (bytes.n && rc == RC_OK) {
		size_t n = MIN_OF(bytes.n, LOGFILE_FRAME - w->n);
		memcpy(w->text + w->n, bytes.p, n);
		w->n += n;
		bytes.p += n;
		bytes.n -= n;
		if (w->n == LOGFILE_FRAME)
			rc = flush_frame(w, err);
	}
	return rc;
}

static void little(char *to, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (char)(value >> (8 * i) & 255);
}

/* Times above the cap are left out: marks are for people, the text is the truth. */
static enum rc write_index(struct logfile_writer *w, const struct strbuf *text, struct err *err)
{
	size_t room = ZSTD_compressBound(text->n);
	AUTO(freep) char *packed = xmalloc(room + 8 + LOGFILE_TRAILER);
	size_t k = ZSTD_compress2(w->zstd, packed + 8, room, strbuf_cstr(text), text->n);

	if (ZSTD_isError(k))
		return err_set(err, RC_INTERNAL, "pack a log's index: %s", ZSTD_getErrorName(k));
	little(packed, LOGFILE_SKIPPABLE, 4);
	little(packed + 4, k + LOGFILE_TRAILER, 4);
	memcpy(packed + 8 + k, LOGFILE_MAGIC, 8);
	little(packed + 16 + k, k, 8);
	return fd_write(w->fd, packed, k + 8 + LOGFILE_TRAILER, err);
}

enum rc logfile_finish(struct logfile_writer *w, struct str marks, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(LOGFILE_INDEX_MAX);
	enum rc rc = flush_frame(w, err);

	if (rc != RC_OK)
		return rc;
	vec_each(f, &w->frames)
		strbuf_addf(&text, "frame %llu %llu %llu\n", (unsigned long long)f->packed,
			    (unsigned long long)f->bytes, (unsigned long long)f->lines);
	if (marks.n < LOGFILE_INDEX_MAX - text.n)
		strbuf_addstr(&text, marks);
	return write_index(w, &text, err);
}
