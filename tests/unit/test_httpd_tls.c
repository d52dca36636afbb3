/* TLS of the HTTP server: who gets in by which version, and how certificates change under open connections. */
#include "httpd_world.h"
#include "io/http.h"
#include "tls_kit.h"

#include <stdatomic.h>
#include <sys/resource.h>
#include <utime.h>

#define NEW_ONES "NORMAL"
#define BIG      ((size_t)3 << 20)

static char ca_path[96], certificate_path[96], key_path[96];
static struct authority authority;
static atomic_int n_told, n_bad;
static char last_told[700];
static struct stream *open_stream;
static char *big;

static void told(void *ctx, bool bad, const char *text)
{
	(void)ctx;
	snprintf(last_told, sizeof(last_told), "%s", text);
	n_told++;
	n_bad += bad;
}

static void on_drained(void *ctx)
{
	(void)ctx;
}
static void on_gone(void *ctx)
{
	(void)ctx;
	open_stream = NULL;
}
static const struct stream_ops ops = {on_drained, on_gone};

static void go_on(void *arg)
{
	(void)arg;
	if (!open_stream)
		return;
	(void)!stream_write(open_stream, STR("second\n"));
	stream_end(open_stream);
	open_stream = NULL;
}

static void answer_later(void *arg)
{
	request_reply(arg, 200, "text/plain", STR("later"));
}

static void handle(void *ctx, struct request *r)
{
	const char *path = request_path(r);

	(void)ctx;
	if (streq(path, "/stream")) {
		open_stream = request_stream(r, 200, "text/plain", &ops, NULL);
		(void)!stream_write(open_stream, STR("first\n"));
	} else if (streq(path, "/go-on")) {
		go_on(NULL);
		request_reply(r, 200, "text/plain", STR("gone on"));
	} else if (streq(path, "/later")) {
		loop_at(world.loop, loop_now(world.loop) + 5 * USEC_MS, answer_later, r);
	} else if (streq(path, "/big")) {
		request_reply(r, 200, "text/plain", (struct str){big, BIG});
	} else if (streq(path, "/reload")) {
		httpd_reload(world.server);
		request_reply(r, 200, "text/plain", STR("reloaded"));
	} else {
		AUTO(freep)
		char *text = xasprintf("actor=%s secure=%d body=%zu",
				       request_actor(r) ? request_actor(r) : "-", request_is_tls(r),
				       request_body(r).n);
		request_reply(r, 200, "text/plain", str_of(text));
	}
}

static int open_server(void **state)
{
	static const char *const hosts[] = {NULL};

	(void)state;
	if (world_folder())
		return -1;
	snprintf(ca_path, sizeof(ca_path), "%s/ca.pem", world.folder);
	snprintf(certificate_path, sizeof(certificate_path), "%s/server.pem", world.folder);
	snprintf(key_path, sizeof(key_path), "%s/server.key", world.folder);
	authority_init(&authority, ca_path);
	make_pair(&authority, "ci.example", 30 * 86400, 2, certificate_path, key_path);
	n_told = n_bad = 0;
	open_stream = NULL;
	big = xcalloc(1, BIG);
	memset(big, 'x', BIG);
	return world_open((struct httpd_options){.handle = handle,
						 .certificate = certificate_path,
						 .key = key_path,
						 .loopback = true,
						 .hosts = hosts,
						 .request_time = 2 * USEC_SEC,
						 .told = told});
}

static int close_server(void **state)
{
	authority_done(&authority);
	xfree(big);
	return world_close(state);
}

/* One request by libcurl, which believes our authority only; the body. */
static char *by_curl(const char *path, const char *ca, struct str body, struct err *ret_err)
{
	AUTO(freep)
	char *url = xasprintf("https://127.0.0.1:%u%s", httpd_port(world.server), path);
	AUTO(freep) char *auth = xasprintf("Authorization: Bearer %s", ADMIN_TOKEN);
	const char *headers[] = {auth, NULL};
	AUTO(http_answer_done) struct http_answer a = {0};
	struct http_request q = {
		.url = url, .headers = headers, .ca = ca, .body = body, .max = 8 << 20};

	if (http_ask(&q, &a, ret_err) != RC_OK)
		return xstrdup("");
	return xstrdup(strbuf_cstr(&a.body));
}

static unsigned serial_now(void)
{
	struct tls_client c;

	assert_true(tls_dial(&c, dial_tcp(httpd_port(world.server)), NEW_ONES));
	unsigned serial = c.serial;
	tls_hang_up(&c);
	return serial;
}

/* ---- cases ---- */

static void plain_client(void)
{
	struct err err = {0};
	AUTO(freep) char *body = xcalloc(1, 300001);

	AUTO(freep) char *known = by_curl("/x", ca_path, STR(""), &err);
	assert_string_equal(known, "actor=token:admin secure=1 body=0");
	memset(body, 'b', 300000);
	AUTO(freep) char *sent = by_curl("/x", ca_path, str_of(body), &err);
	assert_string_equal(sent, "actor=token:admin secure=1 body=300000");
	AUTO(freep) char *later = by_curl("/later", ca_path, STR(""), &err);
	assert_string_equal(later, "later");
	AUTO(freep) char *much = by_curl("/big", ca_path, STR(""), &err);
	assert_int_equal(strlen(much), BIG);
	assert_int_equal(err.rc, RC_OK);
	AUTO(freep) char *stranger = by_curl("/x", NULL, STR(""), &err);
	assert_string_equal(stranger, "");
	assert_int_equal(err.rc, RC_UNAVAILABLE);
	AUTO(freep) char *no_file = by_curl("/x", key_path, STR(""), &err);
	assert_string_equal(no_file, "");
	assert_int_equal(err.rc, RC_INVALID);
	has(err.msg, "server.key", "it names the file");
	AUTO(freep) char *clear = by_tcp("GET /x", "");
	lacks(clear, "actor=", "not in the clear");
}

static void speaks_tls_and_nothing_else(void **state)
{
	(void)state;
	beside(plain_client);
}

static void versions_client(void)
{
	static const struct {
		const char *why, *priorities;
		bool want;
	} cases[] = {
		{"1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.3", true},
		{"1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2", true},
		{"1.1", "LEGACY:-VERS-ALL:+VERS-TLS1.1", false},
		{"1.0", "LEGACY:-VERS-ALL:+VERS-TLS1.0", false},
		{"SSL 3", "LEGACY:-VERS-ALL:+VERS-SSL3.0", false},
		{"a cipher without authentication of what it carries",
		 "LEGACY:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC", false},
		{"a key exchange without secrecy afterwards",
		 "LEGACY:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tls_client c;

		CHECK(tls_dial(&c, dial_tcp(httpd_port(world.server)), cases[i].priorities) ==
			      cases[i].want,
		      cases[i].why);
		tls_hang_up(&c);
	}
}

static void old_versions_are_refused(void **state)
{
	(void)state;
	beside(versions_client);
}

static void wait_told(int n)
{
	for (int i = 0; i < 600 && n_told < n; i++)
		clock_sleep(10 * USEC_MS);
	if (n_told < n)
		fail_msg("nothing was told within 6 s (%d of %d)", n_told, n);
}

/* A stream and a kept connection from before the change go on; whoever comes later sees the new certificate. */
static void rotation_client(void)
{
	struct tls_client stream, kept;
	AUTO(strbuf_done) struct strbuf got = STRBUF(65536);
	struct err err = {0};

	assert_true(tls_dial(&stream, dial_tcp(httpd_port(world.server)), NEW_ONES));
	assert_int_equal(stream.serial, 2);
	tls_send(&stream, "GET /stream HTTP/1.1\r\nHost: x.localhost\r\nConnection: close\r\n\r\n");
	tls_receive(&stream, &got, "first\n");
	assert_true(tls_dial(&kept, dial_tcp(httpd_port(world.server)), NEW_ONES));
	make_pair(&authority, "ci.example", 30 * 86400, 3, certificate_path, key_path);
	wait_told(1);
	assert_string_equal(last_told, "the TLS certificate was read anew");
	assert_int_equal(serial_now(), 3);
	AUTO(strbuf_done) struct strbuf answer = STRBUF(65536);
	tls_send(&kept, "GET /go-on HTTP/1.1\r\nHost: ci.example\r\nConnection: close\r\n\r\n");
	tls_receive(&kept, &answer, NULL);
	has(strbuf_cstr(&answer), "gone on", "the kept connection");
	tls_receive(&stream, &got, NULL);
	has(strbuf_cstr(&got), "second\n", "the stream");
	AUTO(freep) char *later = by_curl("/x", ca_path, STR(""), &err);
	has(later, "secure=1", "by the new certificate");
	tls_hang_up(&stream);
	tls_hang_up(&kept);
}

static void a_new_certificate_drops_nobody(void **state)
{
	(void)state;
	beside(rotation_client);
	assert_int_equal(n_bad, 0);
}

static void broken_client(void)
{
	AUTO(freep) char *other = xasprintf("%s/other.key", world.folder);
	AUTO(freep) char *unused = xasprintf("%s/unused.pem", world.folder);
	struct err err = {0};

	/* another key */
	make_pair(&authority, "ci.example", 86400 * 30, 9, unused, other);
	assert_int_equal(rename(other, key_path), 0);
	wait_told(1);
	assert_int_equal(n_bad, 1);
	has(last_told, "the old one stays", "another key");
	has(last_told, "is not the key of the certificate", "another key");
	assert_int_equal(serial_now(), 2);
	/* rubbish */
	assert_int_equal(file_write(certificate_path, STR("rubbish\n"), 0600, &err), RC_OK);
	wait_told(2);
	assert_int_equal(n_bad, 2);
	has(last_told, "server.pem: no chain of certificates", "rubbish");
	assert_int_equal(serial_now(), 2);
	/* expired */
	make_pair(&authority, "ci.example", -60, 4, certificate_path, key_path);
	wait_told(3);
	assert_int_equal(n_bad, 3);
	has(last_told, "has expired", "expired");
	assert_int_equal(serial_now(), 2);
	/* gone */
	assert_int_equal(unlink(certificate_path), 0);
	wait_told(4);
	assert_int_equal(n_bad, 4);
	assert_int_equal(serial_now(), 2);
	/* and a good one at last, at the word of somebody */
	make_pair(&authority, "ci.example", 86400 * 30, 5, certificate_path, key_path);
	AUTO(freep) char *said = by_curl("/reload", ca_path, STR(""), &err);
	assert_string_equal(said, "reloaded");
	assert_int_equal(serial_now(), 5);
	assert_int_equal(n_bad, 4);
}

static void a_broken_pair_changes_nothing(void **state)
{
	(void)state;
	beside(broken_client);
}

static void a_start_needs_a_pair(void **state)
{
	AUTO(freep) char *plain = xasprintf("%s/plain.pem", world.folder);
	AUTO(freep) char *pair_key = xasprintf("%s/pair.key", world.folder);
	AUTO(freep) char *pair = xasprintf("%s/pair.pem", world.folder);
	struct httpd_options o = {.any_port = true, .handle = handle, .told = told};
	struct httpd *second = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(file_write(plain, STR("-----BEGIN X-----\n"), 0600, &err), RC_OK);
	make_pair(&authority, "ci.example", -60, 6, pair, pair_key);
	const struct {
		const char *why, *certificate, *key, *says;
		enum rc want;
	} cases[] = {
		{"no key", certificate_path, NULL, "one is missing", RC_INVALID},
		{"no certificate", NULL, key_path, "one is missing", RC_INVALID},
		{"no file", "/nowhere/x.pem", key_path, "/nowhere/x.pem", RC_NOT_FOUND},
		{"no PEM", plain, key_path, "plain.pem", RC_INVALID},
		{"no key in it", certificate_path, plain, "plain.pem", RC_INVALID},
		{"another key", certificate_path, pair_key, "is not the key", RC_INVALID},
		{"expired: better than no daemon", pair, pair_key, "", RC_OK},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		o.certificate = cases[i].certificate;
		o.key = cases[i].key;
		err = (struct err){0};
		CHECK(httpd_new(world.loop, &o, &second, &err) == cases[i].want, cases[i].why);
		has(err.msg, cases[i].says, cases[i].why);
	}
	httpd_free(second);
	assert_int_equal(n_bad, 1);
	has(last_told, "has expired", "and the log says it");
}

/* Names in the certificate are ours; the loopback's own port speaks no TLS. */
static void names_client(void)
{
	static const struct {
		const char *host, *want;
	} cases[] = {
		{"ci.example", "HTTP/1.1 200"},   {"ci.example:7400", "HTTP/1.1 200"},
		{"127.0.0.1", "HTTP/1.1 200"},    {"evil.example", "HTTP/1.1 421"},
		{"a.ci.example", "HTTP/1.1 421"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(strbuf_done) struct strbuf got = STRBUF(65536);
		AUTO(freep)
		char *text = xasprintf("GET /x HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
				       cases[i].host);
		struct tls_client c;

		assert_true(tls_dial(&c, dial_tcp(httpd_port(world.server)), NEW_ONES));
		tls_send(&c, text);
		tls_receive(&c, &got, NULL);
		has(strbuf_cstr(&got), cases[i].want, cases[i].host);
		tls_hang_up(&c);
	}
	AUTO(freep)
	char *local = ask(dial_tcp(httpd_loopback_port(world.server)),
			  "GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
	has(local, "actor=- secure=0", "in the clear, and a token is needed as elsewhere");
	AUTO(freep)
	char *evil = ask(dial_tcp(httpd_loopback_port(world.server)),
			 "GET /x HTTP/1.1\r\nHost: ci.example\r\nConnection: close\r\n\r\n");
	has(evil, "HTTP/1.1 421", "no certificate names this one");
}

static void names_of_the_certificate(void **state)
{
	(void)state;
	assert_int_not_equal(httpd_loopback_port(world.server), 0);
	beside(names_client);
}

/* Half a handshake is cut off like half a request, and others are answered meanwhile. */
static void silent_client(void)
{
	AUTO(strbuf_done) struct strbuf got = STRBUF(65536);
	struct err err = {0};
	int silent[30];

	for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
		silent[i] = dial_tcp(httpd_port(world.server));
		send_text(silent[i], "\x16\x03\x01\x02");
	}
	AUTO(freep) char *answer = by_curl("/x", ca_path, STR(""), &err);
	has(answer, "actor=token:admin", "others");
	usec_t began = clock_mono();
	for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
		receive(silent[i], &got, NULL);
		close(silent[i]);
	}
	assert_true(clock_mono() - began < 6 * USEC_SEC);
}

static void half_a_handshake_ends(void **state)
{
	(void)state;
	beside(silent_client);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_server, close_server)
	const struct CMUnitTest tests[] = {
		CASE(speaks_tls_and_nothing_else),    CASE(old_versions_are_refused),
		CASE(a_new_certificate_drops_nobody), CASE(a_broken_pair_changes_nothing),
		CASE(a_start_needs_a_pair),           CASE(names_of_the_certificate),
		CASE(half_a_handshake_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
