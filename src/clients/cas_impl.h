/* Between the files of the content store: where a blob stands, how it is read, what was verified. */
#pragma once
#include "clients/cas.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

/*
 * What was read through and had its hash, by inode: only in memory, so that every process reads each blob at least once. A blob
 * counts as unchanged while device, inode, size, mtime and ctime are what they were. That is enough against what happens to files
 * of a store: a write, a truncation, a mapping written to, a chmod and utimes all move ctime, which nobody can set; a file put in its
 * place is another inode. A link made or removed moves ctime, too: so a new ctime is let pass when the number of links changed
 * and mtime did not, which no writer can bring about without the owner's utimes. Not seen by it: a disk that rots below the
 * file system after the first reading (seen by the next process, and by every reading through), and whoever has the daemon's
 * own user, who could write into its memory as well.
 *
 * A table of fixed size: what is pushed out is read through once more. One thread at a time.
 */
struct cas_seen;
struct cas_seen *cas_seen_new(void);
void cas_seen_free(struct cas_seen *s);
bool cas_seen_is(const struct cas_seen *s, struct digest d, const struct stat *st);
void cas_seen_put(struct cas_seen *s, struct digest d, const struct stat *st);

struct cas {
	char *dir;
	atomic_uint serial;
	pthread_mutex_t lock; /* of seen, and held while a blob is linked */
	struct cas_seen *seen;
};

MUST_CHECK enum rc cas_path(const struct cas *c, const char *hex, char **ret, struct err *err);
char *cas_temp(struct cas *c);
/* O_EXCL, readable and writable. */
MUST_CHECK enum rc cas_new_file(const char *path, unsigned mode, int *ret, struct err *err);
MUST_CHECK enum rc cas_open_blob(struct cas *c, const char *hex, char **ret_path, int *ret,
				 struct err *err);
/* Read `from` to its end: hash, and write to `to` when it is not -1. */
MUST_CHECK enum rc cas_stream(int from, int to, uint64_t max, struct digest *ret,
			      uint64_t *ret_size, struct err *err);
/* RC_CORRUPT, and put aside, unless `is` is what hex says. */
MUST_CHECK enum rc cas_check(struct cas *c, const char *hex, const char *path, struct digest is,
			     struct err *err);
/* An open blob, at its start: as remembered, or read through. */
MUST_CHECK enum rc cas_verify(struct cas *c, const char *hex, const char *path, int fd,
			      struct err *err);
bool cas_remembers(struct cas *c, const char *hex, int fd);
