/*
 * What penstock-shim is told, and what it leaves behind. The starter gives the spec as JSON on
 * stdin (secrets are in it, so it never touches a disk) and fd 3: <DIR>/lock, opened and flock()ed
 * exclusively. The shim keeps that lock as long as it lives: who can take it (LOCK_NB) knows that
 * the shim is gone. It sits on base alone; adapters that start a shim include this file as well.
 *
 *	penstock-shim DIR              run the spec on stdin
 *	penstock-shim --host ROOM      run jobs, one after another, that a daemon sends through the socket fd 3: see host.c; ROOM is
 *	                               a text to be overwritten with the folder of the job, for ps
 *	penstock-shim --clean DIR      the shim was killed: end what it left (processes, container, control groups); idempotent
 *
 * In DIR, both kinds:
 *	lock     held by the living shim; its text is the shim's pid
 *	left     JSON, struct shim_left: what --clean must end; removed by an orderly end
 *	log      the masked output
 * SHIM_JOB, besides:
 *	log.idx  when bytes of the log came, and where steps begin and end: base/logmark.h
 *	log.end  while the log is above its cap: the latest output, until it stands at the log's end
 *	masked/  of a job with secrets: reports, and summary.md itself, in which some of them stood, without them
 *	exit     JSON, struct shim_exit; renamed into place, the last thing a shim does (a machine that
 *	         loses power may leave none, or an empty one: the shim counts as lost)
 *	cancel   made by the adapter: cancel (as SIGTERM does)
 * SHIM_REPLICA, besides:
 *	events   JSON lines, struct shim_event, appended; the last whole line is the state. Above 256 KiB the file is replaced (rename) by one
 *	         that holds only its last line.
 *	log.1    the log's older half
 *	stop     made by the adapter: stop (as SIGTERM does)
 */
#pragma once
#include "base/shape.h"

#define SHIM_SPEC_MAX ((size_t)8 << 20)
#define SHIM_LOCK_FD  3

enum shim_kind { SHIM_JOB, SHIM_REPLICA };
UNUSED static const char *const shim_kind_names[] = {"job", "replica"};

struct shim_pair {
	char *key, *value;
};
typedef VEC(char *) shim_texts;
typedef VEC(struct shim_pair) shim_pairs;
struct shim_bind {
	char *from, *to;
	bool writable;
};

struct shim_step {
	char *name, *run; /* run: given to sh -e -c */
	uint64_t timeout; /* usec; 0: only the job's */
};

/* An image's file system as the root of what runs in it (box.h). */
struct shim_box {
	char *dir; /* absolute path; NULL: no box, the machine's /usr is what it sees. In it: upper, work, root, state, bundle */
	char *lower; /* absolute path of the unpacked image, never written; NULL: <dir>/root is a tree of its own */
	char *runtime; /* absolute path of runc, crun, podman or docker; NULL: bubblewrap alone */
	char *host,
		*data; /* of docker: where its daemon listens ("unix://..."); what its containers are labeled with */
	uint32_t uid, gid;
	bool own_tmp; /* /tmp is the image's own folder */
};
/* A service beside a job. Its log is <DIR>/services/<name>/log. */
struct shim_side {
	char *name;
	struct shim_box box;
	shim_pairs env;
	shim_texts argv;
	char *cwd;
	char *ready;    /* given to sh -c in its box until it succeeds */
	uint32_t port;  /* on 127.0.0.1: ready when it takes a connection; 0: not asked */
	uint64_t start; /* usec in which it must become ready; 0: 60 s */
	uint64_t memory;
};

struct shim_spec {
	enum shim_kind kind;
	char *name;     /* for messages: the job's or replica's id */
	shim_pairs env; /* the whole environment besides PATH, HOME and LANG, which have defaults */
	shim_pairs secrets;    /* added to the environment; values are masked in the log */
	shim_texts masks;      /* further values to mask */
	uint64_t memory, pids; /* limits of the control group; 0: none (memory), 512 (pids) */
	uint64_t
		log_max; /* bytes; 0: 1 GiB for a job (above it the beginning and the end are kept), 16 MiB for a replica (two files of half of it) */

	/* SHIM_JOB */
	char *sandbox; /* absolute path of bwrap */
	VEC(struct shim_bind)
	binds; /* besides /usr and its links, /proc, /dev and /tmp; in order; a `from` that is missing is left out */
	char *cwd; /* inside the sandbox */
	char *run; /* given to sh -e -c */
	VEC(struct shim_step)
	steps; /* instead of run: one after another, each in a sandbox of its own, with one /tmp for all */
	uint32_t
		resume_from; /* index of the first step to be run: those before passed in an earlier attempt */
	shim_texts finally; /* likewise, one after another, always */
	bool network;
	char *unit;         /* absolute path of the folder in which its reports are; NULL: none */
	shim_texts reports; /* globs below it: files that are read for what they say */
	char *hint;         /* a line for the log of a command that fails by its exit code */
	uint64_t timeout, finally_timeout,
		grace;              /* usec; 0: none, 30 s, 2 s (from SIGTERM to SIGKILL) */
	uint64_t tmp_max, file_max; /* bytes of /tmp and of one file; 0: 1 GiB, 4 GiB */
	struct shim_box box;
	VEC(struct shim_side) sides;

	/* SHIM_REPLICA: a plain process (argv, cwd), or an OCI bundle (runtime ...) */
	shim_texts argv;
	char *runtime;            /* absolute path of runc or crun */
	char *root;               /* its --root: absolute */
	char *bundle, *container; /* absolute path of the folder, the container's id */
	char *config; /* text of config.json; env, secrets and PORT are added to process.env; given to the runtime through
				   * memory: <bundle>/config.json becomes a link to it, secrets never stand on disk */
	bool hide_unified; /* crun 1.8 and hybrid cgroups: hide /sys/fs/cgroup/unified from the runtime */
	uint32_t port; /* probed on 127.0.0.1; PORT=<port> is added to the environment */
	char *health;  /* path of GET; NULL: a TCP connect is enough */
	uint64_t stop; /* usec from SIGTERM to SIGKILL; 0: 5 s */
};

/* How a job ended. */
enum shim_class { SHIM_PASSED, SHIM_EXIT, SHIM_TIMEOUT, SHIM_OOM, SHIM_INFRA, SHIM_CANCELLED };
UNUSED static const char *const shim_class_names[] = {"none", "exit",  "timeout",
						      "oom",  "infra", "cancelled"};
struct shim_exit {
	enum shim_class failure;
	int64_t code; /* of the command; 128 + signal when a signal ended it */
	uint32_t signal;
	uint64_t started, ended; /* wall clock, usec */
	uint64_t log,
		left_out; /* bytes in the log; bytes of output that were left out above log_max */
	bool truncated;
	uint32_t step; /* the step that failed, from 1; 0: none, or the job has no steps */
	char *error;   /* one line; NULL when it passed */
};

/* The names of enum replica_state, in its order. */
enum shim_state { SHIM_STARTING, SHIM_READY, SHIM_UNREADY, SHIM_BACKOFF, SHIM_STOPPING, SHIM_GONE };
UNUSED static const char *const shim_state_names[] = {"starting", "ready",    "unready",
						      "backoff",  "stopping", "gone"};
/* A change of a replica: starting (with pid), ready, unready, backoff (it exited), stopping, gone;
 * and again at every fifth failed probe in a row. */
struct shim_event {
	uint64_t t; /* wall clock, usec */
	enum shim_state state;
	uint32_t pid, restarts, probes; /* exits since the start; failed probes in a row */
	int64_t exit;                   /* of the last exit; -signal when killed */
	char *why; /* "exit 1, 3 times", "HTTP 503 from /healthz, 10 probes in a row" */
};

struct shim_left {
	uint32_t pid;
	uint64_t pid_start;
	shim_texts groups;
	char *runtime, *root, *container;
};

UNUSED static const struct shape_field shim_pair_fields[] = {SHAPE_STR(struct shim_pair, key),
							     SHAPE_STR(struct shim_pair, value)};
UNUSED static const struct shape shape_shim_pair = SHAPE(struct shim_pair, shim_pair_fields);
UNUSED static const struct shape_field shim_bind_fields[] = {
	SHAPE_STR(struct shim_bind, from), SHAPE_STR(struct shim_bind, to),
	SHAPE_BOOL(struct shim_bind, writable)};
UNUSED static const struct shape shape_shim_bind = SHAPE(struct shim_bind, shim_bind_fields);

UNUSED static const struct shape_field shim_step_fields[] = {SHAPE_STR(struct shim_step, name),
							     SHAPE_STR(struct shim_step, run),
							     SHAPE_U64(struct shim_step, timeout)};
UNUSED static const struct shape shape_shim_step = SHAPE(struct shim_step, shim_step_fields);

UNUSED static const struct shape_field shim_box_fields[] = {
	SHAPE_STR(struct shim_box, dir),     SHAPE_STR(struct shim_box, lower),
	SHAPE_STR(struct shim_box, runtime), SHAPE_STR(struct shim_box, host),
	SHAPE_STR(struct shim_box, data),    SHAPE_U32(struct shim_box, uid),
	SHAPE_U32(struct shim_box, gid),     SHAPE_BOOL(struct shim_box, own_tmp),
};
UNUSED static const struct shape shape_shim_box = SHAPE(struct shim_box, shim_box_fields);
UNUSED static const struct shape_field shim_side_fields[] = {
	SHAPE_STR(struct shim_side, name),
	SHAPE_SUB(struct shim_side, box, shape_shim_box),
	SHAPE_LIST(struct shim_side, env, shape_shim_pair),
	SHAPE_STRS(struct shim_side, argv),
	SHAPE_STR(struct shim_side, cwd),
	SHAPE_STR(struct shim_side, ready),
	SHAPE_U32(struct shim_side, port),
	SHAPE_U64(struct shim_side, start),
	SHAPE_U64(struct shim_side, memory),
};
UNUSED static const struct shape shape_shim_side = SHAPE(struct shim_side, shim_side_fields);

UNUSED static const struct shape_field shim_spec_fields[] = {
	SHAPE_ENUM(struct shim_spec, kind, shim_kind_names),
	SHAPE_STR(struct shim_spec, name),
	SHAPE_LIST(struct shim_spec, env, shape_shim_pair),
	SHAPE_LIST(struct shim_spec, secrets, shape_shim_pair),
	SHAPE_STRS(struct shim_spec, masks),
	SHAPE_U64(struct shim_spec, memory),
	SHAPE_U64(struct shim_spec, pids),
	SHAPE_U64(struct shim_spec, log_max),
	SHAPE_STR(struct shim_spec, sandbox),
	SHAPE_LIST(struct shim_spec, binds, shape_shim_bind),
	SHAPE_STR(struct shim_spec, cwd),
	SHAPE_STR(struct shim_spec, run),
	SHAPE_LIST(struct shim_spec, steps, shape_shim_step),
	SHAPE_U32(struct shim_spec, resume_from),
	SHAPE_STRS(struct shim_spec, finally),
	SHAPE_BOOL(struct shim_spec, network),
	SHAPE_STR(struct shim_spec, unit),
	SHAPE_STRS(struct shim_spec, reports),
	SHAPE_STR(struct shim_spec, hint),
	SHAPE_U64(struct shim_spec, timeout),
	SHAPE_U64(struct shim_spec, finally_timeout),
	SHAPE_U64(struct shim_spec, grace),
	SHAPE_U64(struct shim_spec, tmp_max),
	SHAPE_U64(struct shim_spec, file_max),
	SHAPE_SUB(struct shim_spec, box, shape_shim_box),
	SHAPE_LIST(struct shim_spec, sides, shape_shim_side),
	SHAPE_STRS(struct shim_spec, argv),
	SHAPE_STR(struct shim_spec, runtime),
	SHAPE_STR(struct shim_spec, root),
	SHAPE_STR(struct shim_spec, bundle),
	SHAPE_STR(struct shim_spec, container),
	SHAPE_STR(struct shim_spec, config),
	SHAPE_BOOL(struct shim_spec, hide_unified),
	SHAPE_U32(struct shim_spec, port),
	SHAPE_STR(struct shim_spec, health),
	SHAPE_U64(struct shim_spec, stop),
};
UNUSED static const struct shape shape_shim_spec = SHAPE(struct shim_spec, shim_spec_fields);

UNUSED static const struct shape_field shim_exit_fields[] = {
	SHAPE_ENUM(struct shim_exit, failure, shim_class_names),
	SHAPE_I64(struct shim_exit, code),
	SHAPE_U32(struct shim_exit, signal),
	SHAPE_U64(struct shim_exit, started),
	SHAPE_U64(struct shim_exit, ended),
	SHAPE_U64(struct shim_exit, log),
	SHAPE_U64(struct shim_exit, left_out),
	SHAPE_BOOL(struct shim_exit, truncated),
	SHAPE_U32(struct shim_exit, step),
	SHAPE_STR(struct shim_exit, error),
};
UNUSED static const struct shape shape_shim_exit = SHAPE(struct shim_exit, shim_exit_fields);

UNUSED static const struct shape_field shim_event_fields[] = {
	SHAPE_U64(struct shim_event, t),
	SHAPE_ENUM(struct shim_event, state, shim_state_names),
	SHAPE_U32(struct shim_event, pid),
	SHAPE_U32(struct shim_event, restarts),
	SHAPE_U32(struct shim_event, probes),
	SHAPE_I64(struct shim_event, exit),
	SHAPE_STR(struct shim_event, why),
};
UNUSED static const struct shape shape_shim_event = SHAPE(struct shim_event, shim_event_fields);

UNUSED static const struct shape_field shim_left_fields[] = {
	SHAPE_U32(struct shim_left, pid),     SHAPE_U64(struct shim_left, pid_start),
	SHAPE_STRS(struct shim_left, groups), SHAPE_STR(struct shim_left, runtime),
	SHAPE_STR(struct shim_left, root),    SHAPE_STR(struct shim_left, container),
};
UNUSED static const struct shape shape_shim_left = SHAPE(struct shim_left, shim_left_fields);
