/* A .gitlab-ci.yml as a draft: stages and their order, what is said for all jobs, then job by job. */
#include "dialect/gitlab_impl.h"

/* Keys of the top level that are no jobs. */
static const char *const globals[] = {
	"stages",        "variables",    "default", "include", "workflow", "image", "services",
	"before_script", "after_script", "cache",   "pages",   "spec",     "types"};

static bool is_job(struct str name, const struct yaml_node *value)
{
	for (size_t i = 0; i < ARRAY_LEN(globals); i++)
		if (str_is(name, globals[i]) && !str_is(name, "pages"))
			return false;
	return name.n && name.p[0] != '.' && value->kind == YAML_MAP;
}

static void read_stages(struct gitlab *g)
{
	static const char *const usual[] = {".pre", "build", "test", "deploy", ".post"};
	const struct yaml_node *stages = gitlab_global(g, "stages");

	draft_text(&g->stages, ".pre");
	if (stages)
		node_texts(&g->im, stages, "stages", &g->stages);
	else
		for (size_t i = 1; i < 4; i++)
			draft_text(&g->stages, usual[i]);
	draft_text(&g->stages, ".post");
}

/* workflow:rules that only choose what starts a pipeline become `on`. */
static void read_workflow(struct gitlab *g)
{
	const struct yaml_node *workflow = gitlab_global(g, "workflow"),
			       *rules = yaml_get(workflow, "rules");
	struct config *c = &g->im.d->c;
	AUTO(strbuf_done) struct strbuf any = STRBUF(16384);

	draft_text(&c->branches, "main");
	c->pull_requests = true; /* where it is not used it starts nothing */
	if (yaml_get(workflow, "name"))
		lost(&g->im, yaml_get(workflow, "name"), "a run is named by its commit",
		     "workflow.name");
	for (size_t i = 0; rules && rules->kind == YAML_LIST && i < rules->n; i++) {
		const struct yaml_node *when = yaml_get(&rules->items[i], "when"),
				       *text = yaml_get(&rules->items[i], "if");
		if (node_is_text(when) && str_is(when->text, "never"))
			lost(&g->im, when, "on: names what starts a run",
			     "a rule of workflow with when: never");
		else if (node_is_text(text) &&
			 memmem(text->text.p, text->text.n, "CI_COMMIT_TAG", 13))
			draft_text(&c->tags, "**");
		else if (node_is_text(text) &&
			 memmem(text->text.p, text->text.n, "CI_COMMIT_BRANCH", 16) &&
			 !memmem(text->text.p, text->text.n, "CI_DEFAULT_BRANCH", 17) &&
			 !memmem(text->text.p, text->text.n, "==", 2))
			draft_text(&c->branches, "**");
	}
}

static void read_globals(struct gitlab *g)
{
	const struct yaml_node *vars = gitlab_global(g, "variables");

	for (size_t i = 0; vars && vars->kind == YAML_MAP && i < vars->n; i++) {
		const struct yaml_node *value = &vars->items[i];
		AUTO(freep) char *key = node_dup(&vars->keys[i]);
		if (value->kind == YAML_MAP)
			value = yaml_get(value, "value");
		AUTO(freep) char *text = node_dup(value);
		draft_pair(&g->vars, key, text);
	}
}

static enum rc read_jobs(struct gitlab *g, struct err *err)
{
	size_t n = 0;

	vec_each(file, &g->files) {
		const struct yaml_node *root = yaml_root(file->doc);
		for (size_t i = 0; i < root->n; i++) {
			if (!is_job(root->keys[i].text, &root->items[i]) ||
			    gitlab_is_overridden(g, file, root->keys[i].text))
				continue;
			if (++n > IMPORT_JOBS_MAX)
				return err_set(err, RC_TOO_BIG, "%s: more than %d jobs", g->im.file,
					       IMPORT_JOBS_MAX);
			g->im.file = file->name;
			enum rc rc = gitlab_job(g, &root->keys[i], &root->items[i], err);
			if (rc != RC_OK)
				return rc;
		}
	}
	g->im.file = g->files.v[g->files.n - 1].name;
	return n ? RC_OK
		 : err_set(err, RC_INVALID, "%s: this is no file of GitLab CI: it has no jobs",
			   g->im.file);
}

static void gitlab_done(struct gitlab *g)
{
	vec_each(file, &g->files) {
		yaml_free(file->doc);
		xfree(file->name);
	}
	vec_done(&g->files);
	vec_each(stage, &g->stages)
		xfree(*stage);
	vec_done(&g->stages);
	vec_each(p, &g->vars) {
		xfree(p->key);
		xfree(p->value);
	}
	vec_done(&g->vars);
	vec_each(s, &g->job_stages)
		xfree(*s);
	vec_done(&g->job_stages);
	vec_done(&g->has_needs);
	vec_each(b, &g->blocks)
		xfree(*b);
	vec_done(&g->blocks);
}

enum rc import_gitlab(struct str text, const char *name, dialect_read read, void *ctx,
		      struct draft *ret, struct err *err)
{
	AUTO(draft_done) struct draft d = {.from = "GitLab CI"};
	AUTO(gitlab_done)
	struct gitlab g = {.im = {.file = name, .d = &d, .job = NO_JOB, .step = NO_STEP},
			   .read = read,
			   .ctx = ctx};

	if (gitlab_add_file(&g, text, name, 0, err) != RC_OK)
		return err->rc;
	g.im.doc = g.files.v[g.files.n - 1].doc;
	d.c.project = xstrdup("project");
	read_stages(&g);
	read_globals(&g);
	read_workflow(&g);
	if (read_jobs(&g, err) != RC_OK)
		return err->rc;
	gitlab_order(&g);
	draft_settle(&d, name);
	*ret = d;
	d = (struct draft){0};
	return RC_OK;
}
