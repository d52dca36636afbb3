/*
 * Taking a version back: traffic first, in the very step that proves the harm; then what keeps it back (veto, pin), then Git, then people.
 */
#include "core/step_impl.h"
#include <stdarg.h>

static bool is_harm(const char *cause)
{
	return !streq(cause, "person") && !streq(cause, "release") && !streq(cause, "plan") &&
	       !streq(cause, "max");
}

struct incident *incident_of_rollout(const struct model *m, const struct rollout *ro)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_INCIDENT], e));)
		if (streq(((struct incident *)e->value)->rollout, ro->id))
			return e->value;
	return NULL;
}

void incident_say(struct step *s, struct incident *i, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(4096);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	vec_push(&i->timeline,
		 ((struct moment){.at = s->m->time,
				  .actor = xstrdup(s->ev->actor ? s->ev->actor : "engine"),
				  .text = strbuf_take(&text)}));
	model_touch(s->m, AGG_INCIDENT, i->id);
}

void incident_notify(struct step *s, const struct incident *i, const char *event)
{
	const struct config *c = model_config(s->m, model_project(s->m)->config);
	struct effect *e = order(s, EF_NOTIFY, "notify");

	set_text(&e->incident, i->id);
	set_text(&e->type, event);
	set_text(&e->text, i->title);
	if (c)
		vec_each(n, &c->notify)
			vec_push(&e->notifiers,
				 ((struct notify_def){.kind = xstrdup(n->kind),
						      .url = n->url ? xstrdup(n->url) : NULL,
						      .name = n->name ? xstrdup(n->name) : NULL}));
}

static char *runbook_of(const struct config *c, const char *unit)
{
	const char *hole = c && c->runbook ? strstr(c->runbook, "{service}") : NULL;

	if (!c || !c->runbook)
		return NULL;
	if (!hole)
		return xstrdup(c->runbook);
	return xasprintf("%.*s%s%s", (int)(hole - c->runbook), c->runbook, unit,
			 hole + strlen("{service}"));
}

struct incident *incident_open(struct step *s, struct rollout *ro, const char *title)
{
	struct project *p = model_project(s->m);
	struct release *r = model_release(s->m, ro->release);
	const struct config *c = model_config(s->m, r ? r->config : p->config);
	char *id = xasprintf("inc-%u", ++p->incidents);
	struct incident *i = model_add(s->m, AGG_INCIDENT, id);

	model_touch(s->m, AGG_PROJECT, "project");
	i->id = id;
	i->title = xstrdup(title);
	i->unit = xstrdup(ro->unit);
	i->environment = xstrdup(ro->environment);
	i->image = xstrdup(ro->image);
	i->rollout = xstrdup(ro->id);
	set_text(&i->release, ro->release);
	set_text(&i->run, r ? r->run : NULL);
	i->runbook = runbook_of(c, ro->unit);
	set_text(&i->page, c ? c->page : NULL);
	i->opened_at = s->m->time;
	if (r) {
		set_text(&r->incident, id);
		model_touch(s->m, AGG_RELEASE, r->id);
	}
	return i;
}

void revert_in_git(struct step *s, struct release *r, const char *reason)
{
	if (!r->change.base || r->change.reverts)
		return;
	struct effect *e = order(s, EF_REVERT_CHANGE, "source/%s", r->change.repo);
	set_text(&e->release, r->id);
	copy_change(&e->change, &r->change);
	set_text(&e->text, reason);
}

static void go_back_desired(struct step *s, struct rollout *ro)
{
	if (!ro->previous || !ro->plan) /* with a plan it may have been written, heard of or not */
		return;
	struct effect *e = order(s, EF_WRITE_DESIRED, "env/%s", ro->environment);
	AUTO(freep) char *image = xstrdup(ro->image);

	set_text(&e->rollout, ro->id);
	set_textf(&e->text, "Take %s back in %s", ro->unit, ro->environment);
	fill_deploy(s->m, ro, &e->deploy);
	set_text(&e->deploy.image, ro->previous);
	set_text(&e->deploy.previous, image);
	vec_push(&e->trailers,
		 ((struct pair){.key = xstrdup("Penstock-Rollout"), .value = xstrdup(ro->id)}));
	if (ro->release)
		vec_push(&e->trailers, ((struct pair){.key = xstrdup("Penstock-Takes-Back"),
						      .value = xstrdup(ro->release)}));
}

void rollout_abort(struct step *s, struct rollout *ro, const char *cause, const char *reason)
{
	struct environment *env = model_environment(s->m, ro->environment);

	if (!may_follow(rollout_next, ro->state, ROLLOUT_ABORTING))
		return;
	struct effect *zero = order(s, EF_SET_WEIGHT, "route/%s/%s", ro->environment, ro->unit);
	set_text(&zero->rollout, ro->id);
	set_text(&zero->environment, ro->environment);
	set_text(&zero->unit, ro->unit);
	set_text(&zero->image, ro->image);
	zero->weight = ro->weight = 0;
	ro->verdict_at = ro->zero_ordered_at = s->m->time;
	set_text(&ro->cause, cause);
	rollout_set(s->m, ro, ROLLOUT_ABORTING, reason);

	struct release *r = model_release(s->m, ro->release);
	if (is_harm(cause) && !ro->is_return) {
		environment_add_veto(s, env, ro, "engine", reason);
		AUTO(freep) char *title = xasprintf("%s in %s: %s", ro->unit, env->id, reason);
		struct incident *i = incident_open(s, ro, title);
		incident_say(s, i, "%s; weight 0 ordered in the same step, %.19s vetoed in %s%s",
			     reason, ro->image, env->id,
			     ro->previous ? ", the version before it pinned" : "");
		incident_notify(s, i, "incident.open");
		const struct config *c =
			model_config(s->m, r ? r->config : model_project(s->m)->config);
		if (r && c && c->rollback)
			revert_in_git(s, r, reason);
	}
	go_back_desired(s, ro);
	if (r && !ro->is_return)
		release_break(s, r, reason);
}

static void revert_landed(struct step *s, const struct release *r, const char *commit)
{
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_ENVIRONMENT], e));) {
		struct environment *env = e->value;

		vec_each(p, &env->pins) {
			vec_each(item, &r->items) {
				if (!streq(p->until_commit, "revert") ||
				    !streq(p->unit, item->unit))
					continue;
				set_text(&p->until_commit, commit);
				model_touch(s->m, AGG_ENVIRONMENT, env->id);
			}
		}
	}
}

/* The answer may come after the commit's own run: then what waited for that run is over now. */
static bool built_already(const struct model *m, const char *commit)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_RUN], e));)
		if (streq(((struct run *)e->value)->change.commit, commit))
			return ((struct run *)e->value)->state == RUN_PASSED;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_SOURCE], e));)
		vec_each(ref, &((struct project_repo *)e->value)
				       ->refs) /* a run that ended and was forgotten */
			if (streq(ref->commit, commit) && ref->run && !streq(ref->run, "-"))
				return true;
	return false;
}

enum rc on_change_reverted(struct step *s)
{
	const struct event *ev = s->ev;
	struct release *r = model_release(s->m, ev->release);
	struct incident *i = r ? model_incident(s->m, r->incident) : NULL;

	if (i && !i->revert) {
		set_text(&i->revert, ev->commit ? ev->commit : ev->error ? ev->error : "-");
		if (ev->commit)
			incident_say(s, i, "the change was taken back in Git by commit %.12s",
				     ev->commit);
		else
			incident_say(
				s, i,
				"the change could not be taken back in Git: %s; take it back by hand, then lift the pin",
				ev->error ? ev->error : "unknown");
	}
	if (r && ev->commit)
		revert_landed(s, r, ev->commit);
	if (r && ev->commit && built_already(s->m, ev->commit))
		environment_unpin_commit(s, ev->commit);
	return RC_OK;
}

enum rc on_notified(struct step *s)
{
	struct incident *i = model_incident(s->m, s->ev->incident);

	if (!i || i->state == INCIDENT_CLOSED)
		return RC_OK;
	if (s->ev->error)
		incident_say(s, i, "%s could not be told: %s",
			     s->ev->text ? s->ev->text : "a notifier", s->ev->error);
	else if (!i->paged)
		i->paged = true;
	model_touch(s->m, AGG_INCIDENT, i->id);
	return RC_OK;
}
