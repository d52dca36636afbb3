/* A local run, as people and scripts see it. */
#include "base/json.h"
#include "base/mask.h"
#include "base/mem.h"
#include "clients/logfile.h"
#include "io/clock.h"
#include "io/files.h"
#include "main/run_ci.h"

#include <fcntl.h>
#include <unistd.h>

#define PROMISED_LEAST (10 * USEC_SEC)
#define LOG_MAX        ((size_t)64 << 10) /* of its end */
#define TAIL_LINES     30
#define DRAW_EVERY     (100 * USEC_MS)

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

bool run_show_is_bad(const struct job *job)
{
	return (job->state == JOB_FAILED && !job->amber) || job->state == JOB_CANCELLED ||
	       job->state == JOB_LOST;
}

bool run_show_is_amber(const struct job *job)
{
	return (job->state == JOB_FAILED && job->amber) || job->state == JOB_FLAKY;
}

static usec_t time_of(const struct job *job)
{
	return job->started_at && job->ended_at > job->started_at ? job->ended_at - job->started_at
								  : 0;
}

/* Where the log lies in the cache; NULL: there is none. The caller's. */
char *run_show_log(const struct run_show *s, const struct job *job)
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

static const char *failure_of(const struct job *job)
{
	return job->error ? job->error : failure_names[job->failure];
}

static void tell_json_failure(const struct run_show *s, const struct job *job, struct json_out *out)
{
	AUTO(freep) char *cause = run_show_masked(s, job->report.cause);

	json_cstr(out, "error", failure_of(job));
	json_cstr(out, "failure", failure_names[job->failure]);
	json_i64(out, "exit", job->exit);
	if (cause)
		json_cstr(out, "cause", cause);
}

static void tell_json(const struct run_show *s, const struct job *job, struct strbuf *to)
{
	struct json_out out = JSON_OUT(to);
	AUTO(freep) char *log = run_show_log(s, job);

	json_open(&out, NULL);
	json_cstr(&out, "unit", job->unit);
	json_cstr(&out, "job", job->name);
	json_cstr(&out, "state", job_state_names[job->state]);
	json_cstr(&out, "key", job->key);
	json_double(&out, "seconds", (double)(time_of(job) / USEC_MS) / 1000);
	json_cstr(&out, "log", log);
	if (job->attempt > 1)
		json_u64(&out, "attempt", job->attempt);
	if (run_show_is_amber(job))
		json_bool(&out, "amber", true);
	if (job->why)
		json_cstr(&out, "why", job->why);
	if (job->state == JOB_FAILED)
		tell_json_failure(s, job, &out);
	json_close(&out);
	strbuf_addc(to, '\n');
}

static void tell_text(const struct run_show *s, const struct job *job, struct strbuf *to)
{
	const struct term *t = &s->term;
	bool bad = run_show_is_bad(job), amber = run_show_is_amber(job);
	bool good = job->state == JOB_PASSED;

	if (job->state == JOB_UNAFFECTED)
		return;
	tint(to, t,
	     bad     ? BAD
	     : amber ? WARN
	     : good  ? GOOD
		     : DIM,
	     "%s",
	     bad     ? mark_bad(t)
	     : amber ? "!"
	     : good  ? mark_good(t)
		     : mark_wait(t));
	strbuf_addf(to, " %-9s %s/%s", job_state_names[job->state], unit_of(job), job->name);
	if (time_of(job)) {
		strbuf_adds(to, "  ");
		strbuf_add_duration(to, time_of(job));
	}
	if (job->state == JOB_FAILED)
		strbuf_addf(to, "  %s", failure_of(job));
	if (job->state == JOB_FAILED && amber)
		tint(to, t, DIM, " (allowed)");
	if (job->attempt > 1)
		tint(to, t, DIM, " (attempt %u)", job->attempt);
	if (job->state == JOB_SKIPPED && job->why)
		tint(to, t, DIM, "  %s", job->why);
	strbuf_addc(to, '\n');
}

static bool is_for_people(const struct run_show *s)
{
	return !s->json && (!s->ci || s->ci->speech == SPEECH_PLAIN);
}

/* Once, before it takes long. */
static void say_expected(struct run_show *s, const struct model *m)
{
	const struct run *run = model_run(m, RUN_ID);
	AUTO(strbuf_done) struct strbuf text = STRBUF(256);

	if (s->promised || !run || run->predicted < PROMISED_LEAST)
		return;
	s->promised = true;
	strbuf_add_duration(&text, run->predicted);
	fprintf(stderr, "penstock: about %s, as its jobs took before\n", strbuf_cstr(&text));
}

void run_show_news(struct run_show *s)
{
	const struct model *m = engine_model(s->engine);

	if (!s->json)
		say_expected(s, m);
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)64 << 20);

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (!job->settled || map_get(&s->told, str_of(job->id)))
			continue;
		map_put(&s->told, str_of(job->id), s);
		if (s->ci)
			run_ci_job(s->ci, s, job, &text);
		if (s->json)
			tell_json(s, job, &text);
		else if (is_for_people(s))
			tell_text(s, job, &text);
	}
	if (!text.n)
		return;
	clear_line(s);
	local_print(&text);
}

/* ---- the line that goes away ---- */
/* "run-1/ci/a/test" -> "a/test" */
const char *run_show_name(const char *id)
{
	const char *stage = strchr(id, '/'), *unit = stage ? strchr(stage + 1, '/') : NULL;

	return unit ? unit + 1 : id;
}

/* What is left of the time that history promises. */
static void add_left(const struct run_show *s, struct strbuf *to)
{
	const struct run *run = model_run(engine_model(s->engine), RUN_ID);
	usec_t gone = clock_mono() - s->began;

	if (!run || run->predicted <= gone)
		return;
	strbuf_adds(to, "(about ");
	strbuf_add_duration(to, run->predicted - gone);
	strbuf_adds(to, " left) ");
}

static void draw(void *arg)
{
	struct run_show *s = arg;
	const struct model *m = engine_model(s->engine);
	AUTO(strbuf_done) struct strbuf text = STRBUF(8192), line = STRBUF(8192);
	usec_t now = runner_now(s->w->world.runner);
	size_t running = 0, waiting = 0, ended = 0;

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (job->state == JOB_MANUAL)
			continue; /* nobody starts it here */
		ended += job->settled && job->state != JOB_UNAFFECTED;
		waiting += !job->settled && job->state != JOB_RUNNING;
		if (job->state != JOB_RUNNING || ++running > 8)
			continue;
		strbuf_addf(&text, "%s%s/%s ", running > 1 ? ", " : "", unit_of(job), job->name);
		strbuf_add_duration(&text, now > job->started_at ? now - job->started_at : 0);
	}
	strbuf_addf(&line, "%s %zu/%zu ", mark_busy(&s->progress), ended,
		    ended + running + waiting);
	add_left(s, &line);
	strbuf_addstr(&line, strbuf_str(&text));
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

void run_show_mask(struct run_show *s, const struct config *c)
{
	s->mask = mask_new();
	vec_each(job, &c->jobs) {
		if (job->stage != STAGE_CI)
			continue;
		vec_each(secret, &job->secrets) {
			AUTO(strbuf_done) struct strbuf value = STRBUF(MASK_MAX + 2);
			if (secret_get(s->w->world.secret, secret->value, &value, NULL) == RC_OK)
				(void)!mask_add(s->mask, strbuf_str(&value), NULL);
			mem_wipe(value.p, value.n);
		}
	}
	mask_seal(s->mask);
}

char *run_show_masked(const struct run_show *s, const char *text)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF((size_t)16 << 20);

	if (!text)
		return NULL;
	strbuf_adds(&b, text);
	mask_text(s->mask, &b);
	return strbuf_take(&b);
}

void run_show_done(struct run_show *s)
{
	mask_free(s->mask);
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
	AUTO(freep) char *path = run_show_log(s, job);
	AUTO(logfile_freep) struct logfile *l = NULL;
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;

	if (fd < 0 || logfile_open(fd, &l, NULL) != RC_OK)
		return;
	uint64_t size = logfile_size(l);
	if (!size ||
	    logfile_read(l, size > LOG_MAX ? size - LOG_MAX : 0, LOG_MAX, &text, NULL) != RC_OK)
		return;
	strbuf_addc(to, '\n');
	tint(to, &s->term, BOLD, "%s/%s", unit_of(job), job->name);
	if (job->report.cause) {
		AUTO(freep) char *cause = run_show_masked(s, job->report.cause);
		strbuf_adds(to, ", the likely cause:\n");
		add_plain(to, str_of(cause));
		strbuf_addf(to, "  (all of its log: zstd -dcf %s)\n", path);
		return;
	}
	strbuf_addf(to, " said last (all of it: zstd -dcf %s):\n", path);
	add_plain(to, tail_of(strbuf_str(&text)));
}

/* Nobody can start a manual job here, so it is left out, and so is what needs it. */
static void add_left_out(const struct run_show *s, struct strbuf *to)
{
	const struct model *m = engine_model(s->engine);

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (job->settled || !job->optional)
			continue;
		if (s->json) {
			tell_json(s, job, to);
			continue;
		}
		tint(to, &s->term, DIM, "%s", mark_wait(&s->term));
		strbuf_addf(to, " left out  %s/%s", unit_of(job), job->name);
		tint(to, &s->term, DIM, "  %s\n",
		     job->state == JOB_MANUAL ? "manual: `penstock start` at a daemon runs it"
					      : "it needs a manual job");
	}
}

static bool is_left_out(const struct job *job)
{
	return job->optional && !job->settled && job->state == JOB_BLOCKED;
}

static void add_sum(const struct run_show *s, struct strbuf *to)
{
	static const enum job_state order[] = {JOB_FAILED,     JOB_CANCELLED, JOB_SKIPPED,
					       JOB_PASSED,     JOB_FLAKY,     JOB_CACHED,
					       JOB_UNAFFECTED, JOB_MANUAL};
	const struct model *m = engine_model(s->engine);
	size_t n[JOB_STATES] = {0}, shown = 0, amber = 0, left_out = 0;

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (is_left_out(job))
			left_out++;
		else if (job->state == JOB_FAILED && job->amber)
			amber++;
		else
			n[job->state]++;
	}
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		if (n[order[i]])
			strbuf_addf(to, "%s%zu %s", shown++ ? ", " : "", n[order[i]],
				    job_state_names[order[i]]);
	if (amber)
		strbuf_addf(to, "%s%zu failed (allowed)", shown++ ? ", " : "", amber);
	if (left_out)
		strbuf_addf(to, "%s%zu behind a manual job", shown++ ? ", " : "", left_out);
	size_t cut = n[JOB_RUNNING] + n[JOB_READY] + n[JOB_BLOCKED];
	if (cut) /* by a second Ctrl-C */
		strbuf_addf(to, "%s%zu cut off", shown++ ? ", " : "", cut);
	strbuf_adds(to, shown ? " in " : "no jobs; ");
	strbuf_add_duration(to, clock_mono() - s->began);
	strbuf_addc(to, '\n');
}

struct slow {
	const struct job *job[3];
};

static void note_slow(struct slow *slow, const struct job *job)
{
	for (size_t i = 0; i < ARRAY_LEN(slow->job); i++) {
		const struct job *there = slow->job[i];
		if (there && time_of(there) >= time_of(job))
			continue;
		slow->job[i] = job;
		job = there;
		if (!job)
			return;
	}
}

/* The longest way and the slowest jobs, when there is something to choose from. */
static void add_times(const struct run_show *s, struct strbuf *to)
{
	const struct model *m = engine_model(s->engine);
	const struct run *run = model_run(m, RUN_ID);
	struct slow slow = {{NULL}};
	size_t ran = 0;

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		if (!time_of(e->value))
			continue;
		note_slow(&slow, e->value);
		ran++;
	}
	if (ran < 2)
		return;
	if (run && run->critical.n > 1) {
		strbuf_adds(to, "critical path:");
		vec_each(job, &run->critical)
			strbuf_addf(to, "%s %s", job == run->critical.v ? "" : " >",
				    run_show_name(*job));
		strbuf_addc(to, '\n');
	}
	strbuf_adds(to, "slowest:");
	for (size_t i = 0; i < ARRAY_LEN(slow.job) && slow.job[i]; i++) {
		strbuf_addf(to, "%s %s/%s ", i ? "," : "", unit_of(slow.job[i]), slow.job[i]->name);
		strbuf_add_duration(to, time_of(slow.job[i]));
	}
	strbuf_addc(to, '\n');
	if (run)
		vec_each(text, &run->advice)
			strbuf_addf(to, "advice: %s\n", *text);
}

void run_show_end(struct run_show *s)
{
	const struct model *m = engine_model(s->engine);
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)64 << 20);

	loop_timer_free(s->timer);
	s->timer = NULL;
	clear_line(s);
	if (s->json || is_for_people(s))
		add_left_out(s, &text);
	if (s->json && s->ci)
		run_ci_end(s->ci, s, (double)(clock_mono() - s->began) / 1e6);
	if (s->json) {
		local_print(&text);
		return;
	}
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));)
		if (is_for_people(s) && ((const struct job *)e->value)->state == JOB_FAILED)
			show_log(s, e->value, &text);
	if (text.n)
		strbuf_addc(&text, '\n');
	add_times(s, &text);
	add_sum(s, &text);
	local_print(&text);
	if (s->ci)
		run_ci_end(s->ci, s, (double)(clock_mono() - s->began) / 1e6);
}
