/* Row of `penstock demo` for cli_main(). */
#pragma once
#include "cli/cli.h"

extern const struct command demo_command;
