/*
 * What the reports of a job came to, as one blob of JSON in the store (struct job_report.blob): tests, annotations, coverage, the summary that the job
 * wrote, and the likely cause of its failure. Made by executors when they collect a job; read by the API, the commands, and who passes annotations on.
 * Lists are capped; the counts beside them are whole.
 */
#pragma once
#include "base/shape.h"

#define REPORT_MAX         ((size_t)32 << 20) /* of the blob */
#define REPORT_TESTS       20000
#define REPORT_ANNOTATIONS 2000
#define REPORT_FILES       20000 /* with coverage */
#define REPORT_SUMMARY     ((size_t)1 << 20)
#define REPORT_TEXT        ((size_t)4 << 10) /* of one message */

enum test_outcome { TEST_PASSED, TEST_FAILED, TEST_SKIPPED };
extern const char *const test_outcome_names[3];
struct report_test {
	char *name, *class, *file; /* class, file: NULL when not written */
	uint32_t line;
	uint64_t usec;
	enum test_outcome outcome;
	char *message; /* of the failure, or why it was skipped: one line */
	char *text;    /* of the failure: its first lines */
};

enum annotation_level { ANNOTATION_NOTICE, ANNOTATION_WARNING, ANNOTATION_ERROR };
extern const char *const annotation_level_names[3];
struct annotation {
	char *path; /* in the repository; NULL: of no file */
	uint32_t line, column;
	enum annotation_level level;
	char *rule, *message;
	char *source; /* the tool: "gcc", "eslint", "junit", of SARIF the driver's name; "penstock": a report that cannot be read */
};

struct file_coverage {
	char *path;
	uint64_t lines, covered;
};

struct report {
	char *job;
	uint32_t tests_run, tests_failed, tests_skipped;
	VEC(struct report_test) tests; /* failed ones first */
	uint32_t errors, warnings;     /* annotations that are not of tests */
	VEC(struct annotation) annotations;
	uint64_t lines, covered;
	VEC(struct file_coverage) coverage; /* in order of path */
	char *summary;
	char *cause;
	char *step; /* that failed */
};
extern const struct shape shape_report, shape_report_test, shape_annotation, shape_file_coverage;
void report_done(struct report *r);
