/* The shapes of a plan: how it stands in an event, and what plan_done() frees. */
#include "core/plan.h"

const char *const plan_state_names[] = {
#define X(name, text) text,
	PLAN_STATE_MAP(X)
#undef X
};

static const struct shape_field entry_fields[] = {SHAPE_STR(struct tree_entry, path),
						  SHAPE_STR(struct tree_entry, oid),
						  SHAPE_U32(struct tree_entry, mode)};
const struct shape shape_tree_entry = SHAPE(struct tree_entry, entry_fields);

static const struct shape_field slice_fields[] = {SHAPE_STR(struct lock_slice, unit),
						  SHAPE_STR(struct lock_slice, path),
						  SHAPE_STR(struct lock_slice, digest)};
static const struct shape shape_slice = SHAPE(struct lock_slice, slice_fields);

static const struct shape_field facts_fields[] = {
	SHAPE_STR(struct tree_facts, commit),
	SHAPE_STR(struct tree_facts, tree),
	SHAPE_LIST(struct tree_facts, entries, shape_tree_entry),
	SHAPE_LIST(struct tree_facts, slices, shape_slice),
};
static const struct shape shape_tree_facts = SHAPE(struct tree_facts, facts_fields);

static const struct shape_field input_fields[] = {SHAPE_STR(struct plan_input, path),
						  SHAPE_STR(struct plan_input, oid),
						  SHAPE_U32(struct plan_input, mode)};
static const struct shape shape_plan_input = SHAPE(struct plan_input, input_fields);

static const struct shape_field job_fields[] = {
	SHAPE_STR(struct plan_job, unit),
	SHAPE_STR(struct plan_job, job),
	SHAPE_STR(struct plan_job, def),
	SHAPE_LIST(struct plan_job, matrix, shape_pair),
	SHAPE_U32(struct plan_job, shard),
	SHAPE_U32(struct plan_job, shards),
	SHAPE_STRS(struct plan_job, files),
	SHAPE_ENUM(struct plan_job, stage, stage_names),
	SHAPE_ENUM(struct plan_job, kind, job_kind_names),
	SHAPE_STR(struct plan_job, key),
	SHAPE_STR(struct plan_job, rest),
	SHAPE_ENUM(struct plan_job, state, plan_state_names),
	SHAPE_STR(struct plan_job, why),
	SHAPE_STRS(struct plan_job, needs),
	SHAPE_STR(struct plan_job, outputs),
	SHAPE_STR(struct plan_job, image),
	SHAPE_LIST(struct plan_job, inputs, shape_plan_input),
};
const struct shape shape_plan_job = SHAPE(struct plan_job, job_fields);

static const struct shape_field unit_fields[] = {
	SHAPE_STR(struct plan_unit, name),
	SHAPE_BOOL(struct plan_unit, affected),
	SHAPE_STR(struct plan_unit, why),
	SHAPE_U32(struct plan_unit, wave),
};
const struct shape shape_plan_unit = SHAPE(struct plan_unit, unit_fields);

static const struct shape_field plan_fields[] = {
	SHAPE_LIST(struct plan, units, shape_plan_unit),
	SHAPE_LIST(struct plan, jobs, shape_plan_job),
	SHAPE_STR(struct plan, hash),
	SHAPE_LIST(struct plan, images, shape_pair),
};
const struct shape shape_plan = SHAPE(struct plan, plan_fields);

void plan_done(struct plan *p)
{
	if (p)
		shape_done(&shape_plan, p);
}

void tree_facts_done(struct tree_facts *t)
{
	if (t)
		shape_done(&shape_tree_facts, t);
}
