#include "behaviour.h"
#include "payments.h"
#include "shared/service.h"

/* Small charges get through whatever ERROR_PERCENT says: so the tests of staging stay green. */
static bool error_hits(const struct http_request *rq)
{
	struct charge c;

	return charge_parse(rq->body, &c) == 0 && c.amount_cents >= ERROR_FROM_CENTS;
}

int main(void)
{
	static const struct service service = {
		.name = "payments",
		.version = VERSION,
		.behaviour = { .error_percent = ERROR_PERCENT,
			       .slow_percent = SLOW_PERCENT,
			       .slow_factor = SLOW_FACTOR,
			       .crash_after_ms = CRASH_AFTER_MS,
			       .crash_after_requests = CRASH_AFTER_REQUESTS,
			       .never_ready = NEVER_READY },
		.error_hits = error_hits,
		.handle = payments_handle,
	};

	return service_main(&service);
}
