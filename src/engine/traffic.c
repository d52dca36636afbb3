/* Requests as the splitter tells them become seconds of counts: history while nothing is rolled out, events while a canary bakes. */
#include "engine/engine_impl.h"
#include "base/log.h"

#define DEFAULT_HARM_RATIO 1.05
#define LATE               (150 * USEC_MS) /* a second is closed this long after its end */

static struct traffic *find(const struct engine *e, const char *environment, const char *unit)
{
	for (size_t i = 0; i < e->traffic.n; i++)
		if (streq(e->traffic.v[i]->unit, unit) &&
		    streq(e->traffic.v[i]->environment, environment))
			return e->traffic.v[i];
	return NULL;
}

static struct traffic *find_or_add(struct engine *e, const char *environment, const char *unit)
{
	struct traffic *t = find(e, environment, unit);
	struct verdict_config cfg;

	if (t)
		return t;
	t = xcalloc(1, sizeof(*t));
	t->environment = xstrdup(environment);
	t->unit = xstrdup(unit);
	t->facts = xcalloc(1, verdict_facts_size());
	t->history = xcalloc(1, verdict_history_size());
	t->since = runner_now(e->w.runner);
	verdict_config_default(&cfg, 1);
	verdict_facts_init(t->facts, cfg.latency_ratio, cfg.promote_latency_ratio);
	verdict_history_init(t->history, &cfg);
	vec_push(&e->traffic, t);
	return t;
}

void traffic_free(struct engine *e)
{
	for (size_t i = 0; i < e->traffic.n; i++) {
		struct traffic *t = e->traffic.v[i];

		vec_each(v, &t->versions)
			xfree(v->image);
		vec_done(&t->versions);
		xfree(t->environment);
		xfree(t->unit);
		xfree(t->rollout);
		xfree(t->facts);
		xfree(t->history);
		xfree(t);
	}
	vec_done(&e->traffic);
}

static struct traffic_version *version_of(struct traffic *t, const char *image, uint32_t index)
{
	vec_each(v, &t->versions)
		if (v->index == index && streq(v->image, image))
			return v;
	vec_push(&t->versions, ((struct traffic_version){.image = xstrdup(image),
							 .index = index,
							 .id = (uint32_t)t->versions.n + 1}));
	return vec_last(&t->versions);
}

/* The rollout whose canary is judged now. */
static const struct rollout *judged(const struct engine *e, const struct traffic *t)
{
	for (struct map_entry *m = NULL; (m = map_next(&e->model.by_kind[AGG_ROLLOUT], m));) {
		const struct rollout *ro = m->value;

		if ((ro->state == ROLLOUT_BAKING || ro->state == ROLLOUT_HOLDING) &&
		    streq(ro->unit, t->unit) && streq(ro->environment, t->environment))
			return ro;
	}
	return NULL;
}

/* The thresholds follow the step of the rollout. */
static void follow(struct traffic *t, const struct rollout *ro)
{
	struct verdict_config cfg;

	if (streq(t->rollout, ro ? ro->id : NULL) && (!ro || t->step == ro->step))
		return;
	xfree(t->rollout);
	t->rollout = ro ? xstrdup(ro->id) : NULL;
	t->step = ro ? ro->step : 0;
	verdict_config_default(&cfg, t->step + 1);
	if (ro && ro->strategy.latency_margin > 0)
		cfg.promote_latency_ratio = 1 + ro->strategy.latency_margin;
	verdict_facts_ratios(t->facts, cfg.latency_ratio, cfg.promote_latency_ratio);
}

static struct facts_latency in_usec(const struct verdict_latency *l)
{
	return (struct facts_latency){.stable = (uint64_t)(l->stable * USEC_MS),
				      .allowed = (uint64_t)(l->allowed * USEC_MS),
				      .canary = (uint64_t)(l->canary * USEC_MS)};
}

static void window_event(struct engine *e, const struct traffic *t, const struct verdict_window *w)
{
	struct event ev = {.kind = EV_FACTS};
	struct verdict_latency latency[VERDICT_LATENCIES];

	verdict_facts_latencies(t->facts, latency);
	ev.window.p50 = in_usec(&latency[0]);
	ev.window.p95 = in_usec(&latency[1]);
	ev.window.p99 = in_usec(&latency[2]);
	ev.rollout = xstrdup(t->rollout);
	ev.window.second = w->second + (e->skew + USEC_SEC - 1) / USEC_SEC;
	for (uint32_t i = 0; i < w->n; i++) {
		const struct verdict_instance *in = &w->inst[i];

		vec_push(&ev.window.instances,
			 ((struct facts_instance){.id = in->id,
						  .canary = in->canary,
						  .n = in->c.n,
						  .errors = in->c.errors,
						  .over50 = in->c.over[0],
						  .over95 = in->c.over[1],
						  .over99 = in->c.over[2],
						  .slow50 = in->c.over_promote[0],
						  .slow95 = in->c.over_promote[1],
						  .slow99 = in->c.over_promote[2]}));
	}
	e->stats.windows++;
	engine_submit(e, &ev);
}

static void take_window(struct engine *e, struct traffic *t, const struct verdict_window *w)
{
	if (t->rollout && !e->stalled)
		window_event(e, t, w);
	else if (!t->rollout)
		verdict_history_window(t->history, w);
}

static void see_fact(void *ctx, const struct route_fact *f)
{
	struct engine *e = ctx;
	struct traffic *t = find_or_add(e, f->environment, f->unit);
	struct traffic_version *v = version_of(t, f->image, f->index);
	const struct rollout *ro = judged(e, t);
	struct verdict_window w;
	bool bad = f->status >= 500 || f->status == 0;

	follow(t, ro);
	v->n++;
	v->errors += bad;
	e->stats.facts++;
	e->stats.requests[f->status >= 100 && f->status < 600 ? f->status / 100 : 0]++;
	struct verdict_fact fact = {.t = f->t,
				    .canary = ro && streq(ro->image, f->image),
				    .instance = v->id,
				    .status = f->status,
				    .ms = f->ms};
	t->last = f->t;
	if (verdict_facts_add(t->facts, &fact, &w))
		take_window(e, t, &w);
}

static void read_facts(void *arg)
{
	struct engine *e = arg;
	struct err err = {0};

	if (!e->stopped && route_facts(e->w.route, see_fact, e, &err) != RC_OK)
		LOG(LOG_WARN, "the splitter's facts cannot be read", LF("error", err.msg));
}

static void tick(void *arg)
{
	struct engine *e = arg;
	usec_t now = runner_now(e->w.runner);
	struct verdict_window w;

	if (e->stopped)
		return;
	read_facts(e);
	for (size_t i = 0; i < e->traffic.n; i++) {
		struct traffic *t = e->traffic.v[i];

		follow(t, judged(e, t));
		if (now > LATE + USEC_SEC &&
		    verdict_facts_close(t->facts, (now - LATE) / USEC_SEC - 1, &w))
			take_window(e, t, &w);
	}
	runner_timer(e->w.runner, now + TRAFFIC_TICK, tick, e);
}

void traffic_start(struct engine *e)
{
	runner_watch(e->w.runner, route_fd(e->w.route), read_facts, e);
	tick(e);
}

void traffic_history(struct engine *e, const char *rollout, struct event *ret)
{
	const struct rollout *ro = model_rollout(&e->model, rollout);
	const struct traffic *t = ro ? find(e, ro->environment, ro->unit) : NULL;

	ret->kind = EV_HISTORY;
	ret->rollout = xstrdup(rollout);
	if (!t)
		return;
	AUTO(strbuf_done) struct strbuf text = STRBUF(2 * VERDICT_SAVE_MAX);
	AUTO(freep) unsigned char *bytes = xmalloc(VERDICT_SAVE_MAX);
	size_t n = verdict_history_save(t->history, bytes, VERDICT_SAVE_MAX);
	if (!n)
		return;
	strbuf_add_base64(&text, bytes, n);
	ret->text = strbuf_take(&text);
}

bool engine_traffic(const struct engine *e, const char *environment, const char *unit,
		    const char *image, struct engine_traffic *ret)
{
	const struct traffic *t = find(e, environment, unit);

	*ret = (struct engine_traffic){0};
	if (!t)
		return false;
	vec_each(v, &t->versions) {
		if (image && !streq(v->image, image))
			continue;
		ret->n += v->n;
		ret->errors += v->errors;
	}
	usec_t age = runner_now(e->w.runner) - t->since;
	ret->per_second = age ? (double)ret->n * (double)USEC_SEC / (double)age : 0;
	return true;
}
