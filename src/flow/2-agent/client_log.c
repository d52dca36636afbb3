/* Logs go to the daemon as they grow: soon after a job said something, seldom while it is silent. */
#include "flow/2-agent/client.h"

#define SOON  (8 * USEC_MS)
#define LATER (100 * USEC_MS)

struct shipped {
	char *job;
	uint32_t attempt;
	uint64_t at;
	bool any;
};
struct ship {
	struct client *agent;
	char *session;
	VEC(struct shipped) logs;
};

/* One piece; *ret_any: there was something. */
static enum rc ship_piece(struct client *a, const char *session, const char *job, uint32_t attempt,
			  uint64_t *at, bool *ret_any, bool *ret_ended, struct err *err)
{
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(AGENT_LOG_PIECE);
	AUTO(strbuf_done) struct strbuf path = STRBUF(2048);
	struct agent_answer answer;
	enum rc rc = exec_log(a->o.exec, job, *at, AGENT_LOG_PIECE, &bytes, ret_ended, err);

	*ret_any = bytes.n > 0;
	if (rc != RC_OK || !bytes.n)
		return rc;
	strbuf_adds(&path, "log?job=");
	strbuf_add_urlencoded(&path, str_of(job));
	strbuf_addf(&path, "&attempt=%u&from=%llu", attempt, (unsigned long long)*at);
	rc = agent_post(a, session, strbuf_cstr(&path), strbuf_str(&bytes), &answer, err);
	if (rc == RC_OK && answer.forget)
		return err_set(err, RC_NOT_FOUND, "nobody waits for job %s", job);
	if (rc == RC_OK)
		*at = answer.have;
	return rc;
}

enum rc log_finish(struct client *a, const char *session, const char *job, uint32_t attempt,
		   uint64_t *at, struct err *err)
{
	bool any = true, ended = false;
	enum rc rc = RC_OK;

	while (rc == RC_OK && (any || !ended))
		rc = ship_piece(a, session, job, attempt, at, &any, &ended, err);
	return rc;
}

static void ship(void *arg)
{
	struct ship *s = arg;

	vec_each(l, &s->logs) {
		struct err err = {0};
		bool ended;

		if (ship_piece(s->agent, s->session, l->job, l->attempt, &l->at, &l->any, &ended,
			       &err) != RC_OK)
			l->any = false;
	}
}

static void shipped(void *arg)
{
	struct ship *s = arg;
	struct client *a = s->agent;
	bool any = false;

	vec_each(l, &s->logs) {
		struct work *w = map_get(&a->works, str_of(l->job));

		if (w && w->attempt == l->attempt && w->state == WORK_RUNNING && !w->at_work)
			w->log_at = l->at;
		any |= l->any;
		xfree(l->job);
	}
	a->log_rest = any ? SOON : MIN_OF(MAX_OF(a->log_rest, SOON) * 3 / 2, LATER);
	vec_done(&s->logs);
	xfree(s->session);
	xfree(s);
	loop_at(a->loop, loop_now(a->loop) + a->log_rest, logs_ship, a);
}

void logs_ship(void *arg)
{
	struct client *a = arg;
	struct ship *s = xcalloc(1, sizeof(*s));

	s->agent = a;
	s->session = a->session ? xstrdup(a->session) : NULL;
	for (struct map_entry *m = NULL; a->session && (m = map_next(&a->works, m));) {
		const struct work *w = m->value;

		if (w->state == WORK_RUNNING && !w->at_work)
			vec_push(&s->logs, ((struct shipped){xstrdup(w->id), w->attempt, w->log_at, false}));
	}
	if (s->logs.n) {
		loop_work(a->loop, "logs", ship, shipped, s);
		return;
	}
	xfree(s->session);
	xfree(s);
	a->shipping = false; /* the next job that runs begins again */
}
