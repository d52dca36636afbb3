/* One job of a workflow. */
#include "dialect/import_impl.h"

#define STEP_HELP "write it as one of the job's steps by hand"

/* ---- environment ---- */
/* A map of variables into the job; texts that are one secret become secrets. */
static void read_env(struct importer *im, const struct yaml_node *env)
{
	struct job_def *job = importer_job(im);

	for (size_t i = 0; env && env->kind == YAML_MAP && i < env->n; i++) {
		const struct yaml_node *value = &env->items[i];
		AUTO(freep) char *key = node_dup(&env->keys[i]);
		struct str hole = github_hole(value->text);

		if (node_is_text(value) && str_starts(hole, "secrets.") &&
		    !str_is(hole, "secrets.GITHUB_TOKEN")) {
			AUTO(freep)
			char *reference = xasprintf("file:%.*s", (int)hole.n - 8, hole.p + 8);
			draft_pair(&job->secrets, key, reference);
		} else if (node_is_text(value)) {
			AUTO(freep) char *text = github_text(im, value, value->text, false);
			if (text)
				draft_pair(&job->env, key, text);
		} else if (value->kind == YAML_NULL) {
			draft_pair(&job->env, key, "");
		} else {
			lost(im, value, "write a text", "env %s", key);
		}
	}
	if (env && env->kind != YAML_MAP && env->kind != YAML_NULL)
		lost(im, env, "write the variables one by one", "env that is no map");
}

/* ---- steps ---- */
/* Lines before the script: what holds for this step alone. */
static void step_head(struct importer *im, const struct yaml_node *step,
		      const struct yaml_node *folder, struct strbuf *to)
{
	const struct yaml_node *env = yaml_get(step, "env"),
			       *dir = yaml_get(step, "working-directory");

	for (size_t i = 0; env && env->kind == YAML_MAP && i < env->n; i++) {
		AUTO(freep) char *key = node_dup(&env->keys[i]);
		const struct yaml_node *value = &env->items[i];
		AUTO(freep)
		char *text = node_is_text(value) ? github_text(im, value, value->text, true)
						 : xstrdup("");
		struct str hole = github_hole(value->text);

		if (str_starts(hole, "secrets.") &&
		    str_is((struct str){hole.p + 8, hole.n - 8}, key))
			continue; /* it is in the job's environment by that name */
		strbuf_addf(to, "export %s=", key);
		if (github_has_hole(value->text))
			strbuf_addf(to, "\"%s\"\n", text);
		else {
			strbuf_add_shellquoted(to, str_of(text));
			strbuf_addc(to, '\n');
		}
	}
	dir = node_is_text(dir) ? dir : folder;
	if (!node_is_text(dir) || str_is(dir->text, "."))
		return;
	AUTO(freep) char *path = github_text(im, dir, dir->text, true);
	strbuf_adds(to, "cd ");
	if (github_has_hole(dir->text))
		strbuf_addf(to, "\"%s\"\n", path);
	else {
		strbuf_add_shellquoted(to, str_of(path));
		strbuf_addc(to, '\n');
	}
}

/* Files that GitHub reads after a step. */
static void check_files(struct importer *im, const struct yaml_node *run)
{
	static const struct {
		const char *name, *instead;
	} files[] = {
		{"GITHUB_ENV",
		 "each step has an environment of its own: write a file, and source it where it is needed"},
		{"GITHUB_PATH",
		 "each step has an environment of its own: extend PATH where it is needed"},
		{"GITHUB_OUTPUT",
		 "write a file, and read it in the other step; outputs: keeps it for other jobs"},
		{"GITHUB_STEP_SUMMARY",
		 "write a Markdown file, and name it in reports: {summary: FILE}"},
		{"GITHUB_TOKEN", "a job has no token of its host: give it one as a secret"},
		{"GITHUB_SHA",
		 "a job sees only declared things: put it in with the image's labels or by hand"},
		{"GITHUB_REF", "a job sees only declared things; choose jobs by if:"},
		{"GITHUB_WORKSPACE", "a job starts in the folder of its unit: $PWD"}};

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (memmem(run->text.p, run->text.n, files[i].name, strlen(files[i].name)))
			lost(im, run, files[i].instead, "$%s", files[i].name);
}

/* `if:` of a step, where the shell can say it; false: the step has no such test. */
static bool step_test(struct importer *im, const struct yaml_node *cond, bool *ret_always,
		      struct strbuf *to)
{
	struct str text =
		github_hole(cond->text).n ? github_hole(cond->text) : str_trim(cond->text);
	AUTO(cond_freep) struct cond *c = cond_parse(text, SYNTAX_GITHUB);
	const struct cond *name, *value;

	if (c && c->kind == COND_CALL && streq(c->text, "success"))
		return true;
	if (c && c->kind == COND_CALL &&
	    (streq(c->text, "always") || streq(c->text, "cancelled") ||
	     streq(c->text, "failure"))) {
		*ret_always = true;
		if (!streq(c->text, "always"))
			lost(im, cond, "commands of finally run however the job ended", "if: %s()",
			     c->text);
		return true;
	}
	if (c && c->kind == COND_NOT && c->kids[0]->kind == COND_CALL &&
	    streq(c->kids[0]->text, "cancelled"))
		return *ret_always = true;
	if (c && cond_is_compare(c, &name, &value) && value->kind != COND_NAME && value->text &&
	    str_starts(str_of(name->text), "matrix.") &&
	    (streq(c->text, "==") || streq(c->text, "!="))) {
		AUTO(freep) char *hole = xasprintf("${{ %s }}", name->text);
		AUTO(freep) char *variable = github_text(im, cond, str_of(hole), true);
		strbuf_addf(to, "[ \"%s\" %s ", variable, streq(c->text, "==") ? "=" : "!=");
		strbuf_add_shellquoted(to, str_of(value->text));
		strbuf_adds(to, " ] || exit 0\n");
		return true;
	}
	if (c && cond_is_compare(c, &name, &value) && streq(name->text, "runner.os") &&
	    value->kind == COND_TEXT && streq(value->text, "Linux") && streq(c->text, "=="))
		return true;
	lost(im, cond, "a step has no condition: make it a job with if:, or test it in the shell",
	     "if: %.*s", (int)MIN_OF(text.n, 140), text.p);
	return true;
}

/* The script in the shell that it asks for. */
static char *step_script(struct importer *im, const struct yaml_node *run,
			 const struct yaml_node *shell, const char *text)
{
	struct str name = node_is_text(shell) ? shell->text : STR("");

	if (str_is(name, "sh") || (!name.n && !needs_bash(str_of(text))))
		return xstrdup(text);
	if (!name.n)
		return in_shell("bash -ec", text);
	if (str_is(name, "bash"))
		return needs_bash(str_of(text)) ? in_shell("bash -eo pipefail -c", text)
						: xstrdup(text);
	if (str_is(name, "python"))
		return in_shell("python3 -c", text);
	lost(im, shell ? shell : run, "write it for sh", "shell: %.*s", (int)MIN_OF(name.n, 60),
	     name.p);
	return xstrdup(text);
}

static uint64_t minutes(struct importer *im, const struct yaml_node *n)
{
	double value = 0;

	if (!node_is_text(n))
		return 0;
	if (parse_double(n->text, &value) && value > 0 && value <= 7 * 24 * 60)
		return MAX_OF((uint64_t)(value * 60) * USEC_SEC, USEC_SEC);
	lost(im, n, "write timeout: 10m", "timeout-minutes: %.*s", (int)MIN_OF(n->text.n, 60),
	     n->text.p);
	return 0;
}

struct defaults {
	const struct yaml_node *folder, *shell;
};

static void run_step(struct importer *im, const struct yaml_node *step, const struct defaults *def)
{
	const struct yaml_node *run = yaml_get(step, "run"), *name = yaml_get(step, "name"),
			       *shell = yaml_get(step, "shell");
	const struct yaml_node *cond = yaml_get(step, "if");
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)4 << 20);
	bool always = false;

	if (node_is_text(cond))
		step_test(im, cond, &always, &text);
	check_files(im, run);
	step_head(im, step, def->folder, &text);
	AUTO(freep) char *filled = github_text(im, run, run->text, true);
	AUTO(freep) char *script = step_script(im, run, shell ? shell : def->shell, filled);
	strbuf_adds(&text, script);
	while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == ' '))
		text.p[--text.n] = 0;
	if (!text.n)
		strbuf_adds(&text, ":");
	if (node_is_true(yaml_get(step, "continue-on-error"))) {
		AUTO(freep) char *inner = in_shell("sh -ec", strbuf_cstr(&text));
		strbuf_clear(&text);
		strbuf_addf(&text, "%s || echo 'failed, and may'", inner);
	}
	struct job_def *job = importer_job(im);
	if (always) {
		vec_push(&job->finally, strbuf_take(&text));
		return;
	}
	AUTO(freep)
	char *title = node_is_text(name) ? github_text(im, name, name->text, true) : NULL;
	bool plain = title && *title && !strstr(title, "${") && !strchr(title, '\n') &&
		     strlen(title) <= 100;
	vec_push(&job->steps,
		 ((struct step_def){.name = plain ? xstrdup(title) : NULL,
				    .run = strbuf_take(&text),
				    .timeout = minutes(im, yaml_get(step, "timeout-minutes"))}));
}

static void read_steps(struct importer *im, const struct yaml_node *steps,
		       const struct defaults *def)
{
	for (size_t i = 0; steps && steps->kind == YAML_LIST && i < steps->n; i++) {
		const struct yaml_node *step = &steps->items[i];

		im->step = importer_job(im)->steps.n;
		if (im->step >= IMPORT_STEPS_MAX)
			lost(im, step, "put several into one script", "a step beyond the first %d",
			     IMPORT_STEPS_MAX);
		else if (node_is_text(yaml_get(step, "uses")))
			github_uses(im, step);
		else if (node_is_text(yaml_get(step, "run")))
			run_step(im, step, def);
		else
			lost(im, step, STEP_HELP, "a step with neither run nor uses");
	}
	/* what stands behind the last step is said at the job */
	size_t n = importer_job(im)->steps.n;
	vec_each(r, &im->d->remarks)
		if (r->job == im->job && r->step != NO_STEP && r->step >= n)
			r->step = NO_STEP;
	im->step = NO_STEP;
}

/* ---- matrix ---- */
static void read_row(struct importer *im, const struct yaml_node *row, pairs *ret)
{
	for (size_t i = 0; row->kind == YAML_MAP && i < row->n; i++) {
		AUTO(freep) char *key = draft_slug(row->keys[i].text, "axis");
		AUTO(freep) char *value = node_dup(&row->items[i]);
		if (node_is_text(&row->items[i]) && is_matrix_value(str_of(value)))
			draft_pair(ret, key, value);
		else
			lost(im, &row->items[i],
			     "a value has 1 to 64 letters, digits, '.', '_' and '-'",
			     "matrix value %s", key);
	}
}

static void read_axis(struct importer *im, const struct yaml_node *name,
		      const struct yaml_node *values)
{
	struct job_def *job = importer_job(im);

	if (values->kind != YAML_LIST || !values->n) {
		lost(im, values, "list the values", "matrix axis %.*s",
		     (int)MIN_OF(name->text.n, 60), name->text.p);
		return;
	}
	vec_add(&job->matrix.axes);
	struct axis *axis = vec_last(&job->matrix.axes);
	axis->name = draft_slug(name->text, "axis");
	for (size_t i = 0; i < values->n; i++) {
		AUTO(freep) char *value = node_dup(&values->items[i]);
		if (node_is_text(&values->items[i]) && is_matrix_value(str_of(value)))
			draft_text(&axis->values, value);
		else
			lost(im, &values->items[i],
			     "a value has 1 to 64 letters, digits, '.', '_' and '-'",
			     "a value of matrix axis %s", axis->name);
	}
	if (axis->values.n)
		return;
	xfree(axis->name);
	job->matrix.axes.n--;
}

static void read_matrix(struct importer *im, const struct yaml_node *strategy)
{
	const struct yaml_node *m = yaml_get(strategy, "matrix"),
			       *parallel = yaml_get(strategy, "max-parallel");
	struct job_def *job = importer_job(im);

	if (parallel)
		lost(im, parallel, "the scheduler packs by cpu and memory: say what a job needs",
		     "max-parallel");
	if (node_is_true(yaml_get(strategy, "fail-fast")))
		lost(im, yaml_get(strategy, "fail-fast"), "the other rows run to their end",
		     "fail-fast: true");
	if (m && m->kind != YAML_MAP) {
		lost(im, m, "write the axes and their values", "a matrix that is worked out");
		return;
	}
	for (size_t i = 0; m && i < m->n; i++) {
		bool include = str_is(m->keys[i].text, "include"),
		     exclude = str_is(m->keys[i].text, "exclude");
		const struct yaml_node *rows = &m->items[i];

		if (!include && !exclude) {
			read_axis(im, &m->keys[i], rows);
			continue;
		}
		if (rows->kind != YAML_LIST)
			lost(im, rows, "list the rows", "matrix.%s",
			     include ? "include" : "exclude");
		for (size_t k = 0; rows->kind == YAML_LIST && k < rows->n; k++) {
			struct combination row = {0};
			read_row(im, &rows->items[k], &row.v);
			if (!row.v.n)
				continue;
			if (include)
				vec_push(&job->matrix.include, row);
			else
				vec_push(&job->matrix.exclude, row);
		}
	}
}

/* ---- the rest of a job ---- */
static void read_needs(struct importer *im, const struct yaml_node *needs)
{
	texts names = {0};

	node_texts(im, needs, "needs", &names);
	vec_each(name, &names) {
		AUTO(freep) char *slug = draft_slug(str_of(*name), "job");
		draft_text(&importer_job(im)->needs, slug);
		xfree(*name);
	}
	vec_done(&names);
}

static void read_runner(struct importer *im, const struct yaml_node *on)
{
	texts labels = {0};

	if (on && on->kind == YAML_MAP)
		on = yaml_get(on, "labels") ? yaml_get(on, "labels") : on;
	if (on && on->kind == YAML_MAP)
		lost(im, on, "name labels under agent", "runs-on");
	node_texts(im, on, "runs-on", &labels);
	vec_each(label, &labels) {
		AUTO(freep) char *slug = draft_slug(str_of(*label), "any");
		if (github_has_hole(str_of(*label)))
			lost(im, on, "name labels under agent: they cannot come from the matrix",
			     "runs-on: %.80s", *label);
		else if (!str_starts(str_of(slug), "ubuntu-") && !streq(slug, "self-hosted") &&
			 !streq(slug, "linux") && !streq(slug, "x64"))
			draft_text(&importer_job(im)->labels, slug);
		xfree(*label);
	}
	vec_done(&labels);
}

static void read_container(struct importer *im, const struct yaml_node *c)
{
	const struct yaml_node *image = c && c->kind == YAML_MAP ? yaml_get(c, "image") : c;
	static const char *const others[] = {"ports", "volumes", "options", "credentials"};

	if (!c)
		return;
	AUTO(freep)
	char *name = node_is_text(image) ? github_text(im, image, image->text, false) : NULL;
	if (name && *name)
		importer_job(im)->container = image_of(im, image, str_of(name));
	else if (!node_is_text(image))
		lost(im, c, "name one image", "container");
	if (c->kind != YAML_MAP)
		return;
	read_env(im, yaml_get(c, "env"));
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (yaml_get(c, others[i]))
			lost(im, yaml_get(c, others[i]),
			     "a job's container has the unit's folder and nothing else",
			     "container.%s", others[i]);
}

/* "5432:5432", "6379", "8080/tcp": what stands last is the container's. */
static uint32_t port_of(const struct yaml_node *ports)
{
	struct str s = ports && ports->kind == YAML_LIST && ports->n ? ports->items[0].text
								     : STR(""),
		   last = s;
	uint32_t port = 0;

	while (last.p) {
		s = last;
		(void)str_cut(&last, ':');
	}
	last = s;
	s = str_cut(&last, '/');
	return parse_u32(s, &port) && port <= 65535 ? port : 0;
}

/* --health-cmd "pg_isready -U me" */
static char *health_of(struct str options)
{
	const char *p = options.n ? memmem(options.p, options.n, "--health-cmd", 12) : NULL;

	if (!p)
		return NULL;
	struct str rest = {p + 12, options.n - (size_t)(p + 12 - options.p)};
	while (rest.n && strchr(" =\n\t", rest.p[0]))
		rest = (struct str){rest.p + 1, rest.n - 1};
	char quote = rest.n ? rest.p[0] : 0;
	if (quote != '"' && quote != '\'')
		quote = ' ';
	else
		rest = (struct str){rest.p + 1, rest.n - 1};
	const char *end = rest.n ? memchr(rest.p, quote, rest.n) : NULL;
	return xstrndup(rest.p, end ? (size_t)(end - rest.p) : rest.n);
}

static void read_services(struct importer *im, const struct yaml_node *services)
{
	for (size_t i = 0; services && services->kind == YAML_MAP && i < services->n; i++) {
		const struct yaml_node *s = &services->items[i], *env = yaml_get(s, "env");
		const struct yaml_node *image = node_is_text(s) ? s : yaml_get(s, "image"),
				       *options = yaml_get(s, "options");

		AUTO(freep)
		char *name =
			node_is_text(image) ? github_text(im, image, image->text, false) : NULL;
		if (!name || !*name) {
			lost(im, s, "name one image", "service %.*s",
			     (int)MIN_OF(services->keys[i].text.n, 60), services->keys[i].text.p);
			continue;
		}
		struct service_def def = {.name = draft_slug(services->keys[i].text, "service"),
					  .image = image_of(im, image, str_of(name))};
		def.port = port_of(yaml_get(s, "ports"));
		if (!def.port)
			def.port = service_port(def.image);
		if (node_is_text(options))
			def.ready = health_of(options->text);
		for (size_t k = 0; env && env->kind == YAML_MAP && k < env->n; k++) {
			AUTO(freep) char *key = node_dup(&env->keys[k]);
			AUTO(freep)
			char *value = github_text(im, &env->items[k], env->items[k].text, false);
			if (value)
				draft_pair(&def.env, key, value);
		}
		if (yaml_get(s, "volumes"))
			lost(im, yaml_get(s, "volumes"),
			     "a service begins empty: fill it in a step", "volumes of service %s",
			     def.name);
		vec_push(&importer_job(im)->services, def);
	}
}

static void refuse_rest(struct importer *im, const struct yaml_node *job)
{
	static const struct {
		const char *key, *instead;
	} known[] = {
		{"environment", "deployments are stages of their own: staging, gate, production"},
		{"outputs",
		 "write a file, name it under outputs, and read it in the jobs that need this one"},
		{"with", "write its steps here as run:"},
		{"snapshot", "name the image as container"}};
	static const char *const read[] = {"name",        "needs",
					   "if",          "runs-on",
					   "env",         "defaults",
					   "steps",       "timeout-minutes",
					   "strategy",    "continue-on-error",
					   "container",   "services",
					   "concurrency", "permissions",
					   "uses",        "secrets",
					   "environment", "outputs",
					   "with",        "snapshot"};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (yaml_get(job, known[i].key))
			lost(im, yaml_get(job, known[i].key), known[i].instead, "%s", known[i].key);
	for (size_t i = 0; job->kind == YAML_MAP && i < job->n; i++) {
		bool is_read = false;
		for (size_t k = 0; k < ARRAY_LEN(read); k++)
			is_read |= str_is(job->keys[i].text, read[k]);
		if (!is_read)
			lost(im, &job->keys[i], "no job of GitHub Actions has this key", "%.*s",
			     (int)MIN_OF(job->keys[i].text.n, 60), job->keys[i].text.p);
	}
}

static void read_limits(struct importer *im, const struct yaml_node *job)
{
	const struct yaml_node *may = yaml_get(job, "continue-on-error"),
			       *cond = yaml_get(job, "if");
	struct job_def *def = importer_job(im);

	def->timeout = minutes(im, yaml_get(job, "timeout-minutes"));
	def->allow_failure = node_is_true(may);
	if (node_is_text(may) && github_has_hole(may->text))
		lost(im, may, "write allow_failure: true, or a job of its own for that row",
		     "continue-on-error from an expression");
	vec_each(text, &im->d->conditions)
		job_condition_add(def, *text);
	size_t before = im->d->remarks.n;
	AUTO(freep) char *text = node_is_text(cond) ? github_condition(im, cond, "if") : NULL;
	if (text)
		job_condition_add(def, text);
	if (im->d->remarks.n > before)
		def->manual = true; /* it must not run more often than it did */
}

static const struct yaml_node *run_default(const struct yaml_node *of, const char *key)
{
	return yaml_get(yaml_get(yaml_get(of, "defaults"), "run"), key);
}

void github_job(struct importer *im, const struct yaml_node *name, const struct yaml_node *job,
		const struct yaml_node *root)
{
	struct defaults def = {run_default(job, "working-directory"), run_default(job, "shell")};

	def.folder = def.folder ? def.folder : run_default(root, "working-directory");
	def.shell = def.shell ? def.shell : run_default(root, "shell");
	(void)draft_job(im->d, name->text, name->line);
	im->job = im->d->c.jobs.n - 1;
	im->step = NO_STEP;
	read_needs(im, yaml_get(job, "needs"));
	read_runner(im, yaml_get(job, "runs-on"));
	read_matrix(im, yaml_get(job, "strategy"));
	read_limits(im, job);
	read_container(im, yaml_get(job, "container"));
	read_services(im, yaml_get(job, "services"));
	github_group(im, yaml_get(job, "concurrency"));
	read_env(im, yaml_get(root, "env"));
	read_env(im, yaml_get(job, "env"));
	refuse_rest(im, job);
	read_steps(im, yaml_get(job, "steps"), &def);
	struct job_def *made = importer_job(im);
	if (yaml_get(job, "uses")) {
		lost(im, yaml_get(job, "uses"),
		     "write the called workflow's jobs here, or as templates",
		     "a job that calls a workflow");
		made->run = xstrdup(
			"echo 'this job called another workflow: write its steps here' >&2; exit 1");
	} else if (!made->steps.n) {
		made->run = xstrdup(":");
	}
	im->job = NO_JOB;
}
