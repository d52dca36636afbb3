/*
 * GET environments, agents, queues, history, users, tokens (all, or one's own), sessions, grants, schedules: things that have names, in the order in which they came.
 *
 *	{"agents":[{...}, ...],"next":"builder-7"}	next: the last name of the page; left out on the last one
 *
 * ?limit= (1,000) ?cursor= ?sort=id|-id (by name). A schedule's id is "REPO BRANCH CRON".
 */
#include "api/page.h"

static void answer(struct call *c, struct page *p,
		   void (*write)(struct json_out *o, enum aggregate_kind kind, const void *thing))
{
	struct json_out o = JSON_OUT(&c->out);
	AUTO(strbuf_done) struct strbuf path = STRBUF(512);
	struct err err = {0};

	if (page_cut(p, &err) != RC_OK) {
		page_done(p);
		call_fail(c, &err);
		return;
	}
	route_path(c->route, &path); /* its last word names the list */
	const char *plural = strrchr(strbuf_cstr(&path), '/') + 1;
	json_open(&o, NULL);
	json_list(&o, plural);
	for (size_t i = p->from; i < p->to; i++)
		write(&o, thing_kind(plural), p->all.v[i].thing);
	json_unlist(&o);
	page_next(&o, p);
	json_close(&o);
	page_done(p);
	call_json(c, 200, &c->out);
}

static void write_thing(struct json_out *o, enum aggregate_kind kind, const void *thing)
{
	thing_write(o, NULL, kind, thing);
}

void get_named(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	enum aggregate_kind kind = thing_kind(c->arg[0]);
	struct page p = {0};

	if (!page_ask(c, WIRE_LIST_MAX, &p))
		return;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[kind], e));)
		if (!model_is_ended(m, kind, e->key)) /* such as a token that was revoked */
			page_put(&p, e->key, e->value);
	answer(c, &p, write_thing);
}

void get_my_tokens(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	struct page p = {0};

	if (!page_ask(c, WIRE_LIST_MAX, &p))
		return;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_TOKEN], e));) {
		const struct token *t = e->value;

		if (!t->ended_at && streq(t->owner, request_actor(c->r)))
			page_put(&p, e->key, t);
	}
	answer(c, &p, write_thing);
}

/* ---- runs by the clock ---- */

static char *schedule_id(const struct schedule_ref *s)
{
	return xasprintf("%s %s %s", s->repo, s->branch, s->cron);
}

static void write_schedule(struct json_out *o, enum aggregate_kind kind, const void *thing)
{
	const struct schedule_ref *s = thing;
	AUTO(freep) char *id = schedule_id(s);

	(void)kind;
	json_open(o, NULL);
	json_cstr(o, "id", id);
	json_cstr(o, "repo", s->repo);
	json_cstr(o, "cron", s->cron);
	json_cstr(o, "zone", s->zone ? s->zone : "UTC");
	json_cstr(o, "branch", s->branch);
	if (s->next != USEC_NEVER)
		json_u64(o, "next", s->next);
	json_word(o, "last", s->last);
	json_close(o);
}

void get_schedules(struct call *c)
{
	const struct project *project = model_project(engine_model(c->api->e));
	VEC(char *) ids = {0};
	struct page p = {0};

	if (!page_ask(c, WIRE_LIST_MAX, &p))
		return;
	for (size_t i = 0; project && i < project->schedules.n; i++) {
		vec_push(&ids, schedule_id(&project->schedules.v[i]));
		page_put(&p, *vec_last(&ids), &project->schedules.v[i]);
	}
	answer(c, &p, write_schedule);
	vec_each(id, &ids)
		xfree(*id);
	vec_done(&ids);
}
