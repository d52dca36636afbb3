#include "auth.h"
#include "shared/check.h"

static void tokens(void)
{
	static const struct {
		const char *token, *user; /* NULL: refused */
	} cases[] = {
		{ "demo-ann", "ann" },
		{ "demo-a1b2c3d4e5f6g7h8", "a1b2c3d4e5f6g7h8" },
		{ "demo-a1b2c3d4e5f6g7h8i", NULL },
		{ "demo-", NULL },
		{ "demo-Ann", NULL },
		{ "demo-ann ", NULL },
		{ "test-ann", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span user;
		bool ok = token_user(span_of(cases[i].token), &user);
		CHECK(ok == (cases[i].user != NULL));
		CHECK(!ok || span_is(user, cases[i].user));
	}
}

static void bearer(void)
{
	struct span t;

	CHECK(bearer_token(span_of("Bearer abc"), &t) && span_is(t, "abc"));
	CHECK(bearer_token(span_of("bearer abc"), &t) && span_is(t, "abc"));
	CHECK(!bearer_token(span_of("Bearer "), &t));
	CHECK(!bearer_token(span_of("Bear"), &t));
	CHECK(!bearer_token(span_of("Basic abc"), &t));
	CHECK(!bearer_token(span_of(""), &t));
}

static int ask(const char *head, struct http_answer *a)
{
	struct span text = span_of(head);
	struct http_request rq;

	a->status = 200;
	a->body.n = 0;
	if (http_parse_request(text.p, text.n, &rq) != 0)
		return -1;
	auth_handle(&rq, a);
	return a->status;
}

static void check(void)
{
	char buf[256];
	struct http_answer a = { .body = TEXT(buf) };

	CHECK(ask("GET /check HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer demo-ann\r\n\r\n", &a) == 200);
	CHECK(span_is((struct span){ buf, a.body.n }, "{\"user\":\"ann\"}\n"));
	CHECK(ask("GET /check HTTP/1.1\r\nHost: a\r\n\r\n", &a) == 401);
	CHECK(ask("GET /check HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n", &a) == 401);
	CHECK(ask("POST /check HTTP/1.1\r\nHost: a\r\n\r\n", &a) == 405);
	CHECK(ask("GET /chec HTTP/1.1\r\nHost: a\r\n\r\n", &a) == 404);
}

int main(void)
{
	static const struct check_case cases[] = {
		{ "tokens", tokens },
		{ "bearer", bearer },
		{ "check", check },
	};

	return check_main("auth", cases, sizeof(cases) / sizeof(cases[0]));
}
