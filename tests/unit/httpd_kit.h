/* A client of the HTTP server under test: plain sockets, from another thread than the loop's. */
#pragma once
#include "unit.h"
#include "base/strbuf.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static inline int dial_unix(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(at.sun_path, path, strlen(path) + 1);
	assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static inline int dial_tcp(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static inline void send_text(int fd, const char *text)
{
	size_t n = strlen(text);

	while (n) {
		ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		text += sent;
		n -= (size_t)sent;
	}
}

/* Append what comes, until `until` stands in it or the server closes. */
static inline void receive(int fd, struct strbuf *to, const char *until)
{
	char bytes[65536];
	ssize_t n;

	while (!(until && strstr(strbuf_cstr(to), until)) &&
	       (n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		strbuf_add(to, bytes, (size_t)n);
}

/* One request on its own connection; the whole answer. */
static inline char *ask(int fd, const char *request)
{
	struct strbuf answer = STRBUF((size_t)16 << 20);

	send_text(fd, request);
	receive(fd, &answer, NULL);
	close(fd);
	return strbuf_take(&answer);
}
