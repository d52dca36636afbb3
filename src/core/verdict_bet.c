/* Betting on the canary's share of events; see "Evidence of harm" in the design notes. */
#include "verdict_impl.h"

#define LN2      0.6931471805599453
#define AT_START 0.6 /* of the wealth bets from the first window on */

/* Large bets win early or not at all; small ones are for small differences and large counts. */
static const double weight[BETS] = {0.2, 0.18, 0.16, 0.14, 0.12, 0.09, 0.06, 0.05};

double verdict_bet_size(unsigned j)
{
	static const double size[BETS] = {0.9,     0.45,     0.225,     0.1125,
					  0.05625, 0.028125, 0.0140625, 0.00703125};

	return size[j];
}

/*
 * E[1/(K + J)], J ~ Binomial(m, d), K >= 1, none = P(J = 0). The exact sum up to a missing mass of
 * 1e-9; for large means the second-order expansion, whose relative error is below 1e-5 there.
 */
static double mean_reciprocal(uint64_t k, uint64_t m, double d, double none)
{
	double mu = (double)m * d, kd = (double)k;

	if (mu > 300.0)
		return (1.0 + mu * (1.0 - d) / ((kd + mu) * (kd + mu))) / (kd + mu);
	double p = none, mass = none, sum = none / kd, odds = d / (1.0 - d);
	for (uint64_t j = 1; j <= m; j++) {
		p *= (double)(m - j + 1) / (double)j * odds;
		mass += p;
		sum += p / (double)(k + j);
		if ((double)j > mu && 1.0 - mass < 1e-9)
			break;
	}
	return sum;
}

/* P(no stable success turns into an event). */
static double none_of(uint64_t m, double d)
{
	return d > 0.0 && m > 0 ? verdict_exp((double)m * verdict_log(1.0 - d)) : 1.0;
}

struct payoff verdict_payoff(const struct duel *d, double ratio, double margin, double min_share)
{
	struct payoff p = {.bet = d->nc > 0 && d->ns > 0};

	if (!p.bet)
		return p;
	double nc = ratio * (double)d->nc, kc = (double)d->kc;
	p.th = nc / (nc + (double)d->ns);
	if (p.th < min_share)
		p.th = min_share;
	uint64_t k = d->kc + d->ks, m = d->ns - d->ks;
	if (k == 0)
		p.g = margin > 0.0 ? -p.th * (1.0 - none_of(m, margin)) : 0.0;
	else if (d->kc == 0)
		p.g = -p.th;
	else if (margin > 0.0)
		p.g = kc * mean_reciprocal(k, m, margin, none_of(m, margin)) - p.th;
	else
		p.g = kc / (double)k - p.th;
	return p;
}

void verdict_bet_init(struct bet *b)
{
	b->windows = 0;
	b->cash = 1.0 - AT_START;
	for (unsigned j = 0; j < BETS; j++)
		b->wealth[j] = AT_START;
}

/* At window t >= 1 the share (1/log2(t+1) - 1/log2(t+2)) of the first cash joins. */
static void join(struct bet *b)
{
	if (b->windows++ == 0)
		return;
	double cash = (1.0 - AT_START) * LN2 / verdict_log((double)b->windows + 1.0),
	       share = b->cash - cash;
	b->cash = cash;
	for (unsigned j = 0; j < BETS; j++)
		b->wealth[j] += share;
}

static double unit_bet(double th)
{
	return th * LAMBDA_CAP > 1.0 ? 1.0 / th : LAMBDA_CAP;
}

void verdict_bet_add(struct bet *b, const struct payoff *p)
{
	if (!p->bet)
		return;
	join(b);
	double x = unit_bet(p->th) * p->g;
	for (unsigned j = 0; j < BETS; j++) {
		b->wealth[j] *= 1.0 + verdict_bet_size(j) * x;
		if (b->wealth[j] > WEALTH_MAX)
			b->wealth[j] = WEALTH_MAX;
	}
}

double verdict_bet_evidence(const struct bet *b)
{
	double sum = 0.0;

	for (unsigned j = 0; j < BETS; j++)
		sum += weight[j] * b->wealth[j];
	return b->cash + sum;
}

double verdict_cusum_add(float *c, const struct payoff *p)
{
	double x = unit_bet(p->th) * p->g, sum = 0.0;

	for (unsigned j = 0; j < BETS; j++) {
		double from = c[j] > 1.0F ? (double)c[j] : 1.0;
		double to = from * (1.0 + verdict_bet_size(j) * x);
		if (to > 1e30)
			to = 1e30;
		c[j] = to > 1.0 ? (float)to : 0.0F; /* at rest: the next step begins from 1 */
		sum += weight[j] * to;
	}
	return sum;
}
