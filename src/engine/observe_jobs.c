/* Jobs end by themselves: their results are fetched, kept, and told. */
#include "engine/engine_impl.h"
#include "project/results.h"
#include "base/log.h"

struct collect {
	struct engine *e;
	char *job, *key, *run;
	struct exec_end end;
	struct err err;
	enum rc rc;
};

static bool is_local(const struct job *job)
{
	return !job->agent || streq(job->agent, "local");
}

/* The key under which a passed job's result is kept; NULL: it is not. */
static char *cache_key(const struct engine *e, const struct job *job)
{
	const struct run *run = job ? model_run(&e->model, job->run) : NULL;

	if (!run || !job->key || !*job->key || job->stage != STAGE_CI || job->resumed ||
	    job->unkeyed)
		return NULL;
	AUTO(freep) char *scope = result_scope(&run->change);
	return result_key(scope, job->key);
}

/* On the worker. */
static void cache_result(const struct collect *c)
{
	const struct exec_end *end = &c->end;
	struct err err = {0};

	if (!c->key || end->failure != FAILURE_NONE)
		return;
	struct result r = {.key = c->key,
			   .outputs = end->outputs,
			   .log = end->log,
			   .run = c->run,
			   .exit = end->exit,
			   .usec = end->ended_at - end->started_at};
	if (blobs_put_result(c->e->w.blobs, &r, &err) != RC_OK)
		LOG(err.rc == RC_CONFLICT ? LOG_WARN : LOG_ERROR,
		    "a job's result is not kept in the cache", LF("job", c->job),
		    LF("error", err.msg));
}

static void collect_it(void *arg)
{
	struct collect *c = arg;

	c->rc = exec_collect(c->e->w.exec, c->job, &c->e->exec_inputs, &c->end, &c->err);
	if (c->rc == RC_OK)
		cache_result(c);
}

static void collected(void *arg)
{
	struct collect *c = arg;
	struct engine *e = c->e;
	struct job *job = model_job(&e->model, c->job);
	struct event ev = {.kind = EV_JOB_ENDED};

	map_del(&e->collecting, str_of(c->job));
	if (c->rc == RC_UNAVAILABLE || c->rc == RC_NO_SPACE || e->stopped) {
		LOG(LOG_WARN, "a job's result cannot be fetched yet", LF("job", c->job),
		    LF("error", c->err.msg));
		goto out; /* the next poll tries again */
	}
	ev.job = xstrdup(c->job);
	ev.id = job && !is_local(job) ? xstrdup(job->agent) : NULL;
	if (c->rc != RC_OK) {
		ev.failure = FAILURE_INFRA;
		ev.exit = -1;
		ev.error = xstrdup(c->err.msg);
		ev.count = job ? job->attempt : 0;
	} else {
		ev.count = c->end.attempt;
		ev.exit = c->end.exit;
		ev.failure = c->end.failure;
		ev.error = c->end.error ? xstrdup(c->end.error) : NULL;
		ev.log = c->end.log ? xstrdup(c->end.log) : NULL;
		ev.outputs = c->end.outputs ? xstrdup(c->end.outputs) : NULL;
		shape_copy(&shape_junit, &ev.junit, &c->end.junit);
		shape_copy(&shape_job_report, &ev.report, &c->end.report);
		for (size_t i = 0; i < c->end.times.n; i++)
			vec_push(&ev.times, c->end.times.v[i]);
		c->end.times.n = 0; /* the event's now */
		ev.started_at = c->end.started_at;
		ev.ended_at = c->end.ended_at;
	}
	engine_submit(e, &ev);
out:
	exec_end_done(&c->end);
	xfree(c->job);
	xfree(c->key);
	xfree(c->run);
	xfree(c);
}

struct forget {
	struct engine *e;
	char *job;
};

static void forget_it(void *arg)
{
	struct forget *f = arg;
	struct err err = {0};

	if (exec_forget(f->e->w.exec, f->job, &err) != RC_OK)
		LOG(LOG_DEBUG, "a job's folder stays", LF("job", f->job), LF("error", err.msg));
}

static void forgot(void *arg)
{
	struct forget *f = arg;

	map_del(&f->e->collecting, str_of(f->job));
	xfree(f->job);
	xfree(f);
}

static void forget(struct engine *e, const char *job)
{
	AUTO(freep) char *lane = xasprintf("job/%s", job);
	struct forget *f = xcalloc(1, sizeof(*f));

	map_put(&e->collecting, str_of(job), e);
	f->e = e;
	f->job = xstrdup(job);
	runner_work(e->w.runner, lane, forget_it, forgot, f);
}

static void collect(struct engine *e, const struct job *of)
{
	const char *job = of->id;
	AUTO(freep) char *lane = xasprintf("job/%s", job);
	struct collect *c = xcalloc(1, sizeof(*c));

	map_put(&e->collecting, str_of(job), e);
	c->e = e;
	c->job = xstrdup(job);
	c->key = cache_key(e, of);
	c->run = c->key ? xstrdup(of->run) : NULL;
	runner_work(e->w.runner, lane, collect_it, collected, c);
}

/* A crash now needs no second run. */
void observe_ended(struct engine *e, const char *id)
{
	const struct job *job = model_job(&e->model, id);

	if (!e->stopped && !map_get(&e->collecting, str_of(id)) &&
	    (!job || (job->kind == JOB_RUN && job->state != JOB_RUNNING)))
		forget(e, id);
}

/* An ended job of this attempt is fetched; one that nobody waits for any more is removed. */
static void see_job(void *ctx, const struct exec_seen *seen)
{
	struct engine *e = ctx;
	const struct job *job = model_job(&e->model, seen->job);

	bool wanted = job && job->state == JOB_RUNNING && job->attempt <= seen->attempt;
	bool durable = !e->committing && e->building->records.n == 0; /* its end is, too */
	if (seen->running || map_get(&e->collecting, str_of(seen->job)))
		return;
	if (wanted)
		collect(e, job);
	else if (
		durable &&
		!(job &&
		  job->state ==
			  JOB_RUNNING)) /* else its next attempt is being started, which removes this one */
		forget(e, seen->job);
}

void observe_jobs(struct engine *e)
{
	struct err err = {0};

	if (!e->stopped && exec_poll(e->w.exec, see_job, e, &err) != RC_OK)
		LOG(LOG_WARN, "jobs cannot be looked at", LF("error", err.msg));
}

static void note_job(void *ctx, const struct exec_seen *seen)
{
	struct map *known = ctx;

	map_put(known, str_of(seen->job), known);
}

/* A running job of this machine (or of this agent) that the executor does not know, and whose start is not under way, was lost. */
static void find_lost(struct engine *e, const char *agent)
{
	struct map known = {0}, starting = {0};
	struct err err = {0};
	texts lost = {0};

	if (exec_poll(e->w.exec, note_job, &known, &err) != RC_OK)
		goto out;
	for (struct map_entry *m = NULL; (m = map_next(&e->outbox, m));) {
		const struct pending *p = m->value;

		if (p->effect.kind == EF_START_JOB || p->effect.kind == EF_PACK_IMAGE)
			map_put(&starting, str_of(p->effect.job), e);
	}
	for (struct map_entry *m = NULL; (m = map_next(&e->model.by_kind[AGG_JOB], m));) {
		const struct job *job = m->value;

		if (job->state == JOB_RUNNING && job->kind == JOB_RUN &&
		    (agent ? streq(job->agent, agent) : is_local(job)) &&
		    !map_get(&known, str_of(job->id)) && !map_get(&starting, str_of(job->id)) &&
		    !map_get(&e->collecting, str_of(job->id)) && !e->committing)
			vec_push(&lost, xstrdup(job->id));
	}
	vec_each(id, &lost) {
		struct event ev = {.kind = EV_JOB_ENDED, .failure = FAILURE_INFRA, .exit = -1};

		ev.count = model_job(&e->model, *id)->attempt;
		ev.job = *id;
		ev.id = agent ? xstrdup(agent) : NULL;
		ev.error = agent ? xasprintf("agent %s does not know this job any more", agent)
				 : xstrdup("the executor lost it");
		engine_submit(e, &ev);
	}
out:
	vec_done(&lost);
	map_done(&known);
	map_done(&starting);
}

void observe_lost(struct engine *e)
{
	find_lost(e, NULL);
}

void engine_agent_back(struct engine *e, const char *agent)
{
	find_lost(e, agent);
}
