/* Aggregates: kept by id in order of creation; read from and written to canonical JSON. */
#include "core/model.h"
#include "core/ready.h"

#define TOUCH_FEW    32
#define SNAPSHOT_MAX ((size_t)64 << 20)
#define MANUAL_KEPT  USEC_DAY

void model_init(struct model *m)
{
	*m = (struct model){0};
}

static void free_aggregate(enum aggregate_kind kind, void *object)
{
	if (kind == AGG_JOB)
		vec_done(&((struct job *)object)->dependents);
	shape_done(aggregate_shapes[kind], object);
	xfree(object);
}

void model_done(struct model *m)
{
	ready_clear(m);
	for (unsigned k = 0; k < AGG_KINDS; k++) {
		for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[k], e));)
			free_aggregate((enum aggregate_kind)k, e->value);
		map_done(&m->by_kind[k]);
	}
	model_untouch(m); /* the index too */
	vec_done(&m->touched);
	vec_done(&m->moves);
}

void *model_get(const struct model *m, enum aggregate_kind kind, const char *id)
{
	return id ? map_get(&m->by_kind[kind], str_of(id)) : NULL;
}

void *model_add(struct model *m, enum aggregate_kind kind, const char *id)
{
	void *object = xcalloc(1, aggregate_shapes[kind]->size);

	BUG_ON(map_get(&m->by_kind[kind], str_of(id)));
	map_put(&m->by_kind[kind], str_of(id), object);
	model_touch(m, kind, id);
	if (kind == AGG_RUN || kind == AGG_RELEASE || kind == AGG_ROLLOUT || kind == AGG_INCIDENT ||
	    kind == AGG_ENVIRONMENT)
		model_moved(m, kind, id, NULL);
	return object;
}

void model_forget(struct model *m, enum aggregate_kind kind, const char *id)
{
	void *object = map_del(&m->by_kind[kind], str_of(id));

	if (object)
		free_aggregate(kind, object);
}

static char *touch_key(enum aggregate_kind kind, const char *id)
{
	return xasprintf("%u/%s", (unsigned)kind, id);
}

/* Few are looked for one by one; many (the jobs of a big run) by an index. */
static bool is_touched(struct model *m, enum aggregate_kind kind, const char *id)
{
	if (m->touched.n < TOUCH_FEW) {
		vec_each(t, &m->touched)
			if (t->kind == kind && streq(t->id, id))
				return true;
		return false;
	}
	for (size_t i = m->touch_index.n; i < m->touched.n; i++) {
		AUTO(freep) char *key = touch_key(m->touched.v[i].kind, m->touched.v[i].id);

		map_put(&m->touch_index, str_of(key), m);
	}
	AUTO(freep) char *key = touch_key(kind, id);
	return map_get(&m->touch_index, str_of(key)) != NULL;
}

void model_touch(struct model *m, enum aggregate_kind kind, const char *id)
{
	if (!is_touched(m, kind, id))
		vec_push(&m->touched, ((struct touch){.kind = kind, .id = xstrdup(id)}));
}

void model_moved(struct model *m, enum aggregate_kind kind, const char *id, const char *from)
{
	vec_each(move, &m->moves)
		if (move->kind == kind && streq(move->id, id))
			return;
	vec_push(&m->moves, ((struct state_move){kind, xstrdup(id), from}));
}

const char *model_state(const struct model *m, enum aggregate_kind kind, const char *id)
{
	const void *thing = model_get(m, kind, id);

	if (!thing)
		return NULL;
	switch (kind) {
	case AGG_RUN:
		return run_state_names[((const struct run *)thing)->state];
	case AGG_RELEASE:
		return release_state_names[((const struct release *)thing)->state];
	case AGG_ROLLOUT:
		return rollout_state_names[((const struct rollout *)thing)->state];
	case AGG_INCIDENT:
		return incident_state_names[((const struct incident *)thing)->state];
	case AGG_ENVIRONMENT:
		return stage_names[((const struct environment *)thing)->stage];
	case AGG_PROJECT:
	case AGG_CONFIG:
	case AGG_JOB:
	case AGG_AGENT:
	case AGG_HISTORY:
	case AGG_QUEUE:
	case AGG_SOURCE:
	case AGG_USER:
	case AGG_TOKEN:
	case AGG_SESSION:
	case AGG_GRANT:
	case AGG_KINDS:
		break;
	}
	return NULL;
}

void model_untouch(struct model *m)
{
	vec_each(move, &m->moves)
		xfree(move->id);
	m->moves.n = 0;
	vec_each(t, &m->touched)
		xfree(t->id);
	m->touched.n = 0;
	map_done(&m->touch_index);
}

struct project *model_project(const struct model *m)
{
	return model_get(m, AGG_PROJECT, "project");
}
struct run *model_run(const struct model *m, const char *id)
{
	return model_get(m, AGG_RUN, id);
}
struct job *model_job(const struct model *m, const char *id)
{
	return model_get(m, AGG_JOB, id);
}
struct release *model_release(const struct model *m, const char *id)
{
	return model_get(m, AGG_RELEASE, id);
}
struct rollout *model_rollout(const struct model *m, const char *id)
{
	return model_get(m, AGG_ROLLOUT, id);
}
struct environment *model_environment(const struct model *m, const char *id)
{
	return model_get(m, AGG_ENVIRONMENT, id);
}
struct incident *model_incident(const struct model *m, const char *id)
{
	return model_get(m, AGG_INCIDENT, id);
}

struct project_repo *model_source(const struct model *m, const char *repo)
{
	return model_get(m, AGG_SOURCE, repo);
}

struct repo_ref *source_ref(const struct project_repo *src, const char *ref)
{
	size_t low = 0, high = src ? src->refs.n : 0;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(src->refs.v[mid].ref, ref);

		if (order == 0)
			return &src->refs.v[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

struct agent *model_agent(const struct model *m, const char *id)
{
	return model_get(m, AGG_AGENT, id);
}

struct history *model_history(const struct model *m, const char *unit, const char *job)
{
	AUTO(freep) char *id = xasprintf("%s/%s", unit && *unit ? unit : "-", job);

	return model_get(m, AGG_HISTORY, id);
}

struct merge_queue *model_queue(const struct model *m, const char *repo, const char *target)
{
	AUTO(freep) char *id = xasprintf("%s:%s", repo, target);

	return model_get(m, AGG_QUEUE, id);
}

struct user *model_user(const struct model *m, const char *id)
{
	return model_get(m, AGG_USER, id);
}
struct token *model_token(const struct model *m, const char *id)
{
	return model_get(m, AGG_TOKEN, id);
}
struct session *model_session(const struct model *m, const char *id)
{
	return model_get(m, AGG_SESSION, id);
}
struct grant *model_grant(const struct model *m, const char *id)
{
	return model_get(m, AGG_GRANT, id);
}

const struct unit *model_unit(const struct model *m, const char *name,
			      const struct config **ret_config)
{
	const struct project *p = model_project(m);

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_SOURCE], e));) {
		const struct config *c = model_config(m, ((struct project_repo *)e->value)->config);
		const struct unit *u = c ? config_unit(c, name) : NULL;

		if (u && ret_config)
			*ret_config = c;
		if (u)
			return u;
	}
	const struct config *c =
		p ? model_config(m, p->config) : NULL; /* of a journal that knew one repository */

	if (ret_config)
		*ret_config = c;
	return c ? config_unit(c, name) : NULL;
}

const struct config *model_config(const struct model *m, const char *digest)
{
	const struct config_ref *ref = model_get(m, AGG_CONFIG, digest);

	return ref ? &ref->config : NULL;
}

enum rc model_restore(struct model *m, enum aggregate_kind kind, struct str json, struct err *err)
{
	void *object = xcalloc(1, aggregate_shapes[kind]->size);
	const char *id = NULL;

	if (shape_parse(json, SNAPSHOT_MAX, aggregate_shapes[kind], object, err) != RC_OK) {
		xfree(object);
		return err_wrap(err, "%s", aggregate_kind_names[kind]);
	}
	memcpy(&id, object, sizeof(id)); /* every aggregate begins with its id */
	if (!id || model_get(m, kind, id)) {
		enum rc rc = err_set(err, RC_CORRUPT, "%s snapshot %s", aggregate_kind_names[kind],
				     id ? "stands twice" : "has no id");

		free_aggregate(kind, object);
		return rc;
	}
	map_put(&m->by_kind[kind], str_of(id), object);
	return RC_OK;
}

/* A need that is gone from memory was settled: what still waits for it would have kept it. One that goes on in its kept workspace was. */
static void link_job(struct model *m, struct job *job)
{
	job->waiting = 0;
	vec_each(need, &job->needs) {
		struct job *on = model_job(m, *need);

		if (!on || on->settled || on->resumed)
			continue;
		job->waiting++;
		vec_push(&on->dependents, job);
	}
}

enum rc model_link(struct model *m, struct err *err)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		struct job *job = e->value;

		if (!model_run(m, job->run))
			return err_set(err, RC_CORRUPT, "job %s stands without its run", job->id);
		job->dependents.n = 0;
	}
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));)
		link_job(m, e->value);
	ready_rebuild(m);
	return RC_OK;
}

void model_snapshot(const struct model *m, enum aggregate_kind kind, const char *id,
		    struct strbuf *to)
{
	const void *object = model_get(m, kind, id);
	struct json_out out = JSON_OUT(to);

	BUG_ON(!object);
	shape_write(&out, NULL, aggregate_shapes[kind], object);
}

/* Nothing of it moves any more. */
static bool release_is_over(const struct model *m, const struct release *r)
{
	if (!release_is_final(r->state))
		return false;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ROLLOUT], e));) {
		const struct rollout *ro = e->value;

		if (streq(ro->release, r->id) && !rollout_is_final(ro->state))
			return false;
	}
	return true;
}

/* What runs somewhere, or is what would come back there, is still needed: to be taken back, in Git, too. Its run and rollouts are not. */
static bool release_is_live(const struct model *m, const char *id)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ENVIRONMENT], e));) {
		const struct environment *env = e->value;

		vec_each(l, &env->live)
			if (streq(l->release, id) || streq(l->previous_release, id))
				return true;
	}
	return false;
}

static bool release_is_ended(const struct model *m, const struct release *r)
{
	return release_is_over(m, r) && !release_is_live(m, r->id);
}

static bool run_is_ended(const struct model *m, const struct run *run)
{
	const struct release *r = model_release(m, run->release);

	if (run->manual && m->time < run->ended_at + MANUAL_KEPT)
		return false; /* somebody may still start them */
	return run_is_final(run->state) && run->open == 0 &&
	       (!r || (release_is_over(m, r) && r->jobs_open == 0));
}

static bool config_is_ended(const struct model *m, const char *digest)
{
	const struct project *p = model_project(m);

	if (p && streq(p->config, digest))
		return false;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_SOURCE], e));)
		if (streq(((struct project_repo *)e->value)->config, digest))
			return false;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_RUN], e));) {
		const struct run *run = e->value;

		if (streq(run->config, digest) && !run_is_ended(m, run))
			return false;
	}
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_RELEASE], e));) {
		const struct release *r = e->value;

		if (streq(r->config, digest) && !release_is_ended(m, r))
			return false;
	}
	return true;
}

bool model_is_ended(const struct model *m, enum aggregate_kind kind, const char *id)
{
	switch (kind) {
	case AGG_RUN:
		return run_is_ended(m, model_run(m, id));
	case AGG_JOB: {
		const struct run *run = model_run(m, model_job(m, id)->run);

		return !run || run_is_ended(m, run);
	}
	case AGG_RELEASE:
		return release_is_ended(m, model_release(m, id));
	case AGG_ROLLOUT: {
		const struct rollout *ro = model_rollout(m, id);
		const struct release *r = model_release(m, ro->release);

		return rollout_is_final(ro->state) && (!r || release_is_over(m, r));
	}
	case AGG_CONFIG:
		return config_is_ended(m, id);
	case AGG_INCIDENT:
		return model_incident(m, id)->state == INCIDENT_CLOSED;
	case AGG_AGENT:
		return agent_is_over(model_agent(m, id));
	case AGG_TOKEN:
		return model_token(m, id)->ended_at != 0;
	case AGG_SESSION:
		return model_session(m, id)->ended_at != 0;
	case AGG_GRANT:
		return model_grant(m, id)->ended_at != 0;
	case AGG_PROJECT:
	case AGG_ENVIRONMENT:
	case AGG_HISTORY:
	case AGG_QUEUE:
	case AGG_SOURCE:
	case AGG_USER:
	case AGG_KINDS:
		return false;
	}
	return false;
}
