/* What all readers of reports need: clean text, and paths of the repository. */
#include "base/glob.h"
#include "flow/2-build/reports.h"

#define PATH_LONGEST ((size_t)1024)

/* Length of the escape sequence at the front of s (which begins with ESC). */
static size_t escape(struct str s)
{
	size_t i = 2;

	if (s.n < 2)
		return s.n;
	if (s.p[1] == '[') { /* CSI: parameters, then one final byte */
		while (i < s.n && ((unsigned char)s.p[i] < 0x40 || (unsigned char)s.p[i] > 0x7e) &&
		       s.p[i] != '\n')
			i++;
		return MIN_OF(i + 1, s.n);
	}
	if (s.p[1] == ']') { /* OSC: up to BEL or ST */
		while (i < s.n && s.p[i] != '\a' && s.p[i] != '\033' && s.p[i] != '\n')
			i++;
		if (i < s.n && s.p[i] == '\033')
			i++;
		return i < s.n && s.p[i] != '\n' ? i + 1 : i;
	}
	return s.p[1] == '(' || s.p[1] == ')' ? MIN_OF(s.n, (size_t)3) : 2;
}

static void carriage_return(struct strbuf *to)
{
	while (to->n && to->p[to->n - 1] != '\n')
		to->n--;
	if (to->p)
		to->p[to->n] = '\0';
}

void text_strip(struct str text, struct strbuf *to)
{
	while (text.n) {
		unsigned char c = (unsigned char)*text.p;
		size_t n = 1;
		if (c == '\033') {
			n = escape(text);
		} else if (c == '\r') {
			while (n < text.n && text.p[n] == '\r')
				n++;
			if (n < text.n && text.p[n] != '\n')
				carriage_return(to);
		} else if (c >= 32 || c == '\n' || c == '\t') {
			while (n < text.n && (unsigned char)text.p[n] >= 32)
				n++;
			strbuf_add(to, text.p, n);
		}
		text.p += n;
		text.n -= n;
	}
}

char *text_kept(struct str text, size_t max)
{
	struct strbuf clean = STRBUF(text.n + 1), ret = STRBUF(max + 1);

	text_strip(text, &clean);
	struct str s = str_trim(strbuf_str(&clean));
	while (s.n) {
		size_t k = str_character(s);
		if (ret.n + (k ? k : 1) > max)
			break;
		strbuf_add(&ret, k && *s.p != 0x7f ? s.p : "?", k && *s.p != 0x7f ? k : 1);
		s.p += k ? k : 1;
		s.n -= k ? k : 1;
	}
	strbuf_done(&clean);
	return strbuf_take(&ret);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'                 ? c - '0'
	       : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
						    : -1;
}

static void add_unescaped(struct strbuf *to, struct str uri)
{
	for (size_t i = 0; i < uri.n; i++) {
		int high = i + 2 < uri.n && uri.p[i] == '%' ? hex_digit(uri.p[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(uri.p[i + 2]) : -1;
		if (low >= 0) {
			strbuf_addc(to, (char)(high * 16 + low));
			i += 2;
		} else {
			strbuf_addc(to, uri.p[i]);
		}
	}
}

/* Segments of `path` after those that `to` holds; "." and ".." are followed. False: above the top. */
static bool walk(struct strbuf *to, struct str path)
{
	while (path.p) {
		struct str part = str_cut(&path, '/');
		if (!part.n || str_is(part, "."))
			continue;
		if (!str_is(part, "..")) {
			if (to->n)
				strbuf_addc(to, '/');
			strbuf_addstr(to, part);
			continue;
		}
		if (!to->n)
			return false;
		while (to->n && to->p[to->n - 1] != '/')
			to->n--;
		to->n -= to->n != 0;
	}
	if (to->p)
		to->p[to->n] = '\0';
	return true;
}

static char *path_from(struct str s, const char *unit)
{
	AUTO(strbuf_done) struct strbuf plain = STRBUF(PATH_LONGEST + 16);
	struct strbuf to = STRBUF(PATH_LONGEST);
	struct str at = str_of(unit);

	s = str_trim(s);
	if (str_starts(s, "file:")) {
		s.p += 5, s.n -= 5;
		if (str_starts(s, "//")) {
			s.p += 2, s.n -= 2;
			str_cut(&s, '/'); /* the host */
			s = s.p ? (struct str){s.p - 1, s.n + 1} : STR("");
		}
		add_unescaped(&plain, s);
		s = strbuf_failed(&plain) ? STR("") : strbuf_str(&plain);
	}
	if (s.n > PATH_LONGEST)
		return NULL;
	if (s.n && *s.p == '/') {
		if (!str_starts(s, "/repo/"))
			return NULL;
		s.p += 6, s.n -= 6;
		at = STR("");
	}
	if (!s.n || !walk(&to, at) || !walk(&to, s) || strbuf_failed(&to) || !to.n ||
	    path_check(strbuf_str(&to), NULL) != RC_OK || !str_is_utf8(strbuf_str(&to))) {
		strbuf_done(&to);
		return NULL;
	}
	return strbuf_take(&to);
}

char *report_path(struct str written, const char *unit)
{
	return path_from(written, unit && !streq(unit, ".") ? unit : "");
}

char *report_path_at_root(struct str written)
{
	return path_from(written, "");
}

static bool name_byte(char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
	       strchr("._-+/@$[]~", c);
}

static uint32_t number_at(struct str s, size_t *i)
{
	uint64_t n = 0;

	for (; *i < s.n && s.p[*i] >= '0' && s.p[*i] <= '9'; (*i)++)
		n = MIN_OF(n * 10 + (uint64_t)(s.p[*i] - '0'), (uint64_t)UINT32_MAX);
	return (uint32_t)n;
}

/* "name.ext:12", "name.ext(12,3)": an extension, so that "at 12:30" and "error: 5" are none. */
bool text_place(struct str text, struct str *ret_path, uint32_t *ret_line, uint32_t *ret_column)
{
	for (size_t i = 1; i + 1 < text.n; i++) {
		if ((text.p[i] != ':' && text.p[i] != '(') || text.p[i + 1] < '1' ||
		    text.p[i + 1] > '9')
			continue;
		size_t from = i, at = i + 1;
		bool dot = false;
		while (from && text.p[from - 1] && name_byte(text.p[from - 1])) {
			from--;
			dot |= text.p[from] == '.' && from + 1 < i && text.p[from + 1] != '/';
		}
		if (!dot || i - from < 3)
			continue;
		uint32_t line = number_at(text, &at), column = 0;
		if (at + 1 < text.n && (text.p[at] == ':' || text.p[at] == ',')) {
			at++;
			column = number_at(text, &at);
		}
		*ret_path = (struct str){text.p + from, i - from};
		*ret_line = line;
		*ret_column = column;
		return true;
	}
	return false;
}

void report_annotate(struct report *r, struct annotation *take_a)
{
	if (!streq(take_a->source, "junit")) {
		r->errors += take_a->level == ANNOTATION_ERROR;
		r->warnings += take_a->level == ANNOTATION_WARNING;
	}
	if (r->annotations.n < REPORT_ANNOTATIONS) {
		vec_push(&r->annotations, *take_a);
		*take_a = (struct annotation){0};
	} else {
		shape_done(&shape_annotation, take_a);
	}
}
