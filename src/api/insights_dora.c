/* Rollouts and incidents as DORA's deployments. */
#include "api/insights.h"

struct deploys {
	VEC(struct dora_deploy) list;
	VEC(const char *) images; /* of each */
};

static bool is_production(const struct api *api, const struct insight *x, const char *name)
{
	const struct environment *env = model_environment(engine_model(api->e), name);

	return x->environment ? streq(x->environment, name) : env && env->stage == STAGE_PRODUCTION;
}

/* Harm, not a change of plans. */
static bool is_failure(const struct row *r)
{
	return r->cause && !streq(r->cause, "person") && !streq(r->cause, "plan") &&
	       !streq(r->cause, "max");
}

/* The version that is brought back replaces one that was done: that one failed. Returns are few: a walk back over the newest ones finds it. */
static void take_back(struct deploys *d, const struct row *r)
{
	for (size_t i = d->list.n; i-- > 0;) {
		struct dora_deploy *bad = &d->list.v[i];

		if (!streq(bad->unit, r->unit) || !streq(d->images.v[i], r->previous))
			continue;
		if (!bad->failed)
			bad->failed_at = r->at;
		bad->failed = true;
		bad->recovered_at = r->live_at;
		return;
	}
}

static void add_rollout(struct deploys *d, const struct api *api, const struct row *r)
{
	const struct row *rel = catalog_row(api, SHELF_RELEASES, r->release);

	if (r->returns)
		take_back(d, r);
	if (!r->reached_at) /* nobody saw it */
		return;
	vec_push(&d->list,
		 ((struct dora_deploy){.unit = r->unit ? r->unit : "",
				       .number = r->number,
				       .committed_at = rel && !r->returns ? rel->pushed_at : 0,
				       .at = r->reached_at,
				       .live_at = r->live_at,
				       .failed = is_failure(r),
				       .rework = r->returns || (rel && rel->mends),
				       .failed_at = r->harm_at ? r->harm_at : r->reached_at,
				       .recovered_at = is_failure(r) ? r->zero_at : 0}));
	vec_push(&d->images, r->image);
}

/* One that a person or the watch opened for a rollout that is done. */
static void add_incidents(struct deploys *d, const struct api *api)
{
	uint32_t first, last;

	catalog_span(api, SHELF_INCIDENTS, &first, &last);
	for (uint32_t n = first; n <= last; n++) {
		const struct row *i = catalog_row(api, SHELF_INCIDENTS, n);

		if (!i || !i->rollout)
			continue;
		vec_each(deploy, &d->list) {
			if (deploy->number != i->rollout || deploy->failed || deploy->rework)
				continue;
			deploy->failed = true;
			deploy->failed_at = i->at;
			deploy->recovered_at = i->zero_at ? i->zero_at : i->ended_at;
		}
	}
}

static void write_numbers(struct json_out *o, const struct dora_numbers *n)
{
	json_u64(o, "deploys", n->deploys);
	json_u64(o, "failed", n->failed);
	json_u64(o, "rework", n->rework);
	json_double(o, "per_day", n->per_day);
	json_double(o, "fail_rate", n->fail_rate);
	json_double(o, "rework_rate", n->rework_rate);
	if (n->led) {
		json_u64(o, "lead_p50", n->lead_p50);
		json_u64(o, "lead_p95", n->lead_p95);
	}
	json_u64(o, "recovered", n->recovered);
	if (n->recovered) {
		json_u64(o, "recovery_p50", n->recovery_p50);
		json_u64(o, "recovery_p95", n->recovery_p95);
	}
}

static void write_definitions(struct json_out *o)
{
	static const struct {
		const char *key, *text;
	} all[] = {
		{"deployment",
		 "one version of one service that got traffic in the environment (production when none is named); it belongs to the day of its first traffic"},
		{"lead",
		 "change lead time: from the push of its commit, as Penstock learnt of it, to all traffic on it; of deployments that did not fail; usec"},
		{"per_day", "deployment frequency: deployments a day of the time asked for"},
		{"recovery",
		 "failed deployment recovery time: from the first harm to traffic off it, or the version before it back; usec"},
		{"fail_rate",
		 "change fail rate: share of deployments that had to be stepped in for at once: taken back by the verdict or a person, or an incident; 0..1"},
		{"rework_rate",
		 "deployment rework rate: share of deployments made because of an incident: returns, reverts, branches hotfix/... or the label hotfix; 0..1"},
		{"p50", "half of them took at most this long; p95: 95 of 100"},
	};

	json_open(o, "definitions");
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		json_cstr(o, all[i].key, all[i].text);
	json_close(o);
}

static void write_dora(struct json_out *o, const struct dora *d)
{
	json_open(o, "all");
	write_numbers(o, &d->all);
	json_close(o);
	json_list(o, "units");
	vec_each(u, &d->units) {
		json_open(o, NULL);
		json_cstr(o, "unit", u->unit);
		write_numbers(o, &u->n);
		json_close(o);
	}
	json_unlist(o);
	json_list(o, "days");
	vec_each(day, &d->days) {
		json_open(o, NULL);
		json_u64(o, "day", day->day);
		write_numbers(o, &day->n);
		json_list(o, "rollouts");
		vec_each(number, &day->deploys) {
			AUTO(freep) char *id = catalog_id(SHELF_ROLLOUTS, *number);

			json_cstr(o, NULL, id);
		}
		json_unlist(o);
		json_close(o);
	}
	json_unlist(o);
}

void insights_dora(struct json_out *o, const struct api *api, const struct insight *x)
{
	struct deploys d = {0};
	struct dora dora;
	const char *name = NULL; /* the last one looked at: a shelf keeps a text once */
	bool wanted = false;
	uint32_t first, last;

	catalog_span(api, SHELF_ROLLOUTS, &first, &last);
	for (uint32_t n = first; n <= last; n++) {
		const struct row *r = catalog_row(api, SHELF_ROLLOUTS, n);

		if (!r || !r->environment)
			continue;
		if (r->environment != name)
			wanted = is_production(api, x, r->environment);
		name = r->environment;
		if (wanted)
			add_rollout(&d, api, r);
	}
	add_incidents(&d, api);
	dora_measure(d.list.v, d.list.n, x->since, x->until, x->unit, &dora);
	json_open(o, "dora");
	write_dora(o, &dora);
	json_close(o);
	write_definitions(o);
	dora_done(&dora);
	vec_done(&d.list);
	vec_done(&d.images);
}
