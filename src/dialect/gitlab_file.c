/* Files that include others, jobs that extend others. */
#include "base/glob.h"
#include "dialect/gitlab_impl.h"

#define MERGED_MAX 200000 /* nodes */

static enum rc add_include(struct gitlab *g, const struct yaml_node *at,
			   const struct yaml_node *path, unsigned depth, struct err *err)
{
	AUTO(freep) char *name = node_dup(path);
	AUTO(strbuf_done) struct strbuf text = STRBUF(YAML_MAX_BYTES);
	struct err why = {0};

	for (size_t i = 0; i < g->files.n; i++)
		if (streq(g->files.v[i].name, name))
			return RC_OK;
	if (!g->read || strchr(name, '*') || g->read(g->ctx, name, &text, &why) != RC_OK) {
		lost(&g->im, at,
		     strchr(name, '*') ? "name the files one by one"
				       : "put the file beside this one, or write its jobs here",
		     "include: %.200s", name);
		return RC_OK;
	}
	return gitlab_add_file(g, strbuf_str(&text), name, depth + 1, err);
}

static enum rc read_include(struct gitlab *g, const struct yaml_node *at, unsigned depth,
			    struct err *err)
{
	static const char *const others[] = {"project", "remote", "template", "component",
					     "artifact"};
	const struct yaml_node *local = at->kind == YAML_MAP ? yaml_get(at, "local") : at;

	if (at->kind == YAML_LIST) {
		for (size_t i = 0; i < at->n; i++)
			if (at->items[i].kind != YAML_LIST &&
			    read_include(g, &at->items[i], depth, err) != RC_OK)
				return err->rc;
		return RC_OK;
	}
	if (node_is_text(local) && !str_starts(local->text, "http"))
		return add_include(g, at, local, depth, err);
	const char *kind = "remote";
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (yaml_get(at, others[i]))
			kind = others[i];
	lost(&g->im, at,
	     "write its jobs here; what several projects share stands in templates, in a file that they include at a commit",
	     "include: %s", kind);
	return RC_OK;
}

enum rc gitlab_add_file(struct gitlab *g, struct str text, const char *name, unsigned depth,
			struct err *err)
{
	struct yaml *doc = NULL;

	if (depth > 10 || g->files.n >= GITLAB_FILES_MAX)
		return err_set(err, RC_TOO_BIG, "%s: more than %d files are included", name,
			       GITLAB_FILES_MAX);
	if (yaml_read_foreign(text, name, &doc, err) != RC_OK)
		return err->rc;
	const struct yaml_node *root = yaml_root(doc), *include = yaml_get(root, "include");
	enum rc rc =
		root->kind == YAML_MAP
			? RC_OK
			: yaml_fail(doc, root, err, "this is no file of GitLab CI: it is no map");
	const char *before = g->im.file;
	g->im.file = name;
	if (rc == RC_OK && include)
		rc = read_include(g, include, depth, err);
	g->im.file = before;
	if (rc == RC_OK && g->files.n >= GITLAB_FILES_MAX)
		rc = err_set(err, RC_TOO_BIG, "%s: more than %d files are included", name,
			     GITLAB_FILES_MAX);
	if (rc != RC_OK) {
		yaml_free(doc);
		return rc;
	}
	vec_push(&g->files, ((struct gitlab_file){xstrdup(name), doc}));
	return RC_OK;
}

const struct yaml_node *gitlab_global(const struct gitlab *g, const char *key)
{
	for (size_t i = g->files.n; i-- > 0;) {
		const struct yaml_node *root = yaml_root(g->files.v[i].doc);
		const struct yaml_node *n = yaml_get(yaml_get(root, "default"), key);
		n = n ? n : yaml_get(root, key);
		if (n)
			return n;
	}
	return NULL;
}

static const struct yaml_node *get(const struct yaml_node *map, struct str key)
{
	for (size_t i = 0; map && map->kind == YAML_MAP && i < map->n; i++)
		if (str_eq(map->keys[i].text, key))
			return &map->items[i];
	return NULL;
}

bool gitlab_is_overridden(const struct gitlab *g, const struct gitlab_file *file, struct str name)
{
	for (const struct gitlab_file *f = file + 1; f < g->files.v + g->files.n; f++)
		if (get(yaml_root(f->doc), name))
			return true;
	return false;
}

/* ---- merging ---- */
static enum rc too_big(struct gitlab *g, struct err *err)
{
	return err_set(err, RC_TOO_BIG, "%s: what extends what makes more than %d values",
		       g->im.file, MERGED_MAX);
}

/* The map `over` laid over `under`: maps are merged, anything else is replaced. */
static enum rc merge(struct gitlab *g, const struct yaml_node *under, const struct yaml_node *over,
		     unsigned depth, struct yaml_node *ret, struct err *err)
{
	if (under->kind != YAML_MAP || over->kind != YAML_MAP || depth > 32) {
		*ret = *over;
		return RC_OK;
	}
	size_t most = under->n + over->n;
	g->merged += most + 1;
	if (g->merged > MERGED_MAX)
		return too_big(g, err);
	struct yaml_node *items = xcalloc(most + 1, sizeof(*items)),
			 *keys = xcalloc(most + 1, sizeof(*keys));
	vec_push(&g->blocks, items);
	vec_push(&g->blocks, keys);
	*ret = *over;
	ret->items = items;
	ret->keys = keys;
	ret->n = 0;
	for (size_t i = 0; i < under->n; i++) {
		const struct yaml_node *by = get(over, under->keys[i].text);
		keys[ret->n] = by ? under->keys[i] : under->keys[i];
		items[ret->n] = under->items[i];
		if (by && merge(g, &under->items[i], by, depth + 1, &items[ret->n], err) != RC_OK)
			return err->rc;
		ret->n++;
	}
	for (size_t i = 0; i < over->n; i++) {
		if (get(under, over->keys[i].text))
			continue;
		keys[ret->n] = over->keys[i];
		items[ret->n++] = over->items[i];
	}
	return RC_OK;
}

static enum rc extend(struct gitlab *g, const struct yaml_node *name, unsigned depth,
		      struct yaml_node *into, struct err *err)
{
	struct yaml_node base = {0};

	if (!node_is_text(name))
		return RC_OK;
	enum rc rc = gitlab_resolve(g, name->text, depth + 1, &base, err);
	if (rc == RC_NOT_FOUND) {
		lost(&g->im, name, "there is no such job in the files that could be read",
		     "extends: %.*s", (int)MIN_OF(name->text.n, 80), name->text.p);
		return RC_OK;
	}
	struct yaml_node under = *into;
	return rc == RC_OK ? merge(g, &under, &base, 0, into, err) : rc;
}

/* One file's words about a job, over what they extend. */
static enum rc with_extends(struct gitlab *g, const struct yaml_node *own, unsigned depth,
			    struct yaml_node *ret, struct err *err)
{
	const struct yaml_node *extends = yaml_get(own, "extends");
	struct yaml_node base = {.kind = YAML_MAP, .line = own->line, .column = own->column};

	if (extends && extends->kind == YAML_LIST) {
		for (size_t i = 0; i < extends->n; i++)
			if (extend(g, &extends->items[i], depth, &base, err) != RC_OK)
				return err->rc;
	} else if (extends && extend(g, extends, depth, &base, err) != RC_OK) {
		return err->rc;
	}
	return merge(g, &base, own, 0, ret, err);
}

enum rc gitlab_resolve(struct gitlab *g, struct str name, unsigned depth, struct yaml_node *ret,
		       struct err *err)
{
	struct yaml_node all = {.kind = YAML_MAP};
	bool any = false;

	if (depth > GITLAB_EXTENDS_MAX)
		return err_set(err, RC_INVALID, "%s: %.*s extends more than %d levels, or itself",
			       g->im.file, (int)MIN_OF(name.n, 80), name.p, GITLAB_EXTENDS_MAX);
	vec_each(file, &g->files) {
		const struct yaml_node *own = get(yaml_root(file->doc), name);
		struct yaml_node whole = {0}, under = all;
		if (!own || own->kind != YAML_MAP)
			continue;
		if (with_extends(g, own, depth, &whole, err) != RC_OK ||
		    merge(g, &under, &whole, 0, &all, err) != RC_OK)
			return err->rc;
		any = true;
	}
	if (!any)
		return RC_NOT_FOUND;
	*ret = all;
	return RC_OK;
}

/* ---- references and scripts ---- */
const struct yaml_node *gitlab_reference(const struct gitlab *g, const struct yaml_node *n)
{
	if (n->kind != YAML_LIST || !n->n)
		return NULL;
	for (size_t f = g->files.n; f-- > 0;) {
		const struct yaml_node *at = yaml_root(g->files.v[f].doc);
		for (size_t i = 0; at && i < n->n; i++)
			at = get(at, n->items[i].text);
		if (at)
			return at;
	}
	return NULL;
}

void gitlab_lines(struct gitlab *g, const struct yaml_node *n, unsigned depth, struct strbuf *to)
{
	if (!n || depth > 10 || to->n > ((size_t)256 << 10))
		return;
	if (str_is(n->tag, "!reference")) {
		const struct yaml_node *what = gitlab_reference(g, n);
		if (!what)
			lost(&g->im, n, "there is no such thing in the files that could be read",
			     "!reference");
		gitlab_lines(g, what, depth + 1, to);
		return;
	}
	if (n->kind == YAML_LIST) {
		for (size_t i = 0; i < n->n; i++)
			gitlab_lines(g, &n->items[i], depth + 1, to);
		return;
	}
	if (!node_is_text(n))
		return;
	strbuf_addstr(to, n->text);
	if (!str_ends(n->text, "\n"))
		strbuf_addc(to, '\n');
}
