/* package.json (npm, yarn) and pnpm-workspace.yaml. */
#include "project/buildfile_impl.h"

/* Where keys stand: jansson does not say, so they are looked for in order; a walk in the order of the text. */
struct cursor {
	struct str text;
	size_t at;
	uint32_t line;
};

static void go_to(struct cursor *c, size_t at)
{
	for (; c->at < at; c->at++)
		c->line += c->text.p[c->at] == '\n';
}

/* The line of the next "key": ; the line before when it is not found. */
static uint32_t line_of(struct cursor *c, const char *key)
{
	size_t n = strlen(key), left = c->text.n - c->at;
	const char *p = c->text.p + c->at;
	const char *end = c->text.p + c->text.n;

	for (; left && (p = memmem(p, (size_t)(end - p), key, n ? n : 1)); p++) {
		if (p == c->text.p || p[-1] != '"' || end - p <= (ptrdiff_t)n || p[n] != '"')
			continue;
		const char *q = p + n + 1;
		while (q < end && strchr(" \t\r\n", *q) && *q)
			q++;
		if (q < end && *q == ':') {
			go_to(c, (size_t)(p - c->text.p));
			break;
		}
	}
	return c->line;
}

static bool add_dep(struct source *s, struct str name, struct str range, bool dev, uint32_t line)
{
	static const char *const local[] = {"file:", "link:", "portal:"};

	for (size_t i = 0; i < ARRAY_LEN(local); i++) {
		size_t n = strlen(local[i]);
		if (str_starts(range, local[i]) && !str_ends(range, ".tgz"))
			return add_path(s, (struct str){range.p + n, range.n - n}, dev, line);
	}
	return add_mention(s, name, range, dev, line);
}

static enum rc read_deps(struct source *s, const struct json *root)
{
	static const struct {
		const char *key;
		bool dev;
	} sections[] = {{"dependencies", false},
			{"optionalDependencies", false},
			{"peerDependencies", false},
			{"devDependencies", true}};

	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		struct cursor c = {s->text, 0, 1};
		const struct json *map = json_get(root, sections[i].key), *value;
		const char *name;
		void *at = NULL;

		if (json_kind_of(map) != JSON_MAP)
			continue;
		line_of(&c, sections[i].key);
		while (json_next(map, &at, &name, &value))
			if (!add_dep(s, str_of(name), json_view(value), sections[i].dev,
				     line_of(&c, name)))
				return too_many(s);
	}
	return RC_OK;
}

enum rc read_npm(struct source *s)
{
	AUTO(json_freep) struct json *root = NULL;
	enum rc rc = json_read(s->text, BUILDFILE_MAX, &root, s->err);

	if (rc != RC_OK)
		return json_problem(s->m->file, s->err);
	if (json_kind_of(root) != JSON_MAP)
		return source_fail(s, 1, "must be an object");
	const struct json *members = json_get(root, "workspaces"), *scripts, *bin;
	if (json_kind_of(members) == JSON_MAP)
		members = json_get(members, "packages");
	for (size_t i = 0; json_kind_of(members) == JSON_LIST && i < json_count(members); i++)
		add_member(s, json_view(json_at(members, i)), false);
	s->m->unit = !s->m->workspace;
	add_name(s, json_view(json_get(root, "name")));
	struct cursor c = {s->text, 0, 1};
	scripts = json_get(root, "scripts");
	bin = json_get(root, "bin");
	if (json_get(scripts, "start"))
		source_runs(s, "script \"start\"", line_of(&c, "start"));
	else if (bin && json_kind_of(bin) != JSON_NULL)
		source_runs(s, "\"bin\"", line_of(&c, "bin"));
	return read_deps(s, root);
}

enum rc read_pnpm(struct source *s)
{
	AUTO(yaml_freep) struct yaml *doc = NULL;
	enum rc rc = yaml_read(s->text, s->m->file, &doc, s->err);

	if (rc != RC_OK)
		return rc;
	const struct yaml_node *list = yaml_get(yaml_root(doc), "packages");
	s->m->workspace = true;
	for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n; i++)
		if (list->items[i].kind == YAML_SCALAR)
			add_member(s, list->items[i].text, false);
	return RC_OK;
}
