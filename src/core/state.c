/* The tables of the five machines. */
#include "core/state.h"

#define TO(state) (uint16_t)(1u << (state))

const uint16_t run_next[6] = {
	[RUN_PLANNED] = TO(RUN_RUNNING) | TO(RUN_PASSED) | TO(RUN_CANCELLED) | TO(RUN_SUPERSEDED),
	[RUN_RUNNING] = TO(RUN_PASSED) | TO(RUN_FAILED) | TO(RUN_CANCELLED) | TO(RUN_SUPERSEDED),
};

const uint16_t job_next[JOB_STATES] = {
	[JOB_BLOCKED] = TO(JOB_READY) | TO(JOB_SKIPPED) | TO(JOB_CANCELLED) | TO(JOB_MANUAL),
	[JOB_MANUAL] = TO(JOB_READY) | TO(JOB_SKIPPED) | TO(JOB_CANCELLED),
	[JOB_READY] = TO(JOB_RUNNING) | TO(JOB_CANCELLED) |
		      TO(JOB_FAILED), /* no agent could ever take it */
	[JOB_RUNNING] = TO(JOB_READY) | TO(JOB_PASSED) | TO(JOB_FLAKY) | TO(JOB_FAILED) |
			TO(JOB_CANCELLED) | TO(JOB_LOST),
	[JOB_LOST] = TO(JOB_READY) | TO(JOB_FAILED) | TO(JOB_CANCELLED),
};

const uint16_t release_next[10] = {
	[RELEASE_BUILT] = TO(RELEASE_STAGING) | TO(RELEASE_REJECTED) | TO(RELEASE_FAILED) |
			  TO(RELEASE_SUPERSEDED),
	[RELEASE_STAGING] = TO(RELEASE_STAGED) | TO(RELEASE_FAILED) | TO(RELEASE_REJECTED),
	[RELEASE_STAGED] = TO(RELEASE_GATED) | TO(RELEASE_REJECTED) | TO(RELEASE_SUPERSEDED) |
			   TO(RELEASE_FAILED),
	[RELEASE_GATED] = TO(RELEASE_PROMOTING) | TO(RELEASE_REJECTED) | TO(RELEASE_SUPERSEDED),
	[RELEASE_PROMOTING] = TO(RELEASE_LIVE) | TO(RELEASE_ROLLED_BACK) | TO(RELEASE_REJECTED),
};

const uint16_t rollout_next[10] = {
	[ROLLOUT_QUEUED] = TO(ROLLOUT_PLANNED) | TO(ROLLOUT_ABORTING),
	[ROLLOUT_PLANNED] = TO(ROLLOUT_APPLYING) | TO(ROLLOUT_ABORTING),
	[ROLLOUT_APPLYING] = TO(ROLLOUT_BAKING) | TO(ROLLOUT_PROMOTING) | TO(ROLLOUT_HOLDING) |
			     TO(ROLLOUT_ABORTING),
	[ROLLOUT_BAKING] = TO(ROLLOUT_PROMOTING) | TO(ROLLOUT_HOLDING) | TO(ROLLOUT_ABORTING),
	[ROLLOUT_PROMOTING] = TO(ROLLOUT_VERIFYING) | TO(ROLLOUT_ABORTING),
	[ROLLOUT_VERIFYING] = TO(ROLLOUT_DONE),
	[ROLLOUT_HOLDING] = TO(ROLLOUT_APPLYING) | TO(ROLLOUT_BAKING) | TO(ROLLOUT_ABORTING),
	[ROLLOUT_ABORTING] = TO(ROLLOUT_ABORTED),
};

const uint16_t incident_next[3] = {
	[INCIDENT_OPEN] = TO(INCIDENT_MITIGATED) | TO(INCIDENT_CLOSED),
	[INCIDENT_MITIGATED] = TO(INCIDENT_CLOSED),
};

static void replace(char **text, const char *by)
{
	if (!by || *text == by)
		return;
	char *copy = xstrdup(by);

	xfree(*text);
	*text = copy;
}

void run_set(struct model *m, struct run *r, enum run_state to, const char *reason)
{
	BUG_ON(!may_follow(run_next, r->state, to));
	model_moved(m, AGG_RUN, r->id, run_state_names[r->state]);
	r->state = to;
	replace(&r->reason, reason);
	if (run_is_final(to))
		r->ended_at = m->time;
	model_touch(m, AGG_RUN, r->id);
}

void job_set(struct model *m, struct job *j, enum job_state to, const char *why)
{
	struct run *run = to == JOB_MANUAL || j->state == JOB_MANUAL ? model_run(m, j->run) : NULL;

	BUG_ON(!may_follow(job_next, j->state, to));
	if (run && to == JOB_MANUAL)
		run->manual++;
	else if (run)
		run->manual--;
	if (run)
		model_touch(m, AGG_RUN, run->id);
	j->state = to;
	replace(&j->why, why);
	if (to == JOB_READY)
		j->ready_at = m->time;
	if (job_is_final(to)) {
		j->settled = true;
		j->ended_at = m->time;
	}
	model_touch(m, AGG_JOB, j->id);
}

void job_reopen(struct model *m, struct job *j, const char *why)
{
	BUG_ON(j->state != JOB_FAILED);
	j->state = JOB_READY;
	j->settled = false;
	j->ready_at = m->time;
	j->ended_at = 0;
	replace(&j->why, why);
	model_touch(m, AGG_JOB, j->id);
}

void release_set(struct model *m, struct release *r, enum release_state to, const char *reason)
{
	BUG_ON(!may_follow(release_next, r->state, to));
	model_moved(m, AGG_RELEASE, r->id, release_state_names[r->state]);
	r->state = to;
	replace(&r->reason, reason);
	if (to == RELEASE_STAGED)
		r->staged_at = m->time;
	if (to == RELEASE_GATED)
		r->gated_at = m->time;
	if (to == RELEASE_LIVE)
		r->live_at = m->time;
	if (release_is_final(to))
		r->ended_at = m->time;
	model_touch(m, AGG_RELEASE, r->id);
}

void rollout_set(struct model *m, struct rollout *ro, enum rollout_state to, const char *reason)
{
	BUG_ON(!may_follow(rollout_next, ro->state, to));
	model_moved(m, AGG_ROLLOUT, ro->id, rollout_state_names[ro->state]);
	if (to == ROLLOUT_HOLDING)
		ro->held_from = ro->state;
	ro->state = to;
	replace(&ro->reason, reason);
	if (to == ROLLOUT_APPLYING && !ro->applied_at)
		ro->applied_at = m->time;
	if (to == ROLLOUT_PROMOTING)
		ro->baked_at = m->time;
	if (rollout_is_final(to))
		ro->ended_at = m->time;
	model_touch(m, AGG_ROLLOUT, ro->id);
}

void incident_set(struct model *m, struct incident *i, enum incident_state to)
{
	BUG_ON(!may_follow(incident_next, i->state, to));
	model_moved(m, AGG_INCIDENT, i->id, incident_state_names[i->state]);
	i->state = to;
	if (to == INCIDENT_MITIGATED)
		i->mitigated_at = m->time;
	if (to == INCIDENT_CLOSED)
		i->closed_at = m->time;
	model_touch(m, AGG_INCIDENT, i->id);
}
