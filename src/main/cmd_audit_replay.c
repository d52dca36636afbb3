/*
 * `penstock audit replay`: the journal through step() again, from its first record, restarts
 * included; what comes out must be what is stored, byte for byte. A daemon may go on meanwhile.
 */
#include "base/json.h"
#include "core/step.h"
#include "main/local.h"
#include "main/local_audit.h"
#include "store/adapters.h"
#include "store/archive.h"

#include <inttypes.h>

#define SNAPSHOT_MAX ((size_t)256 << 20)
#define TRIES        20 /* to find the daemon at rest */

struct seen {
	enum aggregate_kind kind;
	char *id;
	struct digest digest; /* of the last snapshot */
	bool ended, stored;
};
struct replay {
	struct model model;
	struct map seen; /* "kind/id", in order of first writing -> struct seen * */
	struct record prev;
	uint64_t records, total;
	const char *want;   /* "kind/id" whose last snapshot is kept */
	struct strbuf text; /* that snapshot */
	struct strbuf scratch;
	enum rc rc;
	struct err *err;
};

static void replay_init(struct replay *r, const char *want, struct err *err)
{
	*r = (struct replay){.want = want,
			     .text = STRBUF(SNAPSHOT_MAX),
			     .scratch = STRBUF(SNAPSHOT_MAX),
			     .err = err};
	model_init(&r->model);
}

static void replay_done(struct replay *r)
{
	for (struct map_entry *e = NULL; (e = map_next(&r->seen, e));) {
		struct seen *s = e->value;
		xfree(s->id);
		xfree(s);
	}
	map_done(&r->seen);
	model_done(&r->model);
	strbuf_done(&r->text);
	strbuf_done(&r->scratch);
}

/* As the engine does it: everything that the step touched. */
static void keep_snapshots(struct replay *r)
{
	vec_each(t, &r->model.touched) {
		AUTO(freep) char *key = xasprintf("%s/%s", aggregate_kind_names[t->kind], t->id);
		struct seen *s = map_get(&r->seen, str_of(key));

		if (!s) {
			s = xcalloc(1, sizeof(*s));
			s->kind = t->kind;
			s->id = xstrdup(t->id);
			map_put(&r->seen, str_of(key), s);
		}
		strbuf_clear(&r->scratch);
		model_snapshot(&r->model, t->kind, t->id, &r->scratch);
		s->digest = digest_of(strbuf_str(&r->scratch));
		s->ended = model_is_ended(&r->model, t->kind, t->id);
		if (streq(r->want, key)) {
			strbuf_clear(&r->text);
			strbuf_addstr(&r->text, strbuf_str(&r->scratch));
		}
	}
}

/* A start of the daemon: what had ended was not loaded again. */
static enum rc restart(struct replay *r)
{
	struct model fresh;
	enum rc rc = RC_OK;

	model_init(&fresh);
	for (struct map_entry *e = NULL; rc == RC_OK && (e = map_next(&r->seen, e));) {
		const struct seen *s = e->value;

		if (s->ended || !map_get(&r->model.by_kind[s->kind], str_of(s->id)))
			continue;
		strbuf_clear(&r->scratch);
		model_snapshot(&r->model, s->kind, s->id, &r->scratch);
		rc = model_restore(&fresh, s->kind, strbuf_str(&r->scratch), r->err);
	}
	if (rc == RC_OK)
		rc = model_link(&fresh, r->err);
	if (rc != RC_OK) {
		model_done(&fresh);
		return rc;
	}
	fresh.seq = r->model.seq;
	fresh.time = r->model.time;
	model_done(&r->model);
	r->model = fresh;
	return RC_OK;
}

static enum rc replay_one(struct replay *r, const struct record *rec)
{
	struct event ev = {0};
	struct effects out = {0};
	enum rc rc = chain_check(rec, r->records ? &r->prev : NULL, r->err);

	if (rc != RC_OK)
		return rc;
	rc = event_read(rec, &ev, r->err);
	if (rc == RC_OK && ev.kind == EV_STARTED && r->records)
		rc = restart(r);
	if (rc == RC_OK)
		rc = step(&r->model, &ev, &out, r->err);
	if (rc == RC_OK) {
		keep_snapshots(r);
	} else {
		r->err->rc = RC_CORRUPT; /* also what a person would be refused */
		rc = err_wrap(r->err, "record %" PRIu64, rec->seq);
	}
	event_done(&ev);
	effects_done(&out);
	r->prev = (struct record){.seq = rec->seq, .hash = rec->hash};
	r->records++;
	if (r->records % 1000 == 0)
		audit_progress((char[]){"replayed"}, r->records, r->total);
	return rc;
}

static bool on_record(void *ctx, const struct record *rec)
{
	struct replay *r = ctx;

	r->rc = replay_one(r, rec);
	return r->rc == RC_OK;
}

/* What left the journal comes first; what is in both is taken once. */
struct archived {
	struct replay *r;
	uint64_t through;
};

static bool on_archived(void *ctx, const struct record *rec)
{
	struct archived *a = ctx;

	if (rec->seq > a->through)
		return false;
	a->r->rc = rec->seq <= a->r->records ? RC_OK : replay_one(a->r, rec);
	return a->r->rc == RC_OK;
}

static enum rc replay_archives(struct replay *r, struct store *store, const char *data)
{
	AUTO(freep) char *dir = audit_archives(data);
	AUTO(archives_done) struct archives have = {0};
	struct record anchor = {0};
	enum rc rc = store_anchor(store, &anchor, r->err);

	if (rc == RC_OK)
		rc = archives_list(dir, &have, r->err);
	struct archived a = {r, anchor.seq};
	for (size_t i = 0; rc == RC_OK && i < have.list.n && r->records < anchor.seq &&
			   have.list.v[i].from <= r->records + 1;
	     i++) {
		rc = archive_walk(&have.list.v[i], on_archived, &a, r->err);
		rc = rc == RC_OK ? r->rc : rc;
	}
	if (rc == RC_OK && r->records < anchor.seq)
		rc = err_set(r->err, RC_UNAVAILABLE,
			     "records %" PRIu64 " to %" PRIu64
			     " left the journal, and their archive is not in %s: put it there",
			     r->records + 1, anchor.seq, dir);
	return rc;
}

/* Again as long as records leave the journal between its archives and its own. */
static enum rc replay_rest(struct replay *r, struct store *store, const char *data)
{
	enum rc rc = RC_OK;

	for (unsigned i = 0; i < TRIES; i++) {
		rc = replay_archives(r, store, data);
		if (rc != RC_OK)
			return rc;
		rc = store_journal(store, r->records + 1, 0, on_record, r, r->err);
		rc = r->rc != RC_OK ? r->rc : rc;
		if (rc != RC_CORRUPT || !store_has_left(store, r->records + 1))
			return rc;
		r->rc = RC_OK;
	}
	return rc;
}

/* ---- comparing ---- */
struct compare {
	struct replay *r;
	uint64_t same;
	char *differs; /* "kind/id" of the first */
	bool unknown;  /* the replay has none like it */
};

static bool compare_one(void *ctx, const struct store_snapshot *snap)
{
	struct compare *c = ctx;
	AUTO(freep)
	char *key = xasprintf("%.*s/%.*s", (int)snap->kind.n, snap->kind.p, (int)snap->id.n,
			      snap->id.p);
	struct seen *s = map_get(&c->r->seen, str_of(key));

	if (s)
		s->stored = true;
	if (s && digest_eq(s->digest, digest_of(snap->json))) {
		c->same++;
		return true;
	}
	c->unknown = !s;
	c->differs = xstrdup(key);
	return false;
}

static enum rc compare_all(struct replay *r, struct store *store, struct compare *c)
{
	*c = (struct compare){.r = r};
	for (struct map_entry *e = NULL; (e = map_next(&r->seen, e));)
		((struct seen *)e->value)->stored = false;
	for (unsigned k = 0; k < AGG_KINDS && !c->differs; k++) {
		enum rc rc = store_list(store, str_of(aggregate_kind_names[k]), UINT32_MAX,
					compare_one, c, r->err);
		if (rc != RC_OK)
			return rc;
	}
	for (struct map_entry *e = NULL; !c->differs && (e = map_next(&r->seen, e));)
		if (!((struct seen *)e->value)->stored)
			c->differs = xstrdup(e->key);
	return RC_OK;
}

/* Replay up to the end and compare, again as long as the daemon wrote meanwhile. */
static enum rc replay_all(struct replay *r, struct store *store, const char *data,
			  struct compare *c)
{
	struct record last = {0};
	bool any = false;

	for (unsigned i = 0; i < TRIES; i++) {
		enum rc rc = store_last(store, &last, &any, r->err);
		r->total = any ? last.seq : 0;
		if (rc == RC_OK)
			rc = replay_rest(r, store, data);
		xfree(c->differs);
		c->differs = NULL;
		if (rc == RC_OK)
			rc = compare_all(r, store, c);
		if (rc == RC_OK)
			rc = store_last(store, &last, &any, r->err);
		if (rc != RC_OK || !any || last.seq == r->records)
			return rc;
	}
	return err_set(r->err, RC_UNAVAILABLE,
		       "the daemon writes faster than its journal can be replayed; try again");
}

/* Where two snapshots part: some bytes of both. */
static void show_difference(struct store *store, const char *data, const char *key,
			    struct strbuf *to, struct err *err)
{
	struct replay again;
	AUTO(strbuf_done) struct strbuf stored = STRBUF(SNAPSHOT_MAX);
	struct str id = str_of(key), kind = str_cut(&id, '/');
	size_t at = 0;

	if (store_get(store, kind, id, &stored, err) != RC_OK) {
		strbuf_adds(to, "it is not stored");
		return;
	}
	replay_init(&again, key, err);
	if (replay_rest(&again, store, data) == RC_OK && again.text.n) {
		const char *a = strbuf_cstr(&stored), *b = strbuf_cstr(&again.text);
		while (a[at] && a[at] == b[at])
			at++;
		size_t from = at > 30 ? at - 30 : 0;
		strbuf_addf(to, "at byte %zu: stored ...%.70s, replayed ...%.70s", at, a + from,
			    b + from);
	} else {
		strbuf_adds(to, "the journal does not lead to it");
	}
	replay_done(&again);
}

static enum rc judge(struct replay *r, struct store *store, const char *data, struct compare *c,
		     struct err *err)
{
	AUTO(strbuf_done) struct strbuf why = STRBUF(400);
	struct err ignored = {0};
	AUTO(freep) char *key = c->differs;

	c->differs = NULL;
	if (!key)
		return RC_OK;
	show_difference(store, data, key, &why, &ignored);
	return err_set(err, RC_CORRUPT,
		       "the stored state of %s is not what the journal's %" PRIu64
		       " records lead to: %s",
		       key, r->records, strbuf_cstr(&why));
}

int local_audit_replay(const struct audit_options *o)
{
	struct store *store = NULL;
	struct err err = {0};
	struct compare c = {0};

	if (audit_open(o->data, &store, &err) != RC_OK)
		return local_fail(&err);
	AUTO(replay_done) struct replay r;
	replay_init(&r, NULL, &err);
	enum rc rc = replay_all(&r, store, o->data, &c);
	if (rc == RC_OK)
		rc = judge(&r, store, o->data, &c, &err);
	xfree(c.differs);
	store_free(store);

	AUTO(strbuf_done) struct strbuf text = STRBUF(8192);
	struct json_out out = JSON_OUT(&text);
	if (o->json) {
		json_open(&out, NULL);
		json_bool(&out, "ok", rc == RC_OK);
		json_u64(&out, "records", r.records);
		json_u64(&out, "states", c.same);
		if (rc != RC_OK)
			json_cstr(&out, "error", err.msg);
		json_close(&out);
		strbuf_addc(&text, '\n');
	} else if (rc == RC_OK) {
		strbuf_addf(&text,
			    "%" PRIu64 " records replayed: all %" PRIu64
			    " states are what is stored, byte for byte\n",
			    r.records, c.same);
	}
	local_print(&text);
	return rc == RC_OK ? EXIT_GOOD : local_fail(&err);
}
