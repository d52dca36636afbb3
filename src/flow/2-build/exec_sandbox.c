/*
 * Runs jobs in bubblewrap under penstock-shim. All that is known of a job stands in its folder, so
 * that a new daemon sees what an old one started, and nothing is shared between threads but the
 * kernel's inotify queue.
 */
#include "flow/2-build/exec_container.h"

#include "base/glob.h"
#include "io/child.h"
#include "io/clock.h"
#include "io/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* An exit file arrives by rename; a shim that dies closes its lock, which it had open for writing. */
#define SIGNS (IN_MOVED_TO | IN_CLOSE_WRITE)

static struct sandbox_exec *of(struct exec *x)
{
	return container_of(x, struct sandbox_exec, base);
}

static enum rc check_job(const char *job, struct err *err)
{
	if (!job || !*job || *job == '.' || strlen(job) > 200 || strchr(job, '+') ||
	    path_check(str_of(job), NULL) != RC_OK)
		return err_set(err, RC_INVALID, "\"%.80s\" is not a job's id", job ? job : "");
	return RC_OK;
}

static enum rc launch(const struct sandbox_exec *x, const struct shim_spec *s, const char *dir,
		      int lock, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(SHIM_SPEC_MAX);
	AUTO(fd_close) int in = -1;
	struct json_out o = JSON_OUT(&text);

	shape_write(&o, NULL, &shape_shim_spec, s);
	enum rc rc = strbuf_failed(&text)
			     ? err_set(err, RC_TOO_BIG, "the job's environment is too big")
			     : child_stdin(strbuf_str(&text), &in, err);
	if (text.p)
		mem_wipe(text.p, text.n);
	if (rc != RC_OK)
		return rc;
	return s->box.dir || s->sides.n ? shim_once(x->pool, dir, lock, in, err)
					: shim_pool_give(x->pool, dir, lock, in, err);
}

/* A folder with the job's inputs and caches; or the one that the attempt before left. */
static enum rc workspace(const struct sandbox_exec *x, const struct job_spec *spec,
			 const struct exec_inputs *in, const char *dir, uint32_t *ret_resume_from,
			 struct err *err)
{
	struct err why = {0};
	enum rc rc = spec->resume ? kept_take(x, spec, dir, ret_resume_from, &why) : RC_NOT_FOUND;

	if (rc != RC_NOT_FOUND) {
		if (rc != RC_OK)
			*err = why;
		return rc;
	}
	rc = dir_make(dir, 0700, err);
	if (rc == RC_OK)
		rc = job_inputs(spec, dir, in, err);
	if (rc == RC_OK && !spec->def.strict) /* what a cache holds is in no task key */
		caches_restore(x, spec, dir);
	return rc;
}

static enum rc prepare(const struct sandbox_exec *x, const struct job_spec *spec,
		       const struct exec_inputs *in, const char *dir, uint32_t *ret_resume_from,
		       struct err *err)
{
	struct job_note note = {.attempt = spec->attempt,
				.job = spec->job,
				.path = spec->path,
				.reports = spec->def.reports};

	enum rc rc = tree_remove(dir, err); /* of a start that was cut off */
	if (rc == RC_OK)
		rc = workspace(x, spec, in, dir, ret_resume_from, err);
	if (rc != RC_OK)
		return rc;
	note.started = clock_wall();
	for (size_t i = 0; i < spec->def.outputs.n; i++)
		vec_push(&note.outputs, spec->def.outputs.v[i]);
	rc = job_note_write(dir, &note, err);
	vec_done(&note.outputs);
	AUTO(freep) char *summary = dir_path(dir, "summary.md");
	if (rc == RC_OK)
		rc = file_make(summary, STR(""), 0600, err);
	return rc;
}

/*
 * The lock is held before the folder gets its name, and handed to the shim: so whoever looks sees
 * a job that runs, never one that has lost its shim.
 */
static enum rc publish(const struct sandbox_exec *x, const struct job_spec *spec,
		       const struct exec_inputs *in, const char *from, const char *dir,
		       uint32_t resume_from, struct err *err)
{
	AUTO(freep) char *lock_path = dir_path(from, "lock");
	AUTO(fd_close) int lock = -1;
	struct shim_spec s = {0};

	enum rc rc = shim_spec_make(x, spec, dir, in, &s, err);
	if (rc != RC_OK)
		return rc;
	s.resume_from = resume_from;
	rc = kept_note(spec, &s, from, err);
	if (rc == RC_OK)
		rc = file_lock(lock_path, &lock, err);
	if (rc == RC_OK && inotify_add_watch(x->inotify, from, SIGNS) < 0)
		rc = err_errno(err, errno, "watch %s", from);
	if (rc == RC_OK && rename(from, dir) < 0)
		rc = err_errno(err, errno, "rename %s", from);
	if (rc == RC_OK) {
		rc = launch(x, &s, dir, lock, err);
		if (rc != RC_OK && rename(dir, from) < 0)
			fd_close(&lock); /* it counts as lost, and is started again */
	}
	shim_spec_wipe(&s);
	return rc;
}

static enum rc sandbox_start(struct exec *base, const struct job_spec *spec,
			     const struct exec_inputs *in, struct err *err)
{
	struct sandbox_exec *x = of(base);
	struct job_note note = {0};
	struct err here = {0}, *e = err ? err : &here;

	enum rc rc = check_job(spec->job, e);
	if (rc != RC_OK)
		return rc;
	AUTO(freep) char *dir = job_dir(x, spec->job, false);
	AUTO(freep) char *from = job_dir(x, spec->job, true);
	if (file_exists(dir)) {
		struct err why = {0};
		bool same =
			job_note_read(dir, &note, &why) == RC_OK && note.attempt == spec->attempt;
		shape_done(&shape_job_note, &note);
		if (same)
			return RC_OK;
		rc = kept_retire(x, dir, e);
	}
	uint32_t resume_from = 0;
	if (rc == RC_OK)
		rc = prepare(x, spec, in, from, &resume_from, e);
	if (rc == RC_OK)
		rc = publish(x, spec, in, from, dir, resume_from, e);
	if (rc == RC_OK)
		return rc;
	(void)!tree_remove(from, NULL);
	return err_wrap(e, "start %s", spec->job);
}

static enum rc sandbox_cancel(struct exec *base, const char *job, struct err *err)
{
	enum rc rc = check_job(job, err);

	if (rc != RC_OK)
		return rc;
	/* What is only being prepared (an image is fetched) goes on into the job's folder, or ends. */
	for (int preparing = 1; preparing >= 0; preparing--) {
		AUTO(freep) char *dir = job_dir(of(base), job, preparing);
		AUTO(freep) char *path = dir_path(dir, "cancel");
		AUTO(fd_close)
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 && errno != ENOENT)
			return err_errno(err, errno, "create %s", path);
	}
	return RC_OK;
}

static int sandbox_fd(struct exec *base)
{
	return of(base)->inotify;
}

static void see(struct sandbox_exec *x, const char *name,
		void (*each)(void *ctx, const struct exec_seen *seen), void *ctx)
{
	AUTO(freep) char *dir = dir_path(x->jobs, name);
	struct job_note note = {0};
	struct err err = {0};

	if (job_note_read(dir, &note, &err) == RC_OK && note.job) {
		struct exec_seen seen = {
			.job = note.job, .attempt = note.attempt, .running = !job_has_ended(dir)};
		each(ctx, &seen);
	}
	shape_done(&shape_job_note, &note);
}

static enum rc sandbox_poll(struct exec *base,
			    void (*each)(void *ctx, const struct exec_seen *seen), void *ctx,
			    struct err *err)
{
	struct sandbox_exec *x = of(base);
	_Alignas(struct inotify_event) char buf[4096];

	while (read(x->inotify, buf, sizeof(buf)) > 0)
		;
	DIR *d = opendir(x->jobs);
	if (!d)
		return err_errno(err, errno, "read %s", x->jobs);
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			see(x, e->d_name, each, ctx);
	closedir(d);
	return RC_OK;
}

static enum rc sandbox_collect(struct exec *base, const char *job, const struct exec_inputs *in,
			       struct exec_end *ret, struct err *err)
{
	enum rc rc = check_job(job, err);

	if (rc != RC_OK)
		return rc;
	AUTO(freep) char *dir = job_dir(of(base), job, false);
	struct err here = {0}, *e = err ? err : &here;
	if (!file_exists(dir))
		return err_set(err, RC_NOT_FOUND, "there is no job %s here", job);
	if (!job_has_ended(dir))
		return err_set(err, RC_CONFLICT, "job %s has not ended", job);
	rc = job_collect(dir, job, in, ret, e);
	return rc == RC_OK ? rc : err_wrap(e, "collect %s", job);
}

static enum rc sandbox_forget(struct exec *base, const char *job, struct err *err)
{
	enum rc rc = check_job(job, err);

	if (rc != RC_OK)
		return rc;
	AUTO(freep) char *dir = job_dir(of(base), job, false);
	return kept_retire(of(base), dir, err);
}

static enum rc read_piece(const char *path, uint64_t from, size_t max, struct strbuf *ret,
			  bool *ret_whole, struct err *err)
{
	AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char buf[65536];

	*ret_whole = fd < 0;
	while (fd >= 0 && max) {
		ssize_t k = pread(fd, buf, MIN_OF(max, sizeof(buf)), (off_t)from);
		if (k < 0)
			return err_errno(err, errno, "read %s", path);
		*ret_whole = !k;
		if (!k)
			break;
		strbuf_add(ret, buf, (size_t)k);
		from += (uint64_t)k;
		max -= (size_t)k;
	}
	return strbuf_failed(ret) ? err_set(err, RC_TOO_BIG, "the log's piece does not fit")
				  : RC_OK;
}

static enum rc sandbox_log(struct exec *base, const char *job, uint64_t at, size_t max,
			   struct strbuf *ret, bool *ret_ended, struct err *err)
{
	bool whole = false;
	enum rc rc = check_job(job, err);

	if (rc != RC_OK)
		return rc;
	AUTO(freep) char *dir = job_dir(of(base), job, false);
	AUTO(freep) char *path = dir_path(dir, "log");
	AUTO(freep) char *from = job_dir(of(base), job, true), *early = dir_path(from, "log");
	bool there = file_exists(dir);
	if (!there && !file_exists(early))
		return err_set(err, RC_NOT_FOUND, "there is no job %s here", job);
	if (!there) { /* how far its image is */
		*ret_ended = false;
		return read_piece(early, at, max, ret, &whole, err);
	}
	bool ended = job_has_ended(dir); /* asked first: what is read after an end is all */
	rc = read_piece(path, at, max, ret, &whole, err);
	*ret_ended = ended && whole;
	return rc;
}

static enum rc sandbox_marks(struct exec *base, const char *job, uint64_t from, size_t max,
			     struct strbuf *ret, struct err *err)
{
	bool whole;
	enum rc rc = check_job(job, err);

	if (rc != RC_OK)
		return rc;
	AUTO(freep) char *dir = job_dir(of(base), job, false);
	AUTO(freep) char *path = dir_path(dir, "log.idx");
	if (!file_exists(dir))
		return err_set(err, RC_NOT_FOUND, "there is no job %s here", job);
	return read_piece(path, from, max, ret, &whole, err);
}

static void sandbox_free(struct exec *base)
{
	struct sandbox_exec *x = of(base);

	shim_pool_free(x->pool);
	fd_close(&x->inotify);
	xfree(x->jobs);
	xfree(x->etc);
	xfree(x->shim);
	xfree(x->bwrap);
	xfree(x->runtime);
	xfree(x->docker_host);
	xfree(x->data);
	xfree(x->caches);
	xfree(x);
}

static const struct exec_ops ops = {"sandbox",    sandbox_start,   sandbox_cancel, sandbox_fd,
				    sandbox_poll, sandbox_collect, sandbox_forget, sandbox_log,
				    sandbox_free, sandbox_marks};

static char *find_bwrap(void)
{
	static const char *const places[] = {"/usr/bin/bwrap", "/usr/local/bin/bwrap",
					     "/bin/bwrap"};

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (access(places[i], X_OK) == 0)
			return xstrdup(places[i]);
	return NULL;
}

/* Jobs of an earlier daemon wake us too; what it was only preparing goes away. */
static enum rc adopt(struct sandbox_exec *x, struct err *err)
{
	DIR *d = opendir(x->jobs);
	enum rc rc = RC_OK;

	if (!d)
		return err_errno(err, errno, "read %s", x->jobs);
	for (struct dirent *e; rc == RC_OK && (e = readdir(d));) {
		AUTO(freep) char *dir = dir_path(x->jobs, e->d_name);
		if (e->d_name[0] != '.')
			inotify_add_watch(x->inotify, dir, SIGNS);
		else if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			rc = tree_remove(dir, err);
	}
	closedir(d);
	return rc;
}

/*
 * Job folders come and go by the thousand. On ext4 without a journal each new inode is looked for behind all that were deleted in its
 * group in the last minutes: spread over the groups there are few in each. Other file systems do not know this.
 */
static void spread(const char *dir)
{
	AUTO(fd_close) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned flags = 0;

	if (fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && !(flags & FS_TOPDIR_FL)) {
		flags |= FS_TOPDIR_FL;
		(void)!ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
}

static enum rc init(struct sandbox_exec *x, const char *shim, struct err *err)
{
	if (!x->bwrap)
		return err_set(err, RC_UNSUPPORTED,
			       "bubblewrap is not installed: apt-get install bubblewrap");
	if (!x->shim || access(x->shim, X_OK) < 0)
		return err_errno(err, errno, "%s", shim);
	x->pool = shim_pool_new(x->shim);
	x->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (x->inotify < 0)
		return err_errno(err, errno, "inotify");
	enum rc rc = dir_make(x->jobs, 0700, err);
	if (rc == RC_OK)
		rc = sandbox_etc(x, err);
	spread(x->jobs);
	return rc == RC_OK ? adopt(x, err) : rc;
}

void exec_sandbox_caches(struct exec *base, const char *dir)
{
	struct sandbox_exec *x = of(base);

	xfree(x->caches);
	x->caches = xstrdup(dir);
}

struct exec *exec_sandbox_new(const char *data_dir, const char *shim_path, struct err *err)
{
	AUTO(freep) char *data = realpath(data_dir, NULL);
	struct sandbox_exec *x = xcalloc(1, sizeof(*x));

	if (!data)
		err_errno(err, errno, "%s", data_dir);
	x->base.ops = &ops;
	x->inotify = -1;
	x->data = xstrdup(data ? data : "");
	x->caches = xstrdup(x->data);
	x->jobs = xasprintf("%s/jobs", data ? data : "");
	x->etc = xasprintf("%s/sandbox/etc", data ? data : "");
	x->shim = realpath(shim_path, NULL); /* it is started from "/" */
	x->bwrap = find_bwrap();
	if (data && init(x, shim_path, err) == RC_OK)
		return &x->base;
	sandbox_free(&x->base);
	return NULL;
}
