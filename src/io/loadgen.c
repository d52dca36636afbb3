#include "io/loadgen.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io/loadgen_impl.h"

#define SECOND_NS  1000000000ULL
#define TIMEOUT_NS (LOADGEN_TIMEOUT_MS * 1000000ULL)
#define SCAN_NS    20000000ULL /* how often timeouts are looked for */
#define RATE_MAX   1e6

enum { BACKLOG = 1 << 16, EVENTS = 128, RECEIVE = 16384, NONE = -1 };

/* A place for one connection, and the request that is on it. */
struct slot {
	int fd; /* -1: none */
	uint32_t generation;
	bool busy, reused, answered_some;
	size_t peer, target, sent;
	uint64_t intended_ns;
	int prev, next; /* in the list of the free, or of a peer's idle ones */
	struct answer answer;
};

struct loadgen {
	/* Fixed after the start. */
	struct prepared *targets;
	size_t n_targets, n_peers;
	struct peer *peers;
	unsigned max_inflight;
	int epoll, wake;
	pthread_t thread;
	_Atomic double wanted_rate;
	atomic_bool stopping;

	/* The thread's own. */
	struct slot *slots;
	int free_head, *idle_heads;
	double rate;
	uint64_t base_ns, count; /* request number `count` is due at base + count / rate */
	size_t turn;             /* the target of the next request, when chosen */
	bool has_turn;
	uint64_t scan_ns;
	uint64_t *backlog; /* ring of times at which requests were due */
	size_t backlog_head, backlog_len;

	/* The thread holds the lock while it works, and lets go of it while it waits. */
	pthread_mutex_t lock;
	struct loadgen_stats stats;
	char receive[RECEIVE];
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

/* ---- lists of slots ---- */

static void list_push(struct loadgen *lg, int *head, int i)
{
	lg->slots[i].prev = NONE;
	lg->slots[i].next = *head;
	if (*head != NONE)
		lg->slots[*head].prev = i;
	*head = i;
}

static void list_remove(struct loadgen *lg, int *head, int i)
{
	struct slot *s = &lg->slots[i];

	if (s->prev == NONE)
		*head = s->next;
	else
		lg->slots[s->prev].next = s->next;
	if (s->next != NONE)
		lg->slots[s->next].prev = s->prev;
}

/* ---- one request on its slot ---- */

static void slot_close(struct slot *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->generation++; /* events of the old connection that are still in hand are void */
}

/* The request is over; the connection waits for the next one or is closed. */
static void slot_release(struct loadgen *lg, int i, bool keep)
{
	struct slot *s = &lg->slots[i];

	s->busy = false;
	lg->stats.pending--;
	if (keep) {
		list_push(lg, &lg->idle_heads[s->peer], i);
	} else {
		slot_close(s);
		list_push(lg, &lg->free_head, i);
	}
}

static bool slot_connect(struct loadgen *lg, int i)
{
	struct slot *s = &lg->slots[i];
	const struct peer *p = &lg->peers[s->peer];
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
	struct sockaddr_storage addr = {0};
	int on = 1;

	memcpy(&addr, p->addr, p->addr_len);
	s->fd = socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return false;
	lg->stats.connects++;
	s->generation++;
	s->reused = false;
	ev.data.u64 = (uint64_t)s->generation << 32 | (uint32_t)i;
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(s->fd, (struct sockaddr *)&addr, p->addr_len) < 0 && errno != EINPROGRESS)
		return false;
	return epoll_ctl(lg->epoll, EPOLL_CTL_ADD, s->fd, &ev) == 0;
}

static void slot_begin(struct loadgen *lg, int i)
{
	struct slot *s = &lg->slots[i];

	s->sent = 0;
	s->answered_some = false;
	answer_init(&s->answer, lg->targets[s->target].head_request);
}

/* Sends what is left to send. False: the connection is broken. */
static bool slot_send(struct loadgen *lg, struct slot *s)
{
	const struct prepared *t = &lg->targets[s->target];

	while (s->sent < t->len) {
		ssize_t n = send(s->fd, t->bytes + s->sent, t->len - s->sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			s->sent += (size_t)n;
		else if (errno == EAGAIN)
			return true;
		else if (errno != EINTR)
			return false;
	}
	return true;
}

/* The connection broke. A kept one may have been closed by the server while the request was on its
 * way: that is the way of keep-alive and no error, so the request goes to a fresh connection,
 * once. */
static void slot_broken(struct loadgen *lg, int i)
{
	struct slot *s = &lg->slots[i];
	bool again = s->reused && !s->answered_some;

	slot_close(s);
	if (again) {
		lg->stats.retried++;
		slot_begin(lg, i);
		if (slot_connect(lg, i) && slot_send(lg, s))
			return;
	}
	lg->stats.errors++;
	slot_release(lg, i, false);
}

static void slot_answered(struct loadgen *lg, int i, bool keep)
{
	struct slot *s = &lg->slots[i];

	lg->stats.answered++;
	lg->stats.status[s->answer.status / 100]++;
	loadgen_record(&lg->stats, (now_ns() - s->intended_ns) / 1000);
	slot_release(lg, i, keep);
}

/* Reads until the answer is whole or nothing more is there. */
static void slot_receive(struct loadgen *lg, int i, bool peer_gone)
{
	struct slot *s = &lg->slots[i];

	for (;;) {
		ssize_t n = recv(s->fd, lg->receive, RECEIVE, MSG_DONTWAIT);
		size_t used = 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			slot_broken(lg, i);
			return;
		}
		if (n > 0) {
			s->answered_some = true;
			used = answer_feed(&s->answer, lg->receive, (size_t)n);
		} else {
			answer_eof(&s->answer);
		}
		if (s->answer.state == ANSWER_DONE) {
			bool whole = s->sent == lg->targets[s->target].len;
			slot_answered(lg, i,
				      !s->answer.close && !peer_gone && n > 0 && whole &&
					      used == (size_t)n);
			return;
		}
		if (s->answer.state == ANSWER_BAD) {
			slot_broken(lg, i);
			return;
		}
		/* A short read has emptied the socket; its end, if it came, is another read. */
		if (n < RECEIVE && !peer_gone)
			return;
	}
}

static void on_event(struct loadgen *lg, const struct epoll_event *ev)
{
	int i = (int)(uint32_t)ev->data.u64;
	struct slot *s = &lg->slots[i];

	if (s->generation != ev->data.u64 >> 32 || s->fd < 0)
		return;
	if (!s->busy) {
		/* The end of a kept connection, or bytes that nobody asked for; EPOLLOUT alone is
		 * nothing new. */
		if (ev->events & ~(uint32_t)EPOLLOUT) {
			list_remove(lg, &lg->idle_heads[s->peer], i);
			slot_close(s);
			list_push(lg, &lg->free_head, i);
		}
		return;
	}
	/* When sending fails there may still be an answer to read, or the reason. */
	bool broken = (ev->events & EPOLLOUT) && !slot_send(lg, s);
	if (broken || (ev->events & ~(uint32_t)EPOLLOUT))
		slot_receive(lg, i, broken || (ev->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)));
}

/* ---- which request when ---- */

static uint64_t due_ns(const struct loadgen *lg, uint64_t count)
{
	return lg->base_ns + (uint64_t)((double)count * (double)SECOND_NS / lg->rate);
}

static void collect_due(struct loadgen *lg, uint64_t now)
{
	while (lg->rate > 0) {
		uint64_t due = due_ns(lg, lg->count);
		if (due > now)
			return;
		lg->count++;
		lg->stats.due++;
		if (lg->backlog_len == BACKLOG) {
			lg->stats.dropped++;
			continue;
		}
		lg->backlog[(lg->backlog_head + lg->backlog_len++) % BACKLOG] = due;
		lg->stats.pending++;
	}
}

/* The part of the interval that is over stays over, so many changes do not stop a slow rate. */
static void take_rate(struct loadgen *lg, uint64_t now)
{
	double rate = atomic_load(&lg->wanted_rate), left = 1;

	if (rate >= lg->rate && rate <= lg->rate)
		return;
	if (lg->rate > 0)
		left = (double)(due_ns(lg, lg->count) - now) * lg->rate / (double)SECOND_NS;
	lg->rate = rate;
	lg->count = 0;
	lg->base_ns = now;
	if (rate > 0)
		lg->base_ns += (uint64_t)(left * (double)SECOND_NS / rate);
}

/* A slot with a connection to this peer, or one to be connected; NONE when all are busy. */
static int take_slot(struct loadgen *lg, size_t peer)
{
	int i = lg->idle_heads[peer];

	if (i != NONE) {
		list_remove(lg, &lg->idle_heads[peer], i);
		return i;
	}
	i = lg->free_head;
	if (i != NONE) {
		list_remove(lg, &lg->free_head, i);
		return i;
	}
	for (size_t p = 0; p < lg->n_peers; p++) {
		i = lg->idle_heads[p];
		if (i == NONE)
			continue;
		list_remove(lg, &lg->idle_heads[p], i);
		slot_close(&lg->slots[i]);
		return i;
	}
	return NONE;
}

/* Puts the waiting requests on connections, as long as there are some. */
static void send_due(struct loadgen *lg, uint64_t now)
{
	while (lg->backlog_len) {
		uint64_t intended = lg->backlog[lg->backlog_head];
		bool late = now >= intended + TIMEOUT_NS;
		int i = NONE;

		if (!lg->has_turn)
			lg->turn = next_target(lg->targets, lg->n_targets);
		lg->has_turn = true;
		if (!late)
			i = take_slot(lg, lg->targets[lg->turn].peer);
		if (!late && i == NONE)
			return;
		lg->has_turn = false;
		lg->backlog_head = (lg->backlog_head + 1) % BACKLOG;
		lg->backlog_len--;
		if (late) {
			lg->stats.timeouts++;
			lg->stats.pending--;
			loadgen_record(&lg->stats, (now - intended) / 1000);
			continue;
		}
		struct slot *s = &lg->slots[i];
		s->busy = true;
		s->reused = s->fd >= 0;
		s->target = lg->turn;
		s->peer = lg->targets[lg->turn].peer;
		s->intended_ns = intended;
		slot_begin(lg, i);
		if ((s->fd < 0 && !slot_connect(lg, i)) || !slot_send(lg, s))
			slot_broken(lg, i);
	}
}

static void scan_timeouts(struct loadgen *lg, uint64_t now)
{
	if (now < lg->scan_ns)
		return;
	lg->scan_ns = now + SCAN_NS;
	for (unsigned i = 0; i < lg->max_inflight; i++) {
		struct slot *s = &lg->slots[i];
		if (!s->busy || now < s->intended_ns + TIMEOUT_NS)
			continue;
		lg->stats.timeouts++;
		loadgen_record(&lg->stats, (now - s->intended_ns) / 1000);
		slot_release(lg, (int)i, false);
	}
}

static uint64_t wait_ns(const struct loadgen *lg, uint64_t now)
{
	uint64_t wait = lg->stats.pending ? SCAN_NS : SECOND_NS;

	if (lg->rate > 0) {
		uint64_t due = due_ns(lg, lg->count);
		uint64_t left = due > now ? due - now : 0;
		wait = left < wait ? left : wait;
	}
	return wait;
}

static void *run(void *arg)
{
	struct loadgen *lg = arg;
	struct epoll_event events[EVENTS];

	prctl(PR_SET_NAME, "loadgen");
	prctl(PR_SET_TIMERSLACK, 1000UL); /* ns: of this thread only */
	pthread_mutex_lock(&lg->lock);
	while (!atomic_load(&lg->stopping)) {
		uint64_t now = now_ns();
		collect_due(lg, now);
		take_rate(lg, now);
		scan_timeouts(lg, now);
		send_due(lg, now);
		uint64_t wait = wait_ns(lg, now_ns());
		struct timespec t = {.tv_sec = (time_t)(wait / SECOND_NS),
				     .tv_nsec = (long)(wait % SECOND_NS)};
		pthread_mutex_unlock(&lg->lock);
		int n = epoll_pwait2(lg->epoll, events, EVENTS, &t, NULL);
		pthread_mutex_lock(&lg->lock);
		for (int i = 0; i < n; i++) {
			eventfd_t count;
			if (events[i].data.u64 == UINT64_MAX)
				eventfd_read(lg->wake, &count);
			else
				on_event(lg, &events[i]);
		}
	}
	pthread_mutex_unlock(&lg->lock);
	return NULL;
}

/* ---- the face ---- */

static void loadgen_free(struct loadgen *lg)
{
	for (unsigned i = 0; lg->slots && i < lg->max_inflight; i++)
		slot_close(&lg->slots[i]);
	for (size_t i = 0; i < lg->n_targets; i++)
		free(lg->targets[i].bytes);
	if (lg->epoll >= 0)
		close(lg->epoll);
	if (lg->wake >= 0)
		close(lg->wake);
	pthread_mutex_destroy(&lg->lock);
	free(lg->targets);
	free(lg->peers);
	free(lg->slots);
	free(lg->idle_heads);
	free(lg->backlog);
	free(lg);
}

/* Everything but the targets and the thread. False: errno says what is missing. */
static bool allocate(struct loadgen *lg, size_t n, unsigned max_inflight)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = UINT64_MAX};

	lg->targets = calloc(n, sizeof(*lg->targets));
	lg->peers = calloc(n, sizeof(*lg->peers));
	lg->idle_heads = calloc(n, sizeof(*lg->idle_heads));
	lg->slots = calloc(max_inflight, sizeof(*lg->slots));
	lg->backlog = calloc(BACKLOG, sizeof(*lg->backlog));
	if (!lg->targets || !lg->peers || !lg->idle_heads || !lg->slots || !lg->backlog)
		return false;
	lg->max_inflight = max_inflight;
	lg->free_head = NONE;
	for (size_t i = 0; i < n; i++)
		lg->idle_heads[i] = NONE;
	for (int i = (int)max_inflight - 1; i >= 0; i--) {
		lg->slots[i].fd = -1;
		list_push(lg, &lg->free_head, i);
	}
	lg->epoll = epoll_create1(EPOLL_CLOEXEC);
	lg->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return lg->epoll >= 0 && lg->wake >= 0 &&
	       epoll_ctl(lg->epoll, EPOLL_CTL_ADD, lg->wake, &ev) == 0;
}

static int start_thread(struct loadgen *lg)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int e;

	/* Signals are for the threads that know what to do with them. */
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	e = pthread_create(&lg->thread, &attr, run, lg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return e;
}

int loadgen_start(const struct loadgen_target *targets, size_t n, double rate,
		  unsigned max_inflight, struct loadgen **ret, char *errbuf, size_t errcap)
{
	struct loadgen *lg;
	int e = ENOMEM;

	if (n < 1 || n > LOADGEN_TARGETS_MAX || max_inflight < 1 ||
	    max_inflight > LOADGEN_INFLIGHT_MAX || !(rate >= 0 && rate <= RATE_MAX)) {
		snprintf(errbuf, errcap,
			 "load: 1 to %d targets, 1 to %d connections, a rate of 0 to 1000000",
			 LOADGEN_TARGETS_MAX, LOADGEN_INFLIGHT_MAX);
		return -1;
	}
	lg = calloc(1, sizeof(*lg));
	if (!lg) {
		snprintf(errbuf, errcap, "load: out of memory");
		return -1;
	}
	lg->epoll = lg->wake = -1;
	pthread_mutex_init(&lg->lock, NULL);
	if (!allocate(lg, n, max_inflight)) {
		e = errno;
		goto failed;
	}
	for (; lg->n_targets < n; lg->n_targets++) {
		if (prepare(&targets[lg->n_targets], lg->peers, &lg->n_peers,
			    &lg->targets[lg->n_targets], errbuf, errcap) < 0) {
			loadgen_free(lg);
			return -1;
		}
	}
	atomic_store(&lg->wanted_rate, rate);
	e = start_thread(lg);
	if (e == 0) {
		*ret = lg;
		return 0;
	}
failed:
	snprintf(errbuf, errcap, "load: cannot start: %s", strerror(e));
	loadgen_free(lg);
	return -1;
}

void loadgen_rate(struct loadgen *lg, double rate)
{
	rate = rate > 0 ? rate : 0; /* a NaN is 0, too */
	atomic_store(&lg->wanted_rate, rate < RATE_MAX ? rate : RATE_MAX);
	eventfd_write(lg->wake, 1);
}

void loadgen_snapshot(struct loadgen *lg, struct loadgen_stats *ret)
{
	pthread_mutex_lock(&lg->lock);
	*ret = lg->stats;
	ret->time_ns = now_ns();
	pthread_mutex_unlock(&lg->lock);
}

void loadgen_stop(struct loadgen *lg)
{
	if (!lg)
		return;
	atomic_store(&lg->stopping, true);
	eventfd_write(lg->wake, 1);
	pthread_join(lg->thread, NULL);
	loadgen_free(lg);
}
