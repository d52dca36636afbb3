/* A terminal in a kept sandbox: penstock-shim --shell DIR FD, with the spec on FD. The same root, binds, environment, network and services as the job had. */
#include "shim/box.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_MAX ((uint64_t)1 << 20)

struct shell {
	struct shim_spec spec;
	struct sandbox box;
	struct sides sides;
	struct group group;
	struct watch watch;
	struct out out;
	char *dir; /* <DIR>/shell: what is said here */
};

/* The log of what surrounds the shell, when it did not come up. */
static void show(const struct shell *s)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(LOG_MAX + 1);
	struct err err = {0};

	if (read_file(s->out.path, LOG_MAX, &text, &err) == RC_OK)
		fprintf(stderr, "%s", strbuf_cstr(&text));
}

static enum rc surroundings(struct shell *s, const char *dir, struct err *err)
{
	AUTO(freep) char *group = xasprintf("penstock-shell-%ld", (long)getpid());
	enum rc rc = s->spec.box.dir ? box_mount(&s->spec.box, err) : RC_OK;

	if (rc == RC_OK && !s->spec.network &&
	    (s->spec.sides.n || (s->spec.box.dir && geteuid() == 0))) {
		rc = box_network(err);
		s->spec.network = true;
	}
	if (rc == RC_OK)
		rc = watch_open(&s->watch, s->dir, "stop", err);
	if (rc == RC_OK)
		rc = sides_up(&s->sides, dir, &s->spec, &s->watch, &s->out, err);
	if (rc == RC_OK)
		group_make(&s->group, group, s->spec.memory, s->spec.pids ? s->spec.pids : 512);
	return rc;
}

/* The terminal went away: so do we, and with us all that runs there. Its keys (Ctrl-C, Ctrl-\) and its size come to us, as the sandbox is a session
 * of its own: they are passed on to all that runs in it, but not to bubblewrap, which would end of them. */
static int wait_for(const struct shell *s, pid_t pid, int status)
{
	sigset_t end, keys;
	int how = 0;

	sigemptyset(&end);
	sigaddset(&end, SIGHUP);
	sigaddset(&end, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &end, NULL);
	sigemptyset(&keys);
	sigaddset(&keys, SIGINT);
	sigaddset(&keys, SIGQUIT);
	sigaddset(&keys, SIGWINCH);
	sigaddset(&keys, SIGCHLD);
	sigprocmask(SIG_BLOCK, &keys, NULL);
	while (waitpid(pid, &how, WNOHANG) == 0) {
		int sig = sigwaitinfo(&keys, NULL);
		pid_t init = sandbox_init_pid(status);
		if (sig > 0 && sig != SIGCHLD && (s->group.n || is_docker(s->spec.box.runtime)))
			box_signal(&s->spec.box, &s->group, pid, init, sig);
		else if (sig > 0 && sig != SIGCHLD && init > 0)
			kill(-init, sig);
	}
	return WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how);
}

static int enter(struct shell *s, struct err *err)
{
	AUTO(fd_drop) int status = memfd_create("status", MFD_CLOEXEC);
	pid_t pid = 0;

	sandbox_init(&s->box, &s->spec, s->dir, NULL);
	if (sandbox_start(&s->box, &s->spec, NULL, &s->group, -1, status, &pid, err) != RC_OK)
		return -1;
	return wait_for(s, pid, status);
}

int shell_run(const char *dir, int fd)
{
	struct shell s = {.sides = {.told = -1}, .watch = {.signals = -1, .folder = -1}};
	struct err err = {0};
	int code = -1;

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	s.dir = path_in(dir, "shell");
	enum rc rc = mkdir(s.dir, 0700) == 0 || errno == EEXIST
			     ? shim_spec_read(fd, &s.spec, &err)
			     : err_errno(&err, errno, "make %s", s.dir);
	prctl(PR_SET_DUMPABLE, 0);
	if (rc == RC_OK)
		rc = out_open(&s.out, s.dir, true, LOG_MAX, &s.spec, &err);
	if (rc == RC_OK)
		rc = surroundings(&s, dir, &err);
	if (rc == RC_OK)
		code = enter(&s, &err);
	sides_down(&s.sides, &s.out);
	if (code < 0) {
		if (s.out.path)
			show(&s);
		fprintf(stderr, "penstock: %s\n", err.msg);
		code = 3;
	}
	group_done(&s.group);
	sandbox_done(&s.box);
	watch_done(&s.watch);
	if (s.out.path)
		out_done(&s.out);
	shim_spec_wipe(&s.spec);
	xfree(s.dir);
	return code;
}
