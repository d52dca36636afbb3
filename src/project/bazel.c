/* BUILD and BUILD.bazel: rules with a name, and the labels that they hold. Read, never evaluated. */
#include "project/buildfile_impl.h"
#include "project/scan.h"

/* "//libs/shared", "//libs/shared:lib" and "@//..." are this repository's; "@x//..." is another's. */
static bool add_label(struct source *s, struct str text, uint32_t line)
{
	if (text.n > 1 && text.p[0] == '@' && text.p[1] == '/') {
		text.p++;
		text.n--;
	}
	if (!str_starts(text, "//"))
		return true;
	struct str rest = {text.p + 2, text.n - 2};
	struct str package = str_cut(&rest, ':');
	if (memchr(package.p, '*', package.n) || str_ends(package, "..."))
		return true;
	AUTO(freep) char *path = path_join(".", package);
	if (!path || streq(path, s->m->dir))
		return true;
	if (s->m->deps.n == BUILDFILE_MENTIONS)
		return false;
	vec_push(&s->m->deps, ((struct mention){xstrdup(path), NULL, true, false, line}));
	return true;
}

struct bazel {
	struct str rule; /* of the call at depth 1 */
	uint32_t line;
	unsigned depth;
	bool visibility; /* inside of the attribute that names who may use it */
};

static void enter(struct source *s, struct bazel *b, struct str word, uint32_t line)
{
	if (b->depth++)
		return;
	b->rule = word;
	b->line = line;
	b->visibility = str_is(word, "load") || str_is(word, "package_group") ||
			str_is(word, "exports_files") || str_is(word, "package");
	if (!b->visibility)
		s->m->unit = true;
	if (str_ends(word, "_binary") || str_ends(word, "_image"))
		source_runs(s, "a *_binary rule", line);
}

enum rc read_bazel(struct source *s)
{
	struct scan scan = {.hash = true};
	struct bazel b = {.depth = 0};
	struct str word = {"", 0};
	bool in_call = false;

	scan_init(&scan, s->text);
	add_name(s, str_of(s->m->dir));
	while (scan_next(&scan) != SCAN_END) {
		if (scan.kind == SCAN_WORD) {
			if (b.depth == 1 && in_call)
				b.visibility = str_is(scan.text, "visibility");
			word = scan.text;
			continue;
		}
		if (scan.kind == SCAN_TEXT) {
			if (b.depth && in_call && !b.visibility &&
			    !add_label(s, scan.text, scan.at_line))
				return too_many(s);
			continue;
		}
		if (scan_is(&scan, '(') || scan_is(&scan, '[') || scan_is(&scan, '{')) {
			if (!b.depth && scan_is(&scan, '(') && word.n) {
				enter(s, &b, word, scan.at_line);
				in_call = !str_is(word, "load") && !str_is(word, "package") &&
					  !str_is(word, "package_group");
			} else {
				b.depth++;
			}
		} else if (scan_is(&scan, ')') || scan_is(&scan, ']') || scan_is(&scan, '}')) {
			b.depth -= b.depth > 0;
			in_call = in_call && b.depth;
		}
		word.n = 0;
	}
	if (scan.unclosed)
		return source_fail(s, scan.line, "a text is not closed");
	return b.depth ? source_fail(s, b.line, "the bracket of %.*s is not closed",
				     (int)MIN_OF(b.rule.n, (size_t)40), b.rule.p)
		       : RC_OK;
}
