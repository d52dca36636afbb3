/* What some headers of a request say. Pure: text in, views of it out. */
#pragma once
#include "base/str.h"

#define ETAG_SIZE 40 /* with its NUL, without quotes and suffix */

/* Accept-Encoding: may `coding` be sent? Also by "*"; not with a weight of zero. */
bool accepts_coding(struct str header, const char *coding);

/* If-None-Match: the first tag (between its quotes) that is `tag`, or `tag` with "-gz" or "-br" behind it; "*" when it says that; p is NULL when
 * there is none. Weak and strong tags are alike here (RFC 9110, 13.1.2). What cannot be read matches nothing. */
struct str etag_match(struct str header, const char *tag);
/* A strong tag of these bytes: 32 hex digits. */
void etag_of(struct str bytes, char ret[ETAG_SIZE]);

/* Host: its name without port and brackets, without a dot at the end. False: that is no host. */
MUST_CHECK bool host_read(struct str header, struct str *ret_name);
bool host_is_address(struct str name); /* an IPv4 or IPv6 address, as digits */
bool host_is_loopback(
	struct str name); /* "localhost", below ".localhost", or an address of the loopback */
bool host_eq(struct str a, struct str b); /* without regard to case */
