/* The end of a job: its log, outputs and test results go into the store. */
#include "flow/2-build/exec_sandbox.h"

#include "base/logmark.h"
#include "flow/2-build/report_keep.h"
#include "io/files.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_MAX  ((size_t)64 << 10)
#define MARKS_MAX ((size_t)64 << 20)

static const enum failure failures[] = {FAILURE_NONE, FAILURE_EXIT,  FAILURE_TIMEOUT,
					FAILURE_OOM,  FAILURE_INFRA, FAILURE_CANCELLED};

/* What the shim wrote; one that was lost counts as a failure of the machine. False: it was lost. */
static bool read_exit(const char *dir, struct shim_exit *ret, const struct job_note *note)
{
	AUTO(freep) char *path = dir_path(dir, "exit");
	AUTO(strbuf_done) struct strbuf text = STRBUF(EXIT_MAX);
	struct err err = {0};
	struct stat st;

	if (file_read(path, EXIT_MAX, &text, &err) == RC_OK &&
	    shape_parse(strbuf_str(&text), EXIT_MAX, &shape_shim_exit, ret, &err) == RC_OK)
		return true;
	*ret = (struct shim_exit){.failure = SHIM_INFRA,
				  .code = -1,
				  .started = note->started,
				  .ended = note->started};
	ret->error = xstrdup("the job's supervisor was killed, or the machine went down");
	AUTO(freep) char *log = dir_path(dir, "log");
	if (stat(log, &st) == 0)
		ret->ended = MAX_OF((uint64_t)st.st_mtim.tv_sec * USEC_SEC +
					    (uint64_t)st.st_mtim.tv_nsec / 1000,
				    note->started);
	return false;
}

/* The name of step number n, as the log's marks have it. */
static char *step_name(const char *log, uint32_t n)
{
	AUTO(freep) char *path = xasprintf("%s.idx", log);
	AUTO(strbuf_done) struct strbuf text = STRBUF(MARKS_MAX);
	AUTO(log_marks_done) struct log_marks marks = {0};
	struct err err = {0};

	if (!n || file_read(path, MARKS_MAX, &text, &err) != RC_OK)
		return NULL;
	log_marks_add(&marks, strbuf_str(&text));
	vec_each(m, &marks.v)
		if (m->kind == LOG_BEGIN && m->step == n)
			return xstrdup(m->name);
	return NULL;
}

/* Nobody hid the secrets in the files of a job whose shim was lost: whole is false, and they are not read. */
static enum rc keep_reports(const char *dir, const char *unit, const char *log, bool whole,
			    const struct job_note *note, const struct shim_exit *ex,
			    const struct exec_inputs *in, struct exec_end *end, struct err *err)
{
	AUTO(freep) char *masked = dir_path(dir, "masked");
	AUTO(freep) char *summary = dir_path(dir, "summary.md"), *step = step_name(log, ex->step);
	struct report_ask ask = {
		.job = note->job,
		.unit = note->path,
		.work = unit,
		.masked = masked,
		.def = whole ? &note->reports : NULL,
		.summary = whole ? summary : NULL,
		.log = log,
		.exit = end->exit,
		.failed = end->failure != FAILURE_NONE && end->failure != FAILURE_CANCELLED,
		.error = end->error,
		.step = step,
	};
	struct report_found found;

	report_collect(&ask, &found);
	end->junit = found.junit;
	end->report = found.sum;
	for (size_t i = 0; i < found.times.n; i++)
		vec_push(&end->times, found.times.v[i]);
	vec_done(&found.times);
	found.junit = (struct junit){0};
	found.sum = (struct job_report){0};
	enum rc rc = report_keep(dir, &found.report, in, &end->report.blob, err);
	report_found_done(&found);
	return rc;
}

/* Outputs that are missing or not allowed are the job's failure; a store that fails is ours, to be
 * tried again. */
static enum rc keep_outputs(const char *unit, const struct job_note *note,
			    const struct exec_inputs *in, struct exec_end *end, struct err *err)
{
	struct err here = {0};

	if (!note->outputs.n)
		return RC_OK;
	enum rc rc = in->keep_outputs(in->ctx, unit, &note->outputs, &end->outputs, &here);
	if (rc == RC_NOT_FOUND || rc == RC_INVALID || rc == RC_TOO_BIG) {
		end->failure = FAILURE_OUTPUT;
		end->error = xstrdup(here.msg);
		return RC_OK;
	}
	return rc == RC_OK ? rc : err_set(err, rc, "%s", here.msg);
}

enum rc job_collect(const char *dir, const char *job, const struct exec_inputs *in,
		    struct exec_end *ret, struct err *err)
{
	struct job_note note = {0};
	struct shim_exit ex = {0};
	struct exec_end end = {0};

	enum rc rc = job_note_read(dir, &note, err);
	if (rc != RC_OK)
		return rc;
	bool whole = read_exit(dir, &ex, &note);
	AUTO(freep) char *work = dir_path(dir, "work");
	AUTO(freep)
	char *unit =
		note.path && !streq(note.path, ".") ? dir_path(work, note.path) : xstrdup(work);
	end = (struct exec_end){
		.job = xstrdup(job),
		.attempt = note.attempt,
		.exit = ex.code,
		.failure = failures[ex.failure],
		.error = ex.error ? xstrdup(ex.error) : NULL,
		.started_at = ex.started,
		.ended_at = ex.ended,
	};
	AUTO(freep) char *log = dir_path(dir, "log");
	rc = log_keep(log, in, &end.log, err);
	if (rc == RC_OK && end.failure == FAILURE_NONE)
		rc = keep_outputs(unit, &note, in, &end, err);
	if (rc == RC_OK)
		rc = keep_reports(dir, unit, log, whole, &note, &ex, in, &end, err);
	if (rc == RC_OK)
		*ret = end;
	else
		exec_end_done(&end);
	shape_done(&shape_shim_exit, &ex);
	shape_done(&shape_job_note, &note);
	return rc;
}
