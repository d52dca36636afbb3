/*
 * GET releases/{id}/gate: what has to hold before it goes to production, what holds, and who said what.
 *
 *	{"release":"rel-4","environment":"production","state":"staged","decision":"wait|pass|no","by","decided_at","record":"<hex>",
 *	 "rule":{"config":"<digest>",		the penstock.yml of its change: that one counts
 *		"approve":{"count":1,"by":["release-team"],"not_author":true,"expires":usec},	by empty: whoever has the role; expires: how long one counts
 *		"windows":[{"kind":"deny|allow","span","zone"}],
 *		"require":[{"kind":"evidence","stages":["ci","staging"],"signed":true},{"kind":"reviews","count","by":[]}]},
 *	 "requirements":[{"kind","state":"ok|wait|no","reason","since","until","by":[]}],	as last evaluated; none before it has passed staging
 *	 "wanted":1,"given":1,			approvals; given: those that count
 *	 "approvals":[{"actor","yes":true,"at","until","comment","note","behind","counts":true,"why"}]}
 *
 * until of an approval: when it counts no longer. note: how the approver stands to the author. behind: who made the token that it came by. why: why it does
 * not count. After the decision it is told what counted then.
 */
#include "api/reads.h"

struct gate_view {
	struct release release;
	struct config_ref config;
	usec_t now;
};

static void free_view(void *data)
{
	struct gate_view *v = data;

	shape_done(aggregate_shapes[AGG_RELEASE], &v->release);
	shape_done(aggregate_shapes[AGG_CONFIG], &v->config);
	xfree(v);
}

static void write_texts(struct json_out *o, const char *key, const texts *list)
{
	json_list(o, key);
	vec_each(text, list)
		json_cstr(o, NULL, *text);
	json_unlist(o);
}

static void write_require(struct json_out *o, const struct require *q)
{
	json_open(o, NULL);
	switch (q->kind) {
	case REQUIRE_EVIDENCE:
		json_cstr(o, "kind", "evidence");
		write_texts(o, "stages", &q->stages);
		json_bool(o, "signed", q->is_signed);
		break;
	case REQUIRE_REVIEWS:
		json_cstr(o, "kind", "reviews");
		json_u64(o, "count", q->count);
		write_texts(o, "by", &q->by);
		break;
	}
	json_close(o);
}

static void write_rule(struct json_out *o, const struct config_ref *ref)
{
	const struct gate_def *def = &ref->config.gate;

	if (!ref->id)
		return;
	json_open(o, "rule");
	json_cstr(o, "config", ref->id);
	json_open(o, "approve");
	json_u64(o, "count", def->approve.count);
	write_texts(o, "by", &def->approve.by);
	json_bool(o, "not_author", def->approve.not_author);
	json_some(o, "expires", def->approve.expires);
	json_close(o);
	json_list(o, "windows");
	vec_each(w, &def->windows) {
		json_open(o, NULL);
		json_cstr(o, "kind", w->allow ? "allow" : "deny");
		json_word(o, "span", w->span);
		json_cstr(o, "zone", w->zone ? w->zone : "UTC");
		json_close(o);
	}
	json_unlist(o);
	json_list(o, "require");
	vec_each(q, &def->require)
		write_require(o, q);
	json_unlist(o);
	json_close(o);
}

static void write_requirements(struct json_out *o, const struct gate *g)
{
	json_list(o, "requirements");
	vec_each(q, &g->requirements) {
		json_open(o, NULL);
		json_cstr(o, "kind", q->kind);
		json_cstr(o, "state", q->state);
		json_word(o, "reason", q->reason);
		json_some(o, "since", q->since);
		json_some(o, "until", q->until);
		if (q->by.n)
			write_texts(o, "by", &q->by);
		json_close(o);
	}
	json_unlist(o);
}

static uint64_t expiry_of(const struct gate_view *v, const struct approval *a)
{
	uint64_t expires = v->config.config.gate.approve.expires;

	return expires ? a->at + expires : 0;
}

/* When it is, or was, asked: a gate that has decided does not ask again. */
static bool counts(const struct gate_view *v, const struct approval *a)
{
	const struct gate *g = &v->release.gate;
	bool decided = streq(g->decision, "pass") || streq(g->decision, "no");
	uint64_t at = decided ? g->decided_at : v->now, until = expiry_of(v, a);

	return a->yes && (!until || until >= at);
}

static void write_approval(struct json_out *o, const struct gate_view *v, const struct approval *a)
{
	json_open(o, NULL);
	json_cstr(o, "actor", a->actor);
	json_bool(o, "yes", a->yes);
	json_some(o, "at", a->at);
	json_some(o, "until", a->yes ? expiry_of(v, a) : 0);
	json_word(o, "comment", a->comment);
	json_word(o, "note", a->note);
	json_word(o, "behind", a->behind);
	json_bool(o, "counts", counts(v, a));
	if (!a->yes)
		json_cstr(o, "why", "it is a no: one is enough to stop the release");
	else if (!counts(v, a))
		json_cstr(o, "why",
			  "its time is over: gate.approve.expires says how long one counts");
	json_close(o);
}

static void write_gate(struct json_out *o, const struct gate_view *v)
{
	const struct release *r = &v->release;
	const struct gate *g = &r->gate;
	uint64_t given = 0;

	json_open(o, NULL);
	json_cstr(o, "release", r->id);
	json_word(o, "environment", v->config.config.production_env);
	json_cstr(o, "state", release_state_names[r->state]);
	json_word(o, "decision", g->decision);
	json_word(o, "by", g->by);
	json_some(o, "decided_at", g->decided_at);
	json_word(o, "record", g->record);
	write_rule(o, &v->config);
	write_requirements(o, g);
	vec_each(a, &g->approvals)
		given += counts(v, a);
	json_u64(o, "wanted", v->config.config.gate.approve.count);
	json_u64(o, "given", given);
	json_list(o, "approvals");
	vec_each(a, &g->approvals)
		write_approval(o, v, a);
	json_unlist(o);
	json_close(o);
}

static void read_gate(struct call *c)
{
	struct gate_view *v = c->data;
	struct store *store = engine_world(c->api->e)->store;
	struct json_out o = JSON_OUT(&c->out);

	c->rc = thing_load(store, AGG_RELEASE, c->arg[0], &v->release, &c->err);
	if (c->rc == RC_OK && v->release.config)
		c->rc = thing_load(store, AGG_CONFIG, v->release.config, &v->config, &c->err);
	if (c->rc == RC_NOT_FOUND && v->release.id)
		c->rc = RC_OK; /* its penstock.yml is not kept any more */
	if (c->rc == RC_OK)
		write_gate(&o, v);
}

void get_gate(struct call *c)
{
	struct gate_view *v = xcalloc(1, sizeof(*v));

	v->now = runner_now(c->api->runner);
	c->data = v;
	c->free_data = free_view;
	call_work(c, read_gate);
}
