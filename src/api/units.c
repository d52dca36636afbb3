/*
 * GET units: services and libraries, as the newest trusted penstock.yml of each repository has them; GET units/{id}: one of them.
 *
 *	{"units":[{"id":"orders","kind":"service|library","repo","path","level":1,"wave":1,"owners":[],"provides":[],"consumes":[],
 *		"needs":[{"unit":"shared","kind":"dep"},{"unit":"payments","kind":"consumes","interface":"payments-api"}],
 *		"needed_by":[{"unit":"web","kind":"consumes","interface":"orders-api"}],
 *		"live":[{"environment","image","release","commit","since"}],	of services
 *		"run":{"id","state","commit","at"},				the newest one that it was affected in
 *		"incidents":[{"id","state","title","environment"}],		open and mitigated ones
 *		"marks":[{...}]}],						pins, vetoes and holds that concern it; see marks.c
 *	 "next":"orders"}
 *
 * ?kind=service|library ?text= (in the name or path, any case) ?limit= (20) ?cursor= ?sort=id|-id (id)
 */
#include "api/catalog.h"
#include "api/marks.h"
#include "api/page.h"
#include "api/picture.h"

struct view {
	const struct api *api;
	const struct model *m;
	struct picture p;
	mark_list marks;
};

static void write_edge(struct json_out *o, const struct view *v, const struct edge *e,
		       uint32_t other)
{
	json_open(o, NULL);
	json_cstr(o, "unit", v->p.nodes.v[other].unit->name);
	json_cstr(o, "kind", e->interface ? "consumes" : "dep");
	json_word(o, "interface", e->interface);
	json_close(o);
}

static void write_edges(struct json_out *o, const struct view *v, uint32_t at)
{
	json_list(o, "needs");
	vec_each(e, &v->p.edges)
		if (e->from == at)
			write_edge(o, v, e, e->to);
	json_unlist(o);
	json_list(o, "needed_by");
	vec_each(e, &v->p.edges)
		if (e->to == at)
			write_edge(o, v, e, e->from);
	json_unlist(o);
}

static void write_live(struct json_out *o, const struct view *v, const char *unit)
{
	json_list(o, "live");
	for (struct map_entry *at = NULL; (at = map_next(&v->m->by_kind[AGG_ENVIRONMENT], at));) {
		const struct environment *env = at->value;

		vec_each(l, &env->live) {
			const struct row *r =
				catalog_row(v->api, SHELF_RELEASES, catalog_number(l->release));

			if (!streq(l->unit, unit) || !l->image)
				continue;
			json_open(o, NULL);
			json_cstr(o, "environment", env->id);
			json_cstr(o, "image", l->image);
			json_word(o, "release", l->release);
			json_word(o, "commit", r ? r->commit : NULL);
			json_some(o, "since", l->since);
			json_close(o);
		}
	}
	json_unlist(o);
}

static void write_run(struct json_out *o, const struct view *v, const char *unit)
{
	const struct row *r = catalog_row(v->api, SHELF_RUNS, catalog_touched(v->api, unit));

	if (!r)
		return;
	AUTO(freep) char *id = catalog_id(SHELF_RUNS, r->number);
	json_open(o, "run");
	json_cstr(o, "id", id);
	json_cstr(o, "state", run_state_names[r->state]);
	json_word(o, "commit", r->commit);
	json_some(o, "at", r->at);
	json_close(o);
}

static void write_incidents(struct json_out *o, const struct view *v, const char *unit)
{
	json_list(o, "incidents");
	for (struct map_entry *at = NULL; (at = map_next(&v->m->by_kind[AGG_INCIDENT], at));) {
		const struct incident *i = at->value;

		if (i->state == INCIDENT_CLOSED || !streq(i->unit, unit))
			continue;
		json_open(o, NULL);
		json_cstr(o, "id", i->id);
		json_cstr(o, "state", incident_state_names[i->state]);
		json_word(o, "title", i->title);
		json_word(o, "environment", i->environment);
		json_close(o);
	}
	json_unlist(o);
}

static void write_unit(struct json_out *o, const struct view *v, uint32_t at)
{
	const struct node *n = &v->p.nodes.v[at];
	const char *name = n->unit->name;

	json_open(o, NULL);
	json_cstr(o, "id", name);
	json_cstr(o, "kind", n->unit->library ? "library" : "service");
	json_word(o, "repo", n->repo);
	json_word(o, "path", n->unit->path);
	json_u64(o, "level", n->level);
	json_u64(o, "wave", n->wave);
	texts_write(o, "owners", &n->unit->owners);
	texts_write(o, "provides", &n->unit->provides);
	texts_write(o, "consumes", &n->unit->consumes);
	write_edges(o, v, at);
	if (!n->unit->library)
		write_live(o, v, name);
	write_run(o, v, name);
	write_incidents(o, v, name);
	json_list(o, "marks");
	vec_each(m, &v->marks)
		if (!n->unit->library && (!m->unit || streq(m->unit, name)))
			mark_write(o, m);
	json_unlist(o);
	json_close(o);
}

static void view_take(struct view *v, const struct call *c)
{
	*v = (struct view){.api = c->api, .m = engine_model(c->api->e)};
	picture_take(&v->p, v->m);
	for (struct map_entry *e = NULL; (e = map_next(&v->m->by_kind[AGG_ENVIRONMENT], e));)
		marks_take(&v->marks, e->value, MARKS_ALL, runner_now(c->api->runner));
}

static void view_done(struct view *v)
{
	picture_done(&v->p);
	vec_done(&v->marks);
}

/* ---- all ---- */

static bool fits(const struct call *c, const struct unit *u)
{
	static const char *const kinds[] = {"service", "library"};
	uint32_t wanted = query_names(c, "kind", kinds, ARRAY_LEN(kinds));
	const char *text = query_text(c, "text");

	if (wanted && !(wanted >> u->library & 1))
		return false;
	return !text || strcasestr(u->name, text) || (u->path && strcasestr(u->path, text));
}

static void looked(struct call *c)
{
	struct json_out o = JSON_OUT(&c->out);
	struct err err = {0};
	struct page p = {0};
	struct view v;

	if (!page_ask(c, 20, &p))
		return;
	p.sorted = true;
	view_take(&v, c);
	vec_each(n, &v.p.nodes)
		if (fits(c, n->unit))
			page_put(&p, n->unit->name, n);
	enum rc rc = page_cut(&p, &err);
	json_open(&o, NULL);
	json_list(&o, "units");
	for (size_t i = p.from; rc == RC_OK && i < p.to; i++)
		write_unit(&o, &v, (uint32_t)((const struct node *)p.all.v[i].thing - v.p.nodes.v));
	json_unlist(&o);
	page_next(&o, &p);
	json_close(&o);
	page_done(&p);
	view_done(&v);
	if (rc == RC_OK)
		call_json(c, 200, &c->out);
	else
		call_fail(c, &err);
}

void get_units(struct call *c)
{
	catalog_look(c, SHELF(SHELF_RUNS) | SHELF(SHELF_RELEASES), looked);
}

/* ---- one ---- */

static void looked_at_one(struct call *c)
{
	struct json_out o = JSON_OUT(&c->out);
	struct view v;

	view_take(&v, c);
	long at = picture_find(&v.p, c->arg[0]);
	if (at >= 0)
		write_unit(&o, &v, (uint32_t)at);
	view_done(&v);
	if (at >= 0)
		call_json(c, 200, &c->out);
	else
		call_failf(c, RC_NOT_FOUND, "there is no service or library %s in any penstock.yml",
			   c->arg[0]);
}

void get_unit(struct call *c)
{
	catalog_look(c, SHELF(SHELF_RUNS) | SHELF(SHELF_RELEASES), looked_at_one);
}
