/* Names of environments and services stand in paths, in HAProxy's commands and in names of
 * containers. */
#pragma once
#include "base/err.h"
#include "base/str.h"

static inline bool deploy_name_ok(const char *s)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

	return s && *s && *s != '.' && *s != '-' && strlen(s) <= 100 && s[strspn(s, good)] == '\0';
}

#define PORT_LAST 65535u

/* Are there `count` ports from `base` on? */
static inline enum rc deploy_ports_fit(const char *what, uint32_t base, uint32_t count,
				       struct err *err)
{
	if (base && base <= PORT_LAST && count <= PORT_LAST - base + 1)
		return RC_OK;
	return err_set(
		err, RC_INVALID,
		"%s take %u ports, but from %u on there are only %u: begin at %u at most (better below 32768, where programs take theirs)",
		what, count, base, base && base <= PORT_LAST ? PORT_LAST - base + 1 : 0,
		PORT_LAST - count + 1);
}
