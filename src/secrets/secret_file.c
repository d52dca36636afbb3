#include "base/mem.h"
#include "io/files.h"
#include "secrets/adapters.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX ((size_t)64 << 10)
#define NAME_MAX_  128

struct secret_file {
	struct secret base;
	char *dir;
};

static bool name_is_good(const char *name)
{
	size_t n = strlen(name);

	for (const char *p = name; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.",
			    *p))
			return false;
	return n && n <= NAME_MAX_ && *name != '.';
}

static enum rc check_stat(const struct stat *st, const char *path, struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, RC_INVALID, "%s is not a regular file", path);
	if (st->st_mode & 077)
		return err_set(err, RC_DENIED, "%s may be read by others: chmod 600 %s", path,
			       path);
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return err_set(err, RC_DENIED, "%s belongs to another user", path);
	return RC_OK;
}

static enum rc check(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "stat %s", path);
	return check_stat(&st, path, err);
}

static enum rc file_get(struct secret *s, const char *reference, struct strbuf *ret,
			struct err *err)
{
	struct secret_file *f = container_of(s, struct secret_file, base);
	struct strbuf value = STRBUF(SECRET_MAX + 2);

	if (!reference || !str_starts(str_of(reference), "file:") || !name_is_good(reference + 5))
		return err_set(err, RC_INVALID,
			       "\"%.80s\" is not a secret's reference: write file:NAME",
			       reference ? reference : "");
	AUTO(freep) char *path = xasprintf("%s/%s", f->dir, reference + 5);
	AUTO(fd_close)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, RC_NOT_FOUND,
			       "there is no secret %s: write it to %s (chmod 600)", reference + 5,
			       path);
	if (fd < 0)
		return err_errno(err, errno, "open %s", path);
	enum rc rc = check(fd, path, err);
	if (rc == RC_OK)
		rc = fd_read(fd, SECRET_MAX, &value, err);
	if (rc == RC_OK && value.n && value.p[value.n - 1] == '\n')
		value.n--;
	if (rc == RC_OK && !value.n)
		rc = err_set(err, RC_INVALID, "secret %s is empty", reference + 5);
	if (rc == RC_OK)
		strbuf_addstr(ret, strbuf_str(&value));
	if (value.p)
		mem_wipe(value.p, value.size);
	strbuf_done(&value);
	if (rc == RC_OK && strbuf_failed(ret))
		rc = err_set(err, RC_TOO_BIG, "secret %s does not fit", reference + 5);
	return rc;
}

/* The same checks as a use makes, but for the value. */
static void tell_one(const struct secret_file *f, int dir, const char *name,
		     void (*each)(void *ctx, const char *name, usec_t changed, const char *problem),
		     void *ctx)
{
	AUTO(freep) char *path = xasprintf("%s/%s", f->dir, name);
	struct err err = {0};
	struct stat st = {0};
	enum rc rc = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0
			     ? err_errno(&err, errno, "stat %s", path)
			     : check_stat(&st, path, &err);

	if (rc == RC_OK && !st.st_size)
		rc = err_set(&err, RC_INVALID, "secret %s is empty", name);
	each(ctx, name, (usec_t)st.st_mtim.tv_sec * USEC_SEC + (usec_t)st.st_mtim.tv_nsec / 1000,
	     rc == RC_OK ? NULL : err.msg);
}

static enum rc file_names(struct secret *s,
			  void (*each)(void *ctx, const char *name, usec_t changed,
				       const char *problem),
			  void *ctx, struct err *err)
{
	struct secret_file *f = container_of(s, struct secret_file, base);
	DIR *dir = opendir(f->dir);
	size_t n = 0;

	if (!dir && errno == ENOENT)
		return RC_OK; /* nobody has written one yet */
	if (!dir)
		return err_errno(err, errno, "open %s", f->dir);
	for (const struct dirent *e; n <= SECRETS_MAX && (e = readdir(dir));)
		if (name_is_good(e->d_name) && ++n <= SECRETS_MAX)
			tell_one(f, dirfd(dir), e->d_name, each, ctx);
	closedir(dir);
	return n <= SECRETS_MAX ? RC_OK
				: err_set(err, RC_TOO_BIG, "%s has more than %d entries", f->dir,
					  SECRETS_MAX);
}

static void file_free(struct secret *s)
{
	struct secret_file *f = container_of(s, struct secret_file, base);

	xfree(f->dir);
	xfree(f);
}

static const struct secret_ops file_ops = {"file", file_get, file_names, file_free};

struct secret *secret_file_new(const char *data_dir)
{
	struct secret_file *f = xcalloc(1, sizeof(*f));

	f->base.ops = &file_ops;
	f->dir = xasprintf("%s/secrets", data_dir);
	return &f->base;
}
