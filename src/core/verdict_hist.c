/*
 * Placebo canaries: each stable instance in turn is treated as if it were the canary. How far
 * innocent instances of this very service wander says what a bet won by the canary is worth.
 */
#include <string.h>

#include "verdict_impl.h"

void verdict_history_init(struct verdict_history *h, const struct verdict_config *cfg)
{
	struct verdict_config sane = *cfg;

	verdict_config_sane(&sane);
	memset(h, 0, sizeof(*h));
	h->error_ratio = sane.error_ratio;
	h->error_margin = sane.error_margin;
	h->last = NO_SECOND;
	verdict_hist_drop_open(h);
}

size_t verdict_history_size(void)
{
	return sizeof(struct verdict_history);
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

struct tally verdict_tally(const struct verdict_count *c)
{
	struct tally t = {.n = c->n, .k[VERDICT_ERRORS] = least(c->errors, c->n)};

	for (unsigned i = 0; i < VERDICT_LATENCIES; i++)
		t.k[VERDICT_P50 + i] = least(c->over[i], c->n);
	return t;
}

void verdict_sums_add(struct sums *s, const struct tally *t)
{
	s->n += t->n;
	for (unsigned m = 0; m < HARM_METRICS; m++)
		s->k[m] += t->k[m];
}

static void tally_add(struct tally *to, const struct tally *t)
{
	if (t->n > UINT32_MAX - to->n)
		return; /* 4e9 requests of one instance in 2 minutes: more say no more */
	to->n += t->n;
	for (unsigned m = 0; m < HARM_METRICS; m++)
		to->k[m] += t->k[m];
}

void verdict_hist_drop_open(struct verdict_history *h)
{
	memset(h->rest, 0, sizeof(h->rest));
	for (unsigned r = 0; r < ROBUSTS; r++)
		h->open[r] = NO_SECOND;
	for (uint32_t i = 0; i < h->n; i++)
		memset(h->placebo[i].open, 0, sizeof(h->placebo[i].open));
}

bool verdict_hist_beyond(const struct verdict_history *h, unsigned robust, uint64_t second)
{
	return h->open[robust] != NO_SECOND &&
	       second - h->open[robust] >= verdict_robust_seconds[robust];
}

bool verdict_hist_ends(const struct verdict_history *h, unsigned robust, uint64_t second)
{
	return h->open[robust] != NO_SECOND &&
	       second - h->open[robust] == verdict_robust_seconds[robust] - 1U;
}

bool verdict_hist_bursty(const struct verdict_history *h, unsigned metric)
{
	return h->g[verdict_track(metric, 0)] > PLACEBO_OFF;
}

double verdict_hist_dispersion(const struct verdict_history *h, unsigned metric)
{
	double worst = 1.0;

	for (unsigned i = 0; i < 2; i++) {
		if (h->expected[i][metric] < 5.0)
			continue; /* a handful of events has no variance to speak of */
		double d = h->scatter[i][metric] / h->expected[i][metric];
		if (d > worst)
			worst = d;
	}
	return worst;
}

/* The placebo of this id, searched for from *at on; NULL when all are in use this second. */
static struct placebo *find(struct verdict_history *h, uint32_t id, uint64_t second, uint32_t *at)
{
	while (*at < h->n && h->placebo[*at].id < id)
		++*at;
	if (*at < h->n && h->placebo[*at].id == id)
		return &h->placebo[*at];
	if (h->n == VERDICT_MAX_INSTANCES) {
		uint32_t oldest = 0;
		for (uint32_t i = 1; i < h->n; i++)
			if (h->placebo[i].seen < h->placebo[oldest].seen)
				oldest = i;
		if (h->placebo[oldest].seen == second)
			return NULL;
		memmove(&h->placebo[oldest], &h->placebo[oldest + 1],
			(h->n - oldest - 1) * sizeof(h->placebo[0]));
		h->n--;
		if (oldest < *at)
			--*at;
	}
	memmove(&h->placebo[*at + 1], &h->placebo[*at], (h->n - *at) * sizeof(h->placebo[0]));
	h->n++;
	h->placebo[*at] = (struct placebo){.id = id, .seen = second};
	return &h->placebo[*at];
}

static struct duel duel_of(const struct tally *t, const struct sums *all, unsigned metric)
{
	return (struct duel){.nc = t->n,
			     .kc = t->k[metric],
			     .ns = all->n - t->n,
			     .ks = all->k[metric] - t->k[metric]};
}

static void wander(struct verdict_history *h, struct placebo *p, unsigned track,
		   const struct payoff *pay)
{
	if (!pay->bet)
		return;
	double c = verdict_cusum_add(p->cusum[track], pay);
	if (c > h->g[track])
		h->g[track] = c;
}

static void fast_bets(struct verdict_history *h, struct placebo *p, const struct tally *t,
		      const struct sums *all)
{
	for (unsigned m = 0; m < HARM_METRICS; m++) {
		struct duel d = duel_of(t, all, m);
		bool errors = m == VERDICT_ERRORS;
		struct payoff pay = verdict_payoff(&d, errors ? h->error_ratio : 1.0,
						   errors ? h->error_margin : 0.0, 0.0);
		wander(h, p, verdict_track(m, 0), &pay);
		if (errors) {
			pay = verdict_payoff(&d, h->error_ratio, HARD_MARGIN, 0.0);
			wander(h, p, TRACK_HARD, &pay);
		}
	}
}

static void disperse(struct verdict_history *h, unsigned span, const struct tally *t,
		     const struct sums *all)
{
	double share = (double)t->n / (double)all->n;

	for (unsigned m = 0; m < HARM_METRICS; m++) {
		double fair = share * (double)all->k[m], off = (double)t->k[m] - fair;
		h->scatter[span][m] += off * off;
		h->expected[span][m] += fair * (1.0 - share);
	}
}

static bool is_placebo(const struct verdict_instance *i)
{
	return !i->canary && i->c.n > 0;
}

void verdict_hist_second(struct verdict_history *h, const struct verdict_window *w,
			 struct sums *ret_stable)
{
	struct sums all = {0};
	uint32_t at = 0;

	for (uint32_t i = 0; i < w->n; i++) {
		if (!is_placebo(&w->inst[i]))
			continue;
		struct tally t = verdict_tally(&w->inst[i].c);
		verdict_sums_add(&all, &t);
		all.instances++;
	}
	h->last = w->second;
	h->windows += all.instances > 1;
	for (unsigned r = 0; r < ROBUSTS; r++) {
		if (h->open[r] == NO_SECOND)
			h->open[r] = w->second;
		h->rest[r].n += all.n;
		for (unsigned m = 0; m < HARM_METRICS; m++)
			h->rest[r].k[m] += all.k[m];
		if (all.instances > h->rest[r].instances)
			h->rest[r].instances = all.instances;
	}
	for (uint32_t i = 0; i < w->n; i++) {
		if (!is_placebo(&w->inst[i]) || w->inst[i].id == VERDICT_FOLDED_STABLE)
			continue;
		struct placebo *p = find(h, w->inst[i].id, w->second, &at);
		if (!p)
			continue;
		struct tally t = verdict_tally(&w->inst[i].c);
		p->seen = w->second;
		for (unsigned r = 0; r < ROBUSTS; r++)
			tally_add(&p->open[r], &t);
		if (all.instances < 2)
			continue;
		h->exposure += 1.0;
		fast_bets(h, p, &t, &all);
		disperse(h, 0, &t, &all);
	}
	*ret_stable = all;
}

static void robust_bets(struct verdict_history *h, struct placebo *p, unsigned r)
{
	const struct tally *t = &p->open[r];

	for (unsigned m = 0; m < HARM_METRICS; m++) {
		uint32_t bit = 1U << (r * HARM_METRICS + m);
		if (p->skip & bit) {
			p->skip &= ~bit;
			continue;
		}
		struct duel d = duel_of(t, &h->rest[r], m);
		bool errors = m == VERDICT_ERRORS;
		double share = verdict_hist_bursty(h, m) ? 1.0 / h->rest[r].instances : 0.0;
		struct payoff pay = verdict_payoff(&d, errors ? h->error_ratio : 1.0,
						   errors ? h->error_margin : 0.0, share);
		wander(h, p, verdict_track(m, 1 + r), &pay);
		if (verdict_clearly_lost(&pay))
			p->skip |= bit;
	}
}

static void close_window(struct verdict_history *h, unsigned robust)
{
	for (uint32_t i = 0; i < h->n; i++) {
		struct placebo *p = &h->placebo[i];
		if (p->open[robust].n > 0 && p->open[robust].n <= h->rest[robust].n) {
			robust_bets(h, p, robust);
			if (robust == 0 && h->rest[0].instances > 1)
				disperse(h, 1, &p->open[0], &h->rest[0]);
		}
		p->open[robust] = (struct tally){0};
	}
	h->rest[robust] = (struct sums){0};
	/* The grid goes on from the first second seen; only whole windows move it. */
	h->open[robust] += verdict_robust_seconds[robust];
}

/* Move the grid over a gap so that `second` falls into the open window. */
static void catch_up(struct verdict_history *h, unsigned robust, uint64_t second)
{
	uint64_t w = verdict_robust_seconds[robust];

	if (h->open[robust] != NO_SECOND && second >= h->open[robust] + w)
		h->open[robust] += (second - h->open[robust]) / w * w;
}

void verdict_hist_turn(struct verdict_history *h, unsigned robust, uint64_t second)
{
	close_window(h, robust);
	catch_up(h, robust, second);
}

void verdict_history_window(struct verdict_history *h, const struct verdict_window *w)
{
	struct sums stable;

	if (w->second > LAST_SECOND || (h->last != NO_SECOND && w->second <= h->last))
		return;
	for (unsigned r = 0; r < ROBUSTS; r++)
		if (verdict_hist_beyond(h, r, w->second))
			verdict_hist_turn(h, r, w->second);
	verdict_hist_second(h, w, &stable);
	for (unsigned r = 0; r < ROBUSTS; r++)
		if (verdict_hist_ends(h, r, w->second))
			verdict_hist_turn(h, r, w->second);
}
