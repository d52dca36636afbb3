/*
 * An error is a value: nothing to allocate, nothing to release. A code says what the caller can do;
 * the text says what happened, where, and what to do about it. Each layer adds at most one err_wrap().
 */
#pragma once
#include "base/defs.h"

#define RC_MAP(X)                                                                                 \
	X(RC_OK, "ok")                                                                            \
	X(RC_INVALID, "invalid")         /* the input is wrong: change it */                      \
	X(RC_DENIED, "denied")           /* not allowed: ask for rights or another decision */    \
	X(RC_NOT_FOUND, "not_found")     /* no such thing */                                      \
	X(RC_CONFLICT, "conflict")       /* it is in another state: look again, then decide */    \
	X(RC_TOO_BIG, "too_big")         /* above a limit that the text names */                  \
	X(RC_UNAVAILABLE, "unavailable") /* the outside does not answer: try again later */       \
	X(RC_NO_SPACE, "no_space")       /* disk full or read-only: make room, then it goes on */ \
	X(RC_CORRUPT, "corrupt")         /* stored bytes do not match their hash: repair */       \
	X(RC_UNSUPPORTED, "unsupported") /* this machine lacks something: `penstock doctor` */    \
	X(RC_INTERNAL, "internal")       /* a bug of ours: report it */

enum rc {
#define X(name, text) name,
	RC_MAP(X)
#undef X
};

struct err {
	enum rc rc;
	char msg[512];
};

/* The code's stable name ("not_found"), as it stands in JSON and in the journal. */
const char *rc_name(enum rc rc);
/* The code of a name; RC_INTERNAL for a name that is none. */
enum rc rc_of_name(const char *name);

/* Set code and text (cut at the end of the buffer, always terminated); returns rc. err may be NULL. */
enum rc err_set(struct err *err, enum rc rc, const char *fmt, ...) PRINTF(3, 4);
/* As err_set, with ": strerror(no)" at the end; the code is chosen from no (ENOSPC, EROFS -> RC_NO_SPACE,
 * EACCES, EPERM -> RC_DENIED, ENOENT -> RC_NOT_FOUND, EEXIST -> RC_CONFLICT, else RC_UNAVAILABLE). */
enum rc err_errno(struct err *err, int no, const char *fmt, ...) PRINTF(3, 4);
/* What failed was tried again, or done in another way, and worked: nothing is said. err may be NULL. Who goes on after a failure clears it: there are
 * readers that collect in err and look at err->rc. Returns RC_OK. */
enum rc err_clear(struct err *err);
/* Put "fmt: " before the text; returns err->rc (which must not be RC_OK). */
enum rc err_wrap(struct err *err, const char *fmt, ...) PRINTF(2, 3);
