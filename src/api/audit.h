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
/* audit_past.c: what left the journal, checked before it. On a worker. */
struct past;
struct store_report;
struct record;
/* The archives in dir of records from..until. */
struct past *past_new(const char *dir, uint64_t from, uint64_t until);
void past_free(struct past *p);
/* At most n lines more; *ret_more false: that was all. RC_CORRUPT: past_bad() is the record. */
MUST_CHECK enum rc past_check(struct past *p, size_t n, bool *ret_more, struct err *err);
/* Does the journal, which goes on behind *anchor, follow? *anchor is then the last record of the archives, when they hold more. */
MUST_CHECK enum rc past_join(struct past *p, struct record *anchor, struct err *err);
uint64_t past_checked(const struct past *p);
uint64_t past_missing(const struct past *p); /* records that are in no archive here */
uint64_t past_bad(const struct past *p);
const struct store_report *past_report(const struct past *p); /* records 0: there was none */
/* "archive": the one that is read, or where the first bad record is; "missing": at the end. */
void past_write(const struct past *p, struct json_out *o, bool ended);
