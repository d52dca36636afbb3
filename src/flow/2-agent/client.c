/* The agent: one loop that holds the connection, the jobs and their logs together. Nothing connects to it. */
#include "flow/2-agent/client.h"

#include <errno.h>
#include <signal.h>
#include <sys/random.h>

#include "base/log.h"
#include "io/clock.h"
#include "io/files.h"

#define TRIM_EVERY (5 * USEC_MIN)

void agent_say(struct client *a, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(1024);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	if (a->o.said)
		a->o.said(a->o.ctx, strbuf_cstr(&text));
	else
		LOG(LOG_INFO, strbuf_cstr(&text), LF("agent", a->o.name));
}

/* ---- the heartbeat ---- */

struct said {
	struct client *agent;
	char *session;
	const char *path;
	enum rc rc;
	struct err err;
};

static void say_it(void *arg)
{
	struct said *s = arg;
	struct agent_answer answer;

	s->rc = agent_post(s->agent, s->session, s->path, STR("{}"), &answer, &s->err);
}

static void was_said(void *arg)
{
	struct said *s = arg;
	struct client *a = s->agent;

	a->beating = false;
	if (s->rc == RC_CONFLICT && a->session && streq(a->session, s->session))
		atomic_store(&a->stop, true); /* this session is over */
	if (streq(s->path, "bye"))
		agent_end(a, RC_OK);
	xfree(s->session);
	xfree(s);
}

static void say_path(struct client *a, const char *path)
{
	struct said *s = xcalloc(1, sizeof(*s));

	*s = (struct said){.agent = a, .session = xstrdup(a->session), .path = path};
	a->beating = true;
	loop_work(a->loop, "beat", say_it, was_said, s);
}

static void beat(void *arg)
{
	struct client *a = arg;

	if (a->session && !a->beating && !a->leaving) {
		say_path(a, a->draining && !a->told_drain ? "drain" : "beat");
		a->told_drain = a->draining;
	}
	loop_at(a->loop, loop_now(a->loop) + AGENT_BEAT, beat, a);
}

/* ---- jobs ---- */

static void on_event(void *arg)
{
	works_look(arg);
}

static void leave(struct client *a)
{
	a->leaving = true;
	agent_say(a, "no job is left: leaving");
	if (a->session)
		say_path(a, "bye");
	else
		agent_end(a, RC_OK);
}

static void look(void *arg)
{
	struct client *a = arg;

	works_look(a);
	if (a->draining && !a->leaving && !works_open(a))
		leave(a);
	loop_timer_set(a->look, a->draining ? 100 * USEC_MS : USEC_SEC);
}

/* ---- room for more ---- */

static void trim(void *arg);

static void trim_it(void *arg)
{
	struct client *a = arg;

	a->o.trim(a->o.trim_ctx, &a->users);
}

static void trimmed(void *arg)
{
	struct client *a = arg;

	loop_at(a->loop, loop_now(a->loop) + TRIM_EVERY, trim, a);
}

static void trim(void *arg)
{
	struct client *a = arg;

	loop_work(a->loop, "trim", trim_it, trimmed, a);
}

/* ---- the end ---- */

void agent_end(struct client *a, enum rc rc)
{
	if (a->ended)
		return;
	a->ended = true;
	a->rc = rc;
	atomic_store(&a->stop, true);
	loop_stop(a->loop);
}

static void grace_over(void *arg)
{
	struct client *a = arg;

	agent_say(
		a,
		"jobs still run after the grace period: they are left to their supervisors, the daemon waits 10 seconds for an agent of this name");
	agent_end(a, RC_OK);
}

static void on_signal(void *arg)
{
	struct client *a = arg;

	if (a->draining) {
		agent_say(
			a,
			"stopping at once: jobs go on under their supervisors, the daemon waits 10 seconds for an agent of this name");
		agent_end(a, RC_OK);
		return;
	}
	a->draining = true;
	agent_say(a, "draining: %zu jobs are left; once more ends at once", works_open(a));
	if (a->session) {
		a->told_drain = true;
		say_path(a, "drain");
	}
	if (a->o.grace != USEC_NEVER)
		loop_at(a->loop, loop_now(a->loop) + a->o.grace, grace_over, a);
	loop_timer_set(a->look, 0);
}

static char *new_instance(void)
{
	unsigned char bytes[12];
	struct strbuf hex = STRBUF(64);

	BUG_ON(getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes));
	strbuf_add_hex(&hex, bytes, sizeof(bytes));
	return strbuf_take(&hex);
}

enum rc agent_run(const struct agent_options *o, struct err *err)
{
	struct client a = {.o = *o, .loop = o->loop, .instance = new_instance()};
	BUG_ON(pthread_rwlock_init(&a.users, NULL) != 0);
	enum rc rc = tree_remove(o->dir, err);

	if (rc == RC_OK)
		rc = dir_make(o->dir, 0700, err);
	if (rc == RC_OK) {
		works_adopt(&a);
		loop_signal(a.loop, SIGTERM, on_signal, &a);
		loop_signal(a.loop, SIGINT, on_signal, &a);
		if (exec_fd(o->exec) >= 0)
			(void)loop_watch(a.loop, exec_fd(o->exec), on_event, &a);
		a.look = loop_timer_new(a.loop, look, &a);
		agent_connect(&a);
		beat(&a);
		look(&a);
		if (a.o.trim)
			trim(&a);
		loop_run(a.loop);
		rc = a.rc;
		if (rc != RC_OK)
			*err = a.err;
	}
	/* Workers may still hold jobs and the connection: they end with the process. */
	xfree(a.instance);
	return rc;
}
