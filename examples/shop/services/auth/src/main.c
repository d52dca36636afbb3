#include "behaviour.h"
#include "auth.h"
#include "shared/service.h"

int main(void)
{
	static const struct service service = {
		.name = "auth",
		.version = VERSION,
		.behaviour = { .error_percent = ERROR_PERCENT,
			       .slow_percent = SLOW_PERCENT,
			       .slow_factor = SLOW_FACTOR,
			       .crash_after_ms = CRASH_AFTER_MS,
			       .crash_after_requests = CRASH_AFTER_REQUESTS,
			       .never_ready = NEVER_READY },
		.handle = auth_handle,
	};

	return service_main(&service);
}
