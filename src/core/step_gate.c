/* The gate: every requirement one line with its state and its reason; the decision follows from the lines. */
#include "core/access.h"
#include "core/step_impl.h"
#include "core/window.h"

static void say(struct gate *g, const char *kind, const char *state, const char *fmt, ...)
	PRINTF(4, 5);
static void say(struct gate *g, const char *kind, const char *state, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(2048);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	vec_push(&g->requirements, ((struct requirement){.kind = xstrdup(kind),
							 .state = xstrdup(state),
							 .reason = xstrdup(strbuf_cstr(&text))}));
}

static void drop(struct requirement *r)
{
	xfree(r->kind);
	xfree(r->state);
	xfree(r->reason);
	vec_each(name, &r->by)
		xfree(*name);
	vec_done(&r->by);
}

/* The new lines remember since when it is so: the n-th of a kind is the n-th of the old ones. */
static void keep_since(struct gate *g, const struct requirement *old, size_t n_old, usec_t now)
{
	vec_each(r, &g->requirements) {
		size_t nth = 0;

		for (const struct requirement *q = g->requirements.v; q < r; q++)
			nth += streq(q->kind, r->kind);
		r->since = now;
		for (size_t i = 0; i < n_old; i++)
			if (streq(old[i].kind, r->kind) && nth-- == 0) {
				if (streq(old[i].state, r->state))
					r->since = old[i].since;
				break;
			}
	}
}

/* In words, the caller's. */
static char *images_of(const struct release *r)
{
	return r->items.n == 1 ? xstrdup("its image") : xasprintf("each of %zu images", r->items.n);
}

static void say_evidence(struct release *r, const struct require *req)
{
	vec_each(name, &req->stages) {
		enum stage stage = streq(*name, "staging") ? STAGE_STAGING : STAGE_CI;
		bool all = evidence_complete(r, stage);
		AUTO(freep) char *images = images_of(r);

		say(&r->gate, "evidence", all ? "ok" : "no",
		    all ? "signed evidence of stage %s for %s" : "stage %s left no evidence for %s",
		    *name, images);
	}
}

static void say_approvals(struct step *s, struct release *r, const struct approve_def *def)
{
	uint32_t yes = 0;
	const struct approval *no = NULL;

	vec_each(a, &r->gate.approvals) {
		bool old = def->expires && a->at + def->expires < s->m->time;

		yes += a->yes && !old;
		no = !a->yes ? a : no;
	}
	if (no)
		say(&r->gate, "approvals", "no", "%s said no%s%s", no->actor,
		    no->comment ? ": " : "", no->comment ? no->comment : "");
	else if (yes >= def->count)
		say(&r->gate, "approvals", "ok", "%u of %u given", yes, def->count);
	else
		say(&r->gate, "approvals", "wait",
		    "%u of %u given; approve with: penstock approve %s", yes, def->count, r->id);
	vec_each(name, &def->by)
		texts_add(&vec_last(&r->gate.requirements)->by, *name);
}

static void say_windows(struct step *s, struct release *r, const struct gate_def *def)
{
	usec_t until = USEC_NEVER;
	AUTO(freep) char *why = NULL;

	if (!def->windows.n)
		return;
	if (!window_denied(def->windows.v, def->windows.n, s->m->time, &until, &why)) {
		say(&r->gate, "window", "ok", "open");
		return;
	}
	say(&r->gate, "window", "wait", "%s", why ? why : "closed");
	if (until == USEC_NEVER)
		return;
	vec_last(&r->gate.requirements)->until = until;
	set_text(&order_timer(s, until, "gate")->release, r->id);
}

/* Marks on production that stand in the way of this release. */
static void say_marks(struct step *s, struct release *r)
{
	const struct environment *env = environment_for(s->m, r, STAGE_PRODUCTION);

	vec_each(item, &r->items) {
		const struct veto *v = environment_veto(env, item->unit, item->image, s->m->time);
		const struct pin *p = environment_pin(env, item->unit, s->m->time);
		const struct hold *h = environment_hold(env, item->unit, s->m->time);

		if (v)
			say(&r->gate, "veto", "no", "%s %.19s is vetoed: %s", item->unit,
			    item->image, v->reason ? v->reason : "-");
		if (p && !streq(p->image, item->image))
			say(&r->gate, "pin", "wait",
			    "%s is pinned to %.19s by %s (%s); lift it with: penstock pin --lift %s %s",
			    item->unit, p->image, p->actor, p->reason ? p->reason : "-", env->id,
			    p->id);
		if (h)
			say(&r->gate, "hold", "wait",
			    "%s holds %s (%s); lift it with: penstock hold --lift %s %s", h->actor,
			    h->unit ? h->unit : env->id, h->reason ? h->reason : "-", env->id,
			    h->id);
		if (h)
			vec_last(&r->gate.requirements)->until = h->until;
	}
}

static const char *decide(const struct gate *g)
{
	const char *decision = "pass";

	vec_each(r, &g->requirements) {
		if (streq(r->state, "no"))
			return "no";
		if (streq(r->state, "wait"))
			decision = "wait";
	}
	return decision;
}

void gate_evaluate(struct step *s, struct release *r)
{
	const struct config *c = model_config(s->m, r->config);
	struct gate *g = &r->gate;

	if (r->state != RELEASE_STAGED || streq(g->decision, "pass"))
		return;
	__typeof__(g->requirements) old = g->requirements;
	memset(&g->requirements, 0, sizeof(g->requirements));
	vec_each(req, &c->gate.require) {
		switch (req->kind) {
		case REQUIRE_EVIDENCE:
			say_evidence(r, req);
			break;
		case REQUIRE_REVIEWS:
			say(g, "reviews", "wait",
			    "reviews are not visible on a local repository: use approve in penstock.yml");
			break;
		}
	}
	if (c->gate.approve.count ||
	    r->gate.approvals.n) /* a "no" counts also where nobody was asked */
		say_approvals(s, r, &c->gate.approve);
	say_windows(s, r, &c->gate);
	say_marks(s, r);
	keep_since(g, old.v, old.n, s->m->time);
	vec_each(q, &old)
		drop(q);
	vec_done(&old);
	set_text(&g->decision, decide(g));
	set_text(&g->by, s->ev->actor);
	g->decided_at = s->m->time;
	model_touch(s->m, AGG_RELEASE, r->id);
	if (streq(g->decision, "pass")) {
		attest_decision(s, r);
	} else if (streq(g->decision, "no")) {
		const char *why = "the gate said no";

		vec_each(req, &g->requirements)
			why = streq(req->state, "no") ? req->reason : why;
		AUTO(freep) char *copy = xstrdup(why);
		release_end(s, r, RELEASE_REJECTED, copy);
	}
}

/* "user:ann" is the author when her name is the author's name, address, or the address's local part. */
static bool is_author_by_name(const char *actor, const struct change *change)
{
	struct str name = str_of(actor), local = str_of(change->email);

	if (strchr(actor, ':'))
		name = str_of(strchr(actor, ':') + 1);
	struct str rest = local, head = str_cut(&rest, '@');
	return str_eq(name, str_of(change->author)) ||
	       (change->email && (str_eq(name, local) || str_eq(name, head)));
}

static bool is_of_author(const struct user *u, const struct change *change)
{
	AUTO(freep) char *actor = xasprintf("user:%s", u->id);

	return is_author_by_name(actor, change) || (u->email && streq(u->email, change->email)) ||
	       (u->name && streq(u->name, change->author));
}

/* By the name that asks, or by what the account of that name says. */
static bool is_authors_name(const struct model *m, const char *actor, const struct change *change)
{
	const struct user *u = access_user(m, actor);

	return is_author_by_name(actor, change) || (u && is_of_author(u, change));
}

/* A token decides for who made it. */
static bool is_author(const struct model *m, const struct event *ev, const struct change *change)
{
	const char *maker = access_maker(m, ev->via);

	return is_authors_name(m, ev->actor, change) ||
	       (maker && is_authors_name(m, maker, change));
}

/* The same person under another name: by a token that they made, or that was theirs before. */
static const struct approval *other_hand(const struct model *m, const struct release *r,
					 const struct event *ev)
{
	const char *maker = access_maker(m, ev->via), *mine = maker ? maker : ev->actor;

	vec_each(a, &r->gate.approvals)
		if (a->yes && !streq(a->actor, ev->actor) &&
		    streq(a->behind ? a->behind : a->actor, mine))
			return a;
	return NULL;
}

/* Another account may be the author's own: nobody can know, but an auditor is told when both are of one group. */
static char *note_of(const struct model *m, const char *actor, const struct change *change)
{
	const struct user *mine = access_user(m, actor);

	for (struct map_entry *e = NULL; mine && (e = map_next(&m->by_kind[AGG_USER], e));) {
		const struct user *u = e->value;

		if (u == mine || !is_of_author(u, change))
			continue;
		vec_each(g, &u->groups)
			if (texts_has(&mine->groups, *g))
				return xasprintf("the author's account %s is of the same group, %s",
						 u->id, *g);
	}
	return NULL;
}

/* Is it known here as a group's name? Then nobody passes for it by being called so. */
static bool is_group(const struct model *m, const char *name)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_USER], e));)
		if (texts_has(&((const struct user *)e->value)->groups, name))
			return true;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_TOKEN], e));)
		if (texts_has(&((const struct token *)e->value)->groups, name))
			return true;
	return false;
}

static bool may_approve(const struct model *m, const struct event *ev,
			const struct approve_def *def)
{
	const char *name = strchr(ev->actor, ':') ? strchr(ev->actor, ':') + 1 : ev->actor;

	if (!def->by.n || texts_has(&def->by, ev->actor) ||
	    (texts_has(&def->by, name) && !is_group(m, name)))
		return true;
	vec_each(group, &ev->ids)
		if (texts_has(&def->by, *group))
			return true;
	return false;
}

/* Somebody looked at a change from a fork. */
static enum rc approve_run(struct step *s)
{
	const struct event *ev = s->ev;
	struct run *run = model_run(s->m, ev->run);

	if (!run)
		return err_set(s->err, RC_NOT_FOUND, "there is no run %s under way", ev->run);
	if (!run->waits || run_is_final(run->state))
		return err_set(s->err, RC_CONFLICT, "%s waits for nobody's approval: it is %s",
			       run->id, run_state_names[run->state]);
	if (is_author(s->m, ev, &run->change))
		return err_set(s->err, RC_DENIED,
			       "%s is the author of %s: somebody else has to look at it", ev->actor,
			       run->id);
	run->waits = false;
	if (!ev->ok) {
		run_cancel(s, run, RUN_CANCELLED, ev->text ? ev->text : "not approved");
		return RC_OK;
	}
	AUTO(freep) char *reason = xasprintf("approved by %s", ev->actor);
	set_text(&run->reason, reason);
	model_touch(s->m, AGG_RUN, run->id);
	run_begin(s, run);
	run_settle(s, run);
	return RC_OK;
}

enum rc on_approve(struct step *s)
{
	const struct event *ev = s->ev;

	if (ev->run && !ev->release)
		return approve_run(s);
	struct release *r = model_release(s->m, ev->release);

	if (!r)
		return err_set(s->err, RC_NOT_FOUND, "there is no release %s among the open ones",
			       ev->release ? ev->release : "(none named)");
	if (r->state != RELEASE_STAGED && r->state != RELEASE_BUILT && r->state != RELEASE_STAGING)
		return err_set(s->err, RC_CONFLICT,
			       "%s is %s: there is nothing to approve any more", r->id,
			       release_state_names[r->state]);
	if (streq(r->gate.decision, "pass"))
		return err_set(s->err, RC_CONFLICT,
			       "the gate let %s through already; stop it with: penstock abort %s",
			       r->id, r->id);
	const struct approve_def *def = &model_config(s->m, r->config)->gate.approve;
	if (!may_approve(s->m, ev, def))
		return err_set(
			s->err, RC_DENIED,
			"%s may not approve %s: gate.approve.by of its penstock.yml does not name them",
			ev->actor, r->id);
	if (def->not_author && is_author(s->m, ev, &r->change))
		return err_set(
			s->err, RC_DENIED,
			"%s is the author of %s: somebody else has to approve it (four eyes)",
			ev->actor, r->id);
	const struct approval *other = ev->ok ? other_hand(s->m, r, ev) : NULL;
	if (other)
		return err_set(
			s->err, RC_DENIED,
			"%s approved %s already: who makes a token and who decides by it count once",
			other->actor, r->id);
	struct approval *mine = NULL;
	vec_each(a, &r->gate.approvals)
		mine = streq(a->actor, ev->actor) ? a : mine;
	if (!mine) {
		vec_push(&r->gate.approvals, ((struct approval){.actor = xstrdup(ev->actor)}));
		mine = vec_last(&r->gate.approvals);
	}
	mine->yes = ev->ok;
	mine->at = s->m->time;
	set_text(&mine->comment, ev->text);
	AUTO(freep) char *note = note_of(s->m, ev->actor, &r->change);
	set_text(&mine->note, note);
	set_text(&mine->behind, access_maker(s->m, ev->via));
	model_touch(s->m, AGG_RELEASE, r->id);
	gate_evaluate(s, r);
	return RC_OK;
}
