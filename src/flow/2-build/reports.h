/*
 * Readers of reports, between the files of this stage. Each takes a whole text from a program that a change brought along: capped, refused with the
 * place of what is wrong, never half taken. Paths come out relative to the repository; `unit` is the folder in it that the job ran in ("" or "." its
 * root), which sandboxes show as /repo/<unit>.
 */
#pragma once
#include "base/map.h"
#include "core/model.h"
#include "ports/report.h"

#define JUNIT_MAX    ((size_t)16 << 20)
#define SARIF_MAX    ((size_t)16 << 20)
#define COVERAGE_MAX ((size_t)64 << 20)
#define CAUSE_LINES  12
#define CAUSE_MAX    ((size_t)4000)

/* ---- report_text.c */
/* Append a text without escape sequences and control characters (but tabs and line ends); what a carriage return wrote over is left out. */
void text_strip(struct str text, struct strbuf *to);
/* At most max bytes of it, cut between characters, as UTF-8 without control characters but line ends and tabs; the caller's. */
char *text_kept(struct str text, size_t max);
/* The path of a file as a tool wrote it: relative to the unit, absolute below /repo, or a file: URI; normalised. NULL: it lies outside. The caller's. */
char *report_path(struct str written, const char *unit);
/* The same, relative to the repository already. */
char *report_path_at_root(struct str written);
/* The first "path:line" or "path(line,column)" in a text; ret_path is borrowed from it. */
bool text_place(struct str text, struct str *ret_path, uint32_t *ret_line, uint32_t *ret_column);
/* Counts it, and keeps it when there is room; takes *a over. */
void report_annotate(struct report *r, struct annotation *take_a);

/* ---- junit.c */
/* Add the results of one JUnit XML text. RC_INVALID says line and column; RC_TOO_BIG above JUNIT_MAX. sum, report: either may be NULL. */
MUST_CHECK enum rc junit_read(struct str xml, const char *unit, struct junit *sum,
			      struct report *report, struct err *err);
/* How long the tests of each file took: by file, else class. At most 2,000 files. */
typedef VEC(struct file_time) file_times;
void junit_times(const struct report *report, file_times *ret);

/* ---- report_sarif.c */
MUST_CHECK enum rc sarif_read(struct str json, const char *unit, struct report *ret,
			      struct err *err);

/* ---- report_coverage.c: several reports may speak of one file; a line is covered when one of them says so */
struct coverage {
	struct map files;
	uint64_t bytes; /* of memory */
};
/* Cobertura XML, or lcov. On failure some of it may have been taken. */
MUST_CHECK enum rc coverage_read(struct coverage *c, struct str text, const char *unit,
				 struct err *err);
void coverage_report(const struct coverage *c, struct report *ret);
void coverage_done(struct coverage *c);
/* For the two formats. False: above a cap. */
struct coverage_file;
struct coverage_file *coverage_file(struct coverage *c, const char *path);
bool coverage_line(struct coverage *c, struct coverage_file *f, uint32_t line, bool hit);
MUST_CHECK enum rc cobertura_read(struct coverage *c, struct str xml, const char *unit,
				  struct err *err);
MUST_CHECK enum rc lcov_read(struct coverage *c, struct str text, const char *unit,
			     struct err *err);

/* ---- report_line.c: one line of a stripped log; all of it is borrowed from the line */
struct problem {
	struct str path;
	uint32_t line, column;
	enum annotation_level level;
	struct str rule, message;
};
bool problem_gcc(struct str line, struct problem *ret); /* a.c:3:5: error: text [-Wrule] */
bool problem_tsc(struct str line,
		 struct problem *ret); /* a.ts(3,5): error TS1: text, a.ts:3:5 - error TS1: text */
bool problem_eslint(struct str line,
		    struct problem *ret); /* below its file's line:   3:5  error  text  rule */

/* ---- report_problems.c: lines of the log that are annotations */
enum problems_style { PROBLEMS_GCC, PROBLEMS_TSC, PROBLEMS_ESLINT };
struct problems {
	enum problems_style style;
	const char *unit;
	struct report *to;
	struct strbuf line, bare;
	char *file;      /* ESLint: that the lines below are of */
	struct map seen; /* a header's warning comes once, however many files include it */
};
/* False: there is no such style. */
bool problems_open(struct problems *p, const char *style, const char *unit, struct report *to);
void problems_feed(struct problems *p, struct str bytes); /* raw bytes of the log, cut anywhere */
void problems_close(struct problems *p);

/* ---- report_cause.c */
struct cause_ask {
	struct str log;              /* its end; escape sequences are fine */
	const struct report *report; /* may be NULL */
	int64_t exit;
	const char *error; /* what the executor says of it; NULL: nothing */
	const char *step;  /* that failed; NULL: none, or not known */
};
/* The lines that people should read first, at most CAUSE_LINES: the failing test's own, else the compiler's, else the last error, traceback or panic,
 * else make's target, else the last lines. Pure. "" when there is nothing. */
void cause_find(const struct cause_ask *ask, struct strbuf *to);

/* ---- between report_cause*.c: the lines of a stripped log, and what was chosen of them */
struct log_lines {
	struct str *v;
	size_t n;
};
struct cause_out {
	struct strbuf *to;
	size_t lines;
};
bool cause_full(const struct cause_out *o);
void cause_say(struct cause_out *o, struct str line); /* blank ones, and above the caps: nothing */
/* Each says what it knows of the log; false: nothing. */
bool cause_tests(const struct log_lines *l, struct cause_out *o);    /* report_cause_tests.c */
bool cause_compiler(const struct log_lines *l, struct cause_out *o); /* report_cause_compiler.c */
bool cause_errors(const struct log_lines *l, struct cause_out *o);   /* report_cause_errors.c */
bool is_stack(struct str line); /* "    at f (x.js:3:5)", "\tat org.x.Y.z(Y.java:3)" */
bool is_blank(struct str line);
bool has(struct str line, const char *part);

/* ---- report.c: all of a job's */
struct report_ask {
	const char *job, *unit, *work; /* work: folder of the unit on this machine */
	const char *masked;            /* the same files without secrets, where they had any; NULL: none */
	const struct reports_def *def;
	const char *summary; /* file that $PENSTOCK_SUMMARY led to; may be missing; NULL: none */
	const char *log;     /* file */
	int64_t exit;
	bool failed;
	const char *error, *step;
};
struct report_found {
	struct report report;
	struct junit junit;
	struct job_report sum; /* but for its blob */
	file_times times;
};
/* Reads what there is; a report that cannot be read becomes an annotation that says so. */
void report_collect(const struct report_ask *ask, struct report_found *ret);
void report_found_done(struct report_found *f);
