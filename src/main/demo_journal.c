/* The journal, followed: each record goes through the same step() that the daemon used, so the demo sees what it saw. */
#include "io/clock.h"
#include "main/demo.h"

#define PAYLOAD_MAX ((size_t)64 << 20)
#define PAUSE       (30 * USEC_MS)

static bool take(void *ctx, const struct record *r)
{
	struct demo *d = ctx;
	struct event ev = {0};
	struct effects out = {0};
	struct err err = {0};
	bool known = false;

	for (unsigned k = 0; k < EVENT_KINDS; k++)
		if (str_is(r->type, event_kind_names[k])) {
			ev.kind = (enum event_kind)k;
			known = true;
		}
	if (!known || shape_parse(r->payload, PAYLOAD_MAX, &shape_event, &ev, &err) != RC_OK) {
		fprintf(stderr, "penstock demo: record %llu cannot be read: %s\n",
			(unsigned long long)r->seq, err.msg);
		d->broken = true;
		return false;
	}
	if (!d->zero)
		d->zero = r->time;
	ev.seq = r->seq;
	ev.time = r->time;
	ev.actor = xstrndup(r->actor.p, r->actor.n);
	if (step(&d->model, &ev, &out, &err) != RC_OK) {
		fprintf(stderr, "penstock demo: record %llu does not replay: %s\n",
			(unsigned long long)r->seq, err.msg);
		d->broken = true;
	}
	demo_line(d, r, &ev);
	effects_done(&out);
	event_done(&ev);
	return !d->broken;
}

bool demo_read(struct demo *d)
{
	uint64_t before = d->model.seq;
	struct err err = {0};

	if (d->store && store_journal(d->store, before + 1, 0, take, d, &err) != RC_OK)
		fprintf(stderr, "penstock demo: %s\n", err.msg);
	fflush(stdout);
	return d->model.seq != before;
}

bool demo_wait(struct demo *d, usec_t limit, bool (*done)(struct demo *d, void *ctx), void *ctx)
{
	usec_t end = clock_mono() + limit;

	for (;;) {
		demo_read(d);
		if (done(d, ctx))
			return true;
		if (d->broken || d->stop || clock_mono() > end)
			return false;
		clock_sleep(PAUSE);
	}
}

struct run *demo_run_of(struct demo *d, const char *commit)
{
	struct run *found = NULL;

	for (struct map_entry *e = NULL; (e = map_next(&d->model.by_kind[AGG_RUN], e));) {
		struct run *run = e->value;

		if (streq(run->change.commit, commit))
			found = run;
	}
	return found;
}

struct release *demo_release_of(struct demo *d, const char *commit)
{
	const struct run *run = demo_run_of(d, commit);

	return run ? model_release(&d->model, run->release) : NULL;
}

struct rollout *demo_rollout(struct demo *d, const char *release, const char *environment,
			     const char *unit)
{
	for (struct map_entry *e = NULL; (e = map_next(&d->model.by_kind[AGG_ROLLOUT], e));) {
		struct rollout *ro = e->value;

		if (streq(ro->release, release) && streq(ro->environment, environment) &&
		    streq(ro->unit, unit) && !ro->is_return)
			return ro;
	}
	return NULL;
}
