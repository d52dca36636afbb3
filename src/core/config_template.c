/* Job templates and the files that bring them. A job takes from its template whatever it does not say itself: maps are merged, lists are replaced. */
#include "base/glob.h"
#include "core/config_impl.h"

#define INCLUDES_MAX 16

static const struct template *find(const struct reader *r, struct str name)
{
	for (size_t i = r->templates.n; i-- > 0;) /* the file's own come last and win */
		if (str_eq(r->templates.v[i].name->text, name))
			return &r->templates.v[i];
	return NULL;
}

/* Read a template's entries into a job, with the template's file in messages. */
static enum rc read_template(struct reader *r, const struct template *t, struct job_def *job,
			     const struct place *place)
{
	const struct yaml *doc = r->doc;

	r->doc = t->doc;
	enum rc rc = read_entries(r, &keys_job, t->at, job, place);
	r->doc = doc;
	return rc;
}

static enum rc no_such(struct reader *r, const struct yaml_node *at)
{
	VEC(char *) names = {NULL, 0, 0};
	char text[SHOWN];

	vec_each(t, &r->templates)
		vec_push(&names, xstrndup(t->name->text.p, t->name->text.n));
	const char *near = str_nearest(at->text, (const char *const *)names.v, names.n);
	enum rc rc = near ? FAIL(r, at, "there is no template \"%s\"; did you mean \"%s\"?",
				 shown(at->text, text), near)
			  : FAIL(r, at, "there is no template \"%s\"", shown(at->text, text));

	vec_each(name, &names)
		xfree(*name);
	vec_done(&names);
	return rc;
}

enum rc own_extends(struct reader *r, const struct key *key, const struct yaml_node *at,
		    void *object, const struct place *place)
{
	struct job_def *job = object;
	struct str name;

	if (read_scalar(r, key, at, place, &name) != RC_OK)
		return r->err->rc;
	const struct template *t = find(r, name);
	if (!t)
		return no_such(r, at);
	if (r->extends == EXTENDS_DEPTH)
		return FAIL(r, at, "templates extend each other more than %d deep, or in a circle",
			    EXTENDS_DEPTH);
	r->extends++;
	enum rc rc = read_template(r, t, job, place);
	r->extends--;
	xfree(job->extends);
	job->extends = xstrndup(name.p, name.n);
	return rc;
}

/* The templates of a map, checked as if a job said it all. */
static enum rc add_templates(struct reader *r, const struct yaml *doc, const struct yaml_node *at)
{
	const struct yaml *before = r->doc;
	enum rc rc = RC_OK;
	size_t first = r->templates.n;

	r->doc = doc;
	if (at->kind != YAML_MAP)
		rc = FAIL(r, at, "\"templates\" must be a map of names to jobs' keys, not %s",
			  node_words(at));
	for (size_t i = 0; rc == RC_OK && i < at->n; i++) {
		rc = check_name(r, &at->keys[i]);
		if (rc == RC_OK && at->items[i].kind != YAML_MAP)
			rc = FAIL(r, &at->items[i], "a template must be a map of a job's keys");
		if (rc == RC_OK)
			vec_push(&r->templates,
				 ((struct template){doc, &at->keys[i], &at->items[i]}));
	}
	for (size_t i = first; rc == RC_OK && i < r->templates.n; i++) {
		const struct place place = {NULL, "template", r->templates.v[i].name->text};
		struct job_def scratch = {0};

		rc = read_template(r, &r->templates.v[i], &scratch, &place);
		shape_done(&shape_job_def, &scratch);
	}
	r->doc = before;
	return rc;
}

enum rc own_templates(struct reader *r, const struct key *key, const struct yaml_node *at,
		      void *object, const struct place *place)
{
	(void)key;
	(void)object;
	(void)place;
	return at->kind == YAML_NULL ? RC_OK : add_templates(r, r->doc, at);
}

/* An included file: `version: 1` and `templates:`. */
enum rc templates_of(struct reader *r, const struct yaml *doc)
{
	const struct yaml_node *root = yaml_root(doc);
	const struct yaml *before = r->doc;
	enum rc rc = RC_OK;

	r->doc = doc;
	if (!root || root->kind != YAML_MAP)
		rc = FAIL(r, root, "an included file must be a map with \"templates\"");
	for (size_t i = 0; rc == RC_OK && i < root->n; i++) {
		char text[SHOWN];

		if (str_is(root->keys[i].text, "templates"))
			rc = add_templates(r, doc, &root->items[i]);
		else if (!str_is(root->keys[i].text, "version"))
			rc = FAIL(
				r, &root->keys[i],
				"an included file holds \"version\" and \"templates\", not \"%s\"",
				shown(root->keys[i].text, text));
	}
	r->doc = before;
	return rc;
}

/* "ci/templates.yml" or "SOURCE//path@<40 hex>". */
static enum rc check_include(struct reader *r, const struct yaml_node *at)
{
	struct err why = {RC_OK, ""};
	char text[SHOWN];
	struct str s = at->text;
	const char *two = s.n > 2 ? memmem(s.p, s.n, "//", 2) : NULL;

	if (at->kind != YAML_SCALAR)
		return FAIL(r, at, "\"include\" names files, not %s", node_words(at));
	if (two) {
		size_t hex = 0;

		while (hex < s.n && hex < 41 && memchr("0123456789abcdef", s.p[s.n - 1 - hex], 16))
			hex++;
		if (hex != 40 || s.p[s.n - 41] != '@')
			return FAIL(
				r, at,
				"\"%s\": a file of another repository is named with its whole commit: SOURCE//path@<40 hex digits>",
				shown(s, text));
		s = (struct str){two + 2, (size_t)(s.p + s.n - 41 - (two + 2))};
	}
	if (path_check(s, &why) != RC_OK)
		return FAIL(r, at, "include \"%s\": %s", shown(at->text, text), why.msg);
	return RC_OK;
}

static enum rc too_many(struct reader *r, const struct yaml_node *at)
{
	return FAIL(r, at, "at most %d files can be included", INCLUDES_MAX);
}

enum rc own_include(struct reader *r, const struct key *key, const struct yaml_node *at,
		    void *object, const struct place *place)
{
	size_t n = at->kind == YAML_LIST ? at->n : at->kind != YAML_NULL;

	(void)key;
	(void)object;
	(void)place;
	if (n > INCLUDES_MAX)
		return too_many(r, at);
	for (size_t i = 0; i < n; i++)
		if (check_include(r, at->kind == YAML_LIST ? &at->items[i] : at) != RC_OK)
			return r->err->rc;
	if (n != r->file->c.includes.n)
		return FAIL(r, at, "the included files were not given to whoever reads this file");
	return RC_OK;
}

enum rc config_includes(struct str text, const char *name, texts *ret, struct err *err)
{
	AUTO(yaml_freep) struct yaml *doc = NULL;
	struct err own = {RC_OK, ""};

	if (!err)
		err = &own;
	if (yaml_read(text, name, &doc, err) != RC_OK)
		return err->rc;
	struct reader r = {.doc = doc, .err = err};
	const struct yaml_node *root = yaml_root(doc);
	const struct yaml_node *at =
		root && root->kind == YAML_MAP ? yaml_get(root, "include") : NULL;
	size_t n = !at ? 0 : at->kind == YAML_LIST ? at->n : at->kind != YAML_NULL;

	if (n > INCLUDES_MAX) /* before anybody reads them */
		return too_many(&r, at);
	for (size_t i = 0; i < n; i++) {
		const struct yaml_node *item = at->kind == YAML_LIST ? &at->items[i] : at;

		if (check_include(&r, item) != RC_OK)
			return err->rc;
		vec_push(ret, xstrndup(item->text.p, item->text.n));
	}
	return RC_OK;
}
