#include "project/pom.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "project/xml.h"

#define REST_MAX ((size_t)4 << 20)

struct managed {
	char *name, *text; /* text: its elements, in a row */
};
struct pom {
	VEC(struct managed) managed;
	VEC(struct managed) properties;
	struct strbuf rest;
};

static void add_element(struct strbuf *to, const struct xml *x)
{
	strbuf_addf(to, "<%s>%s", x->name, x->text ? x->text : "");
	for (const struct xml *c = x->child; c; c = c->next)
		add_element(to, c);
	strbuf_adds(to, "</>\n");
}

static char *element_text(const struct xml *x)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(REST_MAX);

	add_element(&text, x);
	return strbuf_take(&text);
}

static void read_managed(struct pom *p, const struct xml *list)
{
	for (const struct xml *d = list ? list->child : NULL; d; d = d->next) {
		bool bom = streq(xml_get_text(d, "scope", ""), "import");
		if (bom)
			add_element(&p->rest, d);
		else
			vec_push(
				&p->managed,
				((struct managed){xasprintf("%s:%s", xml_get_text(d, "groupId", ""),
							    xml_get_text(d, "artifactId", "")),
						  element_text(d)}));
	}
}

enum rc pom_read(const char *file, struct str text, struct pom **ret, struct err *err)
{
	AUTO(xml_freep) struct xml *root = NULL;
	static const char *const apart[] = {
		"dependencyManagement", "properties", "modules", "version", "name", "description"};
	enum rc rc = xml_read(text, file, &root, err);

	if (rc != RC_OK)
		return rc;
	struct pom *p = xcalloc(1, sizeof(*p));
	p->rest = STRBUF(REST_MAX);
	for (const struct xml *x = root->child; x; x = x->next) {
		bool other = true;
		for (size_t i = 0; i < ARRAY_LEN(apart); i++)
			other &= !streq(x->name, apart[i]);
		if (other)
			add_element(&p->rest, x);
	}
	read_managed(p, xml_get(xml_get(root, "dependencyManagement"), "dependencies"));
	const struct xml *properties = xml_get(root, "properties");
	for (const struct xml *x = properties ? properties->child : NULL; x; x = x->next)
		vec_push(&p->properties,
			 ((struct managed){xstrdup(x->name), xstrdup(x->text ? x->text : "")}));
	if (strbuf_failed(&p->rest)) {
		pom_free(p);
		return err_set(err, RC_TOO_BIG, "%s:1: is larger than %zu bytes", file, REST_MAX);
	}
	*ret = p;
	return RC_OK;
}

void pom_free(struct pom *p)
{
	if (!p)
		return;
	vec_each(m, &p->managed) {
		xfree(m->name);
		xfree(m->text);
	}
	vec_each(m, &p->properties) {
		xfree(m->name);
		xfree(m->text);
	}
	vec_done(&p->managed);
	vec_done(&p->properties);
	strbuf_done(&p->rest);
	xfree(p);
}

/* Marks the properties that a text reads. */
static void mark(const struct map *index, const char *text, bool *seen)
{
	for (const char *at = strstr(text, "${"); at; at = strstr(at + 2, "${")) {
		size_t n = strcspn(at + 2, "}");
		size_t i = (size_t)(uintptr_t)map_get(index, (struct str){at + 2, n});
		if (i)
			seen[i - 1] = true;
	}
}

/* Properties that only read or unread ones decide: a few rounds reach what is written by people. */
static void spread(const struct pom *p, const struct map *index, bool *seen)
{
	for (unsigned round = 0; round < 8; round++)
		for (size_t i = 0; i < p->properties.n; i++)
			if (seen[i])
				mark(index, p->properties.v[i].text, seen);
}

static bool is_used(const struct managed *m, const struct map *mine, const struct map *named)
{
	return map_get(mine, str_of(m->name)) || !map_get(named, str_of(m->name));
}

void pom_slice(const struct pom *p, const struct buildfile *module, const struct map *named,
	       char ret[65])
{
	struct map index = {0}, mine = {0};
	bool *read = xcalloc(p->properties.n + 1, 1), *unread = xcalloc(p->properties.n + 1, 1);
	struct digest_state *state = digest_new();
	static const char mark_of[] = "m";

	for (size_t i = 0; i < p->properties.n; i++)
		map_put(&index, str_of(p->properties.v[i].name), (void *)(uintptr_t)(i + 1));
	vec_each(d, &module->deps)
		map_put(&mine, str_of(d->name), (void *)(uintptr_t)mark_of);
	digest_add(state, strbuf_cstr(&p->rest), p->rest.n);
	mark(&index, strbuf_cstr(&p->rest), read);
	vec_each(ref, &module->refs) {
		size_t i = (size_t)(uintptr_t)map_get(&index, str_of(*ref));
		if (i)
			read[i - 1] = true;
	}
	vec_each(m, &p->managed) {
		bool used = is_used(m, &mine, named);
		mark(&index, m->text, used ? read : unread);
		if (used)
			digest_add(state, m->text, strlen(m->text) + 1);
	}
	spread(p, &index, read);
	spread(p, &index, unread);
	for (size_t i = 0; i < p->properties.n; i++) {
		const struct managed *m = &p->properties.v[i];
		if (unread[i] && !read[i])
			continue;
		digest_add(state, m->name, strlen(m->name) + 1);
		digest_add(state, m->text, strlen(m->text) + 1);
	}
	digest_hex(digest_finish(state), ret);
	map_done(&index);
	map_done(&mine);
	xfree(read);
	xfree(unread);
}
