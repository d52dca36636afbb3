/*
 * What stands beside a job's log (`log.idx`): when bytes came, and where its steps begin and end. One line a mark:
 *
 *	BYTE USEC                  the bytes from here on came at this time
 *	BYTE USEC begin STEP NAME  step number STEP (from 1) begins; NAME is the rest of the line
 *	BYTE USEC end STEP EXIT
 *
 * BYTE is an offset in the log. A line is written before the bytes that it speaks of, so that who reads the log first and the
 * marks then knows all about what was read.
 */
#pragma once
#include "base/strbuf.h"
#include "base/vec.h"

#define LOG_MARKS_MAX \
	500000 /* of one log; later times are left out, steps are kept up to twice as many */
#define LOG_STEP_NAME 200 /* bytes of a step's name */

enum log_mark_kind { LOG_TIME, LOG_BEGIN, LOG_END };
struct log_mark {
	uint64_t at;
	usec_t time;
	enum log_mark_kind kind;
	uint32_t step;
	int64_t exit;
	char *name; /* LOG_BEGIN */
	size_t within; /* 1 + the index of the LOG_BEGIN that the bytes from `at` on belong to; 0: of none */
};
struct log_marks {
	VEC(struct log_mark) v; /* in order of `at` */
	struct strbuf rest;     /* the line that is not whole yet */
};
void log_mark_write(struct strbuf *to, const struct log_mark *m);
/* Take more of the text, cut anywhere. Lines that are no marks are left out. */
void log_marks_add(struct log_marks *m, struct str text);
void log_marks_done(struct log_marks *m);
/* The LOG_BEGIN of the step that a byte belongs to, or NULL. */
const struct log_mark *log_marks_step(const struct log_marks *m, uint64_t at);
usec_t log_marks_time(const struct log_marks *m, uint64_t at); /* 0: not known */
