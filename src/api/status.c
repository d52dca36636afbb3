/* GET status: in one answer all that `penstock status` draws. */
#include "api/api_impl.h"

#define RECENT_RUNS 3   /* ended ones that are shown, too */
#define SHOWN_JOBS  400 /* of a run; those that wait, run or failed go first */

struct shown {
	const struct run *run;
	uint32_t counts[5][JOB_STATES]; /* by stage and state */
	uint32_t amber[5];              /* of the failed ones: that may */
	VEC(const struct job *) jobs;
};
struct view {
	const struct model *m;
	VEC(struct shown) runs;
};

static bool is_shown(const struct view *v, const char *run)
{
	vec_each(s, &v->runs)
		if (streq(s->run->id, run))
			return true;
	return false;
}

static bool run_is_open(const struct model *m, const struct run *run)
{
	const struct release *r = model_release(m, run->release);

	return !run_is_final(run->state) || (r && !release_is_final(r->state));
}

/* Open runs and the newest ended ones, oldest first. */
static void choose_runs(struct view *v)
{
	size_t ended = 0, seen = 0;

	for (struct map_entry *e = NULL; (e = map_next(&v->m->by_kind[AGG_RUN], e));)
		ended += !run_is_open(v->m, e->value);
	for (struct map_entry *e = NULL; (e = map_next(&v->m->by_kind[AGG_RUN], e));) {
		bool open = run_is_open(v->m, e->value);

		if (!open && seen++ + RECENT_RUNS < ended)
			continue;
		vec_push(&v->runs, ((struct shown){.run = e->value}));
	}
}

static bool is_dull(const struct job *job)
{
	return job->state == JOB_CACHED || job->state == JOB_UNAFFECTED;
}

static void collect_jobs(struct view *v)
{
	struct shown *last = NULL;

	for (struct map_entry *e = NULL; (e = map_next(&v->m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (!last || !streq(last->run->id, job->run)) {
			last = NULL;
			vec_each(s, &v->runs)
				last = streq(s->run->id, job->run) ? s : last;
		}
		if (!last)
			continue;
		last->counts[job->stage][job->state]++;
		last->amber[job->stage] += job->state == JOB_FAILED && job->amber;
		if (last->jobs.n < SHOWN_JOBS && !is_dull(job))
			vec_push(&last->jobs, job);
	}
}

static void write_counts(struct json_out *o, const struct shown *s)
{
	json_open(o, "counts");
	for (unsigned stage = STAGE_CI; stage <= STAGE_PRODUCTION; stage++) {
		uint32_t all = 0;

		for (unsigned state = 0; state < JOB_STATES; state++)
			all += s->counts[stage][state];
		if (!all)
			continue;
		json_open(o, stage_names[stage]);
		for (unsigned state = 0; state < JOB_STATES; state++)
			if (s->counts[stage][state])
				json_u64(o, job_state_names[state], s->counts[stage][state]);
		if (s->amber[stage])
			json_u64(o, "amber", s->amber[stage]);
		json_close(o);
	}
	json_close(o);
}

static void write_job(struct json_out *o, const struct job *job)
{
	json_open(o, NULL);
	json_cstr(o, "id", job->id);
	json_cstr(o, "unit", job->unit ? job->unit : "");
	json_cstr(o, "name", job->name);
	json_cstr(o, "stage", stage_names[job->stage]);
	json_cstr(o, "state", job_state_names[job->state]);
	if (job->why)
		json_cstr(o, "why", job->why);
	if (job->error)
		json_cstr(o, "error", job->error);
	if (job->amber)
		json_bool(o, "amber", true);
	if (job->state == JOB_FAILED && job->report.cause) {
		json_open(o, "report");
		json_cstr(o, "cause", job->report.cause);
		json_close(o);
	}
	if (job->attempt > 1)
		json_u64(o, "attempt", job->attempt);
	if (job->started_at)
		json_u64(o, "started_at", job->started_at);
	if (job->ended_at)
		json_u64(o, "ended_at", job->ended_at);
	if (job->junit.tests)
		shape_write(o, "junit", &shape_junit, &job->junit);
	json_close(o);
}

static void write_runs(struct json_out *o, const struct view *v)
{
	json_list(o, "runs");
	for (size_t i = v->runs.n; i-- > 0;) {
		const struct shown *s = &v->runs.v[i];

		thing_open(o, NULL, AGG_RUN, s->run);
		json_bool(o, "under_way", run_is_open(v->m, s->run));
		write_counts(o, s);
		json_list(o, "job_list");
		for (size_t k = 0; k < s->jobs.n; k++)
			write_job(o, s->jobs.v[k]);
		json_unlist(o);
		json_close(o);
	}
	json_unlist(o);
}

static void write_releases(struct json_out *o, const struct view *v)
{
	json_list(o, "releases");
	for (struct map_entry *e = NULL; (e = map_next(&v->m->by_kind[AGG_RELEASE], e));) {
		const struct release *r = e->value;

		if (!release_is_final(r->state) || is_shown(v, r->run))
			thing_write(o, NULL, AGG_RELEASE, r);
	}
	json_unlist(o);
	json_list(o, "rollouts");
	for (struct map_entry *e = NULL; (e = map_next(&v->m->by_kind[AGG_ROLLOUT], e));) {
		const struct rollout *ro = e->value;
		const struct release *r = model_release(v->m, ro->release);

		if (!rollout_is_final(ro->state) || (r && is_shown(v, r->run)))
			thing_write(o, NULL, AGG_ROLLOUT, ro);
	}
	json_unlist(o);
}

static void write_rest(struct json_out *o, const struct model *m)
{
	json_list(o, "environments");
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ENVIRONMENT], e));)
		thing_write(o, NULL, AGG_ENVIRONMENT, e->value);
	json_unlist(o);
	json_list(o, "incidents");
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_INCIDENT], e));) {
		const struct incident *i = e->value;

		if (i->state != INCIDENT_CLOSED)
			thing_write(o, NULL, AGG_INCIDENT, i);
	}
	json_unlist(o);
}

static void write_head(struct json_out *o, struct api *api)
{
	const struct model *m = engine_model(api->e);
	const struct engine_stats *stats = engine_stats(api->e);
	const char *stalled = engine_stalled(api->e);

	json_cstr(o, "version", api->o.version ? api->o.version : "");
	json_u64(o, "now", runner_now(api->runner));
	json_u64(o, "started", api->started);
	json_u64(o, "seq", m->seq);
	json_bool(o, "ready", !stalled);
	if (stalled)
		json_cstr(o, "stalled", stalled);
	json_u64(o, "queue", stats->queue);
	json_u64(o, "outbox", stats->outbox);
	if (model_project(m))
		thing_write(o, "project", AGG_PROJECT, model_project(m));
}

void get_status(struct call *c)
{
	struct json_out o = JSON_OUT(&c->out);
	struct view v = {.m = engine_model(c->api->e)};

	choose_runs(&v);
	collect_jobs(&v);
	json_open(&o, NULL);
	write_head(&o, c->api);
	write_runs(&o, &v);
	write_releases(&o, &v);
	write_rest(&o, v.m);
	json_close(&o);
	vec_each(s, &v.runs)
		vec_done(&s->jobs);
	vec_done(&v.runs);
	call_json(c, 200, &c->out);
}
