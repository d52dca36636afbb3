/*
 * GET graph: services and libraries as the newest trusted penstock.yml of each repository has them, what they need of one another, and what of them is live.
 *
 *	{"nodes":[{"id":"orders","kind":"service|library","repo","path","level":1,"wave":1,"owners":[],"provides":[],"consumes":[],
 *		   "live":[{"environment","image","release","since","wanted":2,"ready":2}]}],
 *	 "edges":[{"from":"orders","to":"shared","kind":"dep"},{"from":"orders","to":"payments","kind":"consumes","interface":"payments-api"}],
 *	 "levels":3}
 *
 * level: the longest way down to a unit that needs nobody, through deps and interfaces, across repositories: a row of the picture. What lies on a circle
 * stands one above the rest. wave: the order of deployment inside its repository. wanted and ready: replicas of the live version.
 */
#include "api/picture.h"

/* Ready replicas by "environment unit image": names hold no blanks. */
static void count_ready(void *ctx, const struct replica *r)
{
	AUTO(freep) char *key = xasprintf("%s %s %s", r->environment, r->unit, r->image);
	struct map *ready = ctx;
	uintptr_t n = (uintptr_t)map_get(ready, str_of(key));

	if (r->state == REPLICA_READY)
		map_put(ready, str_of(key), (void *)(n + 1));
}

static void write_live(struct json_out *o, const struct model *m, const struct map *ready,
		       const struct unit *u)
{
	const struct map *all = &m->by_kind[AGG_ENVIRONMENT];

	json_list(o, "live");
	for (struct map_entry *at = NULL; (at = map_next(all, at));) {
		const struct environment *env = at->value;

		vec_each(l, &env->live) {
			if (!streq(l->unit, u->name) || !l->image)
				continue;
			AUTO(freep) char *key = xasprintf("%s %s %s", env->id, l->unit, l->image);
			json_open(o, NULL);
			json_cstr(o, "environment", env->id);
			json_word(o, "image", l->image);
			json_word(o, "release", l->release);
			json_some(o, "since", l->since);
			json_u64(o, "wanted", MAX_OF(u->replicas, 1u));
			json_u64(o, "ready", (uintptr_t)map_get(ready, str_of(key)));
			json_close(o);
		}
	}
	json_unlist(o);
}

static void write_node(struct json_out *o, const struct model *m, const struct map *ready,
		       const struct node *n)
{
	json_open(o, NULL);
	json_cstr(o, "id", n->unit->name);
	json_cstr(o, "kind", n->unit->library ? "library" : "service");
	json_word(o, "repo", n->repo);
	json_word(o, "path", n->unit->path);
	json_u64(o, "level", n->level);
	json_u64(o, "wave", n->wave);
	texts_write(o, "owners", &n->unit->owners);
	texts_write(o, "provides", &n->unit->provides);
	texts_write(o, "consumes", &n->unit->consumes);
	if (!n->unit->library)
		write_live(o, m, ready, n->unit);
	json_close(o);
}

static void write_picture(struct json_out *o, const struct engine *e, const struct picture *p)
{
	struct map ready = {0};

	engine_replicas(e, count_ready, &ready);
	json_open(o, NULL);
	json_list(o, "nodes");
	vec_each(n, &p->nodes)
		write_node(o, engine_model(e), &ready, n);
	map_done(&ready);
	json_unlist(o);
	json_list(o, "edges");
	vec_each(edge, &p->edges) {
		json_open(o, NULL);
		json_cstr(o, "from", p->nodes.v[edge->from].unit->name);
		json_cstr(o, "to", p->nodes.v[edge->to].unit->name);
		json_cstr(o, "kind", edge->interface ? "consumes" : "dep");
		json_word(o, "interface", edge->interface);
		json_close(o);
	}
	json_unlist(o);
	json_u64(o, "levels", p->levels);
	json_close(o);
}

void get_graph(struct call *c)
{
	struct json_out o = JSON_OUT(&c->out);
	struct picture p = {0};

	picture_take(&p, engine_model(c->api->e));
	write_picture(&o, c->api->e, &p);
	picture_done(&p);
	call_json(c, 200, &c->out);
}
