/* What people order: each becomes an event, and is answered when the journal has it. */
#include "api/api_impl.h"

static void on_answered(void *ctx, enum rc rc, const struct err *err, uint64_t seq)
{
	struct call *c = ctx;
	struct json_out o = JSON_OUT(&c->out);

	if (rc != RC_OK) {
		call_fail(c, err);
		return;
	}
	json_open(&o, NULL);
	json_bool(&o, "ok", true);
	json_u64(&o, "seq", seq);
	json_close(&o);
	call_json(c, 200, &c->out);
}

static void order(struct call *c, struct event *ev)
{
	const char *group;

	ev->actor = xstrdup(request_actor(c->r));
	for (size_t i = 0; (group = request_group(c->r, i)); i++)
		vec_push(&ev->ids, xstrdup(group));
	engine_ask(c->api->e, ev, on_answered, c);
}

/* ---- what stands in a body ---- */

struct member {
	const char *key;
	char **text; /* a text; NULL: a truth */
	bool *truth;
};

static bool take(struct call *c, const struct member *m, const struct json *value)
{
	if (m->truth) {
		if (json_kind_of(value) != JSON_BOOL) {
			call_failf(c, RC_INVALID, "%s takes true or false", m->key);
			return false;
		}
		*m->truth = json_truth(value, false);
		return true;
	}
	const char *text = json_text(value, NULL);
	if (json_kind_of(value) == JSON_NULL || (text && !*text))
		return true;
	if (!text || strlen(text) > NOTE_MAX) {
		call_failf(c, RC_INVALID, "%s takes a text of at most %d bytes", m->key, NOTE_MAX);
		return false;
	}
	*m->text = xstrdup(text);
	return true;
}

/* False: answered already. Unknown members are refused, so that a wrong name is not a silent nothing. */
static bool read_members(struct call *c, const struct member *members, size_t n)
{
	const char *names[8];
	const struct json *value;
	const char *key;
	void *cursor = NULL;

	for (size_t i = 0; i < n; i++)
		names[i] = members[i].key;
	while (json_next(c->body, &cursor, &key, &value)) {
		const struct member *m = NULL;

		for (size_t i = 0; i < n; i++)
			m = streq(members[i].key, key) ? &members[i] : m;
		if (!m) {
			const char *near = str_nearest(str_of(key), names, n);

			call_failf(c, RC_INVALID, "\"%.60s\" is not known here%s%s%s", key,
				   near ? "; did you mean \"" : "", near ? near : "",
				   near ? "\"?" : "");
			return false;
		}
		if (!take(c, m, value))
			return false;
	}
	return true;
}

#define READ(c, ...)                                          \
	read_members(c, (const struct member[]){__VA_ARGS__}, \
		     ARRAY_LEN(((const struct member[]){__VA_ARGS__})))

/* "until" a time (RFC 3339), or "for" a while (2h30m). */
static bool read_end(struct call *c, const char *until, const char *length, uint64_t *ret)
{
	usec_t now = runner_now(c->api->runner), at = 0;

	if (until && !time_parse(until, strlen(until), &at)) {
		call_failf(c, RC_INVALID,
			   "until takes a time such as 2026-01-31T12:00:00Z, not \"%.40s\"", until);
		return false;
	}
	if (length && !parse_duration(str_of(length), &at)) {
		call_failf(c, RC_INVALID, "for takes a duration such as 30m or 2h, not \"%.40s\"",
			   length);
		return false;
	}
	if (length)
		at += now;
	if ((until || length) && at <= now) {
		call_failf(c, RC_INVALID, "its end lies in the past");
		return false;
	}
	*ret = at;
	return true;
}

/* ---- releases, rollouts, runs ---- */

static void give(char **member, const char *text)
{
	*member = xstrdup(text);
}

void post_approve(struct call *c)
{
	struct event ev = {.kind = EV_APPROVE, .ok = true};

	give(&ev.release, c->arg[0]);
	if (READ(c, {"ok", NULL, &ev.ok}, {"comment", &ev.text, NULL}))
		order(c, &ev);
	else
		event_done(&ev);
}

void post_promote(struct call *c)
{
	struct event ev = {.kind = EV_PROMOTE};

	give(&ev.rollout, c->arg[0]);
	if (READ(c, {"reason", &ev.text, NULL}))
		order(c, &ev);
	else
		event_done(&ev);
}

static void abort_one(struct call *c, struct event *ev)
{
	ev->kind = EV_ABORT;
	if (READ(c, {"reason", &ev->text, NULL}))
		order(c, ev);
	else
		event_done(ev);
}

void post_abort_rollout(struct call *c)
{
	struct event ev = {.rollout = xstrdup(c->arg[0])};

	abort_one(c, &ev);
}

void post_abort_release(struct call *c)
{
	struct event ev = {.release = xstrdup(c->arg[0])};

	abort_one(c, &ev);
}

void post_abort_run(struct call *c)
{
	struct event ev = {.run = xstrdup(c->arg[0])};

	abort_one(c, &ev);
}

void post_rerun(struct call *c)
{
	struct event ev = {.kind = EV_RERUN, .run = xstrdup(c->arg[0])};

	if (READ(c, {"reason", &ev.text, NULL}))
		order(c, &ev);
	else
		event_done(&ev);
}

void post_approve_run(struct call *c)
{
	struct event ev = {.kind = EV_APPROVE, .ok = true};

	give(&ev.run, c->arg[0]);
	if (READ(c, {"ok", NULL, &ev.ok}, {"comment", &ev.text, NULL}))
		order(c, &ev);
	else
		event_done(&ev);
}

/* A manual job; or with resume a failed one, again in its kept workspace. */
void post_start_job(struct call *c)
{
	struct event ev = {.kind = EV_START_JOB};

	give(&ev.job, c->arg[0]);
	if (READ(c, {"resume", NULL, &ev.ok}, {"reason", &ev.text, NULL}))
		order(c, &ev);
	else
		event_done(&ev);
}

void post_quarantine(struct call *c)
{
	struct event ev = {.kind = EV_QUARANTINE};
	AUTO(freep) char *until = NULL;
	AUTO(freep) char *length = NULL;
	bool lift = false;
	bool good = READ(c, {"test", &ev.id, NULL}, {"unit", &ev.unit, NULL},
			 {"owner", &ev.type, NULL}, {"until", &until, NULL}, {"for", &length, NULL},
			 {"reason", &ev.text, NULL}, {"lift", NULL, &lift});

	if (good && lift)
		ev.kind = EV_UNQUARANTINE;
	else if (good)
		good = read_end(c, until, length, &ev.until);
	if (good)
		order(c, &ev);
	else
		event_done(&ev);
}

/* ---- agents, the merge queue ---- */

void post_drain(struct call *c)
{
	struct event ev = {.kind = EV_DRAIN, .ok = true};

	give(&ev.id, c->arg[0]);
	if (READ(c, {"ok", NULL, &ev.ok}))
		order(c, &ev);
	else
		event_done(&ev);
}

/* The only repository, when there is one. */
static const char *only_source(const struct api *api)
{
	const texts *sources = &engine_world(api->e)->sources;

	return sources->n == 1 ? sources->v[0] : NULL;
}

/* The first branch of penstock.yml that is a target and no pattern. */
static const char *first_target(const struct model *m, const char *repo)
{
	const struct project_repo *src = model_source(m, repo);
	const struct config *c = src ? model_config(m, src->config) : NULL;

	for (size_t i = 0; c && i < c->queue.branches.n; i++)
		if (!strpbrk(c->queue.branches.v[i], "*?[{"))
			return c->queue.branches.v[i];
	for (size_t i = 0; c && i < c->branches.n; i++)
		if (!strpbrk(c->branches.v[i], "*?[{"))
			return c->branches.v[i];
	return NULL;
}

static void fill(char **member, const char *text)
{
	if (!*member && text)
		*member = xstrdup(text);
}

void post_queue(struct call *c)
{
	struct event ev = {.kind = EV_QUEUE_ADD};
	AUTO(freep) char *branch = NULL;
	bool gone = false;

	if (!READ(c, {"repo", &ev.repo, NULL}, {"ref", &branch, NULL}, {"target", &ev.type, NULL},
		  {"commit", &ev.commit, NULL}, {"number", &ev.digest, NULL},
		  {"remove", NULL, &gone}))
		goto refused;
	fill(&ev.repo, only_source(c->api));
	if (!ev.repo || !branch) {
		call_failf(
			c, RC_INVALID, "%s",
			ev.repo ? "say which branch: {\"ref\": ...}"
				: "several repositories are watched: say which one (--repo NAME, {\"repo\": ...})");
		goto refused;
	}
	fill(&ev.type, first_target(engine_model(c->api->e), ev.repo));
	if (!ev.type) {
		call_failf(
			c, RC_INVALID,
			"no branch of %s lands changes through the queue: say onto which (--target, {\"target\": ...})",
			ev.repo);
		goto refused;
	}
	ev.ref = str_starts(str_of(branch), "refs/") ? xstrdup(branch)
						     : xasprintf("refs/heads/%s", branch);
	if (gone)
		ev.kind = EV_QUEUE_DEL;
	order(c, &ev);
	return;
refused:
	event_done(&ev);
}

/* ---- environments ---- */

/* {unit, image, until | for, reason} on an environment. needs_unit: for all of it makes no sense. */
static void mark(struct call *c, enum event_kind kind, bool needs_unit, bool has_image)
{
	struct event ev = {.kind = kind};
	AUTO(freep) char *until = NULL;
	AUTO(freep) char *length = NULL;
	struct err err = {0};
	const struct member members[] = {{"unit", &ev.unit, NULL},
					 {"until", &until, NULL},
					 {"for", &length, NULL},
					 {"reason", &ev.text, NULL},
					 {"image", &ev.image, NULL}};

	give(&ev.environment, c->arg[0]);
	if (!read_members(c, members, ARRAY_LEN(members) - !has_image) ||
	    !read_end(c, until, length, &ev.until))
		goto refused;
	if (needs_unit && !ev.unit) {
		call_failf(c, RC_INVALID, "say which service: {\"unit\": ...}");
		goto refused;
	}
	if (ev.image) {
		char *whole = digest_resolve(engine_model(c->api->e), ev.unit, ev.image, &err);

		if (!whole) {
			call_fail(c, &err);
			goto refused;
		}
		xfree(ev.image);
		ev.image = whole;
	}
	order(c, &ev);
	return;
refused:
	event_done(&ev);
}

void post_rollback(struct call *c)
{
	mark(c, EV_ROLLBACK, true, true);
}

void post_pin(struct call *c)
{
	mark(c, EV_PIN, true, true);
}

void post_veto(struct call *c)
{
	mark(c, EV_VETO, false, true);
}

void post_hold(struct call *c)
{
	mark(c, EV_HOLD, false, false);
}

static void lift(struct call *c, enum event_kind kind)
{
	struct event ev = {.kind = kind};

	give(&ev.environment, c->arg[0]);
	give(&ev.id, c->arg[1]);
	order(c, &ev);
}

void delete_pin(struct call *c)
{
	lift(c, EV_UNPIN);
}

void delete_veto(struct call *c)
{
	lift(c, EV_UNVETO);
}

void delete_hold(struct call *c)
{
	lift(c, EV_UNHOLD);
}

/* ---- incidents ---- */

static void on_incident(struct call *c, enum event_kind kind)
{
	struct event ev = {.kind = kind};

	give(&ev.incident, c->arg[0]);
	if (READ(c, {"text", &ev.text, NULL}))
		order(c, &ev);
	else
		event_done(&ev);
}

void post_note(struct call *c)
{
	on_incident(c, EV_INCIDENT_NOTE);
}

void post_close(struct call *c)
{
	on_incident(c, EV_INCIDENT_CLOSE);
}

/* ---- the hook of a repository ---- */

static const char *source_named(const struct api *api, const char *repo)
{
	if (api->o.source_of) {
		const char *name = api->o.source_of(api->o.ctx, repo);

		if (name)
			return name;
	}
	vec_each(name, &engine_world(api->e)->sources)
		if (streq(*name, repo))
			return *name;
	return NULL;
}

/* Which refs moved is not believed: they are read again. */
void post_hook(struct call *c)
{
	const char *repo = json_get_text(c->body, "repo", NULL);
	const char *name = repo ? source_named(c->api, repo) : NULL;
	struct json_out o = JSON_OUT(&c->out);

	if (!repo || !name) {
		call_failf(c, repo ? RC_NOT_FOUND : RC_INVALID,
			   repo ? "%.300s is not watched here"
				: "say which repository: {\"repo\": ...}%s",
			   repo ? repo : "");
		return;
	}
	engine_source_changed(c->api->e, name);
	json_open(&o, NULL);
	json_bool(&o, "ok", true);
	json_cstr(&o, "source", name);
	json_close(&o);
	call_json(c, 200, &c->out);
}
