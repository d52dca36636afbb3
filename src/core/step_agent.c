/* Machines that run jobs: they come, go, and are told to take no more. */
#include "core/ready.h"
#include "core/step_impl.h"

#define LOST_TRIES 3         /* of a job whose agents are lost */
#define LOST_KEPT  USEC_HOUR /* how long a lost agent is remembered */

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

/* May it be run again without asking? Whoever reads secrets or the network may have begun something outside. */
static bool may_run_again(const struct model *m, const struct job *job)
{
	const struct job_def *def = job_definition(m, job);

	if (job->stage != STAGE_CI || job->retries >= LOST_TRIES || !def)
		return false;
	return (!def->secrets.n && !def->network) || texts_has(&def->retry.on, "infra") ||
	       texts_has(&def->retry.on, "any");
}

static void lose_job(struct step *s, struct job *job)
{
	const struct run *run = model_run(s->m, job->run);
	AUTO(freep) char *error = xasprintf("agent %s was lost", job->agent);

	agent_give(s, job);
	if (run_is_final(run->state)) {
		job_set(s->m, job, JOB_CANCELLED, NULL);
		job_settled(s, job);
		return;
	}
	job->failure = FAILURE_INFRA;
	set_text(&job->error, error);
	job_set(s->m, job, JOB_LOST, NULL);
	if (may_run_again(s->m, job)) {
		AUTO(freep) char *why = xasprintf("%s, tried again", error);

		job->retries++;
		job_make_ready(s, job, why);
		return;
	}
	job_set(s->m, job, JOB_FAILED, NULL);
	job_settled(s, job);
}

static void lost(struct step *s, struct agent *a)
{
	texts jobs = {0};

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
			lose_job(s, job);
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

/* A lost agent is not remembered for ever. */
void on_agent_timer(struct step *s)
{
	struct agent *a = model_agent(s->m, s->ev->type);

	if (a && agent_is_over(s->m, a))
		model_touch(s->m, AGG_AGENT, a->id); /* its snapshot becomes "ended" */
}

bool agent_is_over(const struct model *m, const struct agent *a)
{
	return a->state == AGENT_LOST && m->time >= a->lost_at + LOST_KEPT;
}

bool agent_owns(const struct job *job, const struct event *ev)
{
	return job->state == JOB_RUNNING && job->attempt == ev->count &&
	       streq(job->agent, ev->id ? ev->id : LOCAL_AGENT);
}
