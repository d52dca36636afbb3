/* The journal's file: its lock, schema and checks. Only store_sqlite.c uses it. */
#pragma once
#include "clients/sql.h"

/* Hold <path>.lock; the descriptor is the lock. RC_CONFLICT names the pid that holds it. Waits up to 5 s for a lock that one
 * who is dead has left with a child. */
MUST_CHECK enum rc sqlite_file_lock(const char *path, int *ret_fd, struct err *err);
/* Check that it is ours and bring it to the newest schema; write: may make and migrate it. */
MUST_CHECK enum rc sqlite_file_schema(struct sql *db, const char *path, bool write,
				      struct err *err);
/* Every page, index and foreign structure of the file (slow: reads it all). */
MUST_CHECK enum rc sqlite_file_check(struct sql *db, const char *path, struct err *err);
/* RC_CORRUPT with what to do. */
enum rc sqlite_file_damaged(const char *path, const char *what, struct err *err);
