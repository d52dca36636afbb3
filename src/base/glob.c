/*
 * A pattern is its own automaton: state i means "what stands from character i on must still match". All states that
 * are reached are carried along together, so that no pattern can make the matcher try again.
 */
#include "base/glob.h"

#include "base/err.h"

#define PATTERN_MAX    512
#define PATH_MAX_BYTES 1024

struct pattern {
	uint32_t c[PATTERN_MAX +
		   1]; /* characters; a byte that is no UTF-8 stands above all of them */
	uint16_t close[PATTERN_MAX +
		       1]; /* of '{' and its ','s: the matching '}'; of '[': its ']'; else 0 */
	size_t n;
};
struct states {
	bool in[PATTERN_MAX + 1];
	uint16_t list[PATTERN_MAX + 1];
	size_t n;
};

/* The character at the front of *s, which is cut off. */
static uint32_t next_character(struct str *s)
{
	size_t n = str_character(*s);
	unsigned char first = (unsigned char)s->p[0];
	uint32_t c = n == 0 ? 0x110000u + first : n == 1 ? first : first & (0xffu >> (n + 1));

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s->p[i] & 0x3f);
	n = MAX_OF(n, 1);
	*s = (struct str){s->p + n, s->n - n};
	return c;
}

/* Where the class that opens at i ends, 0 when it does not. A ']' at its front is one of its characters. */
static size_t class_end(const struct pattern *p, size_t i)
{
	size_t j = i + 1;

	j += j < p->n && p->c[j] == '!';
	for (j++; j < p->n; j++)
		if (p->c[j] == ']')
			return j;
	return 0;
}

/* Where the alternatives that open at i end, 0 when they do not or hold others. */
static size_t braces_end(const struct pattern *p, size_t i)
{
	for (size_t j = i + 1; j < p->n; j++) {
		if (p->c[j] == '{')
			return 0;
		if (p->c[j] == '}')
			return j;
		if (p->c[j] == '[' && class_end(p, j))
			j = class_end(p, j);
	}
	return 0;
}

/* False when it is too long. What is malformed stands for itself. */
static bool compile(struct str text, struct pattern *p)
{
	p->n = 0;
	while (text.n) {
		if (p->n == PATTERN_MAX)
			return false;
		p->c[p->n++] = next_character(&text);
	}
	memset(p->close, 0, sizeof(p->close));
	size_t braces = 0;
	for (size_t i = 0; i < p->n; i++) {
		if (p->c[i] == '[' && class_end(p, i)) {
			p->close[i] = (uint16_t)class_end(p, i);
			i = p->close[i];
		} else if (p->c[i] == '{' && braces_end(p, i)) {
			braces = p->close[i] = (uint16_t)braces_end(p, i);
		} else if (i < braces && p->c[i] == ',') {
			p->close[i] = (uint16_t)braces;
		} else if (i == braces) {
			p->close[i] = (uint16_t)braces;
		}
	}
	return true;
}

/* `**` as a whole segment begins at i. */
static bool is_deep(const struct pattern *p, size_t i)
{
	return i + 1 < p->n && p->c[i] == '*' && p->c[i + 1] == '*' &&
	       (i == 0 || p->c[i - 1] == '/') && (i + 2 == p->n || p->c[i + 2] == '/');
}

/* The second '*' of such a one: inside a segment that is passed over. */
static bool is_inside_deep(const struct pattern *p, size_t i)
{
	return i > 0 && is_deep(p, i - 1);
}

static void add(struct states *s, size_t i)
{
	if (s->in[i])
		return;
	s->in[i] = true;
	s->list[s->n++] = (uint16_t)i;
}

/* All states that are reached without a character. */
static void close_over(const struct pattern *p, struct states *s)
{
	for (size_t k = 0; k < s->n; k++) {
		size_t i = s->list[k];
		if (i == p->n)
			continue;
		if (is_deep(p, i)) {
			add(s, i + 2 == p->n ? i + 2 : i + 3);
		} else if (is_inside_deep(p, i)) {
			if (i + 1 == p->n)
				add(s, i + 1);
		} else if (p->c[i] == '*') {
			add(s, i + 1);
		} else if (p->c[i] == '/' && i + 3 == p->n && is_deep(p, i + 1)) {
			add(s, p->n); /* "a" for "a" and all below it */
		} else if (p->c[i] == '{' && p->close[i]) {
			add(s, i + 1);
			for (size_t j = i + 1; j < p->close[i]; j++)
				if (p->c[j] == ',' && p->close[j] == p->close[i])
					add(s, j + 1);
		} else if ((p->c[i] == ',' || p->c[i] == '}') && p->close[i]) {
			add(s, p->close[i] + 1u);
		}
	}
}

static bool class_has(const struct pattern *p, size_t i, uint32_t c)
{
	bool other = p->c[i + 1] == '!', found = false;

	for (size_t j = i + 1 + other; j < p->close[i]; j++) {
		bool range = j + 2 < p->close[i] && p->c[j + 1] == '-';
		if (range ? c >= p->c[j] && c <= p->c[j + 2] : c == p->c[j])
			found = true;
		j += range ? 2 : 0;
	}
	return found != other && c != '/';
}

static void step(const struct pattern *p, size_t i, uint32_t c, struct states *to)
{
	if (i == p->n)
		return;
	if (is_deep(p, i) || is_inside_deep(p, i)) {
		size_t start = is_deep(p, i) ? i : i - 1;
		add(to, c == '/' ? start : start + 1);
	} else if (p->c[i] == '*') {
		if (c != '/')
			add(to, i);
	} else if (p->c[i] == '?') {
		if (c != '/')
			add(to, i + 1);
	} else if (p->c[i] == '[' && p->close[i]) {
		if (class_has(p, i, c))
			add(to, p->close[i] + 1u);
	} else if (p->close[i] == 0 && p->c[i] == c) {
		add(to, i + 1);
	}
}

/* Most pairs differ before the first special character: those need no automaton. */
static bool differs_early(struct str pattern, struct str path)
{
	size_t n = 0;

	while (n < pattern.n && (!pattern.p[n] || !strchr("*?[{", pattern.p[n])))
		n++;
	if (n == pattern.n)
		return !str_eq(pattern, path);
	if (n && pattern.p[n - 1] == '/') /* "a" matches "a" + slash + "**" */
		n--;
	return path.n < n || (n && memcmp(pattern.p, path.p, n) != 0);
}

static void empty(struct states *s)
{
	while (s->n)
		s->in[s->list[--s->n]] = false;
}

bool glob_match(struct str pattern, struct str path)
{
	struct pattern p;
	struct states sets[2], *now = &sets[0], *next = &sets[1];

	if (differs_early(pattern, path))
		return false;
	if (!compile(pattern, &p))
		return false;
	memset(sets, 0, sizeof(sets));
	add(now, 0);
	close_over(&p, now);
	while (path.n && now->n) {
		uint32_t c = next_character(&path);
		empty(next);
		for (size_t k = 0; k < now->n; k++)
			step(&p, now->list[k], c, next);
		close_over(&p, next);
		struct states *reuse = now;
		now = next;
		next = reuse;
	}
	return now->in[p.n];
}

/* What is the same for a pattern and for a path. */
static enum rc check_segments(struct str s, const char *what, struct err *err)
{
	if (s.n == 0)
		return err_set(err, RC_INVALID, "the %s is empty", what);
	if (memchr(s.p, '\0', s.n))
		return err_set(err, RC_INVALID, "the %s holds a NUL", what);
	if (s.p[0] == '/')
		return err_set(err, RC_INVALID,
			       "the %s is absolute: write it from the top of the repository", what);
	for (struct str rest = s; rest.p;) {
		struct str part = str_cut(&rest, '/');
		if (part.n == 0)
			return err_set(err, RC_INVALID,
				       "the %s has an empty part ('//' or a '/' at its end)", what);
		if (str_is(part, ".."))
			return err_set(err, RC_INVALID, "the %s leaves the repository by '..'",
				       what);
		if (str_is(part, "."))
			return err_set(err, RC_INVALID, "the %s has a '.' part: leave it out",
				       what);
	}
	return RC_OK;
}

static enum rc check_classes(const struct pattern *p, struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->c[i] != '[')
			continue;
		if (!p->close[i])
			return err_set(err, RC_INVALID, "a '[' has no ']'");
		for (size_t j = i + 1; j < p->close[i]; j++) {
			if (p->c[j] == '/')
				return err_set(err, RC_INVALID, "'[...]' cannot hold a '/'");
			if (j > i + 1 && j + 1 < p->close[i] && p->c[j] == '-' &&
			    p->c[j - 1] > p->c[j + 1])
				return err_set(err, RC_INVALID,
					       "a range in '[...]' runs backwards");
		}
		i = p->close[i];
	}
	return RC_OK;
}

static enum rc check_braces(const struct pattern *p, struct err *err)
{
	bool open = false;

	for (size_t i = 0; i < p->n; i++) {
		if (p->c[i] == '[' && p->close[i])
			i = p->close[i];
		else if (p->c[i] == '{' && open)
			return err_set(err, RC_INVALID, "'{...}' inside '{...}' is not taken");
		else if (p->c[i] == '{')
			open = true;
		else if (p->c[i] == '}' && !open)
			return err_set(err, RC_INVALID, "a '}' has no '{'");
		else if (p->c[i] == '}')
			open = false;
	}
	return open ? err_set(err, RC_INVALID, "a '{' has no '}'") : RC_OK;
}

static enum rc check_stars(const struct pattern *p, struct err *err)
{
	for (size_t i = 0; i + 1 < p->n; i++) {
		if (p->c[i] == '[' && p->close[i])
			i = p->close[i];
		else if (p->c[i] == '*' && p->c[i + 1] == '*' && !is_deep(p, i))
			return err_set(
				err, RC_INVALID,
				"'**' stands for whole parts of a path: write **/*.c, not **.c");
		else if (p->c[i] == '*' && p->c[i + 1] == '*')
			i++;
	}
	return RC_OK;
}

enum rc glob_check(struct str pattern, struct err *err)
{
	struct pattern p;
	enum rc rc;

	if (pattern.n > PATTERN_MAX)
		return err_set(err, RC_INVALID, "the pattern is longer than %d bytes", PATTERN_MAX);
	rc = check_segments(pattern, "pattern", err);
	if (rc == RC_OK && !compile(pattern, &p))
		return err_set(err, RC_INVALID, "the pattern is too long");
	if (rc == RC_OK)
		rc = check_classes(&p, err);
	if (rc == RC_OK)
		rc = check_braces(&p, err);
	return rc == RC_OK ? check_stars(&p, err) : rc;
}

enum rc path_check(struct str path, struct err *err)
{
	if (path.n > PATH_MAX_BYTES)
		return err_set(err, RC_INVALID, "the path is longer than %d bytes", PATH_MAX_BYTES);
	return check_segments(path, "path", err);
}
