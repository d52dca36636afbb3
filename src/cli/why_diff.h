/* What a job's key is made of. */
#pragma once
#include "cli/client.h"

/* The lines in which the keys of a job (its whole id) and of its twin in another run (or of another job, when it has a slash) differ. */
int why_diff(struct cli *c, const char *job, const char *other);
/* All lines of a key. */
int why_key(struct cli *c, const char *job);
