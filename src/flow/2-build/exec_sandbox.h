/* Between the files of the sandbox executor. */
#pragma once
#include "base/mem.h"
#include "flow/2-build/adapters.h"
#include "shim/spec.h"

/* What collect() must know of a job, in <dir>/spec.json: nothing secret. */
struct job_note {
	uint32_t attempt;
	char *job, *path;
	struct reports_def reports;
	uint64_t started;
	texts outputs;
};
extern const struct shape shape_job_note;

struct shim_pool;
struct sandbox_exec {
	struct exec base;
	char *jobs; /* <data>/jobs; below it one folder a job, those with a dot at the front are being prepared */
	char *etc; /* <data>/sandbox/etc: the jobs' /etc */
	char *shim, *bwrap;
	int inotify;
	struct shim_pool *pool;
	struct image *images; /* borrowed; NULL: no containers */
	char *runtime;        /* of containers: runc, crun, podman or docker; NULL: bubblewrap */
	char *docker_host;    /* where its daemon listens */
	char *data;
	char *caches;    /* folder above caches/ of dependencies; data, unless said otherwise */
	usec_t keep_for; /* failed jobs' folders; 0: not kept */
	uint64_t keep_max, cache_max; /* bytes of all kept folders, of all dependency caches */
};

/* ---- exec_sandbox_dir.c */
char *job_dir(const struct sandbox_exec *x, const char *job, bool preparing);
char *dir_path(const char *dir, const char *name); /* "dir/name", the caller's */
MUST_CHECK enum rc job_note_read(const char *dir, struct job_note *ret, struct err *err);
MUST_CHECK enum rc job_note_write(const char *dir, const struct job_note *note, struct err *err);
/* Kill what is left of a job and remove its folder. A missing one is RC_OK. */
MUST_CHECK enum rc job_remove(const struct sandbox_exec *x, const char *dir, struct err *err);
bool job_has_ended(const char *dir); /* an exit file, or nobody who could write one */
/* Make the jobs' /etc. */
MUST_CHECK enum rc sandbox_etc(const struct sandbox_exec *x, struct err *err);

/* ---- exec_sandbox_pool.c: shims that wait for jobs. From any thread. */
struct shim_pool *shim_pool_new(const char *shim);
/* Hand a job to a waiting shim, or to a new one. lock, spec: borrowed descriptors. */
MUST_CHECK enum rc shim_pool_give(struct shim_pool *p, const char *dir, int lock, int spec,
				  struct err *err);
MUST_CHECK enum rc shim_once(struct shim_pool *p, const char *dir, int lock, int spec,
			     struct err *err);
void shim_pool_free(struct shim_pool *p); /* those that wait end, the others after their job */

/* ---- exec_sandbox_spec.c */
/* All that the shim is told; its secrets are to be wiped by shim_spec_wipe(). */
MUST_CHECK enum rc shim_spec_make(const struct sandbox_exec *x, const struct job_spec *spec,
				  const char *dir, const struct exec_inputs *in,
				  struct shim_spec *ret, struct err *err);
void shim_spec_wipe(struct shim_spec *s);
/* Lay sources and the outputs of needs out under dir/work. */
MUST_CHECK enum rc job_inputs(const struct job_spec *spec, const char *dir,
			      const struct exec_inputs *in, struct err *err);

/* ---- exec_sandbox_strict.c */
void strict_rules(const struct job_spec *spec, struct shim_spec *s);

/* ---- exec_sandbox_collect.c */
MUST_CHECK enum rc job_collect(const char *dir, const char *job, const struct exec_inputs *in,
			       struct exec_end *ret, struct err *err);
