/* Invariants of the record: answers, jobs, the gate, the journal, secrets. */
#include "core/invariant_impl.h"
#include "core/ready.h"

bool holds_effects_once(const struct invariant_memory *k, const struct model *m,
			const struct event *ev, const struct effects *out, struct err *why)
{
	(void)m;
	for (size_t i = 0; i < out->list.n; i++) {
		AUTO(freep) char *id = xasprintf("%llu.%zu", (unsigned long long)ev->seq, i);

		if (!streq(out->list.v[i].id, id))
			return broken(why, "effect %zu is named %s", i, out->list.v[i].id);
	}
	return !ev->effect || !map_get(&k->answered, str_of(ev->effect)) ||
	       broken(why, "effect %s was answered before", ev->effect);
}

static bool counts_right(const struct model *m, const struct run *run, struct err *why)
{
	uint32_t open = 0, stage = 0;
	const struct release *r = model_release(m, run->release);

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (!streq(job->run, run->id) || job->settled)
			continue;
		if (run_is_final(run->state) && (job->stage == STAGE_CI || job->optional)) {
			open += job->state == JOB_READY || job->state == JOB_RUNNING;
			continue;
		}
		if (job->optional)
			continue;
		open += job->stage == STAGE_CI;
		stage += job->stage != STAGE_CI;
	}
	if (open != run->open)
		return broken(why, "%s has %u open jobs and counts %u", run->id, open, run->open);
	return !r || stage == r->jobs_open ||
	       broken(why, "%s has %u open jobs and counts %u", r->id, stage, r->jobs_open);
}

bool holds_nothing_lost(const struct invariant_memory *k, const struct model *m,
			const struct event *ev, const struct effects *out, struct err *why)
{
	const struct project *p = model_project(m);
	uint32_t running = 0, ready = 0;
	bool any = false;

	(void)k;
	(void)ev;
	(void)out;
	vec_each(t, &m->touched)
		any = any || t->kind == AGG_JOB;
	if (!any || !p)
		return true;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		running += job->state == JOB_RUNNING;
		ready += job->state == JOB_READY;
		if (job->settled != job_is_final(job->state) && job->state != JOB_CACHED &&
		    job->state != JOB_UNAFFECTED && job->state != JOB_SKIPPED)
			return broken(why, "%s is %s and settled %d", job->id,
				      job_state_names[job->state], job->settled);
	}
	if (running != p->running)
		return broken(why, "%u jobs run, %u are counted", running, p->running);
	if (ready != ready_count(m))
		return broken(why, "%u jobs are ready, %zu are waited for", ready, ready_count(m));
	TOUCHED(t, m, AGG_RUN)
	if (!counts_right(m, model_run(m, t->id), why))
		return false;
	return true;
}

/* The gate's own rule once more, from the approvals alone. */
static bool was_allowed(const struct release *r, const struct approve_def *def, usec_t now)
{
	uint32_t yes = 0;

	if (!def->count)
		return true;
	for (size_t i = 0; i < r->gate.approvals.n; i++) {
		const struct approval *a = &r->gate.approvals.v[i];
		const char *name = strchr(a->actor, ':') ? strchr(a->actor, ':') + 1 : a->actor;
		bool named = def->by.n == 0, first = true;

		if (!a->yes)
			return false;
		vec_each(by, &def->by)
			named = named || streq(*by, name) || streq(*by, a->actor);
		for (size_t other = 0; other < i; other++)
			first = first && !streq(r->gate.approvals.v[other].actor, a->actor);
		bool author = def->not_author && streq(name, r->change.author);
		yes += named && first && !author && !(def->expires && a->at + def->expires < now);
	}
	return yes >= def->count;
}

bool holds_gate(const struct invariant_memory *k, const struct model *m, const struct event *ev,
		const struct effects *out, struct err *why)
{
	(void)ev;
	(void)out;
	TOUCHED(t, m, AGG_RELEASE)
	{
		const struct release *r = model_release(m, t->id);
		const struct config *c = model_config(m, r->config);
		uintptr_t was = (uintptr_t)map_get(&k->releases, str_of(t->id));

		if ((r->state != RELEASE_GATED && r->state != RELEASE_PROMOTING) ||
		    was == (uintptr_t)r->state + 1 || was == RELEASE_GATED + 1)
			continue;
		if (was != RELEASE_STAGED + 1 || !streq(r->gate.decision, "pass") ||
		    !r->gate.record)
			return broken(why, "%s is %s without a decision", r->id,
				      release_state_names[r->state]);
		vec_each(q, &r->gate.requirements)
			if (!streq(q->state, "ok"))
				return broken(why, "%s passed the gate although %s was %s: %s",
					      r->id, q->kind, q->state, q->reason);
		if (c && !was_allowed(r, &c->gate.approve, r->gate.decided_at))
			return broken(
				why, "%s of %s passed the gate with %zu approvals, the first by %s",
				r->id, r->change.author, r->gate.approvals.n,
				r->gate.approvals.n ? r->gate.approvals.v[0].actor : "nobody");
	}
	return true;
}

bool holds_journal(const struct invariant_memory *k, const struct model *m, const struct event *ev,
		   const struct effects *out, struct err *why)
{
	(void)out;
	if (ev->seq != m->seq || (k->seq && ev->seq != k->seq + 1))
		return broken(why, "event %llu follows %llu", (unsigned long long)ev->seq,
			      (unsigned long long)k->seq);
	return ev->time >= k->time || broken(why, "time goes back");
}

bool holds_secret(const struct invariant_memory *k, const struct model *m, const struct event *ev,
		  const struct effects *out, struct err *why)
{
	(void)m;
	(void)ev;
	if (!k->secret)
		return true;
	vec_each(f, &out->list) {
		AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)64 << 20);
		struct json_out o = JSON_OUT(&text);

		shape_write(&o, NULL, &shape_effect, f);
		if (strstr(strbuf_cstr(&text), k->secret))
			return broken(why, "%s tells a secret", effect_kind_names[f->kind]);
	}
	return true;
}
