/* Takers: bodies piece by piece, refusals before a body, answers from files, tokens of the build caches. */
#include "httpd_kit.h"
#include "known_kit.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/files.h"
#include "io/httpd.h"
#include "io/loop.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>

#define BIG ((size_t)5 << 20)

static char folder[64];
static struct loop *loop;
static struct httpd *server;
static char admin[] = "a", trusted[] = "t", reader[] = "r";
static struct known known[] = {{admin, "token:admin", NULL, false},
			       {trusted, "token:ci", "trusted", false},
			       {reader, "token:pr", "pr/12", true},
			       {0}};

/* ---- a consumer that counts, and may be slow ---- */

static _Atomic uint64_t taken;
static uint64_t sum;
static atomic_int ended, left, waits;
static bool slow;
static size_t refuse_after;

static void go_on(void *arg)
{
	request_more(arg);
}

static size_t piece(void *ctx, struct request *r, struct str bytes)
{
	static unsigned calls;
	size_t n = bytes.n;

	(void)ctx;
	if (slow && calls++ % 4 == 0) { /* now and then it takes a part and says: wait */
		n = bytes.n / 2;
		atomic_fetch_add(&waits, 1);
		loop_at(loop, loop_now(loop) + USEC_MS, go_on, r);
	}
	for (size_t i = 0; i < n; i++)
		sum += (uint8_t)bytes.p[i];
	taken += n;
	if (refuse_after && taken >= refuse_after)
		request_reply(r, 507, "text/plain", STR("full"));
	return n;
}

static void end(void *ctx, struct request *r)
{
	AUTO(freep)
	char *text = xasprintf("taken=%llu sum=%llu", (unsigned long long)taken,
			       (unsigned long long)sum);

	(void)ctx;
	atomic_fetch_add(&ended, 1);
	request_reply(r, 200, "text/plain", str_of(text));
}

static void gone(void *ctx)
{
	(void)ctx;
	atomic_fetch_add(&left, 1);
}

static const struct body_ops body = {piece, end, gone};

static void whole(void *ctx, struct request *r)
{
	AUTO(freep) char *text = xasprintf("whole=%zu", request_body(r).n);

	request_reply(r, 200, "text/plain", ctx ? STR("?") : str_of(text));
}

static void answer_file(struct request *r)
{
	AUTO(freep) char *path = xasprintf("%s/file", folder);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	request_reply_file(r, 200, "application/x-test", fd, 3, BIG);
}

static struct request *kept;
static void answer_kept(void *arg)
{
	(void)arg;
	request_reply(kept, 200, "text/plain", STR("later"));
}

static bool take(void *ctx, struct request *r)
{
	const char *path = request_path(r);

	(void)ctx;
	if (streq(path, "/body")) {
		request_take_body(r, &body, NULL);
	} else if (streq(path, "/whole")) {
		request_take_whole(r, whole, NULL);
	} else if (streq(path, "/refuse")) {
		request_reply(r, 403, "text/plain", STR("no"));
	} else if (streq(path, "/file")) {
		answer_file(r);
	} else if (streq(path, "/later")) {
		kept = r;
		loop_at(loop, loop_now(loop) + 5 * USEC_MS, answer_kept, NULL);
	} else if (streq(path, "/who")) {
		AUTO(freep)
		char *text = xasprintf("actor=%s scope=%s holder=%s ro=%d length=%lld",
				       request_actor(r) ? request_actor(r) : "-",
				       request_scope(r) ? request_scope(r) : "-",
				       request_holder(r) ? request_holder(r) : "-",
				       request_is_read_only(r), (long long)request_length(r));
		request_reply(r, 200, "text/plain", str_of(text));
	} else {
		return false;
	}
	return true;
}

static void handle(void *ctx, struct request *r)
{
	(void)ctx;
	request_reply(r, 200, "text/plain", STR("handler"));
}

/* ---- the world around a case ---- */

static int open_server(void **state)
{
	struct err err = {0};

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test_httpd_XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	taken = sum = refuse_after = 0;
	ended = left = waits = 0;
	slow = false;
	struct httpd_options o = {.any_port = true,
				  .identify = kit_identify,
				  .identify_ctx = known,
				  .handle = handle};
	if (loop_new(&loop, &err) != RC_OK || httpd_new(loop, &o, &server, &err) != RC_OK) {
		print_error("%s\n", err.msg);
		return -1;
	}
	httpd_add_taker(server, take, NULL);
	return 0;
}

static int close_server(void **state)
{
	struct err err = {0};

	(void)state;
	httpd_free(server);
	loop_free(loop);
	return tree_remove(folder, &err) == RC_OK ? 0 : -1;
}

static void (*client_fn)(void);
static void client_done(void *arg)
{
	loop_stop(arg);
}

static void *client_thread(void *arg)
{
	client_fn();
	loop_post(arg, client_done, arg);
	return NULL;
}

static void beside(void (*fn)(void))
{
	pthread_t thread;

	client_fn = fn;
	assert_int_equal(pthread_create(&thread, NULL, client_thread, loop), 0);
	loop_run(loop);
	pthread_join(thread, NULL);
}

static void has(const char *answer, const char *want, const char *why)
{
	if (!strstr(answer, want))
		fail_msg("%s: <%s> is not in <%.500s>", why, want, answer);
}

static void send_bytes(int fd, size_t n)
{
	char bytes[65536];

	memset(bytes, 1, sizeof(bytes));
	while (n) {
		ssize_t k = send(fd, bytes, MIN_OF(n, sizeof(bytes)), MSG_NOSIGNAL);

		if (k <= 0)
			return;
		n -= (size_t)k;
	}
}

/* PUT of n bytes of 1; the answer. */
static char *put(const char *path, const char *extra, size_t n)
{
	struct strbuf answer = STRBUF((size_t)16 << 20);
	int fd = dial_tcp(httpd_port(server));
	AUTO(freep)
	char *head = xasprintf(
		"PUT %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n",
		path, extra, n);

	send_text(fd, head);
	send_bytes(fd, n);
	receive(fd, &answer, NULL);
	close(fd);
	return strbuf_take(&answer);
}

static char *get(const char *method, const char *path, const char *extra)
{
	AUTO(freep)
	char *text = xasprintf("%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", method,
			       path, extra);

	return ask(dial_tcp(httpd_port(server)), text);
}

/* ---- cases ---- */

static void large_client(void)
{
	AUTO(freep) char *answer = put("/body", "", BIG);
	AUTO(freep) char *want = xasprintf("taken=%zu sum=%zu", BIG, BIG);

	has(answer, want, "all of it, once");
}

static void a_body_of_any_size_is_taken_in_pieces(void **state)
{
	(void)state;
	beside(large_client);
	assert_int_equal(ended, 1);
	assert_int_equal(left, 0);
}

static void a_slow_consumer_makes_the_client_wait(void **state)
{
	(void)state;
	slow = true;
	beside(large_client);
	assert_true(waits >= 40);
	assert_int_equal(ended, 1);
}

static void full_client(void)
{
	AUTO(freep) char *answer = put("/body", "", BIG);

	has(answer, "HTTP/1.1 507", "the answer came before the end, and is heard");
}

static void a_consumer_may_answer_in_the_middle(void **state)
{
	(void)state;
	refuse_after = 100000;
	beside(full_client);
	assert_int_equal(ended, 0);
	assert_int_equal(left, 0);
}

static void leaving_client(void)
{
	int fd = dial_tcp(httpd_port(server));

	send_text(fd, "PUT /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
	send_bytes(fd, 1000);
	WAIT_UNTIL(atomic_load(&taken) >= 1000);
	close(fd);
	WAIT_UNTIL(atomic_load(&left));
}

static void a_client_that_leaves_is_noticed(void **state)
{
	(void)state;
	beside(leaving_client);
	assert_int_equal(left, 1);
	assert_int_equal(ended, 0);
}

static int open_fd;
static void open_client(void)
{
	open_fd = dial_tcp(httpd_port(server));
	send_text(open_fd, "PUT /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
	send_bytes(open_fd, 1000);
	WAIT_UNTIL(atomic_load(&taken) >= 1000);
}

static void the_end_of_the_server_ends_bodies(void **state)
{
	(void)state;
	beside(open_client);
	httpd_free(server);
	server = NULL;
	close(open_fd);
	assert_int_equal(left, 1);
	assert_int_equal(ended, 0);
}

static void refusing_client(void)
{
	AUTO(freep) char *auth = xasprintf("Authorization: Bearer %s\r\n", trusted);
	AUTO(freep) char *drained = put("/refuse", auth, BIG);
	AUTO(strbuf_done) struct strbuf got = STRBUF(65536);
	AUTO(freep) char *expecting = NULL;

	has(drained, "HTTP/1.1 403", "one that we know is heard out");
	expecting =
		get("PUT", "/refuse",
		    "Expect: 100-continue\r\nContent-Length: 5242880\r\n"); /* and sends nothing */
	has(expecting, "HTTP/1.1 403", "one that waits hears it at once");
	assert_null(strstr(expecting, "100 Continue"));
	int fd = dial_tcp(httpd_port(server));
	send_text(
		fd,
		"PUT /body HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	receive(fd, &got, "\r\n\r\n");
	has(strbuf_cstr(&got), "HTTP/1.1 100 Continue", "one that is welcome is told so");
	send_text(fd, "ab");
	receive(fd, &got, "taken=2");
	close(fd);
}

static void refusals_are_heard(void **state)
{
	(void)state;
	beside(refusing_client);
}

static void keeping_client(void)
{
	AUTO(strbuf_done) struct strbuf got = STRBUF(65536);
	AUTO(freep) char *auth = xasprintf("Authorization: Bearer %s\r\n", trusted);
	AUTO(freep)
	char *refused = xasprintf(
		"PUT /refuse HTTP/1.1\r\nHost: x\r\n%sContent-Length: 100000\r\n\r\n", auth);
	int fd = dial_tcp(httpd_port(server));

	for (int i = 0; i < 3; i++) {
		send_text(fd, refused);
		send_bytes(fd, 100000);
		receive(fd, &got, "\r\n\r\nno");
		strbuf_clear(&got);
		send_text(fd, "PUT /body HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
		receive(fd, &got, "taken=");
		strbuf_clear(&got);
		send_text(fd, "PUT /whole HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
		receive(fd, &got, "whole=5");
		has(strbuf_cstr(&got), "whole=5", "the same connection");
		strbuf_clear(&got);
		send_text(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
		receive(fd, &got, "later");
		strbuf_clear(&got);
		send_text(fd, "GET /other HTTP/1.1\r\nHost: x\r\n\r\n");
		receive(fd, &got, "handler");
		strbuf_clear(&got);
	}
	close(fd);
	AUTO(freep) char *big = put("/whole", "", ((size_t)1 << 20) + 1);
	has(big, "HTTP/1.1 413", "a whole body has its cap");
}

static void connections_are_kept(void **state)
{
	(void)state;
	beside(keeping_client);
}

static void file_client(void)
{
	AUTO(freep) char *answer = get("GET", "/file", "");
	AUTO(freep) char *head = get("HEAD", "/file", "");
	AUTO(freep) char *length = xasprintf("Content-Length: %zu\r\n", BIG);
	char *at = strstr(answer, "\r\n\r\n");

	has(answer, "Content-Type: application/x-test", "its type");
	has(answer, length, "its length");
	assert_non_null(at);
	assert_int_equal(strspn(at + 4, "f"), BIG);
	has(head, length, "HEAD: the length");
	assert_true(str_ends(str_of(head), "\r\n\r\n"));
}

static void files_are_answers(void **state)
{
	AUTO(freep) char *path = xasprintf("%s/file", folder);
	AUTO(strbuf_done) struct strbuf text = STRBUF(2 * BIG);
	struct err err = {0};

	(void)state;
	strbuf_adds(&text, "abc");
	for (size_t i = 0; i < BIG; i++)
		strbuf_addc(&text, 'f');
	strbuf_adds(&text, "end");
	assert_int_equal(file_write(path, strbuf_str(&text), 0600, &err), RC_OK);
	beside(file_client);
}

static void who_client(void)
{
	AUTO(freep) char *bearer = xasprintf("Authorization: Bearer %s\r\n", trusted);
	AUTO(freep) char *a = get("GET", "/who", bearer);
	AUTO(strbuf_done) struct strbuf pair = STRBUF(1024), basic = STRBUF(1024);

	has(a, "actor=- scope=trusted holder=token:ci ro=0 length=0",
	    "a cache's token is no actor");
	strbuf_addf(&pair, "any:%s", reader);
	strbuf_adds(&basic, "Authorization: Basic ");
	strbuf_add_base64(&basic, pair.p, pair.n);
	strbuf_adds(&basic, "\r\n");
	AUTO(freep) char *b = get("GET", "/who", strbuf_cstr(&basic));
	has(b, "actor=- scope=pr/12 holder=token:pr ro=1", "Basic");
	AUTO(freep) char *c = get("GET", "/who", "Authorization: Basic !!!\r\n");
	has(c, "actor=- scope=-", "no base64");
	AUTO(freep) char *admin_bearer = xasprintf("Authorization: Bearer %s\r\n", admin);
	AUTO(freep) char *d = get("GET", "/who", admin_bearer);
	has(d, "actor=token:admin scope=-", "a token of the API");
	AUTO(freep)
	char *e = get("PUT", "/who", "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n");
	has(e, "length=-1", "chunks have no length");
}

static void tokens_have_scopes(void **state)
{
	(void)state;
	beside(who_client);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_server, close_server)
	const struct CMUnitTest tests[] = {
		CASE(a_body_of_any_size_is_taken_in_pieces),
		CASE(a_slow_consumer_makes_the_client_wait),
		CASE(a_consumer_may_answer_in_the_middle),
		CASE(a_client_that_leaves_is_noticed),
		CASE(the_end_of_the_server_ends_bodies),
		CASE(refusals_are_heard),
		CASE(connections_are_kept),
		CASE(files_are_answers),
		CASE(tokens_have_scopes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
