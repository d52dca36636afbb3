/* OCI layouts on disk: oci:FOLDER, oci:FILE.tar, with :TAG behind it when it holds several images. */
#include "flow/2-build/image_disk.h"

#include "base/glob.h"
#include "clients/tar.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool image_is_layout(const char *ref)
{
	return str_starts(str_of(ref), "oci:");
}

enum rc image_choose(const struct oci_index *x, const char *tag, const char *name,
		     char **ret_digest, struct err *err)
{
	const struct oci_desc *found = NULL;
	struct digest d;
	size_t fit = 0;

	for (size_t i = 0; i < x->manifests.n; i++) {
		const struct oci_desc *m = &x->manifests.v[i];
		const char *arch = m->platform.architecture, *os = m->platform.os;
		if (arch && (!streq(arch, oci_architecture()) || !streq(os, "linux")))
			continue;
		if (tag && !streq(m->annotations.ref, tag))
			continue;
		if (!fit++)
			found = m;
	}
	if (!found)
		return err_set(err, RC_NOT_FOUND, "%s has no image for linux/%s%s%s", name,
			       oci_architecture(), tag ? " with the tag " : "", tag ? tag : "");
	if (!found->digest || !str_starts(str_of(found->digest), "sha256:") ||
	    !digest_parse(str_of(found->digest), &d))
		return err_set(err, RC_INVALID, "%s: its index names no sha256 digest", name);
	*ret_digest = xstrdup(found->digest);
	return RC_OK;
}

static bool wanted(const char *path)
{
	struct str s = str_of(path);

	if (str_starts(s, "./"))
		s = (struct str){s.p + 2, s.n - 2};
	return str_is(s, "index.json") || str_is(s, "oci-layout") ||
	       (str_starts(s, "blobs/sha256/") && s.n == 13 + DIGEST_HEX &&
		!memchr(s.p + 13, '/', DIGEST_HEX) && !memchr(s.p + 13, '.', DIGEST_HEX));
}

static enum rc untar_one(struct tar_in *t, const struct tar_entry *e, const char *into,
			 struct err *err)
{
	const char *name = str_starts(str_of(e->path), "./") ? e->path + 2 : e->path;
	AUTO(freep) char *path = xasprintf("%s/%s", into, name);
	AUTO(fd_close)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	char *buf AUTO(freep) = xmalloc(1 << 18);
	size_t n = 0;

	if (fd < 0)
		return err_errno(err, errno, "create %s", path);
	do {
		enum rc rc = tar_read(t, buf, 1 << 18, &n, err);
		if (rc == RC_OK)
			rc = fd_write(fd, buf, n, err);
		if (rc != RC_OK)
			return rc;
	} while (n);
	return RC_OK;
}

static enum rc untar(const char *file, const char *into, struct err *err)
{
	AUTO(fd_close) int fd = open(file, O_RDONLY | O_CLOEXEC);
	AUTO(freep) char *blobs = xasprintf("%s/blobs/sha256", into);
	unsigned char magic[4] = {0};
	uint64_t bytes = 0;
	bool any = true;

	if (fd < 0)
		return err_errno(err, errno, "open %s", file);
	bool any_magic = pread(fd, magic, 4, 0) == 4;
	bool gzip = any_magic && magic[0] == 0x1f && magic[1] == 0x8b;
	bool zstd = any_magic && !memcmp(magic, "\x28\xb5\x2f\xfd", 4);
	enum rc rc = dir_make(blobs, 0700, err);
	AUTO(tar_in_freep)
	struct tar_in *t = tar_in_new(fd, zstd ? TAR_ZSTD : gzip ? TAR_GZIP : TAR_PLAIN);
	while (rc == RC_OK) {
		struct tar_entry e = {0};
		rc = tar_next(t, &e, &any, err);
		if (rc != RC_OK || !any)
			break;
		if (e.kind != TAR_FILE || !wanted(e.path))
			continue;
		bytes += e.size;
		rc = bytes > REGISTRY_BLOB_MAX
			     ? err_set(err, RC_TOO_BIG, "%s holds more than %llu bytes", file,
				       (unsigned long long)REGISTRY_BLOB_MAX)
			     : untar_one(t, &e, into, err);
	}
	return rc;
}

void image_source_done(struct image_source *s)
{
	if (s->layout && s->i && str_starts(str_of(s->layout), s->i->dir))
		(void)!tree_remove(s->layout, NULL);
	registry_free(s->registry);
	xfree(s->layout);
	*s = (struct image_source){0};
}

/* "oci:PATH[:TAG]": what exists is the path. */
static enum rc split(const char *ref, char **path, char **tag, struct err *err)
{
	struct str rest = str_of(ref + strlen("oci:"));
	char *whole = xstrndup(rest.p, rest.n), *colon = strrchr(whole, ':');

	*path = whole;
	*tag = NULL;
	if (*whole != '/')
		return err_set(err, RC_INVALID,
			       "oci:%.200s: not a folder of the repository, nor an absolute path",
			       whole);
	if (!file_exists(whole) && colon) {
		*colon = '\0';
		*tag = xstrdup(colon + 1);
	}
	return file_exists(whole) ? RC_OK
				  : err_set(err, RC_NOT_FOUND, "there is no OCI layout %s", whole);
}

static enum rc read_index(const char *layout, struct oci_index *ret, struct err *err)
{
	AUTO(freep) char *path = xasprintf("%s/index.json", layout);
	AUTO(strbuf_done) struct strbuf text = STRBUF(OCI_JSON_MAX + 1);
	enum rc rc = file_read(path, OCI_JSON_MAX, &text, err);

	return rc == RC_OK ? oci_index_read(strbuf_str(&text), ret, err) : rc;
}

enum rc image_layout(const struct image_disk *i, const char *ref, struct image_source *ret,
		     char **ret_digest, struct err *err)
{
	AUTO(oci_index_done) struct oci_index x = {0};
	AUTO(freep) char *path = NULL, *tag = NULL;
	struct image_source s = {.i = i};
	struct stat st;

	enum rc rc = split(ref, &path, &tag, err);
	if (rc == RC_OK && stat(path, &st) < 0)
		rc = err_errno(err, errno, "%s", path);
	if (rc != RC_OK)
		return rc;
	if (S_ISDIR(st.st_mode)) {
		s.layout = xstrdup(path);
	} else {
		s.layout = xasprintf("%s/tmp/layout-XXXXXX", i->dir);
		if (!mkdtemp(s.layout))
			rc = err_errno(err, errno, "%s", s.layout);
		else
			rc = untar(path, s.layout, err);
	}
	if (rc == RC_OK)
		rc = read_index(s.layout, &x, err);
	if (rc == RC_OK)
		rc = image_choose(&x, tag, ref, ret_digest, err);
	if (rc == RC_OK)
		*ret = s;
	else
		image_source_done(&s);
	return rc == RC_OK ? rc : err_wrap(err, "%s", ref);
}

enum rc image_layout_blob(const struct image_source *s, const char *digest, uint64_t size,
			  const char *path, struct err *err)
{
	AUTO(freep) char *from = xasprintf("%s/blobs/sha256/%s", s->layout, digest + 7);
	AUTO(freep) char *part = xasprintf("%s.%ld", path, (long)getpid());
	AUTO(fd_close) int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	AUTO(fd_close) int out = -1;
	char *buf AUTO(freep) = xmalloc(1 << 18);
	struct digest want;
	uint64_t have = 0;
	ssize_t n = 0;
	enum rc rc = RC_OK;

	if (in < 0)
		return err_errno(err, errno, "open %s", from);
	out = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out < 0)
		return err_errno(err, errno, "create %s", part);
	struct digest_state *sum = digest_new();
	while (rc == RC_OK && have <= size && (n = read(in, buf, 1 << 18)) > 0) {
		digest_add(sum, buf, (size_t)n);
		have += (uint64_t)n;
		rc = fd_write(out, buf, (size_t)n, err);
	}
	struct digest got = digest_finish(sum);
	if (rc == RC_OK && n < 0)
		rc = err_errno(err, errno, "read %s", from);
	if (rc == RC_OK &&
	    (have != size || !digest_parse(str_of(digest), &want) || !digest_eq(want, got)))
		rc = err_set(err, RC_CORRUPT, "%s has other bytes than its digest says", from);
	if (rc == RC_OK && rename(part, path) < 0)
		rc = err_errno(err, errno, "rename %s", part);
	if (rc != RC_OK)
		unlink(part);
	return rc;
}
