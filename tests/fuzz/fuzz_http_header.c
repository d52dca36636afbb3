/*
 * The headers that the server reads itself: Host, Accept-Encoding, If-None-Match. What is found lies inside the text and is what was asked for; a
 * host is a host when it is read again.
 */
#include "io/httpd_header.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool inside(struct str part, struct str whole)
{
	return part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size}, name = {0}, again = {0}, tag;

	(void)accepts_coding(text, "gzip");
	tag = etag_match(text, "abc");
	if (tag.p && (!inside(tag, text) || !(str_is(tag, "*") || str_starts(tag, "abc"))))
		abort();
	if (!host_read(text, &name))
		return 0;
	if (!inside(name, text) || !name.n)
		abort();
	(void)host_is_loopback(name);
	if (!memchr(name.p, ':', name.n) && (!host_read(name, &again) || !host_eq(name, again)))
		abort();
	return 0;
}
