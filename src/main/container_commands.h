/* The command lines of what jobs stand in: shell, image pull, image prune. */
#pragma once
#include "cli/cli.h"

extern const struct command container_commands[];
extern const size_t n_container_commands;
int run_shell(struct cli *c);
