/* Invariants of where jobs run and of what waits to be merged. */
#include "core/invariant_impl.h"
#include "core/schedule.h"

/* ---- results ---- */

static char *owner_of(const struct job *job)
{
	return xasprintf("%u %s", job->attempt, job->agent ? job->agent : "-");
}

bool holds_results(const struct invariant_memory *k, const struct model *m, const struct event *ev,
		   const struct effects *out, struct err *why)
{
	const struct job *job = ev->kind == EV_JOB_ENDED ? model_job(m, ev->job) : NULL;
	bool touched = false;

	(void)out;
	vec_each(t, &m->touched)
		touched = touched || (job && t->kind == AGG_JOB && streq(t->id, job->id));
	if (!touched)
		return true;
	const char *was = map_get(&k->owners, str_of(job->id));
	if (!was)
		return job->state != JOB_PASSED ||
		       broken(why, "%s passed and did not run", job->id);
	struct str rest = str_of(was), attempt = str_cut(&rest, ' ');
	uint32_t n = 0;
	if (!parse_u32(attempt, &n) || n != ev->count || (ev->id && !str_is(rest, ev->id)))
		return broken(why, "%s ran as attempt %s and took the result of attempt %u from %s",
			      job->id, was, ev->count, ev->id ? ev->id : "here");
	return true;
}

void remember_jobs(struct invariant_memory *k, const struct model *m)
{
	TOUCHED(t, m, AGG_JOB)
	{
		const struct job *job = model_job(m, t->id);

		xfree(job->state == JOB_RUNNING
			      ? map_put(&k->owners, str_of(job->id), owner_of(job))
			      : map_del(&k->owners, str_of(job->id)));
	}
	TOUCHED(t, m, AGG_AGENT)
	map_put(&k->used, str_of(t->id), (void *)(uintptr_t)(model_agent(m, t->id)->used_cpu + 1));
}

/* ---- capacity ---- */

static bool adds_up(const struct invariant_memory *k, const struct model *m, const struct agent *a,
		    struct err *why)
{
	uint64_t cpu = 0, memory = 0, n = 0;
	uintptr_t was = (uintptr_t)map_get(&k->used, str_of(a->id));

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (job->state != JOB_RUNNING || !streq(job->agent, a->id))
			continue;
		cpu += job->cpu;
		memory += job->memory;
		n++;
	}
	if (cpu != a->used_cpu || memory != a->used_memory || n != a->running)
		return broken(why, "%u of %u thousandths of %s are in use, its %u jobs take %llu",
			      a->used_cpu, a->cpu, a->id, (unsigned)n, (unsigned long long)cpu);
	if (a->state == AGENT_LOST && n)
		return broken(why, "%u jobs run on %s, which is lost", (unsigned)n, a->id);
	/* it may have shrunk under what it had */
	return cpu <= a->cpu || (was && cpu <= was - 1) ||
	       broken(why, "%s has %u thousandths, %llu are in use", a->id, a->cpu,
		      (unsigned long long)cpu);
}

static bool may(const struct model *m, const struct ready_class *c)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_AGENT], e));) {
		const struct agent *a = e->value;

		if (a->state == AGENT_CONNECTED && agent_could(a, c))
			return true;
	}
	return false;
}

static bool is_busy(const struct model *m, struct err *why)
{
	const struct job *starved = ready_starved(m, may);

	for (struct map_entry *e = NULL; (e = map_next(&m->ready.classes, e));) {
		const struct ready_class *c = e->value;

		if (class_is_held(m, c))
			continue;
		for (struct map_entry *at = NULL; (at = map_next(&m->by_kind[AGG_AGENT], at));) {
			const struct agent *a = at->value;

			if (agent_has_room(a, c) && (!starved || starved->waits_in == c))
				return broken(why, "%s waits although %s has room", c->first->id,
					      a->id);
		}
	}
	return true;
}

bool holds_capacity(const struct invariant_memory *k, const struct model *m, const struct event *ev,
		    const struct effects *out, struct err *why)
{
	(void)ev;
	(void)out;
	TOUCHED(t, m, AGG_AGENT)
	if (!adds_up(k, m, model_agent(m, t->id), why))
		return false;
	return is_busy(m, why);
}

/* ---- groups ---- */

bool holds_groups(const struct invariant_memory *k, const struct model *m, const struct event *ev,
		  const struct effects *out, struct err *why)
{
	struct map holders = {0};
	const struct job *other = NULL, *job = NULL;

	(void)k;
	(void)ev;
	(void)out;
	for (struct map_entry *e = NULL; !other && (e = map_next(&m->by_kind[AGG_JOB], e));) {
		job = e->value;
		if (job->state == JOB_RUNNING && job->group)
			other = map_put(&holders, str_of(job->group), e->value);
	}
	map_done(&holders);
	return !other ||
	       broken(why, "%s and %s of group %s run at once", other->id, job->id, job->group);
}

/* ---- the merge queue ---- */

static bool has_entry(const struct merge_queue *q, const char *ref)
{
	for (size_t i = 0; q && i < q->entries.n; i++)
		if (streq(q->entries.v[i].ref, ref))
			return true;
	return false;
}

static bool was_tested(const struct model *m, const char *commit)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_RUN], e));) {
		const struct run *run = e->value;

		if (run->change.kind == CHANGE_QUEUE && run->state == RUN_PASSED &&
		    streq(run->change.commit, commit))
			return true;
	}
	return false;
}

bool holds_queue(const struct invariant_memory *k, const struct model *m, const struct event *ev,
		 const struct effects *out, struct err *why)
{
	vec_each(f, &out->list)
		if (f->kind == EF_LAND && !was_tested(m, f->change.commit))
			return broken(why, "%s is to land and did not pass", f->change.commit);
	for (struct map_entry *e = NULL; (e = map_next(&k->queued, e));) {
		const struct seen_queue *was = e->value;
		const struct merge_queue *q = model_get(m, AGG_QUEUE, e->key);
		bool landed = ev->kind == EV_LANDED && ev->ok && streq(ev->id, e->key);

		vec_each(ref, &was->refs)
			if (!has_entry(q, *ref) && !landed &&
			    (!q || q->reason_at != ev->seq || !q->reason ||
			     !strstr(q->reason, *ref)))
				return broken(why, "%s left the queue %s without a word", *ref,
					      e->key);
	}
	return true;
}

static void forget_queue(struct seen_queue *was)
{
	if (!was)
		return;
	vec_each(ref, &was->refs)
		xfree(*ref);
	vec_done(&was->refs);
	xfree(was);
}

void remember_queues(struct invariant_memory *k, const struct model *m)
{
	TOUCHED(t, m, AGG_QUEUE)
	{
		const struct merge_queue *q = model_get(m, AGG_QUEUE, t->id);
		struct seen_queue *now = xcalloc(1, sizeof(*now));

		vec_each(entry, &q->entries)
			vec_push(&now->refs, xstrdup(entry->ref));
		forget_queue(map_put(&k->queued, str_of(t->id), now));
	}
}

void forget_jobs_and_queues(struct invariant_memory *k)
{
	for (struct map_entry *e = NULL; (e = map_next(&k->owners, e));)
		xfree(e->value);
	for (struct map_entry *e = NULL; (e = map_next(&k->queued, e));)
		forget_queue(e->value);
	map_done(&k->owners);
	map_done(&k->used);
	map_done(&k->queued);
}
