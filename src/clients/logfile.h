/*
 * A kept log: one file of zstd frames, LOGFILE_FRAME bytes of text each, so that any tool reads it (`zstd -dc`) and any byte of it is found
 * without what stands before; behind them a skippable frame that holds the index: the frames, and the log's marks (base/logmark.h). Memory stays
 * at some frames, however long the log is. A file that is none of ours is read as plain text: logs of earlier versions.
 *
 * The index, in its own zstd frame: lines "frame PACKED BYTES LINES", in order, then the marks as they were given.
 */
#pragma once
#include "base/strbuf.h"

#define LOGFILE_FRAME     ((size_t)256 << 10)
#define LOGFILE_INDEX_MAX ((size_t)64 << 20) /* of the index, unpacked */

struct logfile_writer;
/* A new file (RC_CONFLICT when there is one). */
MUST_CHECK enum rc logfile_create(const char *path, struct logfile_writer **ret, struct err *err);
MUST_CHECK enum rc logfile_add(struct logfile_writer *w, struct str bytes, struct err *err);
/* marks: the text of log.idx. */
MUST_CHECK enum rc logfile_finish(struct logfile_writer *w, struct str marks, struct err *err);
void logfile_writer_free(struct logfile_writer *w); /* NULL is fine; does not remove the file */
void logfile_writer_freep(struct logfile_writer **w);

struct logfile; /* one thread at a time */
/* Takes the descriptor over, also when it fails. RC_CORRUPT: the index is damaged. */
MUST_CHECK enum rc logfile_open(int take_fd, struct logfile **ret, struct err *err);
void logfile_free(struct logfile *l);
void logfile_freep(struct logfile **l);
uint64_t logfile_size(const struct logfile *l); /* bytes of text */
struct str logfile_marks(const struct logfile *l);
/* Append up to max bytes from an offset; nothing behind the end. */
MUST_CHECK enum rc logfile_read(struct logfile *l, uint64_t from, size_t max, struct strbuf *ret,
				struct err *err);
/* A place at or before byte `at` whose line number is known without reading: *ret_lines line ends stand before *ret_at. */
void logfile_near(const struct logfile *l, uint64_t at, uint64_t *ret_at, uint64_t *ret_lines);
/* All line ends, when the index tells; else false. */
bool logfile_lines(const struct logfile *l, uint64_t *ret);
/* As logfile_near(), for the last place that has at most so many line ends before it. */
void logfile_near_line(const struct logfile *l, uint64_t lines, uint64_t *ret_at,
		       uint64_t *ret_lines);
