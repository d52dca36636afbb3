/*
 * Constructors of the stores, for main and tests only.
 */
#pragma once
#include "ports/store.h"

/*
 * The journal file, made when absent (0600; SQLite, WAL, every commit one fsync). Beside it lies
 * <path>.lock: a second daemon gets RC_CONFLICT naming the pid of the first, for as long as that
 * one lives. RC_CORRUPT when the file is damaged or no journal of ours, RC_UNSUPPORTED when a newer
 * Penstock wrote it. Any thread may read while one commits; readers do not wait for the writer.
 */
MUST_CHECK enum rc store_sqlite_open(const char *path, struct store **ret, struct err *err);
/* To look only, while a daemon runs or not: takes no lock, commit and defer answer RC_DENIED.
 * RC_NOT_FOUND when there is no file. */
MUST_CHECK enum rc store_sqlite_open_readonly(const char *path, struct store **ret,
					      struct err *err);

/* The same contract in memory. Safe from any thread; a callback must not commit or defer. */
struct store *store_memory_new(void);
/* The next `after` commits and defers work, all later ones fail with rc and change nothing. RC_OK:
 * from now on all work. */
void store_memory_fail(struct store *store, uint32_t after, enum rc rc);
/* What a crash at this moment would leave: an independent copy, without faults. */
struct store *store_memory_clone(struct store *store);
