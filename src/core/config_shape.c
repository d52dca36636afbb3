/* The shapes of a config: how it stands in an event, and what config_done() frees. */
#include "core/config_impl.h"

const char *const job_kind_names[] = {"run", "image"};
const char *const strategy_kind_names[] = {"rolling", "canary"};
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

static const struct shape_field retry_fields[] = {SHAPE_U32(struct retry, max),
						  SHAPE_STRS(struct retry, on)};
const struct shape shape_retry = SHAPE(struct retry, retry_fields);

static const struct shape_field image_fields[] = {
	SHAPE_STR(struct image_def, from),    SHAPE_LIST(struct image_def, copy, shape_pair),
	SHAPE_STR(struct image_def, user),    SHAPE_STRS(struct image_def, entrypoint),
	SHAPE_STRS(struct image_def, cmd),    SHAPE_LIST(struct image_def, env, shape_pair),
	SHAPE_STR(struct image_def, workdir),
};
const struct shape shape_image_def = SHAPE(struct image_def, image_fields);

static const struct shape_field job_fields[] = {
	SHAPE_STR(struct job_def, name),
	SHAPE_ENUM(struct job_def, stage, stage_names),
	SHAPE_ENUM(struct job_def, kind, job_kind_names),
	SHAPE_STR(struct job_def, each),
	SHAPE_STRS(struct job_def, needs),
	SHAPE_STRS(struct job_def, inputs),
	SHAPE_STRS(struct job_def, outputs),
	SHAPE_LIST(struct job_def, env, shape_pair),
	SHAPE_LIST(struct job_def, secrets, shape_pair),
	SHAPE_STR(struct job_def, run),
	SHAPE_STRS(struct job_def, finally),
	SHAPE_U64(struct job_def, timeout),
	SHAPE_U64(struct job_def, memory),
	SHAPE_SUB(struct job_def, retry, shape_retry),
	SHAPE_STR(struct job_def, junit),
	SHAPE_BOOL(struct job_def, network),
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

static const struct shape_field config_fields[] = {
	SHAPE_STR(struct config, project),
	SHAPE_STRS(struct config, branches),
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
