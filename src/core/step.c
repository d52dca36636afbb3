/* The dispatch of events, and what all handlers use. */
#include "core/step_impl.h"
#include <stdarg.h>
#include "base/strbuf.h"

static enum rc on_nothing(struct step *s)
{
	(void)s;
	return RC_OK;
}

static enum rc (*const handlers[EVENT_KINDS])(struct step *s) = {
	[EV_STARTED] = on_started,
	[EV_REF_MOVED] = on_ref_moved,
	[EV_CHANGE_PLANNED] = on_change_planned,
	[EV_CHANGE_REFUSED] = on_change_refused,
	[EV_CHANGE_REVERTED] = on_change_reverted,
	[EV_JOB_STARTED] = on_job_started,
	[EV_JOB_ENDED] = on_job_ended,
	[EV_ATTESTED] = on_attested,
	[EV_EVIDENCE_VERIFIED] = on_evidence_verified,
	[EV_DEPLOY_PLANNED] = on_deploy_planned,
	[EV_DESIRED_WRITTEN] = on_desired_written,
	[EV_REPLICA] = on_replica,
	[EV_REPLICAS_STARTED] = on_replicas_started,
	[EV_REPLICAS_STOPPED] = on_replicas_stopped,
	[EV_WEIGHT_SET] = on_weight_set,
	[EV_FACTS] = on_facts,
	[EV_HISTORY] = on_history,
	[EV_NOTIFIED] = on_notified,
	[EV_TIMER] = on_timer,
	[EV_APPROVE] = on_approve,
	[EV_PROMOTE] = on_promote,
	[EV_ABORT] = on_abort,
	[EV_ROLLBACK] = on_rollback,
	[EV_PIN] = on_pin,
	[EV_UNPIN] = on_unpin,
	[EV_VETO] = on_veto,
	[EV_UNVETO] = on_unveto,
	[EV_HOLD] = on_hold,
	[EV_UNHOLD] = on_unhold,
	[EV_INCIDENT_NOTE] = on_incident_note,
	[EV_INCIDENT_CLOSE] = on_incident_close,
	[EV_INCIDENT_MITIGATE] = on_incident_mitigate,
	[EV_RERUN] = on_rerun,
	[EV_REFUSED] = on_nothing,
	[EV_AGENT] = on_agent,
	[EV_MERGED] = on_merged,
	[EV_LANDED] = on_landed,
	[EV_DRAIN] = on_drain,
	[EV_START_JOB] = on_start_job,
	[EV_QUEUE_ADD] = on_queue_add,
	[EV_QUEUE_DEL] = on_queue_del,
	[EV_QUARANTINE] = on_quarantine,
	[EV_UNQUARANTINE] = on_unquarantine,
	[EV_USER] = on_user,
	[EV_TOKEN] = on_token,
	[EV_TOKEN_END] = on_token_end,
	[EV_TOKEN_USED] = on_token_used,
	[EV_LOGIN] = on_login,
	[EV_LOGOUT] = on_logout,
	[EV_GRANT] = on_grant,
	[EV_GRANT_END] = on_grant_end,
	[EV_DENIED] = on_nothing,
	[EV_CACHE_PRUNE] = on_nothing,
	[EV_EFFECT_FAILED] = on_effect_failed,
};

#define ONCE_KEPT USEC_DAY

static void forget_once(struct project *p, size_t i)
{
	xfree(p->once.v[i].key);
	xfree(p->once.v[i].what);
	xfree(p->once.v[i].who);
	vec_remove(&p->once, i);
}

static size_t count_once(const struct project *p, const char *who, size_t *ret_oldest)
{
	size_t n = 0;

	for (size_t i = p->once.n; i-- > 0;)
		if (streq(p->once.v[i].who, who)) {
			*ret_oldest = i;
			n++;
		}
	return n;
}

/* Whoever has most keys gives one up: nobody's orders push out those of somebody who sends fewer. */
static size_t crowding_once(const struct project *p)
{
	struct map counts = {0};
	uintptr_t most = 0;
	size_t ret = 0;

	for (size_t i = p->once.n; i-- > 0;) {
		struct str who = str_of(p->once.v[i].who ? p->once.v[i].who : "");
		uintptr_t n = (uintptr_t)map_get(&counts, who) + 1;

		map_put(&counts, who, (void *)n);
		if (n >=
		    most) { /* the last to reach it, from the youngest on, is this actor's oldest */
			most = n;
			ret = i;
		}
	}
	map_done(&counts);
	return ret;
}

static void remember_once(struct step *s)
{
	struct project *p = model_project(s->m);
	size_t oldest = 0;

	while (p->once.n && p->once.v[0].at + ONCE_KEPT < s->m->time)
		forget_once(p, 0);
	if (count_once(p, s->ev->actor, &oldest) >= ONCE_EACH)
		forget_once(p, oldest);
	else if (p->once.n >= ONCE_MAX)
		forget_once(p, crowding_once(p));
	vec_push(&p->once, ((struct once){.key = xstrdup(s->ev->once),
					  .what = xstrdup(s->ev->what ? s->ev->what : ""),
					  .who = s->ev->actor ? xstrdup(s->ev->actor) : NULL,
					  .seq = s->ev->seq,
					  .at = s->m->time}));
	model_touch(s->m, AGG_PROJECT, p->id);
}

enum rc step(struct model *m, const struct event *ev, struct effects *out, struct err *err)
{
	struct step s = {.m = m, .ev = ev, .out = out, .err = err};
	usec_t before = m->time;

	model_untouch(m);
	if (ev->kind != EV_STARTED && !model_project(m))
		return err_set(
			err, RC_INVALID,
			"the engine has not started: its first event must be engine.started");
	m->time = MAX_OF(m->time, ev->time);
	enum rc rc = handlers[ev->kind](&s);
	if (rc != RC_OK) {
		BUG_ON(m->touched.n); /* a refusal changes nothing */
		m->time = before;
		return rc;
	}
	m->seq = ev->seq;
	if (ev->once)
		remember_once(&s);
	schedule(&s);
	evict(&s);
	return RC_OK;
}

struct effect *order(struct step *s, enum effect_kind kind, const char *lane, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(512);
	va_list ap;

	va_start(ap, lane);
	strbuf_addv(&text, lane, ap);
	va_end(ap);
	vec_add(&s->out->list);
	struct effect *e = vec_last(&s->out->list);
	e->id = xasprintf("%llu.%zu", (unsigned long long)s->ev->seq, s->out->list.n - 1);
	e->kind = kind;
	e->lane = strbuf_take(&text);
	return e;
}

struct effect *order_timer(struct step *s, uint64_t at, const char *what)
{
	struct effect *e = order(s, EF_TIMER, "timer");

	e->at = at;
	set_text(&e->text, what);
	return e;
}

void set_text(char **member, const char *value)
{
	char *copy = value ? xstrdup(value) : NULL;

	xfree(*member);
	*member = copy;
}

void set_textf(char **member, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(4096);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	set_text(member, strbuf_failed(&text) ? "(text too long)" : strbuf_cstr(&text));
}

void copy_change(struct change *to, const struct change *from)
{
	shape_done(&shape_change, to);
	shape_copy(&shape_change, to, from);
}

bool texts_has(const texts *list, const char *value)
{
	vec_each(t, list)
		if (streq(*t, value))
			return true;
	return false;
}

void texts_add(texts *list, const char *value)
{
	vec_push(list, xstrdup(value));
}

void texts_del(texts *list, const char *value)
{
	for (size_t i = 0; i < list->n; i++) {
		if (!streq(list->v[i], value))
			continue;
		xfree(list->v[i]);
		vec_remove(list, i);
		return;
	}
}
