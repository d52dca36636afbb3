/* Jobs: ready, run, ended; what waits for them. */
#include "base/glob.h"
#include "core/ready.h"
#include "core/step_impl.h"

#define LOSSES_MAX 3

struct job *job_new(struct step *s, struct run *run, enum stage stage, const char *unit,
		    const char *name)
{
	char *id = xasprintf("%s/%s/%s/%s", run->id, stage_names[stage], unit && *unit ? unit : "-",
			     name);

	if (model_job(s->m,
		      id)) { /* the same stage once more (a release that was rolled out again) */
		xfree(id);
		id = xasprintf("%s/%s/%s/%s.%u", run->id, stage_names[stage],
			       unit && *unit ? unit : "-", name, ++run->next_job);
	}
	struct job *job = model_add(s->m, AGG_JOB, id);

	job->id = id;
	job->run = xstrdup(run->id);
	job->unit = xstrdup(unit ? unit : "");
	job->name = xstrdup(name);
	job->stage = stage;
	return job;
}

void job_make_ready(struct step *s, struct job *job, const char *why)
{
	job_set(s->m, job, JOB_READY, why);
	ready_add(s->m, job);
}

enum rc on_job_started(struct step *s)
{
	struct job *job = model_job(s->m, s->ev->job);

	if (!job || job->state != JOB_RUNNING || job->attempt != s->ev->count)
		return RC_OK;
	job->started_at = s->m->time;
	model_touch(s->m, AGG_JOB, job->id);
	return RC_OK;
}

/* Its key says that it was given what a need left, and that need, or one before it, failed as it may. */
static bool lacks_outputs(const struct model *m, const struct job *job)
{
	vec_each(need, &job->needs) {
		const struct job *on = model_job(m, *need);
		const struct job_def *def = on && on->amber ? job_definition(m, on) : NULL;

		if (on && (on->unkeyed || (def && def->outputs.n)))
			return true;
	}
	return false;
}

/* A manual job waits for a person instead. */
static void unblock(struct step *s, struct job *job)
{
	const struct job_def *def = job_definition(s->m, job);

	job->unkeyed = lacks_outputs(s->m, job);
	if (def && def->manual && !job->played)
		job_set(s->m, job, JOB_MANUAL, "waits for somebody to start it");
	else
		job_make_ready(s, job, NULL);
}

/* Jobs that settle together: one that ended and those that will not run for it. */
typedef VEC(struct job *) settled_list;

/* A failed need: what waits for it will not run. */
static void skip_dependents(struct step *s, struct job *job, settled_list *settled)
{
	vec_each(on, &job->dependents) {
		struct job *d = *on;

		if (d->settled || (d->state != JOB_BLOCKED && d->state != JOB_MANUAL))
			continue;
		AUTO(freep)
		char *why = xasprintf("%s of %s failed", job->name,
				      *job->unit ? job->unit : "the project");
		job_set(s->m, d, JOB_SKIPPED, why);
		vec_push(settled, d);
	}
}

/* No release comes of it. What it takes back is taken back all the same. */
static void run_passed_without(struct step *s, struct run *run)
{
	run_touch_all(s, run);
	if (!run->failed && run->change.kind != CHANGE_PULL && run->change.reverts)
		environment_unpin_commit(s, run->change.commit);
}

/* All that the run waits for has ended. */
static void run_end(struct step *s, struct run *run)
{
	bool releases = run->change.kind == CHANGE_PUSH || run->change.kind == CHANGE_TAG;
	const struct config *c = model_config(s->m, run->config);

	run_set(s->m, run, run->failed ? RUN_FAILED : RUN_PASSED, NULL);
	run_review(s, run);
	run_count_open(s, run);
	if (run->change.kind == CHANGE_QUEUE)
		queue_run_ended(s, run);
	if (!run->failed && releases && c && c->tag_releases == (run->change.kind == CHANGE_TAG))
		release_create(s, run);
	else
		run_passed_without(s, run);
}

/* Of a run that has ended, what a person started and is under way: so long it is known to a restart, with its jobs. */
void run_count_open(struct step *s, struct run *run)
{
	uint32_t was = run->open;

	if (!run_is_final(run->state))
		return;
	run->open = 0;
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		run->open += streq(job->run, run->id) &&
			     (job->state == JOB_READY || job->state == JOB_RUNNING) &&
			     (job->stage == STAGE_CI || job->optional);
	}
	if (!was != !run->open)
		run_touch_all(s, run);
	else if (was != run->open)
		model_touch(s->m, AGG_RUN, run->id);
}

void run_settle(struct step *s, struct run *run)
{
	if (run->open == 0 && !run_is_final(run->state))
		run_end(s, run);
}

static void run_job_settled(struct step *s, struct job *job)
{
	struct run *run = model_run(s->m, job->run);

	run->amber += !job->resumed && (job->amber || job->state == JOB_FLAKY);
	model_touch(s->m, AGG_RUN, run->id);
	if (run_is_final(run->state)) {
		run_count_open(s, run);
		return;
	}
	if (job->optional)
		return;
	BUG_ON(run->open == 0);
	run->open--;
	if (job->state == JOB_FAILED && !job->amber) {
		run->failed++;
		if (!run->reason)
			set_textf(&run->reason, "%s of %s failed: %s", job->name,
				  *job->unit ? job->unit : "the project",
				  job->error ? job->error : failure_names[job->failure]);
	}
	if (!run->open)
		run_end(s, run);
}

static void unblock_dependents(struct step *s, struct job *job)
{
	vec_each(on, &job->dependents) {
		struct job *d = *on;

		if (d->settled || d->waiting == 0)
			continue;
		if (--d->waiting == 0)
			unblock(s, d);
	}
}

/* A list, not a recursion: needs may form a chain as long as the plan. */
void job_settled(struct step *s, struct job *job)
{
	settled_list settled = {NULL, 0, 0};

	vec_push(&settled, job);
	for (size_t i = 0; i < settled.n; i++) {
		struct job *one = settled.v[i];

		if (one->resumed) /* those that wait were told when it failed */
			continue;
		if (job_is_good(one->state) || one->amber)
			unblock_dependents(s, one);
		else
			skip_dependents(s, one, &settled);
	}
	for (size_t i = 0; i < settled.n;
	     i++) { /* the one that ended is told of first: it is the reason */
		if (settled.v[i]->stage == STAGE_CI)
			run_job_settled(s, settled.v[i]);
		else
			release_job_ended(s, settled.v[i]);
		if (settled.v[i]->stage != STAGE_CI && settled.v[i]->optional)
			run_count_open(s, model_run(s->m, settled.v[i]->run));
	}
	vec_done(&settled);
}

void job_begin(struct step *s, struct job *job)
{
	if (!job->settled && job->waiting == 0)
		unblock(s, job);
}

/* ---- how it ended ---- */

static void take_result(struct step *s, struct job *job)
{
	const struct event *ev = s->ev;

	job->exit = ev->exit;
	set_text(&job->error, ev->error);
	set_text(&job->log, ev->log);
	set_text(&job->outputs, ev->outputs);
	set_text(&job->image, ev->image);
	shape_done(&shape_junit, &job->junit);
	shape_copy(&shape_junit, &job->junit, &ev->junit);
	shape_done(&shape_job_report, &job->report);
	shape_copy(&shape_job_report, &job->report, &ev->report);
	const struct history *before = model_history(s->m, job->unit, job->name);
	if (before && job->report.lines) { /* what the branch had last */
		job->report.base_lines = before->lines;
		job->report.base_covered = before->covered;
	}
}

static bool is_listed(const struct quarantine_def *q, const char *unit, const char *test,
		      usec_t now)
{
	return now < q->until && (!q->unit || streq(q->unit, unit)) &&
	       (streq(q->test, test) || glob_match(str_of(q->test), str_of(test)));
}

bool test_quarantined(const struct step *s, const struct job *job, const char *test)
{
	const struct run *run = model_run(s->m, job->run);
	const struct config *c = run ? model_config(s->m, run->config) : NULL;
	const struct project *p = model_project(s->m);

	for (size_t i = 0; c && i < c->quarantine.n; i++)
		if (is_listed(&c->quarantine.v[i], job->unit, test, s->m->time))
			return true;
	for (size_t i = 0; i < p->quarantine.n; i++)
		if (is_listed(&p->quarantine.v[i], job->unit, test, s->m->time))
			return true;
	return false;
}

/* Nothing failed but tests that are in quarantine, and all their names are known. */
static bool only_quarantined(const struct step *s, const struct job *job, const struct job_def *def)
{
	if (!def || !def->flaky.quarantine || job->failure != FAILURE_EXIT || !job->junit.failed ||
	    job->junit.failures.n != job->junit.failed)
		return false;
	vec_each(test, &job->junit.failures)
		if (!test_quarantined(s, job, *test))
			return false;
	return true;
}

static bool retry_covers(const struct retry *r, enum failure f, int64_t exit)
{
	if (texts_has(&r->on, failure_names[f]) || texts_has(&r->on, "any"))
		return true;
	vec_each(code, &r->exit) {
		int64_t wanted = 0;

		if (f == FAILURE_EXIT && parse_i64(str_of(*code), &wanted) && wanted == exit)
			return true;
	}
	return false;
}

/* Once more? By its retry; or, when tests failed, to see whether they are flaky. */
static bool try_again(struct step *s, struct job *job, const struct job_def *def)
{
	bool tests = job->failure == FAILURE_EXIT && job->junit.failed;
	AUTO(freep) char *why = NULL;

	if (!def || job->resumed)
		return false;
	if (job->retries < def->retry.max && retry_covers(&def->retry, job->failure, job->exit)) {
		job->retries++;
		why = xasprintf("attempt %u failed (%s), tried again", job->attempt,
				failure_names[job->failure]);
	} else if (tests && job->flaky_tries < def->flaky.retry) {
		job->flaky_tries++;
		why = xasprintf("%u tests failed in attempt %u, tried again: are they flaky?",
				job->junit.failed, job->attempt);
	} else {
		return false;
	}
	job_make_ready(s, job, why);
	return true;
}

static void passed(struct step *s, struct job *job, enum failure before, const texts *failures)
{
	const struct failed_key *same = job->unkeyed ? NULL : history_failed_key(s->m, job);

	if (job->resumed) {
		job_set(s->m, job, JOB_PASSED, "in its kept workspace; its run's outcome stands");
	} else if (before == FAILURE_EXIT || before == FAILURE_TIMEOUT) {
		job_set(s->m, job, JOB_FLAKY, "passed on another try");
		history_flaky(s, job, failures);
	} else if (same) {
		AUTO(freep) char *why = xasprintf("flaky: the same key failed in %s", same->job);

		job_set(s->m, job, JOB_FLAKY, why);
		history_flaky(s, job, failures);
	} else {
		job_set(s->m, job, JOB_PASSED, NULL);
	}
}

static void failed(struct step *s, struct job *job, const struct job_def *def)
{
	if (!job->resumed && only_quarantined(s, job, def)) {
		AUTO(freep)
		char *why =
			xasprintf("only quarantined tests failed: %s%s", job->junit.failures.v[0],
				  job->junit.failures.n > 1 ? ", ..." : "");

		job_set(s->m, job, JOB_FLAKY, why);
		return;
	}
	job->amber = def && def->allow_failure;
	job_set(s->m, job, JOB_FAILED, NULL);
}

/* Nothing that is not done yet of it is wanted; a run that passed or failed may still have jobs that a person started. */
static bool is_stopped(const struct run *run)
{
	return run->state == RUN_CANCELLED || run->state == RUN_SUPERSEDED;
}

enum rc on_job_ended(struct step *s)
{
	const struct event *ev = s->ev;
	struct job *job = model_job(s->m, ev->job);

	if (!job || job->state != JOB_RUNNING || job->attempt != ev->count)
		return RC_OK;
	if (ev->id && !streq(job->agent, ev->id))
		return RC_OK; /* from an agent that it was taken from */
	const struct run *run = model_run(s->m, job->run);
	const struct job_def *def = job_definition(s->m, job);
	enum failure before = job->failure;
	texts failures = job->junit.failures;

	job->junit.failures = (texts){NULL, 0, 0};
	agent_give(s, job);
	take_result(s, job);
	job->failure = ev->failure;
	bool cancelled = ev->failure == FAILURE_CANCELLED || (is_stopped(run) && !job->resumed);
	if (cancelled)
		job_set(s->m, job, JOB_CANCELLED, NULL);
	else if (ev->failure == FAILURE_NONE)
		passed(s, job, before, &failures);
	else if (ev->failure == FAILURE_INFRA)
		job_set(s->m, job, JOB_LOST, NULL);
	vec_each(test, &failures)
		xfree(*test);
	vec_done(&failures);
	if (!job->settled && try_again(s, job, def))
		return RC_OK;
	if (!job->settled)
		failed(s, job, def);
	if (!cancelled && !job->resumed)
		history_learn(s, job);
	job_settled(s, job);
	return RC_OK;
}

/* Its agent is gone. What it did there cannot have reached anything outside of the sandbox, or it may be done twice: then it runs elsewhere. */
void job_lost(struct step *s, struct job *job, const char *reason)
{
	const struct job_def *def = job_definition(s->m, job);
	const struct run *run = model_run(s->m, job->run);
	bool safe = def && ((job->stage == STAGE_CI && !def->network && !def->secrets.n &&
			     !def->id_tokens.n) ||
			    texts_has(&def->retry.on, "infra") || texts_has(&def->retry.on, "any"));

	agent_give(s, job);
	job->failure = FAILURE_INFRA;
	set_text(&job->error, reason);
	if (is_stopped(run) && !job->resumed) {
		job_set(s->m, job, JOB_CANCELLED, NULL);
		job_settled(s, job);
		return;
	}
	job_set(s->m, job, JOB_LOST, NULL);
	if (safe && !job->resumed && job->losses < LOSSES_MAX) {
		job->losses++;
		job_make_ready(s, job, reason);
		return;
	}
	failed(s, job, def);
	job_settled(s, job);
}
