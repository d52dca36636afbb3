/* What stands in an environment repository: shared by desired_git and desired_fake. */
#pragma once
#include "ports/desired.h"

#define DESIRED_MAX  ((size_t)256 << 10) /* bytes of one file */
#define DESIRED_NAME "Penstock"
#define DESIRED_MAIL "penstock@localhost"

/* RC_INVALID unless environment and unit can be file names and the image is "sha256:<64 hex>". */
MUST_CHECK enum rc desired_check(const struct deploy *want, struct err *err);
MUST_CHECK enum rc desired_check_names(const char *environment, const char *unit, struct err *err);
char *desired_path(const char *unit); /* services/<unit>.yml, the caller's */
/* The file: the same deploy gives the same bytes. */
MUST_CHECK enum rc desired_render(const struct deploy *want, struct strbuf *to, struct err *err);
/* The image that a file names, the caller's; NULL for an empty file. RC_INVALID with the line:
 * it cannot be read. */
MUST_CHECK enum rc desired_read(struct str text, const char *name, char **ret_image,
				struct err *err);
/* Subject and trailers, each in one line. */
void desired_message(const char *subject, const pairs *trailers, struct strbuf *to);
void desired_hash(const struct deploy *want, struct str old_text, struct str new_text,
		  char ret[65]);
/* May a file that now says `image` be written over? who and commit: of the last change by
 * somebody else, or NULL when Penstock made it. */
MUST_CHECK enum rc desired_may_write(const struct deploy *want, const char *image, const char *who,
				     const char *commit, struct err *err);
