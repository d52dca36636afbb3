/*
 * DORA's five measures of software delivery (dora.dev, as of 2024: throughput is lead time, frequency and recovery time; instability is fail rate and rework
 * rate), from a list of deployments. Pure.
 *
 * A deployment is one version of one service that got production traffic.
 *	change lead time		from the push of its commit to all traffic on it; of those that did not fail
 *	deployment frequency		deployments a day
 *	failed deployment recovery time	from the failure to the end of the harm
 *	change fail rate		share of deployments that needed somebody, or something, to step in at once: taken back, or an incident
 *	deployment rework rate		share of deployments that were not planned but made because of an incident: a return, a revert, a hotfix
 */
#pragma once
#include "base/vec.h"
#include "base/time.h"
#include <stdbool.h>
#include <stdint.h>

#define DORA_DAYS_MAX 800

struct dora_deploy { /* texts are borrowed */
	const char *unit;
	uint32_t number;       /* the caller's name for it: ro-12 */
	uint64_t committed_at; /* 0: not known */
	uint64_t
		at; /* when it got production traffic first; that decides which day it belongs to */
	uint64_t live_at; /* all traffic; 0: never */
	bool failed, rework;
	uint64_t failed_at, recovered_at; /* recovered_at 0: not yet */
};
struct dora_numbers { /* times in usec; 0 of none */
	uint64_t deploys, failed, rework;
	double per_day, fail_rate, rework_rate; /* 0 without deploys */
	uint64_t led, lead_p50, lead_p95;       /* led: deployments that have a lead time */
	uint64_t recovered, recovery_p50, recovery_p95;
};
struct dora_day {
	uint64_t day; /* 00:00 UTC */
	struct dora_numbers n;
	VEC(uint32_t) deploys; /* numbers */
};
struct dora_unit {
	const char *unit;
	struct dora_numbers n;
};
struct dora {
	struct dora_numbers all;
	VEC(struct dora_unit) units; /* in order of name */
	VEC(struct dora_day) days;   /* those with deployments, in order */
};
/* Deployments with from <= at < until; unit NULL: of all. */
void dora_measure(const struct dora_deploy *d, size_t n, uint64_t from, uint64_t until,
		  const char *unit, struct dora *ret);
void dora_done(struct dora *d);
/* The smallest value that at least `share` of them do not exceed; sorts v. 0 of none. */
uint64_t dora_quantile(uint64_t *v, size_t n, double share);
