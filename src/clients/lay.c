#include "clients/lay.h"

#include "base/mem.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct lay {
	char *into;
	int fds[LAY_MAX_DEPTH + 2]; /* fds[i]: the folder of the first i names of `path` */
	size_t ends[LAY_MAX_DEPTH + 2];
	size_t depth;
	char path[LAY_MAX_PATH + 1]; /* of the deepest open folder */
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

	if (end > LAY_MAX_PATH || l->depth > LAY_MAX_DEPTH)
		return err_set(err, RC_TOO_BIG, "the path %.100s... is too long or too deep", path);
	if (n >= sizeof(name))
		return err_set(err, RC_TOO_BIG, "a name in %.*s is longer than 255 bytes",
			       (int)MIN_OF(end, (size_t)200), path);
	memcpy(name, path + from, n);
	name[n] = '\0';
	if (!n || !strcmp(name, ".") || !strcmp(name, ".."))
		return err_set(err, RC_INVALID, "the path %.200s does not stay inside", path);
	int at = l->fds[l->depth];
	if (mkdirat(at, name, 0755) < 0 && errno != EEXIST)
		return err_errno(err, errno, "make folder %.*s in %s", (int)end, path, l->into);
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return err_set(err, RC_CONFLICT, "%s/%.*s is there and is no folder", l->into,
			       (int)end, path);
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

	while (keep < l->depth && !strncmp(path, l->path, l->ends[keep + 1]) &&
	       path[l->ends[keep + 1]] == '/')
		keep++;
	lay_up(l, keep);
	if (keep)
		from = l->ends[keep] + 1;
	for (const char *slash; (slash = strchr(path + from, '/'));
	     from = (size_t)(slash - path) + 1) {
		enum rc rc = lay_down(l, path, from, (size_t)(slash - path), err);
		if (rc != RC_OK)
			return rc;
	}
	*ret_name = from;
	return RC_OK;
}

/*
 * A link may lead anywhere below `into`. ".." is taken only at its front, where it counts real
 * folders: behind a name it would count from wherever that name, perhaps a link itself, leads to.
 */
static bool link_stays(const char *target, size_t n, size_t depth)
{
	struct str rest = {target, n};
	size_t up = 0;
	bool down = false;

	if (!n || target[0] == '/' || memchr(target, '\0', n) || n >= LAY_MAX_PATH)
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

enum rc lay_new(const char *into, struct lay **ret, struct err *err)
{
	int fd = open(into, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, errno, "open folder %s", into);
	struct lay *l = xcalloc(1, sizeof(*l));
	l->into = xstrdup(into);
	l->fds[0] = fd;
	*ret = l;
	return RC_OK;
}

void lay_free(struct lay *l)
{
	if (!l)
		return;
	lay_up(l, 0);
	fd_close(&l->fds[0]);
	xfree(l->into);
	xfree(l);
}

void lay_freep(struct lay **l)
{
	lay_free(*l);
}

enum rc lay_link(struct lay *l, const char *path, struct str target, struct err *err)
{
	size_t name = 0;
	enum rc rc = lay_folder(l, path, &name, err);

	if (rc != RC_OK)
		return rc;
	if (!link_stays(target.p, target.n, l->depth))
		return err_set(err, RC_INVALID, "the link %s leads out of the repository, to %.*s",
			       path, (int)MIN_OF(target.n, (size_t)80), target.p);
	AUTO(freep) char *to = xstrndup(target.p, target.n);
	int at = l->fds[l->depth];
	if (symlinkat(to, at, path + name) == 0)
		return RC_OK;
	if (errno == EEXIST && unlinkat(at, path + name, 0) == 0 &&
	    symlinkat(to, at, path + name) == 0)
		return RC_OK;
	return err_errno(err, errno, "link %s in %s", path, l->into);
}

enum rc lay_file(struct lay *l, const char *path, struct str bytes, bool exec, struct err *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	size_t name = 0;
	enum rc rc = lay_folder(l, path, &name, err);

	if (rc != RC_OK)
		return rc;
	int at = l->fds[l->depth];
	AUTO(fd_close) int fd = openat(at, path + name, flags, 0600);
	if (fd < 0 && errno == EEXIST && unlinkat(at, path + name, 0) == 0)
		fd = openat(at, path + name, flags, 0600);
	if (fd < 0)
		return err_errno(err, errno, "make file %s in %s", path, l->into);
	rc = fd_write(fd, bytes.p, bytes.n, err);
	if (rc == RC_OK && fchmod(fd, exec ? 0755 : 0644) < 0)
		rc = err_errno(err, errno, "chmod");
	return rc == RC_OK ? RC_OK : err_wrap(err, "%s in %s", path, l->into);
}
