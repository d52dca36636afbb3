/*
 * Port: tells which branches moved. Never blocks beyond reading small files; used on the loop's thread only. Adapters: watch_local, watch_fake.
 * It compares with what it last reported or was told, so a push that nobody saw (daemon down, hook missing, events lost) is reported later.
 */
#pragma once
#include "base/err.h"
#include <stdbool.h>

struct watch_move {
	const char *repo, *ref, *old_commit,
		*new_commit; /* old NULL: a new branch; new NULL: it is gone; borrowed for the call */
};
struct watch;
struct watch_ops {
	const char *name;
	enum rc (*add)(struct watch *w, const char *repo, const char *path, struct err *err);
	void (*know)(struct watch *w, const char *repo, const char *ref, const char *commit);
	void (*poke)(struct watch *w, const char *repo);
	int (*fd)(struct watch *w);
	enum rc (*poll)(struct watch *w, void (*each)(void *ctx, const struct watch_move *m),
			void *ctx, struct err *err);
	void (*free)(struct watch *w);
};
struct watch {
	const struct watch_ops *ops;
};
/* Watch the repository at path under a name. Its branches are reported by the next poll(), unless know() comes first. Again: a new path. */
MUST_CHECK static inline enum rc watch_add(struct watch *w, const char *repo, const char *path,
					   struct err *err)
{
	return w->ops->add(w, repo, path, err);
}
/* This is where a branch stood when it was last dealt with (commit NULL: not there). Not added: nothing happens. */
static inline void watch_know(struct watch *w, const char *repo, const char *ref,
			      const char *commit)
{
	w->ops->know(w, repo, ref, commit);
}
/* Somebody (the hook) says that this repository moved: fd() becomes readable at once. NULL: look at all of them. */
static inline void watch_poke(struct watch *w, const char *repo)
{
	w->ops->poke(w, repo);
}
/* Readable when poll() should be called. */
static inline int watch_fd(struct watch *w)
{
	return w->ops->fd(w);
}
/* Report moves, in order of repository (as added) and ref. A repository that cannot be read is told once, as the error, after the others' moves; it
 * is looked at again each second. */
MUST_CHECK static inline enum rc watch_poll(struct watch *w,
					    void (*each)(void *ctx, const struct watch_move *),
					    void *ctx, struct err *err)
{
	return w->ops->poll(w, each, ctx, err);
}
static inline void watch_free(struct watch *w)
{
	if (w)
		w->ops->free(w);
}
