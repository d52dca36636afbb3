/*
 * Port: desired state of an environment as commits. Blocking (lane "env/<name>"). Adapters: desired_git (a bare repository <data>/env/<environment>.git), desired_fake.
 * One file a service, services/<unit>.yml: image digest, replicas, strategy, with the deploy's data; trailers Penstock-Run, Penstock-Release, Reviewed-by ...
 */
#pragma once
#include "core/effect.h"

struct desired;
struct desired_ops {
	const char *name;
	enum rc (*plan)(struct desired *d, const struct deploy *want, struct strbuf *ret_diff,
			char ret_hash[65], struct err *err);
	enum rc (*write)(struct desired *d, const struct deploy *want, const char *subject,
			 const pairs *trailers, char **ret_commit, struct err *err);
	enum rc (*image)(struct desired *d, const char *environment, const char *unit,
			 char **ret_image, struct err *err);
	void (*free)(struct desired *d);
};
struct desired {
	const struct desired_ops *ops;
};
/* What writing would change: a unified diff for people, and the hash of (environment, unit, old blob, new blob). */
MUST_CHECK static inline enum rc desired_plan(struct desired *d, const struct deploy *want,
					      struct strbuf *ret_diff, char ret_hash[65],
					      struct err *err)
{
	return d->ops->plan(d, want, ret_diff, ret_hash, err);
}
/* Idempotent: when the file is like that already, *ret_commit is the commit that stands. */
MUST_CHECK static inline enum rc desired_write(struct desired *d, const struct deploy *want,
					       const char *subject, const pairs *trailers,
					       char **ret_commit, struct err *err)
{
	return d->ops->write(d, want, subject, trailers, ret_commit, err);
}
/* NULL in *ret_image: nothing desired yet. */
MUST_CHECK static inline enum rc desired_image(struct desired *d, const char *environment,
					       const char *unit, char **ret_image, struct err *err)
{
	return d->ops->image(d, environment, unit, ret_image, err);
}
static inline void desired_free(struct desired *d)
{
	if (d)
		d->ops->free(d);
}
