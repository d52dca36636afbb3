/* The journal in memory: the contract's plain reading, for tests and the simulator. */
#include "store/adapters.h"

#include "base/map.h"
#include "base/vec.h"

#include <pthread.h>

#define TEXT_MAX ((size_t)64 << 20)

struct kept_record {
	struct record r; /* texts point into block */
	char *block;
};
struct kept_snapshot {
	char *kind, *id, *json;
	size_t n;
	bool ended;
};
struct kept_effect {
	char *id, *kind, *json;
	size_t n;
	uint64_t seq, next;
	uint32_t index, attempts;
};
struct memory {
	struct store base;
	pthread_mutex_t lock; /* recursive: callbacks may read */
	unsigned walking;
	VEC(struct kept_record) records; /* record i has seq anchor.seq + i + 1 */
	struct record anchor;
	VEC(struct kept_snapshot *) snapshots; /* in order of first writing */
	struct map by_name;                    /* "kind/id" -> struct kept_snapshot * */
	VEC(struct kept_effect) outbox;        /* in order of (seq, index) */
	uint32_t fail_after;
	enum rc fail_rc;
};

static struct memory *memory_of(struct store *s)
{
	return container_of(s, struct memory, base);
}

/* ---- parts ---- */

static struct str into(char **at, struct str text)
{
	struct str copy = {*at, text.n};

	if (text.n)
		memcpy(*at, text.p, text.n);
	*at += text.n;
	return copy;
}

static void add_record(struct memory *m, const struct record *r)
{
	size_t n = r->actor.n + r->subject.n + r->type.n + r->payload.n;
	struct kept_record k = {.r = *r, .block = xmalloc(n + 1)};
	char *at = k.block;

	k.r.actor = into(&at, r->actor);
	k.r.subject = into(&at, r->subject);
	k.r.type = into(&at, r->type);
	k.r.payload = into(&at, r->payload);
	vec_push(&m->records, k);
}

static char *name_of(struct str kind, struct str id)
{
	return xasprintf("%.*s/%.*s", (int)kind.n, kind.p, (int)id.n, id.p);
}

static char *copy_text(struct str s)
{
	return xstrndup(s.p ? s.p : "", s.n);
}

static void put_snapshot(struct memory *m, const struct store_snapshot *s)
{
	AUTO(freep) char *name = name_of(s->kind, s->id);
	struct kept_snapshot *k = map_get(&m->by_name, str_of(name));

	if (!k) {
		k = xcalloc(1, sizeof(*k));
		k->kind = copy_text(s->kind);
		k->id = copy_text(s->id);
		vec_push(&m->snapshots, k);
		map_put(&m->by_name, str_of(name), k);
	}
	xfree(k->json);
	k->json = copy_text(s->json);
	k->n = s->json.n;
	k->ended = s->ended;
}

static struct store_snapshot view_snapshot(const struct kept_snapshot *k)
{
	return (struct store_snapshot){.kind = str_of(k->kind),
				       .id = str_of(k->id),
				       .json = {k->json, k->n},
				       .ended = k->ended};
}

/* Where (seq, index) stands or would stand. */
static size_t place_of(const struct memory *m, uint64_t seq, uint32_t index)
{
	size_t low = 0, high = m->outbox.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct kept_effect *e = &m->outbox.v[mid];
		if (e->seq < seq || (e->seq == seq && e->index < index))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static size_t effect_at(const struct memory *m, struct str id)
{
	size_t i = 0;

	while (i < m->outbox.n && !str_is(id, m->outbox.v[i].id))
		i++;
	return i;
}

static void effect_done_at(struct memory *m, size_t at)
{
	xfree(m->outbox.v[at].id);
	xfree(m->outbox.v[at].kind);
	xfree(m->outbox.v[at].json);
	vec_remove(&m->outbox, at);
}

static void put_effect(struct memory *m, size_t at, struct kept_effect e)
{
	vec_add(&m->outbox);
	memmove(&m->outbox.v[at + 1], &m->outbox.v[at],
		(m->outbox.n - 1 - at) * sizeof(m->outbox.v[0]));
	m->outbox.v[at] = e;
}

/* ---- writing ---- */

/* The countdown of store_memory_fail(). */
static enum rc due(struct memory *m, struct err *err)
{
	if (m->fail_rc == RC_OK)
		return RC_OK;
	if (m->fail_after) {
		m->fail_after--;
		return RC_OK;
	}
	return err_set(err, m->fail_rc, "store: %s (a planted fault)", rc_name(m->fail_rc));
}

static enum rc check_size(struct str text, struct err *err)
{
	return text.n <= TEXT_MAX ? RC_OK
				  : err_set(err, RC_TOO_BIG, "a text has %zu bytes: at most %zu",
					    text.n, TEXT_MAX);
}

static enum rc check_batch(const struct memory *m, const struct store_batch *b, struct err *err)
{
	const struct record *prev = m->records.n ? &vec_last(&m->records)->r : NULL;
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < b->n_snapshots; i++)
		rc = check_size(b->snapshots[i].json, err);
	for (size_t i = 0; rc == RC_OK && i < b->n_effects; i++)
		rc = check_size(b->effects[i].json, err);
	for (size_t i = 0; rc == RC_OK && i < b->n_records; i++) {
		rc = check_size(b->records[i].payload, err);
		if (rc == RC_OK && chain_check(&b->records[i], prev, err) != RC_OK) {
			if (err)
				err->rc = RC_CONFLICT;
			rc = RC_CONFLICT;
		}
		prev = &b->records[i];
	}
	return rc;
}

/* All or none: on a double the ones of this batch leave again. */
static enum rc add_effects(struct memory *m, const struct store_batch *b, struct err *err)
{
	for (size_t i = 0; i < b->n_effects; i++) {
		const struct store_effect *e = &b->effects[i];
		size_t at = place_of(m, e->seq, e->index);
		bool taken = at < m->outbox.n && m->outbox.v[at].seq == e->seq &&
			     m->outbox.v[at].index == e->index;
		if (taken || effect_at(m, e->id) < m->outbox.n) {
			while (i-- > 0)
				effect_done_at(m, effect_at(m, b->effects[i].id));
			return err_set(err, RC_CONFLICT, "effect %.*s is in the outbox already",
				       (int)MIN_OF(e->id.n, (size_t)80), e->id.p);
		}
		put_effect(m, at,
			   (struct kept_effect){.id = copy_text(e->id),
						.kind = copy_text(e->kind),
						.json = copy_text(e->json),
						.n = e->json.n,
						.seq = e->seq,
						.index = e->index});
	}
	return RC_OK;
}

static enum rc commit_locked(struct memory *m, const struct store_batch *b, struct err *err)
{
	enum rc rc = due(m, err);

	if (rc == RC_OK)
		rc = check_batch(m, b, err);
	if (rc == RC_OK)
		rc = add_effects(m, b, err);
	if (rc != RC_OK)
		return rc;
	for (size_t i = 0; i < b->n_records; i++)
		add_record(m, &b->records[i]);
	for (size_t i = 0; i < b->n_snapshots; i++)
		put_snapshot(m, &b->snapshots[i]);
	for (size_t i = 0; i < b->n_done; i++) {
		size_t at = effect_at(m, b->done[i]);
		if (at < m->outbox.n)
			effect_done_at(m, at);
	}
	return RC_OK;
}

static enum rc memory_commit(struct store *s, const struct store_batch *b, struct err *err)
{
	struct memory *m = memory_of(s);

	if (!b->n_records && !b->n_snapshots && !b->n_effects && !b->n_done)
		return RC_OK;
	pthread_mutex_lock(&m->lock);
	BUG_ON(m->walking);
	enum rc rc = commit_locked(m, b, err);
	pthread_mutex_unlock(&m->lock);
	return rc;
}

static enum rc memory_defer(struct store *s, struct str effect, uint32_t attempts, uint64_t next,
			    struct err *err)
{
	struct memory *m = memory_of(s);

	pthread_mutex_lock(&m->lock);
	BUG_ON(m->walking);
	enum rc rc = due(m, err);
	size_t at = effect_at(m, effect);
	if (rc == RC_OK && at == m->outbox.n) {
		rc = err_set(err, RC_NOT_FOUND, "effect %.*s is not in the outbox",
			     (int)MIN_OF(effect.n, (size_t)80), effect.p);
	} else if (rc == RC_OK) {
		m->outbox.v[at].attempts = attempts;
		m->outbox.v[at].next = next;
	}
	pthread_mutex_unlock(&m->lock);
	return rc;
}

/* ---- reading ---- */

static struct memory *enter(struct store *s)
{
	struct memory *m = memory_of(s);

	pthread_mutex_lock(&m->lock);
	m->walking++;
	return m;
}

static enum rc leave(struct memory *m, enum rc rc)
{
	m->walking--;
	pthread_mutex_unlock(&m->lock);
	return rc;
}

static enum rc memory_active(struct store *s, bool (*each)(void *, const struct store_snapshot *),
			     void *ctx, struct err *err UNUSED)
{
	struct memory *m = enter(s);

	vec_each(k, &m->snapshots) {
		struct store_snapshot snap = view_snapshot(*k);
		if (!snap.ended && !each(ctx, &snap))
			break;
	}
	return leave(m, RC_OK);
}

static enum rc memory_list(struct store *s, struct str kind, uint32_t limit,
			   bool (*each)(void *, const struct store_snapshot *), void *ctx,
			   struct err *err UNUSED)
{
	struct memory *m = enter(s);

	for (size_t i = m->snapshots.n; i-- > 0 && limit;) {
		struct store_snapshot snap = view_snapshot(m->snapshots.v[i]);
		if (!str_eq(snap.kind, kind))
			continue;
		limit--;
		if (!each(ctx, &snap))
			break;
	}
	return leave(m, RC_OK);
}

static enum rc memory_before(struct store *s, struct str kind, struct str id, uint32_t limit,
			     bool (*each)(void *, const struct store_snapshot *), void *ctx,
			     struct err *err UNUSED)
{
	struct memory *m = enter(s);
	bool past = false;

	for (size_t i = m->snapshots.n; i-- > 0 && limit;) {
		struct store_snapshot snap = view_snapshot(m->snapshots.v[i]);
		if (!str_eq(snap.kind, kind))
			continue;
		if (!past) {
			past = str_eq(snap.id, id);
			continue;
		}
		limit--;
		if (!each(ctx, &snap))
			break;
	}
	return leave(m, RC_OK);
}

static int by_id(const void *a, const void *b)
{
	return strcmp((*(struct kept_snapshot *const *)a)->id,
		      (*(struct kept_snapshot *const *)b)->id);
}

static enum rc memory_range(struct store *s, struct str kind, struct str from, struct str to,
			    uint32_t limit, bool (*each)(void *, const struct store_snapshot *),
			    void *ctx, struct err *err UNUSED)
{
	struct memory *m = enter(s);
	VEC(struct kept_snapshot *) found = {0};

	vec_each(k, &m->snapshots) {
		struct store_snapshot snap = view_snapshot(*k);
		if (str_eq(snap.kind, kind) && str_cmp(snap.id, from) >= 0 &&
		    str_cmp(snap.id, to) < 0)
			vec_push(&found, *k);
	}
	if (found.n)
		qsort(found.v, found.n, sizeof(*found.v), by_id);
	for (size_t i = 0; i < found.n && i < limit; i++) {
		struct store_snapshot snap = view_snapshot(found.v[i]);
		if (!each(ctx, &snap))
			break;
	}
	vec_done(&found);
	return leave(m, RC_OK);
}

static enum rc memory_about(struct store *s, struct str subject, uint64_t from, uint64_t limit,
			    bool (*each)(void *, const struct record *), void *ctx,
			    struct err *err UNUSED)
{
	struct memory *m = enter(s);
	uint64_t left = limit ? limit : UINT64_MAX;

	from = from > m->anchor.seq ? from - m->anchor.seq - 1 : 0;
	for (uint64_t i = from; i < m->records.n && left; i++) {
		if (!str_eq(m->records.v[i].r.subject, subject))
			continue;
		left--;
		if (!each(ctx, &m->records.v[i].r))
			break;
	}
	return leave(m, RC_OK);
}

static enum rc memory_outbox(struct store *s, bool (*each)(void *, const struct store_pending *),
			     void *ctx, struct err *err UNUSED)
{
	struct memory *m = enter(s);

	vec_each(e, &m->outbox) {
		struct store_pending p = {.id = str_of(e->id),
					  .kind = str_of(e->kind),
					  .json = {e->json, e->n},
					  .attempts = e->attempts,
					  .next = e->next};
		if (!each(ctx, &p))
			break;
	}
	return leave(m, RC_OK);
}

static enum rc memory_get(struct store *s, struct str kind, struct str id, struct strbuf *ret_json,
			  struct err *err)
{
	AUTO(freep) char *name = name_of(kind, id);
	struct memory *m = enter(s);
	const struct kept_snapshot *k = map_get(&m->by_name, str_of(name));

	if (!k)
		return leave(m, err_set(err, RC_NOT_FOUND, "there is no %.*s \"%.*s\"", (int)kind.n,
					kind.p, (int)MIN_OF(id.n, (size_t)100), id.p));
	strbuf_add(ret_json, k->json, k->n);
	return leave(m, RC_OK);
}

static enum rc memory_journal(struct store *s, uint64_t from, uint64_t limit,
			      bool (*each)(void *, const struct record *), void *ctx,
			      struct err *err UNUSED)
{
	struct memory *m = enter(s);
	uint64_t end = m->records.n;

	from = from > m->anchor.seq ? from - m->anchor.seq - 1 : 0;
	if (limit && from < end && limit < end - from)
		end = from + limit;
	for (uint64_t i = from; i < end; i++)
		if (!each(ctx, &m->records.v[i].r))
			break;
	return leave(m, RC_OK);
}

static enum rc memory_back(struct store *s, struct str subject, uint64_t from, uint64_t limit,
			   bool (*each)(void *, const struct record *), void *ctx,
			   struct err *err UNUSED)
{
	struct memory *m = enter(s);
	uint64_t end = from > m->anchor.seq ? from - m->anchor.seq : 0;

	for (uint64_t i = MIN_OF(end, (uint64_t)m->records.n); i-- > 0 && limit;) {
		const struct record *r = &m->records.v[i].r;

		if (subject.n && !str_eq(r->subject, subject))
			continue;
		limit--;
		if (!each(ctx, r))
			break;
	}
	return leave(m, RC_OK);
}

static enum rc memory_trim(struct store *s, uint64_t through, uint64_t limit, struct err *err)
{
	struct memory *m = memory_of(s);

	pthread_mutex_lock(&m->lock);
	BUG_ON(m->walking);
	enum rc rc = due(m, err);
	uint64_t last = m->anchor.seq + m->records.n;
	uint64_t n = through > m->anchor.seq ? MIN_OF(through - m->anchor.seq, limit) : 0;
	if (rc == RC_OK && (!m->records.n || through >= last))
		rc = err_set(err, RC_INVALID, "the last record does not leave the journal");
	for (size_t i = 0; rc == RC_OK && i < n; i++) {
		const struct record *r = &m->records.v[i].r;

		m->anchor = (struct record){.seq = r->seq, .time = r->time, .hash = r->hash};
		xfree(m->records.v[i].block);
	}
	if (rc == RC_OK && n) {
		memmove(m->records.v, m->records.v + n, (m->records.n - n) * sizeof(*m->records.v));
		m->records.n -= n;
	}
	pthread_mutex_unlock(&m->lock);
	return rc;
}

static enum rc memory_anchor(struct store *s, struct record *ret, struct err *err UNUSED)
{
	struct memory *m = enter(s);

	*ret = m->anchor;
	return leave(m, RC_OK);
}

static enum rc memory_last(struct store *s, struct record *ret, bool *ret_any,
			   struct err *err UNUSED)
{
	struct memory *m = enter(s);

	*ret_any = m->records.n > 0;
	if (m->records.n) {
		const struct record *r = &vec_last(&m->records)->r;
		*ret = (struct record){
			.seq = r->seq, .time = r->time, .prev = r->prev, .hash = r->hash};
	}
	return leave(m, RC_OK);
}

static enum rc memory_check(struct store *s UNUSED, struct err *err UNUSED)
{
	return RC_OK;
}

static void memory_free(struct store *s)
{
	struct memory *m = memory_of(s);

	vec_each(r, &m->records)
		xfree(r->block);
	vec_done(&m->records);
	vec_each(k, &m->snapshots) {
		xfree((*k)->kind);
		xfree((*k)->id);
		xfree((*k)->json);
		xfree(*k);
	}
	vec_done(&m->snapshots);
	map_done(&m->by_name);
	while (m->outbox.n)
		effect_done_at(m, m->outbox.n - 1);
	vec_done(&m->outbox);
	pthread_mutex_destroy(&m->lock);
	xfree(m);
}

static const struct store_ops ops = {
	.name = "memory",
	.commit = memory_commit,
	.defer = memory_defer,
	.active = memory_active,
	.outbox = memory_outbox,
	.get = memory_get,
	.list = memory_list,
	.before = memory_before,
	.range = memory_range,
	.about = memory_about,
	.journal = memory_journal,
	.back = memory_back,
	.last = memory_last,
	.trim = memory_trim,
	.anchor = memory_anchor,
	.check = memory_check,
	.free = memory_free,
};

struct store *store_memory_new(void)
{
	struct memory *m = xcalloc(1, sizeof(*m));
	pthread_mutexattr_t attr;

	m->base.ops = &ops;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&m->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	return &m->base;
}

void store_memory_fail(struct store *store, uint32_t after, enum rc rc)
{
	struct memory *m = memory_of(store);

	BUG_ON(store->ops != &ops);
	pthread_mutex_lock(&m->lock);
	m->fail_after = after;
	m->fail_rc = rc;
	pthread_mutex_unlock(&m->lock);
}

struct store *store_memory_clone(struct store *store)
{
	struct store *copy = store_memory_new();
	struct memory *to = memory_of(copy);

	BUG_ON(store->ops != &ops);
	struct memory *from = enter(store);
	to->anchor = from->anchor;
	vec_each(r, &from->records)
		add_record(to, &r->r);
	vec_each(k, &from->snapshots) {
		struct store_snapshot snap = view_snapshot(*k);
		put_snapshot(to, &snap);
	}
	vec_each(e, &from->outbox) {
		struct kept_effect kept = *e;
		kept.id = xstrdup(e->id);
		kept.kind = xstrdup(e->kind);
		kept.json = xstrndup(e->json, e->n);
		vec_push(&to->outbox, kept);
	}
	(void)leave(from, RC_OK);
	return copy;
}
