/* Packages as a graph, and the digests of closures. */
#include "project/lock.h"
#include "base/mem.h"
#include "core/sort.h"
#include "project/lock_impl.h"
#include "project/scc.h"

#define NONE UINT32_MAX

const char *const lock_tools[] = {
#define X(name, tool, file) tool,
	LOCK_MAP(X)
#undef X
};
const char *const lock_files[] = {
#define X(name, tool, file) file,
	LOCK_MAP(X)
#undef X
};

bool lock_is(const char *path, enum lock_kind *ret)
{
	const char *base = path_base(path);

	for (size_t i = 0; i < ARRAY_LEN(lock_files); i++) {
		if (!streq(lock_files[i], base) || path_is_foreign(path))
			continue;
		*ret = (enum lock_kind)i;
		return true;
	}
	return false;
}

/* ---- what readers add ---- */
enum rc lock_fail(struct lock_source *s, uint32_t line, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf what = STRBUF(400);
	va_list ap;

	if (s->rc != RC_OK)
		return s->rc;
	va_start(ap, fmt);
	strbuf_addv(&what, fmt, ap);
	va_end(ap);
	return s->rc = err_set(s->err, RC_INVALID, "%s:%u: %s", s->l->file, line,
			       strbuf_cstr(&what));
}

uint32_t lock_add(struct lock_source *s)
{
	if (s->l->packages.n == LOCK_MAX_PACKAGES) {
		s->rc = err_set(s->err, RC_TOO_BIG, "%s:1: more than %u packages", s->l->file,
				LOCK_MAX_PACKAGES);
		return NONE;
	}
	vec_add(&s->l->packages);
	return (uint32_t)(s->l->packages.n - 1);
}

void lock_own(struct lock *l, uint32_t package, struct str part)
{
	char **own = &l->packages.v[package].own;
	size_t n = *own ? strlen(*own) : 0;

	*own = xrealloc(*own, n + part.n + 2);
	if (part.n)
		memcpy(*own + n, part.p, part.n);
	(*own)[n + part.n] = '\n';
	(*own)[n + part.n + 1] = '\0';
}

void lock_key(struct lock *l, uint32_t package, struct str key)
{
	if (!map_get(&l->keys, key))
		map_put(&l->keys, key, (void *)(uintptr_t)(package + 1u));
}

void lock_name(struct lock *l, uint32_t package, struct str name)
{
	struct named *list = map_get(&l->names, name);

	if (!list) {
		list = xcalloc(1, sizeof(*list));
		map_put(&l->names, name, list);
	}
	vec_push(&list->v, package);
}

void lock_unit(struct lock *l, uint32_t package, struct str path)
{
	AUTO(freep) char *whole = path_join(l->dir, path);

	if (whole && !map_get(&l->units, str_of(whole)))
		map_put(&l->units, str_of(whole), (void *)(uintptr_t)(package + 1u));
}

uint32_t lock_find(const struct lock *l, struct str key)
{
	uint32_t i = (uint32_t)(uintptr_t)map_get(&l->keys, key);

	return i ? i - 1 : NONE;
}

bool lock_edge(struct lock_source *s, uint32_t from, struct str key, struct str name)
{
	if (s->l->edges.n == LOCK_MAX_EDGES) {
		s->rc = err_set(s->err, RC_TOO_BIG, "%s:1: more than %u dependencies", s->l->file,
				LOCK_MAX_EDGES);
		return false;
	}
	vec_push(&s->l->edges, ((struct lock_edge){from, NONE, xstrndup(key.n ? key.p : "", key.n),
						   name.n ? xstrndup(name.p, name.n) : NULL}));
	return true;
}

const struct named *lock_named(const struct lock *l, const char *name)
{
	return name ? map_get(&l->names, str_of(name)) : NULL;
}

/* ---- the graph ---- */
struct pairs_of {
	VEC(uint64_t) v;
};

static void link(struct pairs_of *to, uint32_t from, uint32_t on)
{
	if (on != NONE && on != from && to->v.n < LOCK_MAX_EDGES)
		vec_push(&to->v, (uint64_t)from << 32 | on);
}

/* A name that many packages have, wanted by many in ways that are not understood, must not multiply: one stands for all. */
static uint32_t all_of(struct lock *l, const char *name)
{
	AUTO(freep) char *key = xasprintf("all of %s", name);
	uint32_t hub = lock_find(l, str_of(key));

	if (hub != NONE)
		return hub;
	vec_add(&l->packages);
	hub = (uint32_t)(l->packages.n - 1);
	lock_key(l, hub, str_of(key));
	return hub;
}

static void resolve(struct lock *l, struct pairs_of *to)
{
	for (size_t i = 0; i < l->edges.n; i++) {
		struct lock_edge *e = &l->edges.v[i];
		const char *where = l->packages.v[e->from].where;

		e->to = l->kind == LOCK_NPM ? lock_npm_resolve(l, where ? where : "", e->key)
					    : lock_find(l, str_of(e->key));
		const struct named *all = e->to == NONE ? lock_named(l, e->name) : NULL;
		if (all && all->v.n) {
			size_t before = l->packages.n;
			e->to = all->v.n == 1 ? all->v.v[0] : all_of(l, e->name);
			for (size_t k = 0; l->packages.n > before && k < all->v.n; k++)
				link(to, e->to, all->v.v[k]);
		}
		link(to, e->from, e->to);
	}
}

static int by_pair(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void make_graph(struct lock *l)
{
	struct pairs_of found = {.v = {0}};

	resolve(l, &found);
	sort_stable(found.v.v, found.v.n, sizeof(*found.v.v), by_pair);
	l->first = xcalloc(l->packages.n + 2, sizeof(*l->first));
	l->to = xcalloc(found.v.n + 1, sizeof(*l->to));
	for (size_t i = 0; i < found.v.n; i++) {
		l->first[(found.v.v[i] >> 32) + 1]++;
		l->to[i] = (uint32_t)found.v.v[i];
	}
	for (size_t i = 0; i < l->packages.n; i++)
		l->first[i + 1] += l->first[i];
	vec_done(&found.v);
}

/* ---- digests ---- */
static int by_digest(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct digest));
}

typedef VEC(struct digest) digest_list;

static struct digest digest_list_of(const char *head, digest_list *list)
{
	struct digest_state *state = digest_new();
	const struct digest *last = NULL;

	sort_stable(list->v, list->n, sizeof(*list->v), by_digest);
	digest_add(state, head, strlen(head));
	vec_each(d, list) {
		if (!last || !digest_eq(*last, *d))
			digest_add(state, d->b, sizeof(d->b));
		last = d;
	}
	return digest_finish(state);
}

struct members {
	uint32_t *of, *first; /* packages in order of component */
};

/* Components come after those that they lead to. */
static void digest_component(struct lock *l, const struct members *m, uint32_t c, digest_list *own,
			     digest_list *deps)
{
	own->n = deps->n = 0;
	for (uint32_t i = m->first[c]; i < m->first[c + 1]; i++) {
		uint32_t package = m->of[i];
		vec_push(own, digest_of(str_of(l->packages.v[package].own)));
		for (uint32_t k = l->first[package]; k < l->first[package + 1]; k++)
			if (l->component[l->to[k]] != c)
				vec_push(deps, l->digests[l->component[l->to[k]]]);
	}
	struct digest self = digest_list_of("packages", own);
	struct digest below = digest_list_of("need", deps);
	struct digest_state *state = digest_new();
	digest_add(state, self.b, sizeof(self.b));
	digest_add(state, below.b, sizeof(below.b));
	l->digests[c] = digest_finish(state);
}

static void make_digests(struct lock *l)
{
	uint32_t n = (uint32_t)l->packages.n;
	digest_list own = {0}, deps = {0};

	l->component = xcalloc((size_t)n + 1, sizeof(*l->component));
	uint32_t count = scc_find(n, l->first, l->to, l->component);
	struct members m = {xcalloc((size_t)n + 1, sizeof(uint32_t)),
			    xcalloc((size_t)count + 2, sizeof(uint32_t))};
	AUTO(freep) uint32_t *at = xcalloc((size_t)count + 1, sizeof(*at));

	l->digests = xcalloc((size_t)count + 1, sizeof(*l->digests));
	for (uint32_t i = 0; i < n; i++)
		m.first[l->component[i] + 1]++;
	for (uint32_t c = 0; c < count; c++) {
		m.first[c + 1] += m.first[c];
		at[c] = m.first[c];
	}
	for (uint32_t i = 0; i < n; i++)
		m.of[at[l->component[i]]++] = i;
	for (uint32_t c = 0; c < count; c++)
		digest_component(l, &m, c, &own, &deps);
	xfree(m.of);
	xfree(m.first);
	vec_done(&own);
	vec_done(&deps);
}

static void edges_done(struct lock *l)
{
	vec_each(e, &l->edges) {
		xfree(e->key);
		xfree(e->name);
	}
	vec_done(&l->edges);
}

enum rc lock_read(const char *file, struct str text, struct lock **ret, struct err *err)
{
	static void (*const readers[])(struct lock_source *) = {
		[LOCK_NPM] = lock_read_npm,   [LOCK_PNPM] = lock_read_pnpm,
		[LOCK_YARN] = lock_read_yarn, [LOCK_CARGO] = lock_read_cargo,
		[LOCK_UV] = lock_read_uv,     [LOCK_POETRY] = lock_read_poetry,
	};
	enum lock_kind kind;

	if (!lock_is(file, &kind))
		return err_set(err, RC_INVALID, "%s:1: is no lockfile", file);
	if (text.n > LOCK_MAX_BYTES)
		return err_set(err, RC_TOO_BIG, "%s:1: is larger than %zu bytes", file,
			       LOCK_MAX_BYTES);
	if (text.n && memchr(text.p, '\0', text.n))
		return err_set(err, RC_INVALID, "%s:1: holds a NUL byte: it is no text", file);
	struct lock *l = xcalloc(1, sizeof(*l));
	*l = (struct lock){.kind = kind, .file = xstrdup(file), .dir = path_dir(file)};
	struct lock_source s = {l, text, err, RC_OK};
	readers[kind](&s);
	if (s.rc != RC_OK) {
		lock_free(l);
		return s.rc;
	}
	make_graph(l);
	make_digests(l);
	edges_done(l);
	*ret = l;
	return RC_OK;
}

void lock_free(struct lock *l)
{
	if (!l)
		return;
	edges_done(l);
	vec_each(p, &l->packages) {
		xfree(p->own);
		xfree(p->where);
	}
	vec_done(&l->packages);
	for (struct map_entry *e = NULL; (e = map_next(&l->names, e));) {
		struct named *list = e->value;
		vec_done(&list->v);
		xfree(list);
	}
	map_done(&l->names);
	map_done(&l->keys);
	map_done(&l->units);
	xfree(l->first);
	xfree(l->to);
	xfree(l->component);
	xfree(l->digests);
	xfree(l->file);
	xfree(l->dir);
	xfree(l);
}

enum lock_kind lock_kind_of(const struct lock *l)
{
	return l->kind;
}

size_t lock_packages(const struct lock *l)
{
	return l->packages.n;
}

static void add_closure(const struct lock *l, uint32_t package, digest_list *to)
{
	vec_push(to, l->digests[l->component[package]]);
}

static void add_mentions(const struct lock *l, const struct buildfile *m, digest_list *to)
{
	vec_each(d, &m->deps) {
		uint32_t package = lock_mention(l, m->dir, d);
		const struct named *all = package == NONE ? lock_named(l, d->name) : NULL;
		if (package != NONE)
			add_closure(l, package, to);
		for (size_t i = 0; all && i < all->v.n; i++)
			add_closure(l, all->v.v[i], to);
	}
}

/* The package that is the unit itself. */
static uint32_t unit_of(const struct lock *l, const char *path,
			const struct buildfile *const *manifests, size_t n)
{
	uint32_t i = (uint32_t)(uintptr_t)map_get(&l->units, str_of(path));

	if (i)
		return i - 1;
	for (size_t k = 0; l->kind == LOCK_CARGO && k < n; k++) {
		if (manifests[k]->kind != BUILDFILE_CARGO || !manifests[k]->names.n)
			continue;
		AUTO(freep) char *key = xasprintf("unit %s", manifests[k]->names.v[0]);
		return lock_find(l, str_of(key));
	}
	return NONE;
}

bool lock_slice(const struct lock *l, const char *unit_path,
		const struct buildfile *const *manifests, size_t n, char ret[65])
{
	digest_list used = {0};
	uint32_t unit = unit_of(l, unit_path, manifests, n);

	if (unit != NONE) {
		for (uint32_t k = l->first[unit]; k < l->first[unit + 1]; k++)
			add_closure(l, l->to[k], &used);
	}
	for (size_t k = 0; unit == NONE && k < n; k++)
		if (streq(buildfile_tools[manifests[k]->kind], lock_tools[l->kind]))
			add_mentions(l, manifests[k], &used);
	bool any = used.n > 0;
	if (any)
		digest_hex(digest_list_of("slice", &used), ret);
	vec_done(&used);
	return any;
}
