/* Laying files of a commit out in a folder, one open folder per level and no path ever resolved. */
#include "clients/git_impl.h"

#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct lay {
	struct repo *repo;
	const char *into;
	int fds[REPO_MAX_DEPTH + 2]; /* fds[i]: the folder of the first i names of `path` */
	size_t ends[REPO_MAX_DEPTH + 2];
	size_t depth;
	char path[REPO_MAX_PATH + 1]; /* of the deepest open folder */
};

static void lay_up(struct lay *l, size_t depth)
{
	while (l->depth > depth)
		fd_close(&l->fds[l->depth--]);
}

static enum rc lay_down(struct lay *l, const char *path, size_t from, size_t end, struct err *err)
{
	char name[256];
	size_t n = end - from;

	if (n >= sizeof(name))
		return err_set(err, RC_TOO_BIG, "a name in %.*s is longer than 255 bytes", (int)MIN_OF(end, (size_t)200), path);
	memcpy(name, path + from, n);
	name[n] = '\0';
	int at = l->fds[l->depth];
	if (mkdirat(at, name, 0755) < 0 && errno != EEXIST)
		return err_errno(err, errno, "make folder %.*s in %s", (int)end, path, l->into);
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return err_set(err, RC_CONFLICT, "%s/%.*s is there and is no folder", l->into, (int)end, path);
	if (fd < 0)
		return err_errno(err, errno, "open folder %.*s in %s", (int)end, path, l->into);
	memcpy(l->path, path, end);
	l->fds[++l->depth] = fd;
	l->ends[l->depth] = end;
	return RC_OK;
}

/* Open the folder that holds path's last name; *ret_name is where that begins. */
static enum rc lay_folder(struct lay *l, const char *path, size_t *ret_name, struct err *err)
{
	size_t keep = 0, from = 0;

	while (keep < l->depth && !strncmp(path, l->path, l->ends[keep + 1]) && path[l->ends[keep + 1]] == '/')
		keep++;
	lay_up(l, keep);
	if (keep)
		from = l->ends[keep] + 1;
	for (const char *slash; (slash = strchr(path + from, '/')); from = (size_t)(slash - path) + 1) {
		enum rc rc = lay_down(l, path, from, (size_t)(slash - path), err);
		if (rc != RC_OK)
			return rc;
	}
	*ret_name = from;
	return RC_OK;
}

/*
 * A link may lead anywhere below `into`. ".." is taken only at its front, where it counts real folders: behind a name it
 * would count from wherever that name, perhaps a link itself, leads to.
 */
static bool link_stays(const char *target, size_t n, size_t depth)
{
	struct str rest = {target, n};
	size_t up = 0;
	bool down = false;

	if (!n || target[0] == '/' || memchr(target, '\0', n) || n >= REPO_MAX_PATH)
		return false;
	while (rest.p) {
		struct str name = str_cut(&rest, '/');
		if (!str_is(name, "..")) {
			down |= name.n && !str_is(name, ".");
			continue;
		}
		if (down || ++up > depth)
			return false;
	}
	return true;
}

static enum rc lay_bytes(int fd, git_odb_object *raw, mode_t mode, struct err *err)
{
	enum rc rc = fd_write(fd, git_odb_object_data(raw), git_odb_object_size(raw), err);

	if (rc == RC_OK && fchmod(fd, mode) < 0)
		rc = err_errno(err, errno, "chmod");
	return rc;
}

static enum rc lay_link(struct lay *l, const struct walk_entry *e, const char *name, git_odb_object *raw,
			struct err *err)
{
	const char *target = git_odb_object_data(raw); /* NUL follows its bytes */
	size_t n = git_odb_object_size(raw);

	if (!link_stays(target, n, l->depth))
		return err_set(err, RC_INVALID, "the link %s leads out of the repository, to %.*s", e->path,
			       (int)MIN_OF(n, (size_t)80), target);
	int at = l->fds[l->depth];
	if (symlinkat(target, at, name) == 0)
		return RC_OK;
	if (errno == EEXIST && unlinkat(at, name, 0) == 0 && symlinkat(target, at, name) == 0)
		return RC_OK;
	return err_errno(err, errno, "link %s in %s", e->path, l->into);
}

static enum rc lay_file(struct lay *l, const struct walk_entry *e, const char *name, git_odb_object *raw,
			struct err *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int at = l->fds[l->depth];
	AUTO(fd_close) int fd = openat(at, name, flags, 0600);

	if (fd < 0 && errno == EEXIST && unlinkat(at, name, 0) == 0)
		fd = openat(at, name, flags, 0600);
	if (fd < 0)
		return err_errno(err, errno, "make file %s in %s", e->path, l->into);
	enum rc rc = lay_bytes(fd, raw, e->mode & 0100 ? 0755 : 0644, err);
	return rc == RC_OK ? RC_OK : err_wrap(err, "%s in %s", e->path, l->into);
}

static enum rc lay_entry(void *ctx, const struct walk_entry *e, struct err *err)
{
	struct lay *l = ctx;
	AUTO(git_odb_objectp) git_odb_object *raw = NULL;
	size_t size = 0, name = 0;
	git_object_t type = GIT_OBJECT_INVALID;
	int code = git_odb_read_header(&size, &type, l->repo->odb, e->oid);

	if (!code && size > REPO_MAX_BLOB)
		return err_set(err, RC_TOO_BIG, "%s has %zu bytes; at most %llu are laid out", e->path, size,
			       (unsigned long long)REPO_MAX_BLOB);
	if (!code)
		code = git_odb_read(&raw, l->repo->odb, e->oid);
	if (code == GIT_ENOTFOUND || (!code && type != GIT_OBJECT_BLOB))
		return err_set(err, RC_CORRUPT, "%s lacks the contents of %s", l->repo->path, e->path);
	if (code < 0)
		return git_fail(err, code, "contents of %s in %s", e->path, l->repo->path);
	enum rc rc = lay_folder(l, e->path, &name, err);
	if (rc != RC_OK)
		return rc;
	if (e->mode == GIT_MODE_LINK)
		return lay_link(l, e, e->path + name, raw, err);
	return lay_file(l, e, e->path + name, raw, err);
}

enum rc repo_lay(struct repo *r, const char *rev, const char *const *paths, size_t n, const char *into, struct err *err)
{
	AUTO(git_commitp) git_commit *c = NULL;
	enum rc rc = git_find_commit(r, rev, &c, err);

	if (rc != RC_OK)
		return rc;
	struct lay *l = xcalloc(1, sizeof(*l));
	l->repo = r;
	l->into = into;
	l->fds[0] = open(into, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (l->fds[0] < 0)
		rc = err_errno(err, errno, "open folder %s", into);
	else
		rc = walk_tree(r, git_commit_tree_id(c), &(struct repo_ask){.list = paths, .n_list = n}, lay_entry, l, err);
	lay_up(l, 0);
	fd_close(&l->fds[0]);
	xfree(l);
	return rc;
}
