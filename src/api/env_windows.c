/*
 * GET environments/{id}/windows?from=&to=: when releases may go there, as a calendar. from: now when it is not given; to: 14 days later, at most 92 days.
 *
 *	{"environment","from":usec,"to":usec,
 *	 "calendars":[{"repo":"shop","windows":[{"kind":"deny|allow","span":"Fri 16:00 - Mon 08:00","zone":"Europe/Berlin"}],
 *		       "intervals":[{"from","to","denied":true,"why":"inside the window ..."}]}],	they follow one another without a gap
 *	 "holds":[{"id","unit","from","to","by","reason"}]}		to is left out: until somebody lifts it
 *
 * The windows are the gate's: they hold for where it leads. Elsewhere there are none, and all of the time is allowed.
 */
#include "api/reads.h"
#include "core/window.h"

#define DAYS         14
#define DAYS_MAX     92
#define INTERVAL_MAX 2000

static void write_intervals(struct json_out *o, const struct config *config, bool gated,
			    uint64_t from, uint64_t to)
{
	size_t n = gated ? config->gate.windows.n : 0;

	json_list(o, "intervals");
	for (unsigned i = 0; from < to && i < INTERVAL_MAX; i++) {
		AUTO(freep) char *why = NULL;
		usec_t until = USEC_NEVER;
		bool denied = n && window_denied(config->gate.windows.v, n, from, &until, &why);
		uint64_t end = MIN_OF(MAX_OF(until, from + 1), to);

		json_open(o, NULL);
		json_u64(o, "from", from);
		json_u64(o, "to", end);
		json_bool(o, "denied", denied);
		json_word(o, "why", why);
		json_close(o);
		from = end;
	}
	json_unlist(o);
}

static void write_calendar(struct json_out *o, const char *repo, const struct config *config,
			   const struct environment *env, uint64_t from, uint64_t to)
{
	bool gated = streq(config->production_env, env->id);

	json_open(o, NULL);
	json_word(o, "repo", repo);
	json_list(o, "windows");
	vec_each(w, &config->gate.windows) {
		if (!gated)
			continue;
		json_open(o, NULL);
		json_cstr(o, "kind", w->allow ? "allow" : "deny");
		json_word(o, "span", w->span);
		json_cstr(o, "zone", w->zone ? w->zone : "UTC");
		json_close(o);
	}
	json_unlist(o);
	write_intervals(o, config, gated, from, to);
	json_close(o);
}

static void write_calendars(struct json_out *o, const struct model *m,
			    const struct environment *env, uint64_t from, uint64_t to)
{
	const struct project *p = model_project(m);
	bool any = false;

	json_list(o, "calendars");
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_SOURCE], e));) {
		const struct project_repo *src = e->value;
		const struct config *config = model_config(m, src->config);

		if (config)
			write_calendar(o, src->id, config, env, from, to);
		any |= config != NULL;
	}
	if (!any && p && model_config(m, p->config))
		write_calendar(o, NULL, model_config(m, p->config), env, from, to);
	json_unlist(o);
}

void get_windows(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	const struct environment *env = model_environment(m, c->arg[0]);
	struct json_out o = JSON_OUT(&c->out);
	usec_t now = runner_now(c->api->runner);
	uint64_t from, to;

	if (!env) {
		call_failf(c, RC_NOT_FOUND, "there is no environment %s", c->arg[0]);
		return;
	}
	if (!call_number(c, "from", now, INT64_MAX / 2, &from) ||
	    !call_number(c, "to", from + DAYS * USEC_DAY, INT64_MAX / 2 + DAYS * USEC_DAY, &to))
		return;
	if (to < from || to - from > DAYS_MAX * USEC_DAY) {
		call_failf(c, RC_INVALID, "?to= lies after ?from=, by at most %u days", DAYS_MAX);
		return;
	}
	json_open(&o, NULL);
	json_cstr(&o, "environment", env->id);
	json_u64(&o, "from", from);
	json_u64(&o, "to", to);
	write_calendars(&o, m, env, from, to);
	json_list(&o, "holds");
	vec_each(h, &env->holds) {
		if (h->until && h->until <= from)
			continue;
		json_open(&o, NULL);
		json_cstr(&o, "id", h->id);
		json_word(&o, "unit", h->unit);
		json_u64(&o, "from", h->since);
		json_some(&o, "to", h->until);
		json_word(&o, "by", h->actor);
		json_word(&o, "reason", h->reason);
		json_close(&o);
	}
	json_unlist(&o);
	json_close(&o);
	call_json(c, 200, &c->out);
}
