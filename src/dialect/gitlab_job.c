/* One job of GitLab CI. */
#include "dialect/gitlab_impl.h"

#define MATRIX_NAME "${matrix."

static const struct yaml_node *given(const struct gitlab *g, const struct yaml_node *job,
				     const char *key)
{
	const struct yaml_node *n = yaml_get(job, key);

	return n ? n : gitlab_global(g, key);
}

bool gitlab_expand(const struct gitlab *g, struct str text, struct strbuf *to)
{
	for (size_t i = 0; i < text.n; i++) {
		size_t from = i + 1, end;
		bool brace = from < text.n && text.p[from] == '{', found = false;

		if (text.p[i] != '$') {
			strbuf_addc(to, text.p[i]);
			continue;
		}
		from += brace;
		for (end = from; end < text.n && (text.p[end] == '_' ||
						  (text.p[end] >= '0' && text.p[end] <= '9') ||
						  (text.p[end] >= 'A' && text.p[end] <= 'Z') ||
						  (text.p[end] >= 'a' && text.p[end] <= 'z'));)
			end++;
		vec_each(p, &g->vars)
			if (!found && str_is((struct str){text.p + from, end - from}, p->key)) {
				strbuf_adds(to, p->value);
				found = true;
			}
		if (!found || strbuf_failed(to))
			return false;
		i = end - (brace ? 0 : 1);
	}
	return true;
}

/* ---- variables ---- */
static void read_variables(struct gitlab *g, const struct yaml_node *vars)
{
	for (size_t i = 0; vars && vars->kind == YAML_MAP && i < vars->n; i++) {
		const struct yaml_node *value = &vars->items[i];
		AUTO(freep) char *key = node_dup(&vars->keys[i]);
		if (value->kind == YAML_MAP)
			value = yaml_get(value, "value");
		AUTO(freep) char *text = node_dup(value);
		draft_pair(&g->vars, key, text);
	}
}

static void set_env(struct gitlab *g, const struct yaml_node *at)
{
	struct job_def *job = importer_job(&g->im);

	vec_each(p, &g->vars) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(4096), safe = STRBUF(8192);
		if (str_starts(str_of(p->key), "GIT_") || str_starts(str_of(p->key), "FF_") ||
		    str_starts(str_of(p->key), "DOCKER_TLS"))
			continue; /* they steer the runner */
		if (str_starts(str_of(p->value), MATRIX_NAME)) {
			draft_pair(&job->env, p->key, p->value);
			continue;
		}
		if (!gitlab_expand(g, str_of(p->value), &b)) {
			lost(&g->im, at, "a job sees only declared things: set it in the script",
			     "variable %.60s: %.100s", p->key, p->value);
			continue;
		}
		for (size_t i = 0; i < b.n; i++) {
			if (b.p[i] == '$' && i + 1 < b.n && b.p[i + 1] == '{')
				strbuf_addc(&safe, '$');
			strbuf_addc(&safe, b.p[i]);
		}
		draft_pair(&job->env, p->key, strbuf_cstr(&safe));
	}
}

/* ---- image, services ---- */
static void read_image(struct gitlab *g, const struct yaml_node *image)
{
	const struct yaml_node *name =
		image && image->kind == YAML_MAP ? yaml_get(image, "name") : image;
	AUTO(strbuf_done) struct strbuf b = STRBUF(512);

	if (!node_is_text(name))
		return;
	if (!gitlab_expand(g, name->text, &b))
		lost(&g->im, name, "name one image", "image: %.*s", (int)MIN_OF(name->text.n, 100),
		     name->text.p);
	else
		importer_job(&g->im)->container = image_of(&g->im, name, strbuf_str(&b));
	if (yaml_get(image, "entrypoint") && yaml_get(image, "entrypoint")->n > 1)
		lost(&g->im, yaml_get(image, "entrypoint"),
		     "commands are given to sh -e in the image", "image.entrypoint");
}

/* Variables of the job whose names begin as the service's does. */
static void service_env(struct gitlab *g, const struct yaml_node *own, struct service_def *def)
{
	AUTO(freep) char *image = service_name(str_of(def->image));

	vec_each(p, &g->vars) {
		bool same = true;
		for (size_t i = 0; image[i] && image[i] != '-' && same; i++)
			same = p->key[i] && (p->key[i] | 32) == image[i];
		if (same)
			draft_pair(&def->env, p->key, p->value);
	}
	for (size_t i = 0; own && own->kind == YAML_MAP && i < own->n; i++) {
		AUTO(freep) char *key = node_dup(&own->keys[i]);
		AUTO(freep) char *value = node_dup(&own->items[i]);
		draft_pair(&def->env, key, value);
	}
}

static void read_services(struct gitlab *g, const struct yaml_node *services)
{
	for (size_t i = 0; services && services->kind == YAML_LIST && i < services->n; i++) {
		const struct yaml_node *s = &services->items[i], *alias = yaml_get(s, "alias");
		const struct yaml_node *image = node_is_text(s) ? s : yaml_get(s, "name");
		AUTO(strbuf_done) struct strbuf b = STRBUF(512);

		if (!node_is_text(image) || !gitlab_expand(g, image->text, &b)) {
			lost(&g->im, s, "name one image", "a service");
			continue;
		}
		if (memmem(b.p ? b.p : "", b.n, "dind", 4)) {
			lost(&g->im, s,
			     "an image job packs without a daemon: image: {from: scratch, copy: {...}}",
			     "service %s", strbuf_cstr(&b));
			continue;
		}
		struct service_def def = {.image = image_of(&g->im, image, strbuf_str(&b))};
		def.name = node_is_text(alias) ? draft_slug(alias->text, "service")
					       : service_name(str_of(def.image));
		def.port = service_port(def.image);
		node_texts(&g->im, yaml_get(s, "command"), "command", &def.args);
		service_env(g, yaml_get(s, "variables"), &def);
		vec_push(&importer_job(&g->im)->services, def);
	}
}

/* ---- limits ---- */
static void read_retry(struct gitlab *g, const struct yaml_node *r)
{
	static const struct {
		const char *theirs, *ours;
	} classes[] = {{"always", "any"},
		       {"script_failure", "any"},
		       {"runner_system_failure", "infra"},
		       {"stuck_or_timeout_failure", "timeout"},
		       {"job_execution_timeout", "timeout"},
		       {"api_failure", "infra"},
		       {"runner_unsupported", "infra"},
		       {"unknown_failure", "any"},
		       {"scheduler_failure", "infra"}};
	const struct yaml_node *max = r && r->kind == YAML_MAP ? yaml_get(r, "max") : r,
			       *codes = yaml_get(r, "exit_codes");
	struct retry *retry = &importer_job(&g->im)->retry;
	texts when = {0};

	if (!node_is_text(max) || !parse_u32(max->text, &retry->max) || retry->max == 0)
		return;
	node_texts(&g->im, yaml_get(r, "when"), "retry.when", &when);
	vec_each(w, &when) {
		bool known = false;
		for (size_t i = 0; i < ARRAY_LEN(classes); i++)
			if (streq(*w, classes[i].theirs)) {
				draft_text(&retry->on, classes[i].ours);
				known = true;
			}
		if (!known)
			lost(&g->im, yaml_get(r, "when"), "retry.on is infra, timeout, oom or any",
			     "retry.when: %.60s", *w);
		xfree(*w);
	}
	vec_done(&when);
	node_texts(&g->im, codes, "retry.exit_codes", &retry->exit);
	if (!retry->on.n && !retry->exit.n)
		draft_text(&retry->on, "any");
}

/* "1h 30m", "3 hours 30 minutes", "90 minutes" */
static uint64_t read_timeout(struct gitlab *g, const struct yaml_node *t)
{
	uint64_t sum = 0, number = 0;
	bool have = false, ok = node_is_text(t);

	for (size_t i = 0; ok && i < t->text.n; i++) {
		char c = t->text.p[i];
		if (c >= '0' && c <= '9') {
			number = number * 10 + (uint64_t)(c - '0');
			have = true;
			ok = number < 1000000;
		} else if (c != ' ' && have) {
			uint64_t unit = c == 'd'   ? 86400
					: c == 'h' ? 3600
					: c == 'm' ? 60
					: c == 's' ? 1
						   : 0;
			ok = unit != 0;
			sum += number * unit;
			number = 0;
			have = false;
			while (i + 1 < t->text.n &&
			       ((t->text.p[i + 1] >= 'a' && t->text.p[i + 1] <= 'z') ||
				t->text.p[i + 1] == ','))
				i++;
		} else if (c != ' ' && !(c == 'a' && i + 2 < t->text.n)) {
			ok = false;
		}
	}
	if (ok && sum && !have && sum <= 7 * 86400)
		return sum * USEC_SEC;
	if (t)
		lost(&g->im, t, "write timeout: 10m", "timeout: %.*s", (int)MIN_OF(t->text.n, 60),
		     t->text.p ? t->text.p : "");
	return 0;
}

static void add_row(struct gitlab *g, const struct yaml_node *row, size_t at, const pairs *so_far)
{
	const struct yaml_node *values = at < row->n ? &row->items[at] : NULL;
	struct job_def *job = importer_job(&g->im);

	if (job->matrix.include.n >= 256)
		return;
	if (!values) {
		struct combination c = {0};
		vec_each(p, so_far)
			draft_pair(&c.v, p->key, p->value);
		if (c.v.n)
			vec_push(&job->matrix.include, c);
		return;
	}
	AUTO(freep) char *axis = draft_slug(row->keys[at].text, "axis");
	for (size_t i = 0; i < (values->kind == YAML_LIST ? values->n : 1); i++) {
		const struct yaml_node *value =
			values->kind == YAML_LIST ? &values->items[i] : values;
		pairs next = {0};
		if (!node_is_text(value) || !is_matrix_value(value->text)) {
			lost(&g->im, value, "a value has 1 to 64 letters, digits, '.', '_' and '-'",
			     "a value of parallel.matrix");
			continue;
		}
		vec_each(p, so_far)
			draft_pair(&next, p->key, p->value);
		AUTO(freep) char *text = node_dup(value);
		draft_pair(&next, axis, text);
		add_row(g, row, at + 1, &next);
		vec_each(p, &next) {
			xfree(p->key);
			xfree(p->value);
		}
		vec_done(&next);
	}
}

/* head: lines before the script. */
static void read_parallel(struct gitlab *g, const struct yaml_node *p, struct strbuf *head)
{
	const struct yaml_node *rows = yaml_get(p, "matrix");
	struct job_def *job = importer_job(&g->im);
	uint32_t n = 0;
	pairs none = {0};

	if (node_is_text(p) && parse_u32(p->text, &n) && n > 1 && n <= 200) {
		vec_add(&job->matrix.axes);
		struct axis *axis = vec_last(&job->matrix.axes);
		axis->name = xstrdup("node");
		for (uint32_t i = 1; i <= n; i++) {
			AUTO(freep) char *value = xasprintf("%u", i);
			draft_text(&axis->values, value);
		}
		strbuf_addf(head, "export CI_NODE_INDEX=\"$MATRIX_NODE\" CI_NODE_TOTAL=%u\n", n);
		return;
	}
	if (p && (!rows || rows->kind != YAML_LIST))
		lost(&g->im, p, "write matrix: {axis: [values]}", "parallel");
	for (size_t i = 0; rows && rows->kind == YAML_LIST && i < rows->n; i++) {
		const struct yaml_node *row = &rows->items[i];
		if (row->kind != YAML_MAP || row->n > 8)
			continue;
		add_row(g, row, 0, &none);
		for (size_t k = 0; k < row->n; k++) {
			AUTO(freep) char *key = node_dup(&row->keys[k]);
			AUTO(freep) char *axis = draft_slug(row->keys[k].text, "axis");
			AUTO(freep) char *value = xasprintf(MATRIX_NAME "%s}", axis);
			if (job_has_axis(job, axis))
				draft_pair(&g->vars, key, value);
		}
	}
}

/* ---- script ---- */
static void check_variables(struct gitlab *g, const struct yaml_node *at, struct str script)
{
	texts seen = {0};

	for (size_t i = 0; i + 4 < script.n; i++) {
		size_t from = i + 1 + (script.p[i + 1] == '{'), end = from;
		if (script.p[i] != '$' || end + 3 > script.n ||
		    memcmp(script.p + from, "CI_", 3) != 0)
			continue;
		while (end < script.n &&
		       (script.p[end] == '_' || (script.p[end] >= 'A' && script.p[end] <= 'Z')))
			end++;
		AUTO(freep) char *name = xstrndup(script.p + from, end - from);
		size_t before = seen.n;
		if (seen.n >= 20 || str_starts(str_of(name), "CI_NODE_"))
			continue;
		draft_text(&seen, name);
		if (seen.n > before)
			lost(&g->im, at,
			     streq(name, "CI_PROJECT_DIR")
				     ? "a job starts in the folder of its unit: $PWD"
			     : str_starts(str_of(name), "CI_REGISTRY")
				     ? "an image job packs and pushes it: image: {from: scratch, copy: {...}}"
				     : "a job sees only declared things: ask Git, or set it under env",
			     "$%.80s", name);
	}
	vec_each(s, &seen)
		xfree(*s);
	vec_done(&seen);
}

static void read_script(struct gitlab *g, const struct yaml_node *job, const char *head)
{
	AUTO(strbuf_done)
	struct strbuf b = STRBUF((size_t)2 << 20), after = STRBUF((size_t)2 << 20);
	const struct yaml_node *script = yaml_get(job, "script"),
			       *end = given(g, job, "after_script");
	struct job_def *def = importer_job(&g->im);

	strbuf_adds(&b, head);
	gitlab_lines(g, given(g, job, "before_script"), 0, &b);
	gitlab_lines(g, script, 0, &b);
	gitlab_lines(g, end, 0, &after);
	check_variables(g, script ? script : job, strbuf_str(&b));
	while (b.n && strchr("\n \t", b.p[b.n - 1]))
		b.p[--b.n] = 0;
	if (!script || !b.n)
		def->run = xstrdup("echo 'this job had no script' >&2; exit 1");
	else
		def->run = needs_bash(strbuf_str(&b)) ? in_shell("bash -ec", strbuf_cstr(&b))
						      : xstrdup(strbuf_cstr(&b));
	while (after.n && strchr("\n \t", after.p[after.n - 1]))
		after.p[--after.n] = 0;
	if (after.n)
		vec_push(&def->finally, strbuf_take(&after));
}

static void refuse_rest(struct gitlab *g, const struct yaml_node *job)
{
	static const struct {
		const char *key, *instead;
	} known[] = {
		{"environment", "deployments are stages of their own: staging, gate, production"},
		{"trigger", "a run has all its jobs: write them here"},
		{"release", "on.push.release: tags makes a release of a tag's run"},
		{"pages", "publish in a step"},
		{"coverage", "write reports: {coverage: FILE}, Cobertura or lcov"},
		{"id_tokens",
		 "write id_tokens: {VARIABLE: {aud: URL}}; the other side must be told our issuer"},
		{"secrets", "write secrets: {VARIABLE: file:NAME}"},
		{"hooks", "put the commands into the script"},
		{"start_in", "wait in the script, or make it manual"},
		{"dast_configuration", "write the scanner's command"},
		{"run", "write the steps under steps:"},
		{"inherit",
		 "only what the job says itself counts: look at env, image and services"}};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (yaml_get(job, known[i].key))
			lost(&g->im, yaml_get(job, known[i].key), known[i].instead, "%s",
			     known[i].key);
}

static void read_job(struct gitlab *g, const struct yaml_node *job)
{
	const struct yaml_node *tags = given(g, job, "tags"),
			       *group = yaml_get(job, "resource_group");
	const struct yaml_node *may = yaml_get(job, "allow_failure"),
			       *time = given(g, job, "timeout");
	AUTO(strbuf_done) struct strbuf head = STRBUF(16384);
	struct job_def *def = importer_job(&g->im);
	texts labels = {0};

	read_variables(g, yaml_get(job, "variables"));
	def->allow_failure = node_is_true(may);
	if (may && may->kind == YAML_MAP)
		lost(&g->im, may, "let the script answer 0 for that code",
		     "allow_failure of some exit codes");
	read_parallel(g, yaml_get(job, "parallel"), &head);
	read_image(g, given(g, job, "image"));
	read_services(g, given(g, job, "services"));
	gitlab_artifacts(g, given(g, job, "artifacts"));
	gitlab_cache(g, given(g, job, "cache"));
	read_retry(g, given(g, job, "retry"));
	def->timeout = time ? read_timeout(g, time) : 0;
	node_texts(&g->im, tags, "tags", &labels);
	vec_each(label, &labels) {
		AUTO(freep) char *slug = draft_slug(str_of(*label), "any");
		if (strchr(*label, '$'))
			lost(&g->im, tags, "name labels under agent", "tags: %.80s", *label);
		else
			draft_text(&def->labels, slug);
		xfree(*label);
	}
	vec_done(&labels);
	if (node_is_text(group)) {
		def->group.name = draft_slug(group->text, def->name);
	}
	gitlab_needs(g, yaml_get(job, "needs"));
	set_env(g, job);
	refuse_rest(g, job);
	read_script(g, job, strbuf_cstr(&head));
}

enum rc gitlab_job(struct gitlab *g, const struct yaml_node *name, const struct yaml_node *own,
		   struct err *err)
{
	struct yaml_node job = {0};
	pairs before = {0};

	(void)own;
	(void)draft_job(g->im.d, name->text, name->line);
	g->im.job = g->im.d->c.jobs.n - 1;
	if (gitlab_resolve(g, name->text, 0, &job, err) != RC_OK)
		return err->rc == RC_OK
			       ? err_set(err, RC_INTERNAL, "%s: a job went away", g->im.file)
			       : err->rc;
	vec_each(p, &g->vars)
		draft_pair(&before, p->key, p->value);
	const struct yaml_node *stage = yaml_get(&job, "stage");
	vec_push(&g->job_stages, node_is_text(stage) ? node_dup(stage) : xstrdup("test"));
	vec_push(&g->has_needs, (bool)(yaml_get(&job, "needs") != NULL));
	read_job(g, &job);
	if (!gitlab_rules(g, &job))
		importer_job(&g->im)->condition = xstrdup("false");
	vec_each(p, &g->vars) {
		xfree(p->key);
		xfree(p->value);
	}
	vec_done(&g->vars);
	memcpy(&g->vars, &before, sizeof(before));
	g->im.job = NO_JOB;
	return RC_OK;
}
