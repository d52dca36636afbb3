/* Logs go to the daemon as they grow: soon after a job said something, seldom while it is silent. */
#include "flow/2-agent/client.h"

#define SOON  (8 * USEC_MS)
#define LATER (100 * USEC_MS)

struct shipped {
	struct log_place place;
	bool any;
};
struct ship {
	struct client *agent;
	char *session;
	VEC(struct shipped) logs;
};

static enum rc send(struct client *a, const char *session, const char *what,
		    const struct log_place *p, uint64_t *at, const struct strbuf *bytes,
		    struct err *err)
{
	AUTO(strbuf_done) struct strbuf path = STRBUF(2048);
	struct agent_answer answer;

	if (!bytes->n)
		return RC_OK;
	strbuf_addf(&path, "%s?job=", what);
	strbuf_add_urlencoded(&path, str_of(p->job));
	strbuf_addf(&path, "&attempt=%u&from=%llu", p->attempt, (unsigned long long)*at);
	enum rc rc = agent_post(a, session, strbuf_cstr(&path), strbuf_str(bytes), &answer, err);
	if (rc == RC_OK && answer.forget)
		return err_set(err, RC_NOT_FOUND, "nobody waits for job %s", p->job);
	if (rc == RC_OK)
		*at = answer.have;
	return rc;
}

/* One piece; *ret_any: there was something. The log is read before the marks and sent behind them: what is seen of it is explained. */
static enum rc ship_piece(struct client *a, const char *session, struct log_place *p, bool *ret_any,
			  bool *ret_ended, struct err *err)
{
	AUTO(strbuf_done)
	struct strbuf log = STRBUF(AGENT_LOG_PIECE), marks = STRBUF(AGENT_LOG_PIECE);
	enum rc rc = exec_log(a->o.exec, p->job, p->log, AGENT_LOG_PIECE, &log, ret_ended, err);

	if (rc == RC_OK &&
	    exec_marks(a->o.exec, p->job, p->marks, AGENT_LOG_PIECE, &marks, NULL) != RC_OK)
		strbuf_clear(&marks); /* a log without them is a log */
	*ret_any = log.n || marks.n;
	if (rc == RC_OK)
		rc = send(a, session, "marks", p, &p->marks, &marks, err);
	return rc == RC_OK ? send(a, session, "log", p, &p->log, &log, err) : rc;
}

enum rc log_finish(struct client *a, const char *session, struct log_place *place, struct err *err)
{
	bool any = true, ended = false;
	enum rc rc = RC_OK;

	while (rc == RC_OK && (any || !ended))
		rc = ship_piece(a, session, place, &any, &ended, err);
	return rc;
}

static void ship(void *arg)
{
	struct ship *s = arg;

	vec_each(l, &s->logs) {
		struct err err = {0};
		bool ended;

		if (ship_piece(s->agent, s->session, &l->place, &l->any, &ended, &err) != RC_OK)
			l->any = false;
	}
}

static void shipped(void *arg)
{
	struct ship *s = arg;
	struct client *a = s->agent;
	bool any = false;

	vec_each(l, &s->logs) {
		struct work *w = map_get(&a->works, str_of(l->place.job));

		if (w && w->attempt == l->place.attempt && w->state == WORK_RUNNING &&
		    !w->at_work) {
			w->log_at = l->place.log;
			w->marks_at = l->place.marks;
		}
		any |= l->any;
		xfree(l->place.job);
	}
	a->log_rest = any ? SOON : MIN_OF(MAX_OF(a->log_rest, SOON) * 9 / 8, LATER);
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
			vec_push(&s->logs, ((struct shipped){.place = {xstrdup(w->id), w->attempt,
								       w->log_at, w->marks_at}}));
	}
	if (s->logs.n) {
		loop_work(a->loop, "logs", ship, shipped, s);
		return;
	}
	xfree(s->session);
	xfree(s);
	a->shipping = false; /* the next job that runs begins again */
}
