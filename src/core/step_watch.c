/* Seconds of traffic go through the verdict; its answer moves the rollout. */
#include "core/step_impl.h"
#include "core/watch.h"

static void keep(struct rollout *ro, const struct verdict *v)
{
	AUTO(freep) unsigned char *bytes = xmalloc(VERDICT_SAVE_MAX);
	AUTO(strbuf_done) struct strbuf text = STRBUF(2 * VERDICT_SAVE_MAX);
	size_t n = verdict_save(v, bytes, VERDICT_SAVE_MAX);

	BUG_ON(n == 0);
	strbuf_add_base64(&text, bytes, n);
	xfree(ro->verdict);
	ro->verdict = strbuf_take(&text);
}

/* One that does not load gives up what it had gathered and gathers anew: waiting longer is better than a daemon that stops here at every start. */
static struct verdict *restore(const struct rollout *ro)
{
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(VERDICT_SAVE_MAX);
	struct verdict *v = xcalloc(1, verdict_size());
	struct verdict_config cfg;

	if (strbuf_add_unbase64(&bytes, str_of(ro->verdict)) &&
	    verdict_load(v, (const unsigned char *)strbuf_cstr(&bytes), bytes.n))
		return v;
	watch_config(&ro->strategy, ro->step, &cfg);
	verdict_init(v, &cfg, NULL);
	return v;
}

enum rc on_history(struct step *s)
{
	struct rollout *ro = model_rollout(s->m, s->ev->rollout);

	if (!ro || ro->verdict || (ro->state != ROLLOUT_BAKING && ro->state != ROLLOUT_HOLDING))
		return RC_OK;
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(VERDICT_SAVE_MAX);
	AUTO(freep) struct verdict_history *h = xcalloc(1, verdict_history_size());
	AUTO(freep) struct verdict *v = xcalloc(1, verdict_size());
	struct verdict_config cfg;
	bool known = s->ev->text && strbuf_add_unbase64(&bytes, str_of(s->ev->text)) &&
		     verdict_history_load(h, (const unsigned char *)strbuf_cstr(&bytes), bytes.n);

	watch_config(&ro->strategy, ro->step, &cfg);
	verdict_init(v, &cfg, known ? h : NULL);
	keep(ro, v);
	model_touch(s->m, AGG_ROLLOUT, ro->id);
	return RC_OK;
}

void watch_step(struct step *s, struct rollout *ro)
{
	struct verdict_config cfg;

	(void)s;
	if (!ro->verdict)
		return;
	AUTO(freep) struct verdict *v = restore(ro);
	watch_config(&ro->strategy, ro->step, &cfg);
	verdict_next_step(v, &cfg);
	keep(ro, v);
}

static void take_numbers(struct rollout *ro, const struct verdict_report *rep)
{
	struct verdict_numbers *n = &ro->numbers;

	set_text(&n->answer, verdict_answer_names[rep->answer]);
	set_text(&n->metric, verdict_metric_names[rep->metric]);
	set_text(&n->lane, verdict_lane_names[rep->lane]);
	n->evidence = rep->evidence;
	n->wanted = rep->wanted;
	n->harm_evidence = rep->harm_evidence;
	n->harm_wanted = rep->harm_wanted;
	n->need = rep->need;
	n->canary_n = rep->canary_n;
	n->canary_errors = rep->canary_errors;
	n->stable_n = rep->stable_n;
	n->stable_errors = rep->stable_errors;
	n->seconds++;
}

static char *fail_reason(const struct verdict_report *rep)
{
	AUTO(freep) char *have = watch_evidence_text(rep->evidence);
	AUTO(freep) char *wanted = watch_evidence_text(rep->wanted);

	if (rep->metric == VERDICT_ERRORS || rep->metric == VERDICT_GUARD)
		return xasprintf(
			"errors %.2f %% on the new version (%llu of %llu requests), %.2f %% on the old one; evidence %s of %s wanted (lane %s)",
			100 * rep->canary_error_rate, (unsigned long long)rep->canary_errors,
			(unsigned long long)rep->canary_n, 100 * rep->stable_error_rate, have,
			wanted, verdict_lane_names[rep->lane]);
	return xasprintf(
		"latency: more requests above the old version's %s; evidence %s of %s wanted (lane %s), after %llu requests",
		verdict_metric_names[rep->metric], have, wanted, verdict_lane_names[rep->lane],
		(unsigned long long)rep->canary_n);
}

static void see_harm(struct rollout *ro, const struct facts_window *w)
{
	if (ro->harm_at)
		return;
	vec_each(i, &w->instances)
		if (i->canary && i->errors)
			ro->harm_at = w->second * USEC_SEC;
}

static void passed(struct step *s, struct rollout *ro)
{
	double share = ro->strategy.steps.v[ro->step].share;

	if (ro->state != ROLLOUT_BAKING || ro->confirmed != share ||
	    ro->step + 1 >= ro->strategy.steps.n)
		return;
	ro->step++;
	ro->verdict_at = s->m->time;
	watch_step(s, ro);
	rollout_push(s, ro);
}

enum rc on_facts(struct step *s)
{
	struct rollout *ro = model_rollout(s->m, s->ev->rollout);
	struct verdict_report rep;

	if (!ro || !ro->verdict || (ro->state != ROLLOUT_BAKING && ro->state != ROLLOUT_HOLDING))
		return RC_OK;
	AUTO(freep) struct verdict *v = restore(ro);
	watch_feed(v, &s->ev->window);
	verdict_report(v, &rep);
	keep(ro, v);
	take_numbers(ro, &rep);
	see_harm(ro, &s->ev->window);
	model_touch(s->m, AGG_ROLLOUT, ro->id);
	if (rep.answer == VERDICT_FAIL) {
		if (!ro->harm_at) /* slow from its first request on */
			ro->harm_at = ro->step_at;
		AUTO(freep) char *why = fail_reason(&rep);

		rollout_abort(s, ro,
			      rep.metric == VERDICT_ERRORS  ? "errors"
			      : rep.metric == VERDICT_GUARD ? "guard"
							    : "latency",
			      why);
	} else if (rep.answer == VERDICT_PASS) {
		passed(s, ro);
	}
	return RC_OK;
}
