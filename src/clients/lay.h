/*
 * Laying files out below a folder from paths that somebody else made up: every folder is opened
 * from the one above it, no link is ever followed, and nothing is written elsewhere. Paths in an
 * order that keeps folders together cost one open a folder.
 */
#pragma once
#include "base/str.h"

#define LAY_MAX_DEPTH 100u
#define LAY_MAX_PATH  4096u

struct lay; /* one thread at a time */
/* into exists and is no link. */
MUST_CHECK enum rc lay_new(const char *into, struct lay **ret, struct err *err);
void lay_free(struct lay *l);
void lay_freep(struct lay **l);
/* A file, 0755 when exec, else 0644; whatever stands there is replaced, but a folder (an error).
 * RC_INVALID: the path leaves; RC_CONFLICT: a part of it is a link or a file. Not fsynced. */
MUST_CHECK enum rc lay_file(struct lay *l, const char *path, struct str bytes, bool exec,
			    struct err *err);
/* A link. RC_INVALID unless it surely stays inside: relative, and ".." only at its front. */
MUST_CHECK enum rc lay_link(struct lay *l, const char *path, struct str target, struct err *err);
