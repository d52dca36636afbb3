/* The end of a job: its log, outputs and test results go into the store. */
#include "flow/2-build/exec_sandbox.h"

#include "base/glob.h"
#include "io/files.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_MAX    ((size_t)64 << 10)
#define JUNIT_FILES 1000

static const enum failure failures[] = {FAILURE_NONE, FAILURE_EXIT,  FAILURE_TIMEOUT,
					FAILURE_OOM,  FAILURE_INFRA, FAILURE_CANCELLED};

/* What the shim wrote; one that was lost counts as a failure of the machine. */
static void read_exit(const char *dir, struct shim_exit *ret, const struct job_note *note)
{
	AUTO(freep) char *path = dir_path(dir, "exit");
	AUTO(strbuf_done) struct strbuf text = STRBUF(EXIT_MAX);
	struct err err = {0};
	struct stat st;

	if (file_read(path, EXIT_MAX, &text, &err) == RC_OK &&
	    shape_parse(strbuf_str(&text), EXIT_MAX, &shape_shim_exit, ret, &err) == RC_OK)
		return;
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
}

struct reports {
	const struct exec_inputs *in;
	struct str glob;
	const char *dir;
	struct junit *junit;
	size_t files;
	struct strbuf problem;
};

static enum rc report(void *ctx, const struct file_seen *seen, struct err *err)
{
	struct reports *r = ctx;
	AUTO(strbuf_done) struct strbuf text = STRBUF(JUNIT_MAX + 1);
	struct err here = {0};

	(void)err;
	if (seen->kind != FILE_REGULAR || !glob_match(r->glob, str_of(seen->path)) ||
	    r->files++ >= JUNIT_FILES)
		return RC_OK;
	AUTO(freep) char *path = dir_path(r->dir, seen->path);
	enum rc rc = file_read(path, JUNIT_MAX, &text, &here);
	if (rc == RC_OK)
		rc = junit_read(strbuf_str(&text), r->junit, &here);
	if (rc != RC_OK && !r->problem.n)
		strbuf_addf(&r->problem, "%s: %s", seen->path, here.msg);
	return RC_OK;
}

/* A report that cannot be read is no failure of the job; what it would have said stays open. */
static void read_junit(const char *unit, const char *glob, struct junit *ret)
{
	struct reports r = {
		.glob = str_of(glob), .dir = unit, .junit = ret, .problem = STRBUF(512)};
	struct err err = {0};

	(void)!tree_walk(unit, report, &r, &err);
	if (r.problem.n && !ret->first_failure)
		ret->first_failure = strbuf_take(&r.problem);
	strbuf_done(&r.problem);
}

static enum rc keep_log(const char *dir, const struct exec_inputs *in, char **ret, struct err *err)
{
	AUTO(freep) char *log = dir_path(dir, "log");

	if (!file_exists(log)) {
		enum rc rc = file_write_fast(log, STR(""), 0600, err);
		if (rc != RC_OK)
			return rc;
	}
	return in->keep_file(in->ctx, log, ret, err);
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
	read_exit(dir, &ex, &note);
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
	if (note.junit && *note.junit)
		read_junit(unit, note.junit, &end.junit);
	rc = keep_log(dir, in, &end.log, err);
	if (rc == RC_OK && end.failure == FAILURE_NONE)
		rc = keep_outputs(unit, &note, in, &end, err);
	if (rc == RC_OK)
		*ret = end;
	else
		exec_end_done(&end);
	shape_done(&shape_shim_exit, &ex);
	shape_done(&shape_job_note, &note);
	return rc;
}
