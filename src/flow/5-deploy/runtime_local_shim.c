/* Shims: started, asked to stop, cleaned up after. */
#include "flow/5-deploy/runtime_local.h"
#include "io/child.h"
#include "io/clock.h"
#include "io/files.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define SHIMS_STOP_WITHIN (7 * USEC_SEC) /* theirs is 5 s from SIGTERM to SIGKILL */

static void wiped(struct strbuf *b)
{
	if (b->p)
		mem_wipe(b->p, b->size);
	strbuf_done(b);
}

bool shim_lives(const char *dir)
{
	char *lock AUTO(freep) = xasprintf("%s/lock", dir);

	return file_is_locked(lock);
}

enum rc shim_start(const struct runtime_local *l, const struct member *m,
		   const struct runtime_inputs *in, struct err *err)
{
	struct strbuf spec AUTO(wiped) = STRBUF(SHIM_SPEC_MAX);
	char *lock AUTO(freep) = xasprintf("%s/lock", m->dir),
		   *stop AUTO(freep) = xasprintf("%s/stop", m->dir);
	char *events AUTO(freep) = xasprintf("%s/events", m->dir);
	int lock_fd AUTO(fd_close) = -1, in_fd AUTO(fd_close) = -1, events_fd AUTO(fd_close) = -1;
	const char *argv[] = {l->shim, m->dir, NULL};
	struct child_spec c = {.argv = argv, .dir = "/", .fds = {-1, -1, -1, -1}};
	pid_t pid;

	if (replica_spec(l, m, in, &spec, err) != RC_OK || file_lock(lock, &lock_fd, err) != RC_OK)
		return err->rc;
	if (unlink(stop) != 0 && errno != ENOENT)
		return err_errno(err, errno, "%s", stop);
	/* There before the shim is, so that it can be watched; what an earlier shim said is
	 * over. */
	events_fd = open(events, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (events_fd < 0)
		return err_errno(err, errno, "%s", events);
	if (child_stdin(strbuf_str(&spec), &in_fd, err) != RC_OK)
		return err->rc;
	c.fds[0] = in_fd;
	c.fds[SHIM_LOCK_FD] = lock_fd;
	return child_detach(&c, &pid, err);
}

static const char *const *clean_argv(const struct runtime_local *l, const char *dir,
				     const char *argv[4])
{
	argv[0] = l->shim;
	argv[1] = "--clean";
	argv[2] = dir;
	argv[3] = NULL;
	return argv;
}

enum rc shim_clean(const struct runtime_local *l, const char *dir, struct err *err)
{
	struct strbuf out AUTO(strbuf_done) = STRBUF(1 << 16);
	const char *argv[4];
	int code = 0;

	if (child_capture(
		    &(struct child_run){.spec = {.argv = clean_argv(l, dir, argv), .dir = "/"},
					.timeout = 10 * USEC_SEC},
		    &out, NULL, &code, err) != RC_OK)
		return err->rc;
	return code == 0 ? RC_OK : err_set(err, RC_UNAVAILABLE, "%.300s", strbuf_cstr(&out));
}

enum rc shim_clean_begin(const struct runtime_local *l, const char *dir, struct err *err)
{
	const char *argv[4];
	pid_t pid;

	return child_detach(&(struct child_spec){.argv = clean_argv(l, dir, argv),
						 .dir = "/",
						 .fds = {-1, -1, -1, -1}},
			    &pid, err);
}

/* The pid in the lock is the holder's as long as the lock is held. */
static void kill_shim(const char *dir)
{
	char *lock AUTO(freep) = xasprintf("%s/lock", dir);
	struct strbuf text AUTO(strbuf_done) = STRBUF(64);
	uint32_t pid;

	if (file_read(lock, 60, &text, NULL) == RC_OK &&
	    parse_u32(str_trim(strbuf_str(&text)), &pid) && pid > 1 && shim_lives(dir))
		(void)kill((pid_t)pid, SIGKILL);
}

static size_t living(char *const *dirs, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		k += shim_lives(dirs[i]);
	return k;
}

/* The shim's cgroup or log may be gone a moment later than its lock. */
static enum rc remove_dir(const char *dir, struct err *err)
{
	enum rc rc = RC_OK;

	for (int i = 0; i < 20; i++) {
		rc = tree_remove(dir, err);
		if (rc == RC_OK)
			break;
		clock_sleep(10 * USEC_MS);
	}
	return rc;
}

enum rc shims_stop(const struct runtime_local *l, char *const *dirs, size_t n, struct err *err)
{
	usec_t until = clock_mono() + SHIMS_STOP_WITHIN;

	for (size_t i = 0; i < n; i++) {
		char *stop AUTO(freep) = xasprintf("%s/stop", dirs[i]);

		if (file_exists(dirs[i]) && file_write_fast(stop, STR(""), 0600, err) != RC_OK)
			return err->rc;
	}
	while (living(dirs, n) && clock_mono() < until)
		clock_sleep(5 * USEC_MS);
	for (size_t i = 0; i < n; i++) {
		char *left AUTO(freep) = xasprintf("%s/left", dirs[i]);

		if (shim_lives(dirs[i]))
			kill_shim(dirs[i]);
		for (int k = 0; k < 100 && shim_lives(dirs[i]); k++)
			clock_sleep(10 * USEC_MS);
		if (file_exists(left) && shim_clean(l, dirs[i], err) != RC_OK)
			return err_wrap(err, "clean %s", dirs[i]);
		if (remove_dir(dirs[i], err) != RC_OK)
			return err->rc;
	}
	return RC_OK;
}
