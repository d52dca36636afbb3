#include "main/run_ci.h"
#include "base/mask.h"
#include "clients/logfile.h"
#include "io/files.h"
#include "ports/report.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define LOG_TOLD  ((size_t)4 << 20)  /* of one job, its end */
#define FILE_MAX  ((size_t)64 << 20) /* of a report that is written */
#define EVENT_MAX ((size_t)32 << 20)

/* ---- where it runs ---- */
static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && streq(value, "true");
}

enum rc run_ci_detect(const char *given, enum speech *ret, struct err *err)
{
	if (given && !streq(given, "github") && !streq(given, "gitlab") && !streq(given, "plain"))
		return err_set(err, RC_INVALID, "--dialect is github, gitlab or plain, not \"%s\"",
			       given);
	bool github = given ? streq(given, "github") : is_set("GITHUB_ACTIONS");
	bool gitlab = given ? streq(given, "gitlab") : is_set("GITLAB_CI");
	*ret = github ? SPEECH_GITHUB : gitlab ? SPEECH_GITLAB : SPEECH_PLAIN;
	return RC_OK;
}

/* A commit id, and not the zeros that stand for none. */
static bool is_commit(const char *text)
{
	bool zero = true;
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++) {
		if (!strchr("0123456789abcdef", text[i]))
			return false;
		zero &= text[i] == '0';
	}
	return n == 40 && !zero;
}

static char *github_base(void)
{
	const char *path = getenv("GITHUB_EVENT_PATH");
	AUTO(strbuf_done) struct strbuf text = STRBUF(EVENT_MAX);
	AUTO(json_freep) struct json *event = NULL;

	if (!path || file_read(path, EVENT_MAX, &text, NULL) != RC_OK ||
	    json_read(strbuf_str(&text), EVENT_MAX, &event, NULL) != RC_OK)
		return NULL;
	const char *found[] = {
		json_get_text(json_get(json_get(event, "pull_request"), "base"), "sha", ""),
		json_get_text(json_get(event, "merge_group"), "base_sha", ""),
		json_get_text(event, "before", "")};
	for (size_t i = 0; i < ARRAY_LEN(found); i++)
		if (is_commit(found[i]))
			return xstrdup(found[i]);
	return NULL;
}

char *run_ci_base(enum speech s)
{
	static const char *const names[] = {"CI_MERGE_REQUEST_DIFF_BASE_SHA",
					    "CI_COMMIT_BEFORE_SHA"};

	if (s == SPEECH_GITHUB)
		return github_base();
	for (size_t i = 0; s == SPEECH_GITLAB && i < ARRAY_LEN(names); i++) {
		const char *value = getenv(names[i]);
		if (value && is_commit(value))
			return xstrdup(value);
	}
	return NULL;
}

enum rc run_ci_no_base(enum speech s, const char *base, struct err *err)
{
	const char *fix = s == SPEECH_GITHUB   ? "give actions/checkout `with: {fetch-depth: 0}`"
			  : s == SPEECH_GITLAB ? "set the variable GIT_DEPTH: 0"
					       : "git fetch --unshallow";

	return err_set(
		err, RC_NOT_FOUND,
		"this clone does not hold %.40s, the base of the change, as far as it goes (a shallow clone?): %s",
		base, fix);
}

void run_ci_init(struct run_ci *ci, enum speech s, const char *junit, const char *codequality)
{
	unsigned char random[16];
	struct strbuf hex = STRBUF(64);

	*ci = (struct run_ci){.speech = s,
			      .junit = junit,
			      .codequality = codequality,
			      .tests = STRBUF(FILE_MAX),
			      .quality = STRBUF(FILE_MAX)};
	BUG_ON(getrandom(random, sizeof(random), 0) != sizeof(random));
	strbuf_add_hex(&hex, random, sizeof(random));
	memcpy(ci->token, strbuf_cstr(&hex), sizeof(ci->token));
	strbuf_done(&hex);
}

void run_ci_done(struct run_ci *ci)
{
	strbuf_done(&ci->tests);
	strbuf_done(&ci->quality);
}

/* ---- a job ---- */
static void add_log(struct run_ci *ci, const struct run_show *s, const struct job *job,
		    struct strbuf *to)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(LOG_TOLD + 64);
	AUTO(freep) char *path = run_show_log(s, job);
	AUTO(logfile_freep) struct logfile *log = NULL;
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;

	if (fd < 0 || logfile_open(fd, &log, NULL) != RC_OK)
		return;
	uint64_t size = logfile_size(log), from = size > LOG_TOLD ? size - LOG_TOLD : 0;
	if (logfile_read(log, from, LOG_TOLD, &text, NULL) != RC_OK)
		return;
	if (from)
		strbuf_addf(to, "(the last 4 MiB of %llu bytes)\n", (unsigned long long)size);
	speech_log(to, ci->speech, ci->token, strbuf_str(&text));
}

static void tell_note(struct run_ci *ci, const struct annotation *a, const char *job,
		      struct strbuf *to)
{
	struct speech_note note = {.level = annotation_level_names[a->level],
				   .path = a->path,
				   .line = a->line,
				   .column = a->column,
				   .title = a->rule ? a->rule : job,
				   .message = a->message};

	if (ci->codequality && a->path && a->message)
		speech_quality(&ci->quality, &note, a->rule, ci->entries++ == 0);
	if (ci->speech == SPEECH_GITHUB && ci->notes[a->level]++ < SPEECH_ANNOTATIONS)
		speech_github_note(to, &note);
}

static void add_suite(struct run_ci *ci, const struct report *r, const char *name)
{
	VEC(struct speech_test) tests = {0};

	vec_each(t, &r->tests)
		vec_push(&tests, ((struct speech_test){.class = t->class,
						       .name = t->name,
						       .file = t->file,
						       .message = t->message,
						       .text = t->text,
						       .seconds = (double)t->usec / 1e6,
						       .failed = t->outcome == TEST_FAILED,
						       .skipped = t->outcome == TEST_SKIPPED}));
	if (tests.n)
		speech_suite(&ci->tests, name, tests.v, tests.n);
	vec_done(&tests);
}

static void read_report(struct run_ci *ci, const struct run_show *s, const struct job *job,
			struct strbuf *to)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(REPORT_MAX);
	AUTO(report_done) struct report r = {0};
	AUTO(freep) char *name = xasprintf("%s/%s", *job->unit ? job->unit : "-", job->name);

	if (!job->report.blob ||
	    blobs_get(s->w->world.blobs, job->report.blob, REPORT_MAX, &text, NULL) != RC_OK)
		return;
	mask_text(s->mask, &text);
	if (shape_parse(strbuf_str(&text), REPORT_MAX, &shape_report, &r, NULL) != RC_OK)
		return;
	vec_each(a, &r.annotations)
		tell_note(ci, a, name, to);
	add_suite(ci, &r, name);
}

/* What was said last explains a command that failed by itself, and nothing of one that was ended. */
static void tell_failure(struct run_ci *ci, const struct run_show *s, const struct job *job,
			 const char *title, struct strbuf *to)
{
	enum annotation_level level = run_show_is_bad(job) ? ANNOTATION_ERROR : ANNOTATION_WARNING;
	AUTO(freep) char *cause = run_show_masked(s, job->report.cause);
	const char *error = job->error ? job->error : failure_names[job->failure];
	bool own = job->failure == FAILURE_EXIT;

	if (ci->notes[level]++ >= SPEECH_ANNOTATIONS)
		return;
	AUTO(freep)
	char *message = cause && own ? xstrdup(cause)
			: cause      ? xasprintf("%s\n%s", error, cause)
				     : xstrdup(error);
	speech_github_note(to, &(struct speech_note){.level = annotation_level_names[level],
						     .title = title,
						     .message = message});
}

void run_ci_job(struct run_ci *ci, const struct run_show *s, const struct job *job,
		struct strbuf *to)
{
	bool bad = run_show_is_bad(job), amber = run_show_is_amber(job);
	AUTO(strbuf_done) struct strbuf title = STRBUF(4096);
	uint64_t id = ++ci->next, now = (uint64_t)time(NULL);

	if (job->state == JOB_UNAFFECTED)
		return;
	if (ci->speech == SPEECH_PLAIN) {
		read_report(ci, s, job, to);
		return;
	}
	strbuf_addf(&title, "%s %s/%s", job_state_names[job->state], *job->unit ? job->unit : "-",
		    job->name);
	if (job->ended_at > job->started_at && job->started_at) {
		strbuf_adds(&title, "  ");
		strbuf_add_duration(&title, job->ended_at - job->started_at);
	}
	/* a fold that is shut hides what failed */
	bool fold = !(bad && ci->speech == SPEECH_GITHUB);
	if (fold)
		speech_open(to, ci->speech, now, id, strbuf_str(&title), !bad);
	else
		strbuf_addf(to, "%s\n", strbuf_cstr(&title));
	add_log(ci, s, job, to);
	if (fold)
		speech_close(to, ci->speech, now, id);
	if ((bad || amber) && ci->speech == SPEECH_GITHUB)
		tell_failure(ci, s, job, strbuf_cstr(&title), to);
	read_report(ci, s, job, to);
}

/* ---- the end ---- */
static void append(const char *variable, const struct strbuf *text)
{
	const char *path = getenv(variable);
	int fd = path && *path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644) : -1;
	struct err err = {0};

	if (fd < 0)
		return;
	if (fd_write(fd, strbuf_cstr(text), text->n, &err) != RC_OK)
		fprintf(stderr, "penstock: $%s: %s\n", variable, err.msg);
	(void)close(fd);
}

static void write_outputs(const struct run_ci *ci, const struct model *m, const struct run *run)
{
	AUTO(strbuf_done)
	struct strbuf out = STRBUF(FILE_MAX), units = STRBUF(FILE_MAX / 4),
		      images = STRBUF(FILE_MAX / 4);
	struct json_out u = JSON_OUT(&units), i = JSON_OUT(&images);

	json_list(&u, NULL);
	vec_each(unit, &run->affected)
		json_cstr(&u, NULL, *unit);
	json_unlist(&u);
	json_open(&i, NULL);
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;
		if (job->image)
			json_cstr(&i, job->unit, job->image);
	}
	json_close(&i);
	speech_output(&out, ci->token, "affected", strbuf_cstr(&units));
	speech_output(&out, ci->token, "passed", run->state == RUN_PASSED ? "true" : "false");
	speech_output(&out, ci->token, "images", strbuf_cstr(&images));
	append("GITHUB_OUTPUT", &out);
}

static void write_summary(const struct run_show *s, const struct model *m, const struct run *run,
			  double seconds)
{
	AUTO(strbuf_done)
	struct strbuf text = STRBUF((size_t)1 << 20), path = STRBUF((size_t)64 << 10);
	VEC(struct speech_job) jobs = {0};

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;
		bool ran = job->started_at && job->ended_at > job->started_at;
		vec_push(&jobs,
			 ((struct speech_job){
				 .unit = job->unit,
				 .job = job->name,
				 .state = job_state_names[job->state],
				 .why = job->error ? job->error : job->why,
				 .seconds =
					 ran ? (double)(job->ended_at - job->started_at) / 1e6 : 0,
				 .bad = run_show_is_bad(job),
				 .amber = run_show_is_amber(job),
				 .cause = job->report.cause}));
	}
	vec_each(job, &run->critical)
		strbuf_addf(&path, "%s%s", path.n ? " → " : "", run_show_name(*job));
	speech_summary(&text, jobs.v, jobs.n, path.n ? strbuf_cstr(&path) : NULL, seconds);
	vec_done(&jobs);
	mask_text(s->mask, &text);
	append("GITHUB_STEP_SUMMARY", &text);
}

static void write_file(const char *path, const char *before, const struct strbuf *body,
		       const char *after)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(FILE_MAX + 1024);
	struct err err = {0};

	strbuf_adds(&text, before);
	strbuf_addstr(&text, strbuf_str(body));
	strbuf_adds(&text, after);
	if (strbuf_failed(body) || file_write_fast(path, strbuf_str(&text), 0644, &err) != RC_OK)
		fprintf(stderr, "penstock: %s: %s\n", path,
			err.rc == RC_OK ? "above 64 MiB" : err.msg);
}

void run_ci_end(struct run_ci *ci, const struct run_show *s, double seconds)
{
	const struct model *m = engine_model(s->engine);
	const struct run *run = model_run(m, RUN_ID);

	if (ci->speech == SPEECH_GITHUB && run) {
		write_summary(s, m, run, seconds);
		write_outputs(ci, m, run);
	}
	if (ci->junit)
		write_file(ci->junit, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n",
			   &ci->tests, "</testsuites>\n");
	if (ci->codequality)
		write_file(ci->codequality, "[", &ci->quality, "]\n");
}
