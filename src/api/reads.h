/* What the API's readers share: things copied for a worker, from memory or from the store. */
#pragma once
#include "api/api_impl.h"

/* A copy of a thing that the model has, into *to (zeroed). False: it does not have it. */
bool thing_copy(const struct model *m, enum aggregate_kind kind, const char *id, void *to);
/* One that stands in the store; on a worker. RC_NOT_FOUND: "there is no rollout ro-9". */
MUST_CHECK enum rc thing_load(struct store *s, enum aggregate_kind kind, const char *id, void *to,
			      struct err *err);
/* A number when it is not 0; a text when it is not NULL. */
void json_some(struct json_out *o, const char *key, uint64_t value);
void json_word(struct json_out *o, const char *key, const char *value);
/* ?key= as bits of 1 << index in names, several with commas; 0: not asked. The table has checked that each is one of them. */
uint32_t query_names(const struct call *c, const char *key, const char *const *names, size_t n);
/* ?key=; NULL: not given, or empty. */
const char *query_text(const struct call *c, const char *key);
/* "refs/heads/main" -> "main" */
const char *branch_of(const char *ref);

void get_project(struct call *c);
void get_units(struct call *c);
void get_unit(struct call *c);
void get_changes(struct call *c);
void get_change(struct call *c);
void get_artifacts(struct call *c);
void get_artifact(struct call *c);
void get_stages(struct call *c);
void get_gate(struct call *c);
void get_plans(struct call *c);
void get_plan(struct call *c);
void get_verdicts(struct call *c);
void get_marks(struct call *c);
void get_mark(struct call *c);
void get_curves(struct call *c);
void get_graph(struct call *c);
void get_environment_history(struct call *c);
void get_compare(struct call *c);
void get_drift(struct call *c);
void get_windows(struct call *c);
void get_diff(struct call *c);
void get_incident(struct call *c);
void get_postmortem(struct call *c);
void get_runbook(struct call *c);
void get_search(struct call *c);
void get_doctor(struct call *c);
void get_insights(struct call *c);
void get_test_history(struct call *c);
/* settings.c */
void get_secrets(struct call *c);
void get_notifiers(struct call *c);
void get_settings(struct call *c);
