/* Services and libraries: their keys, and what holds among them. */
#include "base/map.h"
#include "core/config_impl.h"
#include "core/plan.h"
#include "core/sort.h"

#define UNIT(member) .offset = offsetof(struct unit, member)

static enum rc finish_unit(struct reader *r, const struct key *key, const struct yaml_node *at,
			   void *object, const struct place *place)
{
	struct unit *u = object;
	char text[SHOWN];

	(void)place;
	u->library = key->min == 1;
	if (!u->library && u->replicas == 0)
		u->replicas = 1;
	vec_push(&r->units, at);
	for (size_t i = 0; i < u->env.n; i++)
		for (size_t k = 0; k < u->secrets.n; k++)
			if (streq(u->env.v[i].key, u->secrets.v[k].key))
				return FAIL(
					r, at,
					"variable \"%s\" of service \"%s\" stands in both env and secrets",
					shown(str_of(u->env.v[i].key), text), u->name);
	return RC_OK;
}

#define UNIT_KEYS                                                                                  \
	{.name = "path",                                                                           \
	 .kind = KEY_TEXT,                                                                         \
	 .required = true,                                                                         \
	 UNIT(path),                                                                               \
	 .check = check_unit_path,                                                                 \
	 .help = "The folder of the unit, inside the repository; \".\" is the whole repository."}, \
		{.name = "deps",                                                                   \
		 .kind = KEY_TEXTS,                                                                \
		 .unique = true,                                                                   \
		 UNIT(deps),                                                                       \
		 .check = check_name,                                                              \
		 .pattern = NAME_PATTERN,                                                          \
		 .help = "Units whose sources and outputs it is built from."},                     \
	{                                                                                          \
		.name = "owners", .kind = KEY_TEXTS, .unique = true, UNIT(owners),                 \
		.help = "Who may approve a change of it."                                          \
	}

static const struct key library_keys[] = {UNIT_KEYS};
const struct keys keys_library = {.what = "library",
				  .v = library_keys,
				  .n = ARRAY_LEN(library_keys),
				  .size = sizeof(struct unit),
				  .name_at = offsetof(struct unit, name),
				  .line_at = offsetof(struct unit, line),
				  .finish = finish_unit};

static const struct key service_keys[] = {
	UNIT_KEYS,
	{.name = "port",
	 .kind = KEY_COUNT,
	 UNIT(port),
	 .min = 1,
	 .max = 65535,
	 .help = "What the program listens on when $PORT does not tell it."},
	{.name = "health",
	 .kind = KEY_TEXT,
	 UNIT(health),
	 .check = check_url_path,
	 .pattern = "^/",
	 .help = "Path that answers 2xx when a replica is ready; without it a TCP connect is enough."},
	{.name = "replicas",
	 .kind = KEY_COUNT,
	 UNIT(replicas),
	 .min = 1,
	 .max = 100,
	 .help = "How many run at full size; 1 when not written."},
	{.name = "provides",
	 .kind = KEY_TEXTS,
	 .unique = true,
	 UNIT(provides),
	 .check = check_interface,
	 .pattern = NAME_PATTERN,
	 .help = "Interfaces that others call; providers are deployed before their consumers."},
	{.name = "consumes",
	 .kind = KEY_TEXTS,
	 .unique = true,
	 UNIT(consumes),
	 .check = check_consumed,
	 .pattern = "^([a-z0-9_-]+\\.)?[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$",
	 .help = "Interfaces that it calls, REPOSITORY.interface for another repository's; it is told their addresses as <SERVICE>_URL."},
	{.name = "memory",
	 .kind = KEY_SIZE,
	 UNIT(memory),
	 .min = 1 << 20,
	 .max = (uint64_t)1 << 42,
	 .help = "Limit of one replica."},
	{.name = "env",
	 .kind = KEY_PAIRS,
	 UNIT(env),
	 .check_name = check_variable,
	 .pattern = VARIABLE_PATTERN,
	 .help = "Environment of the running service."},
	{.name = "secrets",
	 .kind = KEY_PAIRS,
	 UNIT(secrets),
	 .check_name = check_variable,
	 .check = check_secret,
	 .pattern = VARIABLE_PATTERN,
	 .help = "Variable to reference, \"file:NAME\"."},
	{.name = "migrations", .kind = KEY_LATER},
};
const struct keys keys_service = {.what = "service",
				  .v = service_keys,
				  .n = ARRAY_LEN(service_keys),
				  .size = sizeof(struct unit),
				  .name_at = offsetof(struct unit, name),
				  .line_at = offsetof(struct unit, line),
				  .finish = finish_unit};

struct names {
	VEC(const char *) v;
};
static void names_done(struct names *n)
{
	vec_done(&n->v);
}

/* FAIL with the nearest of the keys of a map. */
static enum rc no_such(struct reader *r, const struct yaml_node *at, const struct map *known,
		       const char *what)
{
	AUTO(names_done) struct names names = {.v = {0}};
	char text[SHOWN], near_text[SHOWN];
	const char *near;

	for (struct map_entry *e = NULL; (e = map_next(known, e));)
		vec_push(&names.v, e->key);
	near = str_nearest(at->text, names.v.v, names.v.n);
	shown(at->text, text);
	if (near)
		return FAIL(r, at, "there is no %s \"%s\"; did you mean \"%s\"?", what, text,
			    shown(str_of(near), near_text));
	return FAIL(r, at, "there is no %s \"%s\"", what, text);
}

/* What one needs to look up among all units. Values of the maps are entries of c.units. */
struct lookup {
	struct map by_name, by_path, by_variable, providers, nodes;
};
static void lookup_done(struct lookup *l)
{
	map_done(&l->by_name);
	map_done(&l->by_path);
	map_done(&l->by_variable);
	map_done(&l->providers);
	map_done(&l->nodes);
}

static enum rc check_one(struct reader *r, struct lookup *l, struct unit *u,
			 const struct yaml_node *at)
{
	char variable[64];
	size_t n = strlen(u->name);
	struct unit *other = map_put(&l->by_name, str_of(u->name), u);

	if (other)
		return FAIL(r, at, "unit \"%s\" stands twice: also in line %u", u->name,
			    other->line);
	other = map_put(&l->by_path, str_of(u->path), u);
	if (other)
		return FAIL(r, text_node(at, "path", 0),
			    "units \"%s\" and \"%s\" have the same path \"%s\"", other->name,
			    u->name, u->path);
	memcpy(variable, u->name, n + 1);
	for (size_t i = 0; i < n; i++)
		variable[i] = variable[i] == '-' ? '_' : variable[i];
	other = map_put(&l->by_variable, str_of(variable), u);
	if (other)
		return FAIL(
			r, at,
			"units \"%s\" and \"%s\" differ only in \"-\" and \"_\": their addresses would have one name",
			other->name, u->name);
	for (size_t i = 0; i < u->provides.n; i++) {
		other = map_put(&l->providers, str_of(u->provides.v[i]), u);
		if (other)
			return FAIL(r, text_node(at, "provides", i),
				    "interface \"%s\" is provided by both \"%s\" and \"%s\"",
				    u->provides.v[i], other->name, u->name);
	}
	return RC_OK;
}

static enum rc check_links(struct reader *r, const struct lookup *l, const struct unit *u,
			   const struct yaml_node *at)
{
	for (size_t i = 0; i < u->deps.n; i++) {
		const struct yaml_node *node = text_node(at, "deps", i);

		if (!map_get(&l->by_name, str_of(u->deps.v[i])) && !r->file->c.infer)
			return no_such(r, node, &l->by_name, "unit");
		if (streq(u->deps.v[i], u->name))
			return FAIL(r, node, "unit \"%s\" depends on itself", u->name);
	}
	for (size_t i = 0; i < u->consumes.n; i++) {
		const struct yaml_node *node = text_node(at, "consumes", i);
		const struct unit *provider = map_get(&l->providers, str_of(u->consumes.v[i]));

		if (!provider && strchr(u->consumes.v[i], '.'))
			continue; /* REPOSITORY.interface: nobody here can know */
		if (!provider)
			return no_such(r, node, &l->providers, "provider of interface");
		if (provider == u)
			return FAIL(r, node, "service \"%s\" consumes what it provides itself",
				    u->name);
	}
	return RC_OK;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct unit *)a)->name, ((const struct unit *)b)->name);
}

static enum rc check_cycle(struct reader *r, const struct map *nodes)
{
	AUTO(freep) char *cycle = graph_cycle(&r->file->c);

	if (!cycle)
		return RC_OK;
	struct str rest = str_of(cycle);
	const struct yaml_node **at = map_get(nodes, str_cut(&rest, ' '));

	return FAIL(r, at ? *at : yaml_root(r->doc),
		    "the units depend on each other in a circle: %s", cycle);
}

enum rc units_check(struct reader *r)
{
	AUTO(lookup_done) struct lookup l = {.nodes = {0}};
	struct config *c = &r->file->c;

	if (c->units.n > CONFIG_MAX_UNITS)
		return FAIL(r, yaml_root(r->doc), "there are %zu units; at most %d are allowed",
			    c->units.n, CONFIG_MAX_UNITS);
	for (size_t i = 0; i < c->units.n; i++) {
		if (check_one(r, &l, &c->units.v[i], r->units.v[i]) != RC_OK)
			return r->err->rc;
		map_put(&l.nodes, str_of(c->units.v[i].name), &r->units.v[i]);
	}
	for (size_t i = 0; i < c->units.n; i++)
		if (check_links(r, &l, &c->units.v[i], r->units.v[i]) != RC_OK)
			return r->err->rc;
	sort_stable(c->units.v, c->units.n, sizeof(*c->units.v), by_name);
	return check_cycle(r, &l.nodes);
}
