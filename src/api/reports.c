/* GET jobs/<id>/report: the blob as it was kept. GET runs/<id>/report: what matters of all its jobs. */
#include "api/api_impl.h"
#include "base/vec.h"
#include "ports/report.h"

#define RUN_ANNOTATIONS 1000
#define RUN_TESTS       500
#define RUN_BYTES       ((size_t)256 << 20) /* of blobs that are read for one answer */

struct wanted {
	char *job, *unit, *name, *state, *error;
	struct job_report report;
	struct junit junit;
};
struct ask {
	VEC(struct wanted) jobs;
	char *run;
	bool stored; /* the model does not hold the run any more */
};

static void ask_free(void *data)
{
	struct ask *a = data;

	vec_each(w, &a->jobs) {
		xfree(w->job);
		xfree(w->unit);
		xfree(w->name);
		xfree(w->state);
		xfree(w->error);
		shape_done(&shape_job_report, &w->report);
		shape_done(&shape_junit, &w->junit);
	}
	vec_done(&a->jobs);
	xfree(a->run);
	xfree(a);
}

static void want(struct ask *a, const struct job *job)
{
	struct wanted w = {.job = xstrdup(job->id),
			   .unit = xstrdup(job->unit ? job->unit : ""),
			   .name = xstrdup(job->name),
			   .state = xstrdup(job_state_names[job->state]),
			   .error = job->error ? xstrdup(job->error) : NULL};

	shape_copy(&shape_job_report, &w.report, &job->report);
	shape_copy(&shape_junit, &w.junit, &job->junit);
	vec_push(&a->jobs, w);
}

/* One that the model does not hold any more. */
static enum rc want_stored(struct ask *a, struct store *store, const char *id, struct err *err)
{
	AUTO(strbuf_done) struct strbuf json = STRBUF(TEXT_MAX);
	struct job job = {0};
	enum rc rc = store_get(store, STR("job"), str_of(id), &json, err);

	if (rc == RC_NOT_FOUND)
		return err_set(err, RC_NOT_FOUND, "there is no job %s", id);
	if (rc == RC_OK)
		rc = shape_parse(strbuf_str(&json), TEXT_MAX, aggregate_shapes[AGG_JOB], &job, err);
	if (rc == RC_OK)
		want(a, &job);
	shape_done(aggregate_shapes[AGG_JOB], &job);
	return rc;
}

struct stored {
	struct ask *ask;
	enum rc rc;
	struct err *err;
};

static bool want_snapshot(void *ctx, const struct store_snapshot *snap)
{
	struct stored *s = ctx;
	struct job job = {0};

	s->rc = shape_parse(snap->json, TEXT_MAX, aggregate_shapes[AGG_JOB], &job, s->err);
	if (s->rc == RC_OK)
		want(s->ask, &job);
	shape_done(aggregate_shapes[AGG_JOB], &job);
	return s->rc == RC_OK;
}

/* A run that ended long ago: all that is known of it stands in the store. */
static enum rc want_stored_run(struct ask *a, struct store *store, struct err *err)
{
	AUTO(strbuf_done) struct strbuf json = STRBUF(TEXT_MAX);
	AUTO(freep) char *from = xasprintf("%s/", a->run), *to = xasprintf("%s0", a->run);
	struct stored s = {.ask = a, .err = err};

	enum rc rc = store_get(store, STR("run"), str_of(a->run), &json, err);
	if (rc == RC_NOT_FOUND)
		return err_set(err, RC_NOT_FOUND, "there is no run %s", a->run);
	if (rc == RC_OK) /* '0' follows '/' */
		rc = store_range(store, STR("job"), str_of(from), str_of(to), UINT32_MAX,
				 want_snapshot, &s, err);
	return rc == RC_OK ? s.rc : rc;
}

static void one_job(struct call *c)
{
	struct ask *a = c->data;
	struct world *w = engine_world(c->api->e);

	if (!a->jobs.n)
		c->rc = want_stored(a, w->store, c->arg[0], &c->err);
	if (c->rc != RC_OK)
		return;
	const struct wanted *job = &a->jobs.v[0];
	if (!job->report.blob)
		c->rc = err_set(&c->err, RC_NOT_FOUND, "%s left no report: it is %s", job->job,
				job->state);
	else
		c->rc = blobs_get(w->blobs, job->report.blob, REPORT_MAX, &c->out, &c->err);
}

void get_job_report(struct call *c)
{
	const struct job *job = model_job(engine_model(c->api->e), c->arg[0]);
	struct ask *a = xcalloc(1, sizeof(*a));

	c->data = a;
	c->free_data = ask_free;
	if (job)
		want(a, job);
	call_work(c, one_job);
}

/* ---- a run's ---- */

struct sum {
	struct strbuf annotations, tests;
	struct json_out to_annotations, to_tests;
	size_t n_annotations, n_tests, bytes;
	uint64_t tests_run, failed, skipped, errors, warnings, lines, covered, base_lines,
		base_covered;
};

static void add_report(struct sum *s, const struct wanted *job, const struct report *r)
{
	for (size_t i = 0; i < r->annotations.n && s->n_annotations < RUN_ANNOTATIONS;
	     i++, s->n_annotations++) {
		AUTO(strbuf_done) struct strbuf text = STRBUF(REPORT_TEXT * 8);
		struct json_out o = JSON_OUT(&text);
		shape_write(&o, NULL, &shape_annotation, &r->annotations.v[i]);
		json_open(&s->to_annotations, NULL);
		json_cstr(&s->to_annotations, "job", job->job);
		json_raw(&s->to_annotations, "annotation", strbuf_str(&text));
		json_close(&s->to_annotations);
	}
	for (size_t i = 0; i < r->tests.n && s->n_tests < RUN_TESTS; i++) {
		AUTO(strbuf_done) struct strbuf text = STRBUF(REPORT_TEXT * 32);
		struct json_out o = JSON_OUT(&text);
		if (r->tests.v[i].outcome != TEST_FAILED)
			break; /* failed ones stand first */
		shape_write(&o, NULL, &shape_report_test, &r->tests.v[i]);
		json_open(&s->to_tests, NULL);
		json_cstr(&s->to_tests, "job", job->job);
		json_raw(&s->to_tests, "test", strbuf_str(&text));
		json_close(&s->to_tests);
		s->n_tests++;
	}
}

static void add_job(struct sum *s, const struct wanted *job, struct json_out *o)
{
	const struct job_report *r = &job->report;

	s->tests_run += job->junit.tests;
	s->failed += job->junit.failed;
	s->skipped += job->junit.skipped;
	s->errors += r->errors;
	s->warnings += r->warnings;
	s->lines += r->lines;
	s->covered += r->covered;
	if (r->base_lines) {
		s->base_lines += r->base_lines;
		s->base_covered += r->base_covered;
	}
	json_open(o, NULL);
	json_cstr(o, "id", job->job);
	json_cstr(o, "unit", job->unit);
	json_cstr(o, "name", job->name);
	json_cstr(o, "state", job->state);
	if (job->error)
		json_cstr(o, "error", job->error);
	shape_write(o, "junit", &shape_junit, &job->junit);
	shape_write(o, "report", &shape_job_report, r);
	json_close(o);
}

static void read_report(struct sum *s, const struct wanted *job, struct blobs *blobs)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(REPORT_MAX);
	struct report r = {0};
	struct err err = {0};

	if (!job->report.blob || s->bytes > RUN_BYTES ||
	    (s->n_annotations >= RUN_ANNOTATIONS && s->n_tests >= RUN_TESTS))
		return;
	if (blobs_get(blobs, job->report.blob, REPORT_MAX, &text, &err) != RC_OK ||
	    shape_parse(strbuf_str(&text), REPORT_MAX, &shape_report, &r, &err) != RC_OK)
		return; /* a report that is not kept any more: the sums stand in the job */
	s->bytes += text.n;
	add_report(s, job, &r);
	report_done(&r);
}

static void add_coverage(const struct sum *s, struct json_out *o)
{
	if (!s->lines)
		return;
	json_open(o, "coverage");
	json_u64(o, "lines", s->lines);
	json_u64(o, "covered", s->covered);
	json_double(o, "share", (double)s->covered / (double)s->lines);
	if (s->base_lines) {
		double base = (double)s->base_covered / (double)s->base_lines;
		json_double(o, "base", base);
		json_double(o, "change", (double)s->covered / (double)s->lines - base);
	}
	json_close(o);
}

static void whole_run(struct call *c)
{
	struct ask *a = c->data;
	struct sum s = {.annotations = STRBUF(TEXT_MAX / 2), .tests = STRBUF(TEXT_MAX / 2)};
	struct json_out o = JSON_OUT(&c->out);

	if (a->stored)
		c->rc = want_stored_run(a, engine_world(c->api->e)->store, &c->err);
	if (c->rc != RC_OK)
		return;
	s.to_annotations = JSON_OUT(&s.annotations);
	s.to_tests = JSON_OUT(&s.tests);
	json_list(&s.to_annotations, NULL);
	json_list(&s.to_tests, NULL);
	json_open(&o, NULL);
	json_cstr(&o, "run", a->run);
	json_list(&o, "jobs");
	vec_each(job, &a->jobs) {
		if (!job->report.blob && !job->junit.tests && !job->report.cause &&
		    !job->report.lines)
			continue;
		add_job(&s, job, &o);
		read_report(&s, job, engine_world(c->api->e)->blobs);
	}
	json_unlist(&o);
	json_unlist(&s.to_annotations);
	json_unlist(&s.to_tests);
	json_u64(&o, "tests", s.tests_run);
	json_u64(&o, "failed", s.failed);
	json_u64(&o, "skipped", s.skipped);
	json_u64(&o, "errors", s.errors);
	json_u64(&o, "warnings", s.warnings);
	add_coverage(&s, &o);
	json_raw(&o, "failed_tests", strbuf_str(&s.tests));
	json_raw(&o, "annotations", strbuf_str(&s.annotations));
	json_close(&o);
	strbuf_done(&s.annotations);
	strbuf_done(&s.tests);
}

void get_run_report(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	struct ask *a = xcalloc(1, sizeof(*a));

	c->data = a;
	c->free_data = ask_free;
	a->run = xstrdup(c->arg[0]);
	a->stored = !model_run(m, c->arg[0]);
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;
		if (!a->stored && streq(job->run, a->run))
			want(a, job);
	}
	call_work(c, whole_run);
}
