#include "shim/replica.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT USEC_SEC

/* Closed only when the next one begins: who still writes a long answer shall not see an error. */
static void part(struct probe *p)
{
	fd_drop(&p->last);
	p->last = p->fd;
	p->fd = -1;
}

static enum probe_result bad(struct probe *p, const char *what, const char *path)
{
	part(p);
	snprintf(p->why, sizeof(p->why), "%s%s%.100s", what, path ? " from " : "",
		 path ? path : "");
	return PROBE_BAD;
}

static enum probe_result good(struct probe *p)
{
	part(p);
	return PROBE_GOOD;
}

static enum probe_result send_request(struct probe *p, uint32_t port, const char *path)
{
	AUTO(freep)
	char *text =
		xasprintf("GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: penstock-probe\r\n"
			  "Accept: */*\r\nConnection: close\r\n\r\n",
			  path, port);
	size_t n = strlen(text);

	while (p->sent < n) {
		ssize_t k = send(p->fd, text + p->sent, n - p->sent, MSG_NOSIGNAL);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 && errno == EAGAIN)
			return PROBE_OPEN;
		if (k < 0)
			return bad(p, strerror(errno), path);
		p->sent += (size_t)k;
	}
	p->events = POLLIN;
	return PROBE_OPEN;
}

/* "HTTP/1.1 200 OK": only the number counts. */
static enum probe_result judge(struct probe *p, const char *path)
{
	uint32_t status = 0;
	struct str line = {p->said, p->nsaid};

	if (!str_starts(line, "HTTP/1.") || p->nsaid < 12 ||
	    !parse_u32((struct str){p->said + 9, 3}, &status))
		return bad(p, "an answer that is not HTTP", path);
	if (status >= 200 && status < 300)
		return good(p);
	char what[32];
	snprintf(what, sizeof(what), "HTTP %u", status);
	return bad(p, what, path);
}

static enum probe_result read_answer(struct probe *p, const char *path)
{
	while (p->nsaid < 12) {
		ssize_t k = recv(p->fd, p->said + p->nsaid, sizeof(p->said) - p->nsaid, 0);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 && errno == EAGAIN)
			return PROBE_OPEN;
		if (k < 0)
			return bad(p, strerror(errno), path);
		if (!k)
			return bad(p, "no answer", path);
		p->nsaid += (size_t)k;
	}
	return judge(p, path);
}

enum probe_result probe_begin(struct probe *p, uint32_t port, const char *path, usec_t now)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	probe_done(p);
	*p = (struct probe){.fd = -1, .last = -1, .until = now + LIMIT, .events = POLLOUT};
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->fd < 0)
		return bad(p, strerror(errno), NULL);
	if (connect(p->fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return path ? send_request(p, port, path) : good(p);
	return errno == EINPROGRESS ? PROBE_OPEN : bad(p, strerror(errno), NULL);
}

enum probe_result probe_go_on(struct probe *p, uint32_t port, const char *path, usec_t now)
{
	if (p->events == POLLOUT) {
		int no = 0;
		socklen_t n = sizeof(no);
		struct pollfd ready = {p->fd, POLLOUT, 0};
		if (poll(&ready, 1, 0) > 0) {
			getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &no, &n);
			if (no) {
				char what[120];
				snprintf(what, sizeof(what), "%s (port %u)", strerror(no), port);
				return bad(p, what, NULL);
			}
			if (!path)
				return good(p);
			enum probe_result r = send_request(p, port, path);
			if (r != PROBE_OPEN)
				return r;
		}
	}
	if (p->events == POLLIN) {
		enum probe_result r = read_answer(p, path);
		if (r != PROBE_OPEN)
			return r;
	}
	return now >= p->until ? bad(p, "no answer within 1 s", path) : PROBE_OPEN;
}

void probe_done(struct probe *p)
{
	char rest[4096];

	for (int i = 0; i < 64 && p->last >= 0 && recv(p->last, rest, sizeof(rest), 0) > 0; i++)
		;
	fd_drop(&p->last);
	fd_drop(&p->fd);
}
