/* What people order, at random; and at the end, what still waits for one of them. */
#include "sim.h"

static const char *const actors[] = {"user:ann", "user:bob", "user:cid", "user:eve", "user:dora"};

static void answered(void *ctx, enum rc rc, const struct err *err, uint64_t seq)
{
	struct sim *s = ctx;

	if (rc == RC_INTERNAL)
		sim_fail(s, 0, "a person got: %s", err->msg);
	(void)seq;
}

static void ask(struct sim *s, struct event *ev, const char *actor)
{
	ev->actor = xstrdup(actor);
	sim_say(s, "person: %s %s %s", actor, event_kind_names[ev->kind], event_subject(ev));
	engine_ask(s->engine, ev, answered, s);
}

/* Any aggregate of a kind, by chance; later ones more often. */
static void *any(struct sim *s, enum aggregate_kind kind)
{
	const struct map *m = &mirror_model(s)->by_kind[kind];
	void *last = NULL;

	for (struct map_entry *e = NULL; (e = map_next(m, e));)
		if (!last || rng_chance(&s->fault_rng, 0.6))
			last = e->value;
	return last;
}

static const char *any_environment(struct sim *s)
{
	return rng_chance(&s->fault_rng, 0.7) ? "production" : "staging";
}

static char *any_unit(struct sim *s)
{
	return xasprintf("s%u", (unsigned)rng_below(&s->fault_rng, s->services));
}

static void approve(struct sim *s)
{
	const struct release *r = any(s, AGG_RELEASE);
	struct event ev = {.kind = EV_APPROVE, .ok = rng_chance(&s->fault_rng, 0.93)};

	if (!r)
		return;
	ev.release = xstrdup(r->id);
	ask(s, &ev, actors[rng_below(&s->fault_rng, ARRAY_LEN(actors))]);
}

static void move(struct sim *s)
{
	const struct rollout *ro = any(s, AGG_ROLLOUT);
	const struct release *r = any(s, AGG_RELEASE);
	const struct run *run = any(s, AGG_RUN);
	struct event ev = {.kind = EV_ABORT};

	switch (rng_below(&s->fault_rng, 5)) {
	case 0:
	case 1:
		ev.kind = EV_PROMOTE;
		ev.rollout = ro ? xstrdup(ro->id) : NULL;
		break;
	case 2:
		ev.rollout = ro ? xstrdup(ro->id) : NULL;
		break;
	case 3:
		ev.release = r ? xstrdup(r->id) : NULL;
		break;
	case 4:
		ev.run = run ? xstrdup(run->id) : NULL;
		break;
	}
	ask(s, &ev, actors[0]);
}

static void mark(struct sim *s)
{
	static const enum event_kind kinds[] = {EV_ROLLBACK, EV_ROLLBACK, EV_PIN,
						EV_VETO,     EV_HOLD,     EV_HOLD};
	struct event ev = {.kind = kinds[rng_below(&s->fault_rng, ARRAY_LEN(kinds))],
			   .environment = xstrdup(any_environment(s))};

	if (ev.kind != EV_HOLD || rng_chance(&s->fault_rng, 0.6))
		ev.unit = any_unit(s);
	if (ev.kind == EV_VETO && s->images.n)
		ev.image = xstrdup(s->images.v[rng_below(&s->fault_rng, s->images.n)].image);
	if (ev.kind != EV_ROLLBACK && rng_chance(&s->fault_rng, 0.6))
		ev.until = runner_now(s->runner) + rng_between(&s->fault_rng, 1, 40) * USEC_SEC;
	ev.text = xstrdup("somebody wants it");
	ask(s, &ev, actors[rng_below(&s->fault_rng, ARRAY_LEN(actors))]);
}

static void lift_one(struct sim *s, enum event_kind kind, const char *environment, const char *id)
{
	struct event ev = {.kind = kind, .environment = xstrdup(environment), .id = xstrdup(id)};

	ask(s, &ev, actors[1]);
}

/* Lift what stands there: all marks (but vetoes, which may stand for ever), or one by chance. */
static void lift(struct sim *s, const char *environment, bool all)
{
	const struct environment *env = model_environment(engine_model(s->engine), environment);
	VEC(struct {
		enum event_kind kind;
		char *id;
	})
	list = {0};

	if (!env)
		return;
	vec_each(h, &env->holds) {
		vec_add(&list);
		vec_last(&list)->kind = EV_UNHOLD;
		vec_last(&list)->id = xstrdup(h->id);
	}
	vec_each(p, &env->pins) {
		vec_add(&list);
		vec_last(&list)->kind = EV_UNPIN;
		vec_last(&list)->id = xstrdup(p->id);
	}
	for (size_t i = 0; i < env->vetoes.n && !all; i++) {
		vec_add(&list);
		vec_last(&list)->kind = EV_UNVETO;
		vec_last(&list)->id = xstrdup(env->vetoes.v[i].id);
	}
	size_t one = rng_below(&s->fault_rng, list.n);
	for (size_t i = 0; i < list.n; i++) {
		if (all || i == one)
			lift_one(s, list.v[i].kind, environment, list.v[i].id);
		xfree(list.v[i].id);
	}
	vec_done(&list);
}

static void about(struct sim *s)
{
	const struct incident *i = any(s, AGG_INCIDENT);
	const struct run *run = any(s, AGG_RUN);
	struct event ev = {.kind = EV_INCIDENT_NOTE, .text = xstrdup("a note")};

	if (rng_chance(&s->fault_rng, 0.4))
		ev.kind = EV_INCIDENT_CLOSE;
	if (rng_chance(&s->fault_rng, 0.4) && run) {
		ev.kind = EV_RERUN;
		ev.run = xstrdup(run->id);
	} else if (i) {
		ev.incident = xstrdup(i->id);
	}
	ask(s, &ev, actors[1]);
}

static void somebody(void *arg)
{
	struct sim *s = arg;
	uint64_t n = rng_below(&s->fault_rng, 100);

	if (!s->people_on)
		return;
	if (s->engine) {
		if (n < (s->approvals ? 50 : 10))
			approve(s);
		else if (n < 65)
			move(s);
		else if (n < 80)
			mark(s);
		else if (n < 92)
			lift(s, any_environment(s), false);
		else
			about(s);
	}
	runner_sim_at(s->runner,
		      sim_now(s) + rng_between(&s->fault_rng, 300 * USEC_MS, s->people_pause),
		      somebody, s);
}

void people_start(struct sim *s)
{
	if (!s->o.people)
		return;
	s->people_on = true;
	s->people_pause = rng_between(&s->fault_rng, 2, 20) * USEC_SEC;
	somebody(s);
}

/* Whoever may approves. */
static void approve_all(struct sim *s)
{
	texts ids = {0};

	for (struct map_entry *e = NULL;
	     (e = map_next(&engine_model(s->engine)->by_kind[AGG_RELEASE], e));) {
		const struct release *r = e->value;

		if (r->state == RELEASE_STAGED && streq(r->gate.decision, "wait"))
			vec_push(&ids, xstrdup(r->id));
	}
	vec_each(id, &ids) {
		for (size_t i = 0; i < 3; i++) {
			struct event ev = {.kind = EV_APPROVE, .ok = true, .release = xstrdup(*id)};

			ask(s, &ev, actors[i]);
		}
		xfree(*id);
	}
	vec_done(&ids);
}

void people_settle(struct sim *s)
{
	s->people_on = false;
	if (!s->engine)
		return;
	lift(s, "production", true);
	lift(s, "staging", true);
	approve_all(s);
	requests_settle(s);
}
