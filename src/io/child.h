/*
 * Starting programs. The way is clone(CLONE_VM | CLONE_VFORK) + exec: no copy of this process, no
 * code of ours between the two but system calls, so that any thread may call it. The child gets
 * only the descriptors that are named; everything else is closed.
 */
#pragma once
#include "base/strbuf.h"
#include <sys/types.h>

#define CHILD_FDS 4
struct child_spec {
	const char *const *argv; /* argv[0]: a path, or a name to be found in PATH */
	const char *const *env;  /* NULL: ours */
	const char *dir;         /* NULL: ours */
	int fds[CHILD_FDS]; /* descriptors 0.. of the child; -1: /dev/null (0, 1, 2), closed (3) */
	const int *pass;    /* two, which become 3 and 4; NULL: none */
	bool die_with_us; /* SIGKILL when the thread that started it ends: only for the loop thread's helpers */
};
struct child {
	pid_t pid;
	int pidfd;
}; /* {0, -1}: none */

/* Start it as our child in its own session. RC_NOT_FOUND when there is no such program. */
MUST_CHECK enum rc child_start(const struct child_spec *spec, struct child *ret, struct err *err);
/* Start it as nobody's child (init takes it): it outlives us and needs no reaping. */
MUST_CHECK enum rc child_detach(const struct child_spec *spec, pid_t *ret_pid, struct err *err);
/* False while it runs. ret_exit: exit code, or 128 + signal. Reaps it: call child_done() then. */
bool child_ended(struct child *c, int *ret_exit);
/* Kill its session with SIGKILL and reap it. {0, -1} is fine. */
void child_done(struct child *c);

struct child_run {
	struct child_spec spec; /* fds are ours to fill */
	struct str in;          /* its stdin */
	uint64_t timeout;       /* usec; 0: a minute */
};
/* Run it, give it `in`, and append what it says to out and (or, when errors is NULL) to out. Above
 * a buffer's cap the program is killed: RC_TOO_BIG. Above the time-out: RC_UNAVAILABLE. An exit
 * code other than 0 is RC_OK with *ret_exit. */
MUST_CHECK enum rc child_capture(const struct child_run *run, struct strbuf *out,
				 struct strbuf *errors, int *ret_exit, struct err *err);
/* A memory file that holds text, at its start: a stdin that cannot block. */
MUST_CHECK enum rc child_stdin(struct str text, int *ret_fd, struct err *err);
