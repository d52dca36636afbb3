/* The runner of a real machine: io/loop.h. Its lane "store" goes first, so that the journal never waits for slow work. */
#pragma once
#include "io/loop.h"
#include "ports/runner.h"

/* The loop is borrowed. Free after the loop has ended. */
struct runner *runner_loop_new(struct loop *l);
void runner_loop_free(struct runner *r);
