/* Effects that wait for their answer: done on workers, tried again when the world was away. */
#include "engine/engine_impl.h"
#include "base/digest.h"
#include "base/log.h"
#include <stdlib.h>

#define WAIT (50 * USEC_MS)

/* How often, and with which pauses. Taking traffic away is tried for ever. */
static const struct {
	uint32_t max;
	usec_t first, most;
} retry[EFFECT_KINDS] = {
	[EF_READ_CHANGE] = {10, 200 * USEC_MS, 30 * USEC_SEC},
	[EF_START_JOB] = {4, 200 * USEC_MS, 5 * USEC_SEC},
	[EF_CANCEL_JOB] = {20, 200 * USEC_MS, 5 * USEC_SEC},
	[EF_PACK_IMAGE] = {4, 200 * USEC_MS, 5 * USEC_SEC},
	[EF_ATTEST] = {10, 200 * USEC_MS, 10 * USEC_SEC},
	[EF_VERIFY_EVIDENCE] = {10, 200 * USEC_MS, 10 * USEC_SEC},
	[EF_PLAN_DEPLOY] = {10, 200 * USEC_MS, 10 * USEC_SEC},
	[EF_WRITE_DESIRED] = {20, 200 * USEC_MS, 30 * USEC_SEC},
	[EF_START_REPLICAS] = {10, 200 * USEC_MS, 5 * USEC_SEC},
	[EF_STOP_REPLICAS] = {UINT32_MAX, 200 * USEC_MS, 10 * USEC_SEC},
	[EF_SET_WEIGHT] = {UINT32_MAX, 50 * USEC_MS, USEC_SEC},
	[EF_WATCH] = {1, 0, 0},
	[EF_REVERT_CHANGE] = {20, USEC_SEC, 60 * USEC_SEC},
	[EF_NOTIFY] = {12, USEC_SEC, 120 * USEC_SEC},
	[EF_MERGE] = {10, 200 * USEC_MS, 30 * USEC_SEC},
	[EF_LAND] = {10, 200 * USEC_MS, 30 * USEC_SEC},
	[EF_TIMER] = {1, 0, 0},
};

void outbox_add(struct engine *e, struct effect *effect, uint32_t attempts, usec_t next)
{
	struct pending *p = xcalloc(1, sizeof(*p));

	p->effect = *effect;
	*effect = (struct effect){0};
	p->attempts = attempts;
	p->next = next > e->skew ? next - e->skew
				 : 0; /* ordered by the journal's time, done by the clock */
	BUG_ON(map_put(&e->outbox, str_of(p->effect.id), p) != NULL);
}

static void drop(struct engine *e, struct pending *p)
{
	map_del(&e->outbox, str_of(p->effect.id));
	effect_done(&p->effect);
	xfree(p);
}

bool outbox_answered(struct engine *e, const char *id)
{
	struct pending *p = map_get(&e->outbox, str_of(id));

	if (!p)
		return false;
	map_del(&e->outbox, str_of(id));
	if (p->running) {
		p->attempts = UINT32_MAX; /* its own return frees it */
		return true;
	}
	effect_done(&p->effect);
	xfree(p);
	return true;
}

struct doing {
	struct engine *e;
	struct pending *p;
	struct order_context context;
	struct outcome outcome;
	struct err err;
	enum rc rc;
	usec_t began, ended;
};

static void free_doing(struct doing *d)
{
	for (size_t i = 0; i < d->context.n_servers; i++) {
		xfree((void *)(uintptr_t)d->context.servers[i].image);
		xfree((void *)(uintptr_t)d->context.servers[i].address);
	}
	xfree(d->context.servers);
	vec_each(t, &d->context.times) {
		xfree(t->unit);
		xfree(t->job);
		xfree(t->file);
	}
	vec_done(&d->context.times);
	vec_each(image, &d->context.images)
		xfree(*image);
	vec_done(&d->context.images);
	vec_each(include, &d->context.includes)
		xfree(*include);
	vec_done(&d->context.includes);
	if (d->context.incident) {
		shape_done(aggregate_shapes[AGG_INCIDENT], d->context.incident);
		xfree(d->context.incident);
	}
	event_done(&d->outcome.ev);
	xfree(d);
}

static void do_it(void *arg)
{
	struct doing *d = arg;

	d->rc = perform(d->e, &d->p->effect, &d->context, &d->outcome, &d->err);
}

/* Done without an event: only the outbox must know. */
static void silently_done(struct engine *e, struct pending *p)
{
	vec_push(&e->building->done, xstrdup(p->effect.id));
	drop(e, p);
	commit_start(e);
}

static bool may_try_again(enum rc rc)
{
	return rc == RC_UNAVAILABLE || rc == RC_NO_SPACE;
}

static void later(void *arg)
{
	struct doing *d = arg;
	struct engine *e = d->e;
	struct pending *p = map_get(&e->outbox, str_of(d->err.msg)); /* the id stands in msg */

	if (p) {
		p->running = false;
		if (!e->stopped)
			outbox_dispatch(e, p);
	}
	xfree(d);
}

static void set_timer(struct engine *e, struct pending *p, usec_t at)
{
	struct doing *d = xcalloc(1, sizeof(*d));

	d->e = e;
	err_set(&d->err, RC_OK, "%s", p->effect.id);
	p->running = false;
	runner_timer(e->w.runner, at, later, d);
}

static void try_again(struct engine *e, struct pending *p, const struct err *why)
{
	usec_t pause = retry[p->effect.kind].first;
	struct err ignored = {0};

	for (uint32_t i = 1; i < p->attempts && pause < retry[p->effect.kind].most; i++)
		pause = MIN_OF(pause * 2, retry[p->effect.kind].most);
	e->stats.effect_retries++;
	p->next = runner_now(e->w.runner) + pause;
	if (p->attempts <= 3 || p->attempts % 20 == 0)
		LOG(LOG_WARN, "an effect failed and will be tried again",
		    LF("effect", p->effect.id), LF("kind", effect_kind_names[p->effect.kind]),
		    LFN("attempt", p->attempts), LF("error", why->msg));
	/* Best effort: without it a restart only tries sooner. */
	if (store_defer(e->w.store, str_of(p->effect.id), p->attempts, p->next, &ignored) != RC_OK)
		LOG(LOG_DEBUG, "attempts not stored", LF("error", ignored.msg));
	set_timer(e, p, p->next);
}

/*
 * Ids as W3C Trace Context has them: the trace is the run (or release, or rollout) that an effect serves, the span is the effect. They follow
 * from our own ids, so that every line about a run has the same trace, also after a restart.
 */
static void log_done(const struct doing *d)
{
	const struct effect *f = &d->p->effect;
	const char *of = f->run        ? f->run
			 : f->release  ? f->release
			 : f->rollout  ? f->rollout
			 : f->incident ? f->incident
				       : f->lane;
	struct digest trace = digest_of(str_of(of)), span = digest_of(str_of(f->id));
	char hex[DIGEST_HEX + 1], span_hex[DIGEST_HEX + 1];

	digest_hex(trace, hex);
	digest_hex(span, span_hex);
	hex[32] = span_hex[16] = '\0';
	LOG(LOG_INFO, effect_kind_names[f->kind], LF("effect", f->id), LF("of", of),
	    LF("result", rc_name(d->rc)), LFN("usec", runner_now(d->e->w.runner) - d->began),
	    LF("trace_id", hex), LF("span_id", span_hex));
}

static void did_it(void *arg)
{
	struct doing *d = arg;
	struct engine *e = d->e;
	struct pending *p = d->p;

	e->stats.effects++;
	e->stats.effect_usec += runner_now(e->w.runner) - d->began;
	log_done(d);
	p->running = false;
	if (p->attempts == UINT32_MAX) { /* answered by somebody else meanwhile */
		effect_done(&p->effect);
		xfree(p);
		free_doing(d);
		return;
	}
	if (e->stopped) {
		free_doing(d);
		return;
	}
	p->attempts++;
	if (d->rc != RC_OK && may_try_again(d->rc) && p->attempts < retry[p->effect.kind].max) {
		try_again(e, p, &d->err);
		free_doing(d);
		return;
	}
	if (d->rc != RC_OK) {
		e->stats.effect_failures++;
		/* a job that cannot be started is a failed job: that is how people see it */
		LOG(p->effect.kind == EF_START_JOB ? LOG_WARN : LOG_ERROR, "an effect failed",
		    LF("effect", p->effect.id), LF("kind", effect_kind_names[p->effect.kind]),
		    LF("error", d->err.msg));
		struct change seen = d->outcome.ev.change; /* whose it is was read already */
		d->outcome.ev.change = (struct change){0};
		event_done(&d->outcome.ev);
		fail_outcome(&p->effect, &d->err, &d->outcome.ev);
		if (p->effect.kind == EF_READ_CHANGE && seen.commit) {
			shape_done(&shape_change, &d->outcome.ev.change);
			d->outcome.ev.change = seen;
		} else {
			shape_done(&shape_change, &seen);
		}
		d->outcome.silent = false;
	}
	if (p->effect.kind == EF_STOP_REPLICAS)
		leaving_del(e, p->effect.environment, p->effect.unit, p->effect.image);
	AUTO(freep)
	char *env =
		p->effect.kind == EF_START_REPLICAS ? xstrdup(p->effect.deploy.environment) : NULL;
	AUTO(freep) char *unit = env ? xstrdup(p->effect.deploy.unit) : NULL;
	AUTO(freep) char *image = env ? xstrdup(p->effect.deploy.image) : NULL;
	if (d->outcome.silent) {
		silently_done(e, p);
	} else {
		xfree(d->outcome.ev.effect);
		d->outcome.ev.effect = xstrdup(p->effect.id);
		engine_submit(e, &d->outcome.ev);
	}
	free_doing(d);
	if (env)
		observe_set_again(e, env, unit, image);
}

/* Is this version meant to run: live, or being rolled out? */
static bool is_wanted(const struct model *m, const struct deploy *d)
{
	const struct environment *env = model_environment(m, d->environment);

	for (size_t i = 0; env && i < env->live.n; i++)
		if (streq(env->live.v[i].unit, d->unit) && streq(env->live.v[i].image, d->image))
			return true;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ROLLOUT], e));) {
		const struct rollout *ro = e->value;

		if (streq(ro->environment, d->environment) && streq(ro->unit, d->unit) &&
		    streq(ro->image, d->image) && ro->state != ROLLOUT_ABORTING &&
		    !rollout_is_final(ro->state))
			return true;
	}
	return false;
}

/* A later rollout of this service, in a state that counts: it wrote what it wants (desired), or is about to. */
static bool has_later(const struct model *m, const struct effect *f, bool wrote)
{
	bool later = false;

	for (struct map_entry *at = NULL; (at = map_next(&m->by_kind[AGG_ROLLOUT], at));) {
		const struct rollout *ro = at->value;

		if (later && (wrote ? ro->desired != NULL : ro->state == ROLLOUT_PLANNED) &&
		    streq(ro->unit, f->deploy.unit) &&
		    streq(ro->environment, f->deploy.environment))
			return true;
		later = later || streq(ro->id, f->rollout);
	}
	return false;
}

/* A way back in Git that was held up must not come after what a later rollout is writing just now: first that one's answer. */
static bool must_wait(struct engine *e, const struct effect *f)
{
	return f->kind == EF_WRITE_DESIRED && !f->type && has_later(&e->model, f, false);
}

/* What a later order has overtaken must not be carried out after it: a weight; a start of what was taken back since; a try of a job that is over. */
static bool is_overtaken(struct engine *e, const struct effect *f)
{
	const struct rollout *ro = model_rollout(&e->model, f->rollout);
	const struct job *job = model_job(&e->model, f->job);

	if (f->kind == EF_SET_WEIGHT)
		return !ro || ro->weight != f->weight; /* no rollout: it is over and forgotten */
	if (f->kind == EF_START_REPLICAS)
		return !is_wanted(&e->model, &f->deploy);
	if (f->kind == EF_WRITE_DESIRED)
		return f->type ? !ro || ro->state != ROLLOUT_PLANNED
			       : !is_wanted(&e->model, &f->deploy) || has_later(&e->model, f, true);
	if (f->kind == EF_START_JOB || f->kind == EF_PACK_IMAGE)
		return !job || job->state != JOB_RUNNING ||
		       job->attempt != f->spec.attempt; /* no job: its run is over and forgotten */
	return false;
}

static void answer_at_once(struct engine *e, struct pending *p)
{
	struct event ev = {0};

	if (p->effect.kind == EF_TIMER) {
		ev.kind = EV_TIMER;
		ev.text = xstrdup(p->effect.text ? p->effect.text : "");
		ev.release = p->effect.release ? xstrdup(p->effect.release) : NULL;
		ev.rollout = p->effect.rollout ? xstrdup(p->effect.rollout) : NULL;
		ev.environment = p->effect.environment ? xstrdup(p->effect.environment) : NULL;
		ev.type = p->effect.type ? xstrdup(p->effect.type) : NULL;
		ev.until = p->effect.at;
	} else {
		traffic_history(e, p->effect.rollout, &ev);
	}
	ev.effect = xstrdup(p->effect.id);
	engine_submit(e, &ev);
}

static int by_file(const void *a, const void *b)
{
	const struct known_time *x = a, *y = b;
	int unit = strcmp(x->unit, y->unit), job = strcmp(x->job, y->job);

	return unit ? unit : job ? job : strcmp(x->file, y->file);
}

/* How long files' tests took, for jobs that are split. */
static void add_times(struct engine *e, struct order_context *c)
{
	for (struct map_entry *m = NULL; (m = map_next(&e->model.by_kind[AGG_HISTORY], m));) {
		const struct history *h = m->value;
		struct str job = str_of(h->id), unit = str_cut(&job, '/');

		for (size_t i = 0; i < h->files.n; i++)
			vec_push(&c->times,
				 ((struct known_time){
					 str_is(unit, "-") ? xstrdup("") : xstrndup(unit.p, unit.n),
					 xstrndup(job.p, job.n), xstrdup(h->files.v[i].file),
					 h->files.v[i].usec}));
	}
	if (c->times.n)
		qsort(c->times.v, c->times.n, sizeof(*c->times.v), by_file);
}

static void add_trusted(struct engine *e, const char *repo, struct order_context *c)
{
	const struct project_repo *src = model_source(&e->model, repo);
	const struct config *known = src ? model_config(&e->model, src->config) : NULL;

	for (size_t i = 0; known && i < known->jobs.n; i++) {
		const struct job_def *def = &known->jobs.v[i];

		if (def->container)
			vec_push(&c->images, xstrdup(def->container));
		for (size_t k = 0; k < def->services.n; k++)
			vec_push(&c->images, xstrdup(def->services.v[k].image));
	}
	for (size_t i = 0; known && i < known->includes.n; i++)
		vec_push(&c->includes, xstrdup(known->includes.v[i].from));
}

static void add_context(struct engine *e, const struct effect *f, struct order_context *c)
{
	if (f->kind == EF_STOP_REPLICAS) {
		leaving_add(e, f->environment, f->unit, f->image);
		c->n_servers = servers_of(e, f->environment, f->unit, f->image, &c->servers);
	}
	if (f->kind == EF_READ_CHANGE)
		add_times(e, c);
	if (f->kind == EF_READ_CHANGE && f->change.kind == CHANGE_PULL)
		add_trusted(e, f->change.repo, c);
	const struct incident *i =
		f->kind == EF_NOTIFY ? model_incident(&e->model, f->incident) : NULL;
	if (i) {
		c->incident = xcalloc(1, sizeof(*c->incident));
		shape_copy(aggregate_shapes[AGG_INCIDENT], c->incident, i);
	}
}

void outbox_dispatch(struct engine *e, struct pending *p)
{
	usec_t now = runner_now(e->w.runner);

	if (p->running)
		return;
	if (must_wait(e, &p->effect))
		p->next = now + WAIT;
	if (p->next > now) {
		set_timer(e, p, p->next);
		p->running = true;
		return;
	}
	if (p->effect.kind == EF_TIMER || p->effect.kind == EF_WATCH) {
		answer_at_once(e, p);
		return;
	}
	if (is_overtaken(e, &p->effect)) {
		silently_done(e, p);
		return;
	}
	struct doing *d = xcalloc(1, sizeof(*d));
	d->e = e;
	d->p = p;
	d->began = now;
	p->running = true;
	add_context(e, &p->effect, &d->context);
	struct err ignored = {0};
	if (p->effect.kind ==
	    EF_CANCEL_JOB) /* heard by a start before it in this lane, which may fetch an image for minutes */
		(void)!exec_cancel(e->w.exec, p->effect.job, &ignored);
	runner_work(e->w.runner, p->effect.lane, do_it, did_it, d);
}

void outbox_dispatch_all(struct engine *e)
{
	texts ids = {0};

	for (struct map_entry *m = NULL; (m = map_next(&e->outbox, m));)
		vec_push(&ids, xstrdup(m->key));
	vec_each(id, &ids) {
		struct pending *p = map_get(&e->outbox, str_of(*id));

		if (p)
			outbox_dispatch(e, p);
		xfree(*id);
	}
	vec_done(&ids);
}
