/* What manifests say about a unit: how it is built, what from, and whether it is a service. */
#include "base/json.h"
#include "io/files.h"
#include "main/local_init.h"

#include <stdlib.h>

static bool there(const struct init_found *f, const struct init_unit *u, const char *name)
{
	AUTO(freep) char *path = xasprintf("%s/%s/%s", f->root, u->path, name);

	return file_exists(path);
}

static bool says(const struct init_unit *u, const char *text)
{
	return strstr(strbuf_cstr(&u->manifests), text) != NULL;
}

/* "name:" at a line's begin, alone or among others before the colon. */
static bool has_target(const struct init_unit *u, const char *name)
{
	struct str rest = strbuf_str(&u->manifests);

	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
		if (!colon || line.p[0] == '\t' || line.p[0] == '.' || line.p[0] == '#')
			continue;
		struct str names = {line.p, (size_t)(colon - line.p)};
		if (colon + 1 < line.p + line.n && colon[1] == '=')
			continue;
		while (names.p)
			if (str_is(str_trim(str_cut(&names, ' ')), name))
				return true;
	}
	return false;
}

static enum tool tool_of(const struct init_found *f, const struct init_unit *u)
{
	static const struct {
		const char *name;
		enum tool tool;
	} known[] = {{"package.json", TOOL_NPM},     {"go.mod", TOOL_GO},
		     {"Cargo.toml", TOOL_CARGO},     {"pom.xml", TOOL_MAVEN},
		     {"CMakeLists.txt", TOOL_CMAKE}, {"Makefile", TOOL_MAKE}};

	if (there(f, u, "Makefile") && (has_target(u, "build") || has_target(u, "test")))
		return TOOL_MAKE;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (there(f, u, known[i].name))
			return known[i].tool;
	return TOOL_NONE;
}

/* The rest of the first line that begins with `before`, up to `end`; NULL: there is none. */
static char *after(const struct init_unit *u, const char *before, const char *end)
{
	const char *at = strstr(strbuf_cstr(&u->manifests), before);

	if (!at)
		return NULL;
	at += strlen(before);
	size_t n = strcspn(at, end);
	return n && n < 200 ? xstrndup(at, n) : NULL;
}

/* "dist" of "./dist/index.js"; NULL: what is built lies beside its sources, or nobody says where. */
static char *first_folder(const char *path)
{
	path += strncmp(path, "./", 2) == 0 ? 2 : 0;
	size_t n = strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return n && n < 60 && path[n] == '/' && strncmp(path, "src/", 4) != 0 ? xstrndup(path, n)
									      : NULL;
}

static void read_package(const struct init_found *f, struct init_unit *u)
{
	AUTO(freep) char *path = xasprintf("%s/%s/package.json", f->root, u->path);
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)1 << 20);
	AUTO(json_freep) struct json *root = NULL;
	struct err err = {0};

	if (file_read(path, (size_t)1 << 20, &text, &err) != RC_OK ||
	    json_read(strbuf_str(&text), (size_t)1 << 20, &root, &err) != RC_OK)
		return;
	const struct json *scripts = json_get(root, "scripts");
	u->module =
		json_get_text(root, "name", NULL) ? xstrdup(json_get_text(root, "name", "")) : NULL;
	u->build = json_get(scripts, "build") != NULL;
	u->test = json_get(scripts, "test") != NULL;
	u->lint = json_get(scripts, "lint") != NULL;
	if (json_get(scripts, "start"))
		u->library = false;
	static const char *const entries[] = {"main", "module", "types"};
	for (size_t i = 0; i < ARRAY_LEN(entries) && u->build && !u->folder; i++)
		u->folder = first_folder(json_get_text(root, entries[i], ""));
}

static void read_go(const struct init_found *f, struct init_unit *u)
{
	u->module = after(u, "module ", " \t\r\n");
	u->test = u->lint = u->out = true;
	if (!there(f, u, "main.go"))
		return;
	u->library = false;
	u->binary = xstrdup("out/app");
}

static void read_cargo(const struct init_found *f, struct init_unit *u)
{
	u->module = after(u, "name = \"", "\"\n");
	u->test = u->out = true;
	if (!there(f, u, "src/main.rs") || !u->module)
		return;
	u->library = false;
	u->binary = xstrdup("out/app");
}

static void read_make(struct init_unit *u)
{
	u->lint = has_target(u, "lint");
	u->test = has_target(u, "test");
	u->out = says(u, "out/");
	if (u->library || !u->out)
		return;
	if (says(u, "out/app"))
		u->binary = xstrdup("out/app");
}

static void read_docker(struct init_unit *u)
{
	AUTO(freep) char *port = after(u, "EXPOSE ", " /\t\r\n");

	u->library = false;
	if (port && (!parse_u32(str_of(port), &u->port) || u->port > 65535))
		u->port = 0;
}

/* ---- health: a path that its sources answer ---- */
struct search {
	struct init_unit *unit;
	unsigned files;
};

static enum rc look_into(void *ctx, const struct file_seen *seen, struct err *err)
{
	static const char *const paths[] = {"/healthz", "/health", "/readyz", "/ready"};
	struct search *s = ctx;
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)256 << 10);

	(void)err;
	if (seen->kind != FILE_REGULAR || seen->size > ((uint64_t)256 << 10) ||
	    strstr(seen->path, "node_modules") || s->files >= 200)
		return RC_OK;
	s->files++;
	AUTO(freep) char *path = xasprintf("%s/%s", s->unit->module, seen->path);
	if (file_read(path, (size_t)256 << 10, &text, NULL) != RC_OK)
		return RC_OK;
	for (size_t i = 0; i < ARRAY_LEN(paths) && !s->unit->health; i++) {
		AUTO(freep) char *quoted = xasprintf("\"%s\"", paths[i]);
		AUTO(freep) char *single = xasprintf("'%s'", paths[i]);
		if (strstr(strbuf_cstr(&text), quoted) || strstr(strbuf_cstr(&text), single))
			s->unit->health = xstrdup(paths[i]);
	}
	return RC_OK;
}

static void find_health(const struct init_found *f, struct init_unit *u)
{
	struct init_unit scratch = {.module = xasprintf("%s/%s", f->root, u->path)};
	struct search s = {&scratch, 0};

	(void)!tree_walk(scratch.module, look_into, &s, NULL);
	u->health = scratch.health;
	xfree(scratch.module);
}

static void read_one(const struct init_found *f, struct init_unit *u)
{
	u->tool = tool_of(f, u);
	if (there(f, u, "package.json"))
		read_package(f, u);
	if (u->tool == TOOL_MAKE)
		read_make(u);
	else if (u->tool == TOOL_GO)
		read_go(f, u);
	else if (u->tool == TOOL_CARGO)
		read_cargo(f, u);
	else if (u->tool == TOOL_CMAKE || u->tool == TOOL_MAVEN)
		u->test = true;
	if (u->tool == TOOL_MAVEN)
		u->module = after(u, "<artifactId>", "<\n");
	if (u->tool == TOOL_CMAKE)
		u->out = true;
	if (u->docker)
		read_docker(u);
	find_health(f, u);
}

/* What a library answers, services that are built from it answer. */
static void inherit(struct init_found *f, struct init_unit *u)
{
	vec_each(dep, &u->deps)
		if (!u->health && f->units.v[*dep].health)
			u->health = xstrdup(f->units.v[*dep].health);
}

/* ---- deps ---- */
/* "services/auth" to "libs/shared": "../../libs/shared" */
static char *way(const char *from, const char *to)
{
	AUTO(strbuf_done) struct strbuf path = STRBUF(8192);
	size_t same = 0;

	for (size_t i = 0; from[i] && from[i] == to[i]; i++)
		if (from[i] == '/')
			same = i + 1;
	strbuf_adds(&path, "../");
	for (const char *p = from + same; *p; p++)
		if (*p == '/')
			strbuf_adds(&path, "../");
	strbuf_adds(&path, to + same);
	return strbuf_take(&path);
}

static bool reads(const struct init_unit *u, const struct init_unit *on)
{
	AUTO(freep) char *path = way(u->path, on->path);
	const char *at = strstr(strbuf_cstr(&u->manifests), path);

	for (; at; at = strstr(at + 1, path)) /* not "../lib" in "../library" */
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", at[strlen(path)]) ||
		    !at[strlen(path)])
			return true;
	if (!on->module || streq(u->module, on->module))
		return false;
	AUTO(freep)
	char *name = on->tool == TOOL_MAVEN ? xasprintf("<artifactId>%s<", on->module)
		     : on->tool == TOOL_GO  ? xasprintf("%s ", on->module)
					    : xasprintf("\"%s\"", on->module);
	return on->tool != TOOL_CARGO && says(u, name);
}

static bool leads_to(const struct init_found *f, size_t from, size_t to, bool *seen)
{
	if (from == to)
		return true;
	if (seen[from])
		return false;
	seen[from] = true;
	vec_each(dep, &f->units.v[from].deps)
		if (leads_to(f, *dep, to, seen))
			return true;
	return false;
}

static bool may_depend(const struct init_found *f, size_t unit, size_t on)
{
	AUTO(freep) bool *seen = xcalloc(f->units.n, sizeof(*seen));

	return !leads_to(f, on, unit, seen); /* circles are no graph */
}

void init_link(struct init_found *f, size_t from, size_t to)
{
	struct init_unit *u = &f->units.v[from];

	vec_each(dep, &u->deps)
		if (*dep == to)
			return;
	if (from != to && may_depend(f, from, to))
		vec_push(&u->deps, to);
}

void init_guess(struct init_found *f)
{
	vec_each(u, &f->units)
		read_one(f, u);
	init_infer_edges(f);
	for (size_t i = 0; i < f->units.n; i++)
		for (size_t k = 0; k < f->units.n; k++) {
			struct init_unit *u = &f->units.v[i];

			if (i == k || streq(u->path, ".") || !reads(u, &f->units.v[k]))
				continue;
			init_link(f, i, k);
		}
	vec_each(u, &f->units)
		inherit(f, u);
}
