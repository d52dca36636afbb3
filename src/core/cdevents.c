#include "core/cdevents.h"
#include "base/json.h"
#include "core/chain.h"

#define TYPE      "dev.cdevents."
#define UUID_TEXT 37

struct writer {
	const struct cdevents *o;
	const struct record *r;
	const struct event *ev;
	struct strbuf *to;
	struct json_out out;
	size_t n;
};

/* ---- what is known of things ---- */

static const void *known(const struct writer *w, enum aggregate_kind kind, const char *id)
{
	if (!id)
		return NULL;
	w->o->need(w->o->ctx, kind, id);
	switch (kind) {
	case AGG_RUN:
		return model_run(w->o->known, id);
	case AGG_RELEASE:
		return model_release(w->o->known, id);
	case AGG_ROLLOUT:
		return model_rollout(w->o->known, id);
	case AGG_INCIDENT:
		return model_incident(w->o->known, id);
	default:
		return NULL;
	}
}

/* "run-7/ci/web/test" -> "run-7", and "ci/web/test" behind it; the caller's. */
static char *run_of_job(const char *job, const char **ret_name)
{
	struct str rest = str_of(job), run = str_cut(&rest, '/');

	*ret_name = rest.p ? rest.p : "";
	return xstrndup(run.p, run.n);
}

/* ---- writing ---- */

/* RFC 9562, version 8: ours is the first half of a SHA-256. */
static void uuid_of(const struct digest *d, char ret[UUID_TEXT])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char b[16];
	size_t at = 0;

	memcpy(b, d->b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x80);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(b); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			ret[at++] = '-';
		ret[at++] = hex[b[i] >> 4];
		ret[at++] = hex[b[i] & 15];
	}
	ret[at] = 0;
}

static void write_id(struct writer *w)
{
	struct digest_state *s = digest_new();
	unsigned char place = (unsigned char)w->n;
	char id[UUID_TEXT];

	digest_add(s, w->r->hash.b, sizeof(w->r->hash.b));
	digest_add(s, &place, 1);
	struct digest d = digest_finish(s);
	uuid_of(&d, id);
	json_cstr(&w->out, "id", id);
}

/* All of one run are one chain. */
static void write_chain(struct writer *w, const char *run)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(8192);
	char id[UUID_TEXT];

	if (!run)
		return;
	strbuf_addf(&text, "%s\n%s", w->o->source, run);
	struct digest d = digest_of(strbuf_str(&text));
	uuid_of(&d, id);
	json_cstr(&w->out, "chainId", id);
}

/* Opens the event up to its subject's content; event_end() closes it. type: "taskrun.started.0.3.0". */
static void event_begin(struct writer *w, const char *type, const char *run, const char *subject)
{
	AUTO(freep) char *whole = xasprintf(TYPE "%s", type);
	char time[TIME_TEXT];

	w->out = JSON_OUT(w->to);
	json_open(&w->out, NULL);
	json_open(&w->out, "context");
	json_cstr(&w->out, "specversion", CDEVENTS_VERSION);
	write_id(w);
	write_chain(w, run);
	json_cstr(&w->out, "source", w->o->source);
	json_cstr(&w->out, "type", whole);
	time_text(w->r->time, time);
	json_cstr(&w->out, "timestamp", time);
	json_close(&w->out);
	json_open(&w->out, "subject");
	json_cstr(&w->out, "id", subject);
	json_cstr(&w->out, "source", w->o->source);
	json_open(&w->out, "content");
}

static void event_end(struct writer *w)
{
	char hash[DIGEST_HEX + 1];

	json_close(&w->out);
	json_close(&w->out);
	json_open(&w->out, "customData");
	json_u64(&w->out, "seq", w->r->seq);
	json_str(&w->out, "actor", w->r->actor);
	digest_hex(w->r->hash, hash);
	json_cstr(&w->out, "hash", hash);
	json_close(&w->out);
	json_cstr(&w->out, "customDataContentType", "application/json");
	json_close(&w->out);
	strbuf_addc(w->to, '\n');
	w->n++;
}

static void add_text(struct writer *w, const char *key, const char *value)
{
	if (value && *value)
		json_cstr(&w->out, key, value);
}

/* {"id": ...} of another thing */
static void add_ref(struct writer *w, const char *key, const char *id)
{
	if (!id || !*id)
		return;
	json_open(&w->out, key);
	json_cstr(&w->out, "id", id);
	json_cstr(&w->out, "source", w->o->source);
	json_close(&w->out);
}

static void add_uri(struct writer *w, const char *key, const char *where, const char *id)
{
	AUTO(strbuf_done) struct strbuf uri = STRBUF(8192);
	struct str rest = str_of(id);

	strbuf_addf(&uri, "%s/%s/", w->o->base, where);
	while (rest.p) { /* an id's slashes stay */
		struct str part = str_cut(&rest, '/');

		strbuf_add_urlencoded(&uri, part);
		if (rest.p)
			strbuf_addc(&uri, '/');
	}
	json_cstr(&w->out, key, strbuf_cstr(&uri));
}

/* pkg:oci/web@sha256%3A..., the caller's. */
static char *purl_of(const char *unit, const char *image)
{
	AUTO(strbuf_done) struct strbuf purl = STRBUF(8192);

	strbuf_adds(&purl, "pkg:oci/");
	strbuf_add_urlencoded(&purl, str_of(unit && *unit ? unit : "image"));
	strbuf_addc(&purl, '@');
	strbuf_add_urlencoded(&purl, str_of(image));
	return strbuf_take(&purl);
}

/* ---- changes and branches ---- */

static const char *short_ref(const char *ref)
{
	static const char heads[] = "refs/heads/";

	return str_starts(str_of(ref), heads) ? ref + sizeof(heads) - 1 : NULL;
}

/* refs/pull/17/head, refs/merge-requests/17/head -> "17"; the caller's. NULL: no request. */
static char *request_number(const char *ref)
{
	struct str rest = str_of(ref), part;

	part = str_cut(&rest, '/');
	if (!str_is(part, "refs") || !rest.p)
		return NULL;
	part = str_cut(&rest, '/');
	if ((!str_is(part, "pull") && !str_is(part, "merge-requests")) || !rest.p)
		return NULL;
	part = str_cut(&rest, '/');
	return part.n ? xstrndup(part.p, part.n) : NULL;
}

static void on_ref_moved(struct writer *w)
{
	const struct event *ev = w->ev;
	const char *branch = short_ref(ev->ref);
	AUTO(freep) char *number = ev->ref ? request_number(ev->ref) : NULL;
	const char *type = NULL;

	if (ev->ok) /* it stood there when we first looked */
		return;
	if (number && ev->commit)
		type = ev->base ? "change.updated.0.3.0" : "change.created.0.4.0";
	else if (branch && !ev->commit)
		type = "branch.deleted.0.3.0";
	else if (branch && !ev->base)
		type = "branch.created.0.3.0";
	if (!type)
		return;
	event_begin(w, type, NULL, number ? number : branch);
	add_ref(w, "repository", ev->repo);
	event_end(w);
}

/* A commit that a watched branch has now. */
static void on_planned(struct writer *w)
{
	const struct change *c = &w->ev->change;

	if ((c->kind != CHANGE_PUSH && c->kind != CHANGE_TAG) || !c->commit)
		return;
	event_begin(w, "change.merged.0.3.0", NULL, c->commit);
	add_ref(w, "repository", c->repo);
	event_end(w);
}

/* ---- runs and jobs ---- */

static void run_event(struct writer *w, const char *type, const char *run, const char *outcome,
		      const char *errors)
{
	const struct run *known_run = known(w, AGG_RUN, run);

	event_begin(w, type, run, run);
	json_cstr(&w->out, "pipelineName",
		  known_run && known_run->change.repo ? known_run->change.repo : "penstock");
	add_uri(w, "uri", "runs", run);
	add_text(w, "outcome", outcome);
	add_text(w, "errors", errors);
	event_end(w);
}

static const char *run_outcome(struct str state)
{
	return str_is(state, "passed")                                     ? "success"
	       : str_is(state, "failed")                                   ? "failure"
	       : str_is(state, "cancelled") || str_is(state, "superseded") ? "cancel"
									   : NULL;
}

/* Its whole way, when a record led it more than one step. */
static void run_moved(struct writer *w, const char *id, struct str from, struct str to)
{
	const char *outcome = run_outcome(to);
	bool begins = str_is(to, "running") || str_is(to, "passed");

	if (!from.n)
		run_event(w, "pipelinerun.queued.0.3.0", id, NULL, NULL);
	if (begins && !str_is(from, "running"))
		run_event(w, "pipelinerun.started.0.3.0", id, NULL, NULL);
	if (outcome)
		run_event(w, "pipelinerun.finished.0.3.0", id,
			  w->ev->kind == EV_CHANGE_REFUSED ? "error" : outcome,
			  w->ev->kind == EV_CHANGE_REFUSED ? w->ev->error : NULL);
}

static void task_event(struct writer *w, const char *type, const char *outcome)
{
	const char *name;
	AUTO(freep) char *run = run_of_job(w->ev->job, &name);
	AUTO(freep) char *id = xasprintf("%s#%u", w->ev->job, w->ev->count);

	event_begin(w, type, run, id);
	add_text(w, "taskName", name);
	add_uri(w, "uri", "api/v1/jobs", w->ev->job);
	add_ref(w, "pipelineRun", run);
	add_text(w, "outcome", outcome);
	if (outcome)
		add_text(w, "errors", w->ev->error);
	event_end(w);
}

static void tests_event(struct writer *w)
{
	const struct junit *j = &w->ev->junit;
	const char *name;
	AUTO(freep) char *run = run_of_job(w->ev->job, &name);
	AUTO(freep) char *id = xasprintf("%s#%u", w->ev->job, w->ev->count);
	struct str rest = str_of(name), stage = str_cut(&rest, '/');
	AUTO(freep) char *environment = xstrndup(stage.p, stage.n);

	event_begin(w, "testsuiterun.finished.0.3.0", run, id);
	add_ref(w, "environment", *environment ? environment : "ci");
	json_open(&w->out, "testSuite");
	json_cstr(&w->out, "id", *name ? name : w->ev->job);
	json_close(&w->out);
	json_cstr(&w->out, "outcome", j->failed ? "failure" : "success");
	add_text(w, "reason", j->first_failure);
	event_end(w);
}

static void image_events(struct writer *w)
{
	const char *name;
	AUTO(freep) char *run = run_of_job(w->ev->job, &name);
	const struct run *r = known(w, AGG_RUN, run);
	struct str rest = str_of(name), unit = str_cut(&rest, '/');

	unit = str_cut(&rest, '/'); /* ci/web/image */
	AUTO(freep) char *service = xstrndup(unit.p ? unit.p : "", unit.p ? unit.n : 0);
	AUTO(freep) char *purl = purl_of(service, w->ev->image);
	AUTO(freep) char *build = xasprintf("%s#%u", w->ev->job, w->ev->count);

	event_begin(w, "build.finished.0.3.0", run, build);
	json_cstr(&w->out, "artifactId", purl);
	event_end(w);
	event_begin(w, "artifact.packaged.0.3.0", run, purl);
	add_ref(w, "change", r && r->change.commit ? r->change.commit : run);
	event_end(w);
	event_begin(w, "artifact.published.0.3.0", run, purl);
	event_end(w);
}

static void on_job_ended(struct writer *w)
{
	const struct event *ev = w->ev;
	bool bad = ev->failure != FAILURE_NONE || ev->exit || ev->error;

	task_event(w, "taskrun.finished.0.3.0",
		   ev->failure == FAILURE_CANCELLED ? "cancel"
		   : ev->failure == FAILURE_INFRA   ? "error"
		   : bad                            ? "failure"
						    : "success");
	if (ev->junit.tests)
		tests_event(w);
	if (ev->image && !bad)
		image_events(w);
}

/* ---- releases, rollouts, environments, incidents ---- */

static const char *run_of_release(const struct writer *w, const char *release)
{
	const struct release *r = known(w, AGG_RELEASE, release);

	return r ? r->run : NULL;
}

static const char *unit_of_image(const struct writer *w, const char *release, const char *image)
{
	const struct release *r = known(w, AGG_RELEASE, release);

	for (size_t i = 0; r && i < r->items.n; i++)
		if (streq(r->items.v[i].image, image))
			return r->items.v[i].unit;
	return NULL;
}

static void on_attested(struct writer *w)
{
	const struct event *ev = w->ev;

	if (!streq(ev->type, "build") || !ev->digest || !ev->image)
		return;
	AUTO(freep) char *run = NULL;
	const char *of = run_of_release(w, ev->release);
	run = of ? xstrdup(of) : NULL;
	AUTO(freep) char *purl = purl_of(unit_of_image(w, ev->release, ev->image), ev->image);
	event_begin(w, "artifact.signed.0.3.0", run, purl);
	json_cstr(&w->out, "signature", ev->digest);
	event_end(w);
}

static void service_event(struct writer *w, const char *type, const struct rollout *ro,
			  const char *image)
{
	AUTO(freep) char *purl = image ? purl_of(ro->unit, image) : NULL;

	event_begin(w, type, run_of_release(w, ro->release), ro->unit);
	add_ref(w, "environment", ro->environment);
	add_text(w, "artifactId", purl);
	event_end(w);
}

static void rollout_moved(struct writer *w, const char *id, struct str to)
{
	const struct rollout *ro = known(w, AGG_ROLLOUT, id);

	if (!ro || !ro->unit || !ro->environment || !ro->image)
		return;
	if (str_is(to, "done"))
		service_event(w,
			      ro->is_return  ? "service.rolledback.0.3.0"
			      : ro->previous ? "service.upgraded.0.3.0"
					     : "service.deployed.0.3.0",
			      ro, ro->image);
	else if (str_is(to, "aborted") && ro->previous)
		service_event(w, "service.rolledback.0.3.0", ro, ro->previous);
	else if (str_is(to, "aborted"))
		service_event(w, "service.removed.0.3.0", ro, NULL);
}

/* All its traffic: whoever uses the service uses this version. */
static void on_weight(struct writer *w)
{
	const struct rollout *ro = known(w, AGG_ROLLOUT, w->ev->rollout);

	if (ro && ro->unit && ro->environment && w->ev->weight >= 1)
		service_event(w, "service.published.0.3.0", ro, NULL);
}

static void incident_moved(struct writer *w, const char *id, bool is_new, struct str to)
{
	const struct incident *i = known(w, AGG_INCIDENT, id);
	bool reported = is_new && w->ev->kind == EV_ROLLBACK;

	if (!i || !i->environment || (!is_new && !str_is(to, "closed")))
		return;
	AUTO(freep) char *purl = i->image ? purl_of(i->unit, i->image) : NULL;
	event_begin(w,
		    reported ? "incident.reported.0.3.0"
		    : is_new ? "incident.detected.0.3.0"
			     : "incident.resolved.0.3.0",
		    i->run, id);
	add_text(w, "description", i->title);
	add_ref(w, "environment", i->environment);
	add_ref(w, "service", i->unit);
	add_text(w, "artifactId", purl);
	if (reported)
		add_uri(w, "ticketURI", "incidents", id);
	event_end(w);
}

static void environment_event(struct writer *w, const char *type, const char *name)
{
	if (!name)
		return;
	event_begin(w, type, NULL, name);
	json_cstr(&w->out, "name", name);
	add_uri(w, "uri", "environments", name);
	event_end(w);
}

static struct str bare(const char *json)
{
	struct str s = str_of(json);

	return s.n >= 2 && s.p[0] == '"' ? (struct str){s.p + 1, s.n - 2} : (struct str){"", 0};
}

static void thing_moved(struct writer *w, const struct field_change *c)
{
	struct str subject = str_of(c->subject), from = bare(c->before), to = bare(c->after);

	if (streq(c->field, "stage") && !c->before)
		environment_event(w, "environment.created.0.3.0", c->subject);
	if (!streq(c->field, "state") || !to.n)
		return;
	if (str_starts(subject, "run-"))
		run_moved(w, c->subject, from, to);
	else if (str_starts(subject, "ro-"))
		rollout_moved(w, c->subject, to);
	else if (str_starts(subject, "inc-"))
		incident_moved(w, c->subject, !from.n, to);
}

/* The rules of an environment. */
static bool is_rule(enum event_kind kind)
{
	return kind == EV_PIN || kind == EV_UNPIN || kind == EV_VETO || kind == EV_UNVETO ||
	       kind == EV_HOLD || kind == EV_UNHOLD;
}

size_t cdevents_write(const struct cdevents *o, const struct record *r, const struct event *ev,
		      struct strbuf *to)
{
	struct writer w = {.o = o, .r = r, .ev = ev, .to = to};

	if (ev->kind == EV_REF_MOVED)
		on_ref_moved(&w);
	else if (ev->kind == EV_CHANGE_PLANNED)
		on_planned(&w);
	else if (ev->kind == EV_JOB_STARTED && ev->job)
		task_event(&w, "taskrun.started.0.3.0", NULL);
	else if (ev->kind == EV_JOB_ENDED && ev->job)
		on_job_ended(&w);
	else if (ev->kind == EV_ATTESTED)
		on_attested(&w);
	else if (ev->kind == EV_WEIGHT_SET)
		on_weight(&w);
	else if (is_rule(ev->kind))
		environment_event(&w, "environment.modified.0.3.0", ev->environment);
	vec_each(c, &ev->changes)
		thing_moved(&w, c);
	return w.n;
}
