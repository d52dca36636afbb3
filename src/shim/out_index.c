/* Marks beside the log. A job that prints for days gets fewer of them an hour, so that the file stays small. */
#include "shim/shim.h"

#include <fcntl.h>
#include <unistd.h>

#define EVERY (50 * USEC_MS)
#define MANY  10000 /* after so many times the interval doubles */

void out_index_open(struct out_index *x, const char *dir)
{
	*x = (struct out_index){
		.fd = -1, .path = path_in(dir, "log.idx"), .every = EVERY, .line = STRBUF(1024)};
	unlink(x->path); /* of an attempt before */
}

/* A job that says nothing has no marks, and no file for them. */
static bool is_open(struct out_index *x)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW;

	if (x->fd < 0 && x->path)
		x->fd = open(x->path, flags, 0600);
	if (x->fd < 0) {
		xfree(x->path);
		x->path = NULL;
	}
	return x->fd >= 0;
}

void out_index_done(struct out_index *x)
{
	fd_drop(&x->fd);
	xfree(x->path);
	vec_each(m, &x->late)
		xfree(m->name);
	vec_done(&x->late);
	strbuf_done(&x->line);
}

/* A mark that cannot be written is missing, no more. */
void out_index_add(struct out_index *x, const struct log_mark *m)
{
	struct err err = {0};

	if (!is_open(x))
		return;
	strbuf_clear(&x->line);
	log_mark_write(&x->line, m);
	(void)!write_all(x->fd, strbuf_cstr(&x->line), x->line.n, &err);
}

static bool due(struct out_index *x, usec_t now)
{
	if (!x->path || now < x->next)
		return false;
	if (++x->written % MANY == 0)
		x->every *= 2;
	x->next = now + x->every;
	return true;
}

void out_index_time(struct out_index *x, uint64_t at)
{
	if (due(x, now_mono())) {
		struct log_mark m = {.at = at, .time = now_wall()};
		out_index_add(x, &m);
	}
}

static void forget_times(struct out_index *x)
{
	size_t to = 0;

	for (size_t i = 0; i < x->late.n; i++)
		if (x->late.v[i].kind != LOG_TIME || i >= OUT_LATE)
			x->late.v[to++] = x->late.v[i];
	x->late.n = to;
}

void out_index_late_time(struct out_index *x, uint64_t at, uint64_t window)
{
	struct log_mark m = {.at = at, .time = now_wall()};

	if (x->late.n && at < x->late_at + window / OUT_LATE)
		return;
	x->late_at = at;
	if (x->late.n >= 2 * OUT_LATE) /* the older half of the times is of bytes that are gone */
		forget_times(x);
	vec_push(&x->late, m);
}

void out_index_late(struct out_index *x, const struct log_mark *m)
{
	struct log_mark copy = *m;

	copy.name = m->name ? xstrdup(m->name) : NULL;
	vec_push(&x->late, copy);
}

/* Steps that began in what is gone begin where the rest begins; of times the last one before it counts. */
void out_index_settle(struct out_index *x, uint64_t lost, uint64_t at)
{
	for (size_t i = 0; i < x->late.n; i++) {
		struct log_mark *m = &x->late.v[i];
		bool next_is_gone = i + 1 < x->late.n && x->late.v[i + 1].at <= lost;
		if (m->kind != LOG_TIME || m->at >= lost || !next_is_gone) {
			m->at = at + (m->at > lost ? m->at - lost : 0);
			out_index_add(x, m);
		}
		xfree(m->name);
	}
	vec_done(&x->late);
}
