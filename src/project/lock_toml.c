/* Cargo.lock, uv.lock, poetry.lock: lists of [[package]]. */
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/toml.h"
#include "project/lock_impl.h"
#include "project/buildfile_impl.h"

#define NONE    UINT32_MAX
#define NOTHING ((struct str){NULL, 0})

static const struct toml_node *packages_of(struct lock_source *s, struct toml **doc)
{
	s->rc = toml_read(s->text, s->l->file, doc, s->err);
	if (s->rc != RC_OK)
		return NULL;
	const struct toml_node *list = toml_get(toml_root(*doc), "package");
	if (list && list->kind != TOML_LIST)
		lock_fail(s, list->line, "\"package\" is no list of tables");
	else if (!list && !toml_get(toml_root(*doc), "version") &&
		 !toml_get(toml_root(*doc), "metadata"))
		lock_fail(s, 1, "has no [[package]]: make it again with its tool");
	return s->rc == RC_OK ? list : NULL;
}

static const char *text_of(const struct toml_node *table, const char *key)
{
	return toml_get_text(table, key, "");
}

static void add_keys(struct lock *l, uint32_t package, const char *const *parts, size_t n)
{
	AUTO(strbuf_done) struct strbuf key = STRBUF(8192);

	for (size_t i = 0; i < n && *parts[i]; i++) {
		if (i)
			strbuf_addc(&key, ' ');
		strbuf_adds(&key, parts[i]);
		lock_key(l, package, strbuf_str(&key));
	}
}

/* "name", "name version", "name version (source)" */
static bool cargo_deps(struct lock_source *s, uint32_t package, const struct toml_node *list)
{
	for (size_t i = 0; list && list->kind == TOML_LIST && i < list->n; i++)
		if (!lock_edge(s, package, str_of(toml_text(list->items[i], "")), NOTHING))
			return false;
	return true;
}

void lock_read_cargo(struct lock_source *s)
{
	AUTO(toml_freep) struct toml *doc = NULL;
	const struct toml_node *list = packages_of(s, &doc);

	for (size_t i = 0; list && i < list->n; i++) {
		const struct toml_node *p = list->items[i];
		uint32_t package = lock_add(s);
		AUTO(freep) char *source = xasprintf("(%s)", text_of(p, "source"));
		const char *const parts[] = {text_of(p, "name"), text_of(p, "version"), source};

		if (package == NONE)
			return;
		if (toml_get(p, "source")) {
			lock_own(s->l, package, str_of(parts[0]));
			lock_own(s->l, package, str_of(parts[1]));
			lock_own(s->l, package, str_of(parts[2]));
			lock_own(s->l, package, str_of(text_of(p, "checksum")));
		} else {
			AUTO(freep) char *unit = xasprintf("unit %s", parts[0]);
			lock_key(s->l, package, str_of(unit));
		}
		add_keys(s->l, package, parts, toml_get(p, "source") ? 3 : 2);
		lock_name(s->l, package, str_of(parts[0]));
		if (!cargo_deps(s, package, toml_get(p, "dependencies")))
			return;
	}
}

/* ---- uv ---- */
static bool uv_deps(struct lock_source *s, uint32_t package, const struct toml_node *list)
{
	AUTO(strbuf_done) struct strbuf key = STRBUF(8192);

	for (size_t i = 0; list && list->kind == TOML_LIST && i < list->n; i++) {
		const char *name = text_of(list->items[i], "name");
		const char *version = text_of(list->items[i], "version");
		strbuf_clear(&key);
		strbuf_addf(&key, "%s%s%s", name, *version ? " " : "", version);
		if (*name && !lock_edge(s, package, strbuf_str(&key), str_of(name)))
			return false;
	}
	return true;
}

static bool uv_groups(struct lock_source *s, uint32_t package, const struct toml_node *groups)
{
	for (size_t i = 0; groups && groups->kind == TOML_TABLE && i < groups->n; i++)
		if (!uv_deps(s, package, groups->items[i]))
			return false;
	return true;
}

static void add_hashes(struct lock *l, uint32_t package, const struct toml_node *files)
{
	for (size_t i = 0; files && files->kind == TOML_LIST && i < files->n; i++)
		lock_own(l, package, str_of(text_of(files->items[i], "hash")));
}

/* Where it comes from: this repository (a unit), or elsewhere (a part of what it is). */
static bool uv_source(struct lock *l, uint32_t package, const struct toml_node *source)
{
	static const char *const ours[] = {"editable", "virtual", "directory"};
	static const char *const others[] = {"registry", "git", "url", "path"};

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (toml_get(source, ours[i])) {
			lock_unit(l, package, str_of(text_of(source, ours[i])));
			return true;
		}
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (toml_get(source, others[i]))
			lock_own(l, package, str_of(text_of(source, others[i])));
	return false;
}

void lock_read_uv(struct lock_source *s)
{
	AUTO(toml_freep) struct toml *doc = NULL;
	const struct toml_node *list = packages_of(s, &doc);

	for (size_t i = 0; list && i < list->n; i++) {
		const struct toml_node *p = list->items[i];
		const char *const parts[] = {text_of(p, "name"), text_of(p, "version")};
		uint32_t package = lock_add(s);

		if (package == NONE)
			return;
		if (!uv_source(s->l, package, toml_get(p, "source"))) {
			lock_own(s->l, package, str_of(parts[0]));
			lock_own(s->l, package, str_of(parts[1]));
			lock_own(s->l, package, str_of(text_of(toml_get(p, "sdist"), "hash")));
			add_hashes(s->l, package, toml_get(p, "wheels"));
		}
		add_keys(s->l, package, parts, 2);
		lock_name(s->l, package, str_of(parts[0]));
		if (!uv_deps(s, package, toml_get(p, "dependencies")) ||
		    !uv_groups(s, package, toml_get(p, "optional-dependencies")) ||
		    !uv_groups(s, package, toml_get(p, "dev-dependencies")))
			return;
	}
}

/* ---- poetry ---- */
static bool poetry_deps(struct lock_source *s, uint32_t package, const struct toml_node *deps)
{
	for (size_t i = 0; deps && deps->kind == TOML_TABLE && i < deps->n; i++) {
		AUTO(freep) char *name = python_name(str_of(deps->keys[i]));
		AUTO(freep) char *key = xasprintf("any %s", name);
		if (!lock_edge(s, package, str_of(key), str_of(name)))
			return false;
	}
	return true;
}

void lock_read_poetry(struct lock_source *s)
{
	AUTO(toml_freep) struct toml *doc = NULL;
	const struct toml_node *list = packages_of(s, &doc);
	const struct toml_node *old = toml_get(doc ? toml_get(toml_root(doc), "metadata") : NULL,
					       "files"); /* where poetry before 1.3 had hashes */

	for (size_t i = 0; list && i < list->n; i++) {
		const struct toml_node *p = list->items[i];
		AUTO(freep) char *name = python_name(str_of(text_of(p, "name")));
		uint32_t package = lock_add(s);

		if (package == NONE)
			return;
		lock_own(s->l, package, str_of(name));
		lock_own(s->l, package, str_of(text_of(p, "version")));
		lock_own(s->l, package,
			 str_of(text_of(toml_get(p, "source"), "resolved_reference")));
		add_hashes(s->l, package, toml_get(p, "files"));
		add_hashes(s->l, package, toml_get(old, text_of(p, "name")));
		lock_name(s->l, package, str_of(name));
		if (!poetry_deps(s, package, toml_get(p, "dependencies")))
			return;
	}
}
