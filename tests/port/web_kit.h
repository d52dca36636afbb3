/* Small web servers and clients in threads, for the suites of the deploy ports. A server answers
 * with its id; a client counts by id. */
#pragma once
#include "unit/unit.h"

#include "base/mem.h"
#include "base/str.h"
#include "io/clock.h"
#include "io/files.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define OK(call)                                                                   \
	do {                                                                       \
		struct err err = {0};                                              \
		if ((call) != RC_OK)                                               \
			fail_msg("%s: %s", #call, err.msg);                        \
		if (err.rc != RC_OK)                                               \
			fail_msg("%s worked, and still says: %s", #call, err.msg); \
	} while (0)
#define FAILS(want, part, call)                                                \
	do {                                                                   \
		struct err err = {0};                                          \
		enum rc got_ = (call);                                         \
		if (got_ != (want) || !strstr(err.msg, (part)))                \
			fail_msg("%s: %s: %s", #call, rc_name(got_), err.msg); \
	} while (0)

#define WEB_IDS 200

struct web {
	int fd, id;
	uint32_t port;
	uint32_t wait_ms; /* before each answer */
	uint32_t status;  /* 0: 200 */
	bool stopped;
	uint32_t open; /* connections; atomic */
	pthread_t thread;
};
struct web_conn {
	struct web *w;
	int fd;
};

static inline void *web_serve(void *arg)
{
	struct web_conn c = *(struct web_conn *)arg;
	char buf[8192], out[256];
	size_t n = 0;

	free(arg);
	for (;;) {
		ssize_t k = recv(c.fd, buf + n, sizeof(buf) - 1 - n, 0);
		char *end;

		if (k <= 0)
			break;
		n += (size_t)k;
		buf[n] = '\0';
		while ((end = strstr(buf, "\r\n\r\n"))) {
			size_t used = (size_t)(end + 4 - buf);
			bool close_it = strcasestr(buf, "connection: close") != NULL;
			int l;

			if (c.w->wait_ms)
				clock_sleep(c.w->wait_ms * USEC_MS);
			l = snprintf(out, sizeof(out),
				     "HTTP/1.1 %u X\r\nContent-Length: 4\r\n%s\r\n%03d\n",
				     c.w->status ? c.w->status : 200,
				     close_it ? "Connection: close\r\n" : "", c.w->id);
			if (send(c.fd, out, (size_t)l, MSG_NOSIGNAL) < 0 || close_it)
				goto out;
			memmove(buf, buf + used, n - used + 1);
			n -= used;
		}
	}
out:
	close(c.fd);
	__atomic_fetch_sub(&c.w->open, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static inline void *web_accept(void *arg)
{
	struct web *w = arg;

	for (;;) {
		int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);
		struct web_conn *c;
		pthread_t t;

		if (fd < 0)
			return NULL;
		c = xmalloc(sizeof(*c));
		*c = (struct web_conn){w, fd};
		__atomic_fetch_add(&w->open, 1, __ATOMIC_SEQ_CST);
		if (pthread_create(&t, NULL, web_serve, c) == 0)
			pthread_detach(t);
	}
}

/* port 0: any */
static inline void web_start(struct web *w, int id, uint32_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int on = 1;

	*w = (struct web){.id = id, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	assert_true(w->fd >= 0);
	assert_int_equal(setsockopt(w->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(w->fd, (struct sockaddr *)(void *)&a, sizeof(a)), 0);
	assert_int_equal(listen(w->fd, 512), 0);
	assert_int_equal(getsockname(w->fd, (struct sockaddr *)(void *)&a, &n), 0);
	w->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&w->thread, NULL, web_accept, w), 0);
}

static inline void web_stop(struct web *w)
{
	if (w->fd < 0 || w->stopped)
		return;
	w->stopped = true;
	shutdown(w->fd, SHUT_RDWR);
	pthread_join(w->thread, NULL);
	close(w->fd);
	WAIT_UNTIL(!__atomic_load_n(&w->open, __ATOMIC_SEQ_CST));
}

struct web_counts {
	uint64_t asked, ok, bad, by[WEB_IDS];
	char first_bad[160];
};

static inline int web_dial(uint32_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval within = {.tv_sec = 60};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &within, sizeof(within));
	if (connect(fd, (struct sockaddr *)(void *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* One request on a kept connection; *fd is made and closed as needed. A kept connection that was
 * closed before any byte of the answer is no failure (RFC 9110 9.2.2: a client sends a GET again).
 * Returns the id, or -1. */
static inline int web_get(uint32_t port, int *fd, const char *method, struct web_counts *c)
{
	char buf[1024], *end;
	size_t n = 0;
	bool kept = *fd >= 0;
	char ask[128];
	int l = snprintf(ask, sizeof(ask), "%s / HTTP/1.1\r\nHost: test\r\n%s\r\n", method,
			 strcmp(method, "POST") ? "" : "Content-Length: 0\r\n");

	c->asked++;
again:
	if (*fd < 0)
		*fd = web_dial(port);
	while (*fd >= 0 && send(*fd, ask, (size_t)l, MSG_NOSIGNAL) == l) {
		ssize_t k = 0;

		while (n < sizeof(buf) - 1 &&
		       (k = recv(*fd, buf + n, sizeof(buf) - 1 - n, 0)) > 0) {
			int status, id;

			n += (size_t)k;
			buf[n] = '\0';
			end = strstr(buf, "\r\n\r\n");
			if (!end || strlen(end) < 8)
				continue;
			if (strcasestr(buf, "connection: close")) {
				close(*fd);
				*fd = -1;
			}
			if (sscanf(buf, "HTTP/1.%*d %d", &status) == 1 && status == 200 &&
			    sscanf(end, " %d", &id) == 1 && id >= 0 && id < WEB_IDS) {
				c->ok++;
				c->by[id]++;
				return id;
			}
			goto bad;
		}
		if (k == 0 && n == 0 && kept && !strcmp(method, "GET")) {
			close(*fd);
			*fd = -1;
			kept = false;
			goto again;
		}
		break;
	}
bad:
	if (c->bad++ == 0)
		(void)snprintf(c->first_bad, sizeof(c->first_bad), "errno %d, %zu bytes: %.*s",
			       errno, n, (int)(n < 100 ? n : 100), buf);
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return -1;
}

static inline struct web_counts web_ask(uint32_t port, uint32_t n)
{
	struct web_counts c = {0};
	int fd = -1;

	for (uint32_t i = 0; i < n; i++)
		(void)web_get(port, &fd, "GET", &c);
	if (fd >= 0)
		close(fd);
	return c;
}

#define WEB_CLIENTS 4
struct web_load {
	uint32_t port;
	bool stop, posts;
	pthread_t thread[WEB_CLIENTS];
	struct web_counts counts[WEB_CLIENTS];
	uint32_t next;
};

static inline void *web_client(void *arg)
{
	struct web_load *l = arg;
	uint32_t me = __atomic_fetch_add(&l->next, 1, __ATOMIC_SEQ_CST);
	int fd = -1;

	for (uint32_t i = 0; !__atomic_load_n(&l->stop, __ATOMIC_SEQ_CST); i++)
		(void)web_get(l->port, &fd, l->posts && i % 4 == 3 ? "POST" : "GET",
			      &l->counts[me]);
	if (fd >= 0)
		close(fd);
	return NULL;
}

static inline void web_load_start(struct web_load *l, uint32_t port, bool posts)
{
	*l = (struct web_load){.port = port, .posts = posts};
	for (size_t i = 0; i < WEB_CLIENTS; i++)
		assert_int_equal(pthread_create(&l->thread[i], NULL, web_client, l), 0);
}

/* How many were answered well up to now. */
static inline uint64_t web_load_ok(struct web_load *l)
{
	uint64_t n = 0;

	for (size_t i = 0; i < WEB_CLIENTS; i++)
		n += __atomic_load_n(&l->counts[i].ok, __ATOMIC_RELAXED);
	return n;
}

static inline struct web_counts web_load_stop(struct web_load *l)
{
	struct web_counts all = {0};

	__atomic_store_n(&l->stop, true, __ATOMIC_SEQ_CST);
	for (size_t i = 0; i < WEB_CLIENTS; i++) {
		pthread_join(l->thread[i], NULL);
		all.asked += l->counts[i].asked;
		all.ok += l->counts[i].ok;
		all.bad += l->counts[i].bad;
		for (size_t k = 0; k < WEB_IDS; k++)
			all.by[k] += l->counts[i].by[k];
		if (!all.first_bad[0])
			memcpy(all.first_bad, l->counts[i].first_bad, sizeof(all.first_bad));
	}
	return all;
}

/* Each suite has its ports, so that suites can run at the same time: one of ten windows of 300, taken with a lock until the program ends. All are
 * below those that the kernel gives to clients. */
static inline uint32_t web_ports(uint32_t base)
{
	static uint32_t taken;

	for (uint32_t i = 0; i < 10 && !taken; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/tmp/penstock-test-ports.%u", base + i * 300);
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			taken = base + i * 300;
		else if (fd >= 0)
			close(fd);
	}
	if (!taken)
		fail_msg("ten other runs have all ports from %u", base);
	return taken;
}
