/* Buildkite: a step for each instance; a matrix is written out. The agent fills $NAME when it uploads: a shell's `$` is doubled. */
#include "dialect/generate_impl.h"

static char *key_of(const struct gen_job *job, size_t row)
{
	return job->rows.n > 1 ? xasprintf("%s-%zu", job->id, row + 1) : xstrdup(job->id);
}

static char *doubled(const char *text)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF((size_t)8 << 20);

	for (; *text; text++) {
		strbuf_addc(&b, *text);
		if (*text == '$')
			strbuf_addc(&b, '$');
	}
	return strbuf_take(&b);
}

static void needs(const struct gen *g, const struct gen_job *job, struct yaml_out *o)
{
	bool own = job->def->manual;

	if (!job->needs.n && !own)
		return;
	yaml_out_open(o, "depends_on");
	if (own) {
		AUTO(freep) char *gate = xasprintf("%s-start", job->id);
		yaml_out_text(o, NULL, gate);
	}
	vec_each(need, &job->needs)
		for (size_t i = 0; i < g->jobs.v[*need].rows.n; i++) {
			AUTO(freep) char *key = key_of(&g->jobs.v[*need], i);
			yaml_out_text(o, NULL, key);
		}
	yaml_out_close(o);
}

static void environment(const struct gen_job *job, const struct gen_row *row, struct yaml_out *o)
{
	const struct gen_hole hole = {.before = "", .after = "", .row = row};

	if (!job->def->env.n && !row->matrix->n && !row->shard)
		return;
	yaml_out_open(o, "env");
	vec_each(p, &job->def->env) {
		AUTO(freep) char *value = gen_fill(job, p->value, &hole);
		AUTO(freep) char *text = doubled(value);
		yaml_out_text(o, p->key, text);
	}
	vec_each(p, row->matrix) {
		AUTO(freep) char *name = gen_variable(p->key);
		yaml_out_text(o, name, p->value);
	}
	if (row->shard)
		yaml_out_word(o, "SPLIT_INDEX", "'%u'", row->shard);
	yaml_out_close(o);
}

static void retries(const struct job_def *def, struct yaml_out *o)
{
	bool any = false;

	if (!def->retry.max)
		return;
	vec_each(on, &def->retry.on)
		any |= streq(*on, "any");
	yaml_out_open(o, "retry");
	yaml_out_open(o, "automatic");
	yaml_out_open(o, NULL);
	yaml_out_word(o, "exit_status", any ? "'*'" : "-1");
	yaml_out_word(o, "limit", "%u", MIN_OF(def->retry.max, 10u));
	yaml_out_close(o);
	vec_each(code, &def->retry.exit) {
		yaml_out_open(o, NULL);
		yaml_out_word(o, "exit_status", "%s", *code);
		yaml_out_word(o, "limit", "%u", MIN_OF(def->retry.max, 10u));
		yaml_out_close(o);
	}
	yaml_out_close(o);
	yaml_out_close(o);
}

/* Outputs of needs, in; own outputs, out: tar files that keep which files are programs. */
static void command(const struct gen *g, const struct gen_job *job, const char *key,
		    struct yaml_out *o)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF((size_t)4 << 20);
	AUTO(freep) char *file = xasprintf(".penstock-%s.tgz", key);

	strbuf_adds(&b, "set -e\n");
	vec_each(need, &job->needs)
		for (size_t i = 0;
		     gen_has_outputs(&g->jobs.v[*need]) && i < g->jobs.v[*need].rows.n; i++) {
			AUTO(freep) char *from = key_of(&g->jobs.v[*need], i);
			strbuf_addf(
				&b,
				"buildkite-agent artifact download .penstock-%s.tgz . --step %s\ntar -xzf .penstock-%s.tgz\n",
				from, from, from);
		}
	strbuf_adds(&b, "root=$PWD\n");
	gen_script(job,
		   &(struct gen_script){.cd = true,
					.finally_trap = true,
					.secret = "buildkite-agent secret get"},
		   &b);
	if (gen_has_outputs(job)) {
		strbuf_adds(&b, "cd \"$root\"\n");
		gen_pack(job, file, &b);
	}
	AUTO(freep) char *text = doubled(strbuf_cstr(&b));
	yaml_out_text(o, "command", text);
	if (!gen_has_outputs(job) && !job->def->reports.junit)
		return;
	texts paths = {0};
	if (gen_has_outputs(job))
		draft_text(&paths, file);
	AUTO(freep)
	char *junit = job->def->reports.junit ? gen_path(job, job->def->reports.junit) : NULL;
	if (junit)
		draft_text(&paths, junit);
	yaml_out_texts(o, "artifact_paths", paths.v, paths.n);
	vec_each(p, &paths)
		xfree(*p);
	vec_done(&paths);
}

static void condition(struct gen *g, const struct gen_job *job, struct yaml_out *o)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(16384);

	if (!job->def->condition)
		return;
	AUTO(cond_freep) struct cond *c = cond_parse(str_of(job->def->condition), SYNTAX_OURS);
	if (c && when_buildkite(c, &b) && !strbuf_failed(&b)) {
		yaml_out_text(o, "if", strbuf_cstr(&b));
		return;
	}
	yaml_out_comment(o, "if: %s", job->def->condition);
	gen_lost(
		g, "if",
		"generate with --affected for each change, or write Buildkite's own if: it runs always");
}

static void one(struct gen *g, const struct gen_job *job, size_t at, struct yaml_out *o)
{
	const struct job_def *def = job->def;
	const struct gen_row *row = &job->rows.v[at];
	const struct gen_hole hole = {.before = "", .after = "", .row = row};
	AUTO(freep) char *key = key_of(job, at);
	AUTO(freep) char *image = def->container ? gen_fill(job, def->container, &hole) : NULL;
	AUTO(freep) char *group = def->group.name ? gen_fill(job, def->group.name, &hole) : NULL;

	yaml_out_open(o, NULL);
	yaml_out_text(o, "key", key);
	yaml_out_text(o, "label", key);
	condition(g, job, o);
	needs(g, job, o);
	yaml_out_word(o, "timeout_in_minutes", "%llu",
		      (unsigned long long)((def->timeout + USEC_MIN - 1) / USEC_MIN));
	if (def->labels.n) {
		yaml_out_open(o, "agents");
		vec_each(label, &def->labels)
			yaml_out_text(o, *label, "true");
		yaml_out_close(o);
	}
	if (def->allow_failure)
		yaml_out_word(o, "soft_fail", "true");
	if (group) {
		yaml_out_text(o, "concurrency_group", group);
		yaml_out_word(o, "concurrency", "1");
	}
	retries(def, o);
	environment(job, row, o);
	if (image) {
		yaml_out_open(o, "plugins");
		yaml_out_open(o, NULL);
		yaml_out_open(o, "docker#v5.12.0");
		yaml_out_text(o, "image", image);
		yaml_out_word(o, "propagate-environment", "true");
		yaml_out_close(o);
		yaml_out_close(o);
		yaml_out_close(o);
	}
	command(g, job, key, o);
	yaml_out_close(o);
}

static void job_steps(struct gen *g, const struct gen_job *job, struct yaml_out *o)
{
	if (job->def->manual) {
		AUTO(freep) char *gate = xasprintf("%s-start", job->id);
		yaml_out_open(o, NULL);
		yaml_out_text(o, "block", job->id);
		yaml_out_text(o, "key", gate);
		yaml_out_text(o, "blocked_state", "passed");
		yaml_out_close(o);
	}
	for (size_t i = 0; i < job->rows.n; i++)
		one(g, job, i, o);
	if (job->def->services.n)
		gen_lost(g, "services", "run them with the docker-compose plugin, or on the agent");
	if (job->def->caches.n)
		gen_lost(g, "cache", "name a cache plugin");
}

void generate_buildkite(struct gen *g, struct yaml_out *o)
{
	yaml_out_open(o, "steps");
	for (g->at = 0; g->at < g->jobs.n; g->at++)
		if (g->jobs.v[g->at].wanted)
			job_steps(g, &g->jobs.v[g->at], o);
	yaml_out_close(o);
}
