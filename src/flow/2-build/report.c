/*
 * All reports of a job. They were written by what a change brought along, so each is read behind caps, and one that is broken says so as an
 * annotation: it never fails the job.
 */
#include "flow/2-build/reports.h"

#include "base/glob.h"
#include "base/logmark.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 1000 /* of one kind */
#define TAIL_MAX  ((uint64_t)512 << 10)
#define MARKS_MAX ((size_t)64 << 20)
#define PIECE     ((size_t)256 << 10)

struct pass {
	const struct report_ask *ask;
	struct report_found *to;
	struct coverage coverage;
	size_t junits, sarifs, coverages, summaries;
};

static void say_of_file(struct pass *p, enum annotation_level level, const char *path,
			const char *fmt, ...) PRINTF(4, 5);
static void say_of_file(struct pass *p, enum annotation_level level, const char *path,
			const char *fmt, ...)
{
	struct strbuf text = STRBUF(2048);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	struct annotation a = {.level = level,
			       .source = xstrdup("penstock"),
			       .path = path ? report_path(str_of(path), p->ask->unit) : NULL,
			       .message = strbuf_take(&text)};
	report_annotate(&p->to->report, &a);
}

static bool matches(const char *glob, const char *path)
{
	return glob && *glob && glob_match(str_of(glob), str_of(path));
}

/* Where it is read from; the caller's. */
static char *place_of(const struct pass *p, const char *path)
{
	AUTO(freep)
	char *masked = p->ask->masked ? xasprintf("%s/%s", p->ask->masked, path) : NULL;

	return masked && access(masked, F_OK) == 0 ? xstrdup(masked)
						   : xasprintf("%s/%s", p->ask->work, path);
}

/* Reads one file of a kind. False: it is not to be taken, or was told what is wrong with it. */
static bool load(struct pass *p, const char *path, const char *what, size_t max, size_t *count,
		 struct strbuf *text)
{
	AUTO(freep) char *whole = place_of(p, path);
	struct err err = {0};

	if (++*count > FILES_MAX) {
		if (*count == FILES_MAX + 1)
			say_of_file(p, ANNOTATION_WARNING, NULL,
				    "more than %d files match reports.%s: the rest is left out",
				    FILES_MAX, what);
		return false;
	}
	*text = STRBUF(max + 1);
	if (file_read(whole, max, text, &err) == RC_OK)
		return true;
	say_of_file(p, ANNOTATION_WARNING, path, "reports.%s: %s cannot be read: %s", what, path,
		    err.msg);
	strbuf_done(text);
	return false;
}

static void read_junit(struct pass *p, const char *path)
{
	struct strbuf text;
	struct err err = {0};

	if (!load(p, path, "junit", JUNIT_MAX, &p->junits, &text))
		return;
	if (junit_read(strbuf_str(&text), p->ask->unit, &p->to->junit, &p->to->report, &err) !=
	    RC_OK) {
		say_of_file(p, ANNOTATION_WARNING, path, "%s is no JUnit report: %s", path,
			    err.msg);
		if (!p->to->junit.first_failure)
			p->to->junit.first_failure = xasprintf("%s: %s", path, err.msg);
	}
	strbuf_done(&text);
}

static void read_sarif(struct pass *p, const char *path)
{
	struct strbuf text;
	struct err err = {0};

	if (!load(p, path, "sarif", SARIF_MAX, &p->sarifs, &text))
		return;
	if (sarif_read(strbuf_str(&text), p->ask->unit, &p->to->report, &err) != RC_OK)
		say_of_file(p, ANNOTATION_WARNING, path, "%s is no SARIF report: %s", path,
			    err.msg);
	strbuf_done(&text);
}

static void read_coverage(struct pass *p, const char *path)
{
	struct strbuf text;
	struct err err = {0};

	if (!load(p, path, "coverage", COVERAGE_MAX, &p->coverages, &text))
		return;
	if (coverage_read(&p->coverage, strbuf_str(&text), p->ask->unit, &err) != RC_OK)
		say_of_file(p, ANNOTATION_WARNING, path, "the coverage in %s is not whole: %s",
			    path, err.msg);
	strbuf_done(&text);
}

/* At most REPORT_SUMMARY of all of them; a cut is said. */
static void add_summary(struct pass *p, const char *path)
{
	AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	AUTO(freep) char *bytes = xmalloc(REPORT_SUMMARY + 1);
	struct report *r = &p->to->report;
	size_t n = 0, before = r->summary ? strlen(r->summary) : 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	for (ssize_t k;
	     n <= REPORT_SUMMARY && (k = read(fd, bytes + n, REPORT_SUMMARY + 1 - n)) > 0;)
		n += (size_t)k;
	AUTO(freep)
	char *text =
		text_kept((struct str){bytes, n}, REPORT_SUMMARY - MIN_OF(before, REPORT_SUMMARY));
	if (n > REPORT_SUMMARY || before + n > REPORT_SUMMARY)
		say_of_file(p, ANNOTATION_WARNING, NULL,
			    "the step summary is cut: it may have %zu KiB", REPORT_SUMMARY >> 10);
	if (!*text)
		return;
	char *both = before ? xasprintf("%s\n\n%s", r->summary, text) : xstrdup(text);
	xfree(r->summary);
	r->summary = both;
}

static enum rc see(void *ctx, const struct file_seen *seen, struct err *err)
{
	struct pass *p = ctx;
	const struct reports_def *def = p->ask->def;

	(void)err;
	if (seen->kind != FILE_REGULAR)
		return RC_OK;
	if (matches(def->junit, seen->path))
		read_junit(p, seen->path);
	if (matches(def->sarif, seen->path))
		read_sarif(p, seen->path);
	if (matches(def->coverage, seen->path))
		read_coverage(p, seen->path);
	if (matches(def->summary, seen->path) && p->summaries++ < FILES_MAX) {
		AUTO(freep) char *whole = place_of(p, seen->path);
		add_summary(p, whole);
	}
	return RC_OK;
}

/* A job that passed and left no report where it promised one: a glob that is wrong would else stay unseen. */
static void miss(struct pass *p)
{
	const struct reports_def *def = p->ask->def;
	const struct {
		const char *name, *glob;
		size_t n;
	} kinds[] = {{"junit", def->junit, p->junits},
		     {"sarif", def->sarif, p->sarifs},
		     {"coverage", def->coverage, p->coverages},
		     {"summary", def->summary, p->summaries}};

	for (size_t i = 0; i < ARRAY_LEN(kinds) && !p->ask->failed; i++)
		if (kinds[i].glob && *kinds[i].glob && !kinds[i].n)
			say_of_file(p, ANNOTATION_WARNING, NULL,
				    "reports.%s: the job left no file that matches %s",
				    kinds[i].name, kinds[i].glob);
}

static void read_files(struct pass *p)
{
	const struct reports_def *def = p->ask->def;
	struct err err = {0};

	if (def && (def->junit || def->sarif || def->coverage || def->summary)) {
		if (tree_walk(p->ask->work, see, p, &err) != RC_OK)
			say_of_file(p, ANNOTATION_WARNING, NULL, "reports cannot be looked for: %s",
				    err.msg);
		miss(p);
	}
	if (p->ask->summary)
		add_summary(p, p->ask->summary);
	coverage_report(&p->coverage, &p->to->report);
	coverage_done(&p->coverage);
}

static void read_problems(struct pass *p)
{
	const struct reports_def *def = p->ask->def;
	AUTO(fd_close) int fd = -1;
	struct problems problems;
	ssize_t k;

	if (!def || !def->problems || !p->ask->log)
		return;
	fd = open(p->ask->log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || !problems_open(&problems, def->problems, p->ask->unit, &p->to->report))
		return;
	char *buf = xmalloc(PIECE);
	while ((k = read(fd, buf, PIECE)) > 0 || (k < 0 && errno == EINTR))
		if (k > 0)
			problems_feed(&problems, (struct str){buf, (size_t)k});
	xfree(buf);
	problems_close(&problems);
}

/* Where what failed stands in the log: the step that failed, or all before the first `finally`. */
static void span_of(const struct report_ask *ask, uint64_t *from, uint64_t *to)
{
	AUTO(freep) char *path = xasprintf("%s.idx", ask->log);
	AUTO(strbuf_done) struct strbuf text = STRBUF(MARKS_MAX);
	AUTO(log_marks_done) struct log_marks marks = {0};
	bool inside = false;
	struct err err = {0};

	if (file_read(path, MARKS_MAX, &text, &err) != RC_OK)
		return;
	log_marks_add(&marks, strbuf_str(&text));
	vec_each(m, &marks.v) {
		if (m->kind == LOG_BEGIN && streq(m->name, "finally") && !inside) {
			*to = MIN_OF(*to, m->at);
			return;
		}
		if (m->kind == LOG_BEGIN && ask->step && streq(m->name, ask->step)) {
			*from = m->at;
			inside = true;
		} else if (m->kind == LOG_END && inside) {
			*to = MIN_OF(*to, m->at);
			return;
		}
	}
}

static void find_cause(struct pass *p)
{
	const struct report_ask *ask = p->ask;
	AUTO(fd_close) int fd = ask->log ? open(ask->log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	AUTO(strbuf_done) struct strbuf cause = STRBUF(CAUSE_MAX);
	struct stat st;

	if (!ask->failed || fd < 0 || fstat(fd, &st) < 0)
		return;
	uint64_t from = 0, to = (uint64_t)st.st_size;
	span_of(ask, &from, &to);
	from = MAX_OF(from, to > TAIL_MAX ? to - TAIL_MAX : 0);
	size_t n = to > from ? (size_t)(to - from) : 0;
	AUTO(freep) char *text = xmalloc(n + 1);
	ssize_t k = pread(fd, text, n, (off_t)from);
	struct cause_ask c = {.log = {text, k > 0 ? (size_t)k : 0},
			      .report = &p->to->report,
			      .exit = ask->exit,
			      .error = ask->error,
			      .step = ask->step};
	cause_find(&c, &cause);
	if (cause.n)
		p->to->report.cause = strbuf_take(&cause);
}

static void failed_first(struct report *r)
{
	struct report_test *all = xcalloc(r->tests.n + 1, sizeof(*all));
	size_t n = 0;

	vec_each(t, &r->tests)
		if (t->outcome == TEST_FAILED)
			all[n++] = *t;
	vec_each(t, &r->tests)
		if (t->outcome != TEST_FAILED)
			all[n++] = *t;
	if (n)
		memcpy(r->tests.v, all, n * sizeof(*all));
	xfree(all);
}

void report_collect(const struct report_ask *ask, struct report_found *ret)
{
	struct pass p = {.ask = ask, .to = ret};
	struct report *r = &ret->report;

	*ret = (struct report_found){0};
	r->job = xstrdup(ask->job);
	r->step = ask->step ? xstrdup(ask->step) : NULL;
	read_files(&p);
	read_problems(&p);
	failed_first(r);
	find_cause(&p);
	junit_times(r, &ret->times);
	ret->sum = (struct job_report){.errors = r->errors,
				       .warnings = r->warnings,
				       .lines = r->lines,
				       .covered = r->covered,
				       .cause = r->cause ? xstrdup(r->cause) : NULL};
}

void report_found_done(struct report_found *f)
{
	report_done(&f->report);
	shape_done(&shape_junit, &f->junit);
	shape_done(&shape_job_report, &f->sum);
	vec_each(t, &f->times)
		xfree(t->file);
	vec_done(&f->times);
}
