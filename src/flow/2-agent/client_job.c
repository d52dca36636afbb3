/* The jobs of an agent: started, looked at, their results brought, forgotten. The executor does the work; here is what the daemon wants. */
#include "flow/2-agent/client.h"

#include "clients/manifest.h"

#define TRIES 6

static void work_go_on(struct work *w);

static struct work *work_new(struct client *a, const char *id, uint32_t attempt)
{
	struct work *w = xcalloc(1, sizeof(*w));

	*w = (struct work){.agent = a, .id = xstrdup(id), .attempt = attempt};
	BUG_ON(map_put(&a->works, str_of(id), w) != NULL);
	return w;
}

static void order_free(struct agent_order **o)
{
	if (*o)
		agent_order_done(*o);
	xfree(*o);
	*o = NULL;
}

static void drop_kept(struct work *w)
{
	vec_each(hex, &w->kept)
		xfree(*hex);
	vec_done(&w->kept);
}

static void work_free(struct work *w)
{
	order_free(&w->order);
	order_free(&w->next);
	drop_kept(w);
	xfree(w->refused);
	xfree(w->session);
	xfree(w->id);
	xfree(w);
}

void works_free(struct client *a)
{
	for (struct map_entry *m = NULL; (m = map_next(&a->works, m));)
		work_free(m->value);
	map_done(&a->works);
}

size_t works_open(const struct client *a)
{
	size_t n = 0;

	for (struct map_entry *m = NULL; (m = map_next(&a->works, m));) {
		const struct work *w = m->value;

		n += w->state != WORK_BROUGHT || w->next;
	}
	return n;
}

static void hand_over(struct work *w, void (*fn)(void *), void (*done)(void *))
{
	AUTO(freep) char *lane = xasprintf("job/%s", w->id);

	w->at_work = true;
	xfree(w->session);
	w->session = w->agent->session ? xstrdup(w->agent->session) : NULL;
	w->err = (struct err){0};
	w->answer = (struct agent_answer){0};
	loop_work(w->agent->loop, lane, fn, done, w);
}

/* ---- inputs; on a worker ---- */

static enum rc lay(struct work *w, const char *hex, const char *into, const char *own,
		   struct err *err)
{
	enum rc rc = agent_fetch_manifest(w->agent, w->session, hex, err);

	return rc == RC_OK ? manifest_layout(w->agent->o.blobs, hex, into, own, err) : rc;
}

static enum rc lay_sources(void *ctx, const struct change *c, const texts *paths, const char *into,
			   struct err *err)
{
	struct work *w = ctx;

	(void)c, (void)paths;
	return w->order->sources ? lay(w, w->order->sources, into, ".", err) : RC_OK;
}

static enum rc lay_outputs(void *ctx, const char *manifest, const char *into, const char *own,
			   struct err *err)
{
	return lay(ctx, manifest, into, own, err);
}

static enum rc get_secret(void *ctx, const char *reference, struct strbuf *ret, struct err *err)
{
	struct work *w = ctx;

	vec_each(s, &w->order->secrets)
		if (streq(s->key, reference)) {
			strbuf_adds(ret, s->value);
			return RC_OK;
		}
	return err_set(err, RC_NOT_FOUND, "the daemon sent no secret %s", reference);
}

static enum rc keep_outputs(void *ctx, const char *dir, const texts *globs, char **ret_manifest,
			    struct err *err)
{
	struct work *w = ctx;

	return manifest_collect(w->agent->o.blobs, dir, (const char *const *)globs->v, globs->n,
				ret_manifest, err);
}

static enum rc keep_file(void *ctx, const char *path, char **ret_hex, struct err *err)
{
	struct work *w = ctx;
	char hex[DIGEST_HEX + 1];
	uint64_t size;
	enum rc rc = blobs_put_file(w->agent->o.blobs, path, hex, &size, err);

	if (rc == RC_OK) {
		*ret_hex = xstrdup(hex);
		vec_push(&w->kept, xstrdup(hex));
	}
	return rc;
}

static struct exec_inputs inputs_of(struct work *w)
{
	return (struct exec_inputs){w,          lay_sources,  lay_outputs,
				    get_secret, keep_outputs, keep_file};
}

/* ---- start ---- */

static void start_it(void *arg)
{
	struct work *w = arg;
	struct exec_inputs in = inputs_of(w);
	AUTO(strbuf_done) struct strbuf body = STRBUF(4096);
	struct agent_job ref = {w->id, w->attempt};
	struct json_out o = JSON_OUT(&body);
	struct err ignored = {0};

	if (w->agent->o.tool_cache && w->order->spec.def.network)
		vec_push(&w->order->spec.env, ((struct pair){xstrdup("PENSTOCK_TOOL_CACHE"),
							     xstrdup(w->agent->o.tool_cache)}));
	pthread_rwlock_rdlock(&w->agent->users);
	w->rc = exec_start(w->agent->o.exec, &w->order->spec, &in, &w->err);
	pthread_rwlock_unlock(&w->agent->users);
	if (w->rc != RC_OK)
		return;
	shape_write(&o, NULL, &shape_agent_job, &ref);
	/* When this does not arrive, the next hello says it. */
	(void)!agent_post(w->agent, w->session, "started", strbuf_str(&body), &w->answer, &ignored);
}

static void started(void *arg)
{
	struct work *w = arg;
	struct client *a = w->agent;

	w->at_work = false;
	if (w->rc == RC_OK) {
		order_free(&w->order);
		w->state = WORK_RUNNING;
		w->forget |= w->answer.forget;
		if (!a->shipping) {
			a->shipping = true;
			a->log_rest = 0;
			logs_ship(a);
		}
	} else if (w->rc != RC_CONFLICT && /* a session that is over: again in the next one */
		   ((w->rc != RC_UNAVAILABLE && w->rc != RC_NO_SPACE) || ++w->tries >= TRIES)) {
		order_free(&w->order);
		w->refused = xstrdup(w->err.msg);
		w->refused_rc = w->rc;
		w->state = WORK_RUNNING;
		w->tries = 0;
	}
	work_go_on(w);
}

/* ---- the end ---- */

static void fail_end(const struct work *w, enum rc rc, const char *why, struct exec_end *ret)
{
	*ret = (struct exec_end){.job = xstrdup(w->id),
				 .attempt = w->attempt,
				 .exit = -1,
				 .failure = rc == RC_INVALID || rc == RC_TOO_BIG ? FAILURE_OUTPUT
										 : FAILURE_INFRA,
				 .error = xstrdup(why)};
}

static enum rc find_end(struct work *w, struct agent_end *ret, struct err *err)
{
	struct exec_inputs in = inputs_of(w);

	if (w->refused) {
		fail_end(w, w->refused_rc, w->refused, &ret->end);
		return RC_OK;
	}
	drop_kept(w);
	enum rc rc = exec_collect(w->agent->o.exec, w->id, &in, &ret->end, err);
	if (rc == RC_UNAVAILABLE || rc == RC_NO_SPACE)
		return rc;
	if (rc != RC_OK) {
		fail_end(w, RC_INTERNAL, err->msg, &ret->end);
		return RC_OK;
	}
	struct log_place place = {w->id, w->attempt, w->log_at, w->marks_at};
	rc = log_finish(w->agent, w->session, &place, err);
	w->log_at = place.log;
	w->marks_at = place.marks;
	if (rc == RC_OK)
		rc = agent_bring(w->agent, w->session, &w->kept, ret->end.outputs, err);
	ret->log_size = w->log_at;
	return rc;
}

static enum rc bring(struct work *w, struct err *err)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(AGENT_HELLO_MAX);
	struct json_out o = JSON_OUT(&body);
	struct agent_end end = {0};
	enum rc rc = find_end(w, &end, err);

	if (rc == RC_NOT_FOUND) { /* the daemon does not want its log: nor its result */
		w->answer.forget = true;
		rc = RC_OK;
	} else if (rc == RC_OK) {
		shape_write(&o, NULL, &shape_agent_end, &end);
		rc = agent_post(w->agent, w->session, "ended", strbuf_str(&body), &w->answer, err);
		if (rc == RC_OK && !w->answer.forget && w->answer.have < end.log_size) {
			w->log_at = w->answer.have;
			rc = err_set(err, RC_UNAVAILABLE, "the daemon lacks a part of the log");
		}
	}
	shape_done(&shape_agent_end, &end);
	return rc;
}

static void bring_it(void *arg)
{
	struct work *w = arg;

	pthread_rwlock_rdlock(&w->agent->users);
	w->rc = bring(w, &w->err);
	pthread_rwlock_unlock(&w->agent->users);
}

static void brought(void *arg)
{
	struct work *w = arg;

	w->at_work = false;
	if (w->rc != RC_OK) { /* the next look tries again */
		if (w->tries++ == 0 && w->rc != RC_CONFLICT)
			agent_say(w->agent, "the result of %s cannot be brought yet: %s", w->id,
				  w->err.msg);
	} else {
		w->state = WORK_BROUGHT;
		w->forget |= w->answer.forget;
	}
	work_go_on(w);
}

/* ---- forgotten ---- */

static void forget_it(void *arg)
{
	struct work *w = arg;

	w->rc = exec_forget(w->agent->o.exec, w->id, &w->err);
}

static void forgot(void *arg)
{
	struct work *w = arg;
	struct client *a = w->agent;
	struct agent_order *next = w->next;

	w->next = NULL;
	map_del(&a->works, str_of(w->id));
	work_free(w);
	if (next)
		work_start(a, next);
}

/* No worker has it: what was wished for meanwhile? */
static void work_go_on(struct work *w)
{
	struct err err = {0};

	if (w->forget) {
		hand_over(w, forget_it, forgot);
		return;
	}
	if (w->cancel && w->state == WORK_RUNNING && !w->refused) {
		w->cancel = false;
		if (exec_cancel(w->agent->o.exec, w->id, &err) != RC_OK)
			agent_say(w->agent, "cannot cancel %s: %s", w->id, err.msg);
	}
	if (w->refused && w->state == WORK_RUNNING && w->agent->session && !w->tries)
		hand_over(w, bring_it, brought);
}

/* ---- orders ---- */

void work_start(struct client *a, struct agent_order *order)
{
	struct work *w = map_get(&a->works, str_of(order->spec.job));

	if (w && w->attempt == order->spec.attempt && !w->forget) {
		order_free(&order); /* said twice */
		return;
	}
	if (w) {
		order_free(&w->next);
		w->next = order;
		work_forget(a, w->id, w->attempt);
		return;
	}
	w = work_new(a, order->spec.job, order->spec.attempt);
	w->order = order;
	hand_over(w, start_it, started);
}

static struct work *find(struct client *a, const char *job, uint32_t attempt)
{
	struct work *w = map_get(&a->works, str_of(job));

	return w && w->attempt == attempt ? w : NULL;
}

void work_keep(struct client *a, const char *job, uint32_t attempt, uint64_t have)
{
	struct work *w = find(a, job, attempt);

	if (!w || w->at_work)
		return;
	w->log_at = have;
	w->marks_at = 0;              /* the daemon knows which it has */
	if (w->state == WORK_BROUGHT) /* to a daemon that died before it was kept */
		w->state = WORK_RUNNING;
	if (!a->shipping) {
		a->shipping = true;
		logs_ship(a);
	}
}

void work_cancel(struct client *a, const char *job, uint32_t attempt)
{
	struct work *w = find(a, job, attempt);

	if (!w)
		return;
	w->cancel = true;
	if (!w->at_work)
		work_go_on(w);
}

void work_forget(struct client *a, const char *job, uint32_t attempt)
{
	struct work *w = find(a, job, attempt);

	if (!w)
		return;
	w->forget = true;
	if (!w->at_work)
		work_go_on(w);
}

/* ---- what the executor sees ---- */

static void see(void *ctx, const struct exec_seen *seen)
{
	struct client *a = ctx;
	struct work *w = find(a, seen->job, seen->attempt);

	if (!seen->running && w && w->state == WORK_RUNNING && !w->at_work)
		hand_over(w, bring_it, brought);
}

void works_look(struct client *a)
{
	struct err err = {0};

	if (!a->session)
		return;
	if (exec_poll(a->o.exec, see, a, &err) != RC_OK)
		agent_say(a, "jobs cannot be looked at: %s", err.msg);
	for (struct map_entry *m = NULL; (m = map_next(&a->works, m));) {
		struct work *w = m->value;

		if (w->at_work)
			continue;
		if (w->state == WORK_STARTING)
			hand_over(w, start_it, started);
		else if (w->refused && w->state == WORK_RUNNING)
			hand_over(w, bring_it, brought);
	}
}

void works_end(struct client *a)
{
	struct err err = {0};
	size_t n = 0;

	for (struct map_entry *m = NULL; (m = map_next(&a->works, m));) {
		const struct work *w = m->value;

		if (w->state != WORK_RUNNING || w->refused)
			continue;
		if (exec_cancel(a->o.exec, w->id, &err) == RC_OK)
			n++;
		else
			agent_say(a, "cannot cancel %s: %s", w->id, err.msg);
	}
	if (n)
		agent_say(a, "%zu jobs are cancelled: the daemon takes nothing from here", n);
}

static void adopt(void *ctx, const struct exec_seen *seen)
{
	struct client *a = ctx;

	work_new(a, seen->job, seen->attempt)->state = WORK_RUNNING;
}

void works_adopt(struct client *a)
{
	struct err err = {0};

	if (exec_poll(a->o.exec, adopt, a, &err) != RC_OK)
		agent_say(a, "jobs of an earlier agent cannot be looked at: %s", err.msg);
}
