/* The fields of events and effects. */
#include "core/effect.h"
#include "core/chain.h"

#define PAYLOAD_MAX ((size_t)256 << 20)

#define ENUM_TEXT(name, text)         text,
#define ENUM_DEFINE(type, MAP, count) const char *const type##_names[count] = {MAP(ENUM_TEXT)};
ENUM_DEFINE(event_kind, EVENT_MAP, EVENT_KINDS)
ENUM_DEFINE(effect_kind, EFFECT_MAP, EFFECT_KINDS)

static const char *const rc_texts[] = {
#define X(name, text) text,
	RC_MAP(X)
#undef X
};

#define T struct field_change
static const struct shape_field field_change_fields[] = {SHAPE_STR(T, subject), SHAPE_STR(T, field),
							 SHAPE_STR(T, before), SHAPE_STR(T, after)};
static const struct shape shape_field_change = SHAPE(T, field_change_fields);
#undef T
#define T struct event
static const struct shape_field event_fields[] = {
	SHAPE_STR(T, address),
	SHAPE_STR(T, via),
	SHAPE_STR(T, once),
	SHAPE_STR(T, what),
	SHAPE_LIST(T, changes, shape_field_change),
	SHAPE_STR(T, effect),
	SHAPE_STR(T, cause),
	SHAPE_STR(T, repo),
	SHAPE_STR(T, ref),
	SHAPE_STR(T, commit),
	SHAPE_STR(T, base),
	SHAPE_SUB(T, change, shape_change),
	SHAPE_STR(T, config_digest),
	SHAPE_SUB(T, config, shape_config),
	SHAPE_SUB(T, plan, shape_plan),
	SHAPE_STR(T, run),
	SHAPE_STR(T, job),
	SHAPE_STR(T, release),
	SHAPE_STR(T, rollout),
	SHAPE_STR(T, environment),
	SHAPE_STR(T, unit),
	SHAPE_STR(T, image),
	SHAPE_STR(T, incident),
	SHAPE_STR(T, id),
	SHAPE_STR(T, type),
	SHAPE_STR(T, digest),
	SHAPE_STR(T, text),
	SHAPE_STR(T, error),
	SHAPE_ENUM(T, rc, rc_texts),
	SHAPE_ENUM(T, role, role_names),
	SHAPE_ENUM(T, stage, stage_names),
	SHAPE_ENUM(T, failure, failure_names),
	SHAPE_ENUM(T, replica, replica_state_names),
	SHAPE_BOOL(T, ok),
	SHAPE_U32(T, index),
	SHAPE_U32(T, count),
	SHAPE_U32(T, slots),
	SHAPE_U32(T, probes),
	SHAPE_U32(T, ready),
	SHAPE_I64(T, exit),
	SHAPE_U64(T, until),
	SHAPE_REAL(T, weight),
	SHAPE_STR(T, log),
	SHAPE_STR(T, outputs),
	SHAPE_SUB(T, junit, shape_junit),
	SHAPE_SUB(T, report, shape_job_report),
	SHAPE_LIST(T, times, shape_file_time),
	SHAPE_U32(T, cpu),
	SHAPE_U64(T, memory),
	SHAPE_SUB(T, window, shape_facts_window),
	SHAPE_U64(T, started_at),
	SHAPE_U64(T, ended_at),
	SHAPE_STRS(T, ids),
};
const struct shape shape_event = SHAPE(T, event_fields);
#undef T

#define T struct need_output
static const struct shape_field need_output_fields[] = {SHAPE_STR(T, unit), SHAPE_STR(T, path),
							SHAPE_STR(T, outputs)};
const struct shape shape_need_output = SHAPE(T, need_output_fields);
#undef T
#define T struct token_facts
static const struct shape_field token_facts_fields[] = {
	SHAPE_STR(T, project), SHAPE_STR(T, run), SHAPE_STR(T, environment), SHAPE_STR(T, actor)};
static const struct shape shape_token_facts = SHAPE(T, token_facts_fields);
#undef T
#define T struct job_spec
static const struct shape_field job_spec_fields[] = {SHAPE_STR(T, job),
						     SHAPE_STR(T, key),
						     SHAPE_STR(T, unit),
						     SHAPE_STR(T, path),
						     SHAPE_SUB(T, def, shape_job_def),
						     SHAPE_SUB(T, change, shape_change),
						     SHAPE_STRS(T, reads),
						     SHAPE_LIST(T, needs, shape_need_output),
						     SHAPE_LIST(T, env, shape_pair),
						     SHAPE_U32(T, attempt),
						     SHAPE_STR(T, agent),
						     SHAPE_STRS(T, files),
						     SHAPE_BOOL(T, trusted),
						     SHAPE_BOOL(T, resume),
						     SHAPE_BOOL(T, unkeyed),
						     SHAPE_BOOL(T, keep),
						     SHAPE_STRS(T, tests),
						     SHAPE_SUB(T, facts, shape_token_facts)};
const struct shape shape_job_spec = SHAPE(T, job_spec_fields);
#undef T
#define T struct deploy
static const struct shape_field deploy_fields[] = {SHAPE_STR(T, environment),
						   SHAPE_STR(T, unit),
						   SHAPE_STR(T, image),
						   SHAPE_STR(T, previous),
						   SHAPE_U32(T, replicas),
						   SHAPE_U32(T, port),
						   SHAPE_STR(T, health),
						   SHAPE_U64(T, memory),
						   SHAPE_LIST(T, env, shape_pair),
						   SHAPE_LIST(T, secrets, shape_pair),
						   SHAPE_STRS(T, consumers)};
const struct shape shape_deploy = SHAPE(T, deploy_fields);
#undef T
#define T struct claim
static const struct shape_field claim_fields[] = {SHAPE_STR(T, image), SHAPE_STR(T, type),
						  SHAPE_STR(T, stage), SHAPE_STR(T, envelope)};
static const struct shape shape_claim = SHAPE(T, claim_fields);
#undef T
#define T struct notify_def
static const struct shape_field notifier_fields[] = {SHAPE_STR(T, kind), SHAPE_STR(T, url),
						     SHAPE_STR(T, name)};
static const struct shape shape_notifier = SHAPE(T, notifier_fields);
#undef T
#define T struct effect
static const struct shape_field effect_fields[] = {SHAPE_STR(T, id),
						   SHAPE_ENUM(T, kind, effect_kind_names),
						   SHAPE_STR(T, lane),
						   SHAPE_U64(T, at),
						   SHAPE_SUB(T, change, shape_change),
						   SHAPE_SUB(T, spec, shape_job_spec),
						   SHAPE_SUB(T, deploy, shape_deploy),
						   SHAPE_STR(T, run),
						   SHAPE_STR(T, job),
						   SHAPE_STR(T, release),
						   SHAPE_STR(T, rollout),
						   SHAPE_STR(T, environment),
						   SHAPE_STR(T, unit),
						   SHAPE_STR(T, image),
						   SHAPE_STR(T, incident),
						   SHAPE_STR(T, type),
						   SHAPE_STR(T, text),
						   SHAPE_STR(T, body),
						   SHAPE_ENUM(T, stage, stage_names),
						   SHAPE_LIST(T, claims, shape_claim),
						   SHAPE_LIST(T, trailers, shape_pair),
						   SHAPE_U32(T, count),
						   SHAPE_REAL(T, weight),
						   SHAPE_STR(T, config),
						   SHAPE_STRS(T, ids),
						   SHAPE_STRS(T, pages),
						   SHAPE_LIST(T, notifiers, shape_notifier)};
const struct shape shape_effect = SHAPE(T, effect_fields);
#undef T

void event_done(struct event *e)
{
	xfree(e->actor);
	shape_done(&shape_event, e);
	*e = (struct event){0};
}

enum rc event_read(const struct record *r, struct event *ret, struct err *err)
{
	unsigned kind = 0;

	while (kind < EVENT_KINDS && !str_is(r->type, event_kind_names[kind]))
		kind++;
	if (kind == EVENT_KINDS)
		return err_set(err, RC_CORRUPT, "no event is called %.*s",
			       (int)MIN_OF(r->type.n, (size_t)80), r->type.p);
	enum rc rc = shape_parse(r->payload, PAYLOAD_MAX, &shape_event, ret, err);
	if (rc != RC_OK)
		return rc;
	ret->kind = (enum event_kind)kind;
	ret->seq = r->seq;
	ret->time = r->time;
	ret->actor = xstrndup(r->actor.p, r->actor.n);
	return RC_OK;
}

void effect_done(struct effect *e)
{
	shape_done(&shape_effect, e);
}

void effects_done(struct effects *e)
{
	vec_each(effect, &e->list)
		effect_done(effect);
	vec_done(&e->list);
}

/* Of users, tokens, sessions and grants: "user:ann", "tok-...", "ses-..."; what it is about is made with it. */
static const char *access_subject(const struct event *e)
{
	switch (e->kind) {
	case EV_USER:
	case EV_TOKEN_END:
	case EV_TOKEN_USED:
	case EV_LOGOUT:
	case EV_GRANT_END:
		return e->id ? e->id : "access";
	case EV_LOGIN:
		return e->text ? e->text : "access";
	case EV_TOKEN:
	case EV_GRANT:
		return e->type ? e->type : "access";
	default:
		return NULL;
	}
}

const char *event_subject(const struct event *e)
{
	const char *access = access_subject(e);

	if (access)
		return access;
	if (e->kind == EV_CACHE_PRUNE)
		return "build-caches";
	if (e->kind == EV_AGENT || e->kind == EV_DRAIN || e->kind == EV_MERGED ||
	    e->kind == EV_LANDED)
		return e->id ? e->id : "engine";
	const char *const by_weight[] = {e->job, e->rollout,     e->release, e->incident,
					 e->run, e->environment, e->repo,    e->change.repo};
	for (size_t i = 0; i < ARRAY_LEN(by_weight); i++)
		if (by_weight[i])
			return by_weight[i];
	return "engine";
}
