/* package-lock.json, versions 1 to 3: places in node_modules; a name means the nearest place above that has it. */
#include "base/json.h"
#include "base/mem.h"
#include "project/lock_impl.h"

#define MODULES "node_modules/"

static uint32_t at_place(const struct lock *l, struct str folder, const char *name,
			 struct strbuf *key)
{
	strbuf_clear(key);
	strbuf_addstr(key, folder);
	strbuf_adds(key, folder.n ? "/" MODULES : MODULES);
	strbuf_adds(key, name);
	return lock_find(l, strbuf_str(key));
}

uint32_t lock_npm_resolve(const struct lock *l, const char *where, const char *name)
{
	AUTO(strbuf_done) struct strbuf key = STRBUF(65536);
	struct str at = str_of(where);

	for (;;) {
		uint32_t found =
			str_ends(at, "node_modules") ? UINT32_MAX : at_place(l, at, name, &key);
		if (found != UINT32_MAX || !at.n)
			return found;
		while (at.n && at.p[at.n - 1] != '/')
			at.n--;
		at.n -= at.n > 0;
	}
}

static void add_own(struct lock *l, uint32_t package, const char *name, const struct json *entry)
{
	const char *integrity = json_get_text(entry, "integrity", NULL);

	lock_own(l, package, str_of(json_get_text(entry, "name", name)));
	lock_own(l, package, str_of(json_get_text(entry, "version", "")));
	lock_own(l, package, str_of(integrity ? integrity : json_get_text(entry, "resolved", "")));
}

static bool add_deps(struct lock_source *s, uint32_t package, const struct json *entry,
		     const char *section)
{
	const struct json *map = json_get(entry, section), *value;
	const char *name;
	void *at = NULL;

	if (json_kind_of(map) != JSON_MAP)
		return true;
	while (json_next(map, &at, &name, &value))
		if (!lock_edge(s, package, str_of(name), (struct str){NULL, 0}))
			return false;
	return true;
}

static const char *name_of(const char *place)
{
	const char *name = place, *p = place;

	for (; (p = strstr(p, MODULES)); name = p)
		p += strlen(MODULES);
	return name;
}

static bool add_place(struct lock_source *s, const char *place, const struct json *entry)
{
	static const char *const sections[] = {"dependencies", "optionalDependencies",
					       "peerDependencies", "devDependencies"};
	uint32_t package = lock_add(s);
	bool unit = !strstr(place, MODULES);

	if (package == UINT32_MAX)
		return false;
	lock_key(s->l, package, str_of(place));
	s->l->packages.v[package].where = xstrdup(place);
	if (unit)
		lock_unit(s->l, package, str_of(place));
	else if (!json_truth(json_get(entry, "link"), false))
		add_own(s->l, package, name_of(place), entry);
	else
		return true; /* linked below, when all units are known */
	for (size_t i = 0; i < ARRAY_LEN(sections) - !unit; i++)
		if (!add_deps(s, package, entry, sections[i]))
			return false;
	return true;
}

/* node_modules/@shop/a -> packages/a: names that mean it mean the unit. */
static void link_units(struct lock_source *s, const struct json *packages)
{
	const struct json *entry;
	const char *place;
	void *at = NULL;

	while (json_next(packages, &at, &place, &entry)) {
		uint32_t unit = lock_find(s->l, str_of(json_get_text(entry, "resolved", "?")));
		if (json_truth(json_get(entry, "link"), false) && unit != UINT32_MAX)
			map_put(&s->l->keys, str_of(place), (void *)(uintptr_t)(unit + 1u));
	}
}

/* Version 1: a tree of packages. At most 64 levels of JSON. */
static bool add_tree(struct lock_source *s, const char *above, const struct json *tree)
{
	const struct json *entry;
	const char *name;
	void *at = NULL;

	if (json_kind_of(tree) != JSON_MAP)
		return true;
	while (json_next(tree, &at, &name, &entry)) {
		AUTO(freep)
		char *place = xasprintf("%s%s" MODULES "%s", above, *above ? "/" : "", name);
		uint32_t package = lock_add(s);
		if (package == UINT32_MAX)
			return false;
		if (strlen(place) > 16384) {
			lock_fail(s, 1, "a package's place is longer than 16384 bytes");
			return false;
		}
		lock_key(s->l, package, str_of(place));
		s->l->packages.v[package].where = xstrdup(place);
		add_own(s->l, package, name, entry);
		if (!add_deps(s, package, entry, "requires") ||
		    !add_tree(s, place, json_get(entry, "dependencies")))
			return false;
	}
	return true;
}

void lock_read_npm(struct lock_source *s)
{
	AUTO(json_freep) struct json *root = NULL;
	const struct json *entry;
	const char *place;
	void *at = NULL;

	s->rc = json_read(s->text, LOCK_MAX_BYTES, &root, s->err);
	if (s->rc != RC_OK) {
		s->rc = json_problem(s->l->file, s->err);
		return;
	}
	const struct json *packages = json_get(root, "packages");
	if (json_kind_of(packages) != JSON_MAP) {
		if (json_kind_of(json_get(root, "dependencies")) != JSON_MAP &&
		    json_get_int(root, "lockfileVersion", 0) != 1)
			lock_fail(
				s, 1,
				"has neither \"packages\" nor \"dependencies\": run `npm install`");
		else
			add_tree(s, "", json_get(root, "dependencies"));
		return;
	}
	while (json_next(packages, &at, &place, &entry))
		if (!add_place(s, place, entry))
			return;
	link_units(s, packages);
}
