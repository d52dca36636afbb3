/* Evidence that the canary is not worse by more than the margin: the mean of two e-processes. */
#include <string.h>

#include "verdict_impl.h"

#define BATCH           50   /* canary requests */
#define LIKELIHOOD_PART 0.75 /* of the evidence; the rest is the batch form's */
/* Expected latency rates count for 5 events next to the seen ones. Of the stable tail 0.4 is taken
 * to lie above the promotion ratio x the threshold (lognormal, 1.5: 0.6, 0.3, 0.2). */
#define PRIOR_EVENTS    5.0
#define CANARY_TAIL     0.4

/* Denser at the top than the harm bets: what is looked for is a clear "not worse". */
static const double size[BETS] = {0.9, 0.75, 0.6, 0.45, 0.3, 0.15, 0.06, 0.02};

void verdict_promote_init(struct promote *p)
{
	memset(p, 0, sizeof(*p));
}

/* Valid under any dependence inside the batch: only its means are bet on. */
static void close_batch(struct promote *p, double ratio, double margin)
{
	const struct duel *b = &p->batch;
	double x = ratio * (double)b->ks / (double)b->ns + margin - (double)b->kc / (double)b->nc;

	x /= 1.0 - margin;
	for (unsigned j = 0; j < BETS; j++)
		p->log_w[j] += verdict_log(1.0 + size[j] * x);
	p->batch = (struct duel){0};
}

/* log F += kc log(1 - y) + ks log(1 + rho y) + nc d y: E exp <= 1 when pc >= r ps + d. */
static void add_likelihood(struct promote *p, const struct duel *d, double ratio, double margin)
{
	double nc = (double)d->nc, rho = ratio * nc / (double)d->ns;

	for (unsigned j = 0; j < BETS; j++) {
		double y = size[j], f = nc * margin * y;
		if (d->kc > 0)
			f += (double)d->kc * verdict_log(1.0 - y);
		if (d->ks > 0)
			f += (double)d->ks * verdict_log(1.0 + rho * y);
		p->log_f[j] += f;
	}
}

void verdict_promote_add(struct promote *p, const struct duel *d, double ratio, double margin)
{
	p->all.nc += d->nc;
	p->all.kc += d->kc;
	p->all.ns += d->ns;
	p->all.ks += d->ks;
	if (d->nc > 0 && d->ns > 0)
		add_likelihood(p, d, ratio, margin);
	p->batch.nc += d->nc;
	p->batch.kc += d->kc;
	p->batch.ns += d->ns;
	p->batch.ks += d->ks;
	if (p->batch.nc >= BATCH && p->batch.ns > 0)
		close_batch(p, ratio, margin);
}

double verdict_promote_log_evidence(const struct promote *p, double dispersion)
{
	double f = verdict_log_mean_exp(p->log_f, 1.0 / dispersion);
	double w = verdict_log_mean_exp(p->log_w, 1.0);
	double top = f > w ? f : w;

	return top + verdict_log(LIKELIHOOD_PART * verdict_exp(f - top) +
				 (1.0 - LIKELIHOOD_PART) * verdict_exp(w - top));
}

/* Expected event rates when nothing is wrong: stable, and canary (above the promotion ratio). */
static void expected_rates(const struct promote *p, unsigned metric, double *ret_stable,
			   double *ret_canary)
{
	static const double tail[HARM_METRICS] = {0.0, 0.5, 0.05, 0.01};
	if (metric == VERDICT_ERRORS) {
		*ret_stable = p->all.ns > 0 ? (double)p->all.ks / (double)p->all.ns : 0.0;
		*ret_canary = *ret_stable;
		return;
	}
	*ret_stable = ((double)p->all.ks + PRIOR_EVENTS) /
		      ((double)p->all.ns + PRIOR_EVENTS / tail[metric]);
	*ret_canary = ((double)p->all.kc + PRIOR_EVENTS) /
		      ((double)p->all.nc + PRIOR_EVENTS / (CANARY_TAIL * *ret_stable));
}

uint64_t verdict_promote_need(const struct promote *p, unsigned metric, double margin, double ratio,
			      double dispersion, double log_wanted)
{
	double ps, pc, best = -1.0;
	double weight =
		p->all.nc > 0 && p->all.ns > 0 ? (double)p->all.nc / (double)p->all.ns : 0.05;

	expected_rates(p, metric, &ps, &pc);
	/* One bet size must reach BETS times the wanted mean. */
	double target = log_wanted + verdict_log((double)BETS);
	for (unsigned j = 0; j < BETS; j++) {
		double y = size[j], x = (ratio * ps + margin - pc) / (1.0 - margin);
		double grow = pc * verdict_log(1.0 - y) +
			      ps / weight * verdict_log(1.0 + ratio * weight * y) + margin * y;
		double left = target * dispersion - p->log_f[j];
		if (grow > 0.0 && (best < 0.0 || left / grow < best))
			best = left / grow;
		/* Per batch: first order minus half the variance of the two means. */
		grow = y * x - 0.5 * y * y * (x * x + (pc + weight * ps) / BATCH * dispersion);
		left = (target - p->log_w[j]) * BATCH;
		if (grow > 0.0 && (best < 0.0 || left / grow < best))
			best = left / grow;
	}
	if (best < 0.0 || best > 1e18)
		return UINT64_MAX;
	return (uint64_t)best + 1;
}
