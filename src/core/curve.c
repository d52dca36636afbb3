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
	uint64_t each;                    /* seconds of a point */
	VEC(struct curve_point) points, shown;
};

struct curve *curve_new(const struct strategy *st, uint32_t final_step)
{
	struct curve *c = xcalloc(1, sizeof(*c));

	*c = (struct curve){.st = st, .final_step = final_step, .each = 1};
	return c;
}

void curve_reach(struct curve *c, uint32_t final_step)
{
	c->final_step = MAX_OF(c->final_step, final_step);
}

void curve_free(struct curve *c)
{
	if (!c)
		return;
	xfree(c->verdict);
	vec_done(&c->points);
	vec_done(&c->shown);
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

static struct curve_difference difference(uint64_t k1, uint64_t n1, uint64_t k2, uint64_t n2)
{
	double low1, high1, low2, high2;
	double p1 = n1 ? (double)k1 / (double)n1 : 0, p2 = n2 ? (double)k2 / (double)n2 : 0;

	wilson_interval(k1, n1, &low1, &high1);
	wilson_interval(k2, n2, &low2, &high2);
	double less = sqrt((p1 - low1) * (p1 - low1) + (high2 - p2) * (high2 - p2));
	double more = sqrt((high1 - p1) * (high1 - p1) + (p2 - low2) * (p2 - low2));
	return (struct curve_difference){
		.estimate = p1 - p2, .low = p1 - p2 - less, .high = p1 - p2 + more};
}

static uint64_t events(const struct curve_side *s, unsigned metric)
{
	return metric == VERDICT_ERRORS ? s->errors : s->slow[metric - VERDICT_P50];
}

static void differences(const struct curve *c, struct curve_point *p)
{
	struct verdict_config cfg;

	watch_config(c->st, c->step, &cfg);
	for (unsigned m = 0; m < CURVE_METRICS; m++) {
		double ratio, margin;
		double was = c->stable.n ? (double)events(&c->stable, m) / (double)c->stable.n : 0;

		verdict_pass_line(&cfg, (enum verdict_metric)m, &ratio, &margin);
		p->difference[m] = difference(events(&c->canary, m), c->canary.n,
					      events(&c->stable, m), c->stable.n);
		p->difference[m].margin = (ratio - 1) * was + margin;
	}
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

/* Those that begin in the same stretch of `each` seconds become one; to and from may be the same. Returns how many are left. */
static size_t thin(struct curve_point *to, const struct curve_point *from, size_t n, uint64_t each)
{
	uint64_t first = n ? from[0].second : 0;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		const struct curve_point p = from[i];
		uint64_t slot = p.second >= first ? (p.second - first) / each : 0;

		if (kept && (to[kept - 1].second - first) / each >= slot)
			merge(&to[kept - 1], &p);
		else
			to[kept++] = p;
	}
	return kept;
}

static void keep(struct curve *c, const struct curve_point *p)
{
	struct curve_point *last = c->points.n ? vec_last(&c->points) : NULL;
	uint64_t first = c->points.n ? c->points.v[0].second : 0;

	if (last && c->each > 1 && p->second >= first &&
	    (p->second - first) / c->each <= (last->second - first) / c->each)
		merge(last, p);
	else
		vec_push(&c->points, *p);
	while (c->points.n > CURVE_KEPT) {
		c->each *= 2;
		c->points.n = thin(c->points.v, c->points.v, c->points.n, c->each);
	}
}

/* ---- records ---- */

static void see_window(struct curve *c, const struct facts_window *w, struct verdict_report *ret)
{
	struct curve_point p = {.second = w->second, .step = c->step, .weight = c->weight};

	vec_each(i, &w->instances) {
		add(i->canary ? &p.canary : &p.stable, i);
		add(i->canary ? &c->canary : &c->stable, i);
	}
	differences(c, &p);
	p.latency[0] = w->p50;
	p.latency[1] = w->p95;
	p.latency[2] = w->p99;
	judge(c, &p, w, ret);
	keep(c, &p);
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

size_t curve_points(struct curve *c, size_t max, const struct curve_point **ret,
		    uint32_t *ret_seconds)
{
	uint64_t first = c->points.n ? c->points.v[0].second : 0;
	uint64_t last = c->points.n ? vec_last(&c->points)->second : 0;
	uint64_t span = last >= first ? last - first + 1 : 1,
		 most = c->each * MAX_OF(max, (size_t)1);
	uint64_t each = MAX_OF((span + most - 1) / most, (uint64_t)1) * c->each;

	vec_grow(&c->shown, sizeof(*c->shown.v), c->points.n + 1);
	c->shown.n = thin(c->shown.v, c->points.v, c->points.n, each);
	*ret = c->shown.v;
	*ret_seconds = (uint32_t)each;
	return c->shown.n;
}
