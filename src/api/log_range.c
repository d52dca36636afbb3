#include "api/log_impl.h"

/* "bytes=5-9", "bytes=5-", "bytes=-500" (the last ones): others are answered as if there were none, as RFC 9110 (14.2) allows. */
void log_range_read(struct log_wish *wish, const char *header)
{
	struct str rest = str_of(header), first;
	uint64_t from = 0, to = 0;

	if (!str_starts(rest, "bytes="))
		return;
	rest.p += 6, rest.n -= 6;
	first = str_cut(&rest, '-');
	if (!rest.p || (rest.n && (!parse_u64(rest, &to) || to >= INT64_MAX)))
		return;
	if (!first.n && !rest.n)
		return;
	if (first.n && (!parse_u64(first, &from) || from >= INT64_MAX || (rest.n && to < from)))
		return;
	wish->range = true;
	wish->from = first.n || to ? from : INT64_MAX - 1; /* "-0": no log has these */
	wish->suffix = first.n ? 0 : to;
	wish->until = first.n && rest.n ? to + 1 : (uint64_t)INT64_MAX;
}

bool log_range_settle(struct log_wish *wish, const struct logfile *kept)
{
	wish->size = kept ? logfile_size(kept) : 0;
	if (!kept) {
		wish->range = false;
		wish->from = wish->suffix = 0;
		wish->until = INT64_MAX;
		return true;
	}
	if (wish->suffix)
		wish->from = wish->size - MIN_OF(wish->suffix, wish->size);
	wish->suffix = 0;
	wish->until = MIN_OF(wish->until, wish->size);
	return wish->from < wish->size;
}

void log_range_header(struct request *r, const struct log_wish *wish, bool satisfied)
{
	unsigned long long size = wish->size, first = wish->from, last = wish->until - 1;
	AUTO(freep)
	char *text = satisfied ? xasprintf("bytes %llu-%llu/%llu", first, last, size)
			       : xasprintf("bytes */%llu", size);

	request_add_header(r, "Content-Range", text);
}
