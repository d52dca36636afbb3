/*
 * Memory: small allocations abort when there is none left (the journal makes that safe); whatever is
 * sized by somebody else is capped before it gets here.
 */
#pragma once
#include "base/defs.h"

void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
/* zeroed; overflow checked */
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((returns_nonnull)); /* s must not be NULL */
char *xstrndup(const char *s, size_t n) __attribute__((returns_nonnull));
char *xasprintf(const char *fmt, ...) PRINTF(1, 2) __attribute__((returns_nonnull));
void xfree(void *p);
void freep(void *pp); /* for AUTO(freep): frees *(void **)pp */
/* Overwrite memory so that the compiler cannot leave it out. */
void mem_wipe(void *p, size_t n);
