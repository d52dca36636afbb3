/* How far a change has come on its way. */
#pragma once
#include "api/reads.h"

/* Where a release stands, or stood when it ended. */
enum stage stage_of_release(enum release_state state, uint64_t staged_at, uint64_t gated_at);
