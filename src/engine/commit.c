/* Records, snapshots and effects of one or more turns become one transaction; when it is durable, effects go out. */
#include "engine/engine_impl.h"
#include "base/log.h"

#define PAYLOAD_MAX ((size_t)256 << 20)

struct batch *batch_new(void)
{
	return xcalloc(1, sizeof(struct batch));
}

static void done_snapshot(struct kept_snapshot *s)
{
	xfree(s->kind);
	xfree(s->id);
	xfree(s->json);
}

void batch_free(struct batch *b)
{
	if (!b)
		return;
	vec_each(r, &b->records) {
		xfree(r->actor);
		xfree(r->subject);
		xfree(r->payload);
	}
	vec_done(&b->records);
	vec_each(s, &b->snapshots)
		done_snapshot(s);
	vec_done(&b->snapshots);
	map_done(&b->snapshot_at);
	vec_each(effect, &b->effects)
		effect_done(effect);
	vec_done(&b->effects);
	vec_each(id, &b->done)
		xfree(*id);
	vec_done(&b->done);
	vec_done(&b->asks);
	xfree(b);
}

static void add_record(struct engine *e, struct batch *b, const struct event *ev)
{
	AUTO(strbuf_done) struct strbuf payload = STRBUF(PAYLOAD_MAX);
	struct json_out out = JSON_OUT(&payload);
	struct kept_record k = {.actor = xstrdup(ev->actor), .subject = xstrdup(event_subject(ev))};

	shape_write(&out, NULL, &shape_event, ev);
	BUG_ON(strbuf_failed(&payload));
	size_t n = payload.n;
	k.payload = strbuf_take(&payload);
	k.r = (struct record){.seq = ev->seq,
			      .time = ev->time,
			      .actor = str_of(k.actor),
			      .subject = str_of(k.subject),
			      .type = str_of(event_kind_names[ev->kind]),
			      .payload = {k.payload, n},
			      .prev = e->head};
	k.r.hash = chain_hash(&k.r);
	e->head = k.r.hash;
	vec_push(&b->records, k);
}

static void add_snapshot(struct engine *e, struct batch *b, const struct touch *t)
{
	AUTO(freep) char *key = xasprintf("%s/%s", aggregate_kind_names[t->kind], t->id);
	size_t at = (size_t)(uintptr_t)map_get(&b->snapshot_at, str_of(key));
	AUTO(strbuf_done) struct strbuf json = STRBUF(PAYLOAD_MAX);
	struct kept_snapshot *s;

	model_snapshot(&e->model, t->kind, t->id, &json);
	BUG_ON(strbuf_failed(&json));
	if (at == 0) {
		vec_push(&b->snapshots,
			 ((struct kept_snapshot){.kind = xstrdup(aggregate_kind_names[t->kind]),
						 .id = xstrdup(t->id)}));
		map_put(&b->snapshot_at, str_of(key), (void *)(uintptr_t)b->snapshots.n);
		s = vec_last(&b->snapshots);
	} else {
		s = &b->snapshots.v[at - 1];
		xfree(s->json);
	}
	s->json = strbuf_take(&json);
	s->ended = model_is_ended(&e->model, t->kind, t->id);
}

/* An order was carried out as planned, and its outcome will be told later: what comes next will take it along. Lost by a crash, the
 * order is carried out again, which changes nothing. */
static bool is_told_only(const struct event *ev)
{
	return ev->kind == EV_JOB_STARTED;
}

void batch_add(struct engine *e, struct batch *b, const struct event *ev, struct effects *out)
{
	e->urgent |= out->list.n || !is_told_only(ev);
	add_record(e, b, ev);
	vec_each(t, &e->model.touched)
		add_snapshot(e, b, t);
	vec_each(effect, &out->list) {
		vec_push(&b->effects, *effect);
		*effect = (struct effect){0};
	}
	if (ev->effect)
		vec_push(&b->done, xstrdup(ev->effect));
}

/* On the worker. */
static void write_batch(void *arg)
{
	struct engine *e = arg;
	struct batch *b = e->writing;
	VEC(struct record) records = {0};
	VEC(struct store_snapshot) snapshots = {0};
	VEC(struct store_effect) effects = {0};
	VEC(struct str) done = {0};
	texts jsons = {0};

	vec_each(k, &b->records)
		vec_push(&records, k->r);
	vec_each(s, &b->snapshots)
		vec_push(&snapshots, ((struct store_snapshot){str_of(s->kind), str_of(s->id),
							      str_of(s->json), s->ended}));
	vec_each(f, &b->effects) {
		AUTO(strbuf_done) struct strbuf json = STRBUF(PAYLOAD_MAX);
		struct json_out out = JSON_OUT(&json);
		uint64_t seq = 0;
		uint32_t index = 0;
		struct str rest = str_of(f->id), head = str_cut(&rest, '.');

		BUG_ON(!parse_u64(head, &seq) || !parse_u32(rest, &index));
		shape_write(&out, NULL, &shape_effect, f);
		vec_push(&jsons, strbuf_take(&json));
		vec_push(&effects,
			 ((struct store_effect){str_of(f->id), str_of(effect_kind_names[f->kind]),
						str_of(*vec_last(&jsons)), seq, index}));
	}
	vec_each(id, &b->done)
		vec_push(&done, str_of(*id));
	struct store_batch batch = {records.v, records.n, snapshots.v, snapshots.n,
				    effects.v, effects.n, done.v,      done.n};
	e->commit_rc = store_commit(e->w.store, &batch, &e->commit_err);
	vec_done(&records);
	vec_done(&snapshots);
	vec_done(&effects);
	vec_done(&done);
	vec_each(j, &jsons)
		xfree(*j);
	vec_done(&jsons);
}

static void wrote_batch(void *arg);

static void write_again(void *arg)
{
	struct engine *e = arg;

	runner_work(e->w.runner, "store", write_batch, wrote_batch, e);
}

static void stall(struct engine *e)
{
	if (!e->stalled)
		LOG(LOG_ERROR, "the journal cannot be written; nothing new is done until it can",
		    LF("error", e->commit_err.msg), LF("code", rc_name(e->commit_err.rc)));
	xfree(e->stalled);
	e->stalled = xstrdup(e->commit_err.msg);
	runner_timer(e->w.runner, runner_now(e->w.runner) + RETRY_COMMIT, write_again, e);
}

static void publish(struct engine *e, struct batch *b)
{
	vec_each(k, &b->records)
		for (size_t i = e->listeners.n; i-- > 0;)
			e->listeners.v[i].fn(e->listeners.v[i].ctx, &k->r);
	vec_each(k, &b->records)
		if (str_is(k->r.type, event_kind_names[EV_JOB_ENDED]))
			observe_ended(e, k->subject);
	vec_each(a, &b->asks)
		a->done(a->ctx, a->refused.rc, a->refused.rc == RC_OK ? NULL : &a->refused, a->seq);
}

static void wrote_batch(void *arg)
{
	struct engine *e = arg;

	if (e->commit_rc != RC_OK) {
		stall(e);
		return;
	}
	if (e->stalled)
		LOG(LOG_WARN, "the journal can be written again", LF("was", e->stalled));
	xfree(e->stalled);
	e->stalled = NULL;
	struct batch *b = e->writing;
	e->writing = NULL;
	e->committing = false;
	e->stats.commits++;
	e->stats.commit_usec += runner_now(e->w.runner) - e->commit_began;
	VEC(char *) fresh = {0};
	vec_each(f, &b->effects) {
		vec_push(&fresh, xstrdup(f->id));
		outbox_add(e, f, 0, f->at);
	}
	vec_each(id, &fresh) {
		struct pending *p = map_get(&e->outbox, str_of(*id));

		if (p && !e->stopped)
			outbox_dispatch(e, p);
		xfree(*id);
	}
	vec_done(&fresh);
	publish(e, b);
	batch_free(b);
	commit_start(e);
}

static void lingered(void *arg)
{
	struct engine *e = arg;

	e->lingers = false;
	e->urgent = true;
	commit_start(e);
}

void commit_start(struct engine *e)
{
	if (e->committing || (e->building->records.n == 0 && e->building->done.n == 0))
		return;
	if (!e->urgent && e->building->asks.n == 0) {
		if (!e->lingers)
			runner_timer(e->w.runner, runner_now(e->w.runner) + COMMIT_LAZY, lingered,
				     e);
		e->lingers = true;
		return;
	}
	e->urgent = false;
	e->committing = true;
	e->commit_began = runner_now(e->w.runner);
	e->writing = e->building;
	e->building = batch_new();
	runner_work(e->w.runner, "store", write_batch, wrote_batch, e);
}
