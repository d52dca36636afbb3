/* Two executors as one: this machine's, and the agents'. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/mem.h"
#include "flow/2-agent/adapters.h"
#include "io/files.h"

struct places {
	struct exec base;
	struct exec *here, *hub;
	int epoll;
};

static struct places *of(struct exec *x)
{
	return container_of(x, struct places, base);
}

/* An earlier attempt may stand at the other place: its remains go, or a late look at them would be taken for this one. */
static enum rc places_start(struct exec *x, const struct job_spec *spec,
			    const struct exec_inputs *in, struct err *err)
{
	struct places *p = of(x);
	bool here = !spec->agent || !*spec->agent || streq(spec->agent, "local");
	enum rc rc = exec_forget(here ? p->hub : p->here, spec->job, err);

	return rc == RC_OK ? exec_start(here ? p->here : p->hub, spec, in, err) : rc;
}

static enum rc places_cancel(struct exec *x, const char *job, struct err *err)
{
	enum rc rc = exec_cancel(of(x)->here, job, err);

	return rc == RC_OK ? exec_cancel(of(x)->hub, job, err) : rc;
}

static int places_fd(struct exec *x)
{
	return of(x)->epoll;
}

static enum rc places_poll(struct exec *x, void (*each)(void *ctx, const struct exec_seen *seen),
			   void *ctx, struct err *err)
{
	enum rc rc = exec_poll(of(x)->here, each, ctx, err);

	return rc == RC_OK ? exec_poll(of(x)->hub, each, ctx, err) : rc;
}

static enum rc places_collect(struct exec *x, const char *job, const struct exec_inputs *in,
			      struct exec_end *ret, struct err *err)
{
	enum rc rc = exec_collect(of(x)->hub, job, in, ret, err);

	return rc == RC_NOT_FOUND ? exec_collect(of(x)->here, job, in, ret, err) : rc;
}

static enum rc places_forget(struct exec *x, const char *job, struct err *err)
{
	enum rc rc = exec_forget(of(x)->hub, job, err);

	return rc == RC_OK ? exec_forget(of(x)->here, job, err) : rc;
}

static enum rc places_log(struct exec *x, const char *job, uint64_t from, size_t max,
			  struct strbuf *ret, bool *ret_ended, struct err *err)
{
	enum rc rc = exec_log(of(x)->hub, job, from, max, ret, ret_ended, err);

	return rc == RC_NOT_FOUND ? exec_log(of(x)->here, job, from, max, ret, ret_ended, err) : rc;
}

static void places_free(struct exec *x)
{
	struct places *p = of(x);

	fd_close(&p->epoll);
	exec_free(p->here);
	exec_free(p->hub);
	xfree(p);
}

static enum rc places_marks(struct exec *x, const char *job, uint64_t from, size_t max,
			    struct strbuf *ret, struct err *err)
{
	enum rc rc = exec_marks(of(x)->hub, job, from, max, ret, err);

	return rc == RC_NOT_FOUND ? exec_marks(of(x)->here, job, from, max, ret, err) : rc;
}

static const struct exec_ops ops = {"places",    places_start,   places_cancel, places_fd,
				    places_poll, places_collect, places_forget, places_log,
				    places_free, places_marks};

static enum rc add(int epoll, int fd, struct err *err)
{
	struct epoll_event ev = {.events = EPOLLIN};

	if (fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		return err_errno(err, errno, "watch an executor");
	return RC_OK;
}

struct exec *exec_places_new(struct exec *here, struct exec *hub, struct err *err)
{
	struct places *p = xcalloc(1, sizeof(*p));

	*p = (struct places){.base.ops = &ops, .here = here, .hub = hub};
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	enum rc rc = p->epoll < 0 ? err_errno(err, errno, "epoll") : RC_OK;
	if (rc == RC_OK)
		rc = add(p->epoll, exec_fd(here), err);
	if (rc == RC_OK)
		rc = add(p->epoll, exec_fd(hub), err);
	if (rc == RC_OK)
		return &p->base;
	places_free(&p->base);
	return NULL;
}
