/* go.mod and go.work: directives, one a line or several in brackets. */
#include "project/buildfile_impl.h"

struct go_line {
	struct str directive, rest; /* rest without the comment */
	uint32_t line;
	bool indirect;
};
struct go_reader {
	struct str text;
	struct str block; /* the directive whose bracket is open; p NULL: none */
	uint32_t line;
};

static struct str word(struct str *rest)
{
	struct str s = str_trim(*rest);
	size_t n = 0;

	if (s.n && (s.p[0] == '"' || s.p[0] == '`')) {
		const char *end = memchr(s.p + 1, s.p[0], s.n - 1);
		size_t inner = end ? (size_t)(end - s.p - 1) : s.n - 1;
		*rest = end ? (struct str){end + 1, s.n - inner - 2} : (struct str){s.p + s.n, 0};
		return (struct str){s.p + 1, inner};
	}
	while (n < s.n && s.p[n] != ' ' && s.p[n] != '\t')
		n++;
	*rest = (struct str){s.p + n, s.n - n};
	return (struct str){s.p, n};
}

static struct str without_comment(struct str line)
{
	for (size_t i = 0; i + 1 < line.n; i++)
		if (line.p[i] == '/' && line.p[i + 1] == '/' &&
		    (i == 0 || line.p[i - 1] == ' ' || line.p[i - 1] == '\t'))
			line.n = i;
	return str_trim(line);
}

static bool next_line(struct go_reader *r, struct go_line *ret)
{
	while (r->text.p) {
		struct str whole = str_cut(&r->text, '\n'), line = without_comment(whole);
		r->line++;
		if (!line.n)
			continue;
		if (r->block.p && str_is(line, ")")) {
			r->block.p = NULL;
			continue;
		}
		struct str rest = line;
		struct str directive = r->block.p ? r->block : word(&rest);
		rest = str_trim(rest);
		if (!r->block.p && str_is(rest, "(")) {
			r->block = directive;
			continue;
		}
		*ret = (struct go_line){directive, rest, r->line,
					memmem(whole.p, whole.n, "// indirect", 11) != NULL};
		return true;
	}
	return false;
}

static bool is_local(struct str s)
{
	return str_starts(s, "./") || str_starts(s, "../") || str_is(s, ".") || str_is(s, "..");
}

/* old [version] => new [version] */
static bool read_replace(struct source *s, struct go_line *l)
{
	struct str w = {NULL, 0};

	for (unsigned i = 0; i < 3 && !str_is(w, "=>"); i++)
		w = word(&l->rest);
	struct str to = word(&l->rest);
	return !str_is(w, "=>") || !is_local(to) || add_path(s, to, false, l->line);
}

enum rc read_go(struct source *s)
{
	struct go_reader r = {.text = s->text};
	struct go_line l;

	while (next_line(&r, &l)) {
		bool good = true;
		if (str_is(l.directive, "module")) {
			add_name(s, word(&l.rest));
			s->m->unit = true;
		} else if (str_is(l.directive, "require")) {
			struct str name = word(&l.rest);
			good = add_mention(s, name, word(&l.rest), false, l.line);
		} else if (str_is(l.directive, "replace")) {
			good = read_replace(s, &l);
		}
		if (!good)
			return too_many(s);
	}
	if (r.block.p)
		return source_fail(s, r.line, "the bracket of \"%.*s\" is not closed",
				   (int)MIN_OF(r.block.n, (size_t)40), r.block.p);
	if (!s->m->unit)
		return source_fail(s, 1, "there is no \"module\" line");
	return RC_OK;
}

enum rc read_go_work(struct source *s)
{
	struct go_reader r = {.text = s->text};
	AUTO(strbuf_done) struct strbuf settings = STRBUF(BUILDFILE_MAX);
	struct go_line l;

	s->m->workspace = true;
	while (next_line(&r, &l)) {
		if (str_is(l.directive, "use")) {
			add_member(s, word(&l.rest), false);
			continue;
		}
		strbuf_addf(&settings, "%.*s %.*s\n", (int)l.directive.n, l.directive.p,
			    (int)l.rest.n, l.rest.p);
		if (str_is(l.directive, "replace") && !read_replace(s, &l))
			return too_many(s);
	}
	if (r.block.p)
		return source_fail(s, r.line, "the bracket of \"%.*s\" is not closed",
				   (int)MIN_OF(r.block.n, (size_t)40), r.block.p);
	s->m->settings = strbuf_take(&settings);
	return RC_OK;
}
