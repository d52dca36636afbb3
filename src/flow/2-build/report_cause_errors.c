/* The last thing that went wrong: a traceback, a panic, an exception, an error; else the target that make gave up. */
#include "flow/2-build/reports.h"

#define BEFORE_MAKE 6

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' ||
	       c == '.' || c == '$';
}

/* "TypeError: x is no function", "org.x.FooException: text", "Uncaught Error [CODE]: x" at the front of a line. */
static bool is_exception(struct str s)
{
	size_t n = 0;

	if (str_starts(s, "Uncaught "))
		s.p += 9, s.n -= 9;
	while (n < s.n && is_word(s.p[n]))
		n++;
	struct str name = {s.p, n};
	if (!str_ends(name, "Error") && !str_ends(name, "Exception"))
		return false;
	return n < s.n && (s.p[n] == ':' || (s.p[n] == ' ' && n + 1 < s.n && s.p[n + 1] == '['));
}

static bool is_npm(struct str s)
{
	return str_starts(s, "npm ERR!") || str_starts(s, "npm error") ||
	       str_starts(s, "npm notice") || str_starts(s, "npm warn") ||
	       str_starts(s, "npm WARN");
}

/* "npm error code EUSAGE": npm itself could not go on, and says why. "code 1" and ELIFECYCLE: what it ran could not, and said so before. */
static bool is_npm_own(struct str s)
{
	static const char *const fronts[] = {"npm ERR! code E", "npm error code E"};

	for (size_t i = 0; i < ARRAY_LEN(fronts); i++)
		if (str_starts(s, fronts[i]))
			return !has(s, " ELIFECYCLE");
	return false;
}

/* Of npm's own error all but what is the same in each. */
static bool say_npm(const struct log_lines *l, size_t from, size_t to, struct cause_out *o)
{
	bool own = false;

	for (size_t i = from; i < to; i++)
		own |= is_npm_own(l->v[i]);
	for (size_t i = from; own && i < to; i++) {
		struct str s = l->v[i];
		bool error = str_starts(s, "npm ERR!") || str_starts(s, "npm error");

		if (error && str_trim(s).n > strlen("npm error") &&
		    !has(s, "A complete log of this run"))
			cause_say(o, s);
	}
	return own;
}

static bool is_crash(struct str s)
{
	return has(s, "ERROR: AddressSanitizer") || has(s, "ERROR: LeakSanitizer") ||
	       has(s, "WARNING: ThreadSanitizer") || has(s, ": runtime error: ") ||
	       has(s, "Segmentation fault") || has(s, "(core dumped)") || has(s, "Aborted") ||
	       has(s, "terminate called after throwing");
}

static bool is_error_line(struct str s)
{
	static const char *const fronts[] = {
		"error:", "Error:",  "ERROR:",  "ERROR ", "fatal:", "FATAL",  "Fatal",
		"E: ",    "[error]", "[ERROR]", "panic:", "error ", "error[", "ERR!"};
	static const char *const parts[] = {": error:",
					    ": Error:",
					    " ERROR ",
					    ": fatal:",
					    ": command not found",
					    ": not found",
					    "No such file or directory",
					    "Permission denied",
					    "cannot open",
					    "No rule to make target",
					    "Connection refused"};

	if (is_npm(s) || has(s, " 0 error"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(fronts); i++)
		if (str_starts(s, fronts[i]))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (has(s, parts[i]))
			return true;
	return false;
}

static bool is_make(struct str s)
{
	return (has(s, "make") && has(s, ": *** ")) || str_starts(s, "ninja: build stopped") ||
	       (str_starts(s, "> Task ") && str_ends(str_trim(s), " FAILED")) ||
	       str_starts(s, "FAILED: ");
}

static void say_range(const struct log_lines *l, size_t from, size_t to, struct cause_out *o)
{
	for (size_t i = from; i < to && i < l->n; i++)
		cause_say(o, l->v[i]);
}

/* The last frames and the exception: what stands between is how it came there. */
static void say_traceback(const struct log_lines *l, size_t i, struct cause_out *o)
{
	size_t end = i + 1;

	while (end < l->n && (is_blank(l->v[end]) || *l->v[end].p == ' '))
		end++;
	size_t from = end > i + 5 ? end - 4 : i + 1;
	cause_say(o, l->v[i]);
	say_range(l, from, end, o);
	for (size_t k = end; k < l->n && k < end + 4 && !is_blank(l->v[k]) && !is_make(l->v[k]);
	     k++)
		cause_say(o, l->v[k]);
}

/* Above it Node prints the place and the code, below it the stack. */
static void say_exception(const struct log_lines *l, size_t i, struct cause_out *o)
{
	size_t from = i, stack = 0;
	struct str path;
	uint32_t line, column;

	for (size_t k = i; k > 0 && i - k < 6; k--)
		if (text_place(l->v[k - 1], &path, &line, &column) &&
		    str_trim(l->v[k - 1]).n < path.n + 16) {
			from = k - 1;
			break;
		}
	say_range(l, from, i + 1, o);
	for (size_t k = i + 1; k < l->n && stack < 3 && !is_blank(l->v[k]); k++) {
		stack += is_stack(l->v[k]);
		if (stack < 3)
			cause_say(o, l->v[k]);
	}
}

/* One thing in many lines: back to its first. */
static size_t first_of(const struct log_lines *l, size_t i, bool (*is)(struct str s))
{
	while (i && is(l->v[i - 1]))
		i--;
	return i;
}

static void say_panic(const struct log_lines *l, size_t i, struct cause_out *o)
{
	size_t end = i + 1;

	while (end < l->n && end < i + 8 && !str_starts(l->v[end], "note: ") &&
	       !is_make(l->v[end]) && !str_starts(l->v[end], "exit status"))
		end++;
	say_range(l, i, end, o);
}

static bool say_at(const struct log_lines *l, size_t i, struct cause_out *o)
{
	struct str s = l->v[i];

	if (str_starts(s, "Traceback (most recent call last)"))
		say_traceback(l, i, o);
	else if (str_starts(s, "panic: ") || (str_starts(s, "thread '") && has(s, "panicked at")))
		say_panic(l, i, o);
	else if (str_starts(s, "Exception in thread ") || is_exception(s) ||
		 str_starts(s, "Caused by: "))
		say_exception(l, i, o);
	else if (is_crash(s))
		say_range(l, i, i + 6, o);
	else if (is_error_line(s) && !is_make(s))
		say_range(l, first_of(l, i, is_error_line), i + 3, o);
	else
		return false;
	return o->lines > 0;
}

/* The exception at a traceback's end is not the beginning. */
static size_t begin_of(const struct log_lines *l, size_t i)
{
	for (size_t k = i, n = 0; k > 0 && n < 200; k--, n++) {
		struct str s = l->v[k - 1];
		if (str_starts(s, "Traceback (most recent call last)"))
			return k - 1;
		if (s.n && *s.p != ' ' && *s.p != '\t')
			break;
	}
	return i;
}

bool cause_errors(const struct log_lines *l, struct cause_out *o)
{
	for (size_t i = l->n; i > 0; i--)
		if (say_at(l, begin_of(l, i - 1), o))
			return true;
	for (size_t i = l->n; i > 0; i--) {
		if (!is_make(l->v[i - 1]) && !is_npm(l->v[i - 1]))
			continue;
		size_t at = first_of(l, i - 1, is_make(l->v[i - 1]) ? is_make : is_npm);
		if (say_npm(l, at, i, o))
			return o->lines > 0;
		size_t from = at, n = 0;
		while (from && n < BEFORE_MAKE)
			n += !is_blank(l->v[--from]);
		say_range(l, from, at + 2, o);
		return o->lines > 0;
	}
	return false;
}
