#include "dialect/speech.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/mem.h"

#define SUMMARY_MAX ((size_t)1000 << 10)
#define CAUSE_MAX   2000 /* bytes of one cause in the summary */

/* ---- GitHub's commands ---- */
/* property: `:` and `,` mean something there. */
static void add_value(struct strbuf *to, const char *text, bool property)
{
	for (; *text; text++) {
		if (*text == '%')
			strbuf_adds(to, "%25");
		else if (*text == '\r')
			strbuf_adds(to, "%0D");
		else if (*text == '\n')
			strbuf_adds(to, "%0A");
		else if (*text == ':' && property)
			strbuf_adds(to, "%3A");
		else if (*text == ',' && property)
			strbuf_adds(to, "%2C");
		else if ((unsigned char)*text >= 0x20 || *text == '\t')
			strbuf_addc(to, *text);
	}
}

void speech_github_note(struct strbuf *to, const struct speech_note *note)
{
	char sep = ' ';

	strbuf_addf(to, "::%s", note->level);
	if (note->path) {
		strbuf_adds(to, " file=");
		add_value(to, note->path, true);
		sep = ',';
		if (note->line)
			strbuf_addf(to, ",line=%u", note->line);
		if (note->line && note->column)
			strbuf_addf(to, ",col=%u", note->column);
	}
	if (note->title) {
		strbuf_addf(to, "%ctitle=", sep);
		add_value(to, note->title, true);
	}
	strbuf_adds(to, "::");
	add_value(to, note->message ? note->message : "", false);
	strbuf_addc(to, '\n');
}

/* One line, without what steers a terminal or a log. */
static void add_line(struct strbuf *to, struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		strbuf_addc(to,
			    (unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f ? ' ' : text.p[i]);
}

void speech_open(struct strbuf *to, enum speech s, uint64_t now, uint64_t id, struct str title,
		 bool collapsed)
{
	switch (s) {
	case SPEECH_PLAIN:
		return;
	case SPEECH_GITHUB:
		strbuf_adds(to, "::group::");
		break;
	case SPEECH_GITLAB:
		strbuf_addf(to, "\033[0Ksection_start:%llu:penstock_%llu%s\r\033[0K",
			    (unsigned long long)now, (unsigned long long)id,
			    collapsed ? "[collapsed=true]" : "");
		break;
	}
	add_line(to, title);
	strbuf_addc(to, '\n');
}

/* GitLab reads section marks wherever they stand: escapes that begin one are taken out, colours stay. */
static void add_gitlab_log(struct strbuf *to, struct str log)
{
	for (size_t i = 0; i < log.n; i++) {
		struct str rest = {log.p + i, log.n - i};
		if (str_starts(rest, "section_start:") || str_starts(rest, "section_end:")) {
			strbuf_adds(to, "section ");
			i += strlen("section_") - 1;
		} else if (rest.p[0] != '\r' || (rest.n > 1 && rest.p[1] == '\n')) {
			strbuf_addc(to, rest.p[0]);
		} else {
			strbuf_addc(to, '\n');
		}
	}
}

void speech_log(struct strbuf *to, enum speech s, const char *token, struct str log)
{
	if (!log.n)
		return;
	if (s == SPEECH_GITHUB)
		strbuf_addf(to, "::stop-commands::%s\n", token);
	if (s == SPEECH_GITLAB)
		add_gitlab_log(to, log);
	else
		strbuf_addstr(to, log);
	if (log.p[log.n - 1] != '\n')
		strbuf_addc(to, '\n');
	if (s == SPEECH_GITHUB)
		strbuf_addf(to, "::%s::\n", token);
}

void speech_close(struct strbuf *to, enum speech s, uint64_t now, uint64_t id)
{
	if (s == SPEECH_GITHUB)
		strbuf_adds(to, "::endgroup::\n");
	else if (s == SPEECH_GITLAB)
		strbuf_addf(to, "\033[0Ksection_end:%llu:penstock_%llu\r\033[0K\n",
			    (unsigned long long)now, (unsigned long long)id);
}

void speech_output(struct strbuf *to, const char *token, const char *name, const char *value)
{
	strbuf_addf(to, "%s<<penstock_%s\n%s\npenstock_%s\n", name, token, value, token);
}

/* ---- the summary ---- */
void speech_cell(struct strbuf *to, const char *text)
{
	for (; *text; text++) {
		if (strchr("|`*_[]()#!~\\", *text))
			strbuf_addf(to, "\\%c", *text);
		else if (*text == '<')
			strbuf_adds(to, "&lt;");
		else if (*text == '>')
			strbuf_adds(to, "&gt;");
		else if (*text == '&')
			strbuf_adds(to, "&amp;");
		else if (*text == '@') /* would call somebody */
			strbuf_adds(to, "&#64;");
		else
			strbuf_addc(to, (unsigned char)*text < 0x20 ? ' ' : *text);
	}
}

static void add_row(struct strbuf *to, const struct speech_job *job)
{
	strbuf_addf(to, "| %s | ",
		    job->bad                                                     ? "❌"
		    : job->amber                                                 ? "⚠️"
		    : streq(job->state, "passed") || streq(job->state, "cached") ? "✅"
										 : "⚪");
	speech_cell(to, *job->unit ? job->unit : "-");
	strbuf_adds(to, " | ");
	speech_cell(to, job->job);
	strbuf_adds(to, " | ");
	speech_cell(to, job->state);
	strbuf_adds(to, job->amber && streq(job->state, "failed") ? " (allowed) | " : " | ");
	if (job->seconds > 0)
		strbuf_addf(to, "%.1f s", job->seconds);
	strbuf_adds(to, " | ");
	speech_cell(to, job->why ? job->why : "");
	strbuf_adds(to, " |\n");
}

/* An indented block: nothing in it is Markdown, and no line of it can end the block. */
static void add_cause(struct strbuf *to, const struct speech_job *job)
{
	struct str rest = str_of(job->cause);

	rest.n = MIN_OF(rest.n, (size_t)CAUSE_MAX);
	strbuf_adds(to, "\nThe likely cause of ");
	speech_cell(to, *job->unit ? job->unit : "-");
	strbuf_adds(to, "/");
	speech_cell(to, job->job);
	strbuf_adds(to, ":\n\n");
	while (rest.p) {
		struct str line = str_cut(&rest, '\n');
		strbuf_adds(to, "    ");
		add_line(to, line);
		strbuf_addc(to, '\n');
	}
}

void speech_summary(struct strbuf *to, const struct speech_job *jobs, size_t n,
		    const char *critical, double seconds)
{
	size_t bad = 0, amber = 0, cached = 0, unaffected = 0, left = 0;

	for (size_t i = 0; i < n; i++) {
		bad += jobs[i].bad;
		amber += jobs[i].amber;
		cached += streq(jobs[i].state, "cached");
		unaffected += streq(jobs[i].state, "unaffected");
	}
	strbuf_addf(to, "## Penstock: %s\n\n%zu job%s, %zu failed", bad ? "failed" : "passed", n,
		    n == 1 ? "" : "s", bad);
	if (amber)
		strbuf_addf(to, ", %zu amber", amber);
	if (cached)
		strbuf_addf(to, ", %zu from the cache", cached);
	if (unaffected)
		strbuf_addf(to, ", %zu unaffected", unaffected);
	strbuf_addf(to, ", %.1f s\n\n", seconds);
	strbuf_adds(to, "| | unit | job | state | time | why |\n|---|---|---|---|---|---|\n");
	for (int pass = 2; pass >= 0; pass--) /* failures first */
		for (size_t i = 0; i < n; i++) {
			if ((jobs[i].bad     ? 2
			     : jobs[i].amber ? 1
					     : 0) != pass ||
			    streq(jobs[i].state, "unaffected"))
				continue;
			if (to->n > SUMMARY_MAX / 2)
				left++;
			else
				add_row(to, &jobs[i]);
		}
	if (left)
		strbuf_addf(to, "\n%zu more jobs are not shown.\n", left);
	for (size_t i = 0; i < n; i++)
		if ((jobs[i].bad || jobs[i].amber) && jobs[i].cause && to->n < SUMMARY_MAX)
			add_cause(to, &jobs[i]);
	if (critical) {
		strbuf_adds(to, "\nThe critical path: ");
		speech_cell(to, critical);
		strbuf_adds(to, "\n");
	}
}

/* ---- GitLab's reports ---- */
void speech_quality(struct strbuf *to, const struct speech_note *note, const char *rule, bool first)
{
	AUTO(strbuf_done) struct strbuf id = STRBUF((size_t)64 << 10);
	struct json_out out = JSON_OUT(to);

	strbuf_addf(&id, "%s\n%s\n%u\n%s", note->path ? note->path : "", rule ? rule : "",
		    note->line, note->message);
	AUTO(freep) char *print = digest_hex_dup(strbuf_str(&id));
	strbuf_adds(to, first ? "" : ",");
	json_open(&out, NULL);
	json_cstr(&out, "description", note->message);
	json_cstr(&out, "check_name", rule ? rule : "penstock");
	json_cstr(&out, "fingerprint", print);
	json_cstr(&out, "severity",
		  streq(note->level, "error")     ? "major"
		  : streq(note->level, "warning") ? "minor"
						  : "info");
	json_open(&out, "location");
	json_cstr(&out, "path", note->path ? note->path : "");
	json_open(&out, "lines");
	json_u64(&out, "begin", note->line ? note->line : 1);
	json_close(&out);
	json_close(&out);
	json_close(&out);
}

static void add_xml(struct strbuf *to, const char *text)
{
	struct str s = str_of(text);

	while (s.n) {
		size_t n = str_character(s);
		unsigned char c = (unsigned char)*s.p;
		if (n == 0 || (n == 1 && c < 0x20 && c != '\n' && c != '\t') ||
		    (n == 3 && memcmp(s.p, "\xef\xbf\xbe", 2) == 0 &&
		     (unsigned char)s.p[2] >= 0xbe))
			strbuf_adds(to, "\xef\xbf\xbd");
		else if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\n' || c == '\t')
			strbuf_addf(to, "&#%u;", c);
		else
			strbuf_add(to, s.p, n);
		n = n ? n : 1;
		s = (struct str){s.p + n, s.n - n};
	}
}

static void add_attribute(struct strbuf *to, const char *name, const char *value)
{
	if (!value)
		return;
	strbuf_addf(to, " %s=\"", name);
	add_xml(to, value);
	strbuf_addc(to, '"');
}

void speech_suite(struct strbuf *to, const char *name, const struct speech_test *tests, size_t n)
{
	size_t failed = 0, skipped = 0;

	for (size_t i = 0; i < n; i++) {
		failed += tests[i].failed;
		skipped += tests[i].skipped;
	}
	strbuf_adds(to, "<testsuite");
	add_attribute(to, "name", name);
	strbuf_addf(to, " tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\">\n", n, failed, skipped);
	for (size_t i = 0; i < n; i++) {
		const struct speech_test *t = &tests[i];
		strbuf_adds(to, "<testcase");
		add_attribute(to, "classname", t->class ? t->class : name);
		add_attribute(to, "name", t->name ? t->name : "");
		add_attribute(to, "file", t->file);
		strbuf_addf(to, " time=\"%.6f\"", t->seconds);
		if (!t->failed && !t->skipped) {
			strbuf_adds(to, "/>\n");
			continue;
		}
		strbuf_addf(to, "><%s", t->failed ? "failure" : "skipped");
		add_attribute(to, "message", t->message);
		strbuf_adds(to, ">");
		add_xml(to, t->text ? t->text : "");
		strbuf_addf(to, "</%s></testcase>\n", t->failed ? "failure" : "skipped");
	}
	strbuf_adds(to, "</testsuite>\n");
}
