#include "ports/pack.h"

void packed_done(struct packed *p)
{
	if (!p)
		return;
	xfree(p->image);
	xfree(p->sbom);
	*p = (struct packed){0};
}
