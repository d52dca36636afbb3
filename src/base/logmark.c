#include "base/logmark.h"

#define LINE_MAX_BYTES ((size_t)512)

void log_mark_write(struct strbuf *to, const struct log_mark *m)
{
	strbuf_addf(to, "%llu %llu", (unsigned long long)m->at, (unsigned long long)m->time);
	if (m->kind == LOG_BEGIN) {
		strbuf_addf(to, " begin %u ", m->step);
		for (size_t i = 0; m->name && m->name[i] && i < LOG_STEP_NAME; i++)
			strbuf_addc(to, (unsigned char)m->name[i] < 32 ? ' ' : m->name[i]);
	} else if (m->kind == LOG_END) {
		strbuf_addf(to, " end %u %lld", m->step, (long long)m->exit);
	}
	strbuf_addc(to, '\n');
}

static bool parse(struct str line, struct log_mark *ret)
{
	struct log_mark m = {0};

	if (!parse_u64(str_cut(&line, ' '), &m.at) || !parse_u64(str_cut(&line, ' '), &m.time))
		return false;
	struct str word = str_cut(&line, ' ');
	if (!word.p) {
		*ret = m;
		return true;
	}
	m.kind = str_is(word, "begin") ? LOG_BEGIN : LOG_END;
	if ((m.kind == LOG_END && !str_is(word, "end")) ||
	    !parse_u32(str_cut(&line, ' '), &m.step) || !line.p)
		return false;
	if (m.kind == LOG_END && !parse_i64(line, &m.exit))
		return false;
	if (m.kind == LOG_BEGIN)
		m.name = xstrndup(line.p, MIN_OF(line.n, (size_t)LOG_STEP_NAME));
	*ret = m;
	return true;
}

static void take(struct log_marks *marks, struct str line)
{
	const struct log_mark *before = marks->v.n ? vec_last(&marks->v) : NULL;
	struct log_mark m = {0};

	if (!parse(line, &m))
		return;
	if ((marks->v.n >= LOG_MARKS_MAX && m.kind == LOG_TIME) ||
	    marks->v.n >= 2 * (size_t)LOG_MARKS_MAX) {
		xfree(m.name);
		return;
	}
	if (before) {
		m.at = MAX_OF(m.at, before->at);
		m.within = before->within;
	}
	if (m.kind == LOG_BEGIN)
		m.within = marks->v.n + 1;
	else if (m.kind == LOG_END)
		m.within = 0;
	vec_push(&marks->v, m);
}

void log_marks_add(struct log_marks *m, struct str text)
{
	if (!m->rest.cap)
		m->rest = STRBUF(LINE_MAX_BYTES);
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;
		strbuf_add(&m->rest, text.p, n);
		text.p += n + (end != NULL);
		text.n -= n + (end != NULL);
		if (!end)
			break;
		if (!strbuf_failed(&m->rest))
			take(m, strbuf_str(&m->rest));
		strbuf_clear(&m->rest);
	}
}

void log_marks_done(struct log_marks *m)
{
	vec_each(mark, &m->v)
		xfree(mark->name);
	vec_done(&m->v);
	strbuf_done(&m->rest);
	*m = (struct log_marks){0};
}

/* The last mark at or before a byte. */
static const struct log_mark *last(const struct log_marks *m, uint64_t at)
{
	size_t low = 0, high = m->v.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (m->v.v[middle].at <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &m->v.v[low - 1] : NULL;
}

const struct log_mark *log_marks_step(const struct log_marks *m, uint64_t at)
{
	const struct log_mark *mark = last(m, at);

	return mark && mark->within ? &m->v.v[mark->within - 1] : NULL;
}

usec_t log_marks_time(const struct log_marks *m, uint64_t at)
{
	const struct log_mark *mark = last(m, at);

	return mark ? mark->time : 0;
}
