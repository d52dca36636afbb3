/* The clocks, and waiting. Deciding code never asks them: it is told the time. */
#pragma once
#include "base/time.h"

usec_t clock_wall(void); /* since 1970, UTC; may jump */
usec_t clock_mono(void); /* since boot; never goes back */
void clock_sleep(usec_t d);
