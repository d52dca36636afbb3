/* Artifacts on their way to an answer: what the loop knows of each, then its evidence, which a worker reads. For artifacts*.c only. */
#pragma once
#include "api/catalog.h"
#include "api/marks.h"

#define ARTIFACT_RELEASES 3 /* that are looked at for evidence, newest first */

struct artifact {
	char *image, *json; /* json: an object that is open still */
	uint32_t releases[ARTIFACT_RELEASES], n;
};
struct artifacts {
	VEC(struct artifact) list;
	bool one, more, up;
	uint32_t number, item; /* of the last one: its cursor */
};
void artifacts_new(struct call *c); /* as c->data */
void artifacts_read(struct call *c);
