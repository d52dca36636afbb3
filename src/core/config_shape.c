/* The shapes of a config: how it stands in an event, and what config_done() frees. */
#include "core/config_impl.h"

const char *const job_kind_names[] = {"run", "image"};
const char *const strategy_kind_names[] = {"rolling", "canary"};
const char *const forks_names[] = {"approve", "never", "always"};
static const char *const require_kind_names[] = {
#define X(name, text) text,
	REQUIRE_MAP(X)
#undef X
};

static const struct shape_field pair_fields[] = {SHAPE_STR(struct pair, key),
						 SHAPE_STR(struct pair, value)};
const struct shape shape_pair = SHAPE(struct pair, pair_fields);

static const struct shape_field unit_fields[] = {
	SHAPE_STR(struct unit, name),
	SHAPE_STR(struct unit, path),
	SHAPE_BOOL(struct unit, library),
	SHAPE_STRS(struct unit, deps),
	SHAPE_STRS(struct unit, provides),
	SHAPE_STRS(struct unit, consumes),
	SHAPE_U32(struct unit, port),
	SHAPE_STR(struct unit, health),
	SHAPE_U32(struct unit, replicas),
	SHAPE_U64(struct unit, memory),
	SHAPE_LIST(struct unit, env, shape_pair),
	SHAPE_LIST(struct unit, secrets, shape_pair),
	SHAPE_STRS(struct unit, owners),
	SHAPE_U32(struct unit, line),
};
const struct shape shape_unit = SHAPE(struct unit, unit_fields);

static const struct shape_field retry_fields[] = {
	SHAPE_U32(struct retry, max), SHAPE_STRS(struct retry, on), SHAPE_STRS(struct retry, exit)};
const struct shape shape_retry = SHAPE(struct retry, retry_fields);

static const struct shape_field image_fields[] = {
	SHAPE_STR(struct image_def, from),    SHAPE_LIST(struct image_def, copy, shape_pair),
	SHAPE_STR(struct image_def, user),    SHAPE_STRS(struct image_def, entrypoint),
	SHAPE_STRS(struct image_def, cmd),    SHAPE_LIST(struct image_def, env, shape_pair),
	SHAPE_STR(struct image_def, workdir),
};
const struct shape shape_image_def = SHAPE(struct image_def, image_fields);

static const struct shape_field axis_fields[] = {SHAPE_STR(struct axis, name),
						 SHAPE_STRS(struct axis, values)};
static const struct shape shape_axis = SHAPE(struct axis, axis_fields);

static const struct shape_field combination_fields[] = {
	SHAPE_LIST(struct combination, v, shape_pair)};
static const struct shape shape_combination = SHAPE(struct combination, combination_fields);

static const struct shape_field matrix_fields[] = {
	SHAPE_LIST(struct matrix, axes, shape_axis),
	SHAPE_LIST(struct matrix, include, shape_combination),
	SHAPE_LIST(struct matrix, exclude, shape_combination),
};
static const struct shape shape_matrix = SHAPE(struct matrix, matrix_fields);

static const struct shape_field service_fields[] = {
	SHAPE_STR(struct service_def, name),
	SHAPE_STR(struct service_def, image),
	SHAPE_LIST(struct service_def, env, shape_pair),
	SHAPE_STR(struct service_def, ready),
	SHAPE_U32(struct service_def, port),
	SHAPE_STRS(struct service_def, args),
	SHAPE_U64(struct service_def, memory),
	SHAPE_U64(struct service_def, start),
};
static const struct shape shape_service = SHAPE(struct service_def, service_fields);

static const struct shape_field step_fields[] = {SHAPE_STR(struct step_def, name),
						 SHAPE_STR(struct step_def, run),
						 SHAPE_U64(struct step_def, timeout)};
static const struct shape shape_step = SHAPE(struct step_def, step_fields);

static const struct shape_field cache_fields[] = {SHAPE_STRS(struct cache_def, key),
						  SHAPE_STRS(struct cache_def, paths),
						  SHAPE_STR(struct cache_def, name)};
static const struct shape shape_cache = SHAPE(struct cache_def, cache_fields);

static const struct shape_field group_fields[] = {SHAPE_STR(struct group_def, name),
						  SHAPE_BOOL(struct group_def, supersede)};
static const struct shape shape_group = SHAPE(struct group_def, group_fields);

static const struct shape_field split_fields[] = {SHAPE_U32(struct split_def, into),
						  SHAPE_STR(struct split_def, files),
						  SHAPE_BOOL(struct split_def, by_timing)};
static const struct shape shape_split = SHAPE(struct split_def, split_fields);

static const struct shape_field flaky_fields[] = {SHAPE_U32(struct flaky_def, retry),
						  SHAPE_BOOL(struct flaky_def, quarantine)};
static const struct shape shape_flaky = SHAPE(struct flaky_def, flaky_fields);

static const struct shape_field reports_fields[] = {
	SHAPE_STR(struct reports_def, junit),    SHAPE_STR(struct reports_def, sarif),
	SHAPE_STR(struct reports_def, coverage), SHAPE_STR(struct reports_def, problems),
	SHAPE_STR(struct reports_def, summary),
};
static const struct shape shape_reports = SHAPE(struct reports_def, reports_fields);

static const struct shape_field id_token_fields[] = {SHAPE_STR(struct id_token_def, name),
						     SHAPE_STRS(struct id_token_def, aud),
						     SHAPE_U32(struct id_token_def, line)};
static const struct shape shape_id_token = SHAPE(struct id_token_def, id_token_fields);

static const struct shape_field job_fields[] = {
	SHAPE_STR(struct job_def, name),
	SHAPE_ENUM(struct job_def, stage, stage_names),
	SHAPE_ENUM(struct job_def, kind, job_kind_names),
	SHAPE_STR(struct job_def, each),
	SHAPE_STRS(struct job_def, needs),
	SHAPE_STRS(struct job_def, inputs),
	SHAPE_BOOL(struct job_def, installs),
	SHAPE_STRS(struct job_def, outputs),
	SHAPE_LIST(struct job_def, env, shape_pair),
	SHAPE_LIST(struct job_def, secrets, shape_pair),
	SHAPE_LIST(struct job_def, id_tokens, shape_id_token),
	SHAPE_STR(struct job_def, run),
	SHAPE_STRS(struct job_def, finally),
	SHAPE_U64(struct job_def, timeout),
	SHAPE_U64(struct job_def, memory),
	SHAPE_SUB(struct job_def, retry, shape_retry),
	SHAPE_LIST(struct job_def, steps, shape_step),
	SHAPE_U32(struct job_def, cpu),
	SHAPE_SUB(struct job_def, reports, shape_reports),
	SHAPE_BOOL(struct job_def, network),
	SHAPE_STR(struct job_def, condition),
	SHAPE_SUB(struct job_def, matrix, shape_matrix),
	SHAPE_LIST(struct job_def, services, shape_service),
	SHAPE_LIST(struct job_def, caches, shape_cache),
	SHAPE_SUB(struct job_def, group, shape_group),
	SHAPE_SUB(struct job_def, split, shape_split),
	SHAPE_SUB(struct job_def, flaky, shape_flaky),
	SHAPE_STR(struct job_def, container),
	SHAPE_STRS(struct job_def, labels),
	SHAPE_BOOL(struct job_def, manual),
	SHAPE_BOOL(struct job_def, allow_failure),
	SHAPE_BOOL(struct job_def, strict),
	SHAPE_BOOL(struct job_def, trusted),
	SHAPE_STR(struct job_def, extends),
	SHAPE_SUB(struct job_def, image, shape_image_def),
	SHAPE_U32(struct job_def, line),
};
const struct shape shape_job_def = SHAPE(struct job_def, job_fields);

static const struct shape_field require_fields[] = {
	SHAPE_ENUM(struct require, kind, require_kind_names),
	SHAPE_STRS(struct require, stages),
	SHAPE_BOOL(struct require, is_signed),
	SHAPE_U32(struct require, count),
	SHAPE_STRS(struct require, by),
	SHAPE_U32(struct require, line),
};
static const struct shape shape_require = SHAPE(struct require, require_fields);

static const struct shape_field approve_fields[] = {
	SHAPE_U32(struct approve_def, count),
	SHAPE_STRS(struct approve_def, by),
	SHAPE_BOOL(struct approve_def, not_author),
	SHAPE_U64(struct approve_def, expires),
};
static const struct shape shape_approve = SHAPE(struct approve_def, approve_fields);

static const struct shape_field window_fields[] = {
	SHAPE_BOOL(struct window_def, allow), SHAPE_STR(struct window_def, span),
	SHAPE_STR(struct window_def, zone),   SHAPE_STR(struct window_def, rule),
	SHAPE_U32(struct window_def, line),
};
static const struct shape shape_window = SHAPE(struct window_def, window_fields);

static const struct shape_field gate_fields[] = {
	SHAPE_LIST(struct gate_def, require, shape_require),
	SHAPE_SUB(struct gate_def, approve, shape_approve),
	SHAPE_LIST(struct gate_def, windows, shape_window),
};
static const struct shape shape_gate_def = SHAPE(struct gate_def, gate_fields);

static const struct shape_field weight_fields[] = {SHAPE_REAL(struct weight, share)};
static const struct shape shape_weight = SHAPE(struct weight, weight_fields);

static const struct shape_field strategy_fields[] = {
	SHAPE_ENUM(struct strategy, kind, strategy_kind_names),
	SHAPE_LIST(struct strategy, steps, shape_weight),
	SHAPE_REAL(struct strategy, error_margin),
	SHAPE_REAL(struct strategy, latency_margin),
	SHAPE_BOOL(struct strategy, compare_errors),
	SHAPE_BOOL(struct strategy, compare_p50),
	SHAPE_BOOL(struct strategy, compare_p95),
	SHAPE_BOOL(struct strategy, compare_p99),
	SHAPE_REAL(struct strategy, guard_error_rate),
	SHAPE_U64(struct strategy, min_bake),
	SHAPE_U64(struct strategy, max),
};
const struct shape shape_strategy = SHAPE(struct strategy, strategy_fields);

static const struct shape_field environment_fields[] = {SHAPE_STR(struct environment_def, name),
							SHAPE_STR(struct environment_def, target)};
static const struct shape shape_environment_def = SHAPE(struct environment_def, environment_fields);

static const struct shape_field notify_fields[] = {SHAPE_STR(struct notify_def, kind),
						   SHAPE_STR(struct notify_def, url),
						   SHAPE_STR(struct notify_def, name)};
const struct shape shape_notify_def = SHAPE(struct notify_def, notify_fields);

static const struct shape_field schedule_fields[] = {
	SHAPE_STR(struct schedule_def, cron), SHAPE_STR(struct schedule_def, zone),
	SHAPE_STR(struct schedule_def, rule), SHAPE_STR(struct schedule_def, branch),
	SHAPE_U32(struct schedule_def, line),
};
static const struct shape shape_schedule = SHAPE(struct schedule_def, schedule_fields);

static const struct shape_field queue_fields[] = {SHAPE_BOOL(struct queue_def, on),
						  SHAPE_STRS(struct queue_def, branches),
						  SHAPE_U32(struct queue_def, batch)};
static const struct shape shape_queue_def = SHAPE(struct queue_def, queue_fields);

static const struct shape_field quarantine_fields[] = {
	SHAPE_STR(struct quarantine_def, test),  SHAPE_STR(struct quarantine_def, unit),
	SHAPE_STR(struct quarantine_def, owner), SHAPE_STR(struct quarantine_def, reason),
	SHAPE_U64(struct quarantine_def, until), SHAPE_U32(struct quarantine_def, line),
};
const struct shape shape_quarantine_def = SHAPE(struct quarantine_def, quarantine_fields);

static const struct shape_field include_fields[] = {SHAPE_STR(struct include_ref, from),
						    SHAPE_STR(struct include_ref, digest)};
const struct shape shape_include_ref = SHAPE(struct include_ref, include_fields);

static const struct shape_field config_fields[] = {
	SHAPE_STR(struct config, project),
	SHAPE_STRS(struct config, branches),
	SHAPE_STRS(struct config, tags),
	SHAPE_BOOL(struct config, tag_releases),
	SHAPE_BOOL(struct config, pull_requests),
	SHAPE_STRS(struct config, pull_branches),
	SHAPE_ENUM(struct config, forks, forks_names),
	SHAPE_SUB(struct config, queue, shape_queue_def),
	SHAPE_LIST(struct config, schedules, shape_schedule),
	SHAPE_LIST(struct config, quarantine, shape_quarantine_def),
	SHAPE_LIST(struct config, includes, shape_include_ref),
	SHAPE_BOOL(struct config, infer),
	SHAPE_LIST(struct config, units, shape_unit),
	SHAPE_LIST(struct config, jobs, shape_job_def),
	SHAPE_U64(struct config, ci_budget),
	SHAPE_STR(struct config, staging_env),
	SHAPE_STR(struct config, production_env),
	SHAPE_SUB(struct config, gate, shape_gate_def),
	SHAPE_SUB(struct config, staging_strategy, shape_strategy),
	SHAPE_SUB(struct config, production_strategy, shape_strategy),
	SHAPE_STRS(struct config, order),
	SHAPE_BOOL(struct config, rollback),
	SHAPE_STR(struct config, page),
	SHAPE_STR(struct config, runbook),
	SHAPE_LIST(struct config, environments, shape_environment_def),
	SHAPE_LIST(struct config, notify, shape_notify_def),
};
const struct shape shape_config = SHAPE(struct config, config_fields);
