#include "clients/unpack.h"

#include "base/strbuf.h"
#include "base/vec.h"
#include "clients/tar.h"
#include "io/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE ((size_t)64 << 10)

struct unpack {
	struct tar_in *tar;
	int root;
	struct unpack_limits *left;
};

static enum rc bad(const char *path, const char *what, struct err *err)
{
	return err_set(err, RC_INVALID, "layer: %.200s: %s", path, what);
}

/* Without "./" before and '/' behind; "" is the root itself. */
static enum rc clean_path(const char *path, struct strbuf *ret, struct err *err)
{
	struct str rest = str_of(path);
	unsigned depth = 0;

	if (*path == '/')
		return bad(path, "an absolute name", err);
	while (rest.p) {
		struct str part = str_cut(&rest, '/');
		if (!part.n || str_is(part, "."))
			continue;
		if (str_is(part, ".."))
			return bad(path, "a name that leaves the image", err);
		if (part.n > 255 || ++depth > UNPACK_DEPTH_MAX)
			return bad(path, "a name too long or too deep", err);
		if (ret->n)
			strbuf_addc(ret, '/');
		strbuf_addstr(ret, part);
	}
	if (strbuf_failed(ret))
		return bad(path, "a name too long", err);
	return RC_OK;
}

/* The folder that holds path, opened step by step; missing ones are made when `make`. *ret is -1 when one is missing and not to be made. */
static enum rc open_above(int root, const char *path, bool make, int *ret, const char **ret_name,
			  struct err *err)
{
	AUTO(fd_close) int at = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *rest = path, *slash;

	while (at >= 0 && (slash = strchr(rest, '/'))) {
		AUTO(freep) char *name = xstrndup(rest, (size_t)(slash - rest));
		if (make && mkdirat(at, name, 0755) < 0 && errno != EEXIST)
			return err_errno(err, errno, "layer: %.200s", path);
		int next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (next < 0 && errno == ENOENT && !make) {
			*ret = -1;
			return RC_OK;
		}
		if (next < 0 && (errno == ELOOP || errno == ENOTDIR))
			return bad(path, "a folder of its name is a link or a file", err);
		if (next < 0)
			return err_errno(err, errno, "layer: %.200s", path);
		fd_close(&at);
		at = next;
		rest = slash + 1;
	}
	if (at < 0)
		return err_errno(err, errno, "layer: open the folder");
	*ret = at;
	*ret_name = rest;
	at = -1;
	return RC_OK;
}

static enum rc remove_at(int dir, const char *name, struct err *err)
{
	AUTO(freep) char *path = xasprintf("/proc/self/fd/%d/%s", dir, name);

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return RC_OK;
	return tree_remove(path, err);
}

static enum rc remove_children(int dir, struct err *err)
{
	AUTO(freep) char *path = xasprintf("/proc/self/fd/%d/.", dir);
	VEC(char *) names = {0};
	enum rc rc = RC_OK;
	DIR *d = opendir(path);

	if (!d)
		return err_errno(err, errno, "layer: read a folder");
	for (struct dirent *e; (e = readdir(d));)
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			vec_push(&names, xstrdup(e->d_name));
	closedir(d);
	for (size_t i = 0; i < names.n; i++) {
		if (rc == RC_OK)
			rc = remove_at(dir, names.v[i], err);
		xfree(names.v[i]);
	}
	vec_done(&names);
	return rc;
}

/* ".wh.name" takes name of a lower layer away, ".wh..wh..opq" all that its folder held. */
static enum rc whiteout(struct unpack *u, const char *path, struct err *err)
{
	AUTO(fd_close) int dir = -1;
	const char *name = NULL;
	enum rc rc = open_above(u->root, path, false, &dir, &name, err);

	if (rc != RC_OK || dir < 0)
		return rc;
	name += 4;
	if (streq(name, ".wh..opq"))
		return remove_children(dir, err);
	if (strncmp(name, ".wh.", 4) == 0)
		return RC_OK; /* other notes of union file systems */
	if (!*name || streq(name, ".") || streq(name, ".."))
		return bad(path, "a whiteout of nothing", err);
	return remove_at(dir, name, err);
}

/* Goes up no further than the root, however it is read. */
static bool link_stays(const char *path, const char *target)
{
	struct str rest = str_of(target);
	int depth = 0;

	if (*target == '/')
		depth = 0;
	else
		for (const char *p = path; (p = strchr(p, '/')); p++)
			depth++;
	while (rest.p) {
		struct str part = str_cut(&rest, '/');
		if (str_is(part, ".."))
			depth--;
		else if (part.n && !str_is(part, "."))
			depth++;
		if (depth < 0)
			return false;
	}
	return *target != '\0';
}

static enum rc take_owner(int fd, const struct tar_entry *e, unsigned mode, struct err *err)
{
	if (geteuid() == 0 && fchown(fd, e->uid, e->gid) < 0)
		return err_errno(err, errno, "layer: owner of %.200s", e->path);
	if (fchmod(fd, geteuid() == 0 ? mode : mode | 0600) < 0)
		return err_errno(err, errno, "layer: mode of %.200s", e->path);
	return RC_OK;
}

static enum rc copy_data(struct unpack *u, int to, const struct tar_entry *e, struct err *err)
{
	AUTO(freep) char *buf = xmalloc(PIECE);
	enum rc rc = RC_OK;
	size_t n = 1;

	if (e->size > u->left->bytes)
		return err_set(err, RC_TOO_BIG, "the image is too big: %.200s goes over the limit",
			       e->path);
	u->left->bytes -= e->size;
	while (rc == RC_OK && n) {
		n = 0;
		rc = tar_read(u->tar, buf, PIECE, &n, err);
		if (rc == RC_OK)
			rc = fd_write(to, buf, n, err);
	}
	return rc;
}

static enum rc lay_file(struct unpack *u, int dir, const char *name, const struct tar_entry *e,
			struct err *err)
{
	enum rc rc = remove_at(dir, name, err);

	if (rc != RC_OK)
		return rc;
	AUTO(fd_close)
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, errno, "layer: %.200s", e->path);
	rc = copy_data(u, fd, e, err);
	return rc == RC_OK ? take_owner(fd, e, e->mode & 0777, err) : rc;
}

static enum rc lay_dir(int dir, const char *name, const struct tar_entry *e, struct err *err)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode) &&
	    unlinkat(dir, name, 0) < 0)
		return err_errno(err, errno, "layer: %.200s", e->path);
	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return err_errno(err, errno, "layer: %.200s", e->path);
	AUTO(fd_close) int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_errno(err, errno, "layer: %.200s", e->path);
	/* A folder that its owner cannot enter could not be filled or removed again. */
	return take_owner(fd, e, (e->mode & 01777) | (geteuid() == 0 ? 0 : 0700), err);
}

static enum rc lay_link(int dir, const char *name, const char *path, const struct tar_entry *e,
			struct err *err)
{
	if (!link_stays(path, e->link))
		return bad(e->path, "a link that leaves the image", err);
	enum rc rc = remove_at(dir, name, err);
	if (rc != RC_OK)
		return rc;
	if (symlinkat(e->link, dir, name) < 0 ||
	    (geteuid() == 0 && fchownat(dir, name, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) < 0))
		return err_errno(err, errno, "layer: %.200s", e->path);
	return RC_OK;
}

/* A second name of a file that is there already. */
static enum rc lay_hard(struct unpack *u, int dir, const char *name, const struct tar_entry *e,
			struct err *err)
{
	AUTO(strbuf_done) struct strbuf first = STRBUF(TAR_TEXT_MAX);
	AUTO(fd_close) int from = -1;
	const char *old = NULL;
	struct stat st, here;
	enum rc rc = clean_path(e->link, &first, err);

	if (rc == RC_OK && first.n)
		rc = open_above(u->root, strbuf_cstr(&first), false, &from, &old, err);
	if (rc != RC_OK)
		return rc;
	if (from < 0 || fstatat(from, old, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return bad(e->path, "a hard link to what is no file", err);
	if (fstatat(dir, name, &here, AT_SYMLINK_NOFOLLOW) == 0 && here.st_ino == st.st_ino &&
	    here.st_dev == st.st_dev)
		return RC_OK;
	rc = remove_at(dir, name, err);
	if (rc == RC_OK && linkat(from, old, dir, name, 0) < 0)
		rc = err_errno(err, errno, "layer: %.200s", e->path);
	return rc;
}

static enum rc lay_entry(struct unpack *u, const char *path, const struct tar_entry *e,
			 struct err *err)
{
	AUTO(fd_close) int dir = -1;
	const char *name = NULL;
	enum rc rc = open_above(u->root, path, true, &dir, &name, err);

	if (rc != RC_OK)
		return rc;
	switch (e->kind) {
	case TAR_FILE:
		return lay_file(u, dir, name, e, err);
	case TAR_DIR:
		return lay_dir(dir, name, e, err);
	case TAR_LINK:
		return lay_link(dir, name, path, e, err);
	case TAR_HARD:
		return lay_hard(u, dir, name, e, err);
	case TAR_OTHER:
		break;
	}
	return u->left->skip_devices ? RC_OK : bad(e->path, "a device or pipe", err);
}

static bool is_whiteout(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strncmp(slash ? slash + 1 : path, ".wh.", 4) == 0;
}

static enum rc walk(struct unpack *u, bool whiteouts, struct err *err)
{
	struct tar_entry e;
	bool any = false;
	enum rc rc = tar_next(u->tar, &e, &any, err);

	while (rc == RC_OK && any) {
		AUTO(strbuf_done) struct strbuf path = STRBUF(TAR_TEXT_MAX);
		rc = clean_path(e.path, &path, err);
		if (rc != RC_OK)
			break;
		if (!whiteouts && !u->left->entries--) {
			u->left->entries = 0;
			return err_set(err, RC_TOO_BIG, "the image has too many files");
		}
		if (path.n && is_whiteout(strbuf_cstr(&path)) == whiteouts)
			rc = whiteouts ? whiteout(u, strbuf_cstr(&path), err)
				       : lay_entry(u, strbuf_cstr(&path), &e, err);
		if (rc == RC_OK)
			rc = tar_next(u->tar, &e, &any, err);
	}
	return rc;
}

enum rc unpack_layer(int fd, enum tar_packing packing, int root, struct unpack_limits *left,
		     struct err *err)
{
	enum rc rc = RC_OK;

	for (int pass = 0; pass < 2 && rc == RC_OK; pass++) {
		AUTO(tar_in_freep) struct tar_in *tar = tar_in_new(fd, packing);
		struct unpack u = {.tar = tar, .root = root, .left = left};
		if (lseek(fd, 0, SEEK_SET) < 0)
			return err_errno(err, errno, "layer: seek");
		rc = walk(&u, pass == 0, err);
	}
	return rc;
}
