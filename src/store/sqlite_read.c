#include "store/sqlite_read.h"

#include "base/mem.h"
#include "store/sqlite_file.h"

#include <pthread.h>

enum read {
	R_ACTIVE,
	R_OUTBOX,
	R_GET,
	R_LIST,
	R_BEFORE,
	R_RANGE,
	R_ABOUT,
	R_JOURNAL,
	R_BACK,
	R_BACK_ABOUT,
	R_LAST,
	R_ANCHOR,
	R_COUNT
};
static const char *const read_sql[R_COUNT] = {
	[R_ACTIVE] = "SELECT kind, id, ended, json, sum FROM snapshot WHERE ended = 0 ORDER BY n",
	[R_OUTBOX] = "SELECT id, kind, json, sum, attempts, next FROM outbox ORDER BY seq, place",
	[R_GET] = "SELECT kind, id, ended, json, sum FROM snapshot WHERE kind = ? AND id = ?",
	[R_LIST] = "SELECT kind, id, ended, json, sum FROM snapshot WHERE kind = ? ORDER BY n DESC"
		   " LIMIT ?",
	[R_BEFORE] =
		"SELECT kind, id, ended, json, sum FROM snapshot WHERE kind = ?1 AND n <"
		" (SELECT n FROM snapshot WHERE kind = ?1 AND id = ?2) ORDER BY n DESC LIMIT ?3",
	[R_RANGE] = "SELECT kind, id, ended, json, sum FROM snapshot WHERE kind = ? AND id >= ?"
		    " AND id < ? ORDER BY id LIMIT ?",
	[R_ABOUT] = "SELECT seq, time, actor, subject, type, payload, prev, hash FROM journal"
		    " WHERE subject = ? AND seq >= ? ORDER BY seq LIMIT ?",
	[R_JOURNAL] = "SELECT seq, time, actor, subject, type, payload, prev, hash FROM journal"
		      " WHERE seq >= ? ORDER BY seq LIMIT ?",
	[R_BACK] = "SELECT seq, time, actor, subject, type, payload, prev, hash FROM journal"
		   " WHERE seq <= ? ORDER BY seq DESC LIMIT ?",
	[R_BACK_ABOUT] = "SELECT seq, time, actor, subject, type, payload, prev, hash FROM journal"
			 " WHERE seq <= ?1 AND subject = ?3 ORDER BY seq DESC LIMIT ?2",
	[R_ANCHOR] = "SELECT seq, time, hash FROM anchor",
	[R_LAST] = "SELECT seq, time, actor, subject, type, payload, prev, hash FROM journal"
		   " ORDER BY seq DESC LIMIT 1",
};

struct reader {
	struct sql *db;
	struct sql_stmt *st[R_COUNT];
	struct reader *next;
};
struct sqlite_read {
	char *path;
	enum sql_mode mode;
	pthread_mutex_t lock;
	struct reader *idle;
};

struct sqlite_read *sqlite_read_new(const char *path, enum sql_mode mode)
{
	struct sqlite_read *p = xcalloc(1, sizeof(*p));

	*p = (struct sqlite_read){.path = xstrdup(path), .mode = mode};
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

static void reader_free(struct reader *r)
{
	sql_free(r->db);
	xfree(r);
}

void sqlite_read_free(struct sqlite_read *p)
{
	if (!p)
		return;
	while (p->idle) {
		struct reader *r = p->idle;
		p->idle = r->next;
		reader_free(r);
	}
	pthread_mutex_destroy(&p->lock);
	xfree(p->path);
	xfree(p);
}

static enum rc prepare(struct reader *r, struct err *err)
{
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < R_COUNT; i++)
		rc = sql_prepare(r->db, read_sql[i], &r->st[i], err);
	return rc;
}

static enum rc reader_new(struct sqlite_read *p, struct reader **ret, struct err *err)
{
	struct reader *r = xcalloc(1, sizeof(*r));
	enum rc rc = sql_open(p->path, p->mode, &r->db, err);

	if (rc == RC_OK)
		rc = sql_exec(r->db, "PRAGMA cache_size = -1024; PRAGMA cell_size_check = ON", err);
	if (rc == RC_OK)
		rc = prepare(r, err);
	if (rc != RC_OK)
		reader_free(r);
	else
		*ret = r;
	return rc;
}

static enum rc reader_take(struct sqlite_read *p, struct reader **ret, struct err *err)
{
	pthread_mutex_lock(&p->lock);
	struct reader *r = p->idle;
	if (r)
		p->idle = r->next;
	pthread_mutex_unlock(&p->lock);
	if (!r)
		return reader_new(p, ret, err);
	*ret = r;
	return RC_OK;
}

static void reader_give(struct sqlite_read *p, struct reader *r, enum read used)
{
	sql_reset(r->st[used]);
	pthread_mutex_lock(&p->lock);
	r->next = p->idle;
	p->idle = r;
	pthread_mutex_unlock(&p->lock);
}

struct digest sqlite_row_sum(struct str a, struct str b, char mark, struct str text)
{
	struct digest_state *d = digest_new();

	digest_add(d, a.p, a.n);
	digest_add(d, "", 1);
	digest_add(d, b.p, b.n);
	digest_add(d, &mark, 1);
	digest_add(d, text.p, text.n);
	return digest_finish(d);
}

static bool to_digest(struct str bytes, struct digest *ret)
{
	if (bytes.n != sizeof(ret->b))
		return false;
	memcpy(ret->b, bytes.p, bytes.n);
	return true;
}

static enum rc bad_row(const struct sqlite_read *p, const char *what, struct str a, struct str b,
		       struct err *err)
{
	char *text =
		xasprintf("%s %.*s %.*s does not match its sum", what, (int)MIN_OF(a.n, (size_t)40),
			  a.p, (int)MIN_OF(b.n, (size_t)80), b.p);
	enum rc rc = sqlite_file_damaged(p->path, text, err);

	xfree(text);
	return rc;
}

static enum rc read_snapshot(const struct sqlite_read *p, const struct sql_stmt *st,
			     struct store_snapshot *ret, struct err *err)
{
	struct digest sum;

	*ret = (struct store_snapshot){.kind = sql_bytes(st, 0),
				       .id = sql_bytes(st, 1),
				       .json = sql_bytes(st, 3),
				       .ended = sql_u64(st, 2) != 0};
	if (!to_digest(sql_bytes(st, 4), &sum) ||
	    !digest_eq(sum, sqlite_row_sum(ret->kind, ret->id, ret->ended ? 'e' : 'a', ret->json)))
		return bad_row(p, "snapshot", ret->kind, ret->id, err);
	return RC_OK;
}

/* Rows of a bound statement. */
static enum rc walk_snapshots(const struct sqlite_read *p, struct sql_stmt *st, sqlite_each each,
			      void *ctx, struct err *err)
{
	bool row = false;
	enum rc rc = sql_step(st, &row, err);

	while (rc == RC_OK && row) {
		struct store_snapshot snap;
		rc = read_snapshot(p, st, &snap, err);
		if (rc != RC_OK || !each(ctx, &snap))
			break;
		rc = sql_step(st, &row, err);
	}
	return rc;
}

enum rc sqlite_read_active(struct sqlite_read *p, sqlite_each each, void *ctx, struct err *err)
{
	struct reader *r = NULL;
	enum rc rc = reader_take(p, &r, err);

	if (rc != RC_OK)
		return rc;
	rc = walk_snapshots(p, r->st[R_ACTIVE], each, ctx, err);
	reader_give(p, r, R_ACTIVE);
	return rc;
}

enum rc sqlite_read_list(struct sqlite_read *p, struct str kind, uint32_t limit, sqlite_each each,
			 void *ctx, struct err *err)
{
	struct reader *r = NULL;
	enum rc rc = reader_take(p, &r, err);

	if (rc != RC_OK)
		return rc;
	sql_bind_text(r->st[R_LIST], 1, kind);
	sql_bind_u64(r->st[R_LIST], 2, limit);
	rc = walk_snapshots(p, r->st[R_LIST], each, ctx, err);
	reader_give(p, r, R_LIST);
	return rc;
}

enum rc sqlite_read_before(struct sqlite_read *p, struct str kind, struct str id, uint32_t limit,
			   sqlite_each each, void *ctx, struct err *err)
{
	struct reader *r = NULL;
	enum rc rc = reader_take(p, &r, err);

	if (rc != RC_OK)
		return rc;
	sql_bind_text(r->st[R_BEFORE], 1, kind);
	sql_bind_text(r->st[R_BEFORE], 2, id);
	sql_bind_u64(r->st[R_BEFORE], 3, limit);
	rc = walk_snapshots(p, r->st[R_BEFORE], each, ctx, err);
	reader_give(p, r, R_BEFORE);
	return rc;
}

enum rc sqlite_read_range(struct sqlite_read *p, const struct sqlite_range *range, sqlite_each each,
			  void *ctx, struct err *err)
{
	struct reader *r = NULL;
	enum rc rc = reader_take(p, &r, err);

	if (rc != RC_OK)
		return rc;
	sql_bind_text(r->st[R_RANGE], 1, range->kind);
	sql_bind_text(r->st[R_RANGE], 2, range->from);
	sql_bind_text(r->st[R_RANGE], 3, range->to);
	sql_bind_u64(r->st[R_RANGE], 4, range->limit);
	rc = walk_snapshots(p, r->st[R_RANGE], each, ctx, err);
	reader_give(p, r, R_RANGE);
	return rc;
}

enum rc sqlite_read_get(struct sqlite_read *p, struct str kind, struct str id,
			struct strbuf *ret_json, struct err *err)
{
	struct reader *r = NULL;
	struct store_snapshot snap;
	bool row = false;
	enum rc rc = reader_take(p, &r, err);

	if (rc != RC_OK)
		return rc;
	sql_bind_text(r->st[R_GET], 1, kind);
	sql_bind_text(r->st[R_GET], 2, id);
	rc = sql_step(r->st[R_GET], &row, err);
	if (rc == RC_OK && !row)
		rc = err_set(err, RC_NOT_FOUND, "there is no %.*s \"%.*s\"", (int)kind.n, kind.p,
			     (int)MIN_OF(id.n, (size_t)100), id.p);
	else if (rc == RC_OK)
		rc = read_snapshot(p, r->st[R_GET], &snap, err);
	if (rc == RC_OK)
		strbuf_addstr(ret_json, snap.json);
	reader_give(p, r, R_GET);
	return rc;
}

static enum rc read_pending(const struct sqlite_read *p, const struct sql_stmt *st,
			    struct store_pending *ret, struct err *err)
{
	struct digest sum;

	*ret = (struct store_pending){.id = sql_bytes(st, 0),
				      .kind = sql_bytes(st, 1),
				      .json = sql_bytes(st, 2),
				      .attempts = (uint32_t)sql_u64(st, 4),
				      .next = sql_u64(st, 5)};
	if (!to_digest(sql_bytes(st, 3), &sum) ||
	    !digest_eq(sum, sqlite_row_sum(ret->id, ret->kind, 'o', ret->json)))
		return bad_row(p, "effect", ret->id, ret->kind, err);
	return RC_OK;
}

enum rc sqlite_read_outbox(struct sqlite_read *p,
			   bool (*each)(void *ctx, const struct store_pending *), void *ctx,
			   struct err *err)
{
	struct reader *r = NULL;
	bool row = false;
	enum rc rc = reader_take(p, &r, err);

	if (rc != RC_OK)
		return rc;
	rc = sql_step(r->st[R_OUTBOX], &row, err);
	while (rc == RC_OK && row) {
		struct store_pending pending;
		rc = read_pending(p, r->st[R_OUTBOX], &pending, err);
		if (rc != RC_OK || !each(ctx, &pending))
			break;
		rc = sql_step(r->st[R_OUTBOX], &row, err);
	}
	reader_give(p, r, R_OUTBOX);
	return rc;
}

static enum rc read_record(const struct sqlite_read *p, const struct sql_stmt *st,
			   struct record *ret, struct err *err)
{
	*ret = (struct record){.seq = sql_u64(st, 0),
			       .time = sql_u64(st, 1),
			       .actor = sql_bytes(st, 2),
			       .subject = sql_bytes(st, 3),
			       .type = sql_bytes(st, 4),
			       .payload = sql_bytes(st, 5)};
	if (to_digest(sql_bytes(st, 6), &ret->prev) && to_digest(sql_bytes(st, 7), &ret->hash))
		return RC_OK;
	char *what = xasprintf("record %llu has no hash", (unsigned long long)ret->seq);
	enum rc rc = sqlite_file_damaged(p->path, what, err);
	xfree(what);
	return rc;
}

/* Rows of a bound statement. */
static enum rc walk_records(const struct sqlite_read *p, struct sql_stmt *st,
			    bool (*each)(void *ctx, const struct record *r), void *ctx,
			    struct err *err)
{
	bool row = false;
	enum rc rc = sql_step(st, &row, err);

	while (rc == RC_OK && row) {
		struct record rec;
		rc = read_record(p, st, &rec, err);
		if (rc != RC_OK || !each(ctx, &rec))
			break;
		rc = sql_step(st, &row, err);
	}
	return rc;
}

enum rc sqlite_read_journal(struct sqlite_read *p, uint64_t from, uint64_t limit,
			    bool (*each)(void *ctx, const struct record *r), void *ctx,
			    struct err *err)
{
	struct reader *r = NULL;
	enum rc rc = reader_take(p, &r, err);

	if (rc != RC_OK)
		return rc;
	sql_bind_u64(r->st[R_JOURNAL], 1, from);
	sql_bind_u64(r->st[R_JOURNAL], 2, limit ? limit : UINT64_MAX); /* below 0: all */
	rc = walk_records(p, r->st[R_JOURNAL], each, ctx, err);
	reader_give(p, r, R_JOURNAL);
	return rc;
}

enum rc sqlite_read_about(struct sqlite_read *p, struct str subject, uint64_t from, uint64_t limit,
			  bool (*each)(void *ctx, const struct record *r), void *ctx,
			  struct err *err)
{
	struct reader *r = NULL;
	enum rc rc = reader_take(p, &r, err);

	if (rc != RC_OK)
		return rc;
	sql_bind_text(r->st[R_ABOUT], 1, subject);
	sql_bind_u64(r->st[R_ABOUT], 2, from);
	sql_bind_u64(r->st[R_ABOUT], 3, limit ? limit : UINT64_MAX);
	rc = walk_records(p, r->st[R_ABOUT], each, ctx, err);
	reader_give(p, r, R_ABOUT);
	return rc;
}

enum rc sqlite_read_back(struct sqlite_read *p, struct str subject, uint64_t from, uint64_t limit,
			 bool (*each)(void *ctx, const struct record *r), void *ctx,
			 struct err *err)
{
	enum read which = subject.n ? R_BACK_ABOUT : R_BACK;
	struct reader *r = NULL;
	enum rc rc = reader_take(p, &r, err);

	if (rc != RC_OK)
		return rc;
	sql_bind_u64(r->st[which], 1, MIN_OF(from, (uint64_t)INT64_MAX));
	sql_bind_u64(r->st[which], 2, limit);
	if (subject.n)
		sql_bind_text(r->st[which], 3, subject);
	rc = walk_records(p, r->st[which], each, ctx, err);
	reader_give(p, r, which);
	return rc;
}

enum rc sqlite_read_anchor(struct sqlite_read *p, struct record *ret, struct err *err)
{
	struct record anchor = {0};
	struct reader *r = NULL;
	bool row = false;
	enum rc rc = reader_take(p, &r, err);

	if (rc != RC_OK)
		return rc;
	rc = sql_step(r->st[R_ANCHOR], &row, err);
	if (rc == RC_OK && row) {
		anchor.seq = sql_u64(r->st[R_ANCHOR], 0);
		anchor.time = sql_u64(r->st[R_ANCHOR], 1);
		if (!to_digest(sql_bytes(r->st[R_ANCHOR], 2), &anchor.hash))
			rc = sqlite_file_damaged(p->path, "the anchor has no hash", err);
	}
	if (rc == RC_OK)
		*ret = anchor;
	reader_give(p, r, R_ANCHOR);
	return rc;
}

enum rc sqlite_read_last(struct sqlite_read *p, struct record *ret, bool *ret_any, struct err *err)
{
	struct reader *r = NULL;
	struct record rec;
	bool row = false;
	enum rc rc = reader_take(p, &r, err);

	if (rc != RC_OK)
		return rc;
	rc = sql_step(r->st[R_LAST], &row, err);
	if (rc == RC_OK && row)
		rc = read_record(p, r->st[R_LAST], &rec, err);
	if (rc == RC_OK && row && !digest_eq(chain_hash(&rec), rec.hash))
		rc = sqlite_file_damaged(p->path, "the last record does not match its hash", err);
	if (rc == RC_OK) {
		*ret_any = row;
		if (row)
			*ret = (struct record){.seq = rec.seq,
					       .time = rec.time,
					       .prev = rec.prev,
					       .hash = rec.hash};
	}
	reader_give(p, r, R_LAST);
	return rc;
}

enum rc sqlite_read_check(struct sqlite_read *p, struct err *err)
{
	struct reader *r = NULL;
	enum rc rc = reader_new(p, &r, err);

	if (rc != RC_OK)
		return rc;
	rc = sqlite_file_check(r->db, p->path, err);
	reader_free(r);
	return rc;
}
