/* The zygote: made once, then it only clones. */
#include "shim/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEXTS 65536 /* at most, in one request */

struct loop {
	int sock, proc; /* proc: the machine's /proc */
	int host_net, used;
	struct zygote_points points;
};

/* A network of its own: loopback only, up. `used` tells whether anything of it is in use. */
static bool new_network(struct loop *s)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK};
	AUTO(freep) char *path = xasprintf("%ld/net/sockstat", (long)getpid());

	fd_drop(&s->used);
	if (unshare(CLONE_NEWNET) < 0)
		return false;
	AUTO(fd_drop) int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || ioctl(sock, SIOCSIFFLAGS, &lo) < 0)
		return false;
	s->used = openat(s->proc, path, O_RDONLY | O_CLOEXEC);
	return true;
}

/* "sockets: used 0", "TCP: inuse 0 orphan 0 tw 0 ...": nothing of an earlier command is left in it. */
static bool network_is_clean(const struct loop *s)
{
	char text[1024];
	ssize_t n = s->used < 0 ? -1 : pread(s->used, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return false;
	text[n] = '\0';
	const char *tw = strstr(text, " tw ");
	return str_starts(str_of(text), "sockets: used 0\n") && tw && !strncmp(tw, " tw 0 ", 6);
}

static void drop_bounding_set(void)
{
	for (int i = 0; i < 64 && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0; i++)
		;
}

/* Into the group; nothing is kept open but the socket. */
static bool join(struct loop *s, const struct group *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (write(g->procs[i], "0", 1) < 0)
			return false;
	s->sock = fcntl(s->sock, F_DUPFD_CLOEXEC, 3);
	if (s->sock < 0 || (s->sock > 3 && dup3(s->sock, 3, O_CLOEXEC) < 0))
		return false;
	s->sock = 3;
	return syscall(SYS_close_range, 4, ~0u, 0) == 0;
}

static const char *settle(struct loop *s, const struct group *g)
{
	if (!join(s, g))
		return "join its control group";
	s->host_net = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	s->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->host_net < 0 || s->proc < 0)
		return "open /proc";
	if (unshare(CLONE_NEWNS | CLONE_NEWUTS) < 0 || sethostname("job", 3) < 0)
		return "make namespaces";
	(void)!unshare(CLONE_NEWCGROUP);
	if (!new_network(s))
		return "make a network";
	const char *bad = zygote_tree();
	if (!bad) {
		drop_bounding_set();
		bad = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? "drop privileges" : NULL;
	}
	return bad;
}

struct request {
	struct zygote_given g;
	int fds[ZYGOTE_FDS + ZYGOTE_BINDS];
	size_t nfds;
	char *text;
	size_t size;
	const char **words;
};

static bool take_fds(struct request *r, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (c->cmsg_type != SCM_RIGHTS || r->nfds + n > ARRAY_LEN(r->fds))
			return false;
		memcpy(r->fds + r->nfds, CMSG_DATA(c), n * sizeof(int));
		r->nfds += n;
	}
	return r->nfds >= ZYGOTE_TMP && !(m->msg_flags & MSG_CTRUNC);
}

/* 1: there it is; 0: the shim is gone. */
static int receive(struct loop *s, struct request *r)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(r->fds))];
	struct iovec io = {&r->g.ask, sizeof(r->g.ask)};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	ssize_t n;

	do
		n = recvmsg(s->sock, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(r->g.ask) || !take_fds(r, &m))
		return 0;
	return 1;
}

static bool split(struct request *r)
{
	size_t want = 2 + (size_t)r->g.ask.binds + r->g.ask.env, n = 0;
	struct stat st;

	if (want > TEXTS || r->g.ask.binds > ZYGOTE_BINDS || fstat(r->fds[ZYGOTE_TEXT], &st) < 0 ||
	    !st.st_size)
		return false;
	r->size = (size_t)st.st_size;
	r->text = mmap(NULL, r->size, PROT_READ, MAP_SHARED, r->fds[ZYGOTE_TEXT], 0);
	if (r->text == MAP_FAILED || r->text[r->size - 1])
		return false;
	r->words = xcalloc(want + 1, sizeof(*r->words));
	for (size_t at = 0; at < r->size && n < want; at += strlen(r->text + at) + 1)
		r->words[n++] = r->text + at;
	if (n != want)
		return false;
	r->g.cwd = r->words[0];
	r->g.command = r->words[1];
	r->g.to = r->words + 2;
	r->g.env = r->words + 2 + r->g.ask.binds;
	return true;
}

/* fds[ZYGOTE_TMP] is there always, so that the order holds. */
static void align_fds(struct request *r)
{
	if (r->g.ask.tmp)
		return;
	memmove(r->fds + ZYGOTE_TMP + 1, r->fds + ZYGOTE_TMP, (r->nfds - ZYGOTE_TMP) * sizeof(int));
	r->fds[ZYGOTE_TMP] = -1;
	r->nfds++;
}

static void release(struct request *r)
{
	for (size_t i = 0; i < r->nfds; i++)
		fd_drop(&r->fds[i]);
	if (r->text && r->text != MAP_FAILED)
		munmap(r->text, r->size);
	xfree(r->words);
}

static int32_t begin(struct loop *s, struct request *r)
{
	const unsigned long own =
		CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_PARENT | SIGCHLD;

	align_fds(r);
	if (!split(r) || r->nfds != ZYGOTE_FDS + (size_t)r->g.ask.binds) {
		errno = EINVAL;
		return -1;
	}
	if (!zygote_points(&s->points, r->g.to, r->g.ask.binds))
		return -1;
	if (!r->g.ask.network && !network_is_clean(s) && !new_network(s))
		return -1;
	r->g.fds = r->fds;
	r->g.host_net = s->host_net;
	r->g.host = s->sock;
	long pid = syscall(SYS_clone, own, NULL, NULL, NULL, NULL);
	if (pid == 0)
		zygote_init(&r->g);
	return (int32_t)pid;
}

void zygote_loop(int sock, const struct group *g)
{
	struct loop s = {.sock = sock, .used = -1};
	struct zygote_answer a = {0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	const char *bad = settle(&s, g);
	a.error = bad ? errno ? errno : EPERM : 0;
	while (send(s.sock, &a, sizeof(a), MSG_NOSIGNAL) == (ssize_t)sizeof(a) && !bad) {
		struct request r = {0};
		if (receive(&s, &r) <= 0)
			break;
		a.pid = begin(&s, &r);
		a.error = a.pid < 0 ? errno : 0;
		release(&r);
	}
	_exit(0);
}
