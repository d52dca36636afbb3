/* What people name, as the daemon names it. */
#pragma once
#include "cli/client.h"

/* A job: its whole id, RUN/UNIT/JOB, RUN/JOB, or UNIT/JOB or JOB of the newest run. *ret_id is the caller's. */
MUST_CHECK enum rc find_job(struct cli *c, const char *name, char **ret_id, struct err *err);
/* What kind of thing an id names, by its front: "run", "rel", "ro", "inc"; NULL: none of them (a job, when it has a slash). */
const char *kind_of_id(const char *id);
