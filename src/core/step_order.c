/* What people order of jobs and tests: start a manual one, run a failed one again where it stands, put a test into quarantine. */
#include "core/ready.h"
#include "core/step_impl.h"

#define QUARANTINE_MAX  500
#define QUARANTINE_MOST (180 * USEC_DAY)

static enum rc no_job(struct step *s)
{
	return err_set(s->err, RC_NOT_FOUND,
		       "there is no job %s in memory; its run ended long ago: start a new one",
		       s->ev->job ? s->ev->job : "(none named)");
}

static enum rc start_manual(struct step *s, struct job *job)
{
	const struct release *r = model_release(s->m, job->release);
	if (r && (r->rolling_back || release_is_final(r->state)) && r->state != RELEASE_LIVE)
		return err_set(s->err, RC_CONFLICT, "%s belongs to %s, which is %s", job->id, r->id,
			       r->rolling_back ? "being taken back"
					       : release_state_names[r->state]);
	if (job->state == JOB_BLOCKED)
		return err_set(s->err, RC_CONFLICT, "%s waits for jobs that it needs", job->id);
	if (job->state != JOB_MANUAL)
		return err_set(s->err, RC_CONFLICT, "%s is %s: there is nothing to start", job->id,
			       job_state_names[job->state]);
	job->played = true;
	AUTO(freep) char *why = xasprintf("started by %s", s->ev->actor);
	job_make_ready(s, job, why);
	return RC_OK;
}

/* Once more in the workspace that was kept: for a person who wants to see it pass. The run's outcome stands, and nothing made there is anybody's result. */
static enum rc start_again(struct step *s, struct job *job)
{
	if (job->state != JOB_FAILED || job->kind != JOB_RUN)
		return err_set(s->err, RC_CONFLICT,
			       "%s is %s: only a job that failed has a workspace to go on in",
			       job->id, job_state_names[job->state]);
	job->resumed = job->optional = true;
	job->dependents.n = 0; /* they were told when it failed */
	AUTO(freep) char *why = xasprintf("%s goes on in its kept workspace", s->ev->actor);
	job_reopen(s->m, job, why);
	ready_add(s->m, job);
	return RC_OK;
}

enum rc on_start_job(struct step *s)
{
	struct job *job = model_job(s->m, s->ev->job);

	if (!job)
		return no_job(s);
	enum rc rc = s->ev->ok ? start_again(s, job) : start_manual(s, job);
	if (rc == RC_OK)
		run_count_open(s, model_run(s->m, job->run));
	return rc;
}

static struct quarantine_def *find(struct project *p, const char *unit, const char *test)
{
	vec_each(q, &p->quarantine)
		if (streq(q->unit, unit) && streq(q->test, test))
			return q;
	return NULL;
}

enum rc on_quarantine(struct step *s)
{
	const struct event *ev = s->ev;
	struct project *p = model_project(s->m);

	if (!ev->id || !*ev->id || !ev->type || !*ev->type)
		return err_set(s->err, RC_INVALID,
			       "a quarantine needs a test and an owner who mends it");
	if (ev->until <= s->m->time || ev->until > s->m->time + QUARANTINE_MOST)
		return err_set(s->err, RC_INVALID,
			       "a quarantine ends: say until when, at most 180 days from now");
	struct quarantine_def *q = find(p, ev->unit, ev->id);
	if (!q && p->quarantine.n == QUARANTINE_MAX)
		return err_set(s->err, RC_TOO_BIG, "%d tests are in quarantine already",
			       QUARANTINE_MAX);
	if (!q) {
		vec_add(&p->quarantine);
		q = vec_last(&p->quarantine);
		set_text(&q->unit, ev->unit);
		set_text(&q->test, ev->id);
	}
	set_text(&q->owner, ev->type);
	set_text(&q->reason, ev->text);
	q->until = ev->until;
	model_touch(s->m, AGG_PROJECT, "project");
	return RC_OK;
}

enum rc on_unquarantine(struct step *s)
{
	struct project *p = model_project(s->m);
	struct quarantine_def *q = find(p, s->ev->unit, s->ev->id ? s->ev->id : "");

	if (!q)
		return err_set(
			s->err, RC_NOT_FOUND,
			"%s is in no quarantine that a person ordered (penstock.yml has its own)",
			s->ev->id ? s->ev->id : "(no test named)");
	size_t i = (size_t)(q - p->quarantine.v);
	shape_done(&shape_quarantine_def, q);
	vec_remove(&p->quarantine, i);
	model_touch(s->m, AGG_PROJECT, "project");
	return RC_OK;
}
