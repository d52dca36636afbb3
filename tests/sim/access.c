/* Who comes in: users, tokens, sessions and grants made and ended at random; what ended must open nothing any more, also after a kill. */
#include "sim.h"

#include "base/digest.h"
#include "core/access.h"

#define FEW 6 /* names: so few that they meet */

struct sim_access {
	struct rng rng;
	uint64_t secrets; /* given so far */
	bool on;
};

static void answered(void *ctx, enum rc rc, const struct err *err, uint64_t seq)
{
	struct sim *s = ctx;

	if (rc == RC_INTERNAL)
		sim_fail(s, 0, "an administrator got: %s", err->msg);
	(void)seq;
}

static char *name(struct sim_access *a, const char *what)
{
	return xasprintf("%s%llu", what, (unsigned long long)rng_below(&a->rng, FEW));
}

static char *digest(struct sim_access *a)
{
	AUTO(freep) char *secret = xasprintf("secret %llu", (unsigned long long)a->secrets++);

	return digest_hex_dup(str_of(secret));
}

static void *any(struct sim *s, struct sim_access *a, enum aggregate_kind kind)
{
	const struct map *m = &engine_model(s->engine)->by_kind[kind];
	uint64_t skip = m->n ? rng_below(&a->rng, m->n) : 0;

	for (struct map_entry *e = NULL; (e = map_next(m, e));)
		if (skip-- == 0)
			return e->value;
	return NULL;
}

static void make(struct sim *s, struct sim_access *a, struct event *ev)
{
	usec_t now = runner_now(s->runner);

	switch (rng_below(&a->rng, 4)) {
	case 0:
		ev->kind = EV_USER;
		ev->id = name(a, "u");
		ev->ok = rng_chance(&a->rng, 0.8);
		vec_push(&ev->ids, name(a, "team-"));
		break;
	case 1:
		ev->kind = EV_TOKEN;
		ev->type = name(a, "t");
		ev->digest = digest(a);
		ev->role = (enum role)rng_below(&a->rng, 6);
		ev->text = rng_chance(&a->rng, 0.4) ? name(a, "user:u") : NULL;
		ev->until = rng_chance(&a->rng, 0.3) ? now + USEC_MIN : 0;
		break;
	case 2:
		ev->kind = EV_GRANT;
		ev->type = name(a, rng_chance(&a->rng, 0.5) ? "user:u" : "group:team-");
		ev->role = (enum role)(1 + rng_below(&a->rng, 4));
		ev->environment = rng_chance(&a->rng, 0.4) ? xstrdup("production") : NULL;
		break;
	default:
		ev->kind = EV_LOGIN;
		ev->text = name(a, "user:u");
		ev->digest = digest(a);
		ev->until = now + rng_between(&a->rng, 1, 90) * USEC_SEC;
	}
}

static void end(struct sim *s, struct sim_access *a, struct event *ev)
{
	const struct token *t = any(s, a, AGG_TOKEN);
	const struct session *ses = any(s, a, AGG_SESSION);
	const struct grant *g = any(s, a, AGG_GRANT);

	switch (rng_below(&a->rng, 4)) {
	case 0:
		ev->kind = EV_TOKEN_END;
		ev->id = t ? xstrdup(t->id) : NULL;
		break;
	case 1:
		ev->kind = EV_LOGOUT;
		ev->id = ses ? xstrdup(ses->id) : NULL;
		break;
	case 2:
		ev->kind = EV_GRANT_END;
		ev->id = g ? xstrdup(g->id) : NULL;
		break;
	default:
		ev->kind = EV_TOKEN_USED;
		ev->id = t ? xstrdup(t->id) : NULL;
	}
}

/* What the journal says has ended is not there any more, or as something that ended. */
static bool has_ended(void *ctx, const struct record *r)
{
	struct sim *s = ctx;
	const struct model *m = engine_model(s->engine);
	AUTO(freep) char *id = xstrndup(r->subject.p, r->subject.n);
	const struct token *t = model_token(m, id);
	const struct session *ses = model_session(m, id);

	if (str_is(r->type, "access.token_end") && t && !t->ended_at)
		sim_fail(s, 10, "token %s ended and opens the door again", id);
	if (str_is(r->type, "access.logout") && ses && !ses->ended_at)
		sim_fail(s, 10, "session %s ended and opens the door again", id);
	return !s->result.failed;
}

static void turn(void *arg)
{
	struct sim *s = arg;
	struct sim_access *a = s->access;

	if (!a->on)
		return;
	if (s->engine && !engine_stalled(s->engine)) {
		struct event ev = {.actor = xstrdup("user:root"), .via = xstrdup("socket")};

		if (rng_chance(&a->rng, 0.6))
			make(s, a, &ev);
		else
			end(s, a, &ev);
		if (rng_chance(&a->rng, 0.2))
			ev.once = name(a, "key");
		sim_say(s, "access: %s %s", event_kind_names[ev.kind], event_subject(&ev));
		engine_ask(s->engine, &ev, answered, s);
	}
	runner_sim_at(s->runner, sim_now(s) + rng_between(&a->rng, 200 * USEC_MS, 4 * USEC_SEC),
		      turn, s);
}

void access_start(struct sim *s)
{
	if (!s->o.access)
		return;
	s->access = xcalloc(1, sizeof(*s->access));
	s->access->on = true;
	rng_init(&s->access->rng,
		 s->seed ^ 0x61636365737321u); /* its own: others' histories stay */
	turn(s);
}

void access_settle(struct sim *s)
{
	struct sim_access *a = s->access;
	struct err err = {0};

	if (!a)
		return;

	a->on = false;
	if (s->engine && store_journal(s->store, 1, 0, has_ended, s, &err) != RC_OK)
		sim_fail(s, 10, "%s", err.msg);
}

void access_done(struct sim *s)
{
	xfree(s->access);
}
