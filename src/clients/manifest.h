/*
 * Output manifests: what a job left behind, as a canonical JSON list in the content store. Entries
 * in bytewise order of their paths: files {path, mode (493 or 420: executable or not), size,
 * sha256}, links {path, link}. Folders are there by their files.
 */
#pragma once
#include "base/shape.h"
#include "ports/blobs.h"

#define MANIFEST_FILES 100000
#define MANIFEST_BYTES ((uint64_t)4 << 30)
#define MANIFEST_MAX   ((size_t)64 << 20) /* of the JSON text */

struct manifest_entry {
	char *path;
	uint32_t mode;
	uint64_t size;
	char *sha256, *link;
};
struct manifest {
	VEC(struct manifest_entry) entries;
};
extern const struct shape shape_manifest_entry;
void manifest_done(struct manifest *m);

/* Keep everything below dir that a glob matches (itself, or a folder above it). RC_NOT_FOUND: a
 * glob matches nothing, RC_INVALID: a link that leaves dir, a device, socket or pipe; RC_TOO_BIG. */
MUST_CHECK enum rc manifest_collect(struct blobs *b, const char *dir, const char *const *globs,
				    size_t nglobs, char **ret_hex, struct err *err);
/* Lay it out below `into`, which exists. own: the folder of it whose files may be written to ("." all of it, NULL none); all others are read-only and
 * may be the store's own (blobs_share_file). Files that are in the way are replaced; a link that is in the way of a folder is RC_INVALID: nothing is
 * ever written outside. */
MUST_CHECK enum rc manifest_layout(struct blobs *b, const char *hex, const char *into,
				   const char *own, struct err *err);
/* Read it. ret must be zeroed. */
MUST_CHECK enum rc manifest_list(struct blobs *b, const char *hex, struct manifest *ret,
				 struct err *err);
