/*
 * Records that left the journal: <data>/archive/journal-FROM-TO.ndjson.zst, each an export (store/verify.h) packed by Zstandard. Everything
 * here blocks. A crash between any two steps leaves either the records in the store, or both there and in a whole archive; archive_turn()
 * finishes what was begun.
 */
#pragma once
#include "base/vec.h"
#include "store/verify.h"

struct archive {
	char *path;
	uint64_t from, to;
};
struct archives {
	VEC(struct archive) list; /* in order of from */
};
/* The archives of a folder; a folder that is not there has none. */
MUST_CHECK enum rc archives_list(const char *dir, struct archives *ret, struct err *err);
void archives_done(struct archives *a);
/* The one that holds the record; NULL: none. */
const struct archive *archives_find(const struct archives *a, uint64_t seq);
/* Check one: its chain, its trailer, and that it holds what its name says. RC_CORRUPT. */
MUST_CHECK enum rc archive_verify(const struct archive *a, struct store_report *ret,
				  struct err *err);
/* The same in pieces, for who must not block for long. */
struct archive_check;
MUST_CHECK enum rc archive_check_open(const struct archive *a, struct archive_check **ret,
				      struct err *err);
/* At most n lines more; *ret_more: that was not all. RC_CORRUPT: err does not name the file; no more then. */
MUST_CHECK enum rc archive_check_next(struct archive_check *c, size_t n, bool *ret_more,
				      struct err *err);
const struct store_report *archive_check_report(const struct archive_check *c);
void archive_check_free(struct archive_check *c);
/* Its records in order, the chain checked on the way; each: false stops. */
MUST_CHECK enum rc archive_walk(const struct archive *a,
				bool (*each)(void *ctx, const struct record *r), void *ctx,
				struct err *err);

struct archiver {
	struct store *store;
	const char *dir;
	usec_t keep;       /* 0: nothing new is archived */
	bool swept;        /* what a crash left was looked for */
	uint64_t checked;  /* an archive up to this seq was read back by us */
	uint64_t archived; /* told: up to this seq records have left the store */
	usec_t archived_at;
};
/* One step: some thousand records leave the store, or an archive is written and read back. *ret_more: there is more to do at once. */
MUST_CHECK enum rc archive_turn(struct archiver *a, usec_t now, bool *ret_more, struct err *err);
