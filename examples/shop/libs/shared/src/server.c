#include "shared/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "shared/headers.h"

enum {
	STACK_SIZE = 65536,
	FIRST_BUFFER = 2048,
	ANSWER_MAX = 4096,
	CONNECTIONS_MAX = 1024,
	IDLE_MS = 60000,  /* a connection between two requests */
	SLOW_MS = 10000,  /* a request that does not get whole */
	WRITE_MS = 5000,  /* a peer that does not read */
	SWEEP_MS = 500,
};

struct conn {
	struct conn *prev, *next; /* under the server's lock, as are `armed` and `since_ms` */
	int fd;
	bool armed; /* waits in the epoll set; otherwise one thread owns it */
	int64_t since_ms;
	size_t len, cap, want; /* bytes held, allocated; of the whole request when its head is known */
	bool continued;
	char *buf;
};

struct server {
	struct server_config config;
	int epoll, listener, stop;
	unsigned port;
	pthread_mutex_t lock;
	struct conn conns; /* ring */
	unsigned conn_count;
	atomic_bool draining;
	atomic_uint running; /* requests being answered */
	_Atomic int64_t last_ms;
	unsigned thread_count;
	pthread_t sweeper;
	bool has_sweeper;
	pthread_t threads[];
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void sleep_ms(unsigned ms)
{
	poll(NULL, 0, (int)ms);
}

/* ---- connections ---- */

static void conn_close(struct server *s, struct conn *c)
{
	pthread_mutex_lock(&s->lock);
	c->prev->next = c->next;
	c->next->prev = c->prev;
	s->conn_count--;
	close(c->fd); /* under the lock: the sweeper must not shut a stranger's descriptor */
	pthread_mutex_unlock(&s->lock);
	free(c->buf);
	free(c);
}

static void conn_arm(struct server *s, struct conn *c)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = c };

	pthread_mutex_lock(&s->lock);
	c->armed = true;
	if (c->len == 0)
		c->since_ms = now_ms();
	/* After this another thread may own it at any time. */
	epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &ev);
	pthread_mutex_unlock(&s->lock);
}

static void conn_new(struct server *s, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT };
	struct conn *c = calloc(1, sizeof(*c));
	int on = 1;

	if (!c) {
		close(fd);
		return;
	}
	*c = (struct conn){ .fd = fd, .armed = true, .since_ms = now_ms() };
	ev.data.ptr = c;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	pthread_mutex_lock(&s->lock);
	if (s->conn_count >= CONNECTIONS_MAX || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		pthread_mutex_unlock(&s->lock);
		close(fd);
		free(c);
		return;
	}
	c->next = s->conns.next;
	c->prev = &s->conns;
	c->next->prev = c;
	s->conns.next = c;
	s->conn_count++;
	pthread_mutex_unlock(&s->lock);
}

static void accept_all(struct server *s)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = &s->listener };
	int fd;

	while ((fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		conn_new(s, fd);
	if (errno == EMFILE || errno == ENFILE)
		sleep_ms(10);
	epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->listener, &ev);
}

static bool write_all(int fd, const char *p, size_t n)
{
	int64_t end = now_ms() + WRITE_MS;

	while (n) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (w > 0) {
			p += w;
			n -= (size_t)w;
		} else if (w < 0 && errno == EAGAIN) {
			struct pollfd pfd = { .fd = fd, .events = POLLOUT };
			int64_t left = end - now_ms();
			if (left <= 0 || poll(&pfd, 1, (int)left) == 0)
				return false;
		} else if (w < 0 && errno != EINTR) {
			return false;
		}
	}
	return true;
}

/* Says that nothing more comes, and swallows a little of what the peer still sends: closing with
 * unread bytes would reset the connection and could destroy the answer on its way. */
static void linger(int fd)
{
	char sink[2048];
	int64_t end = now_ms() + 300;
	size_t budget = 1 << 18;

	shutdown(fd, SHUT_WR);
	while (budget) {
		ssize_t n = recv(fd, sink, sizeof(sink), MSG_DONTWAIT);
		if (n > 0) {
			budget -= (size_t)n < budget ? (size_t)n : budget;
			continue;
		}
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int64_t left = end - now_ms();
		if (n == 0 || errno != EAGAIN || left <= 0 || poll(&pfd, 1, (int)left) <= 0)
			return;
	}
}

/* ---- requests ---- */

static bool send_answer(struct server *s, int fd, const struct http_answer *a, bool head_only,
			bool keep)
{
	char buf[ANSWER_MAX + 1024];
	struct text out = TEXT(buf);

	text_add(&out, "HTTP/1.1 %d %s\r\nServer: %s\r\n%s", a->status, http_reason(a->status),
		 s->config.ident, shared_headers);
	text_add(&out, "Content-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", a->type, a->body.n,
		 keep ? "" : "Connection: close\r\n");
	if (!head_only)
		text_add(&out, "%s", a->body.p);
	return !out.failed && write_all(fd, out.p, out.n);
}

static void refuse(struct server *s, struct conn *c, int status)
{
	char buf[128];
	struct http_answer a = { .status = status, .type = "application/json", .body = TEXT(buf) };

	text_add(&a.body, "{\"error\":\"%s\"}\n", http_reason(status));
	if (send_answer(s, c->fd, &a, false, false))
		linger(c->fd);
	conn_close(s, c);
}

/* Answers one whole request. False: the connection shall be closed. */
static bool answer(struct server *s, struct conn *c, const struct http_request *rq)
{
	char buf[ANSWER_MAX];
	struct http_answer a = { .status = 200, .type = "application/json", .body = TEXT(buf) };
	bool ok;

	buf[0] = '\0';
	atomic_fetch_add(&s->running, 1);
	s->config.handle(s->config.ctx, rq, &a);
	if (a.body.failed) {
		a.status = 500;
		a.body = TEXT(buf);
		text_add(&a.body, "{\"error\":\"the answer is too long\"}\n");
	}
	bool keep = rq->keep_alive && !atomic_load(&s->draining);
	ok = send_answer(s, c->fd, &a, span_is(rq->method, "HEAD"), keep);
	atomic_store(&s->last_ms, now_ms());
	atomic_fetch_sub(&s->running, 1);
	return ok && keep;
}

static bool grow(struct conn *c, size_t cap)
{
	if (cap <= c->cap)
		return true;
	char *p = realloc(c->buf, cap);
	if (!p)
		return false;
	c->buf = p;
	c->cap = cap;
	return true;
}

/* Reads what there is. -1: the connection is over; 0: nothing more now; 1: got some. */
static int conn_read(struct conn *c)
{
	size_t cap = c->want ? c->want : c->len < FIRST_BUFFER ? FIRST_BUFFER : HTTP_HEAD_MAX;

	if (!grow(c, cap))
		return -1;
	if (c->len >= c->cap)
		return 0;
	ssize_t n = recv(c->fd, c->buf + c->len, c->cap - c->len, MSG_DONTWAIT);
	if (n > 0) {
		c->len += (size_t)n;
		return 1;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

/* Drops the request just answered; a big buffer is not kept for small requests. */
static void conn_consume(struct conn *c, size_t n)
{
	c->len -= n;
	if (c->len)
		memmove(c->buf, c->buf + n, c->len);
	c->want = 0;
	c->continued = false;
	if (c->cap > HTTP_HEAD_MAX && c->len <= FIRST_BUFFER) {
		char *p = realloc(c->buf, FIRST_BUFFER);
		if (p) {
			c->buf = p;
			c->cap = FIRST_BUFFER;
		}
	}
}

/* Answers all whole requests in the buffer. 0: more bytes are needed; -1: close; else refuse with. */
static int serve_buffered(struct server *s, struct conn *c)
{
	while (c->len && c->len >= c->want) {
		struct http_request rq;
		int rc = http_parse_request(c->buf, c->len, &rq);
		if (rc)
			return rc == 1 ? 0 : rc;
		size_t whole = rq.head_len + rq.body_len;
		if (c->len < whole) {
			c->want = whole;
			if (rq.expects_continue && !c->continued) {
				static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
				c->continued = true;
				if (!write_all(c->fd, go_on, sizeof(go_on) - 1))
					return -1;
			}
			return 0;
		}
		if (!answer(s, c, &rq)) {
			linger(c->fd);
			return -1;
		}
		conn_consume(c, whole);
	}
	return 0;
}

static void conn_run(struct server *s, struct conn *c)
{
	pthread_mutex_lock(&s->lock);
	c->armed = false;
	pthread_mutex_unlock(&s->lock);
	for (;;) {
		size_t before = c->len;
		int got = conn_read(c);
		if (got < 0) {
			conn_close(s, c);
			return;
		}
		if (got == 0)
			break;
		if (before == 0)
			c->since_ms = now_ms();
		int rc = serve_buffered(s, c);
		if (rc < 0) {
			conn_close(s, c);
			return;
		}
		if (rc > 0) {
			refuse(s, c, rc);
			return;
		}
		/* A short read has emptied the socket: no need to ask again. */
		if (c->len < c->cap)
			break;
	}
	conn_arm(s, c);
}

/* ---- threads ---- */

static void *work(void *arg)
{
	struct server *s = arg;
	struct epoll_event ev;

	for (;;) {
		int n = epoll_wait(s->epoll, &ev, 1, -1);
		if (n < 1)
			continue;
		if (ev.data.ptr == &s->stop)
			return NULL;
		if (ev.data.ptr == &s->listener)
			accept_all(s);
		else
			conn_run(s, ev.data.ptr);
	}
}

/* Shuts connections that waited too long; the thread that then gets the event closes them. */
static void *sweep(void *arg)
{
	struct server *s = arg;
	struct pollfd pfd = { .fd = s->stop, .events = POLLIN };

	while (poll(&pfd, 1, SWEEP_MS) <= 0) {
		pthread_mutex_lock(&s->lock);
		int64_t now = now_ms();
		for (struct conn *c = s->conns.next; c != &s->conns; c = c->next)
			if (c->armed && now - c->since_ms > (c->len ? SLOW_MS : IDLE_MS))
				shutdown(c->fd, SHUT_RDWR);
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}

static int listen_on(const char *host, unsigned port, unsigned *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	socklen_t len = sizeof(a);
	int on = 1, fd;

	if (inet_pton(AF_INET, host, &a.sin_addr) != 1 || port > 65535) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 512) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0) {
		int e = errno;
		close(fd);
		errno = e;
		return -1;
	}
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static bool start_threads(struct server *s)
{
	pthread_attr_t attr;
	bool ok;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	s->has_sweeper = ok = pthread_create(&s->sweeper, &attr, sweep, s) == 0;
	while (ok && s->thread_count < s->config.threads) {
		ok = pthread_create(&s->threads[s->thread_count], &attr, work, s) == 0;
		s->thread_count += ok;
	}
	pthread_attr_destroy(&attr);
	return ok;
}

struct server *server_new(const struct server_config *config)
{
	struct server *s = calloc(1, sizeof(*s) + config->threads * sizeof(s->threads[0]));

	if (!s)
		return NULL;
	s->config = *config;
	pthread_mutex_init(&s->lock, NULL);
	s->conns.next = s->conns.prev = &s->conns;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->stop = eventfd(0, EFD_CLOEXEC);
	s->listener = listen_on(config->host, config->port, &s->port);
	if (s->listener >= 0 && s->epoll >= 0 && s->stop >= 0) {
		struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT };
		ev.data.ptr = &s->listener;
		epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &ev);
		ev = (struct epoll_event){ .events = EPOLLIN, .data.ptr = &s->stop };
		epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->stop, &ev);
		if (start_threads(s))
			return s;
		errno = EAGAIN;
	}
	int e = errno;
	server_free(s);
	errno = e;
	return NULL;
}

unsigned server_port(const struct server *s)
{
	return s->port;
}

void server_drain(struct server *s)
{
	atomic_store(&s->last_ms, now_ms());
	atomic_store(&s->draining, true);
}

bool server_draining(const struct server *s)
{
	return atomic_load(&s->draining);
}

bool server_wait_quiet(struct server *s, unsigned quiet_ms, unsigned limit_ms)
{
	int64_t start = now_ms();

	for (;;) {
		int64_t now = now_ms();
		bool idle = atomic_load(&s->running) == 0;
		if (idle && now - atomic_load(&s->last_ms) >= quiet_ms)
			return true;
		if (now - start >= limit_ms)
			return idle;
		sleep_ms(10);
	}
}

void server_free(struct server *s)
{
	if (!s)
		return;
	if (s->listener >= 0 && s->epoll >= 0)
		epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->listener, NULL);
	if (s->stop >= 0)
		eventfd_write(s->stop, 1); /* never read: wakes every thread */
	for (unsigned i = 0; i < s->thread_count; i++)
		pthread_join(s->threads[i], NULL);
	if (s->has_sweeper)
		pthread_join(s->sweeper, NULL);
	while (s->conns.next != &s->conns)
		conn_close(s, s->conns.next);
	if (s->listener >= 0)
		close(s->listener);
	if (s->epoll >= 0)
		close(s->epoll);
	if (s->stop >= 0)
		close(s->stop);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
