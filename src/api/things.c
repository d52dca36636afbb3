/* Aggregates as they are: from memory first, ended ones from the store. */
#include "api/api_impl.h"

/* Also when it is the first of its names, which a shape leaves out. */
static const char *state_name(enum aggregate_kind kind, const void *thing)
{
	switch (kind) {
	case AGG_RUN:
		return run_state_names[((const struct run *)thing)->state];
	case AGG_JOB:
		return job_state_names[((const struct job *)thing)->state];
	case AGG_RELEASE:
		return release_state_names[((const struct release *)thing)->state];
	case AGG_ROLLOUT:
		return rollout_state_names[((const struct rollout *)thing)->state];
	case AGG_INCIDENT:
		return incident_state_names[((const struct incident *)thing)->state];
	case AGG_AGENT:
		return agent_state_names[((const struct agent *)thing)->state];
	case AGG_QUEUE:
		return queue_state_names[((const struct merge_queue *)thing)->state];
	case AGG_PROJECT:
	case AGG_CONFIG:
	case AGG_ENVIRONMENT:
	case AGG_HISTORY:
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

/* A shape leaves out what is first of its names: the state stands before it then. */
static bool says_state(enum aggregate_kind kind, const void *thing)
{
	const char *const *const firsts[AGG_KINDS] = {
		[AGG_RUN] = run_state_names,           [AGG_JOB] = job_state_names,
		[AGG_RELEASE] = release_state_names,   [AGG_ROLLOUT] = rollout_state_names,
		[AGG_INCIDENT] = incident_state_names, [AGG_AGENT] = agent_state_names,
		[AGG_QUEUE] = queue_state_names};

	return !firsts[kind] || !streq(firsts[kind][0], state_name(kind, thing));
}

void thing_open(struct json_out *o, const char *key, enum aggregate_kind kind, const void *thing)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(TEXT_MAX);
	struct json_out inner = JSON_OUT(&text);
	struct rollout ro;
	struct token token;
	struct session session;

	if (kind ==
	    AGG_ROLLOUT) { /* the verdict's saved state is long and nobody's to read; its numbers stay */
		ro = *(const struct rollout *)thing;
		ro.verdict = NULL;
		thing = &ro;
	} else if (kind == AGG_TOKEN) { /* not even the hash of a secret is anybody's */
		token = *(const struct token *)thing;
		token.digest = NULL;
		thing = &token;
	} else if (kind == AGG_SESSION) {
		session = *(const struct session *)thing;
		session.digest = NULL;
		thing = &session;
	}
	shape_write(&inner, NULL, aggregate_shapes[kind], thing);
	json_open(o, key);
	if (!says_state(kind, thing))
		json_cstr(o, "state", state_name(kind, thing));
	if (text.n > 2) {
		if (o->comma)
			strbuf_addc(o->to, ',');
		strbuf_add(o->to, text.p + 1, text.n - 2);
		o->comma = true;
	}
}

void thing_write(struct json_out *o, const char *key, enum aggregate_kind kind, const void *thing)
{
	thing_open(o, key, kind, thing);
	json_close(o);
}

bool thing_write_stored(struct json_out *o, enum aggregate_kind kind, struct str json,
			struct err *err)
{
	void *thing = xcalloc(1, aggregate_shapes[kind]->size);
	bool ok = shape_parse(json, TEXT_MAX, aggregate_shapes[kind], thing, err) == RC_OK;

	if (ok)
		thing_write(o, NULL, kind, thing);
	shape_done(aggregate_shapes[kind], thing);
	xfree(thing);
	return ok;
}

/* ---- one ---- */

static const struct {
	const char *plural;
	enum aggregate_kind kind;
} kinds[] = {
	{"runs", AGG_RUN},
	{"releases", AGG_RELEASE},
	{"rollouts", AGG_ROLLOUT},
	{"incidents", AGG_INCIDENT},
	{"environments", AGG_ENVIRONMENT},
	{"jobs", AGG_JOB},
	{"agents", AGG_AGENT},
	{"queues", AGG_QUEUE},
	{"history", AGG_HISTORY},
	{"users", AGG_USER},
	{"tokens", AGG_TOKEN},
	{"sessions", AGG_SESSION},
	{"grants", AGG_GRANT},
};

enum aggregate_kind thing_kind(const char *plural)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (streq(kinds[i].plural, plural))
			return kinds[i].kind;
	return AGG_KINDS;
}

static void read_thing(struct call *c)
{
	AUTO(strbuf_done) struct strbuf json = STRBUF(TEXT_MAX);
	struct json_out o = JSON_OUT(&c->out);
	enum aggregate_kind kind = thing_kind(c->arg[0]);
	struct store *store = engine_world(c->api->e)->store;

	c->rc = store_get(store, str_of(aggregate_kind_names[kind]), str_of(c->arg[1]), &json,
			  &c->err);
	if (c->rc == RC_NOT_FOUND)
		c->rc = err_set(&c->err, RC_NOT_FOUND, "there is no %s %s",
				aggregate_kind_names[kind], c->arg[1]);
	if (c->rc == RC_OK && !thing_write_stored(&o, kind, strbuf_str(&json), &c->err))
		c->rc = err_wrap(&c->err, "%s", c->arg[1]);
}

void get_thing(struct call *c)
{
	struct json_out o = JSON_OUT(&c->out);
	enum aggregate_kind kind = thing_kind(c->arg[0]);
	const void *thing = model_get(engine_model(c->api->e), kind, c->arg[1]);

	if (!thing) {
		call_work(c, read_thing);
		return;
	}
	thing_write(&o, NULL, kind, thing);
	call_json(c, 200, &c->out);
}
