/* Jobs that wait for a place to run. */
#include "core/ready.h"

void ready_add(struct model *m, struct job *job)
{
	vec_push(&m->ready, job);
}

void ready_del(struct model *m, struct job *job)
{
	for (size_t i = 0; i < m->ready.n; i++)
		if (m->ready.v[i] == job) {
			vec_remove(&m->ready, i);
			return;
		}
}

void ready_clear(struct model *m)
{
	m->ready.n = 0;
}

size_t ready_count(const struct model *m)
{
	return m->ready.n;
}
