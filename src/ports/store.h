/*
 * Port: the journal and its projections. Blocking; the engine calls commit from one worker lane, reads from any. A callback may read, but not commit or defer.
 * Adapters: store_sqlite, store_memory. One conformance suite (tests/port/test_store.c) runs on both.
 */
#pragma once
#include "core/chain.h"
#include "base/strbuf.h"

struct store_snapshot {
	struct str kind, id, json;
	bool ended;
};
struct store_effect {
	struct str id, kind, json;
	uint64_t seq;
	uint32_t index;
};
/* What one transaction writes: all or nothing. Borrowed for the call. */
struct store_batch {
	const struct record *records;
	size_t n_records; /* dense after what is stored; chained */
	const struct store_snapshot *snapshots;
	size_t n_snapshots;
	const struct store_effect *effects;
	size_t n_effects; /* new in the outbox */
	const struct str *done;
	size_t n_done; /* effect ids that were answered: leave the outbox (after the new ones entered; unknown ids are fine) */
};
struct store_pending {
	struct str id, kind, json;
	uint32_t attempts;
	uint64_t next;
};

struct store;
struct store_ops {
	const char *name;
	enum rc (*commit)(struct store *s, const struct store_batch *b, struct err *err);
	enum rc (*defer)(struct store *s, struct str effect, uint32_t attempts, uint64_t next,
			 struct err *err);
	enum rc (*active)(struct store *s,
			  bool (*each)(void *ctx, const struct store_snapshot *snap), void *ctx,
			  struct err *err);
	enum rc (*outbox)(struct store *s, bool (*each)(void *ctx, const struct store_pending *p),
			  void *ctx, struct err *err);
	enum rc (*get)(struct store *s, struct str kind, struct str id, struct strbuf *ret_json,
		       struct err *err);
	enum rc (*list)(struct store *s, struct str kind, uint32_t limit,
			bool (*each)(void *ctx, const struct store_snapshot *snap), void *ctx,
			struct err *err);
	enum rc (*before)(struct store *s, struct str kind, struct str id, uint32_t limit,
			  bool (*each)(void *ctx, const struct store_snapshot *snap), void *ctx,
			  struct err *err);
	enum rc (*range)(struct store *s, struct str kind, struct str from, struct str to,
			 uint32_t limit, bool (*each)(void *ctx, const struct store_snapshot *snap),
			 void *ctx, struct err *err);
	enum rc (*about)(struct store *s, struct str subject, uint64_t from, uint64_t limit,
			 bool (*each)(void *ctx, const struct record *r), void *ctx,
			 struct err *err);
	enum rc (*journal)(struct store *s, uint64_t from, uint64_t limit,
			   bool (*each)(void *ctx, const struct record *r), void *ctx,
			   struct err *err);
	enum rc (*back)(struct store *s, struct str subject, uint64_t from, uint64_t limit,
			bool (*each)(void *ctx, const struct record *r), void *ctx,
			struct err *err);
	enum rc (*last)(struct store *s, struct record *ret, bool *ret_any, struct err *err);
	enum rc (*trim)(struct store *s, uint64_t through, uint64_t limit, struct err *err);
	enum rc (*anchor)(struct store *s, struct record *ret, struct err *err);
	enum rc (*check)(struct store *s, struct err *err);
	void (*free)(struct store *s);
};
struct store {
	const struct store_ops *ops;
};

/* RC_NO_SPACE when the disk is full or read-only (nothing was written; try again later), RC_CORRUPT when the file is damaged, RC_CONFLICT
 * when records do not follow the stored ones or an effect is in the outbox already, RC_TOO_BIG above 64 MiB a text. Durable when it returns RC_OK (one fsync). */
MUST_CHECK static inline enum rc store_commit(struct store *s, const struct store_batch *b,
					      struct err *err)
{
	return s->ops->commit(s, b, err);
}
/* An effect was tried and will be tried again: no journal record. RC_NOT_FOUND when it has left the outbox. */
MUST_CHECK static inline enum rc store_defer(struct store *s, struct str effect, uint32_t attempts,
					     uint64_t next, struct err *err)
{
	return s->ops->defer(s, effect, attempts, next, err);
}
/* Every snapshot that is not ended, in order of first writing. each returns false to stop; what it gets is borrowed. */
MUST_CHECK static inline enum rc store_active(struct store *s,
					      bool (*each)(void *ctx,
							   const struct store_snapshot *),
					      void *ctx, struct err *err)
{
	return s->ops->active(s, each, ctx, err);
}
/* The outbox in order of (seq, index). */
MUST_CHECK static inline enum rc store_outbox(struct store *s,
					      bool (*each)(void *ctx, const struct store_pending *),
					      void *ctx, struct err *err)
{
	return s->ops->outbox(s, each, ctx, err);
}
/* One snapshot, ended ones too. RC_NOT_FOUND. */
MUST_CHECK static inline enum rc store_get(struct store *s, struct str kind, struct str id,
					   struct strbuf *ret_json, struct err *err)
{
	return s->ops->get(s, kind, id, ret_json, err);
}
/* Snapshots of a kind, newest (first written last) first, at most limit. */
MUST_CHECK static inline enum rc store_list(struct store *s, struct str kind, uint32_t limit,
					    bool (*each)(void *ctx, const struct store_snapshot *),
					    void *ctx, struct err *err)
{
	return s->ops->list(s, kind, limit, each, ctx, err);
}
/* The same, only those that were first written before the one with this id: the next page after it. An id that is not there has nothing before it. */
MUST_CHECK static inline enum rc store_before(
	struct store *s, struct str kind, struct str id, uint32_t limit,
	bool (*each)(void *ctx, const struct store_snapshot *), void *ctx, struct err *err)
{
	return s->ops->before(s, kind, id, limit, each, ctx, err);
}
/* Snapshots of a kind with from <= id < to, in order of id (bytewise), at most limit. Costs what it gives, not what is stored: for a run's jobs. */
MUST_CHECK static inline enum rc store_range(struct store *s, struct str kind, struct str from,
					     struct str to, uint32_t limit,
					     bool (*each)(void *ctx, const struct store_snapshot *),
					     void *ctx, struct err *err)
{
	return s->ops->range(s, kind, from, to, limit, each, ctx, err);
}
/* Records about a subject with seq >= from, in order, at most limit (0: all). Does not walk the others. */
MUST_CHECK static inline enum rc store_about(struct store *s, struct str subject, uint64_t from,
					     uint64_t limit,
					     bool (*each)(void *ctx, const struct record *),
					     void *ctx, struct err *err)
{
	return s->ops->about(s, subject, from, limit, each, ctx, err);
}
/* Records with seq >= from, in order, at most limit (0: all). */
MUST_CHECK static inline enum rc store_journal(struct store *s, uint64_t from, uint64_t limit,
					       bool (*each)(void *ctx, const struct record *),
					       void *ctx, struct err *err)
{
	return s->ops->journal(s, from, limit, each, ctx, err);
}
/* Records with seq <= from, newest first, at most limit; of one subject only (n 0: of any). */
MUST_CHECK static inline enum rc store_back(struct store *s, struct str subject, uint64_t from,
					    uint64_t limit,
					    bool (*each)(void *ctx, const struct record *),
					    void *ctx, struct err *err)
{
	return s->ops->back(s, subject, from, limit, each, ctx, err);
}
/*
 * The oldest records leave, those up to `through`, at most `limit` of them, in one transaction; a thread may commit meanwhile. The last that
 * left stays known as the anchor: the chain goes on from it. RC_INVALID when the last record of all would leave. None left to go: RC_OK.
 */
MUST_CHECK static inline enum rc store_trim(struct store *s, uint64_t through, uint64_t limit,
					    struct err *err)
{
	return s->ops->trim(s, through, limit, err);
}
/* Seq, time and hash of the last record that left (texts empty); seq 0 and a hash of zeros: none ever did. The journal begins with seq + 1. */
MUST_CHECK static inline enum rc store_anchor(struct store *s, struct record *ret, struct err *err)
{
	return s->ops->anchor(s, ret, err);
}
/* The last record's seq, time and hash (texts empty). */
MUST_CHECK static inline enum rc store_last(struct store *s, struct record *ret, bool *ret_any,
					    struct err *err)
{
	return s->ops->last(s, ret, ret_any, err);
}
/* The store's own structure is whole: pages, indexes. Slow. RC_CORRUPT with what to do. The records' bytes are store/verify.h's to check. */
MUST_CHECK static inline enum rc store_check(struct store *s, struct err *err)
{
	return s->ops->check(s, err);
}
static inline void store_free(struct store *s)
{
	if (s)
		s->ops->free(s);
}
/* Adapters' constructors are named in main only: store_sqlite_open(path, &ret, err), store_memory_new(). */
