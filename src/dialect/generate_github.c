/* GitHub Actions. Outputs travel as tar files: the host's own artifacts forget which files are programs. */
#include "dialect/generate_impl.h"

static const struct gen_hole in_text = {.before = "${{ matrix.", .after = " }}"};

static void triggers(const struct config *c, struct yaml_out *o)
{
	yaml_out_open(o, "on");
	yaml_out_open(o, "push");
	yaml_out_texts(o, "branches", c->branches.v, c->branches.n);
	yaml_out_texts(o, "tags", c->tags.v, c->tags.n);
	yaml_out_close(o);
	if (c->pull_requests && c->pull_branches.n) {
		yaml_out_open(o, "pull_request");
		yaml_out_texts(o, "branches", c->pull_branches.v, c->pull_branches.n);
		yaml_out_close(o);
	} else if (c->pull_requests) {
		yaml_out_word(o, "pull_request", "{}");
	}
	if (c->queue.on)
		yaml_out_word(o, "merge_group", "{}");
	if (c->schedules.n) {
		yaml_out_open(o, "schedule");
		vec_each(s, &c->schedules) {
			yaml_out_open(o, NULL);
			yaml_out_text(o, "cron", s->cron);
			yaml_out_close(o);
		}
		yaml_out_close(o);
	}
	yaml_out_word(o, "workflow_dispatch", "{}");
	yaml_out_close(o);
}

static void condition(struct gen *g, const struct gen_job *job, struct yaml_out *o)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(16384);
	AUTO(cond_freep)
	struct cond *c =
		job->def->condition ? cond_parse(str_of(job->def->condition), SYNTAX_OURS) : NULL;
	bool said = c && cond_to_github(&c);

	if (job->def->condition && !said) {
		gen_lost(g, "if", "its expression cannot be said there: it runs always");
		yaml_out_comment(o, "if: %s", job->def->condition);
	}
	/* a need that was skipped is no failure */
	strbuf_adds(&b, job->needs.n ? "!failure() && !cancelled()" : "");
	if (job->waits)
		strbuf_addf(&b, "%sgithub.event_name == 'workflow_dispatch'", b.n ? " && " : "");
	if (said) {
		bool more = b.n > 0;
		strbuf_adds(&b, more ? " && (" : "");
		cond_print(c, SYNTAX_GITHUB, &b);
		strbuf_adds(&b, more ? ")" : "");
	}
	if (b.n)
		yaml_out_word(o, "if", "${{ %s }}", strbuf_cstr(&b));
}

static void rows(const struct gen_job *job, struct yaml_out *o)
{
	if (!gen_has_rows(job))
		return;
	yaml_out_open(o, "strategy");
	yaml_out_word(o, "fail-fast", "false");
	yaml_out_open(o, "matrix");
	yaml_out_open(o, "include");
	vec_each(row, &job->rows) {
		yaml_out_open(o, NULL);
		vec_each(p, row->matrix)
			yaml_out_text(o, p->key, p->value);
		if (row->shard)
			yaml_out_word(o, "split", "%u", row->shard);
		yaml_out_close(o);
	}
	yaml_out_close(o);
	yaml_out_close(o);
	yaml_out_close(o);
}

static void services(struct gen *g, const struct gen_job *job, struct yaml_out *o)
{
	if (!job->def->services.n)
		return;
	yaml_out_open(o, "services");
	vec_each(s, &job->def->services) {
		AUTO(freep) char *image = gen_fill(job, s->image, &in_text);
		yaml_out_open(o, s->name);
		yaml_out_text(o, "image", image);
		if (s->env.n) {
			yaml_out_open(o, "env");
			vec_each(p, &s->env) {
				AUTO(freep) char *value = gen_fill(job, p->value, &in_text);
				yaml_out_text(o, p->key, value);
			}
			yaml_out_close(o);
		}
		if (s->port) {
			AUTO(freep) char *port = xasprintf("%u:%u", s->port, s->port);
			yaml_out_texts(o, "ports", &port, 1);
		}
		if (s->ready) {
			AUTO(strbuf_done) struct strbuf b = STRBUF(8192);
			strbuf_adds(&b, "--health-cmd ");
			strbuf_add_shellquoted(&b, str_of(s->ready));
			strbuf_adds(&b, " --health-interval 2s --health-retries 30");
			yaml_out_text(o, "options", strbuf_cstr(&b));
		}
		if (s->args.n)
			gen_lost(g, "args of a service",
				 "a service has no command there: make an image with it");
		yaml_out_close(o);
	}
	yaml_out_close(o);
}

static void environment(const struct gen_job *job, struct yaml_out *o)
{
	const struct job_def *def = job->def;

	if (!def->env.n && !def->secrets.n && !gen_has_rows(job) && !def->services.n)
		return;
	yaml_out_open(o, "env");
	vec_each(p, &def->env) {
		AUTO(freep) char *value = gen_fill(job, p->value, &in_text);
		yaml_out_text(o, p->key, value);
	}
	vec_each(p, &def->secrets)
		yaml_out_word(o, p->key, "${{ secrets.%s }}", gen_secret(p));
	for (size_t i = 0; i < job->rows.v[0].matrix->n; i++) {
		const char *axis = job->rows.v[0].matrix->v[i].key;
		AUTO(freep) char *variable = gen_variable(axis);
		yaml_out_word(o, variable, "${{ matrix.%s }}", axis);
	}
	if (def->split.into)
		yaml_out_word(o, "SPLIT_INDEX", "${{ matrix.split }}");
	vec_each(s, &def->services) {
		AUTO(freep) char *slug = draft_slug(str_of(s->name), "service");
		AUTO(freep) char *name = gen_variable(slug);
		AUTO(freep)
		char *host = xasprintf("%s_HOST", name + strlen("MATRIX_")),
		     *port = xasprintf("%s_PORT", name + strlen("MATRIX_"));
		yaml_out_text(o, host, def->container ? s->name : "localhost");
		if (s->port)
			yaml_out_word(o, port, "'%u'", s->port);
	}
	yaml_out_close(o);
}

static void uses(struct yaml_out *o, const char *name, const char *action)
{
	yaml_out_open(o, NULL);
	if (name)
		yaml_out_text(o, "name", name);
	yaml_out_text(o, "uses", action);
}

static void bring(const struct gen *g, const struct gen_job *job, struct yaml_out *o)
{
	bool any = false;

	vec_each(need, &job->needs) {
		const struct gen_job *from = &g->jobs.v[*need];
		if (!gen_has_outputs(from))
			continue;
		AUTO(freep) char *title = xasprintf("Outputs of %s", from->id);
		AUTO(freep) char *pattern = xasprintf("%s-outputs-*", from->id);
		any = true;
		uses(o, title, "actions/download-artifact@v4");
		yaml_out_open(o, "with");
		yaml_out_text(o, "pattern", pattern);
		yaml_out_text(o, "path", ".penstock-in");
		yaml_out_word(o, "merge-multiple", "true");
		yaml_out_close(o);
		yaml_out_close(o);
	}
	if (!any)
		return;
	yaml_out_open(o, NULL);
	yaml_out_text(o, "name", "Lay out outputs");
	yaml_out_text(o, "working-directory", ".");
	yaml_out_text(o, "run",
		      "for f in .penstock-in/*.tgz; do [ ! -e \"$f\" ] || tar -xzf \"$f\"; done");
	yaml_out_close(o);
}

static void caches(const struct gen_job *job, struct yaml_out *o)
{
	vec_each(cache, &job->def->caches) {
		AUTO(strbuf_done) struct strbuf key = STRBUF(8192), paths = STRBUF(8192);
		strbuf_addf(&key, "%s-${{ hashFiles(", cache->name ? cache->name : job->id);
		for (size_t i = 0; i < cache->key.n; i++) {
			AUTO(freep) char *path = gen_path(job, cache->key.v[i]);
			strbuf_addf(&key, "%s'%s'", i ? ", " : "", path);
		}
		strbuf_adds(&key, ") }}");
		vec_each(p, &cache->paths) {
			AUTO(freep) char *path = gen_path(job, *p);
			strbuf_addf(&paths, "%s%s", paths.n ? "\n" : "", path);
		}
		uses(o, NULL, "actions/cache@v4");
		yaml_out_open(o, "with");
		yaml_out_text(o, "key", strbuf_cstr(&key));
		yaml_out_text(o, "path", strbuf_cstr(&paths));
		yaml_out_close(o);
		yaml_out_close(o);
	}
}

/* A script of ours that holds "${{" means just that. */
static char *inert(const char *script)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF((size_t)4 << 20);

	for (; *script; script++) {
		bool hole = strncmp(script, "${{", 3) == 0;
		strbuf_adds(&b, hole ? "${{ '${{' }}" : (char[]){*script, 0});
		script += hole ? 2 : 0;
	}
	return strbuf_take(&b);
}

static void run(struct yaml_out *o, const char *name, const char *cond, const char *text,
		uint64_t timeout)
{
	AUTO(freep) char *script = inert(text);

	yaml_out_open(o, NULL);
	if (name)
		yaml_out_text(o, "name", name);
	if (cond)
		yaml_out_word(o, "if", "%s", cond);
	if (timeout)
		yaml_out_word(o, "timeout-minutes", "%llu",
			      (unsigned long long)((timeout + USEC_MIN - 1) / USEC_MIN));
	yaml_out_text(o, "run", script);
	yaml_out_close(o);
}

static void keep(const struct gen_job *job, struct yaml_out *o)
{
	AUTO(strbuf_done) struct strbuf pack = STRBUF((size_t)1 << 20);
	AUTO(freep)
	char *file = xasprintf(".penstock-%s-%s.tgz", job->id,
			       gen_has_rows(job) ? "${{ strategy.job-index }}" : "0");
	AUTO(freep)
	char *name = xasprintf("%s-outputs-%s", job->id,
			       gen_has_rows(job) ? "${{ strategy.job-index }}" : "0");

	if (!gen_has_outputs(job))
		return;
	gen_pack(job, file, &pack);
	yaml_out_open(o, NULL);
	yaml_out_text(o, "name", "Pack outputs");
	yaml_out_text(o, "working-directory", ".");
	yaml_out_text(o, "run", strbuf_cstr(&pack));
	yaml_out_close(o);
	uses(o, NULL, "actions/upload-artifact@v4");
	yaml_out_open(o, "with");
	yaml_out_text(o, "name", name);
	yaml_out_text(o, "path", file);
	yaml_out_word(o, "include-hidden-files", "true");
	yaml_out_close(o);
	yaml_out_close(o);
}

static void reports(const struct gen_job *job, struct yaml_out *o)
{
	const struct reports_def *r = &job->def->reports;
	const char *const all[] = {r->junit, r->sarif, r->coverage};
	AUTO(strbuf_done) struct strbuf paths = STRBUF(8192);

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		AUTO(freep) char *path = all[i] ? gen_path(job, all[i]) : NULL;
		if (path)
			strbuf_addf(&paths, "%s%s", paths.n ? "\n" : "", path);
	}
	if (!paths.n)
		return;
	AUTO(freep)
	char *name = xasprintf("%s-reports-%s", job->id,
			       gen_has_rows(job) ? "${{ strategy.job-index }}" : "0");
	uses(o, NULL, "actions/upload-artifact@v4");
	yaml_out_word(o, "if", "always()");
	yaml_out_open(o, "with");
	yaml_out_text(o, "name", name);
	yaml_out_text(o, "path", strbuf_cstr(&paths));
	yaml_out_close(o);
	yaml_out_close(o);
}

/* All that is tried again is one step. */
static void retried(const struct gen_job *job, struct yaml_out *o)
{
	AUTO(strbuf_done)
	struct strbuf once = STRBUF((size_t)4 << 20), loop = STRBUF((size_t)8 << 20);

	gen_commands(job, &once);
	gen_retry(job->def, strbuf_cstr(&once), &loop);
	run(o, job->def->name, NULL, strbuf_cstr(&loop), 0);
}

static void steps(struct gen *g, const struct gen_job *job, struct yaml_out *o)
{
	AUTO(strbuf_done) struct strbuf split = STRBUF(8192);
	const struct job_def *def = job->def;

	yaml_out_open(o, "steps");
	uses(o, NULL, "actions/checkout@v4");
	yaml_out_close(o);
	bring(g, job, o);
	caches(job, o);
	gen_split(job, &split);
	if (split.n) {
		strbuf_adds(
			&split,
			"printf 'SPLIT_TOTAL=%s\\nSPLIT_FILES<<penstock_end\\n%s\\npenstock_end\\n' "
			"\"$SPLIT_TOTAL\" \"$SPLIT_FILES\" >>\"$GITHUB_ENV\"\n");
		run(o, "Share out files", NULL, strbuf_cstr(&split), 0);
	}
	if (gen_retries(job)) {
		retried(job, o);
	} else {
		if (def->run)
			run(o, def->name, NULL, def->run, 0);
		vec_each(step, &def->steps)
			run(o, step->name, NULL, step->run, step->timeout);
	}
	vec_each(command, &def->finally)
		run(o, "finally", "always()", *command, 0);
	keep(job, o);
	reports(job, o);
	yaml_out_close(o);
}

static void runner(const struct gen_job *job, struct yaml_out *o)
{
	texts labels = {0};

	if (!job->def->labels.n) {
		yaml_out_text(o, "runs-on", "ubuntu-latest");
		return;
	}
	draft_text(&labels, "self-hosted");
	vec_each(label, &job->def->labels)
		draft_text(&labels, *label);
	yaml_out_texts(o, "runs-on", labels.v, labels.n);
	vec_each(label, &labels)
		xfree(*label);
	vec_done(&labels);
}

static void one(struct gen *g, const struct gen_job *job, struct yaml_out *o)
{
	const struct job_def *def = job->def;
	texts needs = {0};

	yaml_out_open(o, job->id);
	runner(job, o);
	vec_each(need, &job->needs)
		vec_push(&needs, g->jobs.v[*need].id);
	yaml_out_texts(o, "needs", needs.v, needs.n);
	vec_done(&needs);
	condition(g, job, o);
	yaml_out_word(o, "timeout-minutes", "%llu",
		      (unsigned long long)((def->timeout + USEC_MIN - 1) / USEC_MIN));
	if (def->allow_failure)
		yaml_out_word(o, "continue-on-error", "true");
	rows(job, o);
	if (def->group.name) {
		AUTO(freep) char *group = gen_fill(job, def->group.name, &in_text);
		yaml_out_open(o, "concurrency");
		yaml_out_text(o, "group", group);
		yaml_out_word(o, "cancel-in-progress", def->group.supersede ? "true" : "false");
		yaml_out_close(o);
	}
	if (def->container) {
		AUTO(freep) char *image = gen_fill(job, def->container, &in_text);
		yaml_out_text(o, "container", image);
	}
	services(g, job, o);
	environment(job, o);
	yaml_out_open(o, "defaults");
	yaml_out_open(o, "run");
	yaml_out_text(o, "shell", "sh -e {0}");
	yaml_out_text(o, "working-directory", job->dir);
	yaml_out_close(o);
	yaml_out_close(o);
	steps(g, job, o);
	yaml_out_close(o);
	if (def->manual)
		gen_lost(
			g, "manual",
			"a job cannot wait for somebody there: it runs when the workflow is started by hand; an environment with reviewers waits, too");
	if (def->retry.max && !gen_retries(job))
		gen_lost(g, "retry",
			 "only exit codes can be seen there: a lost machine is not tried again");
	if (def->flaky.retry)
		gen_lost(g, "flaky", "a job is not tried again there: write retry: {exit: [...]}");
}

void generate_github(struct gen *g, struct yaml_out *o)
{
	yaml_out_text(o, "name", g->in->config->project);
	triggers(g->in->config, o);
	yaml_out_open(o, "permissions");
	yaml_out_text(o, "contents", "read");
	yaml_out_close(o);
	yaml_out_open(o, "jobs");
	for (g->at = 0; g->at < g->jobs.n; g->at++)
		if (g->jobs.v[g->at].wanted)
			one(g, &g->jobs.v[g->at], o);
	yaml_out_close(o);
}
