/*
 * An executor on virtual time: what a job does follows from the content of its unit at its commit. It outlives the engine, as shims do, and says when an
 * attempt is run twice.
 */
#include "sim.h"

struct sim_job {
	char *job;
	uint32_t attempt;
	usec_t begin, end;
	enum failure failure;
	char *agent, *outputs;
	const char *broken; /* the test that failed */
	bool cancelled, stalled;
};
struct sim_exec {
	struct exec base;
	struct sim *s;
	struct map jobs;  /* id -> struct sim_job * */
	struct map began; /* "job#attempt" */
};

static struct sim_exec *of(struct exec *x)
{
	return container_of(x, struct sim_exec, base);
}

static void job_free(struct sim_job *j)
{
	if (!j)
		return;
	xfree(j->job);
	xfree(j->outputs);
	xfree(j->agent);
	xfree(j);
}

/* Jobs that are for people fail by themselves now and then; a kept workspace was looked into. */
static bool by_chance(struct sim *s, const struct job_spec *spec)
{
	static const struct {
		const char *name;
		double p;
	} often[] = {{"may", 0.4}, {"hand", 0.3}, {"lint", 0.1}, {"then", 0.1}, {"after", 0.2}};

	if (spec->resume)
		return rng_chance(&s->rng, 0.3);
	for (size_t i = 0; i < ARRAY_LEN(often); i++)
		if (streq(spec->def.name, often[i].name))
			return rng_chance(&s->rng, often[i].p);
	return false;
}

static enum failure fate(struct sim *s, const struct job_spec *spec)
{
	enum content c = spec->unit && *spec->unit
				 ? sim_content_at(s, spec->change.commit, spec->path)
				 : GOOD;
	bool build = streq(spec->def.name, "build"), test = streq(spec->def.name, "test");

	if (s->o.ci && by_chance(s, spec))
		return FAILURE_EXIT;
	if (s->o.ci && test && c == FLAKY)
		return spec->attempt == 1 ? FAILURE_EXIT : FAILURE_NONE;
	if ((build && c == BUILD_FAILS) || (test && c == TEST_FAILS))
		return FAILURE_EXIT;
	if (test && c == FLAKY && spec->attempt == 1)
		return FAILURE_INFRA;
	if (s->faults_on && rng_chance(&s->fault_rng, s->p_before))
		return FAILURE_INFRA;
	return FAILURE_NONE;
}

/* What comes of a job follows from its key and from all that it was given: the same key given something else would show. */
static char *made_of(struct sim *s, const struct job_spec *spec)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF((size_t)1 << 20);
	struct tree_facts t = {0};
	texts dirs = {0}, none = {0};
	struct err err = {0};
	struct json_out out = JSON_OUT(&b);

	shape_write(&out, NULL, &shape_job_def, &spec->def);
	vec_each(path, &spec->reads)
		if (!strpbrk(*path, "*?[{"))
			vec_push(&dirs, *path);
	BUG_ON(scm_tree(s->scm, REPO, spec->change.commit, &dirs, &none, &t, &err) != RC_OK);
	vec_each(e, &t.entries)
		strbuf_addf(&b, "\n%s %s", e->path, e->oid);
	vec_each(need, &spec->needs)
		strbuf_addf(&b, "\n%s %s", need->unit, need->outputs);
	if (spec->resume)
		strbuf_addf(&b, "\nresumed %s %u", spec->job, spec->attempt);
	tree_facts_done(&t);
	vec_done(&dirs);
	char hex[DIGEST_HEX + 1];
	digest_hex(digest_of(strbuf_str(&b)), hex);
	return xasprintf("outputs of %s given %s", spec->key, hex);
}

static void remember_made(struct sim *s, const struct job_spec *spec, const char *hex)
{
	const char *was = map_get(&s->made, str_of(spec->key));

	if (!was)
		map_put(&s->made, str_of(spec->key), xstrdup(hex));
	else if (!streq(was, hex))
		sim_fail(s, 11, "%s stands for two things: %s gave it another", spec->key,
			 spec->job);
}

/* An agent's job whose end the journal has. */
static bool is_over(const struct sim *s, const struct job_spec *spec)
{
	const struct job *job = model_job(mirror_model(s), spec->job);

	return spec->agent && !streq(spec->agent, "local") && job &&
	       (job->state != JOB_RUNNING || job->attempt != spec->attempt);
}

static enum rc start(struct exec *x, const struct job_spec *spec, const struct exec_inputs *in,
		     struct err *err)
{
	struct sim_exec *e = of(x);
	struct sim *s = e->s;
	AUTO(freep) char *name = xasprintf("%s#%u", spec->job, spec->attempt);
	const struct sim_job *old = map_get(&e->jobs, str_of(spec->job));
	char hex[DIGEST_HEX + 1];

	(void)in;
	if (sim_trouble(s, PORT_EXEC, "exec.start", err))
		return err->rc;
	if (!agent_is_up(s, spec->agent))
		return err_set(err, RC_UNAVAILABLE, "%s is away", spec->agent);
	if (is_over(s, spec) && map_get(&e->began, str_of(name)))
		return RC_OK; /* its answer came past the lane while this start was under way; here an agent's comes by itself */
	if (!old || old->attempt != spec->attempt) {
		if (map_get(&e->began, str_of(name)))
			sim_fail(s, 6, "%s, attempt %u, was run twice", spec->job, spec->attempt);
		map_put(&e->began, str_of(name), e);
		struct sim_job *j = xcalloc(1, sizeof(*j));
		usec_t now = runner_sim_true(s->runner);

		*j = (struct sim_job){.job = xstrdup(spec->job),
				      .attempt = spec->attempt,
				      .agent = xstrdup(spec->agent ? spec->agent : "local"),
				      .begin = now,
				      .failure = fate(s, spec),
				      .end = now +
					     rng_between(&s->rng, 20 * USEC_MS, 900 * USEC_MS)};
		if (j->failure == FAILURE_EXIT && streq(spec->def.name, "test"))
			j->broken = sim_content_at(s, spec->change.commit, spec->path) == FLAKY
					    ? "s.flaky"
					    : "s.broken";
		vec_each(need, &spec->needs)
			if (!spec->resume && check_ci_is_resumed(s, need->outputs))
				sim_fail(s, 19, "%s is given what %s made in a kept workspace",
					 spec->job, need->unit);
		if (spec->def.outputs.n && j->failure == FAILURE_NONE) {
			AUTO(freep) char *text = made_of(s, spec);
			BUG_ON(blobs_put(s->blobs, str_of(text), hex, err) != RC_OK);
			j->outputs = xstrdup(hex);
			if (spec->resume)
				check_ci_resumed(s, hex);
			else if (!spec->unkeyed)
				remember_made(s, spec, hex);
		}
		job_free(map_put(&e->jobs, str_of(spec->job), j));
	}
	return sim_unheard(s, PORT_EXEC, "exec.start", err) ? err->rc : RC_OK;
}

static enum rc cancel(struct exec *x, const char *job, struct err *err)
{
	struct sim_exec *e = of(x);
	struct sim_job *j = map_get(&e->jobs, str_of(job));
	usec_t now = runner_sim_true(e->s->runner);

	if (sim_trouble(e->s, PORT_EXEC, "exec.cancel", err))
		return err->rc;
	if (j && j->end > now) {
		j->end = now;
		j->cancelled = true;
	}
	return RC_OK;
}

static int no_fd(struct exec *x)
{
	(void)x;
	return -1;
}

static enum rc poll(struct exec *x, void (*each)(void *, const struct exec_seen *), void *ctx,
		    struct err *err)
{
	struct sim_exec *e = of(x);
	usec_t now = runner_sim_true(e->s->runner);

	if (sim_trouble(e->s, PORT_EXEC, "exec.poll", err))
		return err->rc;
	for (struct map_entry *m = NULL; (m = map_next(&e->jobs, m));) {
		const struct sim_job *j = m->value;
		struct exec_seen seen = {
			.job = j->job, .attempt = j->attempt, .running = now < j->end};

		each(ctx, &seen);
	}
	return RC_OK;
}

static enum rc collect(struct exec *x, const char *job, const struct exec_inputs *in,
		       struct exec_end *ret, struct err *err)
{
	struct sim_exec *e = of(x);
	const struct sim_job *j = map_get(&e->jobs, str_of(job));
	char hex[DIGEST_HEX + 1];

	(void)in;
	if (sim_trouble(e->s, PORT_EXEC, "exec.collect", err))
		return err->rc;
	if (!j)
		return err_set(err, RC_NOT_FOUND, "there is no job %s", job);
	BUG_ON(blobs_put(e->s->blobs, str_of(job), hex, err) != RC_OK);
	*ret = (struct exec_end){.job = xstrdup(job),
				 .attempt = j->attempt,
				 .started_at = j->begin,
				 .ended_at = j->end,
				 .log = xstrdup(hex)};
	ret->failure = j->cancelled ? FAILURE_CANCELLED : j->failure;
	ret->exit = ret->failure == FAILURE_NONE ? 0 : 1;
	if (ret->failure == FAILURE_EXIT)
		ret->error = xstrdup("exit 1");
	if (ret->failure == FAILURE_EXIT && j->broken && e->s->o.ci) {
		ret->junit = (struct junit){.tests = 2, .failed = 1};
		vec_push(&ret->junit.failures, xstrdup(j->broken));
	}
	if (ret->failure == FAILURE_NONE && j->outputs)
		ret->outputs = xstrdup(j->outputs);
	return RC_OK;
}

static enum rc forget(struct exec *x, const char *job, struct err *err)
{
	struct sim_exec *e = of(x);

	if (sim_trouble(e->s, PORT_EXEC, "exec.forget", err))
		return err->rc;
	job_free(map_del(&e->jobs, str_of(job)));
	return RC_OK;
}

static enum rc no_log(struct exec *x, const char *job, uint64_t from, size_t max,
		      struct strbuf *ret, bool *ended, struct err *err)
{
	(void)x;
	(void)from;
	(void)max;
	(void)ret;
	(void)ended;
	return err_set(err, RC_NOT_FOUND, "%s has no log", job);
}

static void done(struct exec *x)
{
	struct sim_exec *e = of(x);

	for (struct map_entry *m = NULL; (m = map_next(&e->jobs, m));)
		job_free(m->value);
	map_done(&e->jobs);
	map_done(&e->began);
	xfree(e);
}

static const struct exec_ops ops = {"sim",   start,  cancel, no_fd, poll,
				    collect, forget, no_log, done,  exec_no_marks};

struct exec *exec_sim_new(struct sim *s)
{
	struct sim_exec *e = xcalloc(1, sizeof(*e));

	e->base.ops = &ops;
	e->s = s;
	return &e->base;
}

void exec_sim_lose(struct exec *x)
{
	struct sim_exec *e = of(x);
	usec_t now = runner_sim_true(e->s->runner);

	for (struct map_entry *m = NULL; (m = map_next(&e->jobs, m));) {
		struct sim_job *j = m->value;

		if (j->end <= now || !streq(j->agent, "local"))
			continue;
		AUTO(freep) char *name = xasprintf("%s#%u", j->job, j->attempt);
		sim_say(e->s, "fault: %s is lost", j->job);
		map_del(&e->began, str_of(name));
		job_free(map_del(&e->jobs, str_of(m->key)));
		return;
	}
}

void exec_sim_agent_dies(struct exec *x, const char *agent, struct sim_agent *a)
{
	struct sim_exec *e = of(x);
	texts gone = {0};

	for (struct map_entry *m = NULL; (m = map_next(&e->jobs, m));) {
		const struct sim_job *j = m->value;

		if (!streq(j->agent, agent))
			continue;
		vec_push(&gone, xstrdup(j->job));
		if (j->failure == FAILURE_NONE) /* with a result that nobody may take */
			vec_push(&a->left,
				 ((struct sim_left){xstrdup(j->job),
						    j->outputs ? xstrdup(j->outputs) : NULL,
						    j->attempt}));
	}
	vec_each(job, &gone) {
		job_free(map_del(&e->jobs, str_of(*job)));
		xfree(*job);
	}
	vec_done(&gone);
}

void exec_sim_agent_stalls(struct exec *x, const char *agent)
{
	struct sim_exec *e = of(x);

	for (struct map_entry *m = NULL; (m = map_next(&e->jobs, m));) {
		struct sim_job *j = m->value;

		if (!streq(j->agent, agent) || j->end <= runner_sim_true(e->s->runner))
			continue;
		j->stalled = true;
		j->end = USEC_NEVER;
	}
}

bool exec_sim_agent_is_stalled(struct exec *x, const char *agent)
{
	struct sim_exec *e = of(x);

	for (struct map_entry *m = NULL; (m = map_next(&e->jobs, m));) {
		const struct sim_job *j = m->value;

		if (j->stalled && streq(j->agent, agent))
			return true;
	}
	return false;
}
