#include "payments.h"
#include "shared/check.h"

static void fees(void)
{
	static const struct {
		long amount, fee;
	} cases[] = { { 1, 25 }, { 35, 25 }, { 36, 26 }, { 1000, 39 }, { 10000, 165 }, { 500000, 7025 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK(fee_cents(cases[i].amount) == cases[i].fee);
}

static void charges(void)
{
	static const struct {
		const char *body;
		int status;
	} cases[] = {
		{ "{\"order\":\"o1\",\"amount_cents\":900}", 0 },
		{ "{\"amount_cents\":500000,\"order\":\"o1\"}", 0 },
		{ "{\"order\":\"o1\",\"amount_cents\":500001}", 402 },
		{ "{\"order\":\"o1\",\"amount_cents\":0}", 400 },
		{ "{\"order\":\"o1\",\"amount_cents\":-5}", 400 },
		{ "{\"order\":\"o1\",\"amount_cents\":\"900\"}", 400 },
		{ "{\"order\":\"o1\",\"amount_cents\":99999999999999999999}", 400 },
		{ "{\"order\":\"\",\"amount_cents\":900}", 400 },
		{ "{\"order\":\"o1\"}", 400 },
		{ "", 400 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct charge c;
		CHECK(charge_parse(span_of(cases[i].body), &c) == cases[i].status);
	}
}

static void names(void)
{
	CHECK(charge_id(span_of("o1")) == charge_id(span_of("o1")));
	CHECK(charge_id(span_of("o1")) != charge_id(span_of("o2")));
}

static void answers(void)
{
	static const char body[] = "{\"order\":\"o1\",\"amount_cents\":1000}";
	char buf[256];
	struct http_answer a = { .status = 200, .body = TEXT(buf) };
	struct http_request rq = { .method = span_of("POST"),
				   .path = span_of("/charge"),
				   .body = span_of(body) };
	long fee;

	payments_handle(&rq, &a);
	CHECK(a.status == 201);
	CHECK(json_number((struct span){ buf, a.body.n }, "fee_cents", &fee) && fee == 39);
	rq.method = span_of("GET");
	payments_handle(&rq, &a);
	CHECK(a.status == 405);
	rq.path = span_of("/refund");
	payments_handle(&rq, &a);
	CHECK(a.status == 404);
}

int main(void)
{
	static const struct check_case cases[] = {
		{ "fees", fees },
		{ "charges", charges },
		{ "names", names },
		{ "answers", answers },
	};

	return check_main("payments", cases, sizeof(cases) / sizeof(cases[0]));
}
