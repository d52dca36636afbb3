/* The merge queue: changes are merged as they would land; the target moves to what was tested. */
#include "engine/engine_impl.h"

enum rc perform_merge(struct engine *e, const struct effect *f, struct outcome *ret,
		      struct err *err)
{
	const struct scm_merge merge = {.target = f->change.target,
					.tip = f->change.commit,
					.ref = f->change.ref,
					.id = f->type,
					.heads = &f->ids,
					.names = &f->trailers};

	ret->ev.kind = EV_MERGED;
	ret->ev.id = xstrdup(f->type);
	return scm_merge(e->w.scm, f->change.repo, &merge, &ret->ev.commit, &ret->ev.ids, err);
}

/* That the target stands elsewhere is an answer, too. */
enum rc perform_land(struct engine *e, const struct effect *f, struct outcome *ret, struct err *err)
{
	enum rc rc = scm_land(e->w.scm, f->change.repo, &f->change, err);

	ret->ev.kind = EV_LANDED;
	ret->ev.id = xstrdup(f->type);
	ret->ev.ok = rc == RC_OK;
	if (rc == RC_CONFLICT)
		ret->ev.error = xstrdup(err->msg);
	return rc == RC_CONFLICT ? RC_OK : rc;
}
