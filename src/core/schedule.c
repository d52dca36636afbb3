/*
 * Which ready job goes where, when: the most urgent first (ready_before()), on the agent that is left with the least (best fit). A job that waited for
 * long while later ones were started goes before all others, and when it fits nowhere yet, the agent that comes nearest is kept free for it.
 */
#include "core/schedule.h"
#include "base/strbuf.h"

#define HOPE      (10 * USEC_MIN) /* an agent that could take a job may still come */
#define EXPLAINED 32              /* of a group's waiting jobs, the first, are told who holds it */
#define WAITS     "waits: "       /* what stands before it in job->why is the plan's */

/* ---- what fits where ---- */

bool agent_could(const struct agent *a, const struct ready_class *c)
{
	if (a->state == AGENT_LOST || c->cpu > a->cpu || (a->memory && c->memory > a->memory) ||
	    (c->local && !streq(a->id, LOCAL_AGENT)))
		return false;
	vec_each(label, &c->labels)
		if (!texts_has(&a->labels, *label))
			return false;
	return true;
}

bool agent_has_room(const struct agent *a, const struct ready_class *c)
{
	return a->state == AGENT_CONNECTED && agent_could(a, c) && a->used_cpu + c->cpu <= a->cpu &&
	       (!a->memory || a->used_memory + c->memory <= a->memory);
}

static bool may_ever(const struct model *m, const struct ready_class *c)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_AGENT], e));) {
		const struct agent *a = e->value;

		if (a->state == AGENT_CONNECTED && agent_could(a, c))
			return true;
	}
	return false;
}

static uint64_t memory_left(const struct agent *a, const struct ready_class *c)
{
	return a->memory ? a->memory - a->used_memory - c->memory : UINT64_MAX;
}

static struct agent *best_fit(const struct model *m, const struct ready_class *c,
			      const struct agent *kept)
{
	struct agent *best = NULL;

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_AGENT], e));) {
		struct agent *a = e->value;

		if (a == kept || !agent_has_room(a, c))
			continue;
		uint32_t left = a->cpu - a->used_cpu, least = best ? best->cpu - best->used_cpu : 0;
		if (!best || left < least ||
		    (left == least && memory_left(a, c) < memory_left(best, c)))
			best = a;
	}
	return best;
}

/* How much of what a job asks for is missing, in thousandths: of the scarcer kind, then of both. It only shrinks while nothing is started there. */
static uint64_t lacks(const struct agent *a, const struct ready_class *c)
{
	uint64_t cpu = a->used_cpu + (uint64_t)c->cpu, memory = a->used_memory + c->memory;

	cpu = cpu > a->cpu ? (cpu - a->cpu) * 1000 / c->cpu : 0;
	memory = a->memory && memory > a->memory
			 ? (uint64_t)((double)(memory - a->memory) / (double)c->memory * 1000)
			 : 0;
	return MAX_OF(cpu, memory) << 32 | (cpu + memory);
}

static struct agent *nearest(const struct model *m, const struct ready_class *c)
{
	struct agent *best = NULL;

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_AGENT], e));) {
		struct agent *a = e->value;

		if (a->state == AGENT_CONNECTED && agent_could(a, c) &&
		    (!best || lacks(a, c) < lacks(best, c)))
			best = a;
	}
	return best;
}

/* ---- why it waits ---- */

static void say_waits(struct model *m, struct job *job, const char *text)
{
	const char *old = job->why ? job->why : "", *mark = strstr(old, "; " WAITS);
	size_t n = str_starts(str_of(old), WAITS) ? 0 : mark ? (size_t)(mark - old) : strlen(old);
	char *why = text ? xasprintf("%.*s%s" WAITS "%s", (int)n, old, n ? "; " : "", text)
			 : xstrndup(old, n);

	if (!streq(why, old)) {
		xfree(job->why);
		job->why = *why ? xstrdup(why) : NULL;
		model_touch(m, AGG_JOB, job->id);
	}
	xfree(why);
}

static void explain_group(struct model *m, struct ready_class *c)
{
	const struct job *holder = map_get(&m->ready.groups, str_of(c->group));
	AUTO(freep) char *text = NULL, *later = NULL;
	unsigned n = 0;

	c->dirty = false;
	if (!holder)
		return;
	text = xasprintf("%s holds the group %s", holder->id, c->group);
	later = xasprintf("others of the group %s are before it", c->group);
	for (struct job *job = c->first; job && n <= EXPLAINED; job = job->ready_next, n++)
		say_waits(m, job, n < EXPLAINED ? text : later);
	if (c->last && n > EXPLAINED)
		say_waits(m, c->last, later);
}

/* ---- to and fro ---- */

void agent_take(struct step *s, struct job *job)
{
	struct agent *a = model_agent(s->m, job->agent);
	struct project *p = model_project(s->m);

	a->used_cpu += job->cpu;
	a->used_memory += job->memory;
	a->running++;
	p->running++;
	if (job->group)
		map_put(&s->m->ready.groups, str_of(job->group), job);
	model_touch(s->m, AGG_AGENT, a->id);
	model_touch(s->m, AGG_PROJECT, "project");
}

static void group_changed(struct model *m, const char *group)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->ready.classes, e));) {
		struct ready_class *c = e->value;

		c->dirty = c->dirty || streq(c->group, group);
	}
}

void agent_give(struct step *s, struct job *job)
{
	struct agent *a = model_agent(s->m, job->agent);
	struct project *p = model_project(s->m);

	BUG_ON(p->running == 0);
	p->running--;
	model_touch(s->m, AGG_PROJECT, "project");
	if (job->group && map_get(&s->m->ready.groups, str_of(job->group)) == job) {
		map_del(&s->m->ready.groups, str_of(job->group));
		group_changed(s->m, job->group);
	}
	BUG_ON(!a || a->running == 0 || a->used_cpu < job->cpu || a->used_memory < job->memory);
	a->used_cpu -= job->cpu;
	a->used_memory -= job->memory;
	a->running--;
	model_touch(s->m, AGG_AGENT, a->id);
}

static void begin_run(struct step *s, const struct job *job)
{
	struct run *run = model_run(s->m, job->run);

	if (run->state == RUN_PLANNED)
		run_set(s->m, run, RUN_RUNNING, NULL);
}

static void start(struct step *s, struct job *job, struct agent *a)
{
	ready_del(s->m, job);
	s->m->ready.newest = MAX_OF(s->m->ready.newest, job->ready_at);
	say_waits(s->m, job, NULL);
	job->attempt++;
	job->started_at = s->m->time;
	if (!job->cpu)
		job->cpu = CPU_DEFAULT;
	set_text(&job->agent, a->id);
	job_set(s->m, job, JOB_RUNNING, NULL);
	agent_take(s, job);
	if (job->group)
		group_changed(s->m, job->group);
	begin_run(s, job);
	struct effect *e =
		order(s, job->kind == JOB_IMAGE ? EF_PACK_IMAGE : EF_START_JOB, "job/%s", job->id);
	set_text(&e->job, job->id);
	set_text(&e->run, job->run);
	fill_spec(s, job, &e->spec);
	set_text(&e->spec.agent, job->agent);
}

/* ---- what nobody can take ---- */

static void add_size(struct strbuf *b, uint32_t cpu, uint64_t memory)
{
	strbuf_addf(b, "%g processor%s", cpu / 1000.0, cpu == 1000 ? "" : "s");
	if (!memory)
		return;
	strbuf_adds(b, " and ");
	strbuf_add_size(b, memory);
}

static char *nobody(const struct model *m, const struct ready_class *c)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(4096);
	const struct agent *most = NULL;

	strbuf_adds(&b, "it asks for ");
	add_size(&b, c->cpu, c->memory);
	for (size_t i = 0; i < c->labels.n; i++)
		strbuf_addf(&b, "%s%s", i ? ", " : " on an agent with the labels ", c->labels.v[i]);
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_AGENT], e));) {
		const struct agent *a = e->value;
		struct ready_class small = {.labels = c->labels, .local = c->local};

		if (agent_could(a, &small) && (!most || a->cpu > most->cpu))
			most = a;
	}
	if (!most) {
		strbuf_adds(&b, "; no such agent is connected");
		return strbuf_take(&b);
	}
	strbuf_addf(&b, "; the biggest is %s with ", most->id);
	add_size(&b, most->cpu, most->memory);
	return strbuf_take(&b);
}

static void fail_class(struct step *s, struct ready_class *c, const char *reason)
{
	VEC(struct job *) jobs = {0};

	for (struct job *job = c->first; job; job = job->ready_next)
		vec_push(&jobs, job);
	vec_each(at, &jobs) {
		struct job *job = *at;

		if (job->state != JOB_READY) /* the end of one before it ended this one too */
			continue;
		ready_del(s->m, job);
		begin_run(s, job);
		job->failure = FAILURE_INFRA;
		const struct job_def *def = job_definition(s->m, job);
		job->amber = def && def->allow_failure;
		set_textf(&job->error, "no agent can run it: %s", reason);
		job_set(s->m, job, JOB_FAILED, NULL);
		job_settled(s, job);
	}
	vec_done(&jobs);
}

/* Only this machine was ever there: nobody else will come. */
static bool is_alone(const struct model *m)
{
	return m->by_kind[AGG_AGENT].n == 1;
}

static bool could_ever(const struct model *m, const struct ready_class *c)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_AGENT], e));)
		if (agent_could(e->value, c))
			return true;
	return false;
}

/* True: jobs were ended, and their ends changed what waits. */
static bool look_for_agents(struct step *s, struct ready_class *c)
{
	if (could_ever(s->m, c)) {
		for (struct job *job = c->since ? c->first : NULL; job; job = job->ready_next)
			say_waits(s->m, job, NULL);
		c->since = 0;
		return false;
	}
	AUTO(freep) char *reason = nobody(s->m, c);
	if (is_alone(s->m) || (c->since && s->m->time >= c->since + HOPE)) {
		fail_class(s, c, reason);
		return true;
	}
	if (!c->since) {
		c->since = s->m->time;
		order_timer(s, s->m->time + HOPE, "capacity");
	}
	for (struct job *job = c->first; job; job = job->ready_next)
		say_waits(s->m, job, reason);
	return false;
}

static bool drop_hopeless(struct step *s)
{
	for (struct map_entry *e = NULL; (e = map_next(&s->m->ready.classes, e));)
		if (look_for_agents(s, e->value))
			return true;
	return false;
}

/* ---- the order ---- */

bool class_is_held(const struct model *m, const struct ready_class *c)
{
	return c->group && map_get(&m->ready.groups, str_of(c->group));
}

/* The most urgent job whose class has room somewhere. What is full stays full until this schedule() is over. */
static struct job *most_urgent(struct model *m, const struct agent *kept, struct agent **ret)
{
	for (;;) {
		struct ready_class *best = NULL;

		for (struct map_entry *e = NULL; (e = map_next(&m->ready.classes, e));) {
			struct ready_class *c = e->value;

			if (!c->full && (!best || ready_before(c->heap.v[0], best->heap.v[0])))
				best = c;
		}
		if (!best)
			return NULL;
		*ret = class_is_held(m, best) ? NULL : best_fit(m, best, kept);
		if (*ret)
			return best->heap.v[0];
		best->full = true;
	}
}

static struct job *next(struct model *m, struct agent **ret)
{
	struct job *starved = ready_starved(m, may_ever);

	if (!starved)
		return most_urgent(m, NULL, ret);
	*ret = best_fit(m, starved->waits_in, NULL);
	if (*ret)
		return starved;
	return most_urgent(m, nearest(m, starved->waits_in), ret);
}

void schedule(struct step *s)
{
	struct job *job;
	struct agent *a;

	while (drop_hopeless(s))
		;
	for (struct map_entry *e = NULL; (e = map_next(&s->m->ready.classes, e));)
		((struct ready_class *)e->value)->full = false;
	while ((job = next(s->m, &a)))
		start(s, job, a);
	for (struct map_entry *e = NULL; (e = map_next(&s->m->ready.classes, e));) {
		struct ready_class *c = e->value;

		if (c->dirty)
			explain_group(s->m, c);
	}
}
