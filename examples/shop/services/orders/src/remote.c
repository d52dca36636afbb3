/* The dependencies over HTTP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "orders.h"
#include "shared/client.h"

enum { TIMEOUT_MS = 1000 };

static struct orders remote;

static int call(void *ctx, const char *method, const char *path, const char *fields,
		struct span body, char *ret, size_t cap)
{
	struct client_answer a;

	if (!client_call(ctx, method, path, fields, body, &a))
		return 0;
	size_t n = a.len < cap - 1 ? a.len : cap - 1;
	memcpy(ret, a.body, n);
	ret[n] = '\0';
	return a.status;
}

static bool open_one(const char *variable, struct dependency *ret)
{
	const char *url = getenv(variable);
	struct client *client = url ? client_new(url, TIMEOUT_MS) : NULL;

	if (!client) {
		fprintf(stderr, "orders: %s must be http://ADDRESS:PORT: %s\n", variable,
			url ? url : "it is not set");
		return false;
	}
	*ret = (struct dependency){ .call = call, .ctx = client };
	return true;
}

bool orders_init(void)
{
	return open_one("AUTH_URL", &remote.auth) && open_one("PAYMENTS_URL", &remote.payments);
}

void orders_handle(const struct http_request *rq, struct http_answer *ret)
{
	orders_answer(&remote, rq, ret);
}
