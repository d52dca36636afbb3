/* Could this state have come from windows? Load asks, about bytes that anyone may have sent. */
#include "verdict_impl.h"

static bool count(uint64_t n)
{
	return n <= LAST_SECOND;
}

static bool second(uint64_t s)
{
	return s == NO_SECOND || s <= LAST_SECOND;
}

static bool range(const double *x, size_t n, double low, double high)
{
	for (size_t i = 0; i < n; i++)
		if (!(x[i] >= low && x[i] <= high))
			return false;
	return true;
}

static bool valid_sums(const struct sums *s)
{
	bool ok = count(s->n);

	for (unsigned m = 0; m < HARM_METRICS; m++)
		ok = ok && s->k[m] <= s->n;
	return ok && s->instances <= s->n;
}

static bool valid_duel(const struct duel *d)
{
	return count(d->nc) && count(d->ns) && d->kc <= d->nc && d->ks <= d->ns;
}

static bool valid_bet(const struct bet *b)
{
	return count(b->windows) && range(&b->cash, 1, 0.0, 1.0) &&
	       range(b->wealth, BETS, 0.0, WEALTH_MAX);
}

/* A placebo's share is part of the whole: bets subtract one from the other. */
static bool valid_open(const struct tally *t, const struct sums *rest)
{
	bool ok = t->n <= rest->n;

	for (unsigned m = 0; m < HARM_METRICS; m++)
		ok = ok && t->k[m] <= t->n && t->k[m] <= rest->k[m] &&
		     rest->n - t->n >= rest->k[m] - t->k[m];
	return ok && (t->n == 0 || rest->instances > 0);
}

static bool valid_placebo(const struct verdict_history *h, const struct placebo *p)
{
	bool ok = p->id < VERDICT_FOLDED_STABLE && p->seen <= h->last && h->last != NO_SECOND &&
		  p->skip < 1U << (ROBUSTS * HARM_METRICS);

	for (unsigned r = 0; r < ROBUSTS; r++)
		ok = ok && valid_open(&p->open[r], &h->rest[r]);
	for (unsigned t = 0; t < TRACKS; t++)
		for (unsigned j = 0; j < BETS; j++)
			ok = ok && (p->cusum[t][j] == 0.0F ||
				    (p->cusum[t][j] >= 1.0F && p->cusum[t][j] < 1.1e30F));
	return ok;
}

bool verdict_history_valid(const struct verdict_history *h)
{
	bool ok = second(h->last) && count(h->windows) && range(&h->exposure, 1, 0.0, 1e18) &&
		  range(h->g, TRACKS, 0.0, 1.1e30) && range(&h->error_ratio, 1, 0.1, 100.0) &&
		  range(&h->error_margin, 1, 0.0, 0.9);

	for (unsigned i = 0; i < 2; i++)
		ok = ok && range(h->scatter[i], HARM_METRICS, 0.0, 1e100) &&
		     range(h->expected[i], HARM_METRICS, 0.0, 1e100);
	for (unsigned r = 0; r < ROBUSTS; r++) {
		ok = ok && valid_sums(&h->rest[r]) && second(h->open[r]);
		if (h->open[r] != NO_SECOND) /* at most just about to begin */
			ok = ok && h->last != NO_SECOND && h->open[r] <= h->last + 1;
		else
			ok = ok && h->rest[r].n == 0;
	}
	for (uint32_t i = 0; ok && i < h->n; i++)
		ok = valid_placebo(h, &h->placebo[i]) &&
		     (i == 0 || h->placebo[i - 1].id < h->placebo[i].id);
	return ok;
}

static bool valid_promote(const struct promote *p)
{
	return range(p->log_f, BETS, -1e100, 1e100) && range(p->log_w, BETS, -1e100, 1e100) &&
	       valid_duel(&p->batch) && valid_duel(&p->all) &&
	       range(&p->passed_evidence, 1, 0.0, 1e150);
}

static bool valid_early(const struct early *e)
{
	uint32_t kept = e->n < YOUTH ? e->n : YOUTH;

	for (uint32_t i = 1; i < kept; i++)
		for (unsigned m = 0; m < HARM_METRICS; m++)
			if (e->total[i][m] < e->total[i - 1][m])
				return false;
	return count(e->all) && e->all >= e->n;
}

static bool valid_times(const struct verdict *v)
{
	if (v->first_canary == NO_SECOND || v->last_canary == NO_SECOND)
		return v->first_canary == v->last_canary;
	return v->first_canary <= v->last_canary && v->hist.last != NO_SECOND &&
	       v->last_canary <= v->hist.last;
}

/* Equal to what it would be made: field by field, for padding has no value. */
static bool valid_config(const struct verdict_config *c)
{
	struct verdict_config s = *c;

	verdict_config_sane(&s);
	const double off[] = {c->alpha - s.alpha,
			      c->beta - s.beta,
			      c->error_ratio - s.error_ratio,
			      c->error_margin - s.error_margin,
			      c->latency_ratio - s.latency_ratio,
			      c->promote_error_margin - s.promote_error_margin,
			      c->promote_latency_ratio - s.promote_latency_ratio,
			      c->guard_error_rate - s.guard_error_rate,
			      c->min_bake - s.min_bake};
	return range(off, sizeof(off) / sizeof(off[0]), 0.0, 0.0) && c->metrics == s.metrics;
}

bool verdict_valid(const struct verdict *v)
{
	bool ok = valid_config(&v->cfg) && verdict_history_valid(&v->hist) && valid_times(v) &&
		  count(v->canary_n) && count(v->stable_n) && v->canary_errors <= v->canary_n &&
		  v->stable_errors <= v->stable_n && v->skip < 1U << (ROBUSTS * HARM_METRICS) &&
		  valid_bet(&v->guard) && valid_early(&v->early);
	for (unsigned i = 0; i < TRACKS; i++)
		ok = ok && valid_bet(&v->bets[i]);
	for (unsigned r = 0; r < ROBUSTS; r++)
		ok = ok && valid_sums(&v->open[r]);
	for (unsigned m = 0; m < HARM_METRICS; m++)
		ok = ok && valid_promote(&v->promote[m]);
	return ok && range(&v->alarm.evidence, 1, 0.0, 1e150) &&
	       range(&v->alarm.wanted, 1, 0.0, 1e150);
}
