/* Machines that run jobs: they come, go, and are told to take no more. */
#include "core/ready.h"
#include "core/step_impl.h"

#define LOST_KEPT USEC_HOUR /* how long a lost agent is remembered */

static struct agent *agent_new(struct step *s, const char *id)
{
	struct agent *a = model_add(s->m, AGG_AGENT, id);

	a->id = xstrdup(id);
	a->since = s->m->time;
	return a;
}

void agent_local(struct step *s)
{
	struct agent *a = model_agent(s->m, LOCAL_AGENT);

	if (!a)
		a = agent_new(s, LOCAL_AGENT);
	a->cpu = s->ev->cpu ? s->ev->cpu : MAX_OF(s->ev->slots, 1u) * CPU_DEFAULT;
	a->memory = s->ev->memory;
	set_text(&a->version, s->ev->text);
	model_touch(s->m, AGG_AGENT, LOCAL_AGENT);
}

static void take_labels(struct agent *a, const texts *labels)
{
	vec_each(label, &a->labels)
		xfree(*label);
	a->labels.n = 0;
	vec_each(label, labels)
		if (!texts_has(&a->labels, *label))
			texts_add(&a->labels, *label);
}

static void connected(struct step *s, struct agent *a)
{
	const struct event *ev = s->ev;

	if (!a)
		a = agent_new(s, ev->id);
	if (a->state == AGENT_LOST) {
		a->state = AGENT_CONNECTED;
		a->since = s->m->time;
		a->lost_at = 0;
	}
	a->cpu = ev->cpu ? ev->cpu : CPU_DEFAULT;
	a->memory = ev->memory;
	take_labels(a, &ev->ids);
	set_text(&a->version, ev->text);
	set_text(&a->address, ev->type);
	model_touch(s->m, AGG_AGENT, a->id);
}

static void lost(struct step *s, struct agent *a)
{
	texts jobs = {0};
	AUTO(freep) char *reason = xasprintf("agent %s was lost", a->id);

	a->state = AGENT_LOST;
	a->lost_at = s->m->time;
	model_touch(s->m, AGG_AGENT, a->id);
	set_text(&order_timer(s, s->m->time + LOST_KEPT, "agent")->type, a->id);
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (job->state == JOB_RUNNING && streq(job->agent, a->id))
			texts_add(&jobs, job->id);
	}
	vec_each(id, &jobs) { /* the end of one may end another */
		struct job *job = model_job(s->m, *id);

		if (job && job->state == JOB_RUNNING)
			job_lost(s, job, reason);
		xfree(*id);
	}
	vec_done(&jobs);
}

enum rc on_agent(struct step *s)
{
	const struct event *ev = s->ev;
	struct agent *a = model_agent(s->m, ev->id);

	if (!ev->id || !*ev->id || streq(ev->id, LOCAL_AGENT))
		return err_set(s->err, RC_INVALID,
			       "an agent needs a name of its own; \"%s\" is the daemon's machine",
			       LOCAL_AGENT);
	if (ev->ok)
		connected(s, a);
	else if (a && a->state != AGENT_LOST)
		lost(s, a);
	return RC_OK;
}

enum rc on_drain(struct step *s)
{
	struct agent *a = model_agent(s->m, s->ev->id);

	if (!a)
		return err_set(s->err, RC_NOT_FOUND,
			       "there is no agent %s; `penstock agents` lists them",
			       s->ev->id ? s->ev->id : "(none named)");
	if (a->state == AGENT_LOST)
		return err_set(s->err, RC_CONFLICT, "agent %s is not connected", a->id);
	a->state = s->ev->ok ? AGENT_DRAINING : AGENT_CONNECTED;
	model_touch(s->m, AGG_AGENT, a->id);
	return RC_OK;
}

/* A lost agent is not remembered for ever: its snapshot becomes "ended". */
void on_agent_timer(struct step *s)
{
	struct agent *a = model_agent(s->m, s->ev->type);

	if (!a || a->state != AGENT_LOST || s->m->time < a->lost_at + LOST_KEPT)
		return;
	a->lost_at = 0;
	model_touch(s->m, AGG_AGENT, a->id);
}

bool agent_is_over(const struct agent *a)
{
	return a->state == AGENT_LOST && a->lost_at == 0;
}

bool agent_owns(const struct job *job, const struct event *ev)
{
	return job->state == JOB_RUNNING && job->attempt == ev->count &&
	       streq(job->agent, ev->id ? ev->id : LOCAL_AGENT);
}
