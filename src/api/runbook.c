/*
 * GET incidents/{id}/runbook: the runbook of its service, as it stood in the commit that hurt.
 *
 *	{"incident","path":"docs/runbooks/orders.md","repo","commit","text":"# ..."}	problem instead of text: it cannot be read, and why
 *
 * One that is a URL has only its path: this side never fetches it.
 */
#include "api/reads.h"

#define RUNBOOK_MAX ((size_t)256 << 10)

struct runbook {
	struct incident i;
	struct run run;
};

static void free_runbook(void *data)
{
	struct runbook *b = data;

	shape_done(aggregate_shapes[AGG_INCIDENT], &b->i);
	shape_done(aggregate_shapes[AGG_RUN], &b->run);
	xfree(b);
}

static bool is_url(const char *path)
{
	return str_starts(str_of(path), "http://") || str_starts(str_of(path), "https://");
}

static void write_text(struct json_out *o, struct scm *scm, const struct runbook *b)
{
	const struct change *change = &b->run.change;
	AUTO(strbuf_done) struct strbuf text = STRBUF(RUNBOOK_MAX);
	struct err err = {0};

	json_word(o, "repo", change->repo);
	json_word(o, "commit", change->commit);
	if (!scm || !change->repo || !change->commit)
		json_cstr(o, "problem", "the commit that it belongs to is not known any more");
	else if (scm_file(scm, change->repo, change->commit, b->i.runbook, RUNBOOK_MAX, &text,
			  &err) != RC_OK)
		json_cstr(o, "problem", err.msg);
	else
		json_str(o, "text", strbuf_str(&text));
}

static void read_runbook(struct call *c)
{
	const struct world *w = engine_world(c->api->e);
	struct runbook *b = c->data;
	struct json_out o = JSON_OUT(&c->out);
	struct err ignored = {0};

	if (!b->i.id)
		c->rc = thing_load(w->store, AGG_INCIDENT, c->arg[0], &b->i, &c->err);
	if (c->rc != RC_OK)
		return;
	/* A run that is not stored any more: said as a problem, the path still stands. */
	if (!b->run.id && b->i.run)
		(void)!thing_load(w->store, AGG_RUN, b->i.run, &b->run, &ignored);
	json_open(&o, NULL);
	json_cstr(&o, "incident", b->i.id);
	json_word(&o, "path", b->i.runbook);
	if (b->i.runbook && !is_url(b->i.runbook))
		write_text(&o, w->scm, b);
	json_close(&o);
}

void get_runbook(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	struct runbook *b = xcalloc(1, sizeof(*b));

	c->data = b;
	c->free_data = free_runbook;
	if (thing_copy(m, AGG_INCIDENT, c->arg[0], &b->i) && b->i.run)
		(void)thing_copy(m, AGG_RUN, b->i.run, &b->run);
	call_work(c, read_runbook);
}
