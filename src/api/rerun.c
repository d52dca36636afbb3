/*
 * POST runs/{id}/rerun: the order is in the journal at once, the new run comes when its commit was read again. The answer waits for that, for a while:
 *
 *	{"ok":true,"seq":41,"run":"run-9"}	and Location: /api/v1/runs/run-9
 *
 * Without run: none came of it (another commit stands there by now), or it takes longer than PATIENCE. "problem": the commit could not be read, and why.
 */
#include "api/reads.h"

#define PATIENCE (10 * USEC_SEC)

struct rerun {
	struct rerun *next;
	struct api *api;
	struct call *call; /* NULL: answered */
	uint64_t seq;      /* of the order; 0: not in the journal yet */
};

static void answer(struct rerun *w, const char *run, const char *problem)
{
	struct call *c = w->call;
	struct json_out o = JSON_OUT(&c->out);

	w->call = NULL;
	json_open(&o, NULL);
	json_bool(&o, "ok", true);
	json_u64(&o, "seq", w->seq);
	if (run)
		json_cstr(&o, "run", run);
	if (problem)
		json_cstr(&o, "problem", problem);
	json_close(&o);
	if (run) {
		AUTO(freep) char *place = xasprintf(WIRE_RUNS "/%s", run);

		request_add_header(c->r, "Location", place);
	}
	call_json(c, 200, &c->out);
}

static void forget(struct rerun *w)
{
	struct rerun **at = &w->api->reruns;

	while (*at && *at != w)
		at = &(*at)->next;
	if (*at)
		*at = w->next;
	xfree(w);
}

/* The only place that ends a wait: a timer cannot be called off. */
static void too_long(void *arg)
{
	struct rerun *w = arg;

	if (w->call)
		answer(w, NULL, NULL);
	forget(w);
}

static void on_answered(void *ctx, enum rc rc, const struct err *err, uint64_t seq)
{
	struct rerun *w = ctx;

	if (rc != RC_OK) {
		call_fail(w->call, err);
		forget(w);
		return;
	}
	w->seq = seq;
	runner_timer(w->api->runner, runner_now(w->api->runner) + PATIENCE, too_long, w);
}

static void order(struct call *c, const struct change *of)
{
	struct event ev = {.kind = EV_RERUN, .run = xstrdup(c->arg[0])};
	struct rerun *w = xcalloc(1, sizeof(*w));

	*w = (struct rerun){.next = c->api->reruns, .api = c->api, .call = c};
	c->api->reruns = w;
	if (of)
		shape_copy(&shape_change, &ev.change, of);
	ev.text = body_take(c, "reason");
	call_groups(c, &ev);
	call_sign(c, &ev);
	call_once(c, &ev);
	engine_ask(c->api->e, &ev, on_answered, w);
}

/* ---- one that ended before the last start: the order says what it was of ---- */

struct past {
	struct call *call;
	struct run run;
};

static void read_past(void *arg)
{
	struct past *p = arg;
	struct call *c = p->call;

	c->rc = thing_load(engine_world(c->api->e)->store, AGG_RUN, c->arg[0], &p->run, &c->err);
}

static void past_read(void *arg)
{
	struct past *p = arg;
	struct call *c = p->call;

	if (c->rc == RC_OK)
		order(c, &p->run.change);
	else
		call_fail(c, &c->err);
	shape_done(aggregate_shapes[AGG_RUN], &p->run);
	xfree(p);
}

void post_rerun(struct call *c)
{
	if (model_run(engine_model(c->api->e), c->arg[0])) {
		order(c, NULL);
		return;
	}
	struct past *p = xcalloc(1, sizeof(*p));

	p->call = c;
	api_work(c->api, read_past, past_read, p);
}

/* The run that an event made: it had no state before. */
static const char *new_run(const struct event *ev)
{
	vec_each(c, &ev->changes)
		if (!c->before && streq(c->field, "state") &&
		    str_starts(str_of(c->subject), "run-"))
			return c->subject;
	return NULL;
}

void reruns_told(struct api *api, const struct record *r)
{
	bool read = str_is(r->type, event_kind_names[EV_CHANGE_PLANNED]) ||
		    str_is(r->type, event_kind_names[EV_CHANGE_REFUSED]);
	struct event ev = {0};
	struct err err = {0};

	if (!api->reruns || !read || event_read(r, &ev, &err) != RC_OK) {
		event_done(&ev);
		return;
	}
	for (struct rerun *w = api->reruns; w; w = w->next) {
		AUTO(freep) char *effect = xasprintf("%llu.", (unsigned long long)w->seq);

		if (w->call && w->seq && str_starts(str_of(ev.effect), effect))
			answer(w, new_run(&ev), ev.error);
	}
	event_done(&ev);
}

void reruns_free(struct api *api)
{
	while (api->reruns)
		forget(api->reruns);
}
