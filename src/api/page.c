#include "api/page.h"

bool page_ask(struct call *c, uint64_t otherwise, struct page *p)
{
	const char *sort = query_text(c, "sort");

	p->cursor = query_text(c, "cursor");
	p->sorted = sort != NULL;
	p->down = p->sorted && *sort == '-';
	return call_number(c, "limit", otherwise, WIRE_LIST_MAX, &p->limit);
}

void page_put(struct page *p, const char *id, const void *thing)
{
	vec_push(&p->all, ((struct named){id, thing}));
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->id, ((const struct named *)b)->id);
}

static int by_id_down(const void *a, const void *b)
{
	return by_id(b, a);
}

/* Where the page after the cursor begins; all.n + 1: not to be found. */
static size_t behind(const struct page *p)
{
	size_t i = 0;

	for (; i < p->all.n; i++) {
		int order = strcmp(p->all.v[i].id, p->cursor);

		if (order == 0)
			return i + 1;
		if (p->sorted && (p->down ? order < 0 : order > 0))
			return i; /* it is gone: behind where it would stand */
	}
	return p->sorted ? i : p->all.n + 1;
}

enum rc page_cut(struct page *p, struct err *err)
{
	if (p->sorted && p->all.n)
		qsort(p->all.v, p->all.n, sizeof(*p->all.v), p->down ? by_id_down : by_id);
	p->from = p->cursor ? behind(p) : 0;
	if (p->from > p->all.n)
		return err_set(
			err, RC_INVALID,
			"?cursor=%.200s is not in this list: begin again, or ask with ?sort=id, where a cursor holds also when its thing is gone",
			p->cursor);
	p->to = p->from + (size_t)MIN_OF((uint64_t)(p->all.n - p->from), p->limit);
	return RC_OK;
}

void page_next(struct json_out *o, const struct page *p)
{
	if (p->to < p->all.n && p->to > p->from)
		json_cstr(o, "next", p->all.v[p->to - 1].id);
}

void page_done(struct page *p)
{
	vec_done(&p->all);
}
