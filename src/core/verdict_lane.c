/* The canary's own bets, lane by lane, and the alarm. */
#include <string.h>

#include "verdict_impl.h"

void verdict_lanes_init(struct verdict *v)
{
	for (unsigned i = 0; i < TRACKS; i++)
		verdict_bet_init(&v->bets[i]);
	verdict_bet_init(&v->guard);
	memset(v->open, 0, sizeof(v->open));
	memset(&v->early, 0, sizeof(v->early));
	v->skip = 0;
	v->alarm = (struct alarm){0};
}

static struct duel duel_of(const struct sums *canary, const struct sums *stable, unsigned metric)
{
	return (struct duel){
		.nc = canary->n, .kc = canary->k[metric], .ns = stable->n, .ks = stable->k[metric]};
}

static void grow_older(struct early *e, const struct sums *canary)
{
	if (canary->n == 0)
		return;
	e->all++;
	if (e->n == YOUTH) {
		e->n++;
		return;
	}
	if (e->n > YOUTH)
		return;
	for (unsigned m = 0; m < HARM_METRICS; m++) {
		uint32_t before = e->n > 0 ? e->total[e->n - 1][m] : 0;
		uint64_t k =
			canary->k[m] < UINT32_MAX - before ? canary->k[m] : UINT32_MAX - before;
		e->total[e->n][m] = before + (uint32_t)k;
	}
	e->n++;
}

void verdict_lanes_second(struct verdict *v, const struct sums *canary, const struct sums *stable)
{
	for (unsigned m = 0; m < HARM_METRICS; m++) {
		bool errors = m == VERDICT_ERRORS;
		double ratio = errors ? v->cfg.error_ratio : 1.0;
		struct duel d = duel_of(canary, stable, m);
		struct payoff p =
			verdict_payoff(&d, ratio, errors ? v->cfg.error_margin : 0.0, 0.0);
		verdict_bet_add(&v->bets[verdict_track(m, 0)], &p);
		if (errors) {
			p = verdict_payoff(&d, ratio, HARD_MARGIN, 0.0);
			verdict_bet_add(&v->bets[TRACK_HARD], &p);
		}
	}
	grow_older(&v->early, canary);
	for (unsigned r = 0; r < ROBUSTS; r++) {
		struct sums *s = &v->open[r];
		s->n += canary->n;
		for (unsigned m = 0; m < HARM_METRICS; m++)
			s->k[m] += canary->k[m];
		if (canary->instances > s->instances)
			s->instances = canary->instances;
	}
}

/*
 * Where nobody knows yet how this service's instances burst, only harm that was there from the
 * first canary request on is told from a burst by its evenness: 45 % of the events fell into the
 * first half of the canary's life, less 0.7 standard deviations. (A burst of many events that began
 * at u must last about 5 u to look like that.)
 */
static bool steady(const struct early *e, unsigned metric)
{
	if (e->n < 2 || e->n > YOUTH)
		return false;
	double half = e->total[e->n / 2 - 1][metric], all = e->total[e->n - 1][metric];
	double lack = 0.45 * all - half;
	return lack <= 0.0 || lack * lack <= 0.12 * all;
}

/* Betting on rate > tau with one side only. */
static void guard_bet(struct verdict *v)
{
	const struct sums *s = &v->open[0];
	double tau = v->cfg.guard_error_rate;

	if (!(tau > 0.0) || s->n == 0)
		return;
	struct payoff p = {
		.bet = true, .th = tau, .g = (double)s->k[VERDICT_ERRORS] / (double)s->n - tau};
	verdict_bet_add(&v->guard, &p);
}

void verdict_lanes_close(struct verdict *v, unsigned robust)
{
	struct sums *s = &v->open[robust];
	const struct sums *rest = &v->hist.rest[robust];

	for (unsigned m = 0; m < HARM_METRICS; m++) {
		uint32_t bit = 1U << (robust * HARM_METRICS + m);
		if (v->skip & bit) {
			v->skip &= ~bit;
			continue;
		}
		struct duel d = duel_of(s, rest, m);
		bool errors = m == VERDICT_ERRORS;
		double share = 0.0;
		if (verdict_hist_bursty(&v->hist, m))
			share = (double)s->instances / ((double)s->instances + rest->instances);
		struct payoff p = verdict_payoff(&d, errors ? v->cfg.error_ratio : 1.0,
						 errors ? v->cfg.error_margin : 0.0, share);
		verdict_bet_add(&v->bets[verdict_track(m, 1 + robust)], &p);
		if (verdict_clearly_lost(&p))
			v->skip |= bit;
	}
	if (robust == 0)
		guard_bet(v);
	*s = (struct sums){0};
}

/* alpha is split: half for the errors, a sixth for each latency. */
static double alpha_of(const struct verdict *v, unsigned metric)
{
	return v->cfg.alpha * (metric == VERDICT_ERRORS ? 1.0 / 2 : 1.0 / 6);
}

static bool look(struct alarm *a, const struct bet *b, double wanted)
{
	a->evidence = verdict_bet_evidence(b);
	a->wanted = wanted;
	return a->evidence >= a->wanted;
}

/*
 * What E is held against: hold / alpha, and `beyond` times what innocents reached. G stems from
 * `exposure` seconds of innocent life and the canary has been watched for fewer; a maximum over
 * five times as long is held to mean a fifth as much, and no less than that.
 */
static double wanted_of(const struct verdict *v, unsigned track, double hold, double beyond,
			double alpha)
{
	double watched = (double)v->early.all + 60.0, part = 1.0;

	if (v->hist.exposure > watched)
		part = watched / v->hist.exposure > 0.2 ? watched / v->hist.exposure : 0.2;
	double g = v->hist.g[track] * part * beyond;
	return g > hold / alpha ? g : hold / alpha;
}

/* The lanes of one metric that may speak at all; returns how many of `ret` it filled (max 3). */
static unsigned lanes_of(const struct verdict *v, unsigned m, struct alarm ret[3])
{
	unsigned n = 0;
	double alpha = alpha_of(v, m);
	unsigned fast = verdict_track(m, 0);
	double off = verdict_hist_bursty(&v->hist, m) ? BURSTY_OFF : PLACEBO_OFF;
	bool known = v->hist.exposure >= KNOWN, sure = known || steady(&v->early, m);

	if (sure && v->hist.g[fast] <= PLACEBO_OFF) {
		ret[n] = (struct alarm){.metric = (enum verdict_metric)m, .lane = LANE_FAST};
		ret[n].raised = look(&ret[n], &v->bets[fast],
				     wanted_of(v, fast, FAST_HOLD, FAST_BEYOND, alpha));
		n++;
	}
	if (m == VERDICT_ERRORS && v->hist.g[TRACK_HARD] <= PLACEBO_OFF) {
		ret[n] = (struct alarm){.metric = VERDICT_ERRORS, .lane = LANE_HARD};
		ret[n].raised = look(&ret[n], &v->bets[TRACK_HARD],
				     wanted_of(v, TRACK_HARD, known ? HARD_HOLD : FAST_HOLD,
					       FAST_BEYOND, alpha));
		n++;
	}
	for (unsigned r = sure ? 0 : UNSURE_ROBUST; r < ROBUSTS; r++) {
		unsigned t = verdict_track(m, 1 + r);
		if (v->hist.g[t] > off)
			continue;
		ret[n] = (struct alarm){.metric = (enum verdict_metric)m, .lane = LANE_ROBUST};
		double hold = sure ? 1.0 : UNSURE_HOLD;
		ret[n].raised =
			look(&ret[n], &v->bets[t], wanted_of(v, t, hold, ROBUST_BEYOND, alpha));
		return n + 1;
	}
	return n;
}

static struct alarm guard_of(const struct verdict *v)
{
	struct alarm a = {.metric = VERDICT_GUARD, .lane = LANE_GUARD};

	a.raised = look(&a, &v->guard, 1.0 / alpha_of(v, VERDICT_ERRORS));
	return a;
}

struct alarm verdict_lanes_nearest(const struct verdict *v)
{
	struct alarm best = {.metric = VERDICT_ERRORS, .evidence = 0.0, .wanted = 1.0};

	if (v->alarm.raised)
		return v->alarm;
	if (v->cfg.guard_error_rate > 0.0)
		best = guard_of(v);
	for (unsigned m = 0; m < HARM_METRICS; m++) {
		struct alarm lane[3];
		unsigned n = lanes_of(v, m, lane);
		for (unsigned i = 0; i < n; i++)
			if (lane[i].evidence * best.wanted > best.evidence * lane[i].wanted)
				best = lane[i];
	}
	return best;
}

void verdict_lanes_check(struct verdict *v)
{
	struct alarm a = verdict_lanes_nearest(v);

	if (a.raised)
		v->alarm = a;
}
