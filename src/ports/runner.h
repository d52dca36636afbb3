/*
 * Port: time, timers and workers: all that the engine needs of the machine it runs on. Adapters: runner_loop (libuv), runner_sim (virtual time).
 */
#pragma once
#include "base/err.h"
#include "base/time.h"

struct runner;
struct runner_ops {
	const char *name;
	usec_t (*now)(struct runner *r);
	void (*work)(struct runner *r, const char *lane, void (*fn)(void *arg),
		     void (*done)(void *arg), void *arg);
	void (*timer)(struct runner *r, usec_t at, void (*fn)(void *arg), void *arg);
	void (*watch)(struct runner *r, int fd, void (*fn)(void *arg), void *arg);
};
struct runner {
	const struct runner_ops *ops;
};
/* Wall time; never goes back between two calls. */
static inline usec_t runner_now(struct runner *r)
{
	return r->ops->now(r);
}
/* fn on a worker thread, one at a time within a lane and in order; then done on the loop's thread. Never calls back before it returns. */
static inline void runner_work(struct runner *r, const char *lane, void (*fn)(void *),
			       void (*done)(void *), void *arg)
{
	r->ops->work(r, lane, fn, done, arg);
}
/* Once, on the loop's thread, not before `at`. */
static inline void runner_timer(struct runner *r, usec_t at, void (*fn)(void *), void *arg)
{
	r->ops->timer(r, at, fn, arg);
}
/* fn whenever fd is readable, for ever. fd -1: never. */
static inline void runner_watch(struct runner *r, int fd, void (*fn)(void *), void *arg)
{
	if (fd >= 0)
		r->ops->watch(r, fd, fn, arg);
}
