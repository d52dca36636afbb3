/* Versions are planned, written down as desired, started, given traffic, and stopped. */
#include "engine/engine_impl.h"
#include <math.h>

#define DIFF_KEPT ((size_t)64 << 10) /* of a plan's, in the journal */

/* Whole lines of it, and how much is left out. */
static char *diff_kept(const struct strbuf *diff)
{
	AUTO(strbuf_done) struct strbuf to = STRBUF(2 * DIFF_KEPT);
	size_t n = diff->n;

	if (n > DIFF_KEPT)
		for (n = DIFF_KEPT; n && strbuf_cstr(diff)[n - 1] != '\n';)
			n--;
	strbuf_add(&to, strbuf_cstr(diff), n);
	if (n < diff->n)
		strbuf_addf(&to, "... %zu more bytes: they stand in the commit of the desired state\n",
			    diff->n - n);
	return strbuf_take(&to);
}

enum rc perform_plan_deploy(struct engine *e, const struct effect *f, struct outcome *ret,
			    struct err *err)
{
	AUTO(strbuf_done) struct strbuf diff = STRBUF(1 << 20);
	char hash[65];
	enum rc rc = desired_plan(e->w.desired, &f->deploy, &diff, hash, err);

	if (rc != RC_OK)
		return rc;
	ret->ev.kind = EV_DEPLOY_PLANNED;
	ret->ev.rollout = xstrdup(f->rollout);
	ret->ev.digest = xstrdup(hash);
	if (diff.n)
		ret->ev.text = diff_kept(&diff);
	return RC_OK;
}

/* The plan's hash must still hold, or what it wanted must be there already (an earlier try of this very effect). */
static enum rc check_plan(struct engine *e, const struct effect *f, struct err *err)
{
	AUTO(strbuf_done) struct strbuf diff = STRBUF(1 << 20);
	AUTO(freep) char *image = NULL;
	char hash[65];
	enum rc rc =
		desired_image(e->w.desired, f->deploy.environment, f->deploy.unit, &image, err);

	if (rc != RC_OK || streq(image, f->deploy.image))
		return rc;
	rc = desired_plan(e->w.desired, &f->deploy, &diff, hash, err);
	if (rc != RC_OK)
		return rc;
	if (!streq(hash, f->type))
		return err_set(err, RC_CONFLICT,
			       "the desired state of %s in %s changed since plan %.12s was made",
			       f->deploy.unit, f->deploy.environment, f->type);
	return RC_OK;
}

enum rc perform_write_desired(struct engine *e, const struct effect *f, struct outcome *ret,
			      struct err *err)
{
	enum rc rc = f->type ? check_plan(e, f, err) : RC_OK;

	if (rc == RC_OK)
		rc = desired_write(e->w.desired, &f->deploy, f->text ? f->text : "Change",
				   &f->trailers, &ret->ev.commit, err);
	if (rc != RC_OK)
		return rc;
	ret->ev.kind = EV_DESIRED_WRITTEN;
	ret->ev.rollout = xstrdup(f->rollout);
	return RC_OK;
}

enum rc perform_start_replicas(struct engine *e, const struct effect *f, struct outcome *ret,
			       struct err *err)
{
	texts units = {0};

	vec_push(&units, f->deploy.unit);
	vec_each(u, &f->deploy.consumers)
		vec_push(&units, *u);
	enum rc rc = route_services(e->w.route, f->deploy.environment, &units, err);
	vec_done(&units);
	if (rc == RC_OK)
		rc = runtime_start(e->w.runtime, &f->deploy, f->count, &e->runtime_inputs, err);
	if (rc != RC_OK)
		return rc;
	ret->ev.kind = EV_REPLICAS_STARTED;
	ret->ev.rollout = f->rollout ? xstrdup(f->rollout) : NULL;
	ret->ev.ok = true;
	return RC_OK;
}

/* Out of the traffic first, with its open requests answered; then stopped. */
enum rc perform_stop_replicas(struct engine *e, const struct effect *f,
			      const struct order_context *c, struct outcome *ret, struct err *err)
{
	enum rc rc =
		route_servers(e->w.route, f->environment, f->unit, c->servers, c->n_servers, err);

	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return err_wrap(err, "drain %s %.19s", f->unit, f->image);
	rc = runtime_stop(e->w.runtime, f->environment, f->unit, f->image, err);
	if (rc != RC_OK)
		return rc;
	ret->ev.kind = EV_REPLICAS_STOPPED;
	ret->ev.rollout = f->rollout ? xstrdup(f->rollout) : NULL;
	ret->ev.environment = xstrdup(f->environment);
	ret->ev.unit = xstrdup(f->unit);
	ret->ev.image = xstrdup(f->image);
	return RC_OK;
}

enum rc perform_set_weight(struct engine *e, const struct effect *f, struct outcome *ret,
			   struct err *err)
{
	double share = 0;
	enum rc rc = route_set(e->w.route, f->environment, f->unit, f->image, f->weight, err);

	if (rc == RC_OK)
		rc = route_confirm(e->w.route, f->environment, f->unit, f->image, &share, err);
	if (rc == RC_NOT_FOUND && f->weight <= 0)
		rc = RC_OK; /* it never had a server: nothing to take away */
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND
			       ? err_set(err, RC_UNAVAILABLE, "%s of %s has no servers yet",
					 f->image, f->unit)
			       : rc;
	if (fabs(share - f->weight) > (f->weight <= 0 || f->weight >= 1 ? 1e-9 : 0.01))
		return err_set(err, RC_UNAVAILABLE,
			       "%s in %s: %.1f %% ordered, the data plane has %.1f %%", f->unit,
			       f->environment, 100 * f->weight, 100 * share);
	ret->ev.kind = EV_WEIGHT_SET;
	ret->ev.rollout = f->rollout ? xstrdup(f->rollout) : NULL;
	ret->ev.weight = f->weight;
	return RC_OK;
}
