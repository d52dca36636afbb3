/*
 * Port: images of containers, from registries and from OCI layouts. Blocking, safe from any thread and any number of processes.
 * Adapters: image_disk (<data>/images), image_fake.
 */
#pragma once
#include "core/config.h"

/* An image whose file system is here. */
struct image_root {
	char *digest; /* "sha256:...", what the name meant */
	char *path;   /* absolute; its file system, never to be written */
	pairs env;
	texts entrypoint, cmd;
	char *cwd;  /* NULL: "/" */
	char *user; /* as the image says; NULL: root */
	uint32_t uid, gid;
};
extern const struct shape shape_image_root;
void image_root_done(struct image_root *r);

/* How to pull. NULL: with our logins, and nobody is told. */
struct image_how {
	bool anonymous; /* for somebody who is not to profit from our logins: what only they can see is RC_DENIED, also when it is here already */
	/* Called from several threads, one at a time; false: stop. May be NULL. */
	bool (*progress)(void *ctx, const char *what, uint64_t have, uint64_t size);
	void *ctx;
};

struct image;
struct image_ops {
	const char *name;
	enum rc (*resolve)(struct image *i, const char *ref, char **ret_digest, char **ret_warning,
			   struct err *err);
	enum rc (*pull)(struct image *i, const char *ref, const struct image_how *how,
			struct image_root *ret, struct err *err);
	enum rc (*prune)(struct image *i, uint64_t max, uint64_t *ret_freed, struct err *err);
	void (*free)(struct image *i);
};
struct image {
	const struct image_ops *ops;
};
/*
 * What a name ("node:20", "oci:/folder") means now: "sha256:...". A name with a digest means that, without a question. An answer is good for ten
 * minutes; when the registry does not answer, the last one is given with a warning (else *ret_warning stays as it was). RC_NOT_FOUND: no such image;
 * RC_DENIED: it wants a login; RC_INVALID: not a name.
 */
MUST_CHECK static inline enum rc image_resolve(struct image *i, const char *ref, char **ret_digest,
					       char **ret_warning, struct err *err)
{
	return i->ops->resolve(i, ref, ret_digest, ret_warning, err);
}
/* Make sure that it is here ("name@sha256:..." is not resolved again), and say where. Every blob is checked, up to four are fetched at a time. Stopped: RC_CONFLICT. */
MUST_CHECK static inline enum rc image_pull(struct image *i, const char *ref,
					    const struct image_how *how, struct image_root *ret,
					    struct err *err)
{
	return i->ops->pull(i, ref, how, ret, err);
}
/* Remove the longest unused ones until no more than max bytes are kept; none that was used within an hour. */
MUST_CHECK static inline enum rc image_prune(struct image *i, uint64_t max, uint64_t *ret_freed,
					     struct err *err)
{
	return i->ops->prune(i, max, ret_freed, err);
}
static inline void image_free(struct image *i)
{
	if (i)
		i->ops->free(i);
}
