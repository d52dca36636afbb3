/* The shim's side of the zygote: make it, then hand it one command after another. */
#include "shim/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TMP_DEFAULT  ((uint64_t)1 << 30)
#define FILE_DEFAULT ((uint64_t)4 << 30)

static bool answer(const struct zygote *z, struct zygote_answer *ret)
{
	ssize_t n;

	do
		n = recv(z->ask, ret, sizeof(*ret), 0);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*ret);
}

void zygote_open(struct zygote *z)
{
	AUTO(freep) char *name = xasprintf("penstock-%ld", (long)getpid());
	struct zygote_answer a = {0};
	int pair[2];

	*z = (struct zygote){.ask = -1};
	/* What is mounted for a command is mounted here, not in the machine. */
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	group_make_any(&z->group, name);
	z->ask = pair[0];
	z->pid = fork();
	if (z->pid == 0) {
		close(pair[0]);
		zygote_loop(pair[1], &z->group);
	}
	close(pair[1]);
	if (z->pid < 0)
		z->pid = 0;
	if (!z->pid || !answer(z, &a) || a.error)
		zygote_done(z);
}

void zygote_done(struct zygote *z)
{
	fd_drop(&z->ask);
	if (z->pid > 0) {
		kill(z->pid, SIGKILL);
		while (waitpid(z->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	z->pid = 0;
	group_done(&z->group);
}

bool zygote_alive(struct zygote *z)
{
	if (z->pid > 0 && waitpid(z->pid, NULL, WNOHANG) == z->pid) {
		z->pid = 0;
		zygote_done(z);
	}
	return z->pid > 0;
}

struct asked {
	struct zygote_ask ask;
	int fds[ZYGOTE_FDS + ZYGOTE_BINDS];
	size_t n, own; /* own: from here on they are ours to close */
	struct strbuf text;
};

static void word(struct asked *a, const char *text)
{
	strbuf_add(&a->text, text, strlen(text) + 1);
}

int mount_of(const char *from, bool writable)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					      (writable ? 0 : MOUNT_ATTR_RDONLY),
				  .propagation = MS_PRIVATE};
	int fd = open_tree(AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (fd >= 0 &&
	    mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0) {
		int no = errno;
		fd_drop(&fd);
		errno = no;
	}
	return fd;
}

static enum rc add_bind(struct asked *a, const struct shim_bind *bind, struct err *err)
{
	struct stat st;

	if (a->ask.binds >= ZYGOTE_BINDS)
		return err_set(err, RC_TOO_BIG, "more than %d folders are bound", ZYGOTE_BINDS);
	int fd = mount_of(bind->from, bind->writable);
	if (fd < 0 && errno == ENOENT)
		return RC_OK;
	if (fd < 0 || fstat(fd, &st) < 0) {
		enum rc rc = err_errno(err, errno, "bind %s", bind->from);
		fd_drop(&fd);
		return rc;
	}
	a->fds[a->n++] = fd;
	a->ask.binds++;
	strbuf_addc(&a->text, S_ISDIR(st.st_mode) ? 'd' : 'f');
	word(a, bind->to);
	return RC_OK;
}

static enum rc add_texts(struct asked *a, const struct shim_spec *spec, const char *command,
			 struct err *err)
{
	shim_texts env = {0};
	enum rc rc = RC_OK;

	word(a, spec->cwd ? spec->cwd : "/");
	word(a, command);
	for (size_t i = 0; rc == RC_OK && i < spec->binds.n; i++)
		rc = add_bind(a, &spec->binds.v[i], err);
	env_of(spec, &env);
	for (size_t i = 0; i < env.n; i++)
		word(a, env.v[i]);
	a->ask.env = (uint32_t)env.n;
	texts_free(&env);
	if (rc == RC_OK && strbuf_failed(&a->text))
		rc = err_set(err, RC_TOO_BIG, "the environment is too big");
	return rc;
}

static enum rc gather(struct asked *a, const struct shim_spec *spec, const char *tmp,
		      const char *command, struct err *err)
{
	int text = memfd_create("command", MFD_CLOEXEC);

	a->n = a->own = ZYGOTE_TEXT;
	a->fds[a->n++] = text;
	if (text < 0)
		return err_errno(err, errno, "memfd_create");
	a->ask = (struct zygote_ask){.tmp_max = spec->tmp_max ? spec->tmp_max : TMP_DEFAULT,
				     .file_max = spec->file_max ? spec->file_max : FILE_DEFAULT,
				     .network = spec->network,
				     .tmp = tmp != NULL};
	if (tmp) {
		a->fds[a->n++] = mount_of(tmp, true);
		if (a->fds[a->n - 1] < 0)
			return err_errno(err, errno, "bind %s", tmp);
	}
	enum rc rc = add_texts(a, spec, command, err);
	return rc == RC_OK ? write_all(text, a->text.p, a->text.n, err) : rc;
}

bool fds_send(int sock, const void *p, size_t size, const int *fds, size_t n)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_MAX * sizeof(int))];
	struct iovec io = {(void *)(uintptr_t)p, size};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	memset(control, 0, sizeof(control));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	return sendmsg(sock, &m, MSG_NOSIGNAL) == (ssize_t)size;
}

enum rc zygote_start(struct zygote *z, const struct shim_spec *spec, const char *tmp,
		     const char *command, int out, int status, pid_t *ret, struct err *err)
{
	struct asked a = {.fds = {out, status}, .text = STRBUF(SHIM_SPEC_MAX)};
	struct zygote_answer got = {0};

	fcntl(status, F_SETFL,
	      O_APPEND); /* two write to it: the kernel guards no position of a memory file */
	enum rc rc = gather(&a, spec, tmp, command, err);
	if (rc == RC_OK &&
	    (!fds_send(z->ask, &a.ask, sizeof(a.ask), a.fds, a.n) || !answer(z, &got)))
		rc = err_set(err, RC_UNAVAILABLE, "the sandbox's zygote was killed");
	else if (rc == RC_OK && got.error)
		rc = err_errno(err, got.error, "make the sandbox");
	for (size_t i = a.own; i < a.n; i++)
		fd_drop(&a.fds[i]);
	if (a.text.p)
		mem_wipe(a.text.p, a.text.n);
	strbuf_done(&a.text);
	if (rc == RC_OK) {
		dprintf(status, "{\"child-pid\": %d}\n", (int)got.pid);
		*ret = got.pid;
	}
	return rc;
}
