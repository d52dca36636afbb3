/*
 * GET doctor: is this installation well?
 *
 *	{"ok":true,"checks":[{"check":"disk","state":"ok|warning|missing","says":"...","fix":"..."}],
 *	 "journal":{"seq","at","outbox","queue","commits","commit_usec"},	at: time of the last record; commit_usec: mean of one
 *	 "agents":{"connected":1,"lost":0},"since":usec}
 *
 * The checks of the machine are `penstock doctor`'s, done now by the daemon that asks (api_options.doctor); before them stand those of the daemon itself.
 */
#include "api/reads.h"

#define OUTBOX_MUCH 1000

struct doctor {
	char *stalled;
	struct engine_stats stats;
	uint64_t seq, at, since;
	uint32_t connected, lost;
	struct json_out o;
	bool ok;
};

static void free_doctor(void *data)
{
	struct doctor *d = data;

	xfree(d->stalled);
	xfree(d);
}

static void add_check(void *ctx, const char *name, const char *state, const char *says,
		      const char *fix)
{
	struct doctor *d = ctx;

	d->ok = d->ok && !streq(state, "missing");
	json_open(&d->o, NULL);
	json_cstr(&d->o, "check", name);
	json_cstr(&d->o, "state", state);
	json_cstr(&d->o, "says", says);
	if (fix && *fix)
		json_cstr(&d->o, "fix", fix);
	json_close(&d->o);
}

static void check_daemon(struct doctor *d)
{
	AUTO(freep)
	char *outbox =
		xasprintf("%llu orders wait or are under way", (unsigned long long)d->stats.outbox);
	AUTO(freep) char *agents = xasprintf("%u connected, %u lost", d->connected, d->lost);

	add_check(d, "journal", d->stalled ? "missing" : "ok",
		  d->stalled ? d->stalled : "it takes events",
		  d->stalled ? "make room on the disk of the data folder, or mend it" : NULL);
	add_check(d, "outbox", d->stats.outbox > OUTBOX_MUCH ? "warning" : "ok", outbox,
		  d->stats.outbox > OUTBOX_MUCH
			  ? "penstock audit list --type engine.effect_failed shows what is refused"
			  : NULL);
	add_check(d, "agents", d->lost ? "warning" : "ok", agents,
		  d->lost ? "penstock agents says which; start them again" : NULL);
}

static void read_doctor(struct call *c)
{
	const struct api_options *options = &c->api->o;
	struct doctor *d = c->data;
	struct record last = {0};
	bool any = false;

	c->rc = store_last(engine_world(c->api->e)->store, &last, &any, &c->err);
	if (c->rc != RC_OK)
		return;
	d->o = JSON_OUT(&c->out);
	d->ok = true;
	json_open(&d->o, NULL);
	json_list(&d->o, "checks");
	check_daemon(d);
	if (options->doctor)
		options->doctor(options->ctx, add_check, d);
	json_unlist(&d->o);
	json_bool(&d->o, "ok", d->ok);
	json_open(&d->o, "journal");
	json_u64(&d->o, "seq", any ? last.seq : 0);
	json_u64(&d->o, "at", any ? last.time : 0);
	json_u64(&d->o, "outbox", d->stats.outbox);
	json_u64(&d->o, "queue", d->stats.queue);
	json_u64(&d->o, "commits", d->stats.commits);
	if (d->stats.commits)
		json_u64(&d->o, "commit_usec", d->stats.commit_usec / d->stats.commits);
	json_close(&d->o);
	json_open(&d->o, "agents");
	json_u64(&d->o, "connected", d->connected);
	json_u64(&d->o, "lost", d->lost);
	json_close(&d->o);
	json_u64(&d->o, "since", d->since);
	json_close(&d->o);
}

void get_doctor(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	const char *stalled = engine_stalled(c->api->e);
	struct doctor *d = xcalloc(1, sizeof(*d));

	c->data = d;
	c->free_data = free_doctor;
	d->stalled = stalled ? xstrdup(stalled) : NULL;
	d->stats = *engine_stats(c->api->e);
	d->since = c->api->started;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_AGENT], e));) {
		const struct agent *a = e->value;

		d->lost += a->state == AGENT_LOST;
		d->connected += a->state != AGENT_LOST;
	}
	call_work(c, read_doctor);
}
