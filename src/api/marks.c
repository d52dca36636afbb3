/*
 * GET environments/{id}/pins, vetoes, holds, and one of each by its id.
 *
 *	{"pins":[{"id":"pin-1","kind":"pin","environment":"production","unit":"orders","image":"sha256:...","actor":"user:ann","reason","since":usec,
 *		  "until":usec,"until_commit"}],"next"}		until is left out: until somebody lifts it
 *	vetoes: besides release and incident that they came of; holds: no image, and no unit when they hold everything
 *
 * ?unit= ?limit= (1,000) ?cursor= ?sort=id|-id
 */
#include "api/marks.h"
#include "api/page.h"

#define ENUM_TEXT(name, text) text,
const char *const mark_kind_names[3] = {MARK_MAP(ENUM_TEXT)};

static const char *const plurals[] = {"pins", "vetoes", "holds"};

void marks_take(mark_list *to, const struct environment *env, unsigned kinds, usec_t now)
{
	vec_each(p, &env->pins) {
		struct mark m = {MARK_PIN,  env->id,         p->id, p->unit, p->image, p->actor,
				 p->reason, p->until_commit, NULL,  NULL,    p->since, p->until};
		if ((kinds >> MARK_PIN & 1) && (!p->until || p->until > now))
			vec_push(to, m);
	}
	vec_each(v, &env->vetoes) {
		struct mark m = {MARK_VETO, env->id, v->id,      v->unit,     v->image, v->actor,
				 v->reason, NULL,    v->release, v->incident, v->since, v->until};
		if ((kinds >> MARK_VETO & 1) && (!v->until || v->until > now))
			vec_push(to, m);
	}
	vec_each(h, &env->holds) {
		struct mark m = {MARK_HOLD, env->id, h->id, h->unit, NULL,     h->actor,
				 h->reason, NULL,    NULL,  NULL,    h->since, h->until};
		if ((kinds >> MARK_HOLD & 1) && (!h->until || h->until > now))
			vec_push(to, m);
	}
}

void mark_write(struct json_out *o, const struct mark *m)
{
	json_open(o, NULL);
	json_cstr(o, "id", m->id);
	json_cstr(o, "kind", mark_kind_names[m->kind]);
	json_cstr(o, "environment", m->environment);
	json_word(o, "unit", m->unit);
	json_word(o, "image", m->image);
	json_word(o, "actor", m->actor);
	json_word(o, "reason", m->reason);
	json_word(o, "until_commit", m->until_commit);
	json_word(o, "release", m->release);
	json_word(o, "incident", m->incident);
	json_some(o, "since", m->since);
	json_some(o, "until", m->until);
	json_close(o);
}

/* The kind is a word of the path. */
static enum mark_kind kind_asked(const struct call *c)
{
	unsigned kind = 0;

	while (!strstr(c->route->path, plurals[kind]))
		kind++;
	return (enum mark_kind)kind;
}

/* False: answered, there is no such environment. */
static bool take(struct call *c, mark_list *to)
{
	const struct environment *env = model_environment(engine_model(c->api->e), c->arg[0]);

	if (!env) {
		call_failf(c, RC_NOT_FOUND, "there is no environment %s", c->arg[0]);
		return false;
	}
	marks_take(to, env, 1u << kind_asked(c), runner_now(c->api->runner));
	return true;
}

void get_marks(struct call *c)
{
	const char *unit = query_text(c, "unit");
	struct json_out o = JSON_OUT(&c->out);
	struct page p = {0};
	mark_list marks = {0};
	struct err err = {0};

	if (!page_ask(c, WIRE_LIST_MAX, &p) || !take(c, &marks))
		return;
	vec_each(m, &marks)
		if (!unit || !m->unit || streq(m->unit, unit))
			page_put(&p, m->id, m);
	if (page_cut(&p, &err) == RC_OK) {
		json_open(&o, NULL);
		json_list(&o, plurals[kind_asked(c)]);
		for (size_t i = p.from; i < p.to; i++)
			mark_write(&o, p.all.v[i].thing);
		json_unlist(&o);
		page_next(&o, &p);
		json_close(&o);
	}
	page_done(&p);
	vec_done(&marks);
	if (err.rc != RC_OK)
		call_fail(c, &err);
	else
		call_json(c, 200, &c->out);
}

void get_mark(struct call *c)
{
	struct json_out o = JSON_OUT(&c->out);
	mark_list marks = {0};
	bool found = false;

	if (!take(c, &marks))
		return;
	vec_each(m, &marks) {
		if (found || !streq(m->id, c->arg[1]))
			continue;
		mark_write(&o, m);
		found = true;
	}
	vec_done(&marks);
	if (found)
		call_json(c, 200, &c->out);
	else
		call_failf(c, RC_NOT_FOUND,
			   "there is no %s %s in %s: it is lifted, or its time is over",
			   mark_kind_names[kind_asked(c)], c->arg[1], c->arg[0]);
}
