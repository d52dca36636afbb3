/*
 * Structured log: one JSON object a line (time, level, message, fields), or short text on a terminal. Only engine, api,
 * main and cli log; the layers below return errors. A registered secret never passes (see log_redact). Thread-safe.
 */
#pragma once
#include "base/strbuf.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
struct log_field {
	const char *key;
	const char *text; /* NULL: number */
	int64_t number;
};
static inline const char *log_text(const char *text)
{
	return text ? text : "";
}
#define LF(key, text)    ((struct log_field){(key), log_text(text), 0})
#define LFN(key, number) ((struct log_field){(key), NULL, (int64_t)(number)})

void log_open(int fd, bool json, enum log_level least);
/* The time stamp's source; 0 stamps when none is set. */
void log_clock(usec_t (*now)(void));
/* Rewrites a finished line before it leaves; the mask of secrets is hooked in here. */
void log_redact(void (*redact)(struct strbuf *line, void *ctx), void *ctx);
void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t n);
/* LOG(LOG_INFO, "job ended", LF("job", id), LFN("exit", code)); trace_id and span_id are fields as any other. */
#define LOG(level, message, ...)                                               \
	log_write((level), (message), (const struct log_field[]){__VA_ARGS__}, \
		  sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
