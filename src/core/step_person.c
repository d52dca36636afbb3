/* What people order. Each is refused with what to do instead, or done. */
#include "base/digest.h"
#include "core/step_impl.h"

static enum rc no_environment(struct step *s)
{
	return err_set(s->err, RC_NOT_FOUND, "there is no environment %s",
		       s->ev->environment ? s->ev->environment : "(none named)");
}

enum rc on_promote(struct step *s)
{
	struct rollout *ro = model_rollout(s->m, s->ev->rollout);

	if (!ro)
		return err_set(s->err, RC_NOT_FOUND, "there is no rollout %s under way",
			       s->ev->rollout ? s->ev->rollout : "(none named)");
	if (ro->state == ROLLOUT_BAKING && ro->step + 1 >= ro->strategy.steps.n)
		return err_set(s->err, RC_CONFLICT, "%s is at its last step: it ends by itself",
			       ro->id);
	if (ro->state != ROLLOUT_BAKING)
		return err_set(s->err, RC_CONFLICT,
			       "%s is %s: only a baking rollout can be promoted", ro->id,
			       rollout_state_names[ro->state]);
	if (ro->confirmed != ro->strategy.steps.v[ro->step].share)
		return err_set(
			s->err, RC_CONFLICT,
			"%s: the weight of the step before is not confirmed yet; try again in a moment",
			ro->id);
	ro->step++;
	ro->verdict_at = s->m->time;
	watch_step(s, ro);
	set_textf(&ro->reason, "promoted by %s", s->ev->actor);
	model_touch(s->m, AGG_ROLLOUT, ro->id);
	rollout_push(s, ro);
	return RC_OK;
}

enum rc on_abort(struct step *s)
{
	const struct event *ev = s->ev;
	AUTO(freep)
	char *why = xasprintf("stopped by %s%s%s", ev->actor, ev->text ? ": " : "",
			      ev->text ? ev->text : "");
	struct rollout *ro = model_rollout(s->m, ev->rollout);
	struct release *r = model_release(s->m, ev->release);
	struct run *run = model_run(s->m, ev->run);

	if (ev->rollout) {
		if (!ro || !may_follow(rollout_next, ro->state, ROLLOUT_ABORTING))
			return err_set(s->err, ro ? RC_CONFLICT : RC_NOT_FOUND, "rollout %s %s",
				       ev->rollout,
				       ro ? "cannot be aborted any more; use rollback"
					  : "is not under way");
		rollout_abort(s, ro, "person", why);
		return RC_OK;
	}
	if (ev->release) {
		if (!r || release_is_final(r->state))
			return err_set(s->err, r ? RC_CONFLICT : RC_NOT_FOUND,
				       "release %s is not under way", ev->release);
		struct environment *env = model_environment(s->m, r->environment);
		if (env && streq(env->active, r->id))
			release_break(s, r, why);
		else
			release_end(s, r, RELEASE_REJECTED, why);
		return RC_OK;
	}
	if (!run || run_is_final(run->state))
		return err_set(s->err, run ? RC_CONFLICT : RC_NOT_FOUND, "run %s is not under way",
			       ev->run ? ev->run : "(none named)");
	run_cancel(s, run, RUN_CANCELLED, why);
	return RC_OK;
}

enum rc on_rollback(struct step *s)
{
	const struct event *ev = s->ev;
	struct environment *env = model_environment(s->m, ev->environment);
	AUTO(freep)
	char *why = xasprintf("rolled back by %s%s%s", ev->actor, ev->text ? ": " : "",
			      ev->text ? ev->text : "");

	if (!env)
		return no_environment(s);
	struct rollout *active = ev->unit ? rollout_active(s->m, env->id, ev->unit) : NULL;
	if (active && !active->is_return &&
	    may_follow(rollout_next, active->state, ROLLOUT_ABORTING)) {
		rollout_abort(s, active, "order", why);
		return RC_OK;
	}
	if (active)
		return err_set(s->err, RC_CONFLICT, "%s of %s is %s already", active->id, ev->unit,
			       rollout_state_names[active->state]);
	struct live *l = environment_live(env, ev->unit);
	if (!l)
		return err_set(s->err, RC_NOT_FOUND, "%s does not run in %s",
			       ev->unit ? ev->unit : "(no service named)", env->id);
	const char *to = ev->image ? ev->image : l->previous;
	if (!to || streq(to, l->image))
		return err_set(s->err, RC_CONFLICT, "there is no earlier version of %s in %s",
			       ev->unit, env->id);
	if (environment_veto(env, ev->unit, to, s->m->time))
		return err_set(s->err, RC_DENIED,
			       "%.19s of %s is vetoed in %s; lift the veto first", to, ev->unit,
			       env->id);
	struct release *r = model_release(s->m, l->release);
	AUTO(freep) char *image = xstrdup(to);
	struct rollout *ro = rollout_new(s, r, env, ev->unit, image, true);
	if (r)
		release_touch_ended(s, r); /* it is at work again: a restart needs it */
	struct release_item *item = r ? release_item(r, ro->unit) : NULL;
	if (item && env->stage == STAGE_PRODUCTION) {
		item->taken_back = true;
		set_text(&r->reason, why);
	}
	struct rollout bad = {.unit = ro->unit,
			      .image = ro->previous,
			      .previous = ro->image,
			      .release = ro->release};
	environment_add_veto(s, env, &bad, ev->actor, why);
	AUTO(freep) char *title = xasprintf("%s in %s: %s", ro->unit, env->id, why);
	struct incident *i = incident_open(s, ro, title);
	set_text(&i->image, ro->previous);
	incident_say(s, i, "%s; going back to %.19s", why, image);
	incident_notify(s, i, "incident.open");
	const struct config *c = r ? model_config(s->m, r->config) : NULL;
	if (c && c->rollback) /* the pin waits for it */
		revert_in_git(s, r, why);
	return RC_OK;
}

static char *mark_id(struct environment *env, const char *kind)
{
	return xasprintf("%s-%u", kind, ++env->next_mark);
}

static char *copy_or_null(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

enum rc on_pin(struct step *s)
{
	const struct event *ev = s->ev;
	struct environment *env = model_environment(s->m, ev->environment);

	if (!env)
		return no_environment(s);
	const struct live *l = environment_live(env, ev->unit);
	const char *image = ev->image ? ev->image : l ? l->image : NULL;
	if (!ev->unit || !image)
		return err_set(s->err, RC_NOT_FOUND, "%s does not run in %s: name the image to pin",
			       ev->unit ? ev->unit : "(no service named)", env->id);
	if (environment_pin(env, ev->unit, s->m->time))
		return err_set(s->err, RC_CONFLICT, "%s is pinned in %s already", ev->unit,
			       env->id);
	vec_push(&env->pins, ((struct pin){.id = mark_id(env, "pin"),
					   .unit = xstrdup(ev->unit),
					   .image = xstrdup(image),
					   .actor = xstrdup(ev->actor),
					   .reason = copy_or_null(ev->text),
					   .since = s->m->time,
					   .until = ev->until}));
	environment_look_again(s, env);
	return RC_OK;
}

enum rc on_veto(struct step *s)
{
	const struct event *ev = s->ev;
	struct environment *env = model_environment(s->m, ev->environment);
	struct digest digest;

	if (!env)
		return no_environment(s);
	if (!ev->image || !digest_parse(str_of(ev->image), &digest))
		return err_set(s->err, RC_INVALID,
			       "a veto needs the image's whole digest: sha256:<64 hex>");
	vec_push(&env->vetoes, ((struct veto){.id = mark_id(env, "veto"),
					      .unit = copy_or_null(ev->unit),
					      .image = xstrdup(ev->image),
					      .actor = xstrdup(ev->actor),
					      .reason = copy_or_null(ev->text),
					      .since = s->m->time,
					      .until = ev->until}));
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_ROLLOUT], e));) {
		struct rollout *ro = e->value;

		if (streq(ro->environment, env->id) && streq(ro->image, ev->image) &&
		    !rollout_is_final(ro->state))
			rollout_abort(s, ro, "veto", ev->text ? ev->text : "vetoed");
	}
	environment_look_again(s, env);
	return RC_OK;
}

enum rc on_hold(struct step *s)
{
	const struct event *ev = s->ev;
	struct environment *env = model_environment(s->m, ev->environment);

	if (!env)
		return no_environment(s);
	vec_push(&env->holds, ((struct hold){.id = mark_id(env, "hold"),
					     .unit = copy_or_null(ev->unit),
					     .actor = xstrdup(ev->actor),
					     .reason = copy_or_null(ev->text),
					     .since = s->m->time,
					     .until = ev->until}));
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_ROLLOUT], e));) {
		struct rollout *ro = e->value;

		if (streq(ro->environment, env->id) && !ro->is_return &&
		    may_follow(rollout_next, ro->state, ROLLOUT_HOLDING) &&
		    (!ev->unit || streq(ev->unit, ro->unit)))
			rollout_set(s->m, ro, ROLLOUT_HOLDING, ev->text ? ev->text : "on hold");
	}
	if (ev->until)
		set_text(&order_timer(s, ev->until, "hold")->environment, env->id);
	environment_look_again(s, env);
	return RC_OK;
}

/* Free the text members (in order of the struct) of the mark and take it out of its list. */
#define LIFT(list, i, ...)                                          \
	do {                                                        \
		char *members_[] = {__VA_ARGS__};                   \
		for (size_t k_ = 0; k_ < ARRAY_LEN(members_); k_++) \
			xfree(members_[k_]);                        \
		vec_remove(list, i);                                \
	} while (0)

static enum rc no_mark(struct step *s, const char *kind, const struct environment *env)
{
	return err_set(s->err, RC_NOT_FOUND,
		       "there is no %s %s in %s; `penstock status` lists them", kind,
		       s->ev->id ? s->ev->id : "(none named)", env->id);
}

enum rc on_unpin(struct step *s)
{
	struct environment *env = model_environment(s->m, s->ev->environment);

	if (!env)
		return no_environment(s);
	for (size_t i = 0; i < env->pins.n; i++) {
		struct pin *p = &env->pins.v[i];

		if (!streq(p->id, s->ev->id))
			continue;
		LIFT(&env->pins, i, p->id, p->unit, p->image, p->actor, p->reason, p->until_commit);
		environment_look_again(s, env);
		return RC_OK;
	}
	return no_mark(s, "pin", env);
}

enum rc on_unveto(struct step *s)
{
	struct environment *env = model_environment(s->m, s->ev->environment);

	if (!env)
		return no_environment(s);
	for (size_t i = 0; i < env->vetoes.n; i++) {
		struct veto *v = &env->vetoes.v[i];

		if (!streq(v->id, s->ev->id))
			continue;
		LIFT(&env->vetoes, i, v->id, v->unit, v->image, v->actor, v->reason, v->release,
		     v->incident);
		environment_look_again(s, env);
		return RC_OK;
	}
	return no_mark(s, "veto", env);
}

static void release_held(struct step *s, struct environment *env)
{
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_ROLLOUT], e));) {
		struct rollout *ro = e->value;

		if (!streq(ro->environment, env->id) || ro->state != ROLLOUT_HOLDING ||
		    environment_hold(env, ro->unit, s->m->time))
			continue;
		rollout_set(s->m, ro, ro->held_from, NULL);
		rollout_push(s, ro);
	}
}

enum rc on_unhold(struct step *s)
{
	struct environment *env = model_environment(s->m, s->ev->environment);

	if (!env)
		return no_environment(s);
	for (size_t i = 0; i < env->holds.n; i++) {
		struct hold *h = &env->holds.v[i];

		if (!streq(h->id, s->ev->id))
			continue;
		LIFT(&env->holds, i, h->id, h->unit, h->actor, h->reason);
		release_held(s, env);
		environment_look_again(s, env);
		return RC_OK;
	}
	return no_mark(s, "hold", env);
}

static struct incident *open_incident(struct step *s)
{
	struct incident *i = model_incident(s->m, s->ev->incident);

	return i && i->state != INCIDENT_CLOSED ? i : NULL;
}

enum rc on_incident_note(struct step *s)
{
	struct incident *i = open_incident(s);

	if (!i || !s->ev->text)
		return err_set(s->err, i ? RC_INVALID : RC_NOT_FOUND,
			       i ? "a note needs a text" : "there is no open incident of that id");
	incident_say(s, i, "%s", s->ev->text);
	return RC_OK;
}

enum rc on_incident_mitigate(struct step *s)
{
	struct incident *i = open_incident(s);

	if (!i || i->state != INCIDENT_OPEN)
		return err_set(s->err, i ? RC_CONFLICT : RC_NOT_FOUND,
			       i ? "%s is mitigated already" : "there is no open incident %s",
			       s->ev->incident ? s->ev->incident : "(none named)");
	incident_say(s, i, "mitigated%s%s", s->ev->text ? ": " : "",
		     s->ev->text ? s->ev->text : "");
	incident_set(s->m, i, INCIDENT_MITIGATED);
	return RC_OK;
}

enum rc on_incident_close(struct step *s)
{
	struct incident *i = open_incident(s);

	if (!i)
		return err_set(s->err, RC_NOT_FOUND, "there is no open incident %s",
			       s->ev->incident ? s->ev->incident : "(none named)");
	incident_say(s, i, "closed%s%s", s->ev->text ? ": " : "", s->ev->text ? s->ev->text : "");
	incident_set(s->m, i, INCIDENT_CLOSED);
	return RC_OK;
}

/* The same commit once more: what passed comes from the cache. */
enum rc on_rerun(struct step *s)
{
	const char *id = s->ev->run ? s->ev->run : "(none named)";
	const struct run *run = model_run(s->m, s->ev->run);
	const struct change *change = run ? &run->change : &s->ev->change;

	if (!change->commit)
		return err_set(s->err, RC_NOT_FOUND, "there is no run %s", id);
	if (run && !run_is_final(run->state))
		return err_set(s->err, RC_CONFLICT, "%s is still %s", run->id,
			       run_state_names[run->state]);
	struct project_repo *src = model_source(s->m, change->repo);
	if (!src)
		return err_set(s->err, RC_NOT_FOUND, "%s is of repository %s, which is not served",
			       id, change->repo);
	for (size_t i = 0; i < src->refs.n; i++)
		if (streq(src->refs.v[i].run, id)) {
			set_text(&src->refs.v[i].run, NULL);
			model_touch(s->m, AGG_SOURCE, src->id);
		}
	copy_change(&order(s, EF_READ_CHANGE, "source/%s", change->repo)->change, change);
	return RC_OK;
}
