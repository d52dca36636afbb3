/* pyproject.toml: PEP 621, uv workspaces and sources, poetry with path dependencies. */
#include "project/buildfile_impl.h"

char *python_name(struct str name)
{
	char *to = xmalloc(name.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool dash = c == '-' || c == '_' || c == '.';
		if (dash && n && to[n - 1] == '-')
			continue;
		to[n++] = dash ? '-' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	to[n] = '\0';
	return to;
}

/* PEP 508: a name, extras, versions, a marker. */
static bool add_requirement(struct source *s, struct str text, bool dev, uint32_t line)
{
	size_t n = 0;

	text = str_trim(text);
	while (n < text.n && !strchr(" \t[(<>=!~;@", text.p[n]) && text.p[n])
		n++;
	AUTO(freep) char *name = python_name((struct str){text.p, n});
	return add_mention(s, str_of(name), (struct str){text.p + n, text.n - n}, dev, line);
}

static bool add_list(struct source *s, const struct toml_node *list, bool dev)
{
	for (size_t i = 0; list && list->kind == TOML_LIST && i < list->n; i++)
		if (list->items[i]->kind == TOML_TEXT &&
		    !add_requirement(s, list->items[i]->text, dev, list->items[i]->line))
			return false;
	return true;
}

/* A table of lists: extras, groups. */
static bool add_lists(struct source *s, const struct toml_node *table, bool dev)
{
	for (size_t i = 0; table && table->kind == TOML_TABLE && i < table->n; i++)
		if (!add_list(s, table->items[i], dev))
			return false;
	return true;
}

static bool add_path_of(struct source *s, const struct toml_node *dep, bool dev)
{
	const char *path = toml_get_text(dep, "path", NULL);

	return !path || add_path(s, str_of(path), dev, dep->line);
}

/* [tool.uv.sources]: name = {path = ".."}, or a list of such. */
static bool add_sources(struct source *s, const struct toml_node *sources)
{
	for (size_t i = 0; sources && sources->kind == TOML_TABLE && i < sources->n; i++) {
		const struct toml_node *one = sources->items[i];
		if (!add_path_of(s, one, false))
			return false;
		for (size_t k = 0; one->kind == TOML_LIST && k < one->n; k++)
			if (!add_path_of(s, one->items[k], false))
				return false;
	}
	return true;
}

static bool add_poetry(struct source *s, const struct toml_node *deps, bool dev)
{
	for (size_t i = 0; deps && deps->kind == TOML_TABLE && i < deps->n; i++) {
		const struct toml_node *dep = deps->items[i];
		AUTO(freep) char *name = python_name(str_of(deps->keys[i]));
		if (streq(name, "python"))
			continue;
		if (!add_path_of(s, dep, dev) ||
		    !add_mention(s, str_of(name),
				 str_of(toml_text(dep, toml_get_text(dep, "version", ""))), dev,
				 dep->line))
			return false;
	}
	return true;
}

static bool read_poetry(struct source *s, const struct toml_node *poetry)
{
	const struct toml_node *groups = toml_get(poetry, "group");
	bool good = add_poetry(s, toml_get(poetry, "dependencies"), false) &&
		    add_poetry(s, toml_get(poetry, "dev-dependencies"), true);

	for (size_t i = 0; groups && groups->kind == TOML_TABLE && i < groups->n && good; i++)
		good = add_poetry(s, toml_get(groups->items[i], "dependencies"), true);
	return good;
}

static void read_name(struct source *s, const struct toml_node *table)
{
	const char *text = toml_get_text(table, "name", NULL);
	const struct toml_node *scripts = toml_get(table, "scripts");

	if (text) {
		AUTO(freep) char *name = python_name(str_of(text));
		add_name(s, str_of(name));
		s->m->unit = true;
	}
	if (scripts && scripts->kind == TOML_TABLE && scripts->n)
		source_runs(s, "scripts", scripts->line);
}

enum rc read_python(struct source *s)
{
	AUTO(toml_freep) struct toml *doc = NULL;
	enum rc rc = toml_read(s->text, s->m->file, &doc, s->err);

	if (rc != RC_OK)
		return rc;
	const struct toml_node *root = toml_root(doc), *project = toml_get(root, "project");
	const struct toml_node *tool = toml_get(root, "tool"), *poetry = toml_get(tool, "poetry");
	const struct toml_node *uv = toml_get(tool, "uv"), *space = toml_get(uv, "workspace");
	read_name(s, project);
	read_name(s, poetry);
	if (space) {
		const struct toml_node *in = toml_get(space, "members"),
				       *out = toml_get(space, "exclude");
		s->m->workspace = true;
		for (size_t i = 0; in && in->kind == TOML_LIST && i < in->n; i++)
			add_member(s, str_of(toml_text(in->items[i], "")), false);
		for (size_t i = 0; out && out->kind == TOML_LIST && i < out->n; i++)
			add_member(s, str_of(toml_text(out->items[i], "")), true);
		if (!toml_truth(toml_get(uv, "package"), true))
			s->m->unit = false; /* only a home for the others */
	}
	if (add_list(s, toml_get(project, "dependencies"), false) &&
	    add_lists(s, toml_get(project, "optional-dependencies"), false) &&
	    add_lists(s, toml_get(root, "dependency-groups"), true) &&
	    add_list(s, toml_get(uv, "dev-dependencies"), true) &&
	    add_sources(s, toml_get(uv, "sources")) && read_poetry(s, poetry))
		return RC_OK;
	return too_many(s);
}
