/* The Cookie header of a request (RFC 6265), read strictly. Pure. */
#pragma once
#include "base/str.h"

#define COOKIE_HEADER_MAX ((size_t)8192)
#define COOKIE_VALUE_MAX  ((size_t)4096)

bool cookie_is_name(struct str s);  /* a token of RFC 9110, 1 to 128 bytes */
bool cookie_is_value(struct str s); /* cookie-octets only, at most COOKIE_VALUE_MAX; may be empty */
/*
 * The value of the cookie `name` in a Cookie header: a view into it; p is NULL when there is none. A value with anything but cookie-octets (also
 * one in quotes) is none. A name that stands there twice with different values has none: who sent which cannot be told. A header above
 * COOKIE_HEADER_MAX has none at all.
 */
struct str cookie_find(struct str header, const char *name);
