/* Rows of the daemon's commands for cli_main(). */
#pragma once
#include "cli/cli.h"

extern const struct command serve_commands[];
extern const size_t n_serve_commands;
