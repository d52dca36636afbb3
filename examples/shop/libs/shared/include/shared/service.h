/* What all services of the shop share: the contract with whatever runs them.
 *
 * Environment: PORT (8080), HOST (127.0.0.1). GET /healthz answers 200 when ready, 503 before and while
 * draining; GET /version names the service and its version. SIGTERM and SIGINT drain: every answer
 * closes its connection, new ones are still answered until it is quiet, then exit 0, within 2 s. One
 * JSON line on stdout at the start and at the end. */
#pragma once
#include "shared/latency.h"
#include "shared/server.h"

struct service {
	const char *name, *version;
	struct behaviour behaviour;
	/* Opens clients and the like; false after saying why on stderr. May be NULL. */
	bool (*init)(void);
	/* Which requests behaviour.error_percent is about; NULL: all. */
	bool (*error_hits)(const struct http_request *rq);
	/* Everything but /healthz and /version, after this service's latency. */
	void (*handle)(const struct http_request *rq, struct http_answer *ret);
};

/* The exit status of the process: 0, 1 (crashed, as its behaviour says), 2 (cannot start). */
int service_main(const struct service *service);

/* {"error":"..."} with this status. `why` must be plain text without quotes. */
void answer_error(struct http_answer *a, int status, const char *why);
