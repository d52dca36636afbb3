/* What people do. */
#include "sim.h"

void people_start(struct sim *s)
{
	(void)s;
}

void people_settle(struct sim *s)
{
	(void)s;
}
