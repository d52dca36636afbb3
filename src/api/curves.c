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
 *	 "verdict":{"answer":["wait",...],"metric":[],"evidence":[],"wanted":[],"harm_metric":[],"harm_evidence":[],"harm_wanted":[]},
 *	 "steps":[{"share":0.05,"state":"done|now|next|left_out"}],
 *	 "numbers":{...},			the verdict's last report, as in the rollout
 *	 "decisions":[{"at","by","text","seq"}],	in words; seq: the record in the journal
 *	 "about":{"t":"...", ...}}		what each number is
 */
#include "api/story.h"

#define POINTS 600

/* ---- writing ---- */

static void write_share(struct json_out *o, uint64_t k, uint64_t n)
{
	if (n)
		json_double(o, NULL, (double)k / (double)n);
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
		else
			json_double(o, NULL, v);
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
	json_open(o, "difference");
	write_column(o, "estimate", p, n, offsetof(struct curve_point, difference), false);
	COLUMN(low, false);
	COLUMN(high, false);
	COLUMN(margin, false);
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
}

static void write_steps(struct json_out *o, const struct rollout *ro)
{
	bool final = rollout_is_final(ro->state) || ro->state == ROLLOUT_ABORTING;

	json_list(o, "steps");
	for (size_t i = 0; i < ro->strategy.steps.n; i++) {
		bool done = i < ro->step || ro->state == ROLLOUT_DONE;

		json_open(o, NULL);
		json_double(o, "share", ro->strategy.steps.v[i].share);
		json_cstr(o, "state",
			  done                    ? "done"
			  : final && i > ro->step ? "left_out"
			  : final                 ? "stopped"
			  : i == ro->step         ? "now"
						  : "next");
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

static void free_story(void *data)
{
	story_done(data);
	xfree(data);
}

static void read_curves(struct call *c)
{
	struct story *x = c->data;

	c->rc = story_read(x, engine_world(c->api->e)->store, c->arg[0], &c->err);
	if (c->rc == RC_OK)
		write_curves(c, x);
}

void get_curves(struct call *c)
{
	struct story *x = xcalloc(1, sizeof(*x));

	c->data = x;
	c->free_data = free_story;
	(void)thing_copy(engine_model(c->api->e), AGG_ROLLOUT, c->arg[0], &x->ro);
	call_work(c, read_curves);
}
