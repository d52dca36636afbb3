/*
 * GET rollouts/{id}/verdicts: what the verdict said to its traffic, second by second, replayed from its records.
 *
 *	{"rollout":"ro-8","state":"baking",
 *	 "steps":[{"step":1,"weight":0.05,"state":"done|now|stopped|left_out|next","began_at","ended_at","verdicts":40,"answer":"pass"}],	answer: the last one
 *	 "verdicts":[{"seq":88,"at":usec,"step":1,"weight":0.05,"answer":"pass|fail|wait","metric","lane","evidence","wanted","need":1200,
 *		"harm_metric","harm_lane","harm_evidence","harm_wanted","canary_n","canary_errors","stable_n","stable_errors"}],"next":"88"}
 *
 * Oldest first. weight: that the data plane confirmed. evidence is an e-value, and wanted what it is held against; need: requests of the new version that are
 * still missing for a pass if nothing is wrong (left out: none, or no growth can be expected). Counts are of the step so far.
 * ?answer=pass|fail|wait ?step= (from 1) ?limit= (100) ?cursor= (seq of the last one)
 */
#include "core/curve.h"
#include "api/reads.h"

#define RECORDS_MAX 200000 /* a second each: two days */

struct step_view {
	uint64_t began_at, ended_at, verdicts;
	enum verdict_answer answer;
	bool judged;
};
struct verdicts {
	struct rollout ro;
	struct curve *curve;
	struct step_view *steps;
	struct json_out o;
	uint64_t limit, after, only_step, given, last, looked;
	uint32_t answers; /* bits; 0: any */
	double weight;
	bool more;
	enum rc rc;
	struct err *err;
};

static void free_verdicts(void *data)
{
	struct verdicts *v = data;

	shape_done(aggregate_shapes[AGG_ROLLOUT], &v->ro);
	curve_free(v->curve);
	xfree(v->steps);
	xfree(v);
}

/* ---- replaying ---- */

static void write_verdict(struct json_out *o, const struct verdicts *v, const struct event *ev,
			  const struct verdict_report *rep, uint32_t step)
{
	json_open(o, NULL);
	json_u64(o, "seq", ev->seq);
	json_u64(o, "at", ev->time);
	json_u64(o, "step", step + 1);
	json_double(o, "weight", v->weight);
	json_cstr(o, "answer", verdict_answer_names[rep->answer]);
	json_cstr(o, "metric", verdict_metric_names[rep->metric]);
	json_cstr(o, "lane", verdict_lane_names[rep->lane]);
	json_double(o, "evidence", rep->evidence);
	json_double(o, "wanted", rep->wanted);
	if (rep->answer == VERDICT_WAIT && rep->need != UINT64_MAX)
		json_some(o, "need", rep->need);
	json_cstr(o, "harm_metric", verdict_metric_names[rep->harm_metric]);
	json_cstr(o, "harm_lane", verdict_lane_names[rep->harm_lane]);
	json_double(o, "harm_evidence", rep->harm_evidence);
	json_double(o, "harm_wanted", rep->harm_wanted);
	json_u64(o, "canary_n", rep->canary_n);
	json_u64(o, "canary_errors", rep->canary_errors);
	json_u64(o, "stable_n", rep->stable_n);
	json_u64(o, "stable_errors", rep->stable_errors);
	json_close(o);
}

static void add_verdict(struct verdicts *v, const struct event *ev,
			const struct verdict_report *rep, uint32_t step)
{
	struct step_view *s = &v->steps[step];

	s->verdicts++;
	s->judged = true;
	s->answer = rep->answer;
	if ((v->answers && !(v->answers >> rep->answer & 1)) ||
	    (v->only_step && v->only_step != step + 1) || ev->seq <= v->after)
		return;
	if (v->given == v->limit) {
		v->more = v->limit > 0;
		return;
	}
	write_verdict(&v->o, v, ev, rep, step);
	v->given++;
	v->last = ev->seq;
}

static void follow(struct verdicts *v, const struct event *ev)
{
	uint32_t step = curve_step(v->curve), n = (uint32_t)v->ro.strategy.steps.n;
	struct verdict_report rep = {0};

	curve_event(v->curve, ev, &rep);
	if (ev->kind == EV_WEIGHT_SET)
		v->weight = ev->weight;
	if (step >= n)
		return;
	if (ev->kind == EV_WEIGHT_SET && ev->weight > 0 && !v->steps[step].began_at)
		v->steps[step].began_at = ev->time;
	if (ev->kind == EV_FACTS && rep.wanted > 0)
		add_verdict(v, ev, &rep, step);
	if (curve_step(v->curve) > step || (ev->kind == EV_WEIGHT_SET && ev->weight <= 0))
		v->steps[step].ended_at = ev->time;
}

static bool see(void *ctx, const struct record *r)
{
	struct verdicts *v = ctx;
	struct event ev = {0};

	if (++v->looked > RECORDS_MAX)
		return false;
	v->rc = event_read(r, &ev, v->err);
	if (v->rc != RC_OK)
		return false;
	follow(v, &ev);
	event_done(&ev);
	return true;
}

/* ---- answering ---- */

static void write_steps(struct json_out *o, const struct verdicts *v)
{
	const struct rollout *ro = &v->ro;
	bool final = rollout_is_final(ro->state) || ro->state == ROLLOUT_ABORTING;

	json_list(o, "steps");
	for (size_t i = 0; i < ro->strategy.steps.n; i++) {
		const struct step_view *s = &v->steps[i];
		bool done = i < ro->step || ro->state == ROLLOUT_DONE;

		json_open(o, NULL);
		json_u64(o, "step", i + 1);
		json_double(o, "weight", ro->strategy.steps.v[i].share);
		json_cstr(o, "state",
			  done                    ? "done"
			  : final && i > ro->step ? "left_out"
			  : final                 ? "stopped"
			  : i == ro->step         ? "now"
						  : "next");
		json_some(o, "began_at", s->began_at);
		json_some(o, "ended_at", s->ended_at);
		json_u64(o, "verdicts", s->verdicts);
		if (s->judged)
			json_cstr(o, "answer", verdict_answer_names[s->answer]);
		json_close(o);
	}
	json_unlist(o);
}

static void read_verdicts(struct call *c)
{
	struct verdicts *v = c->data;
	struct store *store = engine_world(c->api->e)->store;

	c->rc = thing_load(store, AGG_ROLLOUT, c->arg[0], &v->ro, &c->err);
	if (c->rc != RC_OK)
		return;
	v->err = &c->err;
	v->o = JSON_OUT(&c->out);
	v->curve = curve_new(&v->ro.strategy, v->ro.step);
	v->steps = xcalloc(v->ro.strategy.steps.n + 1, sizeof(*v->steps));
	json_open(&v->o, NULL);
	json_cstr(&v->o, "rollout", v->ro.id);
	json_cstr(&v->o, "state", rollout_state_names[v->ro.state]);
	json_list(&v->o, "verdicts");
	c->rc = store_about(store, str_of(v->ro.id), 0, 0, see, v, &c->err);
	if (c->rc == RC_OK)
		c->rc = v->rc;
	json_unlist(&v->o);
	write_steps(&v->o, v);
	if (v->more) {
		AUTO(freep) char *next = xasprintf("%llu", (unsigned long long)v->last);

		json_cstr(&v->o, "next", next);
	}
	json_close(&v->o);
}

void get_verdicts(struct call *c)
{
	struct verdicts *v = xcalloc(1, sizeof(*v));

	c->data = v;
	c->free_data = free_verdicts;
	v->answers = query_names(c, "answer", verdict_answer_names, 3);
	if (!call_number(c, "limit", 100, WIRE_LIST_MAX, &v->limit) ||
	    !call_number(c, "cursor", 0, INT64_MAX, &v->after) ||
	    !call_number(c, "step", 0, UINT32_MAX, &v->only_step))
		return;
	call_work(c, read_verdicts);
}
