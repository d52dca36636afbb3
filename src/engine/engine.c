/* The turn: queued events through step(), into one transaction, then out. */
#include "engine/engine_impl.h"
#include "engine/changes.h"
#include "project/read.h"
#include "base/log.h"

static bool restore_one(void *ctx, const struct store_snapshot *snap)
{
	struct {
		struct engine *e;
		struct err *err;
		enum rc rc;
	} *r = ctx;

	for (unsigned k = 0; k < AGG_KINDS; k++) {
		if (!str_is(snap->kind, aggregate_kind_names[k]))
			continue;
		r->rc = model_restore(&r->e->model, (enum aggregate_kind)k, snap->json, r->err);
		return r->rc == RC_OK;
	}
	r->rc = err_set(r->err, RC_CORRUPT, "snapshot of unknown kind %.*s", (int)snap->kind.n,
			snap->kind.p);
	return false;
}

static bool restore_effect(void *ctx, const struct store_pending *p)
{
	struct {
		struct engine *e;
		struct err *err;
		enum rc rc;
	} *r = ctx;
	struct effect effect = {0};

	r->rc = shape_parse(p->json, (size_t)64 << 20, &shape_effect, &effect, r->err);
	if (r->rc != RC_OK)
		return false;
	outbox_add(r->e, &effect, p->attempts, MAX_OF(p->next, effect.at));
	return true;
}

static enum rc restore(struct engine *e, struct err *err)
{
	struct {
		struct engine *e;
		struct err *err;
		enum rc rc;
	} r = {e, err, RC_OK};
	struct record last;
	bool any = false;

	if (store_last(e->w.store, &last, &any, err) != RC_OK)
		return err_wrap(err, "restore");
	if (any) {
		e->seq = e->model.seq = last.seq;
		e->model.time = last.time;
		e->head = last.hash;
		e->skew = last.time > runner_now(e->w.runner) ? last.time - runner_now(e->w.runner)
							      : 0;
	}
	enum rc rc = store_active(e->w.store, restore_one, &r, err);
	if (rc != RC_OK || r.rc != RC_OK)
		return err_wrap(err, "restore");
	if (model_link(&e->model, err) != RC_OK)
		return err_wrap(err, "restore");
	if (e->o.read_only)
		return RC_OK;
	rc = store_outbox(e->w.store, restore_effect, &r, err);
	if (rc != RC_OK || r.rc != RC_OK)
		return err_wrap(err, "restore the outbox");
	return RC_OK;
}

enum rc engine_new(const struct world *w, const struct engine_options *o, struct engine **ret,
		   struct err *err)
{
	struct engine *e = xcalloc(1, sizeof(*e));

	e->w = *w;
	e->o = *o;
	model_init(&e->model);
	inputs_init(e);
	e->projects = project_cache_new();
	e->building = batch_new();
	enum rc rc = restore(e, err);
	if (rc != RC_OK) {
		engine_free(e);
		return rc;
	}
	*ret = e;
	return RC_OK;
}

static void free_replicas(struct engine *e)
{
	vec_each(r, &e->replicas) {
		char *members[] = {r->key, r->environment, r->unit, r->image, r->address, r->why};

		for (size_t i = 0; i < ARRAY_LEN(members); i++)
			xfree(members[i]);
	}
	vec_done(&e->replicas);
	vec_each(l, &e->leaving) {
		xfree(l->environment);
		xfree(l->unit);
		xfree(l->image);
	}
	vec_done(&e->leaving);
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	for (size_t i = e->queue_at; i < e->queue.n; i++)
		event_done(&e->queue.v[i].ev);
	vec_done(&e->queue);
	batch_free(e->building);
	batch_free(e->writing);
	for (struct map_entry *m = NULL; (m = map_next(&e->outbox, m));) {
		struct pending *p = m->value;

		effect_done(&p->effect);
		xfree(p);
	}
	map_done(&e->outbox);
	map_done(&e->collecting);
	vec_each(u, &e->unread)
		xfree(u->repo);
	vec_done(&e->unread);
	free_replicas(e);
	traffic_free(e);
	vec_done(&e->listeners);
	xfree(e->stalled);
	model_done(&e->model);
	project_cache_free(e->projects);
	xfree(e);
}

void event_take(struct event *to, struct event *from)
{
	*to = *from;
	*from = (struct event){0};
}

static void enqueue(struct engine *e, struct event *ev, engine_answer *done, void *ctx)
{
	struct queued q = {.done = done, .ctx = ctx};

	event_take(&q.ev, ev);
	if (e->stopped) {
		event_done(&q.ev);
		return;
	}
	vec_push(&e->queue, q);
	engine_turn(e);
}

void engine_submit(struct engine *e, struct event *ev)
{
	enqueue(e, ev, NULL, NULL);
}

void engine_ask(struct engine *e, struct event *ev, engine_answer *done, void *ctx)
{
	struct err err = {0};

	if (e->stalled) {
		err_set(&err, RC_UNAVAILABLE,
			"the journal cannot be written: %s; nothing was done, try again when that is mended",
			e->stalled);
		event_done(ev);
		done(ctx, err.rc, &err, 0);
		return;
	}
	enqueue(e, ev, done, ctx);
}

/* A refused order stays in the journal as a refusal: who asked for what, and why not. */
static void journal_refusal(struct engine *e, const struct event *asked, const struct err *err)
{
	struct effects none = {0};
	struct event ev = {.kind = EV_REFUSED, .time = asked->time, .seq = e->seq + 1};
	AUTO(strbuf_done) struct strbuf text = STRBUF(65536);
	struct json_out out = JSON_OUT(&text);
	struct err ignored = {0};

	ev.actor = xstrdup(asked->actor ? asked->actor : "engine");
	ev.address = asked->address ? xstrdup(asked->address) : NULL;
	ev.via = asked->via ? xstrdup(asked->via) : NULL;
	shape_write(&out, NULL, &shape_event, asked);
	ev.text = xasprintf("%s %s", event_kind_names[asked->kind], strbuf_cstr(&text));
	ev.error = xstrdup(err->msg);
	ev.rc = err->rc;
	ev.release = asked->release ? xstrdup(asked->release) : NULL;
	ev.rollout = asked->rollout ? xstrdup(asked->rollout) : NULL;
	ev.environment = asked->environment ? xstrdup(asked->environment) : NULL;
	BUG_ON(step(&e->model, &ev, &none, &ignored) != RC_OK);
	e->seq++;
	batch_add(e, e->building, &ev, &none);
	event_done(&ev);
	effects_done(&none);
	e->stats.refused++;
}

static void apply(struct engine *e, struct queued *q)
{
	struct effects out = {0};
	struct before before = {0};
	struct err err = {0};
	struct event *ev = &q->ev;

	if (!ev->time)
		ev->time = runner_now(e->w.runner) + e->skew;
	ev->time = MAX_OF(ev->time, e->model.time);
	ev->seq = e->seq + 1;
	if (!ev->actor)
		ev->actor = xstrdup("engine");
	if (ev->effect && !outbox_answered(e, ev->effect))
		goto out; /* a second answer */
	before_take(&before, &e->model, ev);
	enum rc rc = step(&e->model, ev, &out, &err);
	before_compare(&before, &e->model, ev);
	if (rc != RC_OK) {
		journal_refusal(e, ev, &err);
		if (q->done)
			vec_push(&e->building->asks,
				 ((struct ask){.done = q->done, .ctx = q->ctx, .refused = err}));
		goto out;
	}
	changes_add_moves(&e->model, ev);
	e->seq++;
	e->stats.events++;
	batch_add(e, e->building, ev, &out);
	if (q->done)
		vec_push(&e->building->asks,
			 ((struct ask){.done = q->done, .ctx = q->ctx, .seq = ev->seq}));
out:
	event_done(ev);
	effects_done(&out);
}

void engine_turn(struct engine *e)
{
	if (e->turning)
		return;
	e->turning = true;
	while (e->queue_at < e->queue.n) {
		struct queued q = e->queue.v[e->queue_at++];

		apply(e, &q);
	}
	e->queue.n = e->queue_at = 0;
	e->turning = false;
	commit_start(e);
}

void engine_start(struct engine *e)
{
	struct event ev = {.kind = EV_STARTED, .slots = e->o.slots, .memory = e->o.memory};

	ev.text = xstrdup(e->o.version ? e->o.version : "");
	e->started = true;
	engine_submit(e, &ev);
	observe_start(e);
	traffic_start(e);
	vec_each(source, &e->w.sources)
		engine_source_changed(e, *source);
	outbox_dispatch_all(e);
}

void engine_stop(struct engine *e)
{
	e->stopped = true;
}

const struct model *engine_model(const struct engine *e)
{
	return &e->model;
}
struct world *engine_world(struct engine *e)
{
	return &e->w;
}
const char *engine_stalled(const struct engine *e)
{
	return e->stalled;
}

const struct engine_stats *engine_stats(const struct engine *e)
{
	struct engine_stats *s = (struct engine_stats *)(uintptr_t)&e->stats;

	s->queue = e->queue.n - e->queue_at;
	s->outbox = e->outbox.n;
	return &e->stats;
}

void engine_listen(struct engine *e, engine_listener *fn, void *ctx)
{
	vec_push(&e->listeners, ((struct listener){fn, ctx}));
}

void engine_unlisten(struct engine *e, engine_listener *fn, void *ctx)
{
	for (size_t i = 0; i < e->listeners.n; i++) {
		if (e->listeners.v[i].fn != fn || e->listeners.v[i].ctx != ctx)
			continue;
		vec_remove(&e->listeners, i);
		return;
	}
}

void engine_replicas(const struct engine *e, void (*each)(void *ctx, const struct replica *r),
		     void *ctx)
{
	vec_each(s, &e->replicas) {
		struct replica r = {.environment = s->environment,
				    .unit = s->unit,
				    .image = s->image,
				    .index = s->index,
				    .state = s->state,
				    .restarts = s->restarts,
				    .probes = s->probes,
				    .exit = s->exit,
				    .why = s->why,
				    .address = s->address,
				    .port = s->port,
				    .since = s->since};
		each(ctx, &r);
	}
}
