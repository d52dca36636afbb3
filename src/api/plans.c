/*
 * GET releases/{id}/plans: what was planned for each of its services, environment by environment; GET rollouts/{id}/plan: that of one rollout.
 *
 *	{"release":"rel-4","plans":[{"rollout":"ro-8","release":"rel-4","environment":"production","unit":"orders","state":"baking","returns":true,
 *		"image":"sha256:...","previous":"sha256:...","replicas":2,
 *		"strategy":{"kind":"canary","steps":[0.05,0.5,1],...},
 *		"hash":"<64 hex>","at":usec,"seq":41,		that was executed: the record in the journal that holds it
 *		"diff":"--- ...","problem","desired":"<commit>"}],	of the desired state; desired: the commit in which it stands then
 *	 "to_come":[{"unit":"web","image","environment":"production"}]}	no rollout of it was made yet; releases/{id}/diff tells what it would be
 *
 * What is left out is not kept (a record that went into an archive) or not there yet.
 */
#include "api/catalog.h"
#include "api/reads.h"

struct plan_record {
	uint64_t seq, at;
	char *hash, *diff, *problem;
	struct err *err;
};
struct plans {
	texts rollouts;
};

static void free_plans(void *data)
{
	struct plans *p = data;

	vec_each(id, &p->rollouts)
		xfree(*id);
	vec_done(&p->rollouts);
	xfree(p);
}

/* ---- one ---- */

static bool see_record(void *ctx, const struct record *r)
{
	struct plan_record *p = ctx;
	struct event ev = {0};

	if (!str_is(r->type, event_kind_names[EV_DEPLOY_PLANNED]))
		return true;
	if (shape_parse(r->payload, TEXT_MAX, &shape_event, &ev, p->err) == RC_OK) {
		p->seq = r->seq;
		p->at = r->time;
		p->hash = ev.digest;
		p->diff = ev.text;
		p->problem = ev.error;
		ev.digest = ev.text = ev.error = NULL;
	}
	event_done(&ev);
	return false;
}

static void write_strategy(struct json_out *o, const struct strategy *s)
{
	json_open(o, "strategy");
	json_cstr(o, "kind", strategy_kind_names[s->kind]);
	json_list(o, "steps");
	vec_each(step, &s->steps)
		json_double(o, NULL, step->share);
	json_unlist(o);
	if (s->guard_error_rate > 0)
		json_double(o, "guard_error_rate", s->guard_error_rate);
	json_some(o, "min_bake", s->min_bake);
	json_some(o, "max", s->max);
	json_close(o);
}

static enum rc write_plan(struct json_out *o, struct store *store, const char *id, struct err *err)
{
	struct rollout ro = {0};
	struct plan_record p = {.err = err};
	enum rc rc = thing_load(store, AGG_ROLLOUT, id, &ro, err);

	if (rc == RC_OK) /* it is one of the first records */
		rc = store_about(store, str_of(id), 0, 0, see_record, &p, err);
	if (rc == RC_OK) {
		json_open(o, NULL);
		json_cstr(o, "rollout", ro.id);
		json_word(o, "release", ro.release);
		json_word(o, "environment", ro.environment);
		json_word(o, "unit", ro.unit);
		json_cstr(o, "state", rollout_state_names[ro.state]);
		if (ro.is_return)
			json_bool(o, "returns", true);
		json_word(o, "image", ro.image);
		json_word(o, "previous", ro.previous);
		json_u64(o, "replicas", ro.replicas);
		write_strategy(o, &ro.strategy);
		json_word(o, "hash", ro.plan ? ro.plan : p.hash);
		json_some(o, "at", p.at);
		json_some(o, "seq", p.seq);
		json_word(o, "diff", p.diff);
		json_word(o, "problem", p.problem);
		json_word(o, "desired", ro.desired);
		json_close(o);
	}
	xfree(p.hash);
	xfree(p.diff);
	xfree(p.problem);
	shape_done(aggregate_shapes[AGG_ROLLOUT], &ro);
	return rc;
}

static void read_plan(struct call *c)
{
	struct json_out o = JSON_OUT(&c->out);

	c->rc = write_plan(&o, engine_world(c->api->e)->store, c->arg[0], &c->err);
}

void get_plan(struct call *c)
{
	call_work(c, read_plan);
}

/* ---- of a release ---- */

static void write_to_come(struct json_out *o, const struct release *r, const struct config *c)
{
	json_list(o, "to_come");
	for (size_t i = 0; i < 2 * r->items.n && !release_is_final(r->state); i++) {
		bool late = i >= r->items.n;
		const struct release_item *item = &r->items.v[late ? i - r->items.n : i];
		const char *environment = late ? c->production_env : c->staging_env;

		if (late ? item->production_rollout || item->production_skipped
			 : item->staging_rollout || item->staging_skipped)
			continue;
		json_open(o, NULL);
		json_cstr(o, "unit", item->unit);
		json_word(o, "image", item->image);
		json_word(o, "environment", environment);
		json_close(o);
	}
	json_unlist(o);
}

static void read_plans(struct call *c)
{
	struct plans *p = c->data;
	struct store *store = engine_world(c->api->e)->store;
	struct json_out o = JSON_OUT(&c->out);
	struct release r = {0};
	struct config_ref config = {0};
	struct err ignored = {0};

	c->rc = thing_load(store, AGG_RELEASE, c->arg[0], &r, &c->err);
	if (c->rc == RC_OK && r.config &&
	    thing_load(store, AGG_CONFIG, r.config, &config, &ignored) != RC_OK)
		ignored.rc = RC_OK; /* it is not kept any more: the names are left out */
	json_open(&o, NULL);
	json_cstr(&o, "release", c->arg[0]);
	json_list(&o, "plans");
	for (size_t i = 0; i < p->rollouts.n && c->rc == RC_OK; i++)
		c->rc = write_plan(&o, store, p->rollouts.v[i], &c->err);
	json_unlist(&o);
	if (c->rc == RC_OK)
		write_to_come(&o, &r, &config.config);
	json_close(&o);
	shape_done(aggregate_shapes[AGG_RELEASE], &r);
	shape_done(aggregate_shapes[AGG_CONFIG], &config);
}

static void looked(struct call *c)
{
	struct plans *p = c->data;
	uint32_t first, last, number = catalog_number(c->arg[0]);
	const struct row *rel = catalog_row(c->api, SHELF_RELEASES, number);

	catalog_span(c->api, SHELF_ROLLOUTS, &first, &last);
	for (uint32_t n = first; rel && n <= last; n++) {
		const struct row *r = catalog_row(c->api, SHELF_ROLLOUTS, n);

		if (r && r->release == number)
			vec_push(&p->rollouts, catalog_id(SHELF_ROLLOUTS, n));
	}
	call_work(c, read_plans);
}

void get_plans(struct call *c)
{
	c->data = xcalloc(1, sizeof(struct plans));
	c->free_data = free_plans;
	catalog_look(c, SHELF(SHELF_ROLLOUTS) | SHELF(SHELF_RELEASES), looked);
}
