/* Path patterns: `*` any run without '/', `?` one character but '/', `[a-z]`, `[!a-z]`, a whole segment
 * `**` any number of segments (none too), `{a,b}` alternatives (not nested). No back-tracking explosion:
 * time is O(pattern x path). */
#pragma once
#include "base/str.h"

bool glob_match(struct str pattern, struct str path);
/* RC_INVALID with the reason when a pattern could never be meant: absolute, "..", empty, too long (512), bad braces. */
enum rc glob_check(struct str pattern, struct err *err);
/* A repository path that stays inside: relative, no "..", no ".", no empty segment, no NUL, at most 1024 bytes. */
enum rc path_check(struct str path, struct err *err);
