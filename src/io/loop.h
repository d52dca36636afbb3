/*
 * The loop: one thread that reacts, and a pool of threads that may block. Everything here is the loop thread's to call,
 * except loop_now(), loop_post() and loop_stop(), which any thread may.
 */
#pragma once
#include "base/err.h"
#include "base/time.h"
#include <stdbool.h>

#define LOOP_THREADS 16

struct loop;
/* One per process: the pool is shared, and its size is set before its first use. */
MUST_CHECK enum rc loop_new(struct loop **ret, struct err *err);
/* Waits for work that runs; what is still queued is dropped, and no callback comes any more. NULL is fine. */
void loop_free(struct loop *l);
/* React until loop_stop(). */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* React until no work is queued or runs and what it led to is quiet, at most `limit`. False: something still runs. */
bool loop_drain(struct loop *l, usec_t limit);

/*
 * Wall time that never goes back. Where the machine's clock jumps forward, so does this one; where that jumps back, this one goes on at
 * 15/16 of the monotonic pace until the two agree.
 */
usec_t loop_now(struct loop *l);

/*
 * fn on a thread of the pool, then done (may be NULL) on the loop. Works of one lane never overlap, and go in the order of the calls: the
 * next fn begins after the done of the one before. Never calls back before it returns.
 */
void loop_work(struct loop *l, const char *lane, void (*fn)(void *arg), void (*done)(void *arg),
	       void *arg);
/* This lane never waits because others keep the pool busy. */
void loop_lane_first(struct loop *l, const char *lane);
/* fn on the loop, soon. */
void loop_post(struct loop *l, void (*fn)(void *arg), void *arg);

/* Once, not before loop_now() is `at`. Waits by the monotonic clock, so that a clock that jumps back stops nothing. USEC_NEVER: never. */
void loop_at(struct loop *l, usec_t at, void (*fn)(void *arg), void *arg);

/* A timer that can be set again and stopped. Rings once per loop_timer_set(). */
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *l, void (*fn)(void *arg), void *arg);
void loop_timer_set(struct loop_timer *t, usec_t delay);
void loop_timer_stop(struct loop_timer *t);
void loop_timer_free(struct loop_timer *t); /* also from within its fn; NULL is fine */

/* fn while fd is readable (or broken). One watch per fd; the fd must outlive it. */
struct loop_watch;
struct loop_watch *loop_watch(struct loop *l, int fd, void (*fn)(void *arg), void *arg);
void loop_unwatch(struct loop_watch *w); /* NULL is fine */

/* fn on the loop for each time the signal came (several may become one). */
void loop_signal(struct loop *l, int signal, void (*fn)(void *arg), void *arg);
