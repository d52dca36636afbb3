#include "unit.h"
#include "base/mem.h"
#include "base/vec.h"
#include "engine/runner_loop.h"
#include "io/clock.h"
#include "io/loop.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static struct loop *loop;

static int open_loop(void **state)
{
	struct err err = {0};

	(void)state;
	return loop_new(&loop, &err) == RC_OK ? 0 : -1;
}

static int close_loop(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

static void stop(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

/* ---- lanes ---- */

static struct {
	atomic_int inside, most;
	VEC(int) order;
	int left;
	int meet;                      /* slow ones wait until so many are inside at a time ... */
	atomic_bool wait_first, first; /* ... and, when told to, until a quick one was through */
	pthread_t main;
} lanes;

struct item {
	int n;
	bool slow;
};

static void item_fn(void *arg)
{
	struct item *item = arg;
	int inside = atomic_fetch_add(&lanes.inside, 1) + 1;

	assert_false(pthread_equal(pthread_self(), lanes.main));
	if (inside > atomic_load(&lanes.most))
		atomic_store(&lanes.most, inside);
	clock_sleep(USEC_MS / 10);
	if (item->slow)
		WAIT_UNTIL(atomic_load(&lanes.most) >= lanes.meet &&
			   (!lanes.wait_first || atomic_load(&lanes.first)));
	else
		atomic_store(&lanes.first, true);
	atomic_fetch_sub(&lanes.inside, 1);
}

static void item_done(void *arg)
{
	struct item *item = arg;

	assert_true(pthread_equal(pthread_self(), lanes.main));
	vec_push(&lanes.order, item->n);
	xfree(item);
	if (--lanes.left == 0)
		loop_stop(loop);
}

static void give(const char *lane, int n, bool slow)
{
	struct item *item = xcalloc(1, sizeof(*item));

	*item = (struct item){n, slow};
	lanes.left++;
	loop_work(loop, lane, item_fn, item_done, item);
}

static void one_lane_is_in_order(void **state)
{
	(void)state;
	memset(&lanes, 0, sizeof(lanes));
	lanes.main = pthread_self();
	for (int i = 0; i < 50; i++)
		give("one", i, i == 0);
	loop_run(loop);
	assert_int_equal(lanes.most, 1);
	for (int i = 0; i < 50; i++)
		assert_int_equal(lanes.order.v[i], i);
	vec_done(&lanes.order);
}

static void lanes_go_side_by_side(void **state)
{
	char name[16];

	(void)state;
	memset(&lanes, 0, sizeof(lanes));
	lanes.main = pthread_self();
	lanes.meet = 8;
	lanes.wait_first = true;
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "lane %d", i);
		give(name, i, true);
	}
	loop_lane_first(loop, "store"); /* does not wait for the 15 slow ones */
	give("store", 99, false);
	loop_run(loop);
	assert_in_range(lanes.most, 8, LOOP_THREADS);
	assert_int_equal(lanes.order.v[0], 99);
	vec_done(&lanes.order);
}

static void nothing_fn(void *arg)
{
	(void)arg;
}

static void give_again(void *arg)
{
	int *left = arg;

	if (--*left == 0)
		loop_stop(loop);
	else
		loop_work(loop, "again", nothing_fn, give_again, arg);
}

static void done_may_give_more(void **state)
{
	int left = 20;

	(void)state;
	loop_work(loop, "again", nothing_fn, give_again, &left);
	loop_run(loop);
	assert_int_equal(left, 0);
	loop_work(loop, "again", nothing_fn, NULL, NULL);
	assert_true(loop_drain(loop, PATIENCE));
}

/* ---- time ---- */

static VEC(int) rung;
static int numbers[] = {0, 1, 2, 3};
static usec_t wanted[4];

static void ring(void *arg)
{
	int n = *(int *)arg;

	assert_true(loop_now(loop) >= wanted[n]);
	vec_push(&rung, n);
	if (rung.n == 4)
		loop_stop(loop);
}

static void timers_ring_in_order_and_not_early(void **state)
{
	usec_t now = loop_now(loop);
	static const int after_ms[] = {30, 10, 0, 20};

	(void)state;
	for (int i = 0; i < 4; i++) {
		wanted[i] = after_ms[i] ? now + (usec_t)after_ms[i] * USEC_MS : 1;
		loop_at(loop, wanted[i], ring, &numbers[i]);
	}
	loop_at(loop, USEC_NEVER, ring, NULL);
	loop_at(loop, now + USEC_DAY * 365, ring, NULL); /* freed with the loop */
	loop_run(loop);
	static const int want[] = {2, 1, 3, 0};
	assert_memory_equal(rung.v, want, sizeof(want));
	vec_done(&rung);
}

static void the_clock_goes_on(void **state)
{
	usec_t last = loop_now(loop);

	(void)state;
	assert_true(last > (usec_t)1700000000 * USEC_SEC);
	for (int i = 0; i < 10000; i++) {
		usec_t now = loop_now(loop);
		assert_true(now >= last);
		last = now;
	}
}

static struct loop_timer *timer;
static int rings;

static void ring_twice(void *arg)
{
	(void)arg;
	if (++rings < 2) {
		loop_timer_set(timer, 0);
		return;
	}
	loop_timer_free(timer);
	loop_stop(loop);
}

static void a_timer_is_set_again_and_freed_in_its_fn(void **state)
{
	(void)state;
	rings = 0;
	timer = loop_timer_new(loop, ring_twice, NULL);
	struct loop_timer *stopped = loop_timer_new(loop, ring_twice, NULL);
	loop_timer_set(stopped, 0);
	loop_timer_stop(stopped);
	loop_timer_set(timer, USEC_MS);
	loop_run(loop);
	assert_int_equal(rings, 2);
	loop_timer_free(stopped);
	loop_timer_free(NULL);
}

/* ---- descriptors, signals, posts ---- */

static int pipe_fds[2];
static struct loop_watch *watching;

static void on_readable(void *arg)
{
	char c;

	assert_int_equal(read(pipe_fds[0], &c, 1), 1);
	*(int *)arg += c;
	if (c == 2) {
		loop_unwatch(watching);
		loop_stop(loop);
	}
}

static void a_watch_reads(void **state)
{
	int sum = 0;

	(void)state;
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	watching = loop_watch(loop, pipe_fds[0], on_readable, &sum);
	assert_int_equal(write(pipe_fds[1], "\1\2", 2), 2);
	loop_run(loop);
	assert_int_equal(sum, 3);
	assert_true(loop_drain(loop, PATIENCE));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	loop_unwatch(NULL);
}

static void a_signal_is_told(void **state)
{
	(void)state;
	loop_signal(loop, SIGUSR1, stop, NULL);
	kill(getpid(), SIGUSR1);
	loop_run(loop);
}

static void not_now(void *arg)
{
	(void)arg;
}

/* In the place of libuv's: the thread may have to wait between two steps of ours. */
static bool busy_machine;
struct uv_loop_s;
int uv_run(struct uv_loop_s *l, int mode);
int uv_run(struct uv_loop_s *l, int mode)
{
	int (*real)(struct uv_loop_s *, int);

	*(void **)&real = dlsym(RTLD_NEXT, "uv_run");
	if (busy_machine)
		clock_sleep(30 * USEC_MS);
	return real(l, mode);
}

static void draining_ends_however_slow_we_are(void **state)
{
	struct loop_timer *far = loop_timer_new(loop, not_now, NULL);

	(void)state;
	loop_timer_set(far, 10 * USEC_SEC);
	busy_machine = true;
	usec_t began = clock_mono();
	assert_true(loop_drain(loop, PATIENCE));
	busy_machine = false;
	assert_true(clock_mono() - began < 5 * USEC_SEC);
	loop_timer_free(far);
}

static void *from_elsewhere(void *arg)
{
	loop_post(arg, stop, NULL);
	return NULL;
}

static void other_threads_may_post(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, from_elsewhere, loop), 0);
	loop_run(loop);
	pthread_join(thread, NULL);
}

static void free_drops_what_waits(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		loop_work(loop, "dropped", nothing_fn, stop, NULL);
	loop_post(loop, stop, NULL);
}

/* ---- the runner ---- */

static struct runner *runner;

static void runner_second(void *arg)
{
	(void)arg;
	runner_timer(runner, runner_now(runner) + USEC_MS, stop, NULL);
}

static void the_runner_passes_on(void **state)
{
	(void)state;
	runner = runner_loop_new(loop);
	runner_watch(runner, -1, stop, NULL);
	runner_work(runner, "store", nothing_fn, runner_second, NULL);
	loop_run(loop);
	runner_loop_free(runner);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)
	const struct CMUnitTest tests[] = {
		CASE(one_lane_is_in_order),   CASE(lanes_go_side_by_side),
		CASE(done_may_give_more),     CASE(timers_ring_in_order_and_not_early),
		CASE(the_clock_goes_on),      CASE(a_timer_is_set_again_and_freed_in_its_fn),
		CASE(a_watch_reads),          CASE(a_signal_is_told),
		CASE(other_threads_may_post), CASE(free_drops_what_waits),
		CASE(the_runner_passes_on),   CASE(draining_ends_however_slow_we_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
