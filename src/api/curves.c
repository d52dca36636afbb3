/*
 * GET rollouts/{id}/curves: what its traffic did, what the verdict said to it, and who decided what.
 *
 *	{"rollout","environment","unit","image","previous","state",
 *	 "seconds":1,				of one point
 *	 "t":[usec, ...],			where each point begins; the arrays below are as long
 *	 "step":[0,...],"weight":[0.05,...],	step and confirmed share of the canary
 *	 "canary":{"n":[],"errors":[],"error_rate":[],"over_p50":[],"over_p95":[],"over_p99":[]},
 *	 "stable":{...},			counts of the point; rates and shares 0..1, null without requests
 *	 "difference":{"estimate":[],"low":[],"high":[],"margin":[]},	of the error rates, of the step so far; low..high: 95 %
 *	 "over_difference":{"p50":{as difference},"p95":{},"p99":{}},	of the shares over_p50, over_p95, over_p99
 *	 "latency":{"p50":{"stable":[],"allowed":[],"canary":[]},...},	usec, null where it is not known; left out when it never is
 *	 "verdict":{"answer":["wait",...],"metric":[],"evidence":[],"wanted":[],"harm_metric":[],"harm_evidence":[],"harm_wanted":[]},
 *	 "steps":[{"share":0.05,"state":"done|now|next|left_out|stopped","error_margin":0.01,"latency_ratio":1.5}],	as the verdict holds them
 *	 "numbers":{...},			the verdict's last report, as in the rollout
 *	 "decisions":[{"at","by","text","seq"}],	in words; seq: the record in the journal
 *	 "about":{"t":"...", ...}}		what each number is
 *
 * A rollout that is looked at is asked for again with each of its records. What its records came to is kept, for the KEPT that were asked for last (half a
 * megabyte each), and only newer records are read. One call at a time works on it; others wait for their turn.
 */
#include "api/story.h"

#include <math.h>

#define POINTS 600
#define KEPT   8

struct kept_story {
	struct story *story; /* NULL: a free place */
	char *id;
	uint64_t asked; /* the turn of the last call */
	bool busy;      /* a worker has it */
	VEC(struct call *) waiting;
};
struct stories {
	struct kept_story kept[KEPT];
	uint64_t turn;
};
struct curves_call {
	struct kept_story *of; /* NULL: all places were taken */
	struct story *story;
};

/* ---- writing ---- */

/* A share or a difference of shares, to a millionth: people read hundredths of a percent. */
static void write_millionths(struct json_out *o, double v)
{
	json_double(o, NULL, round(v * 1e6) / 1e6);
}

static void write_share(struct json_out *o, uint64_t k, uint64_t n)
{
	if (n)
		write_millionths(o, (double)k / (double)n);
	else
		json_cstr(o, NULL, NULL);
}

static const struct curve_side *side_of(const struct curve_point *p, bool canary)
{
	return canary ? &p->canary : &p->stable;
}

static void write_side(struct json_out *o, const char *name, const struct curve_point *p, size_t n,
		       bool canary)
{
	static const char *const overs[] = {"over_p50", "over_p95", "over_p99"};

	json_open(o, name);
	json_list(o, "n");
	for (size_t i = 0; i < n; i++)
		json_u64(o, NULL, side_of(&p[i], canary)->n);
	json_unlist(o);
	json_list(o, "errors");
	for (size_t i = 0; i < n; i++)
		json_u64(o, NULL, side_of(&p[i], canary)->errors);
	json_unlist(o);
	json_list(o, "error_rate");
	for (size_t i = 0; i < n; i++)
		write_share(o, side_of(&p[i], canary)->errors, side_of(&p[i], canary)->n);
	json_unlist(o);
	for (unsigned k = 0; k < ARRAY_LEN(overs); k++) {
		json_list(o, overs[k]);
		for (size_t i = 0; i < n; i++)
			write_share(o, side_of(&p[i], canary)->slow[k], side_of(&p[i], canary)->n);
		json_unlist(o);
	}
	json_close(o);
}

/* A column of doubles by its place in the point; null where nothing was judged and that is needed. */
static void write_column(struct json_out *o, const char *name, const struct curve_point *p,
			 size_t n, size_t offset, bool judged)
{
	json_list(o, name);
	for (size_t i = 0; i < n; i++) {
		double v;

		memcpy(&v, (const char *)&p[i] + offset, sizeof(v));
		if (judged && !p[i].judged)
			json_cstr(o, NULL, NULL);
		else if (judged) /* evidence grows by factors */
			json_double(o, NULL, v);
		else
			write_millionths(o, v);
	}
	json_unlist(o);
}

#define COLUMN(name, judged) \
	write_column(o, #name, p, n, offsetof(struct curve_point, name), judged)

static void write_verdict(struct json_out *o, const struct curve_point *p, size_t n)
{
	json_open(o, "verdict");
	json_list(o, "answer");
	for (size_t i = 0; i < n; i++)
		json_cstr(o, NULL, p[i].judged ? verdict_answer_names[p[i].answer] : NULL);
	json_unlist(o);
	json_list(o, "metric");
	for (size_t i = 0; i < n; i++)
		json_cstr(o, NULL, p[i].judged ? verdict_metric_names[p[i].metric] : NULL);
	json_unlist(o);
	COLUMN(evidence, true);
	COLUMN(wanted, true);
	json_list(o, "harm_metric");
	for (size_t i = 0; i < n; i++)
		json_cstr(o, NULL, p[i].judged ? verdict_metric_names[p[i].harm_metric] : NULL);
	json_unlist(o);
	COLUMN(harm_evidence, true);
	COLUMN(harm_wanted, true);
	json_close(o);
}

static void write_difference(struct json_out *o, const char *name, const struct curve_point *p,
			     size_t n, unsigned metric)
{
	size_t at =
		offsetof(struct curve_point, difference) + metric * sizeof(struct curve_difference);

	json_open(o, name);
	write_column(o, "estimate", p, n, at + offsetof(struct curve_difference, estimate), false);
	write_column(o, "low", p, n, at + offsetof(struct curve_difference, low), false);
	write_column(o, "high", p, n, at + offsetof(struct curve_difference, high), false);
	write_column(o, "margin", p, n, at + offsetof(struct curve_difference, margin), false);
	json_close(o);
}

static void write_times(struct json_out *o, const char *name, const struct curve_point *p, size_t n,
			size_t offset)
{
	json_list(o, name);
	for (size_t i = 0; i < n; i++) {
		uint64_t usec;

		memcpy(&usec, (const char *)&p[i] + offset, sizeof(usec));
		if (usec)
			json_u64(o, NULL, usec);
		else
			json_cstr(o, NULL, NULL);
	}
	json_unlist(o);
}

static void write_latency(struct json_out *o, const struct curve_point *p, size_t n)
{
	bool known = false;

	for (size_t i = 0; i < n && !known; i++)
		known = p[i].latency[0].stable || p[i].latency[0].canary;
	if (!known)
		return;
	json_open(o, "latency");
	for (unsigned k = 0; k < VERDICT_LATENCIES; k++) {
		size_t at =
			offsetof(struct curve_point, latency) + k * sizeof(struct facts_latency);

		json_open(o, verdict_metric_names[VERDICT_P50 + k]);
		write_times(o, "stable", p, n, at + offsetof(struct facts_latency, stable));
		write_times(o, "allowed", p, n, at + offsetof(struct facts_latency, allowed));
		write_times(o, "canary", p, n, at + offsetof(struct facts_latency, canary));
		json_close(o);
	}
	json_close(o);
}

static void write_points(struct json_out *o, struct curve *curve)
{
	const struct curve_point *p;
	uint32_t seconds;
	size_t n = curve_points(curve, POINTS, &p, &seconds);

	json_u64(o, "seconds", seconds);
	json_list(o, "t");
	for (size_t i = 0; i < n; i++)
		json_u64(o, NULL, p[i].second * USEC_SEC);
	json_unlist(o);
	json_list(o, "step");
	for (size_t i = 0; i < n; i++)
		json_u64(o, NULL, p[i].step);
	json_unlist(o);
	COLUMN(weight, false);
	write_side(o, "canary", p, n, true);
	write_side(o, "stable", p, n, false);
	write_verdict(o, p, n);
	write_difference(o, "difference", p, n, VERDICT_ERRORS);
	json_open(o, "over_difference");
	for (unsigned k = VERDICT_P50; k <= VERDICT_P99; k++)
		write_difference(o, verdict_metric_names[k], p, n, k);
	json_close(o);
	write_latency(o, p, n);
}

static void write_steps(struct json_out *o, const struct rollout *ro)
{
	bool final = rollout_is_final(ro->state) || ro->state == ROLLOUT_ABORTING;

	json_list(o, "steps");
	for (size_t i = 0; i < ro->strategy.steps.n; i++) {
		bool done = i < ro->step || ro->state == ROLLOUT_DONE;
		struct verdict_config cfg;

		watch_config(&ro->strategy, (uint32_t)i, &cfg);
		json_open(o, NULL);
		json_double(o, "share", ro->strategy.steps.v[i].share);
		json_cstr(o, "state",
			  done                    ? "done"
			  : final && i > ro->step ? "left_out"
			  : final                 ? "stopped"
			  : i == ro->step         ? "now"
						  : "next");
		json_double(o, "error_margin", cfg.promote_error_margin);
		json_double(o, "latency_ratio", cfg.promote_latency_ratio);
		json_close(o);
	}
	json_unlist(o);
}

static void write_about(struct json_out *o)
{
	static const struct {
		const char *key, *value;
	} about[] = {
		{"t", "usec since 1970 at which a point begins; it counts `seconds` seconds"},
		{"n", "requests, as the data plane counted them"},
		{"error_rate", "share of requests answered 5xx or not at all"},
		{"over_p50",
		 "share of requests slower than the old version's p50 of that time; the new version's: than this times the step's margin"},
		{"difference",
		 "error rate of the new version less that of the old one, over the step so far; low..high is Newcombe's 95 % interval, for the eye"},
		{"margin", "how much higher the new version's error rate may be for a pass"},
		{"over_difference",
		 "share of slow requests of the new version less that of the old one, over the step so far, as difference; its margin is 0: the tolerance is part of the new version's threshold"},
		{"latency",
		 "stable: the old version's quantile of the last minutes; allowed: that times the step's margin, the new version's threshold; canary: the new version's quantile in this step, to 3 %"},
		{"evidence", "an e-value: 1 is none; the step passes when it reaches `wanted`"},
		{"harm_evidence",
		 "an e-value for harm; the rollout is taken back when it reaches `harm_wanted`"},
	};

	json_open(o, "about");
	for (size_t i = 0; i < ARRAY_LEN(about); i++)
		json_cstr(o, about[i].key, about[i].value);
	json_close(o);
}

static void write_curves(struct call *c, struct story *x)
{
	const struct rollout *ro = &x->ro;
	struct json_out o = JSON_OUT(&c->out);

	json_open(&o, NULL);
	json_cstr(&o, "rollout", ro->id);
	json_word(&o, "environment", ro->environment);
	json_word(&o, "unit", ro->unit);
	json_word(&o, "image", ro->image);
	json_word(&o, "previous", ro->previous);
	json_cstr(&o, "state", rollout_state_names[ro->state]);
	write_points(&o, x->curve);
	write_steps(&o, ro);
	if (ro->numbers.answer) {
		json_open(&o, "numbers");
		json_cstr(&o, "answer", ro->numbers.answer);
		json_word(&o, "metric", ro->numbers.metric);
		json_double(&o, "evidence", ro->numbers.evidence);
		json_double(&o, "wanted", ro->numbers.wanted);
		json_double(&o, "harm_evidence", ro->numbers.harm_evidence);
		json_double(&o, "harm_wanted", ro->numbers.harm_wanted);
		json_u64(&o, "need", ro->numbers.need);
		json_close(&o);
	}
	json_list(&o, "decisions");
	vec_each(d, &x->decisions) {
		json_open(&o, NULL);
		json_u64(&o, "at", d->at);
		json_cstr(&o, "by", d->by);
		json_cstr(&o, "text", d->text);
		json_some(&o, "seq", d->seq);
		json_close(&o);
	}
	json_unlist(&o);
	write_about(&o);
	json_close(&o);
}

/* ---- stories that are kept ---- */

static void story_free(struct story *x)
{
	if (x)
		story_done(x);
	xfree(x);
}

static void forget(struct kept_story *k)
{
	story_free(k->story);
	xfree(k->id);
	k->story = NULL;
	k->id = NULL;
}

void stories_free(struct stories *s)
{
	for (size_t i = 0; s && i < KEPT; i++) {
		forget(&s->kept[i]);
		vec_done(&s->kept[i].waiting);
	}
	xfree(s);
}

/* Its own place, a free one, or the one that was asked for longest ago. NULL: a worker has each of them. */
static struct kept_story *place_for(struct api *api, const char *id)
{
	struct kept_story *oldest = NULL;

	if (!api->stories)
		api->stories = xcalloc(1, sizeof(*api->stories));
	for (size_t i = 0; i < KEPT; i++) {
		struct kept_story *k = &api->stories->kept[i];

		if (streq(k->id, id))
			return k;
		if (!k->busy && (!oldest || k->asked < oldest->asked))
			oldest = k;
	}
	if (!oldest)
		return NULL;
	forget(oldest);
	oldest->id = xstrdup(id);
	return oldest;
}

static void read_curves(void *arg)
{
	struct call *c = arg;
	struct curves_call *cc = c->data;

	c->rc = story_read(cc->story, engine_world(c->api->e)->store, c->arg[0], &c->err);
	if (c->rc == RC_OK)
		write_curves(c, cc->story);
}

static void begin(struct call *c, struct kept_story *k);

static void curves_read(void *arg)
{
	struct call *c = arg;
	struct curves_call *cc = c->data;
	struct kept_story *k = cc->of;

	if (!k) {
		story_free(cc->story);
	} else {
		k->busy = false;
		if (c->rc != RC_OK) {
			story_free(k->story);
			k->story = NULL;
			k->asked = 0; /* the next one may have the place */
		}
		if (k->waiting.n) {
			struct call *next = k->waiting.v[0];

			vec_remove(&k->waiting, 0);
			begin(next, k);
		}
	}
	if (c->rc == RC_OK)
		call_json(c, 200, &c->out);
	else
		call_fail(c, &c->err);
}

static void begin(struct call *c, struct kept_story *k)
{
	struct curves_call *cc = c->data;
	const struct model *m = engine_model(c->api->e);

	if (k && !k->story)
		k->story = xcalloc(1, sizeof(*k->story));
	if (k) {
		k->busy = true;
		k->asked = ++c->api->stories->turn;
	}
	cc->of = k;
	cc->story = k ? k->story : xcalloc(1, sizeof(*cc->story));
	shape_done(aggregate_shapes[AGG_ROLLOUT], &cc->story->ro);
	/* What is committed after this is younger than the copy, which says how far the replay may go. */
	cc->story->until = 0;
	if (thing_copy(m, AGG_ROLLOUT, c->arg[0], &cc->story->ro))
		cc->story->until = c->api->last_seq;
	api_work(c->api, read_curves, curves_read, c);
}

void get_curves(struct call *c)
{
	struct kept_story *k = place_for(c->api, c->arg[0]);

	c->data = xcalloc(1, sizeof(struct curves_call));
	c->free_data = xfree;
	if (k && k->busy)
		vec_push(&k->waiting, c);
	else
		begin(c, k);
}
