/* `penstock run`: stage ci on this machine, with what is not committed yet, by the engine itself. */
#include "base/log.h"
#include "clients/git_worktree.h"
#include "flow/2-build/adapters.h"
#include "main/run_ci.h"

#include <signal.h>
#include <unistd.h>

struct local_run {
	const struct run_options *o;
	struct run_world w;
	struct local_change change;
	struct engine *engine;
	struct run_show show;
	enum speech speech;
	struct run_ci ci;
	char *tree; /* path of the work tree */
	bool aborted;
	struct loop_timer *patience; /* after a first signal */
};
#define CANCEL_MOST (1500 * USEC_MS)

/* ---- which jobs ---- */
/* `penstock run ci` is the whole stage, when no job has that name. */
static bool is_stage(const struct run_options *o, const struct config *c)
{
	return o->n_jobs == 1 && streq(o->jobs[0], stage_names[STAGE_CI]) &&
	       !config_job(c, STAGE_CI, o->jobs[0]);
}

/* By its name, or by that of one of its instances: test, test@15. */
static bool listed(const struct run_options *o, const struct plan_job *job)
{
	for (size_t i = 0; i < o->n_jobs; i++)
		if (streq(o->jobs[i], job->job) || (job->def && streq(o->jobs[i], job->def)))
			return true;
	return o->n_jobs == 0;
}

static enum rc check_job(const struct config *c, const char *name, struct err *err)
{
	VEC(const char *) names = {0};
	AUTO(freep) char *def = xstrndup(name, strcspn(name, "@"));

	if (config_job(c, STAGE_CI, def))
		return RC_OK;
	vec_each(job, &c->jobs) {
		if (job->stage == STAGE_CI)
			vec_push(&names, job->name);
		else if (streq(job->name, name))
			err_set(err, RC_INVALID, "%s is a job of stage %s; run does stage ci", name,
				stage_names[job->stage]);
	}
	const char *near = names.n ? str_nearest(str_of(name), names.v, names.n) : NULL;
	vec_done(&names);
	if (err->rc != RC_OK)
		return err->rc;
	return err_set(err, RC_INVALID, "stage ci has no job %s%s%s%s", name,
		       near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static enum rc check_wanted(const struct run_options *o, const struct config *c, struct err *err)
{
	VEC(const char *) names = {0};

	for (size_t i = 0; i < o->n_jobs; i++)
		if (!is_stage(o, c) && check_job(c, o->jobs[i], err) != RC_OK)
			return err->rc;
	if (!o->unit || config_unit(c, o->unit))
		return RC_OK;
	vec_each(u, &c->units)
		vec_push(&names, u->name);
	const char *near = names.n ? str_nearest(str_of(o->unit), names.v, names.n) : NULL;
	vec_done(&names);
	return err_set(err, RC_INVALID, "there is no unit %s%s%s%s", o->unit,
		       near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* Leave only what was asked for, and what that needs. */
static void narrow(const struct run_options *o, struct plan *p)
{
	struct map keep = {0};
	size_t n = 0;

	if (!o->n_jobs && !o->unit)
		return;
	for (size_t i = p->jobs.n; i-- > 0;) { /* needs stand before */
		const struct plan_job *job = &p->jobs.v[i];
		AUTO(freep) char *name = xasprintf("%s/%s", job->unit, job->job);

		if ((!listed(o, job) || (o->unit && !streq(o->unit, job->unit))) &&
		    !map_get(&keep, str_of(name)))
			continue;
		map_put(&keep, str_of(name), p);
		vec_each(need, &job->needs)
			map_put(&keep, str_of(*need), p);
	}
	for (size_t i = 0; i < p->jobs.n; i++) {
		struct plan_job *job = &p->jobs.v[i];
		AUTO(freep) char *name = xasprintf("%s/%s", job->unit, job->job);

		if (map_get(&keep, str_of(name)))
			p->jobs.v[n++] = *job;
		else
			shape_done(&shape_plan_job, job);
	}
	p->jobs.n = n;
	map_done(&keep);
}

/* ---- the change ---- */
static enum rc read_worktree(struct local_run *r, const char *into, struct err *err)
{
	AUTO(repo_freep) struct repo *repo = NULL;
	AUTO(repo_freep) struct repo *beside = NULL;
	char id[GIT_HEX + 1] = "", head[GIT_HEX + 1] = "", base[GIT_HEX + 1] = "";
	enum rc rc = local_repo(r->o->repo, &repo, err);

	if (rc == RC_OK)
		rc = repo_worktree(repo, into, id, head, err);
	if (rc == RC_OK)
		r->tree = xstrdup(repo_workdir(repo));
	AUTO(freep) char *event = r->o->base || r->o->unit ? NULL : run_ci_base(r->speech);
	bool whole =
		!r->o->n_jobs || (r->o->n_jobs == 1 && streq(r->o->jobs[0], stage_names[STAGE_CI]));
	if (rc == RC_OK && r->o->base)
		rc = repo_resolve(repo, r->o->base, base, err);
	else if (rc == RC_OK && event && whole)
		rc = repo_resolve(repo, event, base, err) == RC_OK
			     ? RC_OK
			     : run_ci_no_base(r->speech, event, err);
	else if (rc == RC_OK && *head && whole && !r->o->unit)
		rc = repo_usual_base(repo, head, !streq(id, head), base, err);
	if (rc == RC_OK)
		rc = repo_open(into, &beside, err);
	if (rc == RC_OK)
		rc = local_change(beside, id, base, &r->change, err);
	return rc;
}

static enum rc make_plan(struct local_run *r, const char *into, struct err *err)
{
	enum rc rc = read_worktree(r, into, err);

	if (rc == RC_OK)
		rc = check_wanted(r->o, &r->change.read.head.config, err);
	if (rc == RC_OK && !is_stage(r->o, &r->change.read.head.config))
		narrow(r->o, &r->change.read.plan);
	else if (rc == RC_OK && r->o->unit)
		err_set(err, rc = RC_INVALID,
			"--unit goes with the name of a job, not with the whole stage");
	if (rc != RC_OK)
		return rc;
	struct blobs *cache = blobs_disk_new(r->w.cache, err);
	if (!cache)
		return err->rc;
	rc = project_results(&r->change.read.plan, cache, NULL, false, err);
	blobs_free(cache);
	return rc;
}

/* ---- the run ---- */
static bool is_over(const struct engine *e)
{
	const struct run *run = model_run(engine_model(e), RUN_ID);

	return run && run->open == 0 && run->state != RUN_PLANNED && run->state != RUN_RUNNING;
}

static void see(void *ctx, const struct record *rec)
{
	struct local_run *r = ctx;

	(void)rec;
	run_show_news(&r->show);
	if (!is_over(r->engine))
		return;
	engine_stop(r->engine);
	loop_stop(r->w.loop);
}

static void no_answer(void *ctx, enum rc rc, const struct err *err, uint64_t seq)
{
	(void)ctx;
	(void)rc;
	(void)err;
	(void)seq;
}

static void end_now(void *arg)
{
	struct local_run *r = arg;

	engine_stop(r->engine);
	loop_stop(r->w.loop);
}

/* Once: jobs are cancelled, their finally commands run, for as long as people wait. Again: at once. */
static void interrupted(void *arg)
{
	struct local_run *r = arg;
	struct event ev = {.kind = EV_ABORT};

	if (r->aborted) {
		end_now(r);
		return;
	}
	r->patience = loop_timer_new(r->w.loop, end_now, r);
	loop_timer_set(r->patience, CANCEL_MOST);
	r->aborted = true;
	fprintf(stderr, "%spenstock: cancelling; once more ends it at once\n",
		r->show.drawn ? "\r\033[K" : "");
	r->show.drawn = false;
	ev.actor = xstrdup("user");
	ev.run = xstrdup(RUN_ID);
	engine_ask(r->engine, &ev, no_answer, r);
}

/* As if a commit had been pushed and planned; the plan is what was made here. */
static void submit(struct local_run *r)
{
	struct event moved = {.kind = EV_REF_MOVED}, planned = {.kind = EV_CHANGE_PLANNED};
	AUTO(strbuf_done) struct strbuf json = STRBUF((size_t)256 << 20);
	struct json_out out = JSON_OUT(&json);
	struct config *c = &r->change.read.head.config;

	moved.repo = xstrdup("local");
	moved.ref = xstrdup(RUN_REF);
	moved.commit = xstrdup(r->change.head);
	engine_submit(r->engine, &moved);
	vec_each(branch, &c->branches)
		xfree(*branch);
	c->branches.n = 0;
	vec_push(&c->branches, xstrdup("**"));
	shape_write(&out, NULL, &shape_config, c);
	planned.config_digest = digest_hex_dup(strbuf_str(&json));
	planned.config = *c;
	*c = (struct config){0};
	vec_each(job, &r->change.read.plan.jobs)
		while (job->inputs.n) {
			struct plan_input *in = &job->inputs.v[--job->inputs.n];
			xfree(in->path);
			xfree(in->oid);
		}
	planned.plan = r->change.read.plan;
	r->change.read.plan = (struct plan){0};
	shape_copy(&shape_change, &planned.change, &r->change.change);
	planned.change.kind =
		CHANGE_PERSON; /* of no ref that the engine watches; what its event is, the plan knows */
	planned.change.base = *r->change.base ? xstrdup(r->change.base) : NULL;
	if (!planned.change.repo)
		planned.change.repo = xstrdup("local");
	if (!planned.change.ref) /* no branch: as in a step of another CI system */
		planned.change.ref = xstrdup(RUN_REF);
	if (!planned.change.commit)
		planned.change.commit = xstrdup(r->change.head);
	if (!planned.change.author)
		planned.change.author = xstrdup("local");
	if (!planned.change.subject)
		planned.change.subject = xstrdup("The work tree as it stands");
	engine_submit(r->engine, &planned);
}

/* What was cut off by a second Ctrl-C. */
static void kill_rest(struct local_run *r)
{
	const struct model *m = engine_model(r->engine);

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (job->state == JOB_RUNNING)
			(void)!exec_forget(r->w.world.exec, job->id, NULL);
	}
}

static bool restore(struct local_run *r, struct err *err)
{
	size_t n = 0;
	enum rc rc = run_restore(&r->w, engine_model(r->engine), r->o->repo, &n, err);

	if (rc == RC_OK && !r->o->json)
		fprintf(stderr, "penstock: %zu outputs restored to the work tree\n", n);
	return rc == RC_OK;
}

static int run_it(struct local_run *r, struct err *err)
{
	const struct engine_options options = {
		.slots = r->o->slots ? r->o->slots
				     : (uint32_t)MAX_OF(sysconf(_SC_NPROCESSORS_ONLN), 1L),
		.version = PENSTOCK_VERSION};

	run_history_load(&r->w, r->tree);
	if (engine_new(&r->w.world, &options, &r->engine, err) != RC_OK)
		return local_fail(err);
	run_show_init(&r->show, &r->w, r->engine, r->o->json);
	run_show_mask(&r->show, &r->change.read.head.config);
	if (r->o->json)
		r->speech = SPEECH_PLAIN;
	run_ci_init(&r->ci, r->speech, r->o->junit, r->o->codequality);
	if (r->speech != SPEECH_PLAIN || r->o->junit || r->o->codequality)
		r->show.ci = &r->ci;
	engine_listen(r->engine, see, r);
	loop_signal(r->w.loop, SIGINT, interrupted, r);
	loop_signal(r->w.loop, SIGTERM, interrupted, r);
	engine_start(r->engine);
	submit(r);
	loop_run(r->w.loop);
	run_show_news(&r->show);
	run_show_end(&r->show);
	const struct run *run = model_run(engine_model(r->engine), RUN_ID);
	int code = run && run->state == RUN_PASSED && !r->aborted ? EXIT_GOOD : EXIT_WORK;
	run_history_save(&r->w, engine_model(r->engine), r->tree);
	kill_rest(r);
	if (r->patience)
		loop_timer_free(r->patience);
	r->patience = NULL;
	loop_drain(r->w.loop, r->aborted ? 100 * USEC_MS : USEC_SEC);
	return r->o->restore && !restore(r, err) ? local_fail(err) : code;
}

static void run_close(struct local_run *r)
{
	run_show_done(&r->show);
	run_ci_done(&r->ci);
	run_world_close(&r->w);
	xfree(r->tree);
	engine_free(r->engine);
	local_change_done(&r->change);
}

int local_run(const struct run_options *o)
{
	AUTO(run_close) struct local_run r = {.o = o, .w = {.lock = -1}};
	struct err err = {0};

	log_open(STDERR_FILENO, false, LOG_ERROR);
	if (run_ci_detect(o->dialect, &r.speech, &err) != RC_OK ||
	    run_folder(&r.w, o->cache, &err) != RC_OK)
		return local_fail(&err);
	AUTO(freep) char *repo = xasprintf("%s/worktree.git", r.w.dir);
	if (make_plan(&r, repo, &err) != RC_OK || run_world_open(&r.w, repo, &err) != RC_OK)
		return local_fail(&err);
	return run_it(&r, &err);
}
