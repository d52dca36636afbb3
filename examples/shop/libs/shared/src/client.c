#include "shared/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "shared/message.h"

enum { IDLE_MAX = 64, REPLY_MAX = HTTP_HEAD_MAX + 4096 };

struct client {
	struct sockaddr_in addr;
	char host[32];
	unsigned timeout_ms;
	pthread_mutex_t lock;
	unsigned idle_count;
	int idle[IDLE_MAX];
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool parse_base(const char *url, struct client *c)
{
	char host[24];
	unsigned port;
	int used = 0;

	if (sscanf(url, "http://%15[0-9.a-z]:%5u%n", host, &port, &used) != 2 || port == 0 ||
	    port > 65535)
		return false;
	if (url[used] != '\0' && strcmp(url + used, "/") != 0)
		return false;
	const char *ip = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
	c->addr = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct text t = TEXT(c->host);
	text_add(&t, "%s:%u", host, port);
	return !t.failed && inet_pton(AF_INET, ip, &c->addr.sin_addr) == 1;
}

struct client *client_new(const char *base_url, unsigned timeout_ms)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	if (!base_url || !parse_base(base_url, c)) {
		free(c);
		return NULL;
	}
	c->timeout_ms = timeout_ms;
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->idle_count; i++)
		close(c->idle[i]);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* The connection used last is taken first; those that the peer has closed meanwhile are dropped. */
static int take_idle(struct client *c)
{
	for (;;) {
		int fd = -1;
		char byte;

		pthread_mutex_lock(&c->lock);
		if (c->idle_count)
			fd = c->idle[--c->idle_count];
		pthread_mutex_unlock(&c->lock);
		if (fd < 0)
			return -1;
		if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN)
			return fd;
		close(fd);
	}
}

static void give_idle(struct client *c, int fd)
{
	pthread_mutex_lock(&c->lock);
	if (c->idle_count < IDLE_MAX) {
		c->idle[c->idle_count++] = fd;
		fd = -1;
	}
	pthread_mutex_unlock(&c->lock);
	if (fd >= 0)
		close(fd);
}

static bool wait_for(int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = events };
		int64_t left = deadline - now_ms();
		int n = left > 0 ? poll(&pfd, 1, (int)left) : 0;
		if (n > 0)
			return true;
		if (n == 0) {
			errno = ETIMEDOUT;
			return false;
		}
		if (errno != EINTR)
			return false;
	}
}

static int connect_new(struct client *c, int64_t deadline)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, e = 0;
	socklen_t len = sizeof(e);

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&c->addr, sizeof(c->addr)) == 0)
		return fd;
	if (errno == EINPROGRESS && wait_for(fd, POLLOUT, deadline) &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) == 0) {
		if (e == 0)
			return fd;
		errno = e;
	}
	e = errno;
	close(fd);
	errno = e;
	return -1;
}

static bool send_all(int fd, const char *p, size_t n, int64_t deadline)
{
	while (n) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (w > 0) {
			p += w;
			n -= (size_t)w;
		} else if (errno == EAGAIN) {
			if (!wait_for(fd, POLLOUT, deadline))
				return false;
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

/* What became of one try. */
enum outcome { ANSWERED, STALE, FAILED };

static enum outcome finish(const struct http_reply *rp, const char *buf, size_t n, bool eof,
			   struct client_answer *ret, bool *ret_keep)
{
	size_t len = rp->has_length ? rp->body_len : n - rp->head_len;

	if (len >= sizeof(ret->body)) {
		ret->error = "answer is too long";
		return FAILED;
	}
	memcpy(ret->body, buf + rp->head_len, len);
	ret->body[len] = '\0';
	ret->len = len;
	ret->status = rp->status;
	*ret_keep = !eof && rp->keep_alive && rp->has_length && n == rp->head_len + len;
	return ANSWERED;
}

static enum outcome receive(int fd, int64_t deadline, struct client_answer *ret, bool *ret_keep)
{
	char buf[REPLY_MAX];
	size_t n = 0;

	for (;;) {
		struct http_reply rp;
		if (n == sizeof(buf)) {
			ret->error = "answer is too long";
			return FAILED;
		}
		ssize_t r = recv(fd, buf + n, sizeof(buf) - n, MSG_DONTWAIT);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && errno == EAGAIN) {
			if (wait_for(fd, POLLIN, deadline))
				continue;
			ret->error = "no answer in time";
			return FAILED;
		}
		if (r < 0 || (r == 0 && n == 0)) {
			ret->error = "connection closed before the answer";
			return n == 0 ? STALE : FAILED;
		}
		n += (size_t)r;
		int rc = http_parse_reply(buf, n, &rp);
		if (rc == 0 && rp.status < 200) {
			n -= rp.head_len;
			memmove(buf, buf + rp.head_len, n);
			continue;
		}
		if (rc < 0 || (rc == 1 && r == 0)) {
			ret->error = "answer is malformed";
			return FAILED;
		}
		if (rc == 0 && (rp.has_length ? n - rp.head_len >= rp.body_len : r == 0))
			return finish(&rp, buf, n, r == 0, ret, ret_keep);
		if (r == 0) {
			ret->error = "answer is cut short";
			return FAILED;
		}
	}
}

static enum outcome attempt(struct client *c, int fd, struct span request, int64_t deadline,
			    struct client_answer *ret)
{
	bool keep = false;
	enum outcome o;

	if (!send_all(fd, request.p, request.n, deadline)) {
		ret->error = "connection broke while sending";
		o = errno == ETIMEDOUT ? FAILED : STALE;
	} else {
		o = receive(fd, deadline, ret, &keep);
	}
	if (keep)
		give_idle(c, fd);
	else
		close(fd);
	return o;
}

bool client_call(struct client *c, const char *method, const char *path, const char *fields,
		 struct span body, struct client_answer *ret)
{
	char buf[4096];
	struct text rq = TEXT(buf);
	int64_t deadline = now_ms() + c->timeout_ms;
	int fd;

	ret->status = 0;
	ret->len = 0;
	ret->body[0] = '\0';
	ret->error = NULL;
	text_add(&rq, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", method, path, c->host, fields);
	if (body.n)
		text_add(&rq, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body.n);
	text_add(&rq, "\r\n%.*s", (int)body.n, body.n ? body.p : "");
	if (rq.failed || body.n > sizeof(buf)) {
		ret->error = "request is too long";
		return false;
	}
	struct span request = { rq.p, rq.n };
	fd = take_idle(c);
	if (fd >= 0) {
		enum outcome o = attempt(c, fd, request, deadline, ret);
		if (o != STALE)
			return o == ANSWERED;
	}
	fd = connect_new(c, deadline);
	if (fd < 0) {
		ret->error = errno == ETIMEDOUT ? "no connection in time" : "cannot connect";
		return false;
	}
	return attempt(c, fd, request, deadline, ret) == ANSWERED;
}
