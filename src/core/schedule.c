/* Which ready job goes where, when. */
#include "core/ready.h"
#include "core/step_impl.h"

#define LOCAL       "local"
#define CPU_DEFAULT 1000

/* What is nearest to production goes first; then first come, first served. */
static struct job *pick(struct model *m)
{
	struct job *best = NULL;

	vec_each(job, &m->ready)
		if (!best || (*job)->stage > best->stage)
			best = *job;
	if (best)
		ready_del(m, best);
	return best;
}

void agent_local(struct step *s)
{
	struct agent *a = model_agent(s->m, LOCAL);

	if (!a) {
		a = model_add(s->m, AGG_AGENT, LOCAL);
		a->id = xstrdup(LOCAL);
		a->since = s->m->time;
	}
	a->cpu = s->ev->cpu ? s->ev->cpu : MAX_OF(s->ev->slots, 1u) * CPU_DEFAULT;
	a->memory = s->ev->memory;
	set_text(&a->version, s->ev->text);
	model_touch(s->m, AGG_AGENT, LOCAL);
}

void agent_take(struct step *s, struct job *job)
{
	struct agent *a = model_agent(s->m, job->agent);
	struct project *p = model_project(s->m);

	a->used_cpu += job->cpu;
	a->used_memory += job->memory;
	a->running++;
	p->running++;
	model_touch(s->m, AGG_AGENT, a->id);
	model_touch(s->m, AGG_PROJECT, "project");
}

void agent_give(struct step *s, struct job *job)
{
	struct agent *a = model_agent(s->m, job->agent);
	struct project *p = model_project(s->m);

	BUG_ON(p->running == 0);
	p->running--;
	model_touch(s->m, AGG_PROJECT, "project");
	if (!a)
		return;
	BUG_ON(a->running == 0 || a->used_cpu < job->cpu || a->used_memory < job->memory);
	a->used_cpu -= job->cpu;
	a->used_memory -= job->memory;
	a->running--;
	model_touch(s->m, AGG_AGENT, a->id);
}

static void start(struct step *s, struct job *job, const char *agent)
{
	struct run *run = model_run(s->m, job->run);

	job->attempt++;
	job->started_at = s->m->time;
	if (!job->cpu)
		job->cpu = CPU_DEFAULT;
	set_text(&job->agent, agent);
	job_set(s->m, job, JOB_RUNNING, NULL);
	agent_take(s, job);
	if (run->state == RUN_PLANNED)
		run_set(s->m, run, RUN_RUNNING, NULL);
	struct effect *e =
		order(s, job->kind == JOB_IMAGE ? EF_PACK_IMAGE : EF_START_JOB, "job/%s", job->id);
	set_text(&e->job, job->id);
	set_text(&e->run, job->run);
	fill_spec(s, job, &e->spec);
	set_text(&e->spec.agent, job->agent);
}

void schedule(struct step *s)
{
	const struct project *p = model_project(s->m);

	while (p && ready_count(s->m) && p->running < p->slots)
		start(s, pick(s->m), LOCAL);
}
