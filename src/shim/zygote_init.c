/*
 * The first process of a command's namespaces: mounts what is the command's own, gives up every privilege, starts it, reaps whatever
 * is left behind, and reports the command's exit code. Its end is the end of all.
 */
#include "shim/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The log is where people look. */
static void give_up(const struct zygote_given *g, const char *what, const char *which)
{
	dprintf(g->fds[ZYGOTE_OUT], "[penstock] sandbox: %s%s%s: %s\n", what, which ? " " : "",
		which ? which : "", strerror(errno));
	_exit(1);
}

/* The shim dies: so do we. It may have died before we said so. */
static void tie_to_host(const struct zygote_given *g)
{
	struct pollfd p = {g->host, 0, 0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&p, 1, 0) != 0)
		_exit(1);
}

static void own_folders(const struct zygote_given *g)
{
	AUTO(freep)
	char *size = xasprintf("size=%llu,mode=1777", (unsigned long long)g->ask.tmp_max);
	const unsigned long flags = MS_NOSUID | MS_NODEV;

	/* A superuser without any capability may still write /proc/sys and /proc/sysrq-trigger. */
	if (mount("proc", "/proc", "proc", flags | MS_NOEXEC | MS_RDONLY, NULL) < 0)
		give_up(g, "mount", "/proc");
	if (g->ask.tmp ? move_mount(g->fds[ZYGOTE_TMP], "", AT_FDCWD, "/tmp",
				    MOVE_MOUNT_F_EMPTY_PATH) < 0
		       : mount("tmpfs", "/tmp", "tmpfs", flags, size) < 0)
		give_up(g, "mount", "/tmp");
	if (mount("tmpfs", "/dev/shm", "tmpfs", flags, size) < 0)
		give_up(g, "mount", "/dev/shm");
}

/* A mount point below something that was bound just before. */
static void make_point(const char *to)
{
	for (const char *slash = strchr(to + 2, '/'); slash; slash = strchr(slash + 1, '/')) {
		AUTO(freep) char *above = xstrndup(to + 1, (size_t)(slash - to - 1));
		(void)!mkdir(above, 0755);
	}
	if (*to == 'd')
		(void)!mkdir(to + 1, 0755);
	else
		(void)!mknod(to + 1, S_IFREG | 0644, 0);
}

static void binds(const struct zygote_given *g)
{
	for (uint32_t i = 0; i < g->ask.binds; i++) {
		const char *to = g->to[i];
		int fd = g->fds[ZYGOTE_FDS + i];
		if (move_mount(fd, "", AT_FDCWD, to + 1, MOVE_MOUNT_F_EMPTY_PATH) == 0)
			continue;
		make_point(to);
		if (move_mount(fd, "", AT_FDCWD, to + 1, MOVE_MOUNT_F_EMPTY_PATH) < 0)
			give_up(g, "bind", to + 1);
	}
}

static void drop_privileges(const struct zygote_given *g)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {{0}};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &head, none) < 0)
		give_up(g, "drop privileges", NULL);
}

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

	if (getrlimit(which, &r) == 0) {
		r.rlim_max = MIN_OF(r.rlim_max, most);
		r.rlim_cur = r.rlim_max;
		setrlimit(which, &r);
	}
}

static int become(const char *const *argv, const char *const *env)
{
	sigset_t none;

	syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve("/bin/sh", loose(argv), loose(env));
	return errno;
}

/* vfork: between it and exec only system calls. */
static pid_t start(const struct zygote_given *g)
{
	const char *argv[] = {"/bin/sh", "-e", "-c", g->command, NULL};
	volatile int failed = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		failed = become(argv, g->env);
		_exit(127);
	}
	if (pid < 0 || failed) {
		errno = failed ? failed : errno;
		give_up(g, "start", "/bin/sh");
	}
	return pid;
}

void zygote_init(const struct zygote_given *g)
{
	int status = 0;
	pid_t pid;

	setsid();
	tie_to_host(g);
	if (g->ask.network && setns(g->host_net, CLONE_NEWNET) < 0)
		give_up(g, "enter the machine's network", NULL);
	own_folders(g);
	binds(g);
	drop_privileges(g);
	if (chdir(g->cwd) < 0)
		give_up(g, "enter", g->cwd);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, g->ask.file_max);
	if (dup2(g->fds[ZYGOTE_OUT], 1) < 0 || dup2(g->fds[ZYGOTE_OUT], 2) < 0)
		give_up(g, "open", "stdout");
	pid_t command = start(g);
	while ((pid = waitpid(-1, &status, 0)) != command)
		if (pid < 0 && errno != EINTR)
			_exit(1);
	dprintf(g->fds[ZYGOTE_STATUS], "{\"exit-code\": %d}\n",
		WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	_exit(0);
}
