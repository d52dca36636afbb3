/* What a local run is of: the branch that stands here; or, as a step of GitHub Actions or GitLab CI, the event that these name in their environment. */
#pragma once
#include "clients/git.h"
#include "core/model.h"

/* Fills kind, ref, target, number, fork, labels, commit, author, email and subject. What cannot be known stays empty. head: 40 hex, or a tree's stand-in. */
void local_event(struct repo *r, const char *head, struct change *ret);
