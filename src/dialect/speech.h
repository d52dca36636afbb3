/*
 * What a step says inside other systems, so that they fold, annotate and sum up. Text from outside (names, messages, logs) can never become a command
 * of theirs: values are escaped, logs stand between stop-commands and a token that nobody knows.
 */
#pragma once
#include "base/strbuf.h"

enum speech { SPEECH_PLAIN, SPEECH_GITHUB, SPEECH_GITLAB };

#define SPEECH_ANNOTATIONS 10 /* of a level; GitHub shows no more of a step */

struct speech_note {       /* an annotation */
	const char *level; /* "error" | "warning" | "notice" */
	const char *path;  /* NULL: of no file */
	uint32_t line, column;
	const char *title, *message;
};
/* ::error file=a.c,line=3,title=T::message */
void speech_github_note(struct strbuf *to, const struct speech_note *note);
/* A fold: open, a log with its own commands switched off, close. now: seconds; token: 32 hex that nobody could know; id: of this run alone. */
void speech_open(struct strbuf *to, enum speech s, uint64_t now, uint64_t id, struct str title,
		 bool collapsed);
void speech_log(struct strbuf *to, enum speech s, const char *token, struct str log);
void speech_close(struct strbuf *to, enum speech s, uint64_t now, uint64_t id);
/* NAME=value for $GITHUB_OUTPUT, with a delimiter that is not in the value. */
void speech_output(struct strbuf *to, const char *token, const char *name, const char *value);

struct speech_job {
	const char *unit, *job, *state, *why;
	double seconds;
	bool bad;
	bool amber;        /* it failed, and may; or it was flaky */
	const char *cause; /* NULL: none is known */
};
/* The Markdown of a run: failures first, at most 1 MiB less a bit (their limit). critical: the longest way, in words; NULL: not known. */
void speech_summary(struct strbuf *to, const struct speech_job *jobs, size_t n,
		    const char *critical, double seconds);
/* A cell of a table: no line, no bar, no HTML and no link of it counts. */
void speech_cell(struct strbuf *to, const char *text);

/* GitLab's code quality report: an entry; begin and end the list yourself with [ and ]. */
void speech_quality(struct strbuf *to, const struct speech_note *note, const char *rule,
		    bool first);
/* JUnit XML. Illegal characters become U+FFFD. */
struct speech_test {
	const char *class, *name, *file, *message, *text;
	double seconds;
	bool failed, skipped;
};
void speech_suite(struct strbuf *to, const char *name, const struct speech_test *tests, size_t n);
