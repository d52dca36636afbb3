/* One history. */
#include "sim.h"
#include "store/adapters.h"
#include <stdarg.h>

usec_t sim_now(const struct sim *s)
{
	return runner_sim_true(s->runner);
}

void sim_fail(struct sim *s, unsigned number, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(sizeof(s->result.why) - 1);
	va_list ap;

	if (s->result.failed)
		return;
	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	s->result.failed = true;
	s->result.number = number;
	memcpy(s->result.why, strbuf_cstr(&text), text.n);
	s->result.why[text.n] = '\0';
	sim_say(s, "BROKEN: %s", s->result.why);
}

static void start_engine(struct sim *s)
{
	struct engine_options o = {.slots = s->slots, .version = "sim"};
	struct err err = {0};

	s->w.store = s->store;
	if (engine_new(&s->w, &o, &s->engine, &err) != RC_OK) {
		sim_fail(s, 7, "the engine does not start: %s", err.msg);
		return;
	}
	mirror_listen(s);
	engine_start(s->engine);
}

static void drop_engine(struct sim *s)
{
	if (!s->engine)
		return;
	s->result.events += engine_stats(s->engine)->events;
	engine_stop(s->engine);
	runner_sim_drop(s->runner);
	engine_free(s->engine);
	s->engine = NULL;
}

void sim_crash(struct sim *s)
{
	struct store *left = store_memory_clone(s->store);

	s->result.crashes++;
	sim_say(s, "fault: kill -9");
	drop_engine(s);
	store_free(s->store);
	s->store = left;
	s->facts.n = 0;
	if (s->jump) {
		sim_say(s, "fault: the clock is set by %lld s",
			(long long)(s->jump / (int64_t)USEC_SEC));
		runner_sim_jump(s->runner, s->jump);
		s->jump = 0;
		s->jumped = true;
	}
	start_engine(s);
}

static void turn(struct sim *s, usec_t until)
{
	while (!s->result.failed && sim_now(s) < until && runner_sim_step(s->runner))
		if (s->crash_due) {
			s->crash_due = false;
			sim_crash(s);
		}
}

/* Until nothing is under way for a while. */
static void settle(struct sim *s)
{
	usec_t until = sim_now(s) + USEC_HOUR;

	while (!s->result.failed && sim_now(s) < until) {
		uint64_t before = s->result.records;

		turn(s, sim_now(s) + 3 * USEC_SEC);
		if (s->pushing)
			continue;
		people_settle(s);
		access_settle(s);
		agents_settle(s);
		if (is_quiet(s) && before == s->result.records)
			break;
	}
}

static void count(struct sim *s)
{
	const struct model *m = mirror_model(s);

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_RELEASE], e));) {
		const struct release *r = e->value;

		s->result.live += r->state == RELEASE_LIVE;
		s->result.rolled_back += r->state == RELEASE_ROLLED_BACK;
	}
}

static void begin(struct sim *s)
{
	rng_init(&s->rng, s->seed);
	rng_init(&s->fault_rng, s->seed ^ 0x5eed0001);
	rng_init(&s->runner_rng, s->seed ^ 0x5eed0002);
	s->runner = runner_sim_new(&s->runner_rng, SIM_BEGIN);
	s->store = store_memory_new();
	s->slots = (uint32_t)rng_between(&s->rng, 1, 6);
	check_ci_start(s);
	ports_init(s);
	project_make(s);
	mirror_start(s);
}

void sim_run(uint64_t seed, const struct sim_options *o, struct sim_result *ret)
{
	struct sim *s = xcalloc(1, sizeof(*s));

	s->seed = seed;
	s->o = *o;
	begin(s);
	start_engine(s);
	traffic_begin(s);
	project_start(s);
	people_start(s);
	access_start(s);
	faults_start(s);
	agents_start(s);
	queue_start(s);
	requests_start(s);
	while (s->pushing && !s->result.failed)
		turn(s, sim_now(s) + USEC_SEC);
	turn(s, sim_now(s) + rng_between(&s->rng, 0, 20 * USEC_SEC));
	faults_stop(s);
	settle(s);
	check_end(s);
	drop_engine(s);
	count(s);
	if (s->result.failed && (o->keep_trace || o->trace))
		sim_trace_print(s);
	*ret = s->result;
	mirror_done(s);
	ports_done(s);
	project_done(s);
	agents_done(s);
	check_ci_done(s);
	access_done(s);
	store_free(s->store);
	runner_sim_free(s->runner);
	sim_trace_done(s);
	xfree(s);
}
