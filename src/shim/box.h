/*
 * Boxes: programs that see an image's file system as their root. A box is either bubblewrap with the image as its root, or a container runtime (runc,
 * crun) inside bubblewrap: in both cases the death of the shim is the death of all that runs in it, and everything stays in the control groups that the
 * shim made. The runtime is shown a read-only /sys, so it makes no groups of its own. Or it is a container of docker's daemon, which
 * has groups of its own and dies with the shim by other means: docker.c.
 */
#pragma once
#include "shim/shim.h"

/* Lay the image's file system out at <box.dir>/root: an overlay in a mount namespace of our own, or the tree that the starter left there. */
MUST_CHECK enum rc box_mount(const struct shim_box *box, struct err *err);
/* A network of our own with nothing but the loopback; what we start shares it. RC_UNSUPPORTED without the rights. */
MUST_CHECK enum rc box_network(struct err *err);
/* As sandbox_start(), by the box's runtime; b says where /tmp is, and which turn this is: a number that was not used
 * in this box before. command NULL: spec->argv. */
MUST_CHECK enum rc box_start(const struct sandbox *b, const struct shim_spec *spec,
			     const char *command, const struct group *g, int out, int status,
			     pid_t *ret, struct err *err);
/* The same by podman. */
MUST_CHECK enum rc podman_start(const struct sandbox *b, const struct shim_spec *spec,
				const char *command, const struct group *g, int out, int status,
				pid_t *ret, struct err *err);
bool is_podman(const char *runtime);
/* The same by docker: what is started is a process that ends with the container's. */
MUST_CHECK enum rc docker_start(const struct sandbox *b, const struct shim_spec *spec,
				const char *command, const struct group *g, int out, int status,
				pid_t *ret, struct err *err);
bool is_docker(const char *runtime);
/* Remove what a turn that ended left in the box's folder. */
void box_turn_done(const struct shim_box *box, unsigned turn);
/* Did the runtime come to start the program? Without a runtime: true. */
bool box_started(const struct shim_spec *spec, unsigned turn);
/* Where the runtime writes the number of the program once it runs. */
char *box_pid_file(const struct shim_box *box, unsigned turn);
/* A signal to the programs in the groups, not to what stands around them (outer, init). Docker's init passes it on to its own. */
void box_signal(const struct shim_box *box, const struct group *g, pid_t outer, pid_t init,
		int sig);
/* Capabilities of a superuser in a box. */
extern const char *const box_caps[10];
extern const uint64_t box_cap_bits; /* the same, a bit each */

/* ---- sides.c: services beside a job, run by a process of their own (penstock-shim --sides DIR) */
struct sides {
	pid_t pid; /* 0: none */
	int told;  /* where it says how it went */
	bool up;   /* all were ready */
	const char *dir;
};
/* Start them all and wait until each is ready. RC_CONFLICT: asked to end meanwhile. What failed stands in err, and the last lines of its log in `out`. */
MUST_CHECK enum rc sides_up(struct sides *s, const char *dir, const struct shim_spec *spec,
			    struct watch *watch, struct out *out, struct err *err);
/* One that died while the job ran is told in `out`. Ends them. */
void sides_down(struct sides *s, struct out *out);
/* The process itself. in: descriptor of its spec; answers: where it tells how it goes. */
int sides_run(const char *dir, int in, int answers);

/* ---- shell.c: the kept sandbox of a failed job, on our terminal. fd: its spec. The program's exit code. */
int shell_run(const char *dir, int fd);
