#include "core/curve.h"
#include "core/event.h"

#include <math.h>

#define Z 1.959963984540054 /* 95 %, both sides */

struct curve {
	const struct strategy *st;
	uint32_t final_step, step;
	double weight;
	struct verdict *verdict;          /* NULL: analysis has not begun */
	struct curve_side canary, stable; /* of this step */
	VEC(struct curve_point) points;
};

struct curve *curve_new(const struct strategy *st, uint32_t final_step)
{
	struct curve *c = xcalloc(1, sizeof(*c));

	*c = (struct curve){.st = st, .final_step = final_step};
	return c;
}

void curve_free(struct curve *c)
{
	if (!c)
		return;
	xfree(c->verdict);
	vec_done(&c->points);
	xfree(c);
}

uint32_t curve_step(const struct curve *c)
{
	return c->step;
}

/* ---- numbers ---- */

void wilson_interval(uint64_t k, uint64_t n, double *ret_low, double *ret_high)
{
	double m = (double)n, p = n ? (double)k / m : 0;

	*ret_low = 0;
	*ret_high = 1;
	if (!n)
		return;
	double center = p + Z * Z / (2 * m), scale = 1 + Z * Z / m;
	double half = Z * sqrt(p * (1 - p) / m + Z * Z / (4 * m * m));
	*ret_low = k ? MAX_OF((center - half) / scale, 0.0) : 0;
	*ret_high = k < n ? MIN_OF((center + half) / scale, 1.0) : 1;
}

static void difference(const struct curve *c, struct curve_point *p)
{
	double low1, high1, low2, high2;
	double p1 = c->canary.n ? (double)c->canary.errors / (double)c->canary.n : 0;
	double p2 = c->stable.n ? (double)c->stable.errors / (double)c->stable.n : 0;
	struct verdict_config cfg;

	wilson_interval(c->canary.errors, c->canary.n, &low1, &high1);
	wilson_interval(c->stable.errors, c->stable.n, &low2, &high2);
	p->difference = p1 - p2;
	p->low = p->difference - sqrt((p1 - low1) * (p1 - low1) + (high2 - p2) * (high2 - p2));
	p->high = p->difference + sqrt((high1 - p1) * (high1 - p1) + (p2 - low2) * (p2 - low2));
	watch_config(c->st, c->step, &cfg);
	p->margin = (cfg.error_ratio - 1) * p2 + cfg.promote_error_margin;
}

/* ---- records ---- */

static void begin_step(struct curve *c)
{
	struct verdict_config cfg;

	c->canary = c->stable = (struct curve_side){0};
	watch_config(c->st, c->step, &cfg);
	if (c->verdict)
		verdict_next_step(c->verdict, &cfg);
}

static void next_step(struct curve *c)
{
	if (c->step + 1 >= c->st->steps.n || c->step >= c->final_step)
		return;
	c->step++;
	begin_step(c);
}

static void begin(struct curve *c, const char *history)
{
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(VERDICT_SAVE_MAX);
	AUTO(freep) struct verdict_history *h = xcalloc(1, verdict_history_size());
	struct verdict_config cfg;
	bool known = history && strbuf_add_unbase64(&bytes, str_of(history)) &&
		     verdict_history_load(h, (const unsigned char *)strbuf_cstr(&bytes), bytes.n);

	if (c->verdict)
		return;
	c->verdict = xcalloc(1, verdict_size());
	watch_config(c->st, c->step, &cfg);
	verdict_init(c->verdict, &cfg, known ? h : NULL);
}

static void add(struct curve_side *to, const struct facts_instance *i)
{
	to->n += i->n;
	to->errors += MIN_OF(i->errors, i->n);
	to->slow[0] += MIN_OF(i->slow50, i->n);
	to->slow[1] += MIN_OF(i->slow95, i->n);
	to->slow[2] += MIN_OF(i->slow99, i->n);
}

static void judge(struct curve *c, struct curve_point *p, const struct facts_window *w,
		  struct verdict_report *ret)
{
	if (!c->verdict)
		return;
	watch_feed(c->verdict, w);
	verdict_report(c->verdict, ret);
	p->judged = true;
	p->answer = ret->answer;
	p->metric = ret->metric;
	p->harm_metric = ret->harm_metric;
	p->evidence = ret->evidence;
	p->wanted = ret->wanted;
	p->harm_evidence = ret->harm_evidence;
	p->harm_wanted = ret->harm_wanted;
}

static void see_window(struct curve *c, const struct facts_window *w, struct verdict_report *ret)
{
	struct curve_point p = {.second = w->second, .step = c->step, .weight = c->weight};

	vec_each(i, &w->instances) {
		add(i->canary ? &p.canary : &p.stable, i);
		add(i->canary ? &c->canary : &c->stable, i);
	}
	difference(c, &p);
	judge(c, &p, w, ret);
	vec_push(&c->points, p);
	if (p.judged && p.answer == VERDICT_PASS && c->step < c->st->steps.n &&
	    c->weight == c->st->steps.v[c->step].share)
		next_step(c);
}

void curve_event(struct curve *c, const struct event *ev, struct verdict_report *ret)
{
	struct verdict_report rep = {0};

	if (ev->kind == EV_HISTORY)
		begin(c, ev->text);
	else if (ev->kind == EV_WEIGHT_SET)
		c->weight = ev->weight;
	else if (ev->kind == EV_PROMOTE)
		next_step(c);
	else if (ev->kind == EV_FACTS)
		see_window(c, &ev->window, &rep);
	if (ret)
		*ret = rep;
}

/* ---- fewer points ---- */

static void merge_side(struct curve_side *to, const struct curve_side *from)
{
	to->n += from->n;
	to->errors += from->errors;
	for (unsigned i = 0; i < VERDICT_LATENCIES; i++)
		to->slow[i] += from->slow[i];
}

/* Counts add up; what was said holds as the last one said it. */
static void merge(struct curve_point *to, const struct curve_point *from)
{
	struct curve_point sum = *from;

	sum.second = to->second;
	sum.canary = to->canary;
	sum.stable = to->stable;
	merge_side(&sum.canary, &from->canary);
	merge_side(&sum.stable, &from->stable);
	*to = sum;
}

size_t curve_points(struct curve *c, size_t max, const struct curve_point **ret,
		    uint32_t *ret_seconds)
{
	uint64_t first = c->points.n ? c->points.v[0].second : 0;
	uint64_t last = c->points.n ? vec_last(&c->points)->second : 0;
	uint64_t span = last >= first ? last - first + 1 : 1;
	uint64_t each = MAX_OF((span + max - 1) / MAX_OF(max, (size_t)1), (uint64_t)1);
	size_t n = 0;

	for (size_t i = 0; i < c->points.n; i++) {
		const struct curve_point p = c->points.v[i];
		struct curve_point *to = n ? &c->points.v[n - 1] : NULL;
		uint64_t slot = p.second >= first ? (p.second - first) / each : 0;

		if (to && (to->second - first) / each >= slot)
			merge(to, &p);
		else
			c->points.v[n++] = p;
	}
	c->points.n = n;
	*ret = c->points.v;
	*ret_seconds = (uint32_t)each;
	return n;
}
