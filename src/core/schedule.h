/* What fits where. Inside core only. */
#pragma once
#include "core/ready.h"
#include "core/step_impl.h"

bool agent_could(const struct agent *a, const struct ready_class *c);    /* when it is empty */
bool agent_has_room(const struct agent *a, const struct ready_class *c); /* now */
bool class_is_held(const struct model *m,
		   const struct ready_class *c); /* its group's one place is taken */
