/* Between the files of docker's boxes. */
#pragma once
#include "shim/box.h"

#define DOCKER_LABEL "org.penstock.data" /* a container's: the data folder of who started it */

struct docker_run {
	const struct shim_box *box;
	const char *name, *ask; /* ask: the folder of the socket */
	uint64_t memory, pids;  /* 0: no limit */
};
/* docker_run.c: start a container that calls at <ask>/s and goes when its first process ends. False: what docker says stands in `log`. */
bool docker_run(const struct docker_run *run, int log);
char *docker_ask(const struct shim_box *box, unsigned turn);
