/* Cargo.toml: packages, workspaces, path dependencies. */
#include "project/buildfile_impl.h"

static struct str range_of(const struct toml_node *dep)
{
	return str_of(toml_text(dep, toml_get_text(dep, "version", "")));
}

static bool add_dep(struct source *s, const char *key, const struct toml_node *dep, bool dev)
{
	const char *path = toml_get_text(dep, "path", NULL);

	if (path)
		return add_path(s, str_of(path), dev, dep->line);
	return add_mention(s, str_of(toml_get_text(dep, "package", key)), range_of(dep), dev,
			   dep->line);
}

static bool add_deps(struct source *s, const struct toml_node *from, const char *section, bool dev)
{
	const struct toml_node *deps = toml_get(from, section);

	for (size_t i = 0; deps && deps->kind == TOML_TABLE && i < deps->n; i++)
		if (!add_dep(s, deps->keys[i], deps->items[i], dev))
			return false;
	return true;
}

static bool add_all(struct source *s, const struct toml_node *from)
{
	return add_deps(s, from, "dependencies", false) &&
	       add_deps(s, from, "build-dependencies", false) &&
	       add_deps(s, from, "dev-dependencies", true);
}

static void add_members(struct source *s, const struct toml_node *list, bool exclude)
{
	for (size_t i = 0; list && list->kind == TOML_LIST && i < list->n; i++)
		add_member(s, str_of(toml_text(list->items[i], "")), exclude);
}

enum rc read_cargo(struct source *s)
{
	AUTO(toml_freep) struct toml *doc = NULL;
	enum rc rc = toml_read(s->text, s->m->file, &doc, s->err);

	if (rc != RC_OK)
		return rc;
	const struct toml_node *root = toml_root(doc), *package = toml_get(root, "package");
	const struct toml_node *workspace = toml_get(root, "workspace");
	const struct toml_node *bin = toml_get(root, "bin"), *target = toml_get(root, "target");
	if (workspace) {
		s->m->workspace = true;
		add_members(s, toml_get(workspace, "members"), false);
		add_members(s, toml_get(workspace, "exclude"), true);
	}
	if (!package)
		return workspace ? RC_OK
				 : source_fail(s, 1, "has neither [package] nor [workspace]");
	s->m->unit = true;
	add_name(s, str_of(toml_get_text(package, "name", "")));
	if (bin)
		source_runs(s, "[[bin]]", bin->n ? bin->items[0]->line : bin->line);
	bool good = add_all(s, root);
	for (size_t i = 0; target && target->kind == TOML_TABLE && i < target->n && good; i++)
		good = add_all(s, target->items[i]);
	return good ? RC_OK : too_many(s);
}
