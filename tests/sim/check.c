/* The end of a history: nothing hangs, and the world is as the model says. */
#include "flow/5-deploy/adapters_deploy.h"
#include "sim.h"
#include "store/verify.h"

bool is_quiet(struct sim *s)
{
	const struct model *m = mirror_model(s);
	const struct engine_stats *st = s->engine ? engine_stats(s->engine) : NULL;

	if (!st || st->queue || s->result.failed)
		return false;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_RUN], e));)
		if (!model_is_ended(m, AGG_RUN, e->key))
			return false;
	return true;
}

void check_end(struct sim *s)
{
	struct store_report report;
	struct err err = {0};

	mirror_compare(s, "at the end");
	if (!s->result.failed && store_verify(s->store, NULL, NULL, &report, &err) != RC_OK)
		sim_fail(s, 9, "%s", err.msg);
}
