/* What headers say, by tables: hosts, codings, tags, cookies. */
#include "unit.h"
#include "io/httpd.h"
#include "io/httpd_cookie.h"
#include "io/httpd_header.h"

static void hosts_are_read(void **state)
{
	static const struct {
		const char *header, *want; /* NULL: that is no host */
		bool address, loopback;
	} cases[] = {
		{"ci.example", "ci.example", false, false},
		{"ci.example:7400", "ci.example", false, false},
		{"CI.Example.", "CI.Example", false, false},
		{" ci.example:7400 ", "ci.example", false, false},
		{"localhost", "localhost", false, true},
		{"LOCALHOST:1", "LOCALHOST", false, true},
		{"a.localhost", "a.localhost", false, true},
		{".localhost", NULL, false, false},
		{"ci..example", NULL, false, false},
		{"ci.example..", NULL, false, false},
		{"notlocalhost", "notlocalhost", false, false},
		{"localhost.evil.example", "localhost.evil.example", false, false},
		{"127.0.0.1:7400", "127.0.0.1", true, true},
		{"127.1.2.3", "127.1.2.3", true, true},
		{"127.0.0.1.evil.example", "127.0.0.1.evil.example", false, false},
		{"10.0.0.7", "10.0.0.7", true, false},
		{"[::1]:7400", "::1", true, true},
		{"[::1]", "::1", true, true},
		{"[fe80::1]", "fe80::1", true, false},
		{"[127.0.0.1]", NULL, false, false},
		{"[::1", NULL, false, false},
		{"[::1]x", NULL, false, false},
		{"[::1]:x", NULL, false, false},
		{"::1", NULL, false, false},
		{"", NULL, false, false},
		{".", NULL, false, false},
		{":80", NULL, false, false},
		{"a:70000", NULL, false, false},
		{"a:", "a", false, false},
		{"a b", NULL, false, false},
		{"a/b", NULL, false, false},
		{"user@a", NULL, false, false},
		{"a\"b", NULL, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str name = {0};
		bool is = host_read(str_of(cases[i].header), &name);

		CHECK(is == (cases[i].want != NULL), cases[i].header);
		if (!is)
			continue;
		CHECK(str_is(name, cases[i].want), cases[i].header);
		CHECK(host_is_address(name) == cases[i].address, cases[i].header);
		CHECK(host_is_loopback(name) == cases[i].loopback, cases[i].header);
	}
	char longer[300];
	memset(longer, 'a', sizeof(longer));
	struct str name;
	assert_false(host_read((struct str){longer, sizeof(longer)}, &name));
	assert_true(host_read((struct str){longer, 253}, &name));
}

static void addresses_of_the_loopback(void **state)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
		{"127.0.0.1", true}, {"127.9.9.9", true},  {"::1", true},
		{"[::1]", true},     {"0.0.0.0", false},   {"::", false},
		{"10.1.1.1", false}, {"localhost", false}, {"", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK(httpd_is_loopback(cases[i].text) == cases[i].want, cases[i].text);
}

static void codings_are_weighed(void **state)
{
	static const struct {
		const char *header;
		bool gzip, br;
	} cases[] = {
		{"gzip", true, false},
		{"gzip, deflate, br", true, true},
		{"GZIP;q=0.5", true, false},
		{"gzip;q=0", false, false},
		{"gzip; q=0.000 , br", false, true},
		{"gzip;q=rubbish", false, false},
		{"*", true, true},
		{"*;q=0", false, false},
		{"*;q=0, gzip", true, false},
		{"gzip;q=0, *", false, true},
		{"x-gzip", false, false},
		{"", false, false},
		{",,;;,", false, false},
		{"gzip;x=1;Q=0", false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK(accepts_coding(str_of(cases[i].header), "gzip") == cases[i].gzip,
		      cases[i].header);
		CHECK(accepts_coding(str_of(cases[i].header), "br") == cases[i].br,
		      cases[i].header);
	}
}

static void tags_are_matched(void **state)
{
	static const struct {
		const char *header, *want; /* NULL: no match */
	} cases[] = {
		{"\"abc\"", "abc"},
		{"W/\"abc\"", "abc"},
		{"\"abc-gz\"", "abc-gz"},
		{"\"x\", \"abc-br\"", "abc-br"},
		{"\"x\" ,W/\"y\",\"abc\"", "abc"},
		{"*", "*"},
		{" * ", "*"},
		{"\"abcd\"", NULL},
		{"\"ab\"", NULL},
		{"\"abc-zz\"", NULL},
		{"abc", NULL},
		{"\"abc", NULL},
		{"\"x\" \"abc\"", NULL},
		{"\"x\";\"abc\"", NULL},
		{"\"*\"", NULL},
		{"w/\"abc\"", NULL},
		{"", NULL},
		{"\"\"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str found = etag_match(str_of(cases[i].header), "abc");

		CHECK((found.p != NULL) == (cases[i].want != NULL), cases[i].header);
		if (found.p)
			CHECK(str_is(found, cases[i].want), cases[i].header);
	}
	char one[ETAG_SIZE], other[ETAG_SIZE];
	etag_of(STR("a"), one);
	etag_of(STR("b"), other);
	assert_int_equal(strlen(one), 32);
	assert_string_not_equal(one, other);
}

static void cookies_are_found(void **state)
{
	static const struct {
		const char *header, *want; /* NULL: none */
	} cases[] = {
		{"s=1", "1"},
		{"a=b; s=1; c=d", "1"},
		{"a=b;s=1", "1"},
		{"s=", ""},
		{"s=a=b", "a=b"},
		{"s=1; s=1", "1"},
		{"s=1; s=2", NULL},
		{"s=1; s=\"1\"", NULL},
		{"s=\"1\"", NULL},
		{"s=a b", NULL},
		{"s=a,b", NULL},
		{"s=a\\b", NULL},
		{"S=1", NULL},
		{"xs=1", NULL},
		{"s", NULL},
		{"=1", NULL},
		{"", NULL},
		{";;; s=1", "1"},
		{"a=\"x; s=1; y\"",
		 "1"}, /* quotes hide nothing: a reader of RFC 6265 sees the same */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str found = cookie_find(str_of(cases[i].header), "s");

		CHECK((found.p != NULL) == (cases[i].want != NULL), cases[i].header);
		if (found.p)
			CHECK(str_is(found, cases[i].want), cases[i].header);
	}
	static char longer[COOKIE_HEADER_MAX + 10];
	memset(longer, 'v', sizeof(longer));
	memcpy(longer, "s=", 2);
	assert_null(cookie_find((struct str){longer, sizeof(longer)}, "s").p);
	assert_null(cookie_find((struct str){longer, COOKIE_VALUE_MAX + 3}, "s").p);
	assert_non_null(cookie_find((struct str){longer, COOKIE_VALUE_MAX + 2}, "s").p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_are_read),      cmocka_unit_test(addresses_of_the_loopback),
		cmocka_unit_test(codings_are_weighed), cmocka_unit_test(tags_are_matched),
		cmocka_unit_test(cookies_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
