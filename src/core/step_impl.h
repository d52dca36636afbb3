/* What the parts of step() share. Inside core only. */
#pragma once
#include "core/state.h"

struct step {
	struct model *m;
	const struct event *ev;
	struct effects *out;
	struct err *err;
};

/* Order an effect; the lane is formatted. The pointer is good until the next order(). */
struct effect *order(struct step *s, enum effect_kind kind, const char *lane, ...) PRINTF(3, 4);
/* A timer that comes back as EV_TIMER with this subject (stands in release, rollout or environment by the caller) and text. */
struct effect *order_timer(struct step *s, uint64_t at, const char *what);

/* Text members: set a copy, release what stood there. */
void set_text(char **member, const char *value);
void set_textf(char **member, const char *fmt, ...) PRINTF(2, 3);
void copy_change(struct change *to, const struct change *from);
bool texts_has(const texts *list, const char *value);
void texts_add(texts *list, const char *value);
void texts_del(texts *list, const char *value);

/* step_run.c */
enum rc on_started(struct step *s);
enum rc on_ref_moved(struct step *s);
enum rc on_change_planned(struct step *s);
enum rc on_change_refused(struct step *s);
void run_cancel(struct step *s, struct run *run, enum run_state to, const char *reason);
void run_begin(struct step *s, struct run *run); /* its jobs may start */
const struct config *repo_config(
	const struct model *m,
	const char *repo);                 /* as a trusted change of it last said; NULL: none did */
char *main_branch(const struct config *c); /* refs/heads/...; c may be NULL; the caller's */
void job_of_def(struct job *job, const struct job_def *def, const struct unit *unit,
		const struct change *change);        /* cpu, memory, group, optional */
void run_touch_all(struct step *s, struct run *run); /* the run and its jobs */
/* step_job.c */
enum rc on_job_started(struct step *s);
enum rc on_job_ended(struct step *s);
struct job *job_new(struct step *s, struct run *run, enum stage stage, const char *unit,
		    const char *name);
void job_settled(struct step *s, struct job *job); /* tells dependents, run or release */
void job_begin(struct step *s,
	       struct job *job); /* it may run when it waits for nothing: ready, or manual */
void job_lost(struct step *s, struct job *job,
	      const char *reason); /* its agent is gone: elsewhere when that is safe, else failed */
void run_settle(struct step *s, struct run *run); /* ends it when nothing is open */
void run_count_open(
	struct step *s,
	struct run *run); /* of one that has ended: a person started, or stopped, something of it */
bool test_quarantined(const struct step *s, const struct job *job, const char *test);
void job_make_ready(struct step *s, struct job *job, const char *why);
/* schedule.c: which ready job goes where, when */
void schedule(struct step *s);
void agent_take(struct step *s,
		struct job *job); /* job->agent, cpu, memory are set: it runs there from now on */
void agent_give(struct step *s, struct job *job); /* it does not any more */
/* step_agent.c */
void agent_local(struct step *s); /* EV_STARTED: the daemon's own machine, as it is now */
bool agent_owns(
	const struct job *job, const struct
	event *ev); /* the event tells of this very attempt, from where it runs (event's id; NULL: local) */
void on_agent_timer(struct step *s); /* EV_TIMER with text "agent" */
enum rc on_agent(struct step *s);
enum rc on_drain(struct step *s);
/* forecast.c: how long a run takes and took */
void run_predict(struct step *s,
		 struct run *run); /* once its jobs are there: fills run->predicted */
void run_review(struct step *s, struct run *run); /* it ended: fills critical and advice */
/* history.c: what earlier runs taught */
void history_learn(
	struct step *s,
	struct job *job); /* its end, with s->ev: durations, files' times, coverage, failed keys */
const struct failed_key *history_failed_key(const struct model *m,
					    const struct job *job); /* the same key failed before */
void history_flaky(struct step *s, struct job *job,
		   const texts *tests); /* these tests failed, and passed without a change */
/* step_queue.c: the merge queue */
enum rc on_queue_add(struct step *s);
enum rc on_queue_del(struct step *s);
enum rc on_merged(struct step *s);
enum rc on_landed(struct step *s);
void queue_run_ended(struct step *s, struct run *run); /* a CHANGE_QUEUE run */
bool queue_wants(
	const struct model *m,
	const struct change
		*c); /* a CHANGE_QUEUE: is it still the one to test? else no run is made of it */
void queue_run_began(struct step *s, const struct run *run);
void queue_target_moved(
	struct step *s, const char *repo,
	const char *ref);            /* after project.refs says so: any branch, target or entry */
void on_queue_timer(struct step *s); /* EV_TIMER with text "queue" */
/* step_cron.c: runs by the clock */
void schedules_arm(
	struct step *s, const char *repo,
	const struct config *c);    /* penstock.yml was read: the next times become timers */
void on_cron_timer(struct step *s); /* EV_TIMER with text "cron" */
/* step_stage.c: the jobs of a stage of a release; whether there is any that the release waits for */
bool stage_jobs_start(struct step *s, struct release *r, enum stage stage);
/* step_spec.c */
void fill_spec(struct step *s, struct job *job, struct job_spec *spec);
/* step_release.c */
void release_create(struct step *s, struct run *run);
void release_job_ended(struct step *s, struct job *job);
void release_push(struct step *s, struct release *r);        /* whatever can happen next, happens */
void release_touch_ended(struct step *s, struct release *r); /* its snapshots become "ended" */
void release_break(struct step *s, struct release *r,
		   const char *reason); /* something of it failed here: take all of it back */
void release_end(struct step *s, struct release *r, enum release_state to, const char *reason);
enum rc on_attested(struct step *s);
enum rc on_evidence_verified(struct step *s);
struct release_item *release_item(struct release *r, const char *unit);
/* step_evidence.c */
void attest_stage(struct step *s, struct release *r, enum stage stage);
void attest_decision(struct step *s, struct release *r);
bool evidence_complete(const struct release *r, enum stage stage);
const struct evidence *evidence_find(const struct release *r, const char *image, const char *type,
				     enum stage stage);
/* step_gate.c */
void gate_evaluate(struct step *s, struct release *r);
enum rc on_approve(struct step *s);
/* step_environment.c */
struct environment *environment_of(struct step *s, const char *name, enum stage stage);
void environment_next(struct step *s, struct environment *env);
void environment_free(struct step *s, struct environment *env, struct release *r);
struct live *environment_live(const struct environment *env, const char *unit);
const struct veto *environment_veto(const struct environment *env, const char *unit,
				    const char *image, usec_t now);
const struct pin *environment_pin(const struct environment *env, const char *unit, usec_t now);
const struct hold *environment_hold(const struct environment *env, const char *unit, usec_t now);
void environment_add_veto(struct step *s, struct environment *env, const struct rollout *ro,
			  const char *actor, const char *reason);
void environment_look_again(struct step *s,
			    struct environment *env); /* its marks changed: what waited may go */
void environment_unpin_commit(struct step *s, const char *commit);
struct environment *environment_for(const struct model *m, const struct release *r,
				    enum stage stage);
/* step_rollout.c */
struct rollout *rollout_new(struct step *s, struct release *r, struct environment *env,
			    const char *unit, const char *image, bool is_return);
struct rollout *rollout_active(const struct model *m, const char *environment, const char *unit);
void rollout_push(struct step *s, struct rollout *ro);
void rollout_finish(struct step *s, struct rollout *ro);
enum rc on_deploy_planned(struct step *s);
enum rc on_desired_written(struct step *s);
enum rc on_replica(struct step *s);
enum rc on_replicas_started(struct step *s);
enum rc on_replicas_stopped(struct step *s);
enum rc on_weight_set(struct step *s);
/* step_watch.c */
enum rc on_history(struct step *s);
enum rc on_facts(struct step *s);
void watch_step(struct step *s,
		struct rollout *ro); /* the step was passed: evidence for the next begins */
/* step_abort.c */
void rollout_abort(struct step *s, struct rollout *ro, const char *cause, const char *reason);
void revert_in_git(struct step *s, struct release *r, const char *reason);
enum rc on_change_reverted(struct step *s);
enum rc on_notified(struct step *s);
void incident_say(struct step *s, struct incident *i, const char *fmt, ...) PRINTF(3, 4);
struct incident *incident_of_rollout(const struct model *m, const struct rollout *ro);
struct incident *incident_open(struct step *s, struct rollout *ro, const char *title);
void incident_notify(struct step *s, const struct incident *i, const char *event);
/* step_person.c */
enum rc on_promote(struct step *s);
enum rc on_abort(struct step *s);
enum rc on_rollback(struct step *s);
enum rc on_pin(struct step *s);
enum rc on_unpin(struct step *s);
enum rc on_veto(struct step *s);
enum rc on_unveto(struct step *s);
enum rc on_hold(struct step *s);
enum rc on_unhold(struct step *s);
enum rc on_incident_note(struct step *s);
enum rc on_incident_mitigate(struct step *s);
enum rc on_incident_close(struct step *s);
enum rc on_rerun(struct step *s);
enum rc on_start_job(struct step *s);
enum rc on_quarantine(struct step *s);
enum rc on_unquarantine(struct step *s);
/* step_access.c */
enum rc on_user(struct step *s);
enum rc on_token(struct step *s);
enum rc on_token_end(struct step *s);
enum rc on_token_used(struct step *s);
enum rc on_login(struct step *s);
enum rc on_logout(struct step *s);
enum rc on_grant(struct step *s);
enum rc on_grant_end(struct step *s);
void access_evict(struct step *s); /* forget sessions, tokens and grants that ended */
/* step_upkeep.c */
enum rc on_timer(struct step *s);
enum rc on_effect_failed(struct step *s);
void run_again(
	struct step *s); /* after a start: what should run is started again where it does not */
void forget_ended(struct step *s);
void evict(struct step *s); /* forget what ended long ago */
