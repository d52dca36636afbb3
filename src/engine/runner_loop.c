/* Port runner on the loop. */
#include "engine/runner_loop.h"

#include "base/mem.h"

struct runner_loop {
	struct runner base;
	struct loop *loop;
};

static struct loop *loop_of(struct runner *r)
{
	return container_of(r, struct runner_loop, base)->loop;
}

static usec_t now(struct runner *r)
{
	return loop_now(loop_of(r));
}

static void work(struct runner *r, const char *lane, void (*fn)(void *), void (*done)(void *),
		 void *arg)
{
	loop_work(loop_of(r), lane, fn, done, arg);
}

static void timer(struct runner *r, usec_t at, void (*fn)(void *), void *arg)
{
	loop_at(loop_of(r), at, fn, arg);
}

static void watch(struct runner *r, int fd, void (*fn)(void *), void *arg)
{
	(void)!loop_watch(loop_of(r), fd, fn, arg);
}

static const struct runner_ops runner_loop = {"loop", now, work, timer, watch};

struct runner *runner_loop_new(struct loop *l)
{
	struct runner_loop *r = xcalloc(1, sizeof(*r));

	r->base.ops = &runner_loop;
	r->loop = l;
	loop_lane_first(l, "store");
	return &r->base;
}

void runner_loop_free(struct runner *r)
{
	if (r)
		xfree(container_of(r, struct runner_loop, base));
}
