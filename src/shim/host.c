/*
 * A host: a shim that a daemon keeps for one job after another. Descriptor 3 is a socket to the daemon; each message on it is the
 * path of a job's folder, with two descriptors: the folder's lock, taken, and the spec in a memory file. When a job's end is about
 * to be written the host says so by one byte. The daemon may die at any moment: a job goes on to its end, an idle host ends. A host
 * that dies takes only its own job with it. SIGTERM cancels the job and ends the host after it.
 */
#include "shim/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAEMON_FD 3

struct errand {
	char dir[4096];
	int fds[2]; /* lock, spec */
};

void host_is_free(struct host *h, const struct watch *w)
{
	if (h->daemon >= 0 && !w->killed && zygote_alive(h->zygote))
		(void)!send(h->daemon, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool take_fds(struct errand *ret, struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(ret->fds)))
		return false;
	memcpy(ret->fds, CMSG_DATA(c), sizeof(ret->fds));
	return true;
}

/* False: the daemon is gone, or let us go. */
static bool receive(const struct host *h, struct errand *ret)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(ret->fds))];
	struct iovec io = {ret->dir, sizeof(ret->dir) - 1};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	ssize_t n;

	do
		n = recvmsg(h->daemon, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	ret->dir[n] = '\0';
	return take_fds(ret, &m) && ret->dir[0] == '/';
}

/* What `ps` shows is the job's folder, as of a shim that is for one job. */
static void show(char *room, size_t size, const char *text)
{
	if (!size)
		return;
	memset(room, ' ', size - 1);
	memcpy(room, text, MIN_OF(strlen(text), size - 1));
}

static enum rc note_pid(const struct host *h, int lock, struct err *err)
{
	AUTO(freep) char *text = xasprintf("%ld\n", (long)h->pid);

	return ftruncate(lock, 0) < 0 || pwrite(lock, text, strlen(text), 0) < 0
		       ? err_errno(err, errno, "write the lock")
		       : RC_OK;
}

static void do_errand(struct host *h, struct errand *e)
{
	struct shim_spec spec = {0};
	struct err err = {0};

	enum rc rc = note_pid(h, e->fds[0], &err);
	if (rc == RC_OK)
		rc = shim_spec_read(e->fds[1], &spec, &err);
	fd_drop(&e->fds[1]);
	if (rc == RC_OK)
		(void)!job_run(e->dir, &spec, h);
	else
		(void)!shim_refuse(e->dir, &err);
	shim_spec_wipe(&spec);
	fd_drop(&e->fds[0]);
}

/* Wait for a job. False: there is none any more. */
static bool next(struct host *h, struct errand *ret)
{
	struct pollfd p[2] = {{h->daemon, POLLIN, 0}, {h->watch.signals, POLLIN, 0}};

	while (!h->watch.killed) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return false;
		if (p[1].revents)
			watch_read(&h->watch);
		if (p[0].revents)
			return receive(h, ret);
	}
	return false;
}

int host_run(int argc, char **argv)
{
	struct zygote zygote;
	struct host h = {.zygote = &zygote, .daemon = DAEMON_FD, .pid = getpid()};
	struct errand e;
	struct err err = {0};
	char *room = argc > 2 ? argv[2] : NULL;
	size_t size = room ? strlen(room) + 1 : 0;

	setsid();
	umask(022);
	prctl(PR_SET_DUMPABLE, 0); /* secrets come into this memory */
	own_stdio();
	fcntl(h.daemon, F_SETFD, FD_CLOEXEC);
	zygote_open(&zygote);
	if (watch_signals(&h.watch, &err) != RC_OK)
		return 3;
	while (next(&h, &e)) {
		show(room, size, e.dir);
		do_errand(&h, &e);
		show(room, size, "");
		if (!zygote_alive(&zygote))
			break; /* made for one job, as before */
	}
	zygote_done(&zygote);
	watch_done(&h.watch);
	return 0;
}
