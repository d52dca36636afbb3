#include "cli/term.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"

#define TEXT 4096

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

void term_init(struct term *t, int fd)
{
	const char *lang = is_set("LC_ALL")     ? getenv("LC_ALL")
			   : is_set("LC_CTYPE") ? getenv("LC_CTYPE")
						: getenv("LANG");
	const char *name = getenv("TERM");
	struct winsize size = {0};

	*t = (struct term){.tty = isatty(fd) == 1};
	t->utf8 = lang && (strstr(lang, "UTF-8") || strstr(lang, "utf8"));
	t->color = t->tty && !is_set("NO_COLOR") && name && !streq(name, "dumb");
	if (!t->tty)
		return;
	(void)ioctl(fd, TIOCGWINSZ, &size);
	t->width = size.ws_col ? size.ws_col : 80;
	t->height = size.ws_row ? size.ws_row : 24;
}

void tint(struct strbuf *to, const struct term *t, enum tone tone, const char *fmt, ...)
{
	static const char *const codes[] = {"", "1", "2", "32", "31", "33", "36"};
	bool colored = t->color && tone != PLAIN;
	va_list ap;

	if (colored)
		strbuf_addf(to, "\033[%sm", codes[tone]);
	va_start(ap, fmt);
	strbuf_addv(to, fmt, ap);
	va_end(ap);
	if (colored)
		strbuf_adds(to, "\033[0m");
}

/* Bytes of the escape sequence that begins here; 0: none does. */
static size_t escape(struct str s)
{
	size_t n = 2;

	if (s.n < 2 || s.p[0] != '\033' || s.p[1] != '[')
		return 0;
	while (n < s.n && (s.p[n] < '@' || s.p[n] > '~'))
		n++;
	return n < s.n ? n + 1 : s.n;
}

/* The front of at most `width` columns; its width into *ret. */
static struct str front(struct str s, size_t width, size_t *ret)
{
	struct str rest = s;
	size_t columns = 0;

	while (rest.n) {
		size_t n = escape(rest);

		if (!n) {
			if (columns == width)
				break;
			n = str_character(rest);
			n = n ? n : 1;
			columns++;
		}
		rest.p += n;
		rest.n -= n;
	}
	*ret = columns;
	return (struct str){s.p, s.n - rest.n};
}

size_t text_width(struct str s)
{
	size_t columns;

	front(s, SIZE_MAX, &columns);
	return columns;
}

struct str text_cut(struct str s, size_t width)
{
	size_t columns;

	return front(s, width, &columns);
}

void bar(struct strbuf *to, const struct term *t, enum tone tone, double share, unsigned width)
{
	AUTO(strbuf_done) struct strbuf full = STRBUF(TEXT), rest = STRBUF(TEXT);
	unsigned n = (unsigned)(share * width + 0.5);

	if (n == 0 && share > 0)
		n = 1;
	for (unsigned i = 0; i < width; i++)
		strbuf_adds(i < n ? &full : &rest,
			    i < n ? (t->utf8 ? "█" : "#") : (t->utf8 ? "░" : "."));
	tint(to, t, tone, "%s", strbuf_cstr(&full));
	tint(to, t, DIM, "%s", strbuf_cstr(&rest));
}

const char *mark_good(const struct term *t)
{
	return t->utf8 ? "✓" : "+";
}
const char *mark_bad(const struct term *t)
{
	return t->utf8 ? "✗" : "x";
}
const char *mark_busy(const struct term *t)
{
	return t->utf8 ? "▸" : ">";
}
const char *mark_wait(const struct term *t)
{
	return t->utf8 ? "·" : "-";
}

void add_ago(struct strbuf *to, uint64_t at, uint64_t now)
{
	uint64_t seconds = now > at ? (now - at) / USEC_SEC : 0;

	if (!at)
		strbuf_adds(to, "-");
	else if (seconds < 1)
		strbuf_adds(to, "now");
	else if (seconds < 120)
		strbuf_addf(to, "%llu s ago", (unsigned long long)seconds);
	else if (seconds < 7200)
		strbuf_addf(to, "%llu min ago", (unsigned long long)(seconds / 60));
	else if (seconds < 172800)
		strbuf_addf(to, "%llu h ago", (unsigned long long)(seconds / 3600));
	else
		strbuf_addf(to, "%llu days ago", (unsigned long long)(seconds / 86400));
}

void add_short(struct strbuf *to, const char *digest)
{
	struct str s = str_of(digest);

	if (!s.n) {
		strbuf_adds(to, "-");
		return;
	}
	if (str_starts(s, "sha256:"))
		s = (struct str){s.p + 7, MIN_OF(s.n - 7, (size_t)12)};
	strbuf_add(to, s.p, MIN_OF(s.n, (size_t)12));
}

void add_count(struct strbuf *to, uint64_t n)
{
	if (n >= 1000) {
		add_count(to, n / 1000);
		strbuf_addf(to, ",%03u", (unsigned)(n % 1000));
		return;
	}
	strbuf_addf(to, "%u", (unsigned)n);
}

void add_percent(struct strbuf *to, double share)
{
	strbuf_addf(to, "%.3g %%", share * 100);
}

enum tone tone_of(const char *state)
{
	static const struct {
		const char *states;
		enum tone tone;
	} tones[] = {
		{" passed live done ok pass closed ready cached ", GOOD},
		{" failed aborted rolled_back rejected lost no fail open backoff ", BAD},
		{" aborting wait waiting holding staged unready mitigated blocked flaky manual amber ",
		 WARN},
		{" running staging promoting baking applying planned verifying starting gated built ",
		 BUSY},
		{" unaffected skipped cancelled superseded replaced queued gone stopping ", DIM},
	};
	AUTO(freep) char *word = xasprintf(" %s ", state ? state : "");

	for (size_t i = 0; i < ARRAY_LEN(tones); i++)
		if (strstr(tones[i].states, word))
			return tones[i].tone;
	return PLAIN;
}

/* ---- tables ---- */

void table_init(struct table *t, const char *titles, size_t columns)
{
	struct str rest = str_of(titles);

	*t = (struct table){.columns = columns};
	while (rest.p && rest.n) {
		struct str title = str_cut(&rest, '|');

		table_add(t, DIM, "%.*s", (int)title.n, title.p);
	}
}

/* Texts come from commits and logs: nothing of them may steer the terminal. */
static void clean(char *text)
{
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
}

void table_add(struct table *t, enum tone tone, const char *fmt, ...)
{
	struct strbuf text = STRBUF(TEXT);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	char *owned = strbuf_take(&text);
	if (!strchr(owned, '\033'))
		clean(owned);
	vec_push(&t->cells, ((struct cell){owned, tone}));
}

static void print_row(const struct table *t, const struct term *term, const size_t *widths,
		      size_t row, unsigned indent, struct strbuf *to)
{
	size_t used = indent, last = t->columns - 1;

	while (last > 0 && !*t->cells.v[row * t->columns + last].text)
		last--;
	strbuf_addf(to, "%*s", (int)indent, "");
	for (size_t i = 0; i <= last; i++) {
		const struct cell *cell = &t->cells.v[row * t->columns + i];
		struct str text = str_of(cell->text);

		if (term->width && used + text_width(text) > term->width)
			text = text_cut(text, term->width > used ? term->width - used : 0);
		tint(to, term, cell->tone, "%.*s", (int)text.n, text.p);
		if (i < last)
			strbuf_addf(to, "%*s",
				    (int)(widths[i] - MIN_OF(widths[i], text_width(text)) + 2), "");
		used += widths[i] + 2;
	}
	strbuf_addc(to, '\n');
}

void table_print(struct table *t, const struct term *term, unsigned indent, struct strbuf *to)
{
	size_t *widths = xcalloc(t->columns, sizeof(*widths)), rows = t->cells.n / t->columns;

	for (size_t i = 0; i < rows * t->columns; i++)
		widths[i % t->columns] =
			MAX_OF(widths[i % t->columns], text_width(str_of(t->cells.v[i].text)));
	for (size_t row = 0; row < rows; row++)
		print_row(t, term, widths, row, indent, to);
	vec_each(cell, &t->cells)
		xfree(cell->text);
	vec_done(&t->cells);
	xfree(widths);
}
