/* The front of the shop.
 *
 * POST /orders {"item":"tea","quantity":2} -> 201 {"id":"...","item":"tea","quantity":2,"total_cents":900,
 * "charge":"...","status":"paid"}; GET /orders/ID -> 200 with the same, 404 for a number that is not ours.
 * Both want "Authorization: Bearer TOKEN". 401: auth knows no such token; 402: payments refused;
 * 502: auth or payments failed or did not answer in time. There is no second try: a dependency's harm
 * is shown, here and at its own front door, not hidden. */
#pragma once
#include "shared/server.h"

/* A dependency as the orders see it, so that tests can put their own. */
struct dependency {
	/* The status of the answer, 0 when none came; its body into ret (terminated, cut to cap). */
	int (*call)(void *ctx, const char *method, const char *path, const char *fields,
		    struct span body, char *ret, size_t cap);
	void *ctx;
};

struct orders {
	struct dependency auth, payments;
};

/* One request, with these dependencies. */
void orders_answer(const struct orders *o, const struct http_request *rq, struct http_answer *ret);

/* The real ones: AUTH_URL and PAYMENTS_URL of the environment. False after saying why on stderr. */
bool orders_init(void);
void orders_handle(const struct http_request *rq, struct http_answer *ret);
