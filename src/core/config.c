/* penstock.yml: the top of the table, reading, defaults. */
#include "base/digest.h"
#include "core/config_impl.h"

const char *const stage_names[] = {
#define X(name, text) text,
	STAGE_MAP(X)
#undef X
};

#define CONFIG(member)   .offset = offsetof(struct project_file, c.member)
#define DEFAULTS(member) .offset = offsetof(struct job_defaults, member)

static const struct key default_keys[] = {
	{.name = "timeout",
	 .kind = KEY_DURATION,
	 DEFAULTS(timeout),
	 .min = USEC_SEC,
	 .max = 7 * USEC_DAY,
	 .help = "10m when not written."},
	{.name = "retry",
	 .kind = KEY_MAP,
	 DEFAULTS(retry),
	 .sub = &keys_retry,
	 .help = "When to try a job again."},
	{.name = "memory",
	 .kind = KEY_SIZE,
	 DEFAULTS(memory),
	 .min = 1 << 20,
	 .max = (uint64_t)1 << 42,
	 .help = "Limit of a job."},
	{.name = "cpu",
	 .kind = KEY_OWN,
	 DEFAULTS(cpu),
	 .own = own_cpu,
	 .schema = CPU_SCHEMA,
	 .help = "Processors that it asks for: 2, 0.5 or 500m; 1 when not written."},
	{.name = "container",
	 .kind = KEY_TEXT,
	 DEFAULTS(container),
	 .help = "Image whose file system jobs see."},
};
static const struct keys keys_defaults = {
	.what = "defaults", .v = default_keys, .n = ARRAY_LEN(default_keys)};

static const struct key jobs_of_ci = KEY_JOBS(STAGE_CI);
static const struct key ci_keys[] = {
	{.name = "budget",
	 .kind = KEY_DURATION,
	 CONFIG(ci_budget),
	 .min = USEC_SEC,
	 .max = 7 * USEC_DAY,
	 .help = "What the whole stage should take at most."},
};
static const struct keys keys_ci = {
	.what = "ci", .v = ci_keys, .n = ARRAY_LEN(ci_keys), .other = &jobs_of_ci};

static const char *const infer_word[] = {"infer"};
static const struct key top_keys[] = {
	{.name = "version",
	 .kind = KEY_COUNT,
	 .required = true,
	 .offset = offsetof(struct project_file, version),
	 .min = 1,
	 .max = 1,
	 .help = "write \"version: 1\""},
	{.name = "project",
	 .kind = KEY_TEXT,
	 .required = true,
	 CONFIG(project),
	 .check = check_name,
	 .pattern = NAME_PATTERN,
	 .help = "the name of the project"},
	{.name = "include",
	 .kind = KEY_OWN,
	 .first = true,
	 .offset = 0,
	 .own = own_include,
	 .schema = "{\"type\":[\"array\",\"string\"],\"items\":{\"type\":\"string\"}}",
	 .help = "Files with job templates: a path, or SOURCE//path@commit of another repository."},
	{.name = "templates",
	 .kind = KEY_OWN,
	 .first = true,
	 .offset = 0,
	 .own = own_templates,
	 .schema = "{\"type\":\"object\"}",
	 .help = "Jobs' keys under a name, for \"extends\"."},
	{.name = "on", .kind = KEY_MAP, .sub = &keys_on, .help = "What starts a run."},
	{.name = "defaults",
	 .kind = KEY_MAP,
	 .first = true /* jobs take them when they are read */,
	 .offset = offsetof(struct project_file, defaults),
	 .sub = &keys_defaults,
	 .help = "For every job that does not say otherwise."},
	{.name = "libraries",
	 .kind = KEY_NAMED,
	 CONFIG(units),
	 .sub = &keys_library,
	 .min = 1,
	 .max = CONFIG_MAX_UNITS,
	 .check_name = check_unit_name,
	 .pattern = NAME_PATTERN,
	 .help = "Shared parts."},
	{.name = "services",
	 .kind = KEY_NAMED,
	 CONFIG(units),
	 .sub = &keys_service,
	 .min = 0,
	 .max = CONFIG_MAX_UNITS,
	 .check_name = check_unit_name,
	 .pattern = NAME_PATTERN,
	 .help = "Deployable units."},
	{.name = "projects",
	 .kind = KEY_FLAG,
	 CONFIG(infer),
	 .names = infer_word,
	 .nnames = 1,
	 .help = "infer: find units in package.json, go.mod, Cargo.toml ... beside those written here."},
	{.name = "quarantine",
	 .kind = KEY_LIST,
	 CONFIG(quarantine),
	 .sub = &keys_quarantine,
	 .max = 500,
	 .help = "Tests whose failure is known, with an owner and an end."},
	{.name = "ci", .kind = KEY_MAP, .sub = &keys_ci, .help = "Stage 1: build, test, pack."},
	{.name = "staging",
	 .kind = KEY_MAP,
	 .sub = &keys_staging,
	 .help = "Stage 2: prove it where nobody is hurt."},
	{.name = "gate", .kind = KEY_MAP, .sub = &keys_gate, .help = "Stage 3: the decision."},
	{.name = "production",
	 .kind = KEY_MAP,
	 .sub = &keys_production,
	 .help = "Stage 4: out, watched, and back when it hurts."},
	{.name = "environments",
	 .kind = KEY_NAMED,
	 CONFIG(environments),
	 .sub = &keys_environment,
	 .max = 16,
	 .check_name = check_name,
	 .pattern = NAME_PATTERN,
	 .help = "Where releases live; staging and production on this machine when not written."},
	{.name = "notify",
	 .kind = KEY_LIST,
	 CONFIG(notify),
	 .sub = &keys_notify,
	 .max = 50,
	 .help = "Who is told of incidents."},
};
const struct keys keys_top = {.v = top_keys, .n = ARRAY_LEN(top_keys)};

static void project_file_done(struct project_file *f)
{
	shape_done(&shape_retry, &f->defaults.retry);
	xfree(f->defaults.container);
	config_done(&f->c);
}

static enum rc read_all(struct reader *r)
{
	const struct yaml_node *root = yaml_root(r->doc);
	const struct place top = {NULL, NULL, {NULL, 0}};
	struct config *c = &r->file->c;

	if (!root || root->kind != YAML_MAP)
		return FAIL(r, root, "the file must be a map that begins with \"version: 1\"");
	c->rollback = true;
	r->file->defaults.timeout = 10 * USEC_MIN;
	if (read_object(r, NULL, &keys_top, root, r->file, &top) != RC_OK)
		return r->err->rc;
	if (c->branches.n == 0)
		vec_push(&c->branches, xstrdup("main"));
	c->infer |= !yaml_get(root, "services") && !yaml_get(root, "libraries");
	if (!yaml_get(root, "production") || !yaml_get(yaml_get(root, "production"), "strategy"))
		strategy_default_canary(&c->production_strategy);
	if (units_check(r) != RC_OK || jobs_check(r) != RC_OK)
		return r->err->rc;
	return deploy_check(r);
}

/* Included files: their templates, with their own names in messages. */
static enum rc read_includes(struct reader *r, const struct config_include *includes, size_t n,
			     struct yaml **docs)
{
	for (size_t i = 0; i < n; i++) {
		if (yaml_read(includes[i].text, includes[i].from, &docs[i], r->err) != RC_OK ||
		    templates_of(r, docs[i]) != RC_OK)
			return r->err->rc;
		vec_push(&r->file->c.includes,
			 ((struct include_ref){xstrdup(includes[i].from),
					       digest_hex_dup(includes[i].text)}));
	}
	return RC_OK;
}

enum rc config_read(struct str text, const char *name,
		    const char *(*zone_rule)(const char *zone, void *ctx), void *ctx,
		    struct config *ret, struct err *err)
{
	return config_read_with(text, name, NULL, 0, zone_rule, ctx, ret, err);
}

enum rc config_read_with(struct str text, const char *name, const struct config_include *includes,
			 size_t n, const char *(*zone_rule)(const char *zone, void *ctx), void *ctx,
			 struct config *ret, struct err *err)
{
	AUTO(yaml_freep) struct yaml *doc = NULL;
	struct yaml **docs = xcalloc(n + 1, sizeof(struct yaml *));
	AUTO(project_file_done) struct project_file file = {.version = 0};
	struct err own = {RC_OK, ""};

	if (!err)
		err = &own;
	err_clear(err); /* the reader goes on until one is set */
	struct reader r = {.err = err, .zone_rule = zone_rule, .ctx = ctx, .file = &file};
	enum rc rc = yaml_read(text, name, &doc, err);

	r.doc = doc;
	if (rc == RC_OK)
		rc = read_includes(&r, includes, n, docs);
	if (rc == RC_OK)
		rc = read_all(&r);
	for (size_t i = 0; i < n; i++)
		yaml_free(docs[i]);
	xfree(docs);
	vec_done(&r.templates);
	vec_done(&r.units);
	vec_done(&r.jobs);
	if (rc != RC_OK)
		return rc;
	*ret = file.c;
	memset(&file.c, 0, sizeof(file.c));
	return RC_OK;
}

void config_done(struct config *c)
{
	if (c)
		shape_done(&shape_config, c);
}

const struct unit *config_unit(const struct config *c, const char *name)
{
	size_t low = 0, high = c->units.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(c->units.v[mid].name, name);

		if (order == 0)
			return &c->units.v[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const struct job_def *config_job(const struct config *c, enum stage stage, const char *name)
{
	for (size_t i = 0; i < c->jobs.n; i++)
		if (c->jobs.v[i].stage == stage && streq(c->jobs.v[i].name, name))
			return &c->jobs.v[i];
	return NULL;
}
