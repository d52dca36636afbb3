/* pom.xml: who it is, whom it names as dependency, plugin and parent. */
#include "project/buildfile_impl.h"
#include "project/xml.h"

static bool add_artifact(struct source *s, const struct xml *dep)
{
	const char *group = xml_get_text(dep, "groupId", ""),
		   *id = xml_get_text(dep, "artifactId", "");
	bool own = streq(group, "${project.groupId}") || streq(group, "${pom.groupId}");

	if (!*id)
		return true;
	if (own && s->m->names.n)
		group = s->m->names.v[0];
	AUTO(freep)
	char *name = own && s->m->names.n
			     ? xasprintf("%.*s:%s", (int)strcspn(group, ":"), group, id)
			     : xasprintf("%s:%s", group, id);
	return add_mention(s, str_of(name), str_of(xml_get_text(dep, "version", "")),
			   streq(xml_get_text(dep, "scope", ""), "test"), dep->line);
}

static bool add_list(struct source *s, const struct xml *list)
{
	for (const struct xml *c = list ? list->child : NULL; c; c = c->next)
		if ((streq(c->name, "dependency") || streq(c->name, "plugin")) &&
		    !add_artifact(s, c))
			return false;
	return true;
}

static void find_program(struct source *s, const struct xml *build)
{
	const struct xml *plugins = xml_get(build, "plugins");

	for (const struct xml *p = plugins ? plugins->child : NULL; p; p = p->next) {
		const char *id = xml_get_text(p, "artifactId", "");
		const struct xml *conf = xml_get(p, "configuration");
		if (streq(id, "spring-boot-maven-plugin") || streq(id, "quarkus-maven-plugin") ||
		    streq(id, "micronaut-maven-plugin"))
			source_runs(s, "a plugin that makes a program", p->line);
		else if (xml_get(conf, "mainClass"))
			source_runs(s, "mainClass", xml_get(conf, "mainClass")->line);
		else if (xml_get(xml_get(xml_get(conf, "archive"), "manifest"), "mainClass"))
			source_runs(s, "mainClass", p->line);
	}
}

/* ${name} anywhere in the text. */
static void find_refs(struct source *s)
{
	struct str rest = s->text;
	const char *p;

	while (s->m->refs.n < BUILDFILE_MENTIONS && rest.n > 2 &&
	       (p = memmem(rest.p, rest.n, "${", 2))) {
		const char *end = s->text.p + s->text.n;
		const char *close = memchr(p, '}', (size_t)(end - p));
		if (!close)
			return;
		vec_push(&s->m->refs, xstrndup(p + 2, (size_t)(close - p - 2)));
		rest = (struct str){close + 1, (size_t)(end - close - 1)};
	}
}

static void find_parent(struct source *s, const struct xml *parent)
{
	const struct xml *where = xml_get(parent, "relativePath");

	if (!parent || (where && !*where->text))
		return;
	char *path = path_join(s->m->dir, str_of(where ? where->text : "../pom.xml"));
	if (path && !str_ends(str_of(path), ".xml")) {
		char *file = streq(path, ".") ? xstrdup("pom.xml") : xasprintf("%s/pom.xml", path);
		xfree(path);
		path = file;
	}
	s->m->parent = path;
}

enum rc read_maven(struct source *s)
{
	AUTO(xml_freep) struct xml *root = NULL;
	enum rc rc = xml_read(s->text, s->m->file, &root, s->err);

	if (rc != RC_OK)
		return rc;
	const char *id = xml_get_text(root, "artifactId", NULL);
	if (!streq(root->name, "project") || !id)
		return source_fail(s, root->line, "is no <project> with an <artifactId>");
	const struct xml *parent = xml_get(root, "parent"), *modules = xml_get(root, "modules");
	const struct xml *build = xml_get(root, "build");
	AUTO(freep)
	char *name = xasprintf(
		"%s:%s", xml_get_text(root, "groupId", xml_get_text(parent, "groupId", "")), id);
	add_name(s, str_of(name));
	for (const struct xml *m = modules ? modules->child : NULL; m; m = m->next)
		add_member(s, str_of(m->text ? m->text : ""), false);
	const char *packaging = xml_get_text(root, "packaging", "jar");
	s->m->unit = !streq(packaging, "pom");
	if (streq(packaging, "war"))
		source_runs(s, "packaging war", xml_get(root, "packaging")->line);
	find_program(s, build);
	find_refs(s);
	find_parent(s, parent);
	return add_list(s, xml_get(root, "dependencies")) && add_list(s, xml_get(build, "plugins"))
		       ? RC_OK
		       : too_many(s);
}
