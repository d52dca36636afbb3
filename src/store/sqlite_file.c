#include "store/sqlite_file.h"

#include "base/mem.h"
#include "io/clock.h"
#include "io/files.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define LOCK_WAIT   (5 * USEC_SEC)
#define APPLICATION 0x50455354 /* "PEST": marks the file as ours */

/*
 * migrations[n] takes a file of version n to n + 1, in one transaction. Never change a line that
 * was released: add one. sum: SHA-256 over the row, so that damage which SQLite cannot see is found
 * on reading.
 */
static const char *const migrations[] = {
	"CREATE TABLE journal (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, actor TEXT NOT NULL,"
	" subject TEXT NOT NULL, type TEXT NOT NULL, payload TEXT NOT NULL, prev BLOB NOT NULL,"
	" hash BLOB NOT NULL) STRICT;"
	"CREATE TABLE snapshot (n INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL,"
	" ended INTEGER NOT NULL, json TEXT NOT NULL, sum BLOB NOT NULL, UNIQUE (kind, id)) STRICT;"
	"CREATE INDEX snapshot_active ON snapshot (n) WHERE ended = 0;"
	"CREATE INDEX snapshot_newest ON snapshot (kind, n);"
	"CREATE TABLE outbox (seq INTEGER NOT NULL, place INTEGER NOT NULL, id TEXT NOT NULL "
	"UNIQUE,"
	" kind TEXT NOT NULL, json TEXT NOT NULL, sum BLOB NOT NULL, attempts INTEGER NOT NULL,"
	" next INTEGER NOT NULL, PRIMARY KEY (seq, place)) STRICT, WITHOUT ROWID;",
	/* What happened to one thing is read without walking the rest. */
	"CREATE INDEX journal_subject ON journal (subject)",
	/* The last record that went into an archive: the chain of what is left goes on from it. */
	"CREATE TABLE anchor (n INTEGER PRIMARY KEY CHECK (n = 1), seq INTEGER NOT NULL,"
	" time INTEGER NOT NULL, hash BLOB NOT NULL) STRICT",
};

enum rc sqlite_file_damaged(const char *path, const char *what, struct err *err)
{
	return err_set(err, RC_CORRUPT,
		       "%s is damaged (%s): stop the daemon, keep a copy of the file, restore the "
		       "last backup; `penstock audit verify` names the first bad record",
		       path, what);
}

/* Who holds the lock wrote its pid; it may be about to. */
static uint32_t holder(const char *name)
{
	for (int i = 0; i < 50; i++) {
		AUTO(strbuf_done) struct strbuf text = STRBUF(64);
		uint32_t pid = 0;
		if (file_read(name, 32, &text, NULL) == RC_OK &&
		    parse_u32(str_trim(strbuf_str(&text)), &pid))
			return pid;
		usleep(2000);
	}
	return 0;
}

/* One that was killed: a child of it that was just about to become another program has the lock for a moment more. */
static bool is_dead(uint32_t pid)
{
	return pid && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

enum rc sqlite_file_lock(const char *path, int *ret_fd, struct err *err)
{
	AUTO(freep) char *name = xasprintf("%s.lock", path);
	AUTO(fd_close) int fd = -1;
	AUTO(strbuf_done) struct strbuf text = STRBUF(32);
	usec_t until = clock_mono() + LOCK_WAIT;
	enum rc rc;

	while ((rc = file_lock(name, &fd, err)) == RC_CONFLICT && is_dead(holder(name)) &&
	       clock_mono() < until)
		clock_sleep(5 * USEC_MS);
	if (rc == RC_OK)
		err_clear(err);
	if (rc == RC_CONFLICT)
		return err_set(err, rc,
			       "%s is in use by another penstock (pid %u): stop that one or choose "
			       "another data folder",
			       path, holder(name));
	if (rc != RC_OK)
		return rc;
	strbuf_addf(&text, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0)
		return err_errno(err, errno, "%s", name);
	rc = fd_write(fd, text.p, text.n, err);
	if (rc == RC_OK) {
		*ret_fd = fd;
		fd = -1;
	}
	return rc;
}

static enum rc migrate(struct sql *db, uint64_t version, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(1 << 16);

	strbuf_addf(&text, "BEGIN IMMEDIATE; %s; PRAGMA application_id = %d;", migrations[version],
		    APPLICATION);
	strbuf_addf(&text, "PRAGMA user_version = %u; COMMIT;", (unsigned)version + 1);
	BUG_ON(strbuf_failed(&text));
	enum rc rc = sql_exec(db, strbuf_cstr(&text), err);
	if (rc != RC_OK)
		sql_rollback(db);
	return rc;
}

enum rc sqlite_file_schema(struct sql *db, const char *path, bool write, struct err *err)
{
	uint64_t application = 0, version = 0, tables = 0;

	enum rc rc = sql_number(db, "PRAGMA application_id", &application, err);

	if (rc == RC_OK)
		rc = sql_number(db, "PRAGMA user_version", &version, err);
	if (rc == RC_OK)
		rc = sql_number(db, "SELECT count(*) FROM sqlite_schema", &tables, err);
	if (rc != RC_OK)
		return rc;
	if (application != APPLICATION && (application || version || tables || !write))
		return err_set(
			err, RC_CORRUPT,
			"%s is not a journal of Penstock, or its head is damaged: restore the "
			"last backup or choose another data folder",
			path);
	if (version > ARRAY_LEN(migrations))
		return err_set(
			err, RC_UNSUPPORTED,
			"%s was written by a newer Penstock (journal version %u, this one knows "
			"%u): use that one",
			path, (unsigned)version, (unsigned)ARRAY_LEN(migrations));
	if (!write && version < ARRAY_LEN(migrations))
		return err_set(
			err, RC_CONFLICT,
			"%s has journal version %u, this Penstock reads %u: start the daemon "
			"once, it converts the file",
			path, (unsigned)version, (unsigned)ARRAY_LEN(migrations));
	for (; rc == RC_OK && version < ARRAY_LEN(migrations); version++)
		rc = migrate(db, version, err);
	return rc;
}

enum rc sqlite_file_check(struct sql *db, const char *path, struct err *err)
{
	struct sql_stmt *st = NULL;
	bool row = false;

	enum rc rc = sql_prepare(db, "PRAGMA integrity_check(1)", &st, err);

	if (rc == RC_OK)
		rc = sql_step(st, &row, err);
	if (rc != RC_OK)
		return rc;
	struct str answer = row ? sql_bytes(st, 0) : STR("no answer");
	if (!str_is(answer, "ok")) {
		char *what = xstrndup(answer.p, MIN_OF(answer.n, (size_t)160));
		rc = sqlite_file_damaged(path, what, err);
		xfree(what);
	}
	if (row)
		sql_reset(st);
	return rc;
}
