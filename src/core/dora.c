#include "core/dora.h"
#include "base/str.h"
#include "core/sort.h"

#include <math.h>

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t dora_quantile(uint64_t *v, size_t n, double share)
{
	if (!n)
		return 0;
	sort_stable(v, n, sizeof(*v), by_number);
	double at = ceil(share * (double)n);
	size_t rank = at < 1 ? 1 : at > (double)n ? n : (size_t)at;
	return v[rank - 1];
}

/* The measures of chosen deployments; days: how long the time is that they are of. */
static struct dora_numbers measure(const struct dora_deploy *const *d, size_t n, double days)
{
	struct dora_numbers r = {.deploys = n};
	uint64_t *lead = xcalloc(n + 1, sizeof(*lead)), *recovery = xcalloc(n + 1, sizeof(*lead));

	for (size_t i = 0; i < n; i++) {
		r.failed += d[i]->failed;
		r.rework += d[i]->rework;
		if (!d[i]->failed && d[i]->committed_at && d[i]->live_at >= d[i]->committed_at)
			lead[r.led++] = d[i]->live_at - d[i]->committed_at;
		if (d[i]->failed && d[i]->failed_at && d[i]->recovered_at >= d[i]->failed_at)
			recovery[r.recovered++] = d[i]->recovered_at - d[i]->failed_at;
	}
	r.lead_p50 = dora_quantile(lead, r.led, 0.5);
	r.lead_p95 = dora_quantile(lead, r.led, 0.95);
	r.recovery_p50 = dora_quantile(recovery, r.recovered, 0.5);
	r.recovery_p95 = dora_quantile(recovery, r.recovered, 0.95);
	r.per_day = days > 0 ? (double)n / days : 0;
	r.fail_rate = n ? (double)r.failed / (double)n : 0;
	r.rework_rate = n ? (double)r.rework / (double)n : 0;
	xfree(lead);
	xfree(recovery);
	return r;
}

static int by_time(const void *a, const void *b)
{
	const struct dora_deploy *x = *(const struct dora_deploy *const *)a,
				 *y = *(const struct dora_deploy *const *)b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

static int by_unit(const void *a, const void *b)
{
	const struct dora_deploy *x = *(const struct dora_deploy *const *)a,
				 *y = *(const struct dora_deploy *const *)b;

	return strcmp(x->unit, y->unit);
}

static void add_days(struct dora *ret, const struct dora_deploy *const *d, size_t n)
{
	for (size_t i = 0, end; i < n && ret->days.n < DORA_DAYS_MAX; i = end) {
		uint64_t day = d[i]->at - d[i]->at % USEC_DAY;

		for (end = i; end < n && d[end]->at - d[end]->at % USEC_DAY == day; end++)
			;
		vec_add(&ret->days);
		struct dora_day *to = vec_last(&ret->days);
		to->day = day;
		to->n = measure(d + i, end - i, 1);
		for (size_t k = i; k < end; k++)
			vec_push(&to->deploys, d[k]->number);
	}
}

static void add_units(struct dora *ret, const struct dora_deploy **d, size_t n, double days)
{
	sort_stable(d, n, sizeof(*d), by_unit);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i; end < n && streq(d[end]->unit, d[i]->unit); end++)
			;
		vec_push(&ret->units,
			 ((struct dora_unit){d[i]->unit, measure(d + i, end - i, days)}));
	}
}

void dora_measure(const struct dora_deploy *d, size_t n, uint64_t from, uint64_t until,
		  const char *unit, struct dora *ret)
{
	const struct dora_deploy **chosen = xcalloc(n + 1, sizeof(*chosen));
	double days = until > from ? (double)(until - from) / (double)USEC_DAY : 0;
	size_t found = 0;

	*ret = (struct dora){0};
	for (size_t i = 0; i < n; i++)
		if (d[i].at >= from && d[i].at < until && (!unit || streq(d[i].unit, unit)))
			chosen[found++] = &d[i];
	ret->all = measure(chosen, found, days);
	sort_stable(chosen, found, sizeof(*chosen), by_time);
	add_days(ret, chosen, found);
	add_units(ret, chosen, found, days);
	xfree(chosen);
}

void dora_done(struct dora *d)
{
	vec_each(day, &d->days)
		vec_done(&day->deploys);
	vec_done(&d->days);
	vec_done(&d->units);
}
