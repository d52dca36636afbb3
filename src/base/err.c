#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const rc_names[] = {
#define X(name, text) [name] = text,
	RC_MAP(X)
#undef X
};

const char *rc_name(enum rc rc)
{
	size_t i = (size_t)rc;

	return i < ARRAY_LEN(rc_names) ? rc_names[i] : rc_names[RC_INTERNAL];
}

enum rc rc_of_name(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_LEN(rc_names); i++)
		if (strcmp(name, rc_names[i]) == 0)
			return (enum rc)i;
	return RC_INTERNAL;
}

/* A text that was cut must not end inside a UTF-8 sequence: it goes into JSON as it is. */
static void drop_half_character(char *s)
{
	size_t n = strlen(s), tail = 0;

	while (tail < 3 && tail < n && ((unsigned char)s[n - 1 - tail] & 0xc0) == 0x80)
		tail++;
	if (tail == n)
		return;
	unsigned char lead = (unsigned char)s[n - 1 - tail];
	size_t want = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
	if (tail < want)
		s[n - 1 - tail] = '\0';
}

/* The arguments may point into err->msg, so the new text is made beside it. */
static void PRINTF(4, 0)
	fill(struct err *err, enum rc rc, const char *after, const char *fmt, va_list ap)
{
	char text[sizeof(err->msg)];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	if (n < 0)
		text[n = 0] = '\0';
	if (after && (size_t)n < sizeof(text))
		snprintf(text + n, sizeof(text) - (size_t)n, ": %s", after);
	if (strlen(text) == sizeof(text) - 1)
		drop_half_character(text);
	err->rc = rc;
	memcpy(err->msg, text, strlen(text) + 1);
}

enum rc err_set(struct err *err, enum rc rc, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return rc;
	va_start(ap, fmt);
	fill(err, rc, NULL, fmt, ap);
	va_end(ap);
	return rc;
}

enum rc err_clear(struct err *err)
{
	if (err)
		*err = (struct err){0};
	return RC_OK;
}

static enum rc rc_of_errno(int no)
{
	switch (no) {
	case ENOSPC:
	case EROFS:
	case EDQUOT:
		return RC_NO_SPACE;
	case EACCES:
	case EPERM:
		return RC_DENIED;
	case ENOENT:
		return RC_NOT_FOUND;
	case EEXIST:
		return RC_CONFLICT;
	default:
		return RC_UNAVAILABLE;
	}
}

enum rc err_errno(struct err *err, int no, const char *fmt, ...)
{
	enum rc rc = rc_of_errno(no);
	const char *text = strerrordesc_np(no); /* never translated, unlike strerror() */
	va_list ap;

	if (!err)
		return rc;
	va_start(ap, fmt);
	fill(err, rc, text ? text : "unknown error", fmt, ap);
	va_end(ap);
	return rc;
}

enum rc err_wrap(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return RC_INTERNAL;
	BUG_ON(err->rc == RC_OK);
	char old[sizeof(err->msg)];
	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	fill(err, err->rc, old, fmt, ap);
	va_end(ap);
	return err->rc;
}

void bug_at(const char *file, int line, const char *what)
{
	fprintf(stderr, "penstock: bug at %s:%d: %s\n", file, line, what);
	abort();
}
