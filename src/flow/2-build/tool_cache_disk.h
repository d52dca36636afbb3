/*
 * Inside the tools' cache on a disk, for nobody else.
 *
 *	<dir>/trusted/<space>/<2 hex>/<id>	<dir>/pr/<n>/<space>/<2 hex>/<id>	(.put.*: on its way in)
 *
 * A file is the bytes, then what is known of them as JSON, then a foot of fixed length that says where both end and holds a digest of the
 * JSON. The time of access is the time of use: it is set by us, and the kernel's own habits add nothing to it. Nothing is forced to the disk:
 * what a loss of power cuts short does not match its foot.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "ports/tool_cache.h"

#define TEMP     ".put."
#define FOOT     64
#define JSON_MAX ((size_t)64 << 10)
#define CHECKED  1024 /* large files whose digest was compared lately */

struct checked {
	uint64_t dev, ino, size;
	int64_t mtime;
	usec_t at;
};
struct disk {
	struct tool_cache base;
	char *dir;
	atomic_uint serial;
	pthread_mutex_t trim; /* one at a time looks for what is to go */
	pthread_mutex_t lock; /* of what is below */
	bool counted;
	uint64_t bytes; /* of all files, once counted */
	struct checked checked[CHECKED];
};

/* tool_cache_entry.c */
/* JSON and foot, to be written behind the bytes. */
MUST_CHECK enum rc entry_write_end(const struct tool_key *k, const struct tool_meta *meta,
				   struct strbuf *to, struct err *err);
/* Read an open file: what it says of itself, and small bytes. RC_CORRUPT: it is none of ours, of another key, or damaged. *ret->fd stays -1. */
MUST_CHECK enum rc entry_read(int fd, uint64_t file_size, const struct tool_key *k,
			      struct tool_found *ret, struct err *err);
/* Do the first size bytes match? */
MUST_CHECK enum rc entry_check(int fd, const struct tool_meta *meta, struct err *err);
/* tool_cache_walk.c */
MUST_CHECK enum rc disk_usage(struct tool_cache *c,
			      void (*each)(void *ctx, const struct tool_usage *u), void *ctx,
			      struct err *err);
MUST_CHECK enum rc disk_prune(struct tool_cache *c, const char *scope, uint64_t keep,
			      uint64_t *ret_gone, struct err *err);
/* Files came (or went, below zero): make room when there is too much. */
void disk_grown(struct disk *d, int64_t bytes);
