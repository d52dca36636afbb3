#include "payments.h"

#include <inttypes.h>

#include "shared/service.h"

long fee_cents(long amount_cents)
{
	return (amount_cents * 14 + 500) / 1000 + 25;
}

/* FNV-1a: short, and good enough for a name. */
uint64_t charge_id(struct span order)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < order.n; i++)
		h = (h ^ (unsigned char)order.p[i]) * 0x100000001b3u;
	return h;
}

int charge_parse(struct span body, struct charge *ret)
{
	struct charge c;

	if (!json_string(body, "order", &c.order) || !json_number(body, "amount_cents", &c.amount_cents))
		return 400;
	if (c.order.n < 1 || c.order.n > 64 || c.amount_cents <= 0)
		return 400;
	if (c.amount_cents > CHARGE_LIMIT_CENTS)
		return 402;
	*ret = c;
	return 0;
}

void payments_handle(const struct http_request *rq, struct http_answer *ret)
{
	struct charge c;
	int status;

	if (!span_is(rq->path, "/charge")) {
		answer_error(ret, 404, "no such thing");
		return;
	}
	if (!span_is(rq->method, "POST")) {
		answer_error(ret, 405, "POST only");
		return;
	}
	status = charge_parse(rq->body, &c);
	if (status) {
		answer_error(ret, status, status == 402 ? "over the limit" : "not a charge");
		return;
	}
	ret->status = 201;
	text_add(&ret->body, "{\"charge\":\"c%016" PRIx64 "\",\"amount_cents\":%ld,\"fee_cents\":%ld}\n",
		 charge_id(c.order), c.amount_cents, fee_cents(c.amount_cents));
}
