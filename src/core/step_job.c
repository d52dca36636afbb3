/* Jobs: ready, run, ended; what waits for them. */
#include "core/ready.h"
#include "core/step_impl.h"

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

static bool may_retry(const struct job *job, const struct job_def *def, enum failure f)
{
	if (!def || job->attempt > def->retry.max)
		return false;
	return texts_has(&def->retry.on, failure_names[f]) || texts_has(&def->retry.on, "any");
}

/* A failed need: what waits for it will not run. */
static void skip_dependents(struct step *s, struct job *job)
{
	vec_each(on, &job->dependents) {
		struct job *d = *on;

		if (d->settled || d->state != JOB_BLOCKED)
			continue;
		AUTO(freep)
		char *why = xasprintf("%s of %s failed", job->name,
				      *job->unit ? job->unit : "the project");
		job_set(s->m, d, JOB_SKIPPED, why);
		job_settled(s, d);
	}
}

static void run_job_settled(struct step *s, struct job *job)
{
	struct run *run = model_run(s->m, job->run);

	BUG_ON(run->open == 0);
	run->open--;
	if (job->state == JOB_FAILED) {
		run->failed++;
		if (!run->reason)
			set_textf(&run->reason, "%s of %s failed: %s", job->name,
				  *job->unit ? job->unit : "the project",
				  job->error ? job->error : failure_names[job->failure]);
	}
	model_touch(s->m, AGG_RUN, run->id);
	if (run->open)
		return;
	if (run_is_final(run->state)) { /* cancelled; this was the last to end */
		run_touch_all(s, run);
		return;
	}
	if (run->failed) {
		run_set(s->m, run, RUN_FAILED, NULL);
		run_touch_all(s, run);
		return;
	}
	run_set(s->m, run, RUN_PASSED, NULL);
	release_create(s, run);
}

void job_settled(struct step *s, struct job *job)
{
	if (job_is_good(job->state)) {
		vec_each(on, &job->dependents) {
			struct job *d = *on;

			if (d->settled || d->waiting == 0)
				continue;
			if (--d->waiting == 0)
				job_make_ready(s, d, NULL);
		}
	} else {
		skip_dependents(s, job);
	}
	if (job->stage == STAGE_CI)
		run_job_settled(s, job);
	else
		release_job_ended(s, job);
}

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
}

enum rc on_job_ended(struct step *s)
{
	const struct event *ev = s->ev;
	struct job *job = model_job(s->m, ev->job);

	if (!job || job->state != JOB_RUNNING || job->attempt != ev->count)
		return RC_OK;
	const struct run *run = model_run(s->m, job->run);
	const struct job_def *def =
		config_job(model_config(s->m, run->config), job->stage, job->name);
	enum failure before = job->failure;

	agent_give(s, job);
	take_result(s, job);
	job->failure = ev->failure;
	bool cancelled = ev->failure == FAILURE_CANCELLED || run->state == RUN_CANCELLED ||
			 run->state == RUN_SUPERSEDED;
	if (ev->failure == FAILURE_NONE && !cancelled) {
		job_set(s->m, job, before == FAILURE_EXIT ? JOB_FLAKY : JOB_PASSED,
			before == FAILURE_EXIT ? "passed on another try" : NULL);
	} else if (cancelled) {
		job_set(s->m, job, JOB_CANCELLED, NULL);
	} else {
		if (ev->failure == FAILURE_INFRA)
			job_set(s->m, job, JOB_LOST, NULL);
		if (may_retry(job, def, ev->failure)) {
			AUTO(freep)
			char *why = xasprintf("attempt %u failed (%s), tried again", job->attempt,
					      failure_names[ev->failure]);
			job_make_ready(s, job, why);
			return RC_OK;
		}
		job_set(s->m, job, JOB_FAILED, NULL);
	}
	job_settled(s, job);
	return RC_OK;
}
