/* The connection: a hello goes out, orders come in, for as long as it lives; then again, for ever, after a pause that grows and varies. */
#include "flow/2-agent/client.h"

#include <sys/random.h>

#include "io/clock.h"
#include "io/http.h"

#define PAUSE_FIRST  (100 * USEC_MS)
#define PAUSE_MOST   (5 * USEC_SEC)
#define DENIALS_MOST 5 /* in a row, within some seconds */
#define SILENCE      8 /* seconds: the daemon says something each two */

struct
try {
	struct client *agent;
	struct strbuf hello, line;
	char *refusal;
	int status;
	bool too_big;
	enum rc rc;
	struct err err;
};
struct came {
	struct client *agent;
	char *line;
};

/* ---- orders; on the loop ---- */

static void on_welcome(struct client *a, const struct agent_order *o)
{
	int64_t skew = (int64_t)(o->time - clock_wall());
	AUTO(strbuf_done) struct strbuf text = STRBUF(64);

	xfree(a->session);
	a->session = xstrdup(o->session);
	a->failures = a->denials = 0;
	agent_say(a, a->met ? "connected again" : "connected to %s as %s", a->o.server, a->o.name);
	a->met = true;
	strbuf_add_duration(&text, (usec_t)(skew < 0 ? -skew : skew));
	if ((uint64_t)(skew < 0 ? -skew : skew) > AGENT_SKEW)
		agent_say(a, "the daemon's clock is %s %s of ours: it corrects our times",
			  strbuf_cstr(&text), skew < 0 ? "behind" : "ahead");
}

static void obey(struct client *a, struct agent_order *o)
{
	switch (o->kind) {
	case ORDER_WELCOME:
		on_welcome(a, o);
		break;
	case ORDER_KEEP:
		work_keep(a, o->job, o->attempt, o->have);
		break;
	case ORDER_START: {
		struct agent_order *own = xcalloc(1, sizeof(*own));

		*own = *o;
		*o = (struct agent_order){0};
		work_start(a, own);
		break;
	}
	case ORDER_CANCEL:
		work_cancel(a, o->job, o->attempt);
		break;
	case ORDER_FORGET:
		work_forget(a, o->job, o->attempt);
		break;
	case ORDER_PING:
		break;
	}
	agent_order_done(o);
}

static void on_line(void *arg)
{
	struct came *c = arg;
	struct agent_order o = {0};
	struct err err = {0};

	if (agent_order_read(str_of(c->line), &o, &err) == RC_OK)
		obey(c->agent, &o);
	else
		agent_say(c->agent, "an order cannot be understood: %s", err.msg);
	mem_wipe(c->line, strlen(c->line));
	xfree(c->line);
	xfree(c);
}

/* ---- on a worker ---- */

static void pass_on(struct try *t)
{
	struct str line = strbuf_str(&t->line);

	if (str_starts(line, "{\"error\"")) {
		xfree(t->refusal);
		t->refusal = xstrdup(strbuf_cstr(&t->line));
		return;
	}
	struct came *c = xcalloc(1, sizeof(*c));
	*c = (struct came){t->agent, xstrndup(line.p, line.n)};
	loop_post(t->agent->loop, on_line, c);
}

static bool on_part(void *ctx, struct str part)
{
	struct try *t = ctx;

	while (part.n) {
		const char *end = memchr(part.p, '\n', part.n);
		size_t n = end ? (size_t)(end - part.p) : part.n;

		strbuf_add(&t->line, part.p, n);
		t->too_big = strbuf_failed(&t->line);
		if (t->too_big)
			return false;
		part.p += n + (end != NULL);
		part.n -= n + (end != NULL);
		if (!end)
			break;
		if (t->line.n)
			pass_on(t);
		if (t->line.p)
			mem_wipe(t->line.p, t->line.n);
		strbuf_clear(&t->line);
	}
	return !atomic_load(&t->agent->stop);
}

static void listen_to_it(void *arg)
{
	struct try *t = arg;
	AUTO(agent_request_done) struct agent_request named;
	struct http_answer answer = {0};

	agent_request_make(&named, t->agent, NULL, "stream");
	struct http_request q = {.method = "POST",
				 .url = named.url,
				 .headers = named.headers,
				 .ca = t->agent->o.ca,
				 .body = strbuf_str(&t->hello),
				 .stream = true,
				 .silence = SILENCE,
				 .each = on_part,
				 .ctx = t};
	t->rc = http_ask(&q, &answer, &t->err);
	t->status = answer.status;
	http_answer_done(&answer);
	if (t->rc == RC_OK && t->too_big)
		t->rc = err_set(&t->err, RC_TOO_BIG, "an order is above %zu bytes",
				AGENT_ORDER_MAX);
	else if (t->rc == RC_OK && t->status != 200)
		t->rc = agent_refusal(t->status, str_of(t->refusal), &t->err);
	else if (t->rc == RC_OK)
		t->rc = err_set(&t->err, RC_UNAVAILABLE, "the daemon ended the connection");
}

/* ---- on the loop ---- */

static usec_t pause_of(struct client *a)
{
	usec_t most = PAUSE_FIRST;
	uint32_t some;

	for (uint32_t i = 0; i < a->failures && most < PAUSE_MOST; i++)
		most *= 2;
	most = MIN_OF(most, PAUSE_MOST);
	a->failures++;
	BUG_ON(getrandom(&some, sizeof(some), 0) != (ssize_t)sizeof(some));
	return most / 2 + some % (most / 2);
}

/* A token that was good and is refused was revoked, or its time is over; but something between us and the daemon may say so once. */
static bool is_final(struct client *a, enum rc rc)
{
	a->denials +=
		rc == RC_DENIED; /* to who asks too often the daemon says other things in between */
	if (rc == RC_CONFLICT || a->denials >= DENIALS_MOST)
		return true;
	return !a->met &&
	       (rc == RC_DENIED || rc == RC_INVALID || rc == RC_UNSUPPORTED || rc == RC_TOO_BIG);
}

static void connection_over(void *arg)
{
	struct try *t = arg;
	struct client *a = t->agent;

	a->streaming = false;
	xfree(a->session);
	a->session = NULL;
	if (a->ended) {
		; /* nothing more */
	} else if (is_final(a, t->rc)) {
		a->err = t->err;
		if (a->met && t->rc == RC_DENIED)
			works_end(a);
		agent_end(a, t->rc);
	} else {
		if (a->failures == 0 || a->failures == 5 || a->failures % 60 == 0)
			agent_say(a, "not connected, trying again: %s", t->err.msg);
		loop_at(a->loop, loop_now(a->loop) + pause_of(a), agent_connect, a);
	}
	strbuf_done(&t->hello);
	strbuf_done(&t->line);
	xfree(t->refusal);
	xfree(t);
}

static void say_hello(const struct client *a, struct strbuf *to)
{
	struct agent_hello h = {.protocol = AGENT_PROTOCOL,
				.oldest = AGENT_PROTOCOL_OLDEST,
				.name = (char *)(uintptr_t)a->o.name,
				.version = (char *)(uintptr_t)PENSTOCK_VERSION,
				.instance = a->instance,
				.labels = a->o.labels,
				.cpu = a->o.cpu,
				.memory = a->o.memory,
				.time = clock_wall(),
				.draining = a->draining};
	struct json_out o = JSON_OUT(to);

	for (struct map_entry *m = NULL; (m = map_next(&a->works, m));) {
		const struct work *w = m->value;

		if (w->state != WORK_STARTING)
			vec_push(&h.jobs, ((struct agent_job){w->id, w->attempt}));
	}
	shape_write(&o, NULL, &shape_agent_hello, &h);
	vec_done(&h.jobs);
}

void agent_connect(void *arg)
{
	struct client *a = arg;

	if (a->streaming || a->ended)
		return;
	struct try *t = xcalloc(1, sizeof(*t));
	*t = (struct try){
		.agent = a, .hello = STRBUF(AGENT_HELLO_MAX), .line = STRBUF(AGENT_ORDER_MAX)};
	say_hello(a, &t->hello);
	a->streaming = true;
	atomic_store(&a->stop, false);
	loop_work(a->loop, "stream", listen_to_it, connection_over, t);
}
