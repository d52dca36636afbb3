/* Agents and the engine: what the hub learns becomes events, and the model says which jobs are still wanted. */
#include "main/agents.h"

#include "flow/2-agent/adapters.h"

static void submit(struct engine *e, const char *name, struct event *ev)
{
	ev->id = xstrdup(name);
	ev->actor = xasprintf("agent:%s", name);
	engine_submit(e, ev);
}

static void on_agent(void *ctx, const struct agent_news *n)
{
	struct engine *e = ctx;
	struct event ev = {
		.kind = EV_AGENT, .ok = n->connected, .cpu = n->cpu, .memory = n->memory};

	if (n->labels)
		vec_each(label, n->labels)
			vec_push(&ev.ids, xstrdup(*label));
	ev.text = n->version ? xstrdup(n->version) : NULL;
	ev.type = n->address ? xstrdup(n->address) : NULL;
	ev.error = n->error ? xstrdup(n->error) : NULL;
	submit(e, n->name, &ev);
	if (n->connected)
		engine_agent_back(e, n->name);
}

static void on_drain(void *ctx, const char *name)
{
	struct event ev = {.kind = EV_DRAIN, .ok = true};

	submit(ctx, name, &ev);
}

static bool is_wanted(void *ctx, const char *agent, const char *id, uint32_t attempt)
{
	const struct job *job = model_job(engine_model(ctx), id);

	return job && job->state == JOB_RUNNING && job->attempt == attempt &&
	       streq(job->agent, agent);
}

void agents_open(struct exec *hub, struct engine *e, struct api *api, struct httpd *httpd)
{
	const struct hub_owner owner = {on_agent, on_drain, is_wanted, e, api_denied, api};

	hub_own(hub, &owner);
	for (struct map_entry *m = NULL; (m = map_next(&engine_model(e)->by_kind[AGG_AGENT], m));) {
		const struct agent *a = m->value;

		if (a->state != AGENT_LOST && !streq(a->id, "local"))
			hub_expect(hub, a->id);
	}
	hub_listen(hub, httpd);
}
