/* How the verdict of a rollout is fed: for step(), and for whoever follows from the journal what it said. */
#pragma once
#include "core/facts.h"
#include "core/model.h"
#include "core/verdict.h"

/* What holds for a step (from 0): the design's defaults, then what penstock.yml says. */
void watch_config(const struct strategy *st, uint32_t step, struct verdict_config *ret);
void watch_feed(struct verdict *v, const struct facts_window *w);
extern const char *const verdict_answer_names[3], *const verdict_metric_names[VERDICT_METRICS],
							  *const verdict_lane_names[5];
/* An evidence for people: "17.3", "2255", "over a million". The caller's. */
char *watch_evidence_text(double evidence);
