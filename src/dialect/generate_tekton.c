/* Tekton: one PipelineRun. The repository is cloned into a volume that all tasks share; outputs simply stay in it. */
#include "dialect/generate_impl.h"

#define SHELL_IMAGE "debian:12"
#define GIT_IMAGE   "alpine/git:2.45.2"

static const struct gen_hole in_text = {.before = "$(params.", .after = ")", .variable = true};

/* What `if` asks for; a trigger fills them in. */
static const struct {
	const char *name, *usual;
} facts[] = {{"event", "push"}, {"branch", "main"}, {"tag", ""}, {"target", ""}};

static void clone(struct yaml_out *o)
{
	yaml_out_open(o, NULL);
	yaml_out_text(o, "name", "source");
	yaml_out_open(o, "workspaces");
	yaml_out_word(o, NULL, "{name: source, workspace: source}");
	yaml_out_close(o);
	yaml_out_open(o, "taskSpec");
	yaml_out_open(o, "workspaces");
	yaml_out_word(o, NULL, "{name: source}");
	yaml_out_close(o);
	yaml_out_open(o, "steps");
	yaml_out_open(o, NULL);
	yaml_out_text(o, "name", "clone");
	yaml_out_text(o, "image", GIT_IMAGE);
	yaml_out_text(o, "workingDir", "$(workspaces.source.path)");
	yaml_out_open(o, "env");
	yaml_out_word(o, NULL, "{name: REPO, value: $(params.repo)}");
	yaml_out_word(o, NULL, "{name: REVISION, value: $(params.revision)}");
	yaml_out_close(o);
	yaml_out_text(
		o, "script",
		"#!/bin/sh\nset -e\ngit init -q .\ngit fetch -q --depth 1 -- \"$REPO\" \"$REVISION\"\ngit checkout -q FETCH_HEAD\n");
	yaml_out_close(o);
	yaml_out_close(o);
	yaml_out_close(o);
	yaml_out_close(o);
}

static void variable(struct yaml_out *o, const char *name, const char *value)
{
	yaml_out_open(o, NULL);
	yaml_out_text(o, "name", name);
	yaml_out_text(o, "value", value);
	yaml_out_close(o);
}

static void environment(const struct gen_job *job, const char *project, struct yaml_out *o)
{
	const struct job_def *def = job->def;

	if (!def->env.n && !def->secrets.n && !gen_has_rows(job) && !def->services.n)
		return;
	yaml_out_open(o, "env");
	vec_each(p, &def->env) {
		AUTO(freep) char *value = gen_fill(job, p->value, &in_text);
		variable(o, p->key, value);
	}
	for (size_t i = 0; i < job->rows.v[0].matrix->n; i++) {
		AUTO(freep) char *name = gen_variable(job->rows.v[0].matrix->v[i].key);
		AUTO(freep) char *value = xasprintf("$(params.%s)", name);
		variable(o, name, value);
	}
	if (def->split.into)
		variable(o, "SPLIT_INDEX", "$(params.SPLIT_INDEX)");
	vec_each(s, &def->services) {
		AUTO(freep) char *name = gen_variable(s->name);
		AUTO(freep)
		char *host = xasprintf("%s_HOST", name + strlen("MATRIX_")),
		     *port = xasprintf("%s_PORT", name + strlen("MATRIX_"));
		AUTO(freep) char *number = xasprintf("%u", s->port);
		variable(o, host, "localhost");
		if (s->port)
			variable(o, port, number);
	}
	vec_each(p, &def->secrets) {
		AUTO(freep) char *from = xasprintf("%s-secrets", project);
		yaml_out_open(o, NULL);
		yaml_out_text(o, "name", p->key);
		yaml_out_open(o, "valueFrom");
		yaml_out_open(o, "secretKeyRef");
		yaml_out_text(o, "name", from);
		yaml_out_text(o, "key", gen_secret(p));
		yaml_out_close(o);
		yaml_out_close(o);
		yaml_out_close(o);
	}
	yaml_out_close(o);
}

static void sidecars(const struct gen_job *job, struct yaml_out *o)
{
	if (!job->def->services.n)
		return;
	yaml_out_open(o, "sidecars");
	vec_each(s, &job->def->services) {
		AUTO(freep) char *image = gen_fill(job, s->image, &in_text);
		yaml_out_open(o, NULL);
		yaml_out_text(o, "name", s->name);
		yaml_out_text(o, "image", image);
		yaml_out_texts(o, "args", s->args.v, s->args.n);
		if (s->env.n) {
			yaml_out_open(o, "env");
			vec_each(p, &s->env)
				variable(o, p->key, p->value);
			yaml_out_close(o);
		}
		if (s->port || s->ready) {
			yaml_out_open(o, "readinessProbe");
			yaml_out_word(o, "periodSeconds", "1");
			if (s->ready) {
				yaml_out_open(o, "exec");
				yaml_out_texts(o, "command",
					       (char *[]){(char[]){"sh"}, (char[]){"-c"}, s->ready},
					       3);
				yaml_out_close(o);
			} else {
				yaml_out_word(o, "tcpSocket", "{port: %u}", s->port);
			}
			yaml_out_close(o);
		}
		yaml_out_close(o);
	}
	yaml_out_close(o);
}

/* Tekton replaces $(params.x) in scripts, and leaves other $(commands) alone. */
static void spec(const struct gen_job *job, const char *project, struct yaml_out *o)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF((size_t)4 << 20);
	AUTO(freep)
	char *image = job->def->container ? gen_fill(job, job->def->container, &in_text)
					  : xstrdup(SHELL_IMAGE);
	const struct job_def *def = job->def;

	yaml_out_open(o, "taskSpec");
	yaml_out_open(o, "workspaces");
	yaml_out_word(o, NULL, "{name: source}");
	yaml_out_close(o);
	if (gen_has_rows(job)) {
		yaml_out_open(o, "params");
		for (size_t i = 0; i < job->rows.v[0].matrix->n; i++) {
			AUTO(freep) char *name = gen_variable(job->rows.v[0].matrix->v[i].key);
			yaml_out_word(o, NULL, "{name: %s, type: string}", name);
		}
		if (def->split.into)
			yaml_out_word(o, NULL, "{name: SPLIT_INDEX, type: string}");
		yaml_out_close(o);
	}
	sidecars(job, o);
	yaml_out_open(o, "steps");
	yaml_out_open(o, NULL);
	yaml_out_text(o, "name", def->name);
	yaml_out_text(o, "image", image);
	yaml_out_text(o, "workingDir", "$(workspaces.source.path)");
	if (def->memory || def->cpu) {
		yaml_out_open(o, "computeResources");
		yaml_out_open(o, "requests");
		if (def->cpu)
			yaml_out_word(o, "cpu", "%um", def->cpu);
		if (def->memory)
			yaml_out_word(o, "memory", "'%llu'", (unsigned long long)def->memory);
		yaml_out_close(o);
		yaml_out_close(o);
	}
	environment(job, project, o);
	strbuf_adds(&b, "#!/bin/sh\nset -e\n");
	gen_script(job, &(struct gen_script){.cd = true, .finally_trap = true}, &b);
	yaml_out_text(o, "script", strbuf_cstr(&b));
	yaml_out_close(o);
	yaml_out_close(o);
	yaml_out_close(o);
}

static void rows(const struct gen_job *job, struct yaml_out *o)
{
	size_t n = 0;

	if (!gen_has_rows(job))
		return;
	yaml_out_open(o, "matrix");
	yaml_out_open(o, "include");
	vec_each(row, &job->rows) {
		yaml_out_open(o, NULL);
		yaml_out_word(o, "name", "row-%zu", ++n);
		yaml_out_open(o, "params");
		vec_each(p, row->matrix) {
			AUTO(freep) char *name = gen_variable(p->key);
			variable(o, name, p->value);
		}
		if (row->shard) {
			AUTO(freep) char *shard = xasprintf("%u", row->shard);
			variable(o, "SPLIT_INDEX", shard);
		}
		yaml_out_close(o);
		yaml_out_close(o);
	}
	yaml_out_close(o);
	yaml_out_close(o);
}

static void refuse(struct gen *g, const struct job_def *def)
{
	if (def->manual)
		gen_lost(g, "manual", "a task cannot wait for somebody there");
	if (def->caches.n)
		gen_lost(g, "cache", "keep dependencies on a volume of your own");
	if (def->group.name)
		gen_lost(g, "concurrency", "pipelines do not wait for each other there");
	if (def->labels.n)
		gen_lost(g, "agent", "choose nodes by a podTemplate");
}

static void condition(struct gen *g, const struct gen_job *job, struct yaml_out *o)
{
	if (!job->def->condition)
		return;
	AUTO(cond_freep) struct cond *c = cond_parse(str_of(job->def->condition), SYNTAX_OURS);
	if (c && when_tekton(c, o))
		return;
	yaml_out_comment(o, "if: %s", job->def->condition);
	gen_lost(g, "if", "a trigger decides there what begins: the job runs always");
}

static void one(struct gen *g, const struct gen_job *job, struct yaml_out *o)
{
	const struct job_def *def = job->def;
	texts after = {0};
	char time[24];

	yaml_out_open(o, NULL);
	yaml_out_text(o, "name", job->id);
	vec_each(need, &job->needs)
		vec_push(&after, g->jobs.v[*need].id);
	if (!after.n)
		vec_push(&after, (char *)(uintptr_t) "source");
	yaml_out_texts(o, "runAfter", after.v, after.n);
	vec_done(&after);
	condition(g, job, o);
	draft_duration(def->timeout, time);
	if (str_ends(str_of(time), "d"))
		yaml_out_word(o, "timeout", "%lluh",
			      (unsigned long long)(def->timeout / USEC_HOUR));
	else
		yaml_out_word(o, "timeout", "%s", time);
	if (def->retry.max)
		yaml_out_word(o, "retries", "%u", def->retry.max);
	if (def->allow_failure)
		yaml_out_word(o, "onError", "continue");
	rows(job, o);
	yaml_out_open(o, "workspaces");
	yaml_out_word(o, NULL, "{name: source, workspace: source}");
	yaml_out_close(o);
	spec(job, g->in->config->project, o);
	yaml_out_close(o);
	refuse(g, def);
}

static void volume(struct yaml_out *o)
{
	yaml_out_open(o, "workspaces");
	yaml_out_open(o, NULL);
	yaml_out_text(o, "name", "source");
	yaml_out_open(o, "volumeClaimTemplate");
	yaml_out_open(o, "spec");
	yaml_out_word(o, "accessModes", "[ReadWriteOnce]");
	yaml_out_word(o, "resources", "{requests: {storage: 5Gi}}");
	yaml_out_close(o);
	yaml_out_close(o);
	yaml_out_close(o);
	yaml_out_close(o);
}

void generate_tekton(struct gen *g, struct yaml_out *o)
{
	yaml_out_text(o, "apiVersion", "tekton.dev/v1");
	yaml_out_text(o, "kind", "PipelineRun");
	yaml_out_open(o, "metadata");
	yaml_out_word(o, "generateName", "%s-", g->in->config->project);
	yaml_out_close(o);
	yaml_out_open(o, "spec");
	yaml_out_open(o, "params");
	yaml_out_comment(o, "What to build: fill in, or let a trigger do it.");
	yaml_out_word(o, NULL, "{name: repo, value: 'https://git.example.com/%s.git'}",
		      g->in->config->project);
	yaml_out_word(o, NULL, "{name: revision, value: main}");
	for (size_t i = 0; i < ARRAY_LEN(facts); i++)
		yaml_out_word(o, NULL, "{name: %s, value: '%s'}", facts[i].name, facts[i].usual);
	yaml_out_close(o);
	volume(o);
	yaml_out_open(o, "pipelineSpec");
	yaml_out_open(o, "params");
	yaml_out_word(o, NULL, "{name: repo, type: string}");
	yaml_out_word(o, NULL, "{name: revision, type: string}");
	for (size_t i = 0; i < ARRAY_LEN(facts); i++)
		yaml_out_word(o, NULL, "{name: %s, type: string, default: '%s'}", facts[i].name,
			      facts[i].usual);
	yaml_out_close(o);
	yaml_out_open(o, "workspaces");
	yaml_out_word(o, NULL, "{name: source}");
	yaml_out_close(o);
	yaml_out_open(o, "tasks");
	clone(o);
	for (g->at = 0; g->at < g->jobs.n; g->at++)
		if (g->jobs.v[g->at].wanted)
			one(g, &g->jobs.v[g->at], o);
	yaml_out_close(o);
	yaml_out_close(o);
	yaml_out_close(o);
}
