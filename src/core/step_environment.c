/* Where releases live: the queue, the lock, and the marks that people and rollbacks leave. */
#include "core/step_impl.h"

struct environment *environment_of(struct step *s, const char *name, enum stage stage)
{
	struct environment *env = model_environment(s->m, name);

	if (env)
		return env;
	env = model_add(s->m, AGG_ENVIRONMENT, name);
	env->id = xstrdup(name);
	env->stage = stage;
	return env;
}

struct environment *environment_for(const struct model *m, const struct release *r,
				    enum stage stage)
{
	const struct config *c = model_config(m, r->config);

	return model_environment(m, stage == STAGE_STAGING ? c->staging_env : c->production_env);
}

struct live *environment_live(const struct environment *env, const char *unit)
{
	if (env)
		vec_each(l, &env->live)
			if (streq(l->unit, unit))
				return l;
	return NULL;
}

static bool over(uint64_t until, usec_t now)
{
	return until && until <= now;
}

const struct veto *environment_veto(const struct environment *env, const char *unit,
				    const char *image, usec_t now)
{
	vec_each(v, &env->vetoes)
		if (streq(v->image, image) && (!v->unit || streq(v->unit, unit)) &&
		    !over(v->until, now))
			return v;
	return NULL;
}

const struct pin *environment_pin(const struct environment *env, const char *unit, usec_t now)
{
	vec_each(p, &env->pins)
		if (streq(p->unit, unit) && !over(p->until, now))
			return p;
	return NULL;
}

const struct hold *environment_hold(const struct environment *env, const char *unit, usec_t now)
{
	vec_each(h, &env->holds)
		if ((!h->unit || !unit || streq(h->unit, unit)) && !over(h->until, now))
			return h;
	return NULL;
}

void environment_add_veto(struct step *s, struct environment *env, const struct rollout *ro,
			  const char *actor, const char *reason)
{
	if (!environment_veto(env, ro->unit, ro->image, s->m->time)) {
		char *id = xasprintf("veto-%u", ++env->next_mark);

		vec_push(&env->vetoes,
			 ((struct veto){.id = id,
					.unit = xstrdup(ro->unit),
					.image = xstrdup(ro->image),
					.actor = xstrdup(actor),
					.reason = xstrdup(reason),
					.release = ro->release ? xstrdup(ro->release) : NULL,
					.since = s->m->time}));
	}
	if (ro->previous && !environment_pin(env, ro->unit, s->m->time)) {
		char *id = xasprintf("pin-%u", ++env->next_mark);

		vec_push(
			&env->pins,
			((struct pin){.id = id,
				      .unit = xstrdup(ro->unit),
				      .image = xstrdup(ro->previous),
				      .actor = xstrdup(actor),
				      .reason = xstrdup(
					      "rolled back; until the change is taken back in Git"),
				      .until_commit = xstrdup("revert"),
				      .since = s->m->time}));
	}
	model_touch(s->m, AGG_ENVIRONMENT, env->id);
}

static void drop_pin(struct environment *env, size_t i)
{
	struct pin *p = &env->pins.v[i];
	char *members[] = {p->id, p->unit, p->image, p->actor, p->reason, p->until_commit};

	for (size_t k = 0; k < ARRAY_LEN(members); k++)
		xfree(members[k]);
	vec_remove(&env->pins, i);
}

/* The commit that takes a change back was built: Git and the environments agree again. */
void environment_unpin_commit(struct step *s, const char *commit)
{
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_ENVIRONMENT], e));) {
		struct environment *env = e->value;

		bool any = false;

		for (size_t i = env->pins.n; i-- > 0;) {
			if (!streq(env->pins.v[i].until_commit, commit))
				continue;
			drop_pin(env, i);
			any = true;
		}
		if (any)
			environment_look_again(s, env);
	}
}

static void verify(struct step *s, struct release *r, const struct environment *env)
{
	struct effect *e = order(s, EF_VERIFY_EVIDENCE, "evidence/%s", r->id);

	set_text(&e->release, r->id);
	set_text(&e->environment, env->id);
	vec_each(ev, &r->evidence)
		vec_push(&e->claims, ((struct claim){.image = xstrdup(ev->image),
						     .type = xstrdup(ev->type),
						     .stage = xstrdup(ev->stage),
						     .envelope = xstrdup(ev->envelope)}));
}

static void mark_skipped(struct release *r, const struct environment *env)
{
	vec_each(item, &r->items) {
		const struct live *l = environment_live(env, item->unit);
		bool same = l && streq(l->image, item->image);

		if (env->stage == STAGE_STAGING)
			item->staging_skipped = item->staging_done = same;
		else
			item->production_skipped = item->production_done = same;
	}
}

/* NULL: free to go; otherwise what it waits for. *ret_never: it can never go. */
static char *blocked(struct step *s, const struct release *r, const struct environment *env,
		     bool *ret_never)
{
	*ret_never = false;
	vec_each(item, &r->items) {
		const struct veto *v = environment_veto(env, item->unit, item->image, s->m->time);
		const struct pin *p = environment_pin(env, item->unit, s->m->time);
		const struct hold *h = environment_hold(env, item->unit, s->m->time);

		if (v) {
			*ret_never = true;
			return xasprintf(
				"%s %.19s is vetoed in %s: %s; lift it with: penstock veto --lift %s %s",
				item->unit, item->image, env->id, v->reason ? v->reason : "-",
				env->id, v->id);
		}
		if (p && !streq(p->image, item->image) && env->stage == STAGE_PRODUCTION)
			return xasprintf(
				"%s is pinned to %.19s in %s by %s; lift it with: penstock pin --lift %s %s",
				item->unit, p->image, env->id, p->actor, env->id, p->id);
		if (h)
			return xasprintf(
				"%s is on hold by %s; lift it with: penstock hold --lift %s %s",
				env->id, h->actor, env->id, h->id);
		if (rollout_active(s->m, env->id, item->unit))
			return xasprintf("another rollout of %s is under way in %s", item->unit,
					 env->id);
	}
	return NULL;
}

static void activate(struct step *s, struct environment *env, struct release *r)
{
	set_text(&env->active, r->id);
	model_touch(s->m, AGG_ENVIRONMENT, env->id);
	set_text(&r->environment, env->id);
	r->wave = 0;
	r->verified = false;
	mark_skipped(r, env);
	set_text(&r->reason, NULL);
	release_set(s->m, r, env->stage == STAGE_STAGING ? RELEASE_STAGING : RELEASE_PROMOTING,
		    NULL);
	verify(s, r, env);
}

void environment_next(struct step *s, struct environment *env)
{
	for (size_t i = 0; !env->active && i < env->queue.n;) {
		struct release *r = model_release(s->m, env->queue.v[i]);
		bool never = false;
		AUTO(freep)
		char *why = r && !release_is_final(r->state) ? blocked(s, r, env, &never) : NULL;

		if (r && !release_is_final(r->state) && why && !never) {
			if (!streq(r->reason, why)) {
				set_text(&r->reason, why);
				model_touch(s->m, AGG_RELEASE, r->id);
			}
			i++;
			continue;
		}
		AUTO(freep) char *id = env->queue.v[i];
		vec_remove(&env->queue, i);
		model_touch(s->m, AGG_ENVIRONMENT, env->id);
		if (!r || release_is_final(r->state))
			continue;
		if (never)
			release_end(s, r, RELEASE_REJECTED, why);
		else
			activate(s, env, r);
	}
}

void environment_free(struct step *s, struct environment *env, struct release *r)
{
	if (!streq(env->active, r->id))
		return;
	set_text(&env->active, NULL);
	model_touch(s->m, AGG_ENVIRONMENT, env->id);
	environment_next(s, env);
}

/* Marks changed: what waited may go, what was free may have to wait. */
void environment_look_again(struct step *s, struct environment *env)
{
	model_touch(s->m, AGG_ENVIRONMENT, env->id);
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_RELEASE], e));) {
		struct release *r = e->value;

		if (r->state == RELEASE_STAGED)
			gate_evaluate(s, r);
	}
	environment_next(s, env);
}
