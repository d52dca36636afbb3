/* Where jobs go: by hand, and as properties of random graphs on agents that come and go. */
#include "core/ready.h"
#include "core/step_impl.h"
#include "unit.h"

#define S(text) xstrdup(text)
#define GI      ((uint64_t)1 << 30)

static const char yml[] =
	"version: 1\nproject: p\nservices: {s: {path: s}}\n"
	"ci:\n  small: {run: a}\n  other: {run: a}\n  safe: {run: a}\n"
	"  talks: {run: a, network: true}\n  again: {run: a, network: true, retry: {on: [infra], max: 1}}\n"
	"  gpu: {run: a, agent: [gpu]}\nstaging:\n  e2e: {run: b}\nproduction:\n  smoke: {run: c}\n";

struct yard {
	struct model m;
	struct effects out;
	struct event ev;
	struct step s;
	struct err err;
	uint64_t seq;
	unsigned jobs;
};

static struct run *yard_run(struct yard *y, const char *id)
{
	struct run *run = model_add(&y->m, AGG_RUN, id);

	run->id = S(id);
	run->config = S("c");
	run->open = 1000000; /* it does not end here */
	run->change.repo = S("shop");
	run->change.commit = S("1111111111111111111111111111111111111111");
	return run;
}

/* Begin an event at a time. */
static void at(struct yard *y, usec_t time)
{
	effects_done(&y->out);
	event_done(&y->ev);
	model_untouch(&y->m);
	y->m.time = time;
	y->ev.seq = y->m.seq = ++y->seq;
	y->ev.time = time;
	y->s = (struct step){&y->m, &y->ev, &y->out, &y->err};
}

static void yard_init(struct yard *y, uint32_t slots)
{
	*y = (struct yard){.seq = 0};
	model_init(&y->m);
	struct project *p = model_add(&y->m, AGG_PROJECT, "project");
	p->id = S("project");
	p->config = S("c");
	struct config_ref *c = model_add(&y->m, AGG_CONFIG, "c");
	c->id = S("c");
	if (config_read(str_of(yml), "penstock.yml", NULL, NULL, &c->config, &y->err) != RC_OK)
		fail_msg("%s", y->err.msg);
	yard_run(y, "run-1");
	at(y, USEC_HOUR);
	y->ev.slots = slots;
	agent_local(&y->s);
}

static void yard_done(struct yard *y)
{
	effects_done(&y->out);
	event_done(&y->ev);
	model_done(&y->m);
}

static struct job *job_add(struct yard *y, enum stage stage, const char *def, uint32_t cpu,
			   uint64_t memory)
{
	AUTO(freep) char *name = xasprintf("%s-%u", def, ++y->jobs);
	struct job *job = job_new(&y->s, model_run(&y->m, "run-1"), stage, "", name);

	job->def = S(def);
	job->cpu = cpu;
	job->memory = memory;
	return job;
}

static struct job *ready(struct yard *y, const char *def, uint32_t cpu, uint64_t memory)
{
	struct job *job = job_add(y, STAGE_CI, def, cpu, memory);

	job_make_ready(&y->s, job, NULL);
	return job;
}

static void end_job(struct yard *y, struct job *job)
{
	agent_give(&y->s, job);
	job_set(&y->m, job, JOB_PASSED, NULL);
	job_settled(&y->s, job);
}

static void agent(struct yard *y, const char *id, bool ok, uint32_t cpu, uint64_t memory,
		  const char *label)
{
	xfree(y->ev.id);
	y->ev.id = S(id);
	y->ev.ok = ok;
	y->ev.cpu = cpu;
	y->ev.memory = memory;
	if (label)
		vec_push(&y->ev.ids, S(label));
	assert_int_equal(on_agent(&y->s), RC_OK);
}

/* ---- by hand ---- */

static void order_of_urgency(void **state)
{
	struct yard y;

	(void)state;
	yard_init(&y, 1);
	struct job *first = ready(&y, "small", 0, 0), *second = ready(&y, "other", 0, 0);
	struct job *urgent = job_add(&y, STAGE_CI, "other", 0, 0);
	struct job *behind = job_add(&y, STAGE_CI, "small", 0, 0);
	struct job *deploy = job_add(&y, STAGE_PRODUCTION, "smoke", 0, 0);

	texts_add(&behind->needs, urgent->id);
	behind->waiting = 1;
	vec_push(&urgent->dependents, behind);
	job_make_ready(&y.s, urgent, NULL);
	job_make_ready(&y.s, deploy, NULL);
	struct job *const want[] = {deploy, urgent, first, second, behind};
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		at(&y, USEC_HOUR + i * USEC_SEC);
		schedule(&y.s);
		CHECK_STR(y.out.list.n ? y.out.list.v[0].job : "-", want[i]->id, "order");
		assert_int_equal(want[i]->state, JOB_RUNNING);
		assert_int_equal(model_project(&y.m)->running, 1);
		assert_string_equal(y.out.list.v[0].spec.agent, "local");
		end_job(&y, want[i]);
	}
	yard_done(&y);
}

static void longest_way_first(void **state)
{
	struct yard y;

	(void)state;
	yard_init(&y, 1);
	struct history *h = model_add(&y.m, AGG_HISTORY, "-/other");
	h->id = S("-/other");
	h->usec = 60 * USEC_SEC;
	h = model_add(&y.m, AGG_HISTORY, "-/small");
	h->id = S("-/small");
	h->usec = USEC_SEC;
	struct job *shorter = ready(&y, "small", 0, 0), *longer = ready(&y, "other", 0, 0);
	schedule(&y.s);
	assert_int_equal(longer->state, JOB_RUNNING);
	assert_int_equal(shorter->state, JOB_READY);
	yard_done(&y);
}

static void best_fit_and_labels(void **state)
{
	struct yard y;

	(void)state;
	yard_init(&y, 1);
	agent(&y, "big", true, 8000, 16 * GI, "gpu");
	agent(&y, "mid", true, 4000, 8 * GI, NULL);
	struct job *four = ready(&y, "small", 4000, GI);
	schedule(&y.s);
	assert_string_equal(four->agent, "mid"); /* nothing is left there */
	struct job *gpu = ready(&y, "gpu", 1000, 0);
	schedule(&y.s);
	assert_string_equal(gpu->agent, "big");
	struct job *memory = ready(&y, "small", 500, 12 * GI);
	schedule(&y.s);
	assert_string_equal(memory->agent, "local"); /* without a limit, and smallest */
	struct job *image = job_add(&y, STAGE_CI, "small", 600, 0);
	image->kind = JOB_IMAGE;
	job_make_ready(&y.s, image, NULL);
	schedule(&y.s);
	assert_int_equal(image->state, JOB_READY); /* only here, and here is no room */
	at(&y, USEC_HOUR + 1);
	end_job(&y, memory);
	schedule(&y.s);
	assert_string_equal(image->agent, "local");
	yard_done(&y);
}

static void groups(void **state)
{
	struct yard y;

	(void)state;
	yard_init(&y, 4);
	struct job *a = job_add(&y, STAGE_CI, "small", 0, 0),
		   *b = job_add(&y, STAGE_CI, "other", 0, 0);
	a->group = S("db");
	b->group = S("db");
	set_text(&b->why, "never seen before");
	job_make_ready(&y.s, a, NULL);
	job_make_ready(&y.s, b, NULL);
	schedule(&y.s);
	assert_int_equal(a->state, JOB_RUNNING);
	assert_int_equal(b->state, JOB_READY);
	assert_string_equal(b->why,
			    "never seen before; waits: run-1/ci/-/small-1 holds the group db");
	at(&y, USEC_HOUR + 1);
	end_job(&y, a);
	schedule(&y.s);
	assert_int_equal(b->state, JOB_RUNNING);
	assert_string_equal(b->why, "never seen before");
	yard_done(&y);
}

static void too_big(void **state)
{
	struct yard y;

	(void)state;
	yard_init(&y, 2);
	struct job *alone = ready(&y, "small", 8000, 0);
	schedule(&y.s);
	assert_int_equal(alone->state, JOB_FAILED); /* nobody else will come */
	assert_int_equal(alone->failure, FAILURE_INFRA);
	assert_string_equal(
		alone->error,
		"no agent can run it: it asks for 8 processors; the biggest is local with 2 processors");

	agent(&y, "a", true, 4000, 4 * GI, NULL);
	struct job *job = ready(&y, "gpu", 1000, 8 * GI);
	schedule(&y.s);
	assert_int_equal(job->state, JOB_READY);
	assert_string_equal(
		job->why,
		"waits: it asks for 1 processor and 8.0 GiB on an agent with the labels gpu; no such agent is connected");
	assert_int_equal(y.out.list.v[0].kind, EF_TIMER);
	assert_true(y.out.list.v[0].at == USEC_HOUR + 10 * USEC_MIN);
	at(&y, USEC_HOUR + 9 * USEC_MIN);
	agent(&y, "g", true, 1000, 16 * GI, "gpu");
	schedule(&y.s);
	assert_string_equal(job->agent, "g"); /* it came in time */
	struct job *second = ready(&y, "gpu", 2000, 0);
	schedule(&y.s);
	at(&y, USEC_HOUR + 19 * USEC_MIN - 1);
	schedule(&y.s);
	assert_int_equal(second->state, JOB_READY);
	at(&y, USEC_HOUR + 19 * USEC_MIN);
	schedule(&y.s);
	assert_int_equal(second->state, JOB_FAILED);
	assert_non_null(strstr(second->error, "2 processors"));
	assert_non_null(strstr(second->error, "the biggest is g with 1 processor and 16.0 GiB"));
	yard_done(&y);
}

static void lost_agents(void **state)
{
	struct yard y;

	(void)state;
	yard_init(&y, 1);
	agent(&y, "a", true, 8000, 0, NULL);
	struct job *safe = ready(&y, "safe", 2000, 0), *talks = ready(&y, "talks", 2000, 0),
		   *again = ready(&y, "again", 2000, 0);
	schedule(&y.s);
	assert_string_equal(safe->agent, "a");
	assert_int_equal(model_agent(&y.m, "a")->used_cpu, 6000);
	for (unsigned i = 1; i <= 4; i++) {
		struct event old = {.kind = EV_JOB_ENDED, .count = safe->attempt, .id = S("a")};

		assert_true(agent_owns(safe, &old));
		at(&y, USEC_HOUR + 2 * i * USEC_SEC);
		agent(&y, "a", false, 0, 0, NULL);
		schedule(&y.s);
		assert_int_equal(model_agent(&y.m, "a")->state, AGENT_LOST);
		assert_int_equal(model_agent(&y.m, "a")->used_cpu, 0);
		assert_false(agent_owns(safe, &old));
		assert_int_equal(safe->state, i < 4 ? JOB_READY : JOB_FAILED);
		assert_int_equal(again->state, i < 4 ? JOB_READY : JOB_FAILED);
		at(&y, USEC_HOUR + (2 * i + 1) * USEC_SEC);
		agent(&y, "a", true, 8000, 0, NULL);
		schedule(&y.s);
		assert_false(agent_owns(safe, &old)); /* it came back with what it had finished */
		event_done(&old);
	}
	assert_int_equal(talks->state, JOB_FAILED);
	assert_string_equal(talks->error, "agent a was lost");
	assert_int_equal(talks->failure, FAILURE_INFRA);
	yard_done(&y);
}

static void draining(void **state)
{
	struct yard y;

	(void)state;
	yard_init(&y, 1);
	agent(&y, "a", true, 8000, 0, NULL);
	y.ev.ok = true;
	assert_int_equal(on_drain(&y.s), RC_OK);
	struct job *job = ready(&y, "small", 2000, 0);
	schedule(&y.s);
	assert_int_equal(job->state, JOB_READY);
	y.ev.ok = false;
	assert_int_equal(on_drain(&y.s), RC_OK);
	schedule(&y.s);
	assert_string_equal(job->agent, "a");
	xfree(y.ev.id);
	y.ev.id = S("nobody");
	assert_int_equal(on_drain(&y.s), RC_NOT_FOUND);
	xfree(y.ev.id);
	y.ev.id = S("local");
	assert_int_equal(on_agent(&y.s), RC_INVALID);
	yard_done(&y);
}

/* Small jobs come for ever, and there is always one that fits: the big one must not wait for ever. */
static void nobody_starves(void **state)
{
	struct yard y;
	VEC(struct job *) running = {0};
	VEC(usec_t) ends = {0};

	(void)state;
	yard_init(&y, 4);
	struct job *big = NULL;
	usec_t begin = USEC_HOUR + USEC_MIN;
	for (usec_t now = USEC_HOUR; now < USEC_HOUR + 20 * USEC_MIN; now += USEC_SEC) {
		at(&y, now);
		for (size_t i = running.n; i-- > 0;)
			if (ends.v[i] <= now) {
				end_job(&y, running.v[i]);
				vec_remove(&running, i);
				vec_remove(&ends, i);
			}
		if (now == begin)
			big = ready(&y, "small", 4000, 0);
		if ((now / USEC_SEC) % 5 == 0) { /* as much as fits */
			struct job *job = ready(&y, "other", 1000, 0);
			job->path = 2; /* more urgent */
			ready_del(&y.m, job);
			ready_add(&y.m, job);
		}
		schedule(&y.s);
		vec_each(f, &y.out.list) {
			if (f->kind != EF_START_JOB)
				continue;
			vec_push(&running, model_job(&y.m, f->job));
			vec_push(&ends, now + 20 * USEC_SEC);
		}
		if (big && big->state != JOB_READY)
			break;
	}
	assert_non_null(big);
	assert_int_not_equal(big->state, JOB_READY);
	assert_true(y.m.time > begin + USEC_MIN); /* small ones went before it ... */
	assert_true(y.m.time <= begin + 4 * USEC_MIN + 25 * USEC_SEC); /* ... but not for long */
	vec_done(&running);
	vec_done(&ends);
	yard_done(&y);
}

/* ---- properties ---- */

static uint32_t draw(uint64_t *seed, uint32_t n)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33) % n;
}

struct storm {
	struct yard y;
	uint64_t seed;
	VEC(struct job *) all;
	struct map ends; /* id -> time */
	unsigned started, lost;
};

static const struct job_def *def_of(struct storm *st, const struct job *job)
{
	return config_job(model_config(&st->y.m, "c"), job->stage, job->def);
}

static bool could(struct storm *st, const struct agent *a, const struct job *job)
{
	const struct job_def *def = def_of(st, job);

	if (a->state != AGENT_CONNECTED || (job->stage != STAGE_CI && !streq(a->id, "local")))
		return false;
	vec_each(label, &def->labels)
		if (!texts_has(&a->labels, *label))
			return false;
	return (job->cpu ? job->cpu : 1000) <= a->cpu && (!a->memory || job->memory <= a->memory);
}

static bool fits(struct storm *st, const struct agent *a, const struct job *job)
{
	return could(st, a, job) && a->used_cpu + (job->cpu ? job->cpu : 1000) <= a->cpu &&
	       (!a->memory || a->used_memory + job->memory <= a->memory);
}

static bool held(struct storm *st, const struct job *job)
{
	vec_each(other, &st->all)
		if ((*other)->state == JOB_RUNNING && job->group &&
		    streq((*other)->group, job->group))
			return true;
	return false;
}

static void check_agents(struct storm *st)
{
	for (struct map_entry *e = NULL; (e = map_next(&st->y.m.by_kind[AGG_AGENT], e));) {
		const struct agent *a = e->value;
		uint64_t cpu = 0, memory = 0, n = 0;

		vec_each(at_job, &st->all) {
			const struct job *job = *at_job;

			if (job->state != JOB_RUNNING || !streq(job->agent, a->id))
				continue;
			cpu += job->cpu;
			memory += job->memory;
			n++;
		}
		CHECK(cpu == a->used_cpu && memory == a->used_memory && n == a->running, a->id);
		CHECK(cpu <= a->cpu && (!a->memory || memory <= a->memory), a->id);
		CHECK(a->state != AGENT_LOST || !n, a->id);
	}
}

/* Of the ready jobs: did one wait for two minutes while one that is two minutes younger was started? */
static bool somebody_starves(struct storm *st)
{
	vec_each(at_job, &st->all) {
		const struct job *job = *at_job;

		if (job->state == JOB_READY && st->y.m.time >= job->ready_at + 2 * USEC_MIN &&
		    st->y.m.ready.newest >= job->ready_at + 2 * USEC_MIN)
			return true;
	}
	return false;
}

static void check_idle(struct storm *st)
{
	const struct agent *kept =
		NULL; /* at most one is kept free, and only for one that starves */

	vec_each(at_job, &st->all) {
		const struct job *job = *at_job;

		if (job->state != JOB_READY || held(st, job))
			continue;
		for (struct map_entry *e = NULL; (e = map_next(&st->y.m.by_kind[AGG_AGENT], e));) {
			const struct agent *a = e->value;

			if (!fits(st, a, job))
				continue;
			CHECK(somebody_starves(st), job->id);
			CHECK(!kept || kept == a, job->id);
			kept = a;
		}
	}
}

static void check_heaps(const struct storm *st)
{
	size_t n = 0;

	for (struct map_entry *e = NULL; (e = map_next(&st->y.m.ready.classes, e));) {
		const struct ready_class *c = e->value;

		for (size_t i = 1; i < c->heap.n; i++)
			CHECK(!ready_before(c->heap.v[i], c->heap.v[(i - 1) / 2]),
			      c->heap.v[i]->id);
		n += c->heap.n;
	}
	assert_int_equal(n, ready_count(&st->y.m));
}

static void check_all(struct storm *st)
{
	check_heaps(st);
	check_agents(st);
	check_idle(st);
	for (size_t i = 0; i < st->all.n; i++)
		for (size_t k = 0; k < i && st->all.v[i]->group; k++)
			CHECK(st->all.v[i]->state != JOB_RUNNING ||
				      st->all.v[k]->state != JOB_RUNNING ||
				      !streq(st->all.v[i]->group, st->all.v[k]->group),
			      st->all.v[i]->id);
}

static void storm_agents(struct storm *st)
{
	char id[] = "a0";
	static const uint32_t sizes[] = {1000, 2000, 4000, 8000};

	id[1] = (char)('0' + draw(&st->seed, 4));
	const struct agent *a = model_agent(&st->y.m, id);
	bool comes = !a || a->state == AGENT_LOST;

	agent(&st->y, id, comes, comes ? sizes[draw(&st->seed, 4)] : 0,
	      draw(&st->seed, 2) ? GI * (1 + draw(&st->seed, 8)) : 0,
	      comes && draw(&st->seed, 2) ? "gpu" : NULL);
}

static void storm_jobs(struct storm *st)
{
	static const char *const defs[] = {"small", "other", "safe", "talks", "again", "gpu"};
	unsigned n = 1 + draw(&st->seed, 6);

	for (unsigned i = 0; i < n; i++) {
		bool late = draw(&st->seed, 8) == 0;
		struct job *job = job_add(&st->y, late ? STAGE_STAGING : STAGE_CI,
					  late ? "e2e" : defs[draw(&st->seed, 6)],
					  late ? 1000 : draw(&st->seed, 5) * 1000,
					  late ? 0 : draw(&st->seed, 3) * GI);

		if (draw(&st->seed, 5) == 0)
			job->group = draw(&st->seed, 2) ? S("g1") : S("g2");
		for (unsigned k = 0; k < 2 && st->all.n && !late; k++) {
			struct job *on = st->all.v[draw(&st->seed, (uint32_t)st->all.n)];

			if (on->settled || on->stage != STAGE_CI)
				continue;
			texts_add(&job->needs, on->id);
			job->waiting++;
			vec_push(&on->dependents, job);
		}
		vec_push(&st->all, job);
		if (!job->waiting)
			job_make_ready(&st->y.s, job, NULL);
	}
}

static void storm_ends(struct storm *st)
{
	vec_each(at_job, &st->all) {
		struct job *job = *at_job;
		uint64_t end = (uint64_t)(uintptr_t)map_get(&st->ends, str_of(job->id));

		if (job->state == JOB_RUNNING && end <= st->y.m.time)
			end_job(&st->y, job);
	}
}

/* Somebody cancels one that waits. */
static void storm_cancels(struct storm *st)
{
	for (unsigned tries = 0; tries < 8 && st->all.n; tries++) {
		struct job *job = st->all.v[draw(&st->seed, (uint32_t)st->all.n)];

		if (job->state != JOB_READY)
			continue;
		ready_del(&st->y.m, job);
		job_set(&st->y.m, job, JOB_CANCELLED, NULL);
		job_settled(&st->y.s, job);
	}
}

static void storm_settle(struct storm *st)
{
	schedule(&st->y.s);
	vec_each(f, &st->y.out.list) {
		if (f->kind != EF_START_JOB && f->kind != EF_PACK_IMAGE)
			continue;
		st->started++;
		uint64_t end = st->y.m.time + (1 + draw(&st->seed, 40)) * USEC_SEC;
		map_put(&st->ends, str_of(f->job), (void *)(uintptr_t)end);
	}
	check_all(st);
}

static void one_storm(uint64_t seed)
{
	struct storm st = {.seed = seed};
	usec_t now = USEC_HOUR;

	yard_init(&st.y, 1 + draw(&st.seed, 4));
	for (unsigned turn = 0; turn < 150; turn++) {
		at(&st.y, now += draw(&st.seed, 12) * USEC_SEC);
		storm_ends(&st);
		if (draw(&st.seed, 12) == 0)
			storm_agents(&st);
		else if (turn < 100 && draw(&st.seed, 2))
			storm_jobs(&st);
		if (draw(&st.seed, 10) == 0)
			storm_cancels(&st);
		storm_settle(&st);
	}
	/* Everybody is there again: all of it comes to an end. */
	at(&st.y, now);
	agent(&st.y, "a9", true, 8000, 0, "gpu");
	for (unsigned turn = 0; turn < 4000 && st.y.m.ready.n + model_project(&st.y.m)->running;
	     turn++) {
		at(&st.y, now += 5 * USEC_SEC);
		storm_ends(&st);
		storm_settle(&st);
	}
	vec_each(job, &st.all)
		CHECK((*job)->settled, (*job)->id);
	assert_true(st.started > 10);
	assert_int_equal(st.y.m.ready.classes.n, 0);
	vec_done(&st.all);
	map_done(&st.ends);
	yard_done(&st.y);
}

static void storms(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++)
		one_storm(seed);
}

/* The order is rebuilt from the states of jobs alone. */
static void rebuilt(void **state)
{
	struct yard y;
	char first[128];

	(void)state;
	yard_init(&y, 1);
	ready(&y, "small", 0, 0);
	schedule(&y.s);
	for (unsigned i = 0; i < 50; i++) {
		at(&y, USEC_HOUR + i);
		ready(&y, i % 2 ? "small" : "other", (i % 3) * 500, 0);
	}
	size_t n = ready_count(&y.m);
	ready_rebuild(&y.m);
	assert_int_equal(ready_count(&y.m), n);
	struct job *running = model_job(&y.m, "run-1/ci/-/small-1");
	assert_int_equal(running->state, JOB_RUNNING);
	end_job(&y, running);
	schedule(&y.s);
	(void)snprintf(first, sizeof(first), "%s", y.out.list.v[0].job);
	assert_string_equal(first, "run-1/ci/-/other-2");
	yard_done(&y);
}

/* Ten thousand at once. */
static void many(void **state)
{
	struct yard y;
	struct timespec a, b;
	unsigned started = 0;

	(void)state;
	yard_init(&y, 16);
	for (unsigned i = 0; i < 10000; i++)
		ready(&y, i % 2 ? "small" : "other", (i % 4) * 500, (i % 3) * GI);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	usec_t now = USEC_HOUR;
	VEC(struct job *) running = {0};
	do {
		at(&y, now += USEC_SEC);
		vec_each(job, &running)
			end_job(&y, *job);
		running.n = 0;
		schedule(&y.s);
		vec_each(f, &y.out.list)
			vec_push(&running, model_job(&y.m, f->job));
		started += (unsigned)running.n;
	} while (running.n);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	double ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
	print_message("10,000 jobs: %.1f us a job, with their orders\n", ms / 10);
	assert_int_equal(started, 10000);
	assert_true(
		ms <
		10000); /* far above, so that a slow machine does not fail; the number is for people */
	vec_done(&running);
	yard_done(&y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_of_urgency),
		cmocka_unit_test(longest_way_first),
		cmocka_unit_test(best_fit_and_labels),
		cmocka_unit_test(groups),
		cmocka_unit_test(too_big),
		cmocka_unit_test(lost_agents),
		cmocka_unit_test(draining),
		cmocka_unit_test(nobody_starves),
		cmocka_unit_test(storms),
		cmocka_unit_test(rebuilt),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
