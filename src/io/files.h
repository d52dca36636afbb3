/*
 * Files and folders. Everything here blocks. Links are never followed where a tree is walked,
 * removed or copied. Failures name the path; a full or read-only disk is RC_NO_SPACE.
 */
#pragma once
#include "base/strbuf.h"

void fd_close(int *fd); /* for AUTO(fd_close): closes unless it is -1, and sets -1 */

/* Replace path by bytes: temporary file beside it, fsync, rename, fsync of the folder. A reader
 * sees the old or the new whole. */
MUST_CHECK enum rc file_write(const char *path, struct str bytes, unsigned mode, struct err *err);
/* As file_write, but not durable: no fsync. For what can be made again. */
MUST_CHECK enum rc file_write_fast(const char *path, struct str bytes, unsigned mode,
				   struct err *err);
/* A file that does not exist yet, in a folder that nobody else reads yet: one call to the disk instead of three. A crash may leave a part of it. */
MUST_CHECK enum rc file_make(const char *path, struct str bytes, unsigned mode, struct err *err);
/* Append to ret. At most max bytes (RC_TOO_BIG above). Only regular files. */
MUST_CHECK enum rc file_read(const char *path, size_t max, struct strbuf *ret, struct err *err);
/* Write all of it to an open file; goes on after EINTR and short writes. */
MUST_CHECK enum rc fd_write(int fd, const void *p, size_t n, struct err *err);
/* Append what is left in fd; at most max bytes (RC_TOO_BIG above). */
MUST_CHECK enum rc fd_read(int fd, size_t max, struct strbuf *ret, struct err *err);
/* Copy n bytes from `from` to `to` (both at their offset): shared blocks when the disk can, else a
 * copy in the kernel. */
MUST_CHECK enum rc fd_copy(int from, int to, uint64_t n, struct err *err);
bool file_exists(const char *path); /* anything: file, folder, link to nowhere */

/* Make a folder and those above it; it may exist. */
MUST_CHECK enum rc dir_make(const char *path, unsigned mode, struct err *err);
/* fsync of a folder, so that names made or removed in it are durable. */
MUST_CHECK enum rc dir_sync(const char *path, struct err *err);
/* Remove a file, link or whole tree; a missing one is RC_OK. Not followed: links, other file
 * systems mounted inside (RC_CONFLICT). */
MUST_CHECK enum rc tree_remove(const char *path, struct err *err);

enum file_kind { FILE_REGULAR, FILE_DIR, FILE_LINK, FILE_OTHER };
struct file_seen {
	const char *path; /* relative to the walk's root, '/' between names */
	enum file_kind kind;
	unsigned mode; /* permission bits */
	uint64_t size;
	int dir; /* open folder that holds it, and its name there: for openat() and readlinkat() */
	const char *name;
};
/* Called for each entry below dir: names in bytewise order in each folder, a folder before what is
 * in it. Return other than RC_OK to stop. Folders deeper than 64 are RC_TOO_BIG. */
MUST_CHECK enum rc tree_walk(const char *dir,
			     enum rc (*each)(void *ctx, const struct file_seen *seen,
					     struct err *err),
			     void *ctx, struct err *err);

/* Bytes that an unprivileged writer may still use on path's disk. */
MUST_CHECK enum rc disk_free(const char *path, uint64_t *ret, struct err *err);
/* Open (or make) path and lock it for this process until the descriptor is closed. RC_CONFLICT:
 * another one holds it. */
MUST_CHECK enum rc file_lock(const char *path, int *ret_fd, struct err *err);
bool file_is_locked(const char *path); /* false when there is no such file */
