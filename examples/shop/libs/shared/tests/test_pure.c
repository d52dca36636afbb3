/* Everything that needs no socket. */
#include <string.h>

#include "shared/check.h"
#include "shared/latency.h"
#include "shared/message.h"
#include "tests.h"

void test_builder(void)
{
	char buf[8];
	struct text t = TEXT(buf);

	text_add(&t, "%d", 1234);
	CHECK(t.n == 4 && !t.failed);
	text_add(&t, "%s", "5678");
	CHECK(t.failed && strcmp(buf, "1234") == 0);
	text_add(&t, "5");
	CHECK(t.failed && strcmp(buf, "1234") == 0);
}

void test_json(void)
{
	static const struct {
		const char *json;
		bool ok;
		long want;
	} cases[] = {
		{ "{\"n\":12}", true, 12 },
		{ " { \"a\" : \"x\" , \"n\" : -3 } ", true, -3 },
		{ "{\"n\":1,\"n\":2}", false, 0 },
		{ "{\"n\":1,}", false, 0 },
		{ "{\"n\":1", false, 0 },
		{ "{\"n\":1}x", false, 0 },
		{ "{\"n\":1.5}", false, 0 },
		{ "{\"n\":-}", false, 0 },
		{ "{\"n\":\"1\"}", false, 0 },
		{ "{\"n\":99999999999999999999}", false, 0 },
		{ "{\"n\":{\"m\":1}}", false, 0 },
		{ "{\"a\":\"\\u0041\",\"n\":1}", false, 0 },
		{ "{}", false, 0 },
		{ "", false, 0 },
		{ "[1]", false, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		long n = 0;
		bool ok = json_number(span_of(cases[i].json), "n", &n);
		CHECK(ok == cases[i].ok);
		CHECK(n == cases[i].want);
	}
	struct span s;
	CHECK(json_string(span_of("{\"s\":\"tea\",\"t\":true}"), "s", &s) && span_is(s, "tea"));
	CHECK(!json_string((struct span){ "{\"s\":\0}", 7 }, "s", &s));
}

void test_requests(void)
{
	static const struct {
		const char *bytes;
		int want;
	} cases[] = {
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0 },
		{ "GET /x?y=1 HTTP/1.0\r\n\r\n", 0 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n", 0 },
		{ "GET / HTTP/1.1\r\nHost: a\r\n", 1 },
		{ "G", 1 },
		{ "", 1 },
		{ "GET / HTTP/1.1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\nHost: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400 },
		{ "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 411 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", 413 },
		{ "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505 },
		{ "\x16\x03\x01", 400 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_request rq;
		struct span s = span_of(cases[i].bytes);
		CHECK(http_parse_request(s.p, s.n, &rq) == cases[i].want);
	}
	struct http_request rq;
	struct span v, s = span_of("GET /p?q=1 HTTP/1.1\r\nHost: a\r\nX-One:  two \r\n"
				   "Connection: x, Close\r\nContent-Length: 2\r\n\r\nok");
	CHECK(http_parse_request(s.p, s.n, &rq) == 0);
	CHECK(span_is(rq.path, "/p") && span_is(rq.query, "q=1") && span_is(rq.body, "ok"));
	CHECK(http_field(rq.fields, "x-one", &v) && span_is(v, "two"));
	CHECK(!http_field(rq.fields, "x-two", &v));
	CHECK(!rq.keep_alive);
	/* Whatever is cut off, nothing is read that is not there. */
	size_t head_len = rq.head_len;
	for (size_t n = 0; n < s.n; n++)
		CHECK(http_parse_request(s.p, n, &rq) == (n < head_len));
}

void test_replies(void)
{
	static const struct {
		const char *bytes;
		int want, status;
		bool keep;
	} cases[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 200, true },
		{ "HTTP/1.1 204\r\n\r\n", 0, 204, true },
		{ "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 200, false },
		{ "HTTP/1.1 503 No\r\nConnection: close\r\n\r\n", 0, 503, false },
		{ "HTTP/1.1 200 OK\r\n", 1, 0, false },
		{ "HTTP/1.1 2x0 OK\r\n\r\n", -1, 0, false },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", -1, 0, false },
		{ "SSH-2.0-x\r\n\r\n", -1, 0, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_reply rp = { 0 };
		struct span s = span_of(cases[i].bytes);
		int rc = http_parse_reply(s.p, s.n, &rp);
		CHECK(rc == cases[i].want);
		CHECK(rc != 0 || (rp.status == cases[i].status && rp.keep_alive == cases[i].keep));
	}
}

static bool near(double a, double b)
{
	return a > b * 0.99 && a < b * 1.01;
}

void test_latency(void)
{
	struct behaviour sound = { 0 }, slow = { .slow_percent = 5, .slow_factor = 3 };
	unsigned below = 0;

	CHECK(near(latency_us(&sound, 0.5), LATENCY_MEDIAN_US));
	CHECK(near(latency_us(&sound, 0.99), LATENCY_P99_US));
	CHECK(latency_us(&sound, 0.999999999) <= LATENCY_MAX_US);
	CHECK(near(latency_us(&slow, 0.94), latency_us(&sound, 0.94)));
	CHECK(near(latency_us(&slow, 0.99), 3.0 * latency_us(&sound, 0.99)));
	for (unsigned i = 1; i < 1000; i++)
		CHECK(latency_us(&sound, i / 1000.0) >= latency_us(&sound, (i - 0.5) / 1000.0));
	for (unsigned i = 0; i < 10000; i++) {
		double u = latency_random();
		CHECK(u > 0 && u < 1);
		below += u < 0.5;
	}
	CHECK(below > 4700 && below < 5300);
}
