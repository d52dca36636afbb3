/* Reading jobs' logs: shared by log*.c, for nobody else. */
#pragma once
#include "api/api_impl.h"
#include "base/logmark.h"
#include "clients/logfile.h"

#define LOG_PIECE    ((size_t)256 << 10)
#define LOG_LINE     ((size_t)64 << 10) /* of one line that is shown as a line */
#define LOG_LANES    4
#define LOG_TAIL_MAX 100000

/* ---- log_source.c */
/* What is known of a job. The loop learns it from the model, a worker from the store. */
struct log_job {
	char *id;
	bool known, final; /* final: its log does not change any more */
	uint32_t attempt;
	char *log, *key, *what; /* digest; task key; "skipped: needs build" */
};
void log_job_learn(struct log_job *j, const struct job *job);
void log_job_done(struct log_job *j);

/* Where its bytes are. On workers, one at a time. */
struct log_source {
	struct world *w;
	struct log_job *job;
	struct logfile *kept; /* NULL: the executor has it */
	uint64_t marks_at;    /* of the executor's, that were given */
};
/* RC_NOT_FOUND: there is no log (yet). */
MUST_CHECK enum rc log_source_open(struct log_source *s, struct err *err);
void log_source_close(struct log_source *s);
MUST_CHECK enum rc log_source_read(struct log_source *s, uint64_t from, size_t max,
				   struct strbuf *ret, struct err *err);
/* Append marks that were not given before. */
void log_source_marks(struct log_source *s, struct strbuf *ret);

/* ---- log_view.c: bytes as a reader wants them */
enum log_format { LOG_RAW, LOG_TEXT, LOG_JSON };
struct log_view {
	enum log_format format;
	bool timestamps;
	char *step; /* only this one, by name or number; NULL: all */
	struct strbuf line;
	uint64_t at, n; /* of the line: its first byte, its number from 1 */
	uint64_t seen;  /* bytes of it so far */
	bool cut;       /* it is longer than LOG_LINE */
};
void log_view_done(struct log_view *v);
/* Begin at a byte, which is the first of line n (or in it). */
void log_view_seek(struct log_view *v, uint64_t at, uint64_t n);
void log_view_feed(struct log_view *v, const struct log_marks *marks, struct str bytes,
		   struct strbuf *out);
void log_view_end(struct log_view *v, const struct log_marks *marks, struct strbuf *out);
bool log_view_has_step(const struct log_view *v, const struct log_marks *marks, uint64_t at);
/* {"n":1,"t":...,"step":"build","text":"..."} with what is known. */
void log_line_json(struct json_out *o, const struct log_marks *marks, uint64_t at, uint64_t n,
		   struct str text, bool cut);

/* ---- log_seek.c: on a worker: where line numbers and last lines are */
/* The number of the line that byte `at` stands in. */
MUST_CHECK enum rc log_seek_byte(struct log_source *s, uint64_t at, uint64_t *ret_n,
				 struct err *err);
/* The first byte and the number of the n-th last line that the view shows. */
MUST_CHECK enum rc log_seek_tail(struct log_source *s, const struct log_view *v,
				 const struct log_marks *marks, uint64_t n, uint64_t *ret_at,
				 uint64_t *ret_n, struct err *err);

/* ---- log_search.c */
void log_search(struct call *c, const char *text);
/* The same over bytes that are here, given to it in pieces: the list of matches. */
MUST_CHECK enum rc log_search_bytes(const char *text, struct str log, size_t piece,
				    struct strbuf *ret, struct err *err);
/* ---- log_hub.c: all readers of one log share what comes at its end */
struct log_wish {
	uint64_t from, until; /* bytes [from, until) */
	bool range;           /* asked for by a Range header */
	uint64_t suffix;      /* with range: the last bytes, so many; 0: from and until say it */
	uint64_t size;        /* with range, once it is settled: of all */
	bool following;
	uint64_t tail; /* lines; 0: all */
	struct log_view view;
};
void log_watch(struct call *c, struct log_wish *take_wish);

/* ---- log_range.c: RFC 9110, 14 */
void log_range_read(struct log_wish *wish, const char *header);
/* Once the log is open. False: there is nothing in this range. kept NULL: nobody knows how long it gets; the range is left out, as a server may. */
bool log_range_settle(struct log_wish *wish, const struct logfile *kept);
/* Content-Range: of what comes, or of what there is. */
void log_range_header(struct request *r, const struct log_wish *wish, bool satisfied);
/* Works of one log never overlap. */
const char *log_lane(const char *job);
