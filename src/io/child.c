#include "io/child.h"

#include "base/mem.h"
#include "io/clock.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_BYTES       16384
/* The child runs on a piece of our stack while we wait: the sanitizer must not mark that piece. */
#define ON_BORROWED_STACK __attribute__((no_sanitize("address"), no_stack_protector, noinline))

extern char **environ;

struct start {
	const struct child_spec *spec;
	const char *program;
	volatile int failed; /* errno of the step that failed */
	volatile pid_t pid;
	sigset_t mask; /* to be restored in the child */
	_Alignas(16) char stack[STACK_BYTES], inner[STACK_BYTES];
};

/* execve() and friends want char *const[], but do not write. */
static char *const *loose(const char *const *list)
{
	union {
		const char *const *in;
		char *const *out;
	} u = {.in = list};
	return u.out;
}

ON_BORROWED_STACK static int place_fds(const struct child_spec *spec)
{
	int want[CHILD_FDS + 1], high[CHILD_FDS + 1];
	unsigned first = 3; /* to be closed, with all behind it */

	for (int i = 0; i <= CHILD_FDS; i++)
		want[i] = spec->pass && i >= 3 ? spec->pass[i - 3]
			  : i < CHILD_FDS      ? spec->fds[i]
					       : -1;
	for (int i = 0; i <= CHILD_FDS; i++) {
		int from = want[i];
		if (from < 0 && i < 3)
			from = open("/dev/null", O_RDWR | O_CLOEXEC);
		high[i] = from < 0 ? -1 : fcntl(from, F_DUPFD_CLOEXEC, 64);
		if (high[i] < 0 && i < 3)
			return -1;
	}
	for (int i = 0; i <= CHILD_FDS; i++) {
		if (high[i] < 0)
			continue;
		if (dup2(high[i], i) < 0)
			return -1;
		first = MAX_OF(first, (unsigned)i + 1);
	}
	return (int)syscall(SYS_close_range, first, UINT_MAX, 0);
}

ON_BORROWED_STACK static int become(void *arg)
{
	static const int ignored[] = {SIGPIPE, SIGHUP,  SIGINT,  SIGQUIT,
				      SIGTERM, SIGCHLD, SIGUSR1, SIGUSR2};
	struct start *s = arg;
	const struct child_spec *spec = s->spec;

	setsid();
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_DFL);
	if (spec->die_with_us)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (place_fds(spec) < 0 || (spec->dir && chdir(spec->dir) < 0)) {
		s->failed = errno;
		_exit(127);
	}
	sigprocmask(SIG_SETMASK, &s->mask, NULL);
	execve(s->program, loose(spec->argv), spec->env ? loose(spec->env) : environ);
	s->failed = errno;
	_exit(127);
}

ON_BORROWED_STACK static int become_parent(void *arg)
{
	struct start *s = arg;

	s->pid = clone(become, s->inner + STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, s);
	if (s->pid < 0)
		s->failed = errno;
	_exit(0);
}

/* The program's path: execvpe() allocates, which a vfork child must not. */
static enum rc find_program(const char *name, char **ret, struct err *err)
{
	if (strchr(name, '/')) {
		*ret = xstrdup(name);
		return RC_OK;
	}
	const char *path = getenv("PATH");
	struct str rest = str_of(path ? path : "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
	while (rest.p) {
		struct str dir = str_cut(&rest, ':');
		char *at = xasprintf("%.*s/%s", (int)dir.n, dir.n ? dir.p : ".", name);
		if (access(at, X_OK) == 0) {
			*ret = at;
			return RC_OK;
		}
		xfree(at);
	}
	return err_set(err, RC_NOT_FOUND, "%s is not installed (not found in PATH)", name);
}

static enum rc start(const struct child_spec *spec, bool detach, struct child *ret, struct err *err)
{
	AUTO(freep) char *program = NULL;
	struct start s;
	sigset_t all;
	int pidfd = -1;

	enum rc rc = find_program(spec->argv[0], &program, err);
	if (rc != RC_OK)
		return rc;
	s.spec = spec;
	s.program = program;
	s.failed = 0;
	s.pid = -1;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &s.mask);
	pid_t pid = clone(detach ? become_parent : become, s.stack + STACK_BYTES,
			  CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &s, &pidfd);
	int no = pid < 0 ? errno : s.failed;
	pthread_sigmask(SIG_SETMASK, &s.mask, NULL);
	if (pid >= 0 && (detach || no)) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		fd_close(&pidfd);
	}
	if (no)
		return err_errno(err, no, "start %s", program);
	*ret = (struct child){detach ? s.pid : pid, pidfd};
	return RC_OK;
}

enum rc child_start(const struct child_spec *spec, struct child *ret, struct err *err)
{
	return start(spec, false, ret, err);
}

enum rc child_detach(const struct child_spec *spec, pid_t *ret_pid, struct err *err)
{
	struct child c = {0, -1};
	enum rc rc = start(spec, true, &c, err);

	if (rc == RC_OK)
		*ret_pid = c.pid;
	return rc;
}

bool child_ended(struct child *c, int *ret_exit)
{
	int status = 0;

	if (c->pid <= 0)
		return true;
	pid_t got = waitpid(c->pid, &status, WNOHANG);
	if (got == 0 || (got < 0 && errno == EINTR))
		return false;
	*ret_exit = got < 0               ? -1
		    : WIFSIGNALED(status) ? 128 + WTERMSIG(status)
					  : WEXITSTATUS(status);
	c->pid = 0;
	return true;
}

void child_done(struct child *c)
{
	if (c->pid > 0) {
		kill(-c->pid, SIGKILL);
		kill(c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	fd_close(&c->pidfd);
	c->pid = 0;
}

enum rc child_stdin(struct str text, int *ret_fd, struct err *err)
{
	AUTO(fd_close) int fd = memfd_create("stdin", MFD_CLOEXEC);

	if (fd < 0)
		return err_errno(err, errno, "memfd_create");
	enum rc rc = fd_write(fd, text.p, text.n, err);
	if (rc != RC_OK)
		return rc;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, errno, "lseek");
	*ret_fd = fd;
	fd = -1;
	return RC_OK;
}

/* Take what is there; false at the end of file. */
static bool drain(int fd, struct strbuf *to)
{
	char buf[16384];
	ssize_t k = read(fd, buf, sizeof(buf));

	if (k > 0)
		strbuf_add(to, buf, (size_t)k);
	return k > 0 || (k < 0 && (errno == EINTR || errno == EAGAIN));
}

static enum rc listen_to(int out, int errors, const struct child_run *run, struct strbuf *to,
			 struct strbuf *to_errors, struct err *err)
{
	struct pollfd p[2] = {{out, POLLIN, 0}, {errors, POLLIN, 0}};
	usec_t limit = run->timeout ? run->timeout : USEC_MIN, begin = clock_mono();

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		usec_t spent = clock_mono() - begin;
		int n = spent >= limit ? 0
				       : poll(p, 2, (int)MIN_OF((limit - spent) / 1000 + 1, 60000));
		if (n < 0 && errno != EINTR)
			return err_errno(err, errno, "poll");
		if (!n && clock_mono() - begin >= limit)
			return err_set(err, RC_UNAVAILABLE, "%s did not end in %.1f s",
				       run->spec.argv[0], (double)limit / 1e6);
		for (int i = 0; i < 2 && n > 0; i++)
			if (p[i].revents && !drain(p[i].fd, i ? to_errors : to))
				p[i].fd = -1;
		if (strbuf_failed(to) || strbuf_failed(to_errors))
			return err_set(err, RC_TOO_BIG, "%s says too much", run->spec.argv[0]);
	}
	return RC_OK;
}

enum rc child_capture(const struct child_run *run, struct strbuf *out, struct strbuf *errors,
		      int *ret_exit, struct err *err)
{
	AUTO(child_done) struct child c = {0, -1};
	AUTO(fd_close) int in = -1, out_r = -1, out_w = -1;
	AUTO(fd_close) int err_r = -1, err_w = -1;
	struct child_spec spec = run->spec;
	int p[2];

	enum rc rc = run->in.n ? child_stdin(run->in, &in, err) : RC_OK;
	if (rc != RC_OK)
		return rc;
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_errno(err, errno, "pipe");
	out_r = p[0], out_w = p[1];
	if (errors) {
		if (pipe2(p, O_CLOEXEC) < 0)
			return err_errno(err, errno, "pipe");
		err_r = p[0], err_w = p[1];
	}
	spec.fds[0] = in, spec.fds[1] = out_w, spec.fds[2] = errors ? err_w : out_w,
	spec.fds[3] = -1;
	rc = child_start(&spec, &c, err);
	fd_close(&out_w);
	fd_close(&err_w);
	usec_t limit = clock_mono() + (run->timeout ? run->timeout : USEC_MIN);
	if (rc == RC_OK)
		rc = listen_to(out_r, err_r, run, out, errors ? errors : out, err);
	if (rc != RC_OK)
		return rc;
	int status = 0;
	struct pollfd end = {c.pidfd, POLLIN, 0}; /* it may have closed its output and go on */
	while (clock_mono() < limit && poll(&end, 1, (int)((limit - clock_mono()) / 1000 + 1)) < 0)
		;
	if (!end.revents)
		kill(-c.pid, SIGKILL);
	while (waitpid(c.pid, &status, 0) < 0 && errno == EINTR)
		;
	c.pid = 0;
	*ret_exit = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return RC_OK;
}
