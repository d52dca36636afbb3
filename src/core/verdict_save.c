/*
 * States as bytes. One walk does both ways, so that save and load cannot disagree; what load has
 * read is checked as a whole before it becomes a state (verdict_valid.c).
 */
#include <string.h>

#include "verdict_impl.h"

#define MAGIC_VERDICT UINT32_C(0x31647650) /* "Pvd1": the digit is the version */
#define MAGIC_HISTORY UINT32_C(0x31687650)

struct walk {
	unsigned char *out; /* one of both is NULL */
	const unsigned char *in;
	size_t at, end;
	bool ok;
};

static void bytes(struct walk *w, uint64_t *x, unsigned n)
{
	if (!w->ok || w->end - w->at < n) {
		w->ok = false;
		return;
	}
	uint64_t y = 0;
	for (unsigned i = 0; i < n; i++) {
		if (w->out)
			w->out[w->at + i] = (unsigned char)(*x >> (8 * i));
		else
			y |= (uint64_t)w->in[w->at + i] << (8 * i);
	}
	if (!w->out)
		*x = y;
	w->at += n;
}

static void u64(struct walk *w, uint64_t *x)
{
	bytes(w, x, 8);
}

static void u32(struct walk *w, uint32_t *x)
{
	uint64_t y = *x;

	bytes(w, &y, 4);
	*x = (uint32_t)y;
}

static void flag(struct walk *w, bool *x)
{
	uint64_t y = *x;

	bytes(w, &y, 1);
	w->ok = w->ok && y <= 1;
	*x = y == 1;
}

/* Numbers must be finite, and not beyond what any state can hold. */
static void f64(struct walk *w, double *x)
{
	uint64_t y;

	memcpy(&y, x, sizeof(y));
	bytes(w, &y, 8);
	memcpy(x, &y, sizeof(y));
	w->ok = w->ok && *x >= -1e150 && *x <= 1e150;
}

static void f32(struct walk *w, float *x)
{
	uint32_t y;

	memcpy(&y, x, sizeof(y));
	u32(w, &y);
	memcpy(x, &y, sizeof(y));
}

static void f64s(struct walk *w, double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		f64(w, &x[i]);
}

static void tally(struct walk *w, struct tally *t)
{
	u32(w, &t->n);
	for (unsigned m = 0; m < HARM_METRICS; m++)
		u32(w, &t->k[m]);
}

static void sums(struct walk *w, struct sums *s)
{
	u64(w, &s->n);
	for (unsigned m = 0; m < HARM_METRICS; m++)
		u64(w, &s->k[m]);
	u32(w, &s->instances);
}

static void duel(struct walk *w, struct duel *d)
{
	u64(w, &d->nc);
	u64(w, &d->kc);
	u64(w, &d->ns);
	u64(w, &d->ks);
}

/* Most CUSUMs are at rest: a byte of a track says which are not, and only those follow. */
static void cusums(struct walk *w, float *c)
{
	uint64_t up = 0;

	for (unsigned j = 0; j < BETS; j++)
		up |= (uint64_t)(c[j] > 0.0F) << j;
	bytes(w, &up, 1);
	for (unsigned j = 0; j < BETS; j++)
		if (up >> j & 1)
			f32(w, &c[j]);
}

static void placebo(struct walk *w, struct placebo *p)
{
	u64(w, &p->seen);
	u32(w, &p->id);
	u32(w, &p->skip);
	for (unsigned r = 0; r < ROBUSTS; r++)
		tally(w, &p->open[r]);
	for (unsigned t = 0; t < TRACKS; t++)
		cusums(w, p->cusum[t]);
}

static void history(struct walk *w, struct verdict_history *h)
{
	f64(w, &h->error_ratio);
	f64(w, &h->error_margin);
	u64(w, &h->windows);
	u64(w, &h->last);
	f64(w, &h->exposure);
	f64s(w, h->g, TRACKS);
	for (unsigned i = 0; i < 2; i++) {
		f64s(w, h->scatter[i], HARM_METRICS);
		f64s(w, h->expected[i], HARM_METRICS);
	}
	for (unsigned r = 0; r < ROBUSTS; r++) {
		u64(w, &h->open[r]);
		sums(w, &h->rest[r]);
	}
	u32(w, &h->n);
	w->ok = w->ok && h->n <= VERDICT_MAX_INSTANCES;
	for (uint32_t i = 0; w->ok && i < h->n; i++)
		placebo(w, &h->placebo[i]);
}

static void config(struct walk *w, struct verdict_config *c)
{
	uint32_t metrics = c->metrics;

	f64(w, &c->alpha);
	f64(w, &c->beta);
	f64(w, &c->error_ratio);
	f64(w, &c->error_margin);
	f64(w, &c->latency_ratio);
	f64(w, &c->promote_error_margin);
	f64(w, &c->promote_latency_ratio);
	f64(w, &c->guard_error_rate);
	f64(w, &c->min_bake);
	u32(w, &metrics);
	c->metrics = metrics;
}

static void bet(struct walk *w, struct bet *b)
{
	u64(w, &b->windows);
	f64(w, &b->cash);
	f64s(w, b->wealth, BETS);
}

static void promote(struct walk *w, struct promote *p)
{
	f64s(w, p->log_f, BETS);
	f64s(w, p->log_w, BETS);
	duel(w, &p->batch);
	duel(w, &p->all);
	flag(w, &p->passed);
	f64(w, &p->passed_evidence);
}

static void early(struct walk *w, struct early *e)
{
	u64(w, &e->all);
	u32(w, &e->n);
	w->ok = w->ok && e->n <= YOUTH + 1;
	for (uint32_t i = 0; w->ok && i < e->n && i < YOUTH; i++)
		for (unsigned m = 0; m < HARM_METRICS; m++)
			u32(w, &e->total[i][m]);
}

static void alarm(struct walk *w, struct alarm *a)
{
	uint32_t metric = a->metric, lane = a->lane;

	flag(w, &a->raised);
	u32(w, &metric);
	u32(w, &lane);
	f64(w, &a->evidence);
	f64(w, &a->wanted);
	w->ok = w->ok && metric < VERDICT_METRICS && lane <= LANE_PROMOTE;
	if (!w->ok)
		return;
	a->metric = (enum verdict_metric)metric;
	a->lane = (enum verdict_lane)lane;
}

static void verdict(struct walk *w, struct verdict *v)
{
	config(w, &v->cfg);
	history(w, &v->hist);
	u64(w, &v->first_canary);
	u64(w, &v->last_canary);
	u64(w, &v->canary_n);
	u64(w, &v->canary_errors);
	u64(w, &v->stable_n);
	u64(w, &v->stable_errors);
	for (unsigned i = 0; i < TRACKS; i++)
		bet(w, &v->bets[i]);
	bet(w, &v->guard);
	u32(w, &v->skip);
	for (unsigned r = 0; r < ROBUSTS; r++)
		sums(w, &v->open[r]);
	early(w, &v->early);
	for (unsigned m = 0; m < HARM_METRICS; m++)
		promote(w, &v->promote[m]);
	alarm(w, &v->alarm);
}

/* The walk changes nothing when it writes, but takes what it may change. */
size_t verdict_save(const struct verdict *v, unsigned char *buf, size_t cap)
{
	struct walk w = {.out = buf, .end = cap, .ok = true};
	struct verdict copy = *v;
	uint32_t magic = MAGIC_VERDICT;

	u32(&w, &magic);
	verdict(&w, &copy);
	return w.ok ? w.at : 0;
}

bool verdict_load(struct verdict *v, const unsigned char *buf, size_t len)
{
	struct walk w = {.in = buf, .end = len, .ok = true};
	struct verdict copy;
	uint32_t magic = 0;

	memset(&copy, 0, sizeof(copy));
	u32(&w, &magic);
	verdict(&w, &copy);
	if (!w.ok || w.at != len || magic != MAGIC_VERDICT || !verdict_valid(&copy))
		return false;
	*v = copy;
	return true;
}

size_t verdict_history_save(const struct verdict_history *h, unsigned char *buf, size_t cap)
{
	struct walk w = {.out = buf, .end = cap, .ok = true};
	struct verdict_history copy = *h;
	uint32_t magic = MAGIC_HISTORY;

	u32(&w, &magic);
	history(&w, &copy);
	return w.ok ? w.at : 0;
}

bool verdict_history_load(struct verdict_history *h, const unsigned char *buf, size_t len)
{
	struct walk w = {.in = buf, .end = len, .ok = true};
	struct verdict_history copy;
	uint32_t magic = 0;

	memset(&copy, 0, sizeof(copy));
	u32(&w, &magic);
	history(&w, &copy);
	if (!w.ok || w.at != len || magic != MAGIC_HISTORY || !verdict_history_valid(&copy))
		return false;
	*h = copy;
	return true;
}
