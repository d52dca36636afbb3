/*
 * GET jobs/<id>/log: as bytes (?from=, Range), as text or JSON lines of all steps or one, its last lines, or what matches a search.
 */
#include "api/log_impl.h"

static bool truth(const char *text)
{
	return text && !streq(text, "0") && !streq(text, "false");
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
		log_range_read(&wish, range);
	log_watch(c, &wish);
}
