/* The invariants: the table, and what is remembered. */
#include "core/invariant_impl.h"
#include <stdarg.h>
#include "base/strbuf.h"

const struct invariant invariants[INVARIANTS] = {
	{1, "a digest enters an environment only with evidence of every stage before it",
	 holds_evidence},
	{2, "a vetoed digest comes back only when the veto is lifted", holds_veto},
	{3, "a canary's weight grows only on a pass; its end orders 0 before anything else",
	 holds_weights},
	{4, "harm is answered with weight 0 in the same step", holds_harm},
	{5, "one rollout of a service at a time; nothing that waits is dropped without a word",
	 holds_one_active},
	{6, "an effect is answered once", holds_effects_once},
	{7, "no job is lost", holds_nothing_lost},
	{8, "nothing passes the gate without every decision that it requires", holds_gate},
	{9, "the journal is dense and its time does not go back", holds_journal},
	{10, "no secret value appears", holds_secret},
	{11, "a result is taken only from the attempt, and the agent, that made it", holds_results},
	{12, "no agent is given more than it has, and none stands idle while a job fits",
	 holds_capacity},
	{13, "one job of a concurrency group runs at a time", holds_groups},
	{14, "what is queued lands as it was tested, or is put out with a reason", holds_queue},
	{15, "what is live can be taken back, in Git, too: its release is known", holds_known},
};

bool broken(struct err *why, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(1024);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	err_set(why, RC_INTERNAL, "%s", strbuf_cstr(&text));
	return false;
}

struct invariant_memory *invariant_memory_new(const char *secret)
{
	struct invariant_memory *k = xcalloc(1, sizeof(*k));

	k->secret = secret;
	return k;
}

static void free_values(struct map *m)
{
	for (struct map_entry *e = NULL; (e = map_next(m, e));)
		xfree(e->value);
	map_done(m);
}

static void veto_done(struct seen_veto *v)
{
	xfree(v->environment);
	xfree(v->id);
	xfree(v->unit);
	xfree(v->image);
}

void invariant_memory_free(struct invariant_memory *k)
{
	if (!k)
		return;
	free_values(&k->rollouts);
	map_done(&k->releases);
	free_values(&k->items);
	map_done(&k->lived);
	map_done(&k->answered);
	forget_jobs_and_queues(k);
	vec_each(v, &k->vetoes)
		veto_done(v);
	vec_done(&k->vetoes);
	xfree(k);
}

static void remember_rollout(struct invariant_memory *k, const struct rollout *ro)
{
	struct seen_rollout *seen = map_get(&k->rollouts, str_of(ro->id));

	if (!seen) {
		seen = xcalloc(1, sizeof(*seen));
		map_put(&k->rollouts, str_of(ro->id), seen);
	}
	*seen = (struct seen_rollout){ro->state, ro->step, ro->weight};
}

static void remember_release(struct invariant_memory *k, const struct release *r)
{
	map_put(&k->releases, str_of(r->id), (void *)(uintptr_t)(r->state + 1));
	vec_each(item, &r->items) {
		AUTO(freep) char *key = xasprintf("%s/%s", r->id, item->unit);

		if (!map_get(&k->items, str_of(key)))
			map_put(&k->items, str_of(key), xstrdup(item->image));
	}
}

static void remember_environment(struct invariant_memory *k, const struct environment *env)
{
	vec_each(l, &env->live) {
		AUTO(freep) char *key = xasprintf("%s/%s/%s", env->id, l->unit, l->image);
		map_put(&k->lived, str_of(key), k);
	}
	for (size_t i = k->vetoes.n; i-- > 0;)
		if (streq(k->vetoes.v[i].environment, env->id)) {
			veto_done(&k->vetoes.v[i]);
			vec_remove(&k->vetoes, i);
		}
	vec_each(v, &env->vetoes)
		vec_push(&k->vetoes, ((struct seen_veto){xstrdup(env->id), xstrdup(v->id),
							 v->unit ? xstrdup(v->unit) : NULL,
							 xstrdup(v->image), v->until}));
}

static void remember(struct invariant_memory *k, const struct model *m, const struct event *ev)
{
	k->seq = ev->seq;
	k->time = ev->time;
	if (ev->effect)
		map_put(&k->answered, str_of(ev->effect), k);
	remember_jobs(k, m);
	remember_queues(k, m);
	TOUCHED(t, m, AGG_ROLLOUT)
	remember_rollout(k, model_rollout(m, t->id));
	TOUCHED(t, m, AGG_RELEASE)
	remember_release(k, model_release(m, t->id));
	TOUCHED(t, m, AGG_ENVIRONMENT)
	remember_environment(k, model_environment(m, t->id));
}

bool invariants_hold(struct invariant_memory *k, const struct model *m, const struct event *ev,
		     const struct effects *out, struct err *why)
{
	for (size_t i = 0; i < INVARIANTS; i++)
		if (!invariants[i].holds(k, m, ev, out, why)) {
			k->broken = invariants[i].number;
			err_wrap(why, "invariant %u (%s), event %llu %s", invariants[i].number,
				 invariants[i].text, (unsigned long long)ev->seq,
				 event_kind_names[ev->kind]);
			return false;
		}
	remember(k, m, ev);
	return true;
}

unsigned invariant_broken(const struct invariant_memory *k)
{
	return k->broken;
}
