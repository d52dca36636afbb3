/* Puts what executors collected into the store: for each executor that has a job's folder. */
#pragma once
#include "flow/2-build/reports.h"
#include "ports/exec.h"

/* The log (and <log>.idx beside it) as one blob of clients/logfile.h; a missing or empty log is an empty one. Makes and removes <log>.zst. */
MUST_CHECK enum rc log_keep(const char *log, const struct exec_inputs *in, char **ret,
			    struct err *err);
/* By <dir>/report.json. *ret stays NULL when the report says nothing. May forget tests that passed when it is too big. */
MUST_CHECK enum rc report_keep(const char *dir, struct report *r, const struct exec_inputs *in,
			       char **ret, struct err *err);
