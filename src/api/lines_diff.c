#include "api/lines_diff.h"
#include "base/vec.h"

#define LINES_MAX ((size_t)2000)
#define CONTEXT   ((size_t)2)

typedef VEC(struct str) lines;

struct change_line {
	char op;
	struct str text;
	size_t old_line, new_line; /* from 1: where it stands, or would */
};
typedef VEC(struct change_line) changes;

static void split(struct str text, lines *ret)
{
	if (text.n && text.p[text.n - 1] == '\n')
		text.n--;
	else if (!text.n)
		return;
	while (text.p) {
		struct str line = str_cut(&text, '\n');

		vec_push(ret, line);
	}
}

static void add(changes *to, char op, struct str text, size_t old_at, size_t new_at)
{
	vec_push(to, ((struct change_line){op, text, old_at + 1, new_at + 1}));
}

/* The longest common lines of a[first..an) and b[first..bn), by the plain table. */
static void compare(const lines *a, const lines *b, size_t first, size_t an, size_t bn, changes *to)
{
	size_t n = an - first, m = bn - first, w = m + 1;
	uint16_t *best = xcalloc((n + 1) * w, sizeof(*best));

	for (size_t i = n; i-- > 0;)
		for (size_t j = m; j-- > 0;)
			best[i * w + j] =
				str_eq(a->v[first + i], b->v[first + j])
					? (uint16_t)(best[(i + 1) * w + j + 1] + 1)
					: MAX_OF(best[(i + 1) * w + j], best[i * w + j + 1]);
	for (size_t i = 0, j = 0; i < n || j < m;) {
		if (i < n && j < m && str_eq(a->v[first + i], b->v[first + j])) {
			add(to, ' ', a->v[first + i], first + i, first + j);
			i++;
			j++;
		} else if (j == m || (i < n && best[(i + 1) * w + j] >= best[i * w + j + 1])) {
			add(to, '-', a->v[first + i], first + i, first + j);
			i++;
		} else {
			add(to, '+', b->v[first + j], first + i, first + j);
			j++;
		}
	}
	xfree(best);
}

/* From a changed line: up to where more than twice the context is the same. */
static size_t end_of_hunk(const changes *all, size_t at)
{
	size_t last = at;

	for (size_t i = at; i < all->n && i <= last + 2 * CONTEXT + 1; i++)
		if (all->v[i].op != ' ')
			last = i;
	return MIN_OF(last + CONTEXT + 1, all->n);
}

static void write_hunks(struct strbuf *to, const changes *all)
{
	for (size_t i = 0; i < all->n; i++) {
		size_t counts[2] = {0}, from, end;

		if (all->v[i].op == ' ')
			continue;
		from = i > CONTEXT ? i - CONTEXT : 0;
		end = end_of_hunk(all, i);
		for (size_t k = from; k < end; k++) {
			counts[0] += all->v[k].op != '+';
			counts[1] += all->v[k].op != '-';
		}
		strbuf_addf(to, "@@ -%zu,%zu +%zu,%zu @@\n", all->v[from].old_line - !counts[0],
			    counts[0], all->v[from].new_line - !counts[1], counts[1]);
		for (size_t k = from; k < end; k++) {
			strbuf_addc(to, all->v[k].op);
			strbuf_addstr(to, all->v[k].text);
			strbuf_addc(to, '\n');
		}
		i = end - 1;
	}
}

bool lines_diff(struct strbuf *to, struct str old_text, struct str new_text)
{
	lines a = {0}, b = {0};
	changes all = {0};
	size_t first = 0, an, bn, before;

	split(old_text, &a);
	split(new_text, &b);
	an = a.n;
	bn = b.n;
	while (first < an && first < bn && str_eq(a.v[first], b.v[first]))
		first++;
	while (an > first && bn > first && str_eq(a.v[an - 1], b.v[bn - 1])) {
		an--;
		bn--;
	}
	bool fits = an - first <= LINES_MAX && bn - first <= LINES_MAX;
	before = first > CONTEXT ? first - CONTEXT : 0;
	for (size_t i = before; i < first; i++)
		add(&all, ' ', a.v[i], i, i);
	if (fits)
		compare(&a, &b, first, an, bn, &all);
	for (size_t i = 0; i < CONTEXT && an + i < a.n; i++)
		add(&all, ' ', a.v[an + i], an + i, bn + i);
	if (fits)
		write_hunks(to, &all);
	vec_done(&a);
	vec_done(&b);
	vec_done(&all);
	return fits;
}
