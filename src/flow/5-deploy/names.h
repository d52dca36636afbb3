/* Names of environments and services stand in paths, in HAProxy's commands and in names of
 * containers. */
#pragma once
#include "base/str.h"

static inline bool deploy_name_ok(const char *s)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

	return s && *s && *s != '.' && *s != '-' && strlen(s) <= 100 && s[strspn(s, good)] == '\0';
}
