/*
 * GET jobs/<id>/log: from the executor while it has the job, from the store once the job's result is kept. A follower sees each attempt, and
 * the end of the stream is the end of the job.
 */
#include "api/api_impl.h"

#define PIECE   ((size_t)256 << 10)
#define LOG_MAX ((size_t)512 << 20) /* a log's blob */
#define SOON    (30 * USEC_MS)
#define LATER   (250 * USEC_MS)

enum phase { PHASE_FIND, PHASE_LIVE, PHASE_STORED };

struct tail {
	struct api *api;
	struct call *call; /* until the first bytes, or the refusal */
	struct stream *stream;
	char *job;
	bool following, gone, at_work;
	/* what is known of the job */
	bool known, final; /* final: its log does not change any more */
	uint32_t attempt;
	char *log, *key, *what; /* digest; task key; "skipped: needs build" */
	/* where we are */
	enum phase phase;
	uint64_t from;
	struct strbuf bytes; /* PHASE_LIVE: a piece; PHASE_STORED: all of it */
	size_t at;
	usec_t rest;
	enum rc rc;
	struct err err;
};

static void set(char **to, const char *value)
{
	char *copy = value ? xstrdup(value) : NULL;

	xfree(*to);
	*to = copy;
}

static void learn(struct tail *t, const struct job *job)
{
	const char *why = job->error ? job->error : job->why;

	t->known = true;
	t->final = job_is_final(job->state);
	set(&t->log, job->log);
	set(&t->key, job->key);
	xfree(t->what);
	t->what = xasprintf("%s%s%s", job_state_names[job->state], why ? ": " : "", why ? why : "");
	if (t->attempt &&
	    job->attempt > t->attempt) { /* it was started again: from the beginning */
		t->phase = PHASE_FIND;
		t->from = 0;
		if (t->stream) {
			AUTO(freep) char *line = xasprintf("--- attempt %u ---\n", job->attempt);

			(void)!stream_write(t->stream, str_of(line));
		}
	}
	t->attempt = job->attempt;
}

static void tail_free(struct tail *t)
{
	xfree(t->job);
	xfree(t->log);
	xfree(t->key);
	xfree(t->what);
	strbuf_done(&t->bytes);
	xfree(t);
}

/* ---- on a worker ---- */

static void read_job(struct tail *t, struct store *store)
{
	AUTO(strbuf_done) struct strbuf json = STRBUF(TEXT_MAX);
	struct job job = {0};

	t->rc = store_get(store, STR("job"), str_of(t->job), &json, &t->err);
	if (t->rc == RC_NOT_FOUND)
		t->rc = err_set(
			&t->err, RC_NOT_FOUND,
			"there is no job %s; `penstock runs` and `penstock status` list them",
			t->job);
	if (t->rc == RC_OK)
		t->rc = shape_parse(strbuf_str(&json), TEXT_MAX, aggregate_shapes[AGG_JOB], &job,
				    &t->err);
	if (t->rc == RC_OK) {
		learn(t, &job);
		t->final = true;
	}
	shape_done(aggregate_shapes[AGG_JOB], &job);
}

/* A job that hit the cache left no log of its own: the first one's is shown. */
static void find_first_log(struct tail *t, struct blobs *blobs)
{
	struct result result = {0};
	struct err err = {0};

	if (!t->log && t->final && t->key &&
	    blobs_get_result(blobs, t->key, &result, &err) == RC_OK)
		set(&t->log, result.log);
	shape_done(&shape_result, &result);
}

static void read_stored(struct tail *t, struct blobs *blobs)
{
	find_first_log(t, blobs);
	if (!t->log) {
		t->rc = RC_NOT_FOUND;
		return;
	}
	strbuf_clear(&t->bytes);
	t->rc = blobs_get(blobs, t->log, LOG_MAX, &t->bytes, &t->err);
	if (t->rc != RC_OK) {
		err_wrap(&t->err, "log of %s", t->job);
		return;
	}
	t->phase = PHASE_STORED;
	t->at = (size_t)MIN_OF(t->from, (uint64_t)t->bytes.n);
}

static void tail_read(void *arg)
{
	struct tail *t = arg;
	struct world *w = engine_world(t->api->e);
	bool ended; /* the model says when a job is over: another attempt may follow */

	t->rc = RC_OK;
	if (!t->known)
		read_job(t, w->store);
	if (t->rc != RC_OK)
		return;
	if (t->final && t->log && t->phase == PHASE_FIND) {
		read_stored(t, w->blobs);
		return;
	}
	strbuf_clear(&t->bytes);
	t->rc = exec_log(w->exec, t->job, t->from, PIECE, &t->bytes, &ended, &t->err);
	if (t->rc == RC_OK)
		t->phase = PHASE_LIVE;
	else if (t->rc == RC_NOT_FOUND && t->final)
		read_stored(t, w->blobs);
}

/* ---- on the loop ---- */

static void again(void *arg);
static void was_read(void *arg);

static void work(struct tail *t)
{
	const struct job *job = model_job(engine_model(t->api->e), t->job);

	if (job)
		learn(t, job);
	t->at_work = true;
	api_work(t->api, tail_read, was_read, t);
}

static void wait_a_little(struct tail *t)
{
	t->at_work = true; /* the timer holds it */
	t->rest = t->rest ? MIN_OF(t->rest * 2, LATER) : SOON;
	runner_timer(t->api->runner, runner_now(t->api->runner) + t->rest, again, t);
}

static void end(struct tail *t)
{
	if (t->rc != RC_OK && t->rc != RC_NOT_FOUND) {
		AUTO(freep) char *line = xasprintf("\npenstock: %s\n", t->err.msg);

		(void)!stream_write(t->stream, str_of(line));
	}
	stream_end(t->stream);
	t->api->streams--;
	tail_free(t);
}

static void on_drained(void *ctx)
{
	struct tail *t = ctx;

	if (t->at_work)
		return;
	if (t->phase == PHASE_STORED) {
		size_t n = MIN_OF(t->bytes.n - t->at, PIECE);

		if (n == 0)
			end(t);
		else if (stream_write(t->stream, (struct str){t->bytes.p + t->at, n}))
			t->at += n;
		return;
	}
	work(t);
}

static void on_gone(void *ctx)
{
	struct tail *t = ctx;

	t->stream = NULL;
	t->gone = true;
	t->api->streams--;
	if (!t->at_work)
		tail_free(t);
}

static const struct stream_ops tail_ops = {on_drained, on_gone,
					   "\npenstock: cut off: you read too slowly\n"};

static bool open_stream(struct tail *t)
{
	struct call *c = t->call;

	if (!c)
		return true;
	t->call = NULL;
	t->stream = call_stream(c, "text/plain; charset=utf-8", &tail_ops, t);
	if (!t->stream)
		tail_free(t);
	return t->stream != NULL;
}

static void refuse(struct tail *t)
{
	struct call *c = t->call;

	if (t->rc == RC_NOT_FOUND && t->known)
		call_failf(c, RC_NOT_FOUND, "%s has no log: it is %s", t->job, t->what);
	else
		call_fail(c, &t->err);
	tail_free(t);
}

/* Nothing new. Over, or is more to come? */
static void idle(struct tail *t)
{
	if (!t->following || t->final) {
		if (open_stream(t))
			end(t);
		return;
	}
	if (open_stream(t))
		wait_a_little(t);
}

static void was_read(void *arg)
{
	struct tail *t = arg;

	t->at_work = false;
	if (t->gone) {
		tail_free(t);
		return;
	}
	if (t->rc != RC_OK) {
		bool later = t->following && t->known && t->rc == RC_NOT_FOUND && !t->final;

		if (later)
			idle(t);
		else if (t->call)
			refuse(t);
		else
			end(t);
		return;
	}
	if (t->phase == PHASE_STORED) {
		if (open_stream(t))
			on_drained(t);
		return;
	}
	if (t->bytes.n == 0) {
		idle(t);
		return;
	}
	t->rest = 0;
	t->from += t->bytes.n;
	if (open_stream(t))
		(void)!stream_write(t->stream, strbuf_str(&t->bytes));
}

static void again(void *arg)
{
	struct tail *t = arg;

	t->at_work = false;
	if (t->gone)
		tail_free(t);
	else
		work(t);
}

void get_log(struct call *c)
{
	const char *follow = request_query(c->r, "follow");
	uint64_t from;

	if (!call_number(c, "from", 0, INT64_MAX, &from))
		return;
	struct tail *t = xcalloc(1, sizeof(*t));
	*t = (struct tail){.api = c->api,
			   .call = c,
			   .job = xstrdup(c->arg[0]),
			   .from = from,
			   .bytes = STRBUF(LOG_MAX),
			   .following = follow && !streq(follow, "0") && !streq(follow, "false")};
	work(t);
}
