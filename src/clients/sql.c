#include "clients/sql.h"

#include "base/strbuf.h"
#include "base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#define BUSY_MS 5000

struct sql_stmt {
	struct sql *db;
	sqlite3_stmt *raw;
};
struct sql {
	sqlite3 *raw;
	char *path;
	VEC(struct sql_stmt *) statements;
};

static enum rc of_errno(int no)
{
	switch (no) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
	case EROFS:
		return RC_NO_SPACE;
	case EACCES:
	case EPERM:
		return RC_DENIED;
	case ENOENT:
	case ENOTDIR:
		return RC_NOT_FOUND;
	default:
		return RC_UNAVAILABLE;
	}
}

/* SQLite knows ENOSPC (SQLITE_FULL), but not quotas, limits and disks that became read-only; errno is often lost on the way. */
static enum rc of_io_error(int code, int no)
{
	switch (code) {
	case SQLITE_IOERR_WRITE:
	case SQLITE_IOERR_TRUNCATE:
	case SQLITE_IOERR_SHMSIZE:
		return RC_NO_SPACE;
	case SQLITE_IOERR_SHORT_READ: /* a file that was cut */
	case SQLITE_IOERR_CORRUPTFS:
		return RC_CORRUPT;
	default:
		return of_errno(no);
	}
}

static enum rc of_sqlite(int code, int no)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
	case SQLITE_READONLY:
		return RC_NO_SPACE;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return RC_CORRUPT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_INTERRUPT:
		return RC_UNAVAILABLE;
	case SQLITE_IOERR:
		return of_io_error(code, no);
	case SQLITE_CANTOPEN:
		return of_errno(no);
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return RC_DENIED;
	case SQLITE_CONSTRAINT:
		return RC_CONFLICT;
	case SQLITE_TOOBIG:
		return RC_TOO_BIG;
	default:
		return RC_INTERNAL;
	}
}

static enum rc fail(struct sql *db, int code, struct err *err)
{
	int no = sqlite3_system_errno(db->raw);
	enum rc rc = of_sqlite(code, no);

	BUG_ON((code & 0xff) == SQLITE_NOMEM);
	if (rc == RC_NO_SPACE)
		return err_set(err, rc,
			       "%s: the disk is full or read-only (%s): make room, nothing is lost",
			       db->path, sqlite3_errstr(code));
	if (rc == RC_CORRUPT)
		return err_set(
			err, rc,
			"%s is damaged (%s): stop the daemon, keep a copy of the file, restore "
			"the last backup; `penstock audit verify` names the first bad record",
			db->path, sqlite3_errmsg(db->raw));
	return err_set(err, rc, "%s: %s (%d)", db->path, sqlite3_errmsg(db->raw), code);
}

/* SQLite would make the file readable for all. */
static enum rc make_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_errno(err, errno, "%s", path);
	close(fd);
	return RC_OK;
}

static void configure(sqlite3 *raw)
{
	sqlite3_extended_result_codes(raw, 1);
	sqlite3_busy_timeout(raw, BUSY_MS);
	sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
}

enum rc sql_open(const char *path, enum sql_mode mode, struct sql **ret, struct err *err)
{
	static const int flags[] = {
		[SQL_WRITE] = SQLITE_OPEN_READWRITE,
		[SQL_READ] = SQLITE_OPEN_READONLY,
		[SQL_FROZEN] = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
	};
	AUTO(strbuf_done) struct strbuf uri = STRBUF(3 * 4096 + 32);

	enum rc rc = mode == SQL_WRITE ? make_file(path, err) : RC_OK;
	if (rc != RC_OK)
		return rc;
	if (mode == SQL_FROZEN) {
		strbuf_adds(&uri, "file:");
		strbuf_add_urlencoded(&uri, str_of(path));
		strbuf_adds(&uri, "?immutable=1");
	}
	struct sql *db = xcalloc(1, sizeof(*db));
	db->path = xstrdup(path);
	int code = sqlite3_open_v2(uri.n ? strbuf_cstr(&uri) : path, &db->raw,
				   flags[mode] | SQLITE_OPEN_NOMUTEX, NULL);
	BUG_ON(!db->raw);
	configure(db->raw);
	if (code != SQLITE_OK) {
		rc = fail(db, sqlite3_extended_errcode(db->raw), err);
		sql_free(db);
		return rc;
	}
	*ret = db;
	return RC_OK;
}

void sql_free(struct sql *db)
{
	if (!db)
		return;
	vec_each(st, &db->statements) {
		sqlite3_finalize((*st)->raw);
		xfree(*st);
	}
	vec_done(&db->statements);
	BUG_ON(sqlite3_close(db->raw) != SQLITE_OK);
	xfree(db->path);
	xfree(db);
}

enum rc sql_exec(struct sql *db, const char *text, struct err *err)
{
	int code = sqlite3_exec(db->raw, text, NULL, NULL, NULL);

	return code == SQLITE_OK ? RC_OK : fail(db, code, err);
}

void sql_rollback(struct sql *db)
{
	if (!sqlite3_get_autocommit(db->raw)) /* else SQLite has rolled back by itself */
		(void)sqlite3_exec(db->raw, "ROLLBACK", NULL, NULL, NULL);
}

enum rc sql_number(struct sql *db, const char *text, uint64_t *ret, struct err *err)
{
	sqlite3_stmt *st = NULL;
	uint64_t value = 0;
	int code = sqlite3_prepare_v2(db->raw, text, -1, &st, NULL);

	if (code == SQLITE_OK) {
		code = sqlite3_step(st);
		if (code == SQLITE_ROW) {
			value = (uint64_t)sqlite3_column_int64(st, 0);
			code = SQLITE_DONE;
		}
	}
	enum rc rc = code == SQLITE_DONE ? RC_OK : fail(db, code, err);
	sqlite3_finalize(st);
	if (rc == RC_OK)
		*ret = value;
	return rc;
}

enum rc sql_prepare(struct sql *db, const char *text, struct sql_stmt **ret, struct err *err)
{
	sqlite3_stmt *raw = NULL;
	int code = sqlite3_prepare_v3(db->raw, text, -1, SQLITE_PREPARE_PERSISTENT, &raw, NULL);

	if (code != SQLITE_OK)
		return fail(db, code, err);
	struct sql_stmt *st = xcalloc(1, sizeof(*st));
	*st = (struct sql_stmt){.db = db, .raw = raw};
	vec_push(&db->statements, st);
	*ret = st;
	return RC_OK;
}

/* Binding fails for a wrong index, a busy statement or above SQL_TEXT_MAX: our mistakes. */
void sql_bind_u64(struct sql_stmt *st, int at, uint64_t value)
{
	BUG_ON(sqlite3_bind_int64(st->raw, at, (sqlite3_int64)value) != SQLITE_OK);
}

void sql_bind_text(struct sql_stmt *st, int at, struct str value)
{
	int code = sqlite3_bind_text64(st->raw, at, value.p ? value.p : "", value.n, SQLITE_STATIC,
				       SQLITE_UTF8);

	BUG_ON(code != SQLITE_OK);
}

void sql_bind_blob(struct sql_stmt *st, int at, const void *p, size_t n)
{
	int code = sqlite3_bind_blob64(st->raw, at, p ? p : "", n, SQLITE_STATIC);

	BUG_ON(code != SQLITE_OK);
}

enum rc sql_step(struct sql_stmt *st, bool *ret_row, struct err *err)
{
	int code = sqlite3_step(st->raw);

	if (code == SQLITE_ROW) {
		*ret_row = true;
		return RC_OK;
	}
	enum rc rc = code == SQLITE_DONE ? RC_OK : fail(st->db, code, err);
	sqlite3_reset(st->raw);
	if (rc == RC_OK)
		*ret_row = false;
	return rc;
}

enum rc sql_run(struct sql_stmt *st, struct err *err)
{
	bool row = false;
	enum rc rc = sql_step(st, &row, err);

	if (rc == RC_OK && row)
		sql_reset(st);
	return rc;
}

void sql_reset(struct sql_stmt *st)
{
	sqlite3_reset(st->raw);
}

uint64_t sql_u64(const struct sql_stmt *st, int column)
{
	return (uint64_t)sqlite3_column_int64(st->raw, column);
}

struct str sql_bytes(const struct sql_stmt *st, int column)
{
	const void *p = sqlite3_column_blob(st->raw, column);
	int n = sqlite3_column_bytes(st->raw, column);

	return p && n > 0 ? (struct str){p, (size_t)n} : STR("");
}
