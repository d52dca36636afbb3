/*
 * Jobs. GET runs/{id}/jobs: all of a run's. GET jobs: of one run, or of all, newest first:
 *
 *	{"jobs":[{...}, ...],"next":"CURSOR"}	?run=run-7 ?state= ?stage= ?unit= ?name= ?limit= ?cursor= ?sort=id
 *
 * They are read from the store, where every state stands that an event has told of. One page looks at no more than SCAN jobs: with filters that fit few of
 * them a page may hold less than its limit, also nothing, and still have a `next`.
 */
#include "api/catalog.h"
#include "api/reads.h"

#define SCAN 4000

struct jobs {
	struct json_out o;
	uint64_t limit, looked, given;
	const char *state, *stage, *unit, *name; /* of the request */
	char *run, *from, *to, *after;           /* from..to: a run's ids; after: the cursor */
	char *last;                              /* id that was looked at last */
	bool more, failed;
	struct err *err;
};

static void free_jobs(void *data)
{
	struct jobs *j = data;

	xfree(j->run);
	xfree(j->from);
	xfree(j->to);
	xfree(j->after);
	xfree(j->last);
	xfree(j);
}

/* Ids of a run's jobs: "run-7/" up to, and without, "run-70". */
static struct jobs *jobs_new(const char *run)
{
	struct jobs *j = xcalloc(1, sizeof(*j));

	if (!run)
		return j;
	j->run = xstrdup(run);
	j->from = xasprintf("%s/", run);
	j->to = xasprintf("%s0", run); /* '0' follows '/' */
	return j;
}

static bool is_wanted(const struct jobs *j, const struct job *job)
{
	return (!j->state || streq(job_state_names[job->state], j->state)) &&
	       (!j->stage || streq(stage_names[job->stage], j->stage)) &&
	       (!j->unit || streq(job->unit ? job->unit : "", j->unit)) &&
	       (!j->name || streq(job->name, j->name) || streq(job->def, j->name));
}

static bool add_job(void *ctx, const struct store_snapshot *snap)
{
	struct jobs *j = ctx;
	struct job job = {0};

	if (j->after && str_is(snap->id, j->after) && j->from)
		return true; /* a range begins with the cursor's own */
	if (j->given == j->limit || j->looked == SCAN) {
		j->more = true;
		return false;
	}
	j->looked++;
	xfree(j->last);
	j->last = xstrndup(snap->id.p, snap->id.n);
	if (shape_parse(snap->json, TEXT_MAX, aggregate_shapes[AGG_JOB], &job, j->err) != RC_OK) {
		j->failed = true;
		return false;
	}
	if (is_wanted(j, &job)) {
		thing_write(&j->o, NULL, AGG_JOB, &job);
		j->given++;
	}
	shape_done(aggregate_shapes[AGG_JOB], &job);
	return true;
}

static enum rc walk(struct jobs *j, struct store *store, struct err *err)
{
	if (j->from)
		return store_range(store, STR("job"), str_of(j->after ? j->after : j->from),
				   str_of(j->to), UINT32_MAX, add_job, j, err);
	if (j->after)
		return store_before(store, STR("job"), str_of(j->after), SCAN + 1, add_job, j, err);
	return store_list(store, STR("job"), SCAN + 1, add_job, j, err);
}

static void read_jobs(struct call *c)
{
	struct store *store = engine_world(c->api->e)->store;
	AUTO(strbuf_done) struct strbuf json = STRBUF(TEXT_MAX);
	struct jobs *j = c->data;

	j->err = &c->err;
	j->o = JSON_OUT(&c->out);
	json_open(&j->o, NULL);
	json_list(&j->o, "jobs");
	c->rc = walk(j, store, &c->err);
	if (c->rc == RC_OK && j->failed)
		c->rc = err_wrap(&c->err, "%s", j->last);
	if (c->rc == RC_OK && !j->last && j->run) { /* a run without jobs, or none at all */
		c->rc = store_get(store, STR("run"), str_of(j->run), &json, &c->err);
		if (c->rc == RC_NOT_FOUND)
			c->rc = err_set(&c->err, RC_NOT_FOUND, "there is no run %s", j->run);
	}
	json_unlist(&j->o);
	if (j->more)
		json_cstr(&j->o, "next", j->last);
	json_close(&j->o);
}

static bool is_one_of(struct call *c, const char *key, const char *const *names, size_t n,
		      const char **ret)
{
	const char *text = request_query(c->r, key);

	for (size_t i = 0; text && i < n; i++)
		if (streq(names[i], text))
			*ret = text;
	if (text && *text && !*ret) {
		const char *near = str_nearest(str_of(text), names, n);

		call_failf(c, RC_INVALID, "?%s=%.40s is not known here%s%s%s", key, text,
			   near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
		return false;
	}
	return true;
}

void get_jobs(struct call *c)
{
	const char *run = request_query(c->r, "run"), *after = request_query(c->r, "cursor");
	struct jobs *j = jobs_new(run && *run ? run : NULL);

	c->data = j;
	c->free_data = free_jobs;
	if (!call_number(c, "limit", 20, WIRE_LIST_MAX, &j->limit) ||
	    !is_one_of(c, "state", job_state_names, JOB_STATES, &j->state) ||
	    !is_one_of(c, "stage", stage_names, ARRAY_LEN(stage_names), &j->stage))
		return;
	if (after && *after && j->from && !str_starts(str_of(after), j->from)) {
		call_failf(c, RC_INVALID, "?cursor=%.80s is of another run than ?run=%.40s", after,
			   run);
		return;
	}
	if (!j->from && query_text(c, "sort")) { /* all, by id */
		j->from = xstrdup("");
		j->to = xstrdup("~");
	}
	j->after = after && *after ? xstrdup(after) : NULL;
	j->unit = request_query(c->r, "unit");
	j->name = request_query(c->r, "name");
	call_work(c, read_jobs);
}

void get_run_jobs(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	struct json_out o = JSON_OUT(&c->out);

	if (!model_run(m, c->arg[0])) {
		struct jobs *j = jobs_new(c->arg[0]);

		j->limit = UINT64_MAX;
		j->looked = SCAN + 1; /* all of them: it only counts up */
		c->data = j;
		c->free_data = free_jobs;
		call_work(c, read_jobs);
		return;
	}
	json_open(&o, NULL);
	json_list(&o, "jobs");
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (streq(job->run, c->arg[0]))
			thing_write(&o, NULL, AGG_JOB, job);
	}
	json_unlist(&o);
	json_close(&o);
	call_json(c, 200, &c->out);
}
