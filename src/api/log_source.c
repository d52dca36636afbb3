/* Where a job's log is: with the executor while that has the job, in the store once the result is kept; a job that hit the cache shows the first one's. */
#include "api/log_impl.h"

static void set(char **to, const char *value)
{
	char *copy = value ? xstrdup(value) : NULL;

	xfree(*to);
	*to = copy;
}

void log_job_learn(struct log_job *j, const struct job *job)
{
	const char *why = job->error ? job->error : job->why;

	j->known = true;
	j->final = job_is_final(job->state);
	j->attempt = job->attempt;
	set(&j->log, job->log);
	set(&j->key, job->key);
	xfree(j->what);
	j->what = xasprintf("%s%s%s", job_state_names[job->state], why ? ": " : "", why ? why : "");
}

void log_job_done(struct log_job *j)
{
	xfree(j->id);
	xfree(j->log);
	xfree(j->key);
	xfree(j->what);
	*j = (struct log_job){0};
}

/* A job that the model does not hold any more has ended. */
static enum rc read_job(struct log_job *j, struct store *store, struct err *err)
{
	AUTO(strbuf_done) struct strbuf json = STRBUF(TEXT_MAX);
	struct job job = {0};

	enum rc rc = store_get(store, STR("job"), str_of(j->id), &json, err);
	if (rc == RC_NOT_FOUND)
		return err_set(
			err, RC_NOT_FOUND,
			"there is no job %s; `penstock runs` and `penstock status` list them",
			j->id);
	if (rc == RC_OK)
		rc = shape_parse(strbuf_str(&json), TEXT_MAX, aggregate_shapes[AGG_JOB], &job, err);
	if (rc == RC_OK) {
		log_job_learn(j, &job);
		j->final = true;
	}
	shape_done(aggregate_shapes[AGG_JOB], &job);
	return rc;
}

static void find_first_log(struct log_source *s)
{
	struct result result = {0};
	struct err err = {0};

	if (!s->job->log && s->job->final && s->job->key &&
	    blobs_get_result(s->w->blobs, s->job->key, &result, &err) == RC_OK)
		set(&s->job->log, result.log);
	shape_done(&shape_result, &result);
}

static enum rc open_kept(struct log_source *s, struct err *err)
{
	int fd = -1;

	find_first_log(s);
	if (!s->job->log)
		return err_set(err, RC_NOT_FOUND, "%s has no log: it is %s", s->job->id,
			       s->job->what);
	enum rc rc = blobs_open(s->w->blobs, s->job->log, &fd, err);
	if (rc == RC_OK)
		rc = logfile_open(fd, &s->kept, err);
	if (rc == RC_NOT_FOUND)
		return err_set(err, RC_NOT_FOUND, "the log of %s is not kept any more", s->job->id);
	return rc == RC_OK ? rc : err_wrap(err, "log of %s", s->job->id);
}

enum rc log_source_open(struct log_source *s, struct err *err)
{
	AUTO(strbuf_done) struct strbuf none = STRBUF(16);
	bool ended;
	enum rc rc = s->job->known ? RC_OK : read_job(s->job, s->w->store, err);

	if (rc != RC_OK)
		return rc;
	s->marks_at = 0;
	if (s->job->final && s->job->log)
		return open_kept(s, err);
	rc = exec_log(s->w->exec, s->job->id, 0, 1, &none, &ended, err);
	if (rc != RC_NOT_FOUND)
		return rc;
	return s->job->final ? open_kept(s, err)
			     : err_set(err, RC_NOT_FOUND, "%s has no log: it is %s", s->job->id,
				       s->job->what);
}

void log_source_close(struct log_source *s)
{
	logfile_free(s->kept);
	s->kept = NULL;
	s->marks_at = 0;
}

enum rc log_source_read(struct log_source *s, uint64_t from, size_t max, struct strbuf *ret,
			struct err *err)
{
	bool ended;

	return s->kept ? logfile_read(s->kept, from, max, ret, err)
		       : exec_log(s->w->exec, s->job->id, from, max, ret, &ended, err);
}

void log_source_marks(struct log_source *s, struct strbuf *ret)
{
	struct err err = {0};
	size_t before = ret->n;

	if (!s->kept) {
		if (exec_marks(s->w->exec, s->job->id, s->marks_at, LOG_PIECE, ret, &err) == RC_OK)
			s->marks_at += ret->n - before;
	} else if (!s->marks_at) {
		strbuf_addstr(ret, logfile_marks(s->kept));
		s->marks_at = 1;
	}
}
