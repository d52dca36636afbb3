/* The verdict of a step: windows in, answer out. */
#include "verdict.h"

#include <string.h>

#include "verdict_impl.h"

static double clamp(double x, double low, double high)
{
	if (!(x >= low)) /* NaN too */
		return low;
	return x > high ? high : x;
}

void verdict_config_sane(struct verdict_config *c)
{
	c->alpha = clamp(c->alpha, 1e-9, 0.5);
	c->beta = clamp(c->beta, 1e-9, 0.5);
	c->error_ratio = clamp(c->error_ratio, 0.1, 100.0);
	c->error_margin = clamp(c->error_margin, 0.0, 0.9);
	c->latency_ratio = clamp(c->latency_ratio, 1.0, 1e3);
	c->promote_error_margin = clamp(c->promote_error_margin, 1e-6, 0.9);
	c->promote_latency_ratio = clamp(c->promote_latency_ratio, 1.0, 1e3);
	c->guard_error_rate = clamp(c->guard_error_rate, 0.0, 1.0);
	c->min_bake = clamp(c->min_bake, 0.0, 1e9);
	c->metrics &= (1U << HARM_METRICS) - 1;
	if (c->metrics == 0)
		c->metrics =
			1U << VERDICT_ERRORS; /* a step that nothing must pass passes nothing */
}

void verdict_config_default(struct verdict_config *ret, unsigned step)
{
	*ret = (struct verdict_config){.alpha = 0.01,
				       .beta = 0.05,
				       .error_ratio = 1.0,
				       .error_margin = 0.001,
				       .latency_ratio = 1.05,
				       .promote_error_margin = step <= 1 ? 0.01 : 0.0025,
				       .promote_latency_ratio = step <= 1 ? 1.5 : 1.25,
				       .metrics = (1U << HARM_METRICS) - 1};
}

size_t verdict_size(void)
{
	return sizeof(struct verdict);
}

static void begin_step(struct verdict *v, const struct verdict_config *cfg)
{
	v->cfg = *cfg;
	verdict_config_sane(&v->cfg);
	v->first_canary = NO_SECOND;
	v->last_canary = NO_SECOND;
	v->canary_n = v->canary_errors = v->stable_n = v->stable_errors = 0;
	for (unsigned m = 0; m < HARM_METRICS; m++)
		verdict_promote_init(&v->promote[m]);
	/* Half-open windows would mix two weights, or a time before the canary. */
	memset(v->open, 0, sizeof(v->open));
	verdict_hist_drop_open(&v->hist);
}

void verdict_init(struct verdict *v, const struct verdict_config *cfg,
		  const struct verdict_history *history_or_null)
{
	memset(v, 0, sizeof(*v));
	if (history_or_null)
		v->hist = *history_or_null;
	else
		verdict_history_init(&v->hist, cfg);
	verdict_lanes_init(v);
	begin_step(v, cfg);
}

void verdict_next_step(struct verdict *v, const struct verdict_config *cfg)
{
	begin_step(v, cfg);
}

/* Errors are r ps + d; a latency counts the canary above the promotion ratio, d = 0. */
void verdict_pass_line(const struct verdict_config *cfg, enum verdict_metric metric,
		       double *ret_ratio, double *ret_margin)
{
	*ret_ratio = metric == VERDICT_ERRORS ? cfg->error_ratio : 1.0;
	*ret_margin = metric == VERDICT_ERRORS ? cfg->promote_error_margin : 0.0;
}

static void promote_second(struct verdict *v, const struct verdict_window *w)
{
	struct duel d[HARM_METRICS] = {0};

	for (uint32_t i = 0; i < w->n; i++) {
		struct verdict_count c = w->inst[i].c;
		memcpy(c.over, c.over_promote, sizeof(c.over));
		struct tally t = verdict_tally(&c);
		for (unsigned m = 0; m < HARM_METRICS; m++) {
			*(w->inst[i].canary ? &d[m].nc : &d[m].ns) += t.n;
			*(w->inst[i].canary ? &d[m].kc : &d[m].ks) += t.k[m];
		}
	}
	v->canary_n += d[0].nc;
	v->canary_errors += d[0].kc;
	v->stable_n += d[0].ns;
	v->stable_errors += d[0].ks;
	for (unsigned m = 0; m < HARM_METRICS; m++) {
		struct promote *p = &v->promote[m];
		double ratio, margin;
		verdict_pass_line(&v->cfg, (enum verdict_metric)m, &ratio, &margin);
		verdict_promote_add(p, &d[m], ratio, margin);
		double e = verdict_promote_log_evidence(p, verdict_hist_dispersion(&v->hist, m));
		if (!p->passed && e >= verdict_log(1.0 / v->cfg.beta)) {
			p->passed = true;
			p->passed_evidence = verdict_exp(e);
		}
	}
}

static void close_robust(struct verdict *v, unsigned robust, uint64_t second)
{
	verdict_lanes_close(v, robust);
	verdict_hist_turn(&v->hist, robust, second);
}

static struct sums canary_of(const struct verdict_window *w)
{
	struct sums s = {0};

	for (uint32_t i = 0; i < w->n; i++) {
		if (!w->inst[i].canary || w->inst[i].c.n == 0)
			continue;
		struct tally t = verdict_tally(&w->inst[i].c);
		verdict_sums_add(&s, &t);
		s.instances++;
	}
	return s;
}

void verdict_window(struct verdict *v, const struct verdict_window *w)
{
	struct verdict_history *h = &v->hist;
	struct sums canary = canary_of(w), stable;

	if (w->second > LAST_SECOND || (h->last != NO_SECOND && w->second <= h->last))
		return;
	for (unsigned r = 0; r < ROBUSTS; r++)
		if (verdict_hist_beyond(h, r, w->second))
			close_robust(v, r, w->second);
	verdict_hist_second(h, w, &stable);
	verdict_lanes_second(v, &canary, &stable);
	for (unsigned r = 0; r < ROBUSTS; r++)
		if (verdict_hist_ends(h, r, w->second))
			close_robust(v, r, w->second);
	if (canary.n > 0) {
		if (v->first_canary == NO_SECOND)
			v->first_canary = w->second;
		v->last_canary = w->second;
	}
	promote_second(v, w);
	if (!v->alarm.raised)
		verdict_lanes_check(v);
}

static bool baked(const struct verdict *v)
{
	if (v->first_canary == NO_SECOND)
		return false;
	return (double)(v->last_canary - v->first_canary + 1) >= v->cfg.min_bake;
}

/* The metric that has the longest way to go; true when all have passed. */
static bool promotion(const struct verdict *v, struct verdict_report *ret)
{
	double wanted = 1.0 / v->cfg.beta, log_wanted = verdict_log(wanted), least = 0.0;
	bool all = true, any = false;

	ret->lane = LANE_PROMOTE;
	ret->wanted = wanted;
	for (unsigned m = 0; m < HARM_METRICS; m++) {
		const struct promote *p = &v->promote[m];
		if (!(v->cfg.metrics & 1U << m))
			continue;
		double d = verdict_hist_dispersion(&v->hist, m);
		double e = p->passed ? verdict_log(p->passed_evidence)
				     : verdict_promote_log_evidence(p, d);
		all = all && p->passed;
		if (!p->passed) {
			double ratio, margin;
			verdict_pass_line(&v->cfg, (enum verdict_metric)m, &ratio, &margin);
			uint64_t need = verdict_promote_need(p, m, margin, ratio, d, log_wanted);
			ret->need = need > ret->need ? need : ret->need;
		}
		if (any && e >= least)
			continue;
		any = true;
		least = e;
		ret->metric = (enum verdict_metric)m;
		ret->evidence = verdict_exp(e);
	}
	return all;
}

void verdict_report(const struct verdict *v, struct verdict_report *ret)
{
	struct alarm harm = verdict_lanes_nearest(v);

	*ret = (struct verdict_report){.answer = VERDICT_WAIT,
				       .canary_n = v->canary_n,
				       .canary_errors = v->canary_errors,
				       .stable_n = v->stable_n,
				       .stable_errors = v->stable_errors,
				       .harm_evidence = harm.evidence,
				       .harm_wanted = harm.wanted,
				       .harm_metric = harm.metric,
				       .harm_lane = harm.lane};
	if (v->canary_n > 0)
		ret->canary_error_rate = (double)v->canary_errors / (double)v->canary_n;
	if (v->stable_n > 0)
		ret->stable_error_rate = (double)v->stable_errors / (double)v->stable_n;
	if (harm.raised) {
		ret->answer = VERDICT_FAIL;
		ret->metric = harm.metric;
		ret->lane = harm.lane;
		ret->evidence = harm.evidence;
		ret->wanted = harm.wanted;
		return;
	}
	/* A pass next to a harm alarm that is half way up (in log) would be a pass by luck. */
	bool calm = harm.evidence * harm.evidence < harm.wanted;
	if (promotion(v, ret) && baked(v) && calm)
		ret->answer = VERDICT_PASS;
}
