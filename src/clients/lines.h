/* Lines of a file of any size, in big blocks and constant memory. What Zstandard packed is unpacked. */
#pragma once
#include "base/str.h"

struct unzst;
struct lines {
	int fd;
	const char *name; /* for messages */
	char *buf;
	size_t at, end, size, max;
	bool eof, begun;
	struct unzst *zst; /* NULL: the bytes are plain */
	char *packed;
	size_t packed_at, packed_end;
	uint64_t line; /* number of the line given last, from 1 */
};
/* path "-": standard input. max: the longest line. RC_NOT_FOUND, RC_INVALID (no file). */
MUST_CHECK enum rc lines_open(struct lines *l, const char *path, size_t max, struct err *err);
void lines_done(struct lines *l);
/* The next line without its end, borrowed until the next call; *ret_any false at the end.
 * RC_TOO_BIG: longer than max. */
MUST_CHECK enum rc lines_next(struct lines *l, struct str *ret, bool *ret_any, struct err *err);
