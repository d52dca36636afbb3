#include "core/watch.h"

const char *const verdict_answer_names[] = {"wait", "pass", "fail"};
const char *const verdict_metric_names[] = {"errors", "p50", "p95", "p99", "guard"};
const char *const verdict_lane_names[] = {"fast", "hard", "robust", "guard", "promote"};

void watch_config(const struct strategy *st, uint32_t step, struct verdict_config *ret)
{
	verdict_config_default(ret, step + 1);
	if (st->error_margin > 0)
		ret->promote_error_margin = st->error_margin;
	if (st->latency_margin > 0)
		ret->promote_latency_ratio = 1 + st->latency_margin;
	ret->guard_error_rate = st->guard_error_rate;
	ret->min_bake = (double)st->min_bake / (double)USEC_SEC;
	unsigned metrics = (st->compare_errors ? 1u << VERDICT_ERRORS : 0) |
			   (st->compare_p50 ? 1u << VERDICT_P50 : 0) |
			   (st->compare_p95 ? 1u << VERDICT_P95 : 0) |
			   (st->compare_p99 ? 1u << VERDICT_P99 : 0);
	if (metrics)
		ret->metrics = metrics;
}

/* The window's counts, as the verdict wants them. */
void watch_feed(struct verdict *v, const struct facts_window *w)
{
	struct verdict_instance inst[VERDICT_MAX_INSTANCES];
	struct verdict_window window = {.second = w->second, .inst = inst};

	vec_each(i, &w->instances) {
		if (window.n == VERDICT_MAX_INSTANCES)
			break;
		inst[window.n++] = (struct verdict_instance){
			.id = i->id,
			.canary = i->canary,
			.c = {.n = i->n,
			      .errors = i->errors,
			      .over = {i->over50, i->over95, i->over99},
			      .over_promote = {i->slow50, i->slow95, i->slow99}}};
	}
	verdict_window(v, &window);
}

char *watch_evidence_text(double evidence)
{
	return evidence < 100   ? xasprintf("%.3g", evidence)
	       : evidence < 1e6 ? xasprintf("%.0f", evidence)
				: xstrdup("over a million");
}
