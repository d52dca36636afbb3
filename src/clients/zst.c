#include "clients/zst.h"

#include "base/mem.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#define LEVEL      6
#define WINDOW_LOG 27

struct zst_writer {
	int fd;
	char *path;
	ZSTD_CCtx *zstd;
	char *out;
	size_t room;
};

enum rc zst_create(const char *path, struct zst_writer **ret, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_errno(err, errno, "create %s", path);
	struct zst_writer *w = xcalloc(1, sizeof(*w));
	w->fd = fd;
	w->path = xstrdup(path);
	w->zstd = ZSTD_createCCtx();
	BUG_ON(!w->zstd);
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1);
	w->room = ZSTD_CStreamOutSize();
	w->out = xmalloc(w->room);
	*ret = w;
	return RC_OK;
}

void zst_writer_free(struct zst_writer *w)
{
	if (!w)
		return;
	fd_close(&w->fd);
	ZSTD_freeCCtx(w->zstd);
	xfree(w->out);
	xfree(w->path);
	xfree(w);
}

void zst_writer_freep(struct zst_writer **w)
{
	zst_writer_free(*w);
	*w = NULL;
}

static enum rc pack(struct zst_writer *w, struct str bytes, ZSTD_EndDirective how, struct err *err)
{
	ZSTD_inBuffer in = {bytes.p, bytes.n, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {w->out, w->room, 0};

		left = ZSTD_compressStream2(w->zstd, &out, &in, how);
		if (ZSTD_isError(left))
			return err_set(err, RC_INTERNAL, "pack %s: %s", w->path,
				       ZSTD_getErrorName(left));
		enum rc rc = fd_write(w->fd, w->out, out.pos, err);
		if (rc != RC_OK)
			return err_wrap(err, "write %s", w->path);
	} while (how == ZSTD_e_end ? left > 0 : in.pos < in.size);
	return RC_OK;
}

enum rc zst_add(struct zst_writer *w, struct str bytes, struct err *err)
{
	return bytes.n ? pack(w, bytes, ZSTD_e_continue, err) : RC_OK;
}

enum rc zst_finish(struct zst_writer *w, struct err *err)
{
	enum rc rc = pack(w, STR(""), ZSTD_e_end, err);

	if (rc == RC_OK && fsync(w->fd) != 0)
		rc = err_errno(err, errno, "write %s", w->path);
	return rc;
}

/* ---- reading ---- */

struct unzst {
	ZSTD_DCtx *zstd;
	bool at_end;
};

struct unzst *unzst_new(void)
{
	struct unzst *z = xcalloc(1, sizeof(*z));

	z->zstd = ZSTD_createDCtx();
	BUG_ON(!z->zstd);
	ZSTD_DCtx_setParameter(z->zstd, ZSTD_d_windowLogMax, WINDOW_LOG);
	z->at_end = true;
	return z;
}

void unzst_free(struct unzst *z)
{
	if (!z)
		return;
	ZSTD_freeDCtx(z->zstd);
	xfree(z);
}

enum rc unzst_step(struct unzst *z, struct str *in, char *out, size_t room, size_t *ret_n,
		   struct err *err)
{
	ZSTD_inBuffer from = {in->p, in->n, 0};
	ZSTD_outBuffer to = {out, room, 0};
	size_t left = ZSTD_decompressStream(z->zstd, &to, &from);

	if (ZSTD_isError(left))
		return err_set(err, RC_CORRUPT, "not what Zstandard packed: %s",
			       ZSTD_getErrorName(left));
	if (from.pos || to.pos)
		z->at_end = left == 0;
	in->p += from.pos;
	in->n -= from.pos;
	*ret_n = to.pos;
	return RC_OK;
}

bool unzst_at_end(const struct unzst *z)
{
	return z->at_end;
}
