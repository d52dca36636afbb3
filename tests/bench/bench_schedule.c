/*
 * The scheduler alone: 10,000 jobs that are ready at once, two places; each turn one job ends and schedule() starts the next. Then the same
 * with 100 agents of four processors and jobs of ten sizes. No disk, no process: the core with its effects.
 */
#include "bench.h"
#include "core/ready.h"
#include "core/step_impl.h"

#define JOBS 10000

static const char yml[] =
	"version: 1\nproject: p\nservices: {s: {path: s}}\nci:\n  small: {run: a}\n";

struct yard {
	struct model m;
	struct effects out;
	struct event ev;
	struct step s;
	struct err err;
	VEC(struct job *) running;
	unsigned started;
};

static void at(struct yard *y, usec_t time)
{
	effects_done(&y->out);
	model_untouch(&y->m);
	y->m.time = y->ev.time = time;
	y->ev.seq = ++y->m.seq;
	y->s = (struct step){&y->m, &y->ev, &y->out, &y->err};
}

static void yard_init(struct yard *y)
{
	model_init(&y->m);
	struct project *p = model_add(&y->m, AGG_PROJECT, "project");
	p->id = xstrdup("project");
	p->config = xstrdup("c");
	struct config_ref *c = model_add(&y->m, AGG_CONFIG, "c");
	c->id = xstrdup("c");
	must(config_read(str_of(yml), "penstock.yml", NULL, NULL, &c->config, &y->err), &y->err);
	struct run *run = model_add(&y->m, AGG_RUN, "run-1");
	run->id = xstrdup("run-1");
	run->config = xstrdup("c");
	run->open = JOBS + 1; /* it does not end here */
	run->change.repo = xstrdup("shop");
	run->change.commit = xstrdup("1111111111111111111111111111111111111111");
	at(y, USEC_HOUR);
	y->ev.slots = 2;
	agent_local(&y->s);
}

static void add_agents(struct yard *y, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		y->ev.id = xasprintf("agent-%03u", i);
		y->ev.ok = true;
		y->ev.cpu = 4000;
		y->ev.memory = (uint64_t)16 << 30;
		must(on_agent(&y->s), &y->err);
		xfree(y->ev.id);
		y->ev.id = NULL;
	}
}

static void add_jobs(struct yard *y, unsigned sizes)
{
	for (unsigned i = 0; i < JOBS; i++) {
		AUTO(freep) char *name = xasprintf("small-%u", i);
		struct job *job = job_new(&y->s, model_run(&y->m, "run-1"), STAGE_CI, "", name);

		job->def = xstrdup("small");
		job->cpu = sizes > 1 ? 250 * (1 + i % sizes) : 0;
		job_make_ready(&y->s, job, NULL);
	}
}

static void turn(struct yard *y)
{
	schedule(&y->s);
	vec_each(f, &y->out.list) {
		if (f->kind != EF_START_JOB)
			continue;
		vec_push(&y->running, model_job(&y->m, f->job));
		y->started++;
	}
}

static void end_one(struct yard *y, size_t turns)
{
	size_t i = turns * 7 % y->running.n;
	struct job *job = y->running.v[i];

	vec_remove(&y->running, i);
	at(y, USEC_HOUR + turns * USEC_MS);
	agent_give(&y->s, job);
	job_set(&y->m, job, JOB_PASSED, NULL);
	job_settled(&y->s, job);
}

static void measure(const char *what, unsigned agents, unsigned sizes)
{
	struct yard y = {.started = 0};
	char text[32];

	yard_init(&y);
	add_agents(&y, agents);
	usec_t begin = clock_mono();
	add_jobs(&y, sizes);
	turn(&y);
	for (size_t i = 1; y.running.n; i++) {
		end_one(&y, i);
		turn(&y);
	}
	double ms = ms_since(begin) / JOBS;
	if (y.started != JOBS)
		exit(1);
	(void)snprintf(text, sizeof(text), "%.4f ms a job", ms);
	bench_row(what, text, "-", 0, "0.2 ms", ms > 0.2);
	vec_done(&y.running);
	effects_done(&y.out);
	event_done(&y.ev);
	model_done(&y.m);
}

int main(void)
{
	measure("the scheduler alone: 10,000 ready jobs, two places", 0, 1);
	measure("the same: ten sizes of jobs, 100 agents", 100, 10);
	return 0;
}
