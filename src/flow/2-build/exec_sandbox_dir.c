/* A job's folder: <data>/jobs/<job id, '/' as '+'>/{work,log,exit,spec.json,lock,left}. */
#include "flow/2-build/exec_sandbox.h"

#include "io/child.h"
#include "io/clock.h"
#include "io/files.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_MAX ((size_t)4 << 20)

static const struct shape_field reports_fields[] = {
	SHAPE_STR(struct reports_def, junit),    SHAPE_STR(struct reports_def, sarif),
	SHAPE_STR(struct reports_def, coverage), SHAPE_STR(struct reports_def, problems),
	SHAPE_STR(struct reports_def, summary),
};
static const struct shape shape_reports = SHAPE(struct reports_def, reports_fields);
static const struct shape_field note_fields[] = {
	SHAPE_U32(struct job_note, attempt), SHAPE_STR(struct job_note, job),
	SHAPE_STR(struct job_note, path),    SHAPE_SUB(struct job_note, reports, shape_reports),
	SHAPE_U64(struct job_note, started), SHAPE_STRS(struct job_note, outputs),
};
const struct shape shape_job_note = SHAPE(struct job_note, note_fields);

char *job_dir(const struct sandbox_exec *x, const char *job, bool preparing)
{
	char *ret = xasprintf("%s/%s%s", x->jobs, preparing ? "." : "", job);

	for (char *p = ret + strlen(x->jobs) + 1; *p; p++)
		if (*p == '/')
			*p = '+';
	return ret;
}

char *dir_path(const char *dir, const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

enum rc job_note_read(const char *dir, struct job_note *ret, struct err *err)
{
	AUTO(freep) char *path = dir_path(dir, "spec.json");
	AUTO(strbuf_done) struct strbuf text = STRBUF(NOTE_MAX);
	enum rc rc = file_read(path, NOTE_MAX, &text, err);

	return rc == RC_OK ? shape_parse(strbuf_str(&text), NOTE_MAX, &shape_job_note, ret, err)
			   : rc;
}

enum rc job_note_write(const char *dir, const struct job_note *note, struct err *err)
{
	AUTO(freep) char *path = dir_path(dir, "spec.json");
	AUTO(strbuf_done) struct strbuf text = STRBUF(NOTE_MAX);
	struct json_out o = JSON_OUT(&text);

	shape_write(&o, NULL, &shape_job_note, note);
	if (strbuf_failed(&text))
		return err_set(err, RC_TOO_BIG, "the job's outputs are too many");
	return file_make(path, strbuf_str(&text), 0600, err);
}

bool job_has_ended(const char *dir)
{
	AUTO(freep) char *end = dir_path(dir, "exit"), *lock = dir_path(dir, "lock");

	/* The lock is asked between two looks at the file: a shim writes the one before it leaves
	 * the other. */
	return file_exists(end) || !file_is_locked(lock);
}

/* End a shim that is still at work: its sandbox dies with it. */
static void kill_shim(const char *dir)
{
	AUTO(freep) char *lock = dir_path(dir, "lock");
	AUTO(strbuf_done) struct strbuf text = STRBUF(64);
	struct err err = {0};

	for (int i = 0; i < 400 && file_is_locked(lock); i++) {
		uint32_t pid = 0;
		strbuf_clear(&text);
		if (file_read(lock, 32, &text, &err) == RC_OK &&
		    parse_u32(str_trim(strbuf_str(&text)), &pid) && pid > 1 && file_is_locked(lock))
			kill((pid_t)pid, i < 20 ? SIGTERM : SIGKILL);
		clock_sleep(10 * USEC_MS);
	}
}

enum rc job_remove(const struct sandbox_exec *x, const char *dir, struct err *err)
{
	AUTO(freep) char *left = dir_path(dir, "left"), *end = dir_path(dir, "exit");
	AUTO(strbuf_done) struct strbuf said = STRBUF(4096);
	struct err why = {0};
	int code = 0;

	if (!file_exists(dir))
		return RC_OK;
	if (!file_exists(end))
		kill_shim(dir);
	if (file_exists(left) && !file_exists(end)) {
		const char *argv[] = {x->shim, "--clean", dir, NULL};
		struct child_run run = {.spec.argv = argv, .timeout = 10 * USEC_SEC};
		(void)!child_capture(&run, &said, NULL, &code, &why);
	}
	/* The shim may still remove a file of its own: that is a second try, not a failure. */
	enum rc rc = RC_OK;
	for (int i = 0; i < 5; i++) {
		rc = tree_remove(dir, err);
		if (rc == RC_OK)
			break;
		clock_sleep(10 * USEC_MS);
	}
	return rc;
}

static enum rc touch(const char *etc, const char *name, const char *text, struct err *err)
{
	AUTO(freep) char *path = dir_path(etc, name);

	return file_write_fast(path, str_of(text), 0644, err);
}

/* The same on every machine; what must be the machine's own is bound over it. */
enum rc sandbox_etc(const struct sandbox_exec *x, struct err *err)
{
	static const char *const files[][2] = {
		{"passwd",
		 "root:x:0:0:root:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"},
		{"group", "root:x:0:\nnogroup:x:65534:\n"},
		{"hosts", "127.0.0.1 localhost job\n::1 localhost\n"},
		{"nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"},
		{"ld.so.cache", ""},
		{"resolv.conf", ""},
	};
	static const char *const dirs[] = {"alternatives", "ssl/certs"};
	enum rc rc = RC_OK;

	for (size_t i = 0; i < ARRAY_LEN(dirs) && rc == RC_OK; i++) {
		AUTO(freep) char *path = dir_path(x->etc, dirs[i]);
		rc = dir_make(path, 0755, err);
	}
	for (size_t i = 0; i < ARRAY_LEN(files) && rc == RC_OK; i++)
		rc = touch(x->etc, files[i][0], files[i][1], err);
	return rc;
}
