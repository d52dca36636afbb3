/* Kept folders of failed jobs, as `penstock shell` sees them: <data>/kept/<job id, '/' as '+'>. */
#pragma once
#include "shim/spec.h"

#define KEPT_LOCK "shell.lock" /* held while somebody is inside */

/* <folder>/shell.json */
struct kept_shell {
	struct shim_spec spec; /* without secrets */
	shim_pairs secrets;    /* name, reference */
};
extern const struct shape shape_kept_shell;
MUST_CHECK enum rc kept_shell_read(const char *dir, struct kept_shell *ret, struct err *err);
