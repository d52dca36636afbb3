/* A local run, as people and scripts see it. */
#include "base/json.h"
#include "io/clock.h"
#include "io/files.h"
#include "main/local_run.h"

#include <unistd.h>

#define LOG_MAX    ((size_t)64 << 20)
#define TAIL_LINES 30
#define DRAW_EVERY (100 * USEC_MS)

static void clear_line(struct run_show *s)
{
	if (s->drawn)
		(void)!fd_write(STDERR_FILENO, "\r\033[K", 4, NULL);
	s->drawn = false;
}

static const char *unit_of(const struct job *job)
{
	return *job->unit ? job->unit : "-";
}

static bool job_is_bad(const struct job *job)
{
	return job->state == JOB_FAILED || job->state == JOB_CANCELLED || job->state == JOB_LOST;
}

static usec_t time_of(const struct job *job)
{
	return job->started_at && job->ended_at > job->started_at ? job->ended_at - job->started_at
								  : 0;
}

/* Where the log lies in the cache; NULL: there is none. The caller's. */
static char *log_path(const struct run_show *s, const struct job *job)
{
	struct result r = {0};
	char *path = NULL;
	AUTO(freep) char *log = job->log ? xstrdup(job->log) : NULL;

	if (!log && job->state == JOB_CACHED && job->key &&
	    blobs_get_result(s->w->world.blobs, job->key, &r, NULL) == RC_OK) {
		log = r.log ? xstrdup(r.log) : NULL;
		shape_done(&shape_result, &r);
	}
	if (log && strlen(log) == DIGEST_HEX)
		path = xasprintf("%s/cas/%.2s/%s", s->w->cache, log, log + 2);
	return path;
}

static void tell_json(const struct run_show *s, const struct job *job, struct strbuf *to)
{
	struct json_out out = JSON_OUT(to);
	AUTO(freep) char *log = log_path(s, job);

	json_open(&out, NULL);
	json_cstr(&out, "unit", job->unit);
	json_cstr(&out, "job", job->name);
	json_cstr(&out, "state", job_state_names[job->state]);
	json_cstr(&out, "key", job->key);
	json_double(&out, "seconds", (double)(time_of(job) / USEC_MS) / 1000);
	json_cstr(&out, "log", log);
	json_close(&out);
	strbuf_addc(to, '\n');
}

static void tell_text(const struct run_show *s, const struct job *job, struct strbuf *to)
{
	const struct term *t = &s->term;
	bool ran = job->state == JOB_PASSED || job->state == JOB_FLAKY;

	if (job->state == JOB_UNAFFECTED)
		return;
	tint(to, t,
	     job_is_bad(job) ? BAD
	     : ran           ? GOOD
			     : DIM,
	     "%s",
	     job_is_bad(job) ? mark_bad(t)
	     : ran           ? mark_good(t)
			     : mark_wait(t));
	strbuf_addf(to, " %-9s %s/%s", job_state_names[job->state], unit_of(job), job->name);
	if (time_of(job)) {
		strbuf_adds(to, "  ");
		strbuf_add_duration(to, time_of(job));
	}
	if (job->state == JOB_FAILED)
		strbuf_addf(to, "  %s", job->error ? job->error : failure_names[job->failure]);
	else if (job->state == JOB_SKIPPED && job->why)
		tint(to, t, DIM, "  %s", job->why);
	strbuf_addc(to, '\n');
}

void run_show_news(struct run_show *s)
{
	const struct model *m = engine_model(s->engine);
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)64 << 20);

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (!job->settled || map_get(&s->told, str_of(job->id)))
			continue;
		map_put(&s->told, str_of(job->id), s);
		if (s->json)
			tell_json(s, job, &text);
		else
			tell_text(s, job, &text);
	}
	if (!text.n)
		return;
	clear_line(s);
	local_print(&text);
}

/* ---- the line that goes away ---- */
static void draw(void *arg)
{
	struct run_show *s = arg;
	const struct model *m = engine_model(s->engine);
	AUTO(strbuf_done) struct strbuf text = STRBUF(8192), line = STRBUF(8192);
	usec_t now = runner_now(s->w->world.runner);
	size_t running = 0, waiting = 0;

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		waiting += !job->settled && job->state != JOB_RUNNING;
		if (job->state != JOB_RUNNING || ++running > 8)
			continue;
		strbuf_addf(&text, "%s%s/%s ", running > 1 ? ", " : "", unit_of(job), job->name);
		strbuf_add_duration(&text, now > job->started_at ? now - job->started_at : 0);
	}
	strbuf_addf(&line, "%s %s", mark_busy(&s->progress), strbuf_cstr(&text));
	if (waiting)
		strbuf_addf(&line, "; %zu waiting", waiting);
	struct str cut =
		text_cut(strbuf_str(&line), s->progress.width ? s->progress.width - 1 : 79);
	clear_line(s);
	if (running) {
		(void)!fd_write(STDERR_FILENO, cut.p, cut.n, NULL);
		s->drawn = true;
	}
	loop_timer_set(s->timer, DRAW_EVERY);
}

void run_show_init(struct run_show *s, struct run_world *w, struct engine *e, bool json)
{
	*s = (struct run_show){.w = w, .engine = e, .json = json, .began = clock_mono()};
	term_init(&s->term, STDOUT_FILENO);
	term_init(&s->progress, STDERR_FILENO);
	if (!s->progress.tty)
		return;
	s->timer = loop_timer_new(w->loop, draw, s);
	loop_timer_set(s->timer, DRAW_EVERY);
}

void run_show_done(struct run_show *s)
{
	loop_timer_free(s->timer);
	map_done(&s->told);
}

/* ---- the end ---- */
static struct str tail_of(struct str text)
{
	unsigned lines = 0;
	size_t from = text.n;

	while (text.n && text.p[text.n - 1] == '\n')
		text.n--;
	for (from = text.n; from; from--)
		if (text.p[from - 1] == '\n' && ++lines == TAIL_LINES)
			break;
	return (struct str){text.p + from, text.n - from};
}

/* What a log holds could also steer a terminal. */
static void add_plain(struct strbuf *to, struct str text)
{
	struct str rest = text;

	while (rest.p) {
		struct str line = str_cut(&rest, '\n');

		strbuf_adds(to, "    ");
		for (size_t i = 0; i < line.n; i++)
			if ((unsigned char)line.p[i] >= 0x20 || line.p[i] == '\t')
				strbuf_addc(to, line.p[i]);
		strbuf_addc(to, '\n');
	}
}

static void show_log(const struct run_show *s, const struct job *job, struct strbuf *to)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(LOG_MAX);
	AUTO(freep) char *path = log_path(s, job);

	if (!path || file_read(path, LOG_MAX, &text, NULL) != RC_OK || !text.n)
		return;
	strbuf_addc(to, '\n');
	tint(to, &s->term, BOLD, "%s/%s", unit_of(job), job->name);
	strbuf_addf(to, " said last (all of it: %s):\n", path);
	add_plain(to, tail_of(strbuf_str(&text)));
}

static void add_sum(const struct run_show *s, struct strbuf *to)
{
	static const enum job_state order[] = {JOB_FAILED, JOB_CANCELLED, JOB_SKIPPED,   JOB_PASSED,
					       JOB_FLAKY,  JOB_CACHED,    JOB_UNAFFECTED};
	const struct model *m = engine_model(s->engine);
	size_t n[JOB_STATES] = {0}, shown = 0;

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));)
		n[((const struct job *)e->value)->state]++;
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		if (n[order[i]])
			strbuf_addf(to, "%s%zu %s", shown++ ? ", " : "", n[order[i]],
				    job_state_names[order[i]]);
	strbuf_adds(to, shown ? " in " : "no jobs; ");
	strbuf_add_duration(to, clock_mono() - s->began);
	strbuf_addc(to, '\n');
}

void run_show_end(struct run_show *s)
{
	const struct model *m = engine_model(s->engine);
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)64 << 20);

	loop_timer_free(s->timer);
	s->timer = NULL;
	clear_line(s);
	if (s->json)
		return;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));)
		if (((const struct job *)e->value)->state == JOB_FAILED)
			show_log(s, e->value, &text);
	if (text.n)
		strbuf_addc(&text, '\n');
	add_sum(s, &text);
	local_print(&text);
}
