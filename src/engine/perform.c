/* An effect is carried out through the ports. Runs on workers: nothing of the engine's own state is touched here. */
#include "engine/engine_impl.h"

static enum rc perform_cancel(struct engine *e, const struct effect *f, struct outcome *ret,
			      struct err *err)
{
	ret->silent = true;
	return exec_cancel(e->w.exec, f->job, err);
}

enum rc perform(struct engine *e, const struct effect *f, const struct order_context *c,
		struct outcome *ret, struct err *err)
{
	switch (f->kind) {
	case EF_READ_CHANGE:
		return perform_read_change(e, f, c, ret, err);
	case EF_START_JOB:
		return perform_start_job(e, f, ret, err);
	case EF_CANCEL_JOB:
		return perform_cancel(e, f, ret, err);
	case EF_PACK_IMAGE:
		return perform_pack(e, f, ret, err);
	case EF_ATTEST:
		return perform_attest(e, f, ret, err);
	case EF_VERIFY_EVIDENCE:
		return perform_verify(e, f, ret, err);
	case EF_PLAN_DEPLOY:
		return perform_plan_deploy(e, f, ret, err);
	case EF_WRITE_DESIRED:
		return perform_write_desired(e, f, ret, err);
	case EF_START_REPLICAS:
		return perform_start_replicas(e, f, ret, err);
	case EF_STOP_REPLICAS:
		return perform_stop_replicas(e, f, c, ret, err);
	case EF_SET_WEIGHT:
		return perform_set_weight(e, f, ret, err);
	case EF_REVERT_CHANGE:
		return perform_revert(e, f, ret, err);
	case EF_NOTIFY:
		return perform_notify(e, f, c, ret, err);
	case EF_MERGE:
		return perform_merge(e, f, ret, err);
	case EF_LAND:
		return perform_land(e, f, ret, err);
	case EF_WATCH:
	case EF_TIMER:
		break;
	}
	return err_set(err, RC_INTERNAL, "%s is no work for a worker", effect_kind_names[f->kind]);
}

/* Given up: the answer that core waits for, with the error in it; or, where core waits for none, that it failed. */
void fail_outcome(const struct effect *f, const struct err *err, struct event *ret)
{
	*ret = (struct event){.error = xstrdup(err->msg), .rc = err->rc};
	ret->rollout = f->rollout ? xstrdup(f->rollout) : NULL;
	ret->release = f->release ? xstrdup(f->release) : NULL;
	ret->job = f->job ? xstrdup(f->job) : NULL;
	ret->image = f->image ? xstrdup(f->image) : NULL;
	ret->type = f->type ? xstrdup(f->type) : NULL;
	ret->environment = f->environment ? xstrdup(f->environment) : NULL;
	ret->incident = f->incident ? xstrdup(f->incident) : NULL;
	ret->stage = f->stage;
	switch (f->kind) {
	case EF_READ_CHANGE:
		ret->kind = EV_CHANGE_REFUSED;
		shape_copy(&shape_change, &ret->change, &f->change);
		return;
	case EF_START_JOB:
	case EF_PACK_IMAGE:
		ret->kind = EV_JOB_ENDED;
		ret->failure = err->rc == RC_INVALID || err->rc == RC_TOO_BIG ? FAILURE_OUTPUT
									      : FAILURE_INFRA;
		ret->exit = -1;
		ret->count = f->spec.attempt;
		ret->id = f->spec.agent ? xstrdup(f->spec.agent) : NULL;
		return;
	case EF_ATTEST:
		ret->kind = EV_ATTESTED;
		return;
	case EF_VERIFY_EVIDENCE:
		ret->kind = EV_EVIDENCE_VERIFIED;
		return;
	case EF_PLAN_DEPLOY:
		ret->kind = EV_DEPLOY_PLANNED;
		return;
	case EF_WRITE_DESIRED:
		ret->kind = EV_DESIRED_WRITTEN;
		return;
	case EF_START_REPLICAS:
		ret->kind = EV_REPLICAS_STARTED;
		return;
	case EF_REVERT_CHANGE:
		ret->kind = EV_CHANGE_REVERTED;
		return;
	case EF_NOTIFY:
		ret->kind = EV_NOTIFIED;
		return;
	case EF_MERGE:
	case EF_LAND:
		ret->kind = f->kind == EF_MERGE ? EV_MERGED : EV_LANDED;
		ret->id = f->type ? xstrdup(f->type) : NULL;
		return;
	case EF_CANCEL_JOB:
	case EF_STOP_REPLICAS:
	case EF_SET_WEIGHT:
	case EF_WATCH:
	case EF_TIMER:
		break;
	}
	ret->kind = EV_EFFECT_FAILED;
	xfree(ret->type);
	ret->type = xstrdup(effect_kind_names[f->kind]);
}
