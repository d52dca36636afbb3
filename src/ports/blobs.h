/*
 * Port: the content store and the cache of results. Blobs by SHA-256; results by task key. Blocking, safe from any thread.
 * Adapters: blobs_disk (<data>/cas), blobs_memory.
 */
#pragma once
#include "base/digest.h"
#include "base/shape.h"

#define BLOB_MAX ((uint64_t)4 << 30)
struct result {
	char *key;
	char *outputs, *image, *log;
	char *run;
	int64_t exit;
	uint64_t usec;
}; /* what a key gave, the first time it passed */
extern const struct shape shape_result;

struct blobs;
struct blobs_ops {
	const char *name;
	enum rc (*put)(struct blobs *b, struct str bytes, char ret_hex[DIGEST_HEX + 1],
		       struct err *err);
	enum rc (*put_file)(struct blobs *b, const char *path, char ret_hex[DIGEST_HEX + 1],
			    uint64_t *ret_size, struct err *err);
	enum rc (*get)(struct blobs *b, const char *hex, size_t max, struct strbuf *ret,
		       struct err *err);
	enum rc (*get_file)(struct blobs *b, const char *hex, const char *path, unsigned mode,
			    struct err *err);
	enum rc (*open)(struct blobs *b, const char *hex, int *ret_fd, struct err *err);
	bool (*has)(struct blobs *b, const char *hex);
	enum rc (*put_result)(struct blobs *b, const struct result *r, struct err *err);
	enum rc (*get_result)(struct blobs *b, const char *key, struct result *ret,
			      struct err *err);
	void (*free)(struct blobs *b);
	enum rc (*share_file)(struct blobs *b, const char *hex, const char *path, bool exec,
			      struct err *err);
};
struct blobs {
	const struct blobs_ops *ops;
};
/* Idempotent; durable only after the file's own fsync (put: yes, put_file: yes). */
MUST_CHECK static inline enum rc blobs_put(struct blobs *b, struct str bytes,
					   char ret_hex[DIGEST_HEX + 1], struct err *err)
{
	return b->ops->put(b, bytes, ret_hex, err);
}
/* Copies a regular file (not followed through a link) into the store. */
MUST_CHECK static inline enum rc blobs_put_file(struct blobs *b, const char *path,
						char ret_hex[DIGEST_HEX + 1], uint64_t *ret_size,
						struct err *err)
{
	return b->ops->put_file(b, path, ret_hex, ret_size, err);
}
/* Verified on reading: RC_CORRUPT (the blob is then put aside as <hex>.corrupt), RC_NOT_FOUND, RC_TOO_BIG. hex may begin with "sha256:". */
MUST_CHECK static inline enum rc blobs_get(struct blobs *b, const char *hex, size_t max,
					   struct strbuf *ret, struct err *err)
{
	return b->ops->get(b, hex, max, ret, err);
}
/* Lay the blob out as a new file (reflink or copy; never a hard link that a job could write through); verified. */
MUST_CHECK static inline enum rc blobs_get_file(struct blobs *b, const char *hex, const char *path,
						unsigned mode, struct err *err)
{
	return b->ops->get_file(b, hex, path, mode, err);
}
/* The same as a read-only file (0444 or 0555), which may be a hard link to the store's own: only where nobody who is not trusted can write. */
MUST_CHECK static inline enum rc blobs_share_file(struct blobs *b, const char *hex,
						  const char *path, bool exec, struct err *err)
{
	return b->ops->share_file(b, hex, path, exec, err);
}
/* The blob as an open file at its start, for what is too big for memory: verified. The caller closes it. */
MUST_CHECK static inline enum rc blobs_open(struct blobs *b, const char *hex, int *ret_fd,
					    struct err *err)
{
	return b->ops->open(b, hex, ret_fd, err);
}
static inline bool blobs_has(struct blobs *b, const char *hex)
{
	return b->ops->has(b, hex);
}
/* The first result of a key stays (a later different one is refused with RC_CONFLICT; the same again is RC_OK). */
MUST_CHECK static inline enum rc blobs_put_result(struct blobs *b, const struct result *r,
						  struct err *err)
{
	return b->ops->put_result(b, r, err);
}
/* RC_NOT_FOUND also when a blob that the result names is missing, or was put aside. */
MUST_CHECK static inline enum rc blobs_get_result(struct blobs *b, const char *key,
						  struct result *ret, struct err *err)
{
	return b->ops->get_result(b, key, ret, err);
}
static inline void blobs_free(struct blobs *b)
{
	if (b)
		b->ops->free(b);
}
