/* Virtual time: one heap of things to come. */
#include "runner_sim.h"
#include "base/map.h"
#include "base/vec.h"

enum item_kind { ITEM_TIMER, ITEM_WORLD, ITEM_RUN, ITEM_DONE };
struct lane;
struct item {
	usec_t at;
	uint64_t seq;
	enum item_kind kind;
	void (*fn)(void *);
	void (*done)(void *);
	void *arg;
	struct lane *lane;
};
struct lane {
	char *name;
	VEC(struct item) waiting;
	bool busy;
	usec_t last_done;
};
struct sim_runner {
	struct runner base;
	struct rng *rng;
	usec_t clock, shown;
	int64_t offset;
	uint64_t seq;
	VEC(struct item) heap;
	struct map lanes;
	struct runner_faults faults;
	size_t busy;
	bool dead;
};

static struct sim_runner *of(struct runner *r)
{
	return container_of(r, struct sim_runner, base);
}

static bool sooner(const struct item *a, const struct item *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void push(struct sim_runner *r, struct item item)
{
	item.seq = r->seq++;
	vec_push(&r->heap, item);
	for (size_t i = r->heap.n - 1; i && sooner(&r->heap.v[i], &r->heap.v[(i - 1) / 2]);
	     i = (i - 1) / 2) {
		struct item t = r->heap.v[i];

		r->heap.v[i] = r->heap.v[(i - 1) / 2];
		r->heap.v[(i - 1) / 2] = t;
	}
}

static struct item pop(struct sim_runner *r)
{
	struct item top = r->heap.v[0];
	size_t i = 0, n = --r->heap.n;

	r->heap.v[0] = r->heap.v[n];
	for (;;) {
		size_t least = i;

		for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < n; c++)
			if (sooner(&r->heap.v[c], &r->heap.v[least]))
				least = c;
		if (least == i)
			return top;
		struct item t = r->heap.v[i];
		r->heap.v[i] = r->heap.v[least];
		r->heap.v[least] = t;
		i = least;
	}
}

static usec_t wall(const struct sim_runner *r)
{
	return (usec_t)((int64_t)r->clock + r->offset);
}

static usec_t now(struct runner *base)
{
	struct sim_runner *r = of(base);

	r->shown = MAX_OF(r->shown, wall(r));
	return r->shown;
}

/* Most works take some hundred microseconds, some milliseconds, few seconds. */
static usec_t draw(struct sim_runner *r)
{
	if (rng_chance(r->rng, r->faults.slow))
		return rng_between(r->rng, 100 * USEC_MS, 4 * USEC_SEC);
	if (r->faults.reorder)
		return rng_between(r->rng, 50, 40 * USEC_MS);
	return rng_between(r->rng, 50, 2 * USEC_MS);
}

static void lane_next(struct sim_runner *r, struct lane *lane)
{
	if (lane->busy || lane->waiting.n == 0)
		return;
	struct item item = lane->waiting.v[0];
	vec_remove(&lane->waiting, 0);
	lane->busy = true;
	item.at = r->clock + draw(r);
	push(r, item);
}

static void work(struct runner *base, const char *name, void (*fn)(void *), void (*done)(void *),
		 void *arg)
{
	struct sim_runner *r = of(base);
	struct lane *lane = map_get(&r->lanes, str_of(name));

	if (r->dead && streq(name, "store")) /* its argument is the engine itself */
		return;
	if (!lane) {
		lane = xcalloc(1, sizeof(*lane));
		lane->name = xstrdup(name);
		map_put(&r->lanes, str_of(name), lane);
	}
	r->busy++;
	vec_push(&lane->waiting,
		 ((struct item){
			 .kind = ITEM_RUN, .fn = fn, .done = done, .arg = arg, .lane = lane}));
	lane_next(r, lane);
}

static void timer(struct runner *base, usec_t at, void (*fn)(void *), void *arg)
{
	struct sim_runner *r = of(base);
	int64_t true_at = (int64_t)at - r->offset;

	push(r, (struct item){.at = true_at < (int64_t)r->clock ? r->clock : (usec_t)true_at,
			      .kind = ITEM_TIMER,
			      .fn = fn,
			      .arg = arg});
}

static void watch(struct runner *base, int fd, void (*fn)(void *), void *arg)
{
	(void)base;
	(void)fd;
	(void)fn;
	(void)arg;
}

static const struct runner_ops ops = {"sim", now, work, timer, watch};

struct runner *runner_sim_new(struct rng *rng, usec_t start)
{
	struct sim_runner *r = xcalloc(1, sizeof(*r));

	r->base.ops = &ops;
	r->rng = rng;
	r->clock = start;
	return &r->base;
}

void runner_sim_faults(struct runner *base, const struct runner_faults *f)
{
	of(base)->faults = *f;
}

void runner_sim_at(struct runner *base, usec_t at, void (*fn)(void *), void *arg)
{
	struct sim_runner *r = of(base);

	push(r,
	     (struct item){.at = MAX_OF(at, r->clock), .kind = ITEM_WORLD, .fn = fn, .arg = arg});
}

usec_t runner_sim_true(struct runner *base)
{
	return of(base)->clock;
}

/* Engine timers are due by the wall clock: all of them are dealt anew. */
void runner_sim_jump(struct runner *base, int64_t by)
{
	struct sim_runner *r = of(base);
	__typeof__(r->heap) old = {0};

	memcpy(&old, &r->heap, sizeof(old));
	memset(&r->heap, 0, sizeof(r->heap));
	r->offset += by;
	vec_each(item, &old) {
		if (item->kind == ITEM_TIMER) {
			int64_t at = (int64_t)item->at - by;
			item->at = at < (int64_t)r->clock ? r->clock : (usec_t)at;
		}
		push(r, *item);
	}
	vec_done(&old);
}

size_t runner_sim_busy(struct runner *base)
{
	return of(base)->busy;
}

static void run(struct sim_runner *r, struct item *item)
{
	struct lane *lane = item->lane;

	item->fn(item->arg);
	lane->busy = false;
	item->kind = ITEM_DONE;
	item->at = MAX_OF(r->clock + draw(r), lane->last_done);
	lane->last_done = item->at;
	if (rng_chance(r->rng, r->faults.lost))
		item->at = USEC_NEVER; /* only runner_sim_drop() finds it */
	push(r, *item);
	lane_next(r, lane);
}

bool runner_sim_step(struct runner *base)
{
	struct sim_runner *r = of(base);

	if (r->heap.n == 0 || r->heap.v[0].at == USEC_NEVER)
		return false;
	struct item item = pop(r);
	r->clock = MAX_OF(r->clock, item.at);
	switch (item.kind) {
	case ITEM_TIMER:
	case ITEM_WORLD:
		item.fn(item.arg);
		break;
	case ITEM_RUN:
		run(r, &item);
		break;
	case ITEM_DONE:
		r->busy--;
		item.done(item.arg);
		break;
	}
	return true;
}

static void give_back(struct item *item)
{
	if (item->kind == ITEM_TIMER)
		item->fn(item->arg);
	else if (!streq(item->lane->name, "store"))
		item->done(item->arg);
}

static void drop_lanes(struct sim_runner *r)
{
	for (struct map_entry *e = NULL; (e = map_next(&r->lanes, e));) {
		struct lane *lane = e->value;

		xfree(lane->name);
		vec_done(&lane->waiting);
		xfree(lane);
	}
	map_done(&r->lanes);
}

void runner_sim_drop(struct runner *base)
{
	struct sim_runner *r = of(base);
	__typeof__(r->heap) world = {0};

	r->dead = true;
	while (r->heap.n) {
		struct item item = pop(r);

		if (item.kind == ITEM_WORLD)
			vec_push(&world, item);
		else
			give_back(&item);
		for (struct map_entry *e = NULL; (e = map_next(&r->lanes, e));) {
			struct lane *lane = e->value;

			while (lane->waiting.n) {
				item = lane->waiting.v[0];
				vec_remove(&lane->waiting, 0);
				give_back(&item);
			}
		}
	}
	drop_lanes(r);
	vec_each(item, &world)
		push(r, *item);
	vec_done(&world);
	r->dead = false;
	r->busy = 0;
	r->shown = 0;
}

void runner_sim_free(struct runner *base)
{
	struct sim_runner *r = of(base);

	if (!base)
		return;
	runner_sim_drop(base);
	vec_done(&r->heap);
	xfree(r);
}
