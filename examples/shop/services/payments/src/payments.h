/* Takes the money. POST /charge {"order":"...","amount_cents":N}
 * -> 201 {"charge":"...","amount_cents":N,"fee_cents":N}, 402 over the limit, 400 when malformed. */
#pragma once
#include <stdint.h>

#include "shared/server.h"

enum { CHARGE_LIMIT_CENTS = 500000 };

struct charge {
	struct span order;
	long amount_cents;
};

/* What our bank keeps of an amount: 1.4 %, rounded half up, and 25 cents. */
long fee_cents(long amount_cents);

/* The name of a charge follows from the order's: charging an order twice is the same charge. */
uint64_t charge_id(struct span order);

/* 0, or the status to refuse with. */
int charge_parse(struct span body, struct charge *ret);

void payments_handle(const struct http_request *rq, struct http_answer *ret);
