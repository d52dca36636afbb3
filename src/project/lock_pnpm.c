/* pnpm-lock.yaml, versions 5 to 9: importers (units), packages, and (9) snapshots. */
#include "base/mem.h"
#include "base/strbuf.h"
#include "project/lock_impl.h"
#include "project/outline.h"

#define NONE UINT32_MAX

struct pnpm {
	struct lock_source *s;
	struct outline o;
	enum { PART_OTHER, PART_IMPORTERS, PART_PACKAGES, PART_SNAPSHOTS } part;
	uint32_t entry;      /* the importer or package whose lines these are */
	struct str importer; /* its path */
	bool deps,
		fields; /* in a section of dependencies; of one whose version stands a line below */
	struct str dep;
	bool any, slashes; /* slashes: version 5, name/1.0.0 */
};

/* "x@1.0.0(react@18.0.0)" is what "x@1.0.0" is. */
static struct str without_peers(struct str s)
{
	const char *bracket = s.n ? memchr(s.p, '(', s.n) : NULL;

	return bracket ? (struct str){s.p, (size_t)(bracket - s.p)} : s;
}

static bool is_section(struct str key)
{
	return str_is(key, "dependencies") || str_is(key, "devDependencies") ||
	       str_is(key, "optionalDependencies");
}

/* name and version, from any form of a package's key; name is empty when there is none. */
static void split_key(const struct pnpm *p, struct str key, struct str *name, struct str *version)
{
	if (key.n && *key.p == '/') {
		key.p++;
		key.n--;
	}
	size_t at = key.n && *key.p == '@' ? 1 : 0;
	const char *slash = at ? memchr(key.p, '/', key.n) : NULL;
	if (slash)
		at = (size_t)(slash - key.p) + 1; /* behind the scope */
	const char *end =
		at < key.n ? memchr(key.p + at, p->slashes ? '/' : '@', key.n - at) : NULL;
	size_t n = end ? (size_t)(end - key.p) : 0;
	*name = (struct str){key.p, n};
	*version = n ? (struct str){key.p + n + 1, key.n - n - 1} : key;
}

/* Another package under this name: "other@1.0.0", "/other/1.0.0". */
static bool is_alias(struct str version)
{
	if (!version.n || (*version.p >= '0' && *version.p <= '9'))
		return false;
	const char *at = memchr(version.p + 1, '@', version.n - 1);
	const char *colon = memchr(version.p, ':', version.n);
	return *version.p == '/' || (at && (!colon || colon > at));
}

static bool add_dep(struct pnpm *p, struct str name, struct str version)
{
	AUTO(strbuf_done) struct strbuf key = STRBUF(8192);

	if (str_starts(version, "link:")) {
		AUTO(freep)
		char *from = xstrndup(p->importer.n ? p->importer.p : ".",
				      p->importer.n ? p->importer.n : 1);
		AUTO(freep)
		char *path = path_join(from, (struct str){version.p + 5, version.n - 5});
		strbuf_addf(&key, "unit %s", path ? path : "");
		return lock_edge(p->s, p->entry, strbuf_str(&key), (struct str){NULL, 0});
	}
	if (is_alias(version))
		split_key(p, version, &name, &version);
	strbuf_addf(&key, "%.*s %.*s", (int)name.n, name.p, (int)version.n, version.p);
	return lock_edge(p->s, p->entry, strbuf_str(&key), name);
}

static bool begin_package(struct pnpm *p)
{
	AUTO(strbuf_done) struct strbuf key = STRBUF(8192);
	struct str name, version, whole = p->o.key;
	bool snapshot = p->part == PART_SNAPSHOTS;

	split_key(p, whole, &name, &version);
	p->entry = lock_add(p->s);
	if (p->entry == NONE)
		return false;
	if (!snapshot)
		lock_own(p->s->l, p->entry, whole);
	strbuf_addf(&key, "%s%.*s", snapshot ? "" : "package ", (int)whole.n, whole.p);
	lock_key(p->s->l, p->entry, strbuf_str(&key));
	strbuf_clear(&key);
	strbuf_addf(&key, "%s%.*s %.*s", snapshot ? "snapshot " : "", (int)name.n, name.p,
		    (int)version.n, version.p);
	lock_key(p->s->l, p->entry, strbuf_str(&key));
	if (!snapshot) {
		if (name.n)
			lock_name(p->s->l, p->entry, name);
		return true;
	}
	/* a snapshot takes the package's place for those that mean it */
	strbuf_clear(&key);
	strbuf_addf(&key, "%.*s %.*s", (int)name.n, name.p, (int)version.n, version.p);
	map_put(&p->s->l->keys, strbuf_str(&key), (void *)(uintptr_t)(p->entry + 1u));
	struct str plain = without_peers(whole);
	strbuf_clear(&key);
	strbuf_addf(&key, "package %.*s", (int)plain.n, plain.p);
	return lock_edge(p->s, p->entry, strbuf_str(&key), name);
}

static bool begin_importer(struct pnpm *p, struct str path)
{
	AUTO(strbuf_done) struct strbuf key = STRBUF(8192);

	p->entry = lock_add(p->s);
	if (p->entry == NONE)
		return false;
	p->importer = path;
	lock_unit(p->s->l, p->entry, path);
	strbuf_addf(&key, "unit %.*s", (int)path.n, path.p);
	lock_key(p->s->l, p->entry, strbuf_str(&key));
	return true;
}

static bool top(struct pnpm *p)
{
	struct str key = p->o.key;

	p->deps = false;
	p->entry = NONE;
	p->part = str_is(key, "importers")   ? PART_IMPORTERS
		  : str_is(key, "packages")  ? PART_PACKAGES
		  : str_is(key, "snapshots") ? PART_SNAPSHOTS
					     : PART_OTHER;
	if (str_is(key, "lockfileVersion")) {
		p->any = true;
		p->slashes = str_starts(p->o.value, "5");
	}
	if (!is_section(key))
		return true;
	size_t i = (size_t)(uintptr_t)map_get(&p->s->l->units, str_of(p->s->l->dir));
	p->part = PART_IMPORTERS; /* a single package's lockfile */
	p->deps = true;
	if (i)
		p->entry = (uint32_t)(i - 1);
	return i || begin_importer(p, STR("."));
}

/* Lines of an entry; at is how deep they are below it: 1 its keys, 2 dependencies, 3 their fields. */
static bool inner(struct pnpm *p, uint32_t at)
{
	const struct outline *o = &p->o;

	if (p->entry == NONE || o->item)
		return true;
	if (at == 1) {
		p->deps = is_section(o->key) && !o->value.n;
		if (p->part == PART_PACKAGES &&
		    (str_is(o->key, "resolution") || str_is(o->key, "version") ||
		     str_is(o->key, "patched")))
			lock_own(p->s->l, p->entry, o->value);
		return true;
	}
	if (!p->deps)
		return true;
	if (at == 2) {
		p->dep = o->key;
		return !o->value.n || add_dep(p, o->key, o->value);
	}
	if (at == 3 && str_is(o->key, "version"))
		return add_dep(p, p->dep, o->value);
	return true;
}

void lock_read_pnpm(struct lock_source *s)
{
	struct pnpm p = {.s = s, .o = {.text = s->text}, .entry = NONE};
	bool single = false;

	while (s->rc == RC_OK && outline_next(&p.o)) {
		uint32_t depth = p.o.indent / 2;
		bool good = true;
		if (p.o.indent % 2 || (!p.o.item && !p.o.colon)) {
			lock_fail(s, p.o.line, "is not as pnpm writes it: run `pnpm install`");
			return;
		}
		if (depth == 0) {
			good = top(&p);
			single = p.deps;
		} else if (single) {
			good = inner(&p, depth + 1);
		} else if (p.part != PART_OTHER && depth == 1 && !p.o.item) {
			good = p.part == PART_IMPORTERS ? begin_importer(&p, p.o.key)
							: begin_package(&p);
			p.deps = false;
		} else if (p.part != PART_OTHER) {
			good = inner(&p, depth - 1);
		}
		if (!good)
			return;
	}
	if (!p.any)
		lock_fail(s, 1, "has no lockfileVersion: run `pnpm install`");
}
