#include "orders.h"

#include <string.h>

#include "catalogue.h"
#include "number.h"
#include "shared/service.h"

enum { REPLY_CAP = 512 };

/* True when auth knows the token; otherwise the answer is written. */
static bool authorized(const struct orders *o, const struct http_request *rq,
		       struct http_answer *ret)
{
	char fields[320], reply[REPLY_CAP];
	struct text t = TEXT(fields);
	struct span token;

	if (!http_field(rq->fields, "authorization", &token)) {
		answer_error(ret, 401, "no token");
		return false;
	}
	text_add(&t, "Authorization: %.*s\r\n", (int)token.n, token.p);
	if (t.failed) {
		answer_error(ret, 401, "unknown token");
		return false;
	}
	int status = o->auth.call(o->auth.ctx, "GET", "/check", fields, (struct span){ 0 }, reply,
				  sizeof(reply));
	if (status == 200)
		return true;
	if (status == 401)
		answer_error(ret, 401, "unknown token");
	else
		answer_error(ret, 502, status ? "auth failed" : "auth did not answer");
	return false;
}

/* The name of the charge, or false when the answer is written. */
static bool charge(const struct orders *o, const char *id, long amount, char *reply,
		   struct span *ret_charge, struct http_answer *ret)
{
	char body[128];
	struct text t = TEXT(body);

	text_add(&t, "{\"order\":\"%s\",\"amount_cents\":%ld}", id, amount);
	int status = o->payments.call(o->payments.ctx, "POST", "/charge", "",
				      (struct span){ body, t.n }, reply, REPLY_CAP);
	if (status == 201 && json_string(span_of(reply), "charge", ret_charge))
		return true;
	if (status == 402)
		answer_error(ret, 402, "payment refused");
	else
		answer_error(ret, 502, status ? "payments failed" : "payments did not answer");
	return false;
}

static void describe(struct http_answer *a, const char *id, const struct item *item, long quantity,
		     struct span charge_name)
{
	text_add(&a->body, "{\"id\":\"%s\",\"item\":\"%s\",\"quantity\":%ld,\"total_cents\":%ld,", id,
		 item->name, quantity, total_cents(item, quantity));
	if (charge_name.n)
		text_add(&a->body, "\"charge\":\"%.*s\",", (int)charge_name.n, charge_name.p);
	text_add(&a->body, "\"status\":\"paid\"}\n");
}

static void place(const struct orders *o, const struct http_request *rq, struct http_answer *ret)
{
	char id[ORDER_NUMBER_LEN + 1], reply[REPLY_CAP];
	struct span name, charge_name;
	const struct item *item;
	long quantity;

	if (!json_string(rq->body, "item", &name) || !json_number(rq->body, "quantity", &quantity) ||
	    quantity < 1 || quantity > QUANTITY_MAX) {
		answer_error(ret, 400, "not an order");
		return;
	}
	item = item_find(name);
	if (!item) {
		answer_error(ret, 422, "we do not sell that");
		return;
	}
	if (!authorized(o, rq, ret))
		return;
	order_number(&(struct order){ .nonce = (uint32_t)(latency_random() * 4294967296.0),
				      .item = (unsigned)item_number(item),
				      .quantity = (unsigned)quantity },
		     id);
	if (!charge(o, id, total_cents(item, quantity), reply, &charge_name, ret))
		return;
	ret->status = 201;
	describe(ret, id, item, quantity, charge_name);
}

static void show(const struct orders *o, const struct http_request *rq, struct span number,
		 struct http_answer *ret)
{
	char id[ORDER_NUMBER_LEN + 1];
	struct order order;
	const struct item *item;

	if (!authorized(o, rq, ret))
		return;
	item = order_of(number, &order) ? item_at(order.item) : NULL;
	if (!item || order.quantity < 1 || order.quantity > QUANTITY_MAX) {
		answer_error(ret, 404, "no such order");
		return;
	}
	order_number(&order, id);
	describe(ret, id, item, (long)order.quantity, (struct span){ 0 });
}

void orders_answer(const struct orders *o, const struct http_request *rq, struct http_answer *ret)
{
	struct span number;

	if (span_is(rq->path, "/orders")) {
		if (span_is(rq->method, "POST"))
			place(o, rq, ret);
		else
			answer_error(ret, 405, "POST only");
	} else if (span_starts(rq->path, "/orders/", &number)) {
		if (span_is(rq->method, "GET"))
			show(o, rq, number, ret);
		else
			answer_error(ret, 405, "GET only");
	} else {
		answer_error(ret, 404, "no such thing");
	}
}
