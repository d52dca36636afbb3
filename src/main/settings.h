/* What the daemon runs with, for people to look at. */
#pragma once
#include "main/serve.h"

#define SERVE_CACHE_MAX   ((uint64_t)20 << 30)
#define SERVE_KEEP_MAX    ((uint64_t)10 << 30)
#define SERVE_KEEP_FAILED (24 * USEC_HOUR)

/* Calls add for each setting: what was given, else what holds without. Nothing of it is secret. */
void settings_tell(const struct serve_options *o, const char *data,
		   void (*add)(void *to, const char *name, const char *value, const char *help),
		   void *to);
