#include "api/story.h"

#define RECORDS_MAX 200000 /* a second each: two days */
#define SAID_MAX    500

void story_done(struct story *x)
{
	shape_done(aggregate_shapes[AGG_ROLLOUT], &x->ro);
	curve_free(x->curve);
	vec_each(d, &x->decisions) {
		xfree(d->by);
		xfree(d->text);
	}
	vec_done(&x->decisions);
}

/* ---- in words ---- */

static void decide(struct story *x, const struct event *ev, const char *fmt, ...) PRINTF(3, 4);
static void decide(struct story *x, const struct event *ev, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(NOTE_MAX);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	if (x->decisions.n < SAID_MAX)
		vec_push(&x->decisions, ((struct said){ev->time, ev->seq,
						       xstrdup(ev->actor ? ev->actor : "engine"),
						       strbuf_take(&text), !ev->seq}));
}

static void say_verdict(struct story *x, const struct event *ev, const struct verdict_report *rep,
			uint32_t step)
{
	unsigned long long n = rep->canary_n, errors = rep->canary_errors;
	AUTO(freep) char *have = watch_evidence_text(rep->evidence);
	AUTO(freep) char *wanted = watch_evidence_text(rep->wanted);

	if (rep->answer == VERDICT_FAIL && !x->judged) {
		x->judged = true;
		decide(x, ev,
		       "the verdict failed it: %s, evidence %s of %s wanted (lane %s); %llu of %llu requests of the new version failed, %.2f %% of the old one's",
		       verdict_metric_names[rep->metric], have, wanted,
		       verdict_lane_names[rep->lane], errors, n, 100 * rep->stable_error_rate);
	} else if (rep->answer == VERDICT_PASS && curve_step(x->curve) > step) {
		decide(x, ev,
		       "step %u (%g %%) passed: evidence %s of %s wanted after %llu requests, %llu of them errors",
		       step + 1, 100 * x->ro.strategy.steps.v[step].share, have, wanted, n, errors);
	}
}

static void say_weight(struct story *x, const struct event *ev)
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

static void say(struct story *x, const struct event *ev)
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
	struct story *x = ctx;
	struct event ev = {0};
	struct verdict_report rep;
	uint32_t step = curve_step(x->curve);
	enum event_kind kind = kind_named(r->type);

	if (x->until && r->seq > x->until)
		return false;
	x->seq = r->seq;
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
	vec_each(i, &ev.window.instances) {
		x->canary_n += i->canary ? i->n : 0;
		x->canary_errors += i->canary ? i->errors : 0;
	}
	if (kind == EV_FACTS)
		say_verdict(x, &ev, &rep, step);
	else
		say(x, &ev);
	event_done(&ev);
	return true;
}

/* Why it ended, where none of its own records says so: a crash, an unready replica, its release, its longest time. */
static void say_end(struct story *x)
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

static void forget_end(struct story *x)
{
	size_t kept = 0;

	for (size_t i = 0; i < x->decisions.n; i++) {
		struct said *d = &x->decisions.v[i];

		if (!d->end) {
			x->decisions.v[kept++] = *d;
			continue;
		}
		xfree(d->by);
		xfree(d->text);
	}
	x->decisions.n = kept;
}

enum rc story_read(struct story *x, struct store *store, const char *ro, struct err *err)
{
	enum rc rc = x->ro.id ? RC_OK : thing_load(store, AGG_ROLLOUT, ro, &x->ro, err);

	if (rc != RC_OK)
		return rc;
	x->err = err;
	if (!x->curve)
		x->curve = curve_new(&x->ro.strategy, x->ro.step);
	curve_reach(x->curve, x->ro.step);
	forget_end(x);
	if (x->looked <= RECORDS_MAX)
		rc = store_about(store, str_of(x->ro.id), x->seq ? x->seq + 1 : 0, 0, see, x, err);
	if (rc == RC_OK)
		rc = x->rc;
	if (rc != RC_OK)
		return rc;
	say_end(x);
	if (x->decisions.n)
		qsort(x->decisions.v, x->decisions.n, sizeof(*x->decisions.v), by_time);
	return RC_OK;
}
