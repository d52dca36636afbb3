/* The server and the client, over real sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "shared/check.h"
#include "shared/client.h"
#include "shared/server.h"
#include "tests.h"

static atomic_uint handled;

static void echo(void *ctx, const struct http_request *rq, struct http_answer *ret)
{
	(void)ctx;
	atomic_fetch_add(&handled, 1);
	if (span_is(rq->path, "/slow")) {
		struct timespec t = { .tv_nsec = 200000000 };
		nanosleep(&t, NULL);
	}
	if (span_is(rq->path, "/count"))
		text_add(&ret->body, "%zu", rq->body.n);
	else
		text_add(&ret->body, "%.*s:%.*s", (int)rq->path.n, rq->path.p, (int)rq->body.n,
			 rq->body.n ? rq->body.p : "");
}

static struct server *start(void)
{
	atomic_store(&handled, 0);
	return server_new(&(struct server_config){
		.host = "127.0.0.1", .threads = 8, .ident = "test", .handle = echo });
}

static struct client *client_of(const struct server *s, unsigned timeout_ms)
{
	char url[64];
	struct text t = TEXT(url);

	text_add(&t, "http://127.0.0.1:%u", server_port(s));
	return client_new(url, timeout_ms);
}

static int dial(const struct server *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)server_port(s)) };
	struct timeval limit = { .tv_sec = 2 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	CHECK(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	return fd;
}

static void put(int fd, const void *p, size_t n)
{
	CHECK(send(fd, p, n, MSG_NOSIGNAL) >= 0);
}

/* Reads to the end; the bytes, terminated. */
static const char *get_all(int fd)
{
	static char buf[16384];
	size_t n = 0;
	ssize_t r;

	while (n < sizeof(buf) - 1 && (r = recv(fd, buf + n, sizeof(buf) - 1 - n, 0)) > 0)
		n += (size_t)r;
	buf[n] = '\0';
	close(fd);
	return buf;
}

void test_keep_alive(void)
{
	struct server *s = start();
	struct client *c = s ? client_of(s, 1000) : NULL;
	struct client_answer a;

	if (!CHECK(s && c))
		return;
	for (int i = 0; i < 50; i++) {
		CHECK(client_call(c, "POST", "/x", "", span_of("body"), &a));
		CHECK(a.status == 200 && strcmp(a.body, "/x:body") == 0);
	}
	CHECK(!client_new("https://127.0.0.1:1", 1) && !client_new("http://shop.example:80", 1));
	CHECK(!client_new("http://127.0.0.1:0", 1) && !client_new("http://127.0.0.1:80/x", 1));
	client_free(c);
	server_free(s);
}

void test_pipelined(void)
{
	static const char rq[] = "GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nHost: x\r\n"
				 "Content-Length: 2\r\n\r\nhiGET /c HTTP/1.1\r\nHost: x\r\n"
				 "Connection: close\r\n\r\n";
	struct server *s = start();

	if (!CHECK(s != NULL))
		return;
	/* All at once, then byte by byte. */
	for (int step = 0; step < 2; step++) {
		int fd = dial(s);
		for (size_t i = 0; i < sizeof(rq) - 1; i += step ? 1 : sizeof(rq) - 1)
			put(fd, rq + i, step ? 1 : sizeof(rq) - 1);
		const char *got = get_all(fd);
		CHECK(strstr(got, "\r\n\r\n/a:HTTP/1.1 200") && strstr(got, "/b:hiHTTP/1.1 200"));
		CHECK(strstr(got, "Connection: close\r\n\r\n/c:"));
	}
	server_free(s);
}

void test_hostile(void)
{
	static char big[HTTP_HEAD_MAX + 100];
	struct server *s = start();
	int fd;

	if (!CHECK(s != NULL))
		return;
	memset(big, 'a', sizeof(big));
	memcpy(big, "GET / HTTP/1.1\r\nX: ", 19);
	put(fd = dial(s), big, sizeof(big));
	CHECK(strncmp(get_all(fd), "HTTP/1.1 431 ", 13) == 0);
	put(fd = dial(s), "\0\0\0\0", 4);
	CHECK(strncmp(get_all(fd), "HTTP/1.1 400 ", 13) == 0);
	put(fd = dial(s), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n", 52);
	CHECK(strncmp(get_all(fd), "HTTP/1.1 413 ", 13) == 0);
	/* Gone in the middle of a request. */
	for (int i = 0; i < 20; i++) {
		put(fd = dial(s), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab", 50);
		close(fd);
	}
	unsigned seed = 1;
	for (int i = 0; i < 100; i++) {
		char noise[64];
		for (size_t k = 0; k < sizeof(noise); k++)
			noise[k] = (char)((seed = seed * 1103515245 + 12345) >> 16);
		put(fd = dial(s), noise, sizeof(noise));
		close(fd);
	}
	CHECK(atomic_load(&handled) == 0);
	struct client *c = client_of(s, 1000);
	struct client_answer a;
	CHECK(c && client_call(c, "GET", "/still", "", (struct span){ 0 }, &a) && a.status == 200);
	client_free(c);
	server_free(s);
}

void test_big_body(void)
{
	static char body[HTTP_BODY_MAX];
	static const char head[] = "POST /count HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
				   "Expect: 100-continue\r\nContent-Length: 65536\r\n\r\n";
	struct server *s = start();

	if (!CHECK(s != NULL))
		return;
	int fd = dial(s);
	put(fd, head, sizeof(head) - 1);
	put(fd, body, sizeof(body));
	const char *got = get_all(fd);
	CHECK(strncmp(got, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", 40) == 0);
	CHECK(strstr(got, "\r\n\r\n65536"));
	server_free(s);
}

struct caller {
	struct client *client;
	pthread_t thread;
	unsigned good;
};

static void *call_many(void *arg)
{
	struct caller *me = arg;
	struct client_answer a;

	for (int i = 0; i < 100; i++)
		me->good += client_call(me->client, "GET", "/m", "", (struct span){ 0 }, &a) &&
			    a.status == 200;
	return NULL;
}

void test_many_clients(void)
{
	struct server *s = start();
	struct client *c = s ? client_of(s, 2000) : NULL;
	struct caller callers[16] = { 0 };

	if (!CHECK(s && c))
		return;
	for (size_t i = 0; i < 16; i++) {
		callers[i].client = c;
		CHECK(pthread_create(&callers[i].thread, NULL, call_many, &callers[i]) == 0);
	}
	for (size_t i = 0; i < 16; i++) {
		pthread_join(callers[i].thread, NULL);
		CHECK(callers[i].good == 100);
	}
	CHECK(atomic_load(&handled) == 1600);
	client_free(c);
	server_free(s);
}

void test_timeout(void)
{
	struct server *s = start();
	struct client *c = s ? client_of(s, 50) : NULL;
	struct client_answer a;

	if (!CHECK(s && c))
		return;
	CHECK(!client_call(c, "GET", "/slow", "", (struct span){ 0 }, &a) && a.status == 0);
	CHECK(a.error && strcmp(a.error, "no answer in time") == 0);
	CHECK(client_call(c, "GET", "/fast", "", (struct span){ 0 }, &a));
	/* The server goes: the kept connection is found dead, and so is the address. */
	server_free(s);
	CHECK(!client_call(c, "GET", "/fast", "", (struct span){ 0 }, &a));
	CHECK(a.error && strcmp(a.error, "cannot connect") == 0);
	client_free(c);
}

static void *slow_call(void *arg)
{
	struct caller *me = arg;
	struct client_answer a;

	me->good = client_call(me->client, "GET", "/slow", "", (struct span){ 0 }, &a) &&
		   a.status == 200;
	return NULL;
}

void test_drain(void)
{
	struct server *s = start();
	struct client *c = s ? client_of(s, 1000) : NULL;
	struct caller slow = { .client = c };

	if (!CHECK(s && c))
		return;
	CHECK(pthread_create(&slow.thread, NULL, slow_call, &slow) == 0);
	while (atomic_load(&handled) == 0)
		usleep(1000);
	server_drain(s);
	/* New requests are still answered, and each closes its connection. */
	int fd = dial(s);
	put(fd, "GET /new HTTP/1.1\r\nHost: x\r\n\r\n", 30);
	CHECK(strstr(get_all(fd), "Connection: close\r\n\r\n/new:"));
	CHECK(!server_wait_quiet(s, 10, 20));
	CHECK(server_wait_quiet(s, 10, 1000));
	pthread_join(slow.thread, NULL);
	CHECK(slow.good == 1);
	client_free(c);
	server_free(s);
}
