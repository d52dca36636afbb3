/* What a compiler or linker says: the first error with what it points at, then the next ones. */
#include "flow/2-build/reports.h"

#define CONTEXT 4 /* lines below an error that show its code */

/* "   12 |   int x" of gcc, clang, rustc; the caret below it */
static bool is_frame(struct str line)
{
	struct str s = str_trim(line);
	size_t n = 0;

	while (n < s.n && ((s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == ' '))
		n++;
	return (n < s.n && s.p[n] == '|' && (n || s.n != line.n)) || (s.n && *s.p == '^') ||
	       (s.n && *s.p == '~') || str_starts(s, "--> ") ||
	       (s.n && *s.p == '=' && s.n != line.n);
}

static bool is_rust(const struct log_lines *l, size_t i)
{
	struct str s = l->v[i];

	return str_starts(s, "error[E") || (str_starts(s, "error: ") && i + 1 < l->n &&
					    str_starts(str_trim(l->v[i + 1]), "--> "));
}

/* "./a.go:3:5: undefined: x", of go build and vet */
static bool is_go(struct str s)
{
	struct str path, front = s;
	uint32_t line, column;

	if (!has(s, ".go:") || has(s, "_test.go:") || !s.n || *s.p == ' ' || *s.p == '\t')
		return false;
	if (str_starts(front, "vet: "))
		front.p += 5, front.n -= 5;
	return text_place(front, &path, &line, &column) && path.p == front.p && column &&
	       str_ends(path, ".go");
}

/* "[ERROR] /x/Foo.java:[12,5] cannot find symbol" of Maven; "e: file:///x.kt:3:5 ..." of Kotlin */
static bool is_java(struct str s)
{
	return (str_starts(s, "[ERROR] ") && (has(s, ".java:[") || has(s, ".kt:["))) ||
	       (str_starts(s, "e: ") && has(s, ".kt"));
}

static bool is_linker(struct str s)
{
	return has(s, ": undefined reference to ") || has(s, ": multiple definition of ") ||
	       has(s, "ld: cannot find ") || has(s, "cannot find -l") ||
	       str_starts(s, "Undefined symbols for") || str_starts(s, "CMake Error");
}

static bool is_error(const struct log_lines *l, size_t i)
{
	struct problem p;
	struct str s = l->v[i];

	if ((problem_gcc(s, &p) || problem_tsc(s, &p) || problem_eslint(s, &p)))
		return p.level == ANNOTATION_ERROR;
	return is_rust(l, i) || is_go(s) || is_java(s) || is_linker(s);
}

/* ESLint names the file above its lines. */
static void say_file(const struct log_lines *l, size_t i, struct cause_out *o)
{
	struct problem p;

	if (!problem_eslint(l->v[i], &p))
		return;
	while (i && !is_blank(l->v[i]) && (*l->v[i].p == ' ' || *l->v[i].p == '\t'))
		i--;
	cause_say(o, l->v[i]);
}

bool cause_compiler(const struct log_lines *l, struct cause_out *o)
{
	bool first = true;

	for (size_t i = 0; i < l->n && !cause_full(o); i++) {
		if (!is_error(l, i))
			continue;
		if (first)
			say_file(l, i, o);
		if (first && str_starts(l->v[i], "CMake Error")) { /* its text stands below */
			for (size_t k = i; k < l->n && k < i + CONTEXT; k++)
				cause_say(o, l->v[k]);
			first = false;
			continue;
		}
		cause_say(o, l->v[i]);
		for (size_t k = i + 1;
		     first && k < l->n && k <= i + CONTEXT + 2 && is_frame(l->v[k]); k++)
			cause_say(o, l->v[k]);
		first = false;
	}
	return o->lines > 0;
}
