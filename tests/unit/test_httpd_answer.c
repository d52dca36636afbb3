/* Answers: headers for browsers, tags, compression, embedded files, cookies; no end of queries. */
#include "httpd_world.h"
#include "base/digest.h"

#include <stdatomic.h>
#include <zlib.h>

static char large[300 * 1024];
static const struct reply_static page = {
	.plain = {"<p>plain", 8}, .gzip = {"GZ", 2}, .brotli = {"BR", 2}};
static const struct reply_static asset = {.plain = {"asset", 5}, .etag = "0123456789abcdef"};

static void set_cookies(struct request *r)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(4096);
	struct str found = request_cookie(r, "s");
	const struct set_cookie good = {.name = "s", .value = "v1", .seconds = 60},
				lax = {.name = "state", .value = "x", .path = "/api", .lax = true},
				gone = {.name = "old"}, bad = {.name = "s", .value = "a;b"},
				name = {.name = "a b", .value = "1"},
				path = {.name = "a", .value = "1", .path = "/;x"};

	CHECK(request_set_cookie(r, &good), "good");
	CHECK(request_set_cookie(r, &lax), "lax");
	CHECK(request_set_cookie(r, &gone), "gone");
	CHECK(!request_set_cookie(r, &bad), "a value that would be two");
	CHECK(!request_set_cookie(r, &name), "a name that is none");
	CHECK(!request_set_cookie(r, &path), "a path that is none");
	strbuf_adds(&text, "cookie=");
	strbuf_addstr(&text, found.p ? found : STR("-"));
	request_reply(r, 200, "text/plain", strbuf_str(&text));
}

static void handle(void *ctx, struct request *r)
{
	const char *path = request_path(r);

	(void)ctx;
	if (streq(path, "/page"))
		request_reply_static(r, "text/html", &page, REPLY_PAGE);
	else if (streq(path, "/asset"))
		request_reply_static(r, "text/css", &asset, REPLY_IMMUTABLE);
	else if (streq(path, "/json"))
		request_reply_etag(r, 200, "application/json", STR("{\"a\":1}\n"), 0);
	else if (streq(path, "/failed"))
		request_reply_etag(r, 404, "application/json", STR("{\"a\":1}\n"), REPLY_GZIP);
	else if (streq(path, "/large"))
		request_reply_etag(r, 200, "application/json", (struct str){large, sizeof(large)},
				   REPLY_GZIP);
	else if (streq(path, "/medium"))
		request_reply_etag(r, 200, "application/json", (struct str){large, 20000},
				   REPLY_GZIP);
	else if (streq(path, "/large-plain"))
		request_reply_etag(r, 200, "application/json", (struct str){large, sizeof(large)},
				   0);
	else if (streq(path, "/cookies"))
		set_cookies(r);
	else if (streq(path, "/refused"))
		request_refuse(r, 503, RC_UNAVAILABLE, 7, "say \"please\"");
	else {
		request_add_header(r, "cache-control", "max-age=5");
		request_add_header(r, "Content-Security-Policy", "sandbox");
		request_reply(r, 200, "text/plain", STR("own headers"));
	}
}

static bool behind_tls;

static int open_server(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (char)('a' + i * i % 23);
	return world_folder() ||
	       world_open((struct httpd_options){.handle = handle, .behind_tls = behind_tls});
}

/* The body of an answer of a length that is told. */
static struct str body_of(const char *answer)
{
	const char *p = strstr(answer, "\r\n\r\n");

	assert_non_null(p);
	return str_of(p + 4);
}

static char *header_of(const char *answer, const char *name)
{
	AUTO(freep) char *at = xasprintf("\r\n%s: ", name);
	const char *p = strstr(answer, at);

	if (!p)
		fail_msg("no %s in <%.1000s>", name, answer);
	p += strlen(at);
	return xstrndup(p, strcspn(p, "\r"));
}

static void security_client(void)
{
	AUTO(freep) char *json = by_tcp("GET /json", "");
	AUTO(freep) char *shown = by_tcp("GET /page", "");
	AUTO(freep) char *own = by_tcp("GET /own", "");
	AUTO(freep) char *refused = by_tcp("GET /refused", "");
	const char *all[] = {json, shown, own, refused};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		has(all[i], "\r\nX-Content-Type-Options: nosniff\r\n", "each");
		has(all[i], "\r\nReferrer-Policy: no-referrer\r\n", "each");
		has(all[i], "\r\nX-Frame-Options: DENY\r\n", "each");
		has(all[i], "\r\nCross-Origin-Opener-Policy: same-origin\r\n", "each");
		has(all[i], "\r\nCross-Origin-Resource-Policy: same-origin\r\n", "each");
		lacks(all[i], "Strict-Transport-Security", "not by TLS");
	}
	has(json, "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n",
	    "data");
	has(shown, "Content-Security-Policy: default-src 'none'; script-src 'self'; ", "page");
	lacks(shown, "unsafe", "page");
	has(own, "\r\ncache-control: max-age=5\r\n", "its own");
	has(own, "\r\nContent-Security-Policy: sandbox\r\n", "its own");
	lacks(own, "no-store", "not twice");
	lacks(own, "default-src", "not twice");
	has(refused, "HTTP/1.1 503", "refused");
	has(refused, "\r\nRetry-After: 7\r\n", "refused");
	has(refused, "\r\nContent-Type: application/problem+json\r\n", "refused");
	has(refused, "\"status\":503,\"code\":\"unavailable\",\"detail\":\"say \\\"please\\\"\"",
	    "refused");
}

static void browsers_are_told(void **state)
{
	(void)state;
	beside(security_client);
}

static void tag_client(void)
{
	AUTO(freep) char *first = by_tcp("GET /json", "");
	AUTO(freep) char *tag = header_of(first, "ETag");
	AUTO(freep) char *again = xasprintf("If-None-Match: \"other\", %s\r\n", tag);
	AUTO(freep) char *unchanged = by_tcp("GET /json", again);
	AUTO(freep) char *other = by_tcp("GET /json", "If-None-Match: \"other\"\r\n");
	AUTO(freep) char *failed = by_tcp("GET /failed", again);
	AUTO(freep) char *head = by_tcp("HEAD /json", "");

	has(first, "HTTP/1.1 200", "first");
	has(first, "\r\nCache-Control: private, no-cache\r\n", "first");
	assert_true(str_is(body_of(first), "{\"a\":1}\n"));
	has(unchanged, "HTTP/1.1 304", "unchanged");
	has(unchanged, tag, "unchanged");
	has(unchanged, "\r\nCache-Control: private, no-cache\r\n", "unchanged");
	assert_int_equal(body_of(unchanged).n, 0);
	has(unchanged, "\r\nContent-Length: 8\r\n", "the length of what the client has");
	has(other, "HTTP/1.1 200", "another tag");
	has(failed, "HTTP/1.1 404", "a failure has no tag");
	lacks(failed, "ETag", "a failure has no tag");
	has(failed, "no-store", "a failure is not kept");
	has(head, tag, "HEAD");
	has(head, "\r\nContent-Length: 8\r\n", "HEAD");
	assert_int_equal(body_of(head).n, 0);
}

/* The connection goes on after a 304, packed or not. */
static void kept_client(void)
{
	int fd = dial_tcp(httpd_port(world.server));

	for (int i = 0; i < 4; i++) {
		AUTO(strbuf_done) struct strbuf got = STRBUF(65536);

		send_text(fd, "GET /medium HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n");
		send_text(fd, i % 2 ? "Accept-Encoding: gzip\r\n\r\n" : "\r\n");
		receive(fd, &got, "\r\n\r\n");
		has(strbuf_cstr(&got), "HTTP/1.1 304", "again");
		has(strbuf_cstr(&got), i % 2 ? "-gz\"" : "\r\nContent-Length: 20000\r\n", "again");
		assert_true(str_ends(strbuf_str(&got), "\r\n\r\n"));
	}
	/* What came in chunks has a length that nobody knows: neither that nor chunks after the 304. */
	AUTO(strbuf_done) struct strbuf got = STRBUF(65536);
	send_text(fd, "GET /large HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n"
		      "Accept-Encoding: gzip\r\n\r\n");
	receive(fd, &got, NULL);
	has(strbuf_cstr(&got), "HTTP/1.1 304", "large");
	lacks(strbuf_cstr(&got), "Content-Length", "large");
	lacks(strbuf_cstr(&got), "chunked", "large");
	assert_true(str_ends(strbuf_str(&got), "\r\n\r\n"));
	close(fd);
}

static void a_connection_outlives_304(void **state)
{
	(void)state;
	beside(kept_client);
}

static void what_is_known_is_not_sent(void **state)
{
	(void)state;
	beside(tag_client);
}

/* The answer's bytes, and how many of them came; chunks are put together. */
static void fetch(const char *path, const char *headers, struct strbuf *head, struct strbuf *body)
{
	AUTO(freep)
	char *text = xasprintf("GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", path,
			       headers);
	AUTO(strbuf_done) struct strbuf all = STRBUF((size_t)16 << 20);
	int fd = dial_tcp(httpd_port(world.server));

	send_text(fd, text);
	receive(fd, &all, NULL);
	close(fd);
	const char *end = strstr(strbuf_cstr(&all), "\r\n\r\n");
	assert_non_null(end);
	strbuf_add(head, all.p, (size_t)(end + 2 - all.p));
	struct str left = {end + 4, all.n - (size_t)(end + 4 - all.p)};
	if (!strstr(strbuf_cstr(head), "chunked")) {
		strbuf_addstr(body, left);
		return;
	}
	for (;;) {
		char *rest = NULL;
		size_t n = strtoul(left.p, &rest, 16);

		rest += 2;
		if (!n)
			return;
		strbuf_add(body, rest, n);
		rest += n + 2;
		left = (struct str){rest, left.n - (size_t)(rest - left.p)};
	}
}

static void is_unpacked_to(const struct strbuf *packed, size_t want)
{
	static char out[sizeof(large) + 1];
	z_stream z = {.next_in = (unsigned char *)packed->p,
		      .avail_in = (unsigned)packed->n,
		      .next_out = (unsigned char *)out,
		      .avail_out = sizeof(out)};

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, want);
	assert_memory_equal(out, large, want);
	inflateEnd(&z);
}

static void gzip_client(void)
{
	static const struct {
		const char *why, *path, *accept;
		size_t plain;
		bool packed;
	} cases[] = {
		{"large", "/large", "Accept-Encoding: gzip\r\n", sizeof(large), true},
		{"at once", "/medium", "Accept-Encoding: br, gzip;q=0.1\r\n", 20000, true},
		{"not wanted", "/large", "", sizeof(large), false},
		{"refused", "/large", "Accept-Encoding: gzip;q=0\r\n", sizeof(large), false},
		{"not allowed", "/large-plain", "Accept-Encoding: gzip\r\n", sizeof(large), false},
		{"small", "/failed", "Accept-Encoding: gzip\r\n", 8, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(strbuf_done) struct strbuf head = STRBUF(16384), got = STRBUF(1 << 20);

		fetch(cases[i].path, cases[i].accept, &head, &got);
		CHECK((strstr(head.p, "\r\nContent-Encoding: gzip\r\n") != NULL) == cases[i].packed,
		      cases[i].why);
		CHECK((strstr(head.p, "\r\nVary: Accept-Encoding\r\n") != NULL) ==
			      !streq(cases[i].path, "/large-plain"),
		      cases[i].why);
		if (cases[i].packed) {
			CHECK(got.n < cases[i].plain, cases[i].why);
			is_unpacked_to(&got, cases[i].plain);
			has(head.p, "-gz\"\r\n", cases[i].why);
		} else {
			CHECK(got.n == cases[i].plain, cases[i].why);
		}
	}
	AUTO(freep) char *plain = by_tcp("HEAD /large", "");
	AUTO(freep) char *tag = header_of(plain, "ETag");
	AUTO(freep) char *known = xasprintf("If-None-Match: %s\r\nAccept-Encoding: gzip\r\n", tag);
	AUTO(freep) char *unchanged = by_tcp("GET /large", known);
	has(unchanged, "HTTP/1.1 304", "the same content in another coding");
	has(unchanged, tag, "by the tag that the client has");
}

static void large_answers_are_packed(void **state)
{
	(void)state;
	beside(gzip_client);
}

/* Many at a time, none of which reads: the rest go as they are, and all of it is given back. */
static void many_gzip_client(void)
{
	int fds[80];
	size_t packed = 0;

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = dial_unix(world.socket);
		send_text(fds[i], "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
				  "Accept-Encoding: gzip\r\n\r\n");
	}
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		AUTO(strbuf_done) struct strbuf got = STRBUF(1 << 20);

		receive(fds[i], &got, NULL);
		packed += strstr(strbuf_cstr(&got), "Content-Encoding: gzip") != NULL;
		has(strbuf_cstr(&got), "HTTP/1.1 200", "each is answered");
		close(fds[i]);
	}
	assert_true(packed >= 64 && packed <= ARRAY_LEN(fds));
	AUTO(strbuf_done) struct strbuf head = STRBUF(16384), got = STRBUF(1 << 20);
	fetch("/large", "Accept-Encoding: gzip\r\n", &head, &got);
	has(head.p, "Content-Encoding: gzip", "afterwards");
}

static void packing_has_a_limit(void **state)
{
	(void)state;
	beside(many_gzip_client);
}

static void static_client(void)
{
	AUTO(freep) char *plain = by_tcp("GET /page", "");
	AUTO(freep) char *gz = by_tcp("GET /page", "Accept-Encoding: gzip\r\n");
	AUTO(freep) char *br = by_tcp("GET /page", "Accept-Encoding: gzip, br\r\n");
	AUTO(freep) char *head = by_tcp("HEAD /page", "Accept-Encoding: br\r\n");
	AUTO(freep) char *hashed = by_tcp("GET /asset", "Accept-Encoding: br\r\n");
	AUTO(freep) char *tag = header_of(br, "ETag");
	AUTO(freep) char *known = xasprintf("Accept-Encoding: br\r\nIf-None-Match: %s\r\n", tag);
	AUTO(freep) char *unchanged = by_tcp("GET /page", known);
	AUTO(freep) char *any = by_tcp("GET /asset", "If-None-Match: *\r\n");

	assert_true(str_is(body_of(plain), "<p>plain"));
	has(plain, "\r\nCache-Control: no-cache\r\n", "the page");
	has(plain, "\r\nVary: Accept-Encoding\r\n", "also the plain form");
	lacks(plain, "Content-Encoding", "plain");
	assert_true(str_is(body_of(gz), "GZ"));
	has(gz, "\r\nContent-Encoding: gzip\r\n", "gzip");
	assert_true(str_is(body_of(br), "BR"));
	has(br, "\r\nContent-Encoding: br\r\n", "brotli is preferred");
	has(tag, "-br\"", "each form has its own tag");
	has(head, "\r\nContent-Length: 2\r\n", "HEAD");
	assert_int_equal(body_of(head).n, 0);
	has(unchanged, "HTTP/1.1 304", "unchanged");
	has(unchanged, tag, "unchanged");
	assert_true(str_is(body_of(hashed), "asset"));
	has(hashed, "\r\nCache-Control: public, max-age=31536000, immutable\r\n", "hashed");
	has(hashed, "\r\nETag: \"0123456789abcdef\"\r\n", "the tag that was given");
	lacks(hashed, "Vary", "one form only");
	has(any, "HTTP/1.1 304", "any");
}

static void embedded_files(void **state)
{
	(void)state;
	beside(static_client);
}

static void cookie_client(void)
{
	AUTO(freep) char *answer = by_tcp("GET /cookies", "Cookie: a=b; s=abc\r\n");
	AUTO(freep) char *none = by_unix("GET /cookies");

	has(answer, "cookie=abc", "read");
	has(answer, "\r\nSet-Cookie: s=v1; Path=/; HttpOnly; SameSite=Strict; Max-Age=60", "set");
	has(answer, "\r\nSet-Cookie: state=x; Path=/api; HttpOnly; SameSite=Lax", "set");
	has(answer, "\r\nSet-Cookie: old=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0",
	    "removed");
	assert_int_equal(strstr(answer, "; Secure\r\n") != NULL, behind_tls);
	has(none, "cookie=-", "none");
	lacks(none, "Secure", "the socket has no TLS");
	if (!behind_tls)
		return;
	AUTO(freep) char *strict = by_tcp("GET /json", "Host: ci.example\r\n");
	AUTO(freep) char *local = by_tcp("GET /json", "Host: localhost:7400\r\n");
	has(strict, "\r\nStrict-Transport-Security: max-age=31536000\r\n", "a name of its own");
	lacks(local, "Strict-Transport-Security", "localhost is not ours alone");
}

static void cookies_come_and_go(void **state)
{
	(void)state;
	beside(cookie_client);
}

/* ---- queries ---- */

static void queries_client(void)
{
	for (size_t n = 1; n < 12000; n += n / 3 + 1) { /* more than the headers may have: 431 */
		AUTO(strbuf_done) struct strbuf line = STRBUF(20000);

		strbuf_adds(&line, "GET /json?a=1");
		for (size_t i = 0; i < n; i++)
			strbuf_addc(&line, '&');
		AUTO(freep) char *answer = by_unix(strbuf_cstr(&line));
		has(answer, n < HTTPD_QUERIES ? "HTTP/1.1 200" : "HTTP/1.1 414", "queries");
	}
}

static void many_queries_are_refused_at_once(void **state)
{
	(void)state;
	usec_t began = clock_mono();
	beside(queries_client);
	assert_true(clock_mono() - began < 10 * USEC_SEC);
}

static int open_behind_tls(void **state)
{
	behind_tls = true;
	return open_server(state);
}

static int close_behind_tls(void **state)
{
	behind_tls = false;
	return world_close(state);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_server, world_close)
	const struct CMUnitTest tests[] = {
		CASE(browsers_are_told),
		CASE(what_is_known_is_not_sent),
		CASE(a_connection_outlives_304),
		CASE(large_answers_are_packed),
		CASE(packing_has_a_limit),
		CASE(embedded_files),
		CASE(cookies_come_and_go),
		CASE(many_queries_are_refused_at_once),
		cmocka_unit_test_setup_teardown(cookies_come_and_go, open_behind_tls,
						close_behind_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
