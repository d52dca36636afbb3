/* What happened to each request: lines from HAProxy's ring, by a unix stream that we listen on. */
#include "flow/5-deploy/route_haproxy.h"
#include "io/clock.h"
#include "io/files.h"
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define STREAMS    8          /* the present HAProxy, and ones that end their last requests */
#define LINE_MAX_  2048       /* the ring cuts at 1024 */
#define TURN_MAX   (4u << 20) /* bytes read in one call: the loop has other work */
#define FAILED_MAX 5000       /* synthetic facts that wait */

struct stream {
	int fd;
	size_t n;
	bool skip;
	char buf[LINE_MAX_];
};
struct failed {
	char environment[SPLIT_NAME], unit[SPLIT_NAME], image[SPLIT_NAME];
	uint32_t index;
	double t;
};
struct split_facts {
	int epoll, listener, event;
	struct stream streams[STREAMS];
	pthread_mutex_t lock;
	VEC(struct failed) failed; /* guarded by lock */
};

static enum rc listen_at(int dirfd, int *ret, struct err *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd AUTO(fd_close) = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_errno(err, errno, "socket");
	if (unlinkat(dirfd, "facts.sock", 0) != 0 && errno != ENOENT)
		return err_errno(err, errno, "splitter/facts.sock");
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/facts.sock", dirfd);
	/* The folder is 0700: nobody else reaches the socket between bind and chmod. */
	if (bind(fd, (const struct sockaddr *)(const void *)&a, sizeof(a)) != 0 ||
	    fchmodat(dirfd, "facts.sock", 0600, 0) != 0 || listen(fd, STREAMS) != 0)
		return err_errno(err, errno, "splitter/facts.sock");
	*ret = fd;
	fd = -1;
	return RC_OK;
}

static enum rc watch(int epoll, int fd, struct err *err)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0 ? RC_OK
							    : err_errno(err, errno, "epoll");
}

enum rc split_facts_new(int dirfd, struct split_facts **ret, struct err *err)
{
	struct split_facts *f = xcalloc(1, sizeof(*f));

	f->listener = f->event = -1;
	for (size_t i = 0; i < STREAMS; i++)
		f->streams[i].fd = -1;
	pthread_mutex_init(&f->lock, NULL);
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	f->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->epoll < 0 || f->event < 0)
		err_errno(err, errno, "epoll");
	else if (listen_at(dirfd, &f->listener, err) == RC_OK &&
		 watch(f->epoll, f->listener, err) == RC_OK &&
		 watch(f->epoll, f->event, err) == RC_OK) {
		*ret = f;
		return RC_OK;
	}
	split_facts_free(f);
	return err->rc;
}

void split_facts_free(struct split_facts *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < STREAMS; i++)
		fd_close(&f->streams[i].fd);
	fd_close(&f->listener);
	fd_close(&f->event);
	fd_close(&f->epoll);
	pthread_mutex_destroy(&f->lock);
	vec_done(&f->failed);
	xfree(f);
}

int split_facts_fd(struct split_facts *f)
{
	return f->epoll;
}

void split_facts_failed(struct split_facts *f, const struct split_service *s,
			const struct split_server *v, uint64_t n)
{
	struct failed one = {.index = v->index, .t = (double)clock_wall() / 1e6};
	uint64_t wake = 1;

	(void)snprintf(one.environment, sizeof(one.environment), "%s", s->environment);
	(void)snprintf(one.unit, sizeof(one.unit), "%s", s->unit);
	(void)snprintf(one.image, sizeof(one.image), "%s", v->image);
	pthread_mutex_lock(&f->lock);
	while (n-- && f->failed.n < FAILED_MAX)
		vec_push(&f->failed, one);
	pthread_mutex_unlock(&f->lock);
	(void)!write(f->event, &wake, sizeof(wake));
}

static void take_streams(struct split_facts *f)
{
	for (;;) {
		int fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct stream *s = NULL;
		struct err ignored;

		if (fd < 0)
			return;
		for (size_t i = 0; i < STREAMS && !s; i++)
			if (f->streams[i].fd < 0)
				s = &f->streams[i];
		if (!s || watch(f->epoll, fd, &ignored) != RC_OK) {
			fd_close(&fd);
			continue;
		}
		*s = (struct stream){.fd = fd};
	}
}

/* Whole lines of what was read go out, the rest waits; a line that is too long is dropped up to
 * its end. */
static void split(struct stream *s, struct str got,
		  void (*each)(void *ctx, const struct route_fact *), void *ctx)
{
	struct split_words words;
	struct route_fact fact;

	while (got.n) {
		const char *end = memchr(got.p, '\n', got.n);
		size_t n = end ? (size_t)(end - got.p) : got.n;

		if (s->skip || s->n + n > sizeof(s->buf)) {
			s->skip = true;
		} else {
			memcpy(s->buf + s->n, got.p, n);
			s->n += n;
		}
		if (end) {
			if (!s->skip && split_line((struct str){s->buf, s->n}, &words, &fact))
				each(ctx, &fact);
			s->n = 0;
			s->skip = false;
			n++;
		}
		got.p += n;
		got.n -= n;
	}
}

static void tell_failed(struct split_facts *f, void (*each)(void *ctx, const struct route_fact *),
			void *ctx)
{
	__typeof__(f->failed) list;
	uint64_t count;

	(void)!read(f->event, &count, sizeof(count));
	pthread_mutex_lock(&f->lock);
	list = f->failed;
	memset(&f->failed, 0, sizeof(f->failed));
	pthread_mutex_unlock(&f->lock);
	vec_each(x, &list)
		each(ctx, &(struct route_fact){.t = x->t,
					       .environment = x->environment,
					       .unit = x->unit,
					       .image = x->image,
					       .index = x->index,
					       .status = 599,
					       .retries = 1});
	vec_done(&list);
}

enum rc split_facts_read(struct split_facts *f, void (*each)(void *ctx, const struct route_fact *),
			 void *ctx, struct err *err)
{
	static _Thread_local char part[65536];
	size_t total = 0;

	take_streams(f);
	for (size_t i = 0; i < STREAMS; i++) {
		struct stream *s = &f->streams[i];

		while (s->fd >= 0 && total < TURN_MAX) {
			ssize_t n = recv(s->fd, part, sizeof(part), 0);

			if (n > 0) {
				split(s, (struct str){part, (size_t)n}, each, ctx);
				total += (size_t)n;
			} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
				fd_close(&s->fd);
			} else if (errno == EAGAIN) {
				break;
			}
		}
	}
	tell_failed(f, each, ctx);
	(void)err;
	return RC_OK;
}
