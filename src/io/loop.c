/* libuv, as much of it as a daemon needs. */
#include "io/loop.h"

#include <errno.h>
#include <pthread.h>
#include <uv.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "io/clock.h"

#define TIMER_LEG  (60 * USEC_SEC) /* the wall clock is looked at again after this */
#define WATCH_REST USEC_SEC        /* before a broken fd is looked at again */

struct work {
	uv_work_t req;
	struct lane *lane;
	void (*fn)(void *), (*done)(void *);
	void *arg;
	struct work *next;
};
struct lane {
	struct loop *loop;
	struct work *head, **tail; /* waiting; the running one is not in it */
	struct lane *next_ready;
	bool running, ready, first;
	char *name;
};
struct post {
	void (*fn)(void *);
	void *arg;
};
struct loop {
	uv_loop_t uv;
	uv_async_t wake;
	pthread_mutex_t lock; /* of what is below, up to the blank line */
	usec_t last, mono;
	bool stop;
	VEC(struct post) posts;

	struct map lanes;
	struct lane *ready, **ready_tail; /* lanes whose next work waits for a thread */
	unsigned running;                 /* works on threads, of lanes that are not first */
	unsigned all;                     /* works queued or running */
	bool dropping;
	VEC(struct wall_timer *) wall;
};

usec_t loop_now(struct loop *l)
{
	pthread_mutex_lock(&l->lock);
	usec_t mono = clock_mono(), wall = clock_wall();
	usec_t past = mono > l->mono ? mono - l->mono : 0;
	usec_t guess = l->last + past;

	l->mono = mono;
	l->last = wall >= guess ? wall : guess - MIN_OF(past / 16, guess - wall);
	usec_t now = l->last;
	pthread_mutex_unlock(&l->lock);
	return now;
}

/* A timer rang: whoever asks now must not be told an earlier time. */
static void clock_reach(struct loop *l, usec_t at)
{
	pthread_mutex_lock(&l->lock);
	l->last = MAX_OF(l->last, at);
	pthread_mutex_unlock(&l->lock);
}

/* ---- posts and the end ---- */

static void on_wake(uv_async_t *wake)
{
	struct loop *l = wake->data;
	VEC(struct post) posts = {0};

	pthread_mutex_lock(&l->lock);
	posts.v = l->posts.v;
	posts.n = l->posts.n;
	posts.cap = l->posts.cap;
	l->posts.v = NULL;
	l->posts.n = l->posts.cap = 0;
	bool stop = l->stop;
	pthread_mutex_unlock(&l->lock);
	if (!l->dropping)
		vec_each(p, &posts)
			p->fn(p->arg);
	vec_done(&posts);
	if (stop)
		uv_stop(&l->uv);
}

void loop_post(struct loop *l, void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&l->lock);
	vec_push(&l->posts, ((struct post){fn, arg}));
	pthread_mutex_unlock(&l->lock);
	uv_async_send(&l->wake);
}

void loop_stop(struct loop *l)
{
	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_mutex_unlock(&l->lock);
	uv_async_send(&l->wake);
}

enum rc loop_new(struct loop **ret, struct err *err)
{
	struct loop *l = xcalloc(1, sizeof(*l));
	AUTO(freep) char *threads = xasprintf("%d", LOOP_THREADS);

	setenv("UV_THREADPOOL_SIZE", threads, 1);
	int code = uv_loop_init(&l->uv);
	if (code < 0) {
		xfree(l);
		return err_errno(err, -code, "event loop");
	}
	code = uv_async_init(&l->uv, &l->wake, on_wake);
	if (code < 0) {
		(void)!uv_loop_close(&l->uv);
		xfree(l);
		return err_errno(err, -code, "event loop");
	}
	pthread_mutex_init(&l->lock, NULL);
	l->wake.data = l;
	l->ready_tail = &l->ready;
	l->last = clock_wall();
	l->mono = clock_mono();
	*ret = l;
	return RC_OK;
}

void loop_run(struct loop *l)
{
	pthread_mutex_lock(&l->lock);
	bool stop = l->stop;
	pthread_mutex_unlock(&l->lock);
	if (!stop)
		uv_run(&l->uv, UV_RUN_DEFAULT);
	pthread_mutex_lock(&l->lock);
	l->stop = false;
	pthread_mutex_unlock(&l->lock);
}

/* It may ring before the turn waits, when the thread had to: without another one the turn would wait for whatever else comes. */
static void tick_again(void *arg)
{
	loop_timer_set(*(struct loop_timer **)arg, 20 * USEC_MS);
}

bool loop_drain(struct loop *l, usec_t limit)
{
	usec_t until = clock_mono() + limit;
	struct loop_timer *tick = NULL;
	unsigned quiet = 0;

	tick = loop_timer_new(l, tick_again, &tick);
	while (quiet < 3 && clock_mono() < until) {
		loop_timer_set(tick, l->all ? 20 * USEC_MS : USEC_MS);
		uv_run(&l->uv, UV_RUN_ONCE);
		quiet = l->all ? 0 : quiet + 1;
	}
	loop_timer_free(tick);
	return l->all == 0;
}

/* ---- work ---- */

static struct lane *lane_get(struct loop *l, const char *name)
{
	struct lane *lane = map_get(&l->lanes, str_of(name));

	if (lane)
		return lane;
	lane = xcalloc(1, sizeof(*lane));
	*lane = (struct lane){.loop = l, .name = xstrdup(name)};
	lane->tail = &lane->head;
	map_put(&l->lanes, str_of(name), lane);
	return lane;
}

static void lane_free(struct lane *lane)
{
	for (struct work *w = lane->head, *next; w; w = next) {
		next = w->next;
		xfree(w);
	}
	xfree(lane->name);
	xfree(lane);
}

/* Names of lanes come from outside (jobs, services): an idle one does not stay. */
static void lane_rest(struct lane *lane)
{
	if (lane->running || lane->ready || lane->head || lane->first)
		return;
	map_del(&lane->loop->lanes, str_of(lane->name));
	lane_free(lane);
}

static void on_thread(uv_work_t *req)
{
	struct work *w = container_of(req, struct work, req);

	w->fn(w->arg);
}

static void fill_threads(struct loop *l);
static void lane_offer(struct lane *lane);

static void after_thread(uv_work_t *req, int status)
{
	struct work *w = container_of(req, struct work, req);
	struct lane *lane = w->lane;
	struct loop *l = lane->loop;

	(void)status;
	if (w->done && !l->dropping)
		w->done(w->arg);
	xfree(w);
	lane->running = false;
	l->running -= !lane->first;
	l->all--;
	lane_offer(lane);
	lane_rest(lane);
	fill_threads(l);
}

static void lane_start(struct lane *lane)
{
	struct work *w = lane->head;

	lane->head = w->next;
	if (!lane->head)
		lane->tail = &lane->head;
	lane->running = true;
	lane->loop->running += !lane->first;
	int code = uv_queue_work(&lane->loop->uv, &w->req, on_thread, after_thread);
	BUG_ON(code != 0);
}

/* One thread is left for lanes that go first. */
static void fill_threads(struct loop *l)
{
	while (l->ready && l->running < LOOP_THREADS - 1 && !l->dropping) {
		struct lane *lane = l->ready;

		l->ready = lane->next_ready;
		if (!l->ready)
			l->ready_tail = &l->ready;
		lane->ready = false;
		lane_start(lane);
	}
}

static void lane_offer(struct lane *lane)
{
	struct loop *l = lane->loop;

	if (lane->running || lane->ready || !lane->head || l->dropping)
		return;
	if (lane->first) {
		lane_start(lane);
		return;
	}
	lane->ready = true;
	lane->next_ready = NULL;
	*l->ready_tail = lane;
	l->ready_tail = &lane->next_ready;
}

void loop_work(struct loop *l, const char *lane_name, void (*fn)(void *arg),
	       void (*done)(void *arg), void *arg)
{
	struct lane *lane = lane_get(l, lane_name);
	struct work *w = xcalloc(1, sizeof(*w));

	w->lane = lane;
	w->fn = fn;
	w->done = done;
	w->arg = arg;
	*lane->tail = w;
	lane->tail = &w->next;
	l->all++;
	lane_offer(lane);
	fill_threads(l);
}

void loop_lane_first(struct loop *l, const char *lane)
{
	lane_get(l, lane)->first = true;
}

/* ---- timers ---- */

struct loop_timer {
	uv_timer_t uv;
	void (*fn)(void *);
	void *arg;
};

static void on_timer(uv_timer_t *uv)
{
	struct loop_timer *t = uv->data;

	t->fn(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct loop_timer *t = xcalloc(1, sizeof(*t));

	uv_timer_init(&l->uv, &t->uv);
	t->uv.data = t;
	t->fn = fn;
	t->arg = arg;
	return t;
}

/* libuv counts milliseconds since its turn began: the start of this one, to be exact, and never too early. */
void loop_timer_set(struct loop_timer *t, usec_t delay)
{
	uv_update_time(t->uv.loop);
	uv_timer_start(&t->uv, on_timer, delay / 1000 + (delay % 1000 != 0), 0);
}

void loop_timer_stop(struct loop_timer *t)
{
	uv_timer_stop(&t->uv);
}

static void free_data(uv_handle_t *handle)
{
	xfree(handle->data);
}

void loop_timer_free(struct loop_timer *t)
{
	if (t)
		uv_close((uv_handle_t *)&t->uv, free_data);
}

struct wall_timer {
	struct loop *loop;
	struct loop_timer *timer;
	usec_t at;
	bool last_leg;
	void (*fn)(void *);
	void *arg;
};

static void wall_arm(struct wall_timer *t, usec_t now)
{
	usec_t left = t->at > now ? t->at - now : 0;

	t->last_leg = left <= TIMER_LEG;
	loop_timer_set(t->timer, MIN_OF(left, TIMER_LEG));
}

static void wall_forget(struct wall_timer *t)
{
	struct loop *l = t->loop;

	for (size_t i = 0; i < l->wall.n; i++) {
		if (l->wall.v[i] != t)
			continue;
		l->wall.v[i] = l->wall.v[--l->wall.n];
		break;
	}
	loop_timer_free(t->timer);
	xfree(t);
}

static void on_wall(void *arg)
{
	struct wall_timer *t = arg;
	usec_t now = loop_now(t->loop);

	if (now < t->at && !t->last_leg) {
		wall_arm(t, now);
		return;
	}
	clock_reach(t->loop, t->at);
	void (*fn)(void *) = t->fn;
	void *fn_arg = t->arg;
	wall_forget(t);
	fn(fn_arg);
}

void loop_at(struct loop *l, usec_t at, void (*fn)(void *arg), void *arg)
{
	if (at == USEC_NEVER)
		return;
	struct wall_timer *t = xcalloc(1, sizeof(*t));

	*t = (struct wall_timer){.loop = l, .at = at, .fn = fn, .arg = arg};
	t->timer = loop_timer_new(l, on_wall, t);
	vec_push(&l->wall, t);
	wall_arm(t, loop_now(l));
}

/* ---- descriptors and signals ---- */

struct loop_watch {
	uv_poll_t uv;
	struct loop_timer *rest;
	void (*fn)(void *);
	void *arg;
};

static void on_poll(uv_poll_t *uv, int status, int events)
{
	struct loop_watch *w = uv->data;

	(void)events;
	if (status < 0) { /* libuv has stopped it; a level that stays would spin */
		uv_poll_stop(uv);
		loop_timer_set(w->rest, WATCH_REST);
	}
	w->fn(w->arg);
}

static void on_rested(void *arg)
{
	struct loop_watch *w = arg;

	uv_poll_start(&w->uv, UV_READABLE, on_poll);
}

struct loop_watch *loop_watch(struct loop *l, int fd, void (*fn)(void *arg), void *arg)
{
	struct loop_watch *w = xcalloc(1, sizeof(*w));
	int code = uv_poll_init(&l->uv, &w->uv, fd);

	BUG_ON(code != 0); /* not an open descriptor that epoll takes: the caller's mistake */
	w->uv.data = w;
	w->fn = fn;
	w->arg = arg;
	w->rest = loop_timer_new(l, on_rested, w);
	uv_poll_start(&w->uv, UV_READABLE, on_poll);
	return w;
}

void loop_unwatch(struct loop_watch *w)
{
	if (!w)
		return;
	loop_timer_free(w->rest);
	uv_poll_stop(&w->uv);
	uv_close((uv_handle_t *)&w->uv, free_data);
}

struct caught {
	uv_signal_t uv;
	void (*fn)(void *);
	void *arg;
};

static void on_signal(uv_signal_t *uv, int number)
{
	struct caught *c = uv->data;

	(void)number;
	c->fn(c->arg);
}

void loop_signal(struct loop *l, int number, void (*fn)(void *arg), void *arg)
{
	struct caught *c = xcalloc(1, sizeof(*c));

	uv_signal_init(&l->uv, &c->uv);
	c->uv.data = c;
	c->fn = fn;
	c->arg = arg;
	int code = uv_signal_start(&c->uv, on_signal, number);
	BUG_ON(code != 0);
}

/* ---- the end ---- */

static void close_handle(uv_handle_t *handle, void *arg)
{
	struct loop *l = arg;

	if (uv_is_closing(handle))
		return;
	if (handle == (uv_handle_t *)&l->wake)
		uv_close(handle, NULL);
	else
		uv_close(handle, free_data);
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	l->dropping = true;
	vec_each(t, &l->wall)
		xfree(*t);
	vec_done(&l->wall);
	uv_walk(&l->uv, close_handle, l);
	while (uv_run(&l->uv, UV_RUN_DEFAULT) != 0)
		;
	BUG_ON(uv_loop_close(&l->uv) != 0);
	for (struct map_entry *e = NULL; (e = map_next(&l->lanes, e));)
		lane_free(e->value);
	map_done(&l->lanes);
	vec_done(&l->posts);
	pthread_mutex_destroy(&l->lock);
	xfree(l);
}
