/*
 * GET project: what it is made of.
 *
 *	{"id":"project","name":"shop","version":"1.2","slots":4,"running":1,
 *	 "repositories":[{"name":"shop","address":"/var/lib/penstock/git/shop.git","heads":[{"ref":"refs/heads/main","commit","run":"run-7"}],"heads_more":true,
 *		"config":{"digest","commit","run"}}],	the penstock.yml in force, with the newest change of a head that has it; left out when no head does
 *	 "environments":["staging","production"],	in order of the way
 *	 "services":12,"libraries":3,"runs":7,"releases":4,"rollouts":8,"incidents":1}		the last four: ids given so far
 */
#include "api/catalog.h"
#include "api/picture.h"

#define HEADS_MAX 1000
#define LOOK_MAX  64 /* runs of heads that are looked at, newest first */

struct repository {
	struct project_repo src;
	char *address;
};
struct project_view {
	struct project project;
	VEC(struct repository) repositories;
	texts environments;
	uint32_t services, libraries;
};

static void free_view(void *data)
{
	struct project_view *v = data;

	vec_each(r, &v->repositories) {
		shape_done(aggregate_shapes[AGG_SOURCE], &r->src);
		xfree(r->address);
	}
	vec_done(&v->repositories);
	vec_each(name, &v->environments)
		xfree(*name);
	vec_done(&v->environments);
	shape_done(aggregate_shapes[AGG_PROJECT], &v->project);
	xfree(v);
}

/* ---- on the loop ---- */

static void add_environment(struct project_view *v, const struct model *m, const char *name)
{
	if (!name || !model_environment(m, name))
		return;
	vec_each(known, &v->environments)
		if (streq(*known, name))
			return;
	vec_push(&v->environments, xstrdup(name));
}

/* First those that the ways lead through, then what else there is. */
static void add_environments(struct project_view *v, const struct model *m)
{
	const struct project *p = model_project(m);
	const struct map *sources = &m->by_kind[AGG_SOURCE], *all = &m->by_kind[AGG_ENVIRONMENT];

	for (unsigned late = 0; late < 2; late++) {
		for (struct map_entry *e = NULL; (e = map_next(sources, e));) {
			const struct project_repo *src = e->value;
			const struct config *c = model_config(m, src->config);

			add_environment(v, m,
					!c     ? NULL
					: late ? c->production_env
					       : c->staging_env);
		}
		const struct config *c = p ? model_config(m, p->config) : NULL;
		add_environment(v, m, !c ? NULL : late ? c->production_env : c->staging_env);
	}
	for (struct map_entry *e = NULL; (e = map_next(all, e));)
		add_environment(v, m, e->key);
}

static void add_repositories(struct project_view *v, const struct api *api, const struct model *m)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_SOURCE], e));) {
		const char *address =
			api->o.address_of ? api->o.address_of(api->o.ctx, e->key) : NULL;
		struct repository r = {.address = address ? xstrdup(address) : NULL};

		(void)thing_copy(m, AGG_SOURCE, e->key, &r.src);
		vec_push(&v->repositories, r);
	}
}

static void read_project(struct call *c);

void get_project(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	struct project_view *v = xcalloc(1, sizeof(*v));
	struct picture p = {0};

	c->data = v;
	c->free_data = free_view;
	(void)thing_copy(m, AGG_PROJECT, "project", &v->project);
	picture_take(&p, m);
	vec_each(n, &p.nodes) {
		v->libraries += n->unit->library;
		v->services += !n->unit->library;
	}
	picture_done(&p);
	add_environments(v, m);
	add_repositories(v, c->api, m);
	call_work(c, read_project);
}

/* ---- on a worker ---- */

static int newest_first(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* The newest run of a head that read this very file. */
static bool find_run(struct store *store, const struct project_repo *src, struct run *ret)
{
	VEC(uint32_t) runs = {0};
	bool found = false;

	vec_each(ref, &src->refs)
		if (catalog_number(ref->run))
			vec_push(&runs, catalog_number(ref->run));
	if (runs.n)
		qsort(runs.v, runs.n, sizeof(*runs.v), newest_first);
	for (size_t i = 0; i < runs.n && i < LOOK_MAX && !found; i++) {
		AUTO(freep) char *id = catalog_id(SHELF_RUNS, runs.v[i]);
		struct err ignored = {0};

		found = thing_load(store, AGG_RUN, id, ret, &ignored) == RC_OK &&
			streq(ret->config, src->config);
		if (!found) {
			shape_done(aggregate_shapes[AGG_RUN], ret);
			*ret = (struct run){0};
		}
	}
	vec_done(&runs);
	return found;
}

static void write_config(struct json_out *o, struct store *store, const struct project_repo *src)
{
	struct run run = {0};

	if (!src->config)
		return;
	json_open(o, "config");
	json_cstr(o, "digest", src->config);
	if (find_run(store, src, &run)) {
		json_word(o, "commit", run.change.commit);
		json_cstr(o, "run", run.id);
	}
	json_close(o);
	shape_done(aggregate_shapes[AGG_RUN], &run);
}

static void write_repository(struct json_out *o, struct store *store, const struct repository *r)
{
	json_open(o, NULL);
	json_cstr(o, "name", r->src.id);
	json_word(o, "address", r->address);
	json_list(o, "heads");
	for (size_t i = 0; i < r->src.refs.n && i < HEADS_MAX; i++) {
		const struct repo_ref *ref = &r->src.refs.v[i];

		json_open(o, NULL);
		json_cstr(o, "ref", ref->ref);
		json_word(o, "commit", ref->commit);
		if (catalog_number(ref->run))
			json_cstr(o, "run", ref->run);
		json_close(o);
	}
	json_unlist(o);
	if (r->src.refs.n > HEADS_MAX)
		json_bool(o, "heads_more", true);
	write_config(o, store, &r->src);
	json_close(o);
}

static void read_project(struct call *c)
{
	const struct project_view *v = c->data;
	const struct project *p = &v->project;
	struct json_out o = JSON_OUT(&c->out);

	json_open(&o, NULL);
	json_cstr(&o, "id", "project");
	json_word(&o, "name", p->name);
	json_word(&o, "version", p->version);
	json_u64(&o, "slots", p->slots);
	json_u64(&o, "running", p->running);
	json_list(&o, "repositories");
	vec_each(r, &v->repositories)
		write_repository(&o, engine_world(c->api->e)->store, r);
	json_unlist(&o);
	json_list(&o, "environments");
	vec_each(name, &v->environments)
		json_cstr(&o, NULL, *name);
	json_unlist(&o);
	json_u64(&o, "services", v->services);
	json_u64(&o, "libraries", v->libraries);
	json_u64(&o, "runs", p->runs);
	json_u64(&o, "releases", p->releases);
	json_u64(&o, "rollouts", p->rollouts);
	json_u64(&o, "incidents", p->incidents);
	json_close(&o);
}
