/* The fields of every aggregate, once: snapshots, API and replay all read these tables. */
#include "core/model.h"

#define ENUM_TEXT(name, text)         text,
#define ENUM_DEFINE(type, MAP, count) const char *const type##_names[count] = {MAP(ENUM_TEXT)};
ENUM_DEFINE(run_state, RUN_STATE_MAP, 6)
ENUM_DEFINE(job_state, JOB_STATE_MAP, JOB_STATES)
ENUM_DEFINE(change_kind, CHANGE_KIND_MAP, 6)
ENUM_DEFINE(agent_state, AGENT_STATE_MAP, 3)
ENUM_DEFINE(queue_state, QUEUE_STATE_MAP, 4)
ENUM_DEFINE(role, ROLE_MAP, 6)
ENUM_DEFINE(release_state, RELEASE_STATE_MAP, 10)
ENUM_DEFINE(rollout_state, ROLLOUT_STATE_MAP, 10)
ENUM_DEFINE(incident_state, INCIDENT_STATE_MAP, 3)
ENUM_DEFINE(failure, FAILURE_MAP, 7)
ENUM_DEFINE(replica_state, REPLICA_STATE_MAP, 6)
const char *const aggregate_kind_names[AGG_KINDS] = {
	"project", "config",  "run",   "job",    "release", "rollout", "environment", "incident",
	"agent",   "history", "queue", "source", "user",    "token",   "session",     "grant"};

#define T struct change
static const struct shape_field change_fields[] = {
	SHAPE_ENUM(T, kind, change_kind_names),
	SHAPE_STR(T, target),
	SHAPE_STR(T, number),
	SHAPE_BOOL(T, fork),
	SHAPE_STRS(T, labels),
	SHAPE_STR(T, repo),
	SHAPE_STR(T, ref),
	SHAPE_STR(T, commit),
	SHAPE_STR(T, base),
	SHAPE_STR(T, author),
	SHAPE_STR(T, email),
	SHAPE_STR(T, subject),
	SHAPE_STR(T, reverts),
	SHAPE_U64(T, pushed_at),
};
const struct shape shape_change = SHAPE(T, change_fields);
#undef T
#define T struct junit
static const struct shape_field junit_fields[] = {
	SHAPE_U32(T, tests),         SHAPE_U32(T, failed),    SHAPE_U32(T, skipped),
	SHAPE_STR(T, first_failure), SHAPE_STRS(T, failures),
};
const struct shape shape_junit = SHAPE(T, junit_fields);
#undef T
#define T struct file_time
static const struct shape_field file_time_fields[] = {SHAPE_STR(T, file), SHAPE_U64(T, usec)};
const struct shape shape_file_time = SHAPE(T, file_time_fields);
#undef T
#define T struct job_report
static const struct shape_field job_report_fields[] = {
	SHAPE_STR(T, blob),         SHAPE_U32(T, errors),  SHAPE_U32(T, warnings),
	SHAPE_U64(T, lines),        SHAPE_U64(T, covered), SHAPE_U64(T, base_lines),
	SHAPE_U64(T, base_covered), SHAPE_STR(T, cause),
};
const struct shape shape_job_report = SHAPE(T, job_report_fields);
#undef T
#define T struct job
static const struct shape_field job_fields[] = {
	SHAPE_STR(T, id),
	SHAPE_STR(T, run),
	SHAPE_STR(T, unit),
	SHAPE_STR(T, name),
	SHAPE_ENUM(T, stage, stage_names),
	SHAPE_ENUM(T, kind, job_kind_names),
	SHAPE_ENUM(T, state, job_state_names),
	SHAPE_STR(T, key),
	SHAPE_STR(T, why),
	SHAPE_STR(T, release),
	SHAPE_STRS(T, needs),
	SHAPE_STR(T, def),
	SHAPE_LIST(T, matrix, shape_pair),
	SHAPE_U32(T, shard),
	SHAPE_U32(T, shards),
	SHAPE_STRS(T, files),
	SHAPE_STR(T, agent),
	SHAPE_STR(T, group),
	SHAPE_BOOL(T, amber),
	SHAPE_BOOL(T, optional),
	SHAPE_BOOL(T, played),
	SHAPE_U32(T, cpu),
	SHAPE_U64(T, memory),
	SHAPE_U32(T, retries),
	SHAPE_U32(T, flaky_tries),
	SHAPE_U32(T, losses),
	SHAPE_BOOL(T, resumed),
	SHAPE_BOOL(T, unkeyed),
	SHAPE_SUB(T, report, shape_job_report),
	SHAPE_U32(T, attempt),
	SHAPE_U64(T, ready_at),
	SHAPE_U64(T, started_at),
	SHAPE_U64(T, ended_at),
	SHAPE_I64(T, exit),
	SHAPE_ENUM(T, failure, failure_names),
	SHAPE_STR(T, error),
	SHAPE_STR(T, log),
	SHAPE_STR(T, outputs),
	SHAPE_STR(T, image),
	SHAPE_STR(T, evidence),
	SHAPE_SUB(T, junit, shape_junit),
	SHAPE_BOOL(T, settled),
};
static const struct shape shape_job = SHAPE(T, job_fields);
#undef T
#define T struct run
static const struct shape_field run_fields[] = {
	SHAPE_STR(T, id),
	SHAPE_ENUM(T, state, run_state_names),
	SHAPE_SUB(T, change, shape_change),
	SHAPE_STR(T, config),
	SHAPE_STR(T, plan),
	SHAPE_U32(T, jobs),
	SHAPE_U32(T, open),
	SHAPE_U32(T, cached),
	SHAPE_U32(T, unaffected),
	SHAPE_U32(T, failed),
	SHAPE_STR(T, release),
	SHAPE_STR(T, reason),
	SHAPE_STRS(T, affected),
	SHAPE_U32(T, amber),
	SHAPE_U32(T, manual),
	SHAPE_BOOL(T, waits),
	SHAPE_U64(T, budget),
	SHAPE_U64(T, predicted),
	SHAPE_STRS(T, critical),
	SHAPE_STRS(T, advice),
	SHAPE_LIST(T, includes, shape_include_ref),
	SHAPE_LIST(T, images, shape_pair),
	SHAPE_U64(T, created_at),
	SHAPE_U64(T, ended_at),
	SHAPE_U32(T, next_job),
};
static const struct shape shape_run = SHAPE(T, run_fields);
#undef T
#define T struct config_ref
static const struct shape_field config_ref_fields[] = {SHAPE_STR(T, id),
						       SHAPE_SUB(T, config, shape_config)};
static const struct shape shape_config_ref = SHAPE(T, config_ref_fields);
#undef T
#define T struct release_item
static const struct shape_field item_fields[] = {
	SHAPE_STR(T, unit),
	SHAPE_STR(T, image),
	SHAPE_STR(T, key),
	SHAPE_U32(T, wave),
	SHAPE_STR(T, staging_rollout),
	SHAPE_STR(T, production_rollout),
	SHAPE_BOOL(T, staging_done),
	SHAPE_BOOL(T, production_done),
	SHAPE_BOOL(T, staging_skipped),
	SHAPE_BOOL(T, production_skipped),
	SHAPE_BOOL(T, live),
	SHAPE_BOOL(T, taken_back),
	SHAPE_STR(T, evidence_job),
};
static const struct shape shape_item = SHAPE(T, item_fields);
#undef T
#define T struct approval
static const struct shape_field approval_fields[] = {SHAPE_STR(T, actor),   SHAPE_BOOL(T, yes),
						     SHAPE_STR(T, comment), SHAPE_STR(T, note),
						     SHAPE_STR(T, behind),  SHAPE_U64(T, at)};
static const struct shape shape_approval = SHAPE(T, approval_fields);
#undef T
#define T struct requirement
static const struct shape_field requirement_fields[] = {SHAPE_STR(T, kind),   SHAPE_STR(T, state),
							SHAPE_STR(T, reason), SHAPE_U64(T, since),
							SHAPE_U64(T, until),  SHAPE_STRS(T, by)};
static const struct shape shape_requirement = SHAPE(T, requirement_fields);
#undef T
#define T struct gate
static const struct shape_field gate_fields[] = {
	SHAPE_LIST(T, requirements, shape_requirement),
	SHAPE_LIST(T, approvals, shape_approval),
	SHAPE_STR(T, decision),
	SHAPE_STR(T, by),
	SHAPE_U64(T, decided_at),
	SHAPE_STR(T, record),
};
const struct shape shape_gate = SHAPE(T, gate_fields);
#undef T
#define T struct evidence
static const struct shape_field evidence_fields[] = {SHAPE_STR(T, image), SHAPE_STR(T, type),
						     SHAPE_STR(T, stage), SHAPE_STR(T, envelope)};
static const struct shape shape_evidence = SHAPE(T, evidence_fields);
#undef T
#define T struct release
static const struct shape_field release_fields[] = {
	SHAPE_STR(T, id),
	SHAPE_STR(T, run),
	SHAPE_ENUM(T, state, release_state_names),
	SHAPE_SUB(T, change, shape_change),
	SHAPE_STR(T, config),
	SHAPE_LIST(T, items, shape_item),
	SHAPE_LIST(T, evidence, shape_evidence),
	SHAPE_SUB(T, gate, shape_gate),
	SHAPE_STR(T, reason),
	SHAPE_STR(T, environment),
	SHAPE_U32(T, wave),
	SHAPE_BOOL(T, verified),
	SHAPE_BOOL(T, rolling_back),
	SHAPE_U32(T, jobs_open),
	SHAPE_U64(T, built_at),
	SHAPE_U64(T, staged_at),
	SHAPE_U64(T, gated_at),
	SHAPE_U64(T, live_at),
	SHAPE_U64(T, ended_at),
	SHAPE_STR(T, incident),
};
static const struct shape shape_release = SHAPE(T, release_fields);
#undef T
#define T struct verdict_numbers
static const struct shape_field numbers_fields[] = {
	SHAPE_STR(T, answer),        SHAPE_STR(T, metric),   SHAPE_STR(T, lane),
	SHAPE_REAL(T, evidence),     SHAPE_REAL(T, wanted),  SHAPE_REAL(T, harm_evidence),
	SHAPE_REAL(T, harm_wanted),  SHAPE_U64(T, need),     SHAPE_U64(T, canary_n),
	SHAPE_U64(T, canary_errors), SHAPE_U64(T, stable_n), SHAPE_U64(T, stable_errors),
	SHAPE_U64(T, seconds),
};
static const struct shape shape_numbers = SHAPE(T, numbers_fields);
#undef T
#define T struct rollout
static const struct shape_field rollout_fields[] = {
	SHAPE_STR(T, id),
	SHAPE_STR(T, release),
	SHAPE_STR(T, environment),
	SHAPE_STR(T, unit),
	SHAPE_STR(T, image),
	SHAPE_STR(T, previous),
	SHAPE_ENUM(T, state, rollout_state_names),
	SHAPE_ENUM(T, held_from, rollout_state_names),
	SHAPE_SUB(T, strategy, shape_strategy),
	SHAPE_U32(T, step),
	SHAPE_U32(T, replicas),
	SHAPE_U32(T, want),
	SHAPE_U64(T, settled_at),
	SHAPE_U32(T, ready),
	SHAPE_REAL(T, weight),
	SHAPE_REAL(T, confirmed),
	SHAPE_STR(T, plan),
	SHAPE_STR(T, desired),
	SHAPE_STR(T, verdict),
	SHAPE_SUB(T, numbers, shape_numbers),
	SHAPE_STR(T, reason),
	SHAPE_STR(T, cause),
	SHAPE_BOOL(T, is_return),
	SHAPE_BOOL(T, old_stopped),
	SHAPE_BOOL(T, new_stopped),
	SHAPE_U64(T, created_at),
	SHAPE_U64(T, applied_at),
	SHAPE_U64(T, baked_at),
	SHAPE_U64(T, step_at),
	SHAPE_U64(T, ended_at),
	SHAPE_U64(T, harm_at),
	SHAPE_U64(T, verdict_at),
	SHAPE_U64(T, zero_ordered_at),
	SHAPE_U64(T, zero_confirmed_at),
	SHAPE_U32(T, restarts),
	SHAPE_STR(T, smoke_job),
};
static const struct shape shape_rollout = SHAPE(T, rollout_fields);
#undef T
#define T struct live
static const struct shape_field live_fields[] = {SHAPE_STR(T, unit),
						 SHAPE_STR(T, image),
						 SHAPE_STR(T, release),
						 SHAPE_STR(T, previous),
						 SHAPE_STR(T, previous_release),
						 SHAPE_U64(T, since)};
static const struct shape shape_live = SHAPE(T, live_fields);
#undef T
#define T struct pin
static const struct shape_field pin_fields[] = {
	SHAPE_STR(T, id),     SHAPE_STR(T, unit),         SHAPE_STR(T, image), SHAPE_STR(T, actor),
	SHAPE_STR(T, reason), SHAPE_STR(T, until_commit), SHAPE_U64(T, since), SHAPE_U64(T, until)};
static const struct shape shape_pin = SHAPE(T, pin_fields);
#undef T
#define T struct veto
static const struct shape_field veto_fields[] = {
	SHAPE_STR(T, id),       SHAPE_STR(T, unit),   SHAPE_STR(T, image),
	SHAPE_STR(T, actor),    SHAPE_STR(T, reason), SHAPE_STR(T, release),
	SHAPE_STR(T, incident), SHAPE_U64(T, since),  SHAPE_U64(T, until)};
static const struct shape shape_veto = SHAPE(T, veto_fields);
#undef T
#define T struct hold
static const struct shape_field hold_fields[] = {SHAPE_STR(T, id),    SHAPE_STR(T, unit),
						 SHAPE_STR(T, actor), SHAPE_STR(T, reason),
						 SHAPE_U64(T, since), SHAPE_U64(T, until)};
static const struct shape shape_hold = SHAPE(T, hold_fields);
#undef T
#define T struct environment
static const struct shape_field environment_fields[] = {SHAPE_STR(T, id),
							SHAPE_ENUM(T, stage, stage_names),
							SHAPE_LIST(T, live, shape_live),
							SHAPE_LIST(T, pins, shape_pin),
							SHAPE_LIST(T, vetoes, shape_veto),
							SHAPE_LIST(T, holds, shape_hold),
							SHAPE_STRS(T, queue),
							SHAPE_STR(T, active),
							SHAPE_U32(T, next_mark)};
static const struct shape shape_environment = SHAPE(T, environment_fields);
#undef T
#define T struct moment
static const struct shape_field moment_fields[] = {SHAPE_U64(T, at), SHAPE_STR(T, actor),
						   SHAPE_STR(T, text)};
static const struct shape shape_moment = SHAPE(T, moment_fields);
#undef T
#define T struct incident
static const struct shape_field incident_fields[] = {SHAPE_STR(T, id),
						     SHAPE_ENUM(T, state, incident_state_names),
						     SHAPE_STR(T, title),
						     SHAPE_STR(T, unit),
						     SHAPE_STR(T, environment),
						     SHAPE_STR(T, image),
						     SHAPE_STR(T, release),
						     SHAPE_STR(T, rollout),
						     SHAPE_STR(T, run),
						     SHAPE_STR(T, runbook),
						     SHAPE_STR(T, page),
						     SHAPE_STR(T, revert),
						     SHAPE_LIST(T, timeline, shape_moment),
						     SHAPE_U64(T, opened_at),
						     SHAPE_U64(T, mitigated_at),
						     SHAPE_U64(T, closed_at),
						     SHAPE_BOOL(T, paged)};
static const struct shape shape_incident = SHAPE(T, incident_fields);
#undef T
#define T struct repo_ref
static const struct shape_field repo_ref_fields[] = {SHAPE_STR(T, ref), SHAPE_STR(T, commit),
						     SHAPE_STR(T, run)};
static const struct shape shape_repo_ref = SHAPE(T, repo_ref_fields);
#undef T
#define T struct project_repo
static const struct shape_field source_fields[] = {SHAPE_STR(T, id), SHAPE_STR(T, config),
						   SHAPE_LIST(T, refs, shape_repo_ref)};
static const struct shape shape_source = SHAPE(T, source_fields);
#undef T
#define T struct agent
static const struct shape_field agent_fields[] = {
	SHAPE_STR(T, id),          SHAPE_ENUM(T, state, agent_state_names),
	SHAPE_STRS(T, labels),     SHAPE_U32(T, cpu),
	SHAPE_U64(T, memory),      SHAPE_U32(T, used_cpu),
	SHAPE_U64(T, used_memory), SHAPE_U32(T, running),
	SHAPE_STR(T, version),     SHAPE_STR(T, address),
	SHAPE_U64(T, since),       SHAPE_U64(T, lost_at),
};
static const struct shape shape_agent = SHAPE(T, agent_fields);
#undef T
#define T struct failed_key
static const struct shape_field failed_key_fields[] = {SHAPE_STR(T, key), SHAPE_STR(T, job)};
static const struct shape shape_failed_key = SHAPE(T, failed_key_fields);
#undef T
#define T struct flaky_test
static const struct shape_field flaky_test_fields[] = {SHAPE_STR(T, test), SHAPE_STR(T, job),
						       SHAPE_U32(T, count), SHAPE_U64(T, last_at)};
static const struct shape shape_flaky_test = SHAPE(T, flaky_test_fields);
#undef T
#define T struct history
static const struct shape_field history_fields[] = {
	SHAPE_STR(T, id),
	SHAPE_U64(T, usec),
	SHAPE_U32(T, runs),
	SHAPE_U32(T, failed),
	SHAPE_U32(T, flaky),
	SHAPE_U32(T, cached),
	SHAPE_LIST(T, files, shape_file_time),
	SHAPE_LIST(T, tests, shape_flaky_test),
	SHAPE_LIST(T, failed_keys, shape_failed_key),
	SHAPE_U64(T, lines),
	SHAPE_U64(T, covered),
};
static const struct shape shape_history = SHAPE(T, history_fields);
#undef T
#define T struct queue_entry
static const struct shape_field queue_entry_fields[] = {SHAPE_STR(T, ref),   SHAPE_STR(T, commit),
							SHAPE_STR(T, actor), SHAPE_STR(T, number),
							SHAPE_U64(T, since), SHAPE_U32(T, tries)};
static const struct shape shape_queue_entry = SHAPE(T, queue_entry_fields);
#undef T
#define T struct merge_queue
static const struct shape_field queue_fields[] = {
	SHAPE_STR(T, id),
	SHAPE_STR(T, repo),
	SHAPE_STR(T, target),
	SHAPE_ENUM(T, state, queue_state_names),
	SHAPE_LIST(T, entries, shape_queue_entry),
	SHAPE_U32(T, batch),
	SHAPE_U32(T, limit),
	SHAPE_STR(T, tip),
	SHAPE_STR(T, trial),
	SHAPE_STR(T, run),
	SHAPE_BOOL(T, stale),
	SHAPE_STR(T, reason),
	SHAPE_U64(T, reason_at),
	SHAPE_U64(T, since),
};
static const struct shape shape_queue = SHAPE(T, queue_fields);
#undef T
#define T struct schedule_ref
static const struct shape_field schedule_ref_fields[] = {
	SHAPE_STR(T, repo),   SHAPE_STR(T, cron), SHAPE_STR(T, zone), SHAPE_STR(T, rule),
	SHAPE_STR(T, branch), SHAPE_U64(T, next), SHAPE_STR(T, last)};
static const struct shape shape_schedule_ref = SHAPE(T, schedule_ref_fields);
#undef T
#define T struct once
static const struct shape_field once_fields[] = {SHAPE_STR(T, key), SHAPE_STR(T, what),
						 SHAPE_U64(T, seq), SHAPE_U64(T, at),
						 SHAPE_STR(T, who)};
static const struct shape shape_once = SHAPE(T, once_fields);
#undef T
#define T struct project
static const struct shape_field project_fields[] = {
	SHAPE_STR(T, id),        SHAPE_STR(T, name),
	SHAPE_U32(T, slots),     SHAPE_LIST(T, quarantine, shape_quarantine_def),
	SHAPE_U32(T, running),   SHAPE_U32(T, runs),
	SHAPE_U32(T, releases),  SHAPE_U32(T, rollouts),
	SHAPE_U32(T, incidents), SHAPE_LIST(T, schedules, shape_schedule_ref),
	SHAPE_STR(T, config),    SHAPE_U64(T, started),
	SHAPE_STR(T, version),   SHAPE_LIST(T, once, shape_once)};
static const struct shape shape_project = SHAPE(T, project_fields);
#undef T

#define T struct user
static const struct shape_field user_fields[] = {
	SHAPE_STR(T, id),        SHAPE_STR(T, name),       SHAPE_STR(T, email),
	SHAPE_STR(T, issuer),    SHAPE_STR(T, subject),    SHAPE_STRS(T, groups),
	SHAPE_BOOL(T, disabled), SHAPE_U64(T, created_at), SHAPE_U64(T, login_at)};
static const struct shape shape_user = SHAPE(T, user_fields);
#undef T
#define T struct token
static const struct shape_field token_fields[] = {
	SHAPE_STR(T, id),
	SHAPE_STR(T, name),
	SHAPE_STR(T, digest),
	SHAPE_STR(T, owner),
	SHAPE_ENUM(T, role, role_names),
	SHAPE_STR(T, environment),
	SHAPE_STRS(T, groups),
	SHAPE_STR(T, scope),
	SHAPE_BOOL(T, read_only),
	SHAPE_STR(T, actor),
	SHAPE_U64(T, created_at),
	SHAPE_U64(T, until),
	SHAPE_U64(T, used_at),
	SHAPE_U64(T, ended_at),
	SHAPE_STR(T, used_from),
};
static const struct shape shape_token = SHAPE(T, token_fields);
#undef T
#define T struct session
static const struct shape_field session_fields[] = {
	SHAPE_STR(T, id),         SHAPE_STR(T, digest),  SHAPE_STR(T, actor),
	SHAPE_STR(T, token),      SHAPE_STR(T, address), SHAPE_STR(T, agent),
	SHAPE_U64(T, created_at), SHAPE_U64(T, until),   SHAPE_U64(T, ended_at),
	SHAPE_U64(T, begun_at)};
static const struct shape shape_session = SHAPE(T, session_fields);
#undef T
#define T struct grant
static const struct shape_field grant_fields[] = {
	SHAPE_STR(T, id),      SHAPE_STR(T, who),         SHAPE_ENUM(T, role, role_names),
	SHAPE_STR(T, project), SHAPE_STR(T, environment), SHAPE_STR(T, actor),
	SHAPE_U64(T, since),   SHAPE_U64(T, ended_at)};
static const struct shape shape_grant = SHAPE(T, grant_fields);
#undef T

const struct shape *const aggregate_shapes[AGG_KINDS] = {
	&shape_project, &shape_config_ref, &shape_run,         &shape_job,
	&shape_release, &shape_rollout,    &shape_environment, &shape_incident,
	&shape_agent,   &shape_history,    &shape_queue,       &shape_source,
	&shape_user,    &shape_token,      &shape_session,     &shape_grant};

#define T struct facts_instance
static const struct shape_field facts_instance_fields[] = {
	SHAPE_U32(T, id),     SHAPE_BOOL(T, canary), SHAPE_U32(T, n),      SHAPE_U32(T, errors),
	SHAPE_U32(T, over50), SHAPE_U32(T, over95),  SHAPE_U32(T, over99), SHAPE_U32(T, slow50),
	SHAPE_U32(T, slow95), SHAPE_U32(T, slow99)};
const struct shape shape_facts_instance = SHAPE(T, facts_instance_fields);
#undef T
#define T struct facts_latency
static const struct shape_field facts_latency_fields[] = {
	SHAPE_U64(T, stable), SHAPE_U64(T, allowed), SHAPE_U64(T, canary)};
const struct shape shape_facts_latency = SHAPE(T, facts_latency_fields);
#undef T
#define T struct facts_window
static const struct shape_field facts_window_fields[] = {
	SHAPE_U64(T, second), SHAPE_LIST(T, instances, shape_facts_instance),
	SHAPE_SUB(T, p50, shape_facts_latency), SHAPE_SUB(T, p95, shape_facts_latency),
	SHAPE_SUB(T, p99, shape_facts_latency)};
const struct shape shape_facts_window = SHAPE(T, facts_window_fields);
#undef T
