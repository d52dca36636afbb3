/* Line numbers of bytes, and where the last lines begin. The index of a kept log tells most of it; a running job's log is counted. */
#include "api/log_impl.h"

/* Count line ends in [*at, to); stops behind the `stop`-th when that is not 0. *at: how far it came. */
static enum rc count(struct log_source *s, uint64_t *at, uint64_t to, uint64_t stop,
		     uint64_t *lines, struct err *err)
{
	AUTO(strbuf_done) struct strbuf piece = STRBUF(LOG_PIECE + 1);
	uint64_t n = 0;

	while (*at < to && (!stop || n < stop)) {
		strbuf_clear(&piece);
		enum rc rc = log_source_read(s, *at, (size_t)MIN_OF((uint64_t)LOG_PIECE, to - *at),
					     &piece, err);
		if (rc != RC_OK)
			return rc;
		if (!piece.n)
			break;
		const char *p = piece.p, *end = piece.p + piece.n;
		while (p < end && (!stop || n < stop)) {
			const char *line = memchr(p, '\n', (size_t)(end - p));
			if (!line) {
				p = end;
				break;
			}
			n++;
			p = line + 1;
		}
		*at += (uint64_t)(p - piece.p);
	}
	*lines += n;
	return RC_OK;
}

enum rc log_seek_byte(struct log_source *s, uint64_t to, uint64_t *ret_n, struct err *err)
{
	uint64_t at = 0, lines = 0;

	if (s->kept)
		logfile_near(s->kept, to, &at, &lines);
	enum rc rc = count(s, &at, to, 0, &lines, err);
	if (rc == RC_OK)
		*ret_n = lines + 1;
	return rc;
}

/* All lines count: their number tells where to look. */
static enum rc tail_of_all(struct log_source *s, uint64_t n, uint64_t *ret_at, uint64_t *ret_n,
			   struct err *err)
{
	AUTO(strbuf_done) struct strbuf last = STRBUF(16);
	uint64_t lines = 0, end = UINT64_MAX, at = 0, before = 0;
	enum rc rc = RC_OK;

	if (s->kept && logfile_lines(s->kept, &lines)) {
		end = logfile_size(s->kept);
	} else {
		end = 0;
		rc = count(s, &end, UINT64_MAX, 0, &lines, err);
	}
	if (rc == RC_OK && end)
		rc = log_source_read(s, end - 1, 1, &last, err);
	if (rc != RC_OK)
		return rc;
	lines += last.n && *last.p != '\n'; /* the last line has no end yet */
	uint64_t skip = lines > n ? lines - n : 0;
	if (s->kept && skip) /* a place that has exactly `skip` before it may stand within a line */
		logfile_near_line(s->kept, skip - 1, &at, &before);
	if (skip > before)
		rc = count(s, &at, UINT64_MAX, skip - before, &before, err);
	*ret_at = at;
	*ret_n = skip + 1;
	return rc;
}

struct ring {
	uint64_t *at, *n;
	uint64_t size, used;
};

static enum rc tail_of_step(struct log_source *s, const struct log_view *v,
			    const struct log_marks *marks, struct ring *ring, struct err *err)
{
	AUTO(strbuf_done) struct strbuf piece = STRBUF(LOG_PIECE + 1);
	uint64_t at = 0, n = 1, line = 0;
	bool open = false; /* bytes of the line `n` were seen */

	for (;;) {
		strbuf_clear(&piece);
		enum rc rc = log_source_read(s, at, LOG_PIECE, &piece, err);
		if (rc != RC_OK || !piece.n)
			return rc;
		for (const char *p = piece.p, *end = piece.p + piece.n; p < end;) {
			const char *stop = memchr(p, '\n', (size_t)(end - p));
			if (!open) {
				line = at + (uint64_t)(p - piece.p);
				open = true;
				if (log_view_has_step(v, marks, line)) {
					ring->at[ring->used % ring->size] = line;
					ring->n[ring->used++ % ring->size] = n;
				}
			}
			p = stop ? stop + 1 : end;
			n += stop != NULL;
			open = stop == NULL;
		}
		at += piece.n;
	}
}

enum rc log_seek_tail(struct log_source *s, const struct log_view *v, const struct log_marks *marks,
		      uint64_t n, uint64_t *ret_at, uint64_t *ret_n, struct err *err)
{
	n = MIN_OF(n, (uint64_t)LOG_TAIL_MAX);
	if (!v->step)
		return tail_of_all(s, n, ret_at, ret_n, err);
	struct ring ring = {xcalloc((size_t)n, sizeof(uint64_t)),
			    xcalloc((size_t)n, sizeof(uint64_t)), n, 0};
	enum rc rc = tail_of_step(s, v, marks, &ring, err);
	uint64_t first = ring.used > n ? ring.used % n : 0;
	*ret_at = ring.used ? ring.at[first] : 0;
	*ret_n = ring.used ? ring.n[first] : 1;
	xfree(ring.at);
	xfree(ring.n);
	return rc;
}
