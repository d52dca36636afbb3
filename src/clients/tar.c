/* Writing. */
#include "clients/tar.h"

#include "base/mem.h"
#include "base/strbuf.h"
#include "io/files.h"

#include <errno.h>
#include <unistd.h>

#define BLOCK   512u
#define BUFFER  ((size_t)64 << 10)
#define SMALL   ((uint64_t)1 << 33) /* sizes from here on need pax */
#define SMALLID (1u << 21)          /* owners, too */

struct header { /* ustar; every field is text */
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], kind, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

struct tar_out {
	int fd;
	uint64_t left, pad; /* of the entry */
	size_t n;
	char buf[BUFFER];
};

struct tar_out *tar_out_new(int fd)
{
	struct tar_out *t = xcalloc(1, sizeof(*t));

	t->fd = fd;
	return t;
}

void tar_out_free(struct tar_out *t)
{
	xfree(t);
}

void tar_out_freep(struct tar_out **t)
{
	tar_out_free(*t);
	*t = NULL;
}

static enum rc flush(struct tar_out *t, struct err *err)
{
	enum rc rc = fd_write(t->fd, t->buf, t->n, err);

	t->n = 0;
	return rc;
}

static enum rc put(struct tar_out *t, const void *p, size_t n, struct err *err)
{
	const char *at = p;

	while (n) {
		size_t k = MIN_OF(n, BUFFER - t->n);
		memcpy(t->buf + t->n, at, k);
		t->n += k;
		at += k;
		n -= k;
		if (t->n < BUFFER)
			continue;
		enum rc rc = flush(t, err);
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

static enum rc put_zeros(struct tar_out *t, uint64_t n, struct err *err)
{
	static const char zeros[2 * BLOCK];

	BUG_ON(n > sizeof(zeros));
	return put(t, zeros, (size_t)n, err);
}

/* v in octal, to the width of the field, NUL behind. */
static void octal(char *field, size_t size, uint64_t v)
{
	field[--size] = '\0';
	while (size) {
		field[--size] = (char)('0' + (v & 7));
		v >>= 3;
	}
	BUG_ON(v);
}

static void text(char *field, size_t size, const char *s, size_t n)
{
	memcpy(field, s, MIN_OF(n, size));
}

/* Where path can be cut into prefix and name; 0: it fits as it is, SIZE_MAX: it does not. */
static size_t cut_at(const char *path, size_t n)
{
	if (n <= sizeof(((struct header *)0)->name))
		return 0;
	for (size_t i = MIN_OF(n - 1, sizeof(((struct header *)0)->prefix)); i > 0; i--)
		if (path[i] == '/' && n - i - 1 > 0)
			return n - i - 1 <= sizeof(((struct header *)0)->name) ? i : SIZE_MAX;
	return SIZE_MAX;
}

static enum rc put_header(struct tar_out *t, char kind, const struct tar_entry *e, struct err *err)
{
	struct header h = {.kind = kind, .magic = "ustar", .version = {'0', '0'}};
	size_t n = strlen(e->path), cut = cut_at(e->path, n);
	unsigned sum = 0;

	if (cut && cut != SIZE_MAX) {
		text(h.prefix, sizeof(h.prefix), e->path, cut);
		text(h.name, sizeof(h.name), e->path + cut + 1, n - cut - 1);
	} else {
		text(h.name, sizeof(h.name), e->path, n);
	}
	if (e->link)
		text(h.link, sizeof(h.link), e->link, strlen(e->link));
	octal(h.mode, sizeof(h.mode), e->mode & 07777);
	octal(h.uid, sizeof(h.uid), e->uid < SMALLID ? e->uid : 0);
	octal(h.gid, sizeof(h.gid), e->gid < SMALLID ? e->gid : 0);
	octal(h.size, sizeof(h.size), e->size < SMALL ? e->size : 0);
	octal(h.mtime, sizeof(h.mtime), 0);
	memset(h.sum, ' ', sizeof(h.sum));
	const unsigned char *bytes = (const unsigned char *)&h;
	for (size_t i = 0; i < BLOCK; i++)
		sum += bytes[i];
	octal(h.sum, 7, sum); /* six digits, NUL, blank */
	return put(t, &h, BLOCK, err);
}

/* "LENGTH key=value\n", where LENGTH counts itself. */
static void pax_line(struct strbuf *b, const char *key, const char *value)
{
	size_t body = strlen(key) + strlen(value) + 3, n = body + 1;

	for (size_t digits = 1, limit = 10; n >= limit; limit *= 10)
		n = body + ++digits;
	strbuf_addf(b, "%zu %s=%s\n", n, key, value);
}

static void pax_number(struct strbuf *b, const char *key, uint64_t value)
{
	AUTO(freep) char *digits = xasprintf("%llu", (unsigned long long)value);

	pax_line(b, key, digits);
}

static enum rc put_pax(struct tar_out *t, const struct tar_entry *e, struct err *err)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(4 * TAR_TEXT_MAX);
	size_t n = strlen(e->path);

	if (e->gid >= SMALLID)
		pax_number(&b, "gid", e->gid);
	if (e->link && strlen(e->link) > sizeof(((struct header *)0)->link))
		pax_line(&b, "linkpath", e->link);
	if (cut_at(e->path, n) == SIZE_MAX)
		pax_line(&b, "path", e->path);
	if (e->size >= SMALL)
		pax_number(&b, "size", e->size);
	if (e->uid >= SMALLID)
		pax_number(&b, "uid", e->uid);
	BUG_ON(strbuf_failed(&b));
	if (!b.n)
		return RC_OK;
	struct tar_entry pax = {.path = "pax", .mode = 0644, .size = b.n};
	enum rc rc = put_header(t, 'x', &pax, err);
	if (rc == RC_OK)
		rc = put(t, b.p, b.n, err);
	return rc == RC_OK ? put_zeros(t, (BLOCK - b.n % BLOCK) % BLOCK, err) : rc;
}

enum rc tar_add(struct tar_out *t, const struct tar_entry *e, struct err *err)
{
	static const char kinds[] = {
		[TAR_FILE] = '0', [TAR_DIR] = '5', [TAR_LINK] = '2', [TAR_HARD] = '1'};
	bool linked = e->kind == TAR_LINK || e->kind == TAR_HARD;

	BUG_ON(t->left || e->kind == TAR_OTHER || (e->kind != TAR_FILE && e->size));
	if (!*e->path || strlen(e->path) > TAR_TEXT_MAX)
		return err_set(err, RC_INVALID, "tar: a path is empty or above %zu bytes",
			       TAR_TEXT_MAX);
	if (linked && (!e->link || !*e->link || strlen(e->link) > TAR_TEXT_MAX))
		return err_set(err, RC_INVALID, "tar: the link of %.200s is empty or too long",
			       e->path);
	if (e->size > TAR_SIZE_MAX)
		return err_set(err, RC_TOO_BIG, "tar: %.200s is too big", e->path);
	enum rc rc = put_pax(t, e, err);
	if (rc == RC_OK)
		rc = put_header(t, kinds[e->kind], e, err);
	if (rc == RC_OK) {
		t->left = e->size;
		t->pad = (BLOCK - e->size % BLOCK) % BLOCK;
	}
	return rc;
}

enum rc tar_data(struct tar_out *t, const void *p, size_t n, struct err *err)
{
	BUG_ON(n > t->left);
	enum rc rc = put(t, p, n, err);
	t->left -= n;
	if (rc == RC_OK && !t->left) {
		rc = put_zeros(t, t->pad, err);
		t->pad = 0;
	}
	return rc;
}

enum rc tar_data_fd(struct tar_out *t, int fd, struct err *err)
{
	AUTO(freep) char *buf = xmalloc(BUFFER);
	enum rc rc = RC_OK;

	while (t->left && rc == RC_OK) {
		ssize_t k = read(fd, buf, (size_t)MIN_OF(t->left, (uint64_t)BUFFER));
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_errno(err, errno, "read");
		if (!k)
			return err_set(err, RC_CONFLICT, "tar: a file is shorter than it was");
		rc = tar_data(t, buf, (size_t)k, err);
	}
	return rc;
}

enum rc tar_end(struct tar_out *t, struct err *err)
{
	BUG_ON(t->left);
	enum rc rc = put_zeros(t, (uint64_t)2 * BLOCK, err);
	return rc == RC_OK ? flush(t, err) : rc;
}
