/* Lines of a log as text or JSON, of all steps or one. */
#include "api/log_impl.h"

void log_view_done(struct log_view *v)
{
	xfree(v->step);
	strbuf_done(&v->line);
}

void log_view_seek(struct log_view *v, uint64_t at, uint64_t n)
{
	strbuf_done(&v->line);
	v->line = STRBUF(LOG_LINE);
	v->at = at;
	v->seen = 0;
	v->n = n;
	v->cut = false;
}

bool log_view_has_step(const struct log_view *v, const struct log_marks *marks, uint64_t at)
{
	const struct log_mark *step = v->step ? log_marks_step(marks, at) : NULL;
	uint32_t number;

	if (!v->step)
		return true;
	return step && (streq(step->name, v->step) ||
			(parse_u32(str_of(v->step), &number) && number == step->step));
}

void log_line_json(struct json_out *o, const struct log_marks *marks, uint64_t at, uint64_t n,
		   struct str text, bool cut)
{
	const struct log_mark *step = log_marks_step(marks, at);
	usec_t time = log_marks_time(marks, at);

	json_open(o, NULL);
	json_u64(o, "n", n);
	if (time)
		json_u64(o, "t", time);
	if (step)
		json_cstr(o, "step", step->name);
	json_str(o, "text", text);
	if (cut)
		json_bool(o, "cut", true);
	json_close(o);
}

static void one_line(struct log_view *v, const struct log_marks *marks, struct strbuf *out)
{
	struct str text = strbuf_str(&v->line);
	struct json_out o = JSON_OUT(out);
	char stamp[TIME_TEXT];

	if (!log_view_has_step(v, marks, v->at))
		return;
	if (v->format == LOG_JSON) {
		if (text.n && text.p[text.n - 1] == '\r')
			text.n--;
		log_line_json(&o, marks, v->at, v->n, text, v->cut);
		strbuf_addc(out, '\n');
		return;
	}
	if (v->timestamps) {
		time_text(log_marks_time(marks, v->at), stamp);
		strbuf_adds(out, log_marks_time(marks, v->at) ? stamp : "-");
		strbuf_addc(out, ' ');
	}
	strbuf_addstr(out, text);
	strbuf_adds(out, v->cut ? "...\n" : "\n");
}

void log_view_feed(struct log_view *v, const struct log_marks *marks, struct str bytes,
		   struct strbuf *out)
{
	if (v->format == LOG_RAW) {
		strbuf_addstr(out, bytes);
		v->at += bytes.n;
		return;
	}
	while (bytes.n) {
		const char *end = memchr(bytes.p, '\n', bytes.n);
		size_t n = end ? (size_t)(end - bytes.p) : bytes.n, room = LOG_LINE - v->line.n;
		strbuf_add(&v->line, bytes.p, MIN_OF(n, room));
		v->cut |= n > room;
		v->seen += n + (end != NULL);
		bytes.p += n + (end != NULL);
		bytes.n -= n + (end != NULL);
		if (!end)
			return;
		one_line(v, marks, out);
		strbuf_clear(&v->line);
		v->at += v->seen;
		v->seen = 0;
		v->n++;
		v->cut = false;
	}
}

void log_view_end(struct log_view *v, const struct log_marks *marks, struct strbuf *out)
{
	if (v->format != LOG_RAW && v->line.n)
		one_line(v, marks, out);
	strbuf_clear(&v->line);
}
