/* Inside penstock-shim: one thread, one poll loop, base only. */
#pragma once
#include "base/logmark.h"
#include "base/mask.h"
#include "shim/spec.h"
#include <sys/types.h>

/* ---- os.c: what the system gives */
usec_t now_wall(void);
usec_t now_mono(void);
void fd_drop(int *fd); /* for AUTO */
char *path_in(const char *dir, const char *name);
bool path_is(const char *dir, const char *name);
MUST_CHECK enum rc write_all(int fd, const void *p, size_t n, struct err *err);
/* Temporary file and rename: a reader sees all or nothing. Not durable. */
MUST_CHECK enum rc write_file(const char *path, struct str bytes, struct err *err);
MUST_CHECK enum rc read_fd(int fd, size_t max, struct strbuf *ret, struct err *err);
MUST_CHECK enum rc read_file(const char *path, size_t max, struct strbuf *ret, struct err *err);
MUST_CHECK enum rc write_text(const char *path, const char *text,
			      struct err *err); /* into a file of the kernel */
uint64_t pid_start(pid_t pid); /* when the process began, in ticks since boot; 0: there is none */

/* ---- group.c: control groups, where the machine lets us */
#define GROUPS_MAX 2
struct group {
	char *paths[GROUPS_MAX];
	int procs[GROUPS_MAX]; /* open cgroup.procs; a child writes "0" to each */
	size_t n;
	char *oom;                      /* file that counts out-of-memory kills; NULL: unknown */
	uint64_t oom_before;            /* its count when the limits were set */
	const char *memory, *tasks;     /* those of the paths that have a limit; NULL: none */
	uint64_t memory_max, tasks_max; /* as set; 0: none */
};
/* Never fails: without control groups it is empty and the limits are left to rlimits. */
void group_make(struct group *g, const char *name, uint64_t memory, uint64_t pids);
/* For one job after another: no limits yet. Empty ones that killed shims left behind are removed. */
void group_make_any(struct group *g, const char *name);
void group_limit(struct group *g, uint64_t memory, uint64_t pids); /* 0: none */
bool group_saw_oom(const struct group *g);
void group_signal(const char *path, int sig); /* every process in it */
void group_end(const char *path);             /* kill all, until it is empty; remove */
void group_done(struct group *g);             /* group_end for all */

/* ---- spawn.c */
struct spawn {
	const char *const *argv;
	const char *const *env;
	const char *dir;
	int out;         /* stdout and stderr */
	const int *keep; /* further descriptors to be inherited, at their numbers */
	size_t nkeep;
	const struct group *group;
	uint64_t file_max, pids; /* rlimits; 0: none */
	bool session;
};
MUST_CHECK enum rc spawn(const struct spawn *s, pid_t *ret,
			 struct err *err); /* dies with the shim */

/* ---- out_end.c: the latest output of a log that is above its cap: a file that is written round and round */
struct out_end {
	char *path;
	int fd;            /* -1: not begun */
	uint64_t size, at; /* at: bytes that were ever put in */
};
/* False: the disk did not take it. */
bool out_end_put(struct out_end *e, const char *p, size_t n);
/* How much of what was put in is gone, when whole lines are wanted. */
uint64_t out_end_lost(const struct out_end *e);
/* Give what is still there from byte `from` on (of all that were put in), in order. */
void out_end_take(struct out_end *e, uint64_t from,
		  void (*each)(void *ctx, const char *p, size_t n), void *ctx);

/* ---- out_index.c: marks beside the log (base/logmark.h) */
#define OUT_LATE 256
struct out_index {
	int fd;     /* -1: none yet */
	char *path; /* NULL: there will be none */
	usec_t next, every;
	unsigned written;
	VEC(struct log_mark)
	late; /* of bytes in out_end: `at` counts from its first byte; steps all, times the last ones */
	uint64_t late_at;
	struct strbuf line;
};
void out_index_open(struct out_index *x, const char *dir);
void out_index_done(struct out_index *x);
void out_index_time(struct out_index *x, uint64_t at);
void out_index_add(struct out_index *x, const struct log_mark *m);
/* The same while bytes go into out_end; kept until it is known where they will stand. */
void out_index_late_time(struct out_index *x, uint64_t at, uint64_t window);
void out_index_late(struct out_index *x, const struct log_mark *m);
/* Byte `lost` of out_end stands at byte `at` of the log. */
void out_index_settle(struct out_index *x, uint64_t lost, uint64_t at);

/* ---- out.c: the masked, capped log */
struct out {
	char *path,
		*older; /* older: rotate into it; NULL: above max, keep the beginning and the end */
	int fd, pipe[2];
	uint64_t max, bytes, left_out; /* bytes: in the file at path */
	struct out_end end;
	struct out_index index;
	struct mask *mask;
	struct mask_stream stream;
	struct strbuf text;
	bool line; /* the file does not end with a line end */
};
MUST_CHECK enum rc out_open(struct out *o, const char *dir, bool rotate, uint64_t max,
			    const struct shim_spec *spec, struct err *err);
void out_done(struct out *o);
bool out_read(
	struct out *o); /* take what the pipe holds, without waiting; false: nothing was there */
void out_step(struct out *o, uint32_t step, const char *name); /* marks where it begins */
void out_step_end(struct out *o, uint32_t step, int64_t exit); /* after out_flush() */
void out_finish(struct out *o); /* put the end of an output above the cap behind its beginning */
void out_note(struct out *o, const char *fmt, ...) PRINTF(2, 3); /* a line of ours */
void out_flush(struct out *o); /* also what masking holds back: at the end of a program */

/* ---- reports.c: copies without secrets, of what the job's programs wrote; when all of them have ended */
void reports_mask(struct out *o, const char *dir, const struct shim_spec *spec);

/* ---- watch.c: signals and the folder, as two descriptors to poll */
struct watch {
	int signals, folder, at; /* at: the watched folder */
	bool polled; /* a user may have 128 inotify instances, and hundreds of replicas: folder is a timer then */
	const char *dir, *name; /* the file that means "end" */
	bool end, child;        /* asked to end; a child changed state */
	bool killed;            /* asked by a signal */
};
MUST_CHECK enum rc watch_open(struct watch *w, const char *dir, const char *name, struct err *err);
void watch_done(struct watch *w);
/* The same for one folder after another; closing an inotify descriptor costs milliseconds. */
MUST_CHECK enum rc watch_signals(struct watch *w, struct err *err);
MUST_CHECK enum rc watch_folder(struct watch *w, const char *dir, const char *name,
				struct err *err);
void watch_rest(struct watch *w);
void watch_read(struct watch *w);

/* ---- env.c */
typedef VEC(const char *) words; /* borrowed, ends with NULL once given away */
/* Of what says no PATH itself. */
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
/* PATH, HOME, LANG, then env, secrets; "KEY=value" texts, owned; with a NULL at the end. */
void env_of(const struct shim_spec *spec, shim_texts *ret);
void texts_free(shim_texts *t); /* wipes */

/* ---- left.c */
void left_write(const char *dir, const struct shim_left *left);
int clean(const char *dir);

/* ---- sandbox.c: how bubblewrap is told */
struct zygote;
struct sandbox {
	struct zygote *zygote; /* zygote.h; NULL: bubblewrap */
	shim_texts args;
	char *tmp;
	unsigned turn; /* runs so far */
	bool mounted;  /* on tmp */
};                     /* tmp: a folder for /tmp that several runs share; NULL: one each */
void sandbox_init(struct sandbox *b, const struct shim_spec *spec, const char *dir,
		  struct zygote *zygote);
void sandbox_done(struct sandbox *b);
/* argument: memory file with its options; status: memory file in which it reports. command NULL: spec->argv. */
MUST_CHECK enum rc sandbox_start(struct sandbox *b, const struct shim_spec *spec,
				 const char *command, const struct group *g, int out, int status,
				 pid_t *ret, struct err *err);
pid_t sandbox_init_pid(int status);          /* 0: not yet */
bool sandbox_exit(int status, int64_t *ret); /* false: it never came to an end of the command */
bool sandbox_saw_oom(int status);            /* as far as it counts that itself */

/* ---- main.c */
MUST_CHECK enum rc shim_spec_read(int fd, struct shim_spec *ret, struct err *err);
void shim_spec_wipe(struct shim_spec *s);
void own_stdio(void);                                    /* descriptors 0 to 2 lead nowhere */
int shim_refuse(const char *dir, const struct err *why); /* into the log; the exit code */

/* ---- host.c: a shim that runs one job after another for a daemon, and outlives it until its job has ended */
struct host {
	struct zygote *zygote;
	struct watch watch;
	int daemon; /* socket; -1: there is none, the shim is for one job */
	pid_t pid;
};
int host_run(int argc, char **argv);

/* The next job may be sent: this one's end is about to be written. */
void host_is_free(struct host *h, const struct watch *w);

/* ---- the two kinds; they return the exit code of the shim */
int job_run(const char *dir, const struct shim_spec *spec, struct host *host);
int replica_run(const char *dir, const struct shim_spec *spec);
