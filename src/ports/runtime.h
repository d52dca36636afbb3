/*
 * Port: runs versions of services. A set is all replicas of one (environment, unit, image). start/stop block for some tens of milliseconds (worker lanes
 * "run/<environment>/<unit>"); poll() is called on the loop and never blocks. Adapters: runtime_local (containers by runc/crun, or processes, each under
 * penstock-shim, in <data>/replicas/...), runtime_fake.
 */
#pragma once
#include "core/effect.h"

struct replica { /* what the world says of one */
	const char *environment, *unit, *image;
	uint32_t index;
	enum replica_state state;
	uint32_t restarts, probes; /* exits since start; failed probes in a row */
	int64_t exit;              /* of the last exit; -signal when killed */
	const char *why; /* "exit 1, 3 times", "HTTP 503 from /healthz, 12 probes in a row", "" */
	const char *address; /* "127.0.0.1" */
	uint32_t port;
	uint64_t since; /* usec of the state's begin */
};
struct runtime_inputs {
	void *ctx;
	enum rc (*rootfs)(void *ctx, const char *image, const char *into, struct strbuf *ret_config,
			  struct err *err);
	enum rc (*secret)(void *ctx, const char *reference, struct strbuf *ret, struct err *err);
	enum rc (*front_door)(void *ctx, const char *environment, const char *unit, char **ret_url,
			      struct err *err); /* for <UNIT>_URL */
};
struct runtime;
struct runtime_ops {
	const char *name;
	enum rc (*start)(struct runtime *r, const struct deploy *d, uint32_t count,
			 const struct runtime_inputs *in, struct err *err);
	enum rc (*stop)(struct runtime *r, const char *environment, const char *unit,
			const char *image, struct err *err);
	int (*fd)(struct runtime *r);
	enum rc (*poll)(struct runtime *r, void (*each)(void *ctx, const struct replica *),
			void *ctx, struct err *err);
	void (*free)(struct runtime *r);
};
struct runtime {
	const struct runtime_ops *ops;
};
/* Bring the set to exactly `count` replicas, index 0..count-1 (more are started; fewer: the highest are stopped gracefully). Idempotent, also across daemons: running ones are
 * left alone. Returns when they are started, not when ready. */
MUST_CHECK static inline enum rc runtime_start(struct runtime *r, const struct deploy *d,
					       uint32_t count, const struct runtime_inputs *in,
					       struct err *err)
{
	return r->ops->start(r, d, count, in, err);
}
/* Stop the whole set: SIGTERM, 5 s, SIGKILL. Take it out of traffic before. Returns when all are gone. Idempotent. */
MUST_CHECK static inline enum rc runtime_stop(struct runtime *r, const char *environment,
					      const char *unit, const char *image, struct err *err)
{
	return r->ops->stop(r, environment, unit, image, err);
}
static inline int runtime_fd(struct runtime *r)
{
	return r->ops->fd(r);
}
/* All replicas of all sets, those of an earlier daemon too, in order of (environment, unit, image, index). */
MUST_CHECK static inline enum rc runtime_poll(struct runtime *r,
					      void (*each)(void *ctx, const struct replica *),
					      void *ctx, struct err *err)
{
	return r->ops->poll(r, each, ctx, err);
}
static inline void runtime_free(struct runtime *r)
{
	if (r)
		r->ops->free(r);
}
