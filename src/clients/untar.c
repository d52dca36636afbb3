/* Reading tar archives of any origin. */
#include "clients/tar.h"

#include "base/mem.h"
#include "base/strbuf.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define BLOCK  512u
#define BUFFER ((size_t)64 << 10)

struct tar_in {
	int fd;
	enum tar_packing packing;
	bool in_end, stream_end; /* stream_end: of gzip; of zstd: between two frames */
	ZSTD_DStream *zstd;
	z_stream z;
	bool z_open;
	size_t at, n; /* of buf: bytes as they stand in the file */
	unsigned char *buf;
	uint64_t left, pad;               /* of the entry */
	struct strbuf path, link;         /* of the entry */
	struct strbuf pax_path, pax_link; /* for the next entry; has_... say so */
	bool has_path, has_link, has_size, has_uid, has_gid;
	uint64_t pax_size, pax_uid, pax_gid;
};

struct tar_in *tar_in_new(int fd, enum tar_packing packing)
{
	struct tar_in *t = xcalloc(1, sizeof(*t));

	*t = (struct tar_in){.fd = fd,
			     .packing = packing,
			     .buf = xmalloc(BUFFER),
			     .path = STRBUF(TAR_TEXT_MAX),
			     .link = STRBUF(TAR_TEXT_MAX),
			     .pax_path = STRBUF(TAR_TEXT_MAX),
			     .pax_link = STRBUF(TAR_TEXT_MAX)};
	if (packing == TAR_ZSTD) {
		t->zstd = ZSTD_createDStream(); /* its window: at most 128 MiB */
		BUG_ON(!t->zstd);
	}
	if (packing == TAR_GZIP) {
		BUG_ON(inflateInit2(&t->z, 15 + 16) != Z_OK); /* 16: with a gzip header */
		t->z_open = true;
	}
	return t;
}

void tar_in_free(struct tar_in *t)
{
	if (!t)
		return;
	if (t->z_open)
		inflateEnd(&t->z);
	ZSTD_freeDStream(t->zstd);
	strbuf_done(&t->path);
	strbuf_done(&t->link);
	strbuf_done(&t->pax_path);
	strbuf_done(&t->pax_link);
	xfree(t->buf);
	xfree(t);
}

void tar_in_freep(struct tar_in **t)
{
	tar_in_free(*t);
	*t = NULL;
}

/* ---- bytes ---- */

static enum rc fill(struct tar_in *t, struct err *err)
{
	ssize_t k;

	do
		k = read(t->fd, t->buf, BUFFER);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return err_errno(err, errno, "read an archive");
	t->at = 0;
	t->n = (size_t)k;
	t->in_end = k == 0;
	return RC_OK;
}

static enum rc unzip(struct tar_in *t, char *p, size_t n, size_t *ret, struct err *err)
{
	t->z.next_out = (unsigned char *)p;
	t->z.avail_out = (unsigned)n;
	while (t->z.avail_out == n && !t->stream_end) {
		if (t->at == t->n && !t->in_end) {
			enum rc rc = fill(t, err);
			if (rc != RC_OK)
				return rc;
		}
		if (t->in_end)
			return err_set(err, RC_INVALID, "gzip: the stream is cut off");
		t->z.next_in = t->buf + t->at;
		t->z.avail_in = (unsigned)(t->n - t->at);
		int code = inflate(&t->z, Z_NO_FLUSH);
		t->at = t->n - t->z.avail_in;
		t->stream_end = code == Z_STREAM_END;
		BUG_ON(code == Z_MEM_ERROR);
		if (code != Z_OK && code != Z_STREAM_END)
			return err_set(err, RC_INVALID, "gzip: %s",
				       t->z.msg ? t->z.msg : "bad data");
	}
	*ret = n - t->z.avail_out;
	return RC_OK;
}

static enum rc unpack_zstd(struct tar_in *t, char *p, size_t n, size_t *ret, struct err *err)
{
	ZSTD_outBuffer out = {p, n, 0};

	while (!out.pos) {
		enum rc rc = t->at == t->n && !t->in_end ? fill(t, err) : RC_OK;
		if (rc != RC_OK)
			return rc;
		ZSTD_inBuffer in = {t->buf + t->at, t->n - t->at, 0};
		if (t->in_end && t->stream_end)
			break;
		size_t code = ZSTD_decompressStream(t->zstd, &out, &in);
		t->at += in.pos;
		if (ZSTD_isError(code))
			return err_set(err, RC_INVALID, "zstd: %s", ZSTD_getErrorName(code));
		if (t->in_end && code && !out.pos)
			return err_set(err, RC_INVALID, "zstd: the stream is cut off");
		t->stream_end = code == 0; /* of a frame: another may follow */
	}
	*ret = out.pos;
	return RC_OK;
}

/* Some bytes of the archive, 0 at its end; n is below 4 GiB. */
static enum rc some(struct tar_in *t, char *p, size_t n, size_t *ret, struct err *err)
{
	enum rc rc = RC_OK;

	if (t->packing == TAR_GZIP)
		return unzip(t, p, n, ret, err);
	if (t->packing == TAR_ZSTD)
		return unpack_zstd(t, p, n, ret, err);
	if (t->at == t->n && !t->in_end)
		rc = fill(t, err);
	if (rc != RC_OK)
		return rc;
	*ret = MIN_OF(n, t->n - t->at);
	memcpy(p, t->buf + t->at, *ret);
	t->at += *ret;
	return RC_OK;
}

static enum rc all(struct tar_in *t, char *p, size_t n, size_t *ret, struct err *err)
{
	*ret = 0;
	while (*ret < n) {
		size_t k = 0;
		enum rc rc = some(t, p + *ret, n - *ret, &k, err);
		if (rc != RC_OK)
			return rc;
		if (!k)
			break;
		*ret += k;
	}
	return RC_OK;
}

static enum rc skip(struct tar_in *t, uint64_t n, struct err *err)
{
	char buf[4096];

	while (n) {
		size_t k = 0;
		enum rc rc = some(t, buf, (size_t)MIN_OF(n, (uint64_t)sizeof(buf)), &k, err);
		if (rc != RC_OK)
			return rc;
		if (!k)
			return err_set(err, RC_INVALID, "tar: the archive is cut off");
		n -= k;
	}
	return RC_OK;
}

enum rc tar_read(struct tar_in *t, void *p, size_t n, size_t *ret, struct err *err)
{
	size_t k = 0;

	n = (size_t)MIN_OF((uint64_t)MIN_OF(n, BUFFER), t->left);
	enum rc rc = n ? some(t, p, n, &k, err) : RC_OK;
	if (rc == RC_OK && n && !k)
		rc = err_set(err, RC_INVALID, "tar: the archive is cut off");
	t->left -= k;
	if (rc == RC_OK)
		*ret = k;
	return rc;
}

/* ---- headers ---- */

/* Octal with blanks and NULs around, or base-256 (first bit set; no negatives). */
static bool number(const char *field, size_t size, uint64_t *ret)
{
	const unsigned char *f = (const unsigned char *)field;
	uint64_t v = 0;
	size_t i = 0;

	if (f[0] & 0x80) {
		v = f[0] & 0x7f;
		for (i = 1; i < size; i++) {
			if (v >> 55)
				return false;
			v = v << 8 | f[i];
		}
		*ret = v;
		return !(f[0] & 0x40);
	}
	while (i < size && f[i] == ' ')
		i++;
	for (; i < size && f[i] >= '0' && f[i] <= '7'; i++)
		v = v << 3 | (unsigned)(f[i] - '0'); /* at most 12 digits */
	for (; i < size; i++)
		if (f[i] && f[i] != ' ')
			return false;
	*ret = v;
	return true;
}

static bool checksum_is_right(const char block[BLOCK])
{
	uint64_t want = 0, sum = 0;

	if (!number(block + 148, 8, &want))
		return false;
	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : (unsigned char)block[i];
	return sum == want;
}

static bool is_zero(const char block[BLOCK])
{
	for (size_t i = 0; i < BLOCK; i++)
		if (block[i])
			return false;
	return true;
}

static enum rc pax_field(struct tar_in *t, struct str key, struct str value, struct err *err)
{
	struct strbuf *to = str_is(key, "path")       ? &t->pax_path
			    : str_is(key, "linkpath") ? &t->pax_link
						      : NULL;
	uint64_t v = 0;

	if (str_starts(key, "GNU.sparse."))
		return err_set(err, RC_UNSUPPORTED, "tar: sparse files are not read");
	if (to) {
		strbuf_clear(to);
		strbuf_addstr(to, value);
		if (strbuf_failed(to) || !value.n || memchr(value.p, '\0', value.n))
			return err_set(err, RC_INVALID,
				       "tar: a pax path is empty, too long or has a NUL");
		*(to == &t->pax_path ? &t->has_path : &t->has_link) = true;
		return RC_OK;
	}
	if (!str_is(key, "size") && !str_is(key, "uid") && !str_is(key, "gid"))
		return RC_OK;
	if (!parse_u64(value, &v) || v > TAR_SIZE_MAX)
		return err_set(err, RC_INVALID, "tar: a pax number is wrong");
	if (str_is(key, "size")) {
		t->pax_size = v;
		t->has_size = true;
	} else if (str_is(key, "uid")) {
		t->pax_uid = v;
		t->has_uid = true;
	} else {
		t->pax_gid = v;
		t->has_gid = true;
	}
	return RC_OK;
}

/* Lines of "LENGTH key=value\n"; LENGTH counts the whole line. */
static enum rc pax_fields(struct tar_in *t, struct str rest, struct err *err)
{
	enum rc rc = RC_OK;

	while (rest.n && rc == RC_OK) {
		struct str line = rest, number_text = str_cut(&line, ' ');
		uint32_t length = 0;
		if (!line.p || !parse_u32(number_text, &length) || length > rest.n ||
		    length < number_text.n + 3 || rest.p[length - 1] != '\n')
			return err_set(err, RC_INVALID, "tar: a pax header is malformed");
		struct str value = {line.p, length - number_text.n - 2};
		struct str key = str_cut(&value, '=');
		if (!value.p)
			return err_set(err, RC_INVALID, "tar: a pax header is malformed");
		rc = pax_field(t, key, value, err);
		rest.p += length;
		rest.n -= length;
	}
	return rc;
}

/* What stands before an entry and is about it: pax ('x'; 'g' is for all and ignored), GNU long path ('L') and link ('K'). */
static enum rc extension(struct tar_in *t, char kind, uint64_t size, struct err *err)
{
	size_t got = 0;

	if (size > TAR_PAX_MAX)
		return err_set(err, RC_TOO_BIG, "tar: a header is above %zu bytes", TAR_PAX_MAX);
	AUTO(freep) char *text = xmalloc((size_t)size + 1);
	enum rc rc = all(t, text, (size_t)size, &got, err);
	if (rc == RC_OK && got < size)
		rc = err_set(err, RC_INVALID, "tar: the archive is cut off");
	if (rc == RC_OK)
		rc = skip(t, (BLOCK - size % BLOCK) % BLOCK, err);
	if (rc != RC_OK || kind == 'g')
		return rc;
	if (kind == 'x')
		return pax_fields(t, (struct str){text, (size_t)size}, err);
	return pax_field(t, kind == 'L' ? STR("path") : STR("linkpath"),
			 (struct str){text, strnlen(text, (size_t)size)}, err);
}

static bool kind_of(char flag, enum tar_kind *ret)
{
	switch (flag) {
	case '\0':
	case '0':
	case '7':
		*ret = TAR_FILE;
		return true;
	case '1':
		*ret = TAR_HARD;
		return true;
	case '2':
		*ret = TAR_LINK;
		return true;
	case '3':
	case '4':
	case '6':
		*ret = TAR_OTHER;
		return true;
	case '5':
		*ret = TAR_DIR;
		return true;
	default:
		return false;
	}
}

static void texts_of(struct tar_in *t, const char *block)
{
	strbuf_clear(&t->path);
	strbuf_clear(&t->link);
	if (t->has_path) {
		strbuf_addstr(&t->path, strbuf_str(&t->pax_path));
	} else {
		/* prefix is POSIX's ("ustar\0"); GNU ("ustar ") has other things there */
		if (memcmp(block + 257, "ustar", 6) == 0 && block[345]) {
			strbuf_add(&t->path, block + 345, strnlen(block + 345, 155));
			strbuf_addc(&t->path, '/');
		}
		strbuf_add(&t->path, block, strnlen(block, 100));
	}
	if (t->has_link)
		strbuf_addstr(&t->link, strbuf_str(&t->pax_link));
	else
		strbuf_add(&t->link, block + 157, strnlen(block + 157, 100));
}

static enum rc entry(struct tar_in *t, const char *block, struct tar_entry *ret, struct err *err)
{
	uint64_t mode = 0, uid = 0, gid = 0, size = 0;
	enum tar_kind kind;

	if (!number(block + 100, 8, &mode) || !number(block + 108, 8, &uid) ||
	    !number(block + 116, 8, &gid) || !number(block + 124, 12, &size))
		return err_set(err, RC_INVALID, "tar: a number is malformed");
	if (!kind_of(block[156], &kind))
		return err_set(err, RC_UNSUPPORTED, "tar: an entry of kind '%c'",
			       block[156] > ' ' && block[156] < 127 ? block[156] : '?');
	texts_of(t, block);
	if (kind == TAR_FILE && !t->has_path && str_ends(strbuf_str(&t->path), "/"))
		kind = TAR_DIR; /* before POSIX */
	uid = t->has_uid ? t->pax_uid : uid;
	gid = t->has_gid ? t->pax_gid : gid;
	size = t->has_size ? t->pax_size : size;
	if (!t->path.n || uid > INT32_MAX || gid > INT32_MAX || size > TAR_SIZE_MAX)
		return err_set(err, RC_INVALID,
			       "tar: an entry without a name, or a number too large");
	*ret = (struct tar_entry){
		.path = strbuf_cstr(&t->path),
		.link = kind == TAR_LINK || kind == TAR_HARD ? strbuf_cstr(&t->link) : NULL,
		.kind = kind,
		.mode = (uint32_t)mode & 07777,
		.uid = (uint32_t)uid,
		.gid = (uint32_t)gid,
		.size = kind == TAR_FILE ? size : 0};
	/* Sizes of other kinds are skipped, except that a hard link never has data. */
	t->left = kind == TAR_FILE ? size : 0;
	t->pad = (BLOCK - t->left % BLOCK) % BLOCK;
	t->has_path = t->has_link = t->has_size = t->has_uid = t->has_gid = false;
	return RC_OK;
}

enum rc tar_next(struct tar_in *t, struct tar_entry *ret, bool *ret_any, struct err *err)
{
	char block[BLOCK];
	enum rc rc = skip(t, t->left + t->pad, err);

	t->left = t->pad = 0;
	while (rc == RC_OK) {
		size_t got = 0;
		uint64_t size = 0;
		rc = all(t, block, BLOCK, &got, err);
		if (rc != RC_OK)
			break;
		if (!got || (got == BLOCK && is_zero(block))) {
			*ret_any = false;
			return RC_OK;
		}
		if (got < BLOCK || !checksum_is_right(block))
			return err_set(err, RC_INVALID, "tar: not a tar archive, or damaged");
		if (!strchr("xgLK", block[156]) || !block[156]) {
			*ret_any = true;
			return entry(t, block, ret, err);
		}
		if (!number(block + 124, 12, &size))
			return err_set(err, RC_INVALID, "tar: a number is malformed");
		rc = extension(t, block[156], size, err);
	}
	return rc;
}
