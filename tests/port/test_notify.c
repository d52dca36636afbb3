/* One suite for all notifiers; what a webhook says, and how it takes answers. And the HTTP
 * client below it. */
#include "port/web_kit.h"

#include "base/json.h"
#include "flow/6-watch/adapters_watch.h"
#include "io/http.h"

#include <sys/un.h>

/* A server for one request after the other, which answers what it is told and keeps what it got. */
struct sink {
	int fd, port;
	const char *answer; /* NULL: takes the request and says nothing */
	char got[1 << 20];
	size_t n;
	uint32_t requests;
	pthread_t thread;
};
static struct sink sink;

static void take_one(int fd)
{
	const char *end = NULL, *length;
	size_t want = 0;
	ssize_t k;

	sink.n = 0;
	while (sink.n < sizeof(sink.got) - 1 &&
	       (k = recv(fd, sink.got + sink.n, sizeof(sink.got) - 1 - sink.n, 0)) > 0) {
		sink.n += (size_t)k;
		sink.got[sink.n] = '\0';
		end = strstr(sink.got, "\r\n\r\n");
		length = strcasestr(sink.got, "content-length:");
		want = end ? (size_t)(end + 4 - sink.got) +
				       (length ? strtoul(length + 15, NULL, 10) : 0)
			   : SIZE_MAX;
		if (sink.n >= want)
			break;
	}
	__atomic_fetch_add(&sink.requests, 1, __ATOMIC_SEQ_CST);
	if (sink.answer) {
		size_t n = strlen(sink.answer), sent = 0;

		while (sent < n && (k = send(fd, sink.answer + sent, n - sent, MSG_NOSIGNAL)) > 0)
			sent += (size_t)k;
	} else {
		while (recv(fd, sink.got, sizeof(sink.got), 0) > 0)
			; /* until the other side has enough */
	}
}

static void *serve(void *arg)
{
	(void)arg;
	for (;;) {
		int fd = accept4(sink.fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return NULL;
		take_one(fd);
		close(fd);
	}
}

static int up(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	(void)state;
	memset(&sink, 0, sizeof(sink));
	sink.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	sink.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(sink.fd, (struct sockaddr *)(void *)&a, sizeof(a)), 0);
	assert_int_equal(listen(sink.fd, 16), 0);
	assert_int_equal(getsockname(sink.fd, (struct sockaddr *)(void *)&a, &n), 0);
	sink.port = ntohs(a.sin_port);
	return pthread_create(&sink.thread, NULL, serve, NULL);
}

static int down(void **state)
{
	(void)state;
	shutdown(sink.fd, SHUT_RDWR);
	pthread_join(sink.thread, NULL);
	close(sink.fd);
	return 0;
}

static char text_title[] = "orders takes itself back: \"20 %\" errors\n", text_unit[] = "orders",
	    text_id[] = "inc-1", text_book[] = "docs/runbooks/orders.md", text_actor[] = "engine",
	    text_said[] = "weight 0 ordered";
static struct moment moment_of = {.at = 1700000000000000, .actor = text_actor, .text = text_said};

static struct notice notice_of(struct incident *i)
{
	*i = (struct incident){.id = text_id,
			       .state = INCIDENT_OPEN,
			       .title = text_title,
			       .unit = text_unit,
			       .runbook = text_book,
			       .opened_at = 1700000000000000};
	i->timeline.v = &moment_of;
	i->timeline.n = 1;
	return (struct notice){i, "incident.open", "orders: rolled back at 5 %"};
}

static void line(void *ctx, const struct notify_def *to, const struct notice *what)
{
	strbuf_addf(ctx, "%s %s %s", to->name, what->event, what->text);
}

/* What all have in common: a notice is taken, with an incident or without. */
static void takes(struct notify *n, const struct notify_def *to)
{
	struct incident i;
	struct notice with = notice_of(&i),
		      without = {NULL, "release.live", "release rel-4 is live"};

	OK(notify_send(n, to, &with, &err));
	OK(notify_send(n, to, &without, &err));
	OK(notify_send(n, to, &with, &err));
}

static void test_all(void **state)
{
	char url[64], name[] = "oncall", kind[] = "webhook";
	struct notify_def to = {kind, url, name};
	AUTO(strbuf_done) struct strbuf said = STRBUF(4096);
	struct notify *n = NULL;

	(void)state;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/hook", sink.port);
	OK(notify_fake_new(&n, &err));
	takes(n, &to);
	assert_int_equal(notify_fake_sent(n), 3);
	assert_non_null(strstr(notify_fake_last(n), "\"event\":\"incident.open\""));
	notify_fake_fail(n, 1, 2, RC_UNAVAILABLE);
	struct incident i;
	struct notice what = notice_of(&i);
	OK(notify_send(n, &to, &what, &err));
	FAILS(RC_UNAVAILABLE, "oncall", notify_send(n, &to, &what, &err));
	FAILS(RC_UNAVAILABLE, "oncall", notify_send(n, &to, &what, &err));
	takes(n, &to);
	notify_free(n);

	OK(notify_log_new(line, &said, &n, &err));
	takes(n, &to);
	assert_true(
		str_starts(strbuf_str(&said),
			   "oncall incident.open orders: rolled back at 5 %oncall release.live"));
	notify_free(n);

	OK(notify_webhook_new(&n, &err));
	takes(n, &to);
	assert_int_equal(sink.requests, 3);
	notify_free(n);
}

static void test_webhook_says(void **state)
{
	char url[64], name[] = "oncall", kind[] = "webhook";
	struct notify_def to = {kind, url, name};
	struct notify *n = NULL;
	struct incident i;
	struct notice what = notice_of(&i);
	AUTO(json_freep) struct json *j = NULL;

	(void)state;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/hook?token=abc", sink.port);
	OK(notify_webhook_new(&n, &err));
	OK(notify_send(n, &to, &what, &err));
	assert_true(strncmp(sink.got, "POST /hook?token=abc HTTP/1.1\r\n", 31) == 0);
	assert_non_null(strcasestr(sink.got, "\r\nContent-Type: application/json\r\n"));
	OK(json_read(str_of(strstr(sink.got, "\r\n\r\n") + 4), 1 << 20, &j, &err));
	assert_string_equal(json_get_text(j, "event", ""), "incident.open");
	assert_string_equal(json_get_text(j, "text", ""), "orders: rolled back at 5 %");
	const struct json *in = json_get(j, "incident");
	assert_string_equal(json_get_text(in, "title", ""), text_title);
	assert_string_equal(json_get_text(in, "opened_at", ""), "2023-11-14T22:13:20.000000Z");
	assert_null(json_get(in, "closed_at"));
	assert_string_equal(json_get_text(json_at(json_get(in, "timeline"), 0), "text", ""),
			    text_said);
	notify_free(n);
}

static void test_webhook_answers(void **state)
{
	static const struct {
		const char *answer;
		enum rc rc;
		const char *part;
	} rows[] = {
		{"HTTP/1.1 204 No\r\n\r\n", RC_OK, ""},
		{"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", RC_UNAVAILABLE,
		 "webhook oncall answers 500"},
		{"HTTP/1.1 429 No\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n", RC_UNAVAILABLE,
		 "429"},
		{"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", RC_INVALID,
		 "refuses the notice with 400"},
		{"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", RC_INVALID, "404"},
		{"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", RC_DENIED, "token is not right"},
		{"HTTP/1.1 302 No\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
		 RC_INVALID, "it has moved"},
		{"nonsense\r\n\r\n", RC_UNAVAILABLE, "webhook oncall: 127.0.0.1"},
		{"", RC_UNAVAILABLE, "webhook oncall"},
	};
	char url[64], name[] = "oncall", kind[] = "webhook", odd[] = "file:///etc/passwd",
		      none[] = "";
	struct notify_def to = {kind, url, name};
	struct notify *n = NULL;
	struct incident i;
	struct notice what = notice_of(&i);

	(void)state;
	(void)snprintf(url, sizeof(url), "http://u:hunter2@127.0.0.1:%d/t0ken", sink.port);
	OK(notify_webhook_new(&n, &err));
	for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
		struct err err = {0};

		sink.answer = rows[k].answer;
		CHECK(notify_send(n, &to, &what, &err) == rows[k].rc, rows[k].answer);
		CHECK(strstr(err.msg, rows[k].part), err.msg);
		CHECK(!strstr(err.msg, "hunter2") && !strstr(err.msg, "t0ken"), err.msg);
	}
	to.url = odd;
	FAILS(RC_INVALID, "no http or https URL", notify_send(n, &to, &what, &err));
	to.url = none;
	FAILS(RC_INVALID, "has no URL", notify_send(n, &to, &what, &err));
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:1/");
	to.url = url;
	FAILS(RC_UNAVAILABLE, "127.0.0.1:1", notify_send(n, &to, &what, &err));
	notify_free(n);
}

static bool some(void *ctx, struct str part)
{
	strbuf_addstr(ctx, part);
	return strbuf_str(ctx).n < 4;
}

static void test_http(void **state)
{
	char url[64];
	AUTO(strbuf_done) struct strbuf parts = STRBUF(64);
	struct http_answer a = {0};
	struct http_request q = {.url = url};
	static const char *const bad[] = {"X: a\r\nY: b", NULL}, *const good[] = {"X-Token: 1",
										  NULL};
	usec_t begin;

	(void)state;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/a?b", sink.port);
	sink.answer = "HTTP/1.1 418 T\r\nContent-Type: text/plain\r\nRetry-After: 7\r\n"
		      "Content-Length: 5\r\n\r\nhello";
	q.headers = good;
	OK(http_ask(&q, &a, &err));
	assert_true(a.status == 418 && a.retry_after == 7);
	assert_string_equal(strbuf_cstr(&a.body), "hello");
	assert_string_equal(a.type, "text/plain");
	assert_non_null(strstr(sink.got, "GET /a?b HTTP/1.1\r\n"));
	assert_non_null(strstr(sink.got, "X-Token: 1\r\n"));
	http_answer_done(&a);
	q.max = 4;
	FAILS(RC_TOO_BIG, "above 4 bytes", http_ask(&q, &a, &err));
	q.max = 0;
	q.each = some;
	q.ctx = &parts;
	q.stream = true;
	OK(http_ask(&q, &a, &err));
	assert_true(a.status == 418 && parts.n == 5 && a.body.n == 0);
	http_answer_done(&a);
	q = (struct http_request){.url = url, .headers = bad};
	FAILS(RC_INVALID, "malformed", http_ask(&q, &a, &err));
	q = (struct http_request){.url = url, .method = "DELETE"};
	OK(http_ask(&q, &a, &err));
	assert_non_null(strstr(sink.got, "DELETE /a?b HTTP/1.1\r\n"));
	http_answer_done(&a);
	q = (struct http_request){.url = url, .timeout = 200 * USEC_MS};
	sink.answer = NULL;
	begin = clock_mono();
	FAILS(RC_UNAVAILABLE, "127.0.0.1", http_ask(&q, &a, &err));
	assert_true(clock_mono() - begin < 30 * USEC_SEC);
	q = (struct http_request){.url = "http://penstock/x", .unix_socket = "/nonexistent/socket"};
	FAILS(RC_NOT_FOUND, "/nonexistent/socket", http_ask(&q, &a, &err));
	q = (struct http_request){.url = "gopher://x"};
	FAILS(RC_INVALID, "no http", http_ask(&q, &a, &err));
}

static void test_unix_socket(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct http_answer got = {0};
	struct http_request q = {.url = "http://penstock/healthz", .unix_socket = a.sun_path};
	char dir[] = "/tmp/penstock-http-XXXXXX";
	pthread_t t;
	int tcp = sink.fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s/api.sock", dir);
	sink.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(sink.fd, (struct sockaddr *)(void *)&a, sizeof(a)), 0);
	assert_int_equal(listen(sink.fd, 4), 0);
	assert_int_equal(pthread_create(&t, NULL, serve, NULL), 0);
	OK(http_ask(&q, &got, &err));
	assert_true(got.status == 200 && str_is(strbuf_str(&got.body), "ok"));
	assert_non_null(strstr(sink.got, "GET /healthz HTTP/1.1\r\nHost: penstock\r\n"));
	http_answer_done(&got);
	shutdown(sink.fd, SHUT_RDWR);
	pthread_join(t, NULL);
	close(sink.fd);
	sink.fd = tcp;
	FAILS(RC_NOT_FOUND, "api.sock", http_ask(&q, &got, &err));
	OK(tree_remove(dir, &err));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all, up, down),
		cmocka_unit_test_setup_teardown(test_webhook_says, up, down),
		cmocka_unit_test_setup_teardown(test_webhook_answers, up, down),
		cmocka_unit_test_setup_teardown(test_http, up, down),
		cmocka_unit_test_setup_teardown(test_unix_socket, up, down),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
