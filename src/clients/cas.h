/*
 * A content store on a disk: <dir>/<2 hex>/<62 hex>, each file's name is the SHA-256 of its bytes.
 * Safe from any thread and any number of processes: a file appears whole or not at all. Everything
 * blocks.
 */
#pragma once
#include "base/digest.h"
#include "base/strbuf.h"

#include <pthread.h>

struct cas;
/* Makes the folder when it is missing. */
MUST_CHECK enum rc cas_open(const char *dir, struct cas **ret, struct err *err);
void cas_free(struct cas *c);
MUST_CHECK enum rc cas_put(struct cas *c, struct str bytes, char ret_hex[DIGEST_HEX + 1],
			   struct err *err);
/* Regular files only, links are not followed; RC_TOO_BIG above max. */
MUST_CHECK enum rc cas_put_file(struct cas *c, const char *path, uint64_t max,
				char ret_hex[DIGEST_HEX + 1], uint64_t *ret_size, struct err *err);
/* Verified. RC_CORRUPT: its bytes do not match, it was put aside as <name>.corrupt. hex may begin
 * with "sha256:". */
MUST_CHECK enum rc cas_get(struct cas *c, const char *hex, size_t max, struct strbuf *ret,
			   struct err *err);
/* Into a new file (RC_CONFLICT when there is one): its blocks shared where the disk can (FICLONE), else a copy. Verified: on
 * RC_CORRUPT there is no file. */
MUST_CHECK enum rc cas_get_file(struct cas *c, const char *hex, const char *path, unsigned mode,
				struct err *err);
/*
 * As a read-only file (0444, 0555 when exec) at a new path: a hard link to the store's own where that can be, else as cas_get_file.
 * Only for where nobody can write: a folder that is bound read-only for whoever sees it. Its times are of now, and move on when
 * the same blob is laid out elsewhere.
 */
MUST_CHECK enum rc cas_share_file(struct cas *c, const char *hex, const char *path, bool exec,
				  struct err *err);
/* As an open file at its start; verified: read through unless it was before, by this process, and did not change since. */
MUST_CHECK enum rc cas_get_fd(struct cas *c, const char *hex, int *ret_fd, struct err *err);
bool cas_has(struct cas *c, const char *hex);
/*
 * For a store whose blobs can be had again: those that were used longest ago go until at most max bytes (as the disk counts them) are left. users is
 * held for writing while some are removed, at most a few hundred at a time: who relies on what cas_has() said holds it for reading. Gives up when
 * it does not get in for 30 s.
 */
MUST_CHECK enum rc cas_trim(struct cas *c, uint64_t max, pthread_rwlock_t *users,
			    uint64_t *ret_freed, struct err *err);
/* Was a blob ever put aside here? Then a list of blobs may name one that is gone. */
bool cas_was_damaged(struct cas *c);
