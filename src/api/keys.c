/* Why a job has the key it has: its lines, read again from the commit. And what is known of flaky tests. */
#include "api/api_impl.h"

struct asked {
	struct job job; /* copies */
	struct change change;
	pairs images;
};

static void free_asked(void *data)
{
	struct asked *a = data;

	shape_done(aggregate_shapes[AGG_JOB], &a->job);
	vec_done(&a->job.dependents);
	shape_done(&shape_change, &a->change);
	vec_each(p, &a->images) {
		xfree(p->key);
		xfree(p->value);
	}
	vec_done(&a->images);
	xfree(a);
}

static void take_run(struct asked *a, const struct run *run)
{
	shape_copy(&shape_change, &a->change, &run->change);
	for (size_t i = 0; i < run->images.n; i++)
		vec_push(&a->images, ((struct pair){xstrdup(run->images.v[i].key),
						    xstrdup(run->images.v[i].value)}));
}

/* An ended run's job and run stand in the store. */
static enum rc read_stored(struct call *c, struct asked *a)
{
	struct store *store = engine_world(c->api->e)->store;
	AUTO(strbuf_done) struct strbuf json = STRBUF(TEXT_MAX);
	struct run run = {0};
	enum rc rc = store_get(store, STR("job"), str_of(c->arg[0]), &json, &c->err);

	if (rc == RC_NOT_FOUND)
		return err_set(&c->err, RC_NOT_FOUND, "there is no job %s", c->arg[0]);
	if (rc == RC_OK)
		rc = shape_parse(strbuf_str(&json), TEXT_MAX, aggregate_shapes[AGG_JOB], &a->job,
				 &c->err);
	strbuf_clear(&json);
	if (rc == RC_OK)
		rc = store_get(store, STR("run"), str_of(a->job.run), &json, &c->err);
	if (rc == RC_OK)
		rc = shape_parse(strbuf_str(&json), TEXT_MAX, aggregate_shapes[AGG_RUN], &run,
				 &c->err);
	if (rc == RC_OK)
		take_run(a, &run);
	shape_done(aggregate_shapes[AGG_RUN], &run);
	return rc;
}

static void write_key(struct call *c, const struct asked *a, const texts *lines, const char *now)
{
	struct json_out o = JSON_OUT(&c->out);

	json_open(&o, NULL);
	json_cstr(&o, "job", a->job.id);
	json_cstr(&o, "key", a->job.key);
	/* The daemon's machine may provide something else today than when the run was planned. */
	json_bool(&o, "same", streq(now, a->job.key) || a->job.shards);
	json_cstr(&o, "key_now", now);
	json_list(&o, "lines");
	for (size_t i = 0; i < lines->n; i++)
		json_cstr(&o, NULL, lines->v[i]);
	json_unlist(&o);
	json_close(&o);
}

static void read_key(struct call *c)
{
	struct asked *a = c->data;
	texts lines = {0};
	char *now = NULL;

	c->rc = a->job.id ? RC_OK : read_stored(c, a);
	if (c->rc == RC_OK && (a->job.stage != STAGE_CI || !a->job.key))
		c->rc = err_set(
			&c->err, RC_UNSUPPORTED,
			"%s is of stage %s: only jobs of stage ci have a key, as only they are cached",
			a->job.id, stage_names[a->job.stage]);
	if (c->rc == RC_OK) {
		const struct explain ask = {.change = &a->change,
					    .images = &a->images,
					    .files = &a->job.files,
					    .unit = a->job.unit,
					    .job = a->job.name};

		c->rc = engine_explain(c->api->e, &ask, &lines, &now, &c->err);
	}
	if (c->rc == RC_OK)
		write_key(c, a, &lines, now);
	vec_each(line, &lines)
		xfree(*line);
	vec_done(&lines);
	xfree(now);
}

void get_key(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	const struct job *job = model_job(m, c->arg[0]);
	const struct run *run = job ? model_run(m, job->run) : NULL;
	struct asked *a = xcalloc(1, sizeof(*a));

	if (run) {
		shape_copy(aggregate_shapes[AGG_JOB], &a->job, job);
		take_run(a, run);
	}
	c->data = a;
	c->free_data = free_asked;
	call_work(c, read_key);
}

/* ---- tests ---- */

static void write_quarantine(struct json_out *o, const struct quarantine_def *q, const char *by,
			     usec_t now)
{
	json_open(o, NULL);
	json_cstr(o, "test", q->test);
	if (q->unit)
		json_cstr(o, "unit", q->unit);
	json_cstr(o, "owner", q->owner);
	if (q->reason)
		json_cstr(o, "reason", q->reason);
	json_u64(o, "until", q->until);
	json_bool(o, "over", now >= q->until);
	json_cstr(o, "by", by);
	json_close(o);
}

static void write_flaky(struct json_out *o, const struct history *h)
{
	for (size_t i = 0; i < h->tests.n; i++) {
		const struct flaky_test *t = &h->tests.v[i];

		json_open(o, NULL);
		json_cstr(o, "test", t->test);
		json_cstr(o, "job", h->id);
		json_u64(o, "count", t->count);
		json_u64(o, "last_at", t->last_at);
		json_cstr(o, "last_job", t->job);
		json_close(o);
	}
}

/* What the project's repositories and people put into quarantine, and which tests were seen to be flaky. */
void get_tests(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	const struct project *p = model_project(m);
	usec_t now = runner_now(c->api->runner);
	struct json_out o = JSON_OUT(&c->out);

	json_open(&o, NULL);
	json_list(&o, "quarantine");
	for (size_t i = 0; p && i < p->quarantine.n; i++)
		write_quarantine(&o, &p->quarantine.v[i], "order", now);
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_SOURCE], e));) {
		const struct config *theirs =
			model_config(m, ((struct project_repo *)e->value)->config);

		for (size_t i = 0; theirs && i < theirs->quarantine.n; i++)
			write_quarantine(&o, &theirs->quarantine.v[i], "penstock.yml", now);
	}
	json_unlist(&o);
	json_list(&o, "flaky");
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_HISTORY], e));)
		write_flaky(&o, e->value);
	json_unlist(&o);
	json_close(&o);
	call_json(c, 200, &c->out);
}
