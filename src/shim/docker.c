/*
 * A box's programs run by docker. What its daemon starts would outlive who asked for it, and what it is told stands on its disk; so docker is told as
 * little as can be: a container with limits and an empty file system, whose first process (src/init) calls back through a socket in the box's folder.
 * There it gets what the zygote's commands get: the image's file system, /tmp and what is bound as mounts that nobody else sees, the network of the
 * shim, the environment in memory, the log itself as its output. That socket is also its life line: who is killed closes it, and the container ends.
 *
 * The caller's child is a process that starts the container and then waits for the end of its first process.
 */
#include "shim/docker.h"
#include "init/order.h"
#include "shim/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define TMP_DEFAULT  ((uint64_t)1 << 30)
#define FILE_DEFAULT ((uint64_t)4 << 30)
#define CALL_LIMIT   30000 /* ms, from its start to the call */

bool is_docker(const char *runtime)
{
	const char *base = runtime ? strrchr(runtime, '/') : NULL;

	return base && streq(base + 1, "docker");
}

/* ---- what the container is handed ---- */

struct handed {
	struct order order;
	int fds[ORDER_FDS + ORDER_BINDS];
	size_t n, own; /* own: from here on they are ours to close */
	struct strbuf text;
};

static void word(struct handed *h, const char *text)
{
	strbuf_add(&h->text, text, strlen(text) + 1);
}

static enum rc add_bind(struct handed *h, const char *from, const char *to, bool writable,
			struct err *err)
{
	struct stat st;

	if (h->order.binds >= ORDER_BINDS)
		return err_set(err, RC_TOO_BIG, "more than %d folders are bound", ORDER_BINDS);
	int fd = mount_of(from, writable);
	if (fd < 0 && errno == ENOENT)
		return RC_OK;
	if (fd < 0 || fstat(fd, &st) < 0) {
		enum rc rc = err_errno(err, errno, "bind %s", from);
		fd_drop(&fd);
		return rc;
	}
	h->fds[h->n++] = fd;
	h->order.binds++;
	strbuf_addc(&h->text, S_ISDIR(st.st_mode) ? 'd' : 'f');
	word(h, to);
	return RC_OK;
}

static enum rc add_texts(struct handed *h, const struct sandbox *b, const struct shim_spec *spec,
			 const char *command, struct err *err)
{
	const char *const shell[] = {"/bin/sh", "-e", "-c", command};
	shim_texts env = {0};
	enum rc rc = RC_OK;

	word(h, spec->cwd && *spec->cwd ? spec->cwd : "/");
	if (b->tmp)
		rc = add_bind(h, b->tmp, "/tmp", true, err);
	for (size_t i = 0; rc == RC_OK && i < spec->binds.n; i++)
		rc = add_bind(h, spec->binds.v[i].from, spec->binds.v[i].to,
			      spec->binds.v[i].writable, err);
	for (size_t i = 0; command && i < ARRAY_LEN(shell); i++)
		word(h, shell[i]);
	for (size_t i = 0; !command && i < spec->argv.n; i++)
		word(h, spec->argv.v[i]);
	env_of(spec, &env);
	for (size_t i = 0; i < env.n; i++)
		word(h, env.v[i]);
	h->order.argv = (uint32_t)(command ? ARRAY_LEN(shell) : spec->argv.n);
	h->order.env = (uint32_t)env.n;
	texts_free(&env);
	if (rc == RC_OK && strbuf_failed(&h->text))
		rc = err_set(err, RC_TOO_BIG, "the environment is too big");
	return rc;
}

static enum rc hand(struct handed *h, const struct sandbox *b, const struct shim_spec *spec,
		    const char *command, int out, int status, struct err *err)
{
	AUTO(freep) char *root = path_in(spec->box.dir, "root");

	h->order = (struct order){.file_max = spec->file_max ? spec->file_max : FILE_DEFAULT,
				  .caps = box_cap_bits,
				  .uid = spec->box.uid,
				  .gid = spec->box.gid};
	if (!b->tmp && !spec->box.own_tmp)
		h->order.tmp_max = spec->tmp_max ? spec->tmp_max : TMP_DEFAULT;
	h->fds[ORDER_ROOT] = mount_of(root, true);
	if (h->fds[ORDER_ROOT] < 0)
		return err_errno(err, errno,
				 "hand %s to docker (Linux 5.12 or newer is wanted for that)",
				 root);
	h->fds[ORDER_NET] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	h->fds[ORDER_TEXT] = memfd_create("order", MFD_CLOEXEC);
	h->fds[ORDER_STATUS] = status;
	h->fds[ORDER_IN] = STDIN_FILENO;
	h->fds[ORDER_OUT] = out >= 0 ? out : STDOUT_FILENO;
	h->fds[ORDER_ERR] = out >= 0 ? out : STDERR_FILENO;
	if (h->fds[ORDER_NET] < 0 || h->fds[ORDER_TEXT] < 0)
		return err_errno(err, errno, "open what docker is handed");
	fcntl(status, F_SETFL, O_APPEND); /* two write to it */
	h->n = ORDER_FDS;
	enum rc rc = add_texts(h, b, spec, command, err);
	h->order.text = h->text.n;
	return rc == RC_OK ? write_all(h->fds[ORDER_TEXT], h->text.p, h->text.n, err) : rc;
}

static void handed_done(struct handed *h)
{
	fd_drop(&h->fds[ORDER_ROOT]);
	fd_drop(&h->fds[ORDER_NET]);
	fd_drop(&h->fds[ORDER_TEXT]);
	for (size_t i = ORDER_FDS; i < h->n; i++)
		fd_drop(&h->fds[i]);
	if (h->text.p)
		mem_wipe(h->text.p, h->text.n);
	strbuf_done(&h->text);
}

/* Where the container calls: a folder of its own, as docker mounts folders. */
static enum rc listen_at(const char *dir, int *ret, struct err *err)
{
	AUTO(freep) char *path = path_in(dir, "s");
	AUTO(fd_drop) int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), folder = -1;
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_errno(err, errno, "make %s", dir);
	(void)!unlink(path);
	folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* a socket's path is short, the data folder's may be long */
	snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/s", folder);
	if (sock < 0 || folder < 0 || bind(sock, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(sock, 1) < 0)
		return err_errno(err, errno, "listen at %s", path);
	*ret = sock;
	sock = -1;
	return RC_OK;
}

/* ---- the process that stands for the container ---- */

/* The first process of the container, as this machine counts; it has not been told anything yet, so it lives. */
static int peer(int sock, pid_t *ret)
{
	struct ucred who = {0};
	socklen_t n = sizeof(who);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0 || who.pid <= 1)
		return -1;
	*ret = who.pid;
	return (int)syscall(SYS_pidfd_open, who.pid, 0);
}

static void speak(const struct handed *h, int sock, const char *pid_file)
{
	struct err err = {0};
	char began;
	pid_t init = 0;
	int alive = peer(sock, &init);

	if (alive < 0) {
		dprintf(h->fds[ORDER_ERR],
			"[penstock] docker: its daemon counts processes otherwise than this one: "
			"both must stand on the same machine, outside of containers\n");
		_exit(1);
	}
	dprintf(h->fds[ORDER_STATUS], "{\"child-pid\": %d}\n", (int)init);
	if (!fds_send(sock, &h->order, sizeof(h->order), h->fds, h->n))
		_exit(1);
	if (recv(sock, &began, 1, 0) == 1)
		(void)!write_file(pid_file, STR(""), &err);
	/* Its other processes are gone before it is. */
	struct pollfd p = {alive, POLLIN, 0};
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	int64_t code = 0;
	if (!sandbox_exit(h->fds[ORDER_STATUS], &code))
		dprintf(h->fds[ORDER_ERR],
			"[penstock] docker: the container ended before its program did\n");
	_exit(0);
}

static void stand(const struct docker_run *run, const struct handed *h, int door,
		  const char *pid_file)
{
	struct pollfd p = {door, POLLIN, 0};

	if (!docker_run(run, h->fds[ORDER_ERR]))
		_exit(125);
	if (poll(&p, 1, CALL_LIMIT) > 0) {
		int sock = accept4(door, NULL, NULL, SOCK_CLOEXEC);
		if (sock >= 0)
			speak(h, sock, pid_file);
	}
	dprintf(h->fds[ORDER_ERR],
		"[penstock] docker: its container did not call back. Does %s stand on this "
		"machine, and do its containers see %s?\n",
		run->box->host, run->ask);
	_exit(1);
}

enum rc docker_start(const struct sandbox *b, const struct shim_spec *spec, const char *command,
		     const struct group *g, int out, int status, pid_t *ret, struct err *err)
{
	AUTO(freep) char *pid_file = box_pid_file(&spec->box, b->turn);
	AUTO(freep) char *ask = docker_ask(&spec->box, b->turn);
	AUTO(fd_drop) int door = -1;
	struct handed h = {.fds = {-1, -1, -1, -1}, .text = STRBUF(SHIM_SPEC_MAX)};
	struct docker_run run = {.box = &spec->box,
				 .name = spec->name,
				 .ask = ask,
				 .memory = g->memory_max,
				 .pids = g->tasks_max};
	pid_t shim = getpid(), pid = -1;

	unlink(pid_file);
	enum rc rc = hand(&h, b, spec, command, out, status, err);
	if (rc == RC_OK)
		rc = listen_at(ask, &door, err);
	if (rc == RC_OK && (pid = fork()) < 0)
		rc = err_errno(err, errno, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == shim)
			stand(&run, &h, door, pid_file);
		_exit(1);
	}
	handed_done(&h);
	if (rc == RC_OK)
		*ret = pid;
	return rc;
}
