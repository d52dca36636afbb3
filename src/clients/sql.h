/*
 * A thin client of SQLite: connections, statements, and its result codes as ours. No policy, no
 * schema. A connection and its statements are used by one thread at a time; the caller sees to
 * that. Blocking.
 *
 * Codes: RC_NO_SPACE disk full, quota, file limit or read-only; RC_CORRUPT damaged file or no
 * SQLite file; RC_UNAVAILABLE locked for longer than five seconds or an I/O error; RC_CONFLICT a
 * constraint; RC_TOO_BIG; RC_NOT_FOUND, RC_DENIED the file cannot be opened; RC_INTERNAL our SQL is
 * wrong.
 */
#pragma once
#include "base/str.h"

#define SQL_TEXT_MAX ((size_t)256 << 20) /* above it a text must not be bound */
enum sql_mode {
	SQL_WRITE,  /* made when absent, mode 0600 */
	SQL_READ,   /* must exist */
	SQL_FROZEN, /* must exist and nobody writes to it: needs no write access to the folder */
};
struct sql;
struct sql_stmt;

MUST_CHECK enum rc sql_open(const char *path, enum sql_mode mode, struct sql **ret,
			    struct err *err);
void sql_free(struct sql *db); /* with its statements */
/* One or more statements whose rows nobody wants. */
MUST_CHECK enum rc sql_exec(struct sql *db, const char *text, struct err *err);
/* Undo an open transaction; nothing when there is none. */
void sql_rollback(struct sql *db);
/* The first column of the first row as a number; 0 when there is no row. */
MUST_CHECK enum rc sql_number(struct sql *db, const char *text, uint64_t *ret, struct err *err);

/* Owned by the connection. */
MUST_CHECK enum rc sql_prepare(struct sql *db, const char *text, struct sql_stmt **ret,
			       struct err *err);
/* Parameters count from 1. Text and blobs are borrowed until the statement is done or reset. */
void sql_bind_u64(struct sql_stmt *st, int at, uint64_t value);
void sql_bind_text(struct sql_stmt *st, int at, struct str value);
void sql_bind_blob(struct sql_stmt *st, int at, const void *p, size_t n);
/* To the next row; after the last one, or on failure, the statement is reset and may be bound
 * again. */
MUST_CHECK enum rc sql_step(struct sql_stmt *st, bool *ret_row, struct err *err);
/* For statements without rows. */
MUST_CHECK enum rc sql_run(struct sql_stmt *st, struct err *err);
void sql_reset(struct sql_stmt *st);
/* Columns count from 0; views hold until the next step or reset. */
uint64_t sql_u64(const struct sql_stmt *st, int column);
struct str sql_bytes(const struct sql_stmt *st, int column); /* text or blob; empty for NULL */
