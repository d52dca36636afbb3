#include "io/clock.h"

#include <errno.h>

static usec_t clock_read(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (usec_t)t.tv_sec * USEC_SEC + (usec_t)t.tv_nsec / 1000;
}

usec_t clock_wall(void)
{
	return clock_read(CLOCK_REALTIME);
}

usec_t clock_mono(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

void clock_sleep(usec_t d)
{
	struct timespec t = {(time_t)(d / USEC_SEC), (long)(d % USEC_SEC) * 1000};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}
