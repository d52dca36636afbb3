/*
 * The sandbox made by ourselves, for a superuser (others, and kernels older than 5.12, go through bubblewrap). The zygote is a helper
 * process of the shim, made once: it stands in the control group and in namespaces of its own, its root is a small read-only tree
 * (/usr and its links, /dev, empty mount points). Each command is cloned from it, as the shim's child: it inherits group, network,
 * host name and tree without joining or mounting anything. Its own, new each time, are the process, mount and IPC namespaces, /proc,
 * /tmp, /dev/shm and what is bound. The network namespace (loopback only) is kept for the next command when no socket of the last one
 * is left in it, else made anew. No capability, no new privileges, all file systems nosuid. The zygote never maps what a command is
 * given: secrets pass by in a memory file. A zygote dies with its shim, and so does the command.
 */
#pragma once
#include "shim/shim.h"

#define ZYGOTE_BINDS 200

struct zygote {
	pid_t pid;          /* 0: there is none, use bubblewrap */
	int ask;            /* socket to it */
	struct group group; /* in which it stands; limits are set a job at a time */
};
/* Never fails: z->pid says whether there is one. */
void zygote_open(struct zygote *z);
void zygote_done(struct zygote *z);
bool zygote_alive(struct zygote *z); /* false: it was killed */
/* Start `sh -e -c command`; tmp: a folder for its /tmp, NULL: one of its own. status: as bubblewrap writes it (sandbox.c). */
MUST_CHECK enum rc zygote_start(struct zygote *z, const struct shim_spec *spec, const char *tmp,
				const char *command, int out, int status, pid_t *ret,
				struct err *err);

/* ---- what is handed to a process that makes a sandbox of it */
#define FDS_MAX 250 /* the kernel's is 253 */
/* A mount of a folder or file that nobody sees yet: nosuid, nodev. -1 with ENOENT: there is none. Linux 5.12. */
int mount_of(const char *from, bool writable);
/* One message with descriptors beside it; n is not above FDS_MAX. */
bool fds_send(int sock, const void *p, size_t size, const int *fds, size_t n);

/* ---- between shim and zygote */
struct zygote_ask {
	uint64_t tmp_max, file_max;
	uint32_t binds, env; /* how many */
	bool network;        /* the machine's own */
	bool tmp;            /* a mount for /tmp is given */
};
/* Descriptors, in this order; then one mount a bind. */
enum { ZYGOTE_OUT, ZYGOTE_STATUS, ZYGOTE_TEXT, ZYGOTE_TMP, ZYGOTE_FDS };
/* ZYGOTE_TEXT holds texts, each with its NUL: cwd, command; for each bind 'd' or 'f' and where it goes; then "KEY=value" ... */
struct zygote_answer {
	int32_t pid, error;
};

/* ---- zygote_tree.c: its root. Returns what could not be done, with errno; NULL: all is well. */
const char *zygote_tree(void);
/* Mount points beyond those of the tree: they stay until a command needs others. */
struct zygote_points {
	shim_texts wanted, made;
};
bool zygote_points(struct zygote_points *p, const char *const *to, size_t n);

/* ---- zygote_loop.c */
void zygote_loop(int sock, const struct group *g) __attribute__((noreturn));
/* ---- zygote_init.c: the first process of a command's namespace. */
struct zygote_given {
	struct zygote_ask ask;
	const char *cwd, *command;
	const char *const *to;
	const char *const *env; /* ends with NULL */
	const int *fds;
	int host_net; /* the machine's network namespace */
	int host;     /* hangs up when the shim is gone */
};
void zygote_init(const struct zygote_given *g) __attribute__((noreturn));
