/*
 * The journal in SQLite. One connection writes, under a mutex; reading is sqlite_read.c's. The last
 * record is kept in memory: only this process writes.
 */
#include "store/adapters.h"

#include "base/mem.h"
#include "store/sqlite_file.h"
#include "store/sqlite_read.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file with rows of this size is not ours. */
#define TEXT_MAX ((size_t)64 << 20)

enum write {
	W_BEGIN,
	W_COMMIT,
	W_RECORD,
	W_SNAPSHOT,
	W_EFFECT,
	W_DONE,
	W_DEFER,
	W_ANCHOR,
	W_TRIM,
	W_COUNT
};
static const char *const write_sql[W_COUNT] = {
	[W_BEGIN] = "BEGIN IMMEDIATE",
	[W_COMMIT] = "COMMIT",
	[W_RECORD] = "INSERT INTO journal VALUES (?,?,?,?,?,?,?,?)",
	[W_SNAPSHOT] =
		"INSERT INTO snapshot (kind, id, ended, json, sum) VALUES (?,?,?,?,?) ON CONFLICT"
		" (kind, id) DO UPDATE SET ended = excluded.ended, json = excluded.json,"
		" sum = excluded.sum",
	[W_EFFECT] = "INSERT INTO outbox VALUES (?,?,?,?,?,?,0,0)",
	[W_DONE] = "DELETE FROM outbox WHERE id = ?",
	[W_ANCHOR] = "INSERT OR REPLACE INTO anchor SELECT 1, seq, time, hash FROM journal"
		     " WHERE seq = ?",
	[W_TRIM] = "DELETE FROM journal WHERE seq <= ?",
	[W_DEFER] = "UPDATE outbox SET attempts = ?, next = ? WHERE id = ? RETURNING 1",
};

struct sqlite {
	struct store base;
	char *path;
	int lock; /* -1: read-only */
	struct sqlite_read *readers;
	pthread_mutex_t writing;
	struct sql *db; /* these are guarded by writing */
	struct sql_stmt *st[W_COUNT];
	struct record last, anchor;
	bool any;
};

static struct sqlite *sqlite_of(struct store *s)
{
	return container_of(s, struct sqlite, base);
}

static enum rc write_records(struct sqlite *s, const struct store_batch *b, struct err *err)
{
	struct sql_stmt *st = s->st[W_RECORD];
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < b->n_records; i++) {
		const struct record *r = &b->records[i];
		sql_bind_u64(st, 1, r->seq);
		sql_bind_u64(st, 2, r->time);
		sql_bind_text(st, 3, r->actor);
		sql_bind_text(st, 4, r->subject);
		sql_bind_text(st, 5, r->type);
		sql_bind_text(st, 6, r->payload);
		sql_bind_blob(st, 7, r->prev.b, sizeof(r->prev.b));
		sql_bind_blob(st, 8, r->hash.b, sizeof(r->hash.b));
		rc = sql_run(st, err);
	}
	return rc;
}

static enum rc write_snapshots(struct sqlite *s, const struct store_batch *b, struct err *err)
{
	struct sql_stmt *st = s->st[W_SNAPSHOT];
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < b->n_snapshots; i++) {
		const struct store_snapshot *n = &b->snapshots[i];
		struct digest sum = sqlite_row_sum(n->kind, n->id, n->ended ? 'e' : 'a', n->json);
		sql_bind_text(st, 1, n->kind);
		sql_bind_text(st, 2, n->id);
		sql_bind_u64(st, 3, n->ended);
		sql_bind_text(st, 4, n->json);
		sql_bind_blob(st, 5, sum.b, sizeof(sum.b));
		rc = sql_run(st, err);
	}
	return rc;
}

static enum rc write_effects(struct sqlite *s, const struct store_batch *b, struct err *err)
{
	struct sql_stmt *st = s->st[W_EFFECT];
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < b->n_effects; i++) {
		const struct store_effect *e = &b->effects[i];
		struct digest sum = sqlite_row_sum(e->id, e->kind, 'o', e->json);
		sql_bind_u64(st, 1, e->seq);
		sql_bind_u64(st, 2, e->index);
		sql_bind_text(st, 3, e->id);
		sql_bind_text(st, 4, e->kind);
		sql_bind_text(st, 5, e->json);
		sql_bind_blob(st, 6, sum.b, sizeof(sum.b));
		rc = sql_run(st, err);
	}
	for (size_t i = 0; rc == RC_OK && i < b->n_done; i++) {
		sql_bind_text(s->st[W_DONE], 1, b->done[i]);
		rc = sql_run(s->st[W_DONE], err);
	}
	return rc;
}

static enum rc check_size(struct str text, const char *what, struct err *err)
{
	return text.n <= TEXT_MAX ? RC_OK
				  : err_set(err, RC_TOO_BIG, "%s has %zu bytes: at most %zu", what,
					    text.n, TEXT_MAX);
}

/* Before anything is written: sizes, and that the records follow the stored ones. */
static enum rc check_batch(const struct sqlite *s, const struct store_batch *b, struct err *err)
{
	const struct record *prev = s->any ? &s->last : NULL;
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < b->n_snapshots; i++)
		rc = check_size(b->snapshots[i].json, "a snapshot", err);
	for (size_t i = 0; rc == RC_OK && i < b->n_effects; i++)
		rc = check_size(b->effects[i].json, "an effect", err);
	for (size_t i = 0; rc == RC_OK && i < b->n_records; i++) {
		rc = check_size(b->records[i].payload, "a record", err);
		if (rc == RC_OK && chain_check(&b->records[i], prev, err) != RC_OK) {
			if (err)
				err->rc = RC_CONFLICT;
			rc = RC_CONFLICT;
		}
		prev = &b->records[i];
	}
	return rc;
}

static enum rc write_batch(struct sqlite *s, const struct store_batch *b, struct err *err)
{
	enum rc rc = sql_run(s->st[W_BEGIN], err);

	if (rc == RC_OK)
		rc = write_records(s, b, err);
	if (rc == RC_OK)
		rc = write_snapshots(s, b, err);
	if (rc == RC_OK)
		rc = write_effects(s, b, err);
	if (rc == RC_OK)
		rc = sql_run(s->st[W_COMMIT], err);
	if (rc != RC_OK)
		sql_rollback(s->db);
	return rc;
}

static enum rc sqlite_commit(struct store *base, const struct store_batch *b, struct err *err)
{
	struct sqlite *s = sqlite_of(base);

	if (s->lock < 0)
		return err_set(err, RC_DENIED, "%s is open for reading only", s->path);
	if (!b->n_records && !b->n_snapshots && !b->n_effects && !b->n_done)
		return RC_OK;
	pthread_mutex_lock(&s->writing);
	enum rc rc = check_batch(s, b, err);
	if (rc == RC_OK)
		rc = write_batch(s, b, err);
	if (rc == RC_OK && b->n_records) {
		const struct record *r = &b->records[b->n_records - 1];
		s->last = (struct record){
			.seq = r->seq, .time = r->time, .prev = r->prev, .hash = r->hash};
		s->any = true;
	}
	pthread_mutex_unlock(&s->writing);
	return rc;
}

static enum rc sqlite_defer(struct store *base, struct str effect, uint32_t attempts, uint64_t next,
			    struct err *err)
{
	struct sqlite *s = sqlite_of(base);
	bool row = false;

	if (s->lock < 0)
		return err_set(err, RC_DENIED, "%s is open for reading only", s->path);
	pthread_mutex_lock(&s->writing);
	struct sql_stmt *st = s->st[W_DEFER];
	sql_bind_u64(st, 1, attempts);
	sql_bind_u64(st, 2, next);
	sql_bind_text(st, 3, effect);
	enum rc rc = sql_step(st, &row, err);
	bool found = row;
	if (rc == RC_OK && row) /* the statement commits at its end */
		rc = sql_step(st, &row, err);
	if (rc == RC_OK && !found)
		rc = err_set(err, RC_NOT_FOUND, "effect %.*s is not in the outbox",
			     (int)MIN_OF(effect.n, (size_t)80), effect.p);
	pthread_mutex_unlock(&s->writing);
	return rc;
}

static enum rc write_trim(struct sqlite *s, uint64_t to, struct err *err)
{
	enum rc rc = sql_run(s->st[W_BEGIN], err);

	sql_bind_u64(s->st[W_ANCHOR], 1, to);
	sql_bind_u64(s->st[W_TRIM], 1, to);
	if (rc == RC_OK)
		rc = sql_run(s->st[W_ANCHOR], err);
	if (rc == RC_OK)
		rc = sql_run(s->st[W_TRIM], err);
	if (rc == RC_OK)
		rc = sql_run(s->st[W_COMMIT], err);
	if (rc != RC_OK)
		sql_rollback(s->db);
	return rc;
}

static enum rc sqlite_trim(struct store *base, uint64_t through, uint64_t limit, struct err *err)
{
	struct sqlite *s = sqlite_of(base);
	struct record anchor = {0};
	enum rc rc = RC_OK;

	if (s->lock < 0)
		return err_set(err, RC_DENIED, "%s is open for reading only", s->path);
	pthread_mutex_lock(&s->writing);
	uint64_t left = through > s->anchor.seq ? through - s->anchor.seq : 0;
	uint64_t to = s->anchor.seq + MIN_OF(left, limit);
	if (!s->any || through >= s->last.seq)
		rc = err_set(err, RC_INVALID, "the last record does not leave the journal");
	else if (to > s->anchor.seq)
		rc = write_trim(s, to, err);
	if (rc == RC_OK && to > s->anchor.seq)
		rc = sqlite_read_anchor(s->readers, &anchor, err);
	if (rc == RC_OK && to > s->anchor.seq)
		s->anchor = anchor;
	pthread_mutex_unlock(&s->writing);
	return rc;
}

/* ---- the rest of the operations ---- */

static enum rc sqlite_anchor(struct store *base, struct record *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(base);

	if (s->lock < 0)
		return sqlite_read_anchor(s->readers, ret, err);
	pthread_mutex_lock(&s->writing);
	*ret = s->anchor;
	pthread_mutex_unlock(&s->writing);
	return RC_OK;
}

static enum rc sqlite_back(struct store *s, struct str subject, uint64_t from, uint64_t limit,
			   bool (*each)(void *, const struct record *), void *ctx, struct err *err)
{
	return sqlite_read_back(sqlite_of(s)->readers, subject, from, limit, each, ctx, err);
}

static enum rc sqlite_active(struct store *s, sqlite_each each, void *ctx, struct err *err)
{
	return sqlite_read_active(sqlite_of(s)->readers, each, ctx, err);
}

static enum rc sqlite_outbox(struct store *s, bool (*each)(void *, const struct store_pending *),
			     void *ctx, struct err *err)
{
	return sqlite_read_outbox(sqlite_of(s)->readers, each, ctx, err);
}

static enum rc sqlite_get(struct store *s, struct str kind, struct str id, struct strbuf *ret_json,
			  struct err *err)
{
	return sqlite_read_get(sqlite_of(s)->readers, kind, id, ret_json, err);
}

static enum rc sqlite_list(struct store *s, struct str kind, uint32_t limit, sqlite_each each,
			   void *ctx, struct err *err)
{
	return sqlite_read_list(sqlite_of(s)->readers, kind, limit, each, ctx, err);
}

static enum rc sqlite_before(struct store *s, struct str kind, struct str id, uint32_t limit,
			     sqlite_each each, void *ctx, struct err *err)
{
	return sqlite_read_before(sqlite_of(s)->readers, kind, id, limit, each, ctx, err);
}

static enum rc sqlite_range(struct store *s, struct str kind, struct str from, struct str to,
			    uint32_t limit, sqlite_each each, void *ctx, struct err *err)
{
	const struct sqlite_range r = {kind, from, to, limit};

	return sqlite_read_range(sqlite_of(s)->readers, &r, each, ctx, err);
}

static enum rc sqlite_about(struct store *s, struct str subject, uint64_t from, uint64_t limit,
			    bool (*each)(void *, const struct record *), void *ctx, struct err *err)
{
	return sqlite_read_about(sqlite_of(s)->readers, subject, from, limit, each, ctx, err);
}

static enum rc sqlite_journal(struct store *s, uint64_t from, uint64_t limit,
			      bool (*each)(void *, const struct record *), void *ctx,
			      struct err *err)
{
	return sqlite_read_journal(sqlite_of(s)->readers, from, limit, each, ctx, err);
}

static enum rc sqlite_check(struct store *s, struct err *err)
{
	return sqlite_read_check(sqlite_of(s)->readers, err);
}

static enum rc sqlite_last(struct store *base, struct record *ret, bool *ret_any, struct err *err)
{
	struct sqlite *s = sqlite_of(base);

	if (s->lock < 0)
		return sqlite_read_last(s->readers, ret, ret_any, err);
	pthread_mutex_lock(&s->writing);
	*ret_any = s->any;
	if (s->any)
		*ret = s->last;
	pthread_mutex_unlock(&s->writing);
	return RC_OK;
}

static void sqlite_free(struct store *base)
{
	struct sqlite *s = sqlite_of(base);

	sqlite_read_free(s->readers);
	sql_free(s->db); /* last: folds the WAL back into the file */
	if (s->lock >= 0)
		close(s->lock);
	pthread_mutex_destroy(&s->writing);
	xfree(s->path);
	xfree(s);
}

/* ---- opening ---- */

static const struct store_ops ops = {
	.name = "sqlite",
	.commit = sqlite_commit,
	.defer = sqlite_defer,
	.active = sqlite_active,
	.outbox = sqlite_outbox,
	.get = sqlite_get,
	.list = sqlite_list,
	.before = sqlite_before,
	.range = sqlite_range,
	.about = sqlite_about,
	.journal = sqlite_journal,
	.back = sqlite_back,
	.last = sqlite_last,
	.trim = sqlite_trim,
	.anchor = sqlite_anchor,
	.check = sqlite_check,
	.free = sqlite_free,
};

static struct sqlite *new_sqlite(const char *path)
{
	struct sqlite *s = xcalloc(1, sizeof(*s));

	*s = (struct sqlite){.base.ops = &ops, .path = xstrdup(path), .lock = -1};
	pthread_mutex_init(&s->writing, NULL);
	return s;
}

static enum rc open_writer(struct sqlite *s, struct err *err)
{
	uint64_t wal = 0;
	enum rc rc = sqlite_file_lock(s->path, &s->lock, err);

	if (rc == RC_OK)
		rc = sql_open(s->path, SQL_WRITE, &s->db, err);
	if (rc == RC_OK)
		rc = sqlite_file_schema(s->db, s->path, true, err);
	if (rc == RC_OK)
		rc = sql_exec(
			s->db,
			"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			"PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -4096;"
			"PRAGMA wal_autocheckpoint = 4000;" /* 16 MB: many pages are written again and again before */
			"PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY",
			err);
	if (rc == RC_OK)
		rc = sql_number(s->db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode", &wal,
				err);
	if (rc == RC_OK && !wal)
		rc = err_set(err, RC_UNSUPPORTED,
			     "%s: this file system cannot share memory (network folder?): put the "
			     "data folder on a local disk",
			     s->path);
	for (size_t i = 0; rc == RC_OK && i < W_COUNT; i++)
		rc = sql_prepare(s->db, write_sql[i], &s->st[i], err);
	return rc;
}

enum rc store_sqlite_open(const char *path, struct store **ret, struct err *err)
{
	struct sqlite *s = new_sqlite(path);
	enum rc rc = open_writer(s, err);

	if (rc == RC_OK) {
		s->readers = sqlite_read_new(path, SQL_READ);
		rc = sqlite_read_last(s->readers, &s->last, &s->any, err);
		if (rc == RC_OK)
			rc = sqlite_read_anchor(s->readers, &s->anchor, err);
	}
	if (rc != RC_OK)
		sqlite_free(&s->base);
	else
		*ret = &s->base;
	return rc;
}

static enum rc try_reading(struct sqlite *s, enum sql_mode mode, struct err *err)
{
	enum rc rc = sql_open(s->path, mode, &s->db, err);

	if (rc == RC_OK)
		rc = sqlite_file_schema(s->db, s->path, false, err);
	if (rc == RC_OK)
		s->readers = sqlite_read_new(s->path, mode);
	sql_free(s->db);
	s->db = NULL;
	return rc;
}

enum rc store_sqlite_open_readonly(const char *path, struct store **ret, struct err *err)
{
	if (access(path, F_OK) < 0)
		return err_set(err, RC_NOT_FOUND, "there is no journal at %s", path);
	struct sqlite *s = new_sqlite(path);
	enum rc rc = try_reading(s, SQL_READ, err);
	/*
	 * In a folder that we may not write there is no shared memory; then nobody writes either. But what a killed daemon
	 * left in the WAL would not be seen that way.
	 */
	AUTO(freep) char *wal = xasprintf("%s-wal", path);
	struct stat st;
	if ((rc == RC_NO_SPACE || rc == RC_DENIED || rc == RC_NOT_FOUND || rc == RC_UNAVAILABLE) &&
	    (stat(wal, &st) < 0 || !st.st_size))
		rc = try_reading(s, SQL_FROZEN, err);
	if (rc != RC_OK)
		sqlite_free(&s->base);
	else
		*ret = &s->base;
	return rc;
}
