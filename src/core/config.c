/* penstock.yml: the top of the table, reading, defaults. */
#include "core/config_impl.h"

const char *const stage_names[] = {
#define X(name, text) text,
	STAGE_MAP(X)
#undef X
};

#define CONFIG(member)   .offset = offsetof(struct project_file, c.member)
#define DEFAULTS(member) .offset = offsetof(struct job_defaults, member)

static const struct key push_keys[] = {
	{.name = "branches",
	 .kind = KEY_TEXTS,
	 .unique = true,
	 CONFIG(branches),
	 .check = check_glob,
	 .help = "Branches whose pushes count, globs too; main when not written."},
};
static const struct keys keys_push = {.what = "push", .v = push_keys, .n = ARRAY_LEN(push_keys)};
static const struct key on_keys[] = {
	{.name = "push", .kind = KEY_MAP, .sub = &keys_push, .help = "A push to a branch."},
	{.name = "pull_request", .kind = KEY_LATER},
};
static const struct keys keys_on = {.what = "on", .v = on_keys, .n = ARRAY_LEN(on_keys)};

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
	if (!yaml_get(root, "production") || !yaml_get(yaml_get(root, "production"), "strategy"))
		strategy_default_canary(&c->production_strategy);
	if (units_check(r) != RC_OK || jobs_check(r) != RC_OK)
		return r->err->rc;
	return deploy_check(r);
}

enum rc config_read(struct str text, const char *name,
		    const char *(*zone_rule)(const char *zone, void *ctx), void *ctx,
		    struct config *ret, struct err *err)
{
	AUTO(yaml_freep) struct yaml *doc = NULL;
	AUTO(project_file_done) struct project_file file = {.version = 0};
	struct err own = {RC_OK, ""};

	if (!err)
		err = &own;
	if (yaml_read(text, name, &doc, err) != RC_OK)
		return err->rc;
	struct reader r = {
		.doc = doc, .err = err, .zone_rule = zone_rule, .ctx = ctx, .file = &file};
	enum rc rc = read_all(&r);

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
