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
#include "api/reads.h"
#include "core/curve.h"

#define POINTS      600
#define RECORDS_MAX 200000 /* a second each: two days */
#define SAID_MAX    500

struct said {
	uint64_t at, seq;
	char *by, *text;
};
struct curves {
	struct rollout ro;
	struct curve *curve;
	VEC(struct said) decisions;
	bool judged, stopped; /* its end is among the decisions */
	uint64_t looked;
	enum rc rc;
	struct err *err;
};

static void free_curves(void *data)
{
	struct curves *x = data;

	shape_done(aggregate_shapes[AGG_ROLLOUT], &x->ro);
	curve_free(x->curve);
	vec_each(d, &x->decisions) {
		xfree(d->by);
		xfree(d->text);
	}
	vec_done(&x->decisions);
	xfree(x);
}

/* ---- in words ---- */

static void decide(struct curves *x, const struct event *ev, const char *fmt, ...) PRINTF(3, 4);
static void decide(struct curves *x, const struct event *ev, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(NOTE_MAX);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	if (x->decisions.n < SAID_MAX)
		vec_push(&x->decisions, ((struct said){ev->time, ev->seq,
						       xstrdup(ev->actor ? ev->actor : "engine"),
						       strbuf_take(&text)}));
}

static void say_verdict(struct curves *x, const struct event *ev, const struct verdict_report *rep,
			uint32_t step)
{
	unsigned long long n = rep->canary_n, errors = rep->canary_errors;

	if (rep->answer == VERDICT_FAIL && !x->judged) {
		x->judged = true;
		decide(x, ev,
		       "the verdict failed it: %s, evidence %.3g of %.3g wanted (lane %s); %llu of %llu requests of the new version failed, %.2f %% of the old one's",
		       verdict_metric_names[rep->metric], rep->evidence, rep->wanted,
		       verdict_lane_names[rep->lane], errors, n, 100 * rep->stable_error_rate);
	} else if (rep->answer == VERDICT_PASS && curve_step(x->curve) > step) {
		decide(x, ev,
		       "step %u (%g %%) passed: evidence %.3g of %.3g wanted after %llu requests, %llu of them errors",
		       step + 1, 100 * x->ro.strategy.steps.v[step].share, rep->evidence,
		       rep->wanted, n, errors);
	}
}

static void say_weight(struct curves *x, const struct event *ev)
{
	uint64_t ordered = x->ro.zero_ordered_at;

	if (ev->weight > 0)
		decide(x, ev, "%g %% of the traffic confirmed at the data plane", 100 * ev->weight);
	else if (ordered && ev->time >= ordered)
		decide(x, ev, "0 %% confirmed at the data plane, %llu ms after the decision",
		       (unsigned long long)((ev->time - ordered) / USEC_MS));
	else
		decide(x, ev, "0 %% confirmed at the data plane");
}

static void say(struct curves *x, const struct event *ev)
{
	const char *text = ev->text ? ev->text : "";

	if (ev->kind == EV_DEPLOY_PLANNED && !ev->error)
		decide(x, ev, "planned: %.12s", ev->digest ? ev->digest : "-");
	else if (ev->kind == EV_DESIRED_WRITTEN && !ev->error)
		decide(x, ev, "written down as desired: commit %.10s",
		       ev->commit ? ev->commit : "-");
	else if (ev->kind == EV_HISTORY)
		decide(x, ev, "the analysis begins%s",
		       *text ? ", with what the old version did before" : ", without a history");
	else if (ev->kind == EV_WEIGHT_SET)
		say_weight(x, ev);
	else if (ev->kind == EV_PROMOTE)
		decide(x, ev, "promoted to the next step without waiting for the verdict");
	else if (ev->kind == EV_ABORT)
		decide(x, ev, "stopped%s%s", *text ? ": " : "", text);
	else if (ev->kind == EV_REFUSED)
		decide(x, ev, "asked for something that was refused: %s",
		       ev->error ? ev->error : "-");
	else if (ev->kind == EV_REPLICAS_STOPPED)
		decide(x, ev, "the replicas of the %s version are stopped",
		       streq(ev->image, x->ro.image) ? "new" : "old");
	else if (ev->error)
		decide(x, ev, "%s: %s", event_kind_names[ev->kind], ev->error);
	x->stopped |= ev->kind == EV_ABORT;
}

static enum event_kind kind_named(struct str type)
{
	unsigned i = 0;

	while (i < EVENT_KINDS && !str_is(type, event_kind_names[i]))
		i++;
	return (enum event_kind)i;
}

static bool see(void *ctx, const struct record *r)
{
	struct curves *x = ctx;
	struct event ev = {0};
	struct verdict_report rep;
	uint32_t step = curve_step(x->curve);
	enum event_kind kind = kind_named(r->type);

	if (++x->looked > RECORDS_MAX || kind == EVENT_KINDS)
		return x->looked <= RECORDS_MAX;
	x->rc = shape_parse(r->payload, TEXT_MAX, &shape_event, &ev, x->err);
	if (x->rc != RC_OK) {
		err_wrap(x->err, "record %llu", (unsigned long long)r->seq);
		return false;
	}
	ev.kind = kind;
	ev.seq = r->seq;
	ev.time = r->time;
	ev.actor = xstrndup(r->actor.p, r->actor.n);
	curve_event(x->curve, &ev, &rep);
	if (kind == EV_FACTS)
		say_verdict(x, &ev, &rep, step);
	else
		say(x, &ev);
	event_done(&ev);
	return true;
}

/* Why it ended, where none of its own records says so: a crash, an unready replica, its release, its longest time. */
static void say_end(struct curves *x)
{
	const struct rollout *ro = &x->ro;
	char engine[] = "engine";
	struct event ev = {.actor = engine};

	if (ro->cause && !x->judged && !x->stopped) {
		ev.time = ro->verdict_at;
		decide(x, &ev, "taken back (%s): %s", ro->cause, ro->reason ? ro->reason : "-");
	}
	if (ro->state == ROLLOUT_DONE) {
		ev.time = ro->ended_at;
		decide(x, &ev, "done: it is live");
	}
}

static int by_time(const void *a, const void *b)
{
	const struct said *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

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

static void write_curves(struct call *c, struct curves *x)
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

static void read_curves(struct call *c)
{
	struct curves *x = c->data;
	struct store *store = engine_world(c->api->e)->store;

	if (!x->ro.id)
		c->rc = thing_load(store, AGG_ROLLOUT, c->arg[0], &x->ro, &c->err);
	if (c->rc != RC_OK)
		return;
	x->err = &c->err;
	x->curve = curve_new(&x->ro.strategy, x->ro.step);
	c->rc = store_about(store, str_of(x->ro.id), 0, 0, see, x, &c->err);
	if (c->rc == RC_OK)
		c->rc = x->rc;
	if (c->rc != RC_OK)
		return;
	say_end(x);
	if (x->decisions.n)
		qsort(x->decisions.v, x->decisions.n, sizeof(*x->decisions.v), by_time);
	write_curves(c, x);
}

void get_curves(struct call *c)
{
	struct curves *x = xcalloc(1, sizeof(*x));

	c->data = x;
	c->free_data = free_curves;
	(void)thing_copy(engine_model(c->api->e), AGG_ROLLOUT, c->arg[0], &x->ro);
	call_work(c, read_curves);
}
