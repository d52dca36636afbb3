#include "httpd_kit.h"
#include "known_kit.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/files.h"
#include "io/httpd.h"
#include "io/loop.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

static char folder[64], socket_path[96];
static struct loop *loop;
static struct httpd *server;
static const char token[] = "right";
static struct known known[] = {{token, "token:admin", NULL, false}, {0}};

/* ---- a handler with one path a behaviour ---- */

static struct request *kept;
static atomic_int gone, drained, cuts;
static size_t most; /* connections at a time */
static struct stream *open_stream;

static void answer_kept(void *arg)
{
	(void)arg;
	if (kept)
		request_reply(kept, 200, "text/plain", STR("later"));
	kept = NULL;
}

static void on_drained(void *ctx)
{
	int *left = ctx;

	atomic_fetch_add(&drained, 1);
	if (!left)
		return;
	if ((*left)-- > 0) {
		(void)!stream_write(open_stream, STR("line\n"));
		return;
	}
	stream_end(open_stream);
	open_stream = NULL;
}

static void on_gone(void *ctx)
{
	(void)ctx;
	atomic_fetch_add(&gone, 1);
	open_stream = NULL;
}

static const struct stream_ops ops = {on_drained, on_gone};
static int lines_left;

static void flood(void *arg)
{
	static char block[65536];

	(void)arg;
	memset(block, 'x', sizeof(block) - 1);
	block[sizeof(block) - 1] = '\n';
	while (stream_write(open_stream, (struct str){block, sizeof(block)}))
		;
	atomic_fetch_add(&cuts, 1);
}

static void open_a_stream(struct request *r, int *left)
{
	open_stream = request_stream(r, 200, "text/plain", &ops, left);
	assert_non_null(open_stream);
}

static void handle(void *ctx, struct request *r)
{
	const char *path = request_path(r);
	size_t open = httpd_connections(server);
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)2 << 20);

	(void)ctx;
	most = MAX_OF(most, open);
	if (streq(path, "/later")) {
		kept = r;
		loop_at(loop, loop_now(loop) + 5 * USEC_MS, answer_kept, NULL);
	} else if (streq(path, "/never")) {
		kept = r;
	} else if (streq(path, "/lines")) {
		lines_left = 3;
		open_a_stream(r, &lines_left);
		(void)!stream_write(open_stream, STR("first\n"));
	} else if (streq(path, "/silent")) {
		open_a_stream(r, NULL);
		(void)!stream_write(open_stream, STR("hello\n"));
	} else if (streq(path, "/flood")) {
		open_a_stream(r, NULL);
		loop_post(loop, flood, NULL);
	} else {
		const char *q = request_query(r, "q"), *group = request_group(r, 0);

		strbuf_addf(&text, "%s %s q=%s actor=%s group=%s local=%d body=%zu",
			    request_method(r), path, q ? q : "-",
			    request_actor(r) ? request_actor(r) : "-", group ? group : "-",
			    request_is_local(r), request_body(r).n);
		request_add_header(r, "X-Test", "yes");
		request_reply(r, 200, "text/plain", strbuf_str(&text));
	}
}

/* ---- the world around a case ---- */

static int open_server(void **state)
{
	struct err err = {0};

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test_httpd_XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/s.sock", folder);
	gone = drained = cuts = 0;
	kept = NULL;
	struct httpd_options o = {.socket = socket_path,
				  .any_port = true,
				  .identify = kit_identify,
				  .identify_ctx = known,
				  .handle = handle};
	if (loop_new(&loop, &err) != RC_OK || httpd_new(loop, &o, &server, &err) != RC_OK) {
		print_error("%s\n", err.msg);
		return -1;
	}
	return 0;
}

static int close_server(void **state)
{
	struct err err = {0};

	(void)state;
	httpd_free(server);
	server = NULL;
	if (kept)
		request_reply(kept, 200, "text/plain", STR("to nobody"));
	kept = NULL;
	loop_free(loop);
	return tree_remove(folder, &err) == RC_OK ? 0 : -1;
}

/* Run a client beside the loop, until it is done. */
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

/* ---- cases ---- */

static char *by_tcp(const char *request, const char *bearer)
{
	AUTO(freep)
	char *auth = bearer ? xasprintf("Authorization: Bearer %s\r\n", bearer) : xstrdup("");
	AUTO(freep)
	char *text =
		xasprintf("%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", request, auth);

	return ask(dial_tcp(httpd_port(server)), text);
}

static char *by_unix(const char *request)
{
	AUTO(freep)
	char *text = xasprintf("%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", request);

	return ask(dial_unix(socket_path), text);
}

static void has(const char *answer, const char *want, const char *why)
{
	if (!strstr(answer, want))
		fail_msg("%s: <%s> is not in <%.2000s>", why, want, answer);
}

static void plain_client(void)
{
	AUTO(freep) char *local = by_unix("GET /a%20b%2Fc?q=1%262+3");
	struct passwd *me = getpwuid(getuid());
	AUTO(freep) char *actor = xasprintf("actor=user:%s", me ? me->pw_name : "?");

	has(local, "HTTP/1.1 200", "unix");
	has(local, "GET /a b/c q=1&2 3", "unescaped once");
	has(local, actor, "the kernel names the peer");
	has(local, "local=1", "unix");
	has(local, "X-Test: yes", "header");
	AUTO(freep) char *nobody = by_tcp("GET /x", NULL);
	has(nobody, "actor=- group=- local=0", "no token");
	AUTO(freep) char *wrong = by_tcp("GET /x", "pst_0000");
	has(wrong, "actor=-", "wrong token");
	AUTO(freep) char *good = by_tcp("GET /x", token);
	has(good, "actor=token:admin", "right token");
	AUTO(freep) char *zero = by_unix("GET /a%00b");
	has(zero, "GET /a%00b", "NUL is no part of a text");
}

static void answers_and_knows_its_peers(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(socket_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	beside(plain_client);
}

static void late_client(void)
{
	AUTO(freep) char *later = by_unix("GET /later");

	has(later, "\r\n\r\nlater", "answered when it could be");
}

static void an_answer_may_come_later(void **state)
{
	(void)state;
	beside(late_client);
}

static void caps_client(void)
{
	AUTO(freep) char *big_header = xcalloc(1, 20000);
	AUTO(freep) char *big_body = xcalloc(1, (1 << 20) + 2);

	memset(big_header, 'h', 17000);
	AUTO(freep)
	char *request = xasprintf(
		"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: %s\r\n\r\n", big_header);
	AUTO(freep) char *answer = ask(dial_unix(socket_path), request);
	has(answer, "HTTP/1.1 431", "headers");
	AUTO(freep)
	char *said = ask(
		dial_unix(socket_path),
		"POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1048577\r\n\r\n");
	has(said, "HTTP/1.1 413", "a body that says it is too big");
	memset(big_body, 'b', (1 << 20) + 1);
	AUTO(freep)
	char *chunked = xasprintf(
		"POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
		(1 << 20) + 1, big_body);
	AUTO(freep) char *in_pieces = ask(dial_unix(socket_path), chunked);
	has(in_pieces, "HTTP/1.1 413", "a body that is too big");
	big_body[1 << 20] = 0;
	AUTO(freep)
	char *whole = xasprintf(
		"POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1048576\r\n\r\n%s",
		big_body);
	AUTO(freep) char *fits = ask(dial_unix(socket_path), whole);
	has(fits, "body=1048576", "a body that fits");
	static const char *const twofold[] = {"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
					      "Content-Length: 2\r\nContent-Length: 3\r\n",
					      "Transfer-Encoding: gzip, chunked\r\n"};
	for (size_t i = 0; i < ARRAY_LEN(twofold); i++) {
		AUTO(freep)
		char *head = xasprintf(
			"POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n0\r\n\r\n",
			twofold[i]);
		AUTO(freep) char *unclear = ask(dial_unix(socket_path), head);
		has(unclear, "HTTP/1.1 400", twofold[i]);
	}
	AUTO(freep) char *rubbish = ask(dial_unix(socket_path), "\001\002\003 rubbish\r\n\r\n");
	assert_null(strstr(rubbish, "200"));
}

static void caps_hold(void **state)
{
	(void)state;
	beside(caps_client);
}

static void lines_client(void)
{
	AUTO(freep) char *lines = by_unix("GET /lines");

	has(lines, "Transfer-Encoding: chunked", "no length");
	has(lines, "first\n", "first");
	has(lines, "line\n\r\n0\r\n", "to the end");
}

static void a_stream_is_pulled_to_its_end(void **state)
{
	(void)state;
	beside(lines_client);
	assert_int_equal(drained, 4);
	assert_int_equal(gone, 0);
}

static void leaving_client(void)
{
	AUTO(strbuf_done) struct strbuf got = STRBUF(65536);
	int fd = dial_unix(socket_path);

	send_text(fd, "GET /silent HTTP/1.1\r\nHost: x\r\n\r\n");
	receive(fd, &got, "hello\n");
	close(fd);
	WAIT_UNTIL(atomic_load(&gone));
}

static void a_reader_that_left_is_noticed(void **state)
{
	(void)state;
	beside(leaving_client);
	assert_int_equal(gone, 1);
}

static void slow_client(void)
{
	AUTO(strbuf_done) struct strbuf got = STRBUF((size_t)16 << 20);
	int fd = dial_unix(socket_path);

	send_text(fd, "GET /flood HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	WAIT_UNTIL(atomic_load(&cuts));
	receive(fd, &got, NULL);
	has(strbuf_cstr(&got), "xxx\n\r\n0\r\n", "what it had to take comes, and a clean end");
	close(fd);
}

static void a_slow_reader_is_cut(void **state)
{
	(void)state;
	beside(slow_client);
	assert_int_equal(cuts, 1);
	assert_int_equal(gone, 1);
}

static void many_client(void)
{
	int fds[100];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = dial_unix(socket_path);
		send_text(fds[i], "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
	}
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		AUTO(strbuf_done) struct strbuf got = STRBUF(65536);

		receive(fds[i], &got, "body=0");
		has(strbuf_cstr(&got), "200 OK", "each is answered");
	}
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
}

static void many_at_once(void **state)
{
	(void)state;
	most = 0;
	beside(many_client);
	assert_int_equal(most, 100);
}

static void end_client(void)
{
	AUTO(strbuf_done) struct strbuf got = STRBUF(65536);
	int fd = dial_unix(socket_path), silent = dial_unix(socket_path);

	send_text(silent, "GET /silent HTTP/1.1\r\nHost: x\r\n\r\n");
	receive(silent, &got, "hello\n");
	send_text(fd, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
	WAIT_UNTIL(__atomic_load_n(&kept, __ATOMIC_SEQ_CST));
	/* both stay open: the teardown ends them */
}

static void the_end_leaves_nothing_open(void **state)
{
	(void)state;
	beside(end_client);
	httpd_free(server);
	server = NULL;
	assert_int_equal(gone, 1);
	assert_false(file_exists(socket_path));
	assert_non_null(kept); /* answered by the teardown, to nobody */
}

static void one_daemon_a_socket(void **state)
{
	struct err err = {0};
	struct httpd *second = NULL;
	struct httpd_options o = {.socket = socket_path, .handle = handle};

	(void)state;
	assert_int_equal(httpd_new(loop, &o, &second, &err), RC_CONFLICT);
	assert_non_null(strstr(err.msg, "already"));
	o = (struct httpd_options){.port = httpd_port(server), .handle = handle};
	assert_int_equal(httpd_new(loop, &o, &second, &err), RC_CONFLICT);
	AUTO(freep) char *plain = xasprintf("%s/file", folder);
	assert_int_equal(file_write(plain, STR("mine"), 0600, &err), RC_OK);
	o = (struct httpd_options){.socket = plain, .handle = handle};
	assert_int_equal(httpd_new(loop, &o, &second, &err), RC_CONFLICT);
	assert_true(file_exists(plain));
	AUTO(freep) char *stale = xasprintf("%s/stale", folder);
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	memcpy(at.sun_path, stale, strlen(stale) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	close(fd);
	o.socket = stale;
	assert_int_equal(httpd_new(loop, &o, &second, &err), RC_OK);
	httpd_free(second);
	char longer[200];
	memset(longer, 'a', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = 0;
	o.socket = longer;
	assert_int_equal(httpd_new(loop, &o, &second, &err), RC_TOO_BIG);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_server, close_server)
	const struct CMUnitTest tests[] = {
		CASE(answers_and_knows_its_peers),
		CASE(an_answer_may_come_later),
		CASE(caps_hold),
		CASE(a_stream_is_pulled_to_its_end),
		CASE(a_reader_that_left_is_noticed),
		CASE(a_slow_reader_is_cut),
		CASE(many_at_once),
		CASE(the_end_leaves_nothing_open),
		CASE(one_daemon_a_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
