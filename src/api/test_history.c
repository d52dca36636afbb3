/*
 * GET tests/history?unit=&job=&test=&stage=&limit=: what became of one test in the last runs that recorded it, newest first, from the reports that are kept.
 *
 *	{"unit","job","test","stage",
 *	 "outcomes":[{"run":"run-7","job":"run-7/ci/orders/test","outcome":"passed|failed|skipped","at":usec,"usec":1200,	at: when the job ended
 *		"ref","commit","subject","message":"..."}],	usec: how long the test took; message: of its failure, or why it was skipped
 *	 "runs":120,"reports":14,	looked at
 *	 "lost":2,			reports that are not kept any more, or cannot be read
 *	 "more":true}			it stopped at a cap: there may be older ones
 *
 * A job that came from the cache ran no test: its run is not among them. job: its name, or its definition's (all rows of a matrix, all shards).
 */
#include "api/catalog.h"
#include "api/reads.h"
#include "ports/report.h"

#define SHOWN         20
#define SHOWN_MAX     100
#define RUNS_LOOKED   1000 /* of the project, newest first */
#define REPORTS_READ  200
#define REPORTS_BYTES ((size_t)128 << 20)

/* Of a job only these: the rest of a snapshot is passed over. */
#define T struct job
static const struct shape_field brief_fields[] = {
	SHAPE_STR(T, id),  SHAPE_STR(T, unit),     SHAPE_STR(T, name),
	SHAPE_STR(T, def), SHAPE_U64(T, ended_at), SHAPE_SUB(T, report, shape_job_report),
};
static const struct shape brief = SHAPE(T, brief_fields);
#undef T

struct test_run {
	uint32_t number;
	char *ref, *commit, *subject;
};
struct test_history {
	const char *unit, *job, *test; /* of the request */
	enum stage stage;
	uint64_t limit;
	VEC(struct test_run) runs; /* newest first */
	/* on the worker */
	VEC(struct job) jobs; /* of one run */
	uint64_t given, looked, reports, lost;
	size_t bytes;
	bool more;
	struct json_out o;
	enum rc rc;
	struct err *err;
};

static void forget_jobs(struct test_history *h)
{
	vec_each(job, &h->jobs)
		shape_done(&brief, job);
	h->jobs.n = 0;
}

static void free_history(void *data)
{
	struct test_history *h = data;

	vec_each(r, &h->runs) {
		xfree(r->ref);
		xfree(r->commit);
		xfree(r->subject);
	}
	vec_done(&h->runs);
	forget_jobs(h);
	vec_done(&h->jobs);
	xfree(h);
}

/* ---- on a worker ---- */

static bool is_test(const struct report_test *t, const char *wanted)
{
	size_t n = t->class && *t->class ? strlen(t->class) : 0;

	if (!t->name)
		return false;
	return n ? strncmp(wanted, t->class, n) == 0 && wanted[n] == '.' &&
			       streq(wanted + n + 1, t->name)
		 : streq(wanted, t->name);
}

static void write_outcome(struct test_history *h, const struct test_run *run, const struct job *job,
			  const struct report_test *t)
{
	AUTO(freep) char *id = catalog_id(SHELF_RUNS, run->number);

	json_open(&h->o, NULL);
	json_cstr(&h->o, "run", id);
	json_cstr(&h->o, "job", job->id);
	json_cstr(&h->o, "outcome", test_outcome_names[t->outcome]);
	json_some(&h->o, "at", job->ended_at);
	json_some(&h->o, "usec", t->usec);
	json_word(&h->o, "ref", run->ref);
	json_word(&h->o, "commit", run->commit);
	json_word(&h->o, "subject", run->subject);
	json_word(&h->o, "message", t->message);
	json_close(&h->o);
	h->given++;
}

static void read_report(struct test_history *h, struct blobs *blobs, const struct test_run *run,
			const struct job *job)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(REPORT_MAX);
	struct report report = {0};
	struct err err = {0};

	if (h->reports == REPORTS_READ || h->bytes > REPORTS_BYTES) {
		h->more = true;
		return;
	}
	h->reports++;
	if (blobs_get(blobs, job->report.blob, REPORT_MAX, &text, &err) != RC_OK ||
	    shape_parse(strbuf_str(&text), REPORT_MAX, &shape_report, &report, &err) != RC_OK) {
		h->lost++;
		return;
	}
	h->bytes += text.n;
	/* A failure stands first: what a test came to at last, when it was written more than once. */
	vec_each(t, &report.tests) {
		if (!is_test(t, h->test))
			continue;
		write_outcome(h, run, job, t);
		break;
	}
	report_done(&report);
}

static bool see_job(void *ctx, const struct store_snapshot *snap)
{
	struct test_history *h = ctx;
	struct job job = {0};

	h->rc = shape_parse(snap->json, TEXT_MAX, &brief, &job, h->err);
	if (h->rc != RC_OK)
		return false;
	if (job.report.blob && streq(job.unit ? job.unit : "", h->unit) &&
	    (streq(job.name, h->job) || (job.def && streq(job.def, h->job))))
		vec_push(&h->jobs, job);
	else
		shape_done(&brief, &job);
	return true;
}

static enum rc read_run(struct test_history *h, const struct world *w, const struct test_run *run)
{
	const char *unit = *h->unit ? h->unit : "-", *stage = stage_names[h->stage];
	AUTO(freep) char *from = xasprintf("run-%u/%s/%s/", run->number, stage, unit);
	AUTO(freep)
	char *to = xasprintf("run-%u/%s/%s0", run->number, stage, unit); /* '0' follows '/' */
	enum rc rc = store_range(w->store, STR("job"), str_of(from), str_of(to), UINT32_MAX,
				 see_job, h, h->err);

	h->looked++;
	rc = rc == RC_OK ? h->rc : rc;
	vec_each(job, &h->jobs)
		if (rc == RC_OK && h->given < h->limit)
			read_report(h, w->blobs, run, job);
	forget_jobs(h);
	return rc;
}

static void read_history(struct call *c)
{
	struct test_history *h = c->data;
	size_t i = 0;

	h->err = &c->err;
	h->o = JSON_OUT(&c->out);
	json_open(&h->o, NULL);
	json_cstr(&h->o, "unit", h->unit);
	json_cstr(&h->o, "job", h->job);
	json_cstr(&h->o, "test", h->test);
	json_cstr(&h->o, "stage", stage_names[h->stage]);
	json_list(&h->o, "outcomes");
	while (c->rc == RC_OK && i < h->runs.n && h->given < h->limit && !h->more)
		c->rc = read_run(h, engine_world(c->api->e), &h->runs.v[i++]);
	json_unlist(&h->o);
	json_u64(&h->o, "runs", h->looked);
	json_u64(&h->o, "reports", h->reports);
	json_some(&h->o, "lost", h->lost);
	if (h->more || h->given == h->limit || h->runs.n == RUNS_LOOKED)
		json_bool(&h->o, "more", true);
	json_close(&h->o);
}

/* ---- on the loop ---- */

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void looked(struct call *c)
{
	struct test_history *h = c->data;
	uint32_t first, last;

	catalog_span(c->api, SHELF_RUNS, &first, &last);
	for (uint32_t n = last; n >= first && n && h->runs.n < RUNS_LOOKED; n--) {
		const struct row *r = catalog_row(c->api, SHELF_RUNS, n);

		if (r)
			vec_push(&h->runs, ((struct test_run){n, copy(r->ref), copy(r->commit),
							      copy(r->subject)}));
	}
	call_work(c, read_history);
}

static enum stage stage_of(const char *text)
{
	unsigned i = 0;

	while (i < ARRAY_LEN(stage_names) && !streq(stage_names[i], text))
		i++;
	return i < ARRAY_LEN(stage_names) ? (enum stage)i : STAGE_CI; /* checked by the table */
}

void get_test_history(struct call *c)
{
	struct test_history *h = xcalloc(1, sizeof(*h));
	const char *unit = request_query(c->r, "unit"), *stage = request_query(c->r, "stage");

	c->data = h;
	c->free_data = free_history;
	if (!call_number(c, "limit", SHOWN, SHOWN_MAX, &h->limit))
		return;
	h->limit = MAX_OF(h->limit, (uint64_t)1);
	h->unit = unit && !streq(unit, "-") ? unit : "";
	h->job = request_query(c->r, "job");
	h->test = request_query(c->r, "test");
	h->stage = stage_of(stage ? stage : "");
	catalog_look(c, SHELF(SHELF_RUNS), looked);
}
