/*
 * tar archives (POSIX.1-2001 pax, ustar headers).
 *
 * Writing is ours and not libarchive's because the bytes are hashed: the same entries give the same archive on every machine and with every
 * version of any library. Only what is given is written: no time (0), no names of users, no device numbers; a pax header only where a field of
 * ustar is too small, with nothing in it but that field.
 *
 * Reading is for archives of any origin: ustar, pax, GNU long names and base-256 numbers, plain, gzip or zstd. Nothing is believed: numbers, checksums and
 * lengths are checked, texts are capped. Sparse files are RC_UNSUPPORTED.
 */
#pragma once
#include "base/str.h"

#define TAR_TEXT_MAX ((size_t)4096)    /* a path or link */
#define TAR_PAX_MAX  ((size_t)1 << 20) /* a pax header */
#define TAR_SIZE_MAX ((uint64_t)1 << 40)

enum tar_kind {
	TAR_FILE,
	TAR_DIR,
	TAR_LINK,
	TAR_HARD,
	TAR_OTHER /* devices and pipes: reading only */
};
struct tar_entry {
	const char *path; /* as it stands in the archive */
	const char *link; /* TAR_LINK: its text; TAR_HARD: path of the first name */
	enum tar_kind kind;
	uint32_t mode, uid, gid; /* mode: the lower 12 bits */
	uint64_t size;           /* TAR_FILE */
};

struct tar_out;
struct tar_out *tar_out_new(int fd); /* fd stays the caller's */
void tar_out_free(struct tar_out *t);
void tar_out_freep(struct tar_out **t);
/* A file's size bytes must follow by tar_data() before the next entry. RC_INVALID: empty or too long texts. */
MUST_CHECK enum rc tar_add(struct tar_out *t, const struct tar_entry *e, struct err *err);
MUST_CHECK enum rc tar_data(struct tar_out *t, const void *p, size_t n, struct err *err);
/* The rest of the entry from fd; RC_CONFLICT when it ends early. */
MUST_CHECK enum rc tar_data_fd(struct tar_out *t, int fd, struct err *err);
/* The end of the archive, all written (no fsync). */
MUST_CHECK enum rc tar_end(struct tar_out *t, struct err *err);

/* How the archive is packed; the first two are what a "gzip?" says. */
enum tar_packing { TAR_PLAIN, TAR_GZIP, TAR_ZSTD };
struct tar_in;
/* From fd's offset on; fd stays the caller's. */
struct tar_in *tar_in_new(int fd, enum tar_packing packing);
void tar_in_free(struct tar_in *t);
void tar_in_freep(struct tar_in **t);
/* The next entry; what is left of the one before is skipped. Its texts are borrowed until the next call. RC_INVALID: no tar. */
MUST_CHECK enum rc tar_next(struct tar_in *t, struct tar_entry *ret, bool *ret_any,
			    struct err *err);
/* Up to n bytes of the entry's data; 0 at its end. */
MUST_CHECK enum rc tar_read(struct tar_in *t, void *p, size_t n, size_t *ret, struct err *err);
