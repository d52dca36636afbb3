/*
 * One page of things that have names: ?limit= ?cursor= ?sort=id|-id. A cursor is the name of the last thing of its page. On the loop, or on a worker while
 * the call lives.
 */
#pragma once
#include "api/reads.h"

struct named {
	const char *id;
	const void *thing;
};
struct page {
	uint64_t limit;
	bool sorted, down;  /* not sorted: in the order in which they were put */
	const char *cursor; /* of the request */
	VEC(struct named) all;
	size_t from, to; /* of all: the page */
};
/* What is asked for; `otherwise`: the limit when none is. False: answered. */
MUST_CHECK bool page_ask(struct call *c, uint64_t otherwise, struct page *p);
/* id is borrowed until page_done(). */
void page_put(struct page *p, const char *id, const void *thing);
/* All are put: find the page. RC_INVALID: the cursor's thing is gone, and nothing tells where it stood. */
MUST_CHECK enum rc page_cut(struct page *p, struct err *err);
/* "next", unless it is the last page. */
void page_next(struct json_out *o, const struct page *p);
void page_done(struct page *p);
