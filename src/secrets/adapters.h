/* What this folder offers to main and to tests. */
#pragma once
#include "ports/secret.h"

/* "file:NAME" is <data>/secrets/NAME: a regular file of this user that nobody else may read (0600).
 * One line end at its end is not part of it. */
struct secret *secret_file_new(const char *data_dir);
/* "file:NAME" by a list of name, value, name, value ..., NULL; kept by the caller. */
struct secret *secret_fake_new(const char *const *pairs);
