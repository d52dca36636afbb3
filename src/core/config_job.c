/* Jobs: their keys, and what one job alone must keep to. What holds among jobs is config_needs.c's. */
#include "base/glob.h"
#include "core/config_impl.h"
#include "core/expr.h"

#define JOB(member)   .offset = offsetof(struct job_def, member)
#define IMAGE(member) .offset = offsetof(struct image_def, member)

static enum rc check_exit(struct reader *r, const struct yaml_node *at)
{
	uint64_t code = 0;
	char text[SHOWN];

	if (!parse_u64(at->text, &code) || code == 0 || code > 255)
		return FAIL(r, at, "\"%s\" is no exit code of a failure: it is between 1 and 255",
			    shown(at->text, text));
	return RC_OK;
}

static const char *const retry_words[] = {"infra", "timeout", "oom", "any"};

static enum rc finish_retry(struct reader *r, const struct key *key, const struct yaml_node *at,
			    void *object, const struct place *place)
{
	struct retry *retry = object;

	(void)r;
	(void)key;
	(void)at;
	(void)place;
	if (!retry->on.n && !retry->exit.n) /* neither here nor in its template */
		vec_push(&retry->on, xstrdup("infra"));
	return RC_OK;
}

static const struct key retry_keys[] = {
	{.name = "on",
	 .kind = KEY_TEXTS,
	 .unique = true,
	 .offset = offsetof(struct retry, on),
	 .names = retry_words,
	 .nnames = ARRAY_LEN(retry_words),
	 .help = "Kinds of failure after which the job is tried again; infra when not written."},
	{.name = "exit",
	 .kind = KEY_TEXTS,
	 .unique = true,
	 .offset = offsetof(struct retry, exit),
	 .check = check_exit,
	 .pattern = "^[0-9]{1,3}$",
	 .help = "Exit codes after which the job is tried again."},
	{.name = "max",
	 .kind = KEY_COUNT,
	 .required = true,
	 .offset = offsetof(struct retry, max),
	 .min = 0,
	 .max = 10,
	 .help = "How many more times, at most."},
};
const struct keys keys_retry = {
	.what = "retry", .v = retry_keys, .n = ARRAY_LEN(retry_keys), .finish = finish_retry};

static enum rc finish_image(struct reader *r, const struct key *key, const struct yaml_node *at,
			    void *object, const struct place *place)
{
	struct image_def *image = object;
	char text[SHOWN], in[PLACE_TEXT];

	(void)key;
	for (size_t i = 0; i < image->copy.n; i++)
		for (size_t k = 0; k < i; k++)
			if (streq(image->copy.v[i].value, image->copy.v[k].value))
				return FAIL(r, at, "%s copies twice to \"%s\"",
					    place_text(place, in),
					    shown(str_of(image->copy.v[i].value), text));
	if (image->copy.n == 0)
		return FAIL(r, at, "%s copies nothing: write \"copy: {out/app: /app}\"",
			    place_text(place, in));
	if (image->entrypoint.n == 0 && image->cmd.n == 0)
		return FAIL(r, at, "%s has neither entrypoint nor cmd: nothing would run",
			    place_text(place, in));
	return RC_OK;
}

static const struct key image_keys[] = {
	{.name = "from",
	 .kind = KEY_TEXT,
	 .required = true,
	 IMAGE(from),
	 .check = check_from,
	 .pattern = "^scratch$",
	 .help = "What the image begins as: \"scratch\", the empty one."},
	{.name = "copy",
	 .kind = KEY_PAIRS,
	 IMAGE(copy),
	 .check_name = check_inner_path,
	 .check = check_image_path,
	 .help = "Path among the outputs of the needs, to path in the image."},
	{.name = "user",
	 .kind = KEY_TEXT,
	 IMAGE(user),
	 .check = check_user,
	 .pattern = "^[0-9]+(:[0-9]+)?$",
	 .help = "Number of the user, or of user:group."},
	{.name = "entrypoint",
	 .kind = KEY_TEXTS,
	 IMAGE(entrypoint),
	 .help = "The program and its first arguments."},
	{.name = "cmd", .kind = KEY_TEXTS, IMAGE(cmd), .help = "Further arguments."},
	{.name = "env",
	 .kind = KEY_PAIRS,
	 IMAGE(env),
	 .check_name = check_variable,
	 .pattern = VARIABLE_PATTERN,
	 .help = "Environment written into the image."},
	{.name = "workdir",
	 .kind = KEY_TEXT,
	 IMAGE(workdir),
	 .check = check_image_path,
	 .pattern = "^/",
	 .help = "Folder in which the program starts."},
};
static const struct keys keys_image = {
	.what = "image", .v = image_keys, .n = ARRAY_LEN(image_keys), .finish = finish_image};

/* "build", "^build", "ci.build", each with a "?" at its end or not. */
static enum rc check_need(struct reader *r, const struct yaml_node *at)
{
	struct yaml_node bare = *at;

	if (str_starts(bare.text, "^")) {
		bare.text.p++;
		bare.text.n--;
	} else if (str_starts(bare.text, "ci.") || str_starts(bare.text, "staging.")) {
		str_cut(&bare.text, '.');
	}
	if (str_ends(bare.text, "?"))
		bare.text.n--;
	return check_name(r, &bare);
}

static enum rc check_label(struct reader *r, const struct yaml_node *at)
{
	return check_name(r, at);
}

/* "PATH", "PATH:TAG", "PATH@sha256:...": a folder of this repository, never of the machine. */
static bool is_inner_layout(struct str s)
{
	struct str path = str_cut(&s, '@');

	for (size_t i = path.n; i-- > 0 && path.p[i] != '/';)
		if (path.p[i] == ':')
			path.n = i;
	return path_check(path, NULL) == RC_OK;
}

enum rc check_container(struct reader *r, const struct yaml_node *at)
{
	struct str s = at->text;
	char text[SHOWN];
	bool ok = s.n <= 512;

	for (size_t i = 0; ok && i < s.n; i++)
		ok = (unsigned char)s.p[i] > ' ' && (unsigned char)s.p[i] < 0x7f;
	if (!ok)
		return FAIL(
			r, at,
			"\"%s\" is no image: write debian:12, registry/name@sha256:... or oci:PATH",
			shown(s, text));
	if (str_starts(s, "oci:") && !is_inner_layout((struct str){s.p + 4, s.n - 4}))
		return FAIL(
			r, at,
			"\"%s\": oci: names a folder of this repository, by its path from the top",
			shown(s, text));
	if (str_ends(s, ":latest"))
		return FAIL(
			r, at,
			"\"%s\": a tag that moves makes no two runs alike; name a version or a digest",
			shown(s, text));
	return RC_OK;
}

/* An image packs outputs; it runs nothing. */
static enum rc finish_image_job(struct reader *r, struct job_def *job, const struct yaml_node *at)
{
	const struct reports_def *reports = &job->reports;
	const struct {
		const char *name;
		bool there; /* by itself or by its template */
	} none[] = {{"run", job->run},
		    {"steps", job->steps.n},
		    {"finally", job->finally.n},
		    {"outputs", job->outputs.n},
		    {"env", job->env.n},
		    {"secrets", job->secrets.n},
		    {"id_tokens", job->id_tokens.n},
		    {"reports", reports->junit || reports->sarif || reports->coverage ||
					reports->problems || reports->summary},
		    {"network", job->network},
		    {"matrix", job->matrix.axes.n || job->matrix.include.n},
		    {"split", job->split.into},
		    {"flaky", job->flaky.retry || job->flaky.quarantine},
		    {"container", job->container},
		    {"services", job->services.n},
		    {"cache", job->caches.n},
		    {"strict", job->strict},
		    {"installs", job->installs}};

	job->kind = JOB_IMAGE;
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		const struct yaml_node *value = yaml_get(at, none[i].name);

		if (value || none[i].there)
			return FAIL(r, value ? value : at,
				    "job \"%s\" packs an image and runs nothing: it has no \"%s\"",
				    job->name, none[i].name);
	}
	if (job->stage != STAGE_CI)
		return FAIL(
			r, at,
			"job \"%s\" packs an image: that belongs to stage ci (build once, promote everywhere)",
			job->name);
	if (!streq(job->each, "services"))
		return FAIL(r, at, "job \"%s\" packs an image: write \"each: services\"",
			    job->name);
	if (job->needs.n == 0 && job->inputs.n == 0)
		return FAIL(
			r, at,
			"job \"%s\" packs an image but needs no job whose outputs it could pack",
			job->name);
	return RC_OK;
}

/* env, secrets and id_tokens share one set of names. */
static enum rc check_variables(struct reader *r, const struct job_def *job,
			       const struct yaml_node *at)
{
	char text[SHOWN];

	for (size_t i = 0; i < job->env.n; i++)
		for (size_t k = 0; k < job->secrets.n; k++)
			if (streq(job->env.v[i].key, job->secrets.v[k].key))
				return FAIL(
					r, at,
					"variable \"%s\" of job \"%s\" stands in both env and secrets",
					shown(str_of(job->env.v[i].key), text), job->name);
	for (size_t i = 0; i < job->id_tokens.n; i++) {
		const char *name = job->id_tokens.v[i].name;

		for (size_t k = 0; k < job->env.n + job->secrets.n; k++)
			if (streq(name, k < job->env.n ? job->env.v[k].key
						       : job->secrets.v[k - job->env.n].key))
				return FAIL(
					r, at,
					"variable \"%s\" of job \"%s\" stands in both %s and id_tokens",
					shown(str_of(name), text), job->name,
					k < job->env.n ? "env" : "secrets");
	}
	return RC_OK;
}

static enum rc finish_job(struct reader *r, const struct key *key, const struct yaml_node *at,
			  void *object, const struct place *place)
{
	struct job_def *job = object;
	const struct job_defaults *defaults = &r->file->defaults;

	(void)place;
	job->stage = (enum stage)key->min;
	if (job->timeout == 0)
		job->timeout = defaults->timeout;
	if (job->memory == 0)
		job->memory = defaults->memory;
	if (job->cpu == 0)
		job->cpu = defaults->cpu;
	if (job->retry.max == 0 && !yaml_get(at, "retry"))
		shape_copy(&shape_retry, &job->retry, &defaults->retry);
	vec_push(&r->jobs, at);
	if (r->file->c.jobs.n > CONFIG_MAX_JOBS)
		return FAIL(r, at, "there are more than %d jobs", CONFIG_MAX_JOBS);
	enum rc rc = check_variables(r, job, at);
	if (rc != RC_OK)
		return rc;
	if (job->image.from)
		return finish_image_job(r, job, at);
	if (!job->run && job->steps.n == 0)
		return FAIL(
			r, at,
			"job \"%s\" does nothing: it has neither \"run\", \"steps\" nor \"image\"",
			job->name);
	if (job->installs && (job->each || !job->inputs.n))
		return FAIL(
			r, yaml_get(at, "installs"),
			"job \"%s\" installs for all units: it has no \"each\", and names its lockfiles in \"inputs\"",
			job->name);
	if (job->run && job->steps.n)
		return FAIL(r, at, "job \"%s\" has both \"run\" and \"steps\": which one?",
			    job->name);
	if (!job->container && defaults->container)
		job->container = xstrdup(defaults->container);
	if (job->split.into && !job->each)
		return FAIL(r, at, "job \"%s\" shares out files of a unit: write \"each\"",
			    job->name);
	return names_check(r, job, at);
}

static const struct key job_keys[] = {
	{.name = "each",
	 .kind = KEY_TEXT,
	 JOB(each),
	 .help = "Once for each of these units: \"*\", \"services\", \"libraries\", or one unit's name. Without it: once for the project."},
	{.name = "needs",
	 .kind = KEY_TEXTS,
	 .unique = true,
	 JOB(needs),
	 .check = check_need,
	 .pattern = "^(\\^|ci\\.|staging\\.)?[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?\\??$",
	 .help = "Jobs that come first: \"build\" of the same unit, \"^build\" of the units it depends on, \"ci.build\" of an earlier stage; \"?\" at the end: if there is one."},
	{.name = "inputs",
	 .kind = KEY_TEXTS,
	 .unique = true,
	 JOB(inputs),
	 .check = check_input,
	 .help = "What it reads, relative to the unit; `../` climbs, `$root/` is the top. Without it: the unit's folder and those of its deps; \"$default\" in the list is these."},
	{.name = "installs",
	 .kind = KEY_BOOL,
	 JOB(installs),
	 .help = "It installs, once for all units, what the lockfiles among its inputs lock: jobs of a unit that need it count only what these say of their unit."},
	{.name = "outputs",
	 .kind = KEY_TEXTS,
	 .unique = true,
	 JOB(outputs),
	 .check = check_glob,
	 .help = "What it makes, relative to the unit."},
	{.name = "env",
	 .kind = KEY_PAIRS,
	 JOB(env),
	 .check_name = check_variable,
	 .pattern = VARIABLE_PATTERN,
	 .help = "The only environment that it sees."},
	{.name = "secrets",
	 .kind = KEY_PAIRS,
	 JOB(secrets),
	 .check_name = check_variable,
	 .check = check_secret,
	 .pattern = VARIABLE_PATTERN,
	 .help = "Variable to reference, \"file:NAME\"."},
	{.name = "id_tokens",
	 .kind = KEY_NAMED,
	 JOB(id_tokens),
	 .sub = &keys_id_tokens,
	 .max = 16,
	 .check_name = check_variable,
	 .pattern = VARIABLE_PATTERN,
	 .help = "Variable to a signed token that shows others who the job is; docs/workload-identity.md. A change from a fork gets none."},
	{.name = "run",
	 .kind = KEY_TEXT,
	 JOB(run),
	 .max = RUN_MAX,
	 .help = "The command, given to `sh -e` in the unit's folder."},
	{.name = "finally",
	 .kind = KEY_TEXTS,
	 JOB(finally),
	 .help = "Commands that run at the end: on success, failure, timeout and cancel."},
	{.name = "timeout",
	 .kind = KEY_DURATION,
	 JOB(timeout),
	 .min = USEC_SEC,
	 .max = 7 * USEC_DAY,
	 .help = "10m when not written."},
	{.name = "memory",
	 .kind = KEY_SIZE,
	 JOB(memory),
	 .min = 1 << 20,
	 .max = (uint64_t)1 << 42,
	 .help = "Limit of the job with all its processes."},
	{.name = "retry",
	 .kind = KEY_MAP,
	 JOB(retry),
	 .sub = &keys_retry,
	 .help = "When to try again."},
	{.name = "reports",
	 .kind = KEY_MAP,
	 JOB(reports),
	 .sub = &keys_reports,
	 .help = "Files that are read when it has ended."},
	{.name = "network",
	 .kind = KEY_BOOL,
	 JOB(network),
	 .help = "Whether it may use the network; not, when not written."},
	{.name = "image",
	 .kind = KEY_MAP,
	 JOB(image),
	 .sub = &keys_image,
	 .help = "Pack an image instead of running a command."},
	{.name = "steps",
	 .kind = KEY_LIST,
	 JOB(steps),
	 .sub = &keys_steps,
	 .max = 100,
	 .help = "Commands one after another, each seen by its name; instead of \"run\"."},
	{.name = "cpu",
	 .kind = KEY_OWN,
	 JOB(cpu),
	 .own = own_cpu,
	 .schema = CPU_SCHEMA,
	 .help = "Processors that it asks for: 2, 0.5 or 500m; 1 when not written."},
	{.name = "if",
	 .kind = KEY_TEXT,
	 JOB(condition),
	 .max = EXPR_MAX,
	 .help = "An expression; when it is not true the job is skipped. docs/expressions.md has its grammar."},
	{.name = "matrix",
	 .kind = KEY_OWN,
	 JOB(matrix),
	 .own = own_matrix,
	 .schema = "{\"type\":\"object\"}",
	 .help = "Axes and their values: the job runs once for each combination."},
	{.name = "services",
	 .kind = KEY_NAMED,
	 JOB(services),
	 .sub = &keys_side,
	 .max = 16,
	 .check_name = check_name,
	 .pattern = NAME_PATTERN,
	 .help = "Containers beside the job: databases, queues."},
	{.name = "cache",
	 .kind = KEY_LIST,
	 JOB(caches),
	 .sub = &keys_caches,
	 .max = 16,
	 .help = "Folders of dependencies that are kept from run to run."},
	{.name = "concurrency",
	 .kind = KEY_OWN,
	 JOB(group),
	 .own = own_group,
	 .schema = "{\"type\":[\"string\",\"object\"]}",
	 .help = "A name: of all jobs with it one runs at a time."},
	{.name = "split",
	 .kind = KEY_MAP,
	 JOB(split),
	 .sub = &keys_split,
	 .help = "Share out test files to several jobs."},
	{.name = "flaky",
	 .kind = KEY_MAP,
	 JOB(flaky),
	 .sub = &keys_flaky,
	 .help = "What to do about tests that fail now and then."},
	{.name = "container",
	 .kind = KEY_TEXT,
	 JOB(container),
	 .check = check_container,
	 .help = "Image whose file system the job sees; without it: this machine's /usr."},
	{.name = "agent",
	 .kind = KEY_TEXTS,
	 .unique = true,
	 JOB(labels),
	 .check = check_label,
	 .pattern = NAME_PATTERN,
	 .help = "Labels that the agent must have."},
	{.name = "manual",
	 .kind = KEY_BOOL,
	 JOB(manual),
	 .help = "It waits until somebody starts it: penstock start JOB."},
	{.name = "allow_failure",
	 .kind = KEY_BOOL,
	 JOB(allow_failure),
	 .help = "Its failure is shown and fails nothing."},
	{.name = "strict",
	 .kind = KEY_BOOL,
	 JOB(strict),
	 .help = "It sees its declared inputs and nothing else of the repository."},
	{.name = "trusted",
	 .kind = KEY_BOOL,
	 JOB(trusted),
	 .help = "It is left out for a change from a fork."},
	{.name = "extends",
	 .kind = KEY_OWN,
	 .first = true,
	 JOB(extends),
	 .own = own_extends,
	 .schema = "{\"type\":\"string\"}",
	 .help = "A template that it takes what it does not say itself from."},
	{.name = "contract", .kind = KEY_LATER},
	{.name = "scan", .kind = KEY_LATER},
	{.name = "migrations", .kind = KEY_LATER},
};
const struct keys keys_job = {.what = "job",
			      .v = job_keys,
			      .n = ARRAY_LEN(job_keys),
			      .size = sizeof(struct job_def),
			      .name_at = offsetof(struct job_def, name),
			      .line_at = offsetof(struct job_def, line),
			      .finish = finish_job};
