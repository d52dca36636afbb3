#include "ports/exec.h"

void exec_end_done(struct exec_end *e)
{
	if (!e)
		return;
	xfree(e->job);
	xfree(e->error);
	xfree(e->log);
	xfree(e->outputs);
	xfree(e->junit.first_failure);
	*e = (struct exec_end){0};
}
