/* What the audit's parts share; inside the API. */
#pragma once
#include "api/api_impl.h"

/* Does the text fit "exact" or "begin*"? NULL fits all. */
bool audit_fits(const char *want, struct str text);
char *audit_query(const struct call *c,
		  const char *key); /* NULL: not given, or empty; the caller's */
/* Asks for what left the journal (from 0: no number was given; since 0: no time)? True: answered with 410, which names the archive. */
MUST_CHECK bool audit_is_archived(struct call *c, uint64_t from, usec_t since);
void get_audit(struct call *c);
/* audit_stream.c */
void get_audit_export(struct call *c);
void get_audit_verify(struct call *c);
