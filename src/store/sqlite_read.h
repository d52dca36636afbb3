/*
 * Reading the journal's file: a pool of connections, so that a callback may read again and nobody
 * waits for anybody. Any thread. The functions are the store's operations of the same names. Only
 * store_sqlite.c uses it.
 */
#pragma once
#include "clients/sql.h"
#include "ports/store.h"

struct sqlite_read; /* the pool */
struct sqlite_read *sqlite_read_new(const char *path, enum sql_mode mode);
void sqlite_read_free(struct sqlite_read *p);

typedef bool (*sqlite_each)(void *ctx, const struct store_snapshot *snap);
MUST_CHECK enum rc sqlite_read_active(struct sqlite_read *p, sqlite_each each, void *ctx,
				      struct err *err);
MUST_CHECK enum rc sqlite_read_list(struct sqlite_read *p, struct str kind, uint32_t limit,
				    sqlite_each each, void *ctx, struct err *err);
MUST_CHECK enum rc sqlite_read_before(struct sqlite_read *p, struct str kind, struct str id,
				      uint32_t limit, sqlite_each each, void *ctx, struct err *err);
struct sqlite_range {
	struct str kind, from, to;
	uint32_t limit;
};
MUST_CHECK enum rc sqlite_read_range(struct sqlite_read *p, const struct sqlite_range *range,
				     sqlite_each each, void *ctx, struct err *err);
MUST_CHECK enum rc sqlite_read_about(struct sqlite_read *p, struct str subject, uint64_t from,
				     uint64_t limit,
				     bool (*each)(void *ctx, const struct record *r), void *ctx,
				     struct err *err);
MUST_CHECK enum rc sqlite_read_get(struct sqlite_read *p, struct str kind, struct str id,
				   struct strbuf *ret_json, struct err *err);
MUST_CHECK enum rc sqlite_read_outbox(struct sqlite_read *p,
				      bool (*each)(void *ctx, const struct store_pending *p),
				      void *ctx, struct err *err);
MUST_CHECK enum rc sqlite_read_journal(struct sqlite_read *p, uint64_t from, uint64_t limit,
				       bool (*each)(void *ctx, const struct record *r), void *ctx,
				       struct err *err);
MUST_CHECK enum rc sqlite_read_back(struct sqlite_read *p, struct str subject, uint64_t from,
				    uint64_t limit, bool (*each)(void *ctx, const struct record *r),
				    void *ctx, struct err *err);
MUST_CHECK enum rc sqlite_read_anchor(struct sqlite_read *p, struct record *ret, struct err *err);
/* Its hash is checked over its texts. */
MUST_CHECK enum rc sqlite_read_last(struct sqlite_read *p, struct record *ret, bool *ret_any,
				    struct err *err);
MUST_CHECK enum rc sqlite_read_check(struct sqlite_read *p, struct err *err);
/* SHA-256 of a row of snapshot or outbox: the first two parts hold no NUL. */
struct digest sqlite_row_sum(struct str a, struct str b, char mark, struct str text);
