/* Rows of `penstock agent` and `penstock agent token` for cli_main(). */
#pragma once
#include "cli/cli.h"

extern const struct command agent_commands[];
extern const size_t n_agent_commands;
