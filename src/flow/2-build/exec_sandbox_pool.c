/*
 * Shims that wait for jobs (src/shim/host.c). One that is free says so; the last that did is taken first. What is known of a job
 * stands in its folder and in its lock, nothing of it here: a daemon that dies loses the pool, not a job.
 */
#include "flow/2-build/exec_sandbox.h"

#include "io/child.h"
#include "io/files.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_MAX 16 /* that wait; more are let go */
/* Room for a job's folder in the command line of a shim. */
#define ROOM \
	"                                                                                                                                "

struct waiting {
	int fd;
	bool busy;
};
struct shim_pool {
	char *shim;
	pthread_mutex_t lock;
	VEC(struct waiting) all; /* the last that became free is the last */
};

struct shim_pool *shim_pool_new(const char *shim)
{
	struct shim_pool *p = xcalloc(1, sizeof(*p));

	p->shim = xstrdup(shim);
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void shim_pool_free(struct shim_pool *p)
{
	if (!p)
		return;
	vec_each(w, &p->all)
		fd_close(&w->fd);
	vec_done(&p->all);
	pthread_mutex_destroy(&p->lock);
	xfree(p->shim);
	xfree(p);
}

/* Hear who is free, and who is gone. */
static void hear(struct shim_pool *p)
{
	size_t idle = 0;

	for (size_t i = p->all.n; i-- > 0;) {
		struct waiting *w = &p->all.v[i];
		char said;
		ssize_t n = recv(w->fd, &said, 1, MSG_DONTWAIT);
		if (n > 0)
			w->busy = false;
		idle += !w->busy;
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
		    (!w->busy && idle > IDLE_MAX)) {
			fd_close(&w->fd);
			vec_remove(&p->all, i);
		}
	}
}

/* Takes a waiting one out of the list: its socket, or -1. */
static int take(struct shim_pool *p)
{
	int fd = -1;

	pthread_mutex_lock(&p->lock);
	hear(p);
	for (size_t i = p->all.n; fd < 0 && i-- > 0;) {
		if (p->all.v[i].busy)
			continue;
		fd = p->all.v[i].fd;
		vec_remove(&p->all, i);
	}
	pthread_mutex_unlock(&p->lock);
	return fd;
}

static void put(struct shim_pool *p, int fd)
{
	pthread_mutex_lock(&p->lock);
	vec_push(&p->all, ((struct waiting){fd, true}));
	pthread_mutex_unlock(&p->lock);
}

static enum rc start(const struct shim_pool *p, int *ret, struct err *err)
{
	const char *argv[] = {p->shim, "--host", ROOM ROOM, NULL};
	static const char *const env[] = {"PATH=/usr/bin:/bin", NULL};
	struct child_spec c = {.argv = argv, .env = env, .dir = "/", .fds = {-1, -1, -1, -1}};
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, errno, "socketpair");
	c.fds[3] = pair[1];
	enum rc rc = child_detach(&c, &pid, err);
	fd_close(&pair[1]);
	if (rc == RC_OK)
		*ret = pair[0];
	else
		fd_close(&pair[0]);
	return rc;
}

static bool give(int to, const char *dir, int lock, int spec)
{
	const int fds[2] = {lock, spec};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fds))] = {0};
	struct iovec io = {(void *)(uintptr_t)dir, strlen(dir)};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	return sendmsg(to, &m, MSG_NOSIGNAL) == (ssize_t)io.iov_len;
}

/* A shim of its own: for what changes the shim itself (mounts, network). */
enum rc shim_once(struct shim_pool *p, const char *dir, int lock, int spec, struct err *err)
{
	const char *argv[] = {p->shim, dir, NULL};
	static const char *const env[] = {"PATH=/usr/bin:/bin", NULL};
	struct child_spec c = {.argv = argv, .env = env, .dir = "/", .fds = {spec, -1, -1, lock}};
	pid_t pid;

	return child_detach(&c, &pid, err);
}

enum rc shim_pool_give(struct shim_pool *p, const char *dir, int lock, int spec, struct err *err)
{
	int fd;

	while ((fd = take(p)) >= 0) {
		if (give(fd, dir, lock, spec)) {
			put(p, fd);
			return RC_OK;
		}
		fd_close(&fd); /* it was killed while it waited */
	}
	enum rc rc = start(p, &fd, err);
	if (rc == RC_OK && !give(fd, dir, lock, spec))
		rc = err_errno(err, errno, "speak to %s", p->shim);
	if (rc == RC_OK)
		put(p, fd);
	else
		fd_close(&fd);
	return rc;
}
