/* What names of images mean, and which hosts are this machine. */
#include "unit/unit.h"

#include "base/mem.h"
#include "clients/registry_impl.h"

static void names(void **state)
{
	static const char hex[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	static const struct {
		const char *text, *host, *repository, *tag;
		bool digest;
	} good[] = {
		{"node", "docker.io", "library/node", "latest", false},
		{"node:20", "docker.io", "library/node", "20", false},
		{"bitnami/redis:7.2-r1", "docker.io", "bitnami/redis", "7.2-r1", false},
		{"docker.io/node", "docker.io", "library/node", "latest", false},
		{"localhost/a", "localhost", "a", "latest", false},
		{"localhost:5000/a/b/c:x", "localhost:5000", "a/b/c", "x", false},
		{"ghcr.io/o/r@sha256:", "ghcr.io", "o/r", NULL, true},
		{"node:20@sha256:", "docker.io", "library/node", "20", true},
	};
	static const char *const bad[] = {
		"",        "UPPER", "a//b", "a:",         "a:b:c", "a@sha256:12",
		"a@md5:0", "/a",    "a/",   "a b",        "-a",    "../a",
		"a/../b",  "h.io/", "a:-x", "http://a/b", "a?b",   "a%2f",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		AUTO(registry_ref_done) struct registry_ref r = {0};
		AUTO(freep) char *text = xasprintf("%s%s", good[i].text, good[i].digest ? hex : "");
		struct err err = {0};
		CHECK(registry_ref_parse(text, &r, &err) == RC_OK, err.msg);
		CHECK_STR(r.host, good[i].host, text);
		CHECK_STR(r.repository, good[i].repository, text);
		CHECK_STR(r.tag ? r.tag : "(none)", good[i].tag ? good[i].tag : "(none)", text);
		CHECK(!!r.digest == good[i].digest, text);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct registry_ref r = {0};
		struct err err = {0};
		CHECK(registry_ref_parse(bad[i], &r, &err) == RC_INVALID, bad[i]);
		CHECK(!r.host, "outputs untouched");
	}
}

static void loopback(void **state)
{
	static const struct {
		const char *host;
		bool is;
	} cases[] = {
		{"localhost", true},
		{"localhost:5000", true},
		{"127.0.0.1", true},
		{"127.8.9.10:80", true},
		{"[::1]:5000", true},
		{"[::1].evil.example", false},
		{"127.evil.example", false},
		{"127.0.0.1.evil.example", false},
		{"localhost.evil.example", false},
		{"10.0.0.1", false},
		{"", false},
		{"127.0.0.1:x@evil.example", false},
		{"localhost:5000@evil.example", false},
		{"127.0.0.1:99999", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK(registry_is_loopback(str_of(cases[i].host)) == cases[i].is, cases[i].host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(loopback)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
