/* Agents come, are heard, and are lost. All on the loop. */
#include "flow/2-agent/hub.h"

#include <sys/random.h>

#include "base/log.h"
#include "io/clock.h"

#define TICK (500 * USEC_MS)
#define STREAM_GUT \
	((size_t)512 << 10) /* in the stream at a time: what is above waits for the reader */

struct hub_agent *hub_agent_make(struct hub *h, const char *name)
{
	struct hub_agent *a = map_get(&h->agents, str_of(name));

	if (a)
		return a;
	a = xcalloc(1, sizeof(*a));
	*a = (struct hub_agent){.hub = h,
				.name = xstrdup(name),
				.session = xstrdup(""),
				.heard = clock_mono(),
				.lane = (uint32_t)h->agents.n};
	map_put(&h->agents, str_of(name), a);
	return a;
}

static void drop_orders(struct hub_agent *a)
{
	vec_each(line, &a->orders)
		hub_text_free(*line);
	vec_done(&a->orders);
}

void hub_agent_free(struct hub_agent *a)
{
	drop_orders(a);
	xfree(a->name);
	xfree(a->instance);
	xfree(a->session);
	xfree(a->address);
	xfree(a);
}

void hub_expect(struct exec *hub, const char *name)
{
	struct hub *h = hub_of(hub);

	hub_lock(h);
	struct hub_agent *a = hub_agent_make(h, name);
	a->expected = true;
	hub_unlock(h);
}

/* ---- the stream of orders ---- */

static void write_orders(struct hub_agent *a)
{
	while (a->stream && a->orders.n) {
		char *line = a->orders.v[0];
		size_t n = strlen(line), waiting = stream_waiting(a->stream);

		if (waiting && waiting + n > STREAM_GUT)
			return; /* drained() goes on */
		vec_remove(&a->orders, 0);
		if (!stream_write(a->stream, (struct str){line, n}))
			LOG(LOG_WARN, "an agent reads its orders too slowly", LF("agent", a->name));
		hub_text_free(line);
	}
}

void hub_flush(void *arg)
{
	struct hub *h = arg;

	hub_lock(h);
	h->flushing = false;
	for (struct map_entry *m = NULL; (m = map_next(&h->agents, m));)
		write_orders(m->value);
	hub_unlock(h);
}

static void on_drained(void *ctx)
{
	struct hub_agent *a = ctx;

	hub_lock(a->hub);
	write_orders(a);
	hub_unlock(a->hub);
}

static void on_gone(void *ctx)
{
	struct hub_agent *a = ctx;

	hub_lock(a->hub);
	a->stream = NULL;
	drop_orders(a); /* its next hello says what is still to be told */
	hub_unlock(a->hub);
	LOG(LOG_INFO, "an agent's connection ended; it may come back", LF("agent", a->name));
}

static const struct stream_ops stream_ops = {on_drained, on_gone};

static void leave_stream(struct hub_agent *a)
{
	if (a->stream)
		stream_end(a->stream);
	a->stream = NULL;
	drop_orders(a);
}

/* ---- lost ---- */

static size_t drop_jobs(struct hub *h, const struct hub_agent *a)
{
	texts ids = {0};

	for (struct map_entry *m = NULL; (m = map_next(&h->jobs, m));) {
		const struct hub_job *job = m->value;

		if (streq(job->agent, a->name) && !job->end) /* a result that came is a result */
			vec_push(&ids, job->id);
	}
	vec_each(id, &ids)
		hub_job_drop(h, map_get(&h->jobs, str_of(*id)));
	size_t n = ids.n;
	vec_done(&ids);
	return n;
}

static bool has_results(struct hub *h, const struct hub_agent *a)
{
	bool any = false;

	hub_lock(h);
	for (struct map_entry *m = NULL; (m = map_next(&h->jobs, m));)
		any |= streq(((const struct hub_job *)m->value)->agent, a->name);
	hub_unlock(h);
	return any;
}

/* The owner gives jobs of who is lost to others: it hears of it when it has fetched the results that came before. */
static void tell_left(struct hub *h, struct hub_agent *a, bool later)
{
	struct agent_news news = {.name = a->name, .error = a->left};

	if (!a->left || later)
		return;
	a->left = NULL;
	if (h->owner.agent)
		h->owner.agent(h->owner.ctx, &news);
}

void hub_agent_lose(struct hub *h, struct hub_agent *a, const char *why)
{
	hub_lock(h);
	leave_stream(a);
	a->lost = true;
	a->expected = false;
	xfree(a->session);
	a->session = xstrdup("");
	size_t n = drop_jobs(h, a);
	a->left = why;
	hub_unlock(h);
	LOG(LOG_WARN, "an agent is lost", LF("agent", a->name), LF("reason", why), LFN("jobs", n));
	tell_left(h, a, has_results(h, a));
}

static void look(struct hub *h, struct hub_agent *a, usec_t now, bool ping)
{
	if (a->left)
		tell_left(h, a, has_results(h, a));
	if (a->lost)
		return;
	if (now - a->heard > AGENT_LOST) {
		hub_agent_lose(h, a,
			       a->expected ? "it did not come back after the daemon's restart"
					   : "it was not heard for 10 seconds");
		return;
	}
	if (ping && a->stream && !stream_waiting(a->stream))
		(void)!stream_write(a->stream, STR("{\"kind\":\"ping\"}\n"));
}

void hub_beat(void *arg)
{
	struct hub *h = arg;
	usec_t now = clock_mono();
	VEC(struct hub_agent *) all = {0};
	bool expected = false;

	h->ticks++;
	for (struct map_entry *m = NULL; (m = map_next(&h->agents, m));)
		vec_push(&all, m->value);
	vec_each(a, &all) {
		look(h, *a, now, h->ticks % (AGENT_BEAT / TICK) == 0);
		expected |= (*a)->expected;
	}
	vec_done(&all);
	if (!expected && !h->swept && h->ticks > AGENT_LOST / TICK) {
		hub_lock(h);
		hub_logs_sweep(h);
		hub_unlock(h);
		h->swept = true;
	}
	loop_at(h->loop, loop_now(h->loop) + TICK, hub_beat, h);
}

/* ---- hello ---- */

static bool has_job(const struct agent_hello *hello, const char *id)
{
	vec_each(j, &hello->jobs)
		if (streq(j->job, id))
			return true;
	return false;
}

/* What it has: still wanted, or not. */
static void settle_listed(struct hub *h, struct hub_agent *a, const struct agent_job *j)
{
	struct hub_job *job = map_get(&h->jobs, str_of(j->job));

	if (!job && h->owner.wanted && h->owner.wanted(h->owner.ctx, a->name, j->job, j->attempt))
		job = hub_job_make(h, j->job, j->attempt, a->name);
	if (!job || job->attempt != j->attempt || !streq(job->agent, a->name)) {
		LOG(LOG_INFO, "an agent came back with a job that nobody waits for",
		    LF("agent", a->name), LF("job", j->job), LFN("attempt", j->attempt));
		hub_order_job(h, a, ORDER_FORGET, j->job, j->attempt, 0);
		return;
	}
	hub_text_free(job->start);
	job->start = NULL;
	hub_order_job(h, a, ORDER_KEEP, j->job, j->attempt,
		      hub_log_size(h, j->job, j->attempt, HUB_LOG));
	if (job->cancelled)
		hub_order_job(h, a, ORDER_CANCEL, j->job, j->attempt, 0);
}

/* What it lacks: an order that it did not get, or a job that it lost. */
static void settle_lacking(struct hub *h, struct hub_agent *a, struct hub_job *job)
{
	if (job->end)
		return;
	if (job->start) {
		hub_order(h, a, xstrdup(job->start));
		return;
	}
	job->end = xcalloc(1, sizeof(*job->end));
	job->end->end = (struct exec_end){
		.job = xstrdup(job->id),
		.attempt = job->attempt,
		.exit = -1,
		.failure = FAILURE_INFRA,
		.error = xasprintf("agent %s does not know this job any more", a->name)};
	hub_tell(h);
}

static void settle(struct hub *h, struct hub_agent *a, const struct agent_hello *hello)
{
	vec_each(j, &hello->jobs)
		settle_listed(h, a, j);
	for (struct map_entry *m = NULL; (m = map_next(&h->jobs, m));) {
		struct hub_job *job = m->value;

		if (streq(job->agent, a->name) && !has_job(hello, job->id))
			settle_lacking(h, a, job);
	}
}

static char *new_session(void)
{
	unsigned char bytes[16];
	struct strbuf hex = STRBUF(64);

	BUG_ON(getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes));
	strbuf_add_hex(&hex, bytes, sizeof(bytes));
	return strbuf_take(&hex);
}

static void welcome(struct hub *h, struct hub_agent *a, uint32_t protocol)
{
	struct strbuf line = STRBUF(1024);
	struct agent_order o = {.kind = ORDER_WELCOME,
				.session = xstrdup(a->session),
				.protocol = protocol,
				.time = clock_wall()};

	agent_order_write(&line, &o);
	agent_order_done(&o);
	hub_order(h, a, strbuf_take(&line));
}

static void tell_skew(const struct hub_agent *a)
{
	uint64_t wrong = (uint64_t)(a->offset < 0 ? -a->offset : a->offset);
	AUTO(strbuf_done) struct strbuf text = STRBUF(64);

	if (wrong <= AGENT_SKEW)
		return;
	strbuf_add_duration(&text, wrong);
	LOG(LOG_WARN, "an agent's clock is wrong: its times are corrected", LF("agent", a->name),
	    LF("by", strbuf_cstr(&text)), LF("it is", a->offset < 0 ? "ahead" : "behind"));
}

static enum rc may_come(const struct hub_agent *a, const struct agent_hello *hello, struct err *err)
{
	if (!a || !a->stream || a->lost || streq(a->instance, hello->instance) ||
	    !stream_is_read(a->stream))
		return RC_OK;
	return err_set(
		err, RC_CONFLICT,
		"an agent %s is connected already, from %s: give this one another --name, or end that one",
		a->name, a->address);
}

static void let_in(struct hub *h, struct request *r, const struct agent_hello *hello,
		   uint32_t protocol)
{
	char address[REQUEST_ADDRESS];

	request_address(r, address);
	hub_lock(h);
	struct hub_agent *a = hub_agent_make(h, hello->name);
	hub_unlock(h);
	tell_left(h, a, false);
	hub_lock(h);
	bool back = a->lost || (!a->instance && !a->expected);
	leave_stream(a);
	xfree(a->instance);
	xfree(a->session);
	xfree(a->address);
	a->instance = xstrdup(hello->instance);
	a->session = new_session();
	a->address = xstrdup(address);
	a->heard = clock_mono();
	a->lost = a->expected = false;
	a->offset = (int64_t)(clock_wall() - hello->time);
	a->stream = request_stream(r, 200, "application/x-ndjson", &stream_ops, a);
	if (a->stream) {
		welcome(h, a, protocol);
		settle(h, a, hello);
	}
	struct agent_news news = {.name = a->name,
				  .connected = true,
				  .back = back,
				  .labels = &hello->labels,
				  .cpu = hello->cpu,
				  .memory = hello->memory,
				  .version = hello->version,
				  .address = a->address};
	hub_unlock(h);
	LOG(LOG_INFO, "an agent is connected", LF("agent", a->name), LF("version", hello->version),
	    LF("address", a->address), LFN("jobs", hello->jobs.n));
	tell_skew(a);
	if (h->owner.agent)
		h->owner.agent(h->owner.ctx, &news);
	if (hello->draining && h->owner.drain)
		h->owner.drain(h->owner.ctx, a->name);
}

void hub_agent_hello(struct hub *h, struct request *r)
{
	struct agent_hello hello = {0};
	struct err err = {0};
	const char *scope = request_scope(r);
	uint32_t protocol = 0;

	enum rc rc = agent_hello_read(request_body(r), &hello, &err);
	if (rc == RC_OK && !streq(scope + strlen(AGENT_SCOPE), hello.name))
		rc = err_set(
			&err, RC_DENIED,
			"this token is for agent %s, not for %s: `penstock agent token %s` makes one",
			scope + strlen(AGENT_SCOPE), hello.name, hello.name);
	if (rc == RC_OK) {
		protocol = agent_protocol(&hello, &err);
		rc = protocol ? RC_OK : err.rc;
	}
	if (rc == RC_OK)
		rc = may_come(map_get(&h->agents, str_of(hello.name)), &hello, &err);
	if (rc == RC_OK) {
		let_in(h, r, &hello, protocol);
	} else {
		LOG(LOG_WARN, "an agent is refused", LF("agent", hello.name),
		    LF("reason", err.msg));
		if (rc == RC_DENIED)
			hub_denied(h, r, "to come as an agent", err.msg);
		hub_refuse(r, rc == RC_DENIED ? 403 : rc == RC_CONFLICT ? 409 : 400, &err);
	}
	shape_done(&shape_agent_hello, &hello);
}
