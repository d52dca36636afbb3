/*
 * GET incidents/{id}: the incident, and what was deployed around it.
 *
 *	{...as in the list...,"deploys":[{"rollout","unit","image","release","state","at","ended_at","returns":true,"suspect":true}]}
 *
 * deploys: rollouts of its environment that were under way from two hours before it was opened until an hour after it was mitigated (or is now), oldest
 * first; suspect: the one that it was opened for.
 *
 * GET incidents/{id}/postmortem: text/markdown, with what is known filled in and headings for what people know.
 */
#include "api/catalog.h"
#include "api/story.h"

#define BEFORE      (2 * USEC_HOUR)
#define AFTER       USEC_HOUR
#define DEPLOYS_MAX 200

struct near_deploy {
	char *rollout, *unit, *image, *release, *state, *cause;
	uint64_t at, ended_at;
	bool returns, suspect;
};
struct incident_view {
	struct incident i;
	struct story story;
	VEC(struct near_deploy) deploys;
	bool markdown;
	uint64_t now;
};

static void free_view(void *data)
{
	struct incident_view *v = data;

	vec_each(d, &v->deploys) {
		char *members[] = {d->rollout, d->unit, d->image, d->release, d->state, d->cause};

		for (size_t k = 0; k < ARRAY_LEN(members); k++)
			xfree(members[k]);
	}
	vec_done(&v->deploys);
	story_done(&v->story);
	shape_done(aggregate_shapes[AGG_INCIDENT], &v->i);
	xfree(v);
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void add_deploy(struct incident_view *v, const struct row *r)
{
	struct near_deploy d = {.rollout = catalog_id(SHELF_ROLLOUTS, r->number),
				.unit = copy(r->unit),
				.image = copy(r->image),
				.state = xstrdup(rollout_state_names[r->state]),
				.cause = copy(r->cause),
				.at = r->at,
				.ended_at = r->ended_at,
				.returns = r->returns};

	d.release = r->release ? catalog_id(SHELF_RELEASES, r->release) : NULL;
	d.suspect = streq(d.rollout, v->i.rollout);
	vec_push(&v->deploys, d);
}

static void find_deploys(struct incident_view *v, const struct api *api)
{
	uint64_t from = v->i.opened_at > BEFORE ? v->i.opened_at - BEFORE : 0;
	uint64_t to = v->i.mitigated_at ? v->i.mitigated_at + AFTER : v->now;
	uint32_t first, last;

	catalog_span(api, SHELF_ROLLOUTS, &first, &last);
	for (uint32_t n = first; n <= last && v->deploys.n < DEPLOYS_MAX; n++) {
		const struct row *r = catalog_row(api, SHELF_ROLLOUTS, n);

		if (r && streq(r->environment, v->i.environment) && r->at <= to &&
		    (!r->ended_at || r->ended_at >= from))
			add_deploy(v, r);
	}
}

/* ---- as JSON ---- */

static void write_incident(struct call *c, const struct incident_view *v)
{
	struct json_out o = JSON_OUT(&c->out);

	thing_open(&o, NULL, AGG_INCIDENT, &v->i);
	json_list(&o, "deploys");
	vec_each(d, &v->deploys) {
		json_open(&o, NULL);
		json_cstr(&o, "rollout", d->rollout);
		json_word(&o, "unit", d->unit);
		json_word(&o, "image", d->image);
		json_word(&o, "release", d->release);
		json_cstr(&o, "state", d->state);
		json_some(&o, "at", d->at);
		json_some(&o, "ended_at", d->ended_at);
		if (d->returns)
			json_bool(&o, "returns", true);
		if (d->suspect)
			json_bool(&o, "suspect", true);
		json_close(&o);
	}
	json_unlist(&o);
	json_close(&o);
}

/* ---- as Markdown ---- */

/* Text of people and programs as one line that means nothing to Markdown. */
static void add_plain(struct strbuf *to, const char *text)
{
	for (const char *p = text ? text : "-"; *p; p++) {
		if (strchr("\\`*_{}[]<>#|!&~", *p))
			strbuf_addc(to, '\\');
		strbuf_addc(to, (unsigned char)*p < 0x20 ? ' ' : *p);
	}
}

static void add_time(struct strbuf *to, uint64_t at)
{
	char text[TIME_TEXT];

	time_text(at, text);
	strbuf_addf(to, "%.19sZ", text); /* without the fraction */
}

static void add_fact(struct strbuf *to, const char *name, const char *value)
{
	if (!value)
		return;
	strbuf_addf(to, "| %s | ", name);
	add_plain(to, value);
	strbuf_adds(to, " |\n");
}

static void add_fact_time(struct strbuf *to, const char *name, uint64_t at)
{
	if (!at)
		return;
	strbuf_addf(to, "| %s | ", name);
	add_time(to, at);
	strbuf_adds(to, " |\n");
}

static void add_fact_span(struct strbuf *to, const char *name, uint64_t from, uint64_t until)
{
	if (!from || until < from)
		return;
	strbuf_addf(to, "| %s | ", name);
	strbuf_add_duration(to, until - from);
	strbuf_adds(to, " |\n");
}

static void add_summary(struct strbuf *to, const struct incident_view *v)
{
	const struct incident *i = &v->i;

	strbuf_addf(to, "# Post-mortem of %s: ", i->id);
	add_plain(to, i->title);
	strbuf_adds(to, "\n\n## Summary\n\n| | |\n|---|---|\n");
	add_fact(to, "State", incident_state_names[i->state]);
	add_fact(to, "Service", i->unit);
	add_fact(to, "Environment", i->environment);
	add_fact(to, "Version", i->image);
	add_fact(to, "Release", i->release);
	add_fact(to, "Rollout", i->rollout);
	add_fact(to, "Run", i->run);
	add_fact(to, "Runbook", i->runbook);
	add_fact_time(to, "Opened", i->opened_at);
	add_fact_time(to, "Mitigated", i->mitigated_at);
	add_fact_time(to, "Closed", i->closed_at);
	strbuf_adds(to, "\n_In two sentences: what happened, and to whom?_\n");
}

static void add_impact(struct strbuf *to, const struct incident_view *v)
{
	const struct story *s = &v->story;
	const struct rollout *ro = &s->ro;

	strbuf_adds(to, "\n## Impact\n\n| | |\n|---|---|\n");
	if (ro->id) {
		strbuf_addf(to, "| Requests that the new version answered badly | %llu of %llu |\n",
			    (unsigned long long)s->canary_errors, (unsigned long long)s->canary_n);
		add_fact_span(to, "From the first bad answer to the decision", ro->harm_at,
			      ro->verdict_at);
		add_fact_span(to, "From the decision to no traffic, confirmed", ro->zero_ordered_at,
			      ro->zero_confirmed_at);
		add_fact_span(to, "Harm in all", ro->harm_at, ro->zero_confirmed_at);
	}
	add_fact_span(to, "From opened to mitigated", v->i.opened_at, v->i.mitigated_at);
	strbuf_adds(to, "\n_What did people notice? Was anything lost?_\n");
}

struct line {
	uint64_t at;
	const char *by;
	char *text;
	bool deploy;
};
struct lines {
	VEC(struct line) v;
};

static int by_time(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

static void add_line(struct lines *l, uint64_t at, const char *by, bool deploy, char *take_text)
{
	if (at)
		vec_push(&l->v, ((struct line){at, by, take_text, deploy}));
	else
		xfree(take_text);
}

static void add_timeline(struct strbuf *to, const struct incident_view *v)
{
	struct lines lines = {0};

	vec_each(m, &v->i.timeline)
		add_line(&lines, m->at, m->actor, false, copy(m->text));
	vec_each(d, &v->story.decisions)
		add_line(&lines, d->at, d->by, true, xasprintf("%s: %s", v->i.rollout, d->text));
	vec_each(d, &v->deploys) {
		const char *release = d->release ? d->release : "no release";

		add_line(&lines, d->at, "engine", true,
			 xasprintf("%s began: %s of %s", d->rollout, d->unit, release));
		add_line(&lines, d->ended_at, "engine", true,
			 xasprintf("%s ended: %s%s%s", d->rollout, d->state, d->cause ? ", " : "",
				   d->cause ? d->cause : ""));
	}
	if (lines.v.n)
		qsort(lines.v.v, lines.v.n, sizeof(*lines.v.v), by_time);
	strbuf_adds(to,
		    "\n## Timeline\n\n| Time (UTC) | By | What | Deploys |\n|---|---|---|---|\n");
	vec_each(l, &lines.v) {
		strbuf_adds(to, "| ");
		add_time(to, l->at);
		strbuf_adds(to, " | ");
		add_plain(to, l->by);
		strbuf_adds(to, l->deploy ? " | | " : " | ");
		add_plain(to, l->text);
		strbuf_adds(to, l->deploy ? " |\n" : " | |\n");
		xfree(l->text);
	}
	vec_done(&lines.v);
}

static void add_evidence(struct strbuf *to, const struct story *s)
{
	const struct verdict_numbers *n = &s->ro.numbers;
	AUTO(freep) char *have = watch_evidence_text(n->evidence);
	AUTO(freep) char *wanted = watch_evidence_text(n->wanted);
	AUTO(freep) char *harm = watch_evidence_text(n->harm_evidence);
	AUTO(freep) char *harm_wanted = watch_evidence_text(n->harm_wanted);

	strbuf_adds(to, "\n## Evidence\n\n");
	if (!s->ro.id || !n->answer) {
		strbuf_adds(to, "No verdict ran.\n");
		return;
	}
	strbuf_addf(to,
		    "- last answer: %s on %s (lane %s), evidence %s of %s wanted\n- harm: "
		    "evidence %s of %s wanted\n",
		    n->answer, n->metric ? n->metric : "-", n->lane ? n->lane : "-", have, wanted,
		    harm, harm_wanted);
	strbuf_addf(to,
		    "- new version: %llu errors in %llu requests of its last step; old version: "
		    "%llu in %llu\n",
		    (unsigned long long)n->canary_errors, (unsigned long long)n->canary_n,
		    (unsigned long long)n->stable_errors, (unsigned long long)n->stable_n);
}

static void add_done(struct strbuf *to, const struct incident_view *v)
{
	const struct rollout *ro = &v->story.ro;

	strbuf_adds(to, "\n## What was done\n\n");
	if (ro->reason) {
		strbuf_adds(to, "- the rollout: ");
		add_plain(to, ro->reason);
		strbuf_addc(to, '\n');
	}
	if (v->i.revert) {
		strbuf_adds(to, "- in Git: ");
		add_plain(to, v->i.revert);
		strbuf_addc(to, '\n');
	}
	if (v->i.paged)
		strbuf_adds(to, "- people were told\n");
	strbuf_adds(to, "\n## Why it happened\n\n_Not who, but what let it through._\n"
			"\n## What went well\n\n_..._\n"
			"\n## What went badly, and where there was luck\n\n_..._\n"
			"\n## Actions\n\n| What | Who | Until |\n|---|---|---|\n| | | |\n");
}

static void write_markdown(struct call *c, const struct incident_view *v)
{
	add_summary(&c->out, v);
	add_impact(&c->out, v);
	add_timeline(&c->out, v);
	add_evidence(&c->out, &v->story);
	add_done(&c->out, v);
}

/* ---- the way ---- */

static void on_worker(void *arg)
{
	struct call *c = arg;
	struct incident_view *v = c->data;
	struct err ignored = {0};

	/* One that is not stored any more: its lines stay empty. */
	if (v->markdown && v->i.rollout &&
	    story_read(&v->story, engine_world(c->api->e)->store, v->i.rollout, &ignored) != RC_OK)
		v->story.canary_n = v->story.canary_errors = 0;
	if (v->markdown)
		write_markdown(c, v);
	else
		write_incident(c, v);
}

static void back(void *arg)
{
	struct call *c = arg;
	struct incident_view *v = c->data;

	if (!v->markdown)
		call_json(c, 200, &c->out);
	else if (strbuf_failed(&c->out))
		call_failf(c, RC_TOO_BIG, "the post-mortem is above %zu MiB", TEXT_MAX >> 20);
	else
		call_text(c, "text/markdown; charset=utf-8", &c->out);
}

static void looked(struct call *c)
{
	struct incident_view *v = c->data;

	v->now = runner_now(c->api->runner);
	find_deploys(v, c->api);
	if (v->i.rollout)
		(void)thing_copy(engine_model(c->api->e), AGG_ROLLOUT, v->i.rollout, &v->story.ro);
	api_work(c->api, on_worker, back, c);
}

static void load(void *arg)
{
	struct call *c = arg;
	struct incident_view *v = c->data;

	c->rc = thing_load(engine_world(c->api->e)->store, AGG_INCIDENT, c->arg[0], &v->i, &c->err);
}

static void loaded(void *arg)
{
	struct call *c = arg;

	if (c->rc == RC_OK)
		catalog_look(c, SHELF(SHELF_ROLLOUTS), looked);
	else
		call_fail(c, &c->err);
}

static void view(struct call *c, bool markdown)
{
	struct incident_view *v = xcalloc(1, sizeof(*v));

	v->markdown = markdown;
	c->data = v;
	c->free_data = free_view;
	if (thing_copy(engine_model(c->api->e), AGG_INCIDENT, c->arg[0], &v->i))
		catalog_look(c, SHELF(SHELF_ROLLOUTS), looked);
	else
		api_work(c->api, load, loaded, c);
}

void get_incident(struct call *c)
{
	view(c, false);
}

void get_postmortem(struct call *c)
{
	view(c, true);
}
