/* Commands that speak other systems' files: `penstock import`, `penstock generate`. */
#pragma once
#include "cli/cli.h"

extern const struct command dialect_commands[];
extern const size_t n_dialect_commands;
