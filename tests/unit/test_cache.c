/* The build caches as their clients see them, and the proxy that no outage reaches: over real sockets, beside the loop. */
#include "httpd_kit.h"
#include "known_kit.h"

#include "api/cache.h"
#include "api/cache_proxy.h"
#include "base/mem.h"
#include "flow/2-build/adapters.h"
#include "io/clock.h"
#include "io/files.h"
#include "io/http.h"
#include "io/httpd.h"
#include "io/loop.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>

#define MAX   ((uint64_t)1 << 20)
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static char folder[64];
static struct loop *loop;
static struct httpd *server;
static struct tool_cache *cache;
static struct cache_service *service;
static struct cache_proxy *proxy;
static char trusted[] = "t", reader[] = "r", pr[] = "p";
static struct known known[] = {{trusted, "token:ci", "trusted", false},
			       {reader, "token:ro", "trusted", true},
			       {pr, "token:pr", "pr/12", false},
			       {0}};
static uint16_t proxy_port;

static void handle(void *ctx, struct request *r)
{
	(void)ctx;
	request_reply(r, 404, "text/plain", STR("nothing"));
}

static int open_world(void **state)
{
	struct err err = {0};

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test_cache_XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	cache = tool_cache_memory_new(MAX);
	struct httpd_options o = {.any_port = true,
				  .identify = kit_identify,
				  .identify_ctx = known,
				  .handle = handle};
	if (loop_new(&loop, &err) != RC_OK || httpd_new(loop, &o, &server, &err) != RC_OK) {
		print_error("%s\n", err.msg);
		return -1;
	}
	service = cache_service_new(loop, cache);
	httpd_add_taker(server, cache_take, service);
	return 0;
}

static int close_world(void **state)
{
	struct err err = {0};

	(void)state;
	if (proxy)
		cache_proxy_stop(proxy);
	httpd_free(server);
	loop_free(loop);
	cache_proxy_free(proxy);
	proxy = NULL;
	cache_service_free(service);
	tool_cache_free(cache);
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

/* ---- a client ---- */

static struct strbuf said; /* the body of the last answer */
static char type[100];

static int ask_at(uint16_t port, const char *method, const char *path, const char *token,
		  struct str body)
{
	AUTO(freep) char *url = xasprintf("http://127.0.0.1:%u%s", port, path);
	AUTO(freep) char *auth = xasprintf("Authorization: Bearer %s", token ? token : "x");
	const char *headers[] = {auth, "x-artifact-duration: 17", "Content-Type: application/json",
				 NULL};
	AUTO(http_answer_done) struct http_answer a = {0};
	struct http_request q = {.method = method,
				 .url = url,
				 .headers = headers,
				 .body = body,
				 .max = (size_t)4 << 20};
	struct err err = {0};

	if (http_ask(&q, &a, &err) != RC_OK)
		fail_msg("%s %s: %s", method, path, err.msg);
	strbuf_done(&said);
	said = STRBUF((size_t)4 << 20);
	strbuf_addstr(&said, strbuf_str(&a.body));
	snprintf(type, sizeof(type), "%s", a.type);
	return a.status;
}

static int get(const char *path, const char *token)
{
	return ask_at(httpd_port(server), "GET", path, token, STR(""));
}
static int put(const char *path, const char *token, struct str body)
{
	return ask_at(httpd_port(server), "PUT", path, token, body);
}
static void says(const char *want)
{
	if (!strstr(strbuf_cstr(&said), want))
		fail_msg("<%s> is not in <%.500s>", want, strbuf_cstr(&said));
}

/* ---- cases ---- */

static void nx_client(void)
{
	assert_int_equal(get("/v1/cache/1", trusted), 404);
	assert_int_equal(put("/v1/cache/1", trusted, STR("one")), 200);
	assert_int_equal(put("/v1/cache/1", trusted, STR("two")), 409);
	assert_int_equal(get("//v1/cache/1", trusted), 200);
	says("one");
	assert_int_equal(put("/v1/cache/2", reader, STR("x")), 403);
	assert_int_equal(get("/v1/cache/2", trusted), 404);
	assert_int_equal(get("/v1/cache/1", reader), 200);
	assert_int_equal(put("/v1/cache/x", trusted, STR("x")), 403);
	assert_int_equal(get("/v1/cache/1", NULL), 401);
	assert_non_null(strstr(type, "text/plain"));
	assert_int_equal(ask_at(httpd_port(server), "DELETE", "/v1/cache/1", trusted, STR("")),
			 405);
}

static void what_nx_takes(void **state)
{
	(void)state;
	beside(nx_client);
}

static void scopes_client(void)
{
	assert_int_equal(put("/v1/cache/1", pr, STR("poison")), 200);
	assert_int_equal(get("/v1/cache/1", trusted), 404);
	assert_int_equal(put("/v1/cache/1", pr, STR("again")), 200);
	assert_int_equal(put("/v1/cache/1", trusted, STR("ours")), 200);
	assert_int_equal(get("/v1/cache/1", pr), 200);
	says("again");
	assert_int_equal(get("/v1/cache/1", trusted), 200);
	says("ours");
	assert_int_equal(put("/v1/cache/2", trusted, STR("ours")), 200);
	assert_int_equal(get("/v1/cache/2", pr), 200);
}

static void pull_requests_do_not_reach_trusted_runs(void **state)
{
	(void)state;
	beside(scopes_client);
}

static void turbo_client(void)
{
	AUTO(strbuf_done) struct strbuf raw = STRBUF(65536);
	AUTO(freep)
	char *request = xasprintf(
		"GET /v8/artifacts/abc?slug=shop HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n",
		trusted);

	assert_int_equal(get("/v8/artifacts/status", trusted), 200);
	says("\"enabled\"");
	assert_int_equal(put("/v8/artifacts/abc?slug=shop", trusted, STR("bytes")), 202);
	assert_int_equal(put("/v8/artifacts/abc?slug=shop", trusted, STR("other")), 202);
	assert_int_equal(get("/v8/artifacts/abc?slug=other", trusted), 404);
	assert_int_equal(put("/v8/artifacts/x", reader, STR("x")), 403);
	says("\"forbidden\"");
	AUTO(freep) char *whole = ask(dial_tcp(httpd_port(server)), request);
	assert_non_null(strstr(whole, "x-artifact-duration: 17\r\n"));
	assert_non_null(strstr(whole, "X-Penstock-Writer: token:ci\r\n"));
	assert_non_null(strstr(whole, "Content-Length: 5\r\n"));
	assert_true(str_ends(str_of(whole), "bytes"));
	assert_int_equal(ask_at(httpd_port(server), "POST", "/v8/artifacts?slug=shop", trusted,
				STR("{\"hashes\":[\"abc\",\"no\",\"../x\"]}")),
			 200);
	says("{\"abc\":{\"size\":5,\"taskDurationMs\":17,\"tag\":\"\"},\"no\":null,\"../x\":null}");
	assert_int_equal(ask_at(httpd_port(server), "POST", "/v8/artifacts", trusted, STR("[]")),
			 400);
	assert_int_equal(ask_at(httpd_port(server), "POST", "/v8/artifacts/events", trusted,
				STR("[{\"event\":\"HIT\"}]")),
			 200);
	AUTO(freep)
	char *preflight =
		ask(dial_tcp(httpd_port(server)),
		    "OPTIONS /v8/artifacts/abc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_non_null(strstr(preflight, "Access-Control-Allow-Headers: Authorization"));
}

static void what_turborepo_takes(void **state)
{
	(void)state;
	beside(turbo_client);
}

/* An ActionResult of one file, or of a folder when tree. */
static void action_of(struct strbuf *to, const char *hex, bool tree)
{
	AUTO(strbuf_done) struct strbuf file = STRBUF(1000);

	strbuf_adds(&file, tree ? "\x1a\x42\x0a\x40" : "\x12\x42\x0a\x40");
	strbuf_adds(&file, hex);
	strbuf_addc(to, tree ? 0x1a : 0x12);
	strbuf_addc(to, (char)file.n);
	strbuf_addstr(to, strbuf_str(&file));
}

#define KEY "1111111111111111111111111111111111111111111111111111111111111111"

static void bazel_client(void)
{
	AUTO(strbuf_done) struct strbuf action = STRBUF(1000);
	AUTO(freep) char *hex = digest_hex_dup(STR("blob"));
	AUTO(freep) char *blob = xasprintf("/main/cas/%s", hex);

	action_of(&action, hex, false);
	assert_int_equal(put("/main/ac/" KEY, trusted, strbuf_str(&action)), 200);
	assert_int_equal(get("/main/ac/" KEY, trusted), 404); /* its blob is not there */
	assert_int_equal(put(blob, trusted, STR("bloc")), 400);
	assert_int_equal(get(blob, trusted), 404);
	assert_int_equal(put(blob, trusted, STR("blob")), 200);
	assert_int_equal(put(blob, trusted, STR("blob")), 200);
	assert_int_equal(get("/main/ac/" KEY, trusted), 404); /* dropped, for good */
	assert_int_equal(put("/main/ac/" KEY, trusted, strbuf_str(&action)), 200);
	assert_int_equal(get("/cache/main/ac/" KEY, trusted), 200);
	assert_int_equal(get("/main/cas/" EMPTY, trusted), 200);
	assert_int_equal(said.n, 0);
	assert_int_equal(put("/main/ac/" KEY, trusted, STR("not an action")), 200); /* there */
	assert_int_equal(put("/other/ac/" KEY, trusted, STR("not an action")), 400);
	/* A result whose blob went makes way for the next one, also unread. */
	AUTO(freep) char *second = digest_hex_dup(STR("second"));
	AUTO(freep) char *second_blob = xasprintf("/main/cas/%s", second);
	struct tool_key k = {TOOL_TRUSTED, "bazel/main/cas", hex};
	struct err err = {0};
	assert_int_equal(tool_cache_forget(cache, &k, &err), RC_OK);
	strbuf_clear(&action);
	action_of(&action, second, false);
	assert_int_equal(put(second_blob, trusted, STR("second")), 200);
	assert_int_equal(put("/main/ac/" KEY, trusted, strbuf_str(&action)), 200);
	assert_int_equal(get("/main/ac/" KEY, trusted), 200);
	assert_memory_equal(said.p, action.p, action.n);
}

static void results_never_name_what_is_not_there(void **state)
{
	(void)state;
	beside(bazel_client);
}

static void tree_client(void)
{
	AUTO(strbuf_done)
	struct strbuf action = STRBUF(1000), tree = STRBUF(1000), node = STRBUF(1000);
	AUTO(freep) char *leaf = digest_hex_dup(STR("leaf"));
	AUTO(freep) char *leaf_path = xasprintf("/main/cas/%s", leaf);

	/* Tree{root: Directory{files: FileNode{digest: {hash}}}} */
	action_of(&node, leaf, false); /* "field 2 {field 2 digest}" */
	node.p[0] = 0x0a;              /* Directory.files */
	strbuf_addc(&tree, 0x0a);
	strbuf_addc(&tree, (char)node.n);
	strbuf_addstr(&tree, strbuf_str(&node));
	AUTO(freep) char *tree_hex = digest_hex_dup(strbuf_str(&tree));
	AUTO(freep) char *tree_path = xasprintf("/main/cas/%s", tree_hex);
	action_of(&action, tree_hex, true);
	assert_int_equal(put(leaf_path, trusted, STR("leaf")), 200);
	assert_int_equal(put("/main/ac/" KEY, trusted, strbuf_str(&action)), 200);
	assert_int_equal(get("/main/ac/" KEY, trusted), 404); /* no Tree */
	assert_int_equal(put(tree_path, trusted, strbuf_str(&tree)), 200);
	assert_int_equal(put("/main/ac/" KEY, trusted, strbuf_str(&action)), 200);
	assert_int_equal(get("/main/ac/" KEY, trusted), 200);
	struct tool_key k = {TOOL_TRUSTED, "bazel/main/cas", leaf};
	struct err err = {0};
	assert_int_equal(tool_cache_forget(cache, &k, &err), RC_OK);
	assert_int_equal(get("/main/ac/" KEY, trusted), 404); /* a leaf of the Tree is lost */
}

static void nor_what_their_trees_name(void **state)
{
	(void)state;
	beside(tree_client);
}

/* What a result names is used with it: it does not go before other things. */
static void touch_client(void)
{
	AUTO(strbuf_done) struct strbuf action = STRBUF(1000);
	AUTO(freep) char *hex = digest_hex_dup(STR("blob"));
	AUTO(freep) char *blob = xasprintf("/main/cas/%s", hex);
	AUTO(freep) char *big = xcalloc(1, 200000);

	action_of(&action, hex, false);
	assert_int_equal(put(blob, trusted, STR("blob")), 200);
	assert_int_equal(put("/main/ac/" KEY, trusted, strbuf_str(&action)), 200);
	for (int i = 0; i < 12; i++) {
		AUTO(freep) char *path = xasprintf("/v1/cache/%d", i);

		assert_int_equal(put(path, trusted, (struct str){big, 200000}), 200);
		assert_int_equal(get("/main/ac/" KEY, trusted), 200);
	}
	assert_int_equal(get(blob, trusted), 200);
	assert_int_equal(get("/v1/cache/0", trusted), 404);
}

static void what_results_name_is_used_with_them(void **state)
{
	(void)state;
	beside(touch_client);
}

static void others_client(void)
{
	AUTO(freep) char *big = xcalloc(1, MAX);

	/* ccache: its manifests are written again, its results are not */
	assert_int_equal(put("/cc/ac/" KEY, trusted,
			     (struct str){"\xcc\xac\x01\x01"
					  "a",
					  5}),
			 200);
	assert_int_equal(put("/cc/ac/" KEY, trusted,
			     (struct str){"\xcc\xac\x01\x01"
					  "b",
					  5}),
			 200);
	assert_int_equal(get("/cc/ac/" KEY, trusted), 200);
	assert_memory_equal(said.p,
			    "\xcc\xac\x01\x01"
			    "b",
			    5);
	assert_int_equal(put("/dd/ac/" KEY, trusted,
			     (struct str){"\xcc\xac\x01\x00"
					  "a",
					  5}),
			 200);
	assert_int_equal(put("/dd/ac/" KEY, trusted,
			     (struct str){"\xcc\xac\x01\x00"
					  "b",
					  5}),
			 200);
	assert_int_equal(get("/dd/ac/" KEY, trusted), 200);
	assert_memory_equal(said.p,
			    "\xcc\xac\x01\x00"
			    "a",
			    5);
	/* moon */
	assert_int_equal(get("/status", trusted), 200);
	assert_int_equal(put("/moon-outputs/ac/" KEY, trusted, STR("{\"outputFiles\":[]}")), 200);
	assert_int_equal(get("/moon-outputs/ac/" KEY, trusted), 200);
	assert_string_equal(type, "application/json");
	/* Gradle */
	assert_int_equal(put("/gradle/0a", trusted, STR("x")), 200);
	assert_int_equal(get("/gradle/0a", trusted), 200);
	assert_int_equal(put("/gradle/0b", trusted, (struct str){big, MAX}), 413);
	assert_int_equal(put("/v1/cache/99", trusted, (struct str){big, MAX}), 403);
	AUTO(freep)
	char *chunked = xasprintf(
		"PUT /gradle/0c HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
		trusted);
	AUTO(freep) char *answer = ask(dial_tcp(httpd_port(server)), chunked);
	assert_non_null(strstr(answer, "HTTP/1.1 400"));
	assert_int_equal(get("/elsewhere", trusted), 404);
	says("nothing");
}

static void what_the_others_take(void **state)
{
	(void)state;
	beside(others_client);
}

/* ---- a store that fails ---- */

static struct tool_cache_ops broken;
static enum rc no_get(struct tool_cache *c, const struct tool_key *k, struct tool_found *ret,
		      struct err *err)
{
	(void)c;
	(void)k;
	(void)ret;
	return err_set(err, RC_UNAVAILABLE, "the disk is gone");
}
static enum rc no_put(struct tool_cache *c, const struct tool_key *k, uint64_t size,
		      struct tool_put **ret, struct err *err)
{
	(void)c;
	(void)k;
	(void)size;
	(void)ret;
	return err_set(err, RC_NO_SPACE, "the disk is full");
}

static void failing_client(void)
{
	assert_int_equal(get("/v1/cache/1", trusted), 404);
	assert_int_equal(put("/v1/cache/1", trusted, STR("x")),
			 403); /* Nx ignores that, and no 5xx */
	assert_int_equal(get("/v8/artifacts/1", trusted), 404);
	assert_int_equal(put("/v8/artifacts/1", trusted, STR("x")), 507);
	assert_int_equal(put("/gradle/1", trusted, STR("x")), 507);
}

static void a_failing_store_fails_no_build(void **state)
{
	(void)state;
	broken = *cache->ops;
	broken.get = no_get;
	broken.put_open = no_put;
	const struct tool_cache_ops *good = cache->ops;
	cache->ops = &broken;
	beside(failing_client);
	cache->ops = good;
}

/* ---- the proxy ---- */

static void open_proxy(uint16_t port, const char *token)
{
	AUTO(freep) char *url = xasprintf("http://127.0.0.1:%u/", port);
	struct cache_proxy_options o = {.server = url,
					.token = token,
					.run = "run-7",
					.spool = folder,
					.patience = USEC_SEC};
	struct err err = {0};

	if (cache_proxy_new(loop, &o, &proxy, &err) != RC_OK)
		fail_msg("%s", err.msg);
	proxy_port = cache_proxy_port(proxy);
}

static int through(const char *method, const char *path, const char *token, struct str body)
{
	return ask_at(proxy_port, method, path, token, body);
}

static void proxy_client(void)
{
	AUTO(freep) char *big = xcalloc(1, 400000);

	assert_int_equal(through("GET", "/v1/cache/1", NULL, STR("")), 404);
	assert_int_equal(through("PUT", "/v1/cache/1", NULL, STR("one")), 200);
	assert_int_equal(through("PUT", "/v1/cache/1", NULL, STR("one")), 409);
	assert_int_equal(through("GET", "/v1/cache/1", NULL, STR("")), 200);
	says("one");
	assert_int_equal(
		through("PUT", "/v8/artifacts/a?slug=shop", NULL, (struct str){big, 400000}), 202);
	assert_int_equal(through("GET", "/v8/artifacts/a?slug=shop", NULL, STR("")), 200);
	assert_int_equal(said.n, 400000);
	AUTO(freep)
	char *whole = ask(
		dial_tcp(proxy_port),
		"HEAD /v8/artifacts/a?slug=shop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_non_null(strstr(whole, "x-artifact-duration: 17\r\n"));
	assert_non_null(strstr(whole, "X-Penstock-Run: run-7\r\n"));
	assert_non_null(strstr(whole, "Content-Length: 400000\r\n"));
	assert_int_equal(through("GET", "/v1/cache/7", NULL, STR("")), 404);
	assert_int_equal(through("GET", "/api/v1/status", NULL, STR("")), 404);
	says("for build caches only");
}

static void the_proxy_passes_on(void **state)
{
	(void)state;
	open_proxy(httpd_port(server), trusted);
	beside(proxy_client);
	assert_int_equal(cache_proxy_counts(proxy).shielded, 0);
	assert_int_equal(cache_proxy_counts(proxy).puts, 2);
}

static void away_client(void)
{
	AUTO(freep) char *big = xcalloc(1, 3000000);

	for (int i = 0; i < 3; i++) {
		assert_int_equal(through("GET", "/v1/cache/1", NULL, STR("")), 404);
		assert_int_equal(through("PUT", "/v1/cache/1", NULL, (struct str){big, 3000000}),
				 200);
		assert_int_equal(through("PUT", "/v8/artifacts/a", NULL, STR("x")), 200);
		assert_int_equal(through("GET", "/v8/artifacts/status", NULL, STR("")), 200);
		says("\"enabled\"");
		assert_int_equal(through("POST", "/v8/artifacts", NULL, STR("{\"hashes\":[]}")),
				 200);
		assert_int_equal(through("GET", "/main/ac/" KEY, NULL, STR("")), 404);
		assert_int_equal(through("GET", "/status", NULL, STR("")), 200);
	}
}

static void the_proxy_answers_when_nobody_else_does(void **state)
{
	uint16_t port = httpd_port(server);

	(void)state;
	httpd_free(server);
	server = NULL;
	open_proxy(port, trusted);
	beside(away_client);
	assert_int_equal(cache_proxy_counts(proxy).shielded, 21);
}

static void refused_client(void)
{
	assert_int_equal(through("GET", "/v1/cache/1", NULL, STR("")), 404);
	assert_int_equal(through("PUT", "/v1/cache/1", NULL, STR("x")), 200);
	assert_int_equal(through("PUT", "/v8/artifacts/a", NULL, STR("x")), 200);
}

static void the_proxy_hides_refusals(void **state)
{
	(void)state;
	open_proxy(httpd_port(server), "pst_wrong");
	beside(refused_client);
}

/* A server that says what it is told to, once a connection. */
static int liar;
static atomic_int asked;
static const char *lie;
static void *lies(void *arg)
{
	char buf[65536];
	int fd;

	(void)arg;
	while ((fd = accept(liar, NULL, NULL)) >= 0) {
		(void)!recv(fd, buf, sizeof(buf), 0);
		atomic_fetch_add(&asked, 1);
		send_text(fd, lie);
		if (!*lie) /* until the other side has enough */
			while (poll(&(struct pollfd){.fd = fd, .events = POLLRDHUP}, 1, 60000) < 0)
				;
		close(fd);
	}
	return NULL;
}

static void lies_client(void)
{
	usec_t begin = clock_mono();

	assert_int_equal(through("GET", "/v1/cache/1", NULL, STR("")), 404);
	assert_true(clock_mono() - begin < 30 * USEC_SEC);
}

static void half_an_answer_is_a_miss(void **state)
{
	static const char *const all[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly the beginning",
		"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 302 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
		"no HTTP at all\r\n\r\n",
		"", /* and never a word: cut off by the proxy's patience */
	};
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t size = sizeof(at);
	pthread_t thread;

	(void)state;
	liar = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(liar, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(liar, 10), 0);
	assert_int_equal(getsockname(liar, (struct sockaddr *)&at, &size), 0);
	lie = all[0];
	asked = 0;
	assert_int_equal(pthread_create(&thread, NULL, lies, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) { /* each time one that does not know it yet */
		lie = all[i];
		open_proxy(ntohs(at.sin_port), trusted);
		beside(lies_client);
		assert_int_equal(cache_proxy_counts(proxy).shielded, 1);
		assert_true(asked >= (int)i + 1);
		cache_proxy_free(proxy);
		proxy = NULL;
	}
	shutdown(liar, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(liar);
}

static void url_is_checked(void **state)
{
	struct cache_proxy_options o = {.server = "ftp://x"};
	struct err err = {0};

	(void)state;
	assert_int_equal(cache_proxy_new(loop, &o, &proxy, &err), RC_INVALID);
	assert_null(proxy);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		CASE(what_nx_takes),
		CASE(pull_requests_do_not_reach_trusted_runs),
		CASE(what_turborepo_takes),
		CASE(results_never_name_what_is_not_there),
		CASE(nor_what_their_trees_name),
		CASE(what_results_name_is_used_with_them),
		CASE(what_the_others_take),
		CASE(a_failing_store_fails_no_build),
		CASE(the_proxy_passes_on),
		CASE(the_proxy_answers_when_nobody_else_does),
		CASE(the_proxy_hides_refusals),
		CASE(half_an_answer_is_a_miss),
		CASE(url_is_checked),
	};

	int code = cmocka_run_group_tests(tests, NULL, NULL);
	strbuf_done(&said);
	return code;
}
