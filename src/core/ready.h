/* Jobs that wait for a place to run. Not part of any snapshot: model_link() and EV_STARTED build them anew. Inside core only. */
#pragma once
#include "core/state.h"

void ready_add(struct model *m, struct job *job); /* it is JOB_READY */
void ready_del(struct model *m, struct job *job); /* it is not any more; nothing when it did not wait */
void ready_clear(struct model *m);
size_t ready_count(const struct model *m);
