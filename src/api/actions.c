/* What people order: each becomes an event, and is answered when the journal has it. */
#include "api/api_impl.h"

void call_done_at(struct call *c, enum rc rc, const struct err *err, uint64_t seq)
{
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

static void on_answered(void *ctx, enum rc rc, const struct err *err, uint64_t seq)
{
	call_done_at(ctx, rc, err, seq);
}

void call_sign(struct call *c, struct event *ev)
{
	const char *actor = request_actor(c->r), *via = request_via(c->r);
	char address[REQUEST_ADDRESS];

	request_address(c->r, address);
	ev->actor = actor ? xstrdup(actor) : NULL;
	ev->via = via ? xstrdup(via) : NULL;
	ev->address = xstrdup(address);
}

void call_order(struct call *c, struct event *ev)
{
	call_sign(c, ev);
	call_once(c, ev);
	engine_ask(c->api->e, ev, on_answered, c);
}

void call_groups(const struct call *c, struct event *ev)
{
	const char *group;

	for (size_t i = 0; (group = request_group(c->r, i)); i++)
		vec_push(&ev->ids, xstrdup(group));
}

/* Where the groups of who asks count. */
static void order_with_groups(struct call *c, struct event *ev)
{
	call_groups(c, ev);
	call_order(c, ev);
}

/* ---- releases, rollouts, runs ---- */

void post_approve(struct call *c)
{
	struct event ev = {.kind = EV_APPROVE, .ok = body_truth(c, "ok", true)};

	ev.release = xstrdup(c->arg[0]);
	ev.text = body_take(c, "comment");
	order_with_groups(c, &ev);
}

void post_approve_run(struct call *c)
{
	struct event ev = {.kind = EV_APPROVE, .ok = body_truth(c, "ok", true)};

	ev.run = xstrdup(c->arg[0]);
	ev.text = body_take(c, "comment");
	order_with_groups(c, &ev);
}

static void order_with_reason(struct call *c, struct event *ev)
{
	ev->text = body_take(c, "reason");
	order_with_groups(c, ev);
}

void post_promote(struct call *c)
{
	struct event ev = {.kind = EV_PROMOTE, .rollout = xstrdup(c->arg[0])};

	order_with_reason(c, &ev);
}

void post_abort_rollout(struct call *c)
{
	struct event ev = {.kind = EV_ABORT, .rollout = xstrdup(c->arg[0])};

	order_with_reason(c, &ev);
}

void post_abort_release(struct call *c)
{
	struct event ev = {.kind = EV_ABORT, .release = xstrdup(c->arg[0])};

	order_with_reason(c, &ev);
}

void post_abort_run(struct call *c)
{
	struct event ev = {.kind = EV_ABORT, .run = xstrdup(c->arg[0])};

	order_with_reason(c, &ev);
}

/* A manual job; or with resume a failed one, again in its kept workspace. */
void post_start_job(struct call *c)
{
	struct event ev = {.kind = EV_START_JOB, .ok = body_truth(c, "resume", false)};

	ev.job = xstrdup(c->arg[0]);
	order_with_reason(c, &ev);
}

void post_quarantine(struct call *c)
{
	bool lift = body_truth(c, "lift", false);
	struct event ev = {.kind = lift ? EV_UNQUARANTINE : EV_QUARANTINE};

	if (!lift && !body_end(c, &ev.until))
		return;
	ev.id = body_take(c, "test");
	ev.unit = body_take(c, "unit");
	ev.type = body_take(c, "owner");
	order_with_reason(c, &ev);
}

/* ---- agents, the merge queue ---- */

void post_drain(struct call *c)
{
	struct event ev = {.kind = EV_DRAIN, .ok = body_truth(c, "ok", true)};

	ev.id = xstrdup(c->arg[0]);
	order_with_groups(c, &ev);
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
	AUTO(freep) char *branch = body_take(c, "ref");

	ev.repo = body_take(c, "repo");
	ev.type = body_take(c, "target");
	ev.commit = body_take(c, "commit");
	ev.digest = body_take(c, "number");
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
	if (body_truth(c, "remove", false))
		ev.kind = EV_QUEUE_DEL;
	order_with_groups(c, &ev);
	return;
refused:
	event_done(&ev);
}

/* ---- environments ---- */

/* {unit, image, until | for, reason} on an environment. needs_unit: for all of it makes no sense. */
static void mark(struct call *c, enum event_kind kind, bool needs_unit)
{
	struct event ev = {.kind = kind};
	struct err err = {0};

	if (!body_end(c, &ev.until))
		return;
	ev.environment = xstrdup(c->arg[0]);
	ev.unit = body_take(c, "unit");
	ev.image = body_take(c, "image");
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
	order_with_reason(c, &ev);
	return;
refused:
	event_done(&ev);
}

void post_rollback(struct call *c)
{
	mark(c, EV_ROLLBACK, true);
}

void post_pin(struct call *c)
{
	mark(c, EV_PIN, true);
}

void post_veto(struct call *c)
{
	mark(c, EV_VETO, false);
}

void post_hold(struct call *c)
{
	mark(c, EV_HOLD, false);
}

static void lift(struct call *c, enum event_kind kind)
{
	struct event ev = {.kind = kind};
	const char *reason = request_query(c->r, "reason");

	ev.environment = xstrdup(c->arg[0]);
	ev.id = xstrdup(c->arg[1]);
	ev.text = reason && *reason ? xstrdup(reason) : NULL;
	order_with_groups(c, &ev);
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

	ev.incident = xstrdup(c->arg[0]);
	ev.text = body_take(c, "text");
	order_with_groups(c, &ev);
}

void post_note(struct call *c)
{
	on_incident(c, EV_INCIDENT_NOTE);
}

void post_mitigate(struct call *c)
{
	on_incident(c, EV_INCIDENT_MITIGATE);
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
