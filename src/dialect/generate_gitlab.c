/* GitLab CI. One stage: the order is in the needs. */
#include "dialect/generate_impl.h"

static const struct gen_hole in_text = {.before = "$", .after = "", .variable = true};

/* GitLab fills $NAME in texts of its YAML; a script is the shell's. */
static void variables(const struct gen_job *job, struct yaml_out *o)
{
	if (!job->def->env.n && !job->def->services.n)
		return;
	yaml_out_open(o, "variables");
	vec_each(p, &job->def->env) {
		AUTO(freep) char *value = gen_fill(job, p->value, &in_text);
		yaml_out_text(o, p->key, value);
	}
	vec_each(s, &job->def->services) {
		AUTO(freep) char *name = gen_variable(s->name);
		AUTO(freep)
		char *host = xasprintf("%s_HOST", name + strlen("MATRIX_")),
		     *port = xasprintf("%s_PORT", name + strlen("MATRIX_"));
		yaml_out_text(o, host, s->name);
		if (s->port)
			yaml_out_word(o, port, "'%u'", s->port);
	}
	yaml_out_close(o);
}

static void rows(const struct gen_job *job, struct yaml_out *o)
{
	if (!gen_has_rows(job))
		return;
	yaml_out_open(o, "parallel");
	yaml_out_open(o, "matrix");
	vec_each(row, &job->rows) {
		yaml_out_open(o, NULL);
		vec_each(p, row->matrix) {
			AUTO(freep) char *name = gen_variable(p->key);
			yaml_out_text(o, name, p->value);
		}
		if (row->shard)
			yaml_out_word(o, "SPLIT_INDEX", "'%u'", row->shard);
		yaml_out_close(o);
	}
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
		yaml_out_open(o, NULL);
		yaml_out_text(o, "name", image);
		yaml_out_text(o, "alias", s->name);
		yaml_out_texts(o, "command", s->args.v, s->args.n);
		if (s->env.n) {
			yaml_out_open(o, "variables");
			vec_each(p, &s->env)
				yaml_out_text(o, p->key, p->value);
			yaml_out_close(o);
		}
		yaml_out_close(o);
		if (s->ready)
			gen_lost(g, "ready of a service",
				 "GitLab waits for its port: ask for readiness in the script");
	}
	yaml_out_close(o);
}

static void retries(const struct job_def *def, struct yaml_out *o)
{
	bool timeout = false, any = false, infra = false;

	vec_each(on, &def->retry.on) {
		timeout |= streq(*on, "timeout");
		infra |= streq(*on, "infra") || streq(*on, "oom");
		any |= streq(*on, "any");
	}
	if (!def->retry.max || (!timeout && !any && !infra && !def->retry.exit.n))
		return;
	yaml_out_open(o, "retry");
	yaml_out_word(o, "max", "%u", MIN_OF(def->retry.max, 2u));
	yaml_out_open(o, "when");
	if (any)
		yaml_out_text(o, NULL, "always");
	if (infra && !any)
		yaml_out_text(o, NULL, "runner_system_failure");
	if (timeout && !any)
		yaml_out_text(o, NULL, "job_execution_timeout");
	if (!any && !infra && !timeout)
		yaml_out_text(o, NULL, "runner_system_failure");
	yaml_out_close(o);
	if (def->retry.exit.n) {
		yaml_out_open(o, "exit_codes");
		vec_each(code, &def->retry.exit)
			yaml_out_word(o, NULL, "%s", *code);
		yaml_out_close(o);
	}
	yaml_out_close(o);
}

static void caches(const struct gen_job *job, struct yaml_out *o)
{
	if (!job->def->caches.n)
		return;
	yaml_out_open(o, "cache");
	vec_each(cache, &job->def->caches) {
		texts paths = {0}, files = {0};
		vec_each(p, &cache->paths)
			vec_push(&paths, gen_path(job, *p));
		for (size_t i = 0; i < cache->key.n && i < 2; i++) /* two are theirs' limit */
			vec_push(&files, gen_path(job, cache->key.v[i]));
		yaml_out_open(o, NULL);
		yaml_out_open(o, "key");
		yaml_out_texts(o, "files", files.v, files.n);
		yaml_out_text(o, "prefix", cache->name ? cache->name : job->id);
		yaml_out_close(o);
		yaml_out_texts(o, "paths", paths.v, paths.n);
		yaml_out_close(o);
		vec_each(p, &paths)
			xfree(*p);
		vec_each(p, &files)
			xfree(*p);
		vec_done(&paths);
		vec_done(&files);
	}
	yaml_out_close(o);
}

static void artifacts(const struct gen_job *job, struct yaml_out *o)
{
	const struct reports_def *r = &job->def->reports;
	texts paths = {0};

	if (!gen_has_outputs(job) && !r->junit && !r->coverage)
		return;
	yaml_out_open(o, "artifacts");
	vec_each(out, &job->def->outputs)
		vec_push(&paths, gen_path(job, *out));
	yaml_out_texts(o, "paths", paths.v, paths.n);
	vec_each(p, &paths)
		xfree(*p);
	vec_done(&paths);
	if (r->junit || r->coverage) {
		yaml_out_word(o, "when", "always");
		yaml_out_open(o, "reports");
		AUTO(freep) char *junit = r->junit ? gen_path(job, r->junit) : NULL;
		AUTO(freep) char *coverage = r->coverage ? gen_path(job, r->coverage) : NULL;
		if (junit)
			yaml_out_text(o, "junit", junit);
		if (coverage && str_ends(str_of(coverage), ".xml")) {
			yaml_out_open(o, "coverage_report");
			yaml_out_word(o, "coverage_format", "cobertura");
			yaml_out_text(o, "path", coverage);
			yaml_out_close(o);
		}
		yaml_out_close(o);
	}
	yaml_out_close(o);
}

static void needs(const struct gen *g, const struct gen_job *job, struct yaml_out *o)
{
	if (!job->needs.n) {
		yaml_out_word(o, "needs", "[]");
		return;
	}
	yaml_out_open(o, "needs");
	vec_each(need, &job->needs) {
		const struct gen_job *other = &g->jobs.v[*need];
		yaml_out_open(o, NULL);
		yaml_out_text(o, "job", other->id);
		yaml_out_word(o, "artifacts", "true");
		if (other->def->condition)
			yaml_out_word(o, "optional", "true");
		yaml_out_close(o);
	}
	yaml_out_close(o);
}

static void rules(struct gen *g, const struct gen_job *job, struct yaml_out *o)
{
	const struct job_def *def = job->def;
	AUTO(cond_freep)
	struct cond *c = def->condition ? cond_parse(str_of(def->condition), SYNTAX_OURS) : NULL;
	bool said = c && cond_to_gitlab(&c);

	if (def->condition && !said) {
		gen_lost(g, "if", "its expression cannot be said there: it runs always");
		yaml_out_comment(o, "if: %s", def->condition);
	}
	if (!said && !def->manual)
		return;
	yaml_out_open(o, "rules");
	yaml_out_open(o, NULL);
	if (said) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(16384);
		cond_print(c, SYNTAX_GITLAB, &b);
		yaml_out_text(o, "if", strbuf_cstr(&b));
	}
	yaml_out_word(o, "when", def->manual ? "manual" : "on_success");
	if (def->manual)
		yaml_out_word(o, "allow_failure", "true");
	yaml_out_close(o);
	yaml_out_close(o);
}

static void script(const struct gen_job *job, struct yaml_out *o)
{
	AUTO(strbuf_done)
	struct strbuf b = STRBUF((size_t)4 << 20), after = STRBUF((size_t)4 << 20);

	gen_script(job, &(struct gen_script){.cd = true}, &b);
	yaml_out_open(o, "script");
	yaml_out_text(o, NULL, strbuf_cstr(&b));
	yaml_out_close(o);
	if (!job->def->finally.n)
		return;
	if (!streq(job->dir, ".")) {
		strbuf_adds(&after, "cd ");
		strbuf_add_shellquoted(&after, str_of(job->dir));
		strbuf_addc(&after, '\n');
	}
	vec_each(command, &job->def->finally)
		strbuf_addf(&after, "%s\n", *command);
	yaml_out_open(o, "after_script");
	yaml_out_text(o, NULL, strbuf_cstr(&after));
	yaml_out_close(o);
}

static void one(struct gen *g, const struct gen_job *job, struct yaml_out *o)
{
	const struct job_def *def = job->def;
	AUTO(freep) char *image = def->container ? gen_fill(job, def->container, &in_text) : NULL;
	AUTO(freep) char *group = def->group.name ? gen_fill(job, def->group.name, &in_text) : NULL;

	yaml_out_blank(o);
	yaml_out_open(o, job->id);
	yaml_out_text(o, "stage", "ci");
	needs(g, job, o);
	rules(g, job, o);
	if (image)
		yaml_out_text(o, "image", image);
	services(g, job, o);
	yaml_out_texts(o, "tags", def->labels.v, def->labels.n);
	yaml_out_word(o, "timeout", "%llu seconds", (unsigned long long)(def->timeout / USEC_SEC));
	if (def->allow_failure && !def->manual)
		yaml_out_word(o, "allow_failure", "true");
	retries(def, o);
	rows(job, o);
	if (group)
		yaml_out_text(o, "resource_group", group);
	variables(job, o);
	caches(job, o);
	script(job, o);
	artifacts(job, o);
	yaml_out_close(o);
	if (def->reports.sarif)
		gen_lost(g, "reports.sarif", "GitLab reads no SARIF: convert it");
}

void generate_gitlab(struct gen *g, struct yaml_out *o)
{
	bool any = false;

	yaml_out_word(o, "stages", "[ci]");
	for (g->at = 0; g->at < g->jobs.n; g->at++)
		if (g->jobs.v[g->at].wanted) {
			one(g, &g->jobs.v[g->at], o);
			any = true;
		}
	if (any)
		return;
	yaml_out_comment(o, "A pipeline without a job is refused there.");
	yaml_out_open(o, "nothing-affected");
	yaml_out_text(o, "stage", "ci");
	yaml_out_open(o, "script");
	yaml_out_text(o, NULL, "echo 'this change affects no job'");
	yaml_out_close(o);
	yaml_out_close(o);
}
