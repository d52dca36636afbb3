/* The load generator against a small server in this process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io/loadgen.h"
#include "io/loadgen_impl.h"

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* ---- the server: one thread, poll(); each whole request head gets its answer ---- */

enum { CONNS = 128 };

struct conn {
	int fd;
	bool answered;
	size_t len;
	char buf[2048];
};

struct server {
	int listener;
	unsigned port;
	pthread_t thread;
	struct pollfd fds[CONNS + 1];
	struct conn conns[CONNS];
	/* Set by the test. */
	atomic_bool stop, stall, close_idle;
	/* Seen by the server. */
	atomic_uint requests, posts, accepted;
};

static const char *answer_for(const char *request)
{
	if (strstr(request, " /missing "))
		return "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
	if (strstr(request, " /broken "))
		return "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n";
	if (strstr(request, " /garbage "))
		return "SSH-2.0-hello\r\n";
	if (strstr(request, " /cut "))
		return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nshort";
	if (strstr(request, " /chunked "))
		return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		       "5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n";
	if (strstr(request, " /close "))
		return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end";
	if (strncmp(request, "HEAD ", 5) == 0)
		return "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
	return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
}

static void drop(struct server *s, int i)
{
	close(s->conns[i].fd);
	s->conns[i] = (struct conn){.fd = -1};
}

/* The request, whose head is whole; how long it is, or 0 when its body is not. */
static size_t request_length(const char *buf, size_t len, const char *head_end)
{
	const char *cl = strstr(buf, "Content-Length: ");
	unsigned body = 0;

	if (cl && cl < head_end)
		sscanf(cl, "Content-Length: %u", &body);
	size_t whole = (size_t)(head_end - buf) + 4 + body;
	return whole <= len ? whole : 0;
}

static void serve(struct server *s, int i)
{
	struct conn *c = &s->conns[i];
	ssize_t n = recv(c->fd, c->buf + c->len, sizeof(c->buf) - 1 - c->len, 0);
	char *end;

	if (n <= 0) {
		drop(s, i);
		return;
	}
	c->len += (size_t)n;
	c->buf[c->len] = '\0';
	while ((end = strstr(c->buf, "\r\n\r\n")) != NULL) {
		size_t whole = request_length(c->buf, c->len, end);
		if (!whole)
			return;
		const char *a = answer_for(c->buf);
		atomic_fetch_add(&s->requests, 1);
		if (strncmp(c->buf, "POST /post?x=1 HTTP/1.1\r\nHost: 127.0.0.1:", 41) == 0 &&
		    strstr(c->buf, "\r\nX-Test: yes\r\nContent-Length: 4\r\n\r\nbody"))
			atomic_fetch_add(&s->posts, 1);
		send(c->fd, a, strlen(a), MSG_NOSIGNAL);
		c->answered = true;
		if (strstr(a, "Connection: close")) {
			drop(s, i);
			return;
		}
		c->len -= whole;
		memmove(c->buf, c->buf + whole, c->len + 1);
	}
}

static void take(struct server *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC), on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	atomic_fetch_add(&s->accepted, 1);
	for (int i = 0; i < CONNS; i++) {
		if (s->conns[i].fd < 0) {
			s->conns[i] = (struct conn){.fd = fd};
			return;
		}
	}
	close(fd);
}

static void *server_run(void *arg)
{
	struct server *s = arg;

	while (!atomic_load(&s->stop)) {
		if (atomic_load(&s->stall)) {
			pause_ms(1);
			continue;
		}
		for (int i = 0; i < CONNS; i++)
			s->fds[i] = (struct pollfd){.fd = s->conns[i].fd, .events = POLLIN};
		s->fds[CONNS] = (struct pollfd){.fd = s->listener, .events = POLLIN};
		poll(s->fds, CONNS + 1, 1);
		for (int i = 0; i < CONNS; i++) {
			if (s->fds[i].revents)
				serve(s, i);
			else if (s->conns[i].answered && atomic_load(&s->close_idle))
				drop(s, i); /* and whoever is sending just now has bad luck */
		}
		if (s->fds[CONNS].revents)
			take(s);
	}
	for (int i = 0; i < CONNS; i++)
		if (s->conns[i].fd >= 0)
			drop(s, i);
	return NULL;
}

static struct server server;

static int set_up(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	memset(&server, 0, sizeof(server));
	for (int i = 0; i < CONNS; i++)
		server.conns[i].fd = -1;
	server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(0, bind(server.listener, (struct sockaddr *)&a, sizeof(a)));
	assert_int_equal(0, listen(server.listener, 128));
	assert_int_equal(0, getsockname(server.listener, (struct sockaddr *)&a, &len));
	server.port = ntohs(a.sin_port);
	assert_int_equal(0, pthread_create(&server.thread, NULL, server_run, &server));
	*state = &server;
	return 0;
}

static int tear_down(void **state)
{
	struct server *s = *state;

	atomic_store(&s->stop, true);
	pthread_join(s->thread, NULL);
	close(s->listener);
	return 0;
}

/* ---- helpers ---- */

static const char *url(const char *path)
{
	static char buf[4][128];
	static unsigned turn;
	char *p = buf[turn++ % 4];

	snprintf(p, sizeof(buf[0]), "http://127.0.0.1:%u%s", server.port, path);
	return p;
}

static struct loadgen *start(const struct loadgen_target *t, size_t n, double rate, unsigned conns)
{
	struct loadgen *lg = NULL;
	char why[256] = "";

	if (loadgen_start(t, n, rate, conns, &lg, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	return lg;
}

/* No new requests; the ones under way are waited for. */
static void finish(struct loadgen *lg, struct loadgen_stats *ret)
{
	loadgen_rate(lg, 0);
	pause_ms(5);
	for (int i = 0; i < 60000; i++) {
		loadgen_snapshot(lg, ret);
		if (ret->pending == 0)
			break;
		pause_ms(1);
	}
	assert_int_equal(0, ret->pending);
	assert_int_equal(ret->due, ret->answered + ret->errors + ret->timeouts + ret->dropped);
	loadgen_stop(lg);
}

static struct loadgen_stats st; /* 11 kB: not on the stack */

/* ---- tests ---- */

static void test_counts(void **state)
{
	struct server *s = *state;
	const struct loadgen_target targets[] = {
		{.url = url("/"), .weight = 6},
		{.url = url("/missing"), .weight = 3},
		{.url = url("/broken")},
	};

	struct loadgen *lg = start(targets, 3, 1000, 16);
	pause_ms(500);
	finish(lg, &st);
	assert_true(st.due >= 400);
	assert_int_equal(st.due, st.answered);
	assert_int_equal(st.answered, atomic_load(&s->requests));
	/* Each ten requests are 6, 3 and 1, whatever the length of the run. */
	assert_in_range(st.status[2] * 10, st.due * 6 - 20, st.due * 6 + 20);
	assert_in_range(st.status[4] * 10, st.due * 3 - 20, st.due * 3 + 20);
	assert_in_range(st.status[5] * 10, st.due - 20, st.due + 20);
	assert_in_range(st.connects, 1, 16);
	assert_int_equal(st.connects, atomic_load(&s->accepted));
}

static void test_bytes(void **state)
{
	struct server *s = *state;
	const struct loadgen_target targets[] = {
		{.method = "POST",
		 .url = url("/post?x=1#y"),
		 .fields = "X-Test: yes\r\n",
		 .body = "body"},
		{.method = "HEAD", .url = url("")},
		{.url = url("/chunked")},
		{.url = url("/close")},
	};

	struct loadgen *lg = start(targets, 4, 400, 8);
	pause_ms(300);
	finish(lg, &st);
	assert_int_equal(st.due, st.status[2]);
	assert_in_range(atomic_load(&s->posts) * 4, st.due - 4, st.due + 4);
	/* Only the answers that say so end their connection. */
	assert_in_range(st.connects, st.due / 4, st.due / 4 + 9);
}

/* Times and rates are right when nothing else runs: where other things do, another try shows it. */
#define TRIES 20

static bool near(double got, double want, double by)
{
	return got >= want - by && got <= want + by;
}

static void test_rate(void **state)
{
	static struct loadgen_stats a, b;
	const struct loadgen_target target = {.url = url("/")};
	static const double rates[] = {2000, 500, 3000, 0};

	(void)state;
	struct loadgen *lg = start(&target, 1, 100, 64);
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		double rate = -1;

		loadgen_rate(lg, rates[i]);
		for (int try = 0; try < TRIES && !near(rate, rates[i], rates[i] * 0.05); try++) {
			pause_ms(20);
			loadgen_snapshot(lg, &a);
			pause_ms(400);
			loadgen_snapshot(lg, &b);
			loadgen_stats_sub(&b, &a, &st);
			rate = (double)st.due * 1e9 / (double)st.time_ns;
		}
		if (!near(rate, rates[i], rates[i] * 0.05))
			fail_msg("wanted %.0f/s, got %.1f/s", rates[i], rate);
	}
	/* Many changes do not stop a slow rate. */
	double want = 1e9, got = 0;
	for (int try = 0; try < TRIES && !near(got, want, 2); try++) {
		loadgen_snapshot(lg, &a);
		for (int i = 0; i < 100; i++) {
			loadgen_rate(lg, 20 + i % 2);
			pause_ms(5);
		}
		loadgen_snapshot(lg, &b);
		loadgen_stats_sub(&b, &a, &st);
		want = 20.5 * (double)st.time_ns / 1e9;
		got = (double)st.due;
	}
	assert_true(near(got, want, 2));
	finish(lg, &st);
	assert_int_equal(st.due, st.status[2]);
}

/* 300 ms of 1000 are lost: a closed loop would show max_inflight slow requests, we show all 300. */
static void test_stall(void **state)
{
	struct server *s = *state;
	const struct loadgen_target target = {.url = url("/")};
	double p50 = 0, p85 = 0;

	for (int try = 0; try < TRIES; try++) {
		struct loadgen *lg = start(&target, 1, 500, 4);

		pause_ms(350);
		atomic_store(&s->stall, true);
		pause_ms(300);
		atomic_store(&s->stall, false);
		pause_ms(350);
		finish(lg, &st);
		assert_int_equal(st.due, st.status[2]);
		assert_true(st.max_us >= 280000);
		/* Latencies grow evenly from 0 to 300 ms over 30 % of the requests. */
		p85 = loadgen_quantile(&st, 0.85);
		p50 = loadgen_quantile(&st, 0.5);
		if (st.max_us <= 600000 && p85 >= 100 && p85 <= 250 && p50 <= 30)
			return;
	}
	fail_msg("p50 %.1f ms, p85 %.1f ms, at most %llu us", p50, p85,
		 (unsigned long long)st.max_us);
}

static void test_timeout(void **state)
{
	struct server *s = *state;
	const struct loadgen_target target = {.url = url("/")};
	struct loadgen *lg;

	atomic_store(&s->stall, true);
	lg = start(&target, 1, 100, 4);
	pause_ms(200);
	finish(lg, &st);
	assert_true(st.due >= 10);
	assert_int_equal(st.due, st.timeouts);
	assert_true(loadgen_quantile(&st, 0.01) > LOADGEN_TIMEOUT_MS * 0.98);
}

static void test_errors(void **state)
{
	const struct loadgen_target bad[] = {{.url = url("/garbage")}, {.url = url("/cut")}};
	const struct loadgen_target mixed[] = {{.url = "http://127.0.0.1:1/"}, {.url = url("/")}};

	(void)state;
	struct loadgen *lg = start(bad, 2, 400, 8);
	pause_ms(200);
	finish(lg, &st);
	assert_true(st.due > 40);
	assert_int_equal(st.due, st.errors);
	/* Nobody listens on port 1. */
	lg = start(mixed, 2, 400, 8);
	pause_ms(200);
	finish(lg, &st);
	assert_true(st.due > 40);
	assert_in_range(st.errors * 2, st.due - 2, st.due + 2);
	assert_int_equal(st.due, st.errors + st.status[2]);
}

/* The server closes kept connections all the time, with requests on their way to them or not. */
static void test_closed_keep_alive(void **state)
{
	struct server *s = *state;
	const struct loadgen_target target = {.url = url("/")};
	struct loadgen *lg;

	atomic_store(&s->close_idle, true);
	lg = start(&target, 1, 500, 32);
	pause_ms(1000);
	for (int i = 0; i < 600; i++, pause_ms(100)) {
		loadgen_snapshot(lg, &st);
		if (st.connects > 50)
			break;
	}
	finish(lg, &st);
	assert_true(st.connects > 50);
	assert_int_equal(0, st.errors);
	assert_int_equal(st.due, st.status[2]);
}

/* The same, without chance: the server closes each connection once, after its first answer and when
 * the second request has come. */
static void *close_after_first(void *arg)
{
	struct server *s = arg;
	static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

	while (!atomic_load(&s->stop)) {
		struct pollfd p = {.fd = s->listener, .events = POLLIN};
		char buf[512];
		if (poll(&p, 1, 1) <= 0)
			continue;
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
		if (recv(fd, buf, sizeof(buf), 0) > 0) {
			atomic_fetch_add(&s->requests, 1);
			send(fd, ok, sizeof(ok) - 1, MSG_NOSIGNAL);
			p = (struct pollfd){.fd = fd, .events = POLLIN};
			while (poll(&p, 1, 1) == 0 && !atomic_load(&s->stop))
				;
		}
		close(fd); /* with the second request unread: a reset */
	}
	return NULL;
}

static int set_up_closing(void **state)
{
	set_up(state);
	atomic_store(&server.stop, true);
	pthread_join(server.thread, NULL);
	atomic_store(&server.stop, false);
	return pthread_create(&server.thread, NULL, close_after_first, &server);
}

static void test_retry_once(void **state)
{
	struct server *s = *state;
	const struct loadgen_target target = {.url = url("/")};
	struct loadgen *lg = start(&target, 1, 100, 1);

	pause_ms(500);
	finish(lg, &st);
	assert_true(st.due > 20);
	assert_int_equal(0, st.errors);
	assert_int_equal(st.due, st.status[2]);
	assert_int_equal(st.due, atomic_load(&s->requests));
	assert_int_equal(st.due, st.retried + 1);
}

static void test_refused(void **state)
{
	static const struct {
		const char *url, *fields, *method;
	} cases[] = {
		{"http://192.0.2.1/", "", "GET"},
		{"http://128.0.0.1:80/", "", "GET"},
		{"http://0.0.0.0:80/", "", "GET"},
		{"http://127.0.0.1.example:80/", "", "GET"},
		{"http://[::2]:80/", "", "GET"},
		{"http://[::ffff:192.0.2.1]/", "", "GET"},
		{"http://user@127.0.0.1/", "", "GET"},
		{"https://127.0.0.1/", "", "GET"},
		{"http://127.0.0.1:0/", "", "GET"},
		{"http://127.0.0.1:65536/", "", "GET"},
		{"http://127.0.0.1:/", "", "GET"},
		{"http://127.0.0.1:8x/", "", "GET"},
		{"http://127.0.0.1/a b", "", "GET"},
		{"http://127.0.0.1/\r\nX: y", "", "GET"},
		{"http:///", "", "GET"},
		{"http://[::1/", "", "GET"},
		{"", "", "GET"},
		{"http://127.0.0.1/", "no colon\r\n", "GET"},
		{"http://127.0.0.1/", "A: b", "GET"},
		{"http://127.0.0.1/", "\r\n", "GET"},
		{"http://127.0.0.1/", "", "get it"},
		{"http://127.0.0.1/", "", ""},
	};
	struct loadgen *lg = NULL;
	char why[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct loadgen_target t = {
			.url = cases[i].url, .fields = cases[i].fields, .method = cases[i].method};
		why[0] = '\0';
		if (loadgen_start(&t, 1, 0, 1, &lg, why, sizeof(why)) == 0)
			fail_msg("%s %s was taken", cases[i].method, cases[i].url);
		assert_null(lg);
		assert_int_equal(0, strncmp(why, "load: ", 6));
	}
	const struct loadgen_target t = {.url = "http://localhost"};
	const struct loadgen_target six = {.url = "http://[::1]:1/"};
	assert_int_equal(-1, loadgen_start(&t, 0, 1, 1, &lg, why, sizeof(why)));
	assert_int_equal(-1, loadgen_start(&t, 1, -1, 1, &lg, why, sizeof(why)));
	assert_int_equal(-1, loadgen_start(&t, 1, 1, 0, &lg, why, sizeof(why)));
	loadgen_stop(start(&t, 1, 0, 1));
	loadgen_stop(start(&six, 1, 10, 1));
	loadgen_stop(NULL);
}

static void test_histogram(void **state)
{
	static struct loadgen_stats one, sum;

	(void)state;
	assert_true(loadgen_quantile(&one, 0.5) <= 0);
	for (uint64_t us = 1; us < 100000000; us += us / 7 + 1) {
		memset(&one, 0, sizeof(one));
		loadgen_record(&one, us);
		double ms = loadgen_quantile(&one, 0.5), want = (double)us / 1000;
		if (ms < want * 0.99 || ms > want * 1.01)
			fail_msg("%.3f ms became %.3f ms", want, ms);
	}
	memset(&one, 0, sizeof(one));
	loadgen_record(&one, UINT64_MAX);
	assert_int_equal(1, one.bucket[LOADGEN_BUCKETS - 1]);
	for (uint64_t us = 1; us <= 100000; us++)
		loadgen_record(&sum, us);
	for (int p = 0; p <= 100; p++) {
		double ms = loadgen_quantile(&sum, p / 100.0);
		assert_true(ms >= p * 0.99 && ms <= p * 1.01 + 0.002);
	}
	loadgen_stats_sub(&sum, &sum, &sum);
	assert_true(loadgen_quantile(&sum, 0.5) <= 0);
}

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void test_answers(void **state)
{
	static const struct {
		const char *bytes;
		enum answer_state fed, ended;
		int status;
		bool close;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ANSWER_DONE, ANSWER_DONE, 200,
		 false},
		{"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", ANSWER_DONE, ANSWER_DONE, 200,
		 true},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n", ANSWER_DONE, ANSWER_DONE,
		 204, false},
		{"HTTP/1.1 200 OK\n\nx", ANSWER_UNTIL_EOF, ANSWER_DONE, 200, true},
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", ANSWER_BODY, ANSWER_BAD, 200,
		 false},
		{CHUNKED "1F\r\n", ANSWER_CHUNK, ANSWER_BAD, 200, false},
		{CHUNKED "0\r\n\r\n", ANSWER_DONE, ANSWER_DONE, 200, false},
		{CHUNKED "zz\r\n", ANSWER_BAD, ANSWER_BAD, 200, false},
		{CHUNKED "ffffffffffffffffff\r\n", ANSWER_BAD, ANSWER_BAD, 200, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", ANSWER_BAD,
		 ANSWER_BAD, 200, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", ANSWER_BAD,
		 ANSWER_BAD, 200, false},
		{"HTTP/1.1 999 OK\r\n", ANSWER_BAD, ANSWER_BAD, 999, false},
		{"HTTP/2 200 OK\r\n", ANSWER_BAD, ANSWER_BAD, 0, false},
		{"", ANSWER_STATUS, ANSWER_BAD, 0, false},
	};
	static struct answer a;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].bytes);
		/* In one piece, and byte by byte. */
		for (size_t step = len ? len : 1; step; step = step > 1 ? 1 : 0) {
			answer_init(&a, false);
			for (size_t at = 0; at < len && a.state < ANSWER_DONE; at += step)
				answer_feed(&a, cases[i].bytes + at, step);
			if (a.state != cases[i].fed || a.status != cases[i].status)
				fail_msg("case %zu: state %d, %d", i, (int)a.state, a.status);
			assert_int_equal(cases[i].close, a.close);
			answer_eof(&a);
			assert_int_equal(cases[i].ended, a.state);
		}
	}
	/* A head without end is refused, whether as one line or as many. */
	answer_init(&a, false);
	answer_feed(&a, "HTTP/1.1 200 OK\r\n", 17);
	for (int i = 0; i < ANSWER_HEAD_MAX; i++)
		answer_feed(&a, "aa", 2);
	assert_int_equal(ANSWER_BAD, a.state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_refused),
		cmocka_unit_test_setup_teardown(test_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stall, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_timeout, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_errors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_closed_keep_alive, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_retry_once, set_up_closing, tear_down),
	};

	return cmocka_run_group_tests_name("loadgen", tests, NULL, NULL);
}
