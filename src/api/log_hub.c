/*
 * Readers of one job's log. Each goes at its own pace, and is given a piece only when it took the last one. Those who have come to the end of a
 * log that still grows are served together: one look at the file for all of them, and its last bytes are held once. A follower sees each
 * attempt; the end of its stream is the end of the job.
 */
#include "api/log_impl.h"

#define WINDOW ((size_t)1 << 20) /* of what came last */
#define SOON   (30 * USEC_MS)
#define LATER  (200 * USEC_MS)

struct watcher {
	struct watcher *prev, *next;
	struct log_hub *hub;
	struct call *call; /* until the first bytes, or the refusal */
	struct stream *stream;
	struct log_wish wish;
	uint64_t at;
	uint32_t attempt;
	bool sought; /* where it begins is known */
	bool final;  /* the job was over before its work began */
	bool at_work, waiting, gone;
	/* of its work */
	struct strbuf bytes, marks;
	uint64_t n;
	enum rc rc;
	struct err err;
};

struct log_hub {
	struct log_hub *next;
	struct api *api;
	struct log_job job;
	struct log_source source; /* works' */
	bool open;
	enum rc rc; /* of opening it */
	struct err err;
	struct log_marks marks;
	struct watcher *watchers;
	/* what all who wait share: bytes [base, base + window.n) of the log */
	struct strbuf window, more, more_marks;
	uint64_t base;
	bool shared; /* the window is up to date: somebody waits at its end */
	bool at_work, timer, more_final;
	enum rc more_rc;
	usec_t rest;
};

const char *log_lane(const char *job)
{
	static const char *const lanes[LOG_LANES] = {"log/0", "log/1", "log/2", "log/3"};
	unsigned hash = 0;

	for (const char *p = job; *p; p++)
		hash = hash * 31 + (unsigned char)*p;
	return lanes[hash % LOG_LANES];
}

static void pump(struct watcher *w);
static void look_soon(struct log_hub *h);

static void watcher_free(struct watcher *w)
{
	log_view_done(&w->wish.view);
	strbuf_done(&w->bytes);
	strbuf_done(&w->marks);
	xfree(w);
}

static void hub_release(struct log_hub *h)
{
	if (h->watchers || h->at_work || h->timer)
		return;
	for (struct log_hub **at = &h->api->log_hubs; *at; at = &(*at)->next)
		if (*at == h) {
			*at = h->next;
			break;
		}
	log_source_close(&h->source);
	log_job_done(&h->job);
	log_marks_done(&h->marks);
	strbuf_done(&h->window);
	strbuf_done(&h->more);
	strbuf_done(&h->more_marks);
	xfree(h);
}

static void leave(struct watcher *w)
{
	struct log_hub *h = w->hub;

	if (w->prev)
		w->prev->next = w->next;
	else
		h->watchers = w->next;
	if (w->next)
		w->next->prev = w->prev;
	watcher_free(w);
	hub_release(h);
}

/* ---- answers ---- */

static void on_drained(void *ctx)
{
	struct watcher *w = ctx;

	if (!w->at_work && !w->waiting)
		pump(w);
}

static void on_gone(void *ctx)
{
	struct watcher *w = ctx;

	w->stream = NULL;
	w->gone = true;
	w->hub->api->streams--;
	if (!w->at_work)
		leave(w);
}

static const struct stream_ops stream_ops = {on_drained, on_gone};

/* False: answered, there is nothing in the range. */
static bool settle_range(struct watcher *w)
{
	const struct log_hub *h = w->hub;

	if (log_range_settle(&w->wish, h->source.kept))
		return true;
	log_range_header(w->call->r, &w->wish, false);
	call_problem(w->call, 416, RC_INVALID, "the log of %s has %llu bytes", h->job.id,
		     (unsigned long long)w->wish.size);
	return false;
}

static bool open_stream(struct watcher *w)
{
	struct call *c = w->call;

	if (!c)
		return true;
	if (w->wish.range)
		log_range_header(c->r, &w->wish, true);
	w->call = NULL;
	w->stream = call_stream_as(c, w->wish.range ? 206 : 200,
				   w->wish.view.format == LOG_JSON ? "application/x-ndjson"
								   : "text/plain; charset=utf-8",
				   &stream_ops, w);
	if (!w->stream)
		leave(w);
	return w->stream != NULL;
}

static void finish(struct watcher *w)
{
	AUTO(strbuf_done) struct strbuf out = STRBUF(LOG_LINE * 8);

	if (!open_stream(w))
		return;
	log_view_end(&w->wish.view, &w->hub->marks, &out);
	if (out.n)
		(void)!stream_write(w->stream, strbuf_str(&out));
	stream_end(w->stream);
	w->hub->api->streams--;
	leave(w);
}

static void fail(struct watcher *w, const struct err *err)
{
	if (w->call) {
		call_fail(w->call, err);
		leave(w);
		return;
	}
	AUTO(freep) char *line = xasprintf("\npenstock: %s\n", err->msg);

	(void)!stream_write(w->stream, str_of(line));
	finish(w);
}

/* False: nothing went out, or the watcher is no more (*ret_gone). */
static bool emit(struct watcher *w, struct str bytes, bool *ret_gone)
{
	AUTO(strbuf_done) struct strbuf out = STRBUF(HTTPD_PIECE_MAX);

	w->at += bytes.n;
	log_view_feed(&w->wish.view, &w->hub->marks, bytes, &out);
	*ret_gone = !open_stream(w);
	if (*ret_gone || !out.n)
		return false;
	return stream_write(w->stream, strbuf_str(&out));
}

/* Lines of JSON are several times as long. */
static size_t piece_of(const struct watcher *w)
{
	return w->wish.view.format == LOG_RAW ? LOG_PIECE : LOG_PIECE / 4;
}

/* ---- works of one watcher ---- */

static void read_piece(void *arg)
{
	struct watcher *w = arg;
	struct log_source *s = &w->hub->source;

	strbuf_clear(&w->bytes);
	w->rc = log_source_read(s, w->at,
				(size_t)MIN_OF((uint64_t)piece_of(w), w->wish.until - w->at),
				&w->bytes, &w->err);
	log_source_marks(s, &w->marks);
}

static void seek(void *arg)
{
	struct watcher *w = arg;
	struct log_hub *h = w->hub;
	struct log_view *v = &w->wish.view;

	w->at = w->wish.from;
	w->n = 1;
	w->rc = RC_OK;
	if (w->wish.tail)
		w->rc = log_seek_tail(&h->source, v, &h->marks, w->wish.tail, &w->at, &w->n,
				      &w->err);
	else if (w->at && v->format == LOG_JSON)
		w->rc = log_seek_byte(&h->source, w->at, &w->n, &w->err);
}

static void take_marks(struct log_hub *h, struct strbuf *marks)
{
	log_marks_add(&h->marks, strbuf_str(marks));
	strbuf_clear(marks);
}

/* At the end of what there is: is more to come? */
static void at_end(struct watcher *w, bool final)
{
	struct log_hub *h = w->hub;

	if (!w->wish.following || h->source.kept || final || w->at >= w->wish.until) {
		finish(w);
		return;
	}
	if (!open_stream(w))
		return;
	w->waiting = true;
	if (!h->shared) {
		h->shared = true;
		h->base = w->at;
		strbuf_clear(&h->window);
	}
	look_soon(h);
}

static void was_read(void *arg)
{
	struct watcher *w = arg;
	struct log_hub *h = w->hub;
	bool gone;

	w->at_work = false;
	take_marks(h, &w->marks);
	if (w->gone) {
		leave(w);
	} else if (w->rc == RC_NOT_FOUND && !h->source.kept) {
		h->open = false; /* the executor gave it away: it was kept, or is started again */
		w->waiting = w->wish.following;
		if (w->waiting && open_stream(w))
			look_soon(h);
		else if (!w->waiting)
			pump(w);
	} else if (w->rc != RC_OK) {
		fail(w, &w->err);
	} else if (!w->bytes.n) {
		at_end(w, w->final);
	} else if (!emit(w, strbuf_str(&w->bytes), &gone) && !gone && !w->gone) {
		pump(w);
	}
}

static void was_sought(void *arg)
{
	struct watcher *w = arg;

	w->at_work = false;
	w->sought = true;
	if (w->gone) {
		leave(w);
	} else if (w->rc != RC_OK) {
		fail(w, &w->err);
	} else {
		log_view_seek(&w->wish.view, w->at, w->n);
		pump(w);
	}
}

static void work(struct watcher *w, void (*fn)(void *), void (*done)(void *))
{
	w->at_work = true;
	w->final = w->hub->job.final;
	runner_work(w->hub->api->runner, log_lane(w->hub->job.id), fn, done, w);
}

/* ---- works of the hub ---- */

static void learn(struct log_hub *h)
{
	const struct job *job = model_job(engine_model(h->api->e), h->job.id);

	if (job)
		log_job_learn(&h->job, job);
}

static void open_it(void *arg)
{
	struct log_hub *h = arg;

	log_source_close(&h->source);
	h->rc = log_source_open(&h->source, &h->err);
	strbuf_clear(&h->more_marks);
	if (h->rc == RC_OK)
		log_source_marks(&h->source, &h->more_marks);
}

static void pump_all(struct log_hub *h)
{
	bool waits = false;

	h->at_work = true; /* holds it */
	for (struct watcher *w = h->watchers, *next; w; w = next) {
		next = w->next;
		if (w->at_work || w->gone ||
		    (w->stream && !w->waiting && stream_waiting(w->stream)))
			continue;
		w->waiting = false;
		pump(w);
	}
	h->at_work = false;
	for (struct watcher *w = h->watchers; w; w = w->next)
		waits |= w->waiting;
	if (waits)
		look_soon(h);
	hub_release(h);
}

static void refuse_or_wait(struct log_hub *h)
{
	bool wait = false;

	h->at_work = true;
	for (struct watcher *w = h->watchers, *next; w; w = next) {
		next = w->next;
		if (w->at_work || w->gone)
			continue;
		if (h->rc == RC_NOT_FOUND && w->wish.following && h->job.known && !h->job.final) {
			w->waiting = true;
			wait |= open_stream(w);
		} else if (h->rc == RC_NOT_FOUND && !w->call) {
			finish(w);
		} else {
			fail(w, &h->err);
		}
	}
	h->at_work = false;
	if (wait)
		look_soon(h);
	hub_release(h);
}

static void was_opened(void *arg)
{
	struct log_hub *h = arg;

	h->at_work = false;
	h->open = h->rc == RC_OK;
	h->shared = false;
	log_marks_done(&h->marks);
	take_marks(h, &h->more_marks);
	if (h->open)
		pump_all(h);
	else
		refuse_or_wait(h);
}

static void reopen(struct log_hub *h)
{
	h->at_work = true;
	h->open = false;
	learn(h);
	runner_work(h->api->runner, log_lane(h->job.id), open_it, was_opened, h);
}

static void read_more(void *arg)
{
	struct log_hub *h = arg;
	struct err err = {0};

	strbuf_clear(&h->more);
	h->more_rc = log_source_read(&h->source, h->base + h->window.n, LOG_PIECE, &h->more, &err);
	log_source_marks(&h->source, &h->more_marks);
}

static void was_more(void *arg)
{
	struct log_hub *h = arg;

	h->at_work = false;
	take_marks(h, &h->more_marks);
	if (h->more_rc != RC_OK) { /* it is elsewhere now */
		reopen(h);
		return;
	}
	if (h->more.n) {
		size_t drop = h->window.n + h->more.n > WINDOW
				      ? MIN_OF(h->window.n, h->window.n + h->more.n - WINDOW)
				      : 0;
		if (drop) {
			memmove(h->window.p, h->window.p + drop, h->window.n - drop);
			h->window.n -= drop;
			h->base += drop;
		}
		strbuf_addstr(&h->window, strbuf_str(&h->more));
		h->rest = 0;
		pump_all(h);
		return;
	}
	if (h->more_final) /* what there was before it ended has been given; the rest, if any, is kept */
		reopen(h);
	else
		look_soon(h);
}

static void on_time(void *arg)
{
	struct log_hub *h = arg;
	uint32_t attempt = h->job.attempt;
	bool waits = false;

	h->timer = false;
	for (struct watcher *w = h->watchers; w; w = w->next)
		waits |= w->waiting && !w->gone;
	if (!waits)
		h->shared = false;
	if (!waits || h->at_work) {
		hub_release(h);
		return;
	}
	learn(h);
	if (!h->open || !h->shared || h->job.attempt != attempt) {
		reopen(h);
		return;
	}
	h->at_work = true;
	h->more_final = h->job.final;
	runner_work(h->api->runner, log_lane(h->job.id), read_more, was_more, h);
}

static void look_soon(struct log_hub *h)
{
	if (h->timer || h->at_work)
		return;
	h->timer = true;
	h->rest = h->rest ? MIN_OF(h->rest * 2, LATER) : SOON;
	runner_timer(h->api->runner, runner_now(h->api->runner) + h->rest, on_time, h);
}

/* ---- the way of one watcher ---- */

/* It was started again: from the beginning. */
static void next_attempt(struct watcher *w)
{
	if (w->attempt && w->hub->job.attempt > w->attempt && w->wish.following) {
		AUTO(freep) char *line = xasprintf("--- attempt %u ---\n", w->hub->job.attempt);

		w->at = 0;
		log_view_seek(&w->wish.view, 0, 1);
		if (w->stream && w->wish.view.format != LOG_JSON)
			(void)!stream_write(w->stream, str_of(line));
	}
	w->attempt = w->hub->job.attempt;
}

static void pump(struct watcher *w)
{
	struct log_hub *h = w->hub;

	if (!h->open) {
		if (!h->at_work)
			reopen(h);
		return;
	}
	next_attempt(w);
	if (w->call && w->wish.range && !w->sought && !settle_range(w)) {
		leave(w);
		return;
	}
	if (!w->sought) {
		work(w, seek, was_sought);
		return;
	}
	if (w->at >= w->wish.until) {
		finish(w);
		return;
	}
	while (h->shared && w->at >= h->base && w->at < h->base + h->window.n) {
		size_t from = (size_t)(w->at - h->base),
		       n = MIN_OF(h->window.n - from, piece_of(w));
		bool gone;

		n = (size_t)MIN_OF((uint64_t)n, w->wish.until - w->at);
		if (emit(w, (struct str){h->window.p + from, n}, &gone) || gone || w->gone)
			return;
	}
	if (h->shared && w->at == h->base + h->window.n)
		at_end(w, false);
	else
		work(w, read_piece, was_read);
}

static struct log_hub *hub_of(struct api *api, const char *job)
{
	struct log_hub *h = api->log_hubs;

	while (h && !streq(h->job.id, job))
		h = h->next;
	if (h)
		return h;
	h = xcalloc(1, sizeof(*h));
	*h = (struct log_hub){.next = api->log_hubs,
			      .api = api,
			      .window = STRBUF(WINDOW + LOG_PIECE),
			      .more = STRBUF(LOG_PIECE + 1),
			      .more_marks = STRBUF(LOGFILE_INDEX_MAX)};
	h->job.id = xstrdup(job);
	h->source = (struct log_source){.w = engine_world(api->e), .job = &h->job};
	api->log_hubs = h;
	return h;
}

void log_watch(struct call *c, struct log_wish *take_wish)
{
	struct log_hub *h = hub_of(c->api, c->arg[0]);
	struct watcher *w = xcalloc(1, sizeof(*w));

	*w = (struct watcher){.hub = h,
			      .call = c,
			      .wish = *take_wish,
			      .next = h->watchers,
			      .bytes = STRBUF(LOG_PIECE + 1),
			      .marks = STRBUF(LOGFILE_INDEX_MAX)};
	if (w->next)
		w->next->prev = w;
	h->watchers = w;
	if (h->open && !h->source.kept) { /* it may have ended while nobody looked */
		bool was = h->job.final;
		if (!h->at_work)
			learn(h);
		if (h->job.final && !was)
			h->open = false;
	}
	if (h->open)
		next_attempt(w);
	pump(w);
}

void log_hubs_free(struct api *api)
{
	while (api->log_hubs) {
		struct log_hub *h = api->log_hubs;
		while (h->watchers) {
			struct watcher *w = h->watchers;
			h->watchers = w->next;
			watcher_free(w);
		}
		h->at_work = h->timer = false;
		hub_release(h);
	}
}
