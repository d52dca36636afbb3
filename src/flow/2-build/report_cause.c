/* The likely cause of a failure: which of the readers speaks. */
#include "flow/2-build/reports.h"

#define TAIL_LINES 8
#define LINE_BYTES ((size_t)400)
#define LINES_MAX  ((size_t)200000)

bool is_blank(struct str line)
{
	return str_trim(line).n == 0;
}

bool has(struct str line, const char *part)
{
	return memmem(line.p, line.n, part, strlen(part)) != NULL;
}

bool is_stack(struct str line)
{
	struct str s = str_trim(line);

	return (str_starts(s, "at ") && s.n != line.n && (has(s, "(") || has(s, ":"))) ||
	       str_starts(s, "... ");
}

bool cause_full(const struct cause_out *o)
{
	return o->lines >= CAUSE_LINES || o->to->n + LINE_BYTES + 8 > CAUSE_MAX;
}

void cause_say(struct cause_out *o, struct str line)
{
	size_t n = 0;

	while (line.n && strchr(" \t\r\n", line.p[line.n - 1]))
		line.n--;
	if (!line.n || cause_full(o))
		return;
	if (o->to->n)
		strbuf_addc(o->to, '\n');
	while (line.n) {
		size_t k = str_character(line);
		if (n + (k ? k : 1) > LINE_BYTES) {
			strbuf_adds(o->to, " ...");
			break;
		}
		strbuf_add(o->to, k ? line.p : "?", k ? k : 1);
		n += k ? k : 1;
		line.p += k ? k : 1;
		line.n -= k ? k : 1;
	}
	o->lines++;
}

/* A failed test as its report tells it: name and place, message, text up to the second line of a stack. */
static void say_test(const struct report_test *t, size_t most, struct cause_out *o)
{
	AUTO(strbuf_done) struct strbuf head = STRBUF(REPORT_TEXT);
	struct str text = str_of(t->text), message = str_of(t->message);
	size_t end = o->lines + most, stack = 0;

	if (t->class && !streq(t->class, t->name))
		strbuf_addf(&head, "%s.", t->class);
	strbuf_adds(&head, t->name);
	if (t->file && t->line)
		strbuf_addf(&head, " (%s:%u)", t->file, t->line);
	else if (t->file)
		strbuf_addf(&head, " (%s)", t->file);
	cause_say(o, strbuf_str(&head));
	if (message.n && !memmem(text.p, text.n, message.p, MIN_OF(message.n, (size_t)200)))
		while (message.p && o->lines < end)
			cause_say(o, str_cut(&message, '\n'));
	while (text.p && o->lines < end && stack < 2) {
		struct str line = str_cut(&text, '\n');
		stack += is_stack(line);
		if (stack < 2)
			cause_say(o, line);
	}
}

static bool from_report(const struct report *r, struct cause_out *o)
{
	size_t failed = 0, said = 0;

	if (!r || !r->tests_failed)
		return false;
	vec_each(t, &r->tests)
		failed += t->outcome == TEST_FAILED;
	size_t most = failed > 1 ? (CAUSE_LINES - 1) / 2 : CAUSE_LINES;
	vec_each(t, &r->tests)
		if (t->outcome == TEST_FAILED && said < 2 && !cause_full(o)) {
			say_test(t, most, o);
			said++;
		}
	if (said && r->tests_failed > said) {
		AUTO(freep)
		char *more = xasprintf("and %zu more failed", (size_t)r->tests_failed - said);
		o->lines = MIN_OF(o->lines, (size_t)CAUSE_LINES - 1);
		cause_say(o, str_of(more));
	}
	return said > 0;
}

static void last_lines(const struct log_lines *l, struct cause_out *o)
{
	size_t from = l->n, n = 0;

	while (from && n < TAIL_LINES)
		n += !is_blank(l->v[--from]);
	for (size_t i = from; i < l->n; i++)
		cause_say(o, l->v[i]);
}

/* What we say ourselves of a job is no cause. */
static void split(struct str text, struct log_lines *ret)
{
	size_t n = 1;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	while (n > LINES_MAX) { /* the end counts */
		str_cut(&text, '\n');
		n--;
	}
	ret->v = xcalloc(n, sizeof(*ret->v));
	while (text.p && ret->n < n) {
		struct str line = str_cut(&text, '\n');
		if (!str_starts(line, "[penstock] "))
			ret->v[ret->n++] = line;
	}
}

/* Of our own words only what says why a command or a file was not there. */
static void say_hint(struct str text, struct cause_out *o)
{
	while (text.p) {
		struct str line = str_cut(&text, '\n');

		if (!str_starts(line, "[penstock] exit 127: ") &&
		    !str_starts(line, "[penstock] strict: true: "))
			continue;
		o->lines = MIN_OF(o->lines, (size_t)CAUSE_LINES - 1);
		cause_say(o, line);
		return;
	}
}

void cause_find(const struct cause_ask *ask, struct strbuf *to)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(ask->log.n + 1);
	struct cause_out o = {.to = to};
	struct log_lines l = {0};

	text_strip(ask->log, &text);
	split(strbuf_str(&text), &l);
	if (!from_report(ask->report, &o) && !cause_tests(&l, &o) && !cause_compiler(&l, &o) &&
	    !cause_errors(&l, &o))
		last_lines(&l, &o);
	say_hint(strbuf_str(&text), &o);
	xfree(l.v);
}
