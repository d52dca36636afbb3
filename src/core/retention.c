#include "core/retention.h"
#include "base/defs.h"

static usec_t slack_of(usec_t keep)
{
	return MIN_OF(keep / 10, USEC_DAY);
}

uint64_t retention_due(const struct retention *r)
{
	if (!r->keep || r->now < r->keep + slack_of(r->keep) ||
	    r->first_at > r->now - r->keep - slack_of(r->keep))
		return 0;
	uint64_t through = MIN_OF(r->border, r->last);
	if (through <= r->first)
		return 0;
	return MIN_OF(through - 1, r->first + RETENTION_RECORDS - 1);
}

usec_t retention_pause(usec_t keep)
{
	return MIN_OF(MAX_OF(slack_of(keep) / 2, USEC_SEC), USEC_HOUR);
}
