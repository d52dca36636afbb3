/* Zstandard (RFC 8878) as a stream: a file that is packed while it is written, and bytes that are unpacked as they come. */
#pragma once
#include "base/err.h"
#include "base/str.h"

#define ZST_MAGIC "\x28\xb5\x2f\xfd" /* 4 bytes at the front */

struct zst_writer;
/* A new file (0600); RC_CONFLICT when it is there. It holds a whole stream after zst_finish(), which makes it durable. */
MUST_CHECK enum rc zst_create(const char *path, struct zst_writer **ret, struct err *err);
MUST_CHECK enum rc zst_add(struct zst_writer *w, struct str bytes, struct err *err);
MUST_CHECK enum rc zst_finish(struct zst_writer *w, struct err *err);
void zst_writer_free(struct zst_writer *w); /* closes; NULL is fine */
void zst_writer_freep(struct zst_writer **w);

/* Frames one after the other; windows of at most 128 MiB. */
struct unzst;
struct unzst *unzst_new(void);
void unzst_free(struct unzst *z);
/* Takes from *in what fits into room, advances it, and says how much came out. RC_CORRUPT. */
MUST_CHECK enum rc unzst_step(struct unzst *z, struct str *in, char *out, size_t room,
			      size_t *ret_n, struct err *err);
bool unzst_at_end(const struct unzst *z); /* of a frame: no bytes of it are missing */
