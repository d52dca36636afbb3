/*
 * Port: runs jobs. start() and collect() block for some milliseconds (worker lanes); poll() is called on the loop and never blocks.
 * Adapters: exec_sandbox (bubblewrap under penstock-shim, in <data>/jobs/<job>/), exec_fake.
 */
#pragma once
#include "core/effect.h"

/* Where a job's inputs come from: filled by the engine, so that an executor needs no other port. */
struct exec_inputs {
	void *ctx;
	/* Lay paths of the change's repository out under `into` (as scm_materialise). */
	enum rc (*sources)(void *ctx, const struct change *c, const texts *paths, const char *into,
			   struct err *err);
	/* Lay an output manifest out. own: the folder below `into` that the job may write to ("." all of it, NULL none); all else is read-only files,
	 * which may be the store's own. */
	enum rc (*outputs)(void *ctx, const char *manifest, const char *into, const char *own,
			   struct err *err);
	enum rc (*secret)(void *ctx, const char *reference, struct strbuf *ret, struct err *err);
	enum rc (*keep_outputs)(void *ctx, const char *dir, const texts *globs, char **ret_manifest,
				struct err *err); /* collect into the store */
	enum rc (*keep_file)(void *ctx, const char *path, char **ret_hex, struct err *err);
};
struct exec_end { /* how a job ended */
	char *job;
	uint32_t attempt;
	int64_t exit;
	enum failure failure;
	char *error;
	char *log, *outputs; /* digests; outputs NULL unless it passed */
	struct junit junit;
	struct job_report report;
	VEC(struct file_time) times; /* of tests, by file */
	uint64_t started_at, ended_at;
};
extern const struct shape shape_exec_end;
void exec_end_done(struct exec_end *e);
struct exec_seen {
	const char *job;
	uint32_t attempt;
	bool running;
}; /* running false: ended, collect() is due */

struct exec;
struct exec_ops {
	const char *name;
	enum rc (*start)(struct exec *x, const struct job_spec *spec, const struct exec_inputs *in,
			 struct err *err);
	enum rc (*cancel)(struct exec *x, const char *job, struct err *err);
	int (*fd)(struct exec *x);
	enum rc (*poll)(struct exec *x, void (*each)(void *ctx, const struct exec_seen *seen),
			void *ctx, struct err *err);
	enum rc (*collect)(struct exec *x, const char *job, const struct exec_inputs *in,
			   struct exec_end *ret, struct err *err);
	enum rc (*forget)(struct exec *x, const char *job, struct err *err);
	enum rc (*log)(struct exec *x, const char *job, uint64_t from, size_t max,
		       struct strbuf *ret, bool *ret_ended, struct err *err);
	void (*free)(struct exec *x);
	enum rc (*marks)(struct exec *x, const char *job, uint64_t from, size_t max,
			 struct strbuf *ret, struct err *err);
};
/* For those that have none. */
enum rc exec_no_marks(struct exec *x, const char *job, uint64_t from, size_t max,
		      struct strbuf *ret, struct err *err);
struct exec {
	const struct exec_ops *ops;
};
/* Start, or do nothing when this job and attempt was started before (also by an earlier daemon). An older attempt's remains are removed. */
MUST_CHECK static inline enum rc exec_start(struct exec *x, const struct job_spec *s,
					    const struct exec_inputs *in, struct err *err)
{
	return x->ops->start(x, s, in, err);
}
/* Kill the whole tree; finally commands run; the end is reported by poll(). Unknown job: RC_OK. */
MUST_CHECK static inline enum rc exec_cancel(struct exec *x, const char *job, struct err *err)
{
	return x->ops->cancel(x, job, err);
}
/* Readable when poll() should be called; -1: only by time (the engine polls each second anyway). */
static inline int exec_fd(struct exec *x)
{
	return x->ops->fd(x);
}
/* Every job known to the executor, after a restart too; each is called for all of them. A shim that died without a word counts as ended. */
MUST_CHECK static inline enum rc exec_poll(struct exec *x,
					   void (*each)(void *ctx, const struct exec_seen *),
					   void *ctx, struct err *err)
{
	return x->ops->poll(x, each, ctx, err);
}
/* The result of an ended job; keeps outputs, log, JUnit in the store. Idempotent until forget(). FAILURE_INFRA when the shim was lost. */
MUST_CHECK static inline enum rc exec_collect(struct exec *x, const char *job,
					      const struct exec_inputs *in, struct exec_end *ret,
					      struct err *err)
{
	return x->ops->collect(x, job, in, ret, err);
}
/* Remove its folder. */
MUST_CHECK static inline enum rc exec_forget(struct exec *x, const char *job, struct err *err)
{
	return x->ops->forget(x, job, err);
}
/* Bytes of the (masked) log from an offset; RC_NOT_FOUND after forget(). */
MUST_CHECK static inline enum rc exec_log(struct exec *x, const char *job, uint64_t from,
					  size_t max, struct strbuf *ret, bool *ret_ended,
					  struct err *err)
{
	return x->ops->log(x, job, from, max, ret, ret_ended, err);
}
/* Bytes of the marks beside the log (base/logmark.h) from an offset. */
MUST_CHECK static inline enum rc exec_marks(struct exec *x, const char *job, uint64_t from,
					    size_t max, struct strbuf *ret, struct err *err)
{
	return x->ops->marks(x, job, from, max, ret, err);
}
static inline void exec_free(struct exec *x)
{
	if (x)
		x->ops->free(x);
}
