#include <string.h>

#include "catalogue.h"
#include "number.h"
#include "orders.h"
#include "shared/check.h"

static void prices(void)
{
	const struct item *tea = item_find(span_of("tea"));

	CHECK(tea && tea->price_cents == 450);
	CHECK(!item_find(span_of("te")) && !item_find(span_of("")));
	if (!tea)
		return;
	CHECK(total_cents(tea, 1) == 450);
	CHECK(total_cents(tea, 9) == 4050);
	CHECK(total_cents(tea, 10) == 4050);
	CHECK(item_at(item_number(tea)) == tea);
	CHECK(!item_at(1000));
}

static void numbers(void)
{
	char id[ORDER_NUMBER_LEN + 1];
	struct order o = { .nonce = 0xdeadbeef, .item = 3, .quantity = 100 }, back;

	order_number(&o, id);
	CHECK(strlen(id) == ORDER_NUMBER_LEN);
	CHECK(order_of(span_of(id), &back));
	CHECK(back.nonce == o.nonce && back.item == o.item && back.quantity == o.quantity);
	id[5] = id[5] == '0' ? '1' : '0';
	CHECK(!order_of(span_of(id), &back));
	CHECK(!order_of(span_of("o"), &back));
	CHECK(!order_of(span_of("o00000000000000000000"), &back) || back.quantity == 0);
	CHECK(!order_of(span_of("oGGGGGGGGGGGGGGGGGGGG"), &back));
}

/* A dependency that says what the test tells it to. */
struct fake {
	int status, calls;
	const char *body;
	char seen[256];
};

static int fake_call(void *ctx, const char *method, const char *path, const char *fields,
		     struct span body, char *ret, size_t cap)
{
	struct fake *f = ctx;
	struct text seen = TEXT(f->seen), out = { .p = ret, .cap = cap };

	f->calls++;
	text_add(&seen, "%s %s %s%.*s", method, path, fields, (int)body.n, body.n ? body.p : "");
	text_add(&out, "%s", f->body);
	return f->status;
}

static const char paid[] = "{\"charge\":\"c1\",\"amount_cents\":900,\"fee_cents\":38}";

static void answers(void)
{
	static const struct {
		const char *body;
		int auth, payments, want, charged;
	} cases[] = {
		{ "{\"item\":\"tea\",\"quantity\":2}", 200, 201, 201, 1 },
		{ "{\"item\":\"tea\",\"quantity\":2}", 401, 201, 401, 0 },
		{ "{\"item\":\"tea\",\"quantity\":2}", 500, 201, 502, 0 },
		{ "{\"item\":\"tea\",\"quantity\":2}", 0, 201, 502, 0 },
		{ "{\"item\":\"tea\",\"quantity\":2}", 200, 402, 402, 1 },
		{ "{\"item\":\"tea\",\"quantity\":2}", 200, 500, 502, 1 },
		{ "{\"item\":\"tea\",\"quantity\":2}", 200, 0, 502, 1 },
		{ "{\"item\":\"car\",\"quantity\":2}", 200, 201, 422, 0 },
		{ "{\"item\":\"tea\",\"quantity\":0}", 200, 201, 400, 0 },
		{ "{\"item\":\"tea\",\"quantity\":101}", 200, 201, 400, 0 },
		{ "{\"item\":\"tea\"}", 200, 201, 400, 0 },
		{ "tea", 200, 201, 400, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake auth = { .status = cases[i].auth, .body = "{\"user\":\"ann\"}" };
		struct fake payments = { .status = cases[i].payments, .body = paid };
		struct orders o = { { fake_call, &auth }, { fake_call, &payments } };
		struct http_request rq = { .method = span_of("POST"),
					   .path = span_of("/orders"),
					   .fields = span_of("Authorization: Bearer demo-ann\r\n"),
					   .body = span_of(cases[i].body) };
		char buf[512];
		struct http_answer a = { .status = 200, .body = TEXT(buf) };

		orders_answer(&o, &rq, &a);
		CHECK(a.status == cases[i].want);
		CHECK(payments.calls == cases[i].charged);
		CHECK(!auth.calls ||
		      strcmp(auth.seen, "GET /check Authorization: Bearer demo-ann\r\n") == 0);
	}
}

static void there_and_back(void)
{
	struct fake auth = { .status = 200, .body = "{}" }, payments = { .status = 201, .body = paid };
	struct orders o = { { fake_call, &auth }, { fake_call, &payments } };
	struct http_request rq = { .method = span_of("POST"),
				   .path = span_of("/orders"),
				   .fields = span_of("Authorization: Bearer demo-ann\r\n"),
				   .body = span_of("{\"item\":\"mug\",\"quantity\":10}") };
	char buf[512], again[512], path[64];
	struct http_answer a = { .status = 200, .body = TEXT(buf) };
	struct http_answer b = { .status = 200, .body = TEXT(again) };
	struct text p = TEXT(path);
	struct span id;
	long total;

	orders_answer(&o, &rq, &a);
	CHECK(a.status == 201);
	if (!CHECK(json_string((struct span){ buf, a.body.n }, "id", &id)))
		return;
	text_add(&p, "/orders/%.*s", (int)id.n, id.p);
	rq = (struct http_request){ .method = span_of("GET"),
				    .path = span_of(path),
				    .fields = rq.fields };
	orders_answer(&o, &rq, &b);
	CHECK(b.status == 200);
	CHECK(json_number((struct span){ again, b.body.n }, "total_cents", &total) && total == 10350);
	CHECK(payments.calls == 1);
	rq.path = span_of("/orders/o123");
	orders_answer(&o, &rq, &b);
	CHECK(b.status == 404);
	rq.fields = (struct span){ 0 };
	orders_answer(&o, &rq, &b);
	CHECK(b.status == 401);
}

int main(void)
{
	static const struct check_case cases[] = {
		{ "prices", prices },
		{ "numbers", numbers },
		{ "answers", answers },
		{ "there_and_back", there_and_back },
	};

	return check_main("orders", cases, sizeof(cases) / sizeof(cases[0]));
}
