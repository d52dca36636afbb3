/*
 * penstock-init: the first process of a docker container. Docker starts it in an empty file system, with the one capability more that mounting needs
 * (CAP_SYS_ADMIN). Through the socket at ORDER_ASK it gets the job's file system, network, descriptors and environment; it makes them its own, gives
 * up what the job is not to have, starts the program, passes on the signals that come from outside, and reports the exit code. It ends when the shim's
 * end of the socket is closed, and with it ends all that runs in the container.
 */
#include "init/order.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct order order;
static int fds[ORDER_FDS + ORDER_BINDS];
static size_t nfds;
static char *texts[ORDER_TEXTS + 3]; /* cwd, binds, argv, NULL, env, NULL */
static char **argv_of, **env_of;
static int oom = -1; /* what counts kills for want of memory */

/* The log is where people look. */
static void give_up(const char *what, const char *which)
{
	if (nfds > ORDER_ERR)
		dprintf(fds[ORDER_ERR], "[penstock] docker: %s %s: %s\n", what, which,
			strerror(errno));
	_exit(1);
}

static int call(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = ORDER_ASK};
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (sock < 0 || connect(sock, (const struct sockaddr *)&to, sizeof(to)) < 0)
		_exit(1); /* nobody wants us any more */
	return sock;
}

static void take_order(int sock)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fds))];
	struct iovec io = {&order, sizeof(order)};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c;

	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(order) ||
	    !(c = CMSG_FIRSTHDR(&m)) || c->cmsg_type != SCM_RIGHTS || (m.msg_flags & MSG_CTRUNC))
		_exit(1);
	nfds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(c), nfds * sizeof(int));
	if (order.binds > ORDER_BINDS || nfds != ORDER_FDS + (size_t)order.binds)
		_exit(1);
}

static void split_texts(void)
{
	size_t want = 1 + (size_t)order.binds + order.argv + order.env, n = 0;
	char *p = mmap(NULL, order.text, PROT_READ | PROT_WRITE, MAP_PRIVATE, fds[ORDER_TEXT], 0);
	char **to = texts;

	if (p == MAP_FAILED || want > ORDER_TEXTS || !order.argv || p[order.text - 1])
		give_up("read", "its order");
	for (size_t at = 0; at < order.text && n < want; at += strlen(p + at) + 1, n++) {
		if (n == want - order.env)
			to++; /* the NULL behind argv */
		*to++ = p + at;
	}
	if (n != want)
		give_up("read", "its order");
	argv_of = texts + 1 + order.binds;
	env_of = argv_of + order.argv + 1;
}

/* ---- the file system ---- */

static int tree_of(const char *path)
{
	int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (fd < 0)
		give_up("take", path);
	return fd;
}

static void make_point(const char *to, bool folder)
{
	static char path[4096];
	size_t n = strlen(to);

	if (n >= sizeof(path))
		return;
	memcpy(path, to, n + 1);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)!mkdir(path, 0755);
		*slash = '/';
	}
	if (folder)
		(void)!mkdir(path, 0755);
	else
		(void)!mknod(path, S_IFREG | 0644, 0);
}

/* Links in the path lead within the root that is ours by now. */
static void put(int fd, const char *to, bool folder)
{
	if (move_mount(fd, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH) == 0)
		return;
	make_point(to, folder);
	if (move_mount(fd, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		give_up("mount", to);
}

/* Docker made /proc (masked), /dev and what is below them: they go along. The rest of its root stays hidden below ours. */
static void change_root(void)
{
	int proc = tree_of("/proc"), dev = tree_of("/dev");

	if (mkdir("/root", 0700) < 0 && errno != EEXIST)
		give_up("make", "a folder");
	if (move_mount(fds[ORDER_ROOT], "", AT_FDCWD, "/root", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
	    chdir("/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
	    chdir("/") < 0)
		give_up("enter", "the image's file system");
	put(proc, "/proc", true);
	put(dev, "/dev", true);
}

static void own_folders(void)
{
	char size[64];

	snprintf(size, sizeof(size), "mode=1777,size=%llu", (unsigned long long)order.tmp_max);
	if (order.tmp_max) {
		make_point("/tmp", true);
		if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, size) < 0)
			give_up("mount", "/tmp");
	}
	for (uint32_t i = 0; i < order.binds; i++)
		put(fds[ORDER_FDS + i], texts[1 + i] + 1, *texts[1 + i] == 'd');
}

/* ---- rights ---- */

static void drop_rights(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	uint32_t low = (uint32_t)order.caps, high = (uint32_t)(order.caps >> 32);
	struct __user_cap_data_struct keep[2] = {{low, low, low}, {high, high, high}};

	for (unsigned i = 0; i < 64; i++)
		if (!(order.caps >> i & 1) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0 &&
		    errno != EINVAL) /* there is no such capability */
			give_up("drop", "rights");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &head, keep) < 0)
		give_up("drop", "rights");
}

static void limit(__rlimit_resource_t which, uint64_t most)
{
	struct rlimit r;

	if (getrlimit(which, &r) == 0) {
		r.rlim_max = most < r.rlim_max ? most : r.rlim_max;
		r.rlim_cur = r.rlim_max;
		setrlimit(which, &r);
	}
}

/* ---- the program ---- */

static int become(void)
{
	sigset_t none;

	setsid();
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, order.file_max);
	if (chdir(texts[0]) < 0)
		return errno;
	if (setgroups(0, NULL) < 0 || setgid(order.gid) < 0 || setuid(order.uid) < 0)
		return errno;
	for (int i = 0; i < 3; i++)
		if (dup2(fds[ORDER_IN + i], i) < 0)
			return errno;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	environ = env_of;
	execvp(argv_of[0], argv_of);
	return errno;
}

static pid_t start(void)
{
	int failed = 0, told[2];

	if (pipe2(told, O_CLOEXEC) < 0)
		give_up("start", argv_of[0]);
	pid_t pid = fork();
	if (pid == 0) {
		failed = become();
		(void)!write(told[1], &failed, sizeof(failed));
		_exit(127);
	}
	close(told[1]);
	if (pid < 0 || read(told[0], &failed, sizeof(failed)) != 0) {
		errno = failed ? failed : errno;
		give_up("start", argv_of[0]);
	}
	close(told[0]);
	return pid;
}

static bool saw_oom(void)
{
	char text[4096];
	ssize_t n = oom < 0 ? -1 : pread(oom, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	char *at = strstr(text, "oom_kill ");
	return at && at[strlen("oom_kill ")] != '0';
}

static void report(int status)
{
	dprintf(fds[ORDER_STATUS], "{\"oom\": %d}\n{\"exit-code\": %d}\n", saw_oom(),
		WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	_exit(0);
}

static void reap(pid_t program)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == program)
			report(status);
}

/* From outside (number 0) a signal is for all that runs here; from within it is nothing to us. */
static void signalled(int from, pid_t program)
{
	struct signalfd_siginfo s;

	while (read(from, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		if (s.ssi_signo == SIGCHLD)
			reap(program);
		else if (s.ssi_pid == 0)
			kill(-1, (int)s.ssi_signo);
	}
}

int main(void)
{
	sigset_t all;

	prctl(PR_SET_DUMPABLE, 0); /* secrets come into this memory */
	umask(022);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	int signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK), sock = call();
	take_order(sock);
	split_texts();
	oom = open("/sys/fs/cgroup/memory.events", O_RDONLY | O_CLOEXEC);
	if (oom < 0)
		oom = open("/sys/fs/cgroup/memory/memory.oom_control", O_RDONLY | O_CLOEXEC);
	if (setns(fds[ORDER_NET], CLONE_NEWNET) < 0)
		give_up("enter", "the job's network");
	change_root();
	own_folders();
	drop_rights();
	pid_t program = start();
	if (signals < 0 || send(sock, "", 1, MSG_NOSIGNAL) != 1)
		_exit(1);
	for (;;) {
		struct pollfd p[2] = {{sock, 0, 0}, {signals, POLLIN, 0}};
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			_exit(1);
		if (p[0].revents)
			_exit(1);
		if (p[1].revents)
			signalled(signals, program);
	}
}
