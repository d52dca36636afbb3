/* What goes wrong. */
#include "sim.h"

void faults_start(struct sim *s)
{
	(void)s;
}

void faults_stop(struct sim *s)
{
	(void)s;
}
