/* A blob: into a file, in as many pieces as the network gives, and checked as a whole. */
#include "clients/registry_impl.h"

#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct download {
	struct registry *r;
	const char *digest;
	int fd;
	uint64_t have, size;
	bool begun; /* the first part of this answer was seen */
	struct err err;
};

static bool on_part(void *ctx, int status, struct str part)
{
	struct download *d = ctx;

	if (!d->begun && status == 200 && d->have) { /* it knows no ranges: from the front again */
		if (ftruncate(d->fd, 0) < 0 || lseek(d->fd, 0, SEEK_SET) < 0) {
			err_errno(&d->err, errno, "truncate");
			return false;
		}
		d->have = 0;
	}
	d->begun = true;
	if (d->have + part.n > d->size) {
		err_set(&d->err, RC_CORRUPT, "blob %.19s is longer than the manifest says",
			d->digest);
		return false;
	}
	if (fd_write(d->fd, part.p, part.n, &d->err) != RC_OK)
		return false;
	d->have += part.n;
	if (d->r->o.progress && !d->r->o.progress(d->r->o.ctx, d->digest, d->have, d->size)) {
		err_set(&d->err, RC_CONFLICT, "stopped");
		return false;
	}
	return true;
}

static enum rc fetch(struct download *d, struct err *err)
{
	AUTO(freep)
	char *url = xasprintf("%s/v2/%s/blobs/%s", d->r->origin, d->r->repository, d->digest);
	enum rc rc = RC_OK;
	unsigned n = 0;

	while (d->have < d->size) {
		uint64_t had = d->have;
		struct registry_get g = {
			.url = url, .from = d->have, .each = on_part, .ctx = d, .stream = true};
		d->begun = false;
		rc = registry_get(d->r, &g, NULL, err);
		if (d->err.rc != RC_OK) {
			*err = d->err;
			return err->rc;
		}
		if (rc == RC_OK && d->have == had)
			rc = err_set(err, RC_UNAVAILABLE, "%s gave nothing", d->r->host);
		if (rc != RC_OK && rc != RC_UNAVAILABLE)
			return rc;
		if (d->have > had)
			n = 0;
		if (d->have < d->size && !registry_again(d->r, ++n, 0))
			return rc == RC_OK ? err_set(err, RC_UNAVAILABLE,
						     "blob %.19s ends after %llu of %llu bytes",
						     d->digest, (unsigned long long)d->have,
						     (unsigned long long)d->size)
					   : rc;
	}
	return RC_OK;
}

static enum rc check(const char *path, const char *digest, struct err *err)
{
	AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct digest_state *s = digest_new();
	struct digest want;
	char *buf AUTO(freep) = xmalloc(1 << 20);
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, buf, 1 << 20)) > 0)
		digest_add(s, buf, (size_t)n);
	struct digest got = digest_finish(s);
	if (n < 0)
		return err_errno(err, errno, "read %s", path);
	if (digest_parse(str_of(digest), &want) && digest_eq(got, want))
		return RC_OK;
	unlink(path);
	return err_set(err, RC_CORRUPT, "blob %.19s has other bytes than its digest says", digest);
}

enum rc registry_blob(struct registry *r, const char *digest, uint64_t size, const char *path,
		      struct err *err)
{
	AUTO(freep) char *part = xasprintf("%s.part", path);
	AUTO(fd_close) int fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct download d = {.r = r, .digest = digest, .fd = fd, .size = size};
	struct digest known;

	if (!str_starts(str_of(digest), "sha256:") || !digest_parse(str_of(digest), &known))
		return err_set(err, RC_INVALID, "\"%.80s\" is no digest", digest);
	if (size > REGISTRY_BLOB_MAX)
		return err_set(err, RC_TOO_BIG, "blob %.19s has %llu bytes, at most %llu are taken",
			       digest, (unsigned long long)size,
			       (unsigned long long)REGISTRY_BLOB_MAX);
	if (fd < 0)
		return err_errno(err, errno, "create %s", part);
	off_t end = lseek(fd, 0, SEEK_END);
	d.have = end > 0 ? (uint64_t)end : 0;
	if (d.have > size) {
		if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
			return err_errno(err, errno, "truncate %s", part);
		d.have = 0;
	}
	enum rc rc = fetch(&d, err);
	if (rc == RC_OK)
		rc = check(part, digest, err);
	else if (rc == RC_CORRUPT)
		unlink(part);
	if (rc == RC_OK && rename(part, path) < 0)
		rc = err_errno(err, errno, "rename %s", part);
	return rc;
}
