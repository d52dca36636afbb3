/* vfork + exec: between the two only system calls. The shim has one thread, so plain vfork() is
 * enough. */
#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *const *loose(const char *const *list)
{
	union {
		const char *const *in;
		char *const *out;
	} u = {.in = list};
	return u.out;
}

static void limit(__rlimit_resource_t which, uint64_t most)
{
	struct rlimit r;

	if (getrlimit(which, &r) < 0)
		return;
	if (most < r.rlim_max)
		r.rlim_max = most;
	r.rlim_cur = MIN_OF(most, r.rlim_max);
	setrlimit(which, &r);
}

static void limits(const struct spawn *s)
{
	limit(RLIMIT_CORE, 0);
	if (s->file_max)
		limit(RLIMIT_FSIZE, s->file_max);
	if (s->pids && !s->group->n && geteuid() != 0)
		limit(RLIMIT_NPROC, s->pids);
}

/* In the child. Returns the errno of what failed. */
static int become(const struct spawn *s, pid_t shim)
{
	sigset_t none;

	for (size_t i = 0; s->group && i < s->group->n; i++)
		if (write(s->group->procs[i], "0", 1) < 0)
			return errno;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != shim)
		return ESRCH;
	if (s->session)
		setsid();
	if (s->out >= 0 && (dup2(s->out, 1) < 0 || dup2(s->out, 2) < 0))
		return errno;
	if (s->dir && chdir(s->dir) < 0)
		return errno;
	syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC);
	for (size_t i = 0; i < s->nkeep; i++)
		fcntl(s->keep[i], F_SETFD, 0);
	limits(s);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(s->argv[0], loose(s->argv), loose(s->env));
	return errno;
}

enum rc spawn(const struct spawn *s, pid_t *ret, struct err *err)
{
	volatile int failed = 0;
	pid_t shim = getpid(), pid = vfork();

	if (pid == 0) {
		failed = become(s, shim);
		_exit(127);
	}
	for (size_t i = 0; i < s->nkeep && pid > 0; i++)
		fcntl(s->keep[i], F_SETFD, FD_CLOEXEC);
	if (pid < 0)
		return err_errno(err, errno, "start %s", s->argv[0]);
	if (failed)
		return err_errno(err, failed, "start %s", s->argv[0]); /* the loop reaps it */
	*ret = pid;
	return RC_OK;
}
