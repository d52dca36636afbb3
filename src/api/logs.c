/*
 * GET jobs/<id>/log: as bytes (?from=, Range), as text or JSON lines of all steps or one, its last lines, or what matches a search.
 */
#include "api/log_impl.h"

static bool truth(const char *text)
{
	return text && !streq(text, "0") && !streq(text, "false");
}

/* "bytes=5-9", "bytes=5-": others are answered as if there were none, as RFC 9110 allows. */
static void take_range(struct log_wish *wish, const char *header)
{
	struct str rest = str_of(header), first;
	uint64_t from, to = 0;

	if (!str_starts(rest, "bytes="))
		return;
	rest.p += 6, rest.n -= 6;
	first = str_cut(&rest, '-');
	if (!rest.p || !parse_u64(first, &from) || from >= INT64_MAX)
		return;
	if (rest.n && (!parse_u64(rest, &to) || to < from || to >= INT64_MAX))
		return;
	wish->range = true;
	wish->from = from;
	wish->until = rest.n ? to + 1 : (uint64_t)INT64_MAX;
}

static bool take_format(struct call *c, struct log_view *v)
{
	const char *format = request_query(c->r, "format"), *step = request_query(c->r, "step");

	v->timestamps = truth(request_query(c->r, "timestamps"));
	v->step = step && *step ? xstrdup(step) : NULL;
	v->format = v->step || v->timestamps ? LOG_TEXT : LOG_RAW;
	if (streq(format, "json")) {
		v->format = LOG_JSON;
	} else if (format && !streq(format, "text") && !streq(format, "raw")) {
		xfree(v->step);
		call_failf(c, RC_INVALID, "?format= takes raw, text or json, not \"%.40s\"",
			   format);
		return false;
	}
	return true;
}

void get_log(struct call *c)
{
	struct log_wish wish = {.until = INT64_MAX};
	const char *search = request_query(c->r, "search"), *range = request_header(c->r, "Range");

	if (!call_number(c, "from", 0, INT64_MAX - 1, &wish.from) ||
	    !call_number(c, "tail", 0, LOG_TAIL_MAX, &wish.tail))
		return;
	wish.following = truth(request_query(c->r, "follow"));
	if (search && wish.following) {
		call_failf(c, RC_INVALID, "?search= looks at what there is: leave ?follow= out");
		return;
	}
	if (search) {
		log_search(c, search);
		return;
	}
	if (!take_format(c, &wish.view))
		return;
	if (range && !wish.following && wish.view.format == LOG_RAW && !wish.tail)
		take_range(&wish, range);
	log_watch(c, &wish);
}
