/* Annotations out of the log, line by line as it passes. */
#include "flow/2-build/reports.h"

#define LINE_BYTES \
	((size_t)8 << 10) /* of a line that is looked at; what is longer is none of theirs */
#define SEEN_MAX 20000

static const char *const styles[] = {"gcc", "tsc", "eslint"};

bool problems_open(struct problems *p, const char *style, const char *unit, struct report *to)
{
	for (size_t i = 0; i < ARRAY_LEN(styles); i++)
		if (streq(styles[i], style)) {
			*p = (struct problems){.style = (enum problems_style)i,
					       .unit = unit,
					       .to = to,
					       .line = STRBUF(LINE_BYTES),
					       .bare = STRBUF(LINE_BYTES)};
			return true;
		}
	return false;
}

/* Seen before? Remembers it. */
static bool again(struct problems *p, const struct problem *found)
{
	AUTO(freep)
	char *key = xasprintf("%.*s:%u:%u:%.*s", (int)found->path.n, found->path.p, found->line,
			      found->column, (int)found->message.n, found->message.p);

	if (map_get(&p->seen, str_of(key)))
		return true;
	if (p->seen.n < SEEN_MAX)
		map_put(&p->seen, str_of(key), p);
	return false;
}

static void take(struct problems *p, const struct problem *found)
{
	if (again(p, found))
		return;
	struct annotation a = {
		.path = report_path(found->path, p->unit),
		.line = found->line,
		.column = found->column,
		.level = found->level,
		.rule = found->rule.n ? text_kept(found->rule, 200) : NULL,
		.message = text_kept(found->message, REPORT_TEXT),
		.source = xstrdup(styles[p->style]),
	};
	report_annotate(p->to, &a);
}

/* A path alone on its line. */
static bool is_file(struct str line)
{
	const char *dot = memrchr(line.p, '.', line.n);

	return line.n > 2 && line.n < 1000 && line.p[0] != ' ' && line.p[0] != '\t' && dot &&
	       (size_t)(dot - line.p) + 6 >= line.n && !memchr(line.p, ':', line.n) &&
	       (line.p[0] == '/' || line.p[0] == '.' || !memchr(line.p, ' ', line.n));
}

static void one_line(struct problems *p)
{
	struct problem found;

	strbuf_clear(&p->bare);
	text_strip(strbuf_str(&p->line), &p->bare);
	struct str line = strbuf_str(&p->bare);
	switch (p->style) {
	case PROBLEMS_GCC:
		if (problem_gcc(line, &found))
			take(p, &found);
		break;
	case PROBLEMS_TSC:
		if (problem_tsc(line, &found))
			take(p, &found);
		break;
	case PROBLEMS_ESLINT:
		if (problem_eslint(line, &found) && p->file) {
			found.path = str_of(p->file);
			take(p, &found);
		} else if (is_file(line)) {
			xfree(p->file);
			p->file = xstrndup(line.p, line.n);
		}
		break;
	}
}

void problems_feed(struct problems *p, struct str bytes)
{
	while (bytes.n) {
		const char *end = memchr(bytes.p, '\n', bytes.n);
		size_t n = end ? (size_t)(end - bytes.p) : bytes.n;
		strbuf_add(&p->line, bytes.p, n);
		bytes.p += n + (end != NULL);
		bytes.n -= n + (end != NULL);
		if (!end)
			return;
		if (!strbuf_failed(&p->line))
			one_line(p);
		strbuf_clear(&p->line);
	}
}

void problems_close(struct problems *p)
{
	if (p->line.n && !strbuf_failed(&p->line))
		one_line(p);
	strbuf_done(&p->line);
	strbuf_done(&p->bare);
	map_done(&p->seen);
	xfree(p->file);
}
