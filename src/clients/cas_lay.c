/* Laying blobs out: as a copy that is the caller's own, or as a read-only file that may be the store's own. */
#include "base/mem.h"
#include "clients/cas_impl.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- verifying ---- */
enum rc cas_check(struct cas *c, const char *hex, const char *path, struct digest is,
		  struct err *err)
{
	AUTO(freep) char *aside = xasprintf("%s.corrupt", path);
	AUTO(freep) char *mark = xasprintf("%s/damaged", c->dir);
	struct digest should;

	if (digest_parse(str_of(hex), &should) && digest_eq(should, is))
		return RC_OK;
	AUTO(fd_close) int fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	rename(path, aside);
	return err_set(err, RC_CORRUPT, "blob %s does not match its hash: it was put aside as %s",
		       hex, aside);
}

bool cas_was_damaged(struct cas *c)
{
	AUTO(freep) char *mark = xasprintf("%s/damaged", c->dir);

	return file_exists(mark);
}

static bool remembers(struct cas *c, const char *hex, const struct stat *st)
{
	struct digest d;

	return digest_parse(str_of(hex), &d) && cas_seen_is(c->seen, d, st);
}

bool cas_remembers(struct cas *c, const char *hex, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	pthread_mutex_lock(&c->lock);
	bool is = remembers(c, hex, &st);
	pthread_mutex_unlock(&c->lock);
	return is;
}

/* What it was before it was read is what is remembered: a write in between shows the next time. */
enum rc cas_verify(struct cas *c, const char *hex, const char *path, int fd, struct err *err)
{
	struct digest d;
	struct stat st;
	uint64_t size;

	if (cas_remembers(c, hex, fd))
		return RC_OK;
	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "stat %s", path);
	enum rc rc = cas_stream(fd, -1, UINT64_MAX, &d, &size, err);
	if (rc == RC_OK)
		rc = cas_check(c, hex, path, d, err);
	if (rc != RC_OK)
		return rc;
	pthread_mutex_lock(&c->lock);
	cas_seen_put(c->seen, d, &st);
	pthread_mutex_unlock(&c->lock);
	return RC_OK;
}

/* ---- the caller's own ---- */
/* Without a verified source the bytes are hashed on their way: what was laid out is what was checked. */
static enum rc copy_out(struct cas *c, const char *hex, const char *blob, int from, int to,
			struct err *err)
{
	struct digest d;
	struct stat st;
	uint64_t size;

	if (fstat(from, &st) < 0)
		return err_errno(err, errno, "stat %s", blob);
	if (ioctl(to, FICLONE, from) == 0)
		return cas_verify(c, hex, blob, from, err);
	if (cas_remembers(c, hex, from))
		return fd_copy(from, to, (uint64_t)st.st_size, err);
	enum rc rc = cas_stream(from, to, UINT64_MAX, &d, &size, err);
	if (rc == RC_OK)
		rc = cas_check(c, hex, blob, d, err);
	if (rc != RC_OK)
		return rc;
	pthread_mutex_lock(&c->lock);
	cas_seen_put(c->seen, d, &st);
	pthread_mutex_unlock(&c->lock);
	return RC_OK;
}

enum rc cas_get_file(struct cas *c, const char *hex, const char *path, unsigned mode,
		     struct err *err)
{
	AUTO(freep) char *blob = NULL;
	AUTO(fd_close) int from = -1, to = -1;
	struct err here = {0}, *e = err ? err : &here;

	enum rc rc = cas_open_blob(c, hex, &blob, &from, e);
	if (rc == RC_OK)
		rc = cas_new_file(path, 0600, &to, e);
	if (rc != RC_OK)
		return rc;
	rc = copy_out(c, hex, blob, from, to, e);
	if (rc == RC_OK && fchmod(to, mode) < 0)
		rc = err_errno(e, errno, "chmod %s", path);
	if (rc == RC_OK)
		return rc;
	unlink(path);
	return err_wrap(e, "lay out %s", path);
}

/* ---- the store's own ---- */
/* A mode belongs to an inode: a blob that is run has a second one beside it. */
static enum rc make_executable(struct cas *c, const char *hex, const char *file, struct err *err)
{
	AUTO(freep) char *temp = cas_temp(c);

	enum rc rc = cas_get_file(c, hex, temp, 0555, err);
	if (rc == RC_OK && rename(temp, file) < 0) {
		rc = err_errno(err, errno, "rename %s", temp);
		unlink(temp);
	}
	return rc;
}

static enum rc verify_named(struct cas *c, const char *hex, const char *file, bool exec,
			    struct err *err)
{
	AUTO(fd_close) int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT && exec) {
		enum rc rc = make_executable(c, hex, file, err);
		if (rc != RC_OK)
			return rc;
		fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	if (fd < 0 && errno == ENOENT)
		return err_set(err, RC_NOT_FOUND, "there is no blob %s", hex);
	return fd < 0 ? err_errno(err, errno, "open %s", file) : cas_verify(c, hex, file, fd, err);
}

enum linked { LINK_MADE, LINK_UNVERIFIED, LINK_CANNOT, LINK_FAILED };

/*
 * The lock is held from the look at the file to the look at its link, so that the times which the link moves are ours. A link is
 * as new as a copy would be: what tools like make compare is when a file came here.
 */
static enum linked link_verified(struct cas *c, const char *hex, const char *file, const char *path)
{
	struct stat st, made;
	struct digest d;
	enum linked is = LINK_UNVERIFIED;

	pthread_mutex_lock(&c->lock);
	if (lstat(file, &st) == 0 && digest_parse(str_of(hex), &d) &&
	    cas_seen_is(c->seen, d, &st)) {
		is = linkat(AT_FDCWD, file, AT_FDCWD, path, 0) == 0 ? LINK_MADE
		     : errno == EEXIST                              ? LINK_FAILED
								    : LINK_CANNOT;
		if (is == LINK_MADE &&
		    (lstat(path, &made) < 0 || made.st_ino != st.st_ino ||
		     made.st_size != st.st_size || made.st_mtim.tv_sec != st.st_mtim.tv_sec ||
		     made.st_mtim.tv_nsec != st.st_mtim.tv_nsec)) {
			unlink(path);
			is = LINK_UNVERIFIED;
		}
		if (is == LINK_MADE && utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW) == 0 &&
		    lstat(path, &made) == 0)
			cas_seen_put(c->seen, d, &made);
	}
	pthread_mutex_unlock(&c->lock);
	return is;
}

enum rc cas_share_file(struct cas *c, const char *hex, const char *path, bool exec, struct err *err)
{
	AUTO(freep) char *blob = NULL;
	struct err here = {0}, *e = err ? err : &here;
	enum linked is = LINK_UNVERIFIED;

	enum rc rc = cas_path(c, hex, &blob, e);
	if (rc != RC_OK)
		return rc;
	AUTO(freep) char *file = xasprintf("%s%s", blob, exec ? ".x" : "");
	for (int i = 0; i < 3 && is == LINK_UNVERIFIED && rc == RC_OK; i++) {
		is = link_verified(c, hex, file, path);
		if (is == LINK_UNVERIFIED)
			rc = verify_named(c, hex, file, exec, e);
		if (rc == RC_CORRUPT && exec &&
		    file_exists(blob)) { /* the first one may be whole */
			*e = (struct err){0};
			rc = RC_OK;
		}
	}
	if (rc == RC_OK && is == LINK_MADE)
		return RC_OK;
	if (rc == RC_OK && is == LINK_FAILED)
		rc = err_set(e, RC_CONFLICT, "there is something at %s", path);
	if (rc == RC_OK) /* another disk, too many links, a disk without links, a busy neighbour */
		return cas_get_file(c, hex, path, exec ? 0555 : 0444, err);
	return err_wrap(e, "lay out %s", path);
}
