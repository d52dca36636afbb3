/*
 * The journal is replayed into a model of its own as it grows: every record through step() again, and all invariants on what comes of it. What the store
 * holds as snapshots must be what the replay has, byte for byte, also after restarts.
 */
#include "sim.h"
#include "store/verify.h"

struct mirror {
	struct model model;
	struct invariant_memory *memory;
	struct digest head;
	uint64_t seq;
};

const struct model *mirror_model(const struct sim *s)
{
	return &s->mirror->model;
}

static bool job_is_done_well(const struct job *job)
{
	return job->state == JOB_PASSED || job->state == JOB_FLAKY || job->state == JOB_CACHED;
}

static bool event_of(const struct record *r, struct event *ret, struct err *err)
{
	int kind = -1;

	for (int k = 0; k < EVENT_KINDS; k++)
		if (str_is(r->type, event_kind_names[k]))
			kind = k;
	if (kind < 0 || shape_parse(r->payload, (size_t)64 << 20, &shape_event, ret, err) != RC_OK)
		return false;
	ret->kind = (enum event_kind)kind;
	ret->seq = r->seq;
	ret->time = r->time;
	ret->actor = xstrndup(r->actor.p, r->actor.n);
	return true;
}

struct again {
	struct sim *s;
	struct event ev;
};

static void come_again(void *arg)
{
	struct again *a = arg;

	if (a->s->engine && a->s->faults_on) {
		sim_say(a->s, "fault: %s comes a second time", event_kind_names[a->ev.kind]);
		engine_submit(a->s->engine, &a->ev);
	}
	event_done(&a->ev);
	xfree(a);
}

/* Some answers come twice: as they were, or without a word of what they answer. */
static void repeat(struct sim *s, const struct event *ev)
{
	static const enum event_kind bare[] = {EV_JOB_ENDED,      EV_REPLICAS_STOPPED,
					       EV_DEPLOY_PLANNED, EV_DESIRED_WRITTEN,
					       EV_ATTESTED,       EV_CHANGE_PLANNED};
	bool can = ev->effect != NULL, strip = false;

	for (size_t i = 0; i < ARRAY_LEN(bare); i++)
		strip = strip || ev->kind == bare[i];
	strip = strip && ev->change.kind != CHANGE_SCHEDULE; /* it is known by its effect alone */
	if (!s->faults_on || (!can && !strip) || !rng_chance(&s->fault_rng, s->p_again))
		return;
	struct again *a = xcalloc(1, sizeof(*a));
	a->s = s;
	a->ev.kind = ev->kind;
	shape_copy(&shape_event, &a->ev, ev);
	if (strip && rng_chance(&s->fault_rng, 0.5)) {
		xfree(a->ev.effect);
		a->ev.effect = NULL;
	}
	s->result.injected++;
	runner_sim_at(s->runner, sim_now(s) + rng_between(&s->fault_rng, 0, 3 * USEC_SEC),
		      come_again, a);
}

/* Every result stands under the key that it was made from. */
static void check_results(struct sim *s, const struct model *m)
{
	vec_each(t, &m->touched) {
		const struct job *job = t->kind == AGG_JOB ? model_job(m, t->id) : NULL;
		const char *made = job && job->key ? map_get(&s->made, str_of(job->key)) : NULL;

		if (job && job->stage == STAGE_CI && job->kind == JOB_RUN && job->outputs &&
		    job_is_done_well(job) && !job->resumed && !job->unkeyed &&
		    !streq(made, job->outputs))
			sim_fail(s, 11, "%s (%s) has %s, its key gives %s", job->id,
				 job_state_names[job->state], job->outputs,
				 made ? made : "nothing");
	}
}

static void replay(struct sim *s, const struct record *r)
{
	struct mirror *m = s->mirror;
	struct event ev = {0};
	struct effects out = {0};
	struct err err = {0};
	struct record prev = {.seq = m->seq, .hash = m->head};

	if (chain_check(r, m->seq ? &prev : NULL, &err) != RC_OK)
		sim_fail(s, 9, "%s", err.msg);
	m->seq = r->seq;
	m->head = r->hash;
	if (memmem(r->payload.p, r->payload.n, SECRET, strlen(SECRET)))
		sim_fail(s, 10, "record %llu tells a secret", (unsigned long long)r->seq);
	if (!event_of(r, &ev, &err)) {
		sim_fail(s, 9, "record %llu cannot be read: %s", (unsigned long long)r->seq,
			 err.msg);
		return;
	}
	s->result.records++;
	s->result.landed += ev.kind == EV_LANDED && ev.ok;
	s->result.lost_agents += ev.kind == EV_AGENT && !ev.ok;
	if (step(&m->model, &ev, &out, &err) != RC_OK)
		sim_fail(s, 9, "record %llu is refused in the replay: %s",
			 (unsigned long long)r->seq, err.msg);
	sim_trace_record(s, r, &ev, &out);
	if (!s->result.failed && !invariants_hold(m->memory, &m->model, &ev, &out, &err))
		sim_fail(s, invariant_broken(m->memory), "%s", err.msg);
	check_results(s, &m->model);
	check_ci(s, &m->model, &ev, &out);
	repeat(s, &ev);
	event_done(&ev);
	effects_done(&out);
}

static void heard(void *ctx, const struct record *r)
{
	struct sim *s = ctx;

	if (!s->result.failed && r->seq > s->mirror->seq)
		replay(s, r);
}

static bool replay_one(void *ctx, const struct record *r)
{
	heard(ctx, r);
	return true;
}

void mirror_listen(struct sim *s)
{
	struct err err = {0};

	/* what became durable while nobody could tell any more */
	if (store_journal(s->store, s->mirror->seq + 1, 0, replay_one, s, &err) != RC_OK)
		sim_fail(s, 9, "%s", err.msg);
	mirror_compare(s, "at a restart");
	engine_listen(s->engine, heard, s);
}

struct comparing {
	struct sim *s;
	const char *when;
};

static bool compare_one(void *ctx, const struct store_snapshot *snap)
{
	struct comparing *c = ctx;
	const struct model *m = &c->s->mirror->model;
	AUTO(strbuf_done) struct strbuf json = STRBUF((size_t)64 << 20);
	AUTO(freep) char *id = xstrndup(snap->id.p, snap->id.n);
	unsigned kind = 0;

	while (kind < AGG_KINDS && !str_is(snap->kind, aggregate_kind_names[kind]))
		kind++;
	if (kind == AGG_KINDS || !map_get(&m->by_kind[kind], str_of(id))) {
		sim_fail(c->s, 9, "%s the store has %.*s %s as active, the replay does not know it",
			 c->when, (int)snap->kind.n, snap->kind.p, id);
		return false;
	}
	model_snapshot(m, (enum aggregate_kind)kind, id, &json);
	if (str_eq(strbuf_str(&json), snap->json))
		return true;
	sim_say(c->s, "stored:   %.*s", (int)snap->json.n, snap->json.p);
	sim_say(c->s, "replayed: %s", strbuf_cstr(&json));
	sim_fail(c->s, 9, "%s the snapshot of %.*s %s is not what the replay has", c->when,
		 (int)snap->kind.n, snap->kind.p, id);
	return false;
}

/* The other way round: nothing that is not ended may be missing among the active ones. */
static bool count_one(void *ctx, const struct store_snapshot *snap)
{
	struct map *seen = ctx;
	AUTO(freep)
	char *key = xasprintf("%.*s/%.*s", (int)snap->kind.n, snap->kind.p, (int)snap->id.n,
			      snap->id.p);

	map_put(seen, str_of(key), seen);
	return true;
}

void mirror_compare(struct sim *s, const char *when)
{
	struct comparing c = {s, when};
	struct map seen = {0};
	struct err err = {0};
	const struct model *m = &s->mirror->model;

	if (s->result.failed || store_active(s->store, compare_one, &c, &err) != RC_OK ||
	    s->result.failed)
		return;
	BUG_ON(store_active(s->store, count_one, &seen, &err) != RC_OK);
	for (unsigned k = 0; k < AGG_KINDS && !s->result.failed; k++)
		for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[k], e));) {
			AUTO(freep) char *key = xasprintf("%s/%s", aggregate_kind_names[k], e->key);

			if (!map_get(&seen, str_of(key)) &&
			    !model_is_ended(m, (enum aggregate_kind)k, e->key)) {
				sim_fail(s, 9, "%s %s is at work but would not be restored", when,
					 key);
				break;
			}
		}
	map_done(&seen);
}

void mirror_start(struct sim *s)
{
	s->mirror = xcalloc(1, sizeof(*s->mirror));
	model_init(&s->mirror->model);
	s->mirror->memory = invariant_memory_new(SECRET);
}

void mirror_done(struct sim *s)
{
	model_done(&s->mirror->model);
	invariant_memory_free(s->mirror->memory);
	xfree(s->mirror);
}
