/* The hub as an executor. What it knows stands in memory; a new daemon learns it from the agents' hellos. Logs are files of its own. */
#include "flow/2-agent/hub.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clients/manifest.h"
#include "io/files.h"

void hub_lock(struct hub *h)
{
	BUG_ON(pthread_mutex_lock(&h->lock) != 0);
}

void hub_unlock(struct hub *h)
{
	BUG_ON(pthread_mutex_unlock(&h->lock) != 0);
}

void hub_tell(struct hub *h)
{
	uint64_t one = 1;

	BUG_ON(write(h->event, &one, sizeof(one)) < 0 && errno != EAGAIN);
}

void hub_text_free(char *text)
{
	if (text)
		mem_wipe(text, strlen(text));
	xfree(text);
}

void hub_order(struct hub *h, struct hub_agent *a, char *line)
{
	vec_push(&a->orders, line);
	if (h->flushing)
		return;
	h->flushing = true;
	loop_post(h->loop, hub_flush, h);
}

void hub_order_job(struct hub *h, struct hub_agent *a, enum order_kind kind, const char *job,
		   uint32_t attempt, uint64_t have)
{
	struct strbuf line = STRBUF(4096);
	struct agent_order o = {
		.kind = kind, .job = xstrdup(job), .attempt = attempt, .have = have};

	agent_order_write(&line, &o);
	agent_order_done(&o);
	hub_order(h, a, strbuf_take(&line));
}

static bool any_expected(const struct hub *h)
{
	for (struct map_entry *m = NULL; (m = map_next(&h->agents, m));)
		if (((struct hub_agent *)m->value)->expected)
			return true;
	return false;
}

static enum rc hub_cancel(struct exec *x, const char *id, struct err *err)
{
	struct hub *h = hub_of(x);
	enum rc rc = RC_OK;

	hub_lock(h);
	struct hub_job *job = map_get(&h->jobs, str_of(id));
	struct hub_agent *a = job ? map_get(&h->agents, str_of(job->agent)) : NULL;
	if (a) {
		job->cancelled = true;
		if (a->stream)
			hub_order_job(h, a, ORDER_CANCEL, id, job->attempt, 0);
		else
			rc = err_set(err, RC_UNAVAILABLE, "agent %s, which runs %s, is away",
				     a->name, id);
	} else if (!job && any_expected(h)) {
		rc = err_set(err, RC_UNAVAILABLE, "an agent that may run %s has not come back yet",
			     id);
	}
	hub_unlock(h);
	return rc;
}

static int hub_fd(struct exec *x)
{
	return hub_of(x)->event;
}

static enum rc hub_poll(struct exec *x, void (*each)(void *ctx, const struct exec_seen *seen),
			void *ctx, struct err *err)
{
	struct hub *h = hub_of(x);
	uint64_t n;

	if (read(h->event, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return err_errno(err, errno, "the agents' event");
	hub_lock(h);
	for (struct map_entry *m = NULL; (m = map_next(&h->jobs, m));) {
		const struct hub_job *job = m->value;
		struct exec_seen seen = {job->id, job->attempt, !job->end};

		each(ctx, &seen);
	}
	hub_unlock(h);
	return RC_OK;
}

/* All that the agent says it left is here. */
static enum rc check_blobs(struct hub *h, const struct exec_end *end, struct err *err)
{
	AUTO(manifest_done) struct manifest m = {0};
	enum rc rc = RC_OK;

	if (end->log && !blobs_has(h->blobs, end->log))
		return err_set(err, RC_NOT_FOUND, "its log did not come from the agent");
	if (end->report.blob && !blobs_has(h->blobs, end->report.blob))
		return err_set(err, RC_NOT_FOUND, "its report did not come from the agent");
	if (end->outputs)
		rc = manifest_list(h->blobs, end->outputs, &m, err);
	for (size_t i = 0; rc == RC_OK && i < m.entries.n; i++)
		if (m.entries.v[i].sha256 && !blobs_has(h->blobs, m.entries.v[i].sha256))
			rc = err_set(err, RC_NOT_FOUND, "%s did not come from the agent",
				     m.entries.v[i].path);
	return rc;
}

static void incomplete(struct exec_end *end, const char *why)
{
	char *job = xstrdup(end->job);
	struct exec_end plain = {.attempt = end->attempt,
				 .exit = -1,
				 .failure = FAILURE_INFRA,
				 .started_at = end->started_at,
				 .ended_at = end->ended_at};

	exec_end_done(end);
	*end = plain;
	end->job = job;
	end->error = xasprintf("what it left is not complete: %s", why);
}

static enum rc hub_collect(struct exec *x, const char *id, const struct exec_inputs *in,
			   struct exec_end *ret, struct err *err)
{
	struct hub *h = hub_of(x);
	struct exec_end end = {0};
	struct err lacks = {0};
	enum rc rc = RC_OK;

	hub_lock(h);
	const struct hub_job *job = map_get(&h->jobs, str_of(id));
	bool known = job, ended = job && job->end;
	if (ended)
		shape_copy(&shape_exec_end, &end, &job->end->end);
	hub_unlock(h);
	if (!ended)
		return known ? err_set(err, RC_CONFLICT, "job %s has not ended", id)
			     : err_set(err, RC_NOT_FOUND, "no agent has job %s", id);
	if (check_blobs(h, &end, &lacks) != RC_OK)
		incomplete(&end, lacks.msg);
	if (!end.log) { /* it was lost on its way: what came of its log */
		AUTO(freep) char *path = hub_log_path(h, id, end.attempt, HUB_LOG);

		if (!file_exists(path))
			rc = file_write_fast(path, STR(""), 0600, err);
		if (rc == RC_OK)
			rc = in->keep_file(in->ctx, path, &end.log, err);
	}
	if (rc == RC_OK)
		*ret = end;
	else
		exec_end_done(&end);
	return rc;
}

static enum rc hub_forget(struct exec *x, const char *id, struct err *err)
{
	struct hub *h = hub_of(x);

	(void)err;
	hub_lock(h);
	struct hub_job *job = map_get(&h->jobs, str_of(id));
	struct hub_agent *a = job ? map_get(&h->agents, str_of(job->agent)) : NULL;
	if (a && a->stream) /* one that is away hears of it when it comes back */
		hub_order_job(h, a, ORDER_FORGET, id, job->attempt, 0);
	if (job)
		hub_job_drop(h, job);
	hub_unlock(h);
	return RC_OK;
}

static enum rc hub_log(struct exec *x, const char *id, uint64_t from, size_t max,
		       struct strbuf *ret, bool *ret_ended, struct err *err)
{
	struct hub *h = hub_of(x);
	AUTO(freep) char *path = NULL;

	hub_lock(h);
	const struct hub_job *job = map_get(&h->jobs, str_of(id));
	bool ended = job && job->end;
	if (job)
		path = hub_log_path(h, id, job->attempt, HUB_LOG);
	hub_unlock(h);
	if (!path)
		return err_set(err, RC_NOT_FOUND, "no agent has job %s", id);
	bool whole = true;
	enum rc rc = hub_log_read(path, from, max, ret, &whole, err);
	*ret_ended = ended && whole;
	return rc;
}

static enum rc hub_marks(struct exec *x, const char *id, uint64_t from, size_t max,
			 struct strbuf *ret, struct err *err)
{
	struct hub *h = hub_of(x);
	bool whole;

	hub_lock(h);
	const struct hub_job *job = map_get(&h->jobs, str_of(id));
	AUTO(freep) char *path = job ? hub_log_path(h, id, job->attempt, HUB_MARKS) : NULL;
	hub_unlock(h);
	return path ? hub_log_read(path, from, max, ret, &whole, err)
		    : err_set(err, RC_NOT_FOUND, "no agent has job %s", id);
}

static void hub_free(struct exec *x)
{
	struct hub *h = hub_of(x);

	for (struct map_entry *m = NULL; (m = map_next(&h->agents, m));)
		hub_agent_free(m->value);
	for (struct map_entry *m = NULL; (m = map_next(&h->jobs, m));)
		hub_job_free(m->value);
	for (struct map_entry *m = NULL; (m = map_next(&h->sources, m));)
		xfree(m->value);
	map_done(&h->agents);
	map_done(&h->jobs);
	map_done(&h->sources);
	fd_close(&h->event);
	pthread_mutex_destroy(&h->lock);
	xfree(h->dir);
	xfree(h);
}

static const struct exec_ops ops = {"hub",       hub_start,  hub_cancel, hub_fd,   hub_poll,
				    hub_collect, hub_forget, hub_log,    hub_free, hub_marks};

struct exec *exec_hub_new(const struct hub_options *o, struct err *err)
{
	struct hub *h = xcalloc(1, sizeof(*h));
	AUTO(freep) char *logs = xasprintf("%s/logs", o->dir), *temp = xasprintf("%s/tmp", o->dir);

	h->base.ops = &ops;
	h->loop = o->loop;
	h->blobs = o->blobs;
	h->dir = xstrdup(o->dir);
	BUG_ON(pthread_mutex_init(&h->lock, NULL) != 0);
	h->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	enum rc rc = h->event < 0 ? err_errno(err, errno, "eventfd") : tree_remove(temp, err);
	if (rc == RC_OK)
		rc = dir_make(temp, 0700, err);
	if (rc == RC_OK)
		rc = dir_make(logs, 0700, err);
	if (rc != RC_OK) {
		hub_free(&h->base);
		return NULL;
	}
	loop_at(h->loop, 0, hub_beat, h);
	return &h->base;
}

void hub_own(struct exec *hub, const struct hub_owner *owner)
{
	hub_of(hub)->owner = *owner;
}

void hub_listen(struct exec *hub, struct httpd *httpd)
{
	hub_of(hub)->httpd = httpd;
	httpd_add_taker(httpd, hub_take, hub_of(hub));
}

bool hub_has(struct exec *hub, const char *job)
{
	struct hub *h = hub_of(hub);

	hub_lock(h);
	bool has = map_get(&h->jobs, str_of(job)) != NULL;
	hub_unlock(h);
	return has;
}
